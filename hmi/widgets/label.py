"""Label: static text at a readable leading, in a font role; breaks into lines, never cut."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from hmi import theme
from hmi.theme import FontRole
from hmi.widgets.painted import Painted
from hmi.widgets.text import LEFT, block_height, text_width

_MANY = 99


class Label(Painted):
    """Text with a role and a tone; use it instead of QLabel where text may take more than one line.

    Args:
        text: What it says.
        role: Font role.
        tone: Colour token.
        align: Place of the block.
        wrap: True to break into as many lines as needed.
        may_cut: True for free text on one line whose full form can be read elsewhere.
    """

    def __init__(
        self,
        text: str = "",
        role: FontRole = "body",
        tone: str = "text",
        parent: QWidget | None = None,
        *,
        align: Qt.AlignmentFlag = LEFT,
        wrap: bool = False,
        may_cut: bool = False,
    ) -> None:
        super().__init__(parent)
        self._text = text
        self.role: FontRole = role
        self.tone = tone
        self._align = align
        self._wrap = wrap
        self._may_cut = may_cut
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed if not wrap else QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(wrap)
        self.setSizePolicy(policy)
        self.setAccessibleName(text)

    def text(self) -> str:
        """What it says."""
        return self._text

    def set_text(self, text: str) -> None:
        """Say something else."""
        if text == self._text:
            return
        self._text = text
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def set_tone(self, tone: str) -> None:
        """Another colour token."""
        if tone != self.tone:
            self.tone = tone
            self.update()

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """True when it breaks into lines."""
        return self._wrap

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """Height of the broken text."""
        return round(block_height(self._text, self.role, width)) + self._spare()

    def _spare(self) -> int:
        return theme.current().px(6)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Size of the text on the lines it was given; a long text that may break asks for 480 u."""
        width = max((text_width(line, self.role) for line in self._text.split("\n")), default=0.0)
        if self._wrap:
            width = min(width, theme.current().px(480))
        return QSize(round(width) + 2, self.heightForWidth(max(1, round(width) + 2)))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """One line, unless it may break or be cut."""
        hint = self.sizeHint()
        if self._wrap or self._may_cut:
            return QSize(theme.current().px(40), self._spare() + theme.current().font_px(self.role))
        return hint

    def paint(self, painter: QPainter) -> None:
        """The text."""
        lines = _MANY if self._wrap or "\n" in self._text else 1
        self.write(painter, QRectF(self.rect()), self._text, self.role, self.tone, self._align, lines=lines, may_cut=self._may_cut)
