"""Writing a machine: the one way from a person's wish to a value that the machine itself has confirmed.

Knows no driver, no user table and no database: everything it needs is given to it. It never repeats a write and never
keeps one for later; what the screen shows is what was read back, not what was wished.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.clock import Clock
from core.errors import GenbaError, Invalid, NotConfirmed, NotConnected, Refused
from core.live.sample import Batch, Quality, Sample, Value
from core.live.tags import TagSpec, TagType, WritePolicy

log = logging.getLogger(__name__)

_CONFIRM_S = 2.0
_READ_EVERY_S = 0.15
_FLOAT32_STEP = 2.0**-23
"""Relative distance of neighbouring float32 numbers: a machine that stores one cannot give back more."""


@dataclass(frozen=True, slots=True)
class WriteIntent:
    """What is about to be written; recorded before anything is sent.

    Attributes:
        id: UUIDv7 of this write.
        tag, source: Name of the tag, code of its source.
        value: Wanted engineering value.
        before: Last known value; None when there is none.
        at: When it was decided.
    """

    id: UUID
    tag: str
    source: str
    value: Value
    before: Value
    at: datetime


@dataclass(frozen=True, slots=True)
class WriteResult:
    """A confirmed write.

    Attributes:
        intent: What was asked.
        read_back: What the machine said afterwards, within the tag's tolerance of the wish.
        confirmed_after_s: Seconds from sending to the confirmation.
    """

    intent: WriteIntent
    read_back: Value
    confirmed_after_s: float


class TagWriter:
    """The steps from a wish to a confirmed value, in order; every refusal comes before anything is sent.

    Args:
        find: The tag of a name, or None.
        latest: The latest sample of a tag; ``Table.get``.
        may: Whether the person signed in now holds a permission for this tag.
        record_intent: Makes the intent durable; when it raises, nothing is sent.
        send: Sends one value; ``Acquisition.write``.
        read: Reads tags past every cache; ``Acquisition.read``.
        clock: Time of the intent, rate limit, deadlines.
        record_outcome: Takes the intent and ``confirmed`` or the code of the error afterwards; None for nobody.
    """

    def __init__(
        self,
        *,
        find: Callable[[str], TagSpec | None],
        latest: Callable[[str], Sample],
        may: Callable[[str, TagSpec], bool],
        record_intent: Callable[[WriteIntent], Awaitable[None]],
        send: Callable[[TagSpec, Value], Awaitable[None]],
        read: Callable[[Sequence[TagSpec]], Awaitable[Batch]],
        clock: Clock,
        record_outcome: Callable[[WriteIntent, str], Awaitable[None]] | None = None,
    ) -> None:
        self._find = find
        self._latest = latest
        self._may = may
        self._record_intent = record_intent
        self._send = send
        self._read = read
        self._clock = clock
        self._record_outcome = record_outcome
        self._sent_at: dict[str, float] = {}
        self._under_way: set[str] = set()

    async def write(self, name: str, value: Value) -> WriteResult:
        """Write ``value`` (engineering units) to the tag ``name`` and wait until the machine confirms it.

        Raises:
            Refused: No right, not writable, too soon, under way already, interlock; or the machine said no.
            Invalid: Not a value of this tag, outside its limits.
            NotConnected: No link to the machine; nothing was sent.
            Unavailable: The intent could not be recorded; nothing was sent.
            NotConfirmed: Sent, but the machine does not say so within 2 s: nobody may assume either.
        """
        tag = self._find(name)
        if tag is None:
            raise Invalid("write.unknown_tag", tag=name)
        shown = dict(tag.label) if tag.label else tag.name
        policy = self._check(tag, shown, value)
        self._under_way.add(name)
        try:
            intent = WriteIntent(self._clock.uuid7(), name, tag.source, value, self._latest(name).value, self._clock.now())
            await self._record_intent(intent)
            try:
                self._check_interlock(policy, shown)  # recording took its time; the guard door may be open by now
                result = await self._send_and_confirm(tag, shown, intent, policy)
            except GenbaError as error:
                await self._note(intent, error.code)
                raise
            await self._note(intent, "confirmed")
            return result
        finally:
            self._under_way.discard(name)

    # -- before anything is sent ---------------------------------------------------------------------------------

    def _check(self, tag: TagSpec, shown: object, value: Value) -> WritePolicy:
        policy = tag.write
        if policy is None:
            raise Refused("write.read_only", tag=shown)
        if not self._may(policy.permission, tag):
            raise Refused("write.no_permission", tag=shown, permission=policy.permission)
        self._check_value(tag, shown, value, policy)
        if tag.name in self._under_way:
            raise Refused("write.under_way", tag=shown)
        sent_at = self._sent_at.get(tag.name)
        if sent_at is not None and (wait_s := sent_at + policy.min_interval_s - self._clock.monotonic()) > 0:
            raise Refused("write.too_soon", tag=shown, seconds=math.ceil(wait_s))
        self._check_interlock(policy, shown)
        if self._latest(tag.name).quality is Quality.OFFLINE:
            raise NotConnected("write.not_connected", tag=shown)
        return policy

    def _check_value(self, tag: TagSpec, shown: object, value: Value, policy: WritePolicy) -> None:
        if tag.type is TagType.BOOL or tag.type is TagType.STRING:
            if not isinstance(value, bool if tag.type is TagType.BOOL else str):
                raise Invalid("write.wrong_type", tag=shown, value=value)
            return
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise Invalid("write.wrong_type", tag=shown, value=value)
        # Written so that NaN and infinity fail even if a limit is infinite.
        if not policy.low <= value <= policy.high or abs(value) == math.inf:
            before = self._latest(tag.name).value
            raise Invalid(
                "write.out_of_range",
                tag=shown,
                value=value,
                low=policy.low,
                high=policy.high,
                unit=tag.unit,
                before="—" if before is None else before,
            )

    def _check_interlock(self, policy: WritePolicy, shown: object) -> None:
        if policy.interlock is None:
            return
        sample = self._latest(policy.interlock)
        guard = self._find(policy.interlock)
        guard_shown = dict(guard.label) if guard is not None and guard.label else policy.interlock
        if sample.quality is not Quality.GOOD:
            raise Refused("write.interlock_unknown", tag=shown, interlock=guard_shown)
        if sample.value is not True:
            raise Refused("write.interlock", tag=shown, interlock=guard_shown)

    # -- sending and proving -------------------------------------------------------------------------------------

    async def _send_and_confirm(self, tag: TagSpec, shown: object, intent: WriteIntent, policy: WritePolicy) -> WriteResult:
        sent_at = self._sent_at[tag.name] = self._clock.monotonic()
        unanswered: NotConfirmed | None = None
        try:
            await self._send(tag, intent.value)
        except NotConfirmed as error:
            unanswered = error  # it may have been taken all the same; the machine is asked
        read_back = await self._read_back(tag, intent.value, policy, sent_at + _CONFIRM_S)
        if _matches(tag, intent.value, read_back, policy.tolerance):
            return WriteResult(intent, read_back, self._clock.monotonic() - sent_at)
        if read_back is None:
            raise unanswered or NotConfirmed("write.not_verified", tag=shown, value=intent.value)
        raise NotConfirmed("write.not_confirmed", tag=shown, value=intent.value, read=read_back, unit=tag.unit)

    async def _read_back(self, tag: TagSpec, value: Value, policy: WritePolicy, until: float) -> Value:
        """The first value that matches, else the last one read before ``until``; None when none could be read."""
        last: Value = None
        while True:
            try:
                async with asyncio.timeout(max(0.05, until - self._clock.monotonic())):
                    batch = await self._read([tag])
            except (TimeoutError, GenbaError):
                pass  # the link broke after sending; it may be back within the time that is left
            else:
                sample = batch.sample(0)
                if sample.quality.usable:
                    last = sample.value
                    if _matches(tag, value, last, policy.tolerance):
                        return last
            if self._clock.monotonic() + _READ_EVERY_S >= until:
                return last
            await asyncio.sleep(_READ_EVERY_S)

    async def _note(self, intent: WriteIntent, outcome: str) -> None:
        if self._record_outcome is None:
            return
        try:
            await self._record_outcome(intent, outcome)
        except GenbaError as error:
            # The machine has the value or not, whatever the record says; the intent is recorded already.
            log.warning("the outcome %s of write %s was not recorded: %s", outcome, intent.id, error)


def _matches(tag: TagSpec, wanted: Value, found: Value, tolerance: float) -> bool:
    if isinstance(wanted, bool | str) or isinstance(found, bool | str) or wanted is None or found is None:
        return type(wanted) is type(found) and wanted == found
    relative = _FLOAT32_STEP if tag.type is TagType.FLOAT32 else 1e-12
    # The offset may be far larger than the value: rounding happens on the raw number.
    largest = max(abs(wanted), abs(wanted - tag.offset))
    return abs(wanted - found) <= max(tolerance, relative * largest)
