"""RatioBars: OEE and what it is made of, as bars with their target; a touch tells the formulas."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.words import UNDEFINED, percent, word
from hmi import theme
from hmi.widgets.bars import draw_tick
from hmi.widgets.glyphs import draw_glyph
from hmi.widgets.painted import PaintedButton, draw_box, draw_focus, has_keyboard, panel_rect
from hmi.widgets.text import LEFT, RIGHT, font_fitting, text_width

HEIGHT_U = 64


@dataclass(frozen=True, slots=True)
class RatioFace:
    """One bar.

    Attributes:
        word_id: Glossary id of its name, ``oee.availability``.
        share: 0..1, above 1 where it was faster than its standard; None when it is not defined.
        why_id: Glossary id of why it is not defined, "" otherwise.
        note_id: Glossary id of a remark on a defined one (``oee.performance_over``), which gets a mark and is told by the formulas.
        below: Words under its name, "" for none.
        target: Share it should have; None without a target.
    """

    word_id: str
    share: float | None = None
    why_id: str = ""
    note_id: str = ""
    below: str = ""
    target: float | None = None


class RatioBars(PaintedButton):
    """Bars side by side. Feed it with ``show_ratios``; connect ``clicked`` for the formulas."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._faces: tuple[RatioFace, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def faces(self) -> tuple[RatioFace, ...]:
        """What was shown last."""
        return self._faces

    def show_ratios(self, faces: Sequence[RatioFace]) -> None:
        """Show these, in this order."""
        if tuple(faces) != self._faces:
            self._faces = tuple(faces)
            self.setAccessibleName("  ".join(f"{word(face.word_id, theme.language())} {self._said(face)}" for face in self._faces))
            self.update()

    def _said(self, face: RatioFace) -> str:
        if face.share is not None:
            return percent(face.share)
        return word(face.why_id, theme.language()) if face.why_id else UNDEFINED

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as a finger, at least."""
        now = theme.current()
        return QSize(now.px(600), max(now.px(HEIGHT_U), now.touch))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The same height, half the width."""
        return QSize(theme.current().px(300), self.sizeHint().height())

    def paint(self, painter: QPainter) -> None:
        """Frame, and a cell for each ratio."""
        now, rect = theme.current(), QRectF(self.rect())
        draw_box(painter, rect, now.color("pressed" if self.isDown() else "surface"), "line", 1)
        if not self._faces:
            return
        wide = rect.width() / len(self._faces)
        for place, face in enumerate(self._faces):
            cell = QRectF(rect.left() + place * wide, rect.top(), wide, rect.height())
            self._paint_cell(painter, cell.adjusted(now.px(12), now.px(3), -now.px(12), -now.px(6)), face)
        if has_keyboard(self):
            draw_focus(painter, rect)

    def _paint_cell(self, painter: QPainter, room: QRectF, face: RatioFace) -> None:
        now, language = theme.current(), theme.language()
        bar = now.px(14)
        line = QRectF(room.left(), room.top(), room.width(), room.height() - bar - now.px(2))
        value = percent(face.share) if face.share is not None else UNDEFINED
        # What stands in brackets is told by the formulas.
        named = re.split(r"\s*\(", word(face.word_id, language))[0]
        longest = max(named.split(), key=len, default=named)
        beside = text_width(longest, "small") + now.px(6) + (now.px(18 + 4) if face.note_id else 0) + 1
        role = font_fitting(value, ("value", "heading", "strong", "label"), min(line.width() * 0.45, line.width() - beside))
        width = text_width(value, role) + 1
        self.write(painter, QRectF(line.right() - width, line.top(), width, line.height()), value, role, "text", RIGHT)
        left = QRectF(line.left(), line.top(), line.width() - width - now.px(6), line.height())
        if face.note_id:
            side = now.px(18)
            draw_glyph(painter, "exclamation", QRectF(left.right() - side, left.center().y() - side / 2, side, side), now.color("text"))
            left.setRight(left.right() - side - now.px(4))
        below = word(face.why_id, language) if face.why_id else face.below
        if below:
            half = left.height() / 2
            self._small(painter, QRectF(left.left(), left.top(), left.width(), half), named, "text2")
            self._small(painter, QRectF(left.left(), left.top() + half, left.width(), half), below, "text")
        else:
            self._small(painter, left, named, "text2", lines=2)
        self._paint_bar(painter, QRectF(room.left(), room.bottom() - bar, room.width(), bar), face)

    def _small(self, painter: QPainter, room: QRectF, text: str, tone: str, lines: int = 1) -> None:
        longest = max(text.split(), key=len, default=text) if lines > 1 else text
        role = font_fitting(longest, ("label", "small"), room.width())
        # Beside a value with its mark a long name is cut on the smallest panel; the formulas tell it whole.
        self.write(painter, room, text, role, tone, LEFT, lines=lines, may_cut=lines == 1 or text_width(longest, role) > room.width())

    def _paint_bar(self, painter: QPainter, rect: QRectF, face: RatioFace) -> None:
        """Filled as far as it goes; above its full length a tick tells where 100 % lies."""
        now = theme.current()
        inset = rect.height() / 5
        track = panel_rect(rect.adjusted(0, inset, 0, -inset), now.px(1))
        painter.setPen(now.pen("edge", 1))
        painter.setBrush(now.color("sunken"))
        painter.drawRoundedRect(track, now.px(3), now.px(3))
        full = max(1.0, face.share or 0.0)
        if face.share is not None and face.share > 0:
            painter.fillRect(
                QRectF(track.left() + 1, track.top() + 1, (track.width() - 2) * face.share / full, track.height() - 2), now.color("bar")
            )
        mark = 1.0 if full > 1.0 else face.target
        if mark is not None:
            draw_tick(painter, rect, track.left() + track.width() * mark / full)
