-- Confidential fields: only what the site's newest key sealed may be written; keys are made by administrators alone.
-- Runs after the tables exist; every statement may be repeated.

-- A station that has not yet heard of a new key must not seal with the old one: it may have been changed because somebody knows it.
-- The lock makes a rotation wait for writers that are under way, and later writers wait for the rotation.
-- A trigger for each confidential column: its argument is the column's name. Byte 1 is the format, bytes 2 to 5 name the key.
CREATE OR REPLACE FUNCTION genba.sealed_with_newest_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stored text := to_jsonb(NEW) ->> TG_ARGV[0];
    newest text;
BEGIN
    IF stored IS NULL THEN
        RETURN NEW;
    END IF;
    LOCK TABLE genba.site_key IN ROW SHARE MODE;
    SELECT id INTO newest FROM genba.site_key ORDER BY position DESC LIMIT 1;
    IF newest IS NULL OR substring(stored FROM 3 FOR 10) <> '01' || newest THEN
        RAISE EXCEPTION 'not sealed with the key of this site' USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_sealed_with_newest_key';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION genba.sealed_with_newest_key() FROM PUBLIC;

CREATE OR REPLACE TRIGGER sealed BEFORE INSERT OR UPDATE ON genba.secret FOR EACH ROW EXECUTE FUNCTION genba.sealed_with_newest_key('value');

-- The first step of a rotation: nobody writes a confidential field or makes another key until it ends; everybody may read.
-- The tables are locked before the list of keys: a writer holds a row of his table when he asks for the newest key.
CREATE OR REPLACE FUNCTION genba.lock_sealed_tables() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sealed regclass;
BEGIN
    FOR sealed IN
        SELECT DISTINCT tgrelid::regclass FROM pg_trigger WHERE tgfoid = 'genba.sealed_with_newest_key'::regproc ORDER BY 1
    LOOP
        EXECUTE format('LOCK TABLE %s IN EXCLUSIVE MODE', sealed);
    END LOOP;
    LOCK TABLE genba.site_key IN EXCLUSIVE MODE;
END
$$;
REVOKE ALL ON FUNCTION genba.lock_sealed_tables() FROM PUBLIC, genba_station;

-- A secret that is no longer needed is forgotten, not kept.
GRANT DELETE ON genba.secret TO genba_station;
REVOKE INSERT, UPDATE, DELETE ON genba.site_key FROM genba_station;
