"""The SQL of products. Imported when the first query runs on a lane, never by a screen."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func as sql
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from core.errors import Invalid
from core.inventory.models import Bom, BomComponent, Product
from core.inventory.views import BomView, ComponentView, ProductView
from core.store.base import Db
from core.store.query import Page


def products(db: Db, active: bool | None, search: str | None, limit: int, offset: int) -> Page[ProductView]:
    """See ``core.inventory.products.list_products``."""
    wanted = select(Product)
    if active is not None:
        may_order = Product.active & Product.retired_at.is_(None)
        wanted = wanted.where(may_order if active else ~may_order)
    if search:
        pattern = f"%{search.replace('%', '').replace('_', '')}%"
        names = (Product.name["ja"].astext.ilike(pattern), Product.name["en"].astext.ilike(pattern))
        wanted = wanted.where(or_(Product.code.ilike(pattern), *names))
    total = db.scalar(select(sql.count()).select_from(wanted.subquery())) or 0
    rows = db.scalars(wanted.order_by(Product.code).limit(limit).offset(offset))
    return Page(tuple(product_view(row) for row in rows), total, limit, offset)


def bom(db: Db, product_code: str, on: date) -> BomView:
    """See ``core.inventory.products.bom_of``."""
    product = db.scalar(select(Product).where(Product.code == product_code))
    if product is None:
        raise Invalid("inventory.product_not_found", product=product_code)
    begun = select(Bom).where(Bom.product_id == product.id, Bom.valid_from <= on, Bom.retired_at.is_(None))
    found = db.scalars(begun.order_by(Bom.valid_from.desc()).limit(1)).first()
    if found is None:
        return BomView(product.code, None, ())
    rows = db.scalars(
        select(BomComponent)
        .join(BomComponent.product)
        .where(BomComponent.bom_id == found.id, BomComponent.retired_at.is_(None))
        .options(joinedload(BomComponent.product))
        .order_by(Product.code)
    )
    parts = tuple(ComponentView(row.product.code, row.product.name, row.quantity, row.unit) for row in rows)
    return BomView(product.code, found.valid_from, parts)


def product_view(row: Product) -> ProductView:
    """What screens see of a product row; one the site file no longer names counts as not active."""
    active = row.active and row.retired_at is None
    return ProductView(row.id, row.code, row.name, row.type, row.revision, active, row.standard_cycle_min, row.target_yield, row.unit)
