"""A small plant in the database: two lines, two products, an order on each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from core.production.views import OrderView

if TYPE_CHECKING:
    from core.store.base import Db


@dataclass
class Plant:
    """Ids of the plant's rows, and verbs that make more of them."""

    db: Db
    lines: dict[str, int]
    units: dict[str, int]
    products: dict[str, int]
    seq: int = 0

    def order(self, number: str = "", line: str = "L1", planned: int = 100, **more: Any) -> OrderView:
        """A new order, scheduled from now for a day."""
        from core.production.orders import create_order

        now = self.db.now
        given = {"product_code": "A-1010", "scheduled_start_at": now, "scheduled_end_at": now + timedelta(days=1), **more}
        return create_order(self.db, self.db.actor, number=number, line_code=line, planned=Decimal(planned), **given)

    def released(self, number: str = "", line: str = "L1", **more: Any) -> OrderView:
        from core.production.orders import release_order

        return release_order(self.db, self.db.actor, order_id=self.order(number, line, **more).id)

    def running(self, number: str = "", line: str = "L1", minutes: float = 0, **more: Any) -> OrderView:
        """An order that was started ``minutes`` ago."""
        from core.production.orders import start_order

        order = self.released(number, line, **more)
        with_time(self.db, -minutes)
        try:
            return start_order(self.db, self.db.actor, order_id=order.id)
        finally:
            with_time(self.db, 0)

    def counted(self, unit: str, quantity: int, minutes: float, order: UUID | None = None, kind: str = "good") -> None:
        """``unit`` counted ``quantity`` parts ``minutes`` from now (negative: ago)."""
        from core.production.models import CountEvent

        self.seq += 1
        line = self.lines[unit.partition("-")[0]]
        event = CountEvent(id=self.db.clock.uuid7(), line_id=line, work_unit_id=self.units[unit], order_id=order, kind=kind)
        event.quantity, event.counter_value = Decimal(quantity), self.seq
        event.occurred_at = self.db.now + timedelta(minutes=minutes)
        event.source, event.epoch, event.seq = "PLC", 1, self.seq
        self.db.add(event)
        self.db.flush()

    def segment(self, unit: str, state: str, begin: float, end: float | None, reason: str = "") -> None:
        """A state of ``unit`` from ``begin`` to ``end``, minutes from now."""
        from core.equipment.models import StateSegment

        self.seq += 1
        row = StateSegment(id=self.db.clock.uuid7(), work_unit_id=self.units[unit], state=state, reason_code=reason)
        row.started_at = self.db.now + timedelta(minutes=begin)
        row.ended_at = None if end is None else self.db.now + timedelta(minutes=end)
        row.source, row.epoch, row.seq = "PLC", 1, self.seq
        self.db.add(row)
        self.db.flush()

    def lease(self, source: str, expires: float, renewed: float = 0) -> None:
        """Somebody records ``source`` until ``expires`` minutes from now; written by the database's owner, and taken away again."""
        self.owner(
            "INSERT INTO genba.lease VALUES (%s, 'TEST', 1, now() - interval '1 h', now() + make_interval(secs => %s),"
            " now() + make_interval(secs => %s)) ON CONFLICT (name) DO UPDATE"
            " SET renewed_at = excluded.renewed_at, expires_at = excluded.expires_at",
            f"source:{source}", renewed * 60, expires * 60,
        )  # fmt: skip

    def owner(self, statement: str, *values: object) -> None:
        from tests.postgres import owner_of
        from tests.store.rig import ask

        ask(owner_of(self.db), statement, *values)

    def blocker(self, kind: str, target: object, reason: str, minutes: float = 0) -> UUID:
        from core.production.models import Blocker

        row = Blocker(id=self.db.clock.uuid7(), target_kind=kind, target_id=str(target), kind="quality", reason=reason, opened_by="sato")
        row.opened_at = self.db.now + timedelta(minutes=minutes)
        self.db.add(row)
        self.db.flush()
        return row.id


def with_time(db: Db, minutes: float) -> None:
    """Let the next operations be decided ``minutes`` from now (negative: ago)."""
    db.decided_at = db.now + timedelta(minutes=minutes)


