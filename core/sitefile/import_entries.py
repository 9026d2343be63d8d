"""What may be brought in as a table, column by column: orders, products, days of a calendar. Pure; the database is asked elsewhere.

The headings are Japanese or English words, or the names of the site file's own fields; their order is free.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from core.equipment.shift_views import EXCEPTION_KINDS, ExceptionKind
from core.errors import Invalid, Language
from core.sitefile.entries import ProductEntry
from core.sitefile.entry import Code, Entry, FreeCode, Positive, Text, written
from core.sitefile.problems import Raw, Where, explain, problem, show
from core.tabular import Cell
from core.words import word

Kind = Literal["order", "product", "day"]


def _wall_clock(value: Any) -> Any:
    """``2026/7/14 6:30`` as a spreadsheet writes it, as ISO."""
    if not isinstance(value, str):
        return value
    match = _MOMENT.fullmatch(value.strip())
    if match is None:  # a bare number too: a spreadsheet's day 46,217 would be read as a second of 1970
        raise PydanticCustomError("sitefile.not_a_time", "not a time")
    year, month, day, hour, minute, rest = match.groups()
    return f"{year}-{int(month):02d}-{int(day):02d}T{int(hour or 0):02d}:{minute or '00'}{rest or ''}"


_MOMENT: Final = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})"
    r"(?:[ T]+(\d{1,2}):(\d{2})((?::\d{2})?(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?)?)?"
)

Moment = Annotated[datetime, BeforeValidator(_wall_clock)]


class OrderEntry(Entry):
    """A work order; ``number`` is what makes it the same order when the table is brought in a second time."""

    number: FreeCode
    product: FreeCode
    line: Code
    planned: Positive
    scheduled_start_at: Moment
    scheduled_end_at: Moment
    priority: Annotated[int, Field(ge=1, le=10)] = 5
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000), BeforeValidator(written)] = ""


def _day(value: Any) -> Any:
    """``2026/7/14``, or a spreadsheet's day with its midnight, as ISO."""
    if not isinstance(value, str):
        return value
    match = _MOMENT.fullmatch(value.strip())
    if match is None or (match[4] and (int(match[4]) or int(match[5]))):
        raise PydanticCustomError("sitefile.not_a_time", "not a time")
    return f"{match[1]}-{int(match[2]):02d}-{int(match[3]):02d}"


def _clock_or_moment(value: Any) -> Any:
    """``15:00`` of the production date, or a date and a time."""
    if isinstance(value, str) and (clock := _CLOCK.fullmatch(value.strip())) is not None:
        return time(int(clock[1]), int(clock[2]))
    return _wall_clock(value)


def _kind(value: Any) -> Any:
    """A kind of exception by its own name or by a word of the screen."""
    value = written(value)
    return _KINDS.get(value.strip().casefold(), value) if isinstance(value, str) else value


_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?")
_LANGUAGES: Final[tuple[Language, ...]] = ("ja", "en")
_KINDS: Final[Mapping[str, ExceptionKind]] = {
    word(id, language).casefold(): kind
    for kind in EXCEPTION_KINDS
    for id in ("shift.crew_exception" if kind == "crew" else f"shift.{kind}",)
    for language in _LANGUAGES
}

Clock = Annotated[datetime | time | None, BeforeValidator(_clock_or_moment)]


class DayEntry(Entry):
    """What is otherwise than the calendar says; see ``core.equipment.shift_models.CalendarException``.

    ``calendar`` may be left out where a line is named. The same day, kind, line, shift and beginning are the same exception
    when the table is brought in a second time.
    """

    day: Annotated[date, BeforeValidator(_day)]
    kind: Annotated[ExceptionKind, BeforeValidator(_kind)]
    calendar: Code | Literal[""] = ""
    line: Code | Literal[""] = ""
    shift: Annotated[Text, Field(max_length=20)] = ""
    starts_at: Clock = None
    ends_at: Clock = None
    reason: Annotated[Text, Field(max_length=50)] = ""
    crew: Annotated[Text, Field(max_length=20)] = ""
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000), BeforeValidator(written)] = ""

    def placed(self, zone: tzinfo) -> DayEntry:
        """With aware times: a wall clock belongs to the day, an end that is not after the beginning to the next one."""
        starts, ends = (_on(self.day, at, zone) for at in (self.starts_at, self.ends_at))
        if starts is not None and ends is not None and isinstance(self.ends_at, time) and ends <= starts:
            ends = _on(self.day + timedelta(days=1), self.ends_at, zone)
        return self.model_copy(update={"starts_at": starts, "ends_at": ends})


def _on(day: date, at: datetime | time | None, zone: tzinfo) -> datetime | None:
    if isinstance(at, time):
        return datetime.combine(day, at, zone)
    return None if at is None else _aware(at, zone)


