"""Modbus over TCP, RTU over TCP and serial ports: polls planned blocks against a clock that does not drift.

A unit that does not answer costs only its own tags; an address that does not exist only its own tag.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import Iterable, Sequence

from core.clock import Clock
from core.drivers.base import NO_ANSWER, Sink
from core.drivers.engineering import Undecodable, to_raw
from core.drivers.modbus_decode import Decoder
from core.drivers.modbus_line import DeviceSaysNo, LinkLost, NoReply, WrongReply
from core.drivers.modbus_link import ModbusLink
from core.drivers.modbus_plan import Block, Rules, plan
from core.drivers.modbus_point import Point, locate
from core.drivers.modbus_scan import NoSuchPlace, children, roots
from core.drivers.modbus_unit import Unit
from core.drivers.modbus_url import endpoint
from core.drivers.modbus_values import encode
from core.errors import Invalid, NotConfirmed, NotConnected, Refused
from core.live.link import BrowseItem
from core.live.sample import Batch, Quality, Value
from core.live.tags import SourceSpec, TagSpec

_TIMEOUT_S = 1.0
_HEARTBEAT_S = 1.0
"""With nothing due for this long something is read all the same, so that a frozen device is noticed."""
_FASTEST_S = 0.1
_ASK_AGAIN_S = 30.0
"""How often addresses a device refused are tried again: its program may have been replaced."""
_PROBES_APART = 3
"""After a probe in vain nobody on the line is probed for so many times its cost: ten dead units must not cost more than one or two."""
_FUNCTION = 1
_ADDRESS = (2, 3)
_GATEWAY = (10, 11)
"""Exception codes: the device lacks the function, or the address; a gateway speaks for a device it cannot reach."""


class ModbusDriver:
    """See ``base.Driver``.

    Args:
        source: ``url``: see ``modbus_url.endpoint``; sources that name the same gateway or serial port share its queue.
            Options: ``timeout`` (seconds per answer, default 1) and those of ``modbus_plan.Rules``.
        clock: Reception times and the polling rhythm.
    """

    def __init__(self, source: SourceSpec, clock: Clock) -> None:
        self._source = source
        self._shown = dict(source.label) if source.label else source.code
        self._clock = clock
        self._link: ModbusLink | None = None
        self._rules = Rules()
        self._timeout_s = _TIMEOUT_S
        self._sink: Sink = lambda batch: None
        self._units: dict[int, Unit] = {}
        self._points: list[Point] = []
        self._refused: set[str] = set()
        self._order = itertools.count()
        self._held: tuple[Block, Sequence[int]] | None = None
        self._due: list[tuple[float, int, Block]] = []
        self._decoders: dict[int, tuple[Block, Decoder]] = {}

    # -- connecting ----------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open the line; whether a device stands behind it shows the first answer."""
        try:
            self._rules = Rules.from_options(self._source.options)
            self._timeout_s = float(self._source.options.get("timeout", _TIMEOUT_S))
            if not 0.05 <= self._timeout_s <= 30:
                raise ValueError(f"timeout={self._timeout_s}")
            self._link = ModbusLink(endpoint(self._source.url), self._timeout_s)
        except ValueError as error:
            raise Invalid("driver.bad_url", source=self._shown, detail=str(error)) from None
        try:
            await self._link.open()
        except LinkLost as error:
            raise self._lost(error) from None

    def _lost(self, error: LinkLost) -> NotConnected:
        return NotConnected("driver.link_broken", source=self._shown, detail=str(error))

    @property
    def _open_link(self) -> ModbusLink:
        if self._link is None:
            raise NotConnected("driver.not_connected", source=self._shown, detail="closed")
        return self._link

    # -- polling -------------------------------------------------------------------------------------------------

    async def serve(self, tags: Sequence[TagSpec], sink: Sink) -> None:
        """Poll ``tags``, each at its period, until the link breaks."""
        self._sink = sink
        unknown = self._batch()
        self._points = self._located(tags, unknown)
        if unknown.tags:
            sink(unknown)
        self._units = {point.unit: Unit() for point in self._points}
        now = self._clock.monotonic()
        for block in plan(self._points, self._rules):
            self._schedule(block, now)
        heard = now
        try:
            while self._due:
                await self._wait_for_next(heard)
                due, _, block = heapq.heappop(self._due)
                if not self._may_ask(block, due):
                    continue
                for following in await self._poll(block):
                    # Halves of a refused block are due at once, in the rhythm of the whole.
                    self._schedule(following, self._next_time(due, block) if following is block else due)
                heard = self._clock.monotonic()
            sink(self._batch())
            await self._open_link.closed.wait()  # nothing can be read: stay connected, the tags say why
            raise LinkLost("connection closed")
        except LinkLost as error:
            self._deliver_held()
            raise self._lost(error) from None
        finally:
            self._held = None  # nothing may follow the word that the link is lost

    def _located(self, tags: Iterable[TagSpec], unknown: Batch) -> list[Point]:
        points = []
        for tag in tags:
            try:
                point = locate(tag, self._rules.base)
                if self._rules.forbids(point.unit, point.area, point.address, point.end):
                    raise Undecodable("forbidden address")
                points.append(point)
            except Undecodable as error:
                unknown.add(tag.name, None, Quality.CONFIG, status=str(error))
        return points

    def _batch(self) -> Batch:
        return Batch(self._source.code, self._clock.now().timestamp())

    def _schedule(self, block: Block, at: float) -> None:
        heapq.heappush(self._due, (at, next(self._order), block))

    def _next_time(self, due: float, block: Block) -> float:
        """The next point of the block's own rhythm; one that has passed already comes at once, and those before it are not made up for.

        Waiting for the next point instead would leave a line that is a little too slow for its tags idle half of the time.
        """
        period_s = max(block.period_s, _FASTEST_S)
        if all(point.tag.name in self._refused for point in block.points):
            return self._clock.monotonic() + max(_ASK_AGAIN_S, period_s)
        return max(due + period_s, self._clock.monotonic())

    async def _wait_for_next(self, heard: float) -> None:
        while True:
            now = self._clock.monotonic()
            wait_s = self._due[0][0] - now
            if wait_s <= 0:
                return
            if not self._open_link.is_open:
                raise LinkLost("connection closed")
            if now - heard >= _HEARTBEAT_S:
                await self._heartbeat()
                heard = now
            # In a loop against the clock: timers of the GUI's loop may end early.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(wait_s, _HEARTBEAT_S)):
                    await self._open_link.closed.wait()

    async def _heartbeat(self) -> None:
        for _, _, block in self._due:
            unit = self._units[block.unit]
            if unit.answered and not unit.silent and not self._refused.issuperset(p.tag.name for p in block.points):
                if not await self._hears(block):
                    await self._after_silence(block)
                return

    def _may_ask(self, block: Block, due: float) -> bool:
        """False when its unit is silent and not to be probed yet: the block is put back to that time."""
        unit = self._units[block.unit]
        probe_at = max(unit.probe_at, self._open_link.probe_at)
        if not unit.silent or probe_at <= self._clock.monotonic():
            return True
        self._schedule(block, max(probe_at, due + _FASTEST_S))
        return False

    async def _poll(self, block: Block) -> list[Block]:
        """Read ``block`` and deliver it; returns what to go on polling in its place."""
        following = [block]
        try:
            values = await self._read(block)
        except NoReply:
            await self._after_silence(block)
            return following
        except WrongReply as error:
            self._tell(block.points, Quality.BAD, str(error))
        except DeviceSaysNo as refusal:
            if refusal.code in _GATEWAY:
                self._fall_silent(block.unit)
                return following
            following = self._refuse(block, refusal)
        else:
            # The next question first: the device works on it while its last answer is taken apart.
            self._deliver_held()
            self._held = (block, values)
            asyncio.get_running_loop().call_soon(self._deliver_held)
        self._units[block.unit].spoke()
        return following

    def _deliver_held(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._deliver(*held)

    async def _read(self, block: Block) -> Sequence[int]:
        return await self._open_link.read(block.unit, block.area, block.start, block.count)

    async def _after_silence(self, block: Block) -> None:
        """One answer did not come: find out whether it is the unit or the whole connection.

        Another unit is asked; when it answers the connection is fine and ``block``'s unit is silent. With nobody else
        to ask the same unit gets a second chance, unless the line has been silent for longer than one question takes.
        Raises LinkLost when nobody answers.
        """
        for witness in self._witnesses(block.unit):
            if await self._hears(witness):
                self._fall_silent(block.unit)
                return
            if self._units[witness.unit].answered:
                raise LinkLost("nobody answers any more")
        if self._open_link.silent_s > 2 * self._timeout_s or not await self._hears(block):
            raise LinkLost("the device does not answer")

    def _witnesses(self, number: int) -> list[Block]:
        """One block of each other unit that is not known to be silent, those that have answered before first."""
        found: dict[int, Block] = {}
        for _, _, block in sorted(self._due):
            if block.unit != number and not self._units[block.unit].silent:
                found.setdefault(block.unit, block)
        return sorted(found.values(), key=lambda block: not self._units[block.unit].answered)

    async def _hears(self, block: Block) -> bool:
        """Whether anything comes back for ``block``; values are delivered, refusals wait for the block's own turn."""
        try:
            self._deliver(block, await self._read(block))
        except NoReply:
            return False
        except DeviceSaysNo as refusal:
            if refusal.code in _GATEWAY:
                return True
        except WrongReply:
            pass
        unit = self._units[block.unit]
        unit.answered, unit.silent = True, False
        return True

    def _fall_silent(self, number: int) -> None:
        """Mark every tag of the unit once, and probe it ever more rarely: each probe costs the others a timeout."""
        now = self._clock.monotonic()
        if self._units[number].fell_silent(now):
            self._tell([point for point in self._points if point.unit == number], Quality.BAD, NO_ANSWER)
        else:
            self._open_link.probe_at = now + _PROBES_APART * self._timeout_s

    def _refuse(self, block: Block, refusal: DeviceSaysNo) -> list[Block]:
        """The device said no: halve the block until the address at fault stands alone, or mark what it concerns."""
        if refusal.code in _ADDRESS and len(block.points) > 1:
            return list(block.halves())
        if refusal.code in (_FUNCTION, *_ADDRESS):
            news = [point for point in block.points if point.tag.name not in self._refused]
            self._refused.update(point.tag.name for point in news)
            self._tell(news, Quality.CONFIG, refusal.word)
        else:
            self._tell(block.points, Quality.BAD, refusal.word)
        return [block]

    # -- values --------------------------------------------------------------------------------------------------

    def _tell(self, points: Iterable[Point], quality: Quality, word: str) -> None:
        batch = self._batch()
        for point in points:
            batch.add(point.tag.name, None, quality, status=word)
        if batch.tags:
            self._sink(batch)

    def _decoder(self, block: Block) -> Decoder:
        known = self._decoders.get(id(block))
        if known is None:
            # The block is kept with it, so that its id is not given to another one.
            known = self._decoders[id(block)] = (block, Decoder(block))
        return known[1]

    def _deliver(self, block: Block, values: Sequence[int]) -> None:
        batch = self._batch()
        self._decoder(block).add_to(batch, values)
        self._refused.difference_update(batch.tags)
        self._sink(batch)

    # -- requests ------------------------------------------------------------------------------------------------

    async def read(self, tags: Sequence[TagSpec]) -> Batch:
        """Read now, before the next poll."""
        batch = self._batch()
        for block in plan(self._located(tags, batch), self._rules):
            quality, word = Quality.BAD, ""
            try:
                values = await self._open_link.read(block.unit, block.area, block.start, block.count)
            except LinkLost as error:
                raise self._lost(error) from None
            except NoReply:
                word = NO_ANSWER
            except WrongReply as error:
                word = str(error)
            except DeviceSaysNo as refusal:
                word = refusal.word
                quality = Quality.CONFIG if refusal.code in (_FUNCTION, *_ADDRESS) else Quality.BAD
            else:
                Decoder(block).add_to(batch, values)
                continue
            for point in block.points:
                batch.add(point.tag.name, None, quality, status=word)
        batch.received_at = self._clock.now().timestamp()
        return batch

    async def write(self, tag: TagSpec, value: Value) -> None:
        """Write one value in one request; option ``write=multiple`` for devices that know only functions 15 and 16."""
        try:
            point = locate(tag, self._rules.base)
        except Undecodable as error:
            raise Invalid("driver.bad_address", tag=tag.name, detail=str(error)) from None
        if not point.area.is_writable:
            raise Refused("driver.not_writable", tag=tag.name)
        raw = to_raw(tag, value)
        try:
            await self._send(point, raw)
        except Undecodable as error:
            raise Invalid("driver.write_range", tag=tag.name, value=value, type=str(error)) from None
        except DeviceSaysNo as refusal:
            raise Refused("driver.write_refused", tag=tag.name, value=value, detail=refusal.word) from None
        except (NoReply, WrongReply, LinkLost):
            # The request may have reached the device before the answer was lost.
            raise NotConfirmed("driver.write_unanswered", tag=tag.name, value=value) from None

    async def _send(self, point: Point, raw: bool | int | float | str) -> None:
        link, multiple = self._open_link, point.tag.options.get("write") == "multiple"
        if not link.is_open:
            raise NotConnected("driver.not_connected", source=self._shown, detail="closed")
        if point.bit is not None:
            await link.write_register_bit(point.unit, point.address, point.bit, bool(raw), multiple=multiple)
        elif point.area.is_bits:
            await link.write_bit(point.unit, point.address, bool(raw), multiple=multiple)
        else:
            await link.write_registers(point.unit, point.address, encode(point, raw), multiple=multiple)

    async def browse(self, address: str | None) -> list[BrowseItem]:
        """The units in use; below them tables and ranges, whose registers are read now (see ``modbus_scan``)."""
        if address is None:
            return roots([point.unit for point in self._points] or [1])
        try:
            return await children(self._open_link, self._rules, address)
        except NoSuchPlace as error:
            raise Invalid("driver.bad_address", tag=address, detail=str(error)) from None
        except LinkLost as error:
            raise self._lost(error) from None
        except NoReply:
            raise NotConnected("driver.no_answer", source=self._shown, detail=f"{address}: {NO_ANSWER}") from None
        except DeviceSaysNo as refusal:
            raise NotConnected("driver.no_answer", source=self._shown, detail=f"{address}: {refusal.word}") from None

    async def identity(self) -> str:
        """None: few devices know function 43, and asking the others costs the time of an answer."""
        return ""

    def group(self, tag: str) -> str:
        """The block that ``tag`` is read with."""
        for _, _, block in self._due:
            if any(point.tag.name == tag for point in block.points):
                first = block.start + self._rules.base
                return f"unit {block.unit}, {block.area} {first} to {first + block.count - 1}, every {block.period_s:g} s"
        return ""

    async def close(self) -> None:
        """Give the line back; Modbus has no goodbye."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()
