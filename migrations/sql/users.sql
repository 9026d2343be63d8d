-- How a person proves who he is. Runs as the owner of the schema, after the tables exist; may be run again.
-- A station can call the functions of schema genba and cannot read what they read.

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

-- Earlier forms, of databases that were set up before.
DROP FUNCTION IF EXISTS genba.sign_in(uuid, text, text, text, bytea, timestamptz), genba.prove_for(text, text, uuid, text, text, text, text, bytea),
    genba_guard.check_proof(text, text, text, bytea), genba_guard.note_attempt(text, text, text, text, text, integer, uuid, jsonb);

-- ---- who is meant -----------------------------------------------------------------------------------------------------

-- A typed code, or what a badge says. subject is what failures are counted under: the person's code when there is such a person,
-- else what was typed, so that a lock does not tell which codes exist.
CREATE OR REPLACE FUNCTION genba_guard.meant(p_code text, p_badge text, OUT subject text, OUT user_id integer, OUT badge text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    said bytea;
    card record;
BEGIN
    badge := '';
    IF coalesce(p_badge, '') <> '' THEN
        said := genba_guard.badge_digest(p_badge);
        SELECT b.user_id, b.blocked_at, u.code INTO card FROM badge b JOIN app_user u ON u.id = b.user_id WHERE b.digest = said;
        badge := CASE WHEN NOT FOUND THEN 'unknown' WHEN card.blocked_at IS NOT NULL THEN 'blocked' ELSE 'good' END;
        user_id := card.user_id;
        subject := coalesce('user:' || upper(card.code), 'badge:' || left(encode(said, 'hex'), 40));
    ELSE
        SELECT u.id, u.code INTO card FROM app_user u WHERE upper(u.code) = upper(btrim(p_code));
        user_id := card.id;
        -- What nobody is called may be somebody's PIN, typed one field too early: it is not kept as it was typed.
        subject := coalesce('user:' || upper(card.code), 'unknown:' || left(encode(genba_guard.keyed(upper(btrim(coalesce(p_code, '')))), 'hex'), 40));
    END IF;
END $$;

CREATE OR REPLACE FUNCTION genba_guard.keyed(p_text text) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT sha256(s.secret || convert_to(p_text, 'UTF8')) FROM sign_in_secret s WHERE s.id = 1
$$;

CREATE OR REPLACE FUNCTION genba_guard.badge_digest(p_badge text) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT genba_guard.keyed(p_badge)
$$;

-- What the panel needs to derive its proof. A code or badge nobody has gets the same shape and always the same salt, so that
-- the answer does not tell which exist.
CREATE OR REPLACE FUNCTION genba.credential_params(p_code text, p_badge text)
RETURNS TABLE (salt bytea, time_cost integer, memory_kib integer, parallelism integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT coalesce(c.salt, substring(sha256(s.secret || convert_to(m.subject, 'UTF8')) FROM 1 FOR 16)),
           coalesce(c.time_cost, 2), coalesce(c.memory_kib, 65536), coalesce(c.parallelism::integer, 1)
    FROM sign_in_secret s CROSS JOIN genba_guard.meant(p_code, p_badge) m
    LEFT JOIN credential c ON c.user_id = m.user_id
    WHERE s.id = 1
$$;

-- ---- proving it -------------------------------------------------------------------------------------------------------

-- One more wrong proof for a person or a station; gives the seconds until the lock it leads to ends, 0 without one.
-- Two wrong ones are free, then each costs twice the wait of the one before; at the limit a lock, twice as long each time.
CREATE OR REPLACE FUNCTION genba_guard.count_failure(p_subject text, p_limit integer, p_lock_min integer, p_delay boolean) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba_guard, pg_temp AS $$
DECLARE
    tried attempt%ROWTYPE;
    -- A person's failures are forgotten after a day without one, a station's after a quarter of an hour.
    memory interval := CASE WHEN p_delay THEN interval '1 day' ELSE interval '15 minutes' END;
    lock_s integer := 0;
BEGIN
    SELECT * INTO tried FROM attempt a WHERE a.subject = p_subject FOR UPDATE;
    tried.failures := CASE WHEN tried.last_at < clock_timestamp() - memory THEN 1 ELSE tried.failures + 1 END;
    IF tried.failures % p_limit = 0 THEN
        lock_s := least(p_lock_min * 60 * 2 ^ least(tried.failures / p_limit - 1, 10), 28800);
    END IF;
    UPDATE attempt a
    SET failures = tried.failures, last_at = clock_timestamp(),
        locked_until = CASE WHEN lock_s > 0 THEN clock_timestamp() + make_interval(secs => lock_s) ELSE a.locked_until END,
        next_at = CASE WHEN p_delay AND tried.failures % p_limit > 1
                       THEN clock_timestamp() + make_interval(secs => 2 ^ least(tried.failures % p_limit - 1, 5)) END
    WHERE a.subject = p_subject;
    RETURN lock_s;
END $$;

-- First half: somebody says who he is, with what proves it. Nothing is answered here, and a failure is counted before anybody knows
-- whether it is one: a panel could ask, and roll back what was counted, as often as there are PINs. So the answer is given in a later
-- transaction, to what was committed; it takes the failure back when the proof is right.
-- Whether anybody has the code or not, the same statements run.
CREATE OR REPLACE FUNCTION genba.claim(p_claim uuid, p_code text, p_badge text, p_station text, p_proof bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text := genba_guard.this_station(p_station);
    here text := 'station:' || me;
    who record := genba_guard.meant(p_code, p_badge);
    policy security_policy%ROWTYPE;
    person genba_guard.attempt%ROWTYPE;
    panel genba_guard.attempt%ROWTYPE;
    said genba_guard.claim%ROWTYPE;
    lock_s integer;
BEGIN
    PERFORM genba_guard.forget_claims(me);
    SELECT * INTO policy FROM security_policy p WHERE p.id = 1;
    said.decided := true;
    said.wait_s := 0;
    said.locked_station := false;
    INSERT INTO genba_guard.attempt (subject, last_at) VALUES (here, clock_timestamp()) ON CONFLICT (subject) DO NOTHING;
    SELECT * INTO panel FROM genba_guard.attempt a WHERE a.subject = here FOR UPDATE;
    IF panel.locked_until > clock_timestamp() THEN
        said.outcome := 'station_locked';
        said.wait_s := ceil(extract(epoch FROM panel.locked_until - clock_timestamp()));
    ELSE
        INSERT INTO genba_guard.attempt (subject, last_at) VALUES (who.subject, clock_timestamp()) ON CONFLICT (subject) DO NOTHING;
        SELECT * INTO person FROM genba_guard.attempt a WHERE a.subject = who.subject FOR UPDATE;
        IF person.locked_until > clock_timestamp() THEN
            said.outcome := 'locked';
            said.wait_s := ceil(extract(epoch FROM person.locked_until - clock_timestamp()));
        ELSIF person.next_at > clock_timestamp() THEN
            said.outcome := 'wait';
            said.wait_s := ceil(extract(epoch FROM person.next_at - clock_timestamp()));
        ELSE
            said.decided := false;
            said.outcome := CASE WHEN who.badge = 'blocked' THEN 'badge_blocked' ELSE 'wrong' END;
            lock_s := genba_guard.count_failure(here, policy.station_tries, policy.lock_min, false);
            IF lock_s > 0 THEN
                said.outcome := 'station_locked';
                said.wait_s := lock_s;
                said.locked_station := true;
            END IF;
            lock_s := genba_guard.count_failure(who.subject, policy.user_tries, policy.lock_min, true);
            IF lock_s > 0 THEN
                said.outcome := 'locked';
                said.wait_s := lock_s;
            END IF;
        END IF;
    END IF;
    INSERT INTO genba_guard.claim (id, station, subject, user_id, badge, shown, by_badge, hashed, decided, outcome, wait_s, locked_station, xid,
                                   made_at)
    VALUES (p_claim, me, who.subject, who.user_id, who.badge, genba_guard.typed_as_shown(p_code, p_badge), coalesce(p_badge, '') <> '',
            sha256(p_proof), said.decided, said.outcome, said.wait_s, said.locked_station, pg_current_xact_id(), clock_timestamp());
END $$;

-- Claims nobody asked about: their failures stay counted, and the audit tells of them. Codes mistyped once are not kept for ever.
CREATE OR REPLACE FUNCTION genba_guard.forget_claims(p_station text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba_guard, pg_temp AS $$
DECLARE
    gone claim%ROWTYPE;
BEGIN
    FOR gone IN DELETE FROM claim c WHERE c.station = p_station AND c.made_at < clock_timestamp() - interval '2 minutes' RETURNING * LOOP
        PERFORM note_attempt('users:session:start', 'unasked', p_station, gone.shown, gone.by_badge, NULL, NULL, '{}');
    END LOOP;
    DELETE FROM attempt a WHERE a.last_at < clock_timestamp() - interval '7 days' AND coalesce(a.locked_until, a.last_at) < clock_timestamp();
END $$;

-- Second half, in a later transaction. outcome: 'ok', 'wrong', 'wait' (seconds), 'locked', 'station_locked' (seconds), 'badge_blocked'.
CREATE OR REPLACE FUNCTION genba_guard.answer(
    p_claim uuid, p_station text, OUT outcome text, OUT wait_s integer, OUT user_id integer, OUT shown text, OUT by_badge boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    said genba_guard.claim%ROWTYPE;
    kept bytea;
BEGIN
    DELETE FROM genba_guard.claim c
    WHERE c.id = p_claim AND c.station = p_station AND c.xid <> pg_current_xact_id() AND c.made_at > clock_timestamp() - interval '2 minutes'
    RETURNING * INTO said;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nobody has said who he is, in a transaction of its own' USING ERRCODE = 'GB004';
    END IF;
    outcome := said.outcome;
    wait_s := said.wait_s;
    shown := said.shown;
    by_badge := said.by_badge;
    IF said.decided THEN
        RETURN;
    END IF;
    SELECT c.verifier INTO kept FROM app_user u JOIN credential c ON c.user_id = u.id
    WHERE u.id = said.user_id AND u.active AND u.retired_at IS NULL;
    IF kept = said.hashed AND said.badge IN ('', 'good') THEN
        outcome := 'ok';
        wait_s := NULL;
        user_id := said.user_id;
        UPDATE genba_guard.attempt a
        SET failures = greatest(a.failures - 1, 0), locked_until = CASE WHEN said.locked_station THEN NULL ELSE a.locked_until END
        WHERE a.subject = 'station:' || p_station;
        DELETE FROM genba_guard.attempt a WHERE a.subject = said.subject;
    END IF;
END $$;

-- Why a person must change his PIN or password before anything else: 'first' somebody else gave it, 'aged', '' he need not.
CREATE OR REPLACE FUNCTION genba_guard.why_change(p_user integer) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT CASE WHEN c.must_change THEN 'first'
                WHEN p.secret_days > 0 AND c.changed_at < clock_timestamp() - make_interval(days => p.secret_days) THEN 'aged' ELSE '' END
    FROM credential c CROSS JOIN security_policy p WHERE c.user_id = p_user AND p.id = 1
$$;

-- What a panel may know of somebody who has proved himself; rules: where the site decided otherwise than the roles say.
CREATE OR REPLACE FUNCTION genba_guard.who_is(p_user integer)
RETURNS TABLE (user_code text, name jsonb, language text, roles text[], rules jsonb, why_change text, pin_digits integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT u.code::text, u.name, u.language::text, genba_guard.roles_of(u.id),
           coalesce((SELECT jsonb_agg(jsonb_build_array(r.code, w.permission, l.code, w.allowed))
                     FROM role_rule w JOIN role r ON r.id = w.role_id LEFT JOIN line l ON l.id = w.line_id
                     WHERE r.code = ANY(genba_guard.roles_of(u.id))), '[]'),
           coalesce(genba_guard.why_change(u.id), ''), (SELECT p.pin_digits::integer FROM security_policy p WHERE p.id = 1)
    FROM app_user u WHERE u.id = p_user
$$;

-- What an audit row shows of what was typed. Digits where the code belongs are often the PIN, one field too early: they are not
-- kept, and never what a badge says.
CREATE OR REPLACE FUNCTION genba_guard.typed_as_shown(p_code text, p_badge text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT CASE
        WHEN coalesce(p_badge, '') <> '' THEN coalesce((SELECT '…' || b.label FROM badge b WHERE b.digest = genba_guard.badge_digest(p_badge)), '•••')
        WHEN btrim(coalesce(p_code, '')) ~ '^[0-9]*$' THEN '•••'
        ELSE left(btrim(p_code), 50) END
$$;

-- The audit row of an attempt; p_user: who proved himself, NULL for nobody.
CREATE OR REPLACE FUNCTION genba_guard.note_attempt(
    p_what text, p_outcome text, p_station text, p_shown text, p_by_badge boolean, p_user integer, p_session uuid, p_detail jsonb
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    person record;
BEGIN
    SELECT u.code, coalesce(u.name ->> u.language, u.code) AS shown INTO person FROM app_user u WHERE u.id = p_user;
    PERFORM genba_guard.audit_write(
        p_station, NULL, p_what, p_outcome, coalesce(person.code, 'guest'), coalesce(person.shown, 'guest'), p_session, NULL, '[]', '',
        jsonb_build_object('user', CASE WHEN p_by_badge THEN p_shown ELSE coalesce(person.code, p_shown) END, 'badge', p_by_badge) || p_detail);
END $$;

-- Opens a session for a claim. The caller gives the session's id (its own clock makes identifiers) and commits in any case.
CREATE OR REPLACE FUNCTION genba.sign_in(p_session uuid, p_claim uuid, p_station text, p_station_time timestamptz)
RETURNS TABLE (outcome text, wait_s integer, token text, expires_at timestamptz, also_at text[],
               user_code text, name jsonb, language text, roles text[], rules jsonb, why_change text, pin_digits integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text := genba_guard.this_station(p_station);
    checked record := genba_guard.answer(p_claim, me);
    gone record;
    fresh text;
    key bytea;
    ends timestamptz;
BEGIN
    IF checked.outcome <> 'ok' THEN
        PERFORM genba_guard.note_attempt('users:session:start', checked.outcome, me, checked.shown, checked.by_badge, NULL, NULL, '{}');
        RETURN QUERY SELECT checked.outcome, checked.wait_s, NULL::text, NULL::timestamptz, NULL::text[], NULL::text, NULL::jsonb, NULL::text,
                            NULL::text[], NULL::jsonb, NULL::text, NULL::integer;
        RETURN;
    END IF;
    fresh := encode(sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 'hex');
    key := sha256(convert_to('genba seal ' || fresh, 'UTF8'));
    -- One panel, one person: whoever was signed in here before is signed off.
    FOR gone IN UPDATE session s SET ended_at = greatest(clock_timestamp(), s.started_at) WHERE s.station = me AND s.ended_at IS NULL
                RETURNING s.id, s.user_id, s.expires_at < clock_timestamp() AS expired LOOP
        PERFORM genba_guard.note_attempt('users:session:end', CASE WHEN gone.expired THEN 'expired' ELSE 'switched' END, me, '', false,
                                         gone.user_id, gone.id, '{}');
    END LOOP;
    ends := clock_timestamp() + make_interval(hours => (SELECT p.session_h::integer FROM security_policy p WHERE p.id = 1));
    INSERT INTO session (id, user_id, station, token_hash, started_at, expires_at, roles, seal_inner, seal_outer, clock_ahead_s)
    VALUES (p_session, checked.user_id, me, sha256(convert_to(fresh, 'UTF8')), clock_timestamp(), ends,
            to_jsonb(genba_guard.roles_of(checked.user_id)), genba_guard.pad(key, 54), genba_guard.pad(key, 92),
            coalesce(extract(epoch FROM p_station_time - clock_timestamp()), 0));
    RETURN QUERY
        SELECT 'ok'::text, NULL::integer, fresh, ends,
               ARRAY(SELECT s.station::text FROM session s
                     WHERE s.user_id = checked.user_id AND s.id <> p_session AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
                     ORDER BY s.started_at),
               w.* FROM genba_guard.who_is(checked.user_id) w;
    PERFORM genba_guard.note_attempt('users:session:start', 'signed_in', me, checked.shown, checked.by_badge, checked.user_id, p_session,
                                     '{}');
END $$;

-- Who a token stands for now, at this station; no row when the session ended or expired, or the person's access was taken away.
CREATE OR REPLACE FUNCTION genba.session_of(p_token text, p_station text)
RETURNS TABLE (session_id uuid, expires_at timestamptz, also_at text[], user_code text, name jsonb, language text, roles text[], rules jsonb,
               why_change text, pin_digits integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT s.id, s.expires_at,
           ARRAY(SELECT o.station::text FROM session o
                 WHERE o.user_id = s.user_id AND o.id <> s.id AND o.ended_at IS NULL AND o.expires_at > clock_timestamp() ORDER BY o.started_at),
           w.*
    FROM session s JOIN app_user u ON u.id = s.user_id CROSS JOIN LATERAL genba_guard.who_is(s.user_id) w
    WHERE s.token_hash = sha256(convert_to(p_token, 'UTF8')) AND s.station = genba_guard.this_station(p_station)
      AND s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND u.active AND u.retired_at IS NULL
$$;

CREATE OR REPLACE FUNCTION genba.sign_out(p_token text, p_station text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text := genba_guard.this_station(p_station);
    gone record;
BEGIN
    UPDATE session s SET ended_at = greatest(clock_timestamp(), s.started_at)
    WHERE s.token_hash = sha256(convert_to(p_token, 'UTF8')) AND s.station = me AND s.ended_at IS NULL RETURNING s.id, s.user_id INTO gone;
    IF FOUND THEN
        PERFORM genba_guard.note_attempt('users:session:end', 'signed_out', me, '', false, gone.user_id, gone.id, '{}');
    END IF;
END $$;

-- A person proves himself, by a claim, for one request that is just being made. p_purpose:
--   signature      he signs it, with the meaning its operation declares
--   authorisation  he lets the person who is signed in do it this once, because he himself may
--   self           the person who is signed in proves that it is still he, before his PIN is changed
CREATE OR REPLACE FUNCTION genba.prove_for(p_token text, p_station text, p_request uuid, p_operation text, p_purpose text, p_claim uuid)
RETURNS TABLE (outcome text, wait_s integer, user_code text, name jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text := genba_guard.this_station(p_station);
    here record;
    checked record;
BEGIN
    IF p_request IS NULL OR p_purpose IS NULL OR p_purpose NOT IN ('signature', 'authorisation', 'self') THEN
        RAISE EXCEPTION 'one proves himself for a request and a purpose' USING ERRCODE = 'GB004';
    END IF;
    SELECT s.id, s.user_id INTO here FROM session s JOIN app_user u ON u.id = s.user_id
    WHERE s.token_hash = sha256(convert_to(p_token, 'UTF8')) AND s.station = me AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
      AND u.active AND u.retired_at IS NULL;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'session_over'::text, NULL::integer, NULL::text, NULL::jsonb;
        RETURN;
    END IF;
    checked := genba_guard.answer(p_claim, me);
    IF checked.outcome = 'ok' AND p_purpose = 'self' AND checked.user_id <> here.user_id THEN
        checked.outcome := 'wrong';
    ELSIF checked.outcome = 'ok' AND p_purpose = 'authorisation' AND checked.user_id = here.user_id THEN
        checked.outcome := 'not_yourself';
    ELSIF checked.outcome = 'ok' AND p_purpose <> 'self' AND genba_guard.why_change(checked.user_id) <> '' THEN
        checked.outcome := 'must_change';
    ELSIF checked.outcome = 'ok' AND p_purpose <> 'self'
          AND p_operation <> 'equipment:tag:write' AND genba_guard.lines_of(genba_guard.roles_of(checked.user_id), p_operation) = '{}' THEN
        checked.outcome := 'no_right';
    END IF;
    PERFORM genba_guard.note_attempt(
        'users:' || p_purpose || ':verify', CASE checked.outcome WHEN 'ok' THEN 'verified' ELSE checked.outcome END, me, checked.shown,
        checked.by_badge, CASE WHEN checked.outcome IN ('ok', 'no_right', 'must_change', 'not_yourself') THEN checked.user_id END, here.id,
        jsonb_build_object('operation', left(p_operation, 100), 'request', p_request));
    IF checked.outcome <> 'ok' THEN
        RETURN QUERY SELECT checked.outcome, checked.wait_s, NULL::text, NULL::jsonb;
        RETURN;
    END IF;
    INSERT INTO genba_guard.ticket (request_id, purpose, operation, meaning, user_id, session_id, station, proved_at)
    VALUES (p_request, p_purpose, p_operation, (SELECT d.meaning FROM genba_guard.declared d WHERE d.name = p_operation), checked.user_id,
            here.id, me, clock_timestamp());
    DELETE FROM genba_guard.ticket t WHERE t.proved_at < clock_timestamp() - interval '1 day';
    RETURN QUERY SELECT 'ok'::text, NULL::integer, u.code::text, u.name FROM app_user u WHERE u.id = checked.user_id;
END $$;

-- ---- changing what proves a person ------------------------------------------------------------------------------------

-- Only inside one of the four operations that may; each for whom it is meant. True when it was set: applying a site file gives a
-- first one and never replaces one. p_same: the new one derived with the old salt, so that a change changes something.
CREATE OR REPLACE FUNCTION genba.set_credential(p_code text, p_salt bytea, p_verifier bytea, p_time_cost integer, p_memory_kib integer,
                                                p_parallelism integer, p_must_change boolean, p_same bytea)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    target integer := (SELECT u.id FROM app_user u WHERE upper(u.code) = upper(btrim(p_code)));
    work genba_guard.open_work%ROWTYPE;
    old credential%ROWTYPE;
BEGIN
    SELECT * INTO work FROM genba_guard.open_work w WHERE w.xid = pg_current_xact_id() AND w.kind = 'operation';
    IF NOT FOUND OR work.operation NOT IN ('users:pin:set', 'users:pin:reset', 'users:user:create', 'equipment:site:apply') THEN
        RAISE EXCEPTION 'a credential is set by an operation on users only' USING ERRCODE = 'GB001';
    END IF;
    IF target IS NULL THEN
        RETURN 'unknown';
    END IF;
    SELECT * INTO old FROM credential c WHERE c.user_id = target;
    IF work.operation IN ('equipment:site:apply', 'users:user:create') AND old.user_id IS NOT NULL THEN
        RETURN 'there';
    END IF;
    IF work.operation = 'users:pin:set' THEN
        UPDATE genba_guard.ticket t SET used_at = clock_timestamp()
        WHERE t.request_id = work.request_id AND t.purpose = 'self' AND t.session_id = work.session_id AND t.used_at IS NULL
          AND t.proved_at > clock_timestamp() - interval '2 minutes';
        IF NOT FOUND OR target IS DISTINCT FROM work.user_id THEN
            RAISE EXCEPTION 'a person changes his own PIN, and proves himself first' USING ERRCODE = 'GB001';
        END IF;
        IF old.verifier = sha256(p_same) THEN
            RETURN 'same';
        END IF;
    END IF;
    INSERT INTO credential (user_id, salt, verifier, time_cost, memory_kib, parallelism, must_change, changed_at)
    VALUES (target, p_salt, p_verifier, p_time_cost, p_memory_kib, p_parallelism,
            CASE work.operation WHEN 'users:pin:set' THEN false WHEN 'equipment:site:apply' THEN p_must_change ELSE true END, clock_timestamp())
    ON CONFLICT (user_id) DO UPDATE
    SET salt = excluded.salt, verifier = excluded.verifier, time_cost = excluded.time_cost, memory_kib = excluded.memory_kib,
        parallelism = excluded.parallelism, must_change = excluded.must_change, changed_at = excluded.changed_at;
    DELETE FROM genba_guard.attempt a WHERE a.subject = 'user:' || upper(btrim(p_code));
    -- Whoever knew the old one is signed off everywhere else, and cannot sign in offline with it any more.
    UPDATE session s SET ended_at = greatest(clock_timestamp(), s.started_at)
    WHERE s.user_id = target AND s.ended_at IS NULL AND s.id IS DISTINCT FROM work.session_id;
    UPDATE genba_guard.offline_key k SET ended_at = clock_timestamp() WHERE k.user_id = target AND k.ended_at IS NULL;
    RETURN 'set';
END $$;

-- The salt of one's own credential, to tell whether a new PIN is the old one.
CREATE OR REPLACE FUNCTION genba.codes_with_credential() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT u.code::text FROM credential c JOIN app_user u ON u.id = c.user_id
$$;

CREATE OR REPLACE FUNCTION genba.give_badge(p_id uuid, p_user integer, p_badge text, p_label text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM genba_guard.open_work w WHERE w.xid = pg_current_xact_id() AND w.operation = 'users:badge:give') THEN
        RAISE EXCEPTION 'a badge is given by an operation only' USING ERRCODE = 'GB001';
    END IF;
    INSERT INTO badge (id, user_id, digest, label) VALUES (p_id, p_user, genba_guard.badge_digest(p_badge), p_label);
EXCEPTION WHEN unique_violation THEN
    -- PostgreSQL's own words would show the digest.
    RAISE EXCEPTION 'somebody has this badge, or had it' USING ERRCODE = 'unique_violation', CONSTRAINT = 'uq_badge_digest';
END $$;

-- Ends the open sessions of a user, all of them or all but the one that asks.
CREATE OR REPLACE FUNCTION genba.end_sessions(p_user integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    work genba_guard.open_work%ROWTYPE;
    ended integer;
BEGIN
    SELECT * INTO work FROM genba_guard.open_work w WHERE w.xid = pg_current_xact_id() AND w.kind = 'operation';
    IF NOT FOUND OR work.operation NOT IN ('users:session:revoke', 'users:badge:block') THEN
        RAISE EXCEPTION 'sessions are ended by an operation only' USING ERRCODE = 'GB001';
    END IF;
    UPDATE session s SET ended_at = greatest(clock_timestamp(), s.started_at)
    WHERE s.user_id = p_user AND s.ended_at IS NULL AND s.id IS DISTINCT FROM work.session_id;
    GET DIAGNOSTICS ended = ROW_COUNT;
    UPDATE genba_guard.offline_key k SET ended_at = clock_timestamp() WHERE k.user_id = p_user AND k.ended_at IS NULL;
    RETURN ended;
END $$;

-- Whoever loses his access loses his sessions with it, and the keys with which stations would let him in offline.
CREATE OR REPLACE FUNCTION genba_guard.end_sessions_of_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
BEGIN
    UPDATE session SET ended_at = greatest(clock_timestamp(), started_at) WHERE user_id = NEW.id AND ended_at IS NULL;
    UPDATE genba_guard.offline_key SET ended_at = clock_timestamp() WHERE user_id = NEW.id AND ended_at IS NULL;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER end_sessions AFTER UPDATE OF active, retired_at ON genba.app_user
FOR EACH ROW WHEN (NOT NEW.active OR NEW.retired_at IS NOT NULL) EXECUTE FUNCTION genba_guard.end_sessions_of_user();
DROP FUNCTION IF EXISTS genba.end_sessions_of_user();

-- ---- without the database ---------------------------------------------------------------------------------------------

-- The key under which this station seals what the person decides there while the database is away. Only where an administrator
-- allowed it for this station; a new one replaces the old. No row where it is not allowed.
CREATE OR REPLACE FUNCTION genba.offline_key(p_token text, p_station text)
RETURNS TABLE (key text, expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text := genba_guard.this_station(p_station);
    hours integer := (SELECT s.offline_h::integer FROM station s WHERE s.code = me AND s.revoked_at IS NULL);
    here record;
    fresh bytea;
BEGIN
    SELECT s.user_id, s.clock_ahead_s INTO here FROM session s JOIN app_user u ON u.id = s.user_id
    WHERE s.token_hash = sha256(convert_to(p_token, 'UTF8')) AND s.station = me AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
      AND u.active AND u.retired_at IS NULL;
    IF here.user_id IS NULL OR coalesce(hours, 0) = 0 OR genba_guard.why_change(here.user_id) <> '' THEN
        RETURN;
    END IF;
    fresh := sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'));
    -- What was sealed with the one before is still believed when it comes home.
    UPDATE genba_guard.offline_key k SET ended_at = clock_timestamp() WHERE k.user_id = here.user_id AND k.station = me AND k.ended_at IS NULL;
    DELETE FROM genba_guard.offline_key k WHERE k.expires_at < clock_timestamp() - interval '60 days';
    INSERT INTO genba_guard.offline_key (user_id, station, roles, seal_inner, seal_outer, issued_at, expires_at, clock_ahead_s)
    VALUES (here.user_id, me, genba_guard.roles_of(here.user_id), genba_guard.pad(fresh, 54), genba_guard.pad(fresh, 92),
            clock_timestamp(), clock_timestamp() + make_interval(hours => hours), here.clock_ahead_s);
    RETURN QUERY SELECT encode(fresh, 'hex'), clock_timestamp() + make_interval(hours => hours);
END $$;

-- Codes of those whom the database still lets in at this station while it is away.
CREATE OR REPLACE FUNCTION genba.offline_people(p_station text) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = genba, pg_temp AS $$
    SELECT u.code::text FROM genba_guard.offline_key k JOIN app_user u ON u.id = k.user_id
    JOIN station s ON s.code = k.station
    WHERE k.station = genba_guard.this_station(p_station) AND k.ended_at IS NULL AND k.expires_at > clock_timestamp() AND s.offline_h > 0 AND s.revoked_at IS NULL
      AND u.active AND u.retired_at IS NULL
$$;

-- What happened at a station while it could not ask: every try is counted here as if it had been made here, and audited as the
-- station's word. Believed only of people whom this station may let in without asking, and for each key as many wrong tries as the
-- station itself allows: otherwise a panel could lock out everybody, or say that somebody was here who never was.
-- p_tries: [{"user", "badge", "outcome", "at", "session_id"}], outcome 'signed_in', 'wrong' or 'signed_out'.
CREATE OR REPLACE FUNCTION genba.merge_offline(p_station text, p_tries jsonb) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = genba, pg_temp AS $$
DECLARE
    me text := genba_guard.this_station(p_station);
    policy security_policy%ROWTYPE;
    one jsonb;
    person record;
    counted smallint;
    merged integer := 0;
    allowed constant smallint := 10;
BEGIN
    SELECT * INTO policy FROM security_policy p WHERE p.id = 1;
    FOR one IN SELECT t FROM jsonb_array_elements(p_tries) t LIMIT 1000 LOOP
        SELECT u.id, u.code, k.id AS key INTO person FROM app_user u JOIN genba_guard.offline_key k ON k.user_id = u.id AND k.station = me
        WHERE upper(u.code) = upper(one ->> 'user') ORDER BY k.id DESC LIMIT 1;
        IF person.id IS NOT NULL AND one ->> 'outcome' = 'wrong' THEN
            UPDATE genba_guard.offline_key k SET failures = k.failures + 1 WHERE k.id = person.key AND k.failures < allowed
            RETURNING k.failures INTO counted;
            IF FOUND THEN
                INSERT INTO genba_guard.attempt (subject, last_at)
                VALUES ('user:' || upper(person.code), clock_timestamp()), ('station:' || me, clock_timestamp())
                ON CONFLICT (subject) DO NOTHING;
                PERFORM genba_guard.count_failure('user:' || upper(person.code), policy.user_tries, policy.lock_min, true);
                PERFORM genba_guard.count_failure('station:' || me, policy.station_tries, policy.lock_min, false);
            END IF;
        END IF;
        PERFORM genba_guard.note_attempt(
            CASE one ->> 'outcome' WHEN 'signed_out' THEN 'users:session:end' ELSE 'users:session:start' END,
            CASE WHEN person.id IS NOT NULL AND one ->> 'outcome' IN ('signed_in', 'wrong', 'signed_out') THEN one ->> 'outcome'
                 ELSE 'unknown' END, me,
            coalesce(person.code, genba_guard.typed_as_shown(one ->> 'user', '')), false,
            CASE WHEN one ->> 'outcome' <> 'wrong' THEN person.id END, (one ->> 'session_id')::uuid,
            jsonb_build_object('offline', true, 'at', left(one ->> 'at', 40)));
        merged := merged + 1;
    END LOOP;
    RETURN merged;
END $$;

GRANT EXECUTE ON FUNCTION genba.credential_params(text, text), genba.claim(uuid, text, text, text, bytea),
    genba.sign_in(uuid, uuid, text, timestamptz),
    genba.session_of(text, text), genba.sign_out(text, text), genba.codes_with_credential(),
    genba.prove_for(text, text, uuid, text, text, uuid), genba.give_badge(uuid, integer, text, text), genba.end_sessions(integer),
    genba.set_credential(text, bytea, bytea, integer, integer, integer, boolean, bytea), genba.offline_key(text, text),
    genba.offline_people(text), genba.merge_offline(text, jsonb) TO genba_station;
