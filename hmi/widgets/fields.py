"""FieldBox: one field of a form: label above, unit inside, the word 必須, and under it why something cannot be."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Literal

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from core.errors import GenbaError, Lines
from core.words import word
from hmi import theme
from hmi.widgets.button import TouchButton
from hmi.widgets.entry import NumberEntry, clean
from hmi.widgets.keyboard import Keyboard
from hmi.widgets.keypad import NumericKeypad
from hmi.widgets.label import Label
from hmi.widgets.overlay import AtSwitch, Overlay
from hmi.widgets.painted import Painted, follow
from hmi.widgets.text import LEFT, plain_font, text_width
from hmi.widgets.three_lines import ThreeLines

FieldKind = Literal["text", "code", "number", "secret", "pin", "proof"]
HIDDEN = frozenset({"secret", "pin", "proof"})
"""Kinds of fields whose text is nobody's to see or to keep."""


class FieldBox(QWidget):
    """A field. Typing by hardware works at once; a touch (for kind "text" on the key beside it) opens keypad or keyboard.

    Args:
        label: In the current language; change it with ``set_label``.
        kind: text (names, with the system's input method), code (letters and digits, input method off), number,
            secret (password), pin (digits, dots), proof (a PIN by touch in the field, a password by the key beside it).
        required: Shows the word 必須/Required; an empty field is then not valid.
        entry: Range, unit and digits of a number.
        max_length: Most characters.

    Signals:
        changed(str): The text changed, by whichever hand.
        entered(): Enter on the hardware keyboard, or 入力 on the sheet.
    """

    changed = Signal(str)
    entered = Signal()

    def __init__(
        self,
        label: str,
        parent: QWidget | None = None,
        *,
        kind: FieldKind = "text",
        required: bool = False,
        entry: NumberEntry | None = None,
        max_length: int = 200,
    ) -> None:
        super().__init__(parent)
        self.kind: FieldKind = kind
        self.required = required
        self.number_entry = entry or NumberEntry(label, secret=kind in ("pin", "proof"))
        self._sheet: Overlay | None = None
        self._label = Label(label, "label", "text2")
        self._required = Label("", "label", "text")
        self.edit = QLineEdit()
        self.edit.setMaxLength(max_length)
        self.edit.setFont(plain_font("body"))
        self.edit.setMinimumHeight(theme.current().touch)
        self.edit.setAccessibleName(label)
        if kind in HIDDEN:
            self.edit.setEchoMode(QLineEdit.EchoMode.Password)
        if kind != "text":
            self.edit.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled, False)
        self._unit = _Unit(self.number_entry.unit, self.edit)
        self.key_button = TouchButton("", icon="keyboard")
        self.key_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.message = ThreeLines(closable=False)
        self._build()
        self.edit.textChanged.connect(self._on_text)
        self.edit.returnPressed.connect(self.entered)
        self.edit.installEventFilter(self)
        self.key_button.clicked.connect(self.open_keyboard if kind == "proof" else self.open_sheet)
        self.setFocusProxy(self.edit)
        self.retranslate()

    def _build(self) -> None:
        now = theme.current()
        head = QHBoxLayout()
        head.setSpacing(now.px(12))
        head.addWidget(self._label)
        head.addWidget(self._required)
        head.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(now.px(6))
        row.addWidget(self.edit, 1)
        row.addWidget(self.key_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(now.px(4))
        column.addLayout(head)
        column.addLayout(row)
        column.addWidget(self.message)
        column.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        if self.number_entry.unit:
            self.edit.setTextMargins(0, 0, self._unit.sizeHint().width(), 0)

    # -- value ---------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """What was typed, cleaned and without outer blanks; a secret exactly as typed."""
        raw = self.edit.text()
        return clean(raw) if self.kind in HIDDEN else clean(raw).strip()

    def set_text(self, text: str) -> None:
        """Put a value in."""
        self.edit.setText(text)

    def number(self) -> Decimal | None:
        """The number typed; None when empty or not a number in its range."""
        text = self.text().replace(",", "")
        try:
            value = Decimal(text)
        except InvalidOperation:
            return None
        return value if not self.number_entry.problem(format(value, "f")) else None

    def is_valid(self) -> bool:
        """True when what was typed can be sent."""
        text = self.text()
        if not text:
            return not self.required
        return self.number() is not None if self.kind == "number" else True

    def check(self) -> bool:
        """``is_valid``, and say under the field why not; never clears what was typed."""
        if self.is_valid():
            self.clear_message()
            return True
        what = (
            self.tr("Nothing was typed yet.") if not self.text() else self.tr("{value} cannot be entered here.").format(value=self.text())
        )
        self.show_lines(Lines(what, self._wanted(), self.tr("What you entered is kept.")))
        return False

    def _wanted(self) -> str:
        entry = self.number_entry
        if self.kind != "number":
            return self.tr("Fill in this field.")
        if entry.low is not None and entry.high is not None:
            return self.tr("Type a number from {low} to {high}.").format(low=entry.low, high=entry.high)
        return self.tr("Type a number.")

    # -- message -------------------------------------------------------------------------------------------------

    def show_error(self, error: GenbaError) -> None:
        """Show an error under the field."""
        self.message.show_error(error)
        self.updateGeometry()

    def show_lines(self, lines: Lines, severity: str = "warning") -> None:
        """Show three sentences under the field."""
        self.message.show_lines(lines, severity)
        self.updateGeometry()

    def clear_message(self) -> None:
        """Take the message away."""
        self.message.clear()
        self.updateGeometry()

    # -- entry sheets --------------------------------------------------------------------------------------------

    def open_sheet(self) -> None:
        """Open the keypad or keyboard over the window."""
        if self._sheet is not None or not self.isEnabled():
            return
        if self.kind in ("number", "pin", "proof"):
            keypad = NumericKeypad(self.window())
            keypad.accepted.connect(self._take)
            self._keep(keypad)
            keypad.ask_number(self.number_entry)
        else:
            self.open_keyboard()

    def open_keyboard(self) -> None:
        """Open the keyboard over the window."""
        if self._sheet is not None or not self.isEnabled():
            return
        keyboard = Keyboard(self.window())
        keyboard.accepted.connect(self._take)
        self._keep(keyboard)
        secret = self.kind in HIDDEN
        text = "" if secret else self.edit.text()
        keyboard.ask_text(self._label.text(), text=text, secret=secret, required=self.required, max_length=self.edit.maxLength())

    def _keep(self, sheet: Overlay) -> None:
        self._sheet = sheet
        # Half a secret is nobody's entry; anything else waits with the form it is typed for.
        sheet.at_switch = "close" if self.kind in HIDDEN else self._form_at_switch()
        sheet.finished.connect(self._drop_sheet)

    def _form_at_switch(self) -> AtSwitch:
        parent = self.parentWidget()
        while parent is not None and not isinstance(parent, Overlay):
            parent = parent.parentWidget()
        return "keep" if parent is None else parent.at_switch

    def _drop_sheet(self) -> None:
        sheet, self._sheet = self._sheet, None
        if sheet is not None:
            sheet.deleteLater()

    def _take(self, text: str) -> None:
        self.edit.setText(text)
        self.check()
        self.entered.emit()

    def _on_text(self, text: str) -> None:
        if not self.message.isHidden():
            self.clear_message()
        self.changed.emit(text)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """A touch in the field opens the sheet on release; leaving a field that holds something checks it."""
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonRelease:
            # Names are written with the system's input method; our sheet would be in its way and is one key further.
            if self.kind != "text" and self.edit.rect().contains(event.position().toPoint()):
                self.open_sheet()
        elif event.type() == QEvent.Type.FocusOut and self.text() and self._sheet is None:
            self.check()
        elif event.type() == QEvent.Type.Resize:
            self._unit.place(self.edit)
        return super().eventFilter(watched, event)

    # -- words ---------------------------------------------------------------------------------------------------

    def set_label(self, label: str) -> None:
        """Another label, after a change of language."""
        self._label.set_text(label)
        self.edit.setAccessibleName(label)
        self.number_entry = replace(self.number_entry, label=label)

    def retranslate(self) -> None:
        """The word 必須 in the other language; typed text stays."""
        self._required.set_text(word("field.required", theme.language()) if self.required else "")
        self._required.setVisible(self.required)

    def restyle(self) -> None:
        """Take over another theme."""
        self.edit.setFont(plain_font("body"))
        self.edit.setMinimumHeight(theme.current().touch)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Language and style changes reach the field here."""
        super().changeEvent(event)
        if hasattr(self, "_unit"):
            follow(self, event)


class _Unit(Painted):
    """The unit inside the right end of a field."""

    def __init__(self, unit: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._label = unit
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setVisible(bool(unit))

    def place(self, edit: QLineEdit) -> None:
        """Lie at the right edge of ``edit``."""
        width = self.sizeHint().width()
        self.setGeometry(edit.width() - width, 0, width, edit.height())

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The word and its margin."""
        return QSize(round(text_width(self._label, "label")) + theme.current().px(14), theme.current().touch)

    def paint(self, painter: QPainter) -> None:
        """The word."""
        self.write(painter, QRectF(self.rect()), self._label, "label", "text2", LEFT)
