"""Tables of what people say: why machines stood still, with the catalogue of reasons, and when they call for help."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.equipment.call_views import CALL_KINDS
from core.equipment.models import IN_BOTH_LANGUAGES, Kept, Line, StateSegment, WorkUnit, words
from core.equipment.states import MachineState
from core.store.base import Base, Code, Key, Names, UtcAt, UuidKey, Versioned


def _pair(step: str) -> CheckConstraint:
    return CheckConstraint(f"({step}_at IS NULL) = ({step}_by IS NULL)", name=f"{step}_complete")


class StopReason(Versioned, Base):
    """Why a machine stood still, from the catalogue the site may extend.

    Attributes:
        time_element: ISO 22400 time element the stop counts to, ``ADET`` …
        oee_bucket: ``availability``, ``performance`` or ``excluded``.
        grouping: ``unplanned``, ``minor stop``, ``setup``, ``waiting``, ``no order`` or ``planned``.
    """

    __tablename__ = "stop_reason"
    __entity__ = "stop_reason"
    __table_args__ = (CheckConstraint(IN_BOTH_LANGUAGES, name="name_in_both_languages"),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[Names]
    time_element: Mapped[str] = mapped_column(String(20))
    oee_bucket: Mapped[str] = mapped_column(String(20))
    grouping: Mapped[str] = mapped_column(String(20))
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    position: Mapped[int] = mapped_column(Integer, server_default="0")


class StopRecord(Versioned, Base):
    """What people say about one state segment; made at the first word. How long the stop lasted says the segment alone.

    Attributes:
        anchor_at: A moment inside the stop as it was seen; with the work unit it names the stop while its segment is not stored yet.
        segment_id: The segment, where it is known: evidence may come home after the explanation.
        noticed_at, responded_at, repaired_at: When somebody saw it, was there, had mended it; None before. ``…_by`` is who.
        changed_at: Set by everything that is said, also about its parts, so that ``version`` moves with both.
        merged_into: The failure it belongs to; its times stay its own.
    """

    __tablename__ = "stop"
    __entity__ = "stop"
    __table_args__ = (
        *(_pair(step) for step in ("noticed", "responded", "repaired")),
        CheckConstraint("merged_into <> id", name="not_into_itself"),
        UniqueConstraint("work_unit_id", "anchor_at"),
        Index("ix_stop_line_id_anchor_at", "line_id", "anchor_at"),
    )

    id: Mapped[UuidKey]
    line_id: Mapped[int] = mapped_column(ForeignKey(Line.id))
    work_unit_id: Mapped[int] = mapped_column(ForeignKey(WorkUnit.id))
    anchor_at: Mapped[UtcAt]
    segment_id: Mapped[UUID | None] = mapped_column(ForeignKey(StateSegment.id), unique=True)
    noticed_at: Mapped[datetime | None]
    noticed_by: Mapped[str | None] = mapped_column(String(50))
    responded_at: Mapped[datetime | None]
    responded_by: Mapped[str | None] = mapped_column(String(50))
    repaired_at: Mapped[datetime | None]
    repaired_by: Mapped[str | None] = mapped_column(String(50))
    changed_at: Mapped[UtcAt]
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("genba.stop.id"), index=True)

    line: Mapped[Line] = relationship()
    work_unit: Mapped[WorkUnit] = relationship()


class StopPart(Base):
    """From ``from_at`` on the stop had this reason, until its next part. Append-only: what does not count any more is retired.

    Attributes:
        from_at: At or after the beginning of the stop; an earlier one counts from its beginning.
        reason_code: Of the catalogue; "" for none (any more).
        state: What the time of a gap is said to have been; None for every other part.
        decided_at: When it was said.
        retired_at: When something else was said in its place; None while it counts.
    """

    __tablename__ = "stop_part"
    __entity__ = "stop_part"
    __table_args__ = (
        CheckConstraint(words("state", MachineState), name="state_known"),
        Index("uq_stop_part_from", "stop_id", "from_at", unique=True, postgresql_where=text("retired_at IS NULL")),
        Index("ix_stop_part_time", "work_unit_id", "from_at", postgresql_where=text("retired_at IS NULL")),
    )

    id: Mapped[UuidKey]
    stop_id: Mapped[UUID] = mapped_column(ForeignKey(StopRecord.id), index=True)
    line_id: Mapped[int] = mapped_column(ForeignKey(Line.id))
    work_unit_id: Mapped[int] = mapped_column(ForeignKey(WorkUnit.id))
    from_at: Mapped[UtcAt]
    reason_code: Mapped[str] = mapped_column(String(50), server_default="")
    state: Mapped[str | None] = mapped_column(String(20))
    comment: Mapped[str] = mapped_column(server_default="")
    user_code: Mapped[str] = mapped_column(String(50))
    station: Mapped[str] = mapped_column(String(50))
    request_id: Mapped[UUID]
    decided_at: Mapped[UtcAt]
    retired_at: Mapped[datetime | None]

    stop: Mapped[StopRecord] = relationship()


class CallRule(Kept, Base):
    """How long a call may wait for a response: kept by the site file, per line or (line None) for all.

    Attributes:
        respond_min: Minutes without response after which the call rises by a level each, rising: ``[5, 15]``.
    """

    __tablename__ = "call_rule"
    __entity__ = "call_rule"
    __table_args__ = (
        CheckConstraint(words("kind", CALL_KINDS), name="kind_known"),
        UniqueConstraint("line_id", "kind", postgresql_nulls_not_distinct=True),
    )

    id: Mapped[Key]
    line_id: Mapped[int | None] = mapped_column(ForeignKey(Line.id))
    kind: Mapped[str] = mapped_column(String(15))
    respond_min: Mapped[list[float]] = mapped_column(JSONB, server_default="[]")

    line: Mapped[Line | None] = relationship()


class AndonCall(Versioned, Base):
    """Somebody called for help. One of a kind is open at a place; how far it has risen is a function of time.

    Attributes:
        work_unit_id: The machine; None for the line as a whole.
        responded_at, resolved_at, withdrawn_at: When somebody came, when it was settled, when the caller took it back; ``…_by`` is who.
        result: What was done about it.
    """

    __tablename__ = "andon_call"
    __entity__ = "call"
    __table_args__ = (
        CheckConstraint(words("kind", CALL_KINDS), name="kind_known"),
        *(_pair(step) for step in ("responded", "resolved", "withdrawn")),
        CheckConstraint("resolved_at IS NULL OR withdrawn_at IS NULL", name="one_end"),
        Index(
            "uq_andon_call_open",
            "line_id",
            "kind",
            "work_unit_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("resolved_at IS NULL AND withdrawn_at IS NULL"),
        ),
        Index("ix_andon_call_line_id_opened_at", "line_id", "opened_at"),
    )

    id: Mapped[UuidKey]
    line_id: Mapped[int] = mapped_column(ForeignKey(Line.id))
    work_unit_id: Mapped[int | None] = mapped_column(ForeignKey(WorkUnit.id))
    kind: Mapped[str] = mapped_column(String(15))
    note: Mapped[str] = mapped_column(server_default="")
    opened_at: Mapped[UtcAt]
    opened_by: Mapped[str] = mapped_column(String(50))
    station: Mapped[str] = mapped_column(String(50))
    request_id: Mapped[UUID]
    responded_at: Mapped[datetime | None]
    responded_by: Mapped[str | None] = mapped_column(String(50))
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None] = mapped_column(String(50))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(String(50))
    result: Mapped[str] = mapped_column(server_default="")

    line: Mapped[Line] = relationship()
    work_unit: Mapped[WorkUnit | None] = relationship()
