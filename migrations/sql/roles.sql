-- The two roles every Genba database has, and the schema they meet in.
-- Runs first, as whoever upgrades: a superuser, or the database's owner with CREATEROLE. Every statement may be repeated.

DO $roles$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['genba_owner', 'genba_station'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this server was set up at the same moment; roles belong to the server
            END;
        END IF;
    END LOOP;
    -- Whoever may create roles is not yet a member of them, and only a member may act as the owner.
    IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        BEGIN
            EXECUTE format('GRANT genba_owner TO %I', current_user);
        EXCEPTION WHEN insufficient_privilege THEN
            NULL; -- already a member, or refused below with a clear word
        END;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'genba') THEN
        CREATE SCHEMA genba AUTHORIZATION genba_owner;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'genba_guard') THEN
        CREATE SCHEMA genba_guard AUTHORIZATION genba_owner;
    END IF;
    -- Whatever a log-in may do to the whole server by default, a station needs not: large objects belong to no table, so no right
    -- on tables guards them, and messages in the log of changes fill the disk.
    IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        FOR wanted IN
            SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc p
            WHERE p.pronamespace = 'pg_catalog'::regnamespace
              AND (p.proname LIKE 'lo\_%' OR p.proname IN ('lowrite', 'loread', 'pg_logical_emit_message'))
        LOOP
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', wanted);
        END LOOP;
    END IF;
    -- A station needs neither schemas nor temporary tables of its own.
    BEGIN
        EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    EXCEPTION WHEN insufficient_privilege OR invalid_schema_name THEN
        NULL; -- whoever upgrades does not own the database: its owner decides
    END;
END
$roles$;

SET LOCAL ROLE genba_owner;
