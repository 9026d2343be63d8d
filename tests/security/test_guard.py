"""Attacks in several steps on operations, evidence and the audit, with a station's own log-in: what one statement alone cannot do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from core.errors import Refused
from tests.security.picture import differences, picture
from tests.security.rig import OFFICE, THERE, Plant

START, BOOK, NOTE, RELEASE = "production:order:start", "production:report:book", "production:order:note", "production:order:release"
END = "SELECT genba.end_operation('null', '', '{}')"
WRITE = "UPDATE genba.work_order SET note = note || 'x' WHERE number = 'WO-L1'"


@pytest.fixture(autouse=True)
def everybody_is_back(plant: Plant) -> Iterator[None]:
    yield
    plant.bring_everybody_back()


def note_of(plant: Plant, number: str = "WO-L1") -> str:
    return str(plant.sql("SELECT note FROM genba.work_order WHERE number = %s", number)[0][0])


def rows_of(plant: Plant, request: str) -> list[Any]:
    return plant.sql("SELECT outcome, changes FROM genba.audit WHERE request_id = %s", request)


# --- an operation --------------------------------------------------------------------------------------------------------


def test_what_another_connection_applied_cannot_be_committed_twice_past_the_audit(plant: Plant) -> None:
    """``end_operation`` answers NULL for "roll back, ask again"; an attacker commits."""
    here, before = plant.here, note_of(plant)
    asked = here.request(START)
    with closing(here.connect()) as one, closing(here.connect()) as two:
        for connection in (one, two):
            assert here.begin(connection, START, here.token, asked)[0] == "open"
        two.execute(END)
        two.commit()
        one.execute(WRITE)
        assert one.execute(END).fetchone() == (None,)
        with pytest.raises(psycopg.Error, match="begun and not ended"):
            one.commit()
    assert note_of(plant) == before
    assert rows_of(plant, asked["id"]) == [("done", [])]


def test_a_refusal_in_the_middle_does_not_end_an_operation(plant: Plant) -> None:
    """``note_refusal`` takes the request's row away that ``end_operation`` needs."""
    here, before = plant.here, note_of(plant)
    asked = here.request(START)
    with closing(here.connect()) as connection:
        here.begin(connection, START, here.token, asked)
        connection.execute(WRITE)
        words = (here.token, START, json.dumps(asked), '{"code": "x"}')
        connection.execute("SELECT genba.note_refusal(%s, %s, %s, %s, true)", words)
        assert connection.execute(END).fetchone() == (None,)
        with pytest.raises(psycopg.Error, match="begun and not ended"):
            connection.commit()
    assert note_of(plant) == before


def test_a_refusal_is_noted_for_the_operation_that_was_asked_for(plant: Plant) -> None:
    here = plant.here
    asked = here.request(START)
    with closing(here.connect()) as connection:
        with pytest.raises(psycopg.Error) as caught:
            connection.execute("SELECT genba.note_refusal(%s, %s, %s, '{}', true)", (here.token, NOTE, json.dumps(asked)))
        assert caught.value.sqlstate == "GB004"
    assert rows_of(plant, asked["id"]) == []


def test_rights_are_those_of_now_whatever_the_transaction_has_seen(plant: Plant) -> None:
    here = plant.here
    for level in (psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE):
        with closing(here.connect()) as connection:
            connection.isolation_level = level
            connection.execute("SELECT 1 FROM genba.line")  # the snapshot is taken; tanaka loses his access afterwards
            plant.sql("UPDATE genba.app_user SET active = false WHERE code = 'tanaka'")
            for call in ("genba.begin_operation('x', 'x', '{}')", "genba.session_of('x', NULL)", "genba.offline_key('x', NULL)"):
                with pytest.raises(psycopg.Error, match="read committed only"):
                    connection.execute(f"SELECT {call}")  # type: ignore[arg-type]
                connection.rollback()
                connection.execute("SELECT 1 FROM genba.line")


