"""A station with its own database copies it by itself, says when it cannot, and watches its disks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock
from core.config import StationSettings
from core.station import keeping
from core.station.station import Station
from core.store import backup, manifest
from core.store.embedded import EmbeddedServer
from core.store.journal import Journal
from core.store.operation import Actor, Request
from tests.conftest import ExpectedLog
from tests.station.several import until
from tests.store.test_newer_journal import as_newer


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "LOOK_S", 0.05)
    monkeypatch.setattr(keeping, "_AFTER_START_S", 0.0)
    monkeypatch.setattr(keeping, "_TRY_AGAIN_S", 0.0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A station whose database is two days old and was never copied."""
    folder = tmp_path / "home"
    server = EmbeddedServer(folder / "database", durable=False)
    server.start()
    server.stop()
    aged = time.time() - 2 * 86_400
    os.utime(folder / "database" / "data" / "PG_VERSION", (aged, aged))
    return folder


def kept_in(home: Path) -> list[Path]:
    """The copies; what tries the disk comes and goes beside them."""
    return sorted(path for path in (home / "backups").iterdir() if not path.name.startswith("."))


def settings(home: Path, **more: Any) -> StationSettings:
    return StationSettings(home=home, name="P1", acquisition="gui", **more)


def codes(station: Station) -> list[str]:
    return [one.code for one in station.keeping.troubles]


def test_a_copy_that_was_missed_is_made_at_the_next_start_and_only_once(home: Path) -> None:
    async def run() -> None:
        station = Station(settings(home))
        await station.start()
        try:
            await until(lambda: station.keeping.copies is not None and station.keeping.copies.last_at is not None, 60)
            assert station.keeping.copies is not None
            assert station.keeping.copies.next_at is not None
            assert station.keeping.copies.next_at > station.clock.now()
            made = kept_in(home)
            await asyncio.sleep(0.5)
            assert kept_in(home) == made
            assert codes(station) == []
        finally:
            await station.close()
        assert backup.look_through(made[0]).scheduled

    asyncio.run(run())


def test_a_disk_that_is_not_plugged_in_is_said_and_made_up_for(home: Path, tmp_path: Path, expect_log: ExpectedLog) -> None:
    expect_log(r"daily copy of the database is down")
    usb = tmp_path / "usb"
    told: list[Any] = []

    async def run() -> None:
        station = Station(settings(home, backup_folder=usb))
        station.watch(lambda kind, value: told.append(value) if kind == "storage" else None)
        await station.start()
        try:
            await until(lambda: "backup.overdue" in codes(station), 60)
            assert "disk.backup_not_writable" in codes(station)
            (failed,) = [one for one in station.keeping.troubles if one.code == "backup.overdue"]
            assert str(usb) in failed.lines("en").what
            assert "none" in failed.lines("en").safe
            assert "なし" in failed.lines("ja").safe
            assert not usb.exists(), "no folder is made where a disk belongs"
            await until(lambda: station.database_up, 60)  # and everything else goes on
            usb.mkdir()
            await until(lambda: codes(station) == [], 60)
        finally:
            await station.close()

    asyncio.run(run())
    assert next(told for _, _, told in manifest.found_in(usb)).station == "P1"
    assert told[-1] == ()


def test_a_station_that_ends_in_the_middle_leaves_nothing_half_made(home: Path) -> None:
    async def run() -> None:
        station = Station(settings(home))
        await station.start()
        await until(lambda: list((home / "backups").glob(".partial-*")) if (home / "backups").exists() else [], 60)
        begun = time.monotonic()
        await station.close()
        assert time.monotonic() - begun < 10

    asyncio.run(run())
    left = list((home / "backups").iterdir())
    assert all(not path.name.startswith(".partial") for path in left), left


