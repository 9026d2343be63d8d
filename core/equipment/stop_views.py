"""Stops of machines as everybody above sees them: frozen, serialisable, without a database behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from core.equipment.states import MachineState
from core.equipment.views import StopReasonView


@dataclass(frozen=True, slots=True)
class PartView:
    """From ``from_at`` on the stop has this reason, until its next part or its end.

    Attributes:
        from_at: Aware UTC; never before the beginning of the stop.
        reason_code: "" while nobody has given one.
        source: Who says so: the machine, a person, or ("") nobody.
        comment: In the words of ``by``.
        by: Code of the person; "" for none.
        state: What a leader says the time of a gap was; None for every other part.
    """

    from_at: datetime
    reason_code: str = ""
    source: Literal["", "machine", "person"] = ""
    comment: str = ""
    by: str = ""
    state: MachineState | None = None


@dataclass(frozen=True, slots=True)
class StopView:
    """One stop: a state segment that is no production, and what people say about it.

    Attributes:
        id: ``L2-M2@2026-07-14T01:31:00.000000+00:00``; read-store key ``stop:<id>``.
        line_code, work_unit_code: Where.
        state: Of the machine; OFFLINE for a gap in the data.
        began_at, ended_at: Aware UTC, half open; ``ended_at`` None while it lasts.
        minor: A minor stop by the line's threshold and its reason.
        needs_reason: Somebody has to say why.
        parts: At least one, sorted; together they cover the stop without gap or overlap.
        noticed_at, responded_at, repaired_at: What people marked; None for what nobody did.
        restarted_at: When the machine ran again; None while it does not.
        by: Step (``noticed``, ``responded``, ``repaired``) → code of who marked it.
        merged_into: Id of the stop this one belongs to as the same failure; "" for none.
        version: For optimistic locking; 0 when nobody has said anything yet.
    """

    entity: ClassVar[str] = "stop"

    id: str
    line_code: str
    work_unit_code: str
    state: MachineState
    began_at: datetime
    ended_at: datetime | None
    minor: bool
    needs_reason: bool
    parts: tuple[PartView, ...]
    noticed_at: datetime | None = None
    responded_at: datetime | None = None
    repaired_at: datetime | None = None
    restarted_at: datetime | None = None
    by: Mapping[str, str] = field(default_factory=dict)
    merged_into: str = ""
    version: int = 0

    def seconds(self, now: datetime) -> float:
        """Length until its end, or until ``now`` while it lasts; seconds, never negative."""
        return max(0.0, ((self.ended_at or now) - self.began_at).total_seconds())


@dataclass(frozen=True, slots=True)
class OpenStops:
    """Stops of a line that wait for a reason.

    Attributes:
        line_code: Of the line; also its key in the read store.
        count: How many, ≥ 1.
        oldest_at: Beginning of the oldest, aware UTC.
        work_unit_code: Machine of the oldest.
    """

    line_code: str
    count: int
    oldest_at: datetime
    work_unit_code: str


@dataclass(frozen=True, slots=True)
class StopChoices:
    """What the sheet for a reason offers.

    Attributes:
        frequent: Codes most used on this machine lately, most frequent first.
        reasons: All active ones in the order of the catalogue.
    """

    frequent: tuple[str, ...]
    reasons: tuple[StopReasonView, ...]
