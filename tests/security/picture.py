"""Everything in a database that an attack could have changed, as a dictionary that can be compared."""

from __future__ import annotations

from typing import Any

from tests.security.rig import Plant

TOLD = {"audit", "audit_head", "attempt", "claim", "request"}
"""Tables that tell of attempts: rows there are what a refused attack should leave."""
CATALOGUES = {
    "roles": "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolbypassrls, rolconnlimit FROM pg_roles",
    "passwords": "SELECT rolname, md5(rolpassword) FROM pg_authid",
    "members": "SELECT roleid, member, admin_option FROM pg_auth_members",
    "settings": "SELECT * FROM pg_db_role_setting",
    "schemas": "SELECT nspname, nspacl FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'",
    "relations": "SELECT relnamespace, relname, relkind, relacl, relowner, relpersistence FROM pg_class "
    "WHERE relnamespace <> 'pg_toast'::regnamespace",
    "columns": "SELECT attrelid, attname, attacl FROM pg_attribute WHERE attacl IS NOT NULL",
    "functions": "SELECT oid, proname, proacl, prosecdef, proconfig, md5(prosrc) FROM pg_proc",
    "triggers": "SELECT tgrelid, tgname, tgenabled FROM pg_trigger",
    "constraints": "SELECT conname, conrelid FROM pg_constraint",
    "extensions": "SELECT extname FROM pg_extension",
    "objects": "SELECT oid FROM pg_largeobject_metadata",
    "databases": "SELECT datname, datacl FROM pg_database",
    "defaults": "SELECT * FROM pg_default_acl",
    "publications": "SELECT pubname FROM pg_publication",
    "slots": "SELECT slot_name FROM pg_replication_slots",
}


def picture(plant: Plant) -> dict[str, Any]:
    """Name → digest, of every table but those that tell of attempts, and of every catalogue an attack could reach."""
    tables = plant.sql(
        "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('genba', 'genba_guard', 'public')"
        " AND NOT tablename = ANY(%s) ORDER BY 1",
        list(TOLD),
    )
    asked = {name: f"SELECT * FROM {name}" for (name,) in tables} | CATALOGUES
    parts = [f"SELECT '{name}', (SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM ({rows}) t)" for name, rows in asked.items()]
    return dict(plant.sql(" UNION ALL ".join(parts)))


def differences(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Names of what changed, appeared or went."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
