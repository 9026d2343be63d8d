"""AndonRow: one line on the board above the hall, read from five metres; nobody touches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.words import UNDEFINED, duration, name, number, word
from hmi import theme
from hmi.theme import Language
from hmi.widgets.glyphs import draw_glyph
from hmi.widgets.painted import Painted, draw_box
from hmi.widgets.text import CENTER, LEFT, RIGHT, Drawn, Recorder

KANJI_MM, DIGIT_MM = 39.2, 31.8
"""Em of words and of numbers for five metres; 79 and 64 px of a 43-inch screen of 1920 × 1080."""
LARGEST_SHARE = 0.09
"""Of the board's height at most: a small panel shows the board smaller rather than only one line of it."""
_NAME_SHARE, _COUNT_SHARE = 0.40, 0.46
_LEAST_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class AndonCall:
    """An open call: its kind (``call.maintenance`` without the group), seconds since it was made, how far it has risen, somebody came."""

    kind: str
    elapsed_s: float
    level: int = 0
    responded: bool = False


@dataclass(frozen=True, slots=True)
class AndonFace:
    """What the board says of a line.

    Attributes:
        code, name: Name by language.
        state: One of the nine machine states.
        elapsed_s: Seconds in it; None when not known or not worth saying.
        good, target: Parts made and parts that should be made by now; None when not known.
        calls: Open ones, the most urgent first.
    """

    code: str
    name: Mapping[str, str] = field(default_factory=dict)
    state: str = "OFFLINE"
    elapsed_s: float | None = None
    good: int | None = None
    target: int | None = None
    calls: Sequence[AndonCall] = ()


def kanji_px(board_height: int) -> int:
    """Size of the words on a board of this height, px: what five metres ask for, as far as the board has room."""
    return max(8, min(theme.current().mm(KANJI_MM), round(board_height * LARGEST_SHARE)))


def row_height(board_height: int) -> int:
    """Height of a row: one line of words and one of numbers, px."""
    return round(kanji_px(board_height) * 2.5)


