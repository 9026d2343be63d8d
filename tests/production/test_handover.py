"""The handover of a shift in a real database: composed, given by one, taken by another, kept as it was signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from core.errors import Conflict, GenbaError, Invalid, Refused
from core.production import handover, handover_rows, orders, reports
from core.production.run_models import Handover
from core.production.shop_views import HandoverView
from tests.production.conftest import Plant, with_time

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def shift(plant: Plant) -> tuple[date, str]:
    """The shift of L1 that ended last: two shifts a day around now, changing at an hour that is over."""
    from core.equipment.models import Line, Site
    from core.equipment.shift_models import Calendar, Shift

    site = plant.db.scalars(select(Site)).one()
    calendar = Calendar(code="TWO", name={"ja": "二直", "en": "Two"}, site_id=site.id)
    plant.db.add(calendar)
    plant.db.flush()
    change = (plant.db.now - timedelta(minutes=10)).astimezone(TOKYO).time().replace(second=0, microsecond=0)
    other = time((change.hour + 12) % 24, change.minute)
    for place, (code, starts, ends) in enumerate((("1", other, change), ("2", change, other))):
        row = Shift(
            calendar_id=calendar.id, code=code, name={"ja": code, "en": code}, position=place, weekdays=127, starts=starts, ends=ends
        )
        plant.db.add(row)
    for code in ("L1", "L2"):
        line = plant.db.get(Line, plant.lines[code])
        assert line is not None
        line.calendar_id = calendar.id
    plant.db.flush()
    return handover_rows.last_shift(plant.db, "L1")


def give(plant: Plant, shift: tuple[date, str], **more: Any) -> HandoverView:
    day, code = shift
    return handover.give_shift(plant.db, plant.db.actor, line_code="L1", production_date=day, shift_code=code, **more)


def refused(kind: type[GenbaError], code: str, call: Any) -> None:
    with pytest.raises(kind) as refusal:
        call()
    assert refusal.value.code == code
    for language in ("ja", "en"):
        assert all(len(line) > 3 for line in refusal.value.lines(language))  # type: ignore[arg-type]


def test_the_page_says_what_is_open_at_the_end(plant: Plant, shift: tuple[date, str]) -> None:
    order = plant.running("WO-1", minutes=60, planned=500)
    plant.counted("L1-M2", 120, -30, order.id)
    plant.counted("L1-M2", 3, -30, order.id, "reject")
    plant.segment("L1-M2", "DOWN", -50, -40)
    plant.segment("L1-M2", "DOWN", -39, -30, "D07")
    plant.blocker("order", order.id, "寸法確認")
    reports.book_report(plant.db, plant.db.actor, order_id=order.id, good=Decimal(100))
    with_time(plant.db, -20)
    handover.add_note(plant.db, plant.db.actor, line_code="L1", text=" 金型Aは交換済み ")
    with_time(plant.db, 0)
    page = handover.get_handover(plant.db, line_code="L1").snapshot
    assert (page.figures.good, page.figures.scrap) == (120, 3)
    assert [(line.number, line.completed, line.status) for line in page.orders] == [("WO-1", 100, "IN_PROGRESS")]
    assert [stop.began_at for stop in page.unexplained] == [plant.db.now - timedelta(minutes=50)]
    assert [hold.reason for hold in page.holds] == ["寸法確認"]
    assert [note.text for note in page.notes] == ["金型Aは交換済み"]
    assert (page.unassigned_reports, page.outbox_waiting, page.unexplained_more) == (0, 0, 0)
    assert page.shift.to_at <= plant.db.now


def test_it_is_given_once_and_taken_by_somebody_else(plant: Plant, shift: tuple[date, str]) -> None:
    page = give(plant, shift, note="順調", waiting=2)
    assert (page.note, page.snapshot.waiting_here, page.taken_at) == ("順調", 2, None)
    refused(Refused, "handover.given", lambda: give(plant, shift))
    assert page.row_id is not None
    same, other = plant.db.actor, replace(plant.db.actor, user_code="ito")
    take: Any = handover.take_shift
    refused(Refused, "handover.same_person", lambda: take(plant.db, same, handover_id=page.row_id))
    refused(Conflict, "handover.changed", lambda: take(plant.db, other, handover_id=page.row_id, version=page.version + 1))
    taken = take(plant.db, other, handover_id=page.row_id, version=page.version)
    assert (taken.given_by, taken.taken_by) == (same.user_code, "ito")
    refused(Refused, "handover.taken", lambda: take(plant.db, other, handover_id=page.row_id))
    refused(Refused, "handover.not_given", lambda: take(plant.db, other, handover_id=plant.db.clock.uuid7()))


def test_what_was_signed_stays_as_it_was_whatever_changes_later(plant: Plant, shift: tuple[date, str]) -> None:
    order = plant.running("WO-1", minutes=60, planned=500)
    signed = give(plant, shift)
    reports.book_report(plant.db, plant.db.actor, order_id=order.id, good=Decimal(50))
    orders.complete_order(plant.db, plant.db.actor, order_id=order.id)
    plant.db.expire_all()
    again = handover.get_handover(plant.db, line_code="L1")
    assert again == signed
    row = plant.db.scalars(select(Handover)).one()
    assert handover_rows.digest(row.snapshot) == signed.sha256
    assert handover.list_handovers(plant.db, line_code="L1").items == (signed,)


def test_a_shift_that_goes_on_is_not_handed_over(plant: Plant, shift: tuple[date, str]) -> None:
    calendar = handover_rows.calendar_rows.plans(plant.db, plant.db.now, plant.db.now + timedelta(hours=1))["L1"]
    now = handover_rows.shifts.shift_at(calendar, "L1", plant.db.now)
    assert now is not None
    refused(Refused, "handover.not_over", lambda: give(plant, (now.production_date, now.shift_code)))
    refused(Refused, "handover.no_shift", lambda: give(plant, (date(2026, 1, 1), "9")))


def test_a_line_without_a_calendar_hands_over_its_day(plant: Plant) -> None:
    page = handover.get_handover(plant.db, line_code="L1")
    assert page.shift_code == ""
    assert page.snapshot.shift.to_at - page.snapshot.shift.from_at == timedelta(days=1)
    assert page.snapshot.shift.to_at <= datetime.now(UTC)


def test_an_empty_note_is_none(plant: Plant) -> None:
    refused(Invalid, "note.empty", lambda: handover.add_note(plant.db, plant.db.actor, line_code="L1", text="  "))
