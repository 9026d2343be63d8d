"""What the screen asks of machines: setpoints, connections, a closer look at one value, what else a machine offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from core.live.explained import Explained
    from core.live.link import BrowseItem, ConnectionSafety, ShownCertificate
    from core.live.sample import Sample, Value
    from core.live.tags import TagSpec
    from core.live.writes import WriteIntent, WriteResult
    from hmi.bridge import Bridge

BROWSE: Final = "equipment:source:browse"
RETRY: Final = "equipment:source:retry"
ACCEPT: Final = "equipment:source:accept"
TRUST: Final = "equipment:source:trust"
ENTER: Final = "equipment:manual:enter"


class Machines:
    """``Bridge.machines``; all methods belong to the GUI thread.

    Args:
        bridge: Knows the station as soon as there is one.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    # -- rights --------------------------------------------------------------------------------------------------

    def may(self, permission: str, line: str = "") -> bool:
        """Whether whoever is signed in holds ``permission``, on ``line`` where it is one of a line."""
        return self._bridge.is_ready and self._bridge.station.actor.may(permission, line)

    def may_write(self, tag: TagSpec) -> bool:
        """Whether whoever is signed in may write ``tag``."""
        return tag.write is not None and self.may(tag.write.permission, self._line_of(tag))

    def may_enter(self, tag: TagSpec) -> bool:
        """Whether whoever is signed in may enter by hand what ``tag`` says."""
        return self.may(ENTER, self._line_of(tag))

    def _line_of(self, tag: TagSpec) -> str:
        line = self._bridge.station.site.line_of(tag.work_unit) if self._bridge.is_ready else None
        return line.code if line is not None else ""

    # -- setpoints -----------------------------------------------------------------------------------------------

    async def write(self, tag: str, value: Value, *, seen: Value = None, reason: str = "") -> WriteResult:
        """Write a machine through ``live/writes``.

        Args:
            tag: Name of the tag.
            value: Engineering value.
            seen: The old value that the person saw when he confirmed.
            reason: Why, where the tag asks for it.

        Raises:
            Refused, Invalid, Conflict, NotConnected, NotConfirmed, Unavailable: See ``TagWriter.write``.
        """
        await self._bridge.until_attached()
        return await self._bridge.station.write(tag, value, seen=seen, reason=reason)

    def to_put_back(self, tag: str) -> WriteIntent | None:
        """The last write of this panel to ``tag`` while it can be put back: the machine still has its value."""
        return self._bridge.station.writing.to_put_back(tag)

    async def put_back(self, tag: str) -> WriteResult:
        """Write the value that stood there before: a write of its own, with its own record. Raises as ``write``."""
        return await self._bridge.station.writing.put_back(tag)

    async def accept(self, source: str, identity: str, reason: str) -> None:
        """Take the machine that calls itself ``identity`` for the right one. Raises Refused, Conflict, Invalid, Unavailable."""
        await self._bridge.station.writing.accept(source, identity, reason)

    # -- looking -------------------------------------------------------------------------------------------------

    async def explain(self, tag: str) -> Explained:
        """Why a value is as it is. Raises Invalid for a tag that left the site."""
        await self._bridge.until_attached()
        return await self._bridge.station.machines.explain(tag)

    async def connections(self) -> tuple[ConnectionSafety, ...]:
        """How safe each connection of this station is, the database first."""
        await self._bridge.until_attached()
        return await self._bridge.station.machines.connections()

    async def retry(self, source: str) -> None:
        """Connect now instead of after the pause. Raises Refused, Invalid."""
        await self._bridge.station.machines.retry(source)

    async def certificates(self, source: str) -> ShownCertificate:
        """What ``source`` shows of itself and what is trusted of it. Raises Refused, Unavailable."""
        await self._bridge.until_attached()
        return await self._bridge.station.certificates.shown(source)

    async def trust(self, source: str, fingerprint: str) -> None:
        """Trust the certificate of this fingerprint, and connect at once. Raises Refused, Conflict, Invalid, Unavailable."""
        await self._bridge.station.certificates.trust(source, fingerprint)

    async def browse(self, source: str, address: str | None) -> list[BrowseItem]:
        """Children of ``address`` at the machine, the roots for None. Raises Refused, NotConnected, Invalid."""
        await self._bridge.until_attached()
        return await self._bridge.station.machines.browse(source, address)

    async def read(self, tag: TagSpec) -> Sample:
        """Read ``tag`` now, whether it is one of the site or only proposed. Raises Refused, NotConnected, Invalid."""
        batch = await self._bridge.station.machines.read([tag])
        return batch.sample(0)

    async def keep_rows(self, name: str, text: str) -> Path:
        """Write ``text`` into the station's export folder. Raises Refused, Unavailable."""
        return await self._bridge.station.machines.keep_rows(name, text)
