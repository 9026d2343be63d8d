"""Sign in by code and PIN or password, switch the person, or sign off."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.errors import GenbaError
from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.widgets.button import TouchButton
from hmi.widgets.fields import FieldBox
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet

_RECENT_MAX = 4
_recent: list[tuple[str, str]] = []
"""(code, name) of those who signed in since this program started, latest first; nothing of it is kept on disk."""


class SignInSheet(BottomSheet):
    """Two fields and one button; whoever signed in here before is one touch away from his PIN.

    Args:
        parent: The content area.
        bridge: Signs in through it.
        hint: A line under the fields, for the demo's users; "" for none.
    """

    def __init__(self, parent: QWidget, bridge: Bridge, *, hint: str = "") -> None:
        super().__init__(parent, enter_confirms=True, max_width_u=760)
        self._bridge = bridge
        self.setObjectName("sheet.sign_in")
        self.code = FieldBox("", kind="code", required=True, max_length=50)
        self.code.setObjectName("sign_in.code")
        self.secret = FieldBox("", kind="secret", required=True, max_length=128)
        self.secret.setObjectName("sign_in.secret")
        self._hint = Label(hint, "label", "text2", wrap=True)
        self._hint.setVisible(bool(hint))
        self._people = QHBoxLayout()
        self._sign_off = TouchButton("", kind="quiet")
        self._sign_off.clicked.connect(self._leave)
        self.content.addLayout(self._people)
        fields = QHBoxLayout()
        fields.setSpacing(theme.current().px(16))
        fields.addWidget(self.code, 1)
        fields.addWidget(self.secret, 1)
        self.content.addLayout(fields)
        self.content.addWidget(self._hint)
        self._add_people()
        self.code.entered.connect(self.secret.setFocus)
        self.secret.entered.connect(self.press_confirm)
        self.on_confirm(self._sign_in)
        self.finished.connect(self.deleteLater)
        self.say()

    def _add_people(self) -> None:
        for code, name in _recent[:_RECENT_MAX]:
            button = TouchButton(name, kind="secondary", icon="users")
            button.clicked.connect(lambda _=False, chosen=code: self._choose(chosen))
            self._people.addWidget(button)
        self._people.addStretch(1)
        if self._bridge.is_ready and self._bridge.station.actor.session_id is not None:
            self._people.addWidget(self._sign_off)
        else:
            self._sign_off.hide()

    def _choose(self, code: str) -> None:
        self.code.set_text(code)
        self.secret.setFocus()
        self.secret.open_sheet()

    def first_focus(self) -> QWidget:
        """The code, so that a hardware keyboard or a badge reader can begin at once."""
        return self.code.edit

    def say(self) -> None:
        """Set every text in the current language; what was typed stays."""
        language = theme.language()
        self.set_title(word("button.login", language))
        self.set_confirm_text(word("button.login", language))
        self.code.set_label(self.tr("User ID"))
        self.secret.set_label(self.tr("PIN or password"))
        self._sign_off.setText(word("button.logout", language))

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "_hint"):
            self.say()

    def _sign_in(self) -> None:
        if not (self.code.check() and self.secret.check()):
            self.refit()
            return
        self.set_pending(True)
        typed, code = self.secret.text(), self.code.text()
        self._bridge.start(self._try(code, typed), on_error=self._failed)

    async def _try(self, code: str, typed: str) -> None:
        actor = await self._bridge.sign_in(code, typed)
        entry = (actor.user_code, actor.name)
        _recent[:] = [entry, *(known for known in _recent if known[0] != actor.user_code)][:_RECENT_MAX]
        self.secret.set_text("")
        self.set_pending(False)
        self.close_with("confirmed")

    def _failed(self, error: Exception) -> None:
        self.secret.set_text("")
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))

    def _leave(self) -> None:
        self._bridge.start(self._bridge.sign_out())
        self.close_with("cancelled")
