"""Logix values on paper: where a tag stands, what type the controller gives it, bytes to values and back. Pure; no socket."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from core.drivers.engineering import Undecodable
from core.errors import Invalid
from core.live.sample import Value
from core.live.tags import TagSpec, TagType

Path = tuple[str | int, ...]
"""Names and element numbers in the order in which they lead to a value."""

_PART = r"[A-Za-z_][A-Za-z0-9_:]{0,127}(?:\[\d{1,9}(?:,\d{1,9}){0,2}\])?"
_ADDRESS = re.compile(rf"(?P<path>{_PART}(?:\.{_PART})*)(?:\.(?P<bit>\d{{1,2}}))?")
_INDEX = re.compile(r"(?P<name>[^\[]+)(?:\[(?P<index>[\d,]+)\])?")

BOOL, DWORD, SHORT_STRING, STRUCTURE = 0xC1, 0xD3, 0xDA, 0x02A0
STANDARD_STRING = 0x0FCE
"""Handle of the controller's own STRING, whose text has 82 bytes. Source: Rockwell publication 1756-PM020."""
_STANDARD_ROOM = 82


@dataclass(frozen=True, slots=True)
class _Kind:
    word: str
    format: str


_KINDS: Mapping[int, _Kind] = {
    BOOL: _Kind("BOOL", "<B"),
    0xC2: _Kind("SINT", "<b"),
    0xC3: _Kind("INT", "<h"),
    0xC4: _Kind("DINT", "<i"),
    0xC5: _Kind("LINT", "<q"),
    0xC6: _Kind("USINT", "<B"),
    0xC7: _Kind("UINT", "<H"),
    0xC8: _Kind("UDINT", "<I"),
    0xC9: _Kind("ULINT", "<Q"),
    0xCA: _Kind("REAL", "<f"),
    0xCB: _Kind("LREAL", "<d"),
    0xD1: _Kind("BYTE", "<B"),
    0xD2: _Kind("WORD", "<H"),
    DWORD: _Kind("BOOL array", "<I"),
    0xD4: _Kind("LWORD", "<Q"),
}
"""Source: CIP Networks Library Volume 1, appendix C, elementary data type reporting."""
_FLOATS = (0xCA, 0xCB)
_FLOAT32_MAX = 3.4028234663852886e38


@dataclass(frozen=True, slots=True)
class Place:
    """Where one tag stands in a controller.

    Attributes:
        tag: The tag itself.
        base: Way to it, without the element numbers at its end.
        index: These element numbers; () for a value that is no element.
        bit: Bit of an integer, 0 the lowest; None for a whole value.
        encoding: Character set of a text.
    """

    tag: TagSpec
    base: Path
    index: tuple[int, ...] = ()
    bit: int | None = None
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Form:
    """What the controller says a value is.

    Attributes:
        code: Type code of CIP; ``STRUCTURE`` for texts.
        size: Bytes of one element.
        handle: Of the structure; 0 for others.
    """

    code: int
    size: int
    handle: int = 0

    @property
    def header(self) -> bytes:
        """What stands before the values in every answer, and in every write."""
        return struct.pack("<HH", STRUCTURE, self.handle) if self.code == STRUCTURE else struct.pack("<H", self.code)

    @property
    def word(self) -> str:
        """The controller's name for the type."""
        if self.code in (STRUCTURE, SHORT_STRING):
            return "STRING" if self.code == SHORT_STRING or self.handle == STANDARD_STRING else "structure"
        return _KINDS[self.code].word

    @property
    def is_text(self) -> bool:
        """Whether it may be a text; a structure is one when it has the members LEN and DATA."""
        return self.code in (STRUCTURE, SHORT_STRING)


def locate(tag: TagSpec) -> Place:
    """Where ``tag`` stands, from its address ``Program:Name.Tag[2].Member[0,1].5``.

    Raises:
        Undecodable: It cannot be an address, or an option cannot be; says which.
    """
    path, bit = split(tag.address)
    base, index = tail(path)
    encoding = tag.options.get("encoding", "utf-8")
    try:
        "".encode(encoding)
    except LookupError:
        raise Undecodable("bad character set") from None
    if bit is not None and tag.type is not TagType.BOOL:
        raise Undecodable(f"{tag.type} in a single bit")
    return Place(tag, base, index, bit, encoding)


def split(address: str) -> tuple[Path, int | None]:
    """Names and element numbers of ``address``, and the bit at its end or None. Raises Undecodable."""
    match = _ADDRESS.fullmatch(address.strip())
    if match is None:
        raise Undecodable("bad address")
    path: list[str | int] = []
    for part in match["path"].split("."):
        named = _INDEX.fullmatch(part)
        if named is None:
            raise Undecodable("bad address")
        path.append(named["name"])
        path += [int(number) for number in (named["index"] or "").split(",") if number]
    bit = None if match["bit"] is None else int(match["bit"])
    program_alone = str(path[0]).lower().startswith("program:") and not any(isinstance(part, str) for part in path[1:])
    if program_alone or (bit is not None and bit > 63):
        raise Undecodable("bad address")
    return tuple(path), bit


