"""What somebody with a stolen panel types into psql, as data: every line must be refused, or change and tell nothing.

``who``: *nobody*: the station's log-in, nobody signed in is used. *person*: with the living token of tanaka, an operator. *operation*:
inside an operation that tanaka has begun as he may. *other*: another station's log-in, with tanaka's token.

``answer``: *error*; *empty*: no rows; *nothing*: it may succeed; else what the first column must say. In every case the database is the
same afterwards. Words in «» are filled in by ``Plant.filled``.
"""

# ruff: noqa: E501 - one statement on one line, as it would be typed
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Who = Literal["nobody", "person", "operation", "other"]


@dataclass(frozen=True, slots=True)
class Hostile:
    """One attack in one transaction."""

    sql: str
    who: Who = "nobody"
    answer: str = "error"
    within: str = "production:order:start"


def _all(text: str, who: Who = "nobody", answer: str = "error", within: str = "production:order:start") -> Iterator[Hostile]:
    for line in text.strip().splitlines():
        if line.strip() and not line.startswith("--"):
            yield Hostile(line.strip(), who, answer, within)


SERVER = """
COPY genba.line TO PROGRAM 'cat > /tmp/genba-stolen'
COPY genba.line FROM PROGRAM 'id'
COPY genba.line TO '/tmp/genba-stolen'
COPY genba.unit FROM '/etc/passwd'
SELECT pg_read_file('PG_VERSION')
SELECT pg_read_binary_file('global/pg_control')
SELECT * FROM pg_ls_dir('.')
SELECT * FROM pg_ls_logdir()
SELECT pg_stat_file('PG_VERSION')
SELECT pg_current_logfile()
SELECT lo_import('/etc/passwd')
SELECT lo_create(0)
SELECT lo_from_bytea(0, repeat('x', 1000000)::bytea)
SELECT lo_creat(-1)
SELECT lo_unlink(1)
SELECT lowrite(0, 'x')
SELECT pg_logical_emit_message(false, 'genba', repeat('x', 1000000))
SELECT pg_create_logical_replication_slot('stolen', 'pgoutput')
SELECT pg_create_restore_point('x')
SELECT pg_switch_wal()
SELECT pg_promote()
SELECT pg_stat_reset()
SELECT pg_reload_conf()
SELECT pg_rotate_logfile()
SELECT pg_log_backend_memory_contexts(pg_backend_pid())
ALTER SYSTEM SET log_statement = 'none'
LOAD '/tmp/evil.so'
LOAD 'plpgsql'
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'genba_SEC2'
SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'genba_SEC2'
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'genba_admin'
PREPARE TRANSACTION 'for ever'
CHECKPOINT
"""

ROLES = """
SET ROLE genba_owner
SET ROLE genba_admin
SET ROLE "genba_SEC2"
SET LOCAL ROLE genba_owner
SET SESSION AUTHORIZATION genba_owner
SET SESSION AUTHORIZATION "genba_SEC2"
RESET ROLE; SET ROLE genba_admin
SET session_replication_role = replica
SELECT set_config('session_replication_role', 'replica', true)
SELECT set_config('role', 'genba_owner', true)
SET log_statement = 'none'
CREATE ROLE mine LOGIN SUPERUSER
ALTER ROLE CURRENT_USER SUPERUSER
ALTER ROLE CURRENT_USER BYPASSRLS
ALTER ROLE CURRENT_USER CONNECTION LIMIT -1
ALTER ROLE CURRENT_USER RENAME TO genba_boss
ALTER ROLE "genba_SEC2" PASSWORD 'mine'
ALTER ROLE "genba_SEC2" SET search_path = public
ALTER ROLE genba_owner LOGIN PASSWORD 'mine'
GRANT genba_owner TO CURRENT_USER
GRANT genba_station TO "genba_SEC2" WITH ADMIN OPTION
GRANT pg_read_all_data TO CURRENT_USER
DROP ROLE "genba_SEC2"
REASSIGN OWNED BY genba_owner TO CURRENT_USER
DROP OWNED BY genba_station
DROP OWNED BY genba_owner CASCADE
GRANT SELECT ON genba.credential TO CURRENT_USER
GRANT USAGE ON SCHEMA genba_guard TO CURRENT_USER
GRANT EXECUTE ON FUNCTION genba_guard.is_owner() TO PUBLIC
ALTER DEFAULT PRIVILEGES FOR ROLE genba_owner GRANT ALL ON TABLES TO PUBLIC
COMMENT ON TABLE genba.audit IS 'nothing to see'
"""

