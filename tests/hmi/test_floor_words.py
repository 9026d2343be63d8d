"""The andon board by itself, and how a typed time of day is meant: no station, no loop."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PySide6.QtWidgets import QApplication

from hmi import theme
from hmi.panels.andon import board
from hmi.panels.andon.board import AndonBoard
from hmi.sheets.stop_words import typed_moment
from hmi.theme import Theme
from hmi.widgets import andon_row
from tests.screens import shopfloor


def test_words_change_their_language_by_turns_and_numbers_do_not(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    theme.apply(qapp, Theme("light", diagonal_inch=43.0, screen_px=(1920, 1080), language="ja"))
    shown = AndonBoard()
    shown.resize(1920, 1080)
    try:
        lines = [shopfloor.line_view(place) for place in range(6)]
        shown.show_alone(True)
        shown.show_lines(lines)
        pages = shown.pager.pages
        assert pages > 1
        first = [row.words() for row in shown.rows]
        monkeypatch.setattr(board, "PAGE_S", 0.0)
        shown.tick()
        second = [row.words() for row in shown.rows]
        assert [one[3:] for one in first] == [one[3:] for one in second]
        assert all(one[1] != other[1] for one, other in zip(first, second, strict=True))
        shown.tick()
        assert shown.pager.page == 1, "after both languages the next page"
        called = [replace(line, calls=(shopfloor.call("leader", line.code),)) if place == 0 else line for place, line in enumerate(lines)]
        shown.show_lines(called)
        for _ in range(5):
            shown.tick()
        assert shown.pager.page == 0, "a call holds the page that shows it"
    finally:
        shown.deleteLater()


def test_words_can_be_read_from_five_metres(qapp: QApplication) -> None:
    """Kanji of 79 and digits of 64 pixels on a 43-inch screen of 1920 × 1080."""
    theme.apply(qapp, Theme("light", diagonal_inch=43.0, screen_px=(1920, 1080), language="ja"))
    assert andon_row.kanji_px(1080) >= 79
    assert andon_row.kanji_px(1080) * andon_row.DIGIT_MM / andon_row.KANJI_MM >= 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2350", "2026-07-13 23:50"),
        ("00:10", "2026-07-14 00:10"),
        ("2359", None),
        ("9999", None),
        ("", None),
        ("001005", "2026-07-14 00:10"),
    ],
)
def test_a_typed_time_of_day_is_meant_inside_the_stop(text: str, expected: str | None) -> None:
    after, before = datetime(2026, 7, 13, 23, 40, tzinfo=UTC), datetime(2026, 7, 14, 0, 20, tzinfo=UTC)
    at = typed_moment(text, UTC, after, before)
    if text == "2359":
        assert at == datetime(2026, 7, 13, 23, 59, tzinfo=UTC)
    else:
        assert (None if at is None else f"{at:%Y-%m-%d %H:%M}") == expected
