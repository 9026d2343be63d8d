"""The guard of the database with a station's own log-in: the order of its steps, who is believed, and whom its rights agree with.

What somebody does who means harm stands in ``tests/security``; here is what the guard promises to everybody.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

from core.errors import Invalid, Refused, Unavailable
from core.store import logins
from core.store.operation import Actor
from core.store.schema import status
from core.users import sign_in as sessions
from core.users.roles import ROLES, Rule, rights
from tests.postgres import TestServer, plain
from tests.security.rig import HERE, Panel, Plant, plant_of

START, PAUSE, BOOK, CORRECT = (
    "production:order:start",
    "production:order:pause",
    "production:report:book",
    "production:report:correct",
)
POLICY = "users:policy:change"
END = "SELECT genba.end_operation('null', '', '{}')"
WRITE = "UPDATE genba.work_order SET note = note || 'x' WHERE number = 'WO-L1'"
NOW = "SET CONSTRAINTS ALL IMMEDIATE"
EVIDENCE = "SELECT genba.begin_evidence('SEC1', 'PLC-2', 2)"


@pytest.fixture(scope="module")
def plant(postgres: TestServer) -> Iterator[Plant]:
    with plant_of(postgres) as made:
        yield made


@pytest.fixture(autouse=True)
def everybody_is_back(plant: Plant) -> Iterator[None]:
    yield
    plant.bring_everybody_back()


@contextmanager
def tried(plant: Plant) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the panel where tanaka is signed in; whatever it did is rolled back."""
    with closing(plant.here.connect()) as connection:
        yield connection
        connection.rollback()


def note_of(plant: Plant) -> str:
    return str(plant.sql("SELECT note FROM genba.work_order WHERE number = 'WO-L1'")[0][0])


