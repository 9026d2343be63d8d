"""Words, numbers, times and ages as they are written on screen."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import words
from core.equipment.states import MachineState
from core.live.link import LinkState
from core.live.sample import Quality
from core.production.views import OrderStatus

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1234567, 0, "1,234,567"),
        (8.25, 1, "8.2"),
        (-3, 0, "−3"),
        (-0.04, 1, "0.0"),
        (None, 0, "—"),
        (float("nan"), 2, "—"),
        (float("inf"), 2, "—"),
        (Decimal("1234.50"), 2, "1,234.50"),
    ],
)
def test_number(value: float | Decimal | None, decimals: int, text: str) -> None:
    assert words.number(value, decimals) == text


@given(st.floats(allow_nan=True, allow_infinity=True), st.integers(0, 6))
def test_number_never_raises_and_reads_back(value: float, decimals: int) -> None:
    text = words.number(value, decimals)
    if text != words.UNDEFINED:
        assert float(text.replace(",", "").replace("−", "-")) == pytest.approx(value, abs=0.51 * 10**-decimals, rel=1e-12)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "00:00"),
        (48.9, "00:48"),
        (751, "12:31"),
        (3599, "59:59"),
        (3600, "1:00 h"),
        (36_000, "10:00 h"),
        (360_000, "4 d"),
        (None, "—"),
        (-5, "00:00"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "ja", "en"),
    [
        (1, "1 秒前", "1 s ago"),
        (720, "12 分前", "12 min ago"),
        (7200, "2 時間前", "2 h ago"),
        (259_200, "3 日前", "3 d ago"),
        (-9, "0 秒前", "0 s ago"),
    ],
)
def test_ago(seconds: float, ja: str, en: str) -> None:
    assert words.ago(seconds, "ja") == ja
    assert words.ago(seconds, "en") == en


def test_dates() -> None:
    at = datetime(2025, 7, 15, 22, 5, tzinfo=UTC)
    assert words.date_time(at, "ja") == "2025-07-15 (火) 22:05"
    assert words.date_time(at, "en") == "2025-07-15 (Tue) 22:05"
    assert words.day(at, "ja") == "7/15 (火)"
    assert words.day(at, "en") == "15 Jul (Tue)"


def test_percent() -> None:
    assert words.percent(0.8236) == "82.4 %"
    assert words.percent(None) == "—"


def test_names_fall_back() -> None:
    assert words.name({"ja": "組立", "en": "Assembly"}, "en") == "Assembly"
    assert words.name({"ja": "組立"}, "en") == "組立"
    assert words.name({}, "en") == "—"
    assert words.name("Tanaka", "ja") == "Tanaka"


def test_an_unknown_word_is_seen() -> None:
    assert words.word("state.NAPPING", "ja") == "state.NAPPING"


def test_every_word_in_both_languages() -> None:
    for id, entry in words.glossary().items():
        group, _, rest = id.partition(".")
        assert group
        assert rest, id
        assert entry["ja"].strip() == entry["ja"] != "", id
        assert entry["en"].strip() == entry["en"] != "", id
    assert list(words.glossary()) == sorted(words.glossary())


def test_every_state_and_role_has_a_word() -> None:
    needed = [f"state.{state}" for state in MachineState]
    needed += [f"order.{status}" for status in OrderStatus]
    needed += [f"data.{quality.name}" for quality in Quality]
    needed += [f"link.{state}" for state in LinkState]
    needed += [f"role.{role}" for role in ("operator", "supervisor", "quality", "maintenance", "administrator")]
    needed += [f"stop.D{n:02d}" for n in (*range(1, 28), 99)] + [f"defect.Q{n:02d}" for n in (*range(1, 26), 99)]
    assert [id for id in needed if not words.has_word(id)] == []
    assert len(words.ids("stop")) == 28


def test_every_word_asked_for_exists() -> None:
    asked = {}
    for path in (*(ROOT / "hmi").rglob("*.py"), *(ROOT / "core").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "word" and node.args:
                choices = [node.args[0].body, node.args[0].orelse] if isinstance(node.args[0], ast.IfExp) else [node.args[0]]
                asked.update({c.value: f"{path.name}:{node.lineno}" for c in choices if isinstance(c, ast.Constant)})
    assert {id: where for id, where in asked.items() if not words.has_word(str(id))} == {}
    assert asked


def test_the_rate_with_three_definitions_is_never_printed_alone() -> None:
    for id, entry in words.glossary().items():
        assert entry["ja"] not in ("稼働率", "稼動率"), id
