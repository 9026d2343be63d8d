-- Leases, evidence and relayed values: what a station may do in its own name, without a person. Each function asks which station
-- the log-in is bound to, so that none holds a job in another's name or for ever.

-- One number for all locks that say "the program of this station is connected"; the other number is the station's. "genb"
CREATE OR REPLACE FUNCTION genba_guard.connected_key() RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT 1734700642 $$;

-- Whether somebody (p_pid: this very connection) holds that lock. A kernel answers for a frozen program, so a lock proves no life; but
-- a program that had one and has none is dead or cut off.
CREATE OR REPLACE FUNCTION genba_guard.connected(p_station text, p_pid integer) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
                   AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
                   AND l.classid::bigint = genba_guard.connected_key() AND l.objid::bigint = hashtext(p_station)::bigint & 4294967295
                   AND (p_pid IS NULL OR l.pid = p_pid))
$$;

-- Takes or keeps the name of a station for one running program. It is given to whoever asks first, and after the time is over to
-- anybody; at once to a program that was started anew (p_first) in the same home on the same computer, where only one can run.
-- Not mine: who has it, and since when.
CREATE OR REPLACE FUNCTION genba.station_claim(
    p_station text, p_run uuid, p_home uuid, p_host text, p_first boolean, p_ttl_s double precision
)
RETURNS TABLE (mine boolean, at_host text, since timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text := genba_guard.bound_station(p_station);
    held presence%ROWTYPE;
    ends timestamptz := clock_timestamp() + make_interval(secs => p_ttl_s);
BEGIN
    IF NOT p_ttl_s > 0 OR p_ttl_s > 60 OR p_run IS NULL OR p_home IS NULL THEN
        RAISE EXCEPTION 'a name is claimed for up to a minute' USING ERRCODE = 'GB004';
    END IF;
    PERFORM set_config('synchronous_commit', 'off', true); -- said again in a moment
    INSERT INTO presence AS p (station, run_id, home_id, host, claimed_at, claimed_until)
    VALUES (me, p_run, p_home, left(p_host, 200), clock_timestamp(), ends) ON CONFLICT (station) DO NOTHING;
    SELECT * INTO held FROM presence p WHERE p.station = me FOR UPDATE;
    IF held.run_id <> p_run AND held.claimed_until > clock_timestamp()
       AND NOT (p_first AND held.home_id = p_home AND held.host = left(p_host, 200)) THEN
        RETURN QUERY SELECT false, held.host::text, held.claimed_at;
        RETURN;
    END IF;
    UPDATE presence p SET run_id = p_run, home_id = p_home, host = left(p_host, 200), claimed_until = ends,
        claimed_at = CASE WHEN p.run_id = p_run THEN p.claimed_at ELSE clock_timestamp() END
    WHERE p.station = me;
    IF NOT genba_guard.connected(me, pg_backend_pid()) THEN
        -- Still held where the server has not noticed yet that our connection before this one is gone.
        PERFORM pg_try_advisory_lock(genba_guard.connected_key(), hashtext(me));
    END IF;
    RETURN QUERY SELECT true, left(p_host, 200), held.claimed_at;
END $$;

-- Gives the name up, so that another may have it at once.
CREATE OR REPLACE FUNCTION genba.station_leave(p_station text, p_run uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
BEGIN
    UPDATE presence p SET claimed_until = least(p.claimed_until, clock_timestamp())
    WHERE p.station = genba_guard.bound_station(p_station) AND p.run_id = p_run;
    PERFORM pg_advisory_unlock(genba_guard.connected_key(), hashtext(p_station))
    WHERE genba_guard.connected(p_station, pg_backend_pid());
END $$;

-- Whether a job that is not over yet may be taken all the same. Only the reading of a source: its records are fenced by the epoch,
-- what is written to a machine is not. Either its holder has no connection any more and has missed a renewal, or it is from an
-- earlier life of the station that asks, which that has proved to be over by taking the name.
CREATE OR REPLACE FUNCTION genba_guard.orphaned(p_lease genba.lease, p_station text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT p_lease.name LIKE 'source:%' AND (
        p_lease.holder = p_station AND p_lease.acquired_at < (
            SELECT p.claimed_at FROM presence p
            WHERE p.station = p_station AND p.run_id::text = current_setting('genba.run', true) AND p.claimed_until > clock_timestamp())
        -- An older program takes no such lock; nor does it claim its name.
        OR p_lease.renewed_at < clock_timestamp() - interval '3 seconds'
           AND EXISTS (SELECT FROM presence p WHERE p.station = p_lease.holder AND p.claimed_until > clock_timestamp() - interval '1 minute')
           AND NOT genba_guard.connected(p_lease.holder, NULL))
$$;

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
        WHERE held.expires_at <= clock_timestamp() OR genba_guard.orphaned(held, me)
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

-- One turn of a station: keeps the jobs it has (name → epoch), and tries to take the others (name → null). Gives for each what the
-- station has now, and who has it otherwise. A job that somebody else has costs one look and locks nothing.
CREATE OR REPLACE FUNCTION genba.lease_turn(p_station text, p_wanted jsonb, p_ttl_s double precision)
RETURNS TABLE (name text, epoch bigint, expires_at timestamptz, seen_until timestamptz, holder text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text := genba_guard.this_station(p_station);
    job record;
    held lease%ROWTYPE;
BEGIN
    -- In the order of their names: two stations never wait for each other in a ring.
    FOR job IN SELECT w.key, w.value::bigint AS its FROM jsonb_each_text(p_wanted) w ORDER BY w.key LOOP
        name := job.key;
        epoch := NULL;
        expires_at := NULL;
        seen_until := NULL;
        holder := '';
        IF job.its IS NOT NULL THEN
            SELECT r.expires_at INTO expires_at FROM genba.lease_renew(job.key, me, job.its, p_ttl_s) r;
            IF FOUND THEN
                epoch := job.its;
            END IF;
        END IF;
        IF epoch IS NULL THEN
            SELECT l.* INTO held FROM lease l WHERE l.name = job.key AND l.expires_at > clock_timestamp();
            IF job.its IS NULL AND (held.name IS NULL OR genba_guard.orphaned(held, me)) THEN
                SELECT a.epoch, a.expires_at, a.seen_until INTO epoch, expires_at, seen_until
                FROM genba.lease_acquire(job.key, me, p_ttl_s) a;
            END IF;
            IF epoch IS NULL THEN
                holder := coalesce(held.holder, '');
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
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
    me text;
BEGIN
    PERFORM genba_guard.pass_gate();
    me := genba_guard.this_station(p_station);
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

-- As above, with how it stands: clock_ahead_s, notice_lag_s, waiting, parked; null for what is not known.
CREATE OR REPLACE FUNCTION genba.present(p_station text, p_host text, p_version text, p_started_at timestamptz, p_told jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
BEGIN
    PERFORM genba.present(p_station, p_host, p_version, p_started_at);
    UPDATE presence p SET told_at = clock_timestamp(), clock_ahead_s = greatest(-1e10, least(1e10, (p_told ->> 'clock_ahead_s')::float8)),
        notice_lag_s = greatest(0, least(1e6, (p_told ->> 'notice_lag_s')::float8)),
        waiting = greatest(0, least(1e9, (p_told ->> 'waiting')::float8))::integer,
        parked = greatest(0, least(1e9, (p_told ->> 'parked')::float8))::integer
    WHERE p.station = genba_guard.this_station(p_station);
END $$;

GRANT EXECUTE ON FUNCTION genba.station_claim(text, uuid, uuid, text, boolean, double precision), genba.station_leave(text, uuid),
    genba.lease_turn(text, jsonb, double precision), genba.present(text, text, text, timestamptz, jsonb) TO genba_station;
GRANT EXECUTE ON FUNCTION genba.lease_acquire(text, text, double precision), genba.lease_renew(text, text, bigint, double precision),
    genba.lease_release(text, text, bigint), genba.begin_evidence(text, text, bigint), genba.relay_put(text, text, bigint, jsonb),
    genba.present(text, text, text, timestamptz) TO genba_station;
