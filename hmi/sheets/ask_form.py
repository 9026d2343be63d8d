"""A short form that asks for a few things and decides: fields as data, one operation at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from core.errors import GenbaError, Lines
from hmi import theme
from hmi.bridge import Bridge
from hmi.widgets.button import Kind, TouchButton
from hmi.widgets.entry import NumberEntry
from hmi.widgets.fields import FieldBox, FieldKind
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.three_lines import ThreeLines

_FIELDS: Mapping[str, FieldKind] = {"text": "text", "code": "code", "secret": "secret", "number": "number", "scan": "code"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that is asked for.

    Attributes:
        name: Key of its answer.
        label: In the current language.
        kind: A field's kind; ``scan``: typed, or whatever a reader reads while the form is open; ``one`` or ``several`` of ``choices``.
        choices: (key, text) pairs, shown as buttons.
        value: What stands there at first; keys joined by "," for ``several``.
        required: False when it may stay empty.
        entry: Range of a number.
        wide: As wide as the form, where it has several columns.
    """

    name: str
    label: str
    kind: str = "text"
    choices: tuple[tuple[str, str], ...] = ()
    value: str = ""
    required: bool = True
    entry: NumberEntry | None = None
    wide: bool = False


class Options(QWidget):
    """Buttons of which one, or several, are chosen; those carry a tick, because a colour alone says nothing."""

    def __init__(self, asked: Asked, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._asked = asked
        self.buttons: dict[str, TouchButton] = {}
        self.message = ThreeLines(closable=False)
        row = QHBoxLayout()
        row.setSpacing(theme.current().gap)
        for key, text in asked.choices:
            button = self.buttons[key] = TouchButton(text, role="body")
            button.setObjectName(f"ask_form.{asked.name}.{key}")
            button.setCheckable(True)
            button.guard_ms = 0
            button.toggled.connect(lambda on, key=key: self._toggled(key, on))
            row.addWidget(button, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.current().px(4))
        column.addWidget(Label(asked.label, "label", "text2"))
        column.addLayout(row)
        column.addWidget(self.message)
        for key in filter(None, asked.value.split(",")):
            if key in self.buttons:
                self.buttons[key].setChecked(True)

    @property
    def chosen(self) -> tuple[str, ...]:
        """Keys of what is chosen, in the order shown."""
        return tuple(key for key, button in self.buttons.items() if button.isChecked())

    def check(self) -> bool:
        """True when as much is chosen as must be; says so under the buttons when not."""
        if self.chosen or self._asked.kind == "several":
            return True
        self.message.show_lines(
            Lines(self.tr("Nothing is chosen yet."), self.tr("Touch one of them."), self.tr("What you entered is kept.")), "warning"
        )
        return False

    def _toggled(self, key: str, on: bool) -> None:
        button = self.buttons[key]
        button.kind, button.icon_name = ("primary", "check") if on else ("secondary", "")
        button.update()
        if on:
            self.message.clear()
        if self._asked.kind != "one":
            return
        if on:
            for other, each in self.buttons.items():
                if other != key:
                    each.setChecked(False)
        elif not self.chosen:
            button.setChecked(True)  # touched a second time: still the one


class AskForm(BottomSheet):
    """Asks, decides, and stays open with everything typed when it is refused.

    Args:
        parent: The content area.
        bridge: Decides through it.
        title: What is decided, in the current language; also on the button.
        asked: What is asked for, in the order shown.
        decide: Takes the answers by name; ``several`` as a tuple of keys, everything else as text.
        note: Words above the fields; "" for none.
        columns: Fields beside each other.
        kind: Of the button that decides.
        confirm: Text of that button; "" for the title.

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
        columns: int = 1,
        kind: Kind = "primary",
        confirm: str = "",
    ) -> None:
        super().__init__(parent, title, confirm=confirm or title, kind=kind)
        self._bridge, self._decide = bridge, decide
        self.setObjectName("sheet.ask_form")
        self.fields: dict[str, FieldBox] = {}
        self.options: dict[str, Options] = {}
        self._scans = ""
        for line in filter(None, note.split("\n")):
            self.content.addWidget(Label(line, "body", "text2", wrap=True))
        self._grid = QGridLayout()
        self._grid.setSpacing(theme.current().px(10))
        self.content.addLayout(self._grid)
        place = 0
        for one in asked:
            wide = one.wide or one.kind in ("one", "several") or columns == 1
            if wide and place % columns:
                place += columns - place % columns
            self._grid.addWidget(self._made(one), place // columns, place % columns, 1, columns if wide else 1)
            place += columns if wide else 1
        for column in range(columns):
            self._grid.setColumnStretch(column, 1)
        self.on_confirm(self._confirm)
        self.finished.connect(self.deleteLater)

    def _made(self, one: Asked) -> QWidget:
        if one.kind in ("one", "several"):
            self.options[one.name] = options = Options(one)
            return options
        field = FieldBox(one.label, kind=_FIELDS[one.kind], required=one.required, entry=one.entry)
        field.setObjectName(f"ask_form.{one.name}")
        field.set_text(one.value)
        self.fields[one.name] = field
        if one.kind == "scan":
            self._scans = one.name
        return field

    def first_focus(self) -> QWidget:
        """The first field, for a hardware keyboard."""
        return next((field.edit for field in self.fields.values()), self)

    def take_scan(self, code: str) -> bool:
        """What a reader read while the form is open; False when it asks for nothing of the kind."""
        if not self._scans or self.confirm_button.pending:
            return False
        self.fields[self._scans].set_text(code)
        return True

    def answers(self) -> dict[str, Any]:
        """What stands in the form now."""
        chosen: dict[str, Any] = {
            name: some.chosen if some._asked.kind == "several" else next(iter(some.chosen), "") for name, some in self.options.items()
        }
        return {name: field.text() for name, field in self.fields.items()} | chosen

    def _confirm(self) -> None:
        # Not all() of a generator: every one says what it lacks.
        checked = [field.check() for field in self.fields.values()] + [options.check() for options in self.options.values()]
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
