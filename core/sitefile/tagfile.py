"""tags.csv: one tag per row, as engineers keep it in a spreadsheet. UTF-8 (with or without mark) and CP932 are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

from core.errors import Invalid
from core.sitefile.problems import Raw, Where, problem, show

COLUMNS: Final = (
    "name", "source", "address", "type", "period_s", "scale", "offset", "unit", "decimals", "label_ja", "label_en", "work_unit", "role",
    "low", "high", "warn_low", "warn_high", "valid_low", "valid_high", "outside", "deadband", "deadband_percent", "frozen_after_s",
    "write_permission", "write_low", "write_high", "write_interlock", "write_min_interval_s", "write_tolerance", "write_max_step",
    "write_max_per_s", "write_two_step", "write_reason", "write_confirm_s", "write_confirm_tag", "states", "options",
)  # fmt: skip
_NEEDED: Final = ("name", "source", "address", "type")
_FORMULA: Final = tuple("=+-@'\t\r")


def decode(data: bytes, where: Where, problems: list[Invalid]) -> str | None:
    """The text in ``data``; None, with a problem, when it is neither UTF-8 nor CP932."""
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
    problems.append(problem("sitefile.not_text_file", Where(where.file, line)))
    return None


def parse(text: str, file: str, problems: list[Invalid]) -> list[Raw]:
    """One Raw per row that is not empty; empty cells are left out. What is wrong is added to ``problems``."""
    rows: list[Raw] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            where, line = Where(file, line), reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                problems.extend(_header_problems(header, where))
            elif len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
                problems.append(problem("sitefile.too_many_cells", where, count=len(cells), columns=len(header)))
            else:
                values = {column: _plain(cell.strip()) for column, cell in zip(header, cells, strict=False) if cell.strip()}
                known = {column: cell for column, cell in values.items() if column in COLUMNS}  # an unknown column is said once, above
                rows.append(Raw(where, known, dict.fromkeys(known, where.line)))
    except csv.Error as error:
        problems.append(problem("sitefile.not_csv", Where(file, line), detail=show(error)))
    if header is None:
        problems.append(problem("sitefile.no_header", Where(file, 1), columns=",".join(_NEEDED)))
    return rows


def write(rows: Iterable[Mapping[str, Any]]) -> str:
    """The text of a tags.csv with ``rows``; a value of None is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in COLUMNS])
    return text.getvalue()


def _header_problems(header: list[str], where: Where) -> list[Invalid]:
    found = [problem("sitefile.unknown_column", where, column=show(column)) for column in header if column and column not in COLUMNS]
    found += [problem("sitefile.column_twice", where, column=column) for column in sorted({c for c in header if c and header.count(c) > 1})]
    return found + [problem("sitefile.column_missing", where, column=column) for column in _NEEDED if column not in header]


def _plain(cell: str) -> str:
    """A cell without the apostrophe that ``_cell`` puts before what a spreadsheet would calculate."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    text = ";".join(f"{key}={item}" for key, item in value.items()) if isinstance(value, Mapping) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not isinstance(value, int) else text
