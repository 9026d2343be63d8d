"""NumericKeypad: a number by touch or by hardware keys, with its range, its old value and an explanation when it cannot be."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from core.errors import Lines
from core.words import UNDEFINED, number, word
from hmi import theme
from hmi.widgets.button import TouchButton
from hmi.widgets.entry import NumberEntry, clean
from hmi.widgets.label import Label
from hmi.widgets.overlay import Overlay
from hmi.widgets.painted import Painted, draw_box
from hmi.widgets.text import RIGHT, font_fitting, text_width
from hmi.widgets.three_lines import ThreeLines

_ROWS = {"789": ("789", "456", "123"), "123": ("123", "456", "789")}
_STEPS = (-10, -1, 1, 10)
DOT = "●"


class Display(Painted):
    """The box with what is being typed, large, its unit behind it."""

    def __init__(self, parent: QWidget | None = None, *, align: Qt.AlignmentFlag = RIGHT) -> None:
        super().__init__(parent)
        self._text = ""
        self._unit = ""
        self._align = align
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_text(self, text: str, unit: str = "") -> None:
        """Show ``text``."""
        if (text, unit) != (self._text, self._unit):
            self._text, self._unit = text, unit
            self.update()

    def text(self) -> str:
        """What is shown."""
        return self._text

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """One hero line."""
        return QSize(theme.current().px(300), theme.current().px(76))

    def paint(self, painter: QPainter) -> None:
        """Field, text, unit, cursor."""
        now, rect = theme.current(), QRectF(self.rect())
        draw_box(painter, rect, now.color("field"), "accent", 3)
        inner = rect.adjusted(now.px(14), 0, -now.px(14), 0)
        unit = text_width(self._unit, "heading") + now.px(10) if self._unit else 0.0
        cursor = now.px(6)
        room = QRectF(inner.left(), inner.top(), inner.width() - unit - cursor, inner.height())
        role = font_fitting(self._text, ("hero", "value", "heading", "body"), room.width())
        self.write(painter, room, self._text, role, "text", self._align, may_cut=True)
        used = min(text_width(self._text, role), room.width())
        x = room.right() if self._align & Qt.AlignmentFlag.AlignRight else room.left() + used
        height = now.font_px("hero")
        painter.fillRect(QRectF(x + now.px(2), inner.center().y() - height / 2, now.px(3), height), now.color("accent"))
        self.write(painter, QRectF(inner.right() - unit, inner.top(), unit, inner.height()), self._unit, "heading", "text2", RIGHT)


class NumericKeypad(Overlay):
    """A number sheet. Call ``ask_number(entry)``; it opens and reports once.

    Hardware keys work as well: digits, point, minus, Backspace, Delete (clear), Enter, Esc. The key 入力 is never greyed
    out: with a number that cannot be it explains the range.

    Signals:
        accepted(str): The number as ASCII (``-12.5``) or the digits of a secret; inside its range.
        cancelled(): Left without a number.
    """

    accepted = Signal(str)
    cancelled = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, max_width_u=960)
        self.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled, False)
        self.entry = NumberEntry("")
        self._text = ""
        self._label = Label("", "heading", wrap=True)
        self._range = Label("", "label", "text2", wrap=True)
        self._old = Label("", "label", "text2", wrap=True)
        self.display = Display()
        self.message = ThreeLines(closable=False)
        self.keys: dict[str, TouchButton] = {}
        self._grid = QGridLayout()
        self._steppers = QWidget()
        row = QHBoxLayout()
        row.addLayout(self._left_side(), 5)
        row.addLayout(self._grid, 4)
        self.body.addLayout(row, 1)
        self._build_keys()
        self.finished.connect(self._on_finished)
        self.retranslate()

    # -- building ------------------------------------------------------------------------------------------------

    def _key(self, name: str, text: str = "", icon: str = "") -> TouchButton:
        key = TouchButton(text, icon=icon, large=True, role="value" if len(name) == 1 else "button")
        key.guard_ms = 0
        key.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        key.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        key.clicked.connect(lambda: self.press(name))
        self.keys[name] = key
        return key

    def _left_side(self) -> QVBoxLayout:
        side = QVBoxLayout()
        side.setSpacing(theme.current().px(8))
        for label in (self._label, self._range, self._old):
            side.addWidget(label)
        side.addWidget(self.display)
        side.addWidget(self._steppers)
        steps = QHBoxLayout(self._steppers)
        steps.setContentsMargins(0, 0, 0, 0)
        steps.setSpacing(theme.current().gap)
        for step in _STEPS:
            key = self._key(f"{step:+d}", f"{'−' if step < 0 else '+'}{abs(step)}")
            key.large = False
            steps.addWidget(key)
        side.addWidget(self.message)
        side.addStretch(1)
        cancel = self._key("cancel", "…")
        cancel.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        side.addWidget(cancel, 0, Qt.AlignmentFlag.AlignLeft)
        return side

    def _build_keys(self) -> None:
        self._grid.setSpacing(theme.current().gap)
        for row, digits in enumerate(_ROWS[theme.current().keypad]):
            for column, digit in enumerate(digits):
                self._grid.addWidget(self._key(digit, digit), row, column)
        for column, key in enumerate((self._key("±", "±"), self._key("0", "0"), self._key(".", "."))):
            self._grid.addWidget(key, 3, column)
        self._grid.addWidget(self._key("backspace", "…", "backspace"), 0, 3)
        self._grid.addWidget(self._key("clear", "…"), 1, 3)
        enter = self._key("enter", "…")
        enter.kind = "primary"
        enter.guard_ms = 400
        self._grid.addWidget(enter, 2, 3, 2, 1)
        for column in range(4):
            self._grid.setColumnStretch(column, 2 if column < 3 else 3)

    # -- verbs ---------------------------------------------------------------------------------------------------

    def ask_number(self, entry: NumberEntry) -> None:
        """Open the sheet for ``entry``; the answer comes as ``accepted`` or ``cancelled``."""
        self.entry = entry
        self._text = ""
        self.keys["±"].setEnabled(entry.may_be_negative)
        self.keys["."].setEnabled(entry.decimals > 0 and not entry.secret)
        self._steppers.setVisible(entry.steppers)
        self.message.clear()
        self._describe()
        self._show()
        self.open()

    def text(self) -> str:
        """What was typed so far."""
        return self._text

    def press(self, key: str) -> None:
        """Do what the key ``key`` does: a digit, ``.``, ``±``, ``+1`` …, backspace, clear, enter, cancel."""
        if key == "enter":
            self._enter()
            return
        if key == "cancel":
            self.cancel()
            return
        if key == "backspace":
            self._text = self._text[:-1]
        elif key == "clear":
            self._text = ""
        elif len(key) > 1:
            self._text = self.entry.stepped(self._text, int(key))
        else:
            self._text = self.entry.typed(self._text, key)
        if not self.message.isHidden():
            self.message.clear()
            self.refit()
        self._show()

    def _enter(self) -> None:
        problem = self.entry.problem(self._text)
        if problem:
            self.message.show_lines(self._explain(problem), "warning")
            self.refit()
            return
        text, self._text = self._text, ""
        self._show()
        self.close_with("confirmed")
        self.accepted.emit(text)

    def _on_finished(self, outcome: str) -> None:
        if outcome != "confirmed":
            self._text = ""
            self.cancelled.emit()

    # -- words ---------------------------------------------------------------------------------------------------

    def _range_text(self) -> str:
        entry = self.entry
        low, high = number(entry.low, entry.decimals), number(entry.high, entry.decimals)
        if entry.secret or (entry.low is None and entry.high is None):
            return ""
        if entry.high is None:
            return self.tr("{low} or more").format(low=low)
        if entry.low is None:
            return self.tr("{high} or less").format(high=high)
        return self.tr("{low} to {high}").format(low=low, high=high)

    def _explain(self, problem: str) -> Lines:
        if self.entry.secret:
            return Lines(self.tr("The number is too short."), self.tr("Type all digits, then Enter."), self.tr("Nothing was sent."))
        what = self.tr("Nothing was typed yet.") if problem == "empty" else self.tr("{value} cannot be entered here.")
        range_text = self._range_text()
        do = self.tr("Type a number: {range}.").format(range=range_text) if range_text else self.tr("Type a number.")
        safe = self.tr("Nothing was changed.")
        return Lines(what.format(value=self._text.replace("-", "−")), do, safe)

    def _describe(self) -> None:
        entry = self.entry
        self._label.set_text(entry.label)
        range_text = self._range_text()
        self._range.set_text(self.tr("Allowed: {range}").format(range=f"{range_text} {entry.unit}".rstrip()) if range_text else "")
        self._range.setVisible(bool(range_text))
        old = UNDEFINED if entry.old is None else f"{number(entry.old, entry.decimals)} {entry.unit}".rstrip()
        self._old.set_text(self.tr("Until now: {value}").format(value=old))
        self._old.setVisible(not entry.secret)

    def _show(self) -> None:
        shown = DOT * len(self._text) if self.entry.secret else self._text.replace("-", "−")
        self.display.show_text(shown, self.entry.unit)
        self.display.setAccessibleName(self.entry.label if self.entry.secret else f"{self.entry.label} {shown} {self.entry.unit}")

    def retranslate(self) -> None:
        """Keys and texts in the other language; what was typed stays."""
        language = theme.language()
        for key, id in (
            ("backspace", "button.backspace"),
            ("clear", "button.clear"),
            ("enter", "button.enter"),
            ("cancel", "button.cancel"),
        ):
            self.keys[key].setText(word(id, language))
        self._describe()
        super().retranslate()

    # -- hardware keys -------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Digits, point, minus, Backspace, Delete, Enter; Esc leaves."""
        named = {
            Qt.Key.Key_Return: "enter",
            Qt.Key.Key_Enter: "enter",
            Qt.Key.Key_Backspace: "backspace",
            Qt.Key.Key_Delete: "clear",
        }.get(Qt.Key(event.key()))
        typed = {",": ".", "-": "±", "−": "±"}.get(clean(event.text()), clean(event.text()))
        if named is not None:
            self.press(named)
        elif len(typed) == 1 and typed in "0123456789.±":
            self.press(typed)
        else:
            super().keyPressEvent(event)
            return
        event.accept()
