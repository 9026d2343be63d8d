"""`python -m tests.screens.gallery OUTDIR`: every widget in every state, both languages, both themes, two screens, as PNG."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QApplication, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from core.errors import Lines
from core.live.sample import Quality, Sample
from core.live.tags import TagRole, TagSpec, TagType
from core.words import glossary, word
from hmi import theme
from hmi.theme import Language, Theme, ThemeName
from hmi.widgets import glyphs
from hmi.widgets.bands import AlarmBanner, AlarmIcon, Badge, Band
from hmi.widgets.bars import CountBar
from hmi.widgets.button import TouchButton
from hmi.widgets.chip import STATES, StateChip
from hmi.widgets.entry import NumberEntry
from hmi.widgets.fields import FieldBox
from hmi.widgets.keyboard import Keyboard
from hmi.widgets.keypad import NumericKeypad
from hmi.widgets.label import Label
from hmi.widgets.line_tile import LineFace, LineTile
from hmi.widgets.painted import Painted
from hmi.widgets.sheet import CONFIRM_S, BottomSheet
from hmi.widgets.spinner import Spinner
from hmi.widgets.table import Cell, Column, PagedTable
from hmi.widgets.tabs import SegmentedTabs
from hmi.widgets.three_lines import ThreeLines, Toast
from hmi.widgets.timeline import Span, StateTimeline
from hmi.widgets.value_tile import ValueTile
from tests.screens import administration, certificates, machinery, people, shopfloor, trouble

SCREENS = {"1024x768": ((1024, 768), None), "1920x1080": ((1920, 1080), 15.6)}
NOW = 1_752_500_000.0


def ground() -> QWidget:
    """An empty window with the canvas colour."""
    window = QWidget()
    window.setProperty("ground", "canvas")
    window.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    return window


def lines(*, rest: bool = False) -> QWidget:
    """The overview: nine lines in nine situations; ``rest`` shows the last three."""
    faces = [
        LineFace("L1", {"ja": "組立", "en": "Assembly"}, "RUNNING", elapsed_s=4000, good=412, target_now=400, planned=500,
                 order="WO-1180 A-1010 ブラケット", oee=0.824),
        LineFace("L2", {"ja": "プレス", "en": "Press"}, "DOWN", elapsed_s=751, good=180, target_now=240, planned=500,
                 order="WO-1182 A-1010", open_stops=2, call_id="call.maintenance", call_s=190.0, oee=0.541, alarm="P1", simulated=True),
        LineFace("L3", {"ja": "塗装", "en": "Paint"}, "SETUP", elapsed_s=250, good=96, target_now=110, planned=200,
                 order="WO-1190 B-2200", reason_id="stop.D10", waiting=True),
        LineFace("L4", {"ja": "検査", "en": "Test"}, "MINOR_STOP", elapsed_s=48, good=12_388, target_now=13_395, planned=20_000,
                 order="WO-1191 B-2201", alarm="P3", oee=0.779),
        LineFace("L5", {"ja": "梱包", "en": "Packing"}, "WAITING", word_id="state.STARVED", elapsed_s=360_125),
        LineFace("L6", {"ja": "加工", "en": "Machining"}, "OFFLINE", last_at="10:31", age_s=720),
        LineFace("L7", {"ja": "切断", "en": "Cutting"}, "IDLE", elapsed_s=99, reason_id="stop.D19"),
        LineFace("L8", {"ja": "溶接", "en": "Welding"}, "PLANNED_STOP", elapsed_s=599, reason_id="stop.D25"),
        LineFace("L9", {"ja": "鋳造", "en": "Casting"}, "MAINTENANCE", elapsed_s=9900, good=0, target_now=0, planned=100, order="WO-1200"),
    ]  # fmt: skip
    window = ground()
    grid = QGridLayout(window)
    grid.setSpacing(theme.current().px(10))
    for index, face in enumerate(faces[6:] if rest else faces[:6]):
        tile = LineTile()
        tile.show_line(face)
        grid.addWidget(tile, index // 3, index % 3)
    return window


def _spec(label: tuple[str, str], **more: object) -> TagSpec:
    given: dict[str, object] = {
        "name": "L2.Press.P", "source": "opc", "address": "x", "type": TagType.FLOAT64, "unit": "MPa", "decimals": 1,
        "label": {"ja": label[0], "en": label[1]}, "low": 0.0, "high": 12.0, "warn_low": 8.0, "warn_high": 9.0,
    }  # fmt: skip
    return TagSpec(**(given | more))  # type: ignore[arg-type]


def values() -> QWidget:
    """A value tile in each quality, then other types."""
    pressure = _spec(("油圧", "Hydraulic pressure"))
    samples = [
        (pressure, Sample("t", 8.2, Quality.GOOD, received_at=NOW)),
        (pressure, Sample("t", 9.46, Quality.GOOD, received_at=NOW)),
        (pressure, Sample("t", 7.1, Quality.GOOD, received_at=NOW)),
        (pressure, Sample("t", 8.2, Quality.UNCERTAIN, received_at=NOW)),
        (pressure, Sample("t", 8.2, Quality.STALE, received_at=NOW - 725)),
        (pressure, Sample("t", None, Quality.BAD, "BadSensorFailure", received_at=NOW - 3)),
        (pressure, Sample("t", None, Quality.OFFLINE, received_at=NOW - 86_400 * 3)),
        (pressure, Sample("t", None, Quality.CONFIG)),
        (pressure, Sample("t", None, Quality.NEVER)),
        (_spec(("良品カウンタ", "Good parts"), unit="pcs", decimals=0, low=None, high=None, warn_low=None, warn_high=None),
         Sample("t", 1_234_567, Quality.GOOD, received_at=NOW)),
        (_spec(("安全扉", "Guard door"), unit="", low=None, high=None), Sample("t", True, Quality.GOOD, received_at=NOW)),
        (_spec(("設備状態", "Machine state"), unit="", low=None, high=None, role=TagRole.STATE, states={"1": "RUNNING"}),
         Sample("t", 1, Quality.GOOD, received_at=NOW)),
        (_spec(("炉内温度 第3ゾーン 出口側 上段", "Furnace temperature, zone 3, exit side, upper deck"), unit="°C"),
         Sample("t", -12.5, Quality.GOOD, received_at=NOW)),
        (_spec(("ロット", "Lot"), unit="", low=None, high=None), Sample("t", "240711-03", Quality.GOOD, received_at=NOW)),
        (_spec(("電流", "Current"), unit="A"), Sample("t", 11.4, Quality.GOOD, received_at=NOW)),
    ]  # fmt: skip
    window = ground()
    grid = QGridLayout(window)
    grid.setSpacing(theme.current().px(10))
    for index, (spec, sample) in enumerate(samples):
        tile = ValueTile(spec, simulated=index == 14, manual=index == 13)
        tile.show_sample(sample, NOW)
        grid.addWidget(tile, index // 4, index % 4)
    return window


class _Glyphs(Painted):
    def paint(self, painter: QPainter) -> None:
        """All glyphs, alarm icons and patterns."""
        now, side = theme.current(), theme.current().px(40)
        for index, name in enumerate(glyphs.names()):
            glyphs.draw_glyph(painter, name, QRectF(index % 12 * side * 1.5, index // 12 * side * 1.4, side, side), now.color("text"))
        for index, priority in enumerate(("P1", "P2", "P3", "P4", "DIAG")):
            glyphs.draw_alarm(painter, priority, QRectF(index * side * 1.3, side * 7.2, side, side))
            glyphs.draw_alarm(painter, priority, QRectF((index + 6) * side * 1.3, side * 7.2, side, side), letter="SDO"[index % 3])
        for index, state in enumerate(STATES):
            look = now.state(state)
            box = QRectF(index * side * 2, side * 8.6, side * 1.9, side)
            painter.fillRect(box, now.color(look.fill))
            brush = glyphs.pattern_brush(look.pattern, now.color("hatch" if look.pattern == "hatch" else look.ink))
            if brush is not None:
                painter.fillRect(box, brush)


def signs() -> QWidget:
    """Glyphs, chips, badges, alarm banner, bands, timeline, count bars."""
    window = ground()
    column = QVBoxLayout(window)
    for kind in ("simulated", "snapshot", "read_only", "training"):
        band = Band(kind)  # type: ignore[arg-type]
        band.show_band(age_s=95)
        column.addWidget(band)
    chips = QGridLayout()
    for index, state in enumerate(STATES):
        chip = StateChip()
        chip.show_state(state, 100 * 4**index)
        chips.addWidget(chip, index // 2, index % 2)
    column.addLayout(chips)
    row = QHBoxLayout()
    banner, quiet = AlarmBanner(), AlarmBanner()
    banner.show_alarm("P1", "L2 油圧低下 Hydraulic low", "10:42:07", 4)
    row.addWidget(banner)
    row.addWidget(quiet)
    for count in (5, 123):
        badge = Badge()
        badge.show_count(count)
        row.addWidget(badge)
    icon = AlarmIcon()
    icon.show_alarm("P2", unacknowledged=True)
    row.addWidget(icon)
    column.addLayout(row)
    for good, full, target in ((180, 500, 240), (412, 500, 400), (0, 0, None)):
        bar = CountBar()
        bar.show_count(good, full, target)
        column.addWidget(bar)
    column.addWidget(timeline())
    column.addWidget(_Glyphs(), 1)
    return window


def timeline() -> StateTimeline:
    """Eight hours of one machine."""
    begin = datetime(2025, 7, 14, 6, 0, tzinfo=UTC)
    parts = [("RUNNING", 70), ("DOWN", 25), ("RUNNING", 60), ("SETUP", 35), ("RUNNING", 40), ("MINOR_STOP", 3), ("RUNNING", 30),
             ("PLANNED_STOP", 45), ("MAINTENANCE", 30), ("WAITING", 20), ("IDLE", 25), ("OFFLINE", 40), ("RUNNING", 30)]  # fmt: skip
    spans, at = [], begin
    for index, (state, minutes) in enumerate(parts):
        spans.append(Span(state, at, at + timedelta(minutes=minutes), needs_reason=state == "DOWN", key=index))
        at += timedelta(minutes=minutes)
    strip = StateTimeline()
    strip.show_spans(spans, begin, begin + timedelta(hours=8))
    return strip


def buttons() -> QWidget:
    """Button words of the glossary, kinds and states."""
    window = ground()
    column = QVBoxLayout(window)
    now, language = theme.current(), theme.language()
    tabs = SegmentedTabs()
    names = [(id, word(f"panel.{id}", language)) for id in ("overview", "lines", "andon", "downtime_log")]
    tabs.show_tabs(names, "overview")
    column.addWidget(tabs)
    kinds = ("secondary", "primary", "danger", "quiet")
    words = [id for id in glossary() if id.startswith("button.")]
    for first in range(0, 20, 5):
        row = QHBoxLayout()
        row.setSpacing(now.gap)
        for index, id in enumerate(words[first : first + 5]):
            row.addWidget(TouchButton(word(id, language), kind=kinds[(first + index) % 4]))  # type: ignore[arg-type]
        column.addLayout(row)
    bar = QHBoxLayout()
    bar.setSpacing(now.gap)
    for kind in kinds[1:]:
        bar.addWidget(TouchButton(word("stop.D19", language), kind=kind, large=True, icon="hand" if kind == "quiet" else ""))  # type: ignore[arg-type]
    column.addLayout(bar)
    states = QHBoxLayout()
    states.setSpacing(now.gap)
    disabled, pending = TouchButton(word("button.stop", language)), TouchButton(word("button.start", language), kind="primary")
    disabled.setEnabled(False)
    pending.set_pending(True)
    counted = TouchButton(word("button.reason", language))
    counted.set_count(3)
    for button in (disabled, pending, counted):
        states.addWidget(button)
    column.addLayout(states)
    column.addStretch(1)
    return window


def messages() -> QWidget:
    """Toast with Undo, three-line messages of each severity, spinner."""
    window = ground()
    column = QVBoxLayout(window)
    language = theme.language()
    toast = Toast()
    toast.show_text(word("link.sent", language), undo_s=3600)
    column.addWidget(toast)
    for severity in ("error", "warning", "confirm", "info"):
        message = ThreeLines()
        message.show_lines(Lines(*_ERROR[language]), severity)
        column.addWidget(message)
    spinner = Spinner("…")
    spinner.start()
    spinner._appear()
    column.addWidget(spinner)
    column.addStretch(1)
    return window


_ERROR: dict[str, tuple[str, str, str]] = {
    "ja": (
        "設定値 125.0 は書き込めませんでした。",
        "許容範囲は 80.0 ～ 120.0 です。値を直して、もう一度確定してください。",
        "設定は元の 110.0 のままです。",
    ),
    "en": (
        "Setpoint 125.0 was not written.",
        "Allowed range is 80.0 to 120.0. Correct the value and confirm again.",
        "The setpoint is still 110.0.",
    ),
}


def table() -> QWidget:
    """Orders with chips, two pages, one selected; and an empty list."""
    window = ground()
    column = QVBoxLayout(window)
    language = theme.language()
    orders = PagedTable()
    titles = {"ja": ("番号", "品名", "状態", "計画", "納期"), "en": ("Number", "Product", "State", "Planned", "Due")}[language]
    shares = (1.2, 2.0, 1.4, 0.9, 1.0)
    orders.set_columns([Column(t, s, "right" if i == 3 else "left") for i, (t, s) in enumerate(zip(titles, shares, strict=True))])
    rows = [
        (Cell(f"WO-{1180 + i}", strong=True), Cell("A-1010 ブラケット Bracket", below="標準 0.75 min"),
         Cell(word("state.RUNNING", language), state="RUNNING") if i == 0 else word("order.RELEASED", language), f"{500 * (i + 1):,}",
         Cell("16:00", glyph="clock"))
        for i in range(12)
    ]  # fmt: skip
    orders.show_rows(rows, [f"WO-{1180 + i}" for i in range(12)])
    empty = PagedTable()
    empty.set_columns([Column(title) for title in titles])
    empty.set_empty_text(
        {"ja": "このラインに作業指示はありません。", "en": "There is no order for this line."}[language],
        {"ja": "「新規作成」を押すか、受信を待ってください。", "en": "Create one, or wait until MES sends one."}[language],
    )
    column.addWidget(orders, 3)
    column.addWidget(empty, 2)
    window.setProperty("select", "WO-1181")
    orders.select("WO-1181")
    return window


def form() -> QWidget:
    """A sheet with fields, one of them wrong."""
    window = lines()
    sheet = BottomSheet(window, word("button.report", theme.language()), timeout_s=CONFIRM_S)
    label = {"ja": "良品数", "en": "Good quantity"}[theme.language()]
    row = QHBoxLayout()
    good = FieldBox(label, kind="number", required=True, entry=NumberEntry(label, "pcs", Decimal(0), Decimal(9999)))
    note = FieldBox(word("button.comment", theme.language()))
    row.addWidget(good, 1)
    row.addWidget(note, 1)
    sheet.content.addLayout(row)
    sheet.content.addWidget(Label("200 → 220 / 500 pcs", "value"))
    good.set_text("12000")
    good.check()
    window.setProperty("sheet", True)
    sheet.setObjectName("sheet")
    return window


def keypad() -> QWidget:
    """A number with decimals, out of range."""
    window = lines()
    pad = NumericKeypad(window)
    pad.setObjectName("keypad")
    return window


def counting() -> QWidget:
    """A count with steppers."""
    window = lines()
    pad = NumericKeypad(window)
    pad.setObjectName("counting")
    return window


def keyboard() -> QWidget:
    """Letters."""
    window = lines()
    board = Keyboard(window)
    board.setObjectName("keyboard")
    return window


PAGES: dict[str, Callable[[], QWidget]] = {
    "lines": lines,
    "lines2": lambda: lines(rest=True),
    "values": values,
    "signs": signs,
    "buttons": buttons,
    "messages": messages,
    "table": table,
    "form": form,
    "keypad": keypad,
    "counting": counting,
    "keyboard": keyboard,
    **people.pages(lines),
    **administration.pages(ground),
    **machinery.pages(ground, certificates.PAGES),
    **shopfloor.pages(ground),
    **trouble.pages(ground),
}


def opened(window: QWidget) -> None:
    """Open the sheet of a page, once the window has its size."""
    label = {"ja": "寸法 A", "en": "Dimension A"}[theme.language()]
    if (pad := window.findChild(NumericKeypad, "keypad")) is not None:
        pad.ask_number(NumberEntry(label, "mm", Decimal("-9.80"), Decimal("10.20"), 2, Decimal("10.15")))
        for key in "±1234.50":
            pad.press(key)
        pad.press("enter")
    if (pad := window.findChild(NumericKeypad, "counting")) is not None:
        pad.ask_number(NumberEntry(word("count.good", theme.language()), "pcs", Decimal(0), Decimal(500), 0, Decimal(180), steppers=True))
        pad.press("+10")
    if (board := window.findChild(Keyboard)) is not None:
        board.ask_text(word("thing.lot", theme.language()))
        board.type("lot-24")
    if (sheet := window.findChild(BottomSheet, "sheet")) is not None:
        sheet.open()
    people.opened(window)
    administration.opened(window)
    machinery.opened(window)
    trouble.opened(window)
    shopfloor.opened(window)


def dress(app: QApplication, screen: str, name: ThemeName, language: Language, profile: str = "default") -> tuple[int, int]:
    """Dress the application for one combination; returns the window's size, px."""
    size, diagonal = SCREENS[screen]
    theme.apply(app, Theme(name, profile=profile, diagonal_inch=diagonal, screen_px=size, language=language))
    return size


def built(app: QApplication, page: str, size: tuple[int, int]) -> QWidget:
    """A page as a shown window of ``size`` px."""
    window = PAGES[page]()
    window.resize(*size)
    window.show()
    app.processEvents()
    opened(window)
    app.processEvents()
    return window


def gone(app: QApplication, window: QWidget) -> None:
    """Delete a page at once, so that the next style sheet does not have to dress it."""
    window.close()
    window.deleteLater()
    app.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def main(folder: Path, only: str = "") -> None:
    """Draw everything into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    languages: tuple[Language, ...] = ("ja", "en")
    for screen in SCREENS:
        for name in theme.THEMES:
            for language in languages:
                size = dress(app, screen, name, language)
                for page in PAGES:
                    if only in page:
                        window = built(app, page, size)
                        window.grab().save(str(folder / f"{page}_{screen}_{name}_{language}.png"))
                        gone(app, window)


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