def test_an_operation_is_not_held_open_until_its_person_has_gone(plant: Plant) -> None:
    here, before = plant.here, note_of(plant)
    with plant.altered("genba.end_operation", "'5 minutes'", "'0.1 seconds'"), closing(here.connect()) as connection:
        here.begin(connection, START, here.token)
        plant.sql("UPDATE genba.app_user SET active = false WHERE code = 'tanaka'")
        connection.execute("SELECT pg_sleep(0.15)")
        connection.execute(WRITE)
        with pytest.raises(psycopg.Error, match="took too long"):
            connection.execute(END)
        connection.rollback()
    assert note_of(plant) == before


def test_each_operation_has_one_audit_row_also_when_the_panel_dies_at_any_step(plant: Plant) -> None:
    here = plant.here
    steps = ("BEGIN", "begin", WRITE, END, "COMMIT")
    for death in range(1, len(steps) + 1):
        asked, before = here.request(NOTE), note_of(plant)
        with closing(here.connect(autocommit=True)) as connection:
            for step in steps[:death]:
                if step == "begin":
                    here.begin(connection, NOTE, here.token, asked)
                else:
                    connection.execute(step)  # type: ignore[arg-type]
            plant.sql("SELECT pg_terminate_backend(%s, 5000)", connection.info.backend_pid)
        done = death == len(steps)
        assert len(rows_of(plant, asked["id"])) == done, "a row for what was committed, none for what was not"
        assert note_of(plant) == before + "x" * done
        with closing(here.connect()) as again:  # the station asks again when it is back
            if here.begin(again, NOTE, here.token, asked)[0] == "open":
                again.execute(WRITE)
                again.execute(END)
            again.commit()
        assert [outcome for outcome, _ in rows_of(plant, asked["id"])] == ["done"]
        assert note_of(plant) == before + "x"


def test_a_station_cannot_write_a_signature_or_leave_into_the_audit(plant: Plant) -> None:
    forged = {
        "signature": {"user_code": "boss"},
        "authorised_by": {"user_code": "boss"},
        "late": False,
        "unproved": False,
        "program": "0.2",
    }
    for detail, kept in (
        (json.dumps(forged), {"program": "0.2"}),
        ('[{"signature": 1}]', {}),
        ('"x"', {}),
        (json.dumps({"x": "y" * 9_000}), {}),
    ):
        with closing(plant.here.connect()) as connection:
            plant.here.begin(connection, START, plant.here.token)
            connection.execute("SELECT genba.end_operation('null', repeat('r', 9000), %s)", (detail,))
            connection.commit()
        row = plant.last_audit()
        assert row["detail"] == kept
        assert len(row["reason"]) == 4_000
    assert plant.sql("SELECT count(*) FROM genba.signature") == [(1,)]


def test_a_report_is_booked_in_ones_own_name_and_on_ones_own_lines(plant: Plant) -> None:
    row = (
        "INSERT INTO genba.production_report (id, line_id, good, scrap, unit, user_code, station, reported_at, request_id)"
        " SELECT gen_random_uuid(), l.id, 5, 0, 'pcs', %s, %s, now(), coalesce(%s, gen_random_uuid()) FROM genba.line l WHERE l.code = %s"
    )
    with plant.rule("operator", BOOK, "L2", allowed=False):
        for user, station, mine, line, state in (
            ("tanaka", "SEC1", True, "L1", None),
            ("boss", "SEC1", True, "L1", "GB001"),
            ("tanaka", "SEC2", True, "L1", "GB001"),
            ("tanaka", "SEC1", False, "L1", "GB001"),
            ("tanaka", "SEC1", True, "L2", "GB003"),
        ):
            asked = plant.here.request(BOOK)
            with closing(plant.here.connect()) as connection:
                assert plant.here.begin(connection, BOOK, plant.here.token, asked)[0] == "open"
                try:
                    connection.execute(row, (user, station, asked["id"] if mine else None, line))
                    came = None
                except psycopg.Error as error:
                    came = error.sqlstate
                connection.rollback()
            assert came == state, (user, station, mine, line)


