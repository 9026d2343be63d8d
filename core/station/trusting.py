"""What machines show of themselves, and accepting it: for the screen of connections. Belongs to the station's loop."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.equipment.trust import TrustedCertificate, trust_certificate
from core.errors import Conflict, Invalid, NotConnected
from core.live.link import MachineCertificate, ShownCertificate
from core.store.certificates import Certificates, described, fingerprint

if TYPE_CHECKING:
    from core.station.station import Station


class Trusting:
    """The certificates of this station's machines.

    Args:
        station: Decides.
        in_thread: Runs what blocks.
        retry: Connects a source now. Trusting a machine contains the right to try it.
    """

    def __init__(
        self, station: Station, in_thread: Callable[[Callable[[], Any]], Awaitable[Any]], retry: Callable[[str], Awaitable[None]]
    ) -> None:
        self._station = station
        self._in_thread = in_thread
        self._retry = retry
        self._certificates = Certificates(station.settings.home)

    async def shown(self, source: str) -> ShownCertificate:
        """What ``source`` showed and what is trusted of it. Raises Unavailable, Refused."""
        now = self._station.clock.now()

        def look() -> ShownCertificate:
            trusted, seen = self._certificates.trusted(source), self._certificates.seen(source)
            return ShownCertificate(source, _read(trusted, now), _read(seen, now) if seen != trusted else None)

        found: ShownCertificate = await self._in_thread(look)
        return found

    async def trust(self, source: str, looked_at: str) -> TrustedCertificate:
        """Accept what ``source`` showed last, if it is what somebody looked at; audited first, connected at once after.

        Args:
            source: Code of the source.
            looked_at: The fingerprint that was compared with the one at the machine.

        Raises:
            Invalid: ``store.certificate_unseen``; ``store.certificate_not_valid``: it would be refused all the same.
            Conflict: ``store.certificate_other``: it shows another one by now.
            Refused, Unavailable: No right; the database is away; the files cannot be used.
        """
        seen = (await self.shown(source)).seen
        if seen is None:
            raise Invalid("store.certificate_unseen", source=source)
        if seen.fingerprint != looked_at:
            raise Conflict("store.certificate_other", source=source, fingerprint=seen.fingerprint)
        if not seen.valid:
            raise Invalid("store.certificate_not_valid", source=source, detail=f"{seen.begins} – {seen.ends}")
        done = await self._station.do(trust_certificate, source=source, fingerprint=seen.fingerprint)
        await self._in_thread(lambda: self._certificates.trust(source, seen.fingerprint))
        with contextlib.suppress(Invalid, NotConnected):  # it is trusted, also where another station reads the source by now
            await self._retry(source)
        return done.view


def _read(der: bytes | None, now: datetime) -> MachineCertificate | None:
    if der is None:
        return None
    found = described(der)
    if found is None:
        return MachineCertificate(fingerprint(der))
    begins, ends = f"{found.begins_at:%Y-%m-%d}", f"{found.ends_at:%Y-%m-%d}"
    return MachineCertificate(
        fingerprint(der), found.name, found.issuer, found.hosts, begins, ends, found.begins_at <= now <= found.ends_at
    )
