"""LineTile: one line on the overview, readable in two seconds from two metres; touch opens the line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.words import UNDEFINED, ago, duration, name, number, percent, word
from hmi import theme
from hmi.widgets.bands import draw_simulated
from hmi.widgets.bars import draw_count_bar
from hmi.widgets.chip import HEIGHT_U as CHIP_U
from hmi.widgets.chip import chip_width, draw_chip
from hmi.widgets.glyphs import draw_alarm, draw_glyph, pattern_brush
from hmi.widgets.painted import PaintedButton, draw_box, draw_focus, has_keyboard, panel_rect
from hmi.widgets.text import RIGHT, font_fitting, text_width

WIDTH_U, HEIGHT_U = 290, 262
TIGHT_U = 214
"""Least height: the lead then stands beside the count; bands and messages above the overview take the room."""
NO_NUMBER = f"{UNDEFINED} {UNDEFINED}"
_PAD_U = 12


@dataclass(frozen=True, slots=True)
class LineFace:
    """What a tile shows of a line at one moment.

    Attributes:
        code: ``L2``.
        name: By language.
        state: One of the nine machine states; OFFLINE when nothing is known.
        word_id: Glossary id of a nearer word (``state.STARVED``), "" for the state's own.
        elapsed_s: Seconds in this state, None when not known.
        good: Good parts of the running order, None when unknown or without an order.
        target_now: Good parts there should be by now, None without a target.
        planned: Parts of the whole order, the full length of the bar; 0 without an order.
        order: Number and product of the running order, "" when there is none.
        reason_id: Glossary id of the stop reason (``stop.D07``), "" when there is none to show.
        open_stops: Stops that still need their reason.
        call_id: Glossary id of whom is called (``call.maintenance``), "" for nobody.
        call_s: Seconds since the call.
        alarm: Priority of the worst alarm, "P1" … "P4", "" for none.
        oee: Share 0..1, None when undefined.
        last_at: Clock time of the last data, ``10:31``; shown while OFFLINE, "" when there never was any.
        age_s: Age of the last data, seconds.
        simulated: True for a simulated source.
        waiting: True when something decided here about the order is not in the database yet.
    """

    code: str
    name: Mapping[str, str] = field(default_factory=dict)
    state: str = "OFFLINE"
    word_id: str = ""
    elapsed_s: float | None = None
    good: int | None = None
    target_now: int | None = None
    planned: int = 0
    order: str = ""
    reason_id: str = ""
    open_stops: int = 0
    call_id: str = ""
    call_s: float = 0.0
    alarm: str = ""
    oee: float | None = None
    last_at: str = ""
    age_s: float | None = None
    simulated: bool = False
    waiting: bool = False


class LineTile(PaintedButton):
    """A large button that shows a LineFace. Feed it with ``show_line``; it repaints only when something readable changed.

    Signals:
        opened(str): Line code; released inside.
    """

    opened = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._face = LineFace("")
        self._shown: tuple[str, ...] = ()
        self.clicked.connect(lambda: self.opened.emit(self._face.code))

    @property
    def face(self) -> LineFace:
        """What was shown last."""
        return self._face

    def show_line(self, face: LineFace) -> None:
        """Show ``face``."""
        self._face = face
        self._refresh()

    def retranslate(self) -> None:
        """Say it in the other language."""
        self._shown = ()
        self._refresh()

    def _refresh(self) -> None:
        shown = self._words()
        if shown != self._shown:
            self._shown = shown
            self.setAccessibleName(" ".join(part for part in shown if part))
            self.update()

    # -- words ---------------------------------------------------------------------------------------------------

    def _words(self) -> tuple[str, ...]:
        face, language = self._face, theme.language()
        return (
            f"{face.code} {name(face.name, language)}",
            word(face.word_id or f"state.{face.state}", language),
            # Without communication nobody knows how long anything lasts; the foot tells the age of the last data.
            "" if face.elapsed_s is None or face.state == "OFFLINE" else duration(face.elapsed_s),
            NO_NUMBER if face.good is None else number(face.good),
            "" if face.target_now is None or face.good is None else f"/ {number(face.target_now)}",
            self._lead_text(),
            face.order or ("" if face.state == "OFFLINE" else self.tr("No order")),
            self._foot_text(),
            face.alarm,
            face.state,
            str(face.planned),
            "SIM" if face.simulated else "",
            self._call_text(),
            "" if face.oee is None else f"OEE {percent(face.oee)}{' !' if face.oee > 1 else ''}",
            self.tr("waiting") if face.waiting else "",
        )

    def _lead_text(self) -> str:
        face = self._face
        if face.good is None or face.target_now is None:
            return ""
        lead = face.good - face.target_now
        return f"{word('count.ahead' if lead >= 0 else 'count.behind', theme.language())} {number(abs(lead))}"

    def _foot_text(self) -> str:
        face, language = self._face, theme.language()
        if face.state == "OFFLINE":
            if not face.last_at or face.age_s is None:
                return word("data.NEVER", language)
            return f"{word('link.last_update', language)} {face.last_at} ({ago(face.age_s, language)})"
        if face.open_stops:
            return self.tr("Stop reason missing") + (f" ({face.open_stops})" if face.open_stops > 1 else "")
        return word(face.reason_id, language) if face.reason_id else ""

    def _call_text(self) -> str:
        face = self._face
        return f"{word(face.call_id, theme.language())}\t{duration(face.call_s)}" if face.call_id else ""

    # -- painting ------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """290 × 262 u."""
        return QSize(theme.current().px(WIDTH_U), theme.current().px(HEIGHT_U))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Lower than wished where bands or messages need the room."""
        return QSize(theme.current().px(WIDTH_U), theme.current().px(TIGHT_U))

    def paint(self, painter: QPainter) -> None:
        """Frame, head, counts, bar, foot."""
        now = theme.current()
        rect = QRectF(self.rect())
        self._paint_frame(painter, rect)
        if not self._shown:
            return
        inner = rect.adjusted(now.px(_PAD_U), now.px(10), -now.px(_PAD_U), -now.px(10))
        spare = max(0.0, (inner.height() - now.px(HEIGHT_U - 20)) / 4)
        tight = inner.height() < now.px(HEIGHT_U - 24)
        self._paint_head(painter, inner)
        self._paint_counts(painter, QRectF(inner.left(), inner.top() + now.px(82) + spare, inner.width(), now.px(78)), tight=tight)
        self._paint_foot(painter, QRectF(inner.left(), inner.bottom() - now.px(78) - spare, inner.width(), now.px(78) + spare), spare)
        if has_keyboard(self):
            draw_focus(painter, rect)

    def _paint_frame(self, painter: QPainter, rect: QRectF) -> None:
        now = theme.current()
        ground = now.color("pressed" if self.isDown() else "surface")
        if self._face.state == "OFFLINE":
            draw_box(painter, rect, ground, "edge", 2, dashed=True)
            brush = pattern_brush("hatch", now.color("hatch"))
            if brush is not None:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(brush)
                painter.drawRoundedRect(panel_rect(rect, now.px(4)), now.px(4), now.px(4))
        elif self._face.state == "DOWN":
            draw_box(painter, rect, ground, now.state("DOWN").fill, 3)
        else:
            draw_box(painter, rect, ground, "edge", 1)

    def _paint_head(self, painter: QPainter, inner: QRectF) -> None:
        now, face = theme.current(), self._face
        title, state_word, elapsed = self._shown[:3]
        icon = now.px(36) if face.alarm else 0
        taken = float(icon)
        if face.simulated:
            taken += draw_simulated(painter, self, inner.right() - icon - (now.px(6) if icon else 0), inner.top() + now.px(3)) + now.px(6)
        self.write(painter, QRectF(inner.left(), inner.top(), inner.width() - taken, now.px(28)), title, "heading", may_cut=True)
        if face.alarm:
            draw_alarm(painter, face.alarm, QRectF(inner.right() - icon, inner.top() - now.px(3), icon, icon))
        # Room for the longest time even when it is short, so that all chips of the overview are equally wide.
        time_width = text_width("88:88 h", "strong") + now.px(8) if elapsed else 0.0
        width = min(float(chip_width()), inner.width() - time_width)
        top = inner.top() + now.px(34)
        draw_chip(painter, self, QRectF(inner.left(), top, width, now.px(CHIP_U)), face.state, state_word)
        self.write(painter, QRectF(inner.right() - time_width, top, time_width, now.px(CHIP_U)), elapsed, "strong", "text", RIGHT)

    def _paint_counts(self, painter: QPainter, rect: QRectF, *, tight: bool) -> None:
        now = theme.current()
        good, target, lead = self._shown[3:6]
        tail = text_width(target, "heading") + now.px(10) if target else 0.0
        role = font_fitting(good, ("hero", "value", "heading"), rect.width() - tail)
        tone = "text2" if good == NO_NUMBER else "text"
        width = text_width(good, role)
        line = QRectF(rect.left(), rect.top(), rect.width(), now.px(50))
        self.write(painter, QRectF(line.left(), line.top(), width + 1, line.height()), good, role, tone)
        # Both stand on one base line: the smaller text is centred lower by a third of the difference in size.
        drop = (now.font_px(role) - now.font_px("heading")) * 0.36
        self.write(painter, QRectF(line.left() + width + now.px(10), line.top() + drop, tail, line.height()), target, "heading", "text2")
        if tight:
            right = line.left() + width + tail + now.px(18)
            room = QRectF(right, line.top() + drop, max(0.0, line.right() - right), line.height())
            self.write(painter, room, lead, font_fitting(lead, ("strong", "label"), room.width()), "text", RIGHT)
            return
        below = QRectF(rect.left(), rect.top() + now.px(52), rect.width(), now.px(26))
        self.write(painter, below, lead, "strong")
        if lead:
            hint = self.tr("vs target now")
            left = below.left() + text_width(lead, "strong") + now.px(10)
            if text_width(hint, "label") <= below.right() - left:
                self.write(painter, QRectF(left, below.top(), below.right() - left, below.height()), hint, "label", "text2")

    def _paint_foot(self, painter: QPainter, rect: QRectF, spare: float) -> None:
        now, face = theme.current(), self._face
        order, foot, waiting = *self._shown[6:8], self._shown[-1]
        line = QRectF(rect.left(), rect.top(), rect.width(), now.px(24))
        if waiting:
            side, wide = now.px(20), text_width(waiting, "label") + 1
            sign = QRectF(line.right() - wide - side - now.px(4), line.top() + now.px(2), side, side)
            draw_glyph(painter, "hourglass", sign, now.color("text"))
            self.write(painter, QRectF(line.right() - wide, line.top(), wide, line.height()), waiting, "label", "text", RIGHT)
            line.setRight(line.right() - wide - side - now.px(12))
        self.write(painter, line, order, "label", "text2", may_cut=True)
        if face.good is not None and face.planned > 0:
            bar = QRectF(rect.left(), rect.top() + now.px(26) + spare / 2, rect.width(), now.px(22))
            draw_count_bar(painter, bar, face.good, face.planned, face.target_now)
        self._paint_last(painter, QRectF(rect.left(), rect.bottom() - now.px(26), rect.width(), now.px(26)), foot)

    def _paint_last(self, painter: QPainter, line: QRectF, foot: str) -> None:
        """Whom somebody called goes before why it stands; OEE keeps its place at the right."""
        now, (call, oee) = theme.current(), self._shown[-3:-1]
        if oee:
            wide = text_width(oee, "label") + 1
            self.write(painter, QRectF(line.right() - wide, line.top(), wide, line.height()), oee, "label", "text2", RIGHT)
            line = line.adjusted(0, 0, -wide - now.px(8), 0)
        if call:
            self._paint_call(painter, line, call)
            return
        tone = "text" if self._face.open_stops else "text2"
        self.write(painter, line, foot, font_fitting(foot, ("label", "small"), line.width()), tone, may_cut=True)

    def _paint_call(self, painter: QPainter, line: QRectF, call: str) -> None:
        """Whom, which may be cut, and for how long, which may not."""
        now = theme.current()
        whom, _, since = call.rpartition("\t")
        box = QRectF(line.left(), line.top(), min(line.width(), text_width(f"{whom} {since}", "label") + now.px(38)), line.height())
        draw_box(painter, box, now.color("danger"), "danger", 1)
        side = now.px(18)
        draw_glyph(painter, "call", QRectF(box.left() + now.px(4), box.center().y() - side / 2, side, side), now.color("danger_ink"))
        words = box.adjusted(now.px(26), 0, -now.px(4), 0)
        role = font_fitting(f"{whom} {since}", ("label", "small"), words.width())
        wide = text_width(since, role) + 1
        self.write(painter, QRectF(words.right() - wide, words.top(), wide, words.height()), since, role, "danger_ink", RIGHT)
        self.write(painter, words.adjusted(0, 0, -wide - now.px(4), 0), whom, role, "danger_ink", may_cut=True)
