"""Tables of production: work orders, what was reported and counted, standard times, blockers, defect codes."""

from __future__ import annotations

from datetime import date, datetime
from typing import get_args
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    Date,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.equipment.line_settings import CountMode
from core.equipment.models import IN_BOTH_LANGUAGES, Kept, Line, Unit, WorkUnit, words
from core.inventory.models import Product
from core.production.views import COUNT_KINDS, OrderStatus
from core.store.base import Amount, Base, Code, Key, Names, UtcAt, UuidKey, Versioned

_LIST_RANK = (
    "CASE status WHEN 'IN_PROGRESS' THEN 0 WHEN 'PAUSED' THEN 1 WHEN 'HELD' THEN 2 WHEN 'RELEASED' THEN 3 WHEN 'PLANNED' THEN 4 ELSE 5 END"
)
_LIST_AT = "CASE WHEN status IN ('COMPLETED', 'CLOSED', 'CANCELLED') THEN coalesce(actual_end_at, scheduled_end_at) END"


class WorkOrder(Versioned, Base):
    """What to make, how many, by when, on which line.

    Attributes:
        number: Unique, 1 to 50 characters, starts with ``WO``.
        planned: Good quantity wanted, > 0, in ``unit``.
        completed, scrap, rework: Sums of the good, scrap and rework reported, ≥ 0; kept here in the transaction of each report.
        queue_position: Place in the queue of its line, from 1 on; None for the place that priority and schedule give.
        count_mode: How its parts are counted; None: as the line says.
        list_rank, list_at: Its place in lists, worked out by the database: what is on a line, what waits, what is over.
        priority: 1 (high) … 10.
        actual_start_at, actual_end_at: None before.
        run_seconds: Seconds spent IN_PROGRESS up to ``run_since_at``, interruptions not counted.
        run_since_at: Since when it runs without interruption; None unless it is IN_PROGRESS.
        reason: Why it is paused, held or cancelled; "" otherwise.
        external_system, external_id, external_revision: Where it came from; all None for an order made here.
    """

    __tablename__ = "work_order"
    __entity__ = "order"
    __table_args__ = (
        CheckConstraint("number LIKE 'WO%' AND length(number) BETWEEN 1 AND 50", name="number_starts_with_wo"),
        CheckConstraint("planned > 0", name="planned_positive"),
        CheckConstraint("completed >= 0", name="completed_not_negative"),
        CheckConstraint("scrap >= 0", name="scrap_not_negative"),
        CheckConstraint("rework >= 0", name="rework_not_negative"),
        CheckConstraint("queue_position >= 1", name="queue_position_positive"),
        CheckConstraint(words("count_mode", get_args(CountMode)), name="count_mode_known"),
        CheckConstraint(words("status", OrderStatus), name="status_known"),
        CheckConstraint("priority BETWEEN 1 AND 10", name="priority_range"),
        CheckConstraint("scheduled_start_at < scheduled_end_at", name="scheduled_end_after_start"),
        CheckConstraint("actual_end_at >= actual_start_at", name="actual_end_not_before_start"),
        CheckConstraint("run_seconds >= 0", name="run_seconds_not_negative"),
        CheckConstraint(
            "(external_system IS NULL) = (external_id IS NULL) AND (external_system IS NULL) = (external_revision IS NULL)",
            name="external_complete",
        ),
        UniqueConstraint("external_system", "external_id", "external_revision"),
        Index("ix_work_order_status_scheduled_start_at", "status", "scheduled_start_at"),
        Index("ix_work_order_line_id_status_priority", "line_id", "status", "priority", "scheduled_start_at"),
        Index("ix_work_order_scheduled_start_at", "scheduled_start_at"),
        Index("ix_work_order_product_id_status", "product_id", "status"),
        Index(
            "ix_work_order_list",
            "list_rank",
            text("list_at DESC NULLS LAST"),
            "queue_position",
            "priority",
            "scheduled_start_at",
            "number",
        ),
        Index("ix_work_order_started", "line_id", "actual_end_at", postgresql_where=text("actual_start_at IS NOT NULL")),
    )

    id: Mapped[UuidKey]
    number: Mapped[str] = mapped_column(String(50), unique=True)
    product_id: Mapped[int] = mapped_column(ForeignKey(Product.id))
    line_id: Mapped[int] = mapped_column(ForeignKey(Line.id))
    planned: Mapped[Amount]
    completed: Mapped[Amount] = mapped_column(server_default="0")
    scrap: Mapped[Amount] = mapped_column(server_default="0")
    rework: Mapped[Amount] = mapped_column(server_default="0")
    unit: Mapped[str] = mapped_column(ForeignKey(Unit.code))
    status: Mapped[str] = mapped_column(String(20), server_default=OrderStatus.PLANNED.value)
    priority: Mapped[int] = mapped_column(Integer, server_default="5")
    scheduled_start_at: Mapped[UtcAt]
    scheduled_end_at: Mapped[UtcAt]
    actual_start_at: Mapped[datetime | None]
    actual_end_at: Mapped[datetime | None]
    run_seconds: Mapped[Amount] = mapped_column(server_default="0")
    run_since_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    external_system: Mapped[str | None] = mapped_column(String(50))
    external_id: Mapped[str | None] = mapped_column(String(100))
    external_revision: Mapped[str | None] = mapped_column(String(50))
    queue_position: Mapped[int | None] = mapped_column(Integer)
    count_mode: Mapped[str | None] = mapped_column(String(10))
    list_rank: Mapped[int] = mapped_column(SmallInteger, Computed(_LIST_RANK, persisted=True), nullable=True)
    list_at: Mapped[datetime | None] = mapped_column(Computed(_LIST_AT, persisted=True))

    product: Mapped[Product] = relationship()
    line: Mapped[Line] = relationship()


