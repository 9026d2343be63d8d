"""Tables of quality: what was checked and what was found."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.equipment.models import Unit, WorkUnit
from core.inventory.models import Lot, Product
from core.production.models import DefectCode, WorkOrder
from core.store.base import Amount, Base, UtcAt, UuidKey, Versioned


class QualityCheck(Versioned, Base):
    """One check of a product: asked for, then done.

    Attributes:
        characteristic: What is looked at or measured, in the words of the plan.
        kind: ``visual``, ``measure``, ``function`` or ``first_piece``.
        result: ``OPEN`` until it is done, then ``PASS``, ``FAIL`` or ``NOT_DONE`` (with a note).
        measured: Measured value in ``unit``; None for a check without a number.
        low, high: Limits that applied, in ``unit``; None when open to that side.
        checked: Parts looked at; failed: parts found bad.
        checked_by, checked_at: None while it is open.
    """

    __tablename__ = "quality_check"
    __entity__ = "check"
    __table_args__ = (
        CheckConstraint("kind IN ('visual', 'measure', 'function', 'first_piece')", name="kind_known"),
        CheckConstraint("result IN ('OPEN', 'PASS', 'FAIL', 'NOT_DONE')", name="result_known"),
        CheckConstraint("(result = 'OPEN') = (checked_at IS NULL) AND (checked_by IS NULL) = (checked_at IS NULL)", name="done_complete"),
        CheckConstraint("low <= high", name="low_not_above_high"),
        CheckConstraint("(measured IS NULL AND low IS NULL AND high IS NULL) OR unit IS NOT NULL", name="measure_has_unit"),
        CheckConstraint("checked >= 0 AND failed >= 0 AND failed <= checked", name="failed_among_checked"),
        Index("ix_quality_check_order_id_due_at", "order_id", "due_at"),
        Index("ix_quality_check_result_due_at", "result", "due_at"),
        Index("ix_quality_check_product_id_checked_at", "product_id", "checked_at"),
    )

    id: Mapped[UuidKey]
    product_id: Mapped[int] = mapped_column(ForeignKey(Product.id))
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey(WorkOrder.id))
    lot_id: Mapped[UUID | None] = mapped_column(ForeignKey(Lot.id), index=True)
    work_unit_id: Mapped[int | None] = mapped_column(ForeignKey(WorkUnit.id), index=True)
    characteristic: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(20))
    result: Mapped[str] = mapped_column(String(10), server_default="OPEN")
    measured: Mapped[Decimal | None]
    low: Mapped[Decimal | None]
    high: Mapped[Decimal | None]
    unit: Mapped[str | None] = mapped_column(ForeignKey(Unit.code))
    checked: Mapped[Amount] = mapped_column(server_default="0")
    failed: Mapped[Amount] = mapped_column(server_default="0")
    defect_code: Mapped[str | None] = mapped_column(ForeignKey(DefectCode.code))
    note: Mapped[str] = mapped_column(server_default="")
    due_at: Mapped[UtcAt]
    checked_by: Mapped[str | None] = mapped_column(String(50))
    checked_at: Mapped[datetime | None]

    product: Mapped[Product] = relationship()
    order: Mapped[WorkOrder | None] = relationship()
