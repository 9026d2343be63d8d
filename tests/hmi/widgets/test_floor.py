"""Widgets of the line's screens: what a touch means, what a figure that is missing says, what leaves as a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from core.words import UNDEFINED, word
from hmi.theme import Theme
from hmi.widgets.hour_table import HourFace, HourTable, total
from hmi.widgets.pager import Pager
from hmi.widgets.ratio_bars import RatioBars, RatioFace
from hmi.widgets.timeline import Span, StateTimeline

Dress = Callable[..., Theme]
BEGIN = datetime(2026, 7, 14, 6, 30, tzinfo=UTC)


def shown(widget: QWidget, width: int = 900, height: int = 120) -> None:
    widget.resize(width, height)
    widget.show()


def test_a_stop_of_seconds_is_reached_beside_hours_of_something_else(qtbot: object, dress: Dress) -> None:
    dress()
    for around in ("RUNNING", "OFFLINE"):
        stop = BEGIN + timedelta(hours=4)
        strip = StateTimeline()
        strip.show_spans(
            [
                Span(around, BEGIN, stop, key="before"),
                Span("DOWN", stop, stop + timedelta(seconds=2), key="stop"),
                Span(around, stop + timedelta(seconds=2), BEGIN + timedelta(hours=8), key="after"),
            ],
            BEGIN,
            BEGIN + timedelta(hours=8),
        )
        shown(strip)
        touched: list[object] = []
        strip.touched.connect(touched.append)
        for x in (440, 450, 460, 100):
            QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(x, 20))
        assert touched == ["stop", "stop", "stop", "before"], around
        assert strip.exported().rows[1][1] == stop
        strip.close()
        strip.deleteLater()


def test_a_blind_hour_is_not_a_bad_one_and_hours_to_come_say_nothing(qtbot: object, dress: Dress) -> None:
    dress(language="en")
    hours = [
        HourFace("06:30 – 07:30", 100, 96, 2, 0, 60.0, "Jam", "past"),
        HourFace("07:30 – 08:30", 100, 0, 0, 0, 0.0, "", "past", coverage=0.0),
        HourFace("08:30 – 09:30", 100, 30, 0, 0, 0.0, "", "now"),
        HourFace("09:30 – 10:30", 100, None, None, 0, 0.0, "", "future"),
    ]
    table = HourTable()
    table.show_hours([*hours, total(hours)])
    good, blind, now, future, all_of_it = (table.cells(face) for face in table.faces)
    assert good[2:5] == ("96", "2", "−4")
    assert blind[2:5] == (UNDEFINED, UNDEFINED, ""), "nothing is known, so nobody is behind"
    assert word("oee.coverage", "en") in blind[-1]
    assert now[4] == "", "an hour that goes on is not behind yet"
    assert future[2:4] == ("", "")
    assert all_of_it[1:4] == ("400", "126", "2")
    rows = table.exported().rows
    assert [row[2] for row in rows] == [96, None, 30, None, 126]
    assert len(table.exported().columns) == len(rows[0]) == 8
    table.deleteLater()


def test_a_ratio_that_is_not_defined_says_why_and_one_above_the_whole_is_not_clipped(qtbot: object, dress: Dress) -> None:
    dress(language="en")
    bars = RatioBars()
    bars.show_ratios([RatioFace("oee.oee", None, "oee.not_run"), RatioFace("oee.performance", 1.035, note_id="oee.performance_over")])
    assert word("oee.not_run", "en") in bars.accessibleName()
    assert "103.5 %" in bars.accessibleName()
    assert "0.0 %" not in bars.accessibleName()
    bars.deleteLater()


def test_a_pager_turns_and_moves_back_when_there_are_fewer_pages(qtbot: object, dress: Dress) -> None:
    dress()
    pager = Pager()
    assert list(pager.show_pages(5, 2)) == [0, 1]
    pager.turn(2)
    assert list(pager.show_pages(5, 2)) == [4]
    assert not pager.on.isEnabled()
    assert list(pager.show_pages(3, 2)) == [2]
    assert list(pager.show_pages(0, 2)) == []
    assert pager.isHidden()
    pager.deleteLater()
