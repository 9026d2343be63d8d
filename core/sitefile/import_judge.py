"""What a table that was brought would change, row by row, and what speaks against it. Pure: what the database says is an argument."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from core.errors import Invalid
from core.production import rules
from core.production.views import OrderStatus
from core.sitefile.entries import ProductEntry
from core.sitefile.import_entries import CellProblem, Kind, Numbered, OrderEntry, at_cell, cell_name
from core.sitefile.problems import problem

Action = Literal["new", "changed", "same"]

CHANGEABLE: Final = frozenset({OrderStatus.PLANNED, OrderStatus.RELEASED})
"""An order that has begun, or is over, is no plan any more: a table does not change it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One order or product of the database.

    Attributes:
        values: By the names of the entry's fields.
        status: Of an order; None for a product.
        kept_by: Who keeps a product: ``site`` for the site file; "" for an order.
    """

    values: Mapping[str, Any]
    status: OrderStatus | None = None
    kept_by: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the database says about what a table names.

    Attributes:
        stored: The orders or products of the table that are there, by number or code.
        products: Codes of active products.
        lines: Codes of lines.
        units: Codes of units.
    """

    stored: Mapping[str, Stored]
    products: frozenset[str] = frozenset()
    lines: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RowChange:
    """What one row would do.

    Attributes:
        row: As the spreadsheet counts it.
        key: Order number or product code.
        action: ``same`` changes nothing.
        fields: Names of the fields that would change; () unless it is ``changed``.
    """

    row: int
    key: str
    action: Action
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProblemView:
    """A problem for the screen: where, and its three lines by language."""

    row: int
    column: int
    cell: str
    what: Mapping[str, str]
    do: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a table would do.

    Attributes:
        kind: What its rows are.
        rows: One for each row without a problem, in the order of the file.
        problems: In the order of the file; with any of them nothing is taken.
        sha256: Of what would be done; what is confirmed later is this and nothing else.
    """

    kind: str
    rows: tuple[RowChange, ...]
    problems: tuple[ProblemView, ...]
    sha256: str

    def count(self, action: Action) -> int:
        """Rows of one kind."""
        return sum(row.action == action for row in self.rows)


def judge(kind: Kind, file: str, entries: Sequence[Numbered], known: Known, before: Sequence[CellProblem] = ()) -> Preview:
    """What ``entries`` would do.

    Args:
        kind: What they are.
        file: Name of the table, for the messages.
        entries: As ``import_entries.parse`` gives them.
        known: What the database says.
        before: Problems the parsing has found already.
    """
    problems, rows, first = list(before), list[RowChange](), dict[str, Numbered]()
    for each in entries:
        key = _key(each)
        wrong = [CellProblem(each.row, each.columns.get(name, 0), error) for name, error in _wrong(each, file, known, first.get(key))]
        first.setdefault(key, each)
        problems += wrong
        if not wrong:
            rows.append(_change(each, key, known.stored.get(key)))
    return preview_of(kind, rows, problems)


def preview_of(kind: Kind, rows: Sequence[RowChange], problems: Sequence[CellProblem]) -> Preview:
    """A preview with its problems in the order of the file, and its mark."""
    problems = sorted(problems, key=lambda one: (one.row, one.column))
    told = json.dumps([[row.row, row.key, row.action, row.fields] for row in rows], ensure_ascii=False)
    return Preview(kind, tuple(rows), tuple(shown_problem(one) for one in problems), hashlib.sha256(told.encode()).hexdigest())


def _key(each: Numbered) -> str:
    entry = each.entry
    return entry.number if isinstance(entry, OrderEntry) else entry.code if isinstance(entry, ProductEntry) else ""


def _wrong(each: Numbered, file: str, known: Known, first: Numbered | None) -> Iterator[tuple[str, Invalid]]:
    """(field, why) of everything that speaks against a row."""
    key_field = "number" if isinstance(each.entry, OrderEntry) else "code"
    if first is not None:
        other = cell_name(first.row, first.columns.get(key_field, 0))
        where = at_cell(file, each.row, each.columns.get(key_field, 0))
        yield key_field, problem("sitefile.twice", where, value=_key(each), other=other)
        return
    stored = known.stored.get(_key(each))
    if isinstance(each.entry, OrderEntry):
        yield from _wrong_order(each.entry, stored, known)
    elif isinstance(each.entry, ProductEntry):
        yield from _wrong_product(each, each.entry, file, stored, known)


def _wrong_order(entry: OrderEntry, stored: Stored | None, known: Known) -> Iterator[tuple[str, Invalid]]:
    if (error := _refusal(lambda: rules.clean_number(entry.number))) is not None:
        yield "number", error
    if entry.product not in known.products:
        yield "product", Invalid("order.product_unknown", product=entry.product)
    if entry.line not in known.lines:
        yield "line", Invalid("order.line_unknown", line=entry.line)
    if (error := _refusal(lambda: rules.check_schedule(entry.scheduled_start_at, entry.scheduled_end_at))) is not None:
        yield "scheduled_end_at", error
    changed = _differs(entry.model_dump(exclude_unset=True), stored)
    if stored is not None and changed and stored.status not in CHANGEABLE:
        assert stored.status is not None  # an order has one
        yield "number", Invalid("import.order_begun", number=entry.number, status=rules.status_words(stored.status))


def _wrong_product(each: Numbered, entry: ProductEntry, file: str, stored: Stored | None, known: Known) -> Iterator[tuple[str, Invalid]]:
    if entry.unit not in known.units:
        where = at_cell(file, each.row, each.columns.get("unit", 0))
        yield "unit", problem("sitefile.nothing_there", where, key="unit", value=entry.unit, kind="units")
    changed = _differs(entry.model_dump(exclude_unset=True), stored)
    if stored is None:
        return
    if "unit" in changed:
        yield "unit", Invalid("import.unit_fixed", code=entry.code, unit=stored.values["unit"])
    elif changed and stored.kept_by == "site":
        yield "code", Invalid("import.kept_by_site_file", code=entry.code)


def _refusal(check: Callable[[], object]) -> Invalid | None:
    try:
        check()
    except Invalid as error:
        return error
    return None


def _differs(wanted: Mapping[str, Any], stored: Stored | None) -> tuple[str, ...]:
    """Fields in which a row says something else than the database; those it does not name stay as they are."""
    if stored is None:
        return ()
    return tuple(name for name, value in wanted.items() if name in stored.values and stored.values[name] != value)


def _change(each: Numbered, key: str, stored: Stored | None) -> RowChange:
    if stored is None:
        return RowChange(each.row, key, "new")
    fields = _differs(each.entry.model_dump(exclude_unset=True), stored)
    return RowChange(each.row, key, "changed" if fields else "same", fields)


def shown_problem(one: CellProblem) -> ProblemView:
    """A problem as the screen shows it."""
    ja, en = one.error.lines("ja"), one.error.lines("en")
    return ProblemView(one.row, one.column, cell_name(one.row, one.column), {"ja": ja.what, "en": en.what}, {"ja": ja.do, "en": en.do})
