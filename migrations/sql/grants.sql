-- What a station may do with ordinary tables: read, add and change, never remove.
-- Runs after the tables exist and before the other files, which narrow or widen it for their own tables. May be repeated.

GRANT USAGE ON SCHEMA genba TO genba_station;
REVOKE ALL ON ALL TABLES IN SCHEMA genba FROM PUBLIC, genba_station;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA genba TO genba_station;

-- Append-only, or written by functions alone.
REVOKE INSERT, UPDATE ON genba.audit, genba.audit_head, genba.signature FROM genba_station;
REVOKE UPDATE ON genba.movement FROM genba_station;

-- Belongs to the migrations.
REVOKE INSERT, UPDATE ON genba.schema_compat, genba.alembic_version FROM genba_station;

-- What proves a person.
REVOKE ALL ON genba.credential, genba.sign_in_attempt, genba.sign_in_secret FROM genba_station;

-- A new function may be called by its owner until its own file says who else.
ALTER DEFAULT PRIVILEGES IN SCHEMA genba REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA genba FROM PUBLIC;
