"""Tables as files: what leaves the house opens without harm, what comes in is bounded and believed in nothing."""

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from core.tabular import Column, Table, Value
from core.tabular.read import ROWS_MAX, read_table
from core.tabular.written import csv_bytes, xlsx_bytes

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")
HOSTILE = (
    "=1+1", "+81-3-1234", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1",
    "  =HYPERLINK(\"http://x\")", "＝1+1", "＋1", "－1", "＠A1",
)  # fmt: skip


def table(rows: Sequence[Sequence[Value]], *columns: Column, zone: ZoneInfo = TOKYO) -> Table:
    return Table("作業指示", columns or tuple(Column(f"c{place}") for place in range(len(rows[0]))), rows, zone)


def texts(data: bytes, name: str = "a.csv") -> list[list[str]]:
    return [[cell.text for cell in row] for row in read_table(name, data)]


# --- out -------------------------------------------------------------------------------------------------------------


def test_a_csv_opens_in_excel_by_a_double_touch() -> None:
    data = csv_bytes(table([["部品 A", 12, Decimal("0.50")]], Column("品目"), Column("数量", "number"), Column("率", "share")))
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.decode("utf-8-sig") == "品目,数量,率\r\n部品 A,12,0.5\r\n"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_runs_as_a_formula(text: str) -> None:
    asked = table([[text, -5]], Column("=A1"), Column("n", "number"))
    head, line = csv.reader(io.StringIO(csv_bytes(asked).decode("utf-8-sig"), newline=""))
    assert head[0] == "'=A1"
    assert line == [f"'{text}", "-5"]  # a number stays a number, also below zero
    data = xlsx_bytes(asked)
    cell = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]["A2"]
    assert cell.data_type == "s"
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert b"<f>" not in packed.read("xl/worksheets/sheet1.xml")


def test_times_are_the_sites_wall_clock() -> None:
    at = datetime(2026, 7, 13, 21, 30, tzinfo=UTC)
    asked = table([[at, date(2026, 7, 14)]], Column("開始", "time"), Column("生産日", "date"))
    assert csv_bytes(asked).decode("utf-8-sig").splitlines() == ["開始,生産日", "2026-07-14 06:30:00+09:00,2026-07-14"]
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(asked))).worksheets[0]
    assert [cell.value for cell in sheet[1]] == ["開始 (Asia/Tokyo)", "生産日"]
    assert str(sheet["A2"].value) == "2026-07-14 06:30:00"
    assert sheet["A2"].number_format == "yyyy-mm-dd hh:mm:ss"


def test_the_hour_an_autumn_night_has_twice_stays_two_hours() -> None:
    twice = [[datetime(2026, 10, 25, hour, 30, tzinfo=UTC)] for hour in (0, 1)]
    data = csv_bytes(table(twice, Column("at", "time"), zone=BERLIN)).decode("utf-8-sig")
    assert data.splitlines()[1:] == ["2026-10-25 02:30:00+02:00", "2026-10-25 02:30:00+01:00"]


def test_what_is_not_known_is_empty_and_never_zero() -> None:
    asked = table([[None, float("nan"), Decimal("Infinity"), "x"]])
    assert csv_bytes(asked).decode("utf-8-sig").splitlines()[1] == ",,,x"
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(asked))).worksheets[0]
    assert [sheet.cell(2, column).value for column in (1, 2, 3, 4)] == [None, None, None, "x"]


def test_more_digits_than_a_spreadsheet_keeps_are_written_as_text() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(table([[1234567890123456, Decimal("0.25"), 10**17]])))).worksheets[0]
    assert sheet["A2"].value == "1234567890123456"
    assert sheet["B2"].value == 0.25
    assert sheet["C2"].value == 10**17  # seventeen noughts are kept


@pytest.mark.parametrize("title", ["", "a" * 60, "ライン/[L1]: *?", "'quoted'"])
def test_any_title_makes_a_sheet(title: str) -> None:
    data = xlsx_bytes(Table(title, (Column("a"),), [["\x00\x1f\ud800 control"]]))
    assert openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]["A2"].value == "\ufffd\ufffd\ufffd control"


# --- in --------------------------------------------------------------------------------------------------------------

CLEAN = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="\ufffe\uffff\ufeff"), min_size=1)
WORDS = st.one_of(CLEAN, st.sampled_from([text.strip() for text in HOSTILE]), st.just("a,b;c\td\"e'f"), st.just("'=1"))


