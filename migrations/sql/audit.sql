-- The audit chain: one per station, written by one function, changed by nobody.
-- Runs after the tables exist; every statement may be repeated.

-- SHA-256 over the previous hash and the fields in order. Each field stands with its length in bytes, a missing one
-- as "-", so that no two different rows have the same text.
CREATE OR REPLACE FUNCTION genba.audit_digest(previous bytea, VARIADIC fields text[]) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT sha256(previous || convert_to(string_agg(coalesce(octet_length(f)::text || ':' || f, '-'), ',' ORDER BY n), 'UTF8'))
    FROM unnest(fields) WITH ORDINALITY AS t(f, n)
$$;

CREATE OR REPLACE FUNCTION genba.audit_append(
    p_station text,
    p_request_id uuid,
    p_operation text,
    p_outcome text,
    p_user_code text,
    p_user_name text,
    p_session_id uuid,
    p_decided_at timestamptz,
    p_changes jsonb,
    p_reason text,
    p_detail jsonb
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    head genba.audit_head%ROWTYPE;
    stamp timestamptz;
    digest bytea;
BEGIN
    IF coalesce(p_station, '') = '' THEN
        RAISE EXCEPTION 'an audit row names its station' USING ERRCODE = 'check_violation';
    END IF;
    SELECT * INTO head FROM genba.audit_head WHERE station = p_station FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO genba.audit_head (station, seq, hash, at)
        VALUES (p_station, 0, decode(repeat('00', 32), 'hex'), clock_timestamp())
        ON CONFLICT (station) DO NOTHING;
        SELECT * INTO STRICT head FROM genba.audit_head WHERE station = p_station FOR UPDATE;
    END IF;
    -- Read after the lock: within one chain time never runs backwards unless the server's clock does.
    stamp := clock_timestamp();
    digest := genba.audit_digest(
        head.hash,
        p_station,
        (head.seq + 1)::text,
        (extract(epoch FROM stamp) * 1000000)::bigint::text,
        (extract(epoch FROM p_decided_at) * 1000000)::bigint::text,
        p_request_id::text,
        p_operation,
        p_outcome,
        p_user_code,
        p_user_name,
        p_session_id::text,
        p_changes::text,
        p_reason,
        p_detail::text,
        session_user::text
    );
    INSERT INTO genba.audit (
        station, seq, at, decided_at, request_id, operation, outcome, user_code, user_name, session_id,
        changes, reason, detail, database_user, previous_hash, hash
    ) VALUES (
        p_station, head.seq + 1, stamp, p_decided_at, p_request_id, p_operation, p_outcome, p_user_code, p_user_name, p_session_id,
        p_changes, p_reason, p_detail, session_user, head.hash, digest
    );
    UPDATE genba.audit_head SET seq = head.seq + 1, hash = digest, at = stamp WHERE station = p_station;
    RETURN head.seq + 1;
END
$$;

CREATE OR REPLACE FUNCTION genba.audit_is_final() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'audit rows are never changed or removed' USING ERRCODE = 'insufficient_privilege';
END
$$;

DROP TRIGGER IF EXISTS audit_is_final ON genba.audit;
CREATE TRIGGER audit_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON genba.audit
    FOR EACH STATEMENT EXECUTE FUNCTION genba.audit_is_final();

REVOKE ALL ON FUNCTION genba.audit_append(text, uuid, text, text, text, text, uuid, timestamptz, jsonb, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION genba.audit_append(text, uuid, text, text, text, text, uuid, timestamptz, jsonb, text, jsonb) TO genba_station;

-- An applied request is a fact about the past: its result is what a repetition is answered with.
REVOKE UPDATE ON genba.request FROM genba_station;