def plant_rows(db: Db) -> Plant:
    """Two lines with two units each, two products."""
    from core.equipment.models import Area, Enterprise, Line, Site, Source, Tag, Unit, WorkUnit
    from core.inventory.models import Product

    def both(text: str) -> dict[str, str]:
        return {"ja": text, "en": text}

    enterprise = Enterprise(code="GENBA", name=both("Genba"))
    if db.get(Unit, 1) is None:
        db.add(Unit(code="pcs", quantity="count", name=both("pcs"), base="pcs", factor=Decimal(1)))
    source = Source(code="PLC", protocol="opcua", url="opc.tcp://127.0.0.1:1", label=both("PLC"))
    db.add_all([enterprise, source])
    db.flush()
    site = Site(code="S1", name=both("Site"), time_zone="Asia/Tokyo", enterprise_id=enterprise.id)
    db.add(site)
    db.flush()
    area = Area(code="A1", name=both("Area"), site_id=site.id)
    db.add(area)
    db.flush()
    lines, units = {}, {}
    for place, code in enumerate(("L1", "L2")):
        line = Line(code=code, name=both(code), area_id=area.id, capacity_per_hour=Decimal(120), efficiency=Decimal(85), position=place)
        db.add(line)
        db.flush()
        lines[code] = line.id
        for position in (1, 2):
            unit = WorkUnit(code=f"{code}-M{position}", name=both(f"M{position}"), line_id=line.id, position=position)
            db.add(unit)
            db.flush()
            units[unit.code] = unit.id
            db.add(
                Tag(
                    name=f"{code}.M{position}.State",
                    source_id=source.id,
                    address=unit.code,
                    type="int32",
                    label=both("State"),
                    work_unit_id=unit.id,
                    role="state",
                )
            )
        line.constraint_unit_id = units[f"{code}-M2"]
    products = {}
    for code, cycle in (("A-1010", Decimal("0.75")), ("B-2200", None)):
        product = Product(code=code, name=both(code), standard_cycle_min=cycle)
        db.add(product)
        db.flush()
        products[code] = product.id
    db.flush()
    return Plant(db, lines, units, products)


TWO_SHIFTS = (("1", "06:30", "15:00"), ("2", "15:00", "23:30"))


def planned(plant: Plant, *lines: str, shifts: tuple[tuple[str, str, str], ...] = TWO_SHIFTS, pause: bool = True) -> None:
    """Let ``lines`` work by the calendar TWO, every day by the wall clock of Tokyo; ``pause``: 12:00 to 12:45 in the first shift."""
    from datetime import time

    from core.equipment.models import Line, Site
    from core.equipment.shift_models import Calendar, Crew, Shift, ShiftBreak

    db = plant.db
    site = db.query(Site).one()
    calendar = Calendar(code="TWO", name={"ja": "2交替", "en": "Two shifts"}, site_id=site.id, crews={})
    db.add_all([calendar, *(Crew(code=code, name={"ja": code, "en": code}) for code in "AB")])
    db.flush()
    for place, (code, starts, ends) in enumerate(shifts):
        times = {"starts": time.fromisoformat(starts), "ends": time.fromisoformat(ends)}
        name = {"ja": f"{code}直", "en": f"Shift {code}"}
        shift = Shift(calendar_id=calendar.id, code=code, name=name, position=place, weekdays=127, crew="AB"[place % 2], **times)
        db.add(shift)
        db.flush()
        if place == 0 and pause:
            db.add(ShiftBreak(shift_id=shift.id, starts=time(12), ends=time(12, 45)))
    for code in lines:
        line = db.get(Line, plant.lines[code])
        assert line is not None
        line.calendar_id = calendar.id
    db.flush()


@pytest.fixture
def plant(db: Db) -> Iterator[Plant]:
    made = plant_rows(db)
    with_time(db, 0)
    yield made
    made.owner("DELETE FROM genba.lease WHERE holder = 'TEST'")


@pytest.fixture
def ago(db: Db) -> Callable[[float], None]:
    """``ago(5)``: what is decided next was decided five minutes ago."""
    return lambda minutes: with_time(db, -minutes)
