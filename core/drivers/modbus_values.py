"""Between the registers of a Modbus device and raw values: byte orders, BCD, text, single bits. Pure; no socket."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from core.drivers.engineering import Undecodable
from core.drivers.modbus_point import FORMATS, Point
from core.live.tags import TagType


def decode(point: Point, registers: Sequence[int]) -> bool | int | float | str:
    """The raw value in ``registers``, exactly ``point.count`` of them, each 0 … 65535.

    Raises:
        Undecodable: Not text in the declared character set, or a digit above 9 in BCD.
    """
    if point.bit is not None:
        return bool(registers[0] >> point.bit & 1)
    raw = struct.pack(f">{len(registers)}H", *registers)
    if point.tag.type is TagType.STRING:
        # Words of a string stand in reading order on every device; only the two bytes of a word may be swapped.
        text = _reordered(raw, point.order, words=False).split(b"\0", 1)[0]
        try:
            return text.decode(point.encoding).rstrip(" ")
        except UnicodeError:  # a few codecs raise more than UnicodeDecodeError
            raise Undecodable("not text") from None
    ordered = _reordered(raw, point.order, words=True)
    if point.bcd:
        digits = ordered.hex()
        if not digits.isdecimal():
            raise Undecodable("not BCD")
        return int(digits)
    value: int | float = struct.unpack(">" + FORMATS[point.tag.type], ordered)[0]
    return value


def encode(point: Point, raw: int | float | str) -> list[int]:
    """The registers that decode to ``raw``.

    Raises:
        Undecodable: It does not fit: too long a string, characters the set does not have, a number outside its type.
    """
    if isinstance(raw, str):
        data = _text_bytes(point, raw)
    elif point.bcd:
        digits = f"{raw:d}" if isinstance(raw, int) and raw >= 0 else ""
        if not digits or len(digits) > 4 * point.count:
            raise Undecodable(f"more than {4 * point.count} BCD digits")
        data = _reordered(bytes.fromhex(digits.zfill(4 * point.count)), point.order, words=True)
    else:
        try:
            packed = struct.pack(">" + FORMATS[point.tag.type], raw)
        except (struct.error, OverflowError):
            raise Undecodable(f"outside {point.tag.type}") from None
        data = _reordered(packed, point.order, words=True)
    return list(struct.unpack(f">{len(data) // 2}H", data))


def _reordered(raw: bytes, order: str, *, words: bool) -> bytes:
    """``raw`` between wire order and ABCD; its own inverse."""
    if words and order in ("CDAB", "DCBA"):
        raw = b"".join(raw[i : i + 2] for i in range(len(raw) - 2, -1, -2))
    if order in ("BADC", "DCBA"):
        raw = b"".join(raw[i : i + 2][::-1] for i in range(0, len(raw), 2))
    return raw


def _text_bytes(point: Point, text: str) -> bytes:
    try:
        data = text.encode(point.encoding)
        # CP932 takes some characters that come back as others; padding takes trailing spaces. Neither could be confirmed.
        same = data.decode(point.encoding).rstrip(" ") == text
    except UnicodeError:
        same = False
    if not same:
        raise Undecodable("characters the device cannot hold")
    if len(data) > int(point.tag.options["length"]) or b"\0" in data:
        raise Undecodable("text too long")
    return _reordered(data.ljust(2 * point.count, b"\0"), point.order, words=False)
