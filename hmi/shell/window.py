"""The window: header, rail, tabs, panel, action bar, bands, sheets, messages; it is painted before the station is loaded."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QPaintEvent, QShortcut
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from core.errors import GenbaError
from core.live.link import LinkStatus
from core.live.tags import MANUAL
from core.words import name
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels import (
    Intent,
    OpenAndon,
    OpenConnection,
    OpenLine,
    OpenMachines,
    OpenOrder,
    OpenOrders,
    OpenSignIn,
    OpenTrend,
    Panel,
    PanelEntry,
    ShowAlone,
)
from hmi.shell.alone import Alone
from hmi.shell.content import Content
from hmi.shell.header import Header
from hmi.shell.people import People
from hmi.shell.rail import Rail
from hmi.shell.scanner import Scanner
from hmi.shell.session import SessionWatch

if TYPE_CHECKING:
    import asyncio

    from core.config import StationSettings
    from hmi.theme.first_look import FirstLook

log = logging.getLogger(__name__)


class Window(QWidget):
    """The one top-level window of a station.

    Signals:
        closing(): The window was asked to close; the application ends the station, then the window.
        painted(): The first frame is on the screen.

    Attributes:
        is_closing: True once it was asked to close, also before anybody listened.
    """

    closing = Signal()
    painted = Signal()

    def __init__(self, bridge: Bridge, settings: StationSettings | FirstLook, *, demo: bool = False) -> None:
        super().__init__()
        self.bridge = bridge
        self._demo = demo
        self._painted: asyncio.Future[None] | None = None
        self._was_painted = False
        self.is_closing = False
        self._panels: dict[str, Panel] = {}
        self.setWindowTitle("Genba")
        self.setObjectName("window")
        self.setProperty("ground", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.header = Header()
        self.rail = Rail()
        # A name in a settings file that no panel has must not leave the screen empty.
        self.panel_id = settings.panel if settings.panel in self.rail.panel_ids else self.rail.panel_ids[0]
        self.content = Content(simulated=demo)
        self.session = SessionWatch(bridge, settings.auto_sign_off_s, self)
        self.people = People(bridge, self.content, self._hint, self)
        self.scanner = Scanner(self)
        self.alone = Alone(self, (self.header, self.rail), self._show_alone)
        self._lay_out()
        self._connect()
        self._keys()
        self.rail.show_open(self.panel_id)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addWidget(self.content, 1)
        column.addLayout(row, 1)
        self._size_chrome()

    def _size_chrome(self) -> None:
        # Six units above and below the cells, which are touched.
        self.header.setFixedHeight(max(theme.current().px(72), theme.current().touch + 2 * theme.current().px(6)))

    def _connect(self) -> None:
        bridge = self.bridge
        self.rail.chosen.connect(self.open_panel)
        self.rail.lock_pressed.connect(self.session.sign_off)
        self.header.language_pressed.connect(self.other_language)
        self.header.user_pressed.connect(self.sign_in)
        self.people.told.connect(self.content.toast)
        self.people.failed.connect(self.show_error)
        self.people.pin_changed.connect(self._show_actor)
        self.scanner.scanned.connect(self.people.take_scan)
        self.scanner.broken.connect(self.people.scan_broken)
        self.scanner.unreadable.connect(self.people.scan_unreadable)
        self.header.link_pressed.connect(self.show_attention)
        self.header.calls_pressed.connect(self.show_calls)
        self.header.problem_pressed.connect(lambda source: self.go(OpenConnection(source)))
        self.content.action_pressed.connect(self.session.touched)
        self.content.export_pressed.connect(self.take_away)
        bridge.ready.connect(self._attached)
        bridge.link_changed.connect(self._show_link)
        bridge.database_changed.connect(lambda _: self._show_database())
        bridge.waiting_changed.connect(lambda _: self._show_database())
        bridge.actor_changed.connect(lambda _: self._show_actor())
        bridge.noticed.connect(lambda _: self._refresh())
        bridge.site_changed.connect(self._site_changed)
        bridge.storage_changed.connect(self._show_storage)
        bridge.pulsed.connect(lambda beat: self.header.show_beat(beat.count, beat.silent))
        bridge.failed.connect(self.show_error)
        self.session.seconds_left.connect(self.header.show_seconds_left)

    def _keys(self) -> None:
        for number, panel_id in enumerate(self.rail.panel_ids, start=1):
            self._shortcut(f"Alt+{number}", partial(self.open_panel, panel_id))
        self._shortcut("F5", self._refresh)
        self._shortcut("Ctrl+L", self.other_language)

    def _shortcut(self, keys: str, act: Callable[[], object]) -> None:
        QShortcut(QKeySequence(keys), self).activated.connect(act)

    # -- panels --------------------------------------------------------------------------------------------------

    async def first_paint(self) -> None:
        """Return once the frame has been drawn; heavy loading begins only then."""
        if not self._was_painted:
            import asyncio  # the program's loop is loaded after the first paint

            self._painted = asyncio.get_running_loop().create_future()
            await self._painted

    def add_panel(self, entry: PanelEntry, kind: type[Panel]) -> None:
        """Make one panel; it comes to the front when it is the one asked for."""
        panel = kind(self.bridge)
        panel.setObjectName(f"panel.{entry.id}")
        panel.navigate.connect(self.go)
        panel.toast.connect(self.content.toast)
        panel.undoable.connect(self.content.undoable)
        panel.failed.connect(self.show_error)
        panel.ground = self.content
        self._panels[entry.id] = panel
        self.content.add_panel(panel)
        if entry.id == self.panel_id:
            self.open_panel(entry.id)

    @property
    def panel(self) -> Panel | None:
        """The panel in front; None before the panels are loaded."""
        return self._panels.get(self.panel_id)

    def open_panel(self, panel_id: str, intent: Intent | None = None) -> None:
        """Bring ``panel_id`` to the front; before the panels are loaded, remember it."""
        self.panel_id = panel_id
        self.rail.show_open(panel_id)
        panel = self._panels.get(panel_id)
        if panel is not None:
            self.content.show_panel(panel)
            panel.open(intent)

    def go(self, intent: Intent) -> None:
        """Follow a panel's navigation."""
        match intent:
            case OpenLine():
                self.open_panel("lines", intent)
            case OpenOrder() | OpenOrders():
                self.open_panel("orders", intent)
            case OpenTrend():
                self.open_panel("trends", intent)
            case OpenMachines() | OpenConnection():
                self.open_panel("equipment", intent)
            case OpenAndon():
                self.open_panel("andon", intent)
            case ShowAlone():
                self.alone.begin()
            case OpenSignIn():
                self.sign_in()

    def _show_alone(self, alone: bool) -> None:
        self.content.show_alone(alone)
        if self.panel is not None:
            self.panel.show_alone(alone)

    def sign_in(self) -> None:
        """Open the sign-in sheet: sign in, switch user or sign off."""
        self.people.sign_in()

    def show_attention(self) -> None:
        """What waits for the database, and what was refused when it came home."""
        from hmi.sheets.attention import AttentionSheet

        if self.bridge.is_ready:
            sheet = AttentionSheet(self.content, self.bridge)
            sheet.order_pressed.connect(lambda order_id: self.go(OpenOrder(order_id)))
            sheet.open()

    def show_calls(self) -> None:
        """Who is called where; to come, and to end a call."""
        from hmi.sheets.call import CallSheet

        if self.panel is not None and self.panel.somebody_decides():
            sheet = CallSheet(self.content, self.bridge)
            sheet.undoable.connect(self.content.undoable)
            sheet.done.connect(self.content.toast)
            sheet.open()

    def take_away(self) -> None:
        """Write the tables and charts in sight into a file."""
        from hmi.sheets.export import export_sheet

        panel = self.panel
        if panel is None or not panel.somebody_decides():
            return
        try:
            export_sheet(self.content, self.bridge, panel.exports(), self.content.toast).open()
        except GenbaError as nothing:
            self.show_error(nothing)

    def _hint(self) -> str:
        """Who can sign in to the demo; a real station gives no hint."""
        if not self._demo:
            return ""
        return self.tr("Demo: tanaka 204615 (operator) · ito 527193 (supervisor) · admin 918263 (administrator)")

    def other_language(self) -> None:
        """Japanese ↔ English, everything re-texted, open forms kept."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.set_language(app, "en" if theme.language() == "ja" else "ja")

    # -- facts from the bridge -----------------------------------------------------------------------------------

    def _attached(self) -> None:
        from hmi.shell.shop import Shop  # knows queries, which nobody needs before the first paint

        self.shop = Shop(self.bridge, self.header, self)
        self._site_changed()
        self._show_database()
        self._show_storage()
        self._show_actor()

    def _site_changed(self) -> None:
        station = self.bridge.station
        if station.site.lines:
            self.header.show_zone(self.bridge.zone())
        self.content.show_simulated(any(source.simulated for source in station.site.sources))
        self._show_links()
        self._refresh()

    def _show_link(self, _: LinkStatus) -> None:
        self._show_links()

    def _show_links(self) -> None:
        station = self.bridge.station
        labels = {source.code: name(source.label, theme.language()) or source.code for source in station.site.sources}
        # A machine that people enter has no connection to be proud of, nor one to be missed.
        by_hand = {source.code for source in station.site.sources if source.protocol == MANUAL}
        shown = {code: link for code, link in station.links.items() if code not in by_hand or by_hand == set(labels)}
        self.header.show_links(shown, labels)

    def _show_database(self) -> None:
        station = self.bridge.station
        only_shows = station.read_only is not None
        self.header.show_database(station.database_up, station.waiting, station.overtaken.count, read_only=only_shows)
        self.content.show_database(station.database_up, station.read_only)
        self._refresh()

    def _show_storage(self) -> None:
        self.content.show_storage(self.bridge.station.keeping.troubles)

    def _show_actor(self) -> None:
        actor = self.bridge.station.actor
        self.header.show_actor(actor, must_change_pin=self.bridge.station.people.must_change_pin)
        self.session.actor_changed(actor)
        self.people.actor_changed(actor)
        self.content.refresh_actions()

    def _refresh(self) -> None:
        panel = self.panel
        if panel is not None and self.bridge.is_ready:
            panel.refresh()

    def show_error(self, error: BaseException) -> None:
        """Show what happened, what to do and what is safe, until it is read."""
        self.content.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))

    # -- Qt ------------------------------------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Language: links carry names from the site file. Style: the frame's sizes follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange and self.bridge.is_ready:
            self._show_links()
        elif event.type() == QEvent.Type.StyleChange:
            self._size_chrome()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Report the first paint, after it has reached the screen."""
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self._tell_painted)

    def _tell_painted(self) -> None:
        handle = self.windowHandle()
        if handle is not None:
            self.scanner.watch(handle)
        self.painted.emit()
        if self._painted is not None and not self._painted.done():
            self._painted.set_result(None)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Never close under running tasks: ask the application to end in order."""
        event.ignore()
        self.is_closing = True
        self.closing.emit()
