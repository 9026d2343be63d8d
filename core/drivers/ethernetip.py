"""EtherNet/IP to ControlLogix, CompactLogix and Micro800: polls planned packets, one connection and one thread per controller.

A program download changes what names mean. The controller's own counters tell of it, and so does every answer that does
not fit: types are then learned anew, and each tag that is gone is told by name.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

from core.clock import Clock
from core.drivers.base import Sink
from core.drivers.engineering import Undecodable, to_raw
from core.drivers.ethernetip_ask import (
    DOWNLOADING,
    LostAfterSending,
    No,
    Reading,
    TooLate,
    WrongType,
    learn,
    no,
    read,
    read_now,
    sorted_out,
    write,
)
from core.drivers.ethernetip_browse import LogixTree, upload
from core.drivers.ethernetip_link import Identity, LinkLost, LogixLink
from core.drivers.ethernetip_plan import Answer, Packet, Piece, packed, plan
from core.drivers.ethernetip_values import Form, Path, Place, check, locate
from core.drivers.ethernetip_worker import LinkThread
from core.errors import Invalid, NotConfirmed, NotConnected, Refused
from core.live.link import BrowseItem
from core.live.sample import Batch, Quality, Value
from core.live.tags import SourceSpec, TagSpec

T = TypeVar("T")

_TIMEOUT_S = 1.5
_FASTEST_S = 0.1
_LOOK_S = 1.0
"""How often the program's counters are read; it is the heartbeat too."""
_ASK_AGAIN_S = 5.0
"""How often tags that were refused are asked for again; those for a reason that may pass, at every look."""
_SEND_WITHIN_S = 2.0
MODELS = ("logix", "micro800")