def test_a_rule_against_writing_machines_is_heeded_beside_what_the_tag_asks(plant: Plant) -> None:
    write = "equipment:tag:write"

    def may(tag: str) -> str:
        with closing(plant.here.connect()) as connection:
            asked = plant.here.request(write, args=json.dumps({"tag": tag}))
            outcome = plant.here.begin(connection, write, plant.here.token, asked)[0]
            connection.rollback()
            return outcome

    assert (may("L1.SPEED"), may("L2.SPEED"), may("nothing")) == ("open", "open", "denied")
    with plant.rule("operator", write, "L2", allowed=False):
        assert (may("L1.SPEED"), may("L2.SPEED")) == ("open", "denied")
    with plant.rule("operator", write, None, allowed=False):
        assert may("L1.SPEED") == "denied"
    with plant.rule("operator", "equipment:setpoint:write", "L1", allowed=False):
        assert (may("L1.SPEED"), may("L2.SPEED")) == ("denied", "open")


# --- leave and signatures ------------------------------------------------------------------------------------------------


def test_a_supervisors_leave_is_good_once_for_one_request_of_one_session(plant: Plant) -> None:
    here = plant.here
    asked = here.request(RELEASE)
    here.prove(asked, "authorisation", "boss")
    for panel, other in (
        (here, here.request(RELEASE)),
        (here, here.request("production:order:cancel", id=asked["id"])),
        (plant.office, plant.office.request("users:user:create", id=asked["id"])),
    ):
        with closing(panel.connect()) as connection:
            if panel is here:
                assert panel.begin(connection, other["operation"], panel.token, other) == ("denied", "store.no_right")
            connection.rollback()
    with closing(here.connect()) as connection:
        assert here.begin(connection, RELEASE, here.token, asked)[0] == "open"
        connection.execute(END)
        connection.commit()
        assert plant.last_audit()["detail"]["authorised_by"]["user_code"] == "boss"
        assert here.begin(connection, RELEASE, here.token, asked)[0] == "applied", "it was applied, and is not applied again"
        connection.rollback()
        assert here.begin(connection, RELEASE, here.token, here.request(RELEASE))[0] == "denied"
        connection.rollback()


def test_leave_ends_after_two_minutes_with_its_session_and_with_whoever_gave_it(plant: Plant) -> None:
    here = plant.here

    def begun(asked: dict[str, Any]) -> str:
        with closing(here.connect()) as connection:
            outcome = here.begin(connection, RELEASE, here.token, asked)[0]
            connection.rollback()
            return outcome

    asked = here.request(RELEASE)
    here.prove(asked, "authorisation", "boss")
    assert begun(asked) == "open"
    plant.sql("UPDATE genba.app_user SET active = false WHERE code = 'boss'")
    assert begun(asked) == "denied", "he lost his access meanwhile"
    plant.sql("UPDATE genba.app_user SET active = true WHERE code = 'boss'")
    plant.sql("UPDATE genba_guard.ticket SET proved_at = proved_at - interval '121 s'")
    assert begun(asked) == "denied", "too old"
    asked = here.request(RELEASE)
    here.prove(asked, "authorisation", "boss")
    here.sign_in("tanaka")
    assert begun(asked | {"session_id": str(here.signed.actor.session_id)}) == "denied", "another session"  # type: ignore[union-attr]


def test_leave_is_not_given_to_oneself_nor_by_somebody_who_may_not(plant: Plant) -> None:
    for code, refusal in (("tanaka", "users.not_yourself_authorised"), ("ito", "store.no_right"), ("novice", "users.must_change")):
        with pytest.raises(Refused) as refused:
            plant.here.prove(plant.here.request(RELEASE), "authorisation", code)
        assert refused.value.code == refusal
    assert plant.sql("SELECT count(*) FROM genba_guard.ticket t JOIN genba.app_user u ON u.id = t.user_id WHERE u.code <> 'boss'") == [(0,)]


