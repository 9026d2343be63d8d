-- Leases, evidence and relayed values: what a station may do in its own name, without a person. Each function asks which station
-- the log-in is bound to, so that none holds a job in another's name or for ever.

-- Takes a job that is free or whose holder did not renew in time; no row while another holds it.
-- seen_until: when it was renewed last before.
CREATE OR REPLACE FUNCTION genba.lease_acquire(p_name text, p_station text, p_ttl_s double precision)
RETURNS TABLE (epoch bigint, expires_at timestamptz, seen_until timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text := genba_guard.this_station(p_station);
    before timestamptz;
BEGIN
    IF NOT p_ttl_s > 0 OR p_ttl_s > 3600 OR length(p_name) > 100 THEN
        RAISE EXCEPTION 'a lease lasts up to an hour' USING ERRCODE = 'GB004';
    END IF;
    -- A source that the site gave to certain stations is recorded by none but them.
    IF EXISTS (SELECT FROM source s WHERE 'source:' || s.code = p_name AND s.readers = 'stations' AND NOT s.stations ? me) THEN
        RETURN;
    END IF;
    -- Locked: otherwise the last renewal could slip in between the two statements.
    SELECT l.renewed_at INTO before FROM lease l WHERE l.name = p_name FOR UPDATE;
    RETURN QUERY
        INSERT INTO lease AS held (name, holder, epoch, acquired_at, renewed_at, expires_at)
        VALUES (p_name, me, 1, clock_timestamp(), clock_timestamp(), clock_timestamp() + make_interval(secs => p_ttl_s))
        ON CONFLICT (name) DO UPDATE
        SET holder = excluded.holder, epoch = held.epoch + 1, acquired_at = excluded.acquired_at, renewed_at = excluded.renewed_at,
            expires_at = excluded.expires_at
        WHERE held.expires_at <= clock_timestamp()
        RETURNING held.epoch, held.expires_at, before;
END $$;

-- Keeps a job; no row when another has taken it. One that expired but was taken by nobody is kept with the same epoch.
CREATE OR REPLACE FUNCTION genba.lease_renew(p_name text, p_station text, p_epoch bigint, p_ttl_s double precision)
RETURNS TABLE (expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text := genba_guard.this_station(p_station);
BEGIN
    IF NOT p_ttl_s > 0 OR p_ttl_s > 3600 THEN
        RAISE EXCEPTION 'a lease lasts up to an hour' USING ERRCODE = 'GB004';
    END IF;
    RETURN QUERY
        UPDATE lease l SET renewed_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => p_ttl_s)
        WHERE l.name = p_name AND l.holder = me AND l.epoch = p_epoch RETURNING l.expires_at;
END $$;

CREATE OR REPLACE FUNCTION genba.lease_release(p_name text, p_station text, p_epoch bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    UPDATE lease l SET expires_at = least(l.expires_at, clock_timestamp())
    WHERE l.name = p_name AND l.holder = genba_guard.this_station(p_station) AND l.epoch = p_epoch
$$;

-- Opens this transaction for the evidence of one source, and holds off a change of its recorder until it ends. False when the lease
-- has another holder or epoch: then nothing can be stored.
CREATE OR REPLACE FUNCTION genba.begin_evidence(p_station text, p_source text, p_epoch bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text := genba_guard.this_station(p_station);
BEGIN
    PERFORM FROM lease l WHERE l.name = 'source:' || p_source AND l.holder = me AND l.epoch = p_epoch FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF EXISTS (SELECT FROM genba_guard.open_work w WHERE w.xid = pg_current_xact_id()
               AND (w.kind <> 'evidence' OR w.source = p_source AND w.epoch = p_epoch)) THEN
        RETURN true;
    END IF;
    INSERT INTO genba_guard.open_work (xid, kind, operation, tables, user_code, user_name, station, detail, source, epoch)
    VALUES (pg_current_xact_id(), 'evidence', 'evidence of ' || p_source, ARRAY['count_event', 'state_segment'], me, me, me, '{}', p_source,
            p_epoch);
    RETURN true;
END $$;

-- Latest values for stations that do not read the source; nothing happens when a later holder has spoken already.
CREATE OR REPLACE FUNCTION genba.relay_put(p_station text, p_source text, p_epoch bigint, p_payload jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text := genba_guard.this_station(p_station);
BEGIN
    IF NOT EXISTS (SELECT FROM lease l WHERE l.name = 'source:' || p_source AND l.holder = me AND l.epoch = p_epoch) THEN
        RETURN;
    END IF;
    IF octet_length(p_payload::text) > 4000000 THEN
        RAISE EXCEPTION 'too much for one second' USING ERRCODE = 'GB004';
    END IF;
    INSERT INTO relay AS held (source, epoch, sent_at, payload)
    VALUES (p_source, p_epoch, clock_timestamp(), p_payload)
    ON CONFLICT (source) DO UPDATE SET epoch = excluded.epoch, sent_at = excluded.sent_at, payload = excluded.payload
    WHERE held.epoch <= excluded.epoch;
END $$;

-- The station says that it is there. Told by the log-in, so that two with one name are seen.
CREATE OR REPLACE FUNCTION genba.present(p_station text, p_host text, p_version text, p_started_at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text := genba_guard.this_station(p_station);
BEGIN
    INSERT INTO genba_guard.open_work (xid, kind, operation, tables, user_code, user_name, station, detail)
    VALUES (pg_current_xact_id(), 'housekeeping', 'presence', ARRAY['station'], me, me, me, '{}');
    INSERT INTO station AS s (code, host, program_version, started_at, seen_at)
    VALUES (me, left(p_host, 200), left(p_version, 50), p_started_at, clock_timestamp())
    ON CONFLICT (code) DO UPDATE
    SET host = excluded.host, program_version = excluded.program_version, started_at = excluded.started_at, seen_at = excluded.seen_at;
    DELETE FROM genba_guard.open_work w WHERE w.xid = pg_current_xact_id();
    DELETE FROM genba_guard.change c WHERE c.xid = pg_current_xact_id();
END $$;

GRANT EXECUTE ON FUNCTION genba.lease_acquire(text, text, double precision), genba.lease_renew(text, text, bigint, double precision),
    genba.lease_release(text, text, bigint), genba.begin_evidence(text, text, bigint), genba.relay_put(text, text, bigint, jsonb),
    genba.present(text, text, text, timestamptz) TO genba_station;
