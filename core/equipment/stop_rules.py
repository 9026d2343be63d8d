"""What a stop is and what people may say about it. Pure: no database, no clock.

A stop is a state segment. It begins and ends with it, so that it neither stays open nor reaches into a later one. What people say
are parts of it, and a part has a beginning only: it lasts until the next one, or until the stop ends. So no edit can make a gap
or an overlap, and none changes how long the stop was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from core.equipment.states import MachineState, Segment
from core.equipment.stop_views import PartView
from core.equipment.views import StopReasonView
from core.errors import Invalid

STOPS: Final = frozenset(
    {
        MachineState.DOWN,
        MachineState.MINOR_STOP,
        MachineState.WAITING,
        MachineState.SETUP,
        MachineState.MAINTENANCE,
        MachineState.IDLE,
        MachineState.PLANNED_STOP,
    }
)
"""States that can be explained. OFFLINE is no stop: nothing is known of it until a leader says what it was."""
EXPLAINED: Final = frozenset({MachineState.DOWN, MachineState.MINOR_STOP, MachineState.WAITING, MachineState.MAINTENANCE})
"""States that somebody has to explain when they last."""
UNCLASSIFIED: Final = "D99"
"""The reason that is none."""
CLOCKS: Final = timedelta(seconds=5)
"""How far two stations may see the beginning of one stop apart."""

Step = Literal["noticed", "responded", "repaired"]
STEPS: Final[tuple[Step, ...]] = get_args(Step)
"""What people mark about a stop, in the order in which it happens."""

_BELIEVED: Final = frozenset({"planned", "setup", "waiting", "no order"})


@dataclass(frozen=True, slots=True)
class Said:
    """A part as somebody said it.

    Attributes:
        from_at: Aware UTC; before the beginning of the stop it counts from there.
        reason_code: "" takes back what was said before.
        decided_at: When it was said; of two about the same moment the later one counts.
        by, comment: Who, and in his words.
        state: What a leader says the time of a gap was; None for every other part.
    """

    from_at: datetime
    reason_code: str
    decided_at: datetime
    by: str = ""
    comment: str = ""
    state: MachineState | None = None


def is_open_reason(code: str) -> bool:
    """True for no reason, and for the one that says that nobody knows yet."""
    return code in ("", UNCLASSIFIED)


def is_long(segment: Segment, minor_s: float, now: datetime) -> bool:
    """Whether the whole segment, until ``now`` while it lasts, has reached the threshold of minor stops (seconds)."""
    return segment.seconds(now) >= minor_s


def needs_reason(segment: Segment, reason_code: str, minor_s: float, now: datetime) -> bool:
    """Whether somebody has to say why the machine stood still.

    Args:
        segment: The stop as recorded, not cut to anything.
        reason_code: What is known of it, by machine or person.
        minor_s: Threshold of minor stops, seconds.
        now: Aware UTC.
    """
    return segment.state in EXPLAINED and is_open_reason(reason_code) and is_long(segment, minor_s, now)


def is_minor(segment: Segment, reason: StopReasonView | None, minor_s: float, now: datetime) -> bool:
    """Whether the stop is a minor one: short by the length of the whole segment, and by nothing that is known of its reason more.

    Somebody who says "equipment failure" of a stop of two minutes is believed; so are reasons of setup, waiting and planned stops.
    While a stop lasts it is what the machine says.
    """
    if segment.state not in (MachineState.DOWN, MachineState.MINOR_STOP):
        return False
    if reason is not None and not is_open_reason(reason.code) and (reason.oee_bucket == "availability" or reason.grouping in _BELIEVED):
        return False
    if segment.ended_at is None and not is_long(segment, minor_s, now):
        return segment.state is MachineState.MINOR_STOP
    return not is_long(segment, minor_s, now)


def parts_of(segment: Segment, said: Iterable[Said]) -> tuple[PartView, ...]:
    """The parts of a stop: sorted, at least one, the first one from its beginning on.

    What was said about a moment before the beginning counts from the beginning; about one at or after the end, not at all. Where
    nobody has said anything the machine's own reason stands.
    """
    began, ended = segment.started_at, segment.ended_at
    at: dict[datetime, Said] = {}
    for each in sorted(said, key=lambda one: one.decided_at):
        if ended is None or each.from_at < ended or ended <= began:
            at[max(each.from_at, began)] = each
    own: Literal["", "machine"] = "machine" if segment.reason_code and segment.state is not MachineState.OFFLINE else ""
    parts = [PartView(began, segment.reason_code if own else "", own)]
    for from_at in sorted(at):
        each = at[from_at]
        taken_back = not each.reason_code and each.state is None
        part = PartView(from_at, each.reason_code, "person", each.comment, each.by, each.state)
        if taken_back:
            part = PartView(from_at, segment.reason_code if own else "", own, each.comment, each.by)
        if from_at == began:
            parts[0] = part
        else:
            parts.append(part)
    return tuple(parts)


def effective(segment: Segment, parts: Sequence[PartView]) -> tuple[Segment, ...]:
    """The segment cut where its parts begin, each piece with the reason (and for a gap the state) that counts.

    The pieces cover the segment exactly, whatever the parts are.
    """
    began, ended = segment.started_at, segment.ended_at
    inside = [part for part in parts if part.from_at <= began or ended is None or part.from_at < ended]
    cuts: dict[datetime, PartView] = {}
    for part in sorted(inside, key=lambda one: one.from_at):
        cuts[max(part.from_at, began)] = part
    starts = sorted(cuts)
    if not starts or starts[0] > began:
        starts.insert(0, began)
    ends = [*starts[1:], ended]
    pieces = []
    for start, end in zip(starts, ends, strict=True):
        counts = cuts.get(start)
        piece = replace(segment, started_at=start, ended_at=end)
        if counts is not None and counts.state is not None:
            piece = replace(piece, reason_code=counts.reason_code, state=counts.state)
        elif counts is not None and counts.reason_code:
            piece = replace(piece, reason_code=counts.reason_code)
        pieces.append(piece)
    return tuple(pieces)


def wall(at: datetime, zone: ZoneInfo) -> str:
    """A moment as people of the site read it in a message, ``10:31:05``."""
    return f"{at.astimezone(zone):%H:%M:%S}"


def check_split(segment: Segment, parts: Sequence[PartView], at: datetime, now: datetime, zone: ZoneInfo) -> None:
    """Whether the stop can be split at ``at``; ``zone`` is that of the site, for the message.

    Raises:
        Invalid: ``stop.split_outside`` when it lies not inside, ``stop.split_there`` when a part begins there already.
    """
    end = segment.ended_at or now
    if not segment.started_at < at < end:
        raise Invalid("stop.split_outside", from_time=wall(segment.started_at, zone), to_time=wall(end, zone))
    if any(part.from_at == at for part in parts):
        raise Invalid("stop.split_there", at=wall(at, zone))


def check_step(step: Step, at: datetime, began_at: datetime, marked: Mapping[str, datetime], zone: ZoneInfo) -> None:
    """Whether ``step`` may have happened at ``at``: not before the stop and the steps before it, not after those behind it.

    Raises:
        Invalid: ``stop.mark_order`` with the moment it collides with.
    """
    place = STEPS.index(step)
    earlier = max([began_at, *(marked[each] for each in STEPS[:place] if each in marked)])
    later = [marked[each] for each in STEPS[place + 1 :] if each in marked]
    if at < earlier:
        raise Invalid("stop.mark_order", at=wall(at, zone), other=wall(earlier, zone))
    if later and at > min(later):
        raise Invalid("stop.mark_order", at=wall(at, zone), other=wall(min(later), zone))


def segment_at(segments: Sequence[Segment], anchor_at: datetime) -> Segment | None:
    """The stop that was meant by a moment in it: the one it lies in, else one that begins within five seconds after it.

    Args:
        segments: Of one machine, sorted; states that are no stop among them or not.
        anchor_at: A moment of the stop as a station saw it.
    """
    for segment in segments:
        if segment.started_at <= anchor_at and (segment.ended_at is None or anchor_at < segment.ended_at):
            if segment.state is not MachineState.RUNNING:
                return segment
            break
    near = (each for each in segments if each.state is not MachineState.RUNNING and anchor_at < each.started_at <= anchor_at + CLOCKS)
    return next(near, None)


def frequent(counts: Mapping[str, int], catalogue: Sequence[str], limit: int = 8) -> tuple[str, ...]:
    """The reasons to offer first: most used ones, equal and unused ones in the order of the catalogue; never "nobody knows".

    Args:
        counts: Reason → how often it was given on this machine.
        catalogue: Codes of the active reasons in their order; others are not offered.
        limit: How many, ≥ 1.
    """
    offered = [code for code in catalogue if code != UNCLASSIFIED]
    return tuple(sorted(offered, key=lambda code: (-counts.get(code, 0), offered.index(code)))[:limit])
