"""Sparkplug B payloads: bytes to metrics with plain values, and commands to bytes. Pure.

Source: Eclipse Sparkplug 3.0.0, section 6.4 (payload, data types) and its note on compression.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NamedTuple

from core.drivers.engineering import FLOAT32_MAX, Undecodable
from core.drivers.sparkplug_pb2 import Payload  # type: ignore[attr-defined]  # made at run time from the descriptor
from core.live.sample import Value

UNPACKED_MAX: Final = 4 * 2**20
"""Bytes that a compressed payload may grow to."""
METRICS_MAX: Final = 50_000
_COUNTED_FROM: Final = 2**18
"""Payloads of this size are counted before they are parsed: two bytes of them become a hundred in memory."""
_COMPRESSED: Final = "SPBV1.0_COMPRESSED"
_WINDOW: Final = {"GZIP": 31, "DEFLATE": 15}
"""Compression → zlib's window bits: 31 expects a gzip header, 15 a zlib one, as Java's Deflater writes."""


class DataType(IntEnum):
    """Data types that a tag can hold; the words are the specification's."""

    Int8 = 1
    Int16 = 2
    Int32 = 3
    Int64 = 4
    UInt8 = 5
    UInt16 = 6
    UInt32 = 7
    UInt64 = 8
    Float = 9
    Double = 10
    Boolean = 11
    String = 12
    DateTime = 13
    Text = 14
    UUID = 15


VALUE_TYPES: Final = frozenset(int(each) for each in DataType)
_OTHERS: Final = {16: "DataSet", 17: "Bytes", 18: "File", 19: "Template", 20: "PropertySet", 21: "PropertySetList"}
_SIGNED: Final = {DataType.Int8: 8, DataType.Int16: 16, DataType.Int32: 32, DataType.Int64: 64}
_UNSIGNED: Final = {DataType.UInt8: 8, DataType.UInt16: 16, DataType.UInt32: 32, DataType.UInt64: 64, DataType.DateTime: 64}
_TEXTS: Final = (DataType.String, DataType.Text, DataType.UUID)


def type_word(datatype: int) -> str:
    """The specification's word for a data type number."""
    if datatype in VALUE_TYPES:
        return DataType(datatype).name
    return _OTHERS.get(datatype, f"type {datatype}")


class Metric(NamedTuple):
    """One metric of a message; a tuple, because there is one for every value that arrives.

    Attributes:
        name: "" when the message gives only an alias.
        alias, datatype: None when the message gives none; a birth gives the datatype.
        field, content: The field the value stands in and what stands there; "" and None for no value.
        null: The edge node says that it has no value.
        at: When the value arose, UNIX seconds UTC; None when neither metric nor message says.
        historical: A late report of an old value: not what is now.
        quality: The quality property: 192 good, 0 bad, 500 stale; None when there is none.
        read_only: The birth says that it is not to be written.
    """

    name: str
    alias: int | None
    datatype: int | None
    field: str
    content: Any
    null: bool
    at: float | None
    historical: bool
    quality: int | None
    read_only: bool


@dataclass(frozen=True, slots=True)
class Message:
    """One payload: its number in the sequence 0 … 255 of its edge node, None when it has none, and its metrics."""

    seq: int | None
    metrics: tuple[Metric, ...]

    def number(self, name: str) -> int | None:
        """The integer value of the metric ``name`` (``bdSeq``); None when it is not there."""
        for metric in self.metrics:
            if metric.name == name and metric.field in ("int_value", "long_value"):
                return int(metric.content)
        return None


def decode(payload: bytes) -> Message:
    """Understand one payload, compressed or not. Raises Undecodable with the reason."""
    message = _parse(payload)
    seq = message.seq if message.HasField("seq") else None
    if _text(message, "uuid") == _COMPRESSED:
        message = _parse(_unpacked(message))
        seq = message.seq if message.HasField("seq") else seq
    sent_at = message.timestamp / 1000 if message.HasField("timestamp") else None
    return Message(seq, tuple(_metric(metric, sent_at) for metric in message.metrics))


def _parse(payload: bytes) -> Any:
    if len(payload) >= _COUNTED_FROM and _count(payload) > METRICS_MAX:
        raise Undecodable("too many metrics")
    try:
        return Payload.FromString(payload)
    except Exception as error:  # noqa: BLE001 - DecodeError, and what its C core lets out besides
        raise Undecodable(f"no Sparkplug payload: {type(error).__name__}") from None


def _count(payload: bytes) -> int:
    """How many metrics stand on the top level, as far as it can be walked: the parser tells the rest."""
    at = found = 0
    try:
        while at < len(payload):
            tag, at = _varint(payload, at)
            match tag & 7:
                case 0:
                    _, at = _varint(payload, at)
                case 1:
                    at += 8
                case 2:
                    size, at = _varint(payload, at)
                    at += size
                    found += tag >> 3 == 2
                case 5:
                    at += 4
                case _:
                    return found
    except IndexError:
        pass
    return found


