"""Tables that leave or enter the house as files: a CSV or a workbook that opens in a spreadsheet without harm or surprise.

``written`` makes the bytes of a table, ``read`` takes a file that somebody brought apart into cells. Neither touches the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Final, Literal

Kind = Literal["text", "number", "share", "seconds", "time", "date"]
"""What a column holds: words; a quantity; a share 0 … 1; a duration in seconds; an aware moment; a production date."""

WRITTEN_MAX: Final = 100_000
"""Rows of a table that are gathered for a file; more belong to a question of the database."""

Value = str | int | float | Decimal | datetime | date | bool | None
"""One cell of a table to write; None is an empty cell, never 0."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table to write.

    Attributes:
        title: In the language of who takes the file away.
        kind: See Kind.
    """

    title: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """A table to write.

    Attributes:
        title: Of the sheet, in the language of the columns.
        columns: From left to right.
        rows: As many values each as there are columns.
        zone: Times are written as its wall clock, because a spreadsheet knows no time zones; its name stands in their headings.
    """

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Value]]
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a file that somebody brought.

    Attributes:
        row, column: As the spreadsheet counts them, from 1.
        text: Without surrounding spaces; times as ``2026-07-14 06:30``, numbers with a decimal point and no grouping.
    """

    row: int
    column: int
    text: str
