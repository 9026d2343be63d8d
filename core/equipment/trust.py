"""The decision that a machine may prove itself with the certificate it shows: in the audit before it counts.

The certificate itself lies with the station (``core.store.certificates``): each station looks for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from core.store.operation import Actor, operation

if TYPE_CHECKING:
    from core.store.base import Db

SourceCode = Annotated[str, Field(min_length=1, max_length=50)]
Fingerprint = Annotated[str, Field(pattern=r"^[0-9A-F]{4}( [0-9A-F]{4}){15}$")]


@dataclass(frozen=True, slots=True)
class TrustedCertificate:
    """A certificate that was accepted.

    Attributes:
        source: Code of the source it is accepted for.
        station: Where.
        fingerprint: SHA-256 in groups of four.
    """

    source: str
    station: str
    fingerprint: str


@operation("equipment:source:trust", kind="intent", guard="D", writes=())
def trust_certificate(db: Db, actor: Actor, *, source: SourceCode, fingerprint: Fingerprint) -> TrustedCertificate:
    """From now on the machine behind a source proves itself to this station with the certificate of this fingerprint.

    Args:
        source: Code of the source.
        fingerprint: As somebody compared it with the one at the machine.
    """
    return TrustedCertificate(source, actor.station, fingerprint)