def test_a_signature_stays_with_its_request_and_counts_where_its_signer_may(plant: Plant) -> None:
    office, decide = plant.office, "users:right:decide"
    rule = (
        "INSERT INTO genba.role_rule (role_id, permission, line_id, allowed)"
        " SELECT 1, 'production:order:pause', id, true FROM genba.line WHERE code = %s"
    )
    asked = office.request(decide)
    with closing(office.connect()) as connection:
        assert office.begin(connection, decide, office.token, asked) == ("denied", "store.signature_needed")
        connection.rollback()
        office.prove(asked, "signature", "admin")
        for other in (office.request(decide), office.request("users:policy:change", id=asked["id"])):
            assert office.begin(connection, other["operation"], office.token, other) == ("denied", "store.signature_needed")
            connection.rollback()
        with plant.rule("quality", decide, "L1", allowed=True):  # ito may decide about rights on line L1 only
            signed = office.request(decide)
            office.prove(signed, "signature", "ito")
            assert office.begin(connection, decide, office.token, signed)[0] == "open"
            connection.execute(rule, ("L1",))
            with pytest.raises(psycopg.Error) as elsewhere:
                connection.execute(rule, ("L2",))
            assert elsewhere.value.sqlstate == "GB003"
            connection.rollback()
        assert office.begin(connection, decide, office.token, signed) == ("denied", "store.no_right"), "he may not any more"
        connection.rollback()


# --- late requests -------------------------------------------------------------------------------------------------------


def test_who_must_change_his_pin_decides_nothing_with_a_seal_either(plant: Plant) -> None:
    here = plant.here
    here.sign_in("novice")
    with closing(here.connect()) as connection:
        assert here.begin(connection, START, here.token) == ("denied", "users.must_change")
        connection.rollback()
        for operation in (START, BOOK):
            asked = here.request(operation, seal=True)
            assert here.begin(connection, operation, None, asked) == ("denied", "users.must_change")
            connection.rollback()
        # A PIN that was given anew after he had decided changes nothing about what he decided.
        plant.sql("UPDATE genba.credential SET changed_at = now() + interval '1 minute' WHERE must_change")
        assert here.begin(connection, BOOK, None, asked)[0] == "open"
        connection.rollback()
        plant.sql("UPDATE genba.credential SET changed_at = now() - interval '1 hour' WHERE must_change")


def test_an_old_seal_is_worth_nothing(plant: Plant) -> None:
    here = plant.here
    session = here.signed.actor.session_id  # type: ignore[union-attr]
    for days, outcome in ((59, "open"), (61, "denied")):
        then = datetime.now(UTC) - timedelta(days=days)
        plant.sql("UPDATE genba.session SET started_at = %s, expires_at = %s WHERE id = %s", then, then + timedelta(hours=12), session)
        asked = here.request(BOOK, seal=True, decided_at=(then + timedelta(hours=1)).isoformat())
        with closing(here.connect()) as connection:
            assert here.begin(connection, BOOK, None, asked)[0] == outcome, days
            connection.rollback()


def test_a_clock_changed_by_an_hour_changes_no_order_and_is_seen(plant: Plant) -> None:
    """The rows stand in the order of the server's clock, each with what the panel's clock said."""
    here = plant.here
    hours = [0, 1, -1, 0]
    for shift in hours:
        asked = here.request(NOTE, decided_at=(datetime.now(UTC) + timedelta(hours=shift)).isoformat())
        with here.operation(NOTE, asked=asked):
            pass
    rows = plant.sql("SELECT seq, at, decided_at FROM genba.audit WHERE station = 'SEC1' ORDER BY seq DESC LIMIT 4")[::-1]
    assert [at for _, at, _ in rows] == sorted(at for _, at, _ in rows)
    assert [round((decided - at).total_seconds() / 3600) for _, at, decided in rows] == hours
    # A late request whose time lies outside of its session by the clock that the panel had at the sign-in is not believed.
    for shift, outcome in ((0, "open"), (1, "denied"), (-1, "denied")):
        asked = here.request(BOOK, seal=True, decided_at=(datetime.now(UTC) + timedelta(hours=shift)).isoformat())
        with closing(here.connect()) as connection:
            assert here.begin(connection, BOOK, None, asked)[0] == outcome
            connection.rollback()