def _varint(payload: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = payload[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise IndexError(at)


def _unpacked(message: Any) -> bytes:
    algorithm = "DEFLATE"
    for metric in message.metrics[:8]:
        if _text(metric, "name") == "algorithm":
            algorithm = _text(metric, "string_value").upper()
    if algorithm not in _WINDOW:
        raise Undecodable(f"compression {algorithm[:20]}")
    inflating = zlib.decompressobj(_WINDOW[algorithm])
    try:
        unpacked = inflating.decompress(message.body, UNPACKED_MAX)
    except zlib.error:
        raise Undecodable("compression broken") from None
    if inflating.unconsumed_tail:
        raise Undecodable("message too large")
    if not inflating.eof:
        raise Undecodable("compression cut off")
    return unpacked


def _text(message: Any, name: str) -> str:
    """A text field; "" when it is no text, which the library hands over as bytes."""
    found = getattr(message, name)
    return found if isinstance(found, str) else ""


def _metric(metric: Any, sent_at: float | None) -> Metric:
    field = metric.WhichOneof("value") or ""
    content = getattr(metric, field) if field else None
    if field == "string_value" and not isinstance(content, str):
        field, content = "broken text", None
    quality, read_only = _properties(metric) if metric.HasField("properties") else (None, False)
    return Metric(
        _text(metric, "name"),
        metric.alias if metric.HasField("alias") else None,
        metric.datatype or None,
        field,
        content,
        metric.is_null,
        metric.timestamp / 1000 if metric.HasField("timestamp") else sent_at,
        metric.is_historical,
        quality,
        read_only,
    )


def _properties(metric: Any) -> tuple[int | None, bool]:
    quality, read_only = None, False
    keys = metric.properties.keys
    for index, value in enumerate(metric.properties.values[:100]):
        key = keys[index].lower() if index < len(keys) else ""
        field = value.WhichOneof("value")
        if key == "quality" and field in ("int_value", "long_value"):
            quality = int(getattr(value, field))
        elif key == "readonly" and field == "boolean_value":
            read_only = value.boolean_value
    return quality, read_only


def value_of(metric: Metric, datatype: int) -> bool | int | float | str:
    """The value of a metric whose birth declared ``datatype``. Raises Undecodable with the reason."""
    if metric.null:
        raise Undecodable("null")
    if not metric.field:
        raise Undecodable("no value")
    content = metric.content
    if datatype in _SIGNED or datatype in _UNSIGNED:
        if metric.field in ("int_value", "long_value"):
            return _integer(content, DataType(datatype), 32 if metric.field == "int_value" else 64)
    elif datatype in (DataType.Float, DataType.Double):
        if metric.field in ("float_value", "double_value"):
            return float(content)
    elif datatype == DataType.Boolean and metric.field == "boolean_value":
        return bool(content)
    elif datatype in _TEXTS and metric.field == "string_value":
        return str(content)
    raise Undecodable(f"{metric.field} instead of {type_word(datatype)}")


def _integer(content: int, datatype: DataType, carried: int) -> int:
    """The fields are unsigned: a negative number comes as two's complement, of its own width or of the field's."""
    bits = _SIGNED.get(datatype)
    if bits is None:
        if content >> _UNSIGNED[datatype]:
            raise Undecodable(f"outside {datatype.name}")
        return content
    width = min(bits, carried)
    low = content & (1 << width) - 1
    value = low - (1 << width) if low >> width - 1 else low
    if content not in (low, value & (1 << carried) - 1):
        raise Undecodable(f"outside {datatype.name}")
    return value


def command(
    metrics: Sequence[tuple[str, int | None, int, Value]],
    at_ms: int,
) -> bytes:
    """An NCMD or DCMD payload; per metric: name ("" where the alias says it), alias, data type, value.

    Raises Undecodable when a value is none of its data type.
    """
    message = Payload(timestamp=at_ms)
    for name, alias, datatype, value in metrics:
        metric = message.metrics.add(timestamp=at_ms, datatype=datatype)
        if name:
            metric.name = name
        if alias is not None:
            metric.alias = alias
        fill(metric, datatype, value)
    encoded: bytes = message.SerializeToString()
    return encoded


def fill(metric: Any, datatype: int, value: Value) -> None:
    """Put ``value`` into the field of a protobuf ``metric`` that its data type asks for. Raises Undecodable."""
    if datatype in _SIGNED or datatype in _UNSIGNED:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            _fill_integer(metric, DataType(datatype), value)
            return
    elif datatype == DataType.Boolean:
        if isinstance(value, bool):
            metric.boolean_value = value
            return
    elif datatype in _TEXTS:
        if isinstance(value, str):
            metric.string_value = value.encode("utf-8", "replace").decode()
            return
    elif datatype in (DataType.Float, DataType.Double) and isinstance(value, int | float) and not isinstance(value, bool):
        if datatype == DataType.Double:
            metric.double_value = value
            return
        if abs(value) <= FLOAT32_MAX or value != value or abs(value) == float("inf"):
            metric.float_value = struct.unpack("<f", struct.pack("<f", value))[0]
            return
    raise Undecodable(type_word(datatype))


def _fill_integer(metric: Any, datatype: DataType, value: int) -> None:
    bits = _SIGNED.get(datatype)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if bits is not None else (0, (1 << _UNSIGNED[datatype]) - 1)
    if not low <= value <= high:
        raise Undecodable(datatype.name)
    if (bits or _UNSIGNED[datatype]) == 64:
        metric.long_value = value & (1 << 64) - 1
    else:
        metric.int_value = value & (1 << 32) - 1
