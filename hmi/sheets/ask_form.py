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
from hmi.sheets.draft import Drafting
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


@dataclass(frozen=True, slots=True)
class Form:
    """What a form says, in the current language.

    Attributes:
        title: What is decided; also on the button that decides.
        asked: What is asked for, in the order shown; the same in every language but for its words.
        note: Words above the fields, one line each; "" for none.
        confirm: Text of that button; "" for the title.
    """

    title: str
    asked: Sequence[Asked] = ()
    note: str = ""
    confirm: str = ""


class Options(QWidget):
    """Buttons of which one, or several, are chosen; those carry a tick, because a colour alone says nothing."""

    def __init__(self, asked: Asked, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._asked = asked
        self._label = Label(asked.label, "label", "text2")
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
        column.addWidget(self._label)
        column.addLayout(row)
        column.addWidget(self.message)
        for key in filter(None, asked.value.split(",")):
            if key in self.buttons:
                self.buttons[key].setChecked(True)

    def say(self, asked: Asked) -> None:
        """The same choices in another language; what is chosen stays."""
        self._label.set_text(asked.label)
        for key, text in asked.choices:
            if key in self.buttons:
                self.buttons[key].setText(text)
        layout = self.layout()
        if layout is not None:
            layout.activate()  # the form asks for the height now, not at the next turn
        self.updateGeometry()

    @property
    def chosen(self) -> tuple[str, ...]:
        """Keys of what is chosen, in the order shown."""
        return tuple(key for key, button in self.buttons.items() if button.isChecked())

    def text(self) -> str:
        """What is chosen, as its buttons say it."""
        return ", ".join(self.buttons[key].text() for key in self.chosen)

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
        button.updateGeometry()
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
        form: Gives what the form says in the current language; asked again when that changes.
        decide: Takes the answers by name; ``several`` as a tuple of keys, everything else as text.
        draft: Name of the operation and key of what the form is about, when what is typed is kept over a restart; None: it is not.
        columns: Fields beside each other.
        kind: Of the button that decides.

    Signals:
        done(): It was decided.
    """

    done = Signal()

    def __init__(
        self,
        parent: QWidget,
        bridge: Bridge,
        form: Callable[[], Form],
        decide: Callable[[Mapping[str, Any]], Awaitable[Any]],
        *,
        draft: tuple[str, str] | None = None,
        columns: int = 1,
        kind: Kind = "primary",
    ) -> None:
        super().__init__(parent, kind=kind)
        self._bridge, self._form, self._decide = bridge, form, decide
        self.setObjectName("sheet.ask_form")
        self.fields: dict[str, FieldBox] = {}
        self.options: dict[str, Options] = {}
        self._scans = ""
        said = form()
        self._notes = [Label(line, "body", "text2", wrap=True) for line in filter(None, said.note.split("\n"))]
        for line in self._notes:
            self.content.addWidget(line)
        self._lay_out(said.asked, columns)
        self._draft = None if draft is None else Drafting(self, bridge, *draft, self.fields)
        if self._draft is not None:
            self._draft.restore()
        self.on_confirm(self._confirm)
        self.finished.connect(self.deleteLater)
        self.say()

    def _lay_out(self, asked: Sequence[Asked], columns: int) -> None:
        grid = QGridLayout()
        grid.setSpacing(theme.current().px(10))
        self.content.addLayout(grid)
        place = 0
        for one in asked:
            wide = one.wide or one.kind in ("one", "several") or columns == 1
            if wide and place % columns:
                place += columns - place % columns
            grid.addWidget(self._made(one), place // columns, place % columns, 1, columns if wide else 1)
            place += columns if wide else 1
        for column in range(columns):
            grid.setColumnStretch(column, 1)

    def say(self) -> None:
        """Set every text in the current language; everything typed and chosen stays."""
        said = self._form()
        self.set_title(said.title)
        self.set_confirm_text(said.confirm or said.title)
        for label, line in zip(self._notes, filter(None, said.note.split("\n")), strict=False):
            label.set_text(line)
        for one in said.asked:
            if one.name in self.options:
                self.options[one.name].say(one)
            else:
                self.fields[one.name].set_label(one.label)
        if self._draft is not None:
            self._draft.say()
        self.refit()

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "_notes"):
            self.say()

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
