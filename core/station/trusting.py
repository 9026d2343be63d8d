"""What machines show of themselves, and accepting it: for the screen of connections. Belongs to the station's loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.equipment.trust import TrustedCertificate, trust_certificate
from core.errors import Conflict, Invalid
from core.store.certificates import Certificates, fingerprint

if TYPE_CHECKING:
    from core.station.station import Station


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """What one machine showed and what is trusted; fingerprints, "" for none.

    Attributes:
        source: Code of the source.
        trusted: What was accepted for it.
        seen: What it showed last and was refused for.
    """

    source: str
    trusted: str
    seen: str


class Trusting:
    """The certificates of this station's machines.

    Args:
        station: Decides and connects.
        in_thread: Runs what blocks.
    """

    def __init__(self, station: Station, in_thread: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self._station = station
        self._in_thread = in_thread
        self._certificates = Certificates(station.settings.home)

    async def shown(self, source: str) -> ShownCertificate:
        """What ``source`` showed and what is trusted of it. Raises Unavailable, Refused."""
        trusted, seen = await self._in_thread(lambda: (self._certificates.trusted(source), self._certificates.seen(source)))
        return ShownCertificate(source, fingerprint(trusted) if trusted else "", fingerprint(seen) if seen and seen != trusted else "")

    async def trust(self, source: str, looked_at: str) -> TrustedCertificate:
        """Accept what ``source`` showed last, if it is what somebody looked at; audited first, connected at once after.

        Args:
            source: Code of the source.
            looked_at: The fingerprint that was compared with the one at the machine.

        Raises:
            Invalid: ``store.certificate_unseen``.
            Conflict: ``store.certificate_other``: it shows another one by now.
            Refused, Unavailable: No right; the database is away; the files cannot be used.
        """
        seen = (await self.shown(source)).seen
        if not seen:
            raise Invalid("store.certificate_unseen", source=source)
        if seen != looked_at:
            raise Conflict("store.certificate_other", source=source, fingerprint=seen)
        done = await self._station.do(trust_certificate, source=source, fingerprint=seen)
        await self._in_thread(lambda: self._certificates.trust(source, seen))
        await self._station.machines.retry(source)
        return done.view
