"""Tables of production beside the orders: what ran when, counters read for an order, notes and handovers of a shift."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.equipment.models import Line, words
from core.inventory.models import Product
from core.production.models import WorkOrder
from core.production.views import COUNT_KINDS, OrderStatus
from core.store.base import Base, UtcAt, UuidKey, Versioned

ON_THE_LINE = (OrderStatus.IN_PROGRESS, OrderStatus.PAUSED, OrderStatus.HELD)


class OrderRun(Base):
    """One stretch of a started order in one state. Made from the order's own row by the database; see ``migrations/sql/runs.sql``.

    Attributes:
        status: ``IN_PROGRESS``, ``PAUSED`` or ``HELD``.
        from_at, to_at: Inclusive and exclusive; ``to_at`` None while it goes on.
    """

    __audit__ = None
    __tablename__ = "order_run"
    __table_args__ = (
        CheckConstraint(words("status", ON_THE_LINE), name="status_known"),
        CheckConstraint("to_at >= from_at", name="end_not_before_start"),
        Index("ix_order_run_line_id_from_at", "line_id", "from_at", postgresql_include=["to_at", "order_id", "product_id", "status"]),
        Index("uq_order_run_open", "order_id", unique=True, postgresql_where=text("to_at IS NULL")),
        Index(
            "uq_order_run_on_line",
            "line_id",
            unique=True,
            postgresql_where=text("to_at IS NULL AND status IN ('IN_PROGRESS', 'PAUSED')"),
        ),
    )

    id: Mapped[UuidKey]
    order_id: Mapped[UUID] = mapped_column(ForeignKey(WorkOrder.id), index=True)
    line_id: Mapped[int] = mapped_column(ForeignKey(Line.id))
    product_id: Mapped[int] = mapped_column(ForeignKey(Product.id))
    status: Mapped[str] = mapped_column(String(20))
    from_at: Mapped[UtcAt]
    to_at: Mapped[datetime | None]


class OrderReading(Base):
    """A counter as it stood at the start or the end of an order, read by hand or taken from the machine. The newest of a phase counts.

    Attributes:
        value: The counter itself, ≥ 0.
        taken_at: When it stood there.
    """

    __tablename__ = "order_reading"
    __entity__ = "order_reading"
    __table_args__ = (
        CheckConstraint(words("kind", COUNT_KINDS), name="kind_known"),
        CheckConstraint("phase IN ('start', 'end')", name="phase_known"),
        CheckConstraint("value >= 0", name="value_not_negative"),
        UniqueConstraint("order_id", "kind", "phase", "taken_at"),
    )

    id: Mapped[UuidKey]
    order_id: Mapped[UUID] = mapped_column(ForeignKey(WorkOrder.id))
    line_id: Mapped[int] = mapped_column(ForeignKey(Line.id))
    kind: Mapped[str] = mapped_column(String(10))
    phase: Mapped[str] = mapped_column(String(10))
    value: Mapped[int] = mapped_column(BigInteger)
    taken_at: Mapped[UtcAt]
    by_machine: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    user_code: Mapped[str] = mapped_column(String(50))
    station: Mapped[str] = mapped_column(String(50))
    request_id: Mapped[UUID]


class LineNote(Base):
    """What the next shift should know of a line."""

    __tablename__ = "line_note"
    __entity__ = "line_note"
    __table_args__ = (
        CheckConstraint("text <> ''", name="not_empty"),
        Index("ix_line_note_line_id_noted_at", "line_id", "noted_at"),
    )

    id: Mapped[UuidKey]
    line_id: Mapped[int] = mapped_column(ForeignKey(Line.id))
    text: Mapped[str]
    user_code: Mapped[str] = mapped_column(String(50))
    station: Mapped[str] = mapped_column(String(50))
    request_id: Mapped[UUID]
    noted_at: Mapped[UtcAt]


class Handover(Versioned, Base):
    """One shift of a line as it was handed over: given by one, taken by another.

    Attributes:
        snapshot: The page as it was signed; see ``core.production.shop_views.HandoverSnapshot``.
        sha256: Of its canonical JSON, 64 hexadecimal digits.
        taken_by, taken_at: None until somebody takes it.
    """

    __tablename__ = "handover"
    __entity__ = "handover"
    __table_args__ = (
        CheckConstraint("shift_ended_at > shift_started_at", name="shift_end_after_start"),
        CheckConstraint("(taken_by IS NULL) = (taken_at IS NULL)", name="taken_complete"),
        CheckConstraint("taken_by <> given_by", name="two_people"),
        UniqueConstraint("line_id", "production_date", "shift_code"),
    )

    id: Mapped[UuidKey]
    line_id: Mapped[int] = mapped_column(ForeignKey(Line.id))
    production_date: Mapped[date] = mapped_column(Date)
    shift_code: Mapped[str] = mapped_column(String(20))
    shift_started_at: Mapped[UtcAt]
    shift_ended_at: Mapped[UtcAt]
    snapshot: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sha256: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(server_default="")
    given_by: Mapped[str] = mapped_column(String(50))
    given_at: Mapped[UtcAt]
    taken_by: Mapped[str | None] = mapped_column(String(50))
    taken_at: Mapped[datetime | None]

    line: Mapped[Line] = relationship()
