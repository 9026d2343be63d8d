from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from core.errors import Conflict, GenbaError, Invalid, NotConfirmed, Refused, Unavailable
from core.store.base import Db
from core.store.operation import GUEST, Actor, Secret, Signature
from core.store.query import Page
from tests.store.rig import ALICE, GOOD_PIN, SESSION, TABLES, Station, ThingView, ask, declared


@pytest.fixture(scope="module")
def place(postgres: Any) -> Iterator[tuple[str, str]]:
    """(station url, admin url) of one database for this file; each test has things of its own."""
    with postgres.migrated_database() as name:
        admin = postgres.admin_url(name)
        ask(admin, TABLES)
        yield postgres.station_url(name), admin


@pytest.fixture
def admin(place: tuple[str, str]) -> str:
    return place[1]


@pytest.fixture
def outage(expect_log: Any) -> None:
    """The test loses the database on purpose."""
    expect_log(r"database is down")


@pytest.fixture
def ops() -> Iterator[SimpleNamespace]:
    with declared() as found:
        yield found


@pytest.fixture
def station(place: tuple[str, str], ops: SimpleNamespace, tmp_path: Path) -> Iterator[Station]:
    opened = Station(place[0], tmp_path)
    opened.wait(True)
    yield opened
    opened.close()


@pytest.fixture
def thing(station: Station, ops: SimpleNamespace, tmp_path: Path) -> UUID:
    created = station.door.do(ops.create, ALICE, {"name": f"{tmp_path.name}"})
    station.door.ask(ops.list, ALICE, {})
    return created.view.id


def _count(admin: str, thing: UUID) -> int:
    return int(ask(admin, "SELECT count FROM genba.test_thing WHERE id = %s", thing)[0][0])


# ---- with the database -----------------------------------------------------------------------------------------------


def test_a_decision_is_applied_with_its_request_row_and_audit_row(station: Station, ops: SimpleNamespace, thing: UUID, admin: str) -> None:
    done = station.door.do(ops.count, ALICE, {"thing_id": thing, "by": 3})
    assert (done.state, done.view.count) == ("applied", 3)
    assert station.door.waiting == 0
    (row,) = ask(admin, "SELECT operation, kind, station, user_code, state, args, result FROM genba.request WHERE id = %s", done.request_id)
    assert row[:5] == ("test:thing:count", "fact", "ST1", "alice", "applied")
    assert row[5] == {"thing_id": str(thing), "by": 3}
    assert row[6]["count"] == 3
    (audit,) = ask(admin, "SELECT outcome, user_name, changes FROM genba.audit WHERE request_id = %s", done.request_id)
    assert audit[:2] == ("done", "アリス")
    changed = {(c["table"], c["action"]): c["values"] for c in audit[2]}
    assert changed[("test_thing", "update")] == {"count": [0, 3]}
    assert ("test_entry", "insert") in changed


def test_other_stations_hear_which_thing_changed(station: Station, ops: SimpleNamespace, thing: UUID) -> None:
    heard: list[str] = []
    arrived = threading.Event()

    def hear(payload: str) -> None:
        heard.extend(payload.split(","))
        arrived.set()

    station.database.listen("genba", hear, lambda: None)
    for _ in range(50):
        station.door.do(ops.count, ALICE, {"thing_id": thing})
        if arrived.wait(0.1):
            break
    assert f"thing:{thing}" in heard


