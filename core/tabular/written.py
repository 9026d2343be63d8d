"""The bytes of a table: CSV for everybody, a workbook for who goes on calculating.

A name that somebody typed at a panel must not run as a formula on the computer of who opens the file: text cells that a spreadsheet
would take for one are written with an apostrophe before them in a CSV, and as typed text in a workbook. Numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from core.tabular import Column, Kind, Table, Value

if TYPE_CHECKING:
    from openpyxl.cell.cell import WriteOnlyCell

STARTS_FORMULA: Final = re.compile(r"'*(?:\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")
"""What a spreadsheet may take for a formula; the wide signs too, which a Japanese one reads like the narrow ones. With apostrophes
before it, so that a text that has one by itself still has it when the guard is taken off.

Source: OWASP, CSV Injection.
"""

_TEXT_MAX: Final = 32_767
"""Characters a cell of a workbook holds."""

_DIGITS_MAX: Final = 15
"""Digits a spreadsheet keeps of a number; an identifier or sum with more is written as text."""

_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udfff]")
_NOT_IN_A_NAME: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_FORMATS: Final[dict[Kind, str]] = {"share": "0.0%", "seconds": "0", "time": "yyyy-mm-dd hh:mm:ss", "date": "yyyy-mm-dd"}


def csv_bytes(table: Table) -> bytes:
    """``table`` as CSV: UTF-8 with a byte order mark, CRLF, a comma; what Excel opens by a double touch in any language.

    Times are ISO 8601 with their offset, so that the hour an autumn night has twice stays two hours.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_guarded(_printable(title)) for title in headings(table, with_zone=False)])
    for row in table.rows:
        writer.writerow([_csv_value(column, value, table) for column, value in zip(table.columns, row, strict=True)])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8")


def xlsx_bytes(table: Table) -> bytes:
    """``table`` as a workbook with one sheet: a bold frozen heading, a filter, text as text, numbers and times as what they are."""
    from openpyxl import Workbook
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    sheet = book.create_sheet(_NOT_IN_A_NAME.sub(" ", table.title).strip("' ")[:31] or "1")
    titles = headings(table, with_zone=True)
    for place, title in enumerate(titles, 1):
        sheet.column_dimensions[get_column_letter(place)].width = _width(title, [row[place - 1] for row in table.rows[:200]])
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(max(1, len(titles)))}{len(table.rows) + 1}"
    sheet.append([_text_cell(sheet, title, bold=True) for title in titles])
    for row in table.rows:
        sheet.append([_xlsx_cell(sheet, column, value, table) for column, value in zip(table.columns, row, strict=True)])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def headings(table: Table, *, with_zone: bool) -> list[str]:
    """Titles of the columns; those of times carry the zone's name where the times themselves cannot."""
    zone = f" ({table.zone})" if with_zone else ""
    return [column.title + zone if column.kind == "time" else column.title for column in table.columns]


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", text)


def _guarded(text: str) -> str:
    return f"'{text}" if STARTS_FORMULA.match(text) else text


def _csv_value(column: Column, value: Value, table: Table) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(table.zone).isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _plain(value)
    return _guarded(_printable(str(value)))


def _plain(number: float | Decimal) -> str:
    """A number without grouping or exponent; "" for what is none, because a spreadsheet would read NaN as a word."""
    exact = number if isinstance(number, Decimal) else Decimal(repr(number))
    if not exact.is_finite():
        return ""
    text = f"{exact:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _xlsx_cell(sheet: Any, column: Column, value: Value, table: Table) -> WriteOnlyCell | None:
    from openpyxl.cell.cell import WriteOnlyCell

    if value is None:
        return None
    if isinstance(value, datetime):
        return _formatted(WriteOnlyCell(sheet, value.astimezone(table.zone).replace(tzinfo=None)), "time")
    if isinstance(value, date):
        return _formatted(WriteOnlyCell(sheet, value), "date")
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        text = _plain(value)
        if len(text.strip("-0").replace(".", "")) > _DIGITS_MAX:
            return _text_cell(sheet, text)
        return _formatted(WriteOnlyCell(sheet, Decimal(text)), column.kind) if text else None
    return _text_cell(sheet, str(value))


def _formatted(cell: WriteOnlyCell, kind: Kind) -> WriteOnlyCell:
    if kind in _FORMATS:
        cell.number_format = _FORMATS[kind]
    return cell


def _text_cell(sheet: Any, text: str, *, bold: bool = False) -> WriteOnlyCell:
    from openpyxl.cell.cell import WriteOnlyCell
    from openpyxl.styles import Font

    cell = WriteOnlyCell(sheet)
    cell.value = _printable(text)[:_TEXT_MAX]
    cell.data_type = "s"  # not "f", whatever it begins with
    if bold:
        cell.font = Font(bold=True)
    return cell


def _width(title: str, values: Sequence[Value]) -> float:
    """Characters a column is wide: the widest of its first cells, a Japanese character as two."""
    shown = ["0000-00-00 00:00:00" if isinstance(value, datetime) else "" if value is None else str(value) for value in values]
    widest = max(sum(2 if ord(sign) > 0x2E80 else 1 for sign in text[:80]) for text in (title, *shown))
    return float(min(max(widest + 2, 8), 60))
