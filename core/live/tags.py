"""TagSpec and SourceSpec: what a tag and its source *are*, as every layer below the screen needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal


class TagType(StrEnum):
    """Type of a tag at its source."""

    BOOL = "bool"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    STRING = "string"


class TagRole(StrEnum):
    """What the station does with a tag beyond showing it."""

    PROCESS = "process"
    """A measured value: shown, trended."""
    STATE = "state"
    """The machine state word of its work unit."""
    GOOD = "good"
    """Counter of good parts; rises, may wrap or reset."""
    REJECT = "reject"
    """Counter of rejected parts."""
    TOTAL = "total"
    """Counter of all parts, good and rejected, where a machine does not tell them apart."""
    CYCLE = "cycle"
    """Last cycle time in seconds."""
    REASON = "reason"
    """Stop reason code the machine offers (``D07`` or a number the site file maps)."""


Outside = Literal["mark", "clamp"]
"""What becomes of a value outside the engineering limits: marked BAD without a number, or held at the limit as UNCERTAIN."""


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """Who may write a tag and within which bounds; see live/writes.

    Attributes:
        permission: Permission name, ``feature:thing:verb``.
        low, high: Allowed range in engineering units, inclusive.
        interlock: Name of a boolean tag that must be good and true; None when there is none.
        min_interval_s: Shortest time between two writes.
        tolerance: Largest difference of the read-back that still counts as confirmed, engineering units.
        max_step: Largest change by one write, engineering units, > 0; None for no limit.
        max_per_s: Largest change per second since the last write, engineering units, > 0; None for no limit.
        two_step: The person confirms old → new: a write must name the value he saw, and that must still be so.
        needs_reason: A write must say why.
        confirm_s: Seconds within which the machine must confirm, > 0.
        confirm_tag: Name of another tag whose value proves the write; None for the tag itself.
    """

    permission: str
    low: float
    high: float
    interlock: str | None = None
    min_interval_s: float = 1.0
    tolerance: float = 1e-6
    max_step: float | None = None
    max_per_s: float | None = None
    two_step: bool = False
    needs_reason: bool = False
    confirm_s: float = 2.0
    confirm_tag: str | None = None


@dataclass(frozen=True, slots=True)
class TagSpec:
    """One tag of the site.

    Attributes:
        name: Unique in the site, ``L2.Press.HydraulicPressure``.
        source: Code of its source.
        address: Where it stands there, in the protocol's own notation.
        type: Type at the source.
        period_s: Wanted update period, seconds, > 0.
        scale, offset: engineering = raw × scale + offset (numbers only).
        unit: Unit code ("bar"), "" for dimensionless.
        decimals: Digits after the point on screen.
        label: Name by language, {"ja": …, "en": …}.
        work_unit: Work unit code, or "" for a tag of the site.
        role: What it is used for.
        low, high: Display range, engineering units; None when open.
        warn_low, warn_high: Limits drawn as ticks; None when there is none.
        valid_low, valid_high: Engineering limits of what the sensor can measure; None when open. See ``outside``.
        outside: What becomes of a value beyond them.
        deadband: Smallest change that is news, engineering units; 0 for every change.
        deadband_percent: The same in per cent of the display range, which must be closed; the larger of the two counts.
        frozen_after_s: A value that stays exactly the same for so long is doubted; None: it may stay the same for ever.
        write: None for a tag that is only read.
        states: For role STATE: raw value as text → machine state name; for role REASON: raw → reason code.
        options: Protocol details (Modbus byte order, string length …).
    """

    name: str
    source: str
    address: str
    type: TagType
    period_s: float = 1.0
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    decimals: int = 1
    label: Mapping[str, str] = field(default_factory=dict)
    work_unit: str = ""
    role: TagRole = TagRole.PROCESS
    low: float | None = None
    high: float | None = None
    warn_low: float | None = None
    warn_high: float | None = None
    valid_low: float | None = None
    valid_high: float | None = None
    outside: Outside = "mark"
    deadband: float = 0.0
    deadband_percent: float = 0.0
    frozen_after_s: float | None = None
    write: WritePolicy | None = None
    states: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def stale_after_s(self) -> float:
        """Age from which a value without news counts as stale, seconds."""
        return max(3 * self.period_s, 5.0)

    @property
    def news_from(self) -> float:
        """The deadband in engineering units, ≥ 0."""
        span = self.high - self.low if self.low is not None and self.high is not None else 0.0
        return max(self.deadband, self.deadband_percent / 100.0 * span)


MANUAL: Final = "manual"
"""Protocol of a source without a controller: people enter its values at a panel."""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One machine, gateway or broker that tags are read from.

    Attributes:
        code: Unique in the site.
        protocol: Driver name (``core.drivers.PROTOCOLS``), or ``manual`` for a machine without a controller.
        url: ``opc.tcp://host:port/path`` or ``modbus://host:port`` (unit ids stand in the tags' addresses).
        label: Name by language.
        readers: Which stations connect: the lease holder (default), all, or the listed ones.
        stations: The listed ones, when readers is ``stations``.
        owner: Station that may write while the database is away; "" for none.
        options: Protocol details (OPC UA security, user name …); secrets are never here.
        simulated: True for the demo and training plant; marked on screen.
    """

    code: str
    protocol: str
    url: str
    label: Mapping[str, str] = field(default_factory=dict)
    readers: Literal["lease", "all", "stations"] = "lease"
    stations: tuple[str, ...] = ()
    owner: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    simulated: bool = False