class DefectCode(Versioned, Base):
    """Why a part is bad, from the catalogue the site may extend."""

    __tablename__ = "defect_code"
    __entity__ = "defect_code"
    __table_args__ = (CheckConstraint(IN_BOTH_LANGUAGES, name="name_in_both_languages"),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[Names]
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    position: Mapped[int] = mapped_column(Integer, server_default="0")


class ProductionReport(Base):
    """What a person booked as made; append-only. A mistake is mended by a report with negative quantities that ``corrects`` it.

    Attributes:
        order_id: None while it is unassigned: made is made, even when nobody knows for what.
        good, scrap, rework: In ``unit``; ≥ 0, or ≤ 0 in a correction.
        origin: ``person``, or ``automatic`` when the line reports what its machine counts by itself.
        difference_reason: Why it is not what the machine counted; "" where that needs no explanation.
        defect_code: Why the scrap is scrap; None without one.
        machine_good, machine_reject: What the machine had counted beside the entry; None when there was no count.
        settled_good, settled_reject: What of the machine's count is settled with it although it says otherwise (sorted as scrap,
            explained); above 0 parts that are proposed no more, below 0 parts that were reported beyond the count.
        reported_at: When it was decided.
        request_id: The request that booked it; a repeated request finds its row.
    """

    __tablename__ = "production_report"
    __entity__ = "report"
    __table_args__ = (
        CheckConstraint(
            "CASE WHEN corrects IS NULL THEN good >= 0 AND scrap >= 0 AND rework >= 0 ELSE good <= 0 AND scrap <= 0 AND rework <= 0 END",
            name="sign_fits_correction",
        ),
        CheckConstraint("good <> 0 OR scrap <> 0 OR rework <> 0", name="not_empty"),
        CheckConstraint("origin IN ('person', 'automatic')", name="origin_known"),
        Index("ix_production_report_order_id_reported_at", "order_id", "reported_at"),
        Index("ix_production_report_line_id_reported_at", "line_id", "reported_at"),
        Index("ix_production_report_unassigned", "reported_at", postgresql_where=text("order_id IS NULL")),
        Index(
            "ix_production_report_settled",
            "order_id",
            postgresql_include=["settled_good", "settled_reject"],
            postgresql_where=text("settled_good <> 0 OR settled_reject <> 0"),
        ),
    )

    id: Mapped[UuidKey]
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey(WorkOrder.id))
    line_id: Mapped[int | None] = mapped_column(ForeignKey(Line.id))
    good: Mapped[Amount]
    scrap: Mapped[Amount]
    rework: Mapped[Amount] = mapped_column(server_default="0")
    unit: Mapped[str] = mapped_column(ForeignKey(Unit.code))
    defect_code: Mapped[str | None] = mapped_column(ForeignKey(DefectCode.code))
    reason: Mapped[str] = mapped_column(server_default="")
    origin: Mapped[str] = mapped_column(String(10), server_default="person")
    difference_reason: Mapped[str] = mapped_column(server_default="")
    corrects: Mapped[UUID | None] = mapped_column(ForeignKey("genba.production_report.id"), unique=True)
    machine_good: Mapped[int | None] = mapped_column(BigInteger)
    machine_reject: Mapped[int | None] = mapped_column(BigInteger)
    settled_good: Mapped[Amount] = mapped_column(server_default="0")
    settled_reject: Mapped[Amount] = mapped_column(server_default="0")
    user_code: Mapped[str] = mapped_column(String(50))
    station: Mapped[str] = mapped_column(String(50))
    reported_at: Mapped[UtcAt]
    request_id: Mapped[UUID] = mapped_column(index=True)

    order: Mapped[WorkOrder | None] = relationship()
    line: Mapped[Line | None] = relationship()


