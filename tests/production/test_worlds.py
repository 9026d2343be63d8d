"""Every decision that may wait, against every way the world can go on meanwhile.

A fact is booked exactly once, with its own time: to its order, as unassigned, or, where the database does not take it from who decided it
any more, by somebody who answers for it. An intent is applied, or needs attention with both sides. Nothing is lost, nothing stays for ever.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

import core.catalogue
from core.equipment.call_views import CALL_KINDS
from core.errors import Invalid, Refused, Unavailable
from core.production import orders, rules
from core.production.views import OrderStatus, OrderView
from core.store import attention
from core.store.journal import Entry
from core.store.operation import Actor
from tests.house.test_offline import ANYBODY
from tests.store import rig
from tests.store.rig import TABLES, Station, ask

if TYPE_CHECKING:
    from tests.conftest import ExpectedLog
    from tests.postgres import TestServer

BOSS_SESSION = UUID(int=0xB055)
BOSS = Actor("boss", "ボス", frozenset({"supervisor"}), frozenset({"*"}), "ST1", BOSS_SESSION)
OPERATIONS = core.catalogue.OPERATIONS
TAG, WRITABLE = "L1.M1.Lot", "L1.M1.Speed"

_SESSION = """
INSERT INTO genba.session (id, user_id, station, token_hash, started_at, expires_at, roles, seal_inner, seal_outer)
SELECT %s, u.id, 'ST1', sha256(%s), now() - interval '1 h', now() + interval '11 h', %s,
       genba_guard.pad(k.key, 54), genba_guard.pad(k.key, 92)
FROM genba.app_user u, (SELECT sha256(%s) AS key) k WHERE u.code = %s
"""


def begin_session(admin: str, session: UUID, user: str, role: str) -> None:
    token = f"token of {user} {session}".encode()
    ask(admin, "DELETE FROM genba.session WHERE id = %s", session)
    ask(admin, _SESSION, session, token, json.dumps([role]), b"genba seal " + token, user)


class Prover(rig.Prover):
    """Knows everybody's session by its number."""

    def __init__(self, admin: str) -> None:
        super().__init__(admin)
        self.people = {rig.SESSION: "alice", BOSS_SESSION: "boss"}

    def token(self, session_id: UUID | None) -> str | None:
        return None if session_id is None else f"token of {self.people[session_id]} {session_id}"

    def seal(self, session_id: UUID | None, message: bytes) -> str | None:
        key = hashlib.sha256(f"genba seal {self.token(session_id)}".encode()).digest()
        return hmac.new(key, message, hashlib.sha256).hexdigest()


