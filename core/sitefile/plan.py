"""What applying a site file would change. Nothing is ever deleted: what left the file is retired, what came back returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from core.sitefile.entries import SiteFile
from core.sitefile.flat import Key, Row, rows_of

if TYPE_CHECKING:
    from core.sitefile.stored import Stored
    from core.store.base import Db

Action = Literal["add", "change", "retire", "return"]
_SIGNS: Mapping[str, str] = {"add": "+", "change": "~", "retire": "-", "return": "^"}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a row that changes, in words.

    Attributes:
        field: Its name.
        old, new: "" for nothing.
    """

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """One row that applying changes.

    Attributes:
        kind: ``line``, ``tag``, ``product`` …
        key: What the row is called, ``L1`` or ``A-1010 / L1-M1 / 2026-01-01``.
        action: ``return`` is a retired row that stands in the file again.
        fields: What changes in it; empty for ``add`` and ``retire``.
    """

    kind: str
    key: str
    action: Action
    fields: tuple[FieldChange, ...] = ()

    def __str__(self) -> str:
        shown = ", ".join(f"{one.field}: {one.old or '—'} → {one.new or '—'}" for one in self.fields)
        return f"{_SIGNS[self.action]} {self.kind} {self.key}{'  ' + shown if shown else ''}"


def plan(db: Db, site: SiteFile) -> tuple[Change, ...]:
    """Every change in the order it would be made; empty when the database already says what ``site`` says."""
    from core.sitefile.stored import codes_with_credential, load

    changes = [change for change, _key in differences(load(db), site)]
    return (*changes, *(first_pin(code) for code in sorted(set(site.pins) - codes_with_credential(db))))


def first_pin(code: str) -> Change:
    """A user gets his first PIN; what it is stands nowhere."""
    return Change("user", code, "change", (FieldChange("pin", "", "•••"),))


def differences(stored: Mapping[str, Stored], site: SiteFile) -> Iterator[tuple[Change, Key]]:
    """Every change with the key of its row."""
    from core.sitefile.stored import TABLES, kept

    wanted, present = rows_of(site), kept(stored)
    for table in TABLES:
        there = stored[table.kind]
        for key, row in wanted[table.kind].items():
            had = there.flat.get(key)
            if had is None:
                yield Change(table.kind, words(key), "add"), key
                continue
            fields = tuple(_fields(had, row))
            if there.rows[key].retired_at is not None:
                yield Change(table.kind, words(key), "return", fields), key
            elif fields:
                yield Change(table.kind, words(key), "change", fields), key
        for key in present[table.kind]:
            if key not in wanted[table.kind]:
                yield Change(table.kind, words(key), "retire"), key


def _fields(had: Row, row: Row) -> Iterator[FieldChange]:
    for name, value in row.items():
        if had[name] != value:
            yield FieldChange(name, words(had[name]), words(value))


def words(value: Any) -> str:
    """A value or key as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}={words(item)}" for key, item in value.items())
    if isinstance(value, tuple | list):
        return " / ".join(words(item) for item in value)
    return str(value)


def plain(value: Decimal) -> str:
    """A number without exponent and without zeros at its end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
