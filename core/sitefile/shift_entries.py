"""What a site file says about time and people: calendars with their shifts, crews, escalation of calls, states by rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic_core import PydanticCustomError

from core.equipment.call_views import CALL_KINDS
from core.equipment.shift_views import BreakSpec, CalendarSpec, ShiftSpec
from core.equipment.state_rules import Comparison, StateRule
from core.equipment.states import MachineState
from core.sitefile.entry import Code, Entry, FreeCode, Names, Text, written

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTES_MAX: Final = 24 * 60


def _wall(value: Any) -> Any:
    """``06:30`` as a time of day; ``24:00`` is midnight at the end of the day."""
    text = written(value)
    if not isinstance(text, str):
        return text
    hours, colon, minutes = text.strip().partition(":")
    if not colon or not (hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2):
        raise PydanticCustomError("sitefile.bad_wall_clock", "wall clock")
    if int(minutes) > 59 or int(hours) * 60 + int(minutes) > _MINUTES_MAX:
        raise PydanticCustomError("sitefile.bad_wall_clock", "wall clock")
    return time(int(hours) % 24, int(minutes))


def _compared(value: Any) -> Any:
    """A number as one, anything else as the text it was written as."""
    return float(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else written(value)


Wall = Annotated[time, BeforeValidator(_wall), PlainSerializer(lambda at: f"{at:%H:%M}", return_type=str)]
Weekday = Annotated[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], BeforeValidator(written)]
ShiftCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,18}$"), BeforeValidator(written)]
"""One sign shorter than its column: overtime apart from its shift is called by it with a mark."""
CrewCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,19}$"), BeforeValidator(written)]


class CrewEntry(Entry):
    """The people who work a shift together."""

    code: CrewCode
    name: Names


class BreakEntry(Entry):
    """A break inside a shift, by the wall clock; ``reason`` is the stop reason its time counts to."""

    starts: Wall
    ends: Wall
    reason: FreeCode = "D24"


class ShiftEntry(Entry):
    """A time slot of a calendar; one that ends before it starts ends on the next day."""

    children: ClassVar[Mapping[str, type[Entry]]] = {"breaks": BreakEntry}

    code: ShiftCode
    name: Names
    weekdays: Annotated[tuple[Weekday, ...], Field(min_length=1)] = ("mon", "tue", "wed", "thu", "fri")
    starts: Wall
    ends: Wall
    crew: CrewCode | Literal[""] = ""
    breaks: tuple[BreakEntry, ...] = ()

    def spec(self) -> ShiftSpec:
        """As shifts are worked out from it."""
        days = sum(1 << WEEKDAYS.index(day) for day in set(self.weekdays))
        breaks = tuple(BreakSpec(one.starts, one.ends, one.reason) for one in self.breaks)
        return ShiftSpec(self.code, self.name, days, self.starts, self.ends, self.crew, breaks)


class Rotation(BaseModel):
    """How crews take turns: from ``first`` on, each turn of ``days`` days has the next crew of each shift's list."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    first: date
    days: Annotated[int, Field(ge=1, le=366)] = 7
    turns: dict[ShiftCode, Annotated[tuple[CrewCode, ...], Field(min_length=1, max_length=52)]]

    def crews(self) -> dict[str, Any]:
        """As the calendar's row keeps it."""
        return {"first": self.first.isoformat(), "days": self.days, "turns": {code: list(crews) for code, crews in self.turns.items()}}


class CalendarEntry(Entry):
    """Which shifts are worked; lines name it."""

    children: ClassVar[Mapping[str, type[Entry]]] = {"shifts": ShiftEntry}

    code: Code
    name: Names
    rotation: Rotation | None = None
    shifts: tuple[ShiftEntry, ...] = ()

    def spec(self, zone: str) -> CalendarSpec:
        """As shifts are worked out from it."""
        return CalendarSpec(self.code, self.name, zone, tuple(shift.spec() for shift in self.shifts), self.crews())

    def crews(self) -> dict[str, Any]:
        """As its row keeps the turns."""
        return {} if self.rotation is None else self.rotation.crews()


class CallRuleEntry(Entry):
    """When a call for help goes to the next level: minutes without a response, rising. Without ``line`` for every line that has none."""

    line: Code | None = None
    kind: Annotated[Literal[CALL_KINDS], BeforeValidator(written)]  # type: ignore[valid-type]
    respond_min: Annotated[tuple[Annotated[int, Field(ge=1, le=1_440)], ...], Field(min_length=1, max_length=5)]


class StateRuleEntry(Entry):
    """One rule for the state of a machine; see ``core.equipment.state_rules``."""

    state: MachineState
    tag: Text = ""
    op: Comparison = ""
    value: Annotated[float | str, BeforeValidator(_compared)] = 0.0

    def rule(self) -> StateRule:
        """As the recorder goes by it."""
        return StateRule(self.state, self.tag, self.op, self.value)