def test_switched_off_it_only_watches_the_disks(home: Path) -> None:
    async def run() -> None:
        free_mb = shutil.disk_usage(home).free // 1_000_000
        station = Station(settings(home, backup_at="", disk_warn_mb=free_mb * 2, disk_alarm_mb=0))
        await station.start()
        try:
            await until(lambda: codes(station) == ["disk.low"])
            await until(lambda: station.database_up)
            await asyncio.sleep(0.3)
            assert station.keeping.copies is not None
            assert (station.keeping.copies.last_at, station.keeping.copies.next_at) == (None, None)
        finally:
            await station.close()

    asyncio.run(run())
    assert not (home / "backups").exists()


def test_a_shared_database_is_copied_by_its_administrator(tmp_path: Path, database_url: str) -> None:
    async def run() -> None:
        station = Station(settings(tmp_path / "home", database_url=database_url))
        await station.start()
        try:
            await until(lambda: station.database_up)
            await asyncio.sleep(0.3)
            assert station.keeping.copies is None
            assert codes(station) == []
        finally:
            await station.close()

    asyncio.run(run())


def test_a_look_that_fails_is_not_the_last(home: Path, expect_log: ExpectedLog, monkeypatch: pytest.MonkeyPatch) -> None:
    expect_log("the look at disks and copies is down: OSError: .*unplugged")
    looked = []

    def unplugged(*_: Any) -> Any:
        looked.append(1)
        raise OSError("unplugged between two questions")

    async def run() -> None:
        station = Station(settings(home, backup_at=""))
        await station.start()
        try:
            with monkeypatch.context() as patched:
                patched.setattr(keeping.Disks, "look", unplugged)
                await until(lambda: len(looked) > 1, 60)
            monkeypatch.setattr(keeping.Disks, "look", lambda *_: (keeping.Unavailable("disk.almost_full", path="/", free=0),))
            await until(lambda: codes(station) == ["disk.almost_full"], 60)
        finally:
            await station.close()

    asyncio.run(run())


def test_decisions_that_a_damaged_journal_cost_are_said(home: Path, expect_log: ExpectedLog) -> None:
    expect_log("journal.sqlite was damaged .* 1 lost")
    clock = SystemClock()
    journal = Journal(home / "journal.sqlite", clock)
    actor = Actor("u1", "n", frozenset(), frozenset(), "P1", None)
    told = {"operation": "test:thing:book", "station": "P1", "user_code": "u1", "decided_at": clock.now(), "args": {}}
    journal.append(Request(id=clock.uuid7(), **told), actor, "new")  # type: ignore[arg-type]
    journal.close()
    with contextlib.closing(sqlite3.connect(home / "journal.sqlite")) as file:
        file.execute("UPDATE entry SET subject = 'forged'")
        file.commit()

    async def run() -> None:
        station = Station(settings(home, backup_at=""))
        await station.start()
        try:
            await until(lambda: codes(station) == ["store.journal_damaged"], 60)
            assert "1 entries" in station.keeping.troubles[0].lines("en").what
            assert str(home) in station.keeping.troubles[0].lines("ja").safe
        finally:
            await station.close()

    asyncio.run(run())
    asyncio.run(run())  # who entered them may come after the program was started again


def test_decisions_that_wait_for_a_newer_program_are_said(home: Path) -> None:
    clock = SystemClock()
    journal = Journal(home / "journal.sqlite", clock)
    actor = Actor("u1", "n", frozenset(), frozenset(), "P1", None)
    told = {"operation": "test:thing:book", "station": "P1", "user_code": "u1", "decided_at": clock.now(), "args": {}}
    newer = Request(id=clock.uuid7(), **told)  # type: ignore[arg-type]
    journal.append(newer, actor, "new")
    as_newer(journal, newer.id)
    journal.close()

    async def run() -> None:
        station = Station(settings(home, backup_at=""))
        await station.start()
        try:
            await until(lambda: codes(station) == ["store.journal_newer"], 60)
            assert station.keeping.troubles[0].lines("en").what.startswith("1 entries")
            assert station.waiting == 0, "nothing waits that this program could send"
        finally:
            await station.close()

    asyncio.run(run())
