"""Needs attention: decisions made here that the world has overtaken, both sides of each, and the only ways off the list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from core.errors import GenbaError, Refused
from core.production.orders import get_order, order_changes
from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.sheets import attention_words as words
from hmi.widgets.button import TouchButton
from hmi.widgets.fields import FieldBox
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.table import Cell, Column, PagedTable

if TYPE_CHECKING:
    from core.store.journal import Entry


class AttentionSheet(BottomSheet):
    """A list; below it what was wanted beside how it is now, and what can be done about it.

    An intent is applied on what its order is now, marked as replaced by something else, or dropped; a fact is tried again, or booked
    by somebody who answers for it. Everything but trying again takes a reason.

    Args:
        parent: The content area.
        bridge: Asks and settles through it.

    Signals:
        order_pressed(UUID): The order is to be looked at, and something else decided there.
    """

    order_pressed = Signal(object)

    def __init__(self, parent: QWidget, bridge: Bridge) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._entries: dict[UUID, Entry] = {}
        self._now: dict[UUID, tuple[Any, Any] | None] = {}
        self._busy = False
        self.setObjectName("sheet.attention")
        self.table = PagedTable(row_u=56)
        self.table.setMinimumHeight(theme.current().px(170))
        self._heads = (Label("", "label", "text2"), Label("", "label", "text2"))
        # Small on purpose: both sides, the list and the reason stand on a screen of 1024 × 768.
        self.wanted = Label("", "label", "text", wrap=True)
        self.present = Label("", "label", "text", wrap=True)
        self.why = Label("", "label", "text2", wrap=True)
        self.reason = FieldBox("")
        self.reason.setObjectName("attention.reason")
        self.apply, self.look, self.replaced, self.drop, self.again, self.adopt = (
            TouchButton("", kind=kind) for kind in ("primary", "secondary", "secondary", "danger", "primary", "secondary")
        )
        for button, known in (
            (self.apply, "apply"), (self.look, "look"), (self.replaced, "replaced"), (self.drop, "drop"), (self.again, "again"),
            (self.adopt, "adopt"),
        ):  # fmt: skip
            button.setObjectName(f"attention.{known}")
        self._lay_out()
        self._connect()
        self.say()
        bridge.start(self._load(), on_error=self._failed, reader=self)

    def _lay_out(self) -> None:
        sides = QGridLayout()
        sides.setHorizontalSpacing(theme.current().px(24))
        for place, (head, text) in enumerate(zip(self._heads, (self.wanted, self.present), strict=True)):
            sides.addWidget(head, 0, place)
            sides.addWidget(text, 1, place)
            sides.setColumnStretch(place, 1)
        row = QHBoxLayout()
        row.setSpacing(theme.current().gap)
        for button in (self.again, self.apply, self.look, self.replaced, self.adopt, self.drop):
            row.addWidget(button, 1)
        self.content.addWidget(self.table, 1)
        self.content.addLayout(sides)
        self.content.addWidget(self.why)
        self.content.addWidget(self.reason)
        self.content.addLayout(row)
        self.cancel_button.hide()

    def _connect(self) -> None:
        self.table.selected.connect(lambda _: self._choose())
        self.again.clicked.connect(lambda: self._do(lambda one: self._bridge.overtaken.try_again(one), reasoned=False))
        self.apply.clicked.connect(lambda: self._do(lambda one: self._bridge.overtaken.apply_anew(one, self.reason.text())))
        self.adopt.clicked.connect(lambda: self._do(lambda one: self._bridge.overtaken.adopt(one, self.reason.text())))
        self.replaced.clicked.connect(lambda: self._do(lambda one: self._bridge.overtaken.settle(one, "changed", self.reason.text())))
        self.drop.clicked.connect(lambda: self._do(lambda one: self._bridge.overtaken.settle(one, "dropped", self.reason.text())))
        self.look.clicked.connect(self._look)
        self.finished.connect(self.deleteLater)

    def say(self) -> None:
        """Set every text in the current language; a typed reason stays."""
        language = theme.language()
        self.set_confirm_text(word("button.close", language))
        self.again.setText(word("button.retry", language))
        self.apply.setText(self.tr("Apply now"))
        self.look.setText(self.tr("Open the order"))
        self.replaced.setText(self.tr("Replaced"))
        self.drop.setText(self.tr("Drop"))
        self.adopt.setText(self.tr("Book in my name"))
        self.reason.set_label(self.tr("Reason"))
        for head, text in zip(self._heads, (self.tr("Wanted"), self.tr("Now")), strict=True):
            head.set_text(text)
        self.table.set_columns(
            [Column(self.tr("When"), 1.4), Column(self.tr("Who"), 1.1), Column(self.tr("What"), 2.2), Column(self.tr("Why not"), 3.2)]
        )
        self.table.set_empty_text(
            self.tr("Nothing needs attention."), self.tr("What is decided here while the database is away comes home by itself.")
        )
        self._show()

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "drop"):
            self.say()

    # -- showing -------------------------------------------------------------------------------------------------

    async def _load(self) -> None:
        await self._bridge.until_attached()
        self._entries = {entry.request.id: entry for entry in await self._bridge.overtaken.entries()}
        self._now = {}
        self._show()
        if self._entries and self._chosen() is None:
            self.table.select(next(iter(self._entries)))

    def _show(self) -> None:
        waiting = self._bridge.station.waiting if self._bridge.is_ready else 0
        waits = self.tr("{n} decisions wait for the database.").format(n=waiting) if waiting else ""
        title = self.tr("Needs attention")
        self.set_title(f"{title}   {waits}".strip())
        self.table.show_rows([self._row(entry) for entry in self._entries.values()], list(self._entries))
        self._show_chosen()

    def _row(self, entry: Entry) -> tuple[str | Cell, ...]:
        why = words.refusal_of(entry).lines(theme.language()).what
        return (words.moment(entry.request.decided_at, self._bridge.zone()), entry.actor.name, words.what(entry), why)

    def _choose(self) -> None:
        self.message.clear()
        entry = self._chosen()
        order_id = None if entry is None else words.order_of(entry)
        if entry is not None and order_id is not None and entry.request.id not in self._now:
            self._now[entry.request.id] = None
            self._bridge.start(self._ask(entry.request.id, order_id), on_error=self._failed, reader=self)
        self._show_chosen()

    async def _ask(self, request_id: UUID, order_id: UUID) -> None:
        """How the order is now and who made it so; an order that is gone is an answer too."""
        try:
            view = (await self._bridge.ask(get_order, order_id=order_id)).value
            changes = (await self._bridge.ask(order_changes, order_id=order_id)).value
        except Refused:
            view, changes = None, ()
        except GenbaError:
            self._now.pop(request_id, None)
            raise
        self._now[request_id] = (view, changes)
        self._show_chosen()

    def _show_chosen(self) -> None:
        entry, zone = self._chosen(), self._bridge.zone()
        step = entry is not None and words.is_step(entry)
        for button in (self.apply, self.look, self.replaced, self.drop):
            button.setVisible(step)
        self.again.setVisible(entry is not None and not step)
        self.adopt.setVisible(entry is not None and not step)
        for part in (*self._heads, self.wanted, self.present, self.why, self.reason):
            part.setVisible(entry is not None)
        for button in (self.apply, self.look, self.replaced, self.drop, self.again, self.adopt):
            button.setEnabled(entry is not None and not self._busy)
        if entry is not None:
            known = self._now.get(entry.request.id)
            is_order = words.order_of(entry) is not None
            self.wanted.set_text(words.wanted(entry, zone))
            self.present.set_text(words.now(*known, zone) if known is not None else ("…" if is_order else "—"))
            self.why.set_text(words.refusal_of(entry).lines(theme.language()).do)
        self.refit()

    def _chosen(self) -> Entry | None:
        key = self.table.selected_key
        return self._entries.get(key) if isinstance(key, UUID) else None

    # -- doing ---------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        entry = self._chosen()
        order_id = None if entry is None else words.order_of(entry)
        if order_id is not None:
            self.close_with("confirmed")
            self.order_pressed.emit(order_id)

    def _do(self, step: Callable[[UUID], Awaitable[Any]], *, reasoned: bool = True) -> None:
        entry = self._chosen()
        if entry is None or self._busy:
            return
        self.reason.required = reasoned
        if not self.reason.check():
            self.refit()
            return
        self._set_busy(True)
        self._bridge.start(self._run(step(entry.request.id)), on_error=self._failed)

    async def _run(self, step: Awaitable[Any]) -> None:
        self.message.clear()
        await step
        self.reason.set_text("")
        self._set_busy(False)
        await self._load()

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self._show_chosen()

    def _failed(self, error: Exception) -> None:
        self._set_busy(False)
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))
