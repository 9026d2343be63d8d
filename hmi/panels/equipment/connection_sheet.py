"""Everything about one connection on one sheet; for screens on which it does not stand beside the list."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels.equipment.certificate_sheet import certificate_button
from hmi.panels.equipment.connection_words import Connection, Words
from hmi.panels.equipment.view import View
from hmi.sheets.ask_form import Asked, AskForm, Form
from hmi.widgets.facts import Facts
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.three_lines import ThreeLines

translate = QCoreApplication.translate
_AGAIN_S: Final = 1.0


class ConnectionSheet(BottomSheet):
    """Stays true while it is open.

    Args:
        parent: The content area.
        bridge: Ticks.
        words: Says it.
        one: The connection.
        again: Gives it as it is now; None when it left the site.

    Signals:
        certificate_wanted(): The certificate that the machine shows is to be looked at.
    """

    certificate_wanted = Signal()

    def __init__(self, parent: QWidget, bridge: Bridge, words: Words, one: Connection, again: Callable[[], Connection | None]) -> None:
        super().__init__(parent)
        self._words, self._one, self._find = words, one, again
        self._said_at = time.monotonic()
        self.setObjectName("sheet.connection")
        self.facts = Facts()
        self.trouble = ThreeLines(closable=False)
        self.safety = ThreeLines(closable=False)
        self.certificate = certificate_button(self._to_certificate)
        for part in (self.facts, self.trouble, self.certificate, self.safety):
            self.content.addWidget(part)
        self.cancel_button.hide()
        self.finished.connect(self.deleteLater)
        bridge.frame.connect(self._frame)
        self.say()

    def _to_certificate(self) -> None:
        self.close_with("confirmed")
        self.certificate_wanted.emit()

    def _frame(self, _: float) -> None:
        if self.isVisible() and time.monotonic() - self._said_at >= _AGAIN_S:
            self._said_at = time.monotonic()
            one = self._find()
            if one is not None and one != self._one:
                self._one = one
                self.say()

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "safety"):
            self.say()

    def say(self) -> None:
        """Set every text in the current language."""
        one, shown = self._one, self.trouble.lines
        self.set_title(self._words.title(one))
        self.set_confirm_text(word("button.close", theme.language()))
        self.facts.show_lines(self._words.facts(one))
        trouble = self._words.trouble(one)
        if trouble is None:
            self.trouble.clear()
        else:
            self.trouble.show_error(trouble)
        self.certificate.setText(self.tr("Look at its certificate"))
        self.certificate.setVisible(one.shows_certificate)
        self.safety.show_error(self._words.safety_lines(one))
        if shown != self.trouble.lines:
            self.refit()


def accept_form(view: View, source: str, identity: str) -> AskForm:
    """Somebody has looked at the machine that stands there now and says why it is the right one."""

    def form() -> Form:
        title = translate("ConnectionSheet", "Accept this machine")
        note = translate("ConnectionSheet", "{source} now calls itself “{identity}”. Look at the machine itself before you accept it.")
        return Form(title, (Asked("reason", word("button.reason", theme.language())),), note.format(source=source, identity=identity))

    async def decide(given: Mapping[str, Any]) -> None:
        await view.bridge.machines.accept(source, identity, given["reason"])

    sheet = AskForm(view.ground, view.bridge, form, decide)
    sheet.done.connect(lambda: view.toast.emit(translate("ConnectionSheet", "{source}: accepted").format(source=source)))
    return sheet