DEFINITIONS = """
CREATE SCHEMA mine
CREATE TABLE genba.mine (x int)
CREATE TABLE public.mine (x int)
CREATE TABLE genba_guard.mine (x int)
CREATE TEMP TABLE app_user (id int, code text, active boolean)
CREATE TEMP VIEW session AS SELECT 1 AS id
SELECT * INTO public.mine FROM genba.line
CREATE VIEW public.mine AS SELECT * FROM genba.work_order
CREATE MATERIALIZED VIEW genba.mine AS SELECT 1
CREATE FUNCTION genba.mine() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'
CREATE FUNCTION public.sha256(text) RETURNS bytea LANGUAGE sql AS 'SELECT NULL::bytea'
CREATE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1'
CREATE FUNCTION pg_catalog.lower(jsonb) RETURNS text LANGUAGE sql AS 'SELECT NULL'
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_catalog.textne)
CREATE CAST (text AS integer) WITH INOUT AS IMPLICIT
CREATE TYPE public.mine AS (x int)
CREATE DOMAIN public.mine AS int
CREATE AGGREGATE public.mine (int) (SFUNC = int4pl, STYPE = int)
CREATE SEQUENCE genba.mine
CREATE INDEX ON genba.work_order (note)
CREATE STATISTICS genba.mine ON code, name FROM genba.line
CREATE RULE quiet AS ON INSERT TO genba.audit DO INSTEAD NOTHING
CREATE TRIGGER mine BEFORE UPDATE ON genba.work_order FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()
CREATE POLICY mine ON genba.work_order USING (false)
CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION suppress_redundant_updates_trigger()
CREATE EXTENSION dblink
CREATE EXTENSION file_fdw
CREATE EXTENSION pgcrypto
CREATE LANGUAGE plpython3u
CREATE FOREIGN DATA WRAPPER mine
CREATE SERVER mine FOREIGN DATA WRAPPER postgres_fdw
CREATE PUBLICATION mine FOR TABLE genba.session
CREATE SUBSCRIPTION mine CONNECTION 'host=evil' PUBLICATION p
CREATE COLLATION public.mine FROM "C"
ALTER TABLE genba.work_order DISABLE TRIGGER ALL
ALTER TABLE genba.work_order DISABLE TRIGGER guard_update
ALTER TABLE genba.work_order OWNER TO CURRENT_USER
ALTER TABLE genba.work_order DROP CONSTRAINT ck_work_order_planned_positive
ALTER TABLE genba.audit SET UNLOGGED
DROP TRIGGER guard_update ON genba.work_order
DROP TRIGGER is_final ON genba.audit
DROP TABLE genba.audit CASCADE
DROP SCHEMA genba CASCADE
DROP FUNCTION genba.end_operation(jsonb, text, jsonb)
CREATE OR REPLACE FUNCTION genba_guard.is_owner() RETURNS boolean LANGUAGE sql AS 'SELECT true'
ALTER FUNCTION genba.begin_operation(text, text, jsonb) SET search_path = pg_temp
ALTER FUNCTION genba.begin_operation(text, text, jsonb) SECURITY INVOKER
ALTER DATABASE «database» SET search_path = public
REINDEX TABLE genba.work_order
CLUSTER genba.work_order USING pk_work_order
"""