@settings(deadline=None)
@given(st.lists(st.lists(WORDS, min_size=2, max_size=4), min_size=1, max_size=6).filter(lambda rows: len({*map(len, rows)}) == 1))
def test_what_was_written_is_read_as_it_was(rows: list[list[str]]) -> None:
    asked = table(rows)
    titles = [column.title for column in asked.columns]
    assert texts(csv_bytes(asked)) == [titles, *rows]
    assert texts(xlsx_bytes(asked), "a.xlsx") == [titles, *rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_spreadsheets_save_is_read(encoding: str, separator: str) -> None:
    text = separator.join(["番号", '"数,量;\t"']) + "\n" + separator.join(["WO-1", "３"]) + "\r\n\r\n"
    rows = read_table("a.csv", text.encode(encoding))
    assert [[(cell.row, cell.column, cell.text) for cell in row] for row in rows] == [
        [(1, 1, "番号"), (1, 2, "数,量;")],
        [(2, 1, "WO-1"), (2, 2, "３")],
    ]


def workbook(*rows: Sequence[object]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(list(row))
    book.create_sheet("other").append(["not read"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_cells_of_a_workbook_read_as_a_person_would_type_them() -> None:
    when = datetime.fromisoformat("2026-07-14T06:30")
    data = workbook(["a", "b", "c", "d", "e"], [0.1 + 0.2, when, date(2026, 7, 14), True, 1e20], [None, None, "x"])
    assert texts(data, "a.xlsx") == [
        ["a", "b", "c", "d", "e"],
        ["0.3", "2026-07-14 06:30", "2026-07-14 00:00", "TRUE", "100000000000000000000"],
        ["x"],
    ]
    assert read_table("a.xlsx", data)[2][0].column == 3


def refused(name: str, data: bytes, **limits: int) -> str:
    with pytest.raises(Invalid) as refusal:
        read_table(name, data, **limits)
    for language in ("ja", "en"):
        assert "—" not in refusal.value.lines(language)[0]  # type: ignore[arg-type]
    return refusal.value.code


def repacked(data: bytes, **parts: bytes) -> bytes:
    """A workbook with some of its parts replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, parts.get(entry.rpartition("/")[2].partition(".")[0], old.read(entry)))
    return out.getvalue()


def test_a_file_is_bounded() -> None:
    many = b"a\n" + b"1\n" * (ROWS_MAX + 1)
    assert refused("a.csv", many) == "tabular.too_many_rows"
    assert len(read_table("a.csv", many[:-2])) == ROWS_MAX + 1
    assert refused("a.xlsx", workbook(["a"], *([1] for _ in range(11))), limit_rows=10) == "tabular.too_many_rows"
    assert refused("a.csv", b"a" * 101, limit_bytes=100) == "tabular.too_large"
    assert refused("a.csv", b",".join(b"a" for _ in range(101))) == "tabular.too_many_columns"
    assert refused("a.csv", b"a\n" + b"x" * 4001) == "tabular.cell_too_long"
    assert refused("a.xlsx", workbook(["x" * 4001])) == "tabular.cell_too_long"


def test_a_packed_file_that_grows_without_end_is_not_unpacked() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * 70_000_000)
    assert len(out.getvalue()) < 100_000
    assert refused("a.xlsx", out.getvalue()) == "tabular.too_large"


def test_a_workbook_that_claims_a_million_rows_is_read_as_far_as_it_goes() -> None:
    head = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:XFD1048576"/><sheetData>'
    cell = b'<row r="%d"><c r="%b%d" t="inlineStr"><is><t>x</t></is></c></row>'
    good = head + cell % (1, b"A", 1) + cell % (3, b"A", 3) + b"</sheetData></worksheet>"
    assert [row[0].row for row in read_table("a.xlsx", repacked(workbook(["a"]), sheet1=good))] == [1, 3]
    far = head + cell % (1, b"A", 1) + cell % (1048576, b"XFD", 1048576) + b"</sheetData></worksheet>"
    assert [row[0].row for row in read_table("a.xlsx", repacked(workbook(["a"]), sheet1=far))] == [1]
    wide = head + cell % (1, b"XFD", 1) + b"</sheetData></worksheet>"
    assert refused("a.xlsx", repacked(workbook(["a"]), sheet1=wide)) in ("tabular.too_many_columns", "tabular.empty")


def test_entities_are_not_expanded() -> None:
    laughs = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    sheet = (
        laughs + b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1"><c r="A1" t="inlineStr"><is><t>&b;</t></is></c></row></sheetData></worksheet>'
    )
    assert refused("a.xlsx", repacked(workbook(["a"]), sheet1=sheet)) == "tabular.not_a_table"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "tabular.empty"),
        (b" , ,\n\n", "tabular.empty"),
        (b"PK\x03\x04 not a workbook", "tabular.not_a_table"),
        (b"\xd0\xcf\x11\xe0 an old one", "tabular.not_a_table"),
        (b'a,b\n"open', "tabular.not_a_table"),
        (b"a\0b,c\n", "tabular.not_a_table"),
        (b"\x81\x00\xff\xfe\xfd", "tabular.encoding"),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, code: str) -> None:
    assert refused("plan", data) == code


def test_a_workbook_cut_short_is_refused() -> None:
    data = workbook(["a"], ["b"])
    for end in range(4, len(data), 97):
        assert refused("a.xlsx", data[:end]) == "tabular.not_a_table"