@pytest.fixture(scope="module")
def place(postgres: TestServer) -> Iterator[tuple[str, str]]:
    """(address of the station, of the owner) of a database with a small plant in it."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    from core.equipment.models import Line, Source, Tag, WorkUnit
    from core.store.base import Db
    from tests.production.conftest import plant_rows

    with postgres.migrated_database() as name:
        admin = postgres.admin_url(name)
        engine = create_engine(admin, poolclass=NullPool)
        with Db(engine) as db:
            plant_rows(db)
            hand = Source(code="hand", protocol="manual", url="", label={"ja": "手", "en": "by hand"})
            db.add(hand)
            db.flush()
            area = db.query(Line).filter_by(code="L1").one().area_id
            names = [code for code in _LINES.values() if code != "L1"]
            db.add_all(Line(code=code, name={"ja": code, "en": code}, area_id=area, capacity_per_hour=Decimal(120)) for code in names)
            unit = db.query(WorkUnit).filter_by(code="L1-M1").one()
            common = {"address": "x", "label": {"ja": "x", "en": "x"}, "work_unit_id": unit.id, "type": "float64"}
            db.add(Tag(name=TAG, source_id=hand.id, valid_low=0.0, valid_high=100.0, **common))
            db.add(Tag(name=WRITABLE, source_id=1, write_permission="equipment:setpoint:write", write_low=0, write_high=9, **common))
            db.commit()
        engine.dispose()
        ask(admin, TABLES)
        ask(admin, "INSERT INTO genba_guard.role_permission VALUES ('operator', '*'), ('supervisor', '*') ON CONFLICT DO NOTHING")
        ask(admin, "UPDATE genba.user_role SET role_id = (SELECT id FROM genba.role WHERE code = 'supervisor')"
            " WHERE user_id = (SELECT id FROM genba.app_user WHERE code = 'boss')")  # fmt: skip
        yield postgres.station_url(name), admin


@pytest.fixture
def station(place: tuple[str, str], tmp_path: Path, expect_log: ExpectedLog) -> Iterator[Station]:
    expect_log(r"database is down")
    begin_session(place[1], rig.SESSION, "alice", "operator")
    begin_session(place[1], BOSS_SESSION, "boss", "supervisor")
    opened = Station(place[0], tmp_path)
    opened.prover = Prover(place[1])
    opened.restart()
    opened.wait(True)
    yield opened
    opened.close()
    for mend in (
        "UPDATE genba.app_user SET active = true, retired_at = NULL",
        "UPDATE genba.tag SET retired_at = NULL, valid_low = CASE WHEN name = 'L1.M1.Lot' THEN 0.0 END, valid_high = NULL",
        f"UPDATE genba.tag SET name = '{TAG}' WHERE name = 'L1.M1.Batch'",
        "UPDATE genba.line SET retired_at = NULL",
        "UPDATE genba.work_unit SET retired_at = NULL",
        "UPDATE genba.product SET active = true, retired_at = NULL",
        "UPDATE genba.source SET protocol = 'manual' WHERE code = 'hand'",
        "DELETE FROM genba.role_rule",
        "UPDATE genba.user_role SET role_id = (SELECT id FROM genba.role WHERE code = 'operator')"
        " WHERE user_id = (SELECT id FROM genba.app_user WHERE code = 'alice')",
    ):
        ask(place[1], mend)


@dataclass(frozen=True)
class Decided:
    """What was decided in the dark: by operation name the request and the order or thing it was about."""

    requests: Mapping[str, UUID]
    orders: Mapping[str, OrderView]
    at: datetime


def order(station: Station, status: OrderStatus, line: str) -> OrderView:
    now = station.clock.now()
    given = {"product_code": "A-1010", "line_code": line, "planned": Decimal(100)}
    when = {"scheduled_start_at": now, "scheduled_end_at": now + timedelta(days=1)}
    view = station.door.do(orders.create_order, BOSS, {**given, **when}).view
    for step, reached in (
        (orders.release_order, OrderStatus.RELEASED), (orders.start_order, OrderStatus.IN_PROGRESS),
        (orders.pause_order, OrderStatus.PAUSED),
    ):  # fmt: skip
        view = station.door.do(step, BOSS, {"order_id": view.id}).view
        if reached is status:
            return view
    raise AssertionError(status)


_NEEDS = {
    rules.START: OrderStatus.RELEASED,
    rules.PAUSE: OrderStatus.IN_PROGRESS,
    rules.RESUME: OrderStatus.PAUSED,
    rules.COMPLETE: OrderStatus.IN_PROGRESS,
    rules.NOTE: OrderStatus.IN_PROGRESS,
    rules.REPORT: OrderStatus.IN_PROGRESS,
}
_LINES = {name: "L1" if name == rules.START else f"W{n}" for n, name in enumerate(_NEEDS)}
"""Each order has a line of its own: two cannot run on one."""
WRITE_ID = UUID(int=77)
_STOP = {"work_unit_code": "L1-M1", "began_at": datetime(2026, 7, 14, 1, 31, tzinfo=UTC)}


def decide_everything(station: Station, admin: str) -> Decided:
    """Every operation that may wait, once, each on something of its own, with the database away."""
    ask(admin, "UPDATE genba.work_order SET status = 'CANCELLED' WHERE status IN ('IN_PROGRESS', 'PAUSED')")
    made = {}
    for name, status in _NEEDS.items():
        made[name] = order(station, status, _LINES[name])
    for name in _NEEDS:
        made[name] = station.door.ask(orders.get_order, ANYBODY, {"order_id": made[name].id}).value
    calls = {verb: uuid4() for verb in ("respond", "resolve", "withdraw")}
    ask(admin, "UPDATE genba.andon_call SET withdrawn_at = now(), withdrawn_by = 'x' WHERE resolved_at IS NULL AND withdrawn_at IS NULL")
    for (verb, call_id), kind in zip(calls.items(), CALL_KINDS, strict=False):
        station.door.do(OPERATIONS["equipment:call:open"], BOSS, {"call_id": call_id, "line_code": "L1", "kind": kind, "note": verb})
    station.lose()
    write = {"write_id": WRITE_ID, "tag": WRITABLE}
    args: dict[str, Mapping[str, Any]] = {
        **{name: {"order_id": view.id, "version": view.version} for name, view in made.items() if name != rules.REPORT},
        rules.NOTE: {"order_id": made[rules.NOTE].id, "version": made[rules.NOTE].version, "note": "blunt"},
        rules.REPORT: {"order_id": made[rules.REPORT].id, "good": Decimal(7), "scrap": Decimal(1), "defect_code": "Q01"},
        "equipment:manual:enter": {"tag": TAG, "value": "42.5"},
        "equipment:call:open": {"call_id": uuid4(), "line_code": "L1", "kind": "leader"},
        **{f"equipment:call:{verb}": {"call_id": call_id} for verb, call_id in calls.items()},
        "equipment:stop:explain": {**_STOP, "reason_code": "D01", "version": 0},
        "equipment:stop:mark": {**_STOP, "step": "noticed"},
        "equipment:tag:write": {**write, "source": "PLC", "before": "1", "value": "2"},
        "equipment:tag:confirm": {**write, "outcome": "confirmed"},
    }
    assert set(args) == {name for name, each in OPERATIONS.items() if each.offline}, "a new operation that may wait belongs here"
    done = {name: station.door.do(OPERATIONS[name], ANYBODY, given) for name, given in args.items()}
    assert {each.state for each in done.values()} == {"waiting"}
    return Decided({name: each.request_id for name, each in done.items()}, made, station.clock.now())


def of_all(*statements: str) -> Callable[[str, Decided], None]:
    """A world in which these came true for each order."""

    def move(admin: str, decided: Decided) -> None:
        for view in decided.orders.values():
            for statement in statements:
                ask(admin, statement, view.id)

    return move


def said(*statements: str) -> Callable[[str, Decided], None]:
    """A world in which these came true."""

    def move(admin: str, _: Decided) -> None:
        for statement in statements:
            ask(admin, statement)

    return move


_AGO = "now() - interval '1 s'"
_ENDED = (
    f"UPDATE genba.work_order SET status = '{{}}', actual_start_at = least(actual_start_at, {_AGO}), actual_end_at = {_AGO},"
    " run_since_at = NULL, version = version + 1 WHERE id = %s"
)
_ROLE = "UPDATE genba.user_role SET role_id = (SELECT id FROM genba.role WHERE code = '{}') WHERE user_id = ({})"
_ALICE = "SELECT id FROM genba.app_user WHERE code = 'alice'"
_RULES = """
INSERT INTO genba.role_rule (role_id, permission, line_id, allowed)
SELECT r.id, p, NULL, false FROM genba.role r, unnest(%s::text[]) p WHERE r.code = 'operator'
"""


def forbid(admin: str) -> None:
    """The site takes every right to decide offline from the operators."""
    ask(admin, _RULES, [name for name, each in OPERATIONS.items() if each.offline])


WORLDS: Mapping[str, Callable[[str, Decided], None]] = {
    "nothing changed": said(),
    "order completed": of_all(_ENDED.format("COMPLETED")),
    "order closed": of_all(_ENDED.format("CLOSED")),
    "order cancelled": of_all(_ENDED.format("CANCELLED")),
    "order held": of_all("UPDATE genba.work_order SET status = 'HELD', run_since_at = NULL, version = version + 1 WHERE id = %s"),
    "order changed": of_all("UPDATE genba.work_order SET note = 'x', version = version + 1 WHERE id = %s"),
    "order gone": of_all("DELETE FROM genba.order_run WHERE order_id = %s", "DELETE FROM genba.work_order WHERE id = %s"),
    "line, machines and tags left the site": said(
        *(f"UPDATE genba.{table} SET retired_at = now()" for table in ("tag", "work_unit", "line"))
    ),
    "tag renamed": said(f"UPDATE genba.tag SET retired_at = now() WHERE name = '{TAG}'"),
    "tag has other limits": said(f"UPDATE genba.tag SET valid_low = 900, valid_high = 1000 WHERE name = '{TAG}'"),
    "machine got a controller": said("UPDATE genba.source SET protocol = 'opcua' WHERE code = 'hand'"),
    "product gone": said("UPDATE genba.product SET active = false, retired_at = now()"),
    "user deactivated": said("UPDATE genba.app_user SET active = false WHERE code = 'alice'"),
    "user retired": said("UPDATE genba.app_user SET active = false, retired_at = now() WHERE code = 'alice'"),
    "user lost his role": said(_ROLE.format("maintenance", _ALICE)),
    "session ended": said(f"UPDATE genba.session SET ended_at = now() WHERE user_id = ({_ALICE})"),
    "session unknown": said(f"DELETE FROM genba.session WHERE user_id = ({_ALICE})"),
    "site decided otherwise about rights": lambda admin, _: forbid(admin),
}


@pytest.mark.parametrize("world", WORLDS)
def test_whatever_the_world_does_meanwhile(world: str, station: Station, place: tuple[str, str]) -> None:
    admin = place[1]
    decided = decide_everything(station, admin)
    WORLDS[world](admin, decided)
    station.back()
    result = station.door.apply_waiting()
    assert result.waiting == 0
    parked = {entry.request.id: entry for entry in station.door.attending.entries()}
    assert result.applied + result.parked == len(decided.requests)
    assert result.parked == len(parked)
    facts = {name: each for name, each in decided.requests.items() if OPERATIONS[name].kind == "fact"}
    for name, request_id in decided.requests.items():
        if request_id in parked:
            tells_both_sides(station, parked[request_id], decided)
            if name in facts:
                adopted(station, request_id)
            else:
                dropped(station, request_id)
    for name, request_id in facts.items():
        assert booked(admin, name, request_id) == 1, name
    assert station.door.attending.entries() == []
    assert station.journal.waiting() == []
    own_time(admin, decided)
    if world == "nothing changed":
        assert parked == {}


def tells_both_sides(station: Station, entry: Entry, decided: Decided) -> None:
    """What was wanted, why not, and for an order how it is now: enough for somebody who was not there."""
    assert entry.refusal["code"]
    assert entry.subject
    assert json.loads(entry.preview)
    kind, _, key = entry.subject.partition(":")
    if kind != "order":
        return
    assert rules.states_before(entry.request.operation) or entry.request.operation in (rules.REPORT, rules.NOTE)
    if entry.refusal["code"] == "order.not_found":
        with pytest.raises(Refused):
            station.door.ask(orders.get_order, BOSS, {"order_id": UUID(key)})
        return
    now = station.door.ask(orders.get_order, BOSS, {"order_id": UUID(key)}).value
    changes = station.door.ask(orders.order_changes, BOSS, {"order_id": now.id}).value
    assert changes[0].user_code == "boss"
    assert all(change.at.tzinfo is not None for change in changes)
    assert {change.after for change in changes} & set(OrderStatus)


def adopted(station: Station, request_id: UUID) -> None:
    with pytest.raises(Refused) as kept:
        station.door.attending.settle(request_id, BOSS, "dropped", "no")
    assert kept.value.code == "store.fact_kept"
    with pytest.raises(Invalid):
        station.door.attending.adopt(request_id, BOSS, "  ")
    entry = station.journal.entry(request_id)
    station.door.attending.adopt(request_id, BOSS, "counted at the machine")
    assert entry is not None
    # the program died right after it was booked: the same once more books nothing
    station.journal.append(entry.request, entry.actor, "new", subject=entry.subject, preview=entry.preview)
    station.journal.mark(request_id, "parked", refusal=entry.refusal)
    station.door.attending.adopt(request_id, BOSS, "counted at the machine")


def dropped(station: Station, request_id: UUID) -> None:
    with pytest.raises(Invalid):
        station.door.attending.settle(request_id, BOSS, "dropped", "")
    station.door.attending.settle(request_id, BOSS, "dropped", "done otherwise")


def booked(admin: str, name: str, request_id: UUID) -> int:
    """How often a fact is in the database."""
    if name == rules.REPORT:
        return int(ask(admin, "SELECT count(*) FROM genba.production_report WHERE %s IN (request_id, id)", request_id)[0][0])
    if name == "equipment:manual:enter":
        return int(ask(admin, "SELECT count(*) FROM genba.manual_entry WHERE %s IN (request_id, id)", request_id)[0][0])
    # A write to a machine changes no row: its record is the audit's, in its own name or adopted.
    told = "SELECT count(DISTINCT operation) FROM genba.audit a LEFT JOIN genba.request r ON r.id = a.request_id"
    done = " WHERE a.outcome = 'done' AND (a.request_id = %s OR r.args ->> 'request_id' = %s)"
    return int(ask(admin, (told + done).replace("operation)", "a.operation)"), request_id, str(request_id))[0][0])


def own_time(admin: str, decided: Decided) -> None:
    """A fact keeps its own time, who made it, and its parts are in the sums of its order exactly when it belongs to it."""
    row = "SELECT order_id, good, scrap, user_code, reason, reported_at FROM genba.production_report WHERE %s IN (request_id, id)"
    ((order_id, good, scrap, user, reason, at),) = ask(admin, row, decided.requests[rules.REPORT])
    assert (good, scrap) == (7, 1)
    assert (user, reason) in {("alice", ""), ("boss", "alice: counted at the machine")}
    assert abs(at - decided.at) < timedelta(seconds=60)
    assert at <= decided.at
    if order_id is not None:
        assert ask(admin, "SELECT completed, scrap FROM genba.work_order WHERE id = %s", order_id) == [(7, 1)]
    entered = "SELECT value, entered_at <= %s FROM genba.manual_entry WHERE %s IN (request_id, id)"
    assert ask(admin, entered, decided.at, decided.requests["equipment:manual:enter"]) == [(42.5, True)]


def test_an_overtaken_intent_is_applied_on_what_is_now(station: Station, place: tuple[str, str]) -> None:
    decided = decide_everything(station, place[1])
    WORLDS["order changed"](place[1], decided)
    station.back()
    station.door.apply_waiting()
    entries = {entry.request.operation: entry.request.id for entry in station.door.attending.entries()}
    assert set(entries) == {rules.START, rules.PAUSE, rules.RESUME, rules.COMPLETE, rules.NOTE}
    station.lose()
    with pytest.raises(Unavailable):  # who decides on what it is now must know it
        station.door.attending.apply_anew(entries[rules.COMPLETE], BOSS, "it is finished")
    assert station.door.waiting == 0
    station.back()
    done = station.door.attending.apply_anew(entries[rules.COMPLETE], BOSS, "it is finished")
    assert done.view.status is OrderStatus.COMPLETED
    assert rules.COMPLETE not in {entry.request.operation for entry in station.door.attending.entries()}
    told = "SELECT a.reason, r.args ->> 'outcome' FROM genba.audit a JOIN genba.request r ON r.id = a.request_id"
    assert ask(place[1], f"{told} WHERE r.args ->> 'request_id' = %s", str(entries[rules.COMPLETE])) == [("it is finished", "applied")]
    given_up = {"request_id": entries[rules.PAUSE], "operation": rules.PAUSE, "refusal": "", "outcome": "dropped", "reason": "mine"}
    with pytest.raises(Invalid) as no_drop:  # whoever answers for it drops it, not who decided it
        station.door.do(attention.settle_own, BOSS, given_up)
    assert no_drop.value.code == "store.attention_drop"
    WORLDS["order closed"](place[1], decided)
    with pytest.raises(Refused) as no:
        station.door.attending.apply_anew(entries[rules.PAUSE], BOSS, "all the same")
    assert no.value.code == "order.not_legal"
    assert entries[rules.PAUSE] in {entry.request.id for entry in station.door.attending.entries()}, "it stays until somebody deals with it"
    for request_id in set(entries.values()) - {entries[rules.COMPLETE]}:
        station.door.attending.settle(request_id, BOSS, "changed", "cancelled instead")
    assert station.door.attending.entries() == []


def test_every_fact_that_may_wait_names_who_books_it_otherwise() -> None:
    for each in OPERATIONS.values():
        if each.offline and each.kind == "fact":
            assert OPERATIONS[each.adopted_by].kind == "fact", each.name
            assert set(OPERATIONS[each.adopted_by].request_model.model_fields) == {
                "request_id", "user_code", "station", "decided_at", "args", "seen", "reason",
            }  # fmt: skip
        else:
            assert each.adopted_by == "", each.name
