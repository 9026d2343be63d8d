"""PenCell: one pen of a trend: line sample, name, value now, value at the cursor. Live; touch selects it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.live.sample import ENTERED, RELAYED, Quality, Sample
from core.words import UNDEFINED, ago, number, word
from hmi import theme
from hmi.widgets.painted import PaintedButton, draw_box, draw_focus
from hmi.widgets.text import LEFT, RIGHT, text_width
from hmi.widgets.trend_plot import Pen, pen_look

_TOLD = {RELAYED: "data.RELAYED", ENTERED: "link.manual_entry"}


class PenCell(PaintedButton):
    """Shows one pen beside its trend; ``show_sample`` feeds it, ``show_cursor`` adds the read-out.

    Args:
        index: Number of the pen, 0 … 3: its colour and dash.
        pen: What it shows.

    Signals:
        clicked(bool): Touched: the pen is selected.
    """

    def __init__(self, index: int, pen: Pen, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index = index
        self.pen = pen
        self.setCheckable(True)
        self.setObjectName(f"pen.{pen.tag}")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._value = UNDEFINED
        self._note = ""
        self._cursor: float | None = None
        self._has_cursor = False

    def show_sample(self, sample: Sample, now: float) -> None:
        """Take the latest sample; repaints when the text changed."""
        value, note = self._words(sample, now)
        if (value, note) != (self._value, self._note):
            self._value, self._note = value, note
            self.setAccessibleName(f"{self.pen.label} {value} {self.pen.unit} {note}")
            self.update()

    def show_cursor(self, value: float | None, *, shown: bool) -> None:
        """Show the value at the cursor; ``shown`` False takes it away."""
        self._cursor, self._has_cursor = value, shown
        self.update()

    def _words(self, sample: Sample, now: float) -> tuple[str, str]:
        language = theme.language()
        if sample.quality >= Quality.BAD or sample.value is None:
            return UNDEFINED, word(f"data.{sample.quality.name}", language)
        value = sample.value
        text = number(value, self.pen.decimals) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
        if sample.quality is Quality.STALE:
            return text, ago(max(0.0, now - sample.received_at), language)
        if sample.status in _TOLD:
            return text, word(_TOLD[sample.status], language)
        return text, word("data.UNCERTAIN", language) if sample.quality is Quality.UNCERTAIN else ""

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Two lines and a gloved finger."""
        look = theme.current()
        return QSize(look.px(200), max(look.px(64), look.touch))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Four of them fit beside each other on the smallest screen."""
        look = theme.current()
        return QSize(look.px(150), max(look.px(64), look.touch))

    def paint(self, painter: QPainter) -> None:
        """Line sample and name above, value and read-out below."""
        look = theme.current()
        box = QRectF(self.rect())
        draw_box(
            painter,
            box,
            look.color("pressed" if self.isDown() else "surface"),
            "accent" if self.isChecked() else "edge",
            3 if self.isChecked() else 1,
        )
        left, wide = look.px(10), self.width() - look.px(20)
        half = self.height() / 2
        pen = pen_look(self.index)
        pen.setWidth(look.px(3))
        painter.setPen(pen)
        painter.drawLine(left, round(half * 0.62), left + look.px(30), round(half * 0.62))
        name = QRectF(left + look.px(38), look.px(4), wide - look.px(38), half - look.px(4))
        self.write(painter, name, self.pen.label, "label", "text2", LEFT, may_cut=True)
        text = f"{self._value} {self.pen.unit}".strip()
        below = QRectF(left, half, wide, half - look.px(4))
        self.write(painter, below, text, "strong", "text", LEFT)
        rest = self._note or (self._cursor_text() if self._has_cursor else "")
        if rest:
            room = QRectF(below.left() + text_width(text, "strong") + look.px(8), below.top(), 0, below.height())
            room.setRight(below.right())
            self.write(painter, room, rest, "label", "text2", RIGHT, may_cut=True)
        if self.hasFocus():
            draw_focus(painter, box)

    def _cursor_text(self) -> str:
        return f"| {UNDEFINED if self._cursor is None else number(self._cursor, self.pen.decimals)}"
