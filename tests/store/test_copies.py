"""The daily copy: when it is due, made once, the oldest removed, nothing removed that somebody made by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.errors import Invalid, Unavailable
from core.store import backup, copies, manifest
from core.store.filelock import try_lock
from tests.postgres import TestServer

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")


def utc(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "at", "zone", "wanted"),
    [
        ("2026-11-25T12:00", "02:30", UTC, "2026-11-25T02:30"),
        ("2026-11-25T02:30", "02:30", UTC, "2026-11-25T02:30"),
        ("2026-11-25T02:29", "02:30", UTC, "2026-11-24T02:30"),
        ("2026-11-25T12:00", "02:30", TOKYO, "2026-11-24T17:30"),
        ("2026-11-25T17:29", "02:30", TOKYO, "2026-11-24T17:30"),
        ("2026-11-25T17:30", "02:30", TOKYO, "2026-11-25T17:30"),
        ("2026-11-25T00:00", "23:59", UTC, "2026-11-24T23:59"),
        # The hour that is twice, and the one that is not: once a day all the same.
        ("2026-10-25T12:00", "02:30", BERLIN, "2026-10-25T00:30"),
        ("2026-03-29T12:00", "02:30", BERLIN, "2026-03-29T01:30"),
    ],
)
def test_the_last_time_it_was_that_late(now: str, at: str, zone: ZoneInfo, wanted: str) -> None:
    assert copies.last_moment(utc(now), at, zone).astimezone(UTC) == utc(wanted)


@pytest.fixture(scope="module")
def place(postgres: TestServer) -> Iterator[str]:
    with postgres.migrated_database() as name:
        yield postgres.admin_url(name)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """As the folder of an embedded server that was made just now."""
    folder = tmp_path / "database"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "PG_VERSION").write_text("18\n")
    (tmp_path / "backups").mkdir()
    return folder


def never() -> bool:
    return False


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=60)


def test_a_new_database_waits_for_its_hour_and_a_missed_one_is_made_up_for(database: Path) -> None:
    begun = copies.begun(database)
    assert begun is not None
    assert not copies.is_due(database, begun - timedelta(hours=1)), "last night it was not there yet"
    assert copies.is_due(database, begun + timedelta(hours=1)), "also when the computer was off at that hour"
    assert not copies.is_due(database.parent, soon()), "no database, nothing to copy"


def test_it_is_made_once_and_again_when_somebody_took_it_away(place: str, database: Path) -> None:
    to, moment = database.parent / "backups", soon()
    told = copies.copy(place, database, to, "P1", moment, 3, never)
    assert told is not None
    assert told.scheduled
    made = copies.last_copy(database)
    assert made == told.made_at
    assert not copies.is_due(database, told.made_at - timedelta(seconds=1))
    assert copies.is_due(database, moment), "the next night"
    shutil.rmtree(to / told.name)
    assert copies.last_copy(database) is None
    assert copies.is_due(database, moment)


def test_another_station_of_the_computer_does_not_do_it_too(place: str, database: Path) -> None:
    with (database / "copying").open("a+b") as held:
        assert try_lock(held, exclusive=True)
        assert copies.copy(place, database, database.parent / "backups", "P2", soon(), 3, never) is None
    assert list((database.parent / "backups").iterdir()) == []


def test_the_newest_stay_and_what_was_made_by_hand_stays(place: str, database: Path) -> None:
    to = database.parent / "backups"
    by_hand, _ = backup.make(place, to / "before the update", "P1")
    told = copies.copy(place, database, to, "P1", soon(), 2, never)
    assert told is not None
    older = []
    for days in range(1, 5):
        other = to / f"night {days}"
        shutil.copytree(to / told.name, other)
        aged = told.model_copy(update={"made_at": told.made_at - timedelta(days=days)})
        (other / manifest.MANIFEST).write_bytes(manifest.sealed(aged))
        older.append(other)
    foreign = to / "of another panel"
    shutil.copytree(older[-1], foreign)
    (foreign / manifest.MANIFEST).write_bytes(manifest.sealed(manifest.read(foreign).model_copy(update={"system": "1"})))
    (to / ".removing-dead").mkdir()
    (database / "last-backup.json").unlink()
    shutil.move(to / told.name, to / "night 0")
    newest = copies.copy(place, database, to, "P1", soon(), 3, never)
    assert newest is not None
    left = {path.name for path in to.iterdir()}
    assert left == {newest.name, "night 0", "night 1", by_hand.name, foreign.name}


def test_a_copy_that_fails_costs_none_of_the_others(place: str, database: Path) -> None:
    to = database.parent / "backups"
    told = copies.copy(place, database, to, "P1", soon(), 1, never)
    assert told is not None
    with pytest.raises(Unavailable) as caught:
        copies.copy("postgresql+psycopg://x:y@127.0.0.1:1/plant", database, to, "P1", soon() + timedelta(days=1), 1, never)
    assert caught.value.code == "store.away"
    with pytest.raises(Unavailable):
        copies.copy(place, database, to, "P1", soon() + timedelta(days=1), 1, lambda: True)
    assert [path.name for path in to.iterdir()] == [told.name]
    assert copies.last_copy(database) == told.made_at


def test_a_copy_made_while_the_clock_was_wrong_does_not_put_off_the_others(place: str, database: Path) -> None:
    to = database.parent / "backups"
    told = copies.copy(place, database, to, "P1", soon(), 2, never)
    assert told is not None
    for year in (1, 2):
        later = to / f"of a year to come {year}"
        shutil.copytree(to / told.name, later)
        aged = told.model_copy(update={"name": later.name, "made_at": told.made_at + timedelta(days=365 * year)})
        (later / manifest.MANIFEST).write_bytes(manifest.sealed(aged))
        (database / "last-backup.json").write_text(json.dumps({"folder": str(later)}), encoding="utf-8")
    moment = datetime.now(UTC)
    assert copies.is_due(database, moment), "not only in two years"
    newest = copies.copy(place, database, to, "P1", moment, 2, never)
    assert newest is not None
    assert copies.last_copy(database) == newest.made_at, "it is not thrown away as the oldest"
    assert not copies.is_due(database, moment)
    assert len(list(to.iterdir())) == 2


def test_copies_that_a_bad_disk_spoils_do_not_pile_up(place: str, database: Path) -> None:
    to = database.parent / "backups"

    def spoil() -> bool:
        """Asked while the finished copy is read."""
        for piece in to.glob("genba-*/logins.json"):
            piece.write_bytes(b"spoiled")
        return False

    for _ in range(2):
        with pytest.raises(Invalid) as caught:
            copies.copy(place, database, to, "P1", soon(), 3, spoil)
        assert caught.value.code == "backup.damaged"
    assert list(to.iterdir()) == []
    assert copies.last_copy(database) is None
