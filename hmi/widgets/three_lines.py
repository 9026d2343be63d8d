"""ThreeLines: what happened, what to do, what is safe. Stays until read. Toast: a result that goes by itself."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from core.errors import GenbaError, Lines
from core.words import word
from hmi import theme
from hmi.theme import FontRole
from hmi.widgets.button import TouchButton
from hmi.widgets.glyphs import draw_glyph
from hmi.widgets.painted import Painted, draw_box
from hmi.widgets.text import block_height, text_width

TOAST_MS = 4000
_MANY = 12
_NARROW_U = 480
_WIDE = 100_000  # px; wide enough for one line per sentence
_SENTENCES: tuple[tuple[FontRole, str], ...] = (("strong", "text"), ("body", "text"), ("label", "text2"))


class ThreeLines(Painted):
    """A message in three sentences. Feed it with ``show_error`` or ``show_lines``; hidden while there is none.

    Args:
        closable: True adds an OK button that hides it.
        floating: True: it lies over the lower edge of ``parent``, near the hand and below names and states, and takes no room
            in its layout, so that a message never makes a window larger than its screen.

    Signals:
        read(): OK was pressed.
    """

    read = Signal()

    def __init__(self, parent: QWidget | None = None, *, closable: bool = True, floating: bool = False) -> None:
        super().__init__(parent)
        self._error: GenbaError | None = None
        self._floating = floating
        self._lines = Lines("", "", "")
        self._severity = "error"
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._ok: TouchButton | None = None
        if closable:
            self._ok = TouchButton(word("button.ok", theme.language()), self)
            self._ok.clicked.connect(self._on_ok)
        if floating and parent is not None:
            parent.installEventFilter(self)
        self.hide()

    def show_error(self, error: GenbaError) -> None:
        """Show one of the six errors; it follows a change of language."""
        self._error = error
        self.show_lines(error.lines(theme.language()), error.severity)

    def show_lines(self, lines: Lines, severity: str = "error") -> None:
        """Show three sentences; ``severity`` is info, confirm, warning or error."""
        self._lines, self._severity = lines, severity
        self.setAccessibleName(" ".join(lines))
        self.setVisible(True)
        self.updateGeometry()
        self.update()
        self._float()

    def clear(self) -> None:
        """Take the message away."""
        self._error = None
        self._lines = Lines("", "", "")
        self.hide()

    @property
    def lines(self) -> Lines:
        """What it says now; empty sentences while hidden."""
        return self._lines

    def retranslate(self) -> None:
        """Say it in the other language."""
        if self._error is not None:
            self._lines = self._error.lines(theme.language())
        if self._ok is not None:
            self._ok.setText(word("button.ok", theme.language()))
        self.updateGeometry()
        self.update()
        self._float()

    def _float(self) -> None:
        parent = self.parentWidget()
        if self._floating and parent is not None and not self.isHidden():
            height = min(self.heightForWidth(parent.width()), parent.height())
            self.setGeometry(0, parent.height() - height, parent.width(), height)
            self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Stay at the lower edge of what it floats over."""
        if event.type() == QEvent.Type.Resize and watched is self.parent():
            self._float()
        return super().eventFilter(watched, event)

    def _on_ok(self) -> None:
        self.clear()
        self.read.emit()

    # -- size ----------------------------------------------------------------------------------------------------

    def _left(self) -> int:
        return theme.current().px(12 + 44 + 14)

    def _text_room(self, width: float) -> float:
        now = theme.current()
        beside = self._ok is not None and not self._narrow(width)
        button = self._ok.sizeHint().width() + now.px(14) if self._ok is not None and beside else 0
        return max(now.px(120), width - self._left() - button - now.px(12))

    def _narrow(self, width: float) -> bool:
        """True when OK stands below the sentences instead of beside them."""
        return width < theme.current().px(_NARROW_U)

    def _text_height(self, width: float) -> int:
        room = self._text_room(width)
        height = sum(block_height(text, role, room) for text, (role, _) in zip(self._lines, _SENTENCES, strict=True))
        return round(height) + theme.current().px(12 * 2 + 9 * 2)

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """Sentences break into lines."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """Height of the three sentences."""
        height, pad = self._text_height(width), theme.current().px(10)
        if self._ok is None:
            return height
        button = self._ok.sizeHint().height()
        return height + button + pad if self._narrow(width) else max(height, button + 2 * pad)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """560 u wide."""
        width = theme.current().px(560)
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """320 u wide and three lines; layouts that know the width ask ``heightForWidth`` for more."""
        return QSize(theme.current().px(320), self.heightForWidth(_WIDE))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep OK at the right edge."""
        super().resizeEvent(event)
        self.updateGeometry()
        if self._ok is not None:
            size, pad = self._ok.sizeHint(), theme.current().px(10)
            top = self.height() - size.height() - pad if self._narrow(self.width()) else (self.height() - size.height()) // 2
            self._ok.setGeometry(self.width() - size.width() - pad, top, size.width(), size.height())

    def paint(self, painter: QPainter) -> None:
        """Severity by icon and edge, then three sentences, the first one bold."""
        now, rect = theme.current(), QRectF(self.rect())
        look = now.message(self._severity)
        draw_box(painter, rect, now.color("sunken"), look.fill if self._severity == "error" else "edge", 2)
        side = now.px(44)
        middle = min(self._text_height(rect.width()), rect.height()) / 2
        box = QRectF(now.px(12), middle - side / 2, side, side)
        draw_box(painter, box, now.color(look.fill), "edge", 1)
        draw_glyph(painter, look.glyph, box.adjusted(side / 5, side / 5, -side / 5, -side / 5), now.color(look.ink))
        room, top = self._text_room(rect.width()), float(now.px(12))
        for text, (role, tone) in zip(self._lines, _SENTENCES, strict=True):
            height = block_height(text, role, room)
            self.write(painter, QRectF(self._left(), top, room, height + 1), text, role, tone, Qt.AlignmentFlag.AlignLeft, lines=_MANY)
            top += height + now.px(9)


