"""What the database's own catalogue says of the guard: who may call, read and write what, and that no number is not one.

These lists are meant to be long-winded: a new function, table or column stands in one of them because somebody thought about it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.security.rig import HERE, Plant

STATIONS_MAY_CALL = {
    "audit_anchor", "begin_evidence", "begin_operation", "claim", "codes_with_credential", "credential_params", "declared_fingerprint",
    "end_operation", "end_sessions", "give_badge", "lease_acquire", "lease_release", "lease_renew", "lease_turn",
    "merge_offline", "note_refusal",
    "offline_key", "offline_people", "present", "prove_for", "relay_put", "report_counted", "session_of",
    "set_credential", "sign_in", "sign_out",
    "station_claim", "station_leave", "station_of",
}  # fmt: skip
READ_ONLY = {
    "alembic_version", "audit", "audit_head", "lease", "order_run", "presence", "relay", "request", "role", "schema_compat", "session",
    "signature", "site_key",
}  # fmt: skip
"""Written by functions of the database, by migrations, or by whoever administers it."""
HIDDEN = {"credential", "sign_in_secret"}
HIDDEN_COLUMNS = {"session": {"token_hash", "seal_inner", "seal_outer", "clock_ahead_s"}, "badge": {"digest"}}
COLUMNS_CHANGED = {
    "badge": {"blocked_at", "blocked_reason"},
    "count_event": {"order_id"},
    "state_segment": {"ended_at", "reason_code"},
    "station": {"name", "line_id", "offline_h"},
    "stop_part": {"retired_at"},
}
"""Tables of which a station changes these columns only, in an operation or as evidence."""
ADDED_ONLY = {"line_note", "manual_entry", "movement", "order_reading", "production_report"}
NOT_ADDED = {"badge", "station"}
DELETED = {"user_role", "role_rule", "secret"}
NAN_ALLOWED: dict[str, str] = {}
"""Column → why it may hold NaN."""

_FUNCTIONS = """
SELECT n.nspname, p.proname, pg_get_userbyid(p.proowner) AS owner, p.prosecdef, coalesce(p.proconfig, '{}') AS settings,
       EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0) AS for_all,
       has_function_privilege('genba_station', p.oid, 'EXECUTE') AS for_stations
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('genba', 'genba_guard') ORDER BY 1, 2
"""


def functions(plant: Plant) -> list[Any]:
    found = plant.sql(_FUNCTIONS)
    assert len(found) > 50
    return found


def test_every_function_has_a_fixed_search_path_that_ends_in_pg_temp(plant: Plant) -> None:
    for schema, name, owner, definer, settings, _, _ in functions(plant):
        paths = [setting.partition("=")[2] for setting in settings if setting.startswith("search_path=")]
        assert len(paths) == 1, f"{schema}.{name}"
        words = [word.strip() for word in paths[0].split(",")]
        assert words[-1] == "pg_temp", f"{schema}.{name} {words}"
        assert set(words[:-1]) <= {"genba", "genba_guard", "pg_catalog"}, f"{schema}.{name} {words}"
        assert owner == "genba_owner" or not definer, f"{schema}.{name}: with whose rights does it run?"


def test_nobody_calls_what_he_need_not(plant: Plant) -> None:
    found = functions(plant)
    assert [name for _, name, _, _, _, for_all, _ in found if for_all] == []
    assert {name for _, name, _, _, _, _, for_stations in found if for_stations} == STATIONS_MAY_CALL
    assert {schema for schema, _, _, _, _, _, for_stations in found if for_stations} == {"genba"}


def test_no_schema_lets_a_station_make_things(plant: Plant) -> None:
    login = f"genba_{HERE}"
    rows = plant.sql("SELECT nspname FROM pg_namespace WHERE has_schema_privilege(%s, oid, 'CREATE')", login)
    assert rows == []
    assert plant.sql("SELECT has_schema_privilege(%s, 'genba_guard', 'USAGE')", login) == [(False,)]
    assert plant.sql("SELECT has_database_privilege(%s, current_database(), 'CREATE, TEMPORARY')", login) == [(False,)]


def test_a_log_in_is_a_member_of_one_role_and_may_nothing_else(plant: Plant) -> None:
    login = f"genba_{HERE}"
    flags = plant.sql(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolconnlimit FROM pg_roles WHERE rolname = %s", login
    )
    assert flags == [(False, False, False, False, False, 8)]
    held = plant.sql("SELECT roleid::regrole::text, admin_option FROM pg_auth_members WHERE member = %s::regrole", f'"{login}"')
    assert held == [("genba_station", False)]
    assert plant.sql("SELECT rolcanlogin FROM pg_roles WHERE rolname IN ('genba_station', 'genba_owner')") == [(False,), (False,)]


_RIGHTS = """
SELECT c.relname, array_agg(a.attname::text) FILTER (WHERE has_column_privilege('genba_station', c.oid, a.attnum, 'SELECT')) AS readable,
       array_agg(a.attname::text) FILTER (WHERE NOT has_column_privilege('genba_station', c.oid, a.attnum, 'SELECT')) AS hidden,
       bool_or(has_column_privilege('genba_station', c.oid, a.attnum, 'INSERT')) AS adds,
       array_agg(a.attname::text) FILTER (WHERE has_column_privilege('genba_station', c.oid, a.attnum, 'UPDATE')) AS changes,
       has_table_privilege('genba_station', c.oid, 'DELETE') AS deletes,
       has_table_privilege('genba_station', c.oid, 'TRUNCATE, REFERENCES, TRIGGER') AS more, count(*)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'genba'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') GROUP BY c.oid, c.relname ORDER BY 1
