"""Calendars in a real database: read as shifts are worked out from them, excepted by people, withdrawn."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest

from core.equipment import calendar, calendar_rows
from core.equipment.shift_views import ExceptionSpec
from core.equipment.shifts import shifts_of
from core.errors import Conflict, Invalid, Refused
from tests.production.conftest import Plant, planned

MONDAY = date(2026, 7, 13)


@pytest.fixture
def two_shifts(plant: Plant) -> Plant:
    planned(plant, "L1")
    return plant


def tokyo(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+09:00").astimezone(UTC)


def excepted(plant: Plant, kind: str, day: date = MONDAY, **more: Any) -> ExceptionSpec:
    return calendar.except_day(plant.db, plant.db.actor, kind=kind, production_date=day, **{"calendar": "TWO", **more})  # type: ignore[arg-type]


def test_lines_have_the_calendar_they_name_or_none(two_shifts: Plant) -> None:
    view = calendar.get_calendars(two_shifts.db)
    assert view.line_calendars == {"L1": "TWO"}
    (found,) = view.calendars
    assert [(one.code, one.starts, one.ends, len(one.breaks)) for one in found.shifts] == [
        ("1", time(6, 30), time(15), 1),
        ("2", time(15), time(23, 30), 0),
    ]
    assert found.zone == "Asia/Tokyo"
    assert view.crew_names["A"] == {"ja": "A", "en": "A"}
    plans = calendar_rows.plans(two_shifts.db, tokyo("2026-07-13T00:00"), tokyo("2026-07-14T00:00"))
    assert [one.shift_code for one in shifts_of(plans["L1"], "L1", MONDAY)] == ["1", "2"]
    assert [one.shift_code for one in shifts_of(plans["L2"], "L2", MONDAY)] == [""]


def test_exceptions_change_the_shifts_until_they_are_withdrawn(two_shifts: Plant) -> None:
    db = two_shifts.db
    made = excepted(two_shifts, "off", shift_code="2", line_code="L1", calendar="")
    assert made.line_code == "L1"

    def worked() -> list[str]:
        plan = calendar_rows.plans(db, tokyo("2026-07-13T00:00"), tokyo("2026-07-14T00:00"))["L1"]
        return [one.shift_code for one in shifts_of(plan, "L1", MONDAY)]

    assert worked() == ["1"]
    with pytest.raises(Conflict, match=r"変更|changed"):
        calendar.withdraw_exception(db, db.actor, exception_id=made.id, version=made.version + 1)
    calendar.withdraw_exception(db, db.actor, exception_id=made.id, version=made.version)
    assert worked() == ["1", "2"]
    for gone in (made.id, uuid4()):
        with pytest.raises(Refused) as refused:
            calendar.withdraw_exception(db, db.actor, exception_id=gone)
        assert refused.value.code == "shift.exception_gone"


def test_overtime_may_adjoin_a_shift_and_overlap_none(two_shifts: Plant) -> None:
    more = {"shift_code": "2", "starts_at": tokyo("2026-07-13T23:30"), "ends_at": tokyo("2026-07-14T01:00")}
    excepted(two_shifts, "overtime", **more)
    with pytest.raises(Refused) as refused:
        excepted(two_shifts, "extra", **{**more, "shift_code": ""})
    assert refused.value.code == "shift.overlap"
    assert refused.value.params["first"] == "2"
    for language in ("ja", "en"):
        assert all(refused.value.lines(language))  # type: ignore[arg-type]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("holiday", {"calendar": "NINE"}, "shift.calendar_unknown"),
    ("holiday", {"line_code": "L2", "calendar": ""}, "shift.calendar_unknown"),
    ("holiday", {"calendar": ""}, "shift.calendar_unknown"),
    ("holiday", {"starts_at": tokyo("2026-07-13T08:00"), "ends_at": tokyo("2026-07-13T09:00")}, "shift.empty"),
    ("off", {"shift_code": "9"}, "shift.unknown"),
    ("off", {}, "shift.unknown"),
    ("crew", {"shift_code": "1"}, "shift.crew_unknown"),
    ("crew", {"shift_code": "1", "crew": "Z"}, "shift.crew_unknown"),
    ("extra", {}, "shift.empty"),
    ("extra", {"starts_at": tokyo("2026-07-13T02:00"), "ends_at": tokyo("2026-07-13T02:00")}, "shift.empty"),
    ("extra", {"starts_at": tokyo("2026-07-13T02:00"), "ends_at": tokyo("2026-07-14T02:01")}, "shift.empty"),
    ("extra", {"starts_at": tokyo("2026-08-13T02:00"), "ends_at": tokyo("2026-08-13T03:00")}, "shift.far"),
    (
        "planned_down",
        {"starts_at": tokyo("2026-07-13T08:00"), "ends_at": tokyo("2026-07-13T09:00"), "reason_code": "X"},
        "shift.reason_unknown",
    ),
]


@pytest.mark.parametrize(("kind", "more", "code"), REFUSED)
def test_what_cannot_be_is_refused_in_words(two_shifts: Plant, kind: str, more: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        excepted(two_shifts, kind, **more)
    assert refused.value.code == code
    for language in ("ja", "en"):
        assert all(refused.value.lines(language))  # type: ignore[arg-type]


def test_a_span_that_began_long_before_still_reaches_in(two_shifts: Plant) -> None:
    excepted(two_shifts, "planned_down", starts_at=tokyo("2026-07-13T08:00"), ends_at=tokyo("2026-08-13T08:00"), reason_code="D23")
    day = date(2026, 8, 10)
    plan = calendar_rows.plans(two_shifts.db, tokyo("2026-08-10T00:00"), tokyo("2026-08-11T00:00"))["L1"]
    first, _ = shifts_of(plan, "L1", day)
    assert first.planned[0].to_at - first.planned[0].from_at == timedelta(hours=8, minutes=30)
