"""Change one's own PIN or password: when somebody else gave it, when it is too old, or because one wants to."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.errors import GenbaError, Invalid, Refused
from core.users.given import Secret
from core.users.proof import PASSWORD_MIN, check_strength
from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.sheets.proof import SecretSheet
from hmi.widgets.fields import FieldBox
from hmi.widgets.label import Label

Why = Literal["", "first", "aged"]


class ChangePinSheet(SecretSheet):
    """The present one, the new one twice. With a reason it cannot be skipped: leaving it signs off.

    Args:
        parent: The content area.
        bridge: Changes and signs off through it.
        why: Why the person must; "" when he wants to.

    Signals:
        done(str): In words for a toast.
    """

    done = Signal(str)

    def __init__(self, parent: QWidget, bridge: Bridge, why: Why = "") -> None:
        super().__init__(parent, "change_pin")
        self._bridge = bridge
        self.why: Why = why
        self._because = Label("", "strong", wrap=True)
        self._because.setVisible(bool(why))
        self._rules = Label("", "body", "text2", wrap=True)
        self.current, self.new, self.again = (FieldBox("", kind="proof", required=True, max_length=128) for _ in range(3))
        for field, name in ((self.current, "current"), (self.new, "new"), (self.again, "again")):
            field.setObjectName(f"change_pin.{name}")
        first, second = QHBoxLayout(), QHBoxLayout()
        for row in (first, second):
            row.setSpacing(theme.current().px(16))
        first.addWidget(self.current, 1)
        first.addWidget(self._rules, 1)
        second.addWidget(self.new, 1)
        second.addWidget(self.again, 1)
        self.content.addWidget(self._because)
        self.content.addLayout(first)
        self.content.addLayout(second)
        self.current.entered.connect(self.new.setFocus)
        self.new.entered.connect(self.again.setFocus)
        self.again.entered.connect(self.press_confirm)
        self.on_confirm(self._change)
        self.finished.connect(self.deleteLater)
        self.say()

    def secrets(self) -> tuple[FieldBox, ...]:
        """All three; after a refusal the present one is typed again."""
        return (self.current, self.new, self.again)

    def first_focus(self) -> QWidget:
        """The present PIN."""
        return self.current.edit

    def say(self) -> None:
        """Set every text in the current language; what was typed stays."""
        digits = self._bridge.station.people.pin_digits
        self.set_title(self.tr("Change PIN"))
        self.set_confirm_word(self.tr("Change PIN"))
        reasons = {
            "": "",
            "first": self.tr("Somebody else gave you this PIN. Choose one that only you know."),
            "aged": self.tr("Your PIN is too old. Choose a new one."),
        }
        self._because.set_text(reasons[self.why])
        rules = self.tr(
            "At least {digits} digits, or {characters} characters with letters. Not the one you have now, not 111111, not 123456."
        )
        self._rules.set_text(rules.format(digits=digits, characters=PASSWORD_MIN))
        self.current.set_label(self.tr("PIN or password now"))
        self.new.set_label(self.tr("New PIN or password"))
        self.again.set_label(self.tr("The new one again"))
        if self.why:
            self.cancel_button.setText(word("button.logout", theme.language()))

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "again"):
            self.say()
            self.refit()

    def cancel(self) -> None:
        """Leave; who must change his PIN is signed off by it."""
        if self.confirm_button.pending:
            return
        if self.why:
            self._bridge.start(self._bridge.sign_out())
        super().cancel()

    def _change(self) -> None:
        if not all(field.check() for field in (self.current, self.new, self.again)):
            self.refit()
            return
        wrong = self._wrong()
        if wrong is not None:
            field, error = wrong
            self.show_error(error)
            field.edit.selectAll()
            field.setFocus()
            return
        self.set_pending(True)
        self._bridge.start(self._run(), on_error=self._refused)

    def _wrong(self) -> tuple[FieldBox, GenbaError] | None:
        """What can be told without asking: the database decides all the same."""
        try:
            check_strength(Secret(self.new.text()), self._bridge.station.people.pin_digits, (self._bridge.station.actor.user_code,))
        except Invalid as error:
            return self.new, error
        if self.new.text() == self.current.text():
            return self.new, Invalid("users.secret_same")
        if self.new.text() != self.again.text():
            return self.again, Invalid("users.repeat_differs")
        return None

    async def _run(self) -> None:
        await self._bridge.change_pin(self.current.text(), self.new.text())
        self.set_pending(False)
        self.close_with("confirmed")
        self.done.emit(self.tr("Your PIN was changed."))

    def _refused(self, error: Exception) -> None:
        self.refuse(Refused("users.current_wrong") if isinstance(error, Refused) and error.code == "users.wrong" else error)