"""


def test_stations_read_and_write_what_is_listed(plant: Plant) -> None:
    rows = plant.sql(_RIGHTS)
    assert {name for name, readable, *_ in rows if not readable} == HIDDEN
    assert {name: set(hidden) for name, readable, hidden, *_ in rows if hidden and readable} == HIDDEN_COLUMNS
    assert {name for name, _, _, adds, changes, deletes, *_ in rows if not (adds or changes or deletes)} == READ_ONLY | HIDDEN
    assert {name for name, _, _, adds, changes, *_ in rows if changes and not adds} == NOT_ADDED
    assert {name for name, _, _, adds, changes, *_ in rows if adds and not changes} == ADDED_ONLY
    partly = {name: set(changes) for name, _, _, _, changes, _, _, columns in rows if changes and len(changes) < columns}
    assert partly == COLUMNS_CHANGED
    assert {name for name, *_, deletes, _, _ in rows if deletes} == DELETED
    assert [name for name, *_, more, _ in rows if more] == []


def test_whatever_a_station_may_write_is_guarded(plant: Plant) -> None:
    kinds = {"guard_insert": 4, "guard_update": 16, "guard_delete": 8}  # bits of pg_trigger.tgtype
    for name, _, _, adds, changes, deletes, *_ in plant.sql(_RIGHTS):
        if not (adds or changes or deletes):
            continue
        triggers = dict(
            plant.sql(
                "SELECT tgname, tgtype FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled IN ('O', 'A')"
                " AND tgfoid = 'genba_guard.changed'::regproc AND tgqual IS NULL AND tgattr = ''",
                f"genba.{name}",
            )
        )
        assert {trigger: kind & 28 for trigger, kind in triggers.items()} == kinds, name
        assert plant.sql("SELECT count(*) FROM genba_guard.watched WHERE name = %s", name) == [(1,)], name


def test_no_row_comes_or_goes_past_the_triggers(plant: Plant) -> None:
    """Foreign keys that cascade, views, rules, partitions and inherited tables would be other ways to a row."""
    assert plant.sql(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f' AND connamespace = 'genba'::regnamespace"
        " AND (confdeltype <> 'a' OR confupdtype <> 'a')"
    ) == []  # fmt: skip
    assert plant.sql("SELECT relname FROM pg_class WHERE relnamespace = 'genba'::regnamespace AND relkind IN ('v', 'm', 'f', 'p')") == []
    assert plant.sql("SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE relkind = 'r'") == []
    assert plant.sql("SELECT rulename FROM pg_rules WHERE schemaname IN ('genba', 'genba_guard')") == []


def test_what_is_final_is_final_for_its_owner_too(plant: Plant) -> None:
    kept = {"audit", "signature", "movement", "production_report"}
    found = plant.sql("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'is_final' AND tgenabled = 'O' AND tgtype & 56 = 56")
    assert {name.removeprefix("genba.") for (name,) in found} == kept


def test_no_number_is_nan_or_without_end(plant: Plant) -> None:
    """PostgreSQL holds NaN = NaN and NaN > everything: ``CHECK (v = v)`` and ``v > 0`` let it in."""
    columns = plant.sql(
        "SELECT a.attrelid, c.relname, a.attname, format_type(a.atttypid, NULL), a.atttypmod FROM pg_attribute a"
        " JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'genba'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0"
        " AND NOT a.attisdropped AND a.atttypid IN ('numeric'::regtype, 'float4'::regtype, 'float8'::regtype)"
    )
    assert len(columns) > 30
    let_in = []
    for table, name, column, kind, precision in columns:
        numbers = ["NaN"] if kind == "numeric" and precision > 0 else ["NaN", "Infinity", "-Infinity"]  # numeric(p, s) holds no infinity
        for number in numbers:
            if not _refused(plant, table, column, kind, number) and f"{name}.{column}" not in NAN_ALLOWED:
                let_in.append(f"{name}.{column} {number}")
    assert let_in == []


def _refused(plant: Plant, table: int, column: str, kind: str, number: str) -> bool:
    """Whether one of the table's checks is false for a row with that number in that column and nothing in the others."""
    others = plant.sql("SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s AND attnum > 0", table)
    row = ", ".join(
        f"""{f"'{number}'" if name == column else "NULL"}::{kind if name == column else its} AS "{name}\"""" for name, its in others
    )
    checks = plant.sql("SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conrelid = %s AND contype = 'c'", table)
    return any(plant.sql(f"SELECT ({check}) FROM (SELECT {row}) t")[0][0] is False for (check,) in checks if column in check)


