"""What a station looks after by itself: room on its disks, and a daily copy of its own database."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from core.clock import Clock
from core.config import StationSettings
from core.equipment.views import SiteView
from core.errors import GenbaError, Unavailable
from core.log import Outage
from core.station.floor import Floor
from core.store import copies
from core.store.disk import Disks, Place

log = logging.getLogger(__name__)

LOOK_S: Final = 30.0
CLOCK_OFF_S: Final = 2.0
"""So far this computer's clock may be from the server's before somebody should set it."""
_AFTER_START_S: Final = 60.0
"""A copy that was missed while the computer was off waits until the station has come up."""
_TRY_AGAIN_S: Final = 900.0
_GRACE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Copies:
    """How it stands with the copies of the embedded database.

    Attributes:
        folder: Where they are.
        last_at: Moment of the newest one; None for none.
        next_at: When the next one is due; None when copies are switched off.
    """

    folder: Path
    last_at: datetime | None
    next_at: datetime | None


class Panel(Protocol):
    """What is asked of the station."""

    site: SiteView

    def storage_changed(self) -> None:
        """Something changed."""
        ...


class Keeping:
    """Belongs to the station's loop; what touches the disk runs on a thread of its own.

    Args:
        settings: Of this station.
        clock: Of this station.
        floor: Knows the embedded database.
        panel: The station: its time zone, and who is told.

    Attributes:
        troubles: What is wrong with disks, copies and the clock now, the worst first.
        copies: None while nothing is known, and where the database is not this station's own.
    """

    def __init__(self, settings: StationSettings, clock: Clock, floor: Floor, panel: Panel) -> None:
        self._settings, self._clock, self._floor, self._panel = settings, clock, floor, panel
        self._database = settings.home / "database"
        self._disks = Disks(settings.disk_warn_mb, settings.disk_alarm_mb)
        self._outage = Outage(log, "daily copy of the database", clock)
        self._clock_outage = Outage(log, "this computer's clock", clock)
        self._looking = Outage(log, "the look at disks and copies", clock)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._not_before = clock.monotonic() + _AFTER_START_S
        self._failure: GenbaError | None = None
        self.troubles: tuple[GenbaError, ...] = ()
        self.copies: Copies | None = None

    async def run(self) -> None:
        """Look around until cancelled."""
        while True:
            try:
                await self._on(self._look)
                if self._settings.database_url is None and self._settings.backup_at:
                    await self._on(self._copy)
            except Exception as error:  # noqa: BLE001 - one look that fails must not be the last: nobody would hear of a full disk
                self._looking.down(f"{type(error).__name__}: {error}")
            else:
                self._looking.up()
            await asyncio.sleep(LOOK_S)

    async def close(self) -> None:
        """End what runs; a copy half made is given up. A disk that hangs is not waited for."""
        self._closing.set()
        end = self._clock.monotonic() + _GRACE_S
        while self._thread is not None and self._thread.is_alive() and self._clock.monotonic() < end:  # noqa: ASYNC110 - a thread, no event
            await asyncio.sleep(0.02)

    async def _on(self, work: Callable[[], tuple[GenbaError, ...]]) -> None:
        """Run ``work`` on a thread that nobody has to wait for: a network folder may hang for minutes."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[tuple[GenbaError, ...]] = loop.create_future()

        def run() -> None:
            try:
                tell = partial(_answer, done, work())
            except Exception as error:  # noqa: BLE001 - raised again where it is waited for
                tell = partial(_fail, done, error)
            if not loop.is_closed():
                loop.call_soon_threadsafe(tell)

        self._thread = threading.Thread(target=run, name="genba-keep", daemon=True)
        self._thread.start()
        told, self.troubles = self.troubles, await done
        if [(one.code, one.params) for one in told] != [(one.code, one.params) for one in self.troubles]:
            self._panel.storage_changed()

    def _zone(self) -> tzinfo | None:
        lines = self._panel.site.lines
        return ZoneInfo(lines[0].time_zone) if lines else None

    # -- on the thread -------------------------------------------------------------------------------------------

    def _look(self) -> tuple[GenbaError, ...]:
        settings = self._settings
        places = [Place(settings.home, "work")]
        if settings.database_url is None:
            if self._database.exists():
                places.append(Place(self._database, "work"))
            if settings.backup_at and (settings.backup_folder is not None or settings.backups.exists()):
                places.append(Place(settings.backups, "backup"))
            self._count()
        failed = [] if self._failure is None else [self._failure]
        found = (*self._disks.look(places), *self._journal(), *failed, *self._look_at_clock())
        return tuple(sorted(found, key=lambda one: one.severity != "error"))  # the first one is shown on every panel

    def _look_at_clock(self) -> tuple[GenbaError, ...]:
        """Whether this computer's clock differs from the server's by more than people may overlook."""
        ahead_s = self._floor.clock.ahead_s
        if ahead_s is None or abs(ahead_s) <= CLOCK_OFF_S:
            self._clock_outage.up()
            return ()
        by = f"{ahead_s:+,.0f}"
        error = Unavailable("station.clock_off", seconds=by, server=f"{self._floor.clock.now():%Y-%m-%d %H:%M} UTC")
        self._clock_outage.down(error)
        return (error,)

    def _journal(self) -> tuple[GenbaError, ...]:
        """Decisions that nobody can read any more, because the file was damaged: whoever made them must hear of it; and those that only
        a newer version of the program can read and send."""
        journal = getattr(self._floor, "journal", None)
        found: list[GenbaError] = []
        lost = 0 if journal is None else journal.rows_lost_lately
        if lost:
            found.append(Unavailable("store.journal_damaged", lost=lost, path=str(self._settings.home)))
        if journal is not None and journal.apart_count:
            found.append(Unavailable("store.journal_newer", count=journal.apart_count))
        return tuple(found)

    def _count(self) -> None:
        settings, now = self._settings, self._clock.now()
        following = None
        if settings.backup_at:
            following = copies.last_moment(now, settings.backup_at, self._zone()) + timedelta(days=1)
        self.copies = Copies(settings.backups, copies.last_copy(self._database), following)

    def _copy(self) -> tuple[GenbaError, ...]:
        settings = self._settings
        moment = copies.last_moment(self._clock.now(), settings.backup_at, self._zone())
        address = self._floor.administered
        if address is None or self._clock.monotonic() < self._not_before or not copies.is_due(self._database, moment):
            return self.troubles
        try:
            if settings.backup_folder is None:  # one that was named must be there: a disk that is not plugged in is no folder to make
                settings.backups.mkdir(mode=0o700, parents=True, exist_ok=True)
            told = copies.copy(address, self._database, settings.backups, settings.name, moment, settings.backup_keep, self._closing.is_set)
        except OSError as error:
            self._failed(Unavailable("cli.cannot_write", path=str(settings.backups), problem=error.strerror or type(error).__name__))
        except GenbaError as error:
            if error.code != "backup.stopped":
                self._failed(error)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not end the copies for good, nor stay unseen
            self._failed(Unavailable("backup.failed", problem=f"{type(error).__name__}: {error}"))
        else:
            self._failure = None
            self._outage.up()
            if told is not None:
                log.info("copy %s: %d bytes", told.name, told.size)
        return self._look()

    def _failed(self, error: GenbaError) -> None:
        self._not_before = self._clock.monotonic() + _TRY_AGAIN_S
        self._outage.down(error)
        last = self.copies.last_at if self.copies is not None else None
        words = {language: error.lines(language) for language in ("ja", "en")}
        self._failure = Unavailable(
            "backup.overdue",
            problem={language: lines.what for language, lines in words.items()},
            do={language: lines.do for language, lines in words.items()},
            last=last.astimezone(self._zone()).strftime("%Y-%m-%d %H:%M") if last is not None else {"ja": "なし", "en": "none"},
        )


def _answer(done: asyncio.Future[tuple[GenbaError, ...]], found: tuple[GenbaError, ...]) -> None:
    if not done.done():
        done.set_result(found)


def _fail(done: asyncio.Future[tuple[GenbaError, ...]], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
