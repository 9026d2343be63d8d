"""Why a value is as it is: everything the station knows about one tag, for whoever stands before a value that does not move. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from core.errors import GenbaError, Invalid, NotConnected, Unavailable
from core.live.link import LinkState, LinkStatus
from core.live.sample import ENTERED, RELAYED, Quality, Sample
from core.live.tags import MANUAL, SourceSpec, TagSpec

READ_ELSEWHERE = "driver.read_elsewhere"
"""Code of a link that is stopped because another station reads the source; its detail is that station."""
_NO_TROUBLE = frozenset({RELAYED, ENTERED})
_RELAY = frozenset({"reader_silent", "reader_garbled"})


@dataclass(frozen=True, slots=True)
class Explained:
    """What is known of one tag's value.

    Attributes:
        tag: The tag.
        sample: Its latest sample.
        source: Where it is read; None when the site names no such source.
        link: The connection to it; None before anything was tried.
        group: How it is read now, in the protocol's words; "" when that is not known here.
        reader: The other station that reads it; "" for this one.
        last_good_at: When its value was last known to be so, UNIX seconds UTC; 0.0 when it never was.
        cause: What happened, what to do and what is safe.
        affected: Other tags of the source that are in the same trouble, in the site's order.
        of: Tags of the source in all.
    """

    tag: TagSpec
    sample: Sample
    source: SourceSpec | None
    link: LinkStatus | None
    group: str
    reader: str
    last_good_at: float
    cause: GenbaError
    affected: tuple[str, ...]
    of: int


def explain(
    tag: TagSpec,
    source: SourceSpec | None,
    tags: Iterable[TagSpec],
    latest: Callable[[str], Sample],
    link: LinkStatus | None,
    group: str = "",
    last_good_at: float | None = None,
) -> Explained:
    """Put together what is known of ``tag``.

    Args:
        tag: The tag.
        source: Its source.
        tags: All tags of the site.
        latest: Latest sample of a tag.
        link: The connection to the source.
        group: How it is read now, where the driver told.
        last_good_at: When its value was last known to be usable; None when it never was, or the table did not say.
    """
    sample = latest(tag.name)
    siblings = [other for other in tags if other.source == tag.source]
    affected = (
        ()
        if sample.quality is Quality.GOOD or sample.status in _NO_TROUBLE
        else tuple(other.name for other in siblings if other.name != tag.name and _same_trouble(latest(other.name), sample))
    )
    reader = link.error_detail if link is not None and link.error_code == READ_ELSEWHERE else ""
    # Stale and offline samples keep the time of the value they still carry; a bad one carries the time of its own refusal.
    if last_good_at is None:
        last_good_at = sample.received_at if sample.quality.usable or sample.quality in (Quality.STALE, Quality.OFFLINE) else 0.0
    return Explained(tag, sample, source, link, group, reader, last_good_at, _cause(tag, source, sample, link), affected, len(siblings))


def _same_trouble(other: Sample, sample: Sample) -> bool:
    return other.quality is sample.quality and other.status not in _NO_TROUBLE


def _cause(tag: TagSpec, source: SourceSpec | None, sample: Sample, link: LinkStatus | None) -> GenbaError:
    shown: Mapping[str, str] | str = (dict(source.label) or source.code) if source is not None else tag.source
    detail = sample.status or "—"
    if source is not None and source.protocol == MANUAL and sample.quality is not Quality.UNCERTAIN:
        return GenbaError("value.not_entered")
    reader = link.error_detail if link is not None and link.error_code == READ_ELSEWHERE else ""
    match sample.quality:
        case Quality.GOOD:
            return GenbaError("value.good")
        case Quality.UNCERTAIN if sample.status == RELAYED:
            return GenbaError("value.relayed", station=reader or "—")
        case Quality.UNCERTAIN if sample.status == ENTERED:
            return GenbaError("value.entered")
        case Quality.UNCERTAIN:
            return GenbaError("value.uncertain", detail=detail)
        case Quality.STALE:
            return Unavailable("value.stale", source=shown, seconds=f"{tag.stale_after_s:g}")
        case Quality.BAD:
            return Invalid("value.bad", source=shown, detail=detail)
        case Quality.CONFIG:
            return Invalid("value.config", source=shown, address=tag.address, detail=detail)
        case Quality.NEVER if link is None or link.state in (LinkState.CONNECTING, LinkState.ONLINE, LinkState.DEGRADED):
            return Unavailable("value.never", source=shown)
    return _no_link(shown, sample, link, reader)


def _no_link(shown: Mapping[str, str] | str, sample: Sample, link: LinkStatus | None, reader: str) -> GenbaError:
    """There is no link, here or where the value is read."""
    if sample.status in _RELAY or reader:
        return Unavailable("value.reader_silent", source=shown, station=reader or "—")
    code = link.error_code if link is not None and link.error_code else sample.status
    if code.partition(".")[0] in ("driver", "store"):
        return NotConnected(code, source=shown, detail=(link.error_detail if link is not None else "") or "—")
    return NotConnected("value.no_link", source=shown)