class CountEvent(Base):
    """Evidence: parts a machine counted since its previous event. Idempotent by (source, epoch, seq), see StateSegment.

    Attributes:
        order_id: The order that ran on the line then; None when none did. May be attributed later.
        kind: ``good``, ``reject`` or ``total``.
        quantity: Parts since the previous event, ≥ 0.
        counter_value: The counter itself, as read; None when the machine gave only the difference.
        reset: True when the counter began again between the two readings.
        gap: True when readings were missed in between, so that the moment of each part is not known.
        gap_from_at: With ``gap``: when the counter was read for the last time before; None when nobody knows.
        running_total: Parts of this counter from its first event to this one, set by the database; parts of any span of time are the
            difference of two rows.
    """

    __audit__ = "sum"
    __tablename__ = "count_event"
    __table_args__ = (
        UniqueConstraint("source", "epoch", "seq"),
        CheckConstraint(words("kind", COUNT_KINDS), name="kind_known"),
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        Index("ix_count_event_line_id_occurred_at", "line_id", "occurred_at"),
        Index("ix_count_event_total", "work_unit_id", "kind", "occurred_at", "seq", postgresql_include=["running_total"]),
        Index("ix_count_event_gap", "work_unit_id", "occurred_at", postgresql_where=text("gap")),
        Index("ix_count_event_order_id_kind", "order_id", "kind"),
    )

    id: Mapped[UuidKey]
    line_id: Mapped[int] = mapped_column(ForeignKey(Line.id))
    work_unit_id: Mapped[int] = mapped_column(ForeignKey(WorkUnit.id))
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey(WorkOrder.id))
    kind: Mapped[str] = mapped_column(String(10))
    quantity: Mapped[Amount]
    counter_value: Mapped[int | None] = mapped_column(BigInteger)
    reset: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    gap: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    gap_from_at: Mapped[datetime | None]
    running_total: Mapped[int | None] = mapped_column(BigInteger)
    occurred_at: Mapped[UtcAt]
    source: Mapped[str] = mapped_column(String(50))
    epoch: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(BigInteger)


class StandardTime(Kept, Base):
    """Minutes per part of one product at one work unit from a day on; the latest that is not in the future counts."""

    __tablename__ = "standard_time"
    __table_args__ = (
        UniqueConstraint("product_id", "work_unit_id", "valid_from"),
        CheckConstraint("cycle_min > 0", name="cycle_positive"),
        Index("ix_standard_time_work_unit_id", "work_unit_id"),
    )

    id: Mapped[Key]
    product_id: Mapped[int] = mapped_column(ForeignKey(Product.id))
    work_unit_id: Mapped[int] = mapped_column(ForeignKey(WorkUnit.id))
    valid_from: Mapped[date] = mapped_column(Date)
    cycle_min: Mapped[Amount]

    product: Mapped[Product] = relationship()
    work_unit: Mapped[WorkUnit] = relationship()


class Blocker(Versioned, Base):
    """Why something must not start. Whoever stands above production writes it, production alone reads it.

    Attributes:
        target_kind, target_id: ``order``, ``line``, ``work_unit``, ``product`` or ``lot`` and the key of its row as text.
        kind: Who put it there: ``quality``, ``material``, ``tool``, ``previous_step``, ``supervisor`` …
        released_by, released_at: None while it blocks.
    """

    __tablename__ = "blocker"
    __entity__ = "blocker"
    __table_args__ = (
        CheckConstraint("target_kind IN ('order', 'line', 'work_unit', 'product', 'lot')", name="target_kind_known"),
        CheckConstraint("(released_by IS NULL) = (released_at IS NULL)", name="release_complete"),
        CheckConstraint("released_at >= opened_at", name="released_not_before_opened"),
        Index("ix_blocker_target_kind_target_id", "target_kind", "target_id"),
        Index("ix_blocker_open", "target_kind", "target_id", postgresql_where=text("released_at IS NULL")),
    )

    id: Mapped[UuidKey]
    target_kind: Mapped[str] = mapped_column(String(20))
    target_id: Mapped[str] = mapped_column(String(50))
    kind: Mapped[str] = mapped_column(String(50))
    reason: Mapped[str]
    opened_by: Mapped[str] = mapped_column(String(50))
    opened_at: Mapped[UtcAt]
    released_by: Mapped[str | None] = mapped_column(String(50))
    released_at: Mapped[datetime | None]
