"""What SQLite does not say about a write-ahead log: whether a damaged place hides transactions that were safely on the disk.

SQLite reads a log up to the first frame whose checksum is wrong and takes everything behind it for the unfinished write of a crash.
For one transaction that is right: the last one may be torn, and nobody was told that it is kept. Where two or more follow the bad
place, the disk has lost what it had promised to hold, and the rows behind it must be rescued and counted, not forgotten in silence.

Source: SQLite, "WAL-mode File Format", sections 1 and 2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

_MAGIC: Final = 0x377F0682  # the last bit tells the byte order of the checksums: 0 little-endian, 1 big-endian
_VERSION: Final = 3_007_000
_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_PAGE_SIZES: Final = frozenset(1 << n for n in range(9, 17))
_USUAL_PAGE: Final = 4_096
_PAGES_MAX: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class _Log:
    """A log as its bytes say.

    Attributes:
        header: Whether its header is intact.
        size: Of a page, bytes.
        salts: Of the frames that count; older ones behind them were brought into the file long ago.
        intact: Frames SQLite would read.
        last: Number of frames up to the last one that ends a transaction, damaged ones between included.
        hidden: Ends of transactions behind the intact frames.
    """

    header: bool
    size: int
    salts: tuple[int, int]
    intact: int
    last: int
    hidden: int


def hides_rows(raw: bytes) -> bool:
    """Whether transactions that were safely on the disk stand behind a damaged place of the log ``raw``."""
    log = _read(raw)
    return log is not None and (log.hidden > 1 or (not log.header and log.hidden > 0))


def mended(raw: bytes) -> bytes:
    """``raw`` with checksums that let SQLite read it to its end; damaged pages stay as they are, whoever reads looks at the rows."""
    log = _read(raw)
    if log is None:
        return raw
    head = struct.pack(">6I", _MAGIC, _VERSION, log.size, 0, *log.salts)
    sums = _summed(head, (0, 0), "<")
    parts = [head, struct.pack(">2I", *sums)]
    for n in range(log.last):
        page, ends, _, _, _, _ = _FRAME.unpack_from(raw, _at(n, log.size))
        if not (0 < page < _PAGES_MAX and ends < _PAGES_MAX):
            continue  # nobody knows any more where it belongs
        begin = _at(n, log.size) + _FRAME.size
        content = raw[begin : begin + log.size]
        meaning = struct.pack(">2I", page, ends)
        sums = _summed(content, _summed(meaning, sums, "<"), "<")
        parts += [meaning, struct.pack(">4I", *log.salts, *sums), content]
    return b"".join(parts)


def _at(n: int, size: int) -> int:
    return _HEADER.size + n * (_FRAME.size + size)


def _read(raw: bytes) -> _Log | None:
    """None when there is not one frame."""
    if len(raw) < _at(0, 0) + _FRAME.size:
        return None
    magic, _, size, _, *rest = _HEADER.unpack_from(raw)
    order = ">" if magic & 1 else "<"
    sums = _summed(raw[: _HEADER.size - 8], (0, 0), order)
    header = magic & ~1 == _MAGIC and size in _PAGE_SIZES and sums == (rest[2], rest[3])
    if not header:
        size = _USUAL_PAGE
    salts = (rest[0], rest[1]) if header else _FRAME.unpack_from(raw, _HEADER.size)[2:4]
    intact = last = hidden = 0
    chain = header
    for n in range((len(raw) - _HEADER.size) // (_FRAME.size + size)):
        at = _at(n, size)
        _, ends, salt_1, salt_2, *own = _FRAME.unpack_from(raw, at)
        current = (salt_1, salt_2) == salts
        if chain:
            sums = _summed(raw[at + _FRAME.size : at + _FRAME.size + size], _summed(raw[at : at + 8], sums, order), order)
            chain = current and sums == tuple(own)
            intact += chain
        if current and ends:
            last = n + 1
            hidden += not chain
    return _Log(header, size, salts, intact, last, hidden)


def _summed(content: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    one, two = sums
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two
