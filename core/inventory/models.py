"""Tables of products, what they are made of, lots, the places they lie at and their movements."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Date, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.equipment.models import IN_BOTH_LANGUAGES, Kept, Line, Unit
from core.store.base import Amount, Base, Code, Key, Names, UtcAt, UuidKey, Versioned


class Product(Kept, Base):
    """What is made, bought or consumed.

    Attributes:
        type: Free word of the site (``finished``, ``component`` …).
        revision: Of the product's design, "1.0" by default. (``version`` is the row's, against lost updates.)
        active: False when it must not be ordered any more.
        standard_cycle_min: Minutes per part, > 0; None when nobody knows.
        target_yield: Per cent of good parts expected, 0 < … ≤ 100.
        unit: Unit code its quantities are counted in.
        origin: ``site`` when the site file keeps it, else the system or ``screen`` it came from.
    """

    __tablename__ = "product"
    __entity__ = "product"
    __table_args__ = (
        CheckConstraint(IN_BOTH_LANGUAGES, name="name_in_both_languages"),
        CheckConstraint("standard_cycle_min > 0", name="standard_cycle_positive"),
        CheckConstraint("target_yield > 0 AND target_yield <= 100", name="target_yield_range"),
        Index("ix_product_active_type_code", "active", "type", "code"),
    )

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[Names]
    type: Mapped[str] = mapped_column(String(50), server_default="")
    revision: Mapped[str] = mapped_column(String(20), server_default="1.0")
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    standard_cycle_min: Mapped[Decimal | None]
    target_yield: Mapped[Amount] = mapped_column(server_default="95")
    unit: Mapped[str] = mapped_column(ForeignKey(Unit.code), server_default="pcs")
    origin: Mapped[str] = mapped_column(String(50), server_default="screen")


class Bom(Kept, Base):
    """What one unit of a product is made of from a day on; the latest ``valid_from`` that is not in the future counts."""

    __tablename__ = "bom"
    __entity__ = "bom"
    __table_args__ = (UniqueConstraint("product_id", "valid_from"),)

    id: Mapped[Key]
    product_id: Mapped[int] = mapped_column(ForeignKey(Product.id))
    valid_from: Mapped[date] = mapped_column(Date)

    product: Mapped[Product] = relationship()
    components: Mapped[list[BomComponent]] = relationship(back_populates="bom", viewonly=True)


class BomComponent(Kept, Base):
    """One product, with its quantity, in a bill of materials."""

    __tablename__ = "bom_component"
    __table_args__ = (
        UniqueConstraint("bom_id", "product_id"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        Index("ix_bom_component_product_id", "product_id"),
    )

    id: Mapped[Key]
    bom_id: Mapped[int] = mapped_column(ForeignKey(Bom.id))
    product_id: Mapped[int] = mapped_column(ForeignKey(Product.id))
    quantity: Mapped[Amount]
    unit: Mapped[str] = mapped_column(ForeignKey(Unit.code))

    bom: Mapped[Bom] = relationship(back_populates="components")
    product: Mapped[Product] = relationship()


class Location(Kept, Base):
    """A place where lots lie, at a line or for the whole site (line None)."""

    __tablename__ = "location"
    __entity__ = "location"
    __table_args__ = (CheckConstraint(IN_BOTH_LANGUAGES, name="name_in_both_languages"),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[Names]
    line_id: Mapped[int | None] = mapped_column(ForeignKey(Line.id), index=True)

    line: Mapped[Line | None] = relationship()


class Lot(Versioned, Base):
    """A quantity of one product that was made or delivered together.

    Attributes:
        quantity: What is left, ≥ 0, in ``unit``; follows from the movements, kept here for the lists.
        status: ``AVAILABLE``, ``HELD``, ``REJECTED`` or ``USED_UP``.
        location_id: Where it lies; None when that is not known.
    """

    __tablename__ = "lot"
    __entity__ = "lot"
    __table_args__ = (
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        CheckConstraint("status IN ('AVAILABLE', 'HELD', 'REJECTED', 'USED_UP')", name="status_known"),
        Index("ix_lot_product_id_status_expires_at", "product_id", "status", "expires_at"),
        Index("ix_lot_location_id_status", "location_id", "status"),
    )

    id: Mapped[UuidKey]
    number: Mapped[str] = mapped_column(String(50), unique=True)
    product_id: Mapped[int] = mapped_column(ForeignKey(Product.id))
    quantity: Mapped[Amount]
    unit: Mapped[str] = mapped_column(ForeignKey(Unit.code))
    status: Mapped[str] = mapped_column(String(20), server_default="AVAILABLE")
    location_id: Mapped[int | None] = mapped_column(ForeignKey(Location.id))
    created_at: Mapped[UtcAt]
    expires_at: Mapped[datetime | None]

    product: Mapped[Product] = relationship()
    location: Mapped[Location | None] = relationship()


class Movement(Base):
    """A quantity that moved, arrived, was consumed or made; append-only. A mistake is mended by a movement that takes it back.

    Attributes:
        kind: ``receive``, ``move``, ``consume``, ``produce``, ``scrap``, ``count`` (stock-taking difference).
        from_location_id, to_location_id: None for the world outside the site.
        reference_kind, reference_id: What it was for, ``order`` and its id; "" and None when nothing is named (yet).
        takes_back: The movement this one takes back; None for an ordinary one.
    """

    __tablename__ = "movement"
    __entity__ = "movement"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("kind IN ('receive', 'move', 'consume', 'produce', 'scrap', 'count')", name="kind_known"),
        CheckConstraint("from_location_id IS DISTINCT FROM to_location_id OR kind <> 'move'", name="move_goes_somewhere"),
        Index("ix_movement_lot_id_moved_at", "lot_id", "moved_at"),
        Index("ix_movement_product_id_moved_at", "product_id", "moved_at"),
        Index("ix_movement_reference", "reference_kind", "reference_id"),
    )

    id: Mapped[UuidKey]
    kind: Mapped[str] = mapped_column(String(20))
    product_id: Mapped[int] = mapped_column(ForeignKey(Product.id))
    lot_id: Mapped[UUID | None] = mapped_column(ForeignKey(Lot.id))
    from_location_id: Mapped[int | None] = mapped_column(ForeignKey(Location.id), index=True)
    to_location_id: Mapped[int | None] = mapped_column(ForeignKey(Location.id), index=True)
    quantity: Mapped[Amount]
    unit: Mapped[str] = mapped_column(ForeignKey(Unit.code))
    reference_kind: Mapped[str] = mapped_column(String(20), server_default="")
    reference_id: Mapped[UUID | None]
    takes_back: Mapped[UUID | None] = mapped_column(ForeignKey("genba.movement.id"), unique=True)
    reason: Mapped[str] = mapped_column(server_default="")
    user_code: Mapped[str] = mapped_column(String(50))
    station: Mapped[str] = mapped_column(String(50))
    moved_at: Mapped[UtcAt]
    request_id: Mapped[UUID] = mapped_column(index=True)