READING = """
SELECT * FROM genba.credential
SELECT verifier FROM genba.credential
SELECT count(*) FROM genba.credential
COPY genba.credential TO STDOUT
SELECT secret FROM genba.sign_in_secret
SELECT token_hash FROM genba.session
SELECT seal_inner, seal_outer FROM genba.session
SELECT s FROM genba.session s
SELECT to_jsonb(s) FROM genba.session s
SELECT * FROM genba.session
SELECT 1 FROM genba.session WHERE token_hash IS NOT NULL
SELECT id FROM genba.session ORDER BY seal_inner
SELECT digest FROM genba.badge
SELECT row_to_json(b) FROM genba.badge b
UPDATE genba.badge SET blocked_at = now(), blocked_reason = 'x' RETURNING digest
SELECT * FROM genba_guard.attempt
SELECT * FROM genba_guard.claim
SELECT * FROM genba_guard.ticket
SELECT * FROM genba_guard.offline_key
SELECT * FROM genba_guard.open_work
SELECT * FROM genba_guard.change
SELECT * FROM genba_guard.declared
SELECT * FROM genba_guard.local_login
SELECT rolpassword FROM pg_authid
SELECT passwd FROM pg_shadow
SELECT * FROM pg_statistic
SELECT * FROM pg_hba_file_rules
SELECT * FROM pg_largeobject
SELECT genba_guard.badge_digest('x')
SELECT genba_guard.is_owner()
SELECT genba_guard.roles_of(1)
SELECT genba_guard.who('x', 'SEC1', '{}', false)
SELECT genba_guard.answer(gen_random_uuid(), 'SEC1')
SELECT genba_guard.audit_write('SEC2', NULL, 'x', 'done', 'boss', 'boss', NULL, NULL, '[]', '', '{}')
SELECT genba_guard.declare('[]', '{"operator": ["*"]}', 'x')
SELECT genba_guard.watch('work_order', 'x', '{}', 'none')
SELECT genba_guard.count_failure('user:ADMIN', 5, 15, true)
SELECT genba_guard.note_attempt('users:session:start', 'signed_in', 'SEC1', 'boss', false, 2, NULL, '{}')
SELECT nextval('genba.app_user_id_seq')
SELECT setval('genba.app_user_id_seq', 1)
SELECT last_value FROM genba.app_user_id_seq
"""

READING_NOTHING = """
SELECT most_common_vals FROM pg_stats WHERE schemaname = 'genba' AND tablename IN ('credential', 'sign_in_secret')
SELECT query FROM pg_stat_activity WHERE usename <> current_user AND query NOT IN ('', '<insufficient privilege>')
SELECT setting FROM pg_settings WHERE name IN ('data_directory', 'hba_file', 'config_file')
SELECT srvoptions FROM pg_foreign_server
"""

OUTSIDE = """
WITH changed AS (UPDATE genba.work_order SET planned = 1 RETURNING *) SELECT count(*) FROM changed
INSERT INTO genba.line (code, name, area_id, capacity_per_hour) SELECT code, name, area_id, 1 FROM genba.line ON CONFLICT (code) DO UPDATE SET capacity_per_hour = 1
MERGE INTO genba.work_order w USING genba.line l ON w.line_id = l.id WHEN MATCHED THEN UPDATE SET planned = 1
EXPLAIN ANALYZE UPDATE genba.work_order SET planned = 1
EXPLAIN (ANALYZE, BUFFERS) INSERT INTO genba.user_role (user_id, role_id) VALUES («tanaka», 5)
PREPARE p AS UPDATE genba.work_order SET planned = 1; EXECUTE p
DO $$ BEGIN EXECUTE 'UPDATE genba.' || 'work_order SET planned = 1'; END $$
DO $$ BEGIN UPDATE genba.work_order SET planned = 1; COMMIT; END $$
DECLARE c CURSOR FOR SELECT * FROM genba.work_order FOR UPDATE; FETCH c; UPDATE genba.work_order SET planned = 1 WHERE CURRENT OF c
SET CONSTRAINTS ALL DEFERRED; UPDATE genba.work_order SET planned = 1
SAVEPOINT a; UPDATE genba.work_order SET planned = 1; RELEASE a
SET search_path = pg_temp, public, genba; UPDATE work_order SET planned = 1
SET search_path = ''; UPDATE genba.work_order SET planned = 1
DELETE FROM genba.audit WHERE station = 'SEC2'
UPDATE genba.audit_head SET seq = 0
INSERT INTO genba.audit_head (station, seq, hash, at) VALUES ('SEC9', 1, '', now())
UPDATE genba.audit SET user_code = 'boss'
LOCK TABLE genba.audit IN EXCLUSIVE MODE
LOCK TABLE genba.credential IN SHARE MODE
SELECT * FROM genba.audit FOR UPDATE
SELECT * FROM genba.lease FOR UPDATE
UPDATE genba.lease SET holder = 'SEC1', expires_at = 'infinity'
DELETE FROM genba.lease
UPDATE genba.relay SET payload = '{}'
UPDATE genba.session SET ended_at = now()
UPDATE genba.session SET expires_at = now() + interval '10 years'
INSERT INTO genba.session (id, user_id, station, token_hash, started_at, expires_at) VALUES (gen_random_uuid(), «admin», 'SEC1', sha256('x'), now(), now() + interval '1 h')
UPDATE genba.station SET login = 'genba_SEC1' WHERE code = 'SEC2'
UPDATE genba.station SET revoked_at = now() WHERE code = 'SEC2'
UPDATE genba.station SET offline_h = 168
UPDATE genba.schema_compat SET oldest_program = '9'
UPDATE genba.alembic_version SET version_num = '0001'
INSERT INTO genba.role (code, name) VALUES ('root', '{"ja": "r", "en": "r"}')
SELECT genba.end_operation('null', '', '{}')
SELECT genba.set_credential('admin', repeat('x', 16)::bytea, sha256('x'), 1, 8192, 1, false, NULL)
SELECT genba.give_badge(gen_random_uuid(), «tanaka», 'x', 'x')
SELECT genba.end_sessions(«boss»)
SELECT genba.lock_sealed_tables()
SELECT * FROM genba.sign_in(gen_random_uuid(), gen_random_uuid(), NULL, now())
SELECT genba.claim('00000000-0000-0000-0000-000000000001', 'boss', '', NULL, 'x'); SELECT * FROM genba.sign_in(gen_random_uuid(), '00000000-0000-0000-0000-000000000001', NULL, now())
SELECT genba.claim(gen_random_uuid(), 'boss', '', 'SEC2', 'x')
SELECT genba.lease_acquire('sync', NULL, 'NaN')
SELECT genba.lease_acquire('sync', NULL, 'Infinity')
SELECT genba.lease_acquire('sync', NULL, -1)
SELECT genba.lease_acquire('sync', NULL, 1e9)
SELECT genba.lease_acquire('sync', NULL, NULL)
SELECT genba.lease_acquire('sync', 'SEC2', 60)
SELECT genba.lease_acquire(repeat('x', 1000), NULL, 60)
SELECT genba.lease_renew('source:PLC-2', NULL, 2, 'NaN')
SELECT genba.lease_renew('source:PLC-2', NULL, 2, NULL)
SELECT genba.lease_renew('source:PLC-1', 'SEC2', 3, 60)
SELECT genba.lease_release('source:PLC-1', 'SEC2', 3)
SELECT genba.relay_put('SEC2', 'PLC-1', 3, '{}')
SELECT genba.begin_evidence('SEC2', 'PLC-1', 3)
SELECT genba.present('SEC2', 'h', 'v', now())
SELECT * FROM genba.audit_anchor('SEC2')
SELECT genba.merge_offline('SEC2', '[]')
SELECT genba.session_of('x', 'SEC2')
SELECT genba.sign_out('x', 'SEC2')
SELECT genba.note_refusal(NULL, 'x', '{"station": "SEC2", "id": "00000000-0000-0000-0000-000000000001"}', '{}', true)
SELECT genba.station_of('SEC2')
SELECT genba.begin_evidence(NULL, 'PLC-2', 2); UPDATE genba.work_order SET completed = 1
SELECT genba.begin_evidence(NULL, 'PLC-2', 2); INSERT INTO genba.user_role (user_id, role_id) VALUES («tanaka», 5)
SELECT genba.begin_evidence(NULL, 'PLC-2', 2); INSERT INTO genba.count_event SELECT gen_random_uuid(), line_id, work_unit_id, NULL, 'good', 9, NULL, false, false, now(), 'PLC-1', 3, 99 FROM genba.count_event LIMIT 1
SELECT genba.begin_evidence(NULL, 'PLC-2', 2); INSERT INTO genba.count_event SELECT gen_random_uuid(), line_id, work_unit_id, NULL, 'good', 9, NULL, false, false, now(), 'PLC-2', 1, 99 FROM genba.count_event LIMIT 1
SELECT genba.begin_evidence(NULL, 'PLC-2', 2); INSERT INTO genba.count_event SELECT gen_random_uuid(), line_id, work_unit_id, NULL, 'good', 'NaN', NULL, false, false, now(), 'PLC-2', 2, 99 FROM genba.count_event LIMIT 1
SELECT genba.begin_evidence(NULL, 'PLC-2', 2); UPDATE genba.state_segment SET reason_code = 'D24', ended_at = now() WHERE source = 'PLC-1'
SELECT genba.begin_evidence(NULL, 'PLC-2', 2); UPDATE genba.count_event SET order_id = NULL, quantity = 0
SELECT genba.begin_evidence(NULL, 'PLC-2', 2); DELETE FROM genba.count_event
SELECT genba.begin_evidence(NULL, 'PLC-2', 2); SET CONSTRAINTS ALL IMMEDIATE; UPDATE genba.state_segment SET reason_code = 'D24'
SELECT genba.begin_evidence(NULL, 'PLC-1', 3); INSERT INTO genba.count_event SELECT * FROM genba.count_event
"""