def audited(plant: Plant, asked: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Outcome and changed columns of each audit row of a request."""
    rows = plant.sql("SELECT outcome, changes FROM genba.audit WHERE request_id = %s ORDER BY seq", asked["id"])
    return [(outcome, [column for change in changes for column in change["values"]]) for outcome, changes in rows]


# ---- the order of steps ----------------------------------------------------------------------------------------------

ORDERS = {
    "a write without a beginning": ([WRITE], "GB001"),
    "an end without a beginning": ([END], "GB001"),
    "a beginning in a beginning": (["begin", "begin"], "GB004"),
    "a write after the end": (["begin", WRITE, END, WRITE], "GB001"),
    "two ends": (["begin", END, END], "GB001"),
    "a commit without an end": (["begin", WRITE, "COMMIT"], "GB004"),
    "a commit of nothing without an end": (["begin", "COMMIT"], "GB004"),
    "checked at once after the beginning": (["begin", WRITE, NOW], "GB004"),
    "checked at once from the beginning": ([NOW, "begin"], "GB004"),
    "an end taken back": (["begin", WRITE, "SAVEPOINT a", END, "ROLLBACK TO a", "COMMIT"], "GB004"),
    "a write where the beginning was taken back": (["SAVEPOINT a", "begin", "ROLLBACK TO a", WRITE], "GB001"),
    "a write in the statement that ends": (["begin", f"WITH w AS ({WRITE} RETURNING 1) {END} FROM w"], "GB001"),
    "an operation in evidence": ([EVIDENCE, "begin"], "GB004"),
    "a decision in evidence": ([EVIDENCE, WRITE], "GB001"),
    "the end of an operation for evidence": ([EVIDENCE, END], "GB001"),
    "a write after presence was told": (["SELECT genba.present('SEC1', 'h', '0.2', now())", WRITE], "GB001"),
}


@pytest.mark.parametrize("order", ORDERS)
def test_steps_out_of_order_are_refused_and_change_nothing(plant: Plant, order: str) -> None:
    steps, state = ORDERS[order]
    before = note_of(plant), plant.sql("SELECT count(*) FROM genba.audit")
    with tried(plant) as connection:
        for step in steps[:-1]:
            _take(plant, connection, step)
        with pytest.raises(psycopg.Error) as refused:
            _take(plant, connection, steps[-1])
        assert refused.value.sqlstate == state
    assert (note_of(plant), plant.sql("SELECT count(*) FROM genba.audit")) == before


def _take(plant: Plant, connection: psycopg.Connection[Any], step: str) -> None:
    if step == "begin":
        assert plant.here.begin(connection, START, plant.here.token) == ("open", "")
    else:
        connection.execute(step)  # type: ignore[arg-type]


def test_two_operations_in_one_transaction_have_a_row_each_with_what_each_changed(plant: Plant) -> None:
    first, second = plant.here.request(START), plant.here.request(PAUSE)
    with closing(plant.here.connect()) as connection:
        plant.here.begin(connection, START, plant.here.token, first)
        connection.execute(WRITE)
        connection.execute(END)  # type: ignore[arg-type]
        plant.here.begin(connection, PAUSE, plant.here.token, second)
        connection.execute("UPDATE genba.work_order SET priority = priority + 1 WHERE number = 'WO-L1'")
        connection.execute(END)  # type: ignore[arg-type]
        connection.commit()
    assert audited(plant, first) == [("done", ["note"])]
    assert audited(plant, second) == [("done", ["priority"])]


def test_a_savepoint_taken_back_leaves_the_operation_open_and_no_trace_in_its_row(plant: Plant) -> None:
    asked = plant.here.request(START)
    with plant.here.operation(START, asked=asked) as connection:
        connection.execute(WRITE)
        connection.execute("SAVEPOINT a")
        connection.execute("UPDATE genba.work_order SET priority = priority + 1")
        connection.execute("ROLLBACK TO a")
        with pytest.raises(psycopg.Error, match="does not change product"):
            connection.execute("UPDATE genba.product SET name = name")
        connection.execute("ROLLBACK TO a")
    assert audited(plant, asked) == [("done", ["note"])]


@pytest.mark.parametrize(("operation", "told"), [(START, {"operation": PAUSE}), (START, {"id": None}), (START, {"station": "SEC2"})])
def test_a_request_names_itself_its_operation_and_its_own_station(plant: Plant, operation: str, told: dict[str, Any]) -> None:
    asked = plant.here.request(operation) | told
    with tried(plant) as connection, pytest.raises(psycopg.Error) as refused:
        plant.here.begin(connection, operation, plant.here.token, asked)
    assert refused.value.sqlstate in {"GB002", "GB004"}


def test_what_no_program_has_declared_is_denied_and_audited(plant: Plant) -> None:
    asked = plant.here.request("production:order:teleport")
    with closing(plant.here.connect()) as connection:
        assert plant.here.begin(connection, asked["operation"], plant.here.token, asked) == ("denied", "store.version_unknown")
        with pytest.raises(psycopg.Error, match="outside of an operation"):
            connection.execute(WRITE)
        connection.rollback()
        plant.here.begin(connection, asked["operation"], plant.here.token, asked)
        connection.commit()
    assert audited(plant, asked) == [("refused", [])]


# ---- one request, once -----------------------------------------------------------------------------------------------


def test_a_request_that_was_applied_is_answered_with_its_result_and_belongs_to_its_operation_and_station(plant: Plant) -> None:
    asked = plant.here.request(START)
    with closing(plant.here.connect()) as connection:
        plant.here.begin(connection, START, plant.here.token, asked)
        connection.execute("SELECT genba.end_operation('{\"count\": 3}', '', '{}')")
        connection.commit()
        row = connection.execute("SELECT * FROM genba.begin_operation(NULL, %s, %s)", (START, json.dumps(asked))).fetchone()
        assert row is not None
        assert row[:2] == ("applied", {"count": 3})
        connection.rollback()
        with pytest.raises(psycopg.Error, match="is another one"):
            plant.here.begin(connection, PAUSE, plant.here.token, plant.here.request(PAUSE, id=asked["id"]))
        connection.rollback()
    with closing(plant.there.connect()) as other, pytest.raises(psycopg.Error, match="is another one"):
        plant.there.begin(other, START, plant.there.token, plant.there.request(START, id=asked["id"]))


@pytest.mark.parametrize("first_commits", [True, False])
def test_of_two_connections_with_one_request_the_second_waits_for_what_becomes_of_the_first(plant: Plant, first_commits: bool) -> None:
    asked, ended = plant.here.request(START), []
    with closing(plant.here.connect()) as one, closing(plant.here.connect()) as two:
        for connection in (one, two):
            assert plant.here.begin(connection, START, plant.here.token, asked)[0] == "open"
        one.execute(END)  # type: ignore[arg-type]
        waits = threading.Thread(target=lambda: ended.append(two.execute(END).fetchone()))  # type: ignore[call-overload]
        waits.start()
        waits.join(0.3)
        assert waits.is_alive(), "two rows of one request"
        if first_commits:
            one.commit()
        else:
            one.rollback()
        waits.join(60)
        (result,) = ended[0]
        assert (result is None) == first_commits
        if first_commits:
            two.rollback()
            assert plant.here.begin(two, START, plant.here.token, asked)[0] == "applied"
        two.commit()
    assert audited(plant, asked) == [("done", [])]


# ---- who is believed -------------------------------------------------------------------------------------------------

NOT_HERE: dict[str, Callable[[Plant], str | None]] = {
    "nobody": lambda plant: None,
    "a token that nobody has": lambda plant: "f" * 64,
    "a token of another station": lambda plant: plant.there.token,
    "a token of whoever was signed in here before": lambda plant: _signed_in_again(plant),
    "a session that was ended": lambda plant: _turned(plant, "ended_at = now()"),
    "a session that expired": lambda plant: _turned(plant, "started_at = now() - interval '2 h', expires_at = now()"),
    "somebody without access": lambda plant: _left(plant, "active = false"),
    "somebody who left the site file": lambda plant: _left(plant, "retired_at = now()"),
}


def _signed_in_again(plant: Plant) -> str:
    old = plant.here.token
    plant.here.sign_in("boss")
    return old


def _turned(plant: Plant, change: str) -> str:
    plant.sql(f"UPDATE genba.session SET {change} WHERE station = 'SEC1' AND ended_at IS NULL")
    return plant.here.token


def _left(plant: Plant, change: str) -> str:
    plant.sql(f"UPDATE genba.app_user SET {change} WHERE code = 'tanaka'")
    return plant.here.token


@pytest.mark.parametrize("who", NOT_HERE)
def test_only_the_living_session_of_this_station_decides(plant: Plant, who: str) -> None:
    code = "store.nobody" if who == "nobody" else "store.session_over"
    try:
        token = NOT_HERE[who](plant)
        asked = plant.here.request(START)
        with closing(plant.here.connect()) as connection:
            assert plant.here.begin(connection, START, token, asked) == ("denied", code)
            connection.commit()
    finally:
        plant.sql("UPDATE genba.app_user SET retired_at = NULL")
    row = plant.last_audit()
    assert (row["request_id"], row["outcome"], row["detail"]["unproved"]) == (UUID(asked["id"]), "refused", True)


def test_the_name_in_the_audit_is_the_sessions_and_not_the_requests(plant: Plant) -> None:
    asked = plant.here.request(START, user_code="boss", user_name="Boss", session_id=str(uuid4()))
    with plant.here.operation(START, asked=asked):
        pass
    row = plant.last_audit()
    assert (row["user_code"], row["user_name"]) == ("tanaka", "tanaka")
    ((user, session),) = plant.sql("SELECT user_code, session_id FROM genba.request WHERE id = %s", asked["id"])
    assert plant.here.signed is not None
    assert (user, session) == ("tanaka", plant.here.signed.actor.session_id)


def test_whoever_must_change_his_pin_may_do_that_and_nothing_else(plant: Plant) -> None:
    plant.here.sign_in("novice")
    with tried(plant) as connection:
        assert plant.here.begin(connection, "users:pin:set", plant.here.token) == ("open", "")
        connection.rollback()
        for operation in (START, "store:attention:settle_own"):
            assert plant.here.begin(connection, operation, plant.here.token) == ("denied", "users.must_change")
            connection.rollback()


# ---- what waited in a journal ----------------------------------------------------------------------------------------


def test_a_sealed_request_is_applied_without_its_session_and_says_that_it_was_late(plant: Plant) -> None:
    asked = plant.here.request(START, seal=True)
    sessions.sign_out(plant.here.run, plant.here.token, HERE)
    with closing(plant.here.connect()) as connection:
        assert plant.here.begin(connection, START, None, asked) == ("open", "")
        connection.execute(WRITE)
        connection.execute(END)  # type: ignore[arg-type]
        connection.commit()
    row = plant.last_audit()
    assert (row["user_code"], row["detail"]["late"], row["decided_at"]) == ("tanaka", True, datetime.fromisoformat(asked["decided_at"]))
    assert audited(plant, asked) == [("done", ["note"])]


EDITS: dict[str, Any] = {
    "id": str(uuid4()),
    "operation": PAUSE,
    "user_code": "boss",
    "session_id": str(uuid4()),
    "decided_at": "2026-01-01T00:00:00+00:00",
    "args": '{"order_id":"x"}',
    "seal": "0" * 64,
}


@pytest.mark.parametrize("part", EDITS)
def test_a_sealed_request_that_was_edited_is_believed_no_more(plant: Plant, part: str) -> None:
    asked = plant.here.request(START, seal=True) | {part: EDITS[part]}
    with tried(plant) as connection:
        assert plant.here.begin(connection, asked["operation"], None, asked) == ("denied", "store.session_over")


def test_a_seal_is_of_one_station_and_of_the_time_of_its_session(plant: Plant) -> None:
    elsewhere = plant.there.request(START, seal=True)
    with tried(plant) as connection:
        mine = plant.here.request(START, seal=True, session_id=elsewhere["session_id"])
        assert plant.here.begin(connection, START, None, mine)[0] == "denied", "a session of another station"
        for apart in (timedelta(minutes=-10), timedelta(minutes=10)):
            connection.rollback()
            never = plant.here.request(START, seal=True, decided_at=(datetime.now(UTC) + apart).isoformat())
            assert plant.here.begin(connection, START, None, never)[0] == "denied", "before the sign-in, or still to come"
        plant.sql("UPDATE genba.session SET started_at = now() - interval '3 h', ended_at = now() - interval '2 h' WHERE station = 'SEC1'")
        connection.rollback()
        assert plant.here.begin(connection, START, None, plant.here.request(START, seal=True))[0] == "denied", "after the sign-out"


def test_what_needs_the_database_is_not_decided_without_it(plant: Plant) -> None:
    with tried(plant) as connection:
        assert plant.here.begin(connection, CORRECT, None, plant.here.request(CORRECT, seal=True)) == ("denied", "store.session_over")


def test_an_intent_is_judged_by_the_rights_of_today_and_a_fact_by_those_of_its_time(plant: Plant) -> None:
    intent, fact = (plant.here.request(operation, seal=True) for operation in (START, BOOK))
    with plant.rule("operator", START, None, allowed=False), tried(plant) as connection:
        assert plant.here.begin(connection, START, None, intent) == ("denied", "store.no_right")
    plant.sql("UPDATE genba.app_user SET active = false WHERE code = 'tanaka'")
    plant.sql("DELETE FROM genba.user_role WHERE user_id = %s", plant.people["tanaka"])
    try:
        with tried(plant) as connection:
            assert plant.here.begin(connection, START, None, intent) == ("denied", "store.session_over")
            connection.rollback()
            assert plant.here.begin(connection, BOOK, None, fact) == ("open", "")
    finally:
        role = "SELECT u.id, r.id FROM genba.app_user u, genba.role r WHERE (u.code, r.code) = ('tanaka', 'operator')"
        plant.sql(f"INSERT INTO genba.user_role (user_id, role_id) {role}")


# ---- tickets ---------------------------------------------------------------------------------------------------------


def test_a_signature_is_good_for_two_minutes_and_for_one_request(plant: Plant) -> None:
    office = plant.office
    with closing(office.connect()) as connection:
        asked = office.request(POLICY)
        office.prove(asked, "signature", "admin")
        with plant.altered("genba_guard.proved", "'2 minutes'", "'1 millisecond'"):
            assert office.begin(connection, POLICY, office.token, asked) == ("denied", "store.signature_needed")
            connection.rollback()
        assert office.begin(connection, POLICY, office.token, asked) == ("open", "")
        connection.execute("UPDATE genba.security_policy SET lock_min = 16")
        connection.execute(END)  # type: ignore[arg-type]
        connection.commit()
        assert office.begin(connection, POLICY, office.token, asked)[0] == "applied"
        connection.rollback()
        assert office.begin(connection, POLICY, office.token) == ("denied", "store.signature_needed")
        connection.rollback()
    assert plant.last_audit("SEC3")["detail"]["signature"]["user_code"] == "admin"
    signed = plant.sql("SELECT user_code, meaning, station FROM genba.signature WHERE request_id = %s", asked["id"])
    assert signed == [("admin", "approval", "SEC3")]


def test_a_signature_given_for_one_operation_does_not_stand_under_another(plant: Plant) -> None:
    """The station shows one thing to the signer and does another under the same request."""
    office = plant.office
    shown = office.request(POLICY)
    office.prove(shown, "signature", "admin")
    done = office.request("production:order:release", id=shown["id"])
    with office.operation("production:order:release", asked=done):
        pass
    assert plant.sql("SELECT 1 FROM genba.signature WHERE request_id = %s", shown["id"]) == []
    assert "signature" not in plant.last_audit("SEC3")["detail"]


def test_a_signature_of_a_session_that_is_over_signs_nothing(plant: Plant) -> None:
    office = plant.office
    asked = office.request(POLICY)
    office.prove(asked, "signature", "admin")
    office.sign_in("admin")
    with closing(office.connect()) as connection:
        assert office.begin(connection, POLICY, office.token, asked) == ("denied", "store.signature_needed")
        connection.rollback()


def test_nobody_proves_himself_for_a_session_that_is_over(plant: Plant) -> None:
    token, asked = plant.here.token, plant.here.request(START)
    sessions.sign_out(plant.here.run, token, HERE)
    with pytest.raises(Refused) as refused:
        plant.here.prove(asked, "authorisation", "boss")
    assert refused.value.code == "store.session_over"


# ---- lines -----------------------------------------------------------------------------------------------------------


def test_an_order_is_changed_on_ones_own_lines_and_is_not_moved_to_others(plant: Plant) -> None:
    move = "UPDATE genba.work_order SET line_id = (SELECT id FROM genba.line WHERE code = '{}') WHERE number = 'WO-{}'"
    with plant.rule("operator", START, "L2", allowed=False):
        everywhere = "UPDATE genba.work_order SET priority = 1"
        for statement in (WRITE.replace("L1", "L2"), everywhere, move.format("L2", "L1"), move.format("L1", "L2")):
            with tried(plant) as connection:
                plant.here.begin(connection, START, plant.here.token)
                with pytest.raises(psycopg.Error) as refused:
                    connection.execute(statement)  # type: ignore[arg-type]
            assert refused.value.sqlstate == "GB003"
        with tried(plant) as connection:
            plant.here.begin(connection, START, plant.here.token)
            assert connection.execute(WRITE).rowcount == 1


# ---- log-ins ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def lost(plant: Plant) -> Iterator[Panel]:
    """A panel that is about to be lost; boss is signed in there."""
    password = logins.add(plant.admin_url, "SEC9")
    url = make_url(plant.admin_url).set(username="genba_SEC9", password=password)
    panel = Panel("SEC9", url.render_as_string(hide_password=False))
    panel.sign_in("boss")
    plant.sql("UPDATE genba.station SET offline_h = 8 WHERE code = 'SEC9'")
    panel.sql("SELECT * FROM genba.offline_key(%s, 'SEC9')", panel.token)
    panel.sql("SELECT * FROM genba.lease_acquire('sync', 'SEC9', 60)")
    yield panel
    plant.sql('DROP OWNED BY "genba_SEC9"')
    plant.sql('DROP ROLE "genba_SEC9"')


def test_a_lost_panel_is_out_at_once_and_comes_back_with_a_new_password_only(plant: Plant, lost: Panel) -> None:
    waiting = lost.request(START, seal=True)
    with closing(lost.connect()) as connection:
        logins.revoke(plant.admin_url, "SEC9")
        with pytest.raises(psycopg.Error):
            connection.execute("SELECT 1")
    with pytest.raises((Refused, Unavailable)):
        status(lost.url)
    ((ended, key_ended, lease),) = plant.sql(
        "SELECT (SELECT bool_and(ended_at IS NOT NULL) FROM genba.session WHERE station = 'SEC9'),"
        " (SELECT bool_and(ended_at IS NOT NULL) FROM genba_guard.offline_key WHERE station = 'SEC9'),"
        " (SELECT expires_at <= clock_timestamp() FROM genba.lease WHERE name = 'sync')"
    )
    assert (ended, key_ended, lease) == (True, True, True)
    (found,) = [each for each in logins.listed(plant.admin_url) if each.station == "SEC9"]
    assert (found.may_log_in, found.revoked_at is not None) == (False, True)
    password = logins.add(plant.admin_url, "SEC9")
    with pytest.raises((Refused, Unavailable)):
        status(lost.url)
    lost.url = make_url(lost.url).set(password=password).render_as_string(hide_password=False)
    with closing(lost.connect()) as connection:
        assert lost.begin(connection, START, lost.token) == ("denied", "store.session_over"), "its people sign in again"
        connection.rollback()
        assert lost.begin(connection, START, None, waiting) == ("open", ""), "what was decided before comes home"


def test_a_role_that_still_connects_after_it_was_revoked_is_no_station(plant: Plant, lost: Panel) -> None:
    """Somebody gave the role its log-in back by hand; the binding says no."""
    plant.sql("UPDATE genba.station SET revoked_at = now() WHERE code = 'SEC9'")
    for call in (
        "genba.begin_operation('x', 'x', '{}')",
        "genba.lease_acquire('sync', 'SEC9', 60)",
        "genba.begin_evidence('SEC9', 'PLC-1', 3)",
        "genba.session_of('x', 'SEC9')",
        "genba.audit_anchor('SEC9')",
        "genba.station_of('SEC9')",
    ):
        with pytest.raises(psycopg.Error) as refused:
            lost.sql(f"SELECT {call}")
        assert refused.value.sqlstate == "GB002", call


def test_unknown_and_mightier_log_ins_are_not_touched(plant: Plant) -> None:
    for act, code in (
        (lambda: logins.revoke(plant.admin_url, "NOWHERE"), "store.station_unknown"),
        (lambda: logins.add(plant.admin_url, "owner"), "store.station_reserved"),
    ):
        with pytest.raises(Invalid) as refused:
            act()
        assert refused.value.code == code


# ---- rights: the database and the screen -----------------------------------------------------------------------------

PERMISSIONS = (START, "production:order:cancel", "quality:check:take", "users:pin:set", "equipment:setpoint:write", "nobody:has:this")
LINES = ("L1", "L2", "L3")
GONE = "retired_role"
_RULE = (
    "INSERT INTO genba.role_rule (role_id, permission, line_id, allowed)"
    " SELECT r.id, %s, (SELECT l.id FROM genba.line l WHERE l.code = %s), %s FROM genba.role r WHERE r.code = %s"
    " ON CONFLICT (role_id, permission, line_id) DO UPDATE SET allowed = excluded.allowed"
)
rules_of_a_site = st.lists(
    st.builds(
        Rule,
        role=st.sampled_from((*ROLES, GONE)),
        permission=st.sampled_from(PERMISSIONS),
        line=st.sampled_from((None, *LINES[:2])),
        allowed=st.booleans(),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def judge(plant: Plant) -> Iterator[psycopg.Connection[Any]]:
    """The owner, in a transaction that is rolled back, with a third line and a role that no program declares any more."""
    with closing(psycopg.connect(plain(plant.admin_url))) as connection:
        connection.execute(
            "INSERT INTO genba.line (code, name, area_id, capacity_per_hour) SELECT 'L3', l.name, l.area_id, 1 FROM genba.line l LIMIT 1"
        )
        connection.execute("INSERT INTO genba.role (code, name) SELECT %s, r.name FROM genba.role r LIMIT 1", (GONE,))
        yield connection
        connection.rollback()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(roles=st.sets(st.sampled_from((*ROLES, GONE)), max_size=4), rules=rules_of_a_site)
def test_the_database_and_the_screen_agree_on_who_may_do_what_where(
    judge: psycopg.Connection[Any], roles: set[str], rules: list[Rule]
) -> None:
    judge.execute("DELETE FROM genba.role_rule")
    for rule in rules:
        judge.execute(_RULE, (rule.permission, rule.line, rule.allowed, rule.role))
    permissions, exceptions = rights(roles, rules)
    actor = Actor("x", "X", frozenset(roles), permissions, "P1", None, exceptions=exceptions)
    lines = dict(judge.execute("SELECT id, code FROM genba.line").fetchall())
    for permission in PERMISSIONS:
        row = judge.execute("SELECT genba_guard.lines_of(%s, %s)", (sorted(roles), permission)).fetchone()
        assert row is not None
        there = set(LINES) if row[0] is None else {lines[each] for each in row[0]}
        assert there == {line for line in LINES if actor.may(permission, line)}, permission
        # L3 has no rule of its own, so that "on all lines" and "on some line" differ by what the rules say alone.
        assert bool(there) == actor.may(permission), permission