# --- the audit -----------------------------------------------------------------------------------------------------------


def test_refusals_in_anothers_name_say_that_nobody_was_proved_and_do_not_fill_the_audit(plant: Plant) -> None:
    here = plant.here
    (before,) = plant.sql("SELECT max(seq) FROM genba.audit WHERE station = 'SEC1'")[0]
    with closing(here.connect(autocommit=True)) as connection:
        for turn in range(100):
            asked = json.dumps(here.request(START, user_code="boss", user_name="Boss", session_id=None))
            if turn % 2:
                connection.execute("SELECT genba.begin_operation(NULL, %s, %s)", (START, asked))
            else:
                connection.execute("SELECT genba.note_refusal(NULL, %s, %s, %s, true)", (START, asked, json.dumps({"x": "y" * 100_000})))
    rows = plant.sql("SELECT user_code, outcome, detail FROM genba.audit WHERE station = 'SEC1' AND seq > %s", before)
    assert 0 < len(rows) <= 60
    assert {(user, outcome, detail["unproved"]) for user, outcome, detail in rows} == {("boss", "refused", True)}
    assert max(len(json.dumps(detail)) for *_, detail in rows) < 9_000
    with here.operation(NOTE):
        pass  # what is proved is always kept
    assert plant.last_audit()["user_code"] == "tanaka"


def test_a_panel_cannot_say_that_somebody_was_there_or_lock_him_out(plant: Plant) -> None:
    """``merge_offline`` takes the station's word for what happened while it could not ask."""
    tries = [{"user": "admin", "outcome": "signed_in", "at": "x" * 1000, "session_id": str(uuid4())}]
    tries += [{"user": "admin", "outcome": "wrong", "at": "x"}] * 60
    plant.here.sql("SELECT genba.merge_offline(NULL, %s)", json.dumps(tries))
    assert plant.sql("SELECT count(*) FROM genba_guard.attempt WHERE subject LIKE 'user:%%'") == [(0,)]
    rows = plant.sql("SELECT DISTINCT user_code, outcome, detail ->> 'offline' FROM genba.audit WHERE station = 'SEC1' AND detail ? 'at'")
    assert ("admin", "signed_in", "true") not in rows
    plant.sql("UPDATE genba.station SET offline_h = 8 WHERE code = 'SEC1'")
    try:
        assert len(plant.here.sql("SELECT genba.offline_key(%s, NULL)", plant.here.token)) == 1
        wrong = json.dumps([{"user": "tanaka", "outcome": "wrong", "at": "x"}] * 1000)
        for _ in range(3):
            plant.here.sql("SELECT genba.merge_offline(NULL, %s)", wrong)
        ((failures, locked),) = plant.sql("SELECT failures, locked_until - now() FROM genba_guard.attempt WHERE subject = 'user:TANAKA'")
        assert failures == 10, "as many as the panel itself allows before it forgets him"
        assert locked < timedelta(minutes=31)
    finally:
        plant.sql("UPDATE genba.station SET offline_h = 0; DELETE FROM genba_guard.offline_key")


# --- evidence ------------------------------------------------------------------------------------------------------------


def test_two_with_one_stations_name_do_not_record_both(plant: Plant) -> None:
    assert len(plant.here.sql("SELECT * FROM genba.lease_acquire('source:PLC-9', NULL, 60)")) == 1
    assert plant.here.sql("SELECT * FROM genba.lease_acquire('source:PLC-9', NULL, 60)") == [], "also the same station waits"
    plant.sql("DELETE FROM genba.lease WHERE name = 'source:PLC-9'")


def test_a_source_given_to_certain_stations_is_recorded_by_none_but_them(plant: Plant) -> None:
    plant.sql("UPDATE genba.source SET readers = 'stations', stations = '[\"SEC2\"]' WHERE code = 'PLC-1'")
    plant.sql("UPDATE genba.lease SET expires_at = now() - interval '1 s' WHERE name = 'source:PLC-1'")
    try:
        assert plant.here.sql("SELECT * FROM genba.lease_acquire('source:PLC-1', NULL, 60)") == []
        assert len(plant.there.sql("SELECT * FROM genba.lease_acquire('source:PLC-1', NULL, 60)")) == 1
    finally:
        plant.sql("UPDATE genba.source SET readers = 'lease', stations = '[]'")
        plant.sql("UPDATE genba.lease SET holder = 'SEC2', epoch = 3, expires_at = now() + interval '1 h' WHERE name = 'source:PLC-1'")


