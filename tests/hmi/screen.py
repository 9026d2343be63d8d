"""A running station with its window, as a person at a panel PC has it: hands, eyes, and what can break around it.

Everything is real: the window, the station, its database, the acquisition process, the plant. The rig only turns the
qasync loop until something is so, with a deadline; nothing here sleeps in the hope that it will do.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg
import qasync
from PySide6.QtCore import QEvent, QEventLoop, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from core.cli.demo import DemoPlant
from core.cli.opened import opened_floor
from core.clock import SystemClock
from core.config import StationSettings
from core.demo import secured
from core.demo.plant import control
from core.errors import Lines
from core.station.floor import Setup
from core.station.station import Station
from core.store.certificates import Certificates
from core.store.keystore import station_secrets
from core.store.sealing import KeyRing, SiteKey
from core.store.sitekeys import SiteKeys
from core.users.roles import system_actor
from hmi import app, theme
from hmi.bridge import Bridge
from hmi.panels import OpenOrders
from hmi.panels.lines import LinesPanel
from hmi.panels.orders import OrdersPanel
from hmi.panels.trends import TrendsPanel
from hmi.sheets.choice import ChoiceField, ChoiceSheet
from hmi.sheets.sign_in import SignInSheet
from hmi.shell.window import Window
from hmi.widgets.button import TouchButton
from hmi.widgets.fields import FieldBox
from hmi.widgets.keypad import NumericKeypad
from hmi.widgets.overlay import Overlay
from hmi.widgets.table import PagedTable
from tests.postgres import owner_url, plain

T = TypeVar("T")
S = TypeVar("S", bound=QWidget)

PINS = {"tanaka": "204615", "yamamoto": "318274", "ito": "527193", "sato": "640852", "suzuki": "735916", "admin": "918263"}


class Plant:
    """The demo plant in processes of its own; ``do`` gives it a command of ``genba plant fault``."""

    def __init__(self, demo: DemoPlant | None = None) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="genba-plant-")
        self.demo = demo or DemoPlant(seed=7)
        self.demo.home = Path(self._home.name)
        self.demo.launch()
        assert self.demo._announced.wait(120)
        assert self.demo._ready, "the plant ended before it was ready"

    def do(self, words: str) -> dict[str, Any]:
        host, port = self.demo._ready["control"].rsplit(":", 1)
        return control(host, int(port), words)

    @contextlib.contextmanager
    def fault(self, begin: str, end: str) -> Iterator[None]:
        """``begin`` now, ``end`` afterwards whatever happens."""
        self.do(begin)
        try:
            yield
        finally:
            self.do(end)

    def close(self) -> None:
        self.demo.close()
        self._home.cleanup()


@contextlib.contextmanager
def site_owner(url: str, home: Path) -> Iterator[Setup]:
    """Operations of whoever administers a shared database, at the station of ``home``: the site's key stays there."""
    settings = StationSettings(name="SETUP", database_url=url, home=home)
    with opened_floor(settings, as_owner=True) as floor:
        yield Setup(floor.door, floor.database, system_actor("setup", "SETUP"), SystemClock(), floor.keys)
        ring = floor.keys.ring
        if ring.has_current:
            _KEYS[_database_of(url)] = ring.keys[ring.current]


_KEYS: dict[str, SiteKey] = {}
_CERTIFICATES: dict[str, bytes] = {}
"""By database the key of its site, and what its secured machine shows: a second panel is given them on a stick."""


def _database_of(url: str) -> str:
    return urlsplit(url).path


def bring_papers(url: str, home: Path) -> None:
    """Give the station of ``home`` the key of its site and the certificate to trust, where the site has them."""
    if (key := _KEYS.get(_database_of(url))) is not None:
        SiteKeys(station_secrets(home), KeyRing()).keep(key)
    if (der := _CERTIFICATES.get(_database_of(url))) is not None:
        Certificates(home).accept(secured.SOURCE, der)


