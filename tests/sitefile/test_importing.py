"""Orders, products and days from a table: every cell that is wrong is named, and what is taken is what was shown."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.equipment.exception_rules import Named
from core.equipment.shift_views import CalendarSpec, ExceptionSpec, ShiftSpec
from core.production.views import OrderStatus
from core.sitefile.import_days import KnownDays, judge_days
from core.sitefile.import_entries import HEADINGS, REQUIRED, DayEntry, Kind, OrderEntry, cell_name, parse
from core.sitefile.import_judge import Known, Preview, Stored, judge
from core.sitefile.importing import _entries, packed, template
from core.tabular.read import read_table
from core.tabular.written import csv_bytes

TOKYO = ZoneInfo("Asia/Tokyo")
HEAD = "指示番号,品目,ライン,計画数,開始予定,納期,優先度,備考\n"
ROW = "WO-1,P-1,L1,500,2026-07-14 06:30,2026-07-14 15:00,3,急ぎ\n"
KNOWN = Known({}, frozenset({"P-1", "P-2"}), frozenset({"L1", "L2"}), frozenset({"pcs"}))


def looked_at(text: str, kind: Kind = "order", known: Known = KNOWN) -> Preview:
    entries, problems = parse(kind, "plan.csv", read_table("plan.csv", text.encode()), TOKYO)
    return judge(kind, "plan.csv", entries, known, problems)


def wrong(text: str, kind: Kind = "order", known: Known = KNOWN) -> list[tuple[str, str]]:
    """(cell, English line) of every problem."""
    preview = looked_at(text, kind, known)
    assert all(one.what["ja"] != one.what["en"] for one in preview.problems)
    return [(one.cell, one.what["en"]) for one in preview.problems]


def test_a_table_as_a_japanese_planner_writes_it() -> None:
    entries, problems = parse("order", "plan.csv", read_table("plan.csv", (HEAD + ROW).encode("cp932")), TOKYO)
    assert problems == ()
    assert entries[0].entry == OrderEntry(
        number="WO-1", product="P-1", line="L1", planned=Decimal(500), priority=3, note="急ぎ",
        scheduled_start_at=datetime(2026, 7, 14, 6, 30, tzinfo=TOKYO), scheduled_end_at=datetime(2026, 7, 14, 15, tzinfo=TOKYO),
    )  # fmt: skip
    assert looked_at(HEAD + ROW).rows[0].action == "new"


@pytest.mark.parametrize(
    "moment", ["2026-07-14 06:30", "2026/7/14 6:30", "２０２６/７/１４ ６：３０", "2026-07-13T21:30Z", "2026-07-14T06:30:00+09:00"]
)
def test_times_as_people_and_programs_write_them(moment: str) -> None:
    text = f"number,product,line,planned,scheduled_start_at,scheduled_end_at\nWO-1,P-1,L1,５００,{moment},2026-07-15\n"
    (each,), problems = parse("order", "plan.csv", read_table("plan.csv", text.encode()), TOKYO)
    assert problems == ()
    assert isinstance(each.entry, OrderEntry)
    assert each.entry.scheduled_start_at.astimezone(UTC) == datetime(2026, 7, 13, 21, 30, tzinfo=UTC)
    assert each.entry.planned == 500


@pytest.mark.parametrize(
    ("row", "cell", "words"),
    [
        ("WO-1,P-1,L1,many,2026-07-14 06:30,2026-07-14 15:00", "D2", "not a number"),
        ("WO-1,P-1,L1,0,2026-07-14 06:30,2026-07-14 15:00", "D2", "greater than 0"),
        ("WO-1,P-1,L1,\"1,000\",2026-07-14 06:30,2026-07-14 15:00", "D2", "not a number"),
        ("WO-1,P-1,L1,5,46217,2026-07-14 15:00", "E2", "not a time"),
        ("WO-1,P-1,L1,5,2026-02-31 06:30,2026-07-14 15:00", "E2", "not a time"),
        ("WO-1,P-1,L1,5,2026-07-14 15:00,2026-07-14 06:30", "F2", "end must be after"),
        ("WO-1,P-1,L1,5,2026-07-14 06:30,2026-07-14 15:00,11", "G2", "at most 10"),
        ("WO-1,P-9,L1,5,2026-07-14 06:30,2026-07-14 15:00", "B2", "product was not found"),
        ("WO-1,P-1,L9,5,2026-07-14 06:30,2026-07-14 15:00", "C2", "line was not found"),
        ("X-1,P-1,L1,5,2026-07-14 06:30,2026-07-14 15:00", "A2", "WO"),
        ("WO-1,,L1,5,2026-07-14 06:30,2026-07-14 15:00", "B2", "missing"),
        ("WO-1,P-1,L1,5,2026-07-14 06:30,2026-07-14 15:00,3,note,more", "I2", "columns"),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_named(row: str, cell: str, words: str) -> None:
    ((where, what),) = wrong(HEAD + row + "\n")
    assert where == cell
    assert words.casefold() in what.casefold(), what


def test_every_wrong_cell_is_named_at_once_and_in_order() -> None:
    text = HEAD + "X,P-1,L1,5,x,x,3,\n" + ROW + "WO-2,P-9,L9,-1,2026-07-14 06:30,2026-07-14 15:00\n" + ROW
    assert [cell for cell, _ in wrong(text)] == ["E2", "F2", "D4", "A5"]
    text = HEAD + "X,P-9,L9,5,2026-07-14 06:30,2026-07-14 15:00\n"
    assert [cell for cell, _ in wrong(text)] == ["A2", "B2", "C2"]


def test_headings_that_are_unknown_missing_or_twice_are_named() -> None:
    assert [cell for cell, _ in wrong("指示番号,品番,品目,色\nWO-1,P-1,P-1,red\n")] == ["1", "1", "1", "1", "C1", "D1"]


def known_order(status: OrderStatus, **values: Any) -> Known:
    day = datetime(2026, 7, 13, 21, 30, tzinfo=UTC)
    same = {
        "product": "P-1", "line": "L1", "planned": Decimal("500.000000"), "priority": 3, "note": "急ぎ",
        "scheduled_start_at": day, "scheduled_end_at": day.replace(day=14, hour=6, minute=0),
    }  # fmt: skip
    return Known({"WO-1": Stored(same | values, status)}, KNOWN.products, KNOWN.lines, KNOWN.units)


@pytest.mark.parametrize("status", OrderStatus)
def test_a_table_brought_in_twice_changes_nothing_whatever_became_of_its_orders(status: OrderStatus) -> None:
    preview = looked_at(HEAD + ROW, known=known_order(status))
    assert [(row.action, row.fields) for row in preview.rows] == [("same", ())]
    assert preview.problems == ()


@pytest.mark.parametrize("status", OrderStatus)
def test_an_order_that_has_begun_is_not_changed_by_a_table(status: OrderStatus) -> None:
    preview = looked_at(HEAD + ROW, known=known_order(status, planned=Decimal(400), note=""))
    if status in (OrderStatus.PLANNED, OrderStatus.RELEASED):
        assert [(row.action, row.fields) for row in preview.rows] == [("changed", ("planned", "note"))]
    else:
        assert [one.cell for one in preview.problems] == ["A2"]
        assert preview.rows == ()


def test_a_column_that_is_not_there_changes_nothing() -> None:
    text = "指示番号,品目,ライン,計画数,開始予定,納期\nWO-1,P-1,L1,500,2026-07-14 06:30,2026-07-14 15:00\n"
    assert looked_at(text, known=known_order(OrderStatus.PLANNED)).rows[0].action == "same"


def test_the_same_preview_has_the_same_mark_and_another_has_another() -> None:
    marks = {looked_at(HEAD + ROW, known=known).sha256 for known in (KNOWN, known_order(OrderStatus.PLANNED, priority=9), KNOWN)}
    assert len(marks) == 2


PRODUCTS = "品目コード,名称,英語名,標準時間(分),有効,単位\n"


def test_products_with_one_name_or_two() -> None:
    preview = looked_at(PRODUCTS + "P-3,部品,part,0.5,○,pcs\nP-4,部品,,,×,\n", "product")
    assert [(row.key, row.action) for row in preview.rows] == [("P-3", "new"), ("P-4", "new")]
    entries, _ = parse("product", "p.csv", read_table("p.csv", (PRODUCTS + "P-4,部品,,,×,\n").encode()), TOKYO)
    assert entries[0].entry.name == {"ja": "部品", "en": "部品"}  # type: ignore[attr-defined]
    assert entries[0].entry.active is False  # type: ignore[attr-defined]


def test_what_speaks_against_a_product() -> None:
    values = {"name": {"ja": "部品", "en": "part"}, "unit": "pcs", "active": True, "standard_cycle_min": None}
    there = Known(
        {"P-3": Stored(values, None, "site"), "P-4": Stored(values | {"unit": "kg"}, None, "import")}, units=frozenset({"pcs", "kg"})
    )
    text = PRODUCTS + "P-3,部品,part,,○,pcs\nP-3,部品,part,,,\nP-4,部品,part,,,pcs\nP-5,部品,,,,m3\nP-6,部品,,,たぶん,\n"
    assert [cell for cell, _ in wrong(text, "product", there)] == ["A3", "F4", "F5", "E6"]
    assert [cell for cell, _ in wrong(PRODUCTS + "P-3,別名,part,,,\n", "product", there)] == ["A2"]  # the site file keeps it


def test_every_word_of_a_heading_means_one_thing() -> None:
    for kind, fields in HEADINGS.items():
        words = [word.casefold() for name, words in fields.items() for word in (*words, name)]
        assert [word for word in words if words.count(word) > 2] == []  # a field's own name may be a word of it as well
        assert {name for group in REQUIRED[kind] for name in group} <= fields.keys()


def test_cells_are_named_as_a_spreadsheet_names_them() -> None:
    assert [cell_name(3, column) for column in (1, 26, 27, 52, 703)] == ["A3", "Z3", "AA3", "AZ3", "AAA3"]


@given(st.lists(st.lists(st.text(max_size=12), max_size=9), min_size=1, max_size=5))
def test_no_table_breaks_the_reader(rows: list[list[str]]) -> None:
    from core.tabular import Cell

    given_rows = [[Cell(place + 2, column, text) for column, text in enumerate(row, 1) if text.strip()] for place, row in enumerate(rows)]
    head = read_table("a.csv", HEAD.encode())[0]
    entries, problems = parse("order", "a.csv", [head, *(row for row in given_rows if row)], TOKYO)
    assert {each.row for each in entries} | {one.row for one in problems} == {row[0].row for row in given_rows if row}
    file, again = _entries("order", packed("a.csv", entries))
    assert (file, [each.entry for each in again]) == ("a.csv", [each.entry for each in entries])


@pytest.mark.parametrize("kind", ["order", "product"])
def test_the_empty_table_to_fill_in_is_one_that_is_understood(kind: Kind) -> None:
    entries, problems = parse(kind, "a.csv", read_table("a.csv", csv_bytes(template(kind, "x"))), TOKYO)
    assert (len(entries), problems) == (1, ())


# -- days of a calendar ------------------------------------------------------------------------------------------------

DAYS = "生産日,種類,カレンダー,ライン,勤務帯,開始,終了,理由,班,備考\n"
EVERY = 127
TWO = CalendarSpec(
    "TWO", {"ja": "二直", "en": "two"}, "Asia/Tokyo",
    (ShiftSpec("1", {}, EVERY, time(6, 30), time(15), "", ()), ShiftSpec("2", {}, EVERY, time(15), time(23, 30), "", ())),
)  # fmt: skip
KNOWN_DAYS = KnownDays({"TWO": TWO}, {"L1": "TWO", "L2": "TWO"}, Named(frozenset({"A", "B"}), frozenset({"D24"})))


def days(text: str, known: KnownDays = KNOWN_DAYS) -> Preview:
    entries, problems = parse("day", "days.csv", read_table("days.csv", text.encode()), TOKYO)
    return judge_days("days.csv", entries, known, problems)


def test_days_as_people_write_them() -> None:
    text = DAYS + "2026/12/29,休日,TWO,,,,,,,年末\n2026-12-30,Overtime,,L1,2,23:30,01:30\n2026-12-26,extra,TWO,,,5:00,6:30,,A\n"
    entries, problems = parse("day", "days.csv", read_table("days.csv", text.encode()), TOKYO)
    assert problems == ()
    assert [(row.row, row.action) for row in days(text).rows] == [(2, "new"), (3, "new"), (4, "new")]
    over = entries[1].entry
    assert isinstance(over, DayEntry)
    assert (over.kind, over.starts_at) == ("overtime", datetime(2026, 12, 30, 23, 30, tzinfo=TOKYO))
    assert over.ends_at == datetime(2026, 12, 31, 1, 30, tzinfo=TOKYO), "over midnight"
    assert _entries("day", packed("days.csv", entries)) == ("days.csv", entries), "as a request carries it"


@pytest.mark.parametrize(
    ("row", "cell", "words"),
    [
        ("someday,休日,TWO", "A2", "not a time"),
        ("2026-12-29 06:30,休日,TWO", "A2", "not a time"),
        ("2026-12-29,宴会,TWO", "B2", "kind"),
        ("2026-12-29,休日,THREE", "C2", "calendar"),
        ("2026-12-29,休日,TWO,L7", "C2", "calendar"),
        ("2026-12-29,off,TWO,,9", "E2", "shift"),
        ("2026-12-29,off,TWO", "E2", "shift"),
        ("2026-12-29,overtime,TWO,,2,23:30", "G2", "beginning"),
        ("2026-12-29,休日,TWO,,,,15:00", "G2", "beginning"),
        ("2026-12-29,extra,TWO,,,2027-01-05 06:30,2027-01-05 08:00", "F2", "far"),
        ("2026-12-29,planned_down,TWO,,,08:00,09:00,D77", "H2", "reason"),
        ("2026-12-29,crew,TWO,,1,,,,C", "I2", "crew"),
        ("2026-12-29,extra,TWO,,,14:00,16:00", "F2", "overlap"),
    ],
)
def test_a_wrong_cell_of_a_day_is_named(row: str, cell: str, words: str) -> None:
    (one,) = days(DAYS + row + "\n").problems
    assert one.cell == cell, one
    assert words in one.what["en"].casefold(), one
    assert one.what["ja"] != one.what["en"]


def test_rows_are_judged_as_if_those_above_were_taken() -> None:
    twice = "2026-12-29,extra,TWO,,,23:30,02:00\n2026-12-29,extra,TWO,,,2026-12-30 01:00,2026-12-30 03:00\n"
    assert [one.cell for one in days(DAYS + twice).problems] == ["F3"]
    free = "2026-12-29,off,TWO,L1,2\n2026-12-29,extra,TWO,L1,,16:00,20:00\n"
    assert [row.action for row in days(DAYS + free).rows] == ["new", "new"], "the shift above is not worked"
    assert [one.cell for one in days(DAYS + "2026-12-29,休日,TWO\n2026-12-29,holiday,TWO\n").problems] == ["A3"]


def test_days_that_stand_are_the_same_and_changed_ones_say_what_changes() -> None:
    stands = ExceptionSpec(uuid4(), "holiday", date(2026, 12, 29), note="年末")
    known = replace(KNOWN_DAYS, calendars={"TWO": replace(TWO, exceptions=(stands,))})
    assert [row.action for row in days(DAYS + "2026-12-29,休日,TWO,,,,,,,年末\n", known).rows] == ["same"]
    (changed,) = days(DAYS + "2026-12-29,休日,TWO,,,,,,,大掃除\n", known).rows
    assert (changed.action, changed.fields) == ("changed", ("note",))
