"""A CSV or a workbook that somebody brought, as cells: bounded in bytes, rows and columns, and believed in nothing.

What comes out is text; what it means is for who asked. Formulas are never calculated: of a workbook its stored values are read.
"""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from core.errors import Invalid
from core.tabular import Cell
from core.tabular.written import STARTS_FORMULA

ROWS_MAX: Final = 5_000
COLUMNS_MAX: Final = 100
BYTES_MAX: Final = 8_000_000
CELL_MAX: Final = 4_000
"""Characters of one cell; a note is shorter."""

_UNPACKED_MAX: Final = 64_000_000
"""Bytes a workbook may unpack to; a packed file of a few kilobytes can hold gigabytes of zeros."""

_XLSX: Final = b"PK\x03\x04"
_OLD_XLS: Final = b"\xd0\xcf\x11\xe0"
_SEPARATORS: Final = ",;\t"


def read_table(name: str, data: bytes, *, limit_rows: int = ROWS_MAX, limit_bytes: int = BYTES_MAX) -> tuple[tuple[Cell, ...], ...]:
    """The rows of a file that are not empty, each with its cells that are not empty.

    Args:
        name: Of the file, for the messages.
        data: Its content. What it is shows in its first bytes; how it is called counts for nothing.
        limit_rows: Rows below the heading.
        limit_bytes: Of the file.

    Raises:
        Invalid: ``tabular.too_large``, ``tabular.too_many_rows``, ``tabular.too_many_columns``, ``tabular.cell_too_long``,
            ``tabular.encoding``, ``tabular.not_a_table``, ``tabular.empty``.
    """
    if len(data) > limit_bytes:
        raise Invalid("tabular.too_large", file=name, limit=limit_bytes // 1_000_000)
    if data.startswith(_OLD_XLS):
        raise Invalid("tabular.not_a_table", file=name)
    lines = _workbook(name, data, limit_rows) if data.startswith(_XLSX) else _csv(name, data)
    rows = tuple(row for row in _cells(name, lines, limit_rows) if row)
    if not rows:
        raise Invalid("tabular.empty", file=name)
    return rows


def _cells(name: str, lines: Iterable[Sequence[str]], limit_rows: int) -> Iterator[tuple[Cell, ...]]:
    for row, line in enumerate(lines, 1):
        cells = tuple(Cell(row, column, text) for column, raw in enumerate(line, 1) if (text := raw.strip()))
        if not cells:
            continue
        if row > limit_rows + 1:
            raise Invalid("tabular.too_many_rows", file=name, limit=limit_rows)
        if cells[-1].column > COLUMNS_MAX:
            raise Invalid("tabular.too_many_columns", file=name, limit=COLUMNS_MAX)
        for cell in cells:
            if len(cell.text) > CELL_MAX:
                raise Invalid("tabular.cell_too_long", file=name, row=row, column=cell.column, limit=CELL_MAX)
            if "\0" in cell.text:
                raise Invalid("tabular.not_a_table", file=name)
        yield cells


# --- CSV -------------------------------------------------------------------------------------------------------------


def _csv(name: str, data: bytes) -> Iterator[list[str]]:
    text = _decoded(name, data)
    try:
        for line in csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True):
            yield [_unguarded(cell) for cell in line]
    except csv.Error as error:
        raise Invalid("tabular.not_a_table", file=name) from error


def _decoded(name: str, data: bytes) -> str:
    """The text of a CSV: as its byte order mark says, else UTF-8, else what a Japanese Excel saves."""
    marked = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    sure = [encoding for mark, encoding in marked.items() if data.startswith(mark)]
    for encoding in sure or ("utf-8", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid("tabular.encoding", file=name)


def _separator(text: str) -> str:
    """What the heading is separated by; a comma when it has one column."""
    heading = next((line for line in text.splitlines() if line.strip()), "")
    outside = "".join(heading.split('"')[::2])
    return max(_SEPARATORS, key=outside.count)


def _unguarded(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from reading a formula: what was written here is read again as it was."""
    return cell[1:] if cell.startswith("'") and STARTS_FORMULA.match(cell[1:]) else cell


# --- workbook --------------------------------------------------------------------------------------------------------


def _workbook(name: str, data: bytes, limit_rows: int) -> Iterator[list[str]]:
    """The first sheet, row by row.

    openpyxl says what is wrong with a workbook by whatever its parser met, so everything that comes out of it here is one answer.
    """
    _check_unpacked(name, data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about drawings and validations that nobody reads
        try:
            rows = _sheet_rows(data, limit_rows)
        except MemoryError:
            raise
        except Exception as error:
            raise Invalid("tabular.not_a_table", file=name) from error
    yield from rows


def _check_unpacked(name: str, data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise Invalid("tabular.not_a_table", file=name) from error
    if size > _UNPACKED_MAX:
        raise Invalid("tabular.too_large", file=name, limit=_UNPACKED_MAX // 1_000_000)


def _sheet_rows(data: bytes, limit_rows: int) -> list[list[str]]:
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # a file may claim a million rows of sixteen thousand columns
        rows = sheet.iter_rows(max_row=limit_rows + 2, max_col=COLUMNS_MAX + 1, values_only=True)
        return [[_as_text(value) for value in row] for row in rows]
    finally:
        book.close()


def _as_text(value: Any) -> str:
    """What stands in a cell of a workbook, as a person would type it."""
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case datetime():
            return value.isoformat(sep=" ", timespec="minutes" if value.second == value.microsecond == 0 else "seconds")
        case date():
            return value.isoformat()
        case time():
            return value.isoformat(timespec="minutes" if value.second == value.microsecond == 0 else "seconds")
        case timedelta():
            return str(value)
        case int() | float() | Decimal():
            text = f"{Decimal(f'{value:.15g}'):f}"  # what the sheet shows, not the last bits of a binary fraction
            return text.rstrip("0").rstrip(".") if "." in text else text
        case _:
            return str(value)