ENTRIES: Final[Mapping[Kind, type[Entry]]] = {"order": OrderEntry, "product": ProductEntry, "day": DayEntry}

HEADINGS: Final[Mapping[Kind, Mapping[str, tuple[str, ...]]]] = {
    "order": {
        "number": ("指示番号", "作業指示", "番号", "order", "order number", "no"),
        "product": ("品目", "品目コード", "品番", "製品", "product code", "item"),
        "line": ("ライン", "ラインコード", "line code"),
        "planned": ("計画数", "計画数量", "数量", "quantity", "planned quantity", "qty"),
        "scheduled_start_at": ("開始予定", "開始", "着手予定", "start", "scheduled start"),
        "scheduled_end_at": ("終了予定", "終了", "納期", "end", "due", "scheduled end"),
        "priority": ("優先度", "優先"),
        "note": ("備考", "メモ", "注記", "notes", "remarks"),
    },
    "product": {
        "code": ("品目コード", "品目", "品番", "product", "product code", "item"),
        "name.ja": ("名称", "品名", "名称(日本語)", "name", "name_ja", "name (ja)"),
        "name.en": ("名称(英語)", "英語名", "name_en", "name (en)", "english name"),
        "type": ("種類", "区分", "kind"),
        "version": ("版", "リビジョン", "revision"),
        "active": ("有効", "使用"),
        "standard_cycle_min": ("標準時間(分)", "標準ct(分)", "標準時間", "cycle (min)", "standard cycle (min)"),
        "target_yield": ("目標良品率(%)", "目標良品率", "target yield (%)", "yield"),
        "unit": ("単位",),
    },
    "day": {
        "day": ("生産日", "日付", "date", "production date"),
        "kind": ("種類", "区分", "what", "type"),
        "calendar": ("カレンダー", "稼働カレンダー", "calendar code"),
        "line": ("ライン", "ラインコード", "line code"),
        "shift": ("勤務帯", "直", "shift code"),
        "starts_at": ("開始", "開始時刻", "from", "start", "starts at"),
        "ends_at": ("終了", "終了時刻", "to", "end", "ends at"),
        "reason": ("理由", "停止理由", "reason code"),
        "crew": ("班", "crew code"),
        "note": ("備考", "メモ", "注記", "notes", "remarks"),
    },
}
"""Kind → field → words of its column, beside the field's own name."""

REQUIRED: Final[Mapping[Kind, tuple[tuple[str, ...], ...]]] = {
    "order": (("number",), ("product",), ("line",), ("planned",), ("scheduled_start_at",), ("scheduled_end_at",)),
    "product": (("code",), ("name.ja", "name.en")),
    "day": (("day",), ("kind",), ("calendar", "line")),
}
"""Columns that must be there; of several in one group one is enough."""

_TRUE: Final = frozenset({"○", "〇", "◯", "有効", "はい", "使用"})
_FALSE: Final = frozenset({"×", "✕", "無効", "いいえ", "不使用"})


@dataclass(frozen=True, slots=True)
class CellProblem:
    """What is wrong in one cell, or with one row or heading.

    Attributes:
        row, column: As the spreadsheet counts them, from 1; column 0 for the row as a whole.
        error: Its three lines; they name the cell.
    """

    row: int
    column: int
    error: Invalid


@dataclass(frozen=True, slots=True)
class Numbered:
    """One row that was understood.

    Attributes:
        row: As the spreadsheet counts it.
        entry: What it says.
        columns: Field → column it was read from.
    """

    row: int
    entry: Entry
    columns: Mapping[str, int] = field(default_factory=dict)


