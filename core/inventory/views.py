"""What screens see of products: frozen, serialisable, without a database behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class ProductView:
    """One product.

    Attributes:
        id: Read-store key ``product:<id>``.
        code, name: Name by language.
        type: Free word of the site, "" for none.
        revision: Of the product's design, "1.0" by default.
        active: True when it may be ordered.
        standard_cycle_min: Minutes per part; None when nobody knows.
        target_yield: Per cent of good parts expected.
        unit: Unit code its quantities are counted in.
    """

    entity: ClassVar[str] = "product"

    id: int
    code: str
    name: Mapping[str, str]
    type: str
    revision: str
    active: bool
    standard_cycle_min: Decimal | None
    target_yield: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class ComponentView:
    """One component of a bill of materials: its product, and how much of it one product takes.

    Attributes:
        product_code, product_name: Name by language.
        quantity: Per one unit of the product, in ``unit``.
        unit: Unit code.
    """

    product_code: str
    product_name: Mapping[str, str]
    quantity: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class BomView:
    """What a product is made of on a day.

    Attributes:
        product_code: Of the product.
        valid_from: Day this bill began to count; None when the product has none.
        components: By product code.
    """

    product_code: str
    valid_from: date | None
    components: tuple[ComponentView, ...]
