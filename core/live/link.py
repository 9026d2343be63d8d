"""Frozen views of connections: what the supervisor reports and the screen shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class LinkState(StrEnum):
    """State of the connection to one source."""

    STOPPED = "STOPPED"
    CONNECTING = "CONNECTING"
    ONLINE = "ONLINE"
    DEGRADED = "DEGRADED"
    """Connected, but some of its tags or units do not answer."""
    OFFLINE = "OFFLINE"


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """The connection to one source at one moment.

    Attributes:
        source: Source code.
        state: See LinkState.
        since: UNIX seconds UTC when this state began.
        error_code: Message code of the last failure (see core.errors), "" when none.
        error_detail: The library's words, for the maintainer; "" when none.
        reconnects: Successful connections after the first one since start.
        errors: Failures since start.
        updates_per_s: Samples received per second, mean over the last 10 s.
        latency_ms: Median of (received - source time) over the last 10 s; None when the protocol carries no time.
        latency_p95_ms, latency_p99_ms: The same for the slowest 5 % and 1 % of the batches.
        clock_ahead_s: How far the machine's clock is ahead of this station's, seconds; negative when behind; None when unknown.
        identity: What the machine calls itself (server URI, serial number, program signature); "" when it does not say.
        identity_changed: The machine is not the one it was: nothing is written to it before somebody has looked.
    """

    source: str
    state: LinkState
    since: float
    error_code: str = ""
    error_detail: str = ""
    reconnects: int = 0
    errors: int = 0
    updates_per_s: float = 0.0
    latency_ms: float | None = None
    latency_p95_ms: float | None = None
    latency_p99_ms: float | None = None
    clock_ahead_s: float | None = None
    identity: str = ""
    identity_changed: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionSafety:
    """How safe one connection is: whether the other side proves who it is and nobody between can listen or change anything.

    Attributes:
        name: Source code, ``database`` or ``secrets``.
        kind: What it leads to; ``secrets`` is the station's own secret store.
        address: Host and port, or a path; never a user, never a password.
        safety: ``safe``; ``unsafe``; ``local`` when nothing leaves this computer.
        words: Message code of the three lines that say why (see core.errors).
        detail: The part of the setting that makes it unsafe; "" when none.
    """

    name: str
    kind: Literal["database", "source", "secrets"]
    address: str
    safety: Literal["safe", "unsafe", "local"]
    words: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way to connect to an OPC UA server, as the server tells anybody: nothing of it is proved.

    Attributes:
        url: As the server knows itself; behind a router another one than the station uses.
        server: URI of the server.
        security, policy: As the options of a source would say it.
        logins: What it takes: ``anonymous``, ``user``, ``certificate``, ``token``.
        fingerprint: SHA-256 of its certificate in groups of four; "" for none.
        until: Last day of that certificate; "" for none, "?" where it cannot be read.
    """

    url: str
    server: str
    security: str
    policy: str
    logins: tuple[str, ...]
    fingerprint: str
    until: str


@dataclass(frozen=True, slots=True)
class MachineCertificate:
    """A certificate that a machine showed, in the words an engineer compares.

    Attributes:
        fingerprint: SHA-256 in groups of four.
        name: For whom it was made out; "" when it does not say.
        issuer: Who made it; the same as ``name`` where a machine signs for itself.
        hosts: Host names and addresses it was made for.
        begins, ends: Days between which it is valid, ``2026-07-13``; "" where it cannot be read.
        valid: Whether it is valid now, by this station's clock.
    """

    fingerprint: str
    name: str = ""
    issuer: str = ""
    hosts: tuple[str, ...] = ()
    begins: str = ""
    ends: str = ""
    valid: bool = False


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """What one machine showed and what is trusted of it.

    Attributes:
        source: Code of the source.
        trusted: What was accepted for it; None for nothing.
        seen: What it showed last and was refused for; None for nothing.
    """

    source: str
    trusted: MachineCertificate | None
    seen: MachineCertificate | None


CERTIFICATE_CODES = frozenset({"driver.certificate_unknown", "driver.certificate_changed", "driver.certificate_expired"})
"""Error codes of links that are down because of the certificate the machine shows."""


@dataclass(frozen=True, slots=True)
class BrowseItem:
    """One entry of a source's address space.

    Attributes:
        address: What to write into a tag's address to read it, and what to pass to browse its children.
        name: The source's display name.
        has_children: True when browsing ``address`` may give more.
        type: Data type word when the entry is a variable, else "".
        writable: True when this login may write it.
    """

    address: str
    name: str
    has_children: bool
    type: str = ""
    writable: bool = False
