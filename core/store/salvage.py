"""Rows of a damaged SQLite file, as many as can still be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

_UNREADABLE: Final = (sqlite3.DatabaseError, UnicodeDecodeError)
_GAP_MAX: Final = 100_000


def readable(old: sqlite3.Connection, columns: int, ends: list[int]) -> Iterator[tuple[Any, ...]]:
    """Every row of the one table with at least ``columns`` columns: from the front, from the back, then one by one in the gap between.

    Args:
        old: Gives texts as bytes.
        columns: The first of them is the table's INTEGER PRIMARY KEY; columns are told by their places, not by names that may be damaged.
        ends: Gets the last row before each place where reading broke off.

    Yields:
        The key and the columns behind it.
    """
    select = _select(old, columns)
    if select is None:
        return
    seen: set[int] = set()
    for order in ("ASC", "DESC"):
        last = 0
        try:
            for key, _, *rest in old.execute(f"{select} ORDER BY rowid {order}"):
                last = key
                if last not in seen:
                    seen.add(last)
                    yield (key, *rest)
        except _UNREADABLE:
            ends.append(last)
    if len(ends) < 2:
        return
    for n in range(ends[0] + 1, min(ends[1], ends[0] + _GAP_MAX)):
        try:
            found = old.execute(f"{select} WHERE rowid = ?", (n,)).fetchone()
        except _UNREADABLE:
            continue
        if found is not None and n not in seen:
            yield (found[0], *found[2:])


def _select(old: sqlite3.Connection, columns: int) -> str | None:
    """None when the list of tables cannot be read, or there is no such table."""
    try:
        for (name,) in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            quoted = '"' + name.decode().replace('"', '""') + '"'
            if len(old.execute(f"SELECT * FROM {quoted} LIMIT 0").description) >= columns:  # noqa: S608 - quoted
                return f"SELECT rowid, * FROM {quoted}"  # noqa: S608 - quoted
    except (*_UNREADABLE, AttributeError):
        pass
    return None
