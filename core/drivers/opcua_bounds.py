"""Limits for what an OPC UA server may make this station decode, set into the library's decoder before its first message.

asyncua believes every count it reads: five bytes that announce fifty million elements cost it seconds and half a gigabyte, a
negative length moves its buffer backwards, a chunk may announce four gigabytes. Nothing of that is an error to it. Here every
count is compared with the bytes that are left, what one message may become is limited as a whole, and so are depth, chunk
and message. What is over a limit raises, as every other message that cannot be decoded does: the link is made anew.

Source: OPC UA Part 6, 5.1 (decoders shall limit nesting), 5.2.2.16 (Variant), 5.2.5 (arrays), 6.7.2 and 7.1.2 (chunks, limits).
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import math
from collections.abc import Callable
from typing import Any, Final

import asyncua.client.ua_client
import asyncua.common.utils
import asyncua.ua.ua_binary
from asyncua.common.connection import TransportLimits

from core.drivers.opcua_quick import notification
from core.drivers.opcua_values import ua

# Untyped on purpose: what is set here is not meant to be set.
ua_client: Any = asyncua.client.ua_client
ua_binary: Any = asyncua.ua.ua_binary
Buffer: Any = asyncua.common.utils.Buffer
NotEnoughData = asyncua.common.utils.NotEnoughData

CHUNK_BYTES: Final = 65_535
"""Largest chunk this station takes, and says so in its Hello; also what other stacks use."""
MESSAGE_BYTES: Final = 16 * 2**20
CHUNKS: Final = 4_096
DEPTH: Final = 64
"""Variants, structures and data values inside one another; the deepest that anybody was seen to send is 6."""
COST: Final = 1_000_000
"""What the arrays of one message may cost: 1 for a number, 10 for everything that becomes an object; some 100 MB at worst."""
_OBJECT: Final = 10
_SMALLEST_CHUNK: Final = 8_192
_NESTING: Final = frozenset(("ExtensionObject", "DataValue", "Variant", "DiagnosticInfo"))


class TooMuch(ua.UaError):  # type: ignore[misc]  # the library's names are untyped
    """A message announces more than it holds, or more than a station takes."""


class _Budget:
    """What the rest of one message may still become; shared by the buffers that are cut out of it."""

    __slots__ = ("cost", "depth")

    def __init__(self) -> None:
        self.cost = COST
        self.depth = 0


def _budget(data: Any) -> _Budget:
    found: _Budget | None = data.__dict__.get("budget")
    if found is None:
        found = data.budget = _Budget()
    return found


def take(data: Any, count: int, each: int, cost: int) -> None:
    """Allow for ``count`` elements of at least ``each`` bytes and ``cost``, or raise TooMuch before one of them is made."""
    if count * each > len(data):
        raise TooMuch(f"{count} elements announced, {len(data)} bytes left")
    budget = _budget(data)
    budget.cost -= count * cost
    if budget.cost < 0:
        raise TooMuch(f"more than {COST} elements in one message")


# -- buffers ---------------------------------------------------------------------------------------------------------


def _read(self: Any, size: int) -> bytes:
    """As the library's, which takes a negative size for a step back."""
    if not 0 <= size <= self._size:
        raise NotEnoughData(f"{size} bytes wanted, {self._size} left")
    self._size -= size
    start = self._cur_pos
    self._cur_pos += size
    return self._data[start : self._cur_pos]  # type: ignore[no-any-return]  # bytes; the class is untyped


def _copy(self: Any, size: int = -1) -> Any:
    """As the library's; the part shares the budget of the whole."""
    part = Buffer(self._data, self._cur_pos, self._size if size < 0 or size > self._size else size)
    part.budget = _budget(self)
    return part


# -- arrays ----------------------------------------------------------------------------------------------------------


@functools.cache
def _array(kind: Any) -> Callable[[Any], list[Any] | None]:
    """Decoder of an array of one built-in type."""
    fixed = getattr(ua_binary.Primitives1, kind.name, None)
    if fixed is not None:

        def numbers(data: Any) -> list[Any] | None:
            count = ua_binary.Primitives.Int32.unpack(data)
            if count < 0:
                return None
            take(data, count, fixed.size, 1)
            return list(fixed.unpack_array(data, count))

        return numbers
    if kind.value == 0:
        return _nulls
    return _objects(lambda: ua_binary._create_uatype_deserializer(kind), null=None)


def _nulls(data: Any) -> None:
    """Nulls take no bytes, so any count is a true one; it says nothing and makes nothing."""
    ua_binary.Primitives.Int32.unpack(data)


def _list(kind: Any) -> Callable[[Any], list[Any] | None]:
    """Decoder of a list of structures. As the library's it gives an empty list for none."""
    return _objects(lambda: ua_binary._create_type_deserializer(kind, type(None)), null=[])


def _objects(find: Callable[[], Callable[[Any], Any]], null: list[Any] | None) -> Callable[[Any], list[Any] | None]:
    element: Callable[[Any], Any] | None = None  # found at the first use: types may name each other in a circle

    def decode(data: Any) -> list[Any] | None:
        nonlocal element
        count = ua_binary.Primitives.Int32.unpack(data)
        if count < 0:
            return None if null is None else []
        take(data, count, 1, _OBJECT)
        if element is None:
            element = find()
        return [element(data) for _ in range(count)]

    return decode


