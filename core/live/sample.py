"""Sample, Batch and Quality: the types that travel from driver to pixel and from driver to database."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

RELAYED = "relayed"
"""Status of a value that another station read and passed on; its quality is UNCERTAIN, because it is about a second old."""

ENTERED = "manual"
"""Status of a value that a person entered at a panel; its quality is UNCERTAIN, because nobody measures whether it is still so."""

Value = float | int | bool | str | None
"""What a tag can hold; None only together with a quality that is not good."""


class Quality(IntEnum):
    """How far a value may be trusted; higher is worse. Words for the screen come from the glossary (データ状態)."""

    GOOD = 0
    UNCERTAIN = 1
    """The source says so, or the value is retained or manually set at the source."""
    STALE = 2
    """The link is up but nothing arrived for max(3 × period, 5 s); the value shown is old."""
    BAD = 3
    """The source answered, and said the value is not valid (or it was NaN, the wrong type, out of its type)."""
    OFFLINE = 4
    """No link to the source."""
    CONFIG = 5
    """The source knows no such address or type: an engineer must mend the tag list."""
    NEVER = 6
    """Nothing was received since the station started."""

    @property
    def usable(self) -> bool:
        """True when the value may be counted, recorded and calculated with."""
        return self <= Quality.UNCERTAIN


@dataclass(frozen=True, slots=True)
class Sample:
    """One tag's value at one moment.

    Attributes:
        tag: Tag name, unique in the site.
        value: Engineering value after scaling; None when there is none.
        quality: How far to trust it.
        status: The source's own word for a quality that is not good (``BadSensorFailure``, ``timeout``); else "".
        source_at: When the source says the value arose, UNIX seconds UTC; None when the protocol carries no time.
        received_at: When this station received it, UNIX seconds UTC; 0.0 when it never did.
    """

    tag: str
    value: Value
    quality: Quality
    status: str = ""
    source_at: float | None = None
    received_at: float = 0.0

    @property
    def at(self) -> float:
        """The time to show: the source's, but never one after the reception; UNIX seconds UTC."""
        source_at = self.source_at
        return source_at if source_at is not None and source_at <= self.received_at else self.received_at


@dataclass(slots=True)
class Batch:
    """Samples of one source received together, as columns of equal length: the only thing acquisition sends.

    Attributes:
        source: Source code.
        received_at: Reception of the whole batch, UNIX seconds UTC.
        tags, values, qualities: One entry per sample, in order of arrival; a tag may occur more than once.
        source_at: UNIX seconds UTC or None, per sample.
        statuses: Status words for samples that are not good, keyed by index.
    """

    source: str
    received_at: float
    tags: list[str] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    qualities: list[Quality] = field(default_factory=list)
    source_at: list[float | None] = field(default_factory=list)
    statuses: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.tags)

    def add(self, tag: str, value: Value, quality: Quality = Quality.GOOD, source_at: float | None = None, status: str = "") -> None:
        """Append one sample."""
        if status:
            self.statuses[len(self.tags)] = status
        self.tags.append(tag)
        self.values.append(value)
        self.qualities.append(quality)
        self.source_at.append(source_at)

    def sample(self, index: int) -> Sample:
        """Entry ``index`` as a Sample."""
        return Sample(
            self.tags[index],
            self.values[index],
            self.qualities[index],
            self.statuses.get(index, ""),
            self.source_at[index],
            self.received_at,
        )
