"""The application behind the window: station, then panels; and everything away again in the right order."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import qasync
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from core.errors import GenbaError
from core.live.link import LinkState
from core.live.sample import Quality
from core.log import record_crash
from hmi import theme
from hmi.bridge import Bridge
from hmi.garbage import Collector
from hmi.panels import PANELS, PanelEntry
from hmi.shell.window import Window

if TYPE_CHECKING:
    from core.cli import DemoPlant
    from core.config import StationSettings
    from core.station.station import Station

log = logging.getLogger(__name__)

CAPTURE_PATIENCE_S = 60.0
CAPTURE_ENOUGH_S = 8.0
CAPTURE_SETTLE_S = 1.2
SWITCH_S = 0.0005
LOADED_AFTER_MS = 12_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Capture:
    """What to write before ending: a picture of the window, the state of its tiles, or both."""

    screenshot: Path | None
    state_json: Path | None


async def in_thread(work: Callable[[], T]) -> T:
    """Run blocking ``work`` (imports, files) in a thread while the window stays alive."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


@contextmanager
def _smooth() -> Iterator[None]:
    """Keep the window responsive while libraries are loaded behind it.

    A collection of garbage walks every object of every library just loaded, and a thread that imports keeps the
    interpreter for 5 ms at a time: together up to half a second of still picture. Collection therefore waits until
    ``_loaded`` and then belongs to the GUI thread (``hmi.garbage``), and threads give way ten times sooner.
    """
    before = sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
        gc.unfreeze()
        gc.enable()


def _loaded(collector: Collector) -> None:
    """What was loaded lives as long as the program: collections from here on look only at what came later."""
    gc.freeze()
    collector.start()


def run(window: Window, overrides: dict[str, Any], *, capture: Capture | None, demo: DemoPlant | None) -> int:
    """Bring ``window`` to life and keep it until it is closed; returns the exit code.

    Args:
        window: Painted already; see ``hmi.shell.opening``.
        overrides: Settings from the command line, winning over file and environment.
        capture: Write a picture or state and end, instead of staying.
        demo: The simulated plant to run against; None for the configured station.
    """
    qapp = QApplication.instance()
    assert isinstance(qapp, QApplication)  # it made the window
    with _smooth():
        loop = qasync.QEventLoop(qapp)
        # qasync's own pool has ten threads and hangs for ever when one of them dies; ours is replaced before anything uses it.
        loop.set_default_executor(ThreadPoolExecutor(8, thread_name_prefix="genba-loader"))
        asyncio.set_event_loop(loop)
        try:
            with loop:
                return int(loop.run_until_complete(_live(loop, window, overrides, capture, demo)))
        finally:
            asyncio.set_event_loop(None)
            if demo is not None:
                demo.close()


async def _live(
    loop: asyncio.AbstractEventLoop,
    window: Window,
    overrides: dict[str, Any],
    capture: Capture | None,
    demo: DemoPlant | None,
) -> int:
    closing = asyncio.Event()
    window.closing.connect(closing.set)
    if window.is_closing:
        closing.set()
    reports = CrashReports()
    _hook_failures(loop, window, reports)
    if sys.platform != "win32":
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, closing.set)
    collector = Collector(window)
    QTimer.singleShot(LOADED_AFTER_MS, window, partial(_loaded, collector))
    try:
        settings = await in_thread(lambda: _settle(overrides, demo))
        reports.home = settings.home
        starting = loop.create_task(_start_station(window, settings, demo))
        try:
            if capture is None:
                await closing.wait()
            else:
                await _capture(window, starting, capture)
        finally:
            await _shut_down(window, starting)
    finally:
        if sys.platform != "win32":
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
        window.deleteLater()
    return 0


def _settle(overrides: dict[str, Any], demo: DemoPlant | None) -> StationSettings:
    """The settings, judged as a whole now that the window is there. Raises Invalid, Unavailable: the program ends with it."""
    if demo is not None:
        demo.launch()
    from core.config import read_settings
    from core.log import start_logging

    settings = read_settings(**overrides)
    start_logging(settings.home, "hmi")
    return settings


async def _start_station(window: Window, settings: StationSettings, demo: DemoPlant | None) -> Station | None:
    """Load and start everything behind the window; a failure is shown in it and the window stays usable."""
    station: Station | None = None
    first, *others = sorted(PANELS, key=lambda entry: entry.id != window.panel_id)
    try:
        station = await in_thread(lambda: _build(settings, demo))
        # Machines and database take their own time to answer; the panels are loaded meanwhile.
        loading = asyncio.get_running_loop().create_task(_add_panel(window, first))
        try:
            await station.start()
        finally:
            await loading
        window.bridge.attach(station)
        for entry in others:
            await _add_panel(window, entry)
    except Exception as error:
        log.error("the station could not start: %s", error, exc_info=None if isinstance(error, GenbaError) else error)
        window.show_error(error)
    except asyncio.CancelledError:
        if station is not None:
            await station.close()
        raise
    else:
        return station
    if station is not None:
        await station.close()
    return None