PLANTED = {
    "CREATE FUNCTION genba.planted() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'": (
        test_every_function_has_a_fixed_search_path_that_ends_in_pg_temp,
        test_nobody_calls_what_he_need_not,
    ),
    "CREATE FUNCTION genba.planted() RETURNS int LANGUAGE sql SET search_path = pg_temp, genba AS 'SELECT 1'": (
        test_every_function_has_a_fixed_search_path_that_ends_in_pg_temp,
    ),
    "CREATE TABLE genba.planted (v numeric CHECK (v = v), w float8 CHECK (w > 0)); "
    "GRANT SELECT, INSERT ON genba.planted TO genba_station": (
        test_no_number_is_nan_or_without_end,
        test_whatever_a_station_may_write_is_guarded,
        test_stations_read_and_write_what_is_listed,
    ),
    "CREATE TABLE genba.planted (id int REFERENCES genba.line ON DELETE CASCADE)": (test_no_row_comes_or_goes_past_the_triggers,),
    "CREATE VIEW genba.planted AS SELECT 1": (test_no_row_comes_or_goes_past_the_triggers,),
}


@pytest.mark.parametrize("definition", PLANTED)
def test_a_planted_violation_is_seen(plant: Plant, definition: str) -> None:
    kind = definition.split()[1]
    plant.sql(definition)
    try:
        for check in PLANTED[definition]:
            with pytest.raises(AssertionError):
                check(plant)
    finally:
        plant.sql(f"DROP {kind} genba.planted")