# -- what may stand in itself ----------------------------------------------------------------------------------------


def _variant(data: Any) -> Any:
    encoding = data.read(1)[0]
    kind = ua.datatype_to_varianttype(encoding & 0x3F)
    decode = _array(kind) if encoding & 0x80 else ua_binary._create_uatype_deserializer(kind)
    value = _nested(decode, data) if kind.name in _NESTING else decode(data)
    dimensions = None
    if encoding & 0x40:
        dimensions = _array(ua.VariantType.Int32)(data)
        if isinstance(value, list) and dimensions:
            value = _shaped(value, dimensions)
    return ua.Variant(value, kind, dimensions, is_array=bool(encoding & 0x80))


def _nested(decode: Callable[[Any], Any], data: Any) -> Any:
    budget = _budget(data)
    budget.depth += 1
    if budget.depth > DEPTH:
        raise TooMuch(f"more than {DEPTH} values inside one another")
    value = decode(data)
    budget.depth -= 1
    return value


def _shaped(flat: list[Any], dimensions: list[int]) -> list[Any]:
    """The elements in rows; the library fills up what the dimensions promise and the message does not hold."""
    if min(dimensions) < 0 or len(dimensions) > DEPTH or math.prod(dimensions) != len(flat):
        raise TooMuch(f"{len(flat)} elements in an array of {dimensions[:8]}")
    for size in reversed(dimensions[1:]):
        flat = [flat[start : start + size] for start in range(0, len(flat), size)] if size else []
    return flat


def _diagnostics(data: Any) -> Any:
    """DiagnosticInfo with what is inside it, by a loop; the library takes the inner ones for something else.

    Source: OPC UA Part 6, 5.2.2.12.
    """
    int32, found = ua_binary.Primitives.Int32, []
    while True:
        mask = data.read(1)[0]
        found.append(ua.DiagnosticInfo())
        for bit, name in ((1, "SymbolicId"), (2, "NamespaceURI"), (8, "Locale"), (4, "LocalizedText")):
            if mask & bit:
                setattr(found[-1], name, int32.unpack(data))
        if mask & 16:
            found[-1].AdditionalInfo = ua_binary.Primitives.String.unpack(data)
        if mask & 32:
            found[-1].InnerStatusCode = ua.StatusCode(ua_binary.Primitives.UInt32.unpack(data))
        if not mask & 64:
            break
        if len(found) >= DEPTH:
            raise TooMuch(f"more than {DEPTH} diagnostics inside one another")
    for outer, inner in itertools.pairwise(found):
        outer.InnerDiagnosticInfo = inner
    return found[0]


# -- chunks and messages ---------------------------------------------------------------------------------------------


class _Limits(TransportLimits):
    """What this station announced stands, whatever the server acknowledges; its own limit for requests is kept to."""

    def update_client_limits(self, msg: Any) -> None:
        self.max_send_buffer = min(max(msg.ReceiveBufferSize, _SMALLEST_CHUNK), CHUNK_BYTES)


class _Protocol(asyncua.client.ua_client.UASocketProtocol):
    """The library's, with limits."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._connection._limits = _Limits(CHUNK_BYTES, CHUNK_BYTES, CHUNKS, MESSAGE_BYTES)

    async def send_hello(self, url: str, max_messagesize: int = 0, max_chunkcount: int = 0) -> Any:
        """Say the limits; the library would say two gigabytes for each."""
        hello = ua.Hello(0, CHUNK_BYTES, CHUNK_BYTES, max_messagesize or MESSAGE_BYTES, max_chunkcount or CHUNKS, url)
        acknowledged = self._callbackmap[0] = asyncio.get_running_loop().create_future()
        if self.transport is not None:
            self.transport.write(ua_binary.uatcp_to_binary(ua.MessageType.Hello, hello))
        return await asyncua.common.utils.wait_for(acknowledged, self.timeout)


def _header(data: Any) -> Any:
    """The header of a chunk, refused before its body is waited for."""
    header = _library_header(data)
    if not header.header_size <= header.packet_size <= CHUNK_BYTES:
        raise TooMuch(f"a chunk of {header.packet_size} bytes")
    return header


_library_header = ua_binary.header_from_binary
_library_structure = ua_binary._create_dataclass_deserializer
_library_object = ua_binary.extensionobject_from_binary


@functools.cache
def _structure(kind: Any) -> Callable[[Any], Any]:
    if kind is ua.MonitoredItemNotification:
        return notification(_library_structure(kind))
    return _diagnostics if kind is ua.DiagnosticInfo else _library_structure(kind)


def _object(data: Any) -> Any:
    return _nested(_library_object, data)


def install() -> None:
    """Set the limits into the library. Called once, when the driver is loaded; the decoders it has made by then are forgotten."""
    Buffer.read = _read
    Buffer.copy = _copy
    ua_binary._create_uatype_array_deserializer = _array
    ua_binary._create_list_deserializer = functools.cache(_list)
    ua_binary.variant_from_binary = _variant
    ua_binary.extensionobject_from_binary = _object
    ua_binary._create_dataclass_deserializer = _structure
    for made in (ua_binary._create_uatype_deserializer, ua_binary._create_type_deserializer, _library_structure):
        made.cache_clear()
    ua_client.header_from_binary = _header
    ua_client.UASocketProtocol = _Protocol


install()