class Toast(Painted):
    """A short result ("saved") that goes after four seconds; may carry Undo. Feed it with ``show_text``.

    Signals:
        undo(): Undo was pressed while it was offered.
    """

    undo = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._severity = "info"
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addStretch(1)
        self._undo = TouchButton(word("button.undo", theme.language()), self, kind="quiet", icon="undo")
        layout.addWidget(self._undo)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self._undo.clicked.connect(self._on_undo)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.hide()

    def show_text(self, text: str, *, undo_s: float = 0, severity: str = "info") -> None:
        """Show ``text`` for 4 s, or, with an Undo button, for ``undo_s`` seconds."""
        self._text, self._severity = text, severity
        self.setAccessibleName(text)
        self._undo.setVisible(undo_s > 0)
        self._timer.start(round(undo_s * 1000) if undo_s > 0 else TOAST_MS)
        self.show()
        self.update()

    def _on_undo(self) -> None:
        self._timer.stop()
        self.hide()
        self.undo.emit()

    def retranslate(self) -> None:
        """The button speaks the other language; the text was a result and stays."""
        self._undo.setText(word("button.undo", theme.language()))
        super().retranslate()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """One line of text, as high as a button."""
        now = theme.current()
        wide = text_width(self._text, "body") + now.px(76)
        return QSize(round(wide) + (self._undo.sizeHint().width() if not self._undo.isHidden() else 0), now.touch)

    def paint(self, painter: QPainter) -> None:
        """Icon and text on the strongest contrast there is."""
        now, rect = theme.current(), QRectF(self.rect())
        draw_box(painter, rect, now.color("text"), "text", 1)
        glyph = "check" if self._severity == "info" else now.message(self._severity).glyph
        side = now.px(26)
        draw_glyph(painter, glyph, QRectF(now.px(14), rect.center().y() - side / 2, side, side), now.color("sunken"))
        right = self._undo.geometry().left() if not self._undo.isHidden() else rect.right()
        room = QRectF(now.px(54), rect.top(), right - now.px(54) - now.px(10), rect.height())
        self.write(painter, room, self._text, "body", "sunken", lines=2)
