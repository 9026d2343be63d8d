"""Needs attention: decisions made here that were refused when they came home, with the reason; nobody else drops them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.errors import GenbaError
from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.sheets.decide import decision_word
from hmi.widgets.button import TouchButton
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.table import Cell, Column, PagedTable

if TYPE_CHECKING:
    from core.store.journal import Entry


class AttentionSheet(BottomSheet):
    """A list with "try again" and "dealt with"; says as well how many decisions still wait for the database.

    Args:
        parent: The content area.
        bridge: Asks and settles through it.
    """

    def __init__(self, parent: QWidget, bridge: Bridge) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._entries: dict[UUID, Entry] = {}
        self.setObjectName("sheet.attention")
        self._waiting = Label("", "body", "text2", wrap=True)
        self.table = PagedTable()
        self.table.setMinimumHeight(theme.current().px(300))
        self._why = Label("", "body", "text", wrap=True)
        self.again = TouchButton("")
        self.settle = TouchButton("", kind="quiet")
        row = QHBoxLayout()
        row.addWidget(self._why, 1)
        row.addWidget(self.again)
        row.addWidget(self.settle)
        self.content.addWidget(self._waiting)
        self.content.addWidget(self.table, 1)
        self.content.addLayout(row)
        self.cancel_button.hide()
        self.table.selected.connect(lambda _: self._show_chosen())
        self.again.clicked.connect(lambda: self._decide(self._bridge.try_again))
        self.settle.clicked.connect(lambda: self._decide(self._bridge.settle))
        self.finished.connect(self.deleteLater)
        self.say()
        bridge.start(self._load(), on_error=self._failed, reader=self)

    def say(self) -> None:
        """Set every text in the current language."""
        self.set_title(self.tr("Needs attention"))
        self.set_confirm_text(word("button.close", theme.language()))
        self.again.setText(word("button.retry", theme.language()))
        self.settle.setText(self.tr("Dealt with"))
        self.table.set_columns(
            [Column(self.tr("When"), 1.2), Column(self.tr("Who"), 1), Column(self.tr("What"), 2.4), Column(self.tr("Why not"), 3)]
        )
        self.table.set_empty_text(
            self.tr("Nothing needs attention."), self.tr("What is decided here while the database is away comes home by itself.")
        )
        self._show()

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "settle"):
            self.say()

    async def _load(self) -> None:
        self._entries = {entry.request.id: entry for entry in await self._bridge.attention()}
        self._show()

    def _show(self) -> None:
        count = self._bridge.station.waiting
        self._waiting.set_text(self.tr("{n} decisions wait for the database.").format(n=count))
        self.table.show_rows([self._row(entry) for entry in self._entries.values()], list(self._entries))
        self._show_chosen()

    def _row(self, entry: Entry) -> tuple[str | Cell, ...]:
        at = entry.request.decided_at.astimezone(self._bridge.zone())
        what, why = decision_word(entry.request.operation), self._refusal(entry).lines(theme.language()).what
        return (at.strftime("%m-%d %H:%M"), entry.actor.name, what, why)

    def _refusal(self, entry: Entry) -> GenbaError:
        refusal = entry.refusal
        return GenbaError(str(refusal.get("code", "core.unknown")), **dict(refusal.get("params", {})))

    def _show_chosen(self) -> None:
        entry = self._chosen()
        self.again.setEnabled(entry is not None)
        self.settle.setEnabled(entry is not None)
        self._why.set_text("" if entry is None else " ".join(self._refusal(entry).lines(theme.language())[:2]))
        self.refit()

    def _chosen(self) -> Entry | None:
        key = self.table.selected_key
        return self._entries.get(key) if isinstance(key, UUID) else None

    def _decide(self, step: Callable[[UUID], Awaitable[None]]) -> None:
        entry = self._chosen()
        if entry is not None:
            self._bridge.start(self._run(step(entry.request.id)), on_error=self._failed)

    async def _run(self, step: Awaitable[None]) -> None:
        await step
        await self._load()

    def _failed(self, error: Exception) -> None:
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))
