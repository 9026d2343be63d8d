"""Writing a machine: the one way from a person's wish to a value that the machine itself has confirmed.

Knows no driver, no user table and no database: everything it needs is given to it. It never repeats a write and never
keeps one for later; what the screen shows is what was read back, not what was wished.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from core.clock import Clock
from core.errors import Conflict, GenbaError, Invalid, NotConfirmed, NotConnected, Refused
from core.live import write_rules as rules
from core.live.sample import Batch, Quality, Sample, Value
from core.live.tags import TagSpec, WritePolicy

log = logging.getLogger(__name__)

_READ_EVERY_S = 0.15


@dataclass(frozen=True, slots=True)
class WriteIntent:
    """What is about to be written; recorded before anything is sent.

    Attributes:
        id: UUIDv7 of this write.
        tag, source: Name of the tag, code of its source.
        value: Wanted engineering value.
        before: Last known value; None when there is none.
        at: When it was decided.
        reason: Why, in the person's words; "" for none.
        epoch: Fencing number under which this station alone writes the source; 0 where nobody else can.
        undoes: The write that this one puts back; None for an ordinary one.
    """

    id: UUID
    tag: str
    source: str
    value: Value
    before: Value
    at: datetime
    reason: str = ""
    epoch: int = 0
    undoes: UUID | None = None


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


class Hold(Protocol):
    """The right to be the only station that writes a source, for a few seconds."""

    @property
    def epoch(self) -> int:
        """Its fencing number; 0 where nobody else can write."""
        ...

    def still(self) -> bool:
        """Whether it is certain that nobody else has it."""
        ...


@dataclass(frozen=True, slots=True)
class Alone:
    """A hold where there is nobody else."""

    epoch: int = 0

    def still(self) -> bool:
        """Always."""
        return True


Claim = Callable[[TagSpec, float], AbstractAsyncContextManager[Hold]]
"""Holds the source of a tag for about so many seconds; raises Refused, also when another station writes it now."""


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
        claim: Keeps other stations from writing the same source; None where there are none.
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
        claim: Claim | None = None,
    ) -> None:
        self._find = find
        self._latest = latest
        self._may = may
        self._record_intent = record_intent
        self._send = send
        self._read = read
        self._clock = clock
        self._record_outcome = record_outcome
        self._claim: Claim = claim or (lambda _tag, _seconds: nullcontext(Alone()))
        self._sent_at: dict[str, float] = {}
        self._sent: dict[str, WriteIntent] = {}
        self._under_way: set[str] = set()

    async def write(self, name: str, value: Value, *, seen: Value = None, reason: str = "") -> WriteResult:
        """Write ``value`` (engineering units) to the tag ``name`` and wait until the machine confirms it.

        Args:
            seen: The old value that the person saw when he confirmed the new one; None when he was shown none.
            reason: Why, where the tag asks for it.

        Raises:
            Refused: No right, not writable, too soon, under way already, interlock, no old value confirmed where the tag
                asks for that, another station is writing; or the machine said no.
            Invalid: Not a value of this tag, outside its limits, too large a step, no reason.
            Conflict: The machine's value is not the one he saw any more.
            NotConnected: No link to the machine; nothing was sent.
            Unavailable: The intent could not be recorded; nothing was sent.
            NotConfirmed: Sent, but the machine does not say so within the tag's time: nobody may assume either.
        """
        tag, policy = self._writable(name)
        now = self._latest(name)
        rules.check_value(tag, policy, value, now.value)
        rules.check_reason(tag, policy, reason)
        self._check_free(tag)
        rules.check_seen(tag, policy, seen, now)
        self._check_pace(tag, policy, value)
        self._check_ready(tag, policy)
        return await self._carry_out(tag, policy, value, seen=seen, reason=reason)

    def to_put_back(self, name: str) -> WriteIntent | None:
        """The last write of this panel to the tag, while the machine still has its value and the one before is known."""
        intent, tag, now = self._sent.get(name), self._find(name), self._latest(name)
        if intent is None or tag is None or tag.write is None or intent.before is None:
            return None
        older = now.received_at <= intent.at.timestamp()  # such a value says nothing about what came after it
        return intent if older or (now.quality.usable and rules.matches(intent.value, now.value, tag.write.tolerance, tag)) else None

    async def put_back(self, name: str) -> WriteResult:
        """Write the value that was there before this panel's last write: a write of its own, with its own record.

        It needs the right, the range and the interlock like any other; how fast the value may change does not keep
        anybody from taking back what was wrong.

        Raises:
            Conflict: ``write.nothing_to_put_back``: the machine has another value by now.
            Refused, Invalid, NotConnected, Unavailable, NotConfirmed: As ``write``.
        """
        tag, policy = self._writable(name)
        wrong = self._sent.get(name)
        if wrong is None or wrong.before is None:
            raise Conflict("write.nothing_to_put_back", tag=rules.shown(tag))
        rules.check_value(tag, policy, wrong.before, wrong.value)
        self._check_free(tag)
        self._check_ready(tag, policy)
        result = await self._carry_out(tag, policy, wrong.before, reason=wrong.reason, undoes=wrong)
        self._sent.pop(name, None)  # what was put back is not offered to be put back
        return result

    async def _carry_out(
        self, tag: TagSpec, policy: WritePolicy, value: Value, *, reason: str, seen: Value = None, undoes: WriteIntent | None = None
    ) -> WriteResult:
        name, clock = tag.name, self._clock
        self._under_way.add(name)
        try:
            async with self._claim(tag, policy.confirm_s) as hold:
                before = self._latest(name) if undoes is None else await self._still_wrong(tag, policy, undoes)
                known, undone = (before.value if before.quality.usable else None), None if undoes is None else undoes.id
                intent = WriteIntent(clock.uuid7(), name, tag.source, value, known, clock.now(), reason, hold.epoch, undone)
                await self._record_intent(intent)
                try:
                    # Recording took its time: the guard door may be open by now, the value another one, the hold run out.
                    self._check_interlock(tag, policy)
                    await self._ask_interlock(tag, policy)
                    if undoes is None:
                        rules.check_seen(tag, policy, seen, self._latest(name))
                    if not hold.still():
                        raise Refused("write.held_too_long", tag=rules.shown(tag))
                    result = await self._send_and_confirm(tag, intent, policy)
                except GenbaError as error:
                    await self._note(intent, error.code)
                    raise
                await self._note(intent, "confirmed")
                return result
        finally:
            self._under_way.discard(name)

    # -- before anything is sent ---------------------------------------------------------------------------------

    def _writable(self, name: str) -> tuple[TagSpec, WritePolicy]:
        tag = self._find(name)
        if tag is None:
            raise Invalid("write.unknown_tag", tag=name)
        policy = tag.write
        if policy is None:
            raise Refused("write.read_only", tag=rules.shown(tag))
        if not self._may(policy.permission, tag):
            raise Refused("write.no_permission", tag=rules.shown(tag), permission=policy.permission)
        return tag, policy

    def _check_pace(self, tag: TagSpec, policy: WritePolicy, value: Value) -> None:
        sent_at = self._sent_at.get(tag.name)
        since_s = None if sent_at is None else self._clock.monotonic() - sent_at
        if since_s is not None and (wait_s := policy.min_interval_s - since_s) > 0:
            raise Refused("write.too_soon", tag=rules.shown(tag), seconds=math.ceil(wait_s))
        rules.check_change(tag, policy, value, self._latest(tag.name), since_s)

    def _check_free(self, tag: TagSpec) -> None:
        if tag.name in self._under_way:
            raise Refused("write.under_way", tag=rules.shown(tag))

    async def _still_wrong(self, tag: TagSpec, policy: WritePolicy, wrong: WriteIntent) -> Sample:
        """What the machine itself says now of a value that is to be put back. Raises Conflict when it is another one."""
        sample = (await self._read([tag])).sample(0)
        if not sample.quality.usable or not rules.matches(wrong.value, sample.value, policy.tolerance, tag):
            raise Conflict("write.nothing_to_put_back", tag=rules.shown(tag))
        return sample

    def _check_ready(self, tag: TagSpec, policy: WritePolicy) -> None:
        if policy.confirm_tag is not None and self._find(policy.confirm_tag) is None:
            raise Invalid("write.unknown_tag", tag=policy.confirm_tag)
        self._check_interlock(tag, policy)
        if self._latest(tag.name).quality is Quality.OFFLINE:
            raise NotConnected("write.not_connected", tag=rules.shown(tag))

    def _check_interlock(self, tag: TagSpec, policy: WritePolicy) -> None:
        if policy.interlock is None:
            return
        guard = self._find(policy.interlock)
        self._judge_interlock(tag, rules.shown(guard) if guard is not None else policy.interlock, self._latest(policy.interlock))

    async def _ask_interlock(self, tag: TagSpec, policy: WritePolicy) -> None:
        """Past the table, which may be as old as the guard's own period allows: what counts is how it is now."""
        guard = self._find(policy.interlock) if policy.interlock is not None else None
        if guard is None:
            return
        try:
            sample = (await self._read([guard])).sample(0)
        except GenbaError:
            sample = Sample(guard.name, None, Quality.OFFLINE)
        self._judge_interlock(tag, rules.shown(guard), sample)

    @staticmethod
    def _judge_interlock(tag: TagSpec, guard: rules.Shown, sample: Sample) -> None:
        if sample.quality is not Quality.GOOD:
            raise Refused("write.interlock_unknown", tag=rules.shown(tag), interlock=guard)
        if sample.value is not True:
            raise Refused("write.interlock", tag=rules.shown(tag), interlock=guard)

    # -- sending and proving -------------------------------------------------------------------------------------

    async def _send_and_confirm(self, tag: TagSpec, intent: WriteIntent, policy: WritePolicy) -> WriteResult:
        sent_at = self._sent_at[tag.name] = self._clock.monotonic()
        if intent.undoes is None:
            self._sent[tag.name] = intent  # also when nobody confirms it: the machine may have it all the same
        proof = self._find(policy.confirm_tag) if policy.confirm_tag is not None else None
        unanswered: NotConfirmed | None = None
        try:
            await self._send(tag, intent.value)
        except NotConfirmed as error:
            unanswered = error  # it may have been taken all the same; the machine is asked
        proofs = (tag,) if proof is None else (tag, proof)
        read_back = await self._read_back(proofs, intent.value, policy, sent_at + policy.confirm_s)
        if rules.matches(intent.value, read_back, policy.tolerance, *proofs):
            return WriteResult(intent, read_back, self._clock.monotonic() - sent_at)
        if read_back is None:
            raise unanswered or NotConfirmed("write.not_verified", tag=rules.shown(tag), value=intent.value)
        raise NotConfirmed("write.not_confirmed", tag=rules.shown(tag), value=intent.value, read=read_back, unit=tag.unit)

    async def _read_back(self, proofs: Sequence[TagSpec], value: Value, policy: WritePolicy, until: float) -> Value:
        """The first value of the last of ``proofs`` that matches, else the last one read before ``until``; None for none."""
        last: Value = None
        while True:
            try:
                async with asyncio.timeout(max(0.05, until - self._clock.monotonic())):
                    batch = await self._read(proofs[-1:])
            except (TimeoutError, GenbaError):
                pass  # the link broke after sending; it may be back within the time that is left
            else:
                sample = batch.sample(0)
                if sample.quality.usable:
                    last = sample.value
                    if rules.matches(value, last, policy.tolerance, *proofs):
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
