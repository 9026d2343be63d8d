"""How each kind of fault is made and mended; every one is real: signals, sockets, bytes on the disk."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import psycopg

from tests.faults.history import History
from tests.faults.link import Link
from tests.faults.plan import DAY_S, HOUR_S, Fault
from tests.faults.plant import NEXT, Plant
from tests.faults.seat import Gone, Seat, Worker

_LAST_WRITE = 4 * 4_120


class Breaker:
    """Breaks and mends, one call per fault of the plan.

    Args:
        seats: By station.
        links: Proxy by station.
        hire: Puts an operator to a seat; gives his task.

    Attributes:
        twins: Second stations that said a name that was taken.
        destroyed: Requests that waited in a journal whose bytes were flipped, and are not in the file that replaced it.
        skipped: Kinds that this computer cannot have, and why.
    """

    def __init__(self, plant: Plant, seats: dict[str, Seat], links: dict[str, Link], history: History, pause_s: float) -> None:
        self._plant, self._seats, self._links, self._history, self._pause_s = plant, seats, links, history, pause_s
        self.twins: list[Seat] = []
        self.destroyed: set[str] = set()
        self.skipped: dict[str, str] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def do(self, fault: Fault, until: float) -> None:
        """Break and mend, one after the other at each place; nothing begins after ``until``, on the loop's clock.

        On a slow computer what was planned for one station would otherwise overlap, and two of its processes share one home.
        """
        async with self._turns.setdefault(fault.where, asyncio.Lock()):
            if asyncio.get_running_loop().time() < until:
                await self._do(fault)

    async def _do(self, fault: Fault) -> None:
        self._history.broke(fault.kind, where=fault.where, lasts_s=fault.lasts_s)
        work = getattr(self, f"_{fault.kind}")
        given = (fault, random.Random(fault.dice))
        try:
            await (work(*given) if fault.where == "server" else work(self._seats[fault.where], *given))
        except Gone as gone:
            self._history.note("gone", problem=str(gone))
        self._history.note("mended", kind=fault.kind, where=fault.where)

    # -- the server ------------------------------------------------------------------------------------------------

    async def _server_killed(self, fault: Fault, _: random.Random) -> None:
        await asyncio.to_thread(self._plant.server.kill)
        await asyncio.sleep(fault.lasts_s)
        await asyncio.to_thread(self._plant.server.start)

    async def _server_restarted(self, fault: Fault, _: random.Random) -> None:
        await asyncio.to_thread(self._plant.server.stop)
        await asyncio.sleep(fault.lasts_s / 4)
        await asyncio.to_thread(self._plant.server.start)

    async def _server_frozen(self, fault: Fault, _: random.Random) -> None:
        self._plant.server.freeze()
        try:
            await asyncio.sleep(fault.lasts_s)
        finally:
            self._plant.server.thaw()

    async def _server_slow(self, fault: Fault, _: random.Random) -> None:
        slow = [link for link in self._links.values() if link.mode == "ok"]
        for link in slow:
            link.mode = "slow"
        await asyncio.sleep(fault.lasts_s)
        for link in slow:
            if link.mode == "slow":
                link.mode = "ok"

    async def _server_full(self, fault: Fault, _: random.Random) -> None:
        await asyncio.to_thread(self._plant.crowd)
        for link in self._links.values():
            link.reset()  # whoever has a connection keeps it: only who needs a new one meets the fault
        await asyncio.to_thread(self._plant.crowd)
        await asyncio.sleep(fault.lasts_s)
        await asyncio.to_thread(self._plant.leave)

    async def _server_out_of_disk(self, fault: Fault, _: random.Random) -> None:
        if not self._plant.servers.disks:
            self.skipped[fault.kind] = "nobody may mount a small disk here"
            return
        await asyncio.to_thread(self._plant.servers.fill)
        await asyncio.sleep(fault.lasts_s)
        self._history.note("disk", running=self._plant.server.running)
        await asyncio.to_thread(self._plant.servers.free)

    async def _server_failed_over(self, fault: Fault, _: random.Random) -> None:
        await asyncio.to_thread(self._plant.servers.fail_over)
        await asyncio.sleep(fault.lasts_s)
        await asyncio.to_thread(self._plant.servers.pair_up)

    async def _migration_ran(self, fault: Fault, _: random.Random) -> None:
        try:
            await asyncio.to_thread(self._plant.migrate, fault.lasts_s)
        except psycopg.errors.LockNotAvailable:
            self._history.note("migration gave way")

    async def _schema_moved_on(self, fault: Fault, _: random.Random) -> None:
        await asyncio.to_thread(self._plant.move_on, NEXT)
        await asyncio.sleep(fault.lasts_s)
        await asyncio.to_thread(self._plant.move_on, "0.2")

    # -- the way to it ---------------------------------------------------------------------------------------------

    async def _answer_lost(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        self._links[seat.station].lose("after")
        await asyncio.sleep(fault.lasts_s)

    async def _commit_cut(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        self._links[seat.station].lose("before")
        await asyncio.sleep(fault.lasts_s)

    async def _network_cut(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        await self._in_mode(seat, "down", fault)

    async def _half_open_up(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        await self._in_mode(seat, "deaf_up", fault)

    async def _half_open_down(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        await self._in_mode(seat, "deaf_down", fault)

    async def _packets_lost(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        await self._in_mode(seat, "lossy", fault)

    async def _network_far(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        await self._in_mode(seat, "far", fault)

    async def _network_narrow(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        await self._in_mode(seat, "narrow", fault)

    async def _notices_dropped(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        await self._in_mode(seat, "mute", fault)

    async def _resets(self, seat: Seat, fault: Fault, dice: random.Random) -> None:
        """Every connection is reset, again and again."""
        end = asyncio.get_running_loop().time() + fault.lasts_s
        while asyncio.get_running_loop().time() < end:
            self._links[seat.station].reset()
            await asyncio.sleep(dice.uniform(0.02, 0.4))

    async def _in_mode(self, seat: Seat, mode: Any, fault: Fault) -> None:
        link = self._links[seat.station]
        link.mode = mode
        await asyncio.sleep(fault.lasts_s)
        link.mode = "ok"

    async def _notify_lost(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        self._links[seat.station].reset("listen")
        await asyncio.sleep(fault.lasts_s / 4)

    async def _listening_ended(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        with contextlib.suppress(psycopg.Error):  # the server itself may be away
            await asyncio.to_thread(self._plant.end_listening, seat.station)
        await asyncio.sleep(fault.lasts_s / 4)

    # -- the station -----------------------------------------------------------------------------------------------

    async def _station_killed(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        await seat.kill()
        await asyncio.sleep(fault.lasts_s / 4)
        await self._start(seat)

    async def _killed_in_journal(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        await self._killed_in(seat, "journal", fault)

    async def _killed_in_apply(self, seat: Seat, fault: Fault, dice: random.Random) -> None:
        await self._killed_in(seat, dice.choice(("commit", "apply")), fault)

    async def _killed_in_answer(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        await self._killed_in(seat, "answer", fault)

    async def _killed_in(self, seat: Seat, where: str, fault: Fault) -> None:
        """Killed -9 at that point of the next press; when nobody gets there in time, as it is."""
        with contextlib.suppress(Gone):
            await seat.ask(die=where, within_s=5.0)
        there = await seat.died(fault.lasts_s)
        self._history.note("died", home=seat.name, where=where, there=there)
        await seat.kill()
        await self._start(seat)

    async def _station_updated(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        """The station gets the next version before the others, and later its old one again."""
        for seat.newer in (True, False):
            await seat.kill()
            await self._start(seat)
            await asyncio.sleep(fault.lasts_s / 2)

    async def _station_slept(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        """For longer than a lease lives, and an hour by its own clock."""
        seat.suspend()
        try:
            await asyncio.sleep(fault.lasts_s)
        finally:
            seat.resume()
        await seat.turn_clock(HOUR_S)
        await asyncio.sleep(fault.lasts_s / 4)
        await seat.turn_clock(0.0)

    async def _station_suspended(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        seat.suspend()
        try:
            await asyncio.sleep(fault.lasts_s)
        finally:
            seat.resume()

    async def _clock_jumped(self, seat: Seat, fault: Fault, dice: random.Random) -> None:
        await seat.turn_clock(dice.choice((-DAY_S, DAY_S)))
        await asyncio.sleep(fault.lasts_s)
        await seat.turn_clock(0.0)

    async def _disk_full(self, seat: Seat, fault: Fault, _: random.Random) -> None:
        seat.fill_disk()
        await asyncio.sleep(fault.lasts_s)
        seat.free_disk()

    async def _journal_damaged(self, seat: Seat, fault: Fault, dice: random.Random) -> None:
        """Bytes of the file are flipped while the station is off; what waited there and is gone is noted as destroyed by us."""
        await seat.kill()
        waited = entries(seat.home)
        journal = seat.home / "journal.sqlite"
        shutil.copyfile(journal, seat.home / f"journal.before-{fault.dice}.sqlite")
        for path in (journal, journal.with_name("journal.sqlite-wal")):
            if path.exists() and path.stat().st_size:
                flip(path, dice)
        await asyncio.sleep(fault.lasts_s / 4)
        await self._start(seat)
        state = await seat.state()
        left = entries(seat.home, copied=True)
        gone = {request for request, was in waited.items() if was != "applied" and request not in left}
        self._history.note(
            "journal", home=seat.name, entries=len(waited), left=len(left), waiting_gone=sorted(gone), told=state["rows_lost"]
        )
        if gone and not state["rows_lost"]:
            self._history.note("silent", home=seat.name)  # destroyed without a word: the checker counts it as lost
            return
        for aside in (*seat.home.glob("journal.before-*"), *seat.home.glob("journal.damaged-*")):
            aside.unlink()  # looked at, and a run of an hour has hundreds of them
        self.destroyed |= gone

    async def _readstore_damaged(self, seat: Seat, fault: Fault, dice: random.Random) -> None:
        """What the station has seen is no record of anything: it must do without it, and see it again."""
        await seat.kill()
        for path in (seat.home / "readstore.sqlite", seat.home / "readstore.sqlite-wal"):
            if path.exists() and path.stat().st_size:
                flip(path, dice)
        await asyncio.sleep(fault.lasts_s / 4)
        await self._start(seat)

    async def _twin_started(self, seat: Seat, fault: Fault, dice: random.Random) -> None:
        """Somebody installs a second panel under a name that is taken, and works at it."""
        home = seat.home.with_name(f"{seat.station}-twin{len(self.twins)}")
        twin = Seat(self._plant, seat.station, home, self._links[seat.station].ports, self._history)
        self.twins.append(twin)
        await self._start(twin)
        task = asyncio.ensure_future(Worker(twin, f"{fault.dice}", dice.choice(("L1", "L2", "L3", "L4")), self._pause_s).work())
        await asyncio.sleep(fault.lasts_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await twin.kill()

    async def _start(self, seat: Seat) -> None:
        for left in (2, 1, 0):
            try:
                return await seat.start()
            except Gone:
                if not left:
                    raise


def flip(path: Path, dice: random.Random) -> None:
    """A byte in about every 64 kilobytes becomes another one, one at least.

    Not in what was written last to a log: a disk that lost that cannot be told from a station that was cut off while it wrote.
    """
    raw = bytearray(path.read_bytes())
    end = max(1, len(raw) - _LAST_WRITE) if path.name.endswith("-wal") else len(raw)
    for _ in range(max(1, len(raw) // 65_536)):
        at = dice.randrange(end)
        raw[at] ^= dice.randrange(1, 256)
    path.write_bytes(raw)


def entries(home: Path, *, copied: bool = True) -> dict[str, str]:
    """Request → state of every entry of a journal, read from a copy so that the station's own file stays untouched; {} if unreadable."""
    aside = home / "reading"
    aside.mkdir(exist_ok=True)
    copy = aside / "journal.sqlite"
    try:
        for suffix in ("", "-wal"):
            source = home / f"journal.sqlite{suffix}"
            if source.exists():
                shutil.copyfile(source, copy.with_name(copy.name + suffix))
        with contextlib.closing(sqlite3.connect(copy)) as file:
            return dict(file.execute("SELECT id, state FROM entry").fetchall())
    except sqlite3.Error:
        return {}
    finally:
        shutil.rmtree(aside)
