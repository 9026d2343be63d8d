"""Connections: database, machines, secret store: state since when, how fast, what went wrong and what to do, how safe."""

from __future__ import annotations

import time
from typing import Final

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from core.live.link import ConnectionSafety, LinkState
from core.words import number, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.bridge.asking import Asking
from hmi.bridge.machines import ACCEPT, RETRY
from hmi.panels import Action
from hmi.panels.equipment.certificate_sheet import CertificateSheet
from hmi.panels.equipment.connection_sheet import ConnectionSheet, accept_form
from hmi.panels.equipment.connection_words import Connection, Words
from hmi.panels.equipment.view import View
from hmi.widgets.facts import Facts
from hmi.widgets.label import Label
from hmi.widgets.table import Column, PagedTable
from hmi.widgets.tabs import SegmentedTabs
from hmi.widgets.three_lines import ThreeLines

_TROUBLE: Final = frozenset({LinkState.OFFLINE, LinkState.DEGRADED})


class ConnectionsView(View):
    """One row for each connection, in the order of the site file; the chosen one in words below, or beside on a wide screen."""

    entities = ("source:", "*")

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(bridge, parent)
        self._safety: dict[str, ConnectionSafety] = {}
        self._shown: dict[str, Connection] = {}
        self._wanted = ""
        self._asking = Asking(bridge, self, self._load, self.tell)
        self._known = self._retrying = False
        self._stale = True
        self.words = Words(bridge)
        self.filter = SegmentedTabs()
        self.count = Label("", "label", "text2")
        self.table = PagedTable()
        self.facts = Facts(most=20)
        self.error = ThreeLines(closable=False)
        self.pane = QFrame()
        self._build()
        self.filter.chosen.connect(lambda _: self._show())
        self.table.selected.connect(lambda _: self._chosen())
        self.table.opened.connect(lambda _: self._details())
        bridge.link_changed.connect(lambda _: self._news())
        bridge.database_changed.connect(lambda _: self._news())
        bridge.storage_changed.connect(self._news)
        self.retranslate()

    def _build(self) -> None:
        look = theme.current()
        head = QHBoxLayout()
        head.addWidget(self.filter)
        head.addStretch(1)
        head.addWidget(self.count)
        self.pane.setProperty("frame", "card")
        inside = QVBoxLayout(self.pane)
        inside.setContentsMargins(look.px(10), look.px(8), look.px(10), look.px(8))
        inside.setSpacing(look.px(6))
        inside.addWidget(self.facts)
        inside.addWidget(self.error)
        inside.addStretch(1)
        self.facts.hide()  # until the width is known: a small window must not grow for them
        self._pair = self.pair(self.table, self.pane)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(look.px(6))
        column.addLayout(head)
        column.addLayout(self._pair, 1)

    def lay_out(self) -> None:
        """See View."""
        self.arrange(self._pair, self.pane)
        self.facts.setVisible(self.wide)
        self._chosen()

    # -- asking --------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Ask how safe each connection is; everything else is known here already."""
        self._show()
        self._asking.wish()

    async def _load(self) -> None:
        self.show_safety(await self.bridge.machines.connections())

    def show_safety(self, found: tuple[ConnectionSafety, ...]) -> None:
        """Take how safe each connection is; the list is in their order."""
        self._safety, self._known = {one.name: one for one in found}, True
        self._show()

    def show_source(self, source: str) -> None:
        """Choose the row of ``source`` as soon as it is there."""
        self._wanted = source
        self._show()

    def _news(self) -> None:
        """A hundred machines tell something every second; the list is written once."""
        self._stale = True

    def tick(self, now: float) -> None:
        """See View."""
        if self._stale:
            self._show()

    def site_changed(self) -> None:
        """See View."""
        if self.isVisible():
            self.refresh()

    # -- showing -------------------------------------------------------------------------------------------------

    def _connections(self) -> list[Connection]:
        if not self.bridge.is_ready:
            return []
        station = self.bridge.station
        specs = {source.code: source for source in station.site.sources}
        return [
            Connection(one, specs.get(one.name) if one.kind == "source" else None, station.links.get(one.name))
            for one in self._safety.values()
            if one.kind != "source" or one.name in specs
        ]

    def _in_trouble(self, one: Connection) -> bool:
        if one.safety.kind == "database":
            return self.bridge.station.database_up is False or bool(self.bridge.station.keeping.troubles)
        return one.link is not None and (one.link.state in _TROUBLE or one.link.identity_changed)

    def _show(self) -> None:
        self._stale, self.updated_at = False, time.time() if self._known else None
        found = self._connections()
        trouble = [one for one in found if self._in_trouble(one)]
        self._show_filter(len(found), len(trouble))
        shown = trouble if self.filter.current == "trouble" else found
        self._shown = {one.safety.name: one for one in shown}
        self._say_empty(len(found))
        self.table.show_rows([self.words.row(one) for one in shown], list(self._shown))
        if self._wanted in self._shown:
            wanted, self._wanted = self._wanted, ""
            self.table.select(wanted)
        self._chosen()

    def _show_filter(self, every: int, trouble: int) -> None:
        tabs = [
            ("all", self.tr("All ({n})").format(n=number(every))),
            ("trouble", self.tr("In trouble ({n})").format(n=number(trouble))),
        ]
        self.filter.show_tabs(tabs, self.filter.current or "all")
        rate = sum(link.updates_per_s for link in self.bridge.station.links.values()) if self.bridge.is_ready else 0.0
        self.count.set_text(self.tr("{n} values/s in all").format(n=number(round(rate))) if self._known else "")

    def _say_empty(self, every: int) -> None:
        if not self._known:
            self.table.set_empty_text(self.tr("Is being loaded …"))
        elif every:
            self.table.set_empty_text(self.tr("Nothing is in trouble."), self.tr("Every connection that should be there is there."))
        else:
            self.table.set_empty_text(self.tr("No connections yet."), self.tr("Apply a site file with: genba site apply FILE"))

    @property
    def chosen(self) -> Connection | None:
        """The connection of the selected row."""
        key = self.table.selected_key
        return self._shown.get(key) if isinstance(key, str) else None

    def _chosen(self) -> None:
        one = self.chosen
        self.pane.setVisible(one is not None)
        if one is not None:
            self.facts.show_lines(self.words.facts(one))
            self.error.show_error(self.words.cause(one))
        self.changed.emit()

    # -- actions -------------------------------------------------------------------------------------------------

    def bar_actions(self) -> list[Action]:
        """Everything about the chosen connection, and a try to connect at once."""
        one = self.chosen
        if one is None:
            return []
        actions = [Action("connections.details", word("button.details", theme.language()), self._details)]
        shows = one.shows_certificate
        if shows:
            actions.append(Action("connections.certificate", self.tr("Certificate"), self._certificate, primary=True))
        if self._may_retry(one):
            actions.append(Action("connections.retry", self.tr("Connect now"), self._retry, primary=not shows, enabled=not self._retrying))
        if one.link is not None and one.link.identity_changed and self.bridge.machines.may(ACCEPT):
            actions.append(Action("connections.accept", self.tr("Accept this machine"), lambda: self._accept(one), primary=True))
        return actions

    def _accept(self, one: Connection) -> None:
        accept_form(self, one.safety.name, one.link.identity if one.link is not None else "").open()

    def _may_retry(self, one: Connection) -> bool:
        waits = one.link is not None and one.link.state in (LinkState.OFFLINE, LinkState.CONNECTING)
        return waits and one.spec is not None and self.bridge.machines.may(RETRY)

    def _details(self) -> None:
        one = self.chosen
        if one is not None:
            sheet = ConnectionSheet(self.ground, self.bridge, self.words, one, lambda: self._found(one.safety.name))
            sheet.certificate_wanted.connect(self._certificate)
            sheet.open()

    def _certificate(self) -> None:
        one = self.chosen
        if one is None or one.spec is None:
            return
        sheet = CertificateSheet(self.ground, self.bridge, one.spec)
        title = self.words.title(one)
        sheet.done.connect(lambda: self.toast.emit(self.tr("{source}: trusted, connecting now").format(source=title)))
        sheet.open()

    def _found(self, name: str) -> Connection | None:
        return next((one for one in self._connections() if one.safety.name == name), None)

    def _retry(self) -> None:
        one = self.chosen
        if one is not None and not self._retrying:
            self._retrying = True
            self.changed.emit()
            self.bridge.start(self._connect(one.safety.name, self.words.title(one)), on_error=self.tell)

    async def _connect(self, source: str, title: str) -> None:
        try:
            await self.bridge.machines.retry(source)
        finally:
            self._retrying = False
            self.changed.emit()
        self.toast.emit(self.tr("{source}: connecting now").format(source=title))

    def actor_changed(self) -> None:
        """See View."""
        self.changed.emit()

    def retranslate(self) -> None:
        """See View."""
        titles = (self.tr("Connection"), self.tr("State"), self.tr("Values/s"), self.tr("Delay"), self.tr("Safety"))
        shares = (2.8, 2.4, 1.0, 1.3, 1.5)
        self.table.set_columns(
            [
                Column(title, share, "right" if place in (2, 3) else "left")
                for place, (title, share) in enumerate(zip(titles, shares, strict=True))
            ]
        )
        self._show()