WITH_ANSWER = (
    Hostile("SELECT genba.begin_evidence(NULL, 'PLC-1', 3)", answer="False"),
    Hostile("SELECT genba.begin_evidence(NULL, 'PLC-2', 1)", answer="False"),
    Hostile("SELECT genba.begin_evidence(NULL, NULL, NULL)", answer="False"),
    Hostile("SELECT genba.lease_acquire('source:PLC-1', NULL, 60)", answer="empty"),
    Hostile("SELECT genba.lease_renew('source:PLC-1', NULL, 3, 60)", answer="empty"),
    Hostile("SELECT genba.lease_release('source:PLC-1', NULL, 3)", answer="nothing"),
    Hostile("SELECT genba.relay_put(NULL, 'PLC-1', 3, '{}')", answer="nothing"),
    Hostile("SELECT genba.relay_put(NULL, 'PLC-2', 1, '{}')", answer="nothing"),
    Hostile("DO $$ BEGIN UPDATE genba.work_order SET planned = 1; EXCEPTION WHEN OTHERS THEN NULL; END $$", answer="nothing"),
    Hostile("REVOKE SELECT ON genba.line FROM genba_station", answer="nothing"),
    Hostile("GRANT SELECT ON genba.line TO PUBLIC", answer="nothing"),
    Hostile("REASSIGN OWNED BY genba_station TO CURRENT_USER", answer="nothing"),
    Hostile("LISTEN genba", answer="nothing"),
    Hostile("NOTIFY genba, 'order:*'", answer="nothing"),
    Hostile("SELECT genba.offline_key('x', NULL)", answer="empty"),
    Hostile("SELECT genba.session_of('x', NULL)", answer="empty"),
    Hostile("SELECT genba.sign_out('x', NULL)", answer="nothing"),
    Hostile("SELECT outcome FROM genba.prove_for('x', NULL, gen_random_uuid(), 'x', 'self', gen_random_uuid())", answer="session_over"),
    Hostile("SELECT genba.offline_key(«token», NULL)", who="person", answer="empty"),
    Hostile("SELECT genba.prove_for(«token», NULL, gen_random_uuid(), 'x', 'become', gen_random_uuid())", who="person"),
    Hostile("SELECT genba.prove_for(«token», NULL, NULL, 'x', 'self', gen_random_uuid())", who="person"),
    Hostile("SELECT genba.prove_for(«token», NULL, gen_random_uuid(), 'x', 'self', gen_random_uuid())", who="person"),
    Hostile("SELECT genba.session_of(«token», NULL)", who="other", answer="empty"),
    Hostile("SELECT genba.session_of(«token», 'SEC1')", who="other"),
    Hostile("SELECT genba.sign_out(«token», NULL)", who="other", answer="nothing"),
    Hostile("SELECT genba.offline_key(«token», NULL)", who="other", answer="empty"),
    Hostile(
        "SELECT outcome FROM genba.prove_for(«token», NULL, gen_random_uuid(), 'x', 'self', gen_random_uuid())", "other", "session_over"
    ),
)

_BEGIN = "SELECT outcome FROM genba.begin_operation({token}, '{operation}', {request})"


def begin(
    request: str, token: str = "NULL", operation: str = "production:order:start", who: Who = "nobody", answer: str = "denied"
) -> Hostile:
    """An attempt to begin an operation."""
    return Hostile(_BEGIN.format(token=token, operation=operation, request=request), who, answer)


BEGINNING = (
    begin("«request»"),
    begin("«request»", "''"),
    begin("«request»", "repeat('0', 64)"),
    begin("«request»", "repeat('x', 1000000)"),
    begin('«request» || \'{"user_code": "boss"}\''),
    begin('«request» || \'{"user_code": "setup", "user_name": "System", "session_id": null}\''),
    begin('«request» || \'{"station": "SEC2"}\'', answer="error"),
    begin('«request» || \'{"station": ""}\'', answer="error"),
    begin("«request» - 'id'", answer="error"),
    begin('«request» || \'{"id": "x"}\'', answer="error"),
    begin("«request» - 'operation'", answer="error"),
    begin("NULL", "«token»", who="person", answer="error"),
    begin("'[]'", "«token»", who="person", answer="error"),
    begin("«request»", "«token»", "production:order:pause", who="person", answer="error"),
    begin('«request» || \'{"decided_at": "infinity"}\'', answer="error"),
    begin('«request» || \'{"decided_at": "yesterday, honestly"}\'', "«token»", who="person", answer="error"),
    begin("«request» || jsonb_build_object('user_code', repeat('x', 1000000))"),
    begin("«request»", "«token»", who="other", answer="error"),
    begin('«request» || \'{"station": "SEC2"}\'', "«token»", who="other"),
    begin("«request:users:user:create»", "«token»", "users:user:create", who="person"),
    begin("«request:users:user:give_roles»", "«token»", "users:user:give_roles", who="person"),
    begin("«request:users:pin:reset»", "«token»", "users:pin:reset", who="person"),
    begin("«request:users:right:decide»", "«token»", "users:right:decide", who="person"),
    begin("«request:users:policy:change»", "«token»", "users:policy:change", who="person"),
    begin("«request:equipment:site:apply»", "«token»", "equipment:site:apply", who="person"),
    begin("«request:store:key:rotate»", "«token»", "store:key:rotate", who="person"),
    begin("«request:store:secret:set»", "«token»", "store:secret:set", who="person"),
    begin("«request:production:order:cancel»", "«token»", "production:order:cancel", who="person"),
    begin("«request:no:such:operation»", "«token»", "no:such:operation", who="person"),
    begin("«request:*»", "«token»", "*", who="person"),
    begin("«request:production:*»", "«token»", "production:*", who="person"),
    begin("«request:equipment:tag:write»", "«token»", "equipment:tag:write", who="person"),
    begin('«sealed» || \'{"args": "{\\"order_id\\": 1}"}\''),
    begin('«sealed» || \'{"user_code": "boss"}\''),
    begin("«sealed» || jsonb_build_object('id', gen_random_uuid())"),
    begin("«sealed» || jsonb_build_object('decided_at', now())"),
    begin('«sealed» || \'{"seal": "00"}\''),
    begin('«sealed» || \'{"seal": ""}\''),
    begin("«sealed» || jsonb_build_object('session_id', gen_random_uuid())"),
    begin("«sealed» || jsonb_build_object('session_id', (SELECT id FROM genba.session WHERE station = 'SEC2' LIMIT 1))"),
    begin("«sealed»", who="other", answer="error"),
    begin('«sealed» || \'{"station": "SEC2"}\'', who="other"),
    begin("«sealed:hours ago»"),
    begin("«sealed:in an hour»"),
    begin("«sealed:by another key»"),
    begin("«sealed:users:pin:reset»", operation="users:pin:reset"),
    begin("«sealed:production:report:correct»", operation="production:report:correct"),  # may, but nobody decides that without the database
)

INSIDE = """
INSERT INTO genba.user_role (user_id, role_id) SELECT «tanaka», id FROM genba.role WHERE code = 'administrator'
INSERT INTO genba.role_rule (role_id, permission, allowed) SELECT id, 'users:user:create', true FROM genba.role WHERE code = 'operator'
DELETE FROM genba.user_role
DELETE FROM genba.role_rule
UPDATE genba.app_user SET active = false WHERE code = 'admin'
UPDATE genba.app_user SET code = 'root' WHERE id = «tanaka»
UPDATE genba.security_policy SET user_tries = 10, session_h = 24
UPDATE genba.badge SET blocked_at = NULL, blocked_reason = ''
UPDATE genba.station SET offline_h = 168
UPDATE genba.tag SET write_high = 1e6
UPDATE genba.product SET target_yield = 100
UPDATE genba.blocker SET released_at = now(), released_by = 'ito'
UPDATE genba.lot SET quantity = 0
INSERT INTO genba.movement SELECT gen_random_uuid(), kind, product_id, NULL, NULL, NULL, 9, unit, '', NULL, NULL, '', 'tanaka', 'SEC1', now(), gen_random_uuid() FROM genba.movement
UPDATE genba.movement SET quantity = 1
UPDATE genba.quality_check SET result = 'PASS'
UPDATE genba.external_system SET active = false
UPDATE genba.inbox SET state = 'applied'
DELETE FROM genba.outbox
UPDATE genba.outbox SET state = 'sent'
UPDATE genba.outbox SET payload = '{"quantity": 0}'
INSERT INTO genba.outbox (id, system_id, topic, key, payload, station, not_before) SELECT gen_random_uuid(), id, 'x', 'x', '{}', 'SEC2', now() FROM genba.external_system
INSERT INTO genba.secret (name, value) VALUES ('system:ERP:password', 'x')
DELETE FROM genba.secret
INSERT INTO genba.site_key (id, made_by) VALUES ('00000000', 'tanaka')
INSERT INTO genba.audit SELECT * FROM genba.audit
UPDATE genba.audit SET user_code = 'boss'
DELETE FROM genba.audit
UPDATE genba.audit_head SET seq = 0
INSERT INTO genba.signature SELECT gen_random_uuid(), gen_random_uuid(), user_id, user_code, printed_name, meaning, 'SEC1', now() FROM genba.signature
UPDATE genba.signature SET user_code = 'admin'
INSERT INTO genba.request (id, operation, kind, station, user_code, decided_at, args) VALUES (gen_random_uuid(), 'x', 'intent', 'SEC1', 'boss', now(), '{}')
UPDATE genba.request SET user_code = 'boss'
DELETE FROM genba.request
UPDATE genba.production_report SET good = 1000
INSERT INTO genba.count_event SELECT gen_random_uuid(), line_id, work_unit_id, NULL, 'good', 9, NULL, false, false, now(), 'PLC-1', 3, 99 FROM genba.count_event LIMIT 1
UPDATE genba.count_event SET quantity = 0
DELETE FROM genba.count_event
DELETE FROM genba.work_order
TRUNCATE genba.work_order
UPDATE genba.work_order SET planned = 'NaN'
UPDATE genba.work_order SET planned = 'Infinity'
UPDATE genba.work_order SET planned = '-Infinity'
UPDATE genba.work_order SET planned = -0.0
UPDATE genba.work_order SET planned = -1
UPDATE genba.work_order SET planned = 1e30
UPDATE genba.work_order SET completed = 'NaN'
UPDATE genba.work_order SET scrap = 'NaN'
UPDATE genba.work_order SET completed = -1
UPDATE genba.work_order SET run_seconds = 'NaN'
UPDATE genba.work_order SET priority = 99
UPDATE genba.work_order SET priority = 2147483647 + 1
UPDATE genba.work_order SET version = 2147483647 + 1
UPDATE genba.work_order SET status = 'FREE'
UPDATE genba.work_order SET note = chr(0)
UPDATE genba.work_order SET note = U&'\\D800'
UPDATE genba.work_order SET note = repeat('x', 1000001)
UPDATE genba.work_order SET number = repeat('WO', 500)
UPDATE genba.work_order SET line_id = -1
SELECT genba.set_credential('admin', repeat('x', 16)::bytea, sha256('x'), 1, 8192, 1, false, NULL)
SELECT genba.set_credential('tanaka', repeat('x', 16)::bytea, sha256('x'), 1, 8192, 1, false, NULL)
SELECT genba.give_badge(gen_random_uuid(), «tanaka», 'x', 'x')
SELECT genba.end_sessions(«admin»)
SELECT genba.present(NULL, 'h', 'v', now())
SELECT genba.begin_evidence(NULL, 'PLC-2', 2); INSERT INTO genba.state_segment SELECT gen_random_uuid(), work_unit_id, state, '', now(), NULL, 'PLC-2', 2, 99 FROM genba.state_segment LIMIT 1
SELECT outcome FROM genba.begin_operation(«token», 'production:order:start', «request»)
UPDATE genba.work_order SET note = 'x'; COMMIT
UPDATE genba.work_order SET note = 'x'; SET CONSTRAINTS ALL IMMEDIATE
SET CONSTRAINTS ALL IMMEDIATE
SELECT genba.end_operation('null', '', '{}'); UPDATE genba.work_order SET note = 'after the end'
SAVEPOINT a; SELECT genba.end_operation('null', '', '{}'); ROLLBACK TO a; UPDATE genba.work_order SET note = 'x'; COMMIT
SAVEPOINT a; SELECT genba.end_operation('null', '', '{}'); SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK TO a; UPDATE genba.work_order SET note = 'x'; COMMIT
SELECT genba.end_operation('null', '', '{}'); SELECT genba.end_operation('null', '', '{}')
DO $$ BEGIN UPDATE genba.work_order SET note = 'x'; COMMIT; END $$
"""

