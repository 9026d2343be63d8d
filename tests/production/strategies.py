"""Calendars, states, orders and figures as hypothesis makes them up."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import strategies as st

from core.equipment.shift_views import BreakSpec, CalendarSpec, ShiftSpec
from core.equipment.states import MachineState, Segment
from core.equipment.views import StopReasonView
from core.production.elements import Policy, Run
from core.production.time_views import Element, Figures
from core.production.views import OrderStatus

ZONES = ("Asia/Tokyo", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia")
"""Zones without a change, with one an hour long in either half of the year, with half an hour, at midnight, and of a whole day."""

REASONS = {
    code: StopReasonView(code, {"ja": code, "en": code}, grouping, bucket, element)
    for code, grouping, bucket, element in (
        ("D01", "unplanned", "availability", "ADET"),
        ("D07", "minor stop", "performance", "ADET"),
        ("D10", "setup", "availability", "AUST"),
        ("D15", "waiting", "availability", "ADET"),
        ("D22", "no order", "availability", "ADOT"),
        ("D23", "planned", "excluded", "planned down"),
        ("D24", "planned", "excluded", "planned down"),
        ("D99", "unplanned", "availability", "ADET"),
    )
}


def wall(minutes: int) -> time:
    """Minutes of the day as a wall clock shows them."""
    return time(minutes // 60 % 24, minutes % 60)


@st.composite
def calendars(draw: st.DrawFn) -> CalendarSpec:
    """Up to four shifts a day that do not overlap on paper, some with a break, in any zone."""
    cuts = draw(st.lists(st.integers(0, 287).map(lambda n: n * 5), min_size=1, max_size=4, unique=True))
    cuts.sort()
    shifts = []
    for index, begin in enumerate(cuts):
        room = (cuts[(index + 1) % len(cuts)] - begin - 1) % 1440 + 1
        length = draw(st.integers(1, room // 5)) * 5
        breaks = []
        if length > 20:
            at = begin + draw(st.integers(0, length - 15))
            breaks.append(BreakSpec(wall(at), wall(at + draw(st.integers(1, 15)))))
        shifts.append(ShiftSpec(str(index), {}, draw(st.integers(0, 127)), wall(begin), wall(begin + length), "", tuple(breaks)))
    return CalendarSpec("C", {}, draw(st.sampled_from(ZONES)), tuple(shifts))


def moments(first: date = date(2010, 1, 1), last: date = date(2030, 1, 1)) -> st.SearchStrategy[datetime]:
    """Whole minutes, aware UTC."""
    begin = datetime.combine(first, time(0), UTC)
    return st.integers(0, (last - first).days * 1440).map(lambda minutes: begin + timedelta(minutes=minutes))


@st.composite
def segments(draw: st.DrawFn, begin: datetime, length_s: int) -> tuple[Segment, ...]:
    """What a machine did over ``length_s`` seconds: holes too, the last one may go on."""
    found = []
    at = 0
    while at < length_s and len(found) < 12:
        at += draw(st.sampled_from((0, 0, 0, 30, 600)))
        end = at + draw(st.sampled_from((1, 60, 299, 300, 301, 3600)))
        state = draw(st.sampled_from(MachineState))
        reason = "" if state is MachineState.RUNNING else draw(st.sampled_from(("", "", *REASONS)))
        ended = None if end >= length_s and draw(st.booleans()) else begin + timedelta(seconds=end)
        found.append(Segment(state, begin + timedelta(seconds=at), ended, reason))
        if ended is None:
            break
        at = end
    return tuple(found)


@st.composite
def runs(draw: st.DrawFn, begin: datetime, length_s: int) -> tuple[Run, ...]:
    """Orders on the line, overlapping ones too."""
    found = []
    for n in range(draw(st.integers(0, 4))):
        at = draw(st.integers(-600, length_s))
        to_at = None if draw(st.booleans()) else begin + timedelta(seconds=at + draw(st.integers(0, length_s)))
        status = draw(st.sampled_from((OrderStatus.IN_PROGRESS, OrderStatus.PAUSED, OrderStatus.HELD)))
        found.append(Run(UUID(int=n + 1), f"P{n}", status, begin + timedelta(seconds=at), to_at))
    return tuple(found)


policies = st.builds(
    Policy,
    minor_s=st.sampled_from((1, 300, 3600)),
    minor_loss=st.sampled_from(("performance", "availability")),
    worked_breaks=st.booleans(),
)

_SECONDS = st.floats(0, 1e6, allow_nan=False).map(lambda s: round(s, 3))


@st.composite
def figures(draw: st.DrawFn) -> Figures:
    """Any times and parts that can be together."""
    seconds = draw(st.dictionaries(st.sampled_from(Element), _SECONDS))
    minor = seconds.get(Element.MINOR, 0.0)
    good, scrap, rework = (Decimal(draw(st.integers(0, 10_000))) for _ in range(3))
    cycle = draw(st.sampled_from((0.0, 0.5, 45.0)))
    return Figures(
        seconds,
        draw(st.sampled_from((0.0, minor))),
        good,
        scrap,
        rework,
        cycle * float(good + scrap + rework),
        cycle * float(good),
        failures=draw(st.integers(0, 9)),
    )
