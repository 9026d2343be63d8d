"""A table of orders, products or days in a real database: taken whole or not at all, and once."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from core.equipment.calendar import get_calendars
from core.equipment.models import Line, Site
from core.equipment.shift_models import Calendar, CalendarException, Shift
from core.errors import Conflict, GenbaError, Invalid, Refused
from core.inventory.models import Product
from core.production import orders
from core.production.models import WorkOrder
from core.sitefile.import_entries import Kind, parse
from core.sitefile.import_judge import Preview
from core.sitefile.importing import Imported, import_days, import_orders, import_products, packed, preview_import
from core.tabular.read import read_table
from tests.production.conftest import Plant

HEAD = "指示番号,品目,ライン,計画数,開始予定,納期,優先度\n"
TWO = "WO-A,A-1010,L1,500,2026-07-14 06:30,2026-07-14 15:00,3\nWO-B,B-2200,L2,20,2026-07-14 06:30,2026-07-14 15:00,7\n"


def document(text: str, kind: Kind = "order") -> tuple[str, ...]:
    entries, problems = parse(kind, "plan.csv", read_table("plan.csv", text.encode()), ZoneInfo("Asia/Tokyo"))
    assert problems == ()
    return packed("plan.csv", entries)


def looked_at(plant: Plant, text: str, kind: Any = "order") -> Preview:
    return preview_import(plant.db, kind=kind, document=document(text, kind))


def taken(plant: Plant, text: str, seen: str = "", kind: Kind = "order") -> Imported:
    seen = seen or looked_at(plant, text, kind).sha256
    operation = {"order": import_orders, "product": import_products, "day": import_days}[kind]
    done: Imported = operation(plant.db, plant.db.actor, document=document(text, kind), seen=seen)
    return done


def test_new_orders_are_planned_and_the_same_table_changes_nothing_the_second_time(plant: Plant) -> None:
    assert taken(plant, HEAD + TWO) == Imported(2, 0, 0)
    order = plant.db.scalars(select(WorkOrder).where(WorkOrder.number == "WO-A")).one()
    view = orders.get_order(plant.db, order_id=order.id)
    assert (view.product_code, view.line_code, view.planned, view.priority, view.status) == ("A-1010", "L1", 500, 3, "PLANNED")
    assert view.scheduled_start_at.isoformat() == "2026-07-13T21:30:00+00:00"
    with pytest.raises(Refused) as refusal:
        taken(plant, HEAD + TWO)
    assert refusal.value.code == "import.nothing"


def test_an_order_follows_the_table_until_it_begins(plant: Plant) -> None:
    taken(plant, HEAD + TWO)
    moved = HEAD + TWO.replace("A-1010,L1,500", "B-2200,L2,600")
    assert taken(plant, moved) == Imported(0, 1, 1)
    order = plant.db.scalars(select(WorkOrder).where(WorkOrder.number == "WO-A")).one()
    assert (order.planned, order.line_id, order.product_id) == (600, plant.lines["L2"], plant.products["B-2200"])
    for step in (orders.release_order, orders.start_order):
        step(plant.db, plant.db.actor, order_id=order.id)
    preview = looked_at(plant, HEAD + TWO)
    assert [one.cell for one in preview.problems] == ["A2"]
    with pytest.raises(Invalid) as broken:
        taken(plant, HEAD + TWO + "WO-C,A-1010,L1,5,2026-07-14 06:30,2026-07-14 15:00,5\n")
    assert broken.value.code == "import.broken"
    assert "A2" in broken.value.lines("ja").what
    assert plant.db.scalar(select(WorkOrder.id).where(WorkOrder.number == "WO-C")) is None, "nothing of it was taken"


def test_what_is_confirmed_is_what_was_shown(plant: Plant) -> None:
    seen = looked_at(plant, HEAD + TWO).sha256
    plant.order("WO-A", planned=3)
    with pytest.raises(Conflict) as refusal:
        taken(plant, HEAD + TWO, seen)
    assert refusal.value.code == "import.changed"


@pytest.mark.parametrize(("line", "cell"), [("WO-A,XX,L1", "B2"), ("WO-A,A-1010,L7", "C2")])
def test_what_the_database_does_not_know_is_named(plant: Plant, line: str, cell: str) -> None:
    line += ",5,2026-07-14 06:30,2026-07-14 15:00,5"
    assert [one.cell for one in looked_at(plant, HEAD + line).problems] == [cell]
    with pytest.raises(GenbaError):
        taken(plant, HEAD + line)


def test_products_come_and_are_changed(plant: Plant) -> None:
    head = "品目コード,名称,標準時間(分),有効\n"
    assert taken(plant, head + "N-1,新しい品目,0.5,○\nA-1010,A-1010,0.6,\n", kind="product") == Imported(1, 1, 0)
    new = plant.db.scalars(select(Product).where(Product.code == "N-1")).one()
    assert (new.name, new.standard_cycle_min, new.unit, new.origin) == (
        {"ja": "新しい品目", "en": "新しい品目"},
        Decimal("0.5"),
        "pcs",
        "import",
    )
    assert plant.db.scalars(select(Product.standard_cycle_min).where(Product.code == "A-1010")).one() == Decimal("0.6")
    plant.order("WO-N", product_code="N-1")


def test_a_document_that_is_none_is_refused(plant: Plant) -> None:
    for wrong in (("x",), (), (document(HEAD + TWO)[0][:40],)):
        with pytest.raises(Invalid) as refusal:
            preview_import(plant.db, kind="order", document=wrong)
        assert refusal.value.code == "sitefile.document_unreadable"


def test_a_month_of_five_thousand_orders_is_taken_at_once(plant: Plant) -> None:
    rows = "".join(f"WO-{number:05d},A-1010,L1,5,2026-07-14 06:30,2026-07-14 15:00,5\n" for number in range(5_000))
    assert taken(plant, HEAD + rows) == Imported(5_000, 0, 0)


DAYS = "生産日,種類,カレンダー,ライン,勤務帯,開始,終了,備考\n"


def standing(plant: Plant) -> list[tuple[str, str, str, str, str]]:
    asked = select(CalendarException).where(CalendarException.withdrawn_at.is_(None)).order_by(CalendarException.production_date)
    rows = plant.db.scalars(asked)
    return [(f"{row.production_date}", row.kind, row.note, row.origin, row.line.code if row.line else "") for row in rows]


def test_days_of_a_calendar_are_taken_once_and_follow_their_table(plant: Plant) -> None:
    calendar(plant)
    text = DAYS + "2026-12-29,休日,TWO,,,,,年末\n2026-12-30,overtime,,L1,2,23:30,01:30,\n"
    assert taken(plant, text, kind="day") == Imported(2, 0, 0)
    assert standing(plant) == [("2026-12-29", "holiday", "年末", "import", ""), ("2026-12-30", "overtime", "", "import", "L1")]
    with pytest.raises(Refused) as refusal:
        taken(plant, text, kind="day")
    assert refusal.value.code == "import.nothing"
    assert taken(plant, text.replace("年末", "大掃除").replace("01:30", "02:00"), kind="day") == Imported(0, 2, 0)
    assert [note for _, _, note, _, _ in standing(plant)] == ["大掃除", ""]
    view = get_calendars(plant.db)
    (spec,) = view.calendars
    assert [(one.kind, one.note) for one in spec.exceptions] == [("holiday", "大掃除"), ("overtime", "")]


def test_days_are_taken_as_a_whole_or_not_at_all(plant: Plant) -> None:
    calendar(plant)
    text = DAYS + "2026-12-29,休日,TWO,,,,,年末\n2026-12-30,extra,TWO,,,14:00,16:00,\n"
    assert [one.cell for one in looked_at(plant, text, "day").problems] == ["F3"]
    with pytest.raises(Invalid) as broken:
        taken(plant, text, kind="day")
    assert broken.value.code == "import.broken"
    assert standing(plant) == []


def calendar(plant: Plant) -> None:
    """Two shifts for the lines L1 and L2."""
    site = plant.db.scalars(select(Site)).first()
    assert site is not None
    one = Calendar(code="TWO", name={"ja": "二直", "en": "two shifts"}, site_id=site.id, crews={})
    plant.db.add(one)
    plant.db.flush()
    for code, starts, ends in (("1", time(6, 30), time(15)), ("2", time(15), time(23, 30))):
        names = {"ja": f"{code}直", "en": f"shift {code}"}
        plant.db.add(Shift(calendar_id=one.id, code=code, name=names, weekdays=127, starts=starts, ends=ends))
    plant.db.execute(update(Line).where(Line.code.in_(("L1", "L2"))).values(calendar_id=one.id))
    plant.db.flush()
