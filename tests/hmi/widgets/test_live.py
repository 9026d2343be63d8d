"""Live tiles: each quality has its own look, nothing unknown looks like a number, and only news is repainted."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.live.sample import Quality, Sample, Value
from core.live.tags import TagRole, TagSpec, TagType
from core.words import ids
from hmi import theme
from hmi.theme import Theme
from hmi.widgets.chip import STATES, StateChip
from hmi.widgets.line_tile import NO_NUMBER, LineFace, LineTile
from hmi.widgets.value_tile import ValueTile
from tests.screens import lint

NOW = 1_752_500_000.0


def spec(**more: object) -> TagSpec:
    given: dict[str, object] = {
        "name": "P", "source": "s", "address": "a", "type": TagType.FLOAT64, "unit": "MPa", "decimals": 1,
        "label": {"ja": "油圧", "en": "Pressure"}, "low": 0.0, "high": 12.0, "warn_low": 8.0, "warn_high": 9.0,
    }  # fmt: skip
    return TagSpec(**(given | more))  # type: ignore[arg-type]


def texts(widget: QWidget) -> list[str]:
    return [drawn.text for _, drawn in lint.record(widget)]


@pytest.fixture
def tile(qtbot: QtBot, dress: Callable[..., Theme]) -> ValueTile:
    dress(language="en")
    tile = ValueTile(spec())
    qtbot.addWidget(tile)
    tile.resize(tile.sizeHint())
    tile.show()
    return tile


@pytest.mark.parametrize(
    ("value", "quality", "age", "shown", "hidden"),
    [
        (8.2, Quality.GOOD, 0, ["8.2", "MPa"], ["Good"]),
        (8.2, Quality.UNCERTAIN, 0, ["8.2 ?", "Uncertain"], []),
        (8.2, Quality.STALE, 725, ["8.2", "12 min ago"], []),
        (8.2, Quality.BAD, 3, [NO_NUMBER], ["8.2", "MPa"]),
        (8.2, Quality.OFFLINE, 60, [NO_NUMBER], ["8.2", "MPa"]),
        (None, Quality.CONFIG, 0, [NO_NUMBER, "Not configured"], ["0.0"]),
        (None, Quality.NEVER, 0, [NO_NUMBER, "No data yet"], ["0.0"]),
        (math.nan, Quality.GOOD, 0, ["—"], ["nan"]),
        (9.4, Quality.GOOD, 0, ["9.4", "Above 9.0"], []),
        (7.0, Quality.GOOD, 0, ["7.0", "Below 8.0"], []),
    ],
)
def test_each_quality_has_its_look(
    tile: ValueTile, value: Value, quality: Quality, age: float, shown: list[str], hidden: list[str]
) -> None:
    tile.show_sample(Sample("P", value, quality, received_at=NOW - age), NOW)
    said = texts(tile)
    assert [text for text in shown if text not in said] == []
    assert [text for text in hidden if text in said] == []
    assert lint.overflowing(tile) == []
    assert "Pressure" in tile.accessibleName()


def test_looks_differ_as_pictures(tile: ValueTile) -> None:
    pictures = set()
    for quality in Quality:
        tile.show_sample(Sample("P", 8.2, quality, received_at=NOW), NOW)
        pictures.add(bytes(tile.grab().toImage().constBits()))
    assert len(pictures) == len(Quality)


def test_a_bad_value_is_never_called_normal(tile: ValueTile) -> None:
    tile.show_sample(Sample("P", 99.0, Quality.BAD, received_at=NOW), NOW)
    assert not any("Above" in text for text in texts(tile))


@pytest.mark.parametrize(
    ("more", "value", "shown"),
    [
        ({"type": TagType.BOOL}, True, "ON"),
        ({"states": {"1": "DOWN"}, "role": TagRole.STATE}, 1, "Down"),
        ({"states": {"1": "DOWN"}, "role": TagRole.STATE}, 1.0, "Down"),
        ({"states": {"7": "D07"}, "role": TagRole.REASON}, 7, "Jam / part caught"),
        ({"states": {"0": "CLOSED"}}, 0, "CLOSED"),
        ({"type": TagType.STRING}, "LOT-3", "LOT-3"),
        ({"decimals": 0}, 1_234_567, "1,234,567"),
        ({"decimals": 2}, -0.001, "0.00"),
    ],
)
def test_values_of_all_types(qtbot: QtBot, dress: Callable[..., Theme], more: dict[str, object], value: Value, shown: str) -> None:
    dress(language="en")
    tile = ValueTile(spec(**more))
    qtbot.addWidget(tile)
    tile.resize(300, 150)
    tile.show()
    tile.show_sample(Sample("P", value, Quality.GOOD, received_at=NOW), NOW)
    assert shown in texts(tile)


def test_repaints_only_when_something_readable_changed(tile: ValueTile, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    tile.show_sample(Sample("P", 8.2, Quality.GOOD, received_at=NOW), NOW)
    QApplication.processEvents()
    painted: list[int] = []
    paint = ValueTile.paint
    monkeypatch.setattr(ValueTile, "paint", lambda self, painter: (painted.append(1), paint(self, painter))[1])
    for step in range(20):
        tile.show_sample(Sample("P", 8.2 + step * 1e-6, Quality.GOOD, received_at=NOW + step), NOW + step)
        QApplication.processEvents()
    assert painted == []
    tile.show_sample(Sample("P", 8.3, Quality.GOOD, received_at=NOW), NOW)
    qtbot.waitUntil(lambda: len(painted) == 1)


def test_the_decimal_point_stays_where_it_is(tile: ValueTile) -> None:
    rights = set()
    tile.show_sample(Sample("P", 10.5, Quality.GOOD, received_at=NOW), NOW)
    for value in (10.5, 9.9, 8.2, 11.1):
        tile.show_sample(Sample("P", value, Quality.GOOD, received_at=NOW), NOW)
        number = next(drawn for _, drawn in lint.record(tile) if drawn.role == "value")
        rights.add(round(number.room.right()))
    assert len(rights) == 1


def test_simulated_and_manual_are_said_in_words(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress(language="ja")
    tile = ValueTile(spec(warn_high=None), simulated=True, manual=True)
    qtbot.addWidget(tile)
    tile.resize(240, 140)
    tile.show()
    tile.show_sample(Sample("P", 8.2, Quality.GOOD, received_at=NOW), NOW)
    assert {"模擬", "手入力"} <= set(texts(tile))


def test_language_and_theme_change_while_running(tile: ValueTile, qapp: QApplication) -> None:
    tile.show_sample(Sample("P", None, Quality.NEVER), NOW)
    light = tile.grab().toImage()
    theme.set_language(qapp, "ja")
    qapp.processEvents()
    assert {"油圧", "未受信"} <= set(texts(tile))
    theme.apply(qapp, theme.current().changed(name="dark"))
    qapp.processEvents()
    assert tile.grab().toImage() != light


# -- lines -------------------------------------------------------------------------------------------------------


@pytest.fixture
def line(qtbot: QtBot, dress: Callable[..., Theme]) -> LineTile:
    dress(language="en")
    tile = LineTile()
    qtbot.addWidget(tile)
    tile.resize(tile.sizeHint())
    tile.show()
    return tile


def test_a_line_that_runs(line: LineTile) -> None:
    line.show_line(LineFace("L2", {"en": "Press"}, "DOWN", elapsed_s=751, good=180, target_now=240, planned=500, order="WO-1", oee=0.541))
    said = texts(line)
    assert {"L2 Press", "Down", "12:31", "180", "/ 240", "Behind 60", "WO-1", "OEE 54.1 %"} <= set(said)
    assert "Behind 60" in line.accessibleName()


def test_a_line_nobody_hears_shows_no_number(line: LineTile) -> None:
    line.show_line(LineFace("L6", {"en": "Machining"}, "OFFLINE", last_at="10:31", age_s=720))
    said = texts(line)
    assert NO_NUMBER in said
    assert "Last update 10:31 (12 min ago)" in said
    assert not any(text.strip("/ ").isdigit() for text in said)


def test_zero_is_a_number(line: LineTile) -> None:
    line.show_line(LineFace("L1", {}, "RUNNING", good=0, target_now=0, planned=10))
    assert {"0", "/ 0", "Ahead 0"} <= set(texts(line))


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("state", STATES)
def test_largest_numbers_fit(qtbot: QtBot, dress: Callable[..., Theme], state: str, language: str) -> None:
    dress(language=language)
    tile = LineTile()
    qtbot.addWidget(tile)
    tile.resize(tile.sizeHint())
    tile.show()
    tile.show_line(
        LineFace("L10", {"ja": "組立", "en": "Assembly"}, state, elapsed_s=359_999, good=123_456, target_now=234_567, planned=500_000,
                 order="WO-1182", reason_id="stop.D19", alarm="P2", last_at="10:31", age_s=3e6)
    )  # fmt: skip
    assert lint.overflowing(tile, names_may_be_cut=False) == []


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_stop_reason_can_be_read_on_a_tile(qtbot: QtBot, dress: Callable[..., Theme], language: str) -> None:
    dress(language=language)
    tile = LineTile()
    qtbot.addWidget(tile)
    tile.resize(tile.sizeHint())
    tile.show()
    for id in ids("stop"):
        tile.show_line(LineFace("L1", {}, "DOWN", reason_id=id))
        assert lint.overflowing(tile, names_may_be_cut=False) == []


def test_touch_opens_the_line(line: LineTile, qtbot: QtBot) -> None:
    line.show_line(LineFace("L3", {}))
    with qtbot.waitSignal(line.opened) as caught:
        QTest.mouseClick(line, Qt.MouseButton.LeftButton)
    assert caught.args == ["L3"]


def test_chips_of_all_states_have_words(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress(language="en")
    chip = StateChip()
    qtbot.addWidget(chip)
    chip.resize(chip.sizeHint())
    chip.show()
    for state in STATES:
        chip.show_state(state, 65)
        assert "01:05" in texts(chip)
        assert chip.accessibleName().split()[0].isalpha()
    chip.show_state("WAITING", word_id="state.STARVED")
    assert texts(chip) == ["Starved"]
    chip.show_state("NAPPING")  # a word nobody knows is shown as such, and looks as if nothing were known
    assert theme.current().state("NAPPING") == theme.current().state("OFFLINE")


def test_a_simulated_line_says_so_beside_its_alarm(line: LineTile) -> None:
    line.show_line(LineFace("L1", {"en": "Assembly"}, "RUNNING", alarm="P1", simulated=True))
    assert "SIM" in texts(line)
    assert lint.overflowing(line, names_may_be_cut=False) == []
