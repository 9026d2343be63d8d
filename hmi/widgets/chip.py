"""StateChip: a machine state as fill, glyph, word and outline; the four together, because no one of them suffices."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from core.words import duration, word
from hmi import theme
from hmi.widgets.glyphs import draw_glyph, pattern_brush
from hmi.widgets.painted import Painted, Writes, draw_box, panel_rect
from hmi.widgets.text import RIGHT, font_fitting, text_width

HEIGHT_U = 40
STATES = ("RUNNING", "SETUP", "MAINTENANCE", "DOWN", "MINOR_STOP", "WAITING", "IDLE", "PLANNED_STOP", "OFFLINE")


def chip_width() -> int:
    """Width that fits every state's word in the current language, px: chips of one list stand in one column."""
    now = theme.current()
    widest = max(text_width(word(f"state.{state}", theme.language()), "strong") for state in STATES)
    return round(widest) + now.px(20) + now.px(8) * 3


def draw_chip(painter: QPainter, on: Writes, rect: QRectF, state: str, text: str) -> None:
    """Draw the chip of ``state`` with ``text`` as its word into ``rect``; the text is recorded on widget ``on``."""
    now = theme.current()
    look = now.state(state)
    offline = look.pattern == "hatch"
    draw_box(painter, rect, now.color(look.fill), "edge", 2, dashed=offline)
    brush = pattern_brush("hatch", now.color("hatch")) if offline else None
    if brush is not None:
        radius = now.px(4)
        painter.setBrush(brush)
        painter.setPen(now.pen("edge", 2, dashed=True))
        painter.drawRoundedRect(panel_rect(rect, now.px(2)), radius, radius)
    gap, side = now.px(8), now.px(20)
    draw_glyph(painter, look.glyph, QRectF(rect.left() + gap, rect.center().y() - side / 2, side, side), now.color(look.ink))
    left = rect.left() + gap + side + gap
    room = QRectF(left, rect.top(), rect.right() - gap - left, rect.height())
    role = font_fitting(text, ("strong", "label"), room.width())
    on.write(painter, room, text, role, look.ink)


class StateChip(Painted):
    """The state of one machine or line with how long it has lasted. Feed it with ``show_state``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = "OFFLINE"
        self._word_id = ""
        self._elapsed_s: float | None = None
        self._face: tuple[str, str, str] = ("", "", "")

    def show_state(self, state: str, elapsed_s: float | None = None, word_id: str = "") -> None:
        """Show ``state`` (one of the nine words) since ``elapsed_s`` seconds; None hides the time.

        Args:
            state: Machine state.
            elapsed_s: Seconds in this state.
            word_id: Glossary id of a nearer word, ``state.STARVED``; "" takes the state's own.
        """
        self._state, self._elapsed_s, self._word_id = state, elapsed_s, word_id
        self._refresh()

    def retranslate(self) -> None:
        """Say it in the other language."""
        self._refresh()
        self.updateGeometry()

    def _refresh(self) -> None:
        text = word(self._word_id or f"state.{self._state}", theme.language())
        elapsed = "" if self._elapsed_s is None else duration(self._elapsed_s)
        face = (self._state, text, elapsed)
        if face != self._face:
            self._face = face
            self.setAccessibleName(f"{text} {elapsed}".strip())
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Chip and room for ``99:59 h``."""
        now = theme.current()
        return QSize(chip_width() + now.px(8) + round(text_width("99:59 h", "strong")), now.px(HEIGHT_U))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The same: the word is never cut."""
        return self.sizeHint()

    def paint(self, painter: QPainter) -> None:
        """Chip left, time right."""
        state, text, elapsed = self._face
        rect = QRectF(self.rect())
        height = theme.current().px(HEIGHT_U)
        box = QRectF(rect.left(), rect.center().y() - height / 2, min(chip_width(), rect.width()), height)
        draw_chip(painter, self, box, state, text)
        room = QRectF(box.right(), rect.top(), rect.right() - box.right(), rect.height())
        self.write(painter, room, elapsed, "strong", "text", RIGHT)
