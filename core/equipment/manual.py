"""Machines without a controller: people enter their values and states at a panel, as facts with their own time.

The newest entry of a tag is what it says now, at every station, until somebody enters another one. The live table, the
recorders and the counts take it like a measured value; on screen it is marked as entered by hand.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import UUID

from core.equipment.states import map_state
from core.equipment.writes import TagName
from core.errors import Invalid
from core.live.sample import Quality, Value
from core.live.tags import TagRole, TagSpec, TagType
from core.store.attention import Adopted, Code, Json, check_reason
from core.store.operation import Actor, Note, Request, operation
from core.store.query import query

if TYPE_CHECKING:
    from core.store.base import Db

ADOPT: Final = "equipment:manual:adopt"
_BOOKED: Final = ("manual_entry",)
_TEXT_MAX: Final = 200
_BITS: Final = {
    TagType.INT16: (-(2**15), 2**15 - 1),
    TagType.UINT16: (0, 2**16 - 1),
    TagType.INT32: (-(2**31), 2**31 - 1),
    TagType.UINT32: (0, 2**32 - 1),
    TagType.INT64: (-(2**63), 2**63 - 1),
    TagType.UINT64: (0, 2**64 - 1),
}


@dataclass(frozen=True, slots=True)
class ManualValue:
    """What somebody entered for a tag.

    Attributes:
        id: Name of the tag.
        value: In engineering units, of the tag's type; None when nobody has entered anything.
        entered_at: When he decided, by his station's clock, aware UTC; None with the value.
        user_code, station: Who, where.
    """

    entity: ClassVar[str] = "manual_value"

    id: str
    value: bool | int | float | str | None = None
    entered_at: datetime | None = None
    user_code: str = ""
    station: str = ""


def check_entry(spec: TagSpec, value: Value) -> None:
    """Whether ``value`` can be what the tag says; checked at the panel, and again where it is booked.

    Raises:
        Invalid: ``manual.wrong_value``, ``manual.out_of_range``, ``manual.unknown_state``.
    """
    shown = dict(spec.label) if spec.label else spec.name
    if not _is_of_type(spec.type, value):
        raise Invalid("manual.wrong_value", tag=shown, value=value)
    low, high = spec.valid_low, spec.valid_high
    if isinstance(value, int | float) and not isinstance(value, bool) and not _between(low, value, high):
        told = {"low": "…" if low is None else low, "high": "…" if high is None else high, "unit": spec.unit}
        raise Invalid("manual.out_of_range", tag=shown, value=value, **told)
    if spec.role is TagRole.STATE and map_state(value, Quality.GOOD, spec.states)[1]:
        raise Invalid("manual.unknown_state", tag=shown, value=value)


def _is_of_type(kind: TagType, value: Value) -> bool:
    if kind is TagType.BOOL:
        return isinstance(value, bool)
    if kind is TagType.STRING:
        return isinstance(value, str) and len(value) <= _TEXT_MAX and value.isprintable()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    bounds = _BITS.get(kind)
    return -math.inf < value < math.inf if bounds is None else isinstance(value, int) and bounds[0] <= value <= bounds[1]


def _between(low: float | None, value: float, high: float | None) -> bool:
    return (low is None or low <= value) and (high is None or value <= high)


def read_value(text: str) -> Value:
    """The value that a request carries as JSON. Raises Invalid (``manual.wrong_value``) for anything but one value."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = ()
    if not isinstance(value, bool | int | float | str):
        raise Invalid("manual.wrong_value", tag="", value=text[:50])
    return value


def _subject(args: Mapping[str, Any]) -> tuple[str, str]:
    return ManualValue.entity, str(args["tag"])


def _preview(_: ManualValue | None, request: Request) -> ManualValue:
    values = request.values
    return ManualValue(values["tag"], read_value(values["value"]), request.decided_at, request.user_code, request.station)


@operation("equipment:manual:enter", kind="fact", offline=True, subject=_subject, preview=_preview, writes=_BOOKED, adopted_by=ADOPT)
def enter_value(db: Db, actor: Actor, *, tag: TagName, value: Note) -> ManualValue:
    """Somebody read a value or a state at a machine without a controller.

    Args:
        value: As JSON, engineering units.

    Raises:
        Invalid: ``manual.unknown_tag``, and what ``check_entry`` says. Of an entry that waited for the database neither a tag that
            left the site meanwhile nor limits that are others now: it was read all the same.
    """
    from core.equipment import manual_rows

    return manual_rows.enter(db, actor, tag, read_value(value))


@operation(ADOPT, kind="fact", writes=_BOOKED)
def adopt_entry(
    db: Db,
    actor: Actor,
    *,
    request_id: UUID,
    user_code: Code,
    station: Code,
    decided_at: datetime,
    args: Json,
    seen: Json = "",
    reason: Note = "",
) -> ManualValue:
    """An entry that came home and was not taken from who made it is booked by somebody who answers for it; the arguments of ``Adopted``.

    Raises:
        Invalid: ``store.attention_reason``, ``manual.unknown_tag``; ``store.request_invalid`` when it is of another program version.
    """
    from core.equipment import manual_rows

    db.note_reason(check_reason(reason))
    adopted = Adopted(request_id, user_code, station, decided_at, args, seen)
    asked = adopted.of_operation(enter_value)
    return manual_rows.adopt(db, actor, adopted, asked["tag"], read_value(asked["value"]))


@query("equipment:manual:latest", snapshot=True)
def latest_entries(db: Db) -> tuple[ManualValue, ...]:
    """The newest entry of every tag of a source without a controller; one that waits in the journal finds its place here as well."""
    from core.equipment import manual_rows

    return manual_rows.latest(db)
