-- The gate: an upgrade comes in between the work of the stations, however much they do, and they wait for no longer than it takes.
-- Runs right after the roles, as the owner of the schemas; on an empty database it finds nothing to wait for.
--
-- Whoever changes rows in a station's name passes the gate first (genba_guard.pass_gate), holding nothing yet. The server serves locks in
-- turn: what came before the upgrade is waited for, what comes after it waits until it is through. Then the tables whose triggers are put
-- on anew are taken at once. The rest that changes them (a sign-in, a sign of life, a program of before this gate) is short and passes by
-- itself: it is let go on after a fraction of a second, long before anybody is taken for deadlocked, and then it is tried again.

DO $gate$
DECLARE
    patience text := current_setting('lock_timeout');
    gives_up timestamptz;
    wanted text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('genba.gate'));
    SELECT string_agg(DISTINCT t.tgrelid::regclass::text, ', ') INTO wanted
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relnamespace IN (to_regnamespace('genba'), to_regnamespace('genba_guard'));
    gives_up := clock_timestamp() + interval '3 seconds'; -- then who waits at the gate is let through, and all of it is tried again
    PERFORM set_config('lock_timeout', '200ms', true);
    WHILE wanted IS NOT NULL LOOP
        BEGIN
            -- Enough to put triggers on; it lets readers be, a backup among them.
            EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', wanted);
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF clock_timestamp() > gives_up THEN
                RAISE;
            END IF;
        END;
        PERFORM pg_sleep(0.02);
    END LOOP;
    PERFORM set_config('lock_timeout', patience, true);
END
$gate$;

CREATE OR REPLACE FUNCTION genba_guard.pass_gate() RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_advisory_xact_lock_shared(hashtext('genba.gate'))
$$;
