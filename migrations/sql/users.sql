-- How a person proves who he is. Runs as the owner of the schema, after the tables exist; may be run again.
-- A station can call these functions and cannot read what they read.

INSERT INTO genba.role (code, name) VALUES
    ('operator', '{"ja": "作業者", "en": "Operator"}'),
    ('supervisor', '{"ja": "職長", "en": "Supervisor"}'),
    ('quality', '{"ja": "品質保証担当", "en": "Quality"}'),
    ('maintenance', '{"ja": "保全員", "en": "Maintenance"}'),
    ('administrator', '{"ja": "システム管理者", "en": "Administrator"}')
ON CONFLICT (code) DO NOTHING;

INSERT INTO genba.sign_in_secret (id, secret)
SELECT 1, sha256(convert_to(string_agg(gen_random_uuid()::text, ''), 'UTF8')) FROM generate_series(1, 4)
ON CONFLICT (id) DO NOTHING;

-- What the panel needs to derive its proof. A code nobody has gets the same shape and always the same salt, so that
-- the answer does not tell which codes exist.
CREATE OR REPLACE FUNCTION genba.credential_params(p_code text)
RETURNS TABLE (salt bytea, time_cost integer, memory_kib integer, parallelism integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT coalesce(c.salt, substring(sha256(s.secret || convert_to(upper(btrim(p_code)), 'UTF8')) FROM 1 FOR 16)),
           coalesce(c.time_cost, 2), coalesce(c.memory_kib, 65536), coalesce(c.parallelism::integer, 1)
    FROM sign_in_secret s
    LEFT JOIN (credential c JOIN app_user u ON u.id = c.user_id) ON upper(u.code) = upper(btrim(p_code))
    WHERE s.id = 1
$$;

-- Compares a proof and counts failures per typed code, whether anybody has that code or not.
-- outcome: 'ok', 'wrong' or 'locked' (then minutes says for how long). Five failures lock for 15 minutes, each further
-- five for twice as long, at most for 8 hours; a day without a failure or a success begins anew.
-- It answers instead of raising, because an error would roll the count back: the caller must commit.
CREATE OR REPLACE FUNCTION genba.check_proof(p_code text, p_proof bytea, OUT outcome text, OUT minutes integer, OUT user_id integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    typed text := left(upper(btrim(p_code)), 50);
    attempt sign_in_attempt%ROWTYPE;
    known record;
BEGIN
    INSERT INTO sign_in_attempt (code, failures, last_at) VALUES (typed, 0, now()) ON CONFLICT (code) DO NOTHING;
    SELECT * INTO attempt FROM sign_in_attempt a WHERE a.code = typed FOR UPDATE;
    IF attempt.locked_until > clock_timestamp() THEN
        outcome := 'locked';
        minutes := ceil(extract(epoch FROM attempt.locked_until - clock_timestamp()) / 60);
        RETURN;
    END IF;
    SELECT u.id, c.verifier INTO known
    FROM app_user u JOIN credential c ON c.user_id = u.id
    WHERE upper(u.code) = typed AND u.active AND u.retired_at IS NULL;
    IF known.verifier IS NOT NULL AND known.verifier = sha256(p_proof) THEN
        DELETE FROM sign_in_attempt a WHERE a.code = typed;
        outcome := 'ok';
        user_id := known.id;
        RETURN;
    END IF;
    IF attempt.last_at < clock_timestamp() - interval '1 day' THEN
        attempt.failures := 0;
    END IF;
    attempt.failures := attempt.failures + 1;
    outcome := 'wrong';
    IF attempt.failures % 5 = 0 THEN
        outcome := 'locked';
        minutes := least(15 * 2 ^ least(attempt.failures / 5 - 1, 10), 480);
    END IF;
    UPDATE sign_in_attempt a
    SET failures = attempt.failures, last_at = clock_timestamp(), locked_until = clock_timestamp() + make_interval(mins => minutes)
    WHERE a.code = typed;
    -- Codes somebody mistyped once are not kept for ever.
    DELETE FROM sign_in_attempt a
    WHERE a.last_at < clock_timestamp() - interval '7 days' AND coalesce(a.locked_until, a.last_at) < clock_timestamp();
END $$;

CREATE OR REPLACE FUNCTION genba.who_is(p_user integer)
RETURNS TABLE (user_code text, name jsonb, language text, roles text[], must_change boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT u.code::text, u.name, u.language::text,
           coalesce((SELECT array_agg(r.code::text ORDER BY r.code) FROM user_role ur JOIN role r ON r.id = ur.role_id WHERE ur.user_id = u.id),
                    ARRAY[]::text[]),
           coalesce(c.must_change, false)
    FROM app_user u LEFT JOIN credential c ON c.user_id = u.id
    WHERE u.id = p_user
$$;

-- Opens a session of 12 hours. The caller gives the session's id (its own clock makes identifiers) and commits in any case.
CREATE OR REPLACE FUNCTION genba.sign_in(p_session uuid, p_code text, p_station text, p_proof bytea)
RETURNS TABLE (outcome text, minutes integer, token text, expires_at timestamptz,
               user_code text, name jsonb, language text, roles text[], must_change boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    checked record;
    fresh text;
BEGIN
    checked := check_proof(p_code, p_proof);
    IF checked.outcome <> 'ok' THEN
        RETURN QUERY SELECT checked.outcome, checked.minutes, NULL::text, NULL::timestamptz, NULL::text, NULL::jsonb, NULL::text,
                            NULL::text[], NULL::boolean;
        RETURN;
    END IF;
    fresh := encode(sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 'hex');
    INSERT INTO session (id, user_id, station, token_hash, started_at, expires_at)
    VALUES (p_session, checked.user_id, p_station, sha256(convert_to(fresh, 'UTF8')), now(), now() + interval '12 hours');
    RETURN QUERY SELECT 'ok'::text, NULL::integer, fresh, now() + interval '12 hours', w.*
                 FROM who_is(checked.user_id) w;
END $$;

-- The same test without a session: for signing one record, or before changing one's own PIN.
CREATE OR REPLACE FUNCTION genba.verify_proof(p_code text, p_proof bytea)
RETURNS TABLE (outcome text, minutes integer, user_code text, name jsonb, language text, roles text[], must_change boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    checked record;
BEGIN
    checked := check_proof(p_code, p_proof);
    IF checked.outcome = 'ok' THEN
        RETURN QUERY SELECT 'ok'::text, NULL::integer, w.* FROM who_is(checked.user_id) w;
    ELSE
        RETURN QUERY SELECT checked.outcome, checked.minutes, NULL::text, NULL::jsonb, NULL::text, NULL::text[], NULL::boolean;
    END IF;
END $$;

-- Who a token stands for now; no row when the session ended or expired, or the person's access was taken away.
CREATE OR REPLACE FUNCTION genba.session_of(p_token text)
RETURNS TABLE (session_id uuid, station text, expires_at timestamptz,
               user_code text, name jsonb, language text, roles text[], must_change boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT s.id, s.station::text, s.expires_at, w.*
    FROM session s JOIN app_user u ON u.id = s.user_id CROSS JOIN LATERAL who_is(s.user_id) w
    WHERE s.token_hash = sha256(convert_to(p_token, 'UTF8')) AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
      AND u.active AND u.retired_at IS NULL
$$;

CREATE OR REPLACE FUNCTION genba.sign_out(p_token text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    UPDATE session SET ended_at = greatest(clock_timestamp(), started_at)
    WHERE token_hash = sha256(convert_to(p_token, 'UTF8')) AND ended_at IS NULL
$$;

-- Whoever loses his access loses his sessions with it.
CREATE OR REPLACE FUNCTION genba.end_sessions_of_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
BEGIN
    UPDATE session SET ended_at = greatest(clock_timestamp(), started_at) WHERE user_id = NEW.id AND ended_at IS NULL;
    RETURN NULL;
END $$;

DROP TRIGGER IF EXISTS end_sessions ON genba.app_user;
CREATE TRIGGER end_sessions AFTER UPDATE OF active, retired_at ON genba.app_user
FOR EACH ROW WHEN (NOT NEW.active OR NEW.retired_at IS NOT NULL) EXECUTE FUNCTION genba.end_sessions_of_user();

-- Sets what proves a person. Allowed to himself and to an administrator, both with a living session; anybody else
-- (a program applying the site file) may only give a first one. True when it was set.
CREATE OR REPLACE FUNCTION genba.set_credential(p_session uuid, p_code text, p_salt bytea, p_verifier bytea, p_time_cost integer,
                                                p_memory_kib integer, p_parallelism integer, p_must_change boolean)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    target integer := (SELECT id FROM app_user WHERE upper(code) = upper(btrim(p_code)));
    allowed boolean;
    written boolean;
BEGIN
    IF target IS NULL THEN
        RETURN false;
    END IF;
    allowed := EXISTS (
        SELECT FROM session s JOIN app_user u ON u.id = s.user_id
        WHERE s.id = p_session AND s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND u.active AND u.retired_at IS NULL
          AND (u.id = target OR EXISTS (SELECT FROM user_role ur JOIN role r ON r.id = ur.role_id
                                        WHERE ur.user_id = u.id AND r.code = 'administrator')));
    INSERT INTO credential (user_id, salt, verifier, time_cost, memory_kib, parallelism, must_change, changed_at)
    VALUES (target, p_salt, p_verifier, p_time_cost, p_memory_kib, p_parallelism, p_must_change, now())
    ON CONFLICT (user_id) DO UPDATE
    SET salt = excluded.salt, verifier = excluded.verifier, time_cost = excluded.time_cost, memory_kib = excluded.memory_kib,
        parallelism = excluded.parallelism, must_change = excluded.must_change, changed_at = excluded.changed_at
    WHERE allowed;
    written := FOUND;
    IF written AND allowed THEN
        DELETE FROM sign_in_attempt WHERE code = left(upper(btrim(p_code)), 50);
    END IF;
    RETURN written;
END $$;

-- The codes that already have something to sign in with; not what it is.
CREATE OR REPLACE FUNCTION genba.codes_with_credential() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT u.code::text FROM credential c JOIN app_user u ON u.id = c.user_id
$$;

-- The record of a signature whose signer was verified just before; the name is taken from the user, not from the caller.
CREATE OR REPLACE FUNCTION genba.sign(p_id uuid, p_request uuid, p_code text, p_meaning text, p_station text, p_at timestamptz)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
BEGIN
    INSERT INTO signature (id, request_id, user_id, user_code, printed_name, meaning, station, signed_at)
    SELECT p_id, p_request, u.id, u.code, u.name, p_meaning, p_station, p_at
    FROM app_user u WHERE u.code = p_code AND u.active AND u.retired_at IS NULL;
    RETURN FOUND;
END $$;

-- Who may call what. check_proof and who_is are steps of the others.
REVOKE ALL ON FUNCTION genba.credential_params(text), genba.check_proof(text, bytea), genba.who_is(integer),
    genba.sign_in(uuid, text, text, bytea), genba.verify_proof(text, bytea), genba.session_of(text), genba.sign_out(text),
    genba.end_sessions_of_user(), genba.codes_with_credential(), genba.sign(uuid, uuid, text, text, text, timestamptz),
    genba.set_credential(uuid, text, bytea, bytea, integer, integer, integer, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION genba.credential_params(text), genba.sign_in(uuid, text, text, bytea), genba.verify_proof(text, bytea),
    genba.session_of(text), genba.sign_out(text), genba.codes_with_credential(),
    genba.sign(uuid, uuid, text, text, text, timestamptz),
    genba.set_credential(uuid, text, bytea, bytea, integer, integer, integer, boolean) TO genba_station;

REVOKE ALL ON genba.credential, genba.sign_in_attempt, genba.sign_in_secret, genba.session, genba.signature FROM genba_station;
GRANT SELECT (id, user_id, station, started_at, expires_at, ended_at) ON genba.session TO genba_station;
GRANT SELECT ON genba.signature TO genba_station;
REVOKE INSERT, UPDATE ON genba.role FROM genba_station;
-- The only rows a station removes: a role that was taken away; the audit trail keeps it.
GRANT DELETE ON genba.user_role TO genba_station;
