"""What the views of the users panel share: a list that is asked for, says why it is empty, and offers what can be done."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime, tzinfo
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.errors import GenbaError, Refused
from core.users.roles import roles_that_may
from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels import Action
from hmi.widgets.label import Label
from hmi.widgets.table import Column, PagedTable, Row

NOWHERE = "—"


class ListPage(QWidget):
    """One view: a table, and below it the words of the chosen row.

    Args:
        bridge: Asks through it.

    Attributes:
        ground: The content area, which sheets lie over; the panel sets it.

    Signals:
        changed(): The action bar is to be asked again.
        toast(str): A result.
        failed(object): An error to show in three lines.
    """

    changed = Signal()
    toast = Signal(str)
    failed = Signal(object)

    permission = ""
    """Needed to ask; "" for none."""
    entities: tuple[str, ...] = ()
    """News of these is news for this view."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self.ground: QWidget = self
        self.updated_at: float | None = None
        self._items: dict[Hashable, Any] = {}
        self._asking = self._again = False
        self.table = PagedTable()
        self.detail = Label("", "body", "text2", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.current().px(6))
        column.addWidget(self.table, 1)
        column.addWidget(self.detail)
        self.detail.hide()
        self.table.selected.connect(lambda _: self._chosen())
        self.retranslate()

    # -- what a view says of itself ------------------------------------------------------------------------------

    def columns(self) -> list[Column]:
        """Titles and widths in the current language."""
        return []

    def row(self, item: Any) -> Row:
        """Cells of one item."""
        return ()

    async def ask(self) -> tuple[dict[Hashable, Any], float]:
        """Items by key, and when the database said so (UNIX seconds UTC)."""
        return {}, 0.0

    def told(self, item: Any) -> str:
        """What is said of the chosen item below the list; "" for nothing."""
        return ""

    def bar_actions(self) -> list[Action]:
        """What can be done now."""
        return []

    def empty(self) -> tuple[str, str]:
        """Why the list is empty, and what to do."""
        return self.tr("Nothing to show."), ""

    # -- asking --------------------------------------------------------------------------------------------------

    @property
    def chosen(self) -> Any:
        """The item of the selected row; None without one."""
        return self._items.get(self.table.selected_key)

    @property
    def may_look(self) -> bool:
        """Whether whoever is signed in may see this."""
        return not self.permission or (self.bridge.is_ready and self.bridge.station.actor.may(self.permission))

    def refresh(self) -> None:
        """Ask anew; a second wish while one is under way is kept."""
        if not self.bridge.is_ready or not self.isVisible():
            return
        if not self.may_look:
            self._show({})
            self._say_why(Refused("store.no_right", operation=self.permission))
            return
        if self._asking:
            self._again = True
            return
        self._asking = True
        self.bridge.start(self._load(), on_error=self._not_answered)

    async def _load(self) -> None:
        try:
            items, self.updated_at = await self.ask()
        finally:
            self._asking = False
        self.table.set_empty_text(*self.empty())
        self._show(items)
        if self._again:
            self._again = False
            self.refresh()

    def _show(self, items: dict[Hashable, Any]) -> None:
        self._items = items
        self.table.show_rows([self.row(item) for item in items.values()], list(items))
        self._chosen()

    def _not_answered(self, error: Exception) -> None:
        self._show({})
        self._say_why(error)

    def _say_why(self, error: Exception) -> None:
        if isinstance(error, Refused) and error.code == "store.no_right":
            roles = " · ".join(word(f"role.{role}", theme.language()) for role in roles_that_may(self.permission))
            self.table.set_empty_text(self.tr("You have no right to see this."), self.tr("These roles may: {roles}").format(roles=roles))
        elif isinstance(error, GenbaError):
            lines = error.lines(theme.language())
            self.table.set_empty_text(lines.what, lines.do)
        else:
            self.failed.emit(error)

    def _chosen(self) -> None:
        item = self.chosen
        words = "" if item is None else self.told(item)
        self.detail.set_text(words)
        self.detail.setVisible(bool(words))
        self.changed.emit()

    # -- deciding ------------------------------------------------------------------------------------------------

    def said(self, done: str) -> None:
        """Something was decided: say so, and look anew."""
        self.toast.emit(done)
        self.refresh()

    # -- words ---------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        """Set every text in the current language."""
        self.table.set_columns(self.columns())
        self.table.set_empty_text(*self.empty())
        if self._items:
            self._show(self._items)
        else:
            self.refresh()

    def at(self, moment: datetime | None) -> str:
        """A moment on the site's clock; today without its date."""
        if moment is None:
            return NOWHERE
        zone: tzinfo = self.bridge.zone()
        here = moment.astimezone(zone)
        return here.strftime("%H:%M:%S" if here.date() == datetime.now(zone).date() else "%m-%d %H:%M")
