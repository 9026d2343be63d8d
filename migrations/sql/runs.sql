-- What ran on a line when: one row per stretch of an order in one state, made from the order's own row, so that no program can forget it.
CREATE OR REPLACE FUNCTION genba_guard.order_moved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    moved_at timestamptz;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.status = OLD.status THEN
        RETURN NULL;
    END IF;
    moved_at := CASE
        WHEN NEW.status = 'IN_PROGRESS' THEN NEW.run_since_at
        WHEN NEW.status IN ('COMPLETED', 'CANCELLED') THEN NEW.actual_end_at
        WHEN TG_OP = 'UPDATE' AND OLD.run_since_at IS NOT NULL  -- it ran until it had these seconds
            THEN OLD.run_since_at + make_interval(secs => (NEW.run_seconds - OLD.run_seconds)::double precision)
        ELSE now() END;
    UPDATE order_run r SET to_at = greatest(r.from_at, moved_at) WHERE r.order_id = NEW.id AND r.to_at IS NULL RETURNING r.to_at INTO moved_at;
    IF NEW.status IN ('IN_PROGRESS', 'PAUSED', 'HELD') AND NEW.actual_start_at IS NOT NULL THEN
        INSERT INTO order_run (id, order_id, line_id, product_id, status, from_at)
        VALUES (gen_random_uuid(), NEW.id, NEW.line_id, NEW.product_id, NEW.status, coalesce(moved_at, NEW.run_since_at, NEW.actual_start_at));
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER order_moved AFTER INSERT OR UPDATE OF status ON genba.work_order FOR EACH ROW EXECUTE FUNCTION genba_guard.order_moved();
