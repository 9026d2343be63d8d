"""Painted: base of widgets that draw themselves and follow theme and language while the program runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QWidget

from hmi import theme
from hmi.theme import FontRole, Theme
from hmi.widgets.text import LEFT, Drawn, write

if TYPE_CHECKING:
    _Widget = QWidget  # what the base below is mixed into; at run time no second class of Qt may stand beside the first
else:
    _Widget = object

_RESTYLE = (QEvent.Type.StyleChange, QEvent.Type.PaletteChange)


class Writes(_Widget):
    """What both bases share: a record of the text drawn in the last paint, the way to draw text, and who is told of changes."""

    drawn: list[Drawn]

    def write(
        self,
        painter: QPainter,
        rect: QRectF,
        text: str,
        role: FontRole,
        color: str = "text",
        align: Qt.AlignmentFlag = LEFT,
        *,
        lines: int = 1,
        may_cut: bool = False,
    ) -> None:
        """Draw ``text``; ``color`` is a token or a Look's ``#…``. See ``hmi.widgets.text.write``."""
        write(painter, self.drawn, rect, text, role, theme.current().color(color), align, lines=lines, may_cut=may_cut)

    def paint(self, painter: QPainter) -> None:
        """Draw everything; colours and sizes come from ``theme.current()`` now, never from a kept copy."""

    def retranslate(self) -> None:
        """Say everything again in the current language; repaints."""
        self.update()

    def restyle(self) -> None:
        """Take over another theme: sizes and colours."""
        self.updateGeometry()
        self.update()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Language and style changes reach the widget here."""
        super().changeEvent(event)
        follow(self, event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint with antialiasing and a fresh text record."""
        self.drawn.clear()
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self.paint(painter)


class Painted(Writes, QWidget):
    """A widget that paints itself. Override ``paint``, and ``retranslate`` / ``restyle`` where something is kept."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.drawn: list[Drawn] = []


class PaintedButton(Writes, QAbstractButton):
    """A button that paints itself; acts on release inside, slides off without acting (QAbstractButton's own rule)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.drawn: list[Drawn] = []
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


class Follows(Protocol):
    """A widget that can be told to say or lay out everything again."""

    def retranslate(self) -> None:
        """Say everything again in the current language."""

    def restyle(self) -> None:
        """Take over another theme."""


def follow(widget: Follows, event: QEvent) -> None:
    """Turn Qt's change events into ``retranslate`` and ``restyle``; call it from ``changeEvent``."""
    if event.type() == QEvent.Type.LanguageChange:
        widget.retranslate()
    elif event.type() in _RESTYLE:
        widget.restyle()


def panel_rect(rect: QRectF, width: float) -> QRectF:
    """``rect`` moved inwards by half a pen of ``width`` px, so that an outline lies fully inside the widget."""
    half = width / 2
    return rect.adjusted(half, half, -half, -half)


def draw_box(painter: QPainter, rect: QRectF, fill: QColor | None, edge: str, width_u: float = 1, *, dashed: bool = False) -> None:
    """A rounded box as all our tiles and buttons have it; ``edge`` is a token or ``#…``, ``fill`` None leaves it open."""
    now: Theme = theme.current()
    pen = now.pen(edge, width_u, dashed=dashed)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush if fill is None else fill)
    radius = now.px(4)
    painter.drawRoundedRect(panel_rect(rect, pen.widthF()), radius, radius)


def draw_focus(painter: QPainter, rect: QRectF) -> None:
    """The visible 3 px frame of keyboard focus."""
    draw_box(painter, rect, None, "accent", 3)


def has_keyboard(widget: QWidget) -> bool:
    """True when ``widget`` has the focus and somebody is really using the keyboard; a touch panel shows no focus frame."""
    return widget.hasFocus() and widget.window().testAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