async def _add_panel(window: Window, entry: PanelEntry) -> None:
    """One panel: its module in a thread, its widgets between two frames."""
    kind = await in_thread(entry.load)
    window.add_panel(entry, kind)


def _build(settings: StationSettings, demo: DemoPlant | None) -> Station:
    # The first samples need it on the GUI thread, which would wait there until a panel's thread has loaded it.
    import numpy  # noqa: F401

    from core.station.station import Station

    return Station(settings, prepare=demo.prepare if demo is not None else None, has_screen=True)


async def _shut_down(window: Window, starting: asyncio.Task[Station | None]) -> None:
    await window.bridge.close()
    if not starting.done():
        starting.cancel()
    station = (await asyncio.gather(starting, return_exceptions=True))[0]
    if station is not None and not isinstance(station, BaseException):
        await station.close()
    window.hide()


class CrashReports:
    """Where the reports of defects go.

    Attributes:
        home: Of the station; None until the settings are read, and until then there is only the log.
    """

    def __init__(self) -> None:
        self.home: Path | None = None

    def add(self, error: BaseException) -> None:
        """Report a defect; what an operator may meet is none."""
        if self.home is not None and not isinstance(error, GenbaError):
            record_crash(self.home, error)


def _hook_failures(loop: asyncio.AbstractEventLoop, window: Window, reports: CrashReports) -> None:
    """Nothing that fails in a slot or a task ends the program; it is logged once, reported and shown in three lines."""

    def in_slot(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            window.close()
            return
        log.error("failure in a slot: %s", "".join(traceback.format_exception(kind, error, trace)))
        reports.add(error)
        window.show_error(error)

    def in_task(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        log.error("failure in a task: %s", context.get("message"), exc_info=error)
        if error is not None:
            reports.add(error)
            window.show_error(error)

    sys.excepthook = in_slot
    loop.set_exception_handler(in_task)


# -- capture -----------------------------------------------------------------------------------------------------


async def _capture(window: Window, starting: asyncio.Task[Station | None], capture: Capture) -> None:
    deadline = time.monotonic() + CAPTURE_PATIENCE_S
    await asyncio.wait([starting], timeout=CAPTURE_PATIENCE_S)
    enough = time.monotonic() + CAPTURE_ENOUGH_S
    while time.monotonic() < deadline and not _is_live(window.bridge):
        if time.monotonic() > enough and _has_settled(window.bridge):
            break  # a machine that does not answer belongs on the picture
        await asyncio.sleep(0.1)
    await asyncio.sleep(CAPTURE_SETTLE_S)  # one more second of values, so that ages and rates are the usual ones
    if capture.screenshot is not None:
        window.grab().save(str(capture.screenshot), "PNG")
    if capture.state_json is not None:
        capture.state_json.write_text(json.dumps(state(window), ensure_ascii=False, indent=1), encoding="utf-8")


def _has_settled(bridge: Bridge) -> bool:
    """True when every source has said whether it answers."""
    links = bridge.station.links.values() if bridge.is_ready else []
    return bool(links) and all(link.state is not LinkState.CONNECTING for link in links)


def _is_live(bridge: Bridge) -> bool:
    """True when every source is online and every visible tile has received something."""
    if not bridge.is_ready:
        return False
    links = bridge.station.links.values()
    shown = bridge.shown_tags()
    return (
        bool(shown)
        and all(link.state in (LinkState.ONLINE, LinkState.STOPPED) for link in links)
        and all(bridge.sample(tag).quality is not Quality.NEVER for tag, _ in shown)
    )


def state(window: Window) -> dict[str, Any]:
    """What the window shows now: every visible tile's tag, value, quality and age, the links and the database."""
    now = time.time()
    bridge = window.bridge
    tiles = []
    for tag, widget in bridge.shown_tags():
        sample = bridge.sample(tag)
        tiles.append(
            {
                "tag": tag,
                "widget": type(widget).__name__,
                "value": sample.value,
                "quality": sample.quality.name,
                "status": sample.status,
                "age_s": round(now - sample.received_at, 3) if sample.received_at else None,
            }
        )
    links = list(bridge.station.links.values()) if bridge.is_ready else []
    return {
        "panel": window.panel_id,
        "language": theme.current().language,
        "theme": theme.current().name,
        "actor": bridge.station.actor.user_code if bridge.is_ready else None,
        "database_up": bridge.station.database_up if bridge.is_ready else False,
        "waiting": bridge.station.waiting if bridge.is_ready else 0,
        "links": [{"source": link.source, "state": link.state.value, "updates_per_s": round(link.updates_per_s, 1)} for link in links],
        "tiles": tiles,
    }