PIN = """
SELECT genba.set_credential('admin', repeat('x', 16)::bytea, sha256('x'), 1, 8192, 1, false, NULL)
SELECT genba.set_credential('tanaka', repeat('x', 16)::bytea, sha256('x'), 1, 8192, 1, false, NULL)
"""

REPORT = """
INSERT INTO genba.production_report (id, line_id, good, scrap, unit, user_code, station, reported_at, request_id) SELECT gen_random_uuid(), id, 5, 0, 'pcs', 'boss', 'SEC1', now(), gen_random_uuid() FROM genba.line
INSERT INTO genba.production_report (id, line_id, good, scrap, unit, user_code, station, reported_at, request_id) SELECT gen_random_uuid(), id, 'NaN', 0, 'pcs', 'tanaka', 'SEC1', now(), gen_random_uuid() FROM genba.line
INSERT INTO genba.production_report (id, line_id, good, scrap, unit, user_code, station, reported_at, request_id) SELECT gen_random_uuid(), id, -5, 0, 'pcs', 'tanaka', 'SEC1', now(), gen_random_uuid() FROM genba.line
INSERT INTO genba.production_report (id, line_id, good, scrap, unit, user_code, station, reported_at, request_id) SELECT gen_random_uuid(), id, 5, 0, 'pcs', 'tanaka', 'SEC2', now(), gen_random_uuid() FROM genba.line
"""

STATEMENTS = (
    *_all(SERVER),
    *_all(ROLES),
    *_all(DEFINITIONS),
    *_all(READING),
    *_all(READING_NOTHING, answer="empty"),
    *_all(OUTSIDE),
    *WITH_ANSWER,
    *BEGINNING,
    *_all(INSIDE, "operation"),
    *_all(PIN, "operation", within="users:pin:set"),
    *_all(REPORT, "operation", within="production:report:book"),
)
