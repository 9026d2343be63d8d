-- What a station may do with ordinary tables: read, add and change, never remove; and, by the guard's triggers, add and change
-- inside an operation only. Runs after the tables exist and before the other files, which narrow or widen it for their own
-- tables. May be repeated.

GRANT USAGE ON SCHEMA genba TO genba_station;
REVOKE ALL ON SCHEMA genba_guard FROM PUBLIC, genba_station;
REVOKE ALL ON ALL TABLES IN SCHEMA genba FROM PUBLIC, genba_station;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA genba TO genba_station;

-- Written by functions alone.
REVOKE INSERT, UPDATE ON genba.audit, genba.audit_head, genba.signature, genba.request, genba.lease, genba.relay, genba.role,
    genba.presence, genba.order_run
FROM genba_station;

-- Belongs to the migrations.
REVOKE INSERT, UPDATE ON genba.schema_compat, genba.alembic_version FROM genba_station;

-- What proves a person, and what stands for him.
REVOKE ALL ON genba.credential, genba.sign_in_secret, genba.session, genba.badge FROM genba_station;
GRANT SELECT (id, user_id, station, started_at, expires_at, ended_at, roles, offline) ON genba.session TO genba_station;
GRANT SELECT (id, user_id, label, given_at, blocked_at, blocked_reason) ON genba.badge TO genba_station;
GRANT UPDATE (blocked_at, blocked_reason) ON genba.badge TO genba_station;

-- What was counted, reported, moved and entered stays as it was; only what is not known at once may be filled in later.
REVOKE UPDATE ON genba.production_report, genba.movement, genba.count_event, genba.state_segment, genba.manual_entry FROM genba_station;
-- That a line reported by itself says the database alone (column origin).
REVOKE INSERT ON genba.production_report FROM genba_station;
GRANT INSERT (id, order_id, line_id, good, scrap, rework, unit, defect_code, reason, difference_reason, corrects, machine_good,
              machine_reject, settled_good, settled_reject, user_code, station, reported_at, request_id) ON genba.production_report TO genba_station;
GRANT UPDATE (order_id) ON genba.count_event TO genba_station;
GRANT UPDATE (ended_at, reason_code) ON genba.state_segment TO genba_station;

-- So does what people say of stops, read from counters and write down for each other; what does not count any more is retired.
REVOKE UPDATE ON genba.stop_part, genba.order_reading, genba.line_note FROM genba_station;
GRANT UPDATE (retired_at) ON genba.stop_part TO genba_station;

-- A station's row is its presence and its log-in: only its settings are decided by people.
REVOKE INSERT, UPDATE ON genba.station FROM genba_station;
GRANT UPDATE (name, line_id, offline_h) ON genba.station TO genba_station;

-- The only rows a station removes: a role or a rule that was taken away; the audit trail keeps it.
GRANT DELETE ON genba.user_role, genba.role_rule TO genba_station;
