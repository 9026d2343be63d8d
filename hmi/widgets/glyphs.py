"""Glyphs: every sign on screen as a path, because font glyphs are missing or differ from font to font.

The outlines live in ``resources/icons/glyphs.json`` on a 24 × 24 grid, in a small part of the SVG path language:
``M L C Z`` absolute, and ``O cx cy r`` for a circle; "fill" is filled (even-odd), "stroke" is drawn with "width".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QImage, QPainter, QPainterPath, QPainterPathStroker, QPen, QTransform

from hmi import theme
from hmi.theme import Look

_FILE = Path(__file__).resolve().parents[2] / "resources" / "icons" / "glyphs.json"
_GRID = 24.0
_TOKEN = re.compile(r"[MLCOZ]|-?\d+(?:\.\d+)?")

# Alarm shape → (glyph, height of the digit, vertical centre of the digit), both as a share of the icon.
_SHAPES = {
    "octagon": ("octagon", 0.60, 0.50),
    "diamond": ("diamond", 0.50, 0.50),
    "triangle": ("alarm_triangle", 0.48, 0.62),
    "circle": ("circle", 0.60, 0.50),
    "square": ("square", 0.60, 0.50),
}


@cache
def _outlines() -> dict[str, dict[str, Any]]:
    outlines: dict[str, dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return outlines


def names() -> tuple[str, ...]:
    """All glyph names."""
    return tuple(_outlines())


def _parse(text: str) -> QPainterPath:
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.OddEvenFill)
    words: Iterator[str] = iter(_TOKEN.findall(text))
    command = ""
    for part in words:
        first = part
        if part in "MLCOZ":
            command = part
            if command == "Z":
                path.closeSubpath()
                continue
            first = next(words)
        x, y = float(first), float(next(words))
        if command == "M":
            path.moveTo(x, y)
        elif command == "L":
            path.lineTo(x, y)
        elif command == "O":
            radius = float(next(words))
            path.addEllipse(QPointF(x, y), radius, radius)
        else:
            c2x, c2y, ex, ey = (float(next(words)) for _ in range(4))
            path.cubicTo(x, y, c2x, c2y, ex, ey)
    return path


@cache
def glyph(name: str) -> QPainterPath:
    """The outline of a glyph on the 24 × 24 grid, ready to fill. Raises KeyError for an unknown name."""
    entry = _outlines()[name]
    path = _parse(entry.get("fill", ""))
    path.setFillRule(Qt.FillRule.OddEvenFill)
    if "stroke" in entry:
        stroker = QPainterPathStroker()
        stroker.setWidth(float(entry["width"]))
        stroker.setCapStyle(Qt.PenCapStyle.RoundCap)
        stroker.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        line = stroker.createStroke(_parse(entry["stroke"])).simplified()
        path = path.united(line) if not path.isEmpty() else line
    return path


def draw_glyph(painter: QPainter, name: str, rect: QRectF, color: QColor) -> None:
    """Fill glyph ``name`` with ``color``, as large as fits into ``rect``, centred."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillPath(placed(glyph(name), rect), color)
    painter.restore()


def placed(path: QPainterPath, rect: QRectF) -> QPainterPath:
    """``path`` from the 24 × 24 grid moved and scaled into ``rect``, centred, not distorted."""
    side = min(rect.width(), rect.height())
    transform = QTransform()
    transform.translate(rect.center().x() - side / 2, rect.center().y() - side / 2)
    transform.scale(side / _GRID, side / _GRID)
    return transform.map(path)


def draw_alarm(painter: QPainter, priority: str, rect: QRectF, *, outline: bool = True, letter: str = "") -> None:
    """An alarm icon: shape, digit and outline; colour is the least of it.

    Args:
        painter: On the widget.
        priority: "P1" … "P4" or "DIAG".
        rect: Icon box, px.
        outline: False while the flash of an unacknowledged alarm is in its dark half.
        letter: "S" shelved, "D" suppressed by design, "O" out of service: grey outline with the letter, no priority colour.
    """
    now = theme.current()
    look: Look = now.alarm(priority)
    name, height, centre = _SHAPES[look.glyph]
    shape = placed(glyph(name), rect.adjusted(2, 2, -2, -2))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(now.pen("edge" if letter else "text", 2) if outline else Qt.PenStyle.NoPen)
    painter.setBrush(Qt.BrushStyle.NoBrush if letter else now.color(look.fill))
    painter.drawPath(shape)
    font = QFont(now.font("strong"))
    font.setPixelSize(max(1, round(rect.height() * height)))
    painter.setFont(font)
    painter.setPen(now.color("text2" if letter else look.ink))
    box = QRectF(rect.left(), rect.top() + rect.height() * centre - rect.height() / 2, rect.width(), rect.height())
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, letter or look.digit)
    painter.restore()


@cache
def _pattern(name: str, color: str, step: int) -> QBrush:
    tile = QImage(step, step, QImage.Format.Format_ARGB32_Premultiplied)
    tile.fill(Qt.GlobalColor.transparent)
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(color), max(1.2, step / 7)))
    if name in ("diagonal", "cross", "hatch"):
        # The neighbours' ends are drawn too, or the line would break at the corners of each tile.
        for shift in (-step, 0, step):
            painter.drawLine(QPointF(shift - 1, step + 1), QPointF(shift + step + 1, -1))
            if name == "cross":
                painter.drawLine(QPointF(shift - 1, -1), QPointF(shift + step + 1, step + 1))
    elif name == "dots":
        painter.setBrush(QColor(color))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawEllipse(QPointF(step / 2, step / 2), step / 6, step / 6)
    painter.end()
    return QBrush(tile)


def pattern_brush(pattern: str, color: QColor) -> QBrush | None:
    """The brush that draws ``pattern`` (diagonal, cross, dots, hatch) in ``color`` over a fill; None for solid and hollow."""
    if pattern in ("solid", "hollow"):
        return None
    return _pattern(pattern, color.name(QColor.NameFormat.HexArgb), theme.current().px(9))