def tail(path: Path) -> tuple[Path, tuple[int, ...]]:
    """``path`` without the element numbers at its end, and these."""
    at = len(path)
    while at and isinstance(path[at - 1], int):
        at -= 1
    return path[:at], tuple(int(part) for part in path[at:])


def form_of(body: bytes) -> Form:
    """The form that an answer to reading one element shows. Raises Undecodable for a type nobody knows, or half of one."""
    if len(body) < 2:
        raise Undecodable("answer too short")
    (code,) = struct.unpack_from("<H", body)
    if code == STRUCTURE:
        if len(body) < 5:
            raise Undecodable("answer too short")
        return Form(code, len(body) - 4, struct.unpack_from("<H", body, 2)[0])
    if code == SHORT_STRING:
        return Form(code, 256)  # as long as it can be: its answers have the length of the text
    kind = _KINDS.get(code)
    if kind is None:
        raise Undecodable(f"unknown type {code:#x}")
    if len(body) - 2 != struct.calcsize(kind.format):
        raise Undecodable("answer of the wrong length")
    return Form(code, len(body) - 2)


def check(place: Place, form: Form) -> None:
    """That values of ``form`` can be what the tag list declares. Raises Undecodable."""
    wanted = place.tag.type
    if wanted is TagType.STRING:
        fits = form.is_text
    elif form.is_text:
        fits = False
    elif wanted is TagType.BOOL:
        if place.bit is not None:
            fits = form.code not in (BOOL, DWORD, *_FLOATS) and place.bit < 8 * form.size
        else:
            fits = form.code in (BOOL, DWORD) and (form.code == BOOL or len(place.index) == 1)
    else:
        fits = form.code not in (BOOL, DWORD) and (form.code not in _FLOATS or wanted in (TagType.FLOAT32, TagType.FLOAT64))
    if not fits:
        bit = "" if place.bit is None else f" bit {place.bit}"
        raise Undecodable(f"{form.word}{bit} instead of {wanted}")


def element(place: Place, form: Form) -> tuple[tuple[int, ...], int | None]:
    """Element numbers that reading takes, and the bit inside it: a BOOL array is read in words of 32."""
    if form.code == DWORD and place.index:
        return (place.index[0] // 32,), place.index[0] % 32
    return place.index, place.bit


def decode(place: Place, form: Form, data: bytes, bit: int | None) -> bool | int | float | str:
    """The raw value in ``data``, exactly one element (a SHORT_STRING: one text). Raises Undecodable."""
    if form.is_text:
        return _text(place, form, data)
    value: int | float = struct.unpack(_KINDS[form.code].format, data)[0]
    if bit is not None:
        return bool(int(value) >> bit & 1)
    return bool(value) if form.code == BOOL else value


def _text(place: Place, form: Form, data: bytes) -> str:
    width = 1 if form.code == SHORT_STRING else 4
    length = int.from_bytes(data[:width], "little", signed=width == 4)
    if not 0 <= length <= len(data) - width:
        raise Undecodable("bad string length")
    try:
        return data[width : width + length].decode(place.encoding)
    except (UnicodeDecodeError, LookupError):
        raise Undecodable("not text") from None


def encode(place: Place, form: Form, raw: bool | int | float | str, room: int) -> bytes:
    """One element with the value ``raw``; ``room``: bytes a text may have.

    Raises:
        Invalid: The controller's type cannot hold it, before anything is sent.
    """
    if isinstance(raw, str):
        return _text_bytes(place, form, raw, room)
    kind = _KINDS[form.code]
    if form.code in _FLOATS:
        value: int | float = float(raw)
        if form.code == 0xCA and abs(value) > _FLOAT32_MAX:
            raise _beyond(place, raw, form)
    else:
        if isinstance(raw, float) and not raw.is_integer():
            raise Invalid("driver.write_step", tag=place.tag.name, value=raw, step=1)
        value = int(raw)
    try:
        return struct.pack(kind.format, value)
    except (struct.error, OverflowError):
        raise _beyond(place, raw, form) from None


def _beyond(place: Place, raw: Value, form: Form) -> Invalid:
    return Invalid("driver.write_range", tag=place.tag.name, value=raw, type=form.word)


def _text_bytes(place: Place, form: Form, text: str, room: int) -> bytes:
    refusal = Invalid("driver.write_type", tag=place.tag.name, value=text, type=f"{form.word}, {room} bytes")
    try:
        data = text.encode(place.encoding)
        # What would come back as another text could never be confirmed.
        if data.decode(place.encoding) != text or len(data) > room or b"\0" in data:
            raise refusal
    except UnicodeError:
        raise refusal from None
    if form.code == SHORT_STRING:
        return bytes([len(data)]) + data
    return (struct.pack("<i", len(data)) + data).ljust(form.size, b"\0")


def room_of(form: Form) -> int | None:
    """Bytes a text of this form may have; None when only the controller knows (see ``rooms``)."""
    if form.code == SHORT_STRING:
        return 255
    return _STANDARD_ROOM if form.handle == STANDARD_STRING else None


def rooms(form: Form) -> range:
    """Lengths a text type of this size may have, longest first: the structure is padded to four bytes."""
    return range(form.size - 4, max(0, form.size - 8), -1)