def test_an_operation_that_takes_its_time_has_the_patience_it_declares(
    station: Station, ops: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large site file takes longer than a person at a screen would wait for anything else."""

    limits = []

    def slowly(db: Db, actor: Actor, *, name: str) -> ThingView:
        db.execute(text("SELECT pg_sleep(0.4)"))
        limits.append(db.scalar(text("SHOW statement_timeout")))
        return ops.create(db, actor, name=name)  # type: ignore[no-any-return]

    monkeypatch.setattr(station.door, "_deadline_s", 0.2)
    patient = replace(ops.create, function=slowly, patience_s=5.0)
    assert station.door.do(patient, ALICE, {"name": f"{tmp_path.name} slow"}).state == "applied"
    monkeypatch.setattr(station.door, "_deadline_s", 5.0)
    station.door.do(replace(ops.create, function=slowly), ALICE, {"name": f"{tmp_path.name} after it"})
    assert limits == ["5s", "10s"], "one statement may take as long as its operation, and only there"


def test_nobody_decides_without_the_right(station: Station, ops: SimpleNamespace, thing: UUID, admin: str) -> None:
    with pytest.raises(Refused) as refused:
        station.door.do(ops.count, GUEST, {"thing_id": thing})
    assert refused.value.code == "store.no_right"
    with pytest.raises(Refused):
        station.door.ask(ops.hidden, GUEST, {})
    assert station.door.ask(ops.hidden, ALICE, {}).value == 1
    station.door.do(ops.count, ALICE, {"thing_id": thing})
    rows = ask(admin, "SELECT outcome, detail FROM genba.audit WHERE user_code = 'guest' ORDER BY seq DESC LIMIT 1")
    assert rows[0][0] == "refused"
    assert rows[0][1]["refusal"]["code"] == "store.no_right"


def test_a_no_of_the_database_itself_stands_in_the_audit(station: Station, ops: SimpleNamespace, thing: UUID, admin: str) -> None:
    ask(admin, "UPDATE genba.session SET ended_at = now() - interval '10 min' WHERE id = %s", SESSION)
    with pytest.raises(Refused) as refused:
        station.door.do(ops.count, ALICE, {"thing_id": thing})
    ask(admin, "UPDATE genba.session SET ended_at = NULL WHERE id = %s", SESSION)
    rows = ask(admin, "SELECT outcome, detail -> 'refusal' ->> 'code' FROM genba.audit WHERE station = 'ST1' ORDER BY seq DESC LIMIT 1")
    assert (refused.value.code, rows) == ("store.session_over", [("refused", "store.session_over")])


def test_refusals_of_the_operation_reach_the_screen_and_the_audit_but_not_the_journal(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str
) -> None:
    station.door.do(ops.close, ALICE, {"thing_id": thing, "reason": "done for today"})
    with pytest.raises(Refused):
        station.door.do(ops.close, ALICE, {"thing_id": thing})
    assert station.door.waiting == 0
    assert station.door.attending.entries() == []
    rows = ask(admin, "SELECT outcome, reason FROM genba.audit WHERE operation = 'test:thing:close' ORDER BY seq DESC LIMIT 2")
    assert rows == [("refused", ""), ("done", "done for today")]


@pytest.mark.parametrize(
    ("how", "kind", "code"),
    [
        ("stale", Conflict, "store.changed_meanwhile"),
        ("check", Invalid, "store.integrity"),
        ("foreign", Invalid, "store.integrity"),
        ("bug", Unavailable, "store.program_error"),
    ],
)
def test_what_the_database_or_the_program_cannot_do_is_said_in_words(
    station: Station, ops: SimpleNamespace, thing: UUID, how: str, kind: type[GenbaError], code: str, expect_log: Any
) -> None:
    if how == "bug":
        expect_log(r"test:thing:break: failed in an unforeseen way")
    with pytest.raises(kind) as refused:
        station.door.do(ops.break_, ALICE, {"thing_id": thing, "how": how})
    assert refused.value.code == code
    first = {
        "store.integrity": "データ整合性エラー（制約違反により操作を完了できませんでした）",
        "store.program_error": "製造システムエラー",
        "store.changed_meanwhile": "ほかの端末が先に変更しました。",
    }
    assert refused.value.lines("ja").what == first[code]
    assert station.door.do(ops.count, ALICE, {"thing_id": thing}).state == "applied"


def test_a_declared_constraint_has_the_features_own_words(station: Station, ops: SimpleNamespace, thing: UUID, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        station.door.do(ops.create, ALICE, {"name": tmp_path.name})
    assert refused.value.code == "store.changed_meanwhile"


def test_a_signature_is_checked_again_and_stands_in_the_audit_row(station: Station, ops: SimpleNamespace, thing: UUID, admin: str) -> None:
    args = {"thing_id": thing, "pin": Secret("planted-new-pin")}
    with pytest.raises(Refused) as refused:
        station.door.do(ops.set_pin, ALICE, args)
    assert refused.value.code == "store.signature_needed"
    for bad in (Signature("review", "alice", Secret(GOOD_PIN)), Signature("approval", "alice", Secret("wrong"))):
        with pytest.raises(Refused):
            station.door.do(ops.set_pin, ALICE, args, bad)
    done = station.door.do(ops.set_pin, ALICE, args, Signature("approval", "boss", Secret("planted-boss-0815")))
    assert ask(admin, "SELECT pin FROM genba.test_thing WHERE id = %s", thing) == [("proof-of-15",)]
    ((detail, changes),) = ask(admin, "SELECT detail, changes FROM genba.audit WHERE request_id = %s", done.request_id)
    assert {k: detail["signature"][k] for k in ("user_code", "name", "meaning")} == {
        "user_code": "boss",
        "name": {"ja": "ボス", "en": "Boss"},
        "meaning": "approval",
    }
    assert changes[0]["values"]["pin"] == ["•••", "•••"]
    signed = ask(admin, "SELECT user_code, meaning FROM genba.signature WHERE request_id = %s", done.request_id)
    assert signed == [("boss", "approval")]


def test_a_proof_given_as_plain_text_is_refused(station: Station, ops: SimpleNamespace, thing: UUID) -> None:
    with pytest.raises(Invalid):
        station.door.do(ops.set_pin, ALICE, {"thing_id": thing, "pin": "plain"}, Signature("approval", "alice", Secret(GOOD_PIN)))


def test_messages_are_written_for_subscribers_and_wait_the_undo_window(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str
) -> None:
    ask(
        admin,
        "INSERT INTO genba.external_system (code, name, kind, topics) VALUES ('MES', '{}', 'mes', '[\"thing.counted\"]'),"
        " ('DEAF', '{}', 'mes', '[]'), ('ALL', '{}', 'erp', '[\"thing.*\"]'); UPDATE genba.external_system SET active = code <> 'DEAF'",
    )
    try:
        done = station.door.do(ops.count, ALICE, {"thing_id": thing, "by": 2})
        rows = ask(
            admin,
            "SELECT s.code, topic, key, payload, round(extract(epoch FROM not_before - o.created_at)) FROM genba.outbox o"
            " JOIN genba.external_system s ON s.id = o.system_id WHERE request_id = %s ORDER BY s.code",
            done.request_id,
        )
        assert rows == [(code, "thing.counted", str(thing), {"count": 2}, 10) for code in ("ALL", "MES")]
    finally:
        ask(admin, "DELETE FROM genba.outbox; DELETE FROM genba.external_system")


def test_a_repeated_request_is_answered_with_what_was_applied(station: Station, ops: SimpleNamespace, thing: UUID, admin: str) -> None:
    done = station.door.do(ops.count, ALICE, {"thing_id": thing, "by": 5})
    station.journal.mark(done.request_id, "unknown")
    applied = station.door.apply_waiting()
    assert (applied.applied, applied.waiting) == (1, 0)
    assert _count(admin, thing) == 5


# ---- without the database --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("outage")
def test_offline_decisions_wait_with_a_preview_and_are_applied_in_order(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str
) -> None:
    station.lose()
    first = station.door.do(ops.count, ALICE, {"thing_id": thing, "by": 2})
    second = station.door.do(ops.count, ALICE, {"thing_id": thing, "by": 3})
    third = station.door.do(ops.close, ALICE, {"thing_id": thing})
    assert [d.state for d in (first, second, third)] == ["waiting"] * 3
    assert (second.view.count, third.view.open) == (5, False)
    answer = station.door.ask(ops.list, ALICE, {})
    assert answer.origin == "snapshot"
    assert answer.waiting == frozenset({f"thing:{thing}"})
    (shown,) = [t for t in answer.value.items if t.id == thing]
    assert (shown.count, shown.open) == (5, False)
    with pytest.raises(Refused):
        station.door.do(ops.close, ALICE, {"thing_id": thing})
    assert station.door.waiting == 3
    station.restart()
    assert station.door.waiting == 3
    answer = station.door.ask(ops.list, ALICE, {})
    assert [t.count for t in answer.value.items if t.id == thing] == [5]
    station.back()
    assert station.door.apply_waiting().applied == 3
    assert _count(admin, thing) == 5
    rows = ask(admin, "SELECT request_id FROM genba.test_entry WHERE thing_id = %s ORDER BY id", thing)
    assert [row[0] for row in rows] == [d.request_id for d in (first, second, third)]
    answer = station.door.ask(ops.list, ALICE, {})
    assert (answer.origin, answer.waiting) == ("database", frozenset())


@pytest.mark.usefixtures("outage")
def test_the_time_of_the_decision_is_kept_through_an_outage(station: Station, ops: SimpleNamespace, thing: UUID, admin: str) -> None:
    station.lose()
    before = station.clock.now()
    done = station.door.do(ops.count, ALICE, {"thing_id": thing})
    after = station.clock.now()
    station.back()
    station.door.apply_waiting()
    ((decided, applied),) = ask(admin, "SELECT decided_at, applied_at FROM genba.request WHERE id = %s", done.request_id)
    assert before <= decided <= after < applied


@pytest.mark.usefixtures("outage")
def test_what_needs_the_database_says_so_and_keeps_nothing(station: Station, ops: SimpleNamespace, thing: UUID) -> None:
    station.lose()
    for use in (
        lambda: station.door.do(ops.rename, ALICE, {"thing_id": thing, "name": "x"}),
        lambda: station.door.ask(ops.one, ALICE, {"thing_id": thing}),
        lambda: station.door.ask(ops.list, ALICE, {"limit": 7}),
    ):
        with pytest.raises(Unavailable):
            use()
    assert station.door.waiting == 0


@pytest.mark.usefixtures("outage")
def test_a_late_intent_that_is_no_longer_possible_needs_attention(station: Station, ops: SimpleNamespace, thing: UUID, admin: str) -> None:
    station.lose()
    done = station.door.do(ops.close, ALICE, {"thing_id": thing})
    ask(admin, "UPDATE genba.test_thing SET open = false WHERE id = %s", thing)
    station.back()
    result = station.door.apply_waiting()
    assert (result.applied, result.parked, result.waiting) == (0, 1, 0)
    (entry,) = station.door.attending.entries()
    assert (entry.request.id, entry.refusal["code"]) == (done.request_id, "store.no_right")
    assert ask(admin, "SELECT state, refusal->>'code' FROM genba.request WHERE id = %s", done.request_id) == [("refused", "store.no_right")]
    station.restart()
    station.wait(True)
    assert station.door.attending.retry(done.request_id).parked == 1
    assert len(ask(admin, "SELECT 1 FROM genba.audit WHERE request_id = %s", done.request_id)) == 1
    stranger = GUEST
    with pytest.raises(Refused):
        station.door.attending.settle(done.request_id, stranger, "changed", "done by hand")
    station.door.attending.settle(done.request_id, ALICE, "changed", "done by hand")
    assert station.door.attending.entries() == []
    assert ask(admin, "SELECT outcome FROM genba.audit WHERE operation = 'store:attention:settle_own'") == [("done",)]
    with pytest.raises(Invalid):
        station.door.attending.settle(done.request_id, ALICE, "changed", "done by hand")


@pytest.mark.usefixtures("outage")
def test_a_late_fact_that_cannot_be_booked_is_kept_and_booked_later(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str
) -> None:
    station.lose()
    done = station.door.do(ops.count, ALICE, {"thing_id": thing, "by": 13})
    after = station.door.do(ops.count, ALICE, {"thing_id": thing, "by": 1})
    ask(admin, "UPDATE genba.test_thing SET open = false WHERE id = %s", thing)
    station.back()
    result = station.door.apply_waiting()
    assert (result.applied, result.parked) == (1, 1)
    with pytest.raises(Refused) as refused:
        station.door.attending.settle(done.request_id, ALICE, "changed", "done by hand")
    assert refused.value.code == "store.fact_kept"
    ask(admin, "UPDATE genba.test_thing SET open = true WHERE id = %s", thing)
    assert station.door.attending.retry(done.request_id).applied == 1
    assert _count(admin, thing) == 14
    assert after.state == "waiting"


@pytest.mark.usefixtures("outage")
def test_a_lost_answer_to_a_commit_is_found_out_and_not_booked_twice(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str
) -> None:
    station.proxy.lose("after")
    done = station.door.do(ops.count, ALICE, {"thing_id": thing, "by": 4})
    assert (done.state, done.view.count) == ("waiting", 4)
    station.proxy.lose("after")
    station.wait(False)
    station.back()
    assert station.door.apply_waiting().applied == 1
    assert _count(admin, thing) == 4


@pytest.mark.usefixtures("outage")
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_online_decision_cut_at_its_commit_is_either_done_or_shown_to_a_person(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str, when: Any
) -> None:
    station.proxy.lose(when)
    with pytest.raises(NotConfirmed) as refused:
        station.door.do(ops.rename, ALICE, {"thing_id": thing, "name": f"x{thing}"[:20]})
    assert refused.value.code == "store.outcome_unknown"
    station.wait(False)
    station.back()
    result = station.door.apply_waiting()
    renamed = ask(admin, "SELECT name FROM genba.test_thing WHERE id = %s", thing)[0][0].startswith("x")
    assert (result.applied, result.parked, renamed) == ((1, 0, True) if when == "after" else (0, 1, False))
    assert [e.refusal["code"] for e in station.door.attending.entries()] == ([] if when == "after" else ["store.not_applied"])


@pytest.mark.usefixtures("outage")
def test_a_refusal_whose_audit_row_is_cut_off_is_still_heard_and_the_station_goes_on(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str
) -> None:
    station.door.do(ops.close, ALICE, {"thing_id": thing})
    station.proxy.lose("before")
    with pytest.raises(Refused) as refused:
        station.door.do(ops.close, ALICE, {"thing_id": thing})
    assert refused.value.code == "store.no_right"
    assert station.door.waiting == 0
    station.wait(False)
    station.back()
    assert station.door.do(ops.count, ALICE, {"thing_id": thing}).state == "applied"
    assert _count(admin, thing) == 1


@pytest.mark.usefixtures("outage")
def test_a_lock_held_by_somebody_makes_an_offline_decision_wait_and_others_go_on(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str, tmp_path: Path
) -> None:
    import psycopg

    from tests.postgres import plain

    other = station.door.do(ops.create, ALICE, {"name": f"{tmp_path.name}-other"}).view.id
    station.lose()
    for target in (thing, other):
        station.door.ask(ops.list, ALICE, {})
        with contextlib.suppress(Refused):
            station.door.do(ops.count, ALICE, {"thing_id": target})
    station.back()
    with psycopg.connect(plain(admin)) as held:
        held.execute("SELECT 1 FROM genba.test_thing WHERE id = %s FOR UPDATE", (thing,))
        result = station.door.apply_waiting()
        assert result.waiting == 1
        held.rollback()
    assert station.door.apply_waiting().waiting == 0
    assert _count(admin, thing) == 1


@pytest.mark.parametrize(("most", "state"), [(10, "applied"), (3, "waiting")])
def test_a_press_waits_for_few_and_queues_behind_many(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str, most: int, state: str, monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    expect_log("database is down")
    monkeypatch.setattr("core.store.door._CATCH_UP_MAX", most)
    station.lose()
    told = [station.door.do(ops.count, ALICE, {"thing_id": thing}) for _ in range(5)]
    station.back()
    told.append(station.door.do(ops.count, ALICE, {"thing_id": thing}))
    assert told[-1].state == state
    assert station.door.apply_waiting().waiting == 0
    booked = ask(admin, "SELECT request_id FROM genba.test_entry WHERE thing_id = %s ORDER BY id", thing)
    assert [request for (request,) in booked] == [done.request_id for done in told], "in the order in which they were decided"


# ---- any sequence ----------------------------------------------------------------------------------------------------


class Anything(RuleBasedStateMachine):
    """Any mix of deciding, losing the database at any point, restarting and returning; at the end the books agree."""

    place: tuple[str, str]
    ops: SimpleNamespace
    folders: Any

    @initialize()
    def begin(self) -> None:
        self.station = Station(self.place[0], next(self.folders))
        self.station.wait(True)
        name = f"m-{self.station.clock.uuid7()}"
        self.thing = self.station.door.do(self.ops.create, ALICE, {"name": name}).view.id
        self.station.door.ask(self.ops.list, ALICE, {"limit": 1000})
        self.acknowledged: dict[UUID, int] = {}
        self.refused = 0

    @rule(by=st.sampled_from([1, 2, 5]))
    def count(self, by: int) -> None:
        done = self.station.door.do(self.ops.count, ALICE, {"thing_id": self.thing, "by": by})
        self.acknowledged[done.request_id] = by

    @rule()
    def close(self) -> None:
        try:
            done = self.station.door.do(self.ops.close, ALICE, {"thing_id": self.thing})
        except (Refused, NotConfirmed):
            return
        self.acknowledged[done.request_id] = 0

    @rule()
    def rename(self) -> None:
        with contextlib.suppress(Unavailable, NotConfirmed):
            self.station.door.do(self.ops.rename, ALICE, {"thing_id": self.thing, "name": f"r{self.station.clock.uuid7()}"[:20]})

    @rule(when=st.sampled_from(["before", "after"]))
    def lose_at_the_next_commit(self, when: Any) -> None:
        self.station.proxy.lose(when)

    @rule()
    def lose(self) -> None:
        self.station.lose()

    @rule()
    def come_back(self) -> None:
        self.station.back()
        self.station.door.apply_waiting()

    @rule()
    def restart(self) -> None:
        self.station.restart()

    @invariant()
    def never_more_than_decided(self) -> None:
        if hasattr(self, "acknowledged"):
            rows = ask(self.place[1], "SELECT request_id FROM genba.test_entry WHERE thing_id = %s", self.thing)
            assert len(rows) == len(set(rows)), "booked twice"

    def teardown(self) -> None:
        if not hasattr(self, "station"):
            return
        try:
            self.station.back()
            for _ in range(20):
                if self.station.door.apply_waiting().waiting == 0:
                    break
                self.station.wait(True)
            assert self.station.door.waiting == 0
            booked = [row[0] for row in ask(self.place[1], "SELECT request_id FROM genba.test_entry WHERE thing_id = %s", self.thing)]
            parked = {entry.request.id for entry in self.station.door.attending.entries()}
            for request_id in self.acknowledged:
                assert booked.count(request_id) == 1 or (request_id in parked and request_id not in booked)
            assert _count(self.place[1], self.thing) == sum(by for r, by in self.acknowledged.items() if r in booked)
            assert all(request_id in booked for request_id, by in self.acknowledged.items() if by), "a fact is missing"
        finally:
            self.station.close()


def _run(place: tuple[str, str], ops: SimpleNamespace, tmp_path: Path, examples: int, steps: int) -> None:
    def folders() -> Iterator[Path]:
        for n in range(10_000):
            folder = tmp_path / str(n)
            folder.mkdir()
            yield folder

    machine = type("Bound", (Anything,), {"place": place, "ops": ops, "folders": folders()})
    logger = logging.getLogger("core.store.engine")
    propagate, logger.propagate = logger.propagate, False  # that the database is lost is the subject here
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True, database=None,
                suppress_health_check=list(HealthCheck), print_blob=False,
                phases=[Phase.generate],  # shrinking would lose the database for minutes
            ),
        )  # fmt: skip
    finally:
        logger.propagate = propagate


def test_any_sequence_ends_with_every_acknowledged_decision_once_or_parked(
    place: tuple[str, str], ops: SimpleNamespace, tmp_path: Path
) -> None:
    _run(place, ops, tmp_path, examples=12, steps=12)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_any_sequence_long(place: tuple[str, str], ops: SimpleNamespace, tmp_path: Path) -> None:
    _run(place, ops, tmp_path, examples=300, steps=25)


# ---- secrets ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("outage")
def test_a_planted_secret_is_found_nowhere(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    planted = "planted-secret-0b1c"
    caplog.set_level(logging.DEBUG)
    signature = Signature("approval", "alice", Secret(GOOD_PIN))
    station.door.do(ops.set_pin, ALICE, {"thing_id": thing, "pin": Secret(planted)}, signature)
    for wrong in (
        lambda: station.door.do(ops.count, ALICE, {"thing_id": thing, "by": Secret(planted)}),
        lambda: station.door.do(ops.set_pin, ALICE, {"thing_id": "x", "pin": Secret(planted)}, signature),
        lambda: station.door.do(
            ops.set_pin, ALICE, {"thing_id": thing, "pin": Secret(planted)}, Signature("approval", "alice", Secret(planted))
        ),
    ):
        with pytest.raises(GenbaError) as refused:
            wrong()
        assert planted not in str(refused.value) + repr(refused.value.params)
    station.proxy.lose("before")
    with pytest.raises(NotConfirmed):
        station.door.do(ops.set_pin, ALICE, {"thing_id": thing, "pin": Secret(planted)}, signature)
    station.wait(False)
    station.back()
    station.door.apply_waiting()
    station.stop()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            assert planted.encode() not in raw, path
            assert GOOD_PIN.encode() not in raw, path
            assert b"proof-of" not in raw, path
    rows = ask(admin, "SELECT r::text FROM genba.request r UNION ALL SELECT a::text FROM genba.audit a")
    assert rows
    assert not [row for row in rows if planted in row[0] or GOOD_PIN in row[0] or "proof-of" in row[0]]
    assert planted not in caplog.text
    station.start()


def test_answers_hold_views_and_no_rows(station: Station, ops: SimpleNamespace, thing: UUID) -> None:
    answer = station.door.ask(ops.list, ALICE, {"limit": 1000})
    assert isinstance(answer.value, Page)
    assert answer.as_of.tzinfo is not None
    assert thing in [t.id for t in answer.value.items]
