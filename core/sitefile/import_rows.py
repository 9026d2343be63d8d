"""The SQL of tables that are brought in: what the database says about their rows, and writing them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from core.equipment.models import Line, Unit
from core.inventory.models import Product
from core.production import making
from core.production.models import WorkOrder
from core.production.views import OrderStatus
from core.sitefile.entries import ProductEntry
from core.sitefile.import_entries import Kind, Numbered, OrderEntry
from core.sitefile.import_judge import Known, RowChange, Stored
from core.store.base import Db

_ORDER = ("planned", "scheduled_start_at", "scheduled_end_at", "priority", "note")
_PRODUCT = ("name", "type", "active", "standard_cycle_min", "target_yield", "unit")


def known(db: Db, kind: Kind, entries: Sequence[Numbered], *, lock: bool = False) -> Known:
    """What the database says about what ``entries`` name; with ``lock`` it cannot change until the transaction ends."""
    if kind == "order":
        return _known_orders(db, [each.entry for each in entries if isinstance(each.entry, OrderEntry)], lock=lock)
    return _known_products(db, [each.entry for each in entries if isinstance(each.entry, ProductEntry)], lock=lock)


def _known_orders(db: Db, entries: Sequence[OrderEntry], *, lock: bool) -> Known:
    found = (
        select(WorkOrder, Product.code, Line.code)
        .join(Product, Product.id == WorkOrder.product_id)
        .join(Line, Line.id == WorkOrder.line_id)
        .where(WorkOrder.number.in_({entry.number for entry in entries}))
        .order_by(WorkOrder.id)
    )
    if lock:
        making.lock_numbers(db)
        found = found.with_for_update(of=WorkOrder, key_share=True).execution_options(populate_existing=True)
    asked = {entry.product for entry in entries}
    active = db.scalars(select(Product.code).where(Product.code.in_(asked), Product.active, Product.retired_at.is_(None)))
    lines = db.scalars(select(Line.code).where(Line.retired_at.is_(None)))
    stored = {
        order.number: Stored(
            {name: getattr(order, name) for name in _ORDER} | {"product": product, "line": line}, OrderStatus(order.status)
        )
        for order, product, line in db.execute(found)
    }
    return Known(stored, products=frozenset(active), lines=frozenset(lines))


def _known_products(db: Db, entries: Sequence[ProductEntry], *, lock: bool) -> Known:
    found = select(Product).where(Product.code.in_({entry.code for entry in entries})).order_by(Product.id)
    if lock:
        found = found.with_for_update(key_share=True).execution_options(populate_existing=True)
    stored = {row.code: Stored(_product_values(row), None, row.origin) for row in db.scalars(found)}
    return Known(stored, units=frozenset(db.scalars(select(Unit.code).where(Unit.retired_at.is_(None)))))


def _product_values(row: Product) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _PRODUCT} | {"version": row.revision}
    # One that left the site file counts as not active; a table that names it as active brings it back.
    return values | {"active": row.active and row.retired_at is None}


def write(db: Db, entries: Sequence[Numbered], changes: Sequence[RowChange]) -> None:
    """Make the database say what the rows say that are new or changed; each of them was judged in this transaction."""
    wanted = {each.row: each.entry for each in entries}
    orders, products = list[tuple[OrderEntry, RowChange]](), list[tuple[ProductEntry, RowChange]]()
    for change in changes:
        entry = wanted[change.row]
        if isinstance(entry, OrderEntry) and change.action != "same":
            orders.append((entry, change))
        elif isinstance(entry, ProductEntry) and change.action != "same":
            products.append((entry, change))
    _write_orders(db, orders)
    for product, change in products:
        _write_product(db, product, change)
    db.flush()


def _write_orders(db: Db, orders: Sequence[tuple[OrderEntry, RowChange]]) -> None:
    products = {code: making.product(db, code) for code in sorted({entry.product for entry, _ in orders})}
    lines = {code: making.line(db, code) for code in sorted({entry.line for entry, _ in orders})}
    numbers = [entry.number for entry, change in orders if change.action == "changed"]
    stored = {order.number: order for order in db.scalars(select(WorkOrder).where(WorkOrder.number.in_(numbers)))}
    for entry, change in orders:
        same: Mapping[str, Any] = {name: getattr(entry, name) for name in _ORDER}
        if change.action == "new":
            db.add(making.row(db, entry.number, products[entry.product], lines[entry.line], **same))
        else:
            _change_order(stored[entry.number], change, products[entry.product], lines[entry.line], same)


def _change_order(order: WorkOrder, change: RowChange, product: Product, line: Line, same: Mapping[str, Any]) -> None:
    for name in change.fields:
        if name == "product":
            order.product_id, order.unit = product.id, product.unit
        elif name == "line":
            order.line_id, order.queue_position = line.id, None
        else:
            setattr(order, name, same[name])


def _write_product(db: Db, entry: ProductEntry, change: RowChange) -> None:
    row = db.scalar(select(Product).where(Product.code == entry.code))
    names: Iterable[str] = change.fields
    if row is None:
        row = Product(code=entry.code, unit=entry.unit, origin="import")
        db.add(row)
        names = (*_PRODUCT, "version")
    for name in names:
        setattr(row, "revision" if name == "version" else name, getattr(entry, name))
    if row.active:
        row.retired_at = None
