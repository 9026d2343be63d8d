-- The guard: a station changes rows inside an operation only, in the name of somebody who may, and only in the tables that the
-- operation declares. Everything here is judged by the database; nothing is believed because a program says so.
-- Runs as the owner of the schemas, after the tables exist; may be run again.
--
-- SQLSTATEs: GB001 no operation (or evidence) is open, or not for this table · GB002 this log-in is no station ·
-- GB003 not on this line · GB004 wrong use of these functions · GB005 another program has this station's name; the message is its
-- computer. What a person must read is answered, not raised.

-- A sequence that is not logged is unusable on a standby that saw it being made and is promoted before its next restart point. Its
-- table may stay unlogged: it is empty between two transactions.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_class WHERE oid = 'genba_guard.change_n_seq'::regclass AND relpersistence = 'u') THEN
        ALTER SEQUENCE genba_guard.change_n_seq SET LOGGED;
    END IF;
END $$;

-- ---- who asks ---------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION genba_guard.is_owner() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_has_role(session_user, 'genba_owner', 'MEMBER')
$$;

-- The station that the log-in is bound to. On an embedded server, and for the owner, the one it names.
CREATE OR REPLACE FUNCTION genba_guard.bound_station(p_named text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    bound record;
BEGIN
    -- With an older snapshot somebody could be judged by rights that he has lost since.
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'rights are judged as they are now: read committed only' USING ERRCODE = 'GB004';
    END IF;
    SELECT s.code, s.revoked_at INTO bound FROM station s WHERE s.login = session_user;
    IF FOUND THEN
        IF bound.revoked_at IS NOT NULL THEN
            RAISE EXCEPTION 'the log-in of station % was revoked', bound.code USING ERRCODE = 'GB002';
        END IF;
        IF p_named IS NOT NULL AND p_named <> bound.code THEN
            RAISE EXCEPTION 'this log-in belongs to station %, not to %', bound.code, p_named USING ERRCODE = 'GB002';
        END IF;
        RETURN bound.code;
    END IF;
    IF coalesce(p_named, '') <> '' AND length(p_named) <= 50
       AND (genba_guard.is_owner() OR EXISTS (SELECT FROM genba_guard.local_login l WHERE l.login = session_user)) THEN
        RETURN p_named;
    END IF;
    RAISE EXCEPTION 'the log-in % belongs to no station', session_user USING ERRCODE = 'GB002';
END $$;

-- The same, for whoever is to do something in its name: a program that says which run it is (genba.run) and has lost the name to another,
-- because it was frozen or is a second one, does nothing any more. Command lines and older programs do not say.
CREATE OR REPLACE FUNCTION genba_guard.this_station(p_named text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text := genba_guard.bound_station(p_named);
    run text := current_setting('genba.run', true);
    there text;
BEGIN
    IF coalesce(run, '') <> '' THEN
        SELECT p.host INTO there FROM presence p WHERE p.station = me AND p.run_id::text <> run AND p.claimed_until > clock_timestamp();
        IF FOUND THEN
            RAISE EXCEPTION '%', there USING ERRCODE = 'GB005';
        END IF;
    END IF;
    RETURN me;
END $$;

-- When a request was decided, by the server's clock: by the station's, less what that was ahead of ours. Where the station corrected its
-- clock before (corrected), or did not say, the time stands as it was given.
CREATE OR REPLACE FUNCTION genba_guard.decided_at(p_request jsonb) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (p_request ->> 'decided_at')::timestamptz - CASE WHEN coalesce((p_request ->> 'corrected')::boolean, false) THEN interval '0'
           ELSE make_interval(secs => greatest(-1e10, least(1e10, coalesce((p_request ->> 'clock_ahead_s')::float8, 0)))) END
$$;

-- Every name under which a permission can be held: itself and the wildcards on its whole parts.
CREATE OR REPLACE FUNCTION genba_guard.patterns(p_permission text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_agg(p) FROM (
        SELECT p_permission AS p UNION SELECT '*'
        UNION SELECT array_to_string((string_to_array(p_permission, ':'))[1:n], ':') || ':*'
        FROM generate_series(1, array_length(string_to_array(p_permission, ':'), 1) - 1) n) t
$$;

-- On which lines people with these roles hold a permission: NULL for all, {} for none.
-- A rule for a line goes before the rule for all lines, which goes before the declaration; what one role allows counts.
CREATE OR REPLACE FUNCTION genba_guard.lines_of(p_roles text[], p_permission text) RETURNS integer[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    held text[] := genba_guard.patterns(p_permission); -- once, not for every row
    everywhere boolean := EXISTS (SELECT FROM genba_guard.role_permission d WHERE d.role = ANY(p_roles) AND d.permission = ANY(held));
    lines integer[];
    every integer[];
BEGIN
    IF NOT EXISTS (SELECT FROM role_rule u JOIN role r ON r.id = u.role_id WHERE r.code = ANY(p_roles) AND u.permission = p_permission) THEN
        RETURN CASE WHEN everywhere THEN NULL::integer[] ELSE '{}'::integer[] END;
    END IF;
    -- A role that no program declares any more gives nothing, with or without rules of the site.
    p_roles := ARRAY(SELECT DISTINCT d.role FROM genba_guard.role_permission d WHERE d.role = ANY(p_roles));
    WITH base AS (
        SELECT r.id, r.code, coalesce(
            (SELECT u.allowed FROM role_rule u WHERE u.role_id = r.id AND u.permission = p_permission AND u.line_id IS NULL),
            EXISTS (SELECT FROM genba_guard.role_permission d
                    WHERE d.role = r.code AND d.permission = ANY(held))) AS allowed
        FROM role r WHERE r.code = ANY(p_roles)
    )
    SELECT bool_or(b.allowed),
           coalesce((SELECT array_agg(l.id) FROM line l WHERE EXISTS (
               SELECT FROM base b2 LEFT JOIN role_rule u ON u.role_id = b2.id AND u.permission = p_permission AND u.line_id = l.id
               WHERE coalesce(u.allowed, b2.allowed))), '{}'),
           coalesce((SELECT array_agg(l.id) FROM line l), '{}')
    INTO everywhere, lines, every FROM base b;
    RETURN CASE WHEN everywhere AND every <@ lines THEN NULL ELSE lines END;
END $$;

CREATE OR REPLACE FUNCTION genba_guard.roles_of(p_user integer) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT coalesce(array_agg(r.code::text ORDER BY r.code), '{}')
    FROM user_role ur JOIN role r ON r.id = ur.role_id WHERE ur.user_id = p_user
$$;

-- HMAC-SHA-256 with the two pads that were made from the key when the session began. Source: RFC 2104.
CREATE OR REPLACE FUNCTION genba_guard.seal(p_inner bytea, p_outer bytea, p_message bytea) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(sha256(p_outer || sha256(p_inner || p_message)), 'hex')
$$;

CREATE OR REPLACE FUNCTION genba_guard.pad(p_key bytea, p_byte integer) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    padded bytea := p_key || decode(repeat('00', 64 - length(p_key)), 'hex');
BEGIN
    FOR n IN 0..63 LOOP
        padded := set_byte(padded, n, get_byte(padded, n) # p_byte);
    END LOOP;
    RETURN padded;
END $$;

-- Who stands behind a request: kind is 'person', 'system' or '' with the code of the refusal in problem.
-- With a living token: now. With a seal: a request that was decided in a session of this station and waited in its journal.
CREATE OR REPLACE FUNCTION genba_guard.who(
    p_token text, p_station text, p_request jsonb, p_fact boolean,
    OUT kind text, OUT problem text, OUT late boolean, OUT user_id integer, OUT user_code text, OUT user_name text, OUT session_id uuid,
    OUT roles text[], OUT must_change boolean, OUT offline boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    hit record;
    -- A station that measured its clock says so; else what was measured when the session began stands for it.
    decided timestamptz := genba_guard.decided_at(p_request);
    measured constant boolean := p_request ->> 'clock_ahead_s' IS NOT NULL;
    clocks constant interval := '5 minutes';
    -- So long a request may wait in a journal. After that a seal proves nothing any more: whoever finds an old disk has its keys.
    kept constant interval := '60 days';
    message bytea;
BEGIN
    kind := '';
    late := false;
    offline := false;
    IF p_token IS NOT NULL THEN
        SELECT s.id, s.user_id, u.code, u.name, u.language INTO hit
        FROM session s JOIN app_user u ON u.id = s.user_id
        WHERE s.token_hash = sha256(convert_to(p_token, 'UTF8')) AND s.station = p_station
          AND s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND u.active AND u.retired_at IS NULL;
        IF FOUND THEN
            kind := 'person';
            session_id := hit.id;
            user_id := hit.user_id;
            roles := genba_guard.roles_of(hit.user_id);
            must_change := genba_guard.why_change(hit.user_id) <> '';
        END IF;
    END IF;
    IF kind = '' AND p_request ->> 'seal' IS NOT NULL THEN
        message := genba_guard.frame(p_request ->> 'id', p_request ->> 'operation', p_station, p_request ->> 'user_code',
                                     p_request ->> 'session_id', p_request ->> 'decided_at', p_request ->> 'args');
        SELECT s.id, s.user_id, s.roles, s.seal_inner, s.seal_outer, u.code, u.name, u.language,
               u.active AND u.retired_at IS NULL AS may, false AS offline, decided - make_interval(secs => CASE WHEN measured THEN 0 ELSE s.clock_ahead_s END) AS at INTO hit
        FROM session s JOIN app_user u ON u.id = s.user_id
        WHERE s.id = (p_request ->> 'session_id')::uuid AND s.station = p_station AND s.seal_inner IS NOT NULL
          AND decided - make_interval(secs => CASE WHEN measured THEN 0 ELSE s.clock_ahead_s END) > clock_timestamp() - kept
          AND decided - make_interval(secs => CASE WHEN measured THEN 0 ELSE s.clock_ahead_s END)
              BETWEEN s.started_at - clocks AND least(s.ended_at, s.expires_at, clock_timestamp()) + clocks;
        IF NOT FOUND THEN
            SELECT (p_request ->> 'session_id')::uuid AS id, k.user_id, to_jsonb(k.roles) AS roles, k.seal_inner, k.seal_outer, u.code,
                   u.name, u.language, u.active AND u.retired_at IS NULL AS may, true AS offline,
                   decided - make_interval(secs => CASE WHEN measured THEN 0 ELSE k.clock_ahead_s END) AS at INTO hit
            FROM genba_guard.offline_key k JOIN app_user u ON u.id = k.user_id
            WHERE u.code = p_request ->> 'user_code' AND k.station = p_station
              AND decided - make_interval(secs => CASE WHEN measured THEN 0 ELSE k.clock_ahead_s END) > clock_timestamp() - kept
              AND decided - make_interval(secs => CASE WHEN measured THEN 0 ELSE k.clock_ahead_s END)
                  BETWEEN k.issued_at - clocks AND least(k.expires_at, k.ended_at, clock_timestamp()) + clocks
              AND p_request ->> 'seal' = genba_guard.seal(k.seal_inner, k.seal_outer, message)
              AND NOT EXISTS (SELECT FROM session s WHERE s.id = (p_request ->> 'session_id')::uuid)
            LIMIT 1;
        END IF;
        IF hit.id IS NOT NULL AND p_request ->> 'seal' = genba_guard.seal(hit.seal_inner, hit.seal_outer, message) THEN
            IF hit.may OR p_fact THEN
                kind := 'person';
                late := true;
                offline := hit.offline;
                session_id := hit.id;
                user_id := hit.user_id;
                -- What has happened is booked by the rights of its time; what is still to happen needs today's.
                roles := CASE WHEN p_fact THEN ARRAY(SELECT jsonb_array_elements_text(hit.roles)) ELSE genba_guard.roles_of(hit.user_id) END;
                -- Who had to change his PIN when he decided could decide nothing; a PIN that somebody reset later changes no past.
                must_change := EXISTS (SELECT FROM credential c WHERE c.user_id = hit.user_id AND c.must_change AND c.changed_at < hit.at);
            END IF;
        END IF;
    END IF;
    IF kind = 'person' THEN
        user_code := hit.code;
        user_name := coalesce(hit.name ->> hit.language, hit.code);
    ELSIF p_token IS NULL AND p_request ->> 'seal' IS NULL AND genba_guard.is_owner()
          AND NOT EXISTS (SELECT FROM app_user u WHERE upper(u.code) = upper(p_request ->> 'user_code')) THEN
        kind := 'system';
        user_code := coalesce(p_request ->> 'user_code', session_user::text);
        user_name := coalesce(p_request ->> 'user_name', user_code);
        must_change := false;
    ELSE
        problem := CASE WHEN p_token IS NULL AND p_request ->> 'seal' IS NULL THEN 'store.nobody' ELSE 'store.session_over' END;
        user_code := left(coalesce(p_request ->> 'user_code', 'guest'), 100);
        user_name := user_code;
    END IF;
END $$;

-- ---- an operation -----------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION genba_guard.denial(p_code text, p_params jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('kind', 'refused', 'code', p_code, 'params', p_params)
$$;

-- Opens the operation for this transaction. outcome:
--   open      its writes are let through until end_operation
--   applied   the request was applied before: told is its result
--   refused   it was refused for good before: told is the refusal
--   denied    told is the refusal, and it stands in the audit: the caller commits and changes nothing
CREATE OR REPLACE FUNCTION genba.begin_operation(p_token text, p_operation text, p_request jsonb)
RETURNS TABLE (outcome text, told jsonb, applied_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text;
    its_id uuid := (p_request ->> 'id')::uuid;
    declared genba_guard.declared%ROWTYPE;
    known request%ROWTYPE;
    asker record;
    may integer[];
    lent integer[];
    lender integer;
    extra jsonb := '{}';
    refusal jsonb;
BEGIN
    PERFORM genba_guard.pass_gate();
    me := genba_guard.this_station(p_request ->> 'station');
    IF its_id IS NULL OR p_request ->> 'operation' IS DISTINCT FROM p_operation THEN
        RAISE EXCEPTION 'a request names itself and its operation' USING ERRCODE = 'GB004';
    END IF;
    IF EXISTS (SELECT FROM genba_guard.open_work w WHERE w.xid = pg_current_xact_id()) THEN
        RAISE EXCEPTION 'this transaction has an operation already' USING ERRCODE = 'GB004';
    END IF;
    SELECT * INTO known FROM request r WHERE r.id = its_id;
    IF FOUND THEN
        IF known.operation <> p_operation OR known.station <> me THEN
            RAISE EXCEPTION 'request % is another one', its_id USING ERRCODE = 'GB004';
        END IF;
        RETURN QUERY SELECT known.state::text, CASE WHEN known.state = 'applied' THEN known.result ELSE known.refusal END, known.applied_at;
        RETURN;
    END IF;
    SELECT * INTO declared FROM genba_guard.declared d WHERE d.name = p_operation;
    asker := genba_guard.who(p_token, me, p_request, declared.kind = 'fact');
    IF declared.name IS NULL THEN
        refusal := genba_guard.denial('store.version_unknown', jsonb_build_object('operation', p_operation));
    ELSIF asker.kind = '' THEN
        refusal := genba_guard.denial(asker.problem, '{}');
    ELSIF asker.late AND NOT declared.offline THEN
        refusal := genba_guard.denial(CASE WHEN asker.offline THEN 'users.sign_in_again' ELSE 'store.session_over' END, '{}');
    ELSIF asker.must_change AND p_operation <> 'users:pin:set' THEN
        refusal := genba_guard.denial('users.must_change', '{}');
    ELSIF asker.kind = 'person' THEN
        may := genba_guard.lines_for(asker.roles, p_operation, p_request);
        lender := genba_guard.proved(its_id, 'authorisation', p_operation, NULL, asker.session_id, me);
        IF lender IS NOT NULL THEN
            UPDATE genba_guard.ticket t SET used_at = clock_timestamp() WHERE t.request_id = its_id AND t.purpose = 'authorisation';
            lent := genba_guard.lines_for(genba_guard.roles_of(lender), p_operation, p_request);
            may := CASE WHEN may IS NULL OR lent IS NULL THEN NULL ELSE may || lent END;
            extra := extra || (SELECT jsonb_build_object('authorised_by', jsonb_build_object('user_code', u.code, 'name', u.name))
                               FROM app_user u WHERE u.id = lender);
        END IF;
        IF may = '{}' THEN
            refusal := genba_guard.denial('store.no_right', jsonb_build_object('operation', p_operation));
        END IF;
        IF refusal IS NULL AND declared.meaning IS NOT NULL THEN
            lender := genba_guard.proved(its_id, 'signature', p_operation, declared.meaning, asker.session_id, me);
            -- A signature is worth what its signer may: on his lines, and not on others.
            lent := genba_guard.lines_for(genba_guard.roles_of(lender), p_operation, p_request);
            may := CASE WHEN lent IS NULL THEN may WHEN may IS NULL THEN lent
                        ELSE ARRAY(SELECT unnest(may) INTERSECT SELECT unnest(lent)) END;
            IF lender IS NULL THEN
                refusal := genba_guard.denial('store.signature_needed', jsonb_build_object('meaning', declared.meaning));
            ELSIF may = '{}' THEN
                refusal := genba_guard.denial('store.no_right', jsonb_build_object('operation', p_operation));
            END IF;
        END IF;
    END IF;
    IF refusal IS NOT NULL THEN
        PERFORM genba_guard.audit_refusal(me, its_id, p_operation, asker, genba_guard.decided_at(p_request), refusal);
        RETURN QUERY SELECT 'denied'::text, refusal, NULL::timestamptz;
        RETURN;
    END IF;
    IF asker.late THEN
        extra := extra || jsonb_build_object('late', true);
    END IF;
    IF asker.offline THEN
        extra := extra || jsonb_build_object('offline', true);
    END IF;
    -- How far the station's own clock was ahead, where that was more than one need not speak of.
    IF abs((p_request ->> 'clock_ahead_s')::float8) > 2 THEN
        extra := extra || jsonb_build_object('clock_ahead_s', round((p_request ->> 'clock_ahead_s')::numeric, 3));
    END IF;
    INSERT INTO genba_guard.open_work (xid, kind, operation, tables, lines, request_id, request, user_id, user_code, user_name, session_id,
                                       station, decided_at, detail)
    VALUES (pg_current_xact_id(), 'operation', p_operation, declared.tables, may, its_id, p_request - 'seal', asker.user_id,
            asker.user_code, asker.user_name, asker.session_id, me, genba_guard.decided_at(p_request), extra);
    RETURN QUERY SELECT 'open'::text, NULL::jsonb, NULL::timestamptz;
END $$;

-- Who proved himself for this request of this session, for this purpose, less than two minutes ago; NULL for nobody.
CREATE OR REPLACE FUNCTION genba_guard.proved(p_request uuid, p_purpose text, p_operation text, p_meaning text, p_session uuid, p_station text)
RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT t.user_id FROM genba_guard.ticket t JOIN app_user u ON u.id = t.user_id AND u.active AND u.retired_at IS NULL
    WHERE t.request_id = p_request AND t.purpose = p_purpose AND t.operation = p_operation AND (p_meaning IS NULL OR t.meaning = p_meaning)
      AND t.session_id = p_session AND t.station = p_station AND t.used_at IS NULL AND t.proved_at > clock_timestamp() - interval '2 minutes'
$$;

-- The audit row of a refusal. Where nobody was proved the name in it is what the station claims, and the row says so; a station
-- cannot fill the audit with such rows: after 60 of them in a minute, and nothing else between, further ones are not kept.
CREATE OR REPLACE FUNCTION genba_guard.audit_refusal(
    p_station text, p_request uuid, p_operation text, p_asker record, p_decided_at timestamptz, p_refusal jsonb
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    told jsonb := CASE WHEN octet_length(p_refusal::text) > 8000 THEN jsonb_build_object('code', left(p_refusal ->> 'code', 100)) ELSE p_refusal END;
BEGIN
    IF p_asker.kind = '' AND 60 = (
        SELECT count(*) FROM (SELECT a.at, a.detail FROM audit a WHERE a.station = p_station ORDER BY a.seq DESC LIMIT 60) t
        WHERE t.at > clock_timestamp() - interval '1 minute' AND t.detail ? 'unproved') THEN
        RETURN NULL;
    END IF;
    RETURN genba_guard.audit_write(
        p_station, p_request, left(p_operation, 100), 'refused', p_asker.user_code, p_asker.user_name, p_asker.session_id, p_decided_at, '[]', '',
        jsonb_build_object('refusal', told) || CASE WHEN p_asker.kind = '' THEN '{"unproved": true}'::jsonb ELSE '{}' END);
END $$;

-- On which lines somebody may do what a request asks. A write to a machine needs what its tag asks for as well, on the tag's line.
CREATE OR REPLACE FUNCTION genba_guard.lines_for(p_roles text[], p_operation text, p_request jsonb) RETURNS integer[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    tag record;
    needed text;
    may integer[];
BEGIN
    IF p_operation <> 'equipment:tag:write' THEN
        may := genba_guard.lines_of(p_roles, p_operation);
        -- A person belongs to no line: who may change people on one line only would change them everywhere.
        IF may IS NOT NULL AND p_operation LIKE 'users:%' AND NOT EXISTS (
            SELECT FROM genba_guard.declared d JOIN genba_guard.watched w ON w.name = ANY(d.tables) WHERE d.name = p_operation AND w.has_line) THEN
            RETURN '{}';
        END IF;
        RETURN may;
    END IF;
    SELECT t.write_permission, w.line_id INTO tag
    FROM tag t LEFT JOIN work_unit w ON w.id = t.work_unit_id
    WHERE t.name = (p_request ->> 'args')::jsonb ->> 'tag' AND t.retired_at IS NULL;
    IF tag.write_permission IS NULL THEN
        RETURN '{}';
    END IF;
    FOREACH needed IN ARRAY ARRAY[p_operation, tag.write_permission] LOOP
        may := genba_guard.lines_of(p_roles, needed);
        IF NOT coalesce(tag.line_id = ANY(may), may IS NULL) THEN
            RETURN '{}';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- Ends the operation: request row, signature, notice and the audit row, with what the triggers saw change. After it nothing may be
-- changed in this transaction any more. NULL when the same request was applied by another connection meanwhile: roll back, ask again.
CREATE OR REPLACE FUNCTION genba.end_operation(p_result jsonb, p_reason text, p_detail jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    work genba_guard.open_work%ROWTYPE;
    signed record;
    told jsonb;
BEGIN
    SELECT * INTO work FROM genba_guard.open_work w WHERE w.xid = pg_current_xact_id() AND w.kind = 'operation';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no operation is open' USING ERRCODE = 'GB001';
    END IF;
    -- Who could hold an operation open could act with the rights of somebody who went home, or was sent there.
    IF clock_timestamp() - now() > interval '5 minutes' AND NOT genba_guard.is_owner() THEN
        RAISE EXCEPTION '% took too long', work.operation USING ERRCODE = 'GB004';
    END IF;
    INSERT INTO request (id, operation, kind, station, user_code, session_id, decided_at, args, result)
    VALUES (work.request_id, work.operation, (SELECT d.kind FROM genba_guard.declared d WHERE d.name = work.operation), work.station,
            work.user_code, work.session_id, work.decided_at, (work.request ->> 'args')::jsonb, p_result)
    ON CONFLICT (id) DO NOTHING;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    -- Not before its request row is there: whoever was told to roll back and commits instead finds that nothing was ended.
    DELETE FROM genba_guard.open_work w WHERE w.xid = work.xid;
    -- What the station adds stands beside what the database knows, never in its place.
    told := CASE WHEN jsonb_typeof(p_detail) = 'object' AND octet_length(p_detail::text) <= 8000
                 THEN p_detail - ARRAY['signature', 'authorised_by', 'late', 'offline', 'clock_ahead_s', 'refusal', 'unproved'] ELSE '{}' END || work.detail;
    -- Only what was signed for this very operation: under the same request a station could show one thing to the signer and do another.
    UPDATE genba_guard.ticket t SET used_at = clock_timestamp()
    WHERE t.request_id = work.request_id AND t.purpose = 'signature' AND t.operation = work.operation AND t.session_id = work.session_id
      AND t.meaning IS NOT NULL AND t.used_at IS NULL
    RETURNING t.user_id, t.meaning, t.proved_at INTO signed;
    IF FOUND THEN
        INSERT INTO signature (id, request_id, user_id, user_code, printed_name, meaning, station, signed_at)
        SELECT gen_random_uuid(), work.request_id, u.id, u.code, u.name, signed.meaning, work.station, signed.proved_at
        FROM app_user u WHERE u.id = signed.user_id;
        told := told || (SELECT jsonb_build_object('signature', jsonb_build_object('user_code', u.code, 'name', u.name,
                                                   'meaning', signed.meaning, 'at', signed.proved_at))
                         FROM app_user u WHERE u.id = signed.user_id);
    END IF;
    PERFORM genba_guard.notify();
    RETURN genba_guard.audit_write(work.station, work.request_id, work.operation, 'done', work.user_code, work.user_name, work.session_id,
                                   work.decided_at, genba_guard.take_changes(), left(coalesce(p_reason, ''), 4000), told);
END $$;

-- What was refused by the operation's own rules, after its transaction was rolled back. p_final: a request that waited
-- through an outage is answered the same way for ever.
CREATE OR REPLACE FUNCTION genba.note_refusal(p_token text, p_operation text, p_request jsonb, p_refusal jsonb, p_final boolean)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text;
    its_kind text;
    asker record;
BEGIN
    PERFORM genba_guard.pass_gate();
    me := genba_guard.this_station(p_request ->> 'station');
    its_kind := coalesce((SELECT d.kind FROM genba_guard.declared d WHERE d.name = p_operation), 'intent');
    asker := genba_guard.who(p_token, me, p_request, its_kind = 'fact');
    IF p_final AND asker.kind <> '' THEN
        INSERT INTO request (id, operation, kind, station, user_code, session_id, decided_at, args, state, refusal)
        VALUES ((p_request ->> 'id')::uuid, p_operation, its_kind, me, asker.user_code, asker.session_id,
                genba_guard.decided_at(p_request), (p_request ->> 'args')::jsonb, 'refused', p_refusal)
        ON CONFLICT (id) DO NOTHING;
        IF NOT FOUND THEN
            RETURN NULL; -- refused and audited before; the answer to it was lost
        END IF;
    END IF;
    RETURN genba_guard.audit_refusal(me, (p_request ->> 'id')::uuid, p_operation, asker, genba_guard.decided_at(p_request), p_refusal);
END $$;

-- ---- what the triggers see --------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION genba_guard.key_of(p_row jsonb, p_key text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(p_row ->> k, '/' ORDER BY n) FROM unnest(p_key) WITH ORDINALITY t(k, n)
$$;

-- Runs after every statement that changed a watched table, whoever made it.
CREATE OR REPLACE FUNCTION genba_guard.changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba_guard, pg_temp AS $$
DECLARE
    work genba_guard.open_work%ROWTYPE;
    about genba_guard.watched%ROWTYPE;
    strange bigint;
    too_long boolean;
BEGIN
    SELECT * INTO work FROM genba_guard.open_work w WHERE w.xid = pg_current_xact_id();
    IF NOT FOUND THEN
        IF genba_guard.is_owner() THEN
            RETURN NULL; -- migrations and the database's administrator, who could take the trigger away as well
        END IF;
        RAISE EXCEPTION '%: nothing is changed outside of an operation', TG_TABLE_NAME USING ERRCODE = 'GB001';
    END IF;
    IF work.tables IS NOT NULL AND NOT TG_TABLE_NAME = ANY(work.tables) THEN
        RAISE EXCEPTION '% does not change %', work.operation, TG_TABLE_NAME USING ERRCODE = 'GB001';
    END IF;
    SELECT * INTO about FROM genba_guard.watched t WHERE t.name = TG_TABLE_NAME;
    IF work.kind = 'evidence' THEN
        IF TG_OP = 'INSERT' THEN
            SELECT count(*) INTO strange FROM new_rows n WHERE to_jsonb(n) ->> 'source' <> work.source OR (to_jsonb(n) ->> 'epoch')::bigint <> work.epoch;
            IF strange > 0 THEN
                RAISE EXCEPTION 'evidence of %, not of another source', work.source USING ERRCODE = 'GB001';
            END IF;
        ELSIF TG_OP = 'UPDATE' THEN
            -- Another source's rows only where its recorder left the state of a machine open that this source reads today.
            SELECT count(*) INTO strange FROM new_rows n CROSS JOIN LATERAL to_jsonb(n) j
            WHERE j ->> 'source' <> work.source AND NOT EXISTS (
                SELECT FROM genba.tag t JOIN genba.source s ON s.id = t.source_id
                WHERE s.code = work.source AND t.retired_at IS NULL AND t.work_unit_id = (j ->> 'work_unit_id')::integer);
            IF strange > 0 THEN
                RAISE EXCEPTION 'evidence of %, not of another source', work.source USING ERRCODE = 'GB001';
            END IF;
        END IF;
        RETURN NULL;
    END IF;
    IF work.request_id IS NOT NULL AND TG_OP <> 'DELETE' THEN
        -- Rows that say who did it, where and for which request say it of this operation; what machines said is said by evidence alone,
        -- and a message once written is not rewritten by another operation.
        SELECT count(*) FILTER (WHERE j ->> 'user_code' <> work.user_code OR j ->> 'station' <> work.station
                                OR (j ->> 'request_id')::uuid <> work.request_id OR j ?& ARRAY['source', 'epoch', 'seq']),
               coalesce(max(octet_length(j::text)), 0) > 1000000
        INTO strange, too_long FROM new_rows n CROSS JOIN LATERAL to_jsonb(n) j;
        IF TG_OP = 'INSERT' AND strange > 0 OR TG_TABLE_NAME = 'outbox' AND TG_OP = 'UPDATE' THEN
            RAISE EXCEPTION '% writes in its own name only', work.operation USING ERRCODE = 'GB001';
        ELSIF too_long THEN
            RAISE EXCEPTION 'a row of more than a megabyte' USING ERRCODE = 'program_limit_exceeded';
        END IF;
    END IF;
    IF about.has_line AND work.lines IS NOT NULL THEN
        IF TG_OP = 'INSERT' THEN
            SELECT count(*) INTO strange FROM new_rows n WHERE NOT coalesce((to_jsonb(n) ->> 'line_id')::integer = ANY(work.lines), false);
        ELSIF TG_OP = 'DELETE' THEN
            SELECT count(*) INTO strange FROM old_rows o WHERE NOT coalesce((to_jsonb(o) ->> 'line_id')::integer = ANY(work.lines), false);
        ELSE
            SELECT count(*) INTO strange FROM (SELECT to_jsonb(n) AS j FROM new_rows n UNION ALL SELECT to_jsonb(o) FROM old_rows o) r
            WHERE NOT coalesce((r.j ->> 'line_id')::integer = ANY(work.lines), false);
        END IF;
        IF strange > 0 THEN
            RAISE EXCEPTION '% is not allowed on this line', work.operation USING ERRCODE = 'GB003';
        END IF;
    END IF;
    IF about.detail = 'none' THEN
        RETURN NULL;
    ELSIF about.detail = 'sum' THEN
        IF TG_OP = 'DELETE' THEN
            SELECT count(*) INTO strange FROM old_rows;
        ELSE
            SELECT count(*) INTO strange FROM new_rows;
        END IF;
        IF strange > 0 THEN
            INSERT INTO genba_guard.change (xid, name, key, action, after)
            VALUES (work.xid, TG_TABLE_NAME, '*', lower(TG_OP) || ' many', jsonb_build_object('rows', strange));
        END IF;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO genba_guard.change (xid, name, key, action, after)
        SELECT work.xid, TG_TABLE_NAME, genba_guard.key_of(to_jsonb(n), about.key), 'insert', to_jsonb(n) FROM new_rows n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO genba_guard.change (xid, name, key, action, before)
        SELECT work.xid, TG_TABLE_NAME, genba_guard.key_of(to_jsonb(o), about.key), 'delete', to_jsonb(o) FROM old_rows o;
    ELSE
        INSERT INTO genba_guard.change (xid, name, key, action, before, after)
        SELECT work.xid, TG_TABLE_NAME, coalesce(o.k, n.k), CASE WHEN o.k IS NULL THEN 'insert' WHEN n.k IS NULL THEN 'delete' ELSE 'update' END, o.j, n.j
        FROM (SELECT genba_guard.key_of(to_jsonb(o), about.key) AS k, to_jsonb(o) AS j FROM old_rows o) o
        FULL JOIN (SELECT genba_guard.key_of(to_jsonb(n), about.key) AS k, to_jsonb(n) AS j FROM new_rows n) n ON o.k = n.k;
    END IF;
    RETURN NULL;
END $$;

-- Puts the triggers on a table. Called for every mapped table by the migration; p_detail: 'rows' tells each row before and after,
-- 'sum' only how many, 'none' nothing.
CREATE OR REPLACE FUNCTION genba_guard.watch(p_name text, p_entity text, p_masked text[], p_detail text) RETURNS void
LANGUAGE plpgsql SET search_path = genba_guard, pg_temp AS $$
DECLARE
    its_key text[];
    lined boolean;
BEGIN
    SELECT array_agg(a.attname::text ORDER BY k.n) INTO its_key
    FROM pg_constraint c CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY k(num, n)
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num
    WHERE c.conrelid = format('genba.%I', p_name)::regclass AND c.contype = 'p';
    lined := p_name <> 'line' AND p_name <> 'work_unit' AND EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = format('genba.%I', p_name)::regclass AND a.attname = 'line_id');
    INSERT INTO watched (name, entity, key, masked, has_line, detail) VALUES (p_name, p_entity, its_key, p_masked, lined, p_detail)
    ON CONFLICT (name) DO UPDATE
    SET entity = excluded.entity, key = excluded.key, masked = excluded.masked, has_line = excluded.has_line, detail = excluded.detail;
    -- Replaced, never dropped: that would shut out readers as well, and wait for each of them.
    EXECUTE format('CREATE OR REPLACE TRIGGER guard_insert AFTER INSERT ON genba.%I REFERENCING NEW TABLE AS new_rows
                    FOR EACH STATEMENT EXECUTE FUNCTION genba_guard.changed()', p_name);
    EXECUTE format('CREATE OR REPLACE TRIGGER guard_update AFTER UPDATE ON genba.%I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                    FOR EACH STATEMENT EXECUTE FUNCTION genba_guard.changed()', p_name);
    EXECUTE format('CREATE OR REPLACE TRIGGER guard_delete AFTER DELETE ON genba.%I REFERENCING OLD TABLE AS old_rows
                    FOR EACH STATEMENT EXECUTE FUNCTION genba_guard.changed()', p_name);
END $$;

-- A value as the audit row shows it: long texts cut, what is masked told only to be there.
CREATE OR REPLACE FUNCTION genba_guard.shown(p_value jsonb, p_masked boolean) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN p_value IS NULL OR p_value = 'null' THEN 'null'::jsonb
        WHEN p_masked THEN '"•••"'::jsonb
        WHEN jsonb_typeof(p_value) = 'string' AND length(p_value #>> '{}') > 4000 THEN to_jsonb(left(p_value #>> '{}', 4000) || '…')
        ELSE p_value END
$$;

-- What this transaction changed, one entry per row: the first state before, the last one after.
CREATE OR REPLACE FUNCTION genba_guard.take_changes() RETURNS jsonb
LANGUAGE sql SECURITY DEFINER SET search_path = genba_guard, pg_temp AS $$
    WITH gone AS (
        DELETE FROM genba_guard.change c WHERE c.xid = pg_current_xact_id() RETURNING c.*
    ), merged AS (
        SELECT g.name, g.key, min(g.n) AS first_n,
               (array_agg(g.before ORDER BY g.n))[1] AS before, (array_agg(g.after ORDER BY g.n DESC))[1] AS after,
               CASE WHEN (array_agg(g.action ORDER BY g.n DESC))[1] = 'delete' THEN 'delete' ELSE (array_agg(g.action ORDER BY g.n))[1] END AS action
        FROM gone g WHERE g.key <> '*' GROUP BY g.name, g.key
        UNION ALL SELECT g.name, g.key, g.n, NULL, g.after, g.action FROM gone g WHERE g.key = '*'
    ), told AS (
        SELECT m.first_n, m.name, m.key, m.action, coalesce((
            SELECT jsonb_object_agg(c.name, jsonb_build_array(
                genba_guard.shown(m.before -> c.name, c.name = ANY(w.masked)), genba_guard.shown(m.after -> c.name, c.name = ANY(w.masked))))
            FROM jsonb_object_keys(coalesce(m.after, m.before)) c(name)
            WHERE c.name <> 'version' AND nullif(m.before -> c.name, 'null') IS DISTINCT FROM nullif(m.after -> c.name, 'null')), '{}') AS columns
        FROM merged m LEFT JOIN genba_guard.watched w ON w.name = m.name
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object('table', t.name, 'key', t.key, 'action', t.action, 'values', t.columns) ORDER BY t.first_n), '[]')
    FROM told t WHERE t.columns <> '{}' OR t.action <> 'update'
$$;

-- Tells all stations which things changed, never how. PostgreSQL refuses a payload of 8,000 bytes.
CREATE OR REPLACE FUNCTION genba_guard.notify() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba_guard, pg_temp AS $$
DECLARE
    line text := '';
    one text;
BEGIN
    FOR one IN
        WITH keys AS (
            SELECT w.entity, c.key, min(c.n) AS n FROM genba_guard.change c JOIN genba_guard.watched w ON w.name = c.name
            WHERE c.xid = pg_current_xact_id() GROUP BY w.entity, c.key
        ), many AS (SELECT k.entity FROM keys k GROUP BY k.entity HAVING count(*) > 500 OR bool_or(k.key LIKE '%,%' OR k.key = '*'))
        SELECT k.entity || ':' || k.key FROM keys k WHERE k.entity NOT IN (SELECT m.entity FROM many m)
        UNION ALL SELECT m.entity || ':*' FROM many m
    LOOP
        IF line <> '' AND octet_length(line) + octet_length(one) + 1 > 7900 THEN
            PERFORM pg_notify('genba', line);
            line := one;
        ELSE
            line := CASE WHEN line = '' THEN one ELSE line || ',' || one END;
        END IF;
    END LOOP;
    IF line <> '' THEN
        PERFORM pg_notify('genba', line);
    END IF;
END $$;

-- What was begun is ended in the same transaction, with its audit row; evidence and housekeeping leave nothing behind.
CREATE OR REPLACE FUNCTION genba_guard.must_end() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba_guard, pg_temp AS $$
BEGIN
    DELETE FROM genba_guard.open_work w WHERE w.xid = NEW.xid AND w.xid = pg_current_xact_id() AND w.kind <> 'operation';
    IF EXISTS (SELECT FROM genba_guard.open_work w WHERE w.xid = NEW.xid AND w.xid = pg_current_xact_id()) THEN
        RAISE EXCEPTION '% was begun and not ended: without its audit row nothing is kept', NEW.operation USING ERRCODE = 'GB004';
    END IF;
    RETURN NULL;
END $$;

DROP TRIGGER IF EXISTS must_end ON genba_guard.open_work;
CREATE CONSTRAINT TRIGGER must_end AFTER INSERT ON genba_guard.open_work DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION genba_guard.must_end();

-- ---- what programs declare --------------------------------------------------------------------------------------------

-- Replaces what is known of operations and roles by what the newest program says. p_operations:
-- [{"name", "kind", "offline", "meaning", "tables"}]; p_roles: {role: [permission, …]}.
CREATE OR REPLACE FUNCTION genba_guard.declare(p_operations jsonb, p_roles jsonb, p_fingerprint text) RETURNS void
LANGUAGE sql SET search_path = genba_guard, pg_temp AS $$
    DELETE FROM declared;
    INSERT INTO declared (name, kind, offline, meaning, tables)
    SELECT o ->> 'name', o ->> 'kind', (o ->> 'offline')::boolean, o ->> 'meaning', ARRAY(SELECT jsonb_array_elements_text(o -> 'tables'))
    FROM jsonb_array_elements(p_operations) o;
    DELETE FROM role_permission;
    INSERT INTO role_permission (role, permission)
    SELECT r.key, p.value FROM jsonb_each(p_roles) r CROSS JOIN LATERAL jsonb_array_elements_text(r.value) p;
    INSERT INTO declaration (id, fingerprint) VALUES (1, p_fingerprint) ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint;
$$;

-- Of what the last upgrade declared; a program that would declare something else knows that it is behind or ahead.
CREATE OR REPLACE FUNCTION genba.declared_fingerprint() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba_guard, pg_temp AS $$
    SELECT fingerprint FROM declaration WHERE id = 1
$$;

-- Whether this log-in may speak for the station that the program calls itself; raises GB002 when not.
CREATE OR REPLACE FUNCTION genba.station_of(p_station text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba_guard, pg_temp AS $$
    SELECT genba_guard.bound_station(p_station)
$$;

GRANT EXECUTE ON FUNCTION genba.station_of(text), genba.begin_operation(text, text, jsonb), genba.end_operation(jsonb, text, jsonb),
    genba.note_refusal(text, text, jsonb, jsonb, boolean), genba.declared_fingerprint() TO genba_station;
