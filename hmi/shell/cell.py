"""One touchable cell of the header or the rail: a sign, a strong line, a small line."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from hmi import theme
from hmi.widgets.glyphs import draw_glyph
from hmi.widgets.painted import PaintedButton, draw_box, draw_focus, has_keyboard
from hmi.widgets.text import CENTER, LEFT, RIGHT, broken, font_fitting, text_width


class Cell(PaintedButton):
    """Header cell: sign on the left, two lines of text; connect ``clicked``.

    Args:
        name: Object name, for tests.
        width_u: Narrowest width in design units; None for the banner, which takes what is left and may cut its text.
    """

    def __init__(self, name: str, width_u: float | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.width_u = width_u
        self.glyph = ""
        self.strong = ""
        self.small = ""
        self.tone = "text"
        self.note = ""
        policy = QSizePolicy.Policy.Expanding if width_u is None else QSizePolicy.Policy.Fixed
        self.setSizePolicy(policy, QSizePolicy.Policy.Expanding)

    def show_text(self, strong: str, small: str = "", *, glyph: str = "", tone: str = "text", note: str = "") -> None:
        """Show these lines; repaints only when something changed.

        Args:
            strong: First line, bold.
            small: Second line; "" centres the first one.
            glyph: Name of a sign, "" for none.
            tone: Colour token of sign and first line.
            note: Text at the right edge, for "+2 more".
        """
        if (strong, small, glyph, tone, note) == (self.strong, self.small, self.glyph, self.tone, self.note):
            return
        needed = self.needed_width()
        self.strong, self.small, self.glyph, self.tone, self.note = strong, small, glyph, tone, note
        self.setAccessibleName(" ".join(part for part in (strong, small, note) if part))
        if self.needed_width() != needed:
            self.updateGeometry()
        self.update()

    def needed_width(self) -> int:
        """Pixels that both lines need, so that no text is cut."""
        look = theme.current()
        text = max(text_width(self.strong, "strong"), text_width(self.small, "label"))
        sign = look.px(34) if self.glyph else 0
        note = text_width(self.note, "label") + look.px(8) if self.note else 0
        return round(text + sign + note) + look.px(20)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wide enough for its text, never narrower than its place in the grid."""
        look = theme.current()
        if self.width_u is None:
            return QSize(look.px(240), look.px(60))
        return QSize(max(look.px(self.width_u), self.needed_width()), look.px(60))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """A fixed cell keeps its text; the banner may shrink."""
        return QSize(theme.current().px(120), theme.current().px(60)) if self.width_u is None else self.sizeHint()

    def paint(self, painter: QPainter) -> None:
        """Draw frame, sign and lines."""
        look = theme.current()
        box = QRectF(self.rect())
        draw_box(painter, box, look.color("pressed" if self.isDown() else "surface"), "edge")
        left, right = look.px(9), self.width() - look.px(8)
        if self.glyph:
            side = look.px(26)
            draw_glyph(painter, self.glyph, QRectF(left, box.center().y() - side / 2, side, side), look.color(self.tone))
            left += side + look.px(8)
        if self.note:
            wide = round(text_width(self.note, "label")) + 1
            self.write(painter, QRectF(right - wide, 0, wide, self.height()), self.note, "label", "text2", RIGHT)
            right -= wide + look.px(8)
        cut = self.width_u is None
        half = self.height() * (0.54 if self.small else 1.0)
        align = LEFT if self.small or self.glyph else CENTER
        self.write(painter, QRectF(left, 0, right - left, half), self.strong, "strong", self.tone, align, may_cut=cut)
        if self.small:
            # The banner gives way to everybody else: its second line is written smaller before it is cut.
            role = font_fitting(self.small, ("label", "small"), right - left) if cut else "label"
            self.write(painter, QRectF(left, half, right - left, self.height() - half - 2), self.small, role, "text2", LEFT, may_cut=cut)
        if has_keyboard(self):
            draw_focus(painter, box)


class RailButton(PaintedButton):
    """One panel of the rail: sign above, name below, the open one in the accent colour."""

    def __init__(self, name: str, glyph: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.glyph = glyph
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The rail's grid, never below a gloved finger."""
        look = theme.current()
        return QSize(look.px(104), max(look.px(72), look.touch))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The same: the rail is never squeezed."""
        return self.sizeHint()

    def paint(self, painter: QPainter) -> None:
        """Draw ground, sign and name."""
        look = theme.current()
        ground = "accent" if self.isChecked() else "pressed" if self.isDown() else "surface"
        ink = "accent_ink" if self.isChecked() else "text"
        painter.fillRect(self.rect(), look.color(ground))
        painter.setPen(look.pen("line"))
        painter.drawLine(self.rect().bottomLeft(), self.rect().bottomRight())
        # Room for two lines of English: the sign gives way when the name needs them.
        lines = broken(self.text(), "label", self.width() - look.px(4))
        wraps = len(lines) > 1
        # A word that is wider than the rail cannot break: it is written smaller.
        role = font_fitting(max(lines, key=lambda line: text_width(line, "label")), ("label", "small"), self.width() - look.px(4))
        side, top = (look.px(22), look.px(5)) if wraps else (look.px(28), look.px(9))
        draw_glyph(painter, self.glyph, QRectF((self.width() - side) / 2, top, side, side), look.color(ink))
        under = top + side + look.px(1)
        place = QRectF(look.px(2), under, self.width() - look.px(4), self.height() - under - look.px(2))
        self.write(painter, place, self.text(), role, ink, Qt.AlignmentFlag.AlignCenter, lines=2)
        if has_keyboard(self):
            draw_focus(painter, QRectF(self.rect()))
