"""OPC UA on paper: node addresses by namespace URI, DataValue to sample, status words. No socket.

Importing this module loads asyncua (about a second): only ``opcua`` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncua

from core.drivers.engineering import Undecodable, converter, to_engineering
from core.live.sample import Quality, Value
from core.live.tags import TagSpec

ua: Any = asyncua.ua
"""The library's names, untyped: its own annotations leave out half of what it exports."""

_ADDRESS = re.compile(r"(?:nsu=(?P<uri>[^;]+);)?(?P<identifier>[isgb]=.+)", re.DOTALL)
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC).timestamp()
_NEWEST = datetime(2200, 1, 1, tzinfo=UTC).timestamp()


def node_id(address: str, namespaces: Sequence[str]) -> ua.NodeId:
    """The node that ``address`` names on a server with this namespace array.

    Addresses carry the namespace URI (``nsu=urn:maker:plc;s=Line.Speed``); an index changes when a server restarts.
    Without ``nsu=`` it is a node of the OPC UA namespace itself.

    Raises:
        Undecodable: It cannot be an address, or the server has no such namespace.
    """
    match = _ADDRESS.fullmatch(address.strip())
    if match is None:
        raise Undecodable("bad address")
    index = 0
    if match["uri"]:
        try:
            index = list(namespaces).index(match["uri"])
        except ValueError:
            raise Undecodable("unknown namespace") from None
    try:
        return ua.NodeId.from_string(f"ns={index};{match['identifier']}")
    except Exception:  # noqa: BLE001 - the parser of the library leaks several kinds
        raise Undecodable("bad address") from None


UNKNOWN_NODE = frozenset({"BadNodeIdUnknown", "BadNodeIdInvalid"})
"""Words of a node that is not there (Part 4, 7.39)."""


def status_word(status: Any) -> tuple[Quality, str]:
    """Quality and the standard's word for a StatusCode; None counts as Good (Part 4, 7.11)."""
    if status is None or status.value == 0:
        return Quality.GOOD, ""
    # The lower 16 bits are flags (limit, overflow, structure changed), not part of the word.
    word = ua.status_codes.get_name_and_doc(status.value & 0xFFFF0000)[0]
    if status.value >> 30 == 0:
        return Quality.GOOD, "" if word == "Good" else word
    return (Quality.UNCERTAIN, word) if status.value >> 30 == 1 else (Quality.BAD, word)


def unix_seconds(at: datetime | None) -> float | None:
    """UNIX seconds of a server's time; None for none and for the dates servers send when they have no clock."""
    if at is None:
        return None
    seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return seconds if _OLDEST < seconds < _NEWEST else None


def as_it_is(value: Any) -> Any:
    """The value itself, for a tag that is no member of one."""
    return value


def sample_parts(tag: TagSpec, answer: Any, member: Callable[[Any], Any] = as_it_is) -> tuple[Value, Quality, float | None, str]:
    """Value, quality, source time and status word of one DataValue; never raises, whatever the server sent.

    Args:
        tag: What it is the value of.
        answer: The DataValue.
        member: Finds the tag's own part of the value; raises Undecodable.
    """
    try:
        quality, word = status_word(answer.StatusCode)
        # A server without source times at least says when it looked.
        source_at = unix_seconds(answer.SourceTimestamp) or unix_seconds(answer.ServerTimestamp)
        if quality is Quality.BAD:
            return None, quality, source_at, word
        try:
            return to_engineering(tag, _plain(member(answer.Value.Value))), quality, source_at, word
        except Undecodable as error:
            return None, Quality.BAD, source_at, str(error)
    except Exception as error:  # noqa: BLE001 - the decode boundary: garbage makes a bad sample, never a lost link
        return None, Quality.BAD, None, f"undecodable: {type(error).__name__}"


class Reader:
    """``sample_parts`` for one tag that is a node's whole value, and nearly always good: then it costs a fifth.

    Args:
        tag: What the values are of.
    """

    __slots__ = ("_convert", "_tag", "name")

    _PLAIN = frozenset((float, int, bool, str))

    def __init__(self, tag: TagSpec) -> None:
        self.name = tag.name
        self._tag = tag
        self._convert = converter(tag)

    def read(self, answer: Any, known: dict[datetime, float]) -> tuple[Value, Quality, float | None, str]:
        """Value, quality, source time and status word of one DataValue.

        Args:
            answer: The DataValue.
            known: Times of the same response that were reckoned already: most of its values have the same.
        """
        try:
            status, at = answer.StatusCode, answer.SourceTimestamp
            if (status is None or status.value == 0) and at is not None:
                raw = answer.Value.Value
                if type(raw) in self._PLAIN:
                    source_at = known.get(at)
                    if source_at is None:
                        source_at = unix_seconds(at)
                        if source_at is None:
                            return sample_parts(self._tag, answer)
                        known[at] = source_at
                    return self._convert(raw), Quality.GOOD, source_at, ""
        except Exception:  # noqa: BLE001, S110 - the long way says what it is
            pass
        return sample_parts(self._tag, answer)


def _plain(value: Any) -> Any:
    if isinstance(value, ua.LocalizedText):
        return value.Text or ""
    # Enumerations and the library's own number types arrive as subclasses; only the plain ones may travel on.
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return str(value) if isinstance(value, str) else value


def state_node() -> Any:
    """Where every server says how it is: a small thing to ask for."""
    return ua.NodeId(ua.ObjectIds.Server_ServerStatus_State)


def item_request(handle: int, node: Any, period_s: float) -> Any:
    """The request to monitor ``node``: sampled twice per period, only the newest value kept."""
    item = ua.ReadValueId()
    item.NodeId = node
    item.AttributeId = ua.AttributeIds.Value
    parameters = ua.MonitoringParameters()
    parameters.ClientHandle = handle
    parameters.SamplingInterval = period_s * 500  # half the publishing interval, in milliseconds
    parameters.QueueSize = 1
    parameters.DiscardOldest = True
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor = item
    request.MonitoringMode = ua.MonitoringMode.Reporting
    request.RequestedParameters = parameters
    return request


def variant(raw: bool | int | float | str, variant_type: Any) -> Any:
    """``raw`` as a Variant of the node's type. Raises ValueError or struct.error when that type cannot hold it."""
    kinds = ua.VariantType
    if isinstance(raw, bool) or variant_type is kinds.Boolean:
        matches = isinstance(raw, bool) and variant_type is kinds.Boolean
    elif isinstance(raw, str):
        matches = variant_type in (kinds.String, kinds.LocalizedText)
    else:
        matches = kinds.SByte.value <= variant_type.value <= kinds.Double.value
        if variant_type in (kinds.Float, kinds.Double):
            raw = float(raw)
        elif isinstance(raw, float):
            matches = raw.is_integer()
            raw = int(raw)
    if not matches:
        raise ValueError("another type")
    if variant_type is kinds.LocalizedText:
        return ua.Variant(ua.LocalizedText(str(raw)), variant_type)
    made = ua.Variant(raw, variant_type)
    ua.ua_binary.variant_to_binary(made)  # raises here, not on the wire, when the number is outside the type
    return made


LIMITS = [
    ua.NodeId(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead),
    ua.NodeId(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall),
]
"""Where a server says how many items it takes in one read, and in one request to monitor."""


def items_per_request(answer: Any, most: int) -> int:
    """The server's limit where it states one (0 and nothing mean none), never more than ``most``."""
    stated = answer.Value.Value if answer.Value is not None else None
    return min(most, stated) if isinstance(stated, int) and stated > 0 else most
