"""A form that outlives the program: what is typed is kept, comes back into the same form for the same person, and goes when it is sent.

Nothing secret takes part: fields for PINs and passwords are not even looked at. Setpoints take no part either: a wish of half an hour ago
must not stand one touch away from a machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCoreApplication, QObject, QTimer

from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.sheets.choice import ChoiceField
from hmi.widgets.fields import HIDDEN, FieldBox
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet

if TYPE_CHECKING:
    from core.store.drafts import Draft

translate = QCoreApplication.translate
SAVE_MS: Final = 400
"""What was typed is on its way to the disk after this time at the latest."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Something in a form that is no field, a row of buttons for example: how it reads and how it is put back."""

    text: Callable[[], str]
    set_text: Callable[[str], None]


class Drafting(QObject):
    """Keeps one open sheet. Make it when the sheet has its first values; call ``restore`` when everything can be chosen.

    Args:
        sheet: Ends it: confirmed or cancelled, the draft is dropped; timed out, it is kept.
        bridge: Knows the drafts and who is signed in.
        form: Name of the operation that the form ends in.
        about: Key of what the form is about; "" for nothing.
        fields: What is kept, by name; whoever changes what is ``Chosen`` calls ``changed``.
    """

    def __init__(
        self, sheet: BottomSheet, bridge: Bridge, form: str, about: str, fields: Mapping[str, FieldBox | ChoiceField | Chosen]
    ) -> None:
        super().__init__(sheet)
        self._sheet, self._bridge, self._form, self._about = sheet, bridge, form, about
        self._who = bridge.station.actor.user_code if bridge.station.actor.session_id is not None else ""
        self._fields = {name: field for name, field in fields.items() if not (isinstance(field, FieldBox) and field.kind in HIDDEN)}
        self._first: dict[str, str] = self._typed()
        self._restored: Draft | None = None
        self.line = Label("", "label", "text2", wrap=True)
        self.line.hide()
        sheet.content.insertWidget(0, self.line)
        self._timer = QTimer(self)
        self._timer.setInterval(SAVE_MS)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.save)
        for field in self._fields.values():
            if not isinstance(field, Chosen):
                field.changed.connect(lambda _: self.changed())
        sheet.confirmed.connect(lambda: self.save(sent=True))
        sheet.finished.connect(self._ended)

    def restore(self) -> bool:
        """Put in what its person had typed when the program ended; False when there is nothing."""
        draft = self._bridge.drafts.find(self._who, self._form, self._about) if self._who else None
        self._first = self._typed()
        if draft is None:
            return False
        for name, text in draft.fields.items():
            field = self._fields.get(name)
            if isinstance(field, ChoiceField):
                field.choose(text)
            elif field is not None:
                field.set_text(text)
        self._timer.stop()
        self._restored = draft
        self.say()
        return True

    def say(self) -> None:
        """The one line, in the current language."""
        draft = self._restored
        if draft is None:
            return
        when = draft.saved_at.astimezone(self._bridge.zone()).strftime("%m-%d %H:%M")
        words = translate("Draft", "Restored: you had typed this at {time}.")
        if draft.sent:
            words = translate("Draft", "Restored: you had confirmed this at {time}. Look whether it is booked before you confirm again.")
        self.line.set_text(words.format(time=when))
        self.line.show()
        self._sheet.refit()

    def save(self, *, sent: bool = False) -> None:
        """Keep what stands in the form now; nothing while it is as it was opened."""
        self._timer.stop()
        typed = self._typed()
        if self._who and (sent or self._restored is not None or typed != self._first):
            self._bridge.drafts.keep(self._who, self._form, self._about, typed, sent=sent)

    def changed(self) -> None:
        """Something was typed or chosen."""
        if not self._timer.isActive():
            self._timer.start()

    def _typed(self) -> dict[str, str]:
        return {name: field.chosen if isinstance(field, ChoiceField) else field.text() for name, field in self._fields.items()}

    def _ended(self, outcome: str) -> None:
        self._timer.stop()
        if outcome == "timed_out":
            self.save()
        elif self._who:
            self._bridge.drafts.drop(self._who, self._form, self._about)


def unfinished(bridge: Bridge, who: str) -> str:
    """That something of ``who`` waits in a form since before the program was started; "" for nothing."""
    forms = dict.fromkeys(word(f"operation.{draft.form}", theme.language()) for draft in bridge.drafts.of(who))
    if not forms:
        return ""
    return translate("Draft", "Unfinished entries are kept: {forms}. Open the form again.").format(forms=", ".join(forms))