def prepare_as_owner(url: str, demo: DemoPlant, home: Path) -> None:
    """Apply the demo's site and orders, as the administrator of a shared database does before its stations start."""
    with site_owner(url, home) as setup:
        demo.prepare(setup)
        demo.trust(home, setup)
        _CERTIFICATES[_database_of(url)] = Certificates(home).trusted(secured.SOURCE) or b""


class Loop:
    """The Qt loop of this process, turned by the tests; one window after another, or several at once, live on it."""

    def __init__(self, qapp: QApplication) -> None:
        self.qapp = qapp
        qapp.setQuitOnLastWindowClosed(False)
        # Running from the beginning, because a button pressed between two turns starts a task too.
        self.loop = qasync.QEventLoop(qapp, already_running=True)
        loader = ThreadPoolExecutor(1, thread_name_prefix="genba-loader")
        loader.submit(int).result()  # its thread is there from now on and is not taken for one that a test left behind
        self.loop.set_default_executor(loader)
        asyncio.set_event_loop(self.loop)

    def run(self, work: Coroutine[Any, Any, T], within_s: float = 60.0) -> T:
        """Turn the loop until ``work`` is done."""
        turning = QEventLoop()
        task = self.loop.create_task(asyncio.wait_for(work, within_s))
        task.add_done_callback(lambda _: turning.quit())
        turning.exec()
        result: T = task.result()
        return result

    def until(self, what: str, is_so: Callable[[], object], within_s: float = 60.0) -> float:
        """Turn the loop until ``is_so``; returns the seconds it took. ``what`` names it when it never comes."""
        begin = time.monotonic()

        async def wait() -> bool:
            while not is_so():
                if time.monotonic() - begin > within_s:
                    return False
                await asyncio.sleep(0.01)
            return True

        if not self.run(wait(), within_s + 10):
            raise AssertionError(f"not within {within_s} s: {what}")
        return time.monotonic() - begin

    def turn(self, seconds: float) -> None:
        """Let the screen live for a while: for what must *not* happen."""
        self.run(asyncio.sleep(seconds), seconds + 10)

    def close(self) -> None:
        self.run(self.loop.shutdown_default_executor())
        # Not stop(): that tells the application to leave, and every later loop of it would leave at once.
        self.loop._QEventLoop__is_running = False
        self.loop._after_run_forever()
        asyncio.events._set_running_loop(None)
        self.loop.close()
        asyncio.set_event_loop(None)


