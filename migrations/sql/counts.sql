-- What a counter has counted since ever stands beside each event, so that the parts of any span are the difference of two rows.
CREATE OR REPLACE FUNCTION genba_guard.count_total() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
BEGIN
    IF NEW.running_total IS NULL OR NOT genba_guard.is_owner() THEN
        NEW.running_total := NEW.quantity + coalesce((
            SELECT e.running_total FROM count_event e
            WHERE e.work_unit_id = NEW.work_unit_id AND e.kind = NEW.kind AND e.occurred_at <= NEW.occurred_at
            ORDER BY e.occurred_at DESC, e.seq DESC LIMIT 1), 0);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER count_total BEFORE INSERT ON genba.count_event FOR EACH ROW EXECUTE FUNCTION genba_guard.count_total();

-- Books what the machine counted for the order on a line that reports by itself; how much is for the database to say, not for the station.
-- The order is locked before the line, as every step does: call it in a transaction of its own, never in that of a batch of counts.
CREATE OR REPLACE FUNCTION genba.report_counted(p_station text, p_source text, p_epoch bigint, p_line integer) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    work genba_guard.open_work%ROWTYPE;
    target work_order%ROWTYPE;
    pace integer;
    made record;
    booked uuid := gen_random_uuid();
BEGIN
    IF NOT begin_evidence(p_station, p_source, p_epoch) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO work FROM genba_guard.open_work w WHERE w.xid = pg_current_xact_id();
    SELECT o.* INTO target FROM work_order o WHERE o.line_id = p_line AND o.status IN ('IN_PROGRESS', 'PAUSED') FOR NO KEY UPDATE;
    SELECT l.constraint_unit_id INTO pace FROM line l WHERE l.id = p_line AND l.report_mode = 'automatic' FOR SHARE;
    IF target.id IS NULL OR pace IS NULL OR NOT EXISTS (
        SELECT FROM tag t JOIN source s ON s.id = t.source_id WHERE s.code = p_source AND t.work_unit_id = pace
        AND t.role IN ('good', 'reject', 'total') AND t.retired_at IS NULL) THEN
        RETURN NULL;
    END IF;
    SELECT greatest(0, coalesce(sum(e.quantity) FILTER (WHERE e.kind = 'good'), 0) - target.completed) AS good,
           greatest(0, coalesce(sum(e.quantity) FILTER (WHERE e.kind = 'reject'), 0) - target.scrap - target.rework) AS scrap
    INTO made FROM count_event e WHERE e.order_id = target.id AND e.work_unit_id = pace AND NOT e.gap;
    IF made.good = 0 AND made.scrap = 0 THEN
        RETURN NULL;
    END IF;
    UPDATE genba_guard.open_work w SET tables = ARRAY['production_report', 'work_order'] WHERE w.xid = work.xid;
    INSERT INTO production_report (id, order_id, line_id, good, scrap, unit, origin, user_code, station, reported_at, request_id)
    VALUES (booked, target.id, p_line, made.good, made.scrap, target.unit, 'automatic', p_source, work.station, now(), booked);
    UPDATE work_order o SET completed = o.completed + made.good, scrap = o.scrap + made.scrap, version = o.version + 1 WHERE o.id = target.id;
    UPDATE genba_guard.open_work w SET tables = work.tables WHERE w.xid = work.xid;
    PERFORM pg_notify('genba', format('order:%s,report:%s', target.id, booked));
    RETURN booked;
END $$;
GRANT EXECUTE ON FUNCTION genba.report_counted(text, text, bigint, integer) TO genba_station;
