-- What a counter has counted since ever stands beside each event, so that the parts of any span are the difference of two rows.
-- A station says no total of its own.
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
-- Twice books once: it is what was counted less what is booked, under the order's lock. Parts counted over a gap are left to a person.
-- The order is locked before the line, as every step does: call it in a transaction of its own, never in that of a batch of counts.
-- The order's version stays: nobody edited it, and whoever is about to pause it decided on nothing that changed.
CREATE OR REPLACE FUNCTION genba.report_counted(p_station text, p_source text, p_epoch bigint, p_line integer) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    work genba_guard.open_work%ROWTYPE;
    target work_order%ROWTYPE;
    pace integer;
    counted record;
    seen_good numeric;
    seen_reject numeric;
    settled record;
    new_good numeric;
    new_scrap numeric;
    booked uuid := gen_random_uuid();
BEGIN
    IF NOT begin_evidence(p_station, p_source, p_epoch) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO work FROM genba_guard.open_work w WHERE w.xid = pg_current_xact_id();
    SELECT o.* INTO target FROM work_order o
    WHERE o.line_id = p_line AND o.status IN ('IN_PROGRESS', 'PAUSED') AND o.actual_start_at IS NOT NULL FOR NO KEY UPDATE;
    SELECT l.constraint_unit_id INTO pace FROM line l WHERE l.id = p_line AND l.report_mode = 'automatic' FOR SHARE;
    IF target.id IS NULL OR pace IS NULL OR coalesce(target.count_mode, 'machine') <> 'machine' OR NOT EXISTS (
        SELECT FROM tag t JOIN source s ON s.id = t.source_id WHERE s.code = p_source AND t.work_unit_id = pace
        AND t.role IN ('good', 'reject', 'total') AND t.retired_at IS NULL) THEN
        RETURN NULL;
    END IF;
    SELECT sum(e.quantity) FILTER (WHERE e.kind = 'good') AS good, sum(e.quantity) FILTER (WHERE e.kind = 'reject') AS reject,
           sum(e.quantity) FILTER (WHERE e.kind = 'total') AS total
    INTO counted FROM count_event e WHERE e.order_id = target.id AND e.work_unit_id = pace AND NOT e.gap;
    -- A counter of its own goes before what the others leave.
    seen_good := coalesce(counted.good, greatest(0, counted.total - coalesce(counted.reject, 0)), 0);
    seen_reject := coalesce(counted.reject, greatest(0, counted.total - seen_good), 0);
    -- What people have sorted otherwise, or explained, is not booked again.
    SELECT coalesce(sum(r.settled_good), 0) AS good, coalesce(sum(r.settled_reject), 0) AS reject INTO settled FROM production_report r
    WHERE r.order_id = target.id AND (r.settled_good <> 0 OR r.settled_reject <> 0);
    new_good := greatest(0, seen_good - target.completed - settled.good);
    new_scrap := greatest(0, seen_reject - target.scrap - target.rework - settled.reject);
    IF new_good = 0 AND new_scrap = 0 THEN
        RETURN NULL;
    END IF;
    UPDATE genba_guard.open_work w SET tables = ARRAY['outbox', 'production_report', 'work_order'] WHERE w.xid = work.xid;
    INSERT INTO production_report (id, order_id, line_id, good, scrap, unit, origin, machine_good, machine_reject, user_code, station,
                                   reported_at, request_id)
    VALUES (booked, target.id, p_line, new_good, new_scrap, target.unit, 'automatic', seen_good, seen_reject, p_source, work.station,
            now(), booked);
    UPDATE work_order o SET completed = o.completed + new_good, scrap = o.scrap + new_scrap WHERE o.id = target.id
    RETURNING o.* INTO target;
    INSERT INTO outbox (id, system_id, topic, key, payload, station, not_before)
    SELECT gen_random_uuid(), x.id, 'order.reported', target.id::text, jsonb_build_object(
               'id', target.id, 'number', target.number, 'external_system', coalesce(target.external_system, ''),
               'external_id', coalesce(target.external_id, ''), 'product', p.code, 'line', l.code, 'status', target.status,
               'planned', target.planned::text, 'completed', target.completed::text, 'scrap', target.scrap::text, 'unit', target.unit,
               'at', now(), 'report', booked, 'good', new_good::text, 'scrap_reported', new_scrap::text, 'defect', ''), work.station, now()
    FROM external_system x, product p, line l
    WHERE x.active AND p.id = target.product_id AND l.id = p_line AND EXISTS (
        SELECT FROM jsonb_array_elements_text(x.topics) t
        WHERE 'order.reported' LIKE replace(replace(replace(t.value, '_', E'\\_'), '*', '%'), '?', '_'));
    UPDATE genba_guard.open_work w SET tables = work.tables WHERE w.xid = work.xid;
    PERFORM pg_notify('genba', format('order:%s,report:%s', target.id, booked));
    RETURN booked;
END $$;
GRANT EXECUTE ON FUNCTION genba.report_counted(text, text, bigint, integer) TO genba_station;