class Screen:
    """One station with its window.

    Args:
        loop: Of this process.
        url: Of its database.
        home: Folder of its journal.
        plant: Its site is applied to the database; None leaves the database as it is.
        size: Of the window, px.
        diagonal_inch: Of the screen, which decides how large everything is drawn; None: a design unit is a pixel.
        **settings: Of the station.
    """

    def __init__(
        self,
        loop: Loop,
        url: str,
        home: Path,
        plant: Plant | None = None,
        size: tuple[int, int] = (1280, 800),
        diagonal_inch: float | None = None,
        **settings: Any,
    ) -> None:
        self.loop = loop
        self.plant = plant
        given: dict[str, Any] = {"name": "PANEL-1", "language": "en", "home": home, "database_url": url, **settings}
        self.settings = StationSettings(**given)
        theme.apply(loop.qapp, theme.Theme(language=self.settings.language, diagonal_inch=diagonal_inch, screen_px=size))
        self.window = Window(Bridge(), self.settings, demo=plant is not None)
        self.window.resize(*size)
        self.window.show()
        hook = sys.excepthook
        app._hook_failures(loop.loop, self.window, app.CrashReports())
        sys.excepthook = hook  # what fails in a slot is for pytest-qt
        loop.run(self.window.first_paint())
        bring_papers(url, home)
        if plant is not None:
            prepare_as_owner(owner_url(url), plant.demo, home)
        self._starting = loop.loop.create_task(app._start_station(self.window, self.settings, None))

    def started(self) -> Screen:
        """Wait until the station is attached."""
        station = self.loop.run(_waited(self._starting), 25)
        assert station is not None, self.window.content.message.lines
        # Made when first needed; made now, so that a test that needs it first is not taken for one that leaves it behind.
        for pool in (station._deciding, station._asking, station._working):
            self.loop.run(station._on(pool, lambda: None))
        return self

    def live(self) -> Screen:
        """Wait until the site is there and every tile of the panel in front shows a value."""
        self.started()
        self.until("every source online, every tile served", lambda: app._is_live(self.bridge))
        self.settle()
        return self

    def close(self) -> None:
        self.loop.run(app._shut_down(self.window, self._starting), 20)
        self.window.deleteLater()
        self.loop.qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    # -- time ----------------------------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, T], within_s: float = 60.0) -> T:
        return self.loop.run(work, within_s)

    def until(self, what: str, is_so: Callable[[], object], within_s: float = 60.0) -> float:
        return self.loop.until(what, is_so, within_s)

    def turn(self, seconds: float) -> None:
        self.loop.turn(seconds)

    def settle(self) -> None:
        """Until nothing this screen asked or decided is under way."""
        # News may have come in the very turn that ended the waiting.
        for _ in range(20):
            self.until("nothing under way", lambda: not self.bridge.under_way and not self._passing())
            if not self.bridge.under_way and not self._passing():
                return
        raise AssertionError("this screen never comes to rest")

    def _passing(self) -> list[str]:
        """What the station does now and will end; what it does all its life is not waited for."""
        names = (task.get_coro().__qualname__ for task in self.station._tasks)  # type: ignore[union-attr]
        return [name for name in names if name not in {"Station._bring_home", "Keeping.run", "Pulse.run", "Remembering.run"}]

    def reset(self) -> None:
        """Back to the first panel as a guest, without sheets and messages, in English and light."""
        for sheet in self.window.findChildren(Overlay):
            if sheet.isVisible():
                sheet.close_with("cancelled")
        self.settle()
        self.run(self.bridge.sign_out())
        self.dress()
        self.window.content.message.clear()
        self.window.open_panel("lines")
        self.lines.show_tab("overview")
        self.orders._show_more(False)
        self.orders.show_tab("open")
        self.settle()
        self.loop.qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def dress(self, name: theme.ThemeName = "light", language: theme.Language = "en") -> None:
        """Put on a theme and a language; the size of everything stays."""
        now = theme.current()
        if (now.name, now.language) != (name, language):
            theme.apply(self.loop.qapp, now.changed(name=name, language=language))
            self.loop.turn(0)

    # -- parts ---------------------------------------------------------------------------------------------------

    @property
    def bridge(self) -> Bridge:
        return self.window.bridge

    @property
    def station(self) -> Station:
        return self.window.bridge.station

    @property
    def lines(self) -> LinesPanel:
        panel = self.window._panels["lines"]
        assert isinstance(panel, LinesPanel)
        return panel

    @property
    def orders(self) -> OrdersPanel:
        panel = self.window._panels["orders"]
        assert isinstance(panel, OrdersPanel)
        return panel

    @property
    def trends(self) -> TrendsPanel:
        panel = self.window._panels["trends"]
        assert isinstance(panel, TrendsPanel)
        return panel

    # -- hands ---------------------------------------------------------------------------------------------------

    def tap(self, widget: QWidget, x: float = 0.5, y: float = 0.5) -> None:
        """Touch ``widget``, at its middle or at a share of its size."""
        self.until(f"{widget.objectName() or type(widget).__name__} on the screen", widget.isVisible)
        assert widget.isEnabled(), f"{widget.objectName()} cannot be pressed"
        if isinstance(widget, TouchButton):
            # A person comes back later than the guard against a bouncing finger lasts.
            self.until("the guard is over", lambda: not widget._last.isValid() or widget._last.elapsed() >= widget.guard_ms)
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(round(widget.width() * x), round(widget.height() * y)))

    def press(self, action: str) -> None:
        """Press a button of the action bar."""
        button = self.window.content.button(action)
        assert button is not None, f"no {action} among {self.actions()}"
        self.tap(button)

    def actions(self) -> list[str]:
        return [button.objectName() for button in self.window.content._buttons]

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key where the keyboard is."""
        self.activate()
        QTest.keyClick(self.focus(), key, modifier)

    def activate(self) -> None:
        """Bring this window to the front of the others."""
        if not self.window.isActiveWindow():
            self.window.activateWindow()
            self.until("the window in front", self.window.isActiveWindow)

    def focus(self) -> QWidget:
        """Who has the keyboard."""
        return self.window.focusWidget() or self.window

    def type(self, field: FieldBox, text: str) -> None:
        """Replace what stands in ``field`` by typing."""
        field.edit.setFocus()
        field.edit.selectAll()
        QTest.keyClicks(field.edit, text)

    def tap_row(self, table: PagedTable, key: Hashable) -> None:
        """Touch the row of ``key`` on its page."""
        self.until(f"{key} in the table", lambda: key in table._keys)
        index = table._keys.index(key)
        table.show_page(index // table.rows_per_page)
        y = table._header_height() + (index % table.rows_per_page + 0.5) * table.row_height()
        self.tap(table, 0.3, y / table.height())

    def key_in(self, field: FieldBox, digits: str) -> None:
        """Touch ``field`` and enter a number on the keypad that comes up."""
        self.tap(field.edit)
        keypad = self.sheet(NumericKeypad)
        for digit in digits:
            self.tap(keypad.keys[digit])
        self.tap(keypad.keys["enter"])
        assert not keypad.isVisible(), keypad.message.lines

    def pick(self, field: ChoiceField, key: str) -> None:
        """Touch ``field``, search for ``key`` in the list that comes up, and take it with the second touch."""
        self.tap(field.button)
        sheet = self.sheet(ChoiceSheet)
        self.type(sheet.search, key)
        self.tap_row(sheet.table, key)
        self.tap_row(sheet.table, key)
        assert field.chosen == key

    def sheet(self, kind: type[S]) -> S:
        """The sheet of this kind that is open."""
        found = [sheet for sheet in self.window.findChildren(kind) if sheet.isVisible()]
        assert len(found) == 1, f"{len(found)} open sheets of {kind.__name__}"
        return found[0]

    def sheets(self) -> list[str]:
        """Names of the open sheets."""
        return [sheet.objectName() for sheet in self.window.findChildren(Overlay) if sheet.isVisible()]

    def sign_in(self, user: str, pin: str | None = None) -> SignInSheet:
        """Type code and PIN into the sign-in sheet and press its button; returns when it was answered."""
        if not any(name == "sheet.sign_in" for name in self.sheets()):
            self.tap(self.window.header.user)
        sheet = self.sheet(SignInSheet)
        self.type(sheet.code, user)
        self.type(sheet.secret, PINS[user] if pin is None else pin)
        self.tap(sheet.confirm_button)
        self.until("an answer to the sign-in", lambda: not sheet.confirm_button.pending)
        return sheet

    def choose(self, number: str) -> None:
        """Open the panel of work orders and select one."""
        self.window.go(OpenOrders(""))
        self.until(f"{number} in the list", lambda: number in self.listed())
        self.settle()
        self.orders.table.choose(self.listed()[number].id)

    def listed(self) -> dict[str, Any]:
        """Orders on the screen by number."""
        return {order.number: order for order in self.orders._orders}

    # -- eyes ----------------------------------------------------------------------------------------------------

    @property
    def message(self) -> Lines:
        """The three lines over the panel; empty when there are none."""
        return self.window.content.message.lines

    def shot(self, path: str) -> None:
        """A picture, for looking while developing."""
        self.window.grab().save(path)


async def _waited(task: asyncio.Task[T]) -> T:
    return await asyncio.shield(task)


def said(widget: QWidget) -> str:
    """What a painted widget says, as assistive technology hears it."""
    return widget.accessibleName()


def ask(url: str, statement: str, *values: Any) -> list[Any]:
    """Rows straight from the database."""
    with psycopg.connect(plain(url), autocommit=True) as connection:
        cursor = connection.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []
