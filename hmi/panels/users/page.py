"""What the views of the users panel share: a list that is asked for page by page, says why it is empty, and tells of one row."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from core.errors import GenbaError, Refused
from core.tabular import WRITTEN_MAX, Table
from core.users.roles import roles_that_may
from core.words import UNDEFINED, number, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.bridge.asking import Asking
from hmi.panels import Action, OpenSignIn
from hmi.widgets.label import Label
from hmi.widgets.table import Column, PagedTable, Row
from hmi.widgets.three_lines import ThreeLines

ROWS: Final = 200
"""Rows asked for at once; more come when their page is turned to."""
_WIDE_U, _PANE_U, _LINES = 1250, 480, 4


class ListPage(QWidget):
    """One view: a row of filters, a table, and the words of the chosen row below it, or beside it on a wide screen.

    Args:
        bridge: Asks through it.

    Attributes:
        ground: The content area, which sheets lie over; the panel sets it.

    Signals:
        changed(): The action bar is to be asked again.
        navigate(Intent): Go elsewhere.
        toast(str): A result.
        failed(object): An error to show in three lines.
    """

    changed = Signal()
    navigate = Signal(object)
    toast = Signal(str)
    failed = Signal(object)

    permission = ""
    """Needed to ask; "" for none."""
    beside = True
    """Words of the chosen row stand beside the list where there is room."""
    entities: tuple[str, ...] = ()
    """News of these is news for this view."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self.ground: QWidget = self
        self.updated_at: float | None = None
        self.total = 0
        self._items: dict[Hashable, Any] = {}
        self._known = self._anew = False
        self._asking = Asking(bridge, self, self._load, self._not_answered)
        self._why: GenbaError | None = None
        self.table = PagedTable()
        self.filters = QWidget()
        self.head = QHBoxLayout(self.filters)
        self.count = Label("", "label", "text2")
        self.facts = QFrame()
        self.detail = Label("", "body", "text2", wrap=True)
        self.problem = ThreeLines(self, closable=False, floating=True)
        self._lay_out()
        self.table.selected.connect(lambda _: self._chosen())
        self.table.page_changed.connect(lambda _: self._more())
        self.retranslate()

    def _lay_out(self) -> None:
        look = theme.current()
        self.facts.setProperty("frame", "card")
        words = QVBoxLayout(self.facts)
        words.setContentsMargins(look.px(12), look.px(8), look.px(12), look.px(8))
        words.addWidget(self.detail)
        words.addStretch(1)
        self.facts.hide()
        self.filters.hide()
        self.head.setContentsMargins(0, 0, 0, 0)
        self.head.setSpacing(look.gap)
        self.build_head()
        self._pair = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._pair.setSpacing(look.px(8))
        self._pair.addWidget(self.table, 1)
        self._pair.addWidget(self.facts)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(look.px(6))
        column.addWidget(self.filters)
        column.addLayout(self._pair, 1)

    @property
    def wide(self) -> bool:
        """True where the words of a row stand beside the list."""
        return self.beside and self.width() >= theme.current().px(_WIDE_U)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """On a wide screen the words stand beside the list instead of below it."""
        super().resizeEvent(event)
        look = theme.current()
        self._pair.setDirection(QBoxLayout.Direction.LeftToRight if self.wide else QBoxLayout.Direction.TopToBottom)
        self.facts.setMinimumWidth(look.px(_PANE_U) if self.wide else 0)
        self.facts.setMaximumWidth(look.px(_PANE_U) if self.wide else 16_777_215)
        self._tell()

    # -- what a view says of itself ------------------------------------------------------------------------------

    def build_head(self) -> None:
        """Put filters into ``head``; called once."""

    def columns(self) -> list[Column]:
        """Titles and widths in the current language."""
        return []

    def row(self, item: Any) -> Row:
        """Cells of one item."""
        return ()

    async def ask(self, offset: int) -> tuple[Mapping[Any, Any], int, float]:
        """Items by key after the first ``offset``, how many there are in all, when the database said so (UNIX seconds UTC)."""
        return {}, 0, 0.0

    def told(self, item: Any) -> list[str]:
        """What is said of the chosen item, most important line first; the list is cut to four where it stands below."""
        return []

    def offered(self) -> list[Action]:
        """What can be done now by somebody who may look."""
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
        return self.bridge.is_ready and (not self.permission or self.bridge.station.actor.may(self.permission))

    def bar_actions(self) -> list[Action]:
        """What can be done now; for a guest who may not look it is to sign in."""
        if self.may_look:
            return self.offered()
        if self.bridge.is_ready and self.bridge.station.actor.session_id is None:
            return [Action("users.sign_in", word("button.login", theme.language()), lambda: self.navigate.emit(OpenSignIn()), primary=True)]
        return []

    def forget(self) -> None:
        """Show nothing of what was asked before: another person stands there, or other things are looked for."""
        self._known, self.updated_at = False, None
        self._show({}, 0)

    def refresh(self) -> None:
        """Ask anew; a second wish while one is under way is kept."""
        if not self.bridge.is_ready or not self.isVisible():
            return
        if not self.may_look:
            self.forget()
            self.problem.clear()
            self._say_no_right()
            return
        self.filters.setVisible(self.head.count() > 0)
        self._anew = True
        self._asking.wish()

    def _more(self) -> None:
        """The last page in sight was turned to: get what comes after it."""
        if self.table.page == self.table.pages - 1 and len(self._items) < self.total:
            self._asking.wish()

    async def _load(self) -> None:
        offset, self._anew = 0 if self._anew else len(self._items), False
        if offset >= self.total > 0:
            return
        items, total, self.updated_at = await self.ask(offset)
        while not offset and len(items) < min(len(self._items), total):  # news takes nobody back to the first rows
            after, total, self.updated_at = await self.ask(len(items))
            if not after.keys() - items.keys():
                break
            items = {**items, **after}
        self.problem.clear()
        self._why = None
        if offset and self._anew:
            return  # something else is looked for meanwhile, and asked for at once
        if self.may_look:  # somebody may have signed off meanwhile
            self._known = True
            self._show({**self._items, **items} if offset else dict(items), total)
            self._more()
        else:
            self.refresh()

    async def whole(self) -> Table:
        """Every row that the filter matches, as a file takes it; at most ``WRITTEN_MAX``."""
        items: dict[Any, Any] = {}
        while True:
            more, total, _ = await self.ask(len(items))
            new = more.keys() - items.keys()
            items |= more
            if not new or len(items) >= min(total, WRITTEN_MAX):
                return self.table.as_table([self.row(item) for item in items.values()])

    def _show(self, items: dict[Hashable, Any], total: int) -> None:
        self._items, self.total = items, total
        self.count.set_text(self.counted() if self._known else "")
        self._say_empty()
        self.table.show_rows([self.row(item) for item in items.values()], list(items))
        self._chosen()

    def _say_empty(self) -> None:
        """Why there is no row: none exists, none could be had, or none has come yet."""
        if self._known:
            self.table.set_empty_text(*self.empty())
        elif self._why is not None:
            self.table.set_empty_text(*self._why.lines(theme.language())[:2])
        else:
            self.table.set_empty_text(self.tr("Is being loaded …"))

    def counted(self) -> str:
        """How many rows there are, in words."""
        return self.tr("{n} entries").format(n=number(self.total))

    def _not_answered(self, error: Exception) -> None:
        if isinstance(error, Refused) and error.code == "store.no_right":
            self.forget()
            self._say_no_right()
        elif not isinstance(error, GenbaError):
            self.failed.emit(error)
        elif self._known:
            self.problem.show_error(error)  # what was known stays in sight, with its age
        else:
            self._why = error
            self._say_empty()

    def _say_no_right(self) -> None:
        self.filters.hide()
        roles = " · ".join(word(f"role.{role}", theme.language()) for role in roles_that_may(self.permission))
        self.table.set_empty_text(self.tr("You have no right to see this."), self.tr("These roles may: {roles}").format(roles=roles))

    def _chosen(self) -> None:
        self._tell()
        self.changed.emit()

    def _tell(self) -> None:
        item = self.chosen
        lines = [] if item is None else [line for line in self.told(item) if line]
        self.detail.set_text("\n".join(lines if self.wide else lines[:_LINES]))
        self.facts.setVisible(bool(lines))

    # -- words ---------------------------------------------------------------------------------------------------

    def said(self, done: str) -> None:
        """Something was decided: say so, and look anew."""
        self.toast.emit(done)
        self.refresh()

    def retranslate(self) -> None:
        """Set every text in the current language."""
        self.table.set_columns(self.columns())
        self._show(self._items, self.total)
        if self.bridge.is_ready and not self.may_look:
            self._say_no_right()

    def at(self, moment: datetime | None) -> str:
        """A moment on the site's clock; today without its date."""
        if moment is None:
            return UNDEFINED
        zone: tzinfo = self.bridge.zone()
        here = moment.astimezone(zone)
        return here.strftime("%H:%M:%S" if here.date() == datetime.now(zone).date() else "%m-%d %H:%M")
