"""Write one value of a machine: enter it, confirm old → new, read what the machine says; and put the old value back."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.errors import GenbaError, Lines, NotConfirmed
from core.live.sample import Quality, Value
from core.live.tags import TagSpec, TagType
from core.words import UNDEFINED, name, number, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.widgets.button import TouchButton
from hmi.widgets.entry import NumberEntry
from hmi.widgets.fields import FieldBox
from hmi.widgets.keypad import NumericKeypad
from hmi.widgets.label import Label
from hmi.widgets.sheet import CONFIRM_S, BottomSheet

if TYPE_CHECKING:
    from core.live.writes import WriteResult

_AGAIN_S: Final = 0.5
_WHOLE: Final = frozenset(TagType) - {TagType.BOOL, TagType.STRING, TagType.FLOAT32, TagType.FLOAT64}


class SetpointSheet(BottomSheet):
    """Two steps to a write: the keypad (or a choice), then 確定 at the other side; after 60 s nothing was written.

    Args:
        parent: The content area.
        bridge: Writes through it.
        spec: A tag with a write policy.

    Signals:
        done(str): What became of it, in words for a toast.
    """

    done = Signal(str)

    def __init__(self, parent: QWidget, bridge: Bridge, spec: TagSpec) -> None:
        super().__init__(parent, timeout_s=CONFIRM_S)
        self._bridge, self.spec = bridge, spec
        self._old: Value = bridge.sample(spec.name).value
        self._new: Value = None
        self._result: WriteResult | None = None
        self._seen_at = 0.0
        self._keypad: NumericKeypad | None = None
        self.setObjectName("sheet.setpoint")
        self._what = Label("", "value", wrap=True)
        self._outcome = Label("", "strong", wrap=True)
        self._interlock = Label("", "body", "text", wrap=True)
        self._range = Label("", "label", "text2", wrap=True)
        self._who = Label("", "label", "text2")
        self.edit = TouchButton("", icon="keyboard")
        self.back = TouchButton("", icon="undo")
        self.on, self.off = TouchButton(""), TouchButton("")
        self.text: FieldBox | None = None
        self.reason: FieldBox | None = None
        self._lay_out()
        self.on_confirm(self._write)
        self.finished.connect(self._ended)
        bridge.frame.connect(self._frame)
        self.say()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self._what, 1)
        for button, id in ((self.off, "off"), (self.on, "on"), (self.edit, "edit"), (self.back, "back")):
            button.setObjectName(f"setpoint.{id}")
            row.addWidget(button)
        kind = self.spec.type
        self.on.setVisible(kind is TagType.BOOL)
        self.off.setVisible(kind is TagType.BOOL)
        self.edit.setVisible(kind not in (TagType.BOOL, TagType.STRING))
        self.back.hide()
        self.on.clicked.connect(lambda: self._choose(value=True))
        self.off.clicked.connect(lambda: self._choose(value=False))
        self.edit.clicked.connect(self._ask_number)
        self.back.clicked.connect(self._put_back)
        self.content.addLayout(row)
        if kind is TagType.STRING:
            self.text = FieldBox("", kind="code", required=True)
            self.text.setObjectName("setpoint.text")
            self.text.changed.connect(lambda typed: self._choose(value=typed))
            self.content.addWidget(self.text)
        if self.spec.write is not None and self.spec.write.needs_reason:
            self.reason = FieldBox("", required=True)
            self.reason.setObjectName("setpoint.reason")
            self.content.addWidget(self.reason)
        for label in (self._outcome, self._interlock, self._range, self._who):
            self.content.addWidget(label)
        self._outcome.hide()

    # -- entry ---------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open; a number is asked for at once, a switch is proposed to be turned."""
        super().open()
        if self.spec.type is TagType.BOOL:
            self._choose(value=self._old is not True)
        elif self.spec.type is not TagType.STRING:
            self._ask_number()

    def _ask_number(self) -> None:
        policy = self.spec.write
        if self._keypad is not None or policy is None:
            return
        decimals = 0 if self.spec.type in _WHOLE and float(self.spec.scale).is_integer() else self.spec.decimals
        old = Decimal(str(self._old)) if isinstance(self._old, int | float) and not isinstance(self._old, bool) else None
        entry = NumberEntry(self._label(), self.spec.unit, _decimal(policy.low), _decimal(policy.high), decimals, old)
        keypad = self._keypad = NumericKeypad(self.window())
        keypad.accepted.connect(lambda text: self._choose(value=float(text) if decimals else int(text)))
        keypad.cancelled.connect(self._left)
        keypad.finished.connect(self._keypad_gone)
        keypad.ask_number(entry)

    def _keypad_gone(self, _: str) -> None:
        keypad, self._keypad = self._keypad, None
        if keypad is not None:
            keypad.deleteLater()

    def _left(self) -> None:
        """Left the keypad without a number: without an earlier one there is nothing to confirm."""
        if self._new is None:
            self.cancel()

    def _choose(self, *, value: Value) -> None:
        self._new = value
        self.message.clear()
        self.say()
        self.refit()

    # -- words ---------------------------------------------------------------------------------------------------

    def _label(self) -> str:
        return name(self.spec.label, theme.language()) if self.spec.label else self.spec.name

    def _said(self, value: Value, *, unit: bool = True) -> str:
        if value is None or value == "":
            return UNDEFINED
        if isinstance(value, bool):
            return self.tr("ON") if value else self.tr("OFF")
        text = value if isinstance(value, str) else number(value, self.spec.decimals)
        return f"{text} {self.spec.unit}".strip() if unit else text

    def say(self) -> None:
        """Set every text in the current language; what was entered stays."""
        self.set_title(self.tr("Write: {tag}").format(tag=self._label()))
        self.edit.setText(self.tr("Other value"))
        self.on.setText(self.tr("ON"))
        self.off.setText(self.tr("OFF"))
        for button, value in ((self.on, True), (self.off, False)):
            button.kind = "primary" if self._new is value else "secondary"
            button.icon_name = "check" if self._new is value else ""
            button.update()
        if self.text is not None:
            self.text.set_label(self.tr("New text"))
        if self.reason is not None:
            self.reason.set_label(self.tr("Reason"))
        self.back.setText(self.tr("Put back {value}").format(value=self._said(self._old)))
        self._who.set_text(self.tr("by {name}").format(name=self._bridge.station.actor.name))
        self._say_result()
        self._say_interlock()
        for label in (self._interlock, self._range):
            label.setVisible(bool(label.text()))

    def _say_result(self) -> None:
        result = self._result
        self._range.set_text(self._allowed() if result is None else "")
        if result is None:
            self.set_confirm_text("")
            self._what.set_text(f"{self._said(self._old, unit=False)} → {self._said(self._new)}")
            return
        self.set_confirm_text(word("button.close", theme.language()))
        self._what.set_text(f"{self._said(result.intent.before, unit=False)} → {self._said(result.read_back)}")
        confirmed = self.tr("Confirmed: the machine itself says {value} ({seconds} s).")
        self._outcome.set_text(confirmed.format(value=self._said(result.read_back), seconds=f"{result.confirmed_after_s:.1f}"))

    def _allowed(self) -> str:
        policy = self.spec.write
        if policy is None or self.spec.type in (TagType.BOOL, TagType.STRING):
            return ""
        low, high = number(policy.low, self.spec.decimals), number(policy.high, self.spec.decimals)
        return self.tr("Allowed: {low} to {high}").format(low=low, high=f"{high} {self.spec.unit}".strip())

    def _say_interlock(self) -> None:
        """Whether the machine permits it now, in words; the write itself checks it again."""
        guard = self.spec.write.interlock if self.spec.write is not None else None
        if guard is None or self._result is not None:
            self._interlock.set_text("")
            return
        spec = next((spec for spec in self._bridge.station.site.tags if spec.name == guard), None)
        shown = name(spec.label, theme.language()) if spec is not None and spec.label else guard
        sample = self._bridge.sample(guard)
        if sample.quality is not Quality.GOOD:
            self._interlock.set_text(self.tr("Cannot be written: the state of “{interlock}” is not known.").format(interlock=shown))
        elif sample.value is not True:
            self._interlock.set_text(self.tr("Cannot be written: “{interlock}” is OFF.").format(interlock=shown))
        else:
            self._interlock.set_text(self.tr("Permitted: “{interlock}” is ON.").format(interlock=shown))

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "reason"):
            self.say()
            self.refit()

    # -- while it is open ----------------------------------------------------------------------------------------

    def _frame(self, _: float) -> None:
        if not self.isVisible() or self.confirm_button.pending or time.monotonic() - self._seen_at < _AGAIN_S:
            return
        self._seen_at = time.monotonic()
        self._say_interlock()
        if self._result is None:
            value = self._bridge.sample(self.spec.name).value
            if value != self._old and self.back.isHidden():
                self._old = value  # old → new is what would happen now, not what stood there when the sheet came up
                self.say()
        elif not self.back.isHidden() and not self._is_ours(self._result):
            self.back.hide()
            self._outcome.set_text(self.tr("The value was changed again since then."))
            self.refit()

    def _is_ours(self, result: WriteResult) -> bool:
        """Whether what the machine has now is still what this sheet wrote."""
        last = self._bridge.machines.to_put_back(self.spec.name)
        return last is not None and last.id == result.intent.id

    # -- writing -------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        if self._result is not None:
            self.close_with("confirmed")
            return
        checked = [field.check() for field in (self.text, self.reason) if field is not None]  # every one says what it lacks
        if not all(checked):
            self.refit()
            return
        if self._new is None:
            nothing = Lines(self.tr("Nothing was typed yet."), self.tr("Enter the new value."), self.tr("Nothing was sent."))
            self.message.show_lines(nothing, "warning")
            self.refit()
            return
        self.set_pending(True)
        self._bridge.start(self._run(self._new), on_error=self._failed)

    async def _run(self, value: Value) -> None:
        reason = self.reason.text() if self.reason is not None else ""
        result = await self._bridge.machines.write(self.spec.name, value, seen=self._old, reason=reason)
        self._show_result(result)
        words = self.tr("{tag}: {old} → {new}, confirmed")
        self.done.emit(words.format(tag=self._label(), old=self._said(result.intent.before, unit=False), new=self._said(result.read_back)))

    def _show_result(self, result: WriteResult) -> None:
        self.set_pending(False)
        self.end_time()
        self._result, self._old = result, result.intent.before
        for part in (self.edit, self.on, self.off, self.text, self.reason):
            if part is not None:
                part.hide()
        self.cancel_button.hide()
        self._outcome.show()
        self.back.setVisible(self._is_ours(result) and self._old != result.read_back)
        self.say()
        self.refit()

    def _put_back(self) -> None:
        self.set_pending(True)
        self.back.set_pending(True)
        self._bridge.start(self._run_back(), on_error=self._failed)

    async def _run_back(self) -> None:
        result = await self._bridge.machines.put_back(self.spec.name)
        self.back.set_pending(False)
        self.set_pending(False)
        self.close_with("confirmed")
        self.done.emit(self.tr("{tag}: {value} put back, confirmed").format(tag=self._label(), value=self._said(result.read_back)))

    def _failed(self, error: Exception) -> None:
        self.back.set_pending(False)
        if isinstance(error, NotConfirmed) and self._result is None:
            # Nobody knows whether the machine took it: the old value is one touch away.
            self.end_time()
            self.cancel_button.setText(word("button.close", theme.language()))
            self.back.setVisible(self._bridge.machines.to_put_back(self.spec.name) is not None)
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))

    def _ended(self, _: str) -> None:
        if self._keypad is not None:
            self._keypad.close_with("cancelled")
        self.deleteLater()


def _decimal(limit: float) -> Decimal | None:
    found = Decimal(str(limit))
    return found if found.is_finite() else None
