"""Text drawn by widgets: broken into lines at a readable leading, measured, never silently cut.

The bundled font has a line height of exactly one em, too tight for two lines of kanji; lines are therefore set here at
``LEADING`` em instead of by QPainter's own wrapping.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QTextLayout, QTextOption

from hmi import theme
from hmi.theme import FontRole

LEADING = 1.32
_SLACK_PX = 0.6  # rounding of advances, not text

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTER = Qt.AlignmentFlag.AlignCenter


@dataclass(frozen=True, slots=True)
class Drawn:
    """One text as it came out in the last paint; for checks, not for layout.

    Attributes:
        text: What was to be read.
        role: Font role.
        room: Rectangle it had, px.
        width, height: Size it needed, px.
        cut: True when an ellipsis replaced part of it.
    """

    text: str
    role: FontRole
    room: QRectF
    width: float
    height: float
    cut: bool

    @property
    def fits(self) -> bool:
        """True when all of it can be read."""
        return not self.cut and self.width <= self.room.width() + _SLACK_PX and self.height <= self.room.height() + _SLACK_PX


class Recorder:
    """Switched on by checks: widgets then remember every text they draw. Off in operation, where it would cost memory."""

    on: bool = False


@lru_cache(maxsize=64)
def _metrics(role: FontRole, size: int) -> QFontMetricsF:
    return QFontMetricsF(theme.current().font(role))


def metrics(role: FontRole) -> QFontMetricsF:
    """Metrics of a role's font in the current theme."""
    return _metrics(role, theme.current().font_px(role))


def text_width(text: str, role: FontRole) -> float:
    """Width of one line of ``text``, px."""
    return metrics(role).horizontalAdvance(text)


def line_height(role: FontRole) -> float:
    """Distance from line to line, px."""
    return theme.current().font_px(role) * LEADING


def broken(text: str, role: FontRole, width: float) -> tuple[str, ...]:
    """``text`` broken into lines of at most ``width`` px where its language allows; explicit newlines are kept."""
    return _broken(text, role, theme.current().font_px(role), round(width))


@lru_cache(maxsize=2048)
def _broken(text: str, role: FontRole, size: int, width: int) -> tuple[str, ...]:
    lines: list[str] = []
    for paragraph in text.split("\n"):
        if text_width(paragraph, role) <= width + _SLACK_PX:
            lines.append(paragraph)
            continue
        layout = QTextLayout(paragraph, theme.current().font(role))
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WordWrap)
        layout.setTextOption(option)
        layout.beginLayout()
        while (line := layout.createLine()).isValid():
            line.setLineWidth(width)
            lines.append(paragraph[line.textStart() : line.textStart() + line.textLength()].strip())
        layout.endLayout()
    return tuple(lines)


def block_height(text: str, role: FontRole, width: float) -> float:
    """Height of ``text`` broken into lines of ``width`` px, px."""
    return _height(len(broken(text, role, width)), role)


def _height(lines: int, role: FontRole) -> float:
    return theme.current().font_px(role) + (lines - 1) * line_height(role)


def write(
    painter: QPainter,
    drawn: list[Drawn],
    rect: QRectF,
    text: str,
    role: FontRole,
    color: QColor,
    align: Qt.AlignmentFlag = LEFT,
    *,
    lines: int = 1,
    may_cut: bool = False,
) -> None:
    """Draw ``text`` into ``rect``.

    Args:
        painter: On the widget.
        drawn: The widget's record, filled while checks run.
        rect: Room for the text, px.
        text: What to draw; "" draws nothing.
        role: Font.
        color: Ink.
        align: Horizontal and vertical place of the block.
        lines: Most lines it may take.
        may_cut: True only for free text from people and site files, where the full text can be read elsewhere.
    """
    if not text:
        return
    parts = broken(text, role, rect.width()) if lines > 1 else (text.replace("\n", " "),)
    cut = False
    if may_cut:
        parts, cut = _cut(parts, role, rect.width(), lines)
    height = _height(len(parts), role)
    size, leading = theme.current().font_px(role), line_height(role)
    top = rect.top()
    if align & Qt.AlignmentFlag.AlignVCenter:
        top += (rect.height() - height) / 2
    elif align & Qt.AlignmentFlag.AlignBottom:
        top += rect.height() - height
    painter.setFont(theme.current().font(role))
    painter.setPen(color)
    measure = metrics(role)
    widest = 0.0
    for index, line in enumerate(parts):
        width = measure.horizontalAdvance(line)
        widest = max(widest, width)
        x = rect.left()
        if align & Qt.AlignmentFlag.AlignHCenter:
            x += (rect.width() - width) / 2
        elif align & Qt.AlignmentFlag.AlignRight:
            x += rect.width() - width
        painter.drawText(QPointF(round(x), round(top + index * leading + measure.ascent() + (size - measure.height()) / 2)), line)
    if Recorder.on:
        drawn.append(Drawn(text, role, QRectF(rect), widest, height, cut))


def _cut(parts: tuple[str, ...], role: FontRole, width: float, lines: int) -> tuple[tuple[str, ...], bool]:
    measure = metrics(role)
    kept = list(parts[:lines])
    if len(parts) > lines:
        kept[-1] = f"{kept[-1]}{parts[lines]}"
    shown = tuple(measure.elidedText(line, Qt.TextElideMode.ElideRight, width + _SLACK_PX) for line in kept)
    return shown, any(line not in part for line, part in zip(shown, kept, strict=True))


def font_fitting(text: str, roles: tuple[FontRole, ...], width: float) -> FontRole:
    """The first of ``roles`` (large to small) in which ``text`` fits one line of ``width`` px, else the last."""
    return next((role for role in roles if text_width(text, role) <= width), roles[-1])


def plain_font(role: FontRole) -> QFont:
    """A copy of a role's font for Qt's own widgets (line edits), which keep what they are given."""
    return QFont(theme.current().font(role))
