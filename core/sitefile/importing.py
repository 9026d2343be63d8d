"""Orders, products and days of a calendar from a table that somebody brings: looked at first, taken as a whole or not at all.

For plants without a system above. A table that is brought in twice changes nothing the second time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from core.errors import Conflict, Invalid, Refused
from core.sitefile.import_days import judge_days
from core.sitefile.import_entries import ENTRIES, Kind, Numbered
from core.sitefile.import_judge import Preview, judge
from core.sitefile.packed import pack, unpack
from core.store.operation import Actor, operation
from core.store.query import query
from core.tabular import Column, Table

if TYPE_CHECKING:
    from core.store.base import Db

ORDERS: Final = "production:order:import"
PRODUCTS: Final = "inventory:product:import"
DAYS: Final = "equipment:calendar:import"
_PATIENCE_S: Final = 120.0
"""Five thousand orders take some seconds, and whoever brings a month's plan waits for them."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a table has changed.

    Attributes:
        new, changed, same: Rows of each kind.
    """

    new: int
    changed: int
    same: int


def packed(file: str, entries: Sequence[Numbered]) -> tuple[str, ...]:
    """The rows of a table as a request carries them."""
    rows = [[each.row, dict(each.columns), each.entry.model_dump(mode="json", exclude_unset=True)] for each in entries]
    return pack(json.dumps({"file": file, "rows": rows}, ensure_ascii=False))


def _entries(kind: Kind, document: tuple[str, ...]) -> tuple[str, tuple[Numbered, ...]]:
    try:
        given = json.loads(unpack(document))
        file = str(given["file"])[:200]
        rows = tuple(Numbered(int(row), ENTRIES[kind].model_validate(entry), dict(columns)) for row, columns, entry in given["rows"])
    except (ValidationError, ValueError, TypeError, KeyError):
        raise Invalid("sitefile.document_unreadable") from None
    return file, rows


@query("production:import:preview")
def preview_import(db: Db, *, kind: Kind, document: tuple[str, ...]) -> Preview:
    """What a table would change, row by row, and every cell that speaks against it.

    Args:
        kind: What its rows are.
        document: See ``packed``.

    Raises:
        Invalid: ``sitefile.document_unreadable``.
    """
    file, entries = _entries(kind, document)
    from core.sitefile import import_day_rows, import_rows

    if kind == "day":
        return judge_days(file, entries, import_day_rows.known(db, entries))
    return judge(kind, file, entries, import_rows.known(db, kind, entries))


@operation(ORDERS, kind="intent", writes=("work_order",), patience_s=_PATIENCE_S)
def import_orders(db: Db, actor: Actor, *, document: tuple[str, ...], seen: str) -> Imported:
    """Every order of a table is planned as it says; what has begun is left alone.

    Args:
        document: See ``packed``.
        seen: ``sha256`` of the preview that was confirmed.

    Raises:
        Invalid: ``sitefile.document_unreadable``, ``import.broken`` with the first problem.
        Refused: ``import.nothing`` when there is nothing to do.
        Conflict: ``import.changed`` when it would do something else than was confirmed.
    """
    return _take(db, "order", document, seen)


@operation(PRODUCTS, kind="intent", writes=("product",), patience_s=_PATIENCE_S)
def import_products(db: Db, actor: Actor, *, document: tuple[str, ...], seen: str) -> Imported:
    """Every product of a table is there as it says; those of the site file are not changed. Arguments and errors of ``import_orders``."""
    return _take(db, "product", document, seen)


@operation(DAYS, kind="intent", writes=("calendar_exception",), patience_s=_PATIENCE_S)
def import_days(db: Db, actor: Actor, *, document: tuple[str, ...], seen: str) -> Imported:
    """Every day of a table is as it says; what a changed row says otherwise is withdrawn. Arguments and errors of ``import_orders``."""
    from core.sitefile import import_day_rows

    file, entries = _entries("day", document)
    known = import_day_rows.known(db, entries, lock=True)
    done = _confirmed(judge_days(file, entries, known), seen)
    import_day_rows.write(db, actor, file, entries, known)
    return done


def _take(db: Db, kind: Kind, document: tuple[str, ...], seen: str) -> Imported:
    from core.sitefile import import_rows

    file, entries = _entries(kind, document)
    preview = judge(kind, file, entries, import_rows.known(db, kind, entries, lock=True))
    done = _confirmed(preview, seen)
    import_rows.write(db, entries, preview.rows)
    return done


def _confirmed(preview: Preview, seen: str) -> Imported:
    """What will be done, when that is what was confirmed."""
    if preview.problems:
        first = preview.problems[0]
        raise Invalid("import.broken", count=len(preview.problems), cell=first.cell, first=dict(first.what))
    if preview.sha256 != seen:
        raise Conflict("import.changed")
    done = Imported(preview.count("new"), preview.count("changed"), preview.count("same"))
    if not done.new and not done.changed:
        raise Refused("import.nothing")
    return done


def template(kind: Kind, title: str) -> Table:
    """An empty table to fill in: the headings, and one row as an example."""
    columns = _EXAMPLES[kind].values()
    return Table(title, tuple(Column(heading) for heading, _ in columns), [[example for _, example in columns]])


_EXAMPLES: Final[dict[Kind, dict[str, tuple[str, str]]]] = {
    "order": {
        "number": ("指示番号", "WO-260714-001"),
        "product": ("品目", "P-100"),
        "line": ("ライン", "L1"),
        "planned": ("計画数", "500"),
        "scheduled_start_at": ("開始予定", "2026-07-14 06:30"),
        "scheduled_end_at": ("納期", "2026-07-14 15:00"),
        "priority": ("優先度", "5"),
        "note": ("備考", ""),
    },
    "product": {
        "code": ("品目コード", "P-100"),
        "name.ja": ("名称", "ブラケット"),
        "name.en": ("英語名", "Bracket"),
        "standard_cycle_min": ("標準時間(分)", "0.5"),
        "unit": ("単位", "pcs"),
    },
    "day": {
        "day": ("生産日", "2026-12-29"),
        "kind": ("種類", "休日"),
        "calendar": ("カレンダー", "TWO-SHIFT"),
        "line": ("ライン", ""),
        "shift": ("勤務帯", ""),
        "starts_at": ("開始", ""),
        "ends_at": ("終了", ""),
        "reason": ("理由", ""),
        "crew": ("班", ""),
        "note": ("備考", "年末休業"),
    },
}
