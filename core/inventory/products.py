"""Products and what they are made of, for screens and for whoever plans orders."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from core.inventory.views import BomView, ProductView
from core.store.query import Page, query

if TYPE_CHECKING:
    from core.store.base import Db


@query("inventory:product:list", snapshot=True)
def list_products(db: Db, *, active: bool | None = True, search: str | None = None, limit: int = 200, offset: int = 0) -> Page[ProductView]:
    """Products by code; ``active`` None gives those that must not be ordered as well; ``search`` looks into codes and names."""
    from core.inventory import rows

    return rows.products(db, active, search, limit, offset)


@query("inventory:bom:get")
def bom_of(db: Db, *, product_code: str, on: date) -> BomView:
    """What ``product_code`` is made of on the day ``on``: the latest bill that has begun by then.

    Raises:
        Invalid: ``inventory.product_not_found``.
    """
    from core.inventory import rows

    return rows.bom(db, product_code, on)