class AndonRow(Painted):
    """Words change their language by turns, numbers never. Feed it with ``show_line``; ``words_px`` sets its size."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._face = AndonFace("")
        self._language: Language = theme.language()
        self._px = 24
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def face(self) -> AndonFace:
        """What was shown last."""
        return self._face

    def show_line(self, face: AndonFace, language: Language, words_px: int) -> None:
        """Show ``face`` with its words in ``language``, ``words_px`` high."""
        if (face, language, words_px) != (self._face, self._language, self._px):
            self._face, self._language, self._px = face, language, words_px
            self.setAccessibleName(" ".join(part for part in self.words() if part))
            self.update()

    def words(self) -> tuple[str, ...]:
        """Name, state, time in it, made against target, difference."""
        face, language = self._face, self._language
        lead = None if face.good is None or face.target is None else face.good - face.target
        return (
            f"{face.code} {name(face.name, language)}",
            word(f"state.{face.state}", language),
            "" if face.elapsed_s is None else duration(face.elapsed_s),
            f"{number(face.good)} / {number(face.target)}" if face.good is not None else UNDEFINED,
            "" if lead is None else f"{'+' if lead >= 0 else '−'}{number(abs(lead))}",
        )

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Two lines; the board gives it the rest."""
        return QSize(theme.current().px(400), round(self._px * 2.5))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Any: the board decides how many rows there are."""
        return QSize(theme.current().px(200), theme.current().px(40))

    def paint(self, painter: QPainter) -> None:
        """Frame; above the name and the state, below counts and calls."""
        look, face = theme.current(), self._face
        rect = QRectF(self.rect())
        urgent = bool(face.calls) or face.state == "DOWN"
        draw_box(painter, rect, look.color("surface"), look.state("DOWN").fill if urgent else "edge", 4 if urgent else 1)
        pad = self._px * 0.22
        inner = rect.adjusted(pad, pad * 0.6, -pad, -pad * 0.6)
        upper = QRectF(inner.left(), inner.top(), inner.width(), inner.height() * 0.53)
        lower = QRectF(inner.left(), upper.bottom(), inner.width(), inner.height() - upper.height())
        title, state, elapsed, counts, lead = self.words()
        wide = upper.width() * _NAME_SHARE
        self._say(painter, QRectF(upper.left(), upper.top(), wide - pad, upper.height()), title, self._px, "text", LEFT, may_cut=True)
        self._paint_state(painter, QRectF(upper.left() + wide, upper.top(), upper.width() - wide, upper.height()), state, elapsed)
        self._paint_counts(painter, QRectF(lower.left(), lower.top(), lower.width() * _COUNT_SHARE, lower.height()), counts, lead)
        self._paint_calls(painter, lower.adjusted(lower.width() * _COUNT_SHARE + pad, 0, 0, 0))

    def _paint_state(self, painter: QPainter, room: QRectF, state: str, elapsed: str) -> None:
        """A chip as on every other screen, only larger."""
        look = theme.current()
        of_state = look.state(self._face.state)
        time = self._width("88:88 h", self._px * 0.8) if elapsed else 0.0
        box = QRectF(room.left(), room.top() + room.height() * 0.06, room.width() - time - self._px * 0.2, room.height() * 0.88)
        draw_box(painter, box, look.color(of_state.fill), "edge", 2, dashed=self._face.state == "OFFLINE")
        side = min(box.height(), self._px) * 0.8
        sign = QRectF(box.left() + self._px * 0.15, box.center().y() - side / 2, side, side)
        draw_glyph(painter, of_state.glyph, sign, look.color(of_state.ink))
        words = QRectF(sign.right() + self._px * 0.15, box.top(), box.right() - sign.right() - self._px * 0.3, box.height())
        self._say(painter, words, state, self._px, of_state.ink, LEFT)
        if elapsed:
            self._say(painter, QRectF(room.right() - time, room.top(), time, room.height()), elapsed, self._px * 0.8, "text", RIGHT)

    def _paint_counts(self, painter: QPainter, room: QRectF, counts: str, lead: str) -> None:
        size = self._px * DIGIT_MM / KANJI_MM
        width = room.width() * (0.64 if lead else 1.0)
        tone = "text2" if counts == UNDEFINED else "text"
        self._say(painter, QRectF(room.left(), room.top(), width, room.height()), counts, size, tone, LEFT)
        left = room.left() + width + self._px * 0.2
        self._say(painter, QRectF(left, room.top(), room.right() - left, room.height()), lead, size, "text", RIGHT)

    def _paint_calls(self, painter: QPainter, room: QRectF) -> None:
        """The most urgent call in words, the others as their number."""
        look, calls = theme.current(), self._face.calls
        if not calls:
            return
        first = calls[0]
        box = room.adjusted(0, room.height() * 0.08, 0, -room.height() * 0.02)
        ground, ink = ("surface", "text") if first.responded else ("danger", "danger_ink")
        draw_box(painter, box, look.color(ground), "danger", 3)
        side = min(box.height(), self._px) * 0.7
        sign = QRectF(box.left() + self._px * 0.15, box.center().y() - side / 2, side, side)
        draw_glyph(painter, "call", sign, look.color(ink))
        more = f" +{len(calls) - 1}" if len(calls) > 1 else ""
        level = "!" * first.level
        size = self._px * DIGIT_MM / KANJI_MM
        told = f"{duration(first.elapsed_s)}{level}{more}"
        wide = min((box.right() - sign.right()) * 0.5, self._width(told, size))
        words = QRectF(sign.right() + self._px * 0.12, box.top(), box.right() - sign.right() - wide - self._px * 0.4, box.height())
        self._say(painter, words, word(f"call.{first.kind}", self._language), self._px, ink, LEFT)
        self._say(painter, QRectF(box.right() - wide - self._px * 0.15, box.top(), wide, box.height()), told, size, ink, RIGHT)

    # -- letters of any size ---------------------------------------------------------------------------------------

    def _font(self, size: float) -> QFont:
        font = QFont(theme.current().font("hero"))
        font.setPixelSize(max(6, int(size)))
        return font

    def _width(self, text: str, size: float) -> float:
        return QFontMetricsF(self._font(size)).horizontalAdvance(text) + 2

    def _say(
        self, painter: QPainter, room: QRectF, text: str, size: float, color: str, align: Qt.AlignmentFlag, *, may_cut: bool = False
    ) -> None:
        """One line as large as asked, or as large as its room allows: long English words are written smaller, never cut."""
        if not text:
            return
        size = float(int(min(size, room.height() * 0.95)))
        wide = self._width(text, size)
        if wide > room.width():
            size = max(size * room.width() / wide, size * _LEAST_SHARE)
        font = self._font(size)
        measure = QFontMetricsF(font)
        shown = measure.elidedText(text, Qt.TextElideMode.ElideRight, room.width()) if may_cut else text
        painter.setFont(font)
        painter.setPen(QColor(theme.current().color(color)))
        vertical = align if align == CENTER else align | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(room, vertical | Qt.TextFlag.TextSingleLine | Qt.TextFlag.TextDontClip, shown)
        if Recorder.on:
            needed = measure.horizontalAdvance(text if not may_cut else shown)
            self.drawn.append(Drawn(text, "hero", QRectF(room), needed, min(room.height(), measure.ascent()), shown != text))
