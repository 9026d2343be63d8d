"""A short form that asks for a few things and decides: fields as data, one operation at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.errors import GenbaError
from hmi import theme
from hmi.bridge import Bridge
from hmi.sheets.choice import ChoiceField
from hmi.widgets.button import TouchButton
from hmi.widgets.fields import FieldBox, FieldKind
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that is asked for.

    Attributes:
        name: Key of its answer.
        label: In the current language.
        kind: A field's kind, ``choice`` (one of ``choices``) or ``several`` (any of them, as buttons).
        choices: (key, text) pairs.
        value: What stands there at first; keys joined by "," for ``several``.
        required: False when it may stay empty.
    """

    name: str
    label: str
    kind: str = "text"
    choices: tuple[tuple[str, str], ...] = ()
    value: str = ""
    required: bool = True


class AskForm(BottomSheet):
    """Asks, decides, and stays open with everything typed when it is refused.

    Args:
        parent: The content area.
        bridge: Decides through it.
        title: What is decided, in the current language.
        asked: What is asked for, in the order shown.
        decide: Takes the answers by name; ``several`` as a tuple of keys.
        note: Words above the fields; "" for none.

    Signals:
        done(): It was decided.
    """

    done = Signal()

    def __init__(
        self,
        parent: QWidget,
        bridge: Bridge,
        title: str,
        asked: Sequence[Asked],
        decide: Callable[[Mapping[str, Any]], Awaitable[Any]],
        *,
        note: str = "",
    ) -> None:
        super().__init__(parent, title, confirm=title)
        self._bridge, self._decide = bridge, decide
        self.setObjectName("sheet.ask_form")
        self.fields: dict[str, FieldBox | ChoiceField] = {}
        self.several: dict[str, dict[str, TouchButton]] = {}
        if note:
            self.content.addWidget(Label(note, "body", "text2", wrap=True))
        for one in asked:
            self._add(one)
        self.on_confirm(self._confirm)
        self.finished.connect(self.deleteLater)

    def _add(self, one: Asked) -> None:
        if one.kind == "several":
            self.content.addWidget(Label(one.label, "label", "text2"))
            self.content.addLayout(self._toggles(one))
            return
        if one.kind == "choice":
            choice = ChoiceField(self.parentWidget() or self)
            choice.set_label(one.label)
            choice.show_choices(one.choices)
            choice.choose(one.value)
            self.fields[one.name] = choice
            self.content.addWidget(choice)
            return
        kinds: dict[str, FieldKind] = {"text": "text", "code": "code", "secret": "secret", "proof": "proof"}
        field = FieldBox(one.label, kind=kinds[one.kind], required=one.required)
        field.setObjectName(f"ask_form.{one.name}")
        field.set_text(one.value)
        self.fields[one.name] = field
        self.content.addWidget(field)

    def _toggles(self, one: Asked) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.current().gap)
        buttons = self.several[one.name] = {}
        for key, text in one.choices:
            button = TouchButton(text, kind="quiet")
            button.setCheckable(True)
            button.setObjectName(f"ask_form.{one.name}.{key}")
            button.toggled.connect(lambda on, b=button: self._mark(b, on))
            button.setChecked(key in one.value.split(","))
            buttons[key] = button
            row.addWidget(button, 1)
        return row

    @staticmethod
    def _mark(button: TouchButton, on: bool) -> None:
        # A colour alone says nothing: the chosen ones carry a tick.
        button.kind = "primary" if on else "quiet"
        button.icon_name = "check" if on else ""
        button.update()

    def first_focus(self) -> QWidget:
        """The first field, for a hardware keyboard."""
        return next((field.edit for field in self.fields.values() if isinstance(field, FieldBox)), self)

    def answers(self) -> dict[str, Any]:
        """What stands in the form now."""
        found: dict[str, Any] = {name: field.text() if isinstance(field, FieldBox) else field.chosen for name, field in self.fields.items()}
        return found | {name: tuple(key for key, button in some.items() if button.isChecked()) for name, some in self.several.items()}

    def _confirm(self) -> None:
        checked = [field.check() for field in self.fields.values()]  # every one says what it lacks
        if not all(checked):
            self.refit()
            return
        self.set_pending(True)
        self._bridge.start(self._run(), on_error=self._failed)

    async def _run(self) -> None:
        await self._decide(self.answers())
        self.set_pending(False)
        self.close_with("confirmed")
        self.done.emit()

    def _failed(self, error: Exception) -> None:
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))