class EtherNetIpDriver:
    """See ``base.Driver``.

    Args:
        source: ``url`` is ``ethernetip://host[:port][/slot]``. Options: ``timeout`` (seconds per answer, default 1.5),
            ``model`` (``micro800`` for one that does not tell by its name).
        clock: Reception times and the polling rhythm.
    """

    def __init__(self, source: SourceSpec, clock: Clock) -> None:
        self._source = source
        self._shown = dict(source.label) if source.label else source.code
        self._clock = clock
        self._link: LogixLink | None = None
        self._thread: LinkThread | None = None
        self._identity: Identity | None = None
        self._sink: Sink = lambda batch: None
        self._places: list[Place] = []
        self._forms: dict[Path, Form | No] = {}
        self._refused: dict[str, No] = {}
        self._edition: bytes | None = None
        self._downloading = False
        self._order = itertools.count()
        self._due: list[tuple[float, int, Packet]] = []
        self._tree: LogixTree | None = None
        self._tree_edition: bytes | None = None
        self._uploading: asyncio.Task[None] | None = None
        self._path: tuple[str, float, bool] = ("", _TIMEOUT_S, False)

    # -- connecting ----------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open session and CIP connection, and learn who is there."""
        self._path = self._route()
        try:
            self._link = LogixLink(*self._path)
        except LinkLost as error:
            raise Invalid("driver.bad_url", source=self._shown, detail=str(error)) from None
        self._thread = LinkThread(self._link, f"ethernetip {self._source.code}")
        self._identity = await self._ask(self._link.open)

    def _route(self) -> tuple[str, float, bool]:
        """Path as the library takes it, seconds per answer, and whether it is a Micro800. Raises Invalid."""
        parts = urlsplit(self._source.url)
        options = self._source.options
        try:
            timeout_s = float(options.get("timeout", _TIMEOUT_S))
            route = [part for part in parts.path.split("/") if part]
            good = parts.scheme == "ethernetip" and parts.hostname and ":" not in parts.hostname
            good = good and (route[0].isdigit() if len(route) == 1 else len(route) % 2 == 0)
            if not good or not 0.2 <= timeout_s <= 30 or options.get("model", "logix") not in MODELS:
                raise ValueError(self._source.url)
            path = "/".join([f"{parts.hostname}:{parts.port or 44818}", *route])
        except ValueError as error:
            raise Invalid("driver.bad_url", source=self._shown, detail=str(error)) from None
        return path, timeout_s, options.get("model") == "micro800"

    async def _ask(self, work: Callable[[], T], *, first: bool = False) -> T:
        """The result of ``work`` on the link's thread. Raises NotConnected, and whatever it raises."""
        if self._thread is None:
            raise NotConnected("driver.not_connected", source=self._shown, detail="closed")
        try:
            return await self._thread.call(work, first=first)
        except LostAfterSending:
            raise
        except LinkLost as error:
            raise NotConnected("driver.link_broken", source=self._shown, detail=str(error)) from None

    @property
    def _open_link(self) -> LogixLink:
        if self._link is None:
            raise NotConnected("driver.not_connected", source=self._shown, detail="closed")
        return self._link

    # -- polling -------------------------------------------------------------------------------------------------

    async def serve(self, tags: Sequence[TagSpec], sink: Sink) -> None:
        """Poll ``tags``, each at its period, until the link breaks."""
        self._sink = sink
        self._places, unknown = self._located(tags)
        self._tell(unknown)
        self._edition = await self._ask(self._open_link.begin_edition)
        await self._learn_all()
        if not self._places:
            self._sink(self._batch())  # nothing to read, and yet connected: its tag list can be browsed
        look_at = ask_at = self._clock.monotonic()
        while True:
            now = self._clock.monotonic()
            if now >= look_at:
                look_at = now + _LOOK_S
                await self._look()
            if now >= ask_at:
                await self._ask_again()
                passing = any(reason.quality is Quality.BAD for reason in self._refused.values())
                ask_at = now + (_LOOK_S if passing else _ASK_AGAIN_S)
            if self._due and self._due[0][0] <= now:
                due, _, packet = heapq.heappop(self._due)
                await self._poll(due, packet)
            else:
                wake_at = min(look_at, ask_at, *(due for due, _, _ in self._due[:1]))
                await asyncio.sleep(max(0.0, wake_at - self._clock.monotonic()))

    def _located(self, tags: Iterable[TagSpec]) -> tuple[list[Place], dict[str, No]]:
        places, bad = [], {}
        for tag in tags:
            try:
                places.append(locate(tag))
            except Undecodable as error:
                bad[tag.name] = No(str(error))
        return places, bad

    async def _learn_all(self, pause_s: float = 0.0) -> None:
        """Types of all tags as the program now has them, and a new plan that begins after ``pause_s``."""
        self._forms = await self._ask(partial(learn, self._open_link, self._places))
        good, self._refused = sorted_out(self._places, self._forms)
        self._tell(self._refused)
        self._due.clear()
        link, first = self._open_link, self._clock.monotonic() + pause_s
        for packet in plan(good, link.connection_size, single=link.single):
            self._schedule(packet, first)

    def _schedule(self, packet: Packet, at: float) -> None:
        heapq.heappush(self._due, (at, next(self._order), packet))

    async def _poll(self, due: float, packet: Packet) -> None:
        """Read ``packet``, deliver it, and plan its next turn: in its own rhythm, without those that could not be kept."""
        reading = await self._ask(partial(self._read, packet))
        if reading.values:
            batch = Batch(self._source.code, reading.at)
            reading.fill(batch)
            self._sink(batch)
        doubtful = reading.changed or any(answer.leads_nowhere for _, answer in reading.refused)
        if doubtful and await self._look():
            return
        if reading.changed:
            await self._learn_all(_LOOK_S)
            return
        period_s = max(packet.period_s, _FASTEST_S)
        late = self._clock.monotonic() - due
        following = due + period_s * max(1, int(late // period_s) + 1)
        if not reading.refused:
            self._schedule(packet, following)
            return
        refused = {id(piece) for piece, _ in reading.refused}
        rest = [piece for piece in packet.pieces if id(piece) not in refused]
        self._repack(packet.period_s, rest, following)
        self._repack(packet.period_s, self._halved(reading.refused), due)

    def _halved(self, refused: Iterable[tuple[Piece, Answer]]) -> list[Piece]:
        """What to go on asking for: halves of reads with an element that does not exist, and reads refused for a passing reason."""
        following: list[Piece] = []
        for piece, answer in refused:
            if answer.leads_nowhere and not piece.is_one:
                following += piece.halves()
                continue
            reason = no(answer)
            self._tell({place.tag.name: reason for place, _, _ in piece.wanted})
            if answer.leads_nowhere:
                self._refused.update({place.tag.name: reason for place, _, _ in piece.wanted})
            else:
                following.append(piece)
        return following

    def _repack(self, period_s: float, pieces: Iterable[Piece], at: float) -> None:
        link = self._open_link
        for packet in packed(period_s, pieces, link.connection_size, single=link.single):
            self._schedule(packet, at)

    async def _look(self) -> bool:
        """Whether the program is another one than it was: everything is learned anew. During a download nothing is read."""
        edition = await self._ask(self._open_link.heartbeat)
        if edition == b"":
            self._due.clear()
            self._downloading = True
            self._tell({place.tag.name: No(DOWNLOADING, Quality.BAD) for place in self._places})
            return True
        if edition == self._edition and not self._downloading:
            return False
        self._edition, self._downloading = edition, False
        await self._learn_all()
        return True

    async def _ask_again(self) -> None:
        """Tags that were refused, past the plan: one that is there now joins it."""
        places = [place for place in self._places if place.tag.name in self._refused]
        if not places or self._downloading:
            return
        _, bad = await self._ask(partial(read_now, self._open_link, places))
        if len(bad) < len(places):
            await self._learn_all()

    # -- values --------------------------------------------------------------------------------------------------

    def _batch(self) -> Batch:
        return Batch(self._source.code, self._clock.now().timestamp())

    def _tell(self, reasons: Mapping[str, No]) -> None:
        batch = self._batch()
        for name, reason in reasons.items():
            batch.add(name, None, reason.quality, status=reason.word)
        if batch.tags:
            self._sink(batch)

    def _read(self, packet: Packet) -> Reading:
        """On the link's thread, which knows when the answer came however late the loop takes it."""
        reading = read(self._open_link, packet)
        reading.at = self._clock.now().timestamp()
        return reading

    # -- requests ------------------------------------------------------------------------------------------------

    async def read(self, tags: Sequence[TagSpec]) -> Batch:
        """Read now, before the next poll; types are learned anew, so that a read-back never relies on an old one."""
        places, bad = self._located(tags)
        reading, refused = await self._ask(partial(read_now, self._open_link, places), first=True)
        batch = self._batch()
        reading.fill(batch)
        for name, reason in {**bad, **refused}.items():
            batch.add(name, None, reason.quality, status=reason.word)
        return batch

    async def write(self, tag: TagSpec, value: Value) -> None:
        """Write one value in the type the controller has for it."""
        try:
            place = locate(tag)
        except Undecodable as error:
            raise Invalid("driver.bad_address", tag=tag.name, detail=str(error)) from None
        raw = to_raw(tag, value)
        latest = self._clock.monotonic() + _SEND_WITHIN_S
        try:
            await self._ask(partial(self._write, place, raw, lambda: self._clock.monotonic() <= latest), first=True)
        except LostAfterSending:
            raise NotConfirmed("driver.write_unanswered", tag=tag.name, value=value) from None
        except TooLate:
            raise NotConnected("driver.no_answer", source=self._shown, detail="its turn came too late; nothing was sent") from None

    def _write(self, place: Place, raw: bool | int | float | str, in_time: Callable[[], bool]) -> None:
        """On the link's thread. The type is the one of the last poll; a controller that has another by now refuses, and tells it."""
        link, known = self._open_link, self._forms.get(place.base)
        if isinstance(known, Form):
            try:
                check(place, known)
                return write(link, place, raw, known, in_time)
            except (WrongType, Undecodable, Invalid):
                pass  # nothing was written, and what does not fit the type of then may fit the one of now
        form = learn(link, [place])[place.base]
        if isinstance(form, No):
            raise Refused("driver.write_refused", tag=place.tag.name, value=raw, detail=form.word)
        try:
            check(place, form)
            write(link, place, raw, form, in_time)
        except (WrongType, Undecodable) as error:
            raise Invalid("driver.write_type", tag=place.tag.name, value=raw, type=str(error)) from None

    async def browse(self, address: str | None) -> list[BrowseItem]:
        """Programs and tags, members and elements; the tag list is uploaded over a connection of its own, so no value waits."""
        if self._thread is None:
            raise NotConnected("driver.not_connected", source=self._shown, detail="closed")
        if self._tree is None or self._tree_edition != self._edition:
            if self._uploading is None:
                # A long list outlasts one request's patience; the upload goes on, and the next request finds it done.
                self._uploading = asyncio.get_running_loop().create_task(self._upload(), name=f"tag list {self._source.code}")
                self._uploading.add_done_callback(self._uploaded)
            await asyncio.shield(self._uploading)
        assert self._tree is not None  # the upload made it, or raised
        return self._tree.children(address)

    async def _upload(self) -> None:
        edition = self._edition
        try:
            self._tree = await upload(*self._path, name=f"ethernetip {self._source.code} tag list")
            self._tree_edition = edition
        except LinkLost as error:
            raise NotConnected("driver.link_broken", source=self._shown, detail=str(error)) from None

    def _uploaded(self, task: asyncio.Task[None]) -> None:
        self._uploading = None
        if not task.cancelled():
            task.exception()  # whoever waited has it; when nobody did, the next request tries again

    async def identity(self) -> str:
        """Vendor, product, serial number and name of the program."""
        return str(self._identity or "")

    def group(self, tag: str) -> str:
        """The packet that ``tag`` is read with."""
        for _, _, packet in self._due:
            for piece in packet.pieces:
                if any(place.tag.name == tag for place, _, _ in piece.wanted):
                    return f"{piece.words}, packet of {len(packet.places)} tags, every {packet.period_s:g} s"
        return ""

    async def close(self) -> None:
        """Say goodbye where somebody listens, then cut."""
        thread, self._thread, self._link = self._thread, None, None
        uploading = self._uploading
        if uploading is not None:
            uploading.cancel()
        if thread is not None:
            await thread.close()
        if uploading is not None:
            await asyncio.wait([uploading], timeout=_SEND_WITHIN_S)