def test_a_recorder_that_woke_up_writes_nothing_beside_its_successor(plant: Plant) -> None:
    """Evidence under the old epoch is refused, and a batch that is under way holds off the change."""
    taken = threading.Event()
    with closing(plant.here.connect()) as recorder:
        assert recorder.execute("SELECT genba.begin_evidence(NULL, 'PLC-2', 2)").fetchone() == (True,)
        plant.sql("SET lock_timeout = '5s'; SELECT 1")

        def take_over() -> None:
            plant.sql("UPDATE genba.lease SET holder = 'SEC2', epoch = 3 WHERE name = 'source:PLC-2'")
            taken.set()

        successor = threading.Thread(target=take_over)
        successor.start()
        assert not taken.wait(0.3)
        recorder.commit()
        successor.join(60)
        assert recorder.execute("SELECT genba.begin_evidence(NULL, 'PLC-2', 2)").fetchone() == (False,)
        recorder.rollback()
    plant.sql("UPDATE genba.lease SET holder = 'SEC1', epoch = 2 WHERE name = 'source:PLC-2'")


# --- names -----------------------------------------------------------------------------------------------------------------


def test_tables_and_functions_of_ones_own_do_not_stand_in_for_the_guards(plant: Plant) -> None:
    """As if a careless administrator had left temporary tables open to everybody."""
    here = plant.here
    plant.sql("DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database()); END $$")
    before = picture(plant)
    try:
        with closing(here.connect()) as connection:
            for statement in (
                "CREATE TEMP TABLE app_user AS SELECT 3 AS id, 'admin'::text AS code, '{}'::jsonb AS name, 'en'::text AS language, "
                "true AS active",
                "CREATE TEMP TABLE user_role AS SELECT u.id AS user_id, r.id AS role_id FROM genba.app_user u, genba.role r",
                "CREATE TEMP TABLE role AS SELECT id, 'administrator'::text AS code FROM genba.role",
                "CREATE TEMP TABLE role_rule (role_id int, permission text, line_id int, allowed boolean)",
                "CREATE TEMP TABLE security_policy AS SELECT 1 AS id, 999 AS user_tries, 999 AS station_tries, 0 AS lock_min, "
                "0 AS secret_days",
                "CREATE TEMP TABLE open_work (xid xid8, kind text, tables text[])",
                "CREATE FUNCTION pg_temp.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT ''-infinity''::timestamptz'",
                "CREATE FUNCTION pg_temp.is_owner() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
                "CREATE FUNCTION pg_temp.texteq_(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
                "CREATE OPERATOR pg_temp.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = pg_catalog.byteane)",
                "SET search_path = pg_temp, genba, pg_catalog",
            ):
                connection.execute(statement)  # type: ignore[arg-type]
            connection.commit()
            for operation in ("users:user:create", "production:order:cancel", "equipment:site:apply"):
                assert here.begin(connection, operation, here.token)[0] == "denied"
                connection.commit()
            with pytest.raises(psycopg.Error, match="outside of an operation"):
                connection.execute("UPDATE genba.work_order SET planned = 1")
            connection.rollback()
            assert not {name for name in differences(before, picture(plant)) if name.startswith("genba")}
    finally:
        plant.sql("DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$")


def test_the_panels_are_who_they_are(plant: Plant) -> None:
    """The rig itself: three log-ins, three people, and each token good at its own panel alone."""
    for panel in plant.panels.values():
        for other in plant.panels.values():
            rows = panel.sql("SELECT user_code FROM genba.session_of(%s, NULL)", other.token)
            assert len(rows) == (panel is other)
    assert (plant.there.station, plant.office.station) == (THERE, OFFICE)
