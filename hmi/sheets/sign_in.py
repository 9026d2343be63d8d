"""Sign in by code or badge and PIN or password, switch the person, change the PIN, or sign off."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.sheets.proof import Given, ProofSheet
from hmi.widgets.button import TouchButton
from hmi.widgets.label import Label
from hmi.widgets.overlay import AtSwitch

_RECENT_MAX = 4
_NARROW_U = 180
_recent: list[tuple[str, str]] = []
"""(code, name) of those who signed in since this program started, latest first; nothing of it is kept on disk."""


def known_names() -> dict[str, str]:
    """Names by code of those who signed in here since this program started."""
    return dict(_recent)


class SignInSheet(ProofSheet):
    """Two fields and one button; whoever signed in here before is one touch away from his PIN.

    Args:
        parent: The content area.
        bridge: Signs in through it.
        hint: A line under the fields, for the demo's users; "" for none.

    Signals:
        change_pin(): Whoever is signed in wants another PIN.
        signed_in(str): Somebody did, with this badge; "" without.
    """

    change_pin = Signal()
    signed_in = Signal(str)
    at_switch: AtSwitch = "stay"

    def __init__(self, parent: QWidget, bridge: Bridge, *, hint: str = "") -> None:
        super().__init__(parent, "sign_in")
        self._bridge = bridge
        self._is_somebody = bridge.is_ready and bridge.station.actor.session_id is not None
        self._hint = Label(hint, "label", "text2", wrap=True)
        self._hint.setVisible(bool(hint))
        self._people = QGridLayout()
        self._own = QHBoxLayout()
        self.pin_button = TouchButton("", kind="quiet", icon="lock")
        self.pin_button.clicked.connect(self._to_pin)
        self.sign_off_button = TouchButton("", kind="quiet")
        self.sign_off_button.clicked.connect(self._leave)
        for row in (self._own, self._people):
            row.setSpacing(theme.current().gap)
            self.content.addLayout(row)
        self.content.addWidget(self.identity)
        self.content.addWidget(self._hint)
        self._add_people()
        self.on_confirm(self._sign_in)
        self.finished.connect(self.deleteLater)
        self.say()

    def _add_people(self) -> None:
        buttons = []
        for code, name in _recent[:_RECENT_MAX]:
            button = TouchButton(name, kind="secondary", icon="users")
            button.clicked.connect(lambda _=False, chosen=code: self._choose(chosen))
            buttons.append(button)
        wide = max((button.sizeHint().width() for button in buttons), default=0)
        columns = _RECENT_MAX if wide <= theme.current().px(_NARROW_U) else 2
        for index, button in enumerate(buttons):
            self._people.addWidget(button, index // columns, index % columns)
        self._people.setColumnStretch(columns, 1)
        self._own.addStretch(1)
        for button in (self.pin_button, self.sign_off_button):
            self._own.addWidget(button)
            button.setVisible(self._is_somebody)

    def _choose(self, code: str) -> None:
        self.identity.take_code(code)
        self.secret.open_sheet()

    def say(self) -> None:
        """Set every text in the current language; what was typed stays."""
        language = theme.language()
        self.set_title(word("button.switch_user" if self._is_somebody else "button.login", language))
        self.set_confirm_word(word("button.login", language))
        self.cancel_button.setText(word("button.cancel" if self._is_somebody else "button.guest", language))
        self.identity.say()
        self.pin_button.setText(self.tr("Change PIN"))
        self.sign_off_button.setText(word("button.logout", language))

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "_hint"):
            self.say()
            self.refit()

    def _sign_in(self) -> None:
        given = self.given()
        if given is not None:
            self.set_pending(True)
            self._bridge.start(self._try(given), on_error=self.refuse)

    async def _try(self, given: Given) -> None:
        actor = await self._bridge.sign_in(given.user_code, given.typed, badge=given.badge)
        entry = (actor.user_code, actor.name)
        _recent[:] = [entry, *(known for known in _recent if known[0] != actor.user_code)][:_RECENT_MAX]
        self.set_pending(False)
        self.close_with("confirmed")
        self.signed_in.emit(given.badge)

    def _to_pin(self) -> None:
        self.close_with("cancelled")
        self.change_pin.emit()

    def _leave(self) -> None:
        self._bridge.start(self._bridge.sign_out())
        self.close_with("cancelled")