def cell_name(row: int, column: int) -> str:
    """``B3``; ``3`` for a row as a whole."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


def at_cell(file: str, row: int, column: int) -> Where:
    """A cell as the place of a problem: ``plan.xlsx B3``."""
    return Where(f"{file} {cell_name(row, column)}", 0)


class _Row(Raw):
    """One row of a table as the reader of site files takes it; its places are cells."""

    def __init__(self, file: str, row: int, values: Mapping[str, Any], columns: Mapping[str, int]) -> None:
        super().__init__(at_cell(file, row, 0), values)
        self.file, self.row, self.columns = file, row, columns

    def column(self, *path: str | int) -> int:
        """The column of the value at ``path``; 0 for one that stands in none."""
        whole, first = ".".join(map(str, path)), str(path[0]) if path else ""
        found = self.columns.get(whole) or self.columns.get(first)
        return found or next((column for name, column in self.columns.items() if name.partition(".")[0] == first), 0)

    def at(self, *path: str | int) -> Where:
        """The cell of the value at ``path``."""
        return at_cell(self.file, self.row, self.column(*path))


def parse(kind: Kind, file: str, rows: Sequence[Sequence[Cell]], zone: tzinfo) -> tuple[tuple[Numbered, ...], tuple[CellProblem, ...]]:
    """The entries of a table, and every cell that is not understood.

    Args:
        kind: What the rows are.
        file: Its name, for the messages.
        rows: As ``tabular.read`` gives them, the heading first; at least one.
        zone: Of the site: a time without an offset is its wall clock.
    """
    heading, problems = _heading(kind, file, rows[0])
    if problems:
        return (), tuple(problems)
    entries = []
    for cells in rows[1:]:
        found = _entry(kind, file, cells, heading, zone)
        if isinstance(found, Numbered):
            entries.append(found)
        else:
            problems += found
    return tuple(entries), tuple(problems)


def _plain(text: str) -> str:
    return re.sub(r"[\s_]+", " ", unicodedata.normalize("NFKC", text)).strip().casefold()


def _known(kind: Kind) -> dict[str, str]:
    names = {_plain(name): name for name in HEADINGS[kind]}
    return names | {_plain(word): name for name, words in HEADINGS[kind].items() for word in words}


def _heading(kind: Kind, file: str, cells: Iterable[Cell]) -> tuple[dict[int, str], list[CellProblem]]:
    known, heading, problems = _known(kind), dict[int, str](), list[CellProblem]()
    row = 1
    for cell in cells:
        row = cell.row
        name = known.get(_plain(cell.text))
        where = at_cell(file, cell.row, cell.column)
        if name is None:
            problems.append(CellProblem(cell.row, cell.column, problem("sitefile.unknown_column", where, column=show(cell.text))))
        elif name in heading.values():
            problems.append(CellProblem(cell.row, cell.column, problem("sitefile.column_twice", where, column=show(cell.text))))
        else:
            heading[cell.column] = name
    for names in REQUIRED[kind]:
        if not set(names) & set(heading.values()):
            column = " / ".join(dict.fromkeys(HEADINGS[kind][name][0] for name in names)) + f" ({names[0]})"
            problems.append(CellProblem(row, 0, problem("sitefile.column_missing", at_cell(file, row, 0), column=column)))
    return heading, problems


def _entry(kind: Kind, file: str, cells: Sequence[Cell], heading: Mapping[int, str], zone: tzinfo) -> Numbered | list[CellProblem]:
    row = cells[0].row
    stray = [cell for cell in cells if cell.column not in heading]
    if stray:
        where = at_cell(file, row, stray[0].column)
        error = problem("sitefile.too_many_cells", where, columns=len(heading), count=len(cells))
        return [CellProblem(row, stray[0].column, error)]
    raw = _Row(file, row, _values(cells, heading), {name: column for column, name in heading.items()})
    try:
        entry = ENTRIES[kind].model_validate(dict(raw))
    except ValidationError as error:
        return [CellProblem(row, _column(each), _in_words(kind, each)) for each in explain(error, raw)]
    if isinstance(entry, DayEntry):
        entry = entry.placed(zone)
    entry = entry.model_copy(update={name: _aware(value, zone) for name, value in entry if isinstance(value, datetime)})
    return Numbered(row, entry, {name.partition(".")[0]: column for name, column in raw.columns.items()})


def _values(cells: Iterable[Cell], heading: Mapping[int, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for cell in cells:
        name, _, part = heading[cell.column].partition(".")
        text = unicodedata.normalize("NFKC", cell.text).strip()
        if name == "active":
            text = "true" if text in _TRUE else "false" if text in _FALSE else text
        if part:
            values.setdefault(name, {})[part] = text
        else:
            values[name] = text
    return values


def _in_words(kind: Kind, error: Invalid) -> Invalid:
    """The same with the field's name as a heading says it."""
    key = str(error.params["key"])
    return Invalid(error.code, **(error.params | {"key": field_words(kind, key)}))


def field_words(kind: Kind, name: str) -> Mapping[str, str]:
    """The word of a field by language, as its column may be headed."""
    words = HEADINGS[kind].get(name) or HEADINGS[kind].get(f"{name}.ja", (name,))
    return {"ja": words[0], "en": name.partition(".")[0].replace("_", " ").removesuffix(" at")}


def _column(error: Invalid) -> int:
    """The column of the cell an error was found at."""
    letters = re.fullmatch(r".* ([A-Z]*)\d+", error.params["at"].file, re.DOTALL)
    column = 0
    for letter in letters.group(1) if letters else "":
        column = column * 26 + ord(letter) - 64
    return column


def _aware(at: datetime, zone: tzinfo) -> datetime:
    return at.replace(tzinfo=zone) if at.tzinfo is None else at
