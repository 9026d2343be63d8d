"""Keyboard: letters, digits and signs by touch, for codes and passwords. Kana and kanji are left to the system's input method."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from core.errors import Lines
from core.words import word
from hmi import theme
from hmi.widgets.button import TouchButton
from hmi.widgets.entry import clean
from hmi.widgets.keypad import DOT, Display
from hmi.widgets.label import Label
from hmi.widgets.overlay import Overlay
from hmi.widgets.text import LEFT
from hmi.widgets.three_lines import ThreeLines

_LETTERS = ("1234567890", "QWERTYUIOP", "ASDFGHJKL-", "ZXCVBNM_/.")
# Same places, the signs a password may hold.
_SIGNS = ("1234567890", "!\"#$%&'()=", "+*<>?@[]{}", ",:;|~^`\\/.")


class Keyboard(Overlay):
    """A text sheet. Call ``ask_text(…)``; it opens and reports once. Hardware keys work as well.

    Signals:
        accepted(str): The text, NFKC-normalised, without control characters.
        cancelled(): Left without a text.
    """

    accepted = Signal(str)
    cancelled = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, max_width_u=1040)
        self.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled, False)
        self._text = ""
        self._secret = False
        self._required = False
        self._max_length = 100
        self._lower = False
        self._page = _LETTERS
        self._label = Label("", "heading", wrap=True)
        self.display = Display(align=LEFT)
        self.message = ThreeLines(closable=False)
        self.keys: dict[str, TouchButton] = {}
        self._typing: list[list[TouchButton]] = []
        for widget in (self._label, self.display, self.message):
            self.body.addWidget(widget)
        self.body.addLayout(self._key_rows())
        self.finished.connect(self._on_finished)
        self.retranslate()

    # -- building ------------------------------------------------------------------------------------------------

    def _key(self, name: str, text: str = "", icon: str = "") -> TouchButton:
        key = TouchButton(text, icon=icon)
        key.guard_ms = 0
        key.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        key.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        key.clicked.connect(lambda: self.press(name))
        self.keys[name] = key
        return key

    def _key_rows(self) -> QVBoxLayout:
        rows = QVBoxLayout()
        gap = theme.current().gap
        rows.setSpacing(gap)
        for index, letters in enumerate(_LETTERS):
            row = QHBoxLayout()
            row.setSpacing(gap)
            keys = [self._key(f"key{index}.{column}", letter) for column, letter in enumerate(letters)]
            for key in keys:
                row.addWidget(key, 1)
            self._typing.append(keys)
            rows.addLayout(row)
        foot = QHBoxLayout()
        foot.setSpacing(gap)
        enter = self._key("enter", "…")
        enter.kind = "primary"
        enter.guard_ms = 400
        for key, stretch in (
            (self._key("cancel", "…"), 3),
            (self._key("shift", "", "shift"), 2),
            (self._key("signs", "#+="), 2),
            (self._key(" ", "…"), 4),
            (self._key("backspace", "", "backspace"), 2),
            (enter, 3),
        ):
            foot.addWidget(key, stretch)
        rows.addLayout(foot)
        return rows

    # -- verbs ---------------------------------------------------------------------------------------------------

    def ask_text(self, label: str, *, text: str = "", secret: bool = False, required: bool = True, max_length: int = 100) -> None:
        """Open the sheet; the answer comes as ``accepted`` or ``cancelled``.

        Args:
            label: What is asked for, in the current language.
            text: What the field held until now; the typing goes on behind it.
            secret: True for passwords: dots instead of letters, small letters first.
            required: False lets an empty text through.
            max_length: Most characters.
        """
        self._text, self._secret, self._required, self._max_length = text, secret, required, max_length
        self._label.set_text(label)
        self._page, self._lower = _LETTERS, secret
        self.message.clear()
        self._show()
        self.open()

    def text(self) -> str:
        """What was typed so far."""
        return self._text

    def press(self, key: str) -> None:
        """Do what a key does: ``key<row>.<column>``, " ", shift, signs, backspace, enter, cancel."""
        if key == "enter":
            self._enter()
            return
        if key == "cancel":
            self.cancel()
            return
        if key == "backspace":
            self._text = self._text[:-1]
        elif key == "shift":
            self._lower = not self._lower
        elif key == "signs":
            self._page = _SIGNS if self._page is _LETTERS else _LETTERS
        elif key == " ":
            self.type(" ")
        else:
            row, column = key.removeprefix("key").split(".")
            self.type(self._sign(int(row), int(column)))
        self._show()

    def type(self, text: str) -> None:
        """Add ``text`` as a hardware keyboard or scanner gives it: normalised, cut at the longest length."""
        self._text = (self._text + clean(text))[: self._max_length]
        if not self.message.isHidden():
            self.message.clear()
            self.refit()
        self._show()

    def _sign(self, row: int, column: int) -> str:
        sign = self._page[row][column]
        return sign.lower() if self._lower else sign

    def _enter(self) -> None:
        text = self._text if self._secret else self._text.strip()
        if self._required and not text:
            lines = Lines(self.tr("Nothing was typed yet."), self.tr("Type the text, then Enter."), self.tr("Nothing was changed."))
            self.message.show_lines(lines, "warning")
            self.refit()
            return
        self._text = ""
        self._show()
        self.close_with("confirmed")
        self.accepted.emit(text)

    def _on_finished(self, outcome: str) -> None:
        if outcome != "confirmed":
            self._text = ""
            self.cancelled.emit()

    # -- look and words ------------------------------------------------------------------------------------------

    def _show(self) -> None:
        self.display.show_text(DOT * len(self._text) if self._secret else self._text)
        self.display.setAccessibleName(self._label.text() if self._secret else f"{self._label.text()} {self._text}")
        for row, keys in enumerate(self._typing):
            for column, key in enumerate(keys):
                key.setText(self._sign(row, column))
        self.keys["shift"].kind = "secondary" if self._lower else "primary"
        self.keys["signs"].setText("#+=" if self._page is _LETTERS else "ABC")
        self.keys["shift"].update()

    def retranslate(self) -> None:
        """Keys in the other language; what was typed stays."""
        language = theme.language()
        self.keys["cancel"].setText(word("button.cancel", language))
        self.keys["enter"].setText(word("button.enter", language))
        self.keys[" "].setText(self.tr("Space"))
        self.keys["backspace"].setAccessibleName(word("button.backspace", language))
        self.keys["shift"].setAccessibleName(self.tr("Capital letters"))
        super().retranslate()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Letters, Backspace, Enter; Esc leaves."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.press("enter")
        elif event.key() == Qt.Key.Key_Backspace:
            self.press("backspace")
        elif clean(event.text()) and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.type(event.text())
        else:
            super().keyPressEvent(event)
            return
        event.accept()
