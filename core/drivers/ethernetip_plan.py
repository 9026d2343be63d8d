"""EtherNet/IP requests on paper: paths, the fewest packets that read all tags, answers taken apart with suspicion. Pure; no socket.

Tags are asked for by name. The numbers by which a controller also knows its tags change with every download, and a value
read under an old number is another tag's value without an error.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.drivers.engineering import Undecodable
from core.drivers.ethernetip_values import SHORT_STRING, Form, Path, Place, decode, element

READ, WRITE, MODIFY, READ_PART, ATTRIBUTES, MANY = 0x4C, 0x4D, 0x4E, 0x52, 0x03, 0x0A
PARTIAL, TOO_LARGE, EMBEDDED = 0x06, 0x11, 0x1E
MAX_TAGS = 200
"""Most tags in one packet: its answer decodes within a millisecond or two."""
MAX_ELEMENTS = 900
_GAP = 16
"""Most elements nobody wants that one read of an array may bridge: a read of its own costs about as many bytes."""
_MARGIN = 64
"""Bytes of a connection that are not used for values: headers, and a limit that devices count differently."""
_ROUTER = b"\x20\x02\x24\x01"
_PROGRAM = b"\x20\xac\x24\x01"

_WORDS = {
    0x04: "PathSegmentError",
    0x05: "PathUnknown",
    0x06: "PartialTransfer",
    0x08: "ServiceNotSupported",
    0x0C: "ObjectStateConflict",
    0x0E: "NotSettable",
    0x0F: "PermissionDenied",
    0x10: "DeviceStateConflict",
    0x11: "ReplyTooLarge",
    0x13: "TooFewBytes",
    0x15: "TooManyBytes",
    0x16: "ObjectDoesNotExist",
    0x26: "PathSizeInvalid",
}
_EXTENDED = {
    0x2101: "KeyswitchInRun",
    0x2104: "BeyondEnd",
    0x2105: "BeyondEnd",
    0x2106: "DataInUse",
    0x2107: "TypeMismatch",
    0x2108: "TooManyBytes",
}
"""Sources: CIP Networks Library Volume 1, appendix B; Rockwell publication 1756-PM020, error codes of the tag services."""
_LEADS_NOWHERE = (0x04, 0x05, 0x08, 0x16, 0x26)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the controller.

    Attributes:
        status, extended: General status, 0 for success; first extended status word or None.
        body: What follows.
    """

    status: int
    extended: int | None
    body: bytes

    @property
    def word(self) -> str:
        """The status in one word; "" for success."""
        if self.status == 0xFF and self.extended is not None:
            return _EXTENDED.get(self.extended, f"Status255/{self.extended:#x}")
        return _WORDS.get(self.status, f"Status{self.status}") if self.status else ""

    @property
    def leads_nowhere(self) -> bool:
        """True when the program has no such tag, element or type: asking the same again will not help."""
        return self.status in _LEADS_NOWHERE or (self.status == 0xFF and self.extended in (0x2104, 0x2105, 0x2107))

    @property
    def is_wrong_type(self) -> bool:
        """True when a value is of another type in the controller than the request said."""
        return self.status == 0xFF and self.extended == 0x2107


def request(service: int, path: Path, data: bytes = b"") -> bytes:
    """A request to what ``path`` leads to."""
    way = b"".join(_segment(part) for part in path)
    return bytes([service, len(way) // 2]) + way + data


def _segment(part: str | int) -> bytes:
    if isinstance(part, str):
        name = part.encode("ascii")
        return b"\x91" + bytes([len(name)]) + name + b"\0" * (len(name) % 2)
    if part <= 0xFF:
        return struct.pack("<BB", 0x28, part)
    return struct.pack("<BBH", 0x29, 0, part) if part <= 0xFFFF else struct.pack("<BBI", 0x2A, 0, part)


def edition_request() -> bytes:
    """Asks for the counters that change with the program.

    Source: Rockwell publication 1756-PM020, "Create and maintain a symbol object list": attributes 1, 2, 3, 4 and 10.
    """
    return bytes([ATTRIBUTES, len(_PROGRAM) // 2]) + _PROGRAM + struct.pack("<6H", 5, 1, 2, 3, 4, 10)


def read_request(path: Path, count: int = 1) -> bytes:
    """Asks for ``count`` elements."""
    return request(READ, path, struct.pack("<H", count))


def many(requests: Sequence[bytes]) -> bytes:
    """Several requests in one packet; a single one stays as it is."""
    if len(requests) == 1:
        return requests[0]
    at = 2 + 2 * len(requests)
    starts = []
    for each in requests:
        starts.append(at)
        at += len(each)
    return bytes([MANY, len(_ROUTER) // 2]) + _ROUTER + struct.pack(f"<H{len(starts)}H", len(starts), *starts) + b"".join(requests)


def answer_of(data: bytes, service: int) -> Answer:
    """One answer to ``service``. Raises Undecodable when it is none."""
    if len(data) < 4 or len(data) < 4 + 2 * data[3]:
        raise Undecodable("answer too short")
    if data[0] != service | 0x80:
        raise Undecodable("answer to another service")
    extended = struct.unpack_from("<H", data, 4)[0] if data[3] else None
    return Answer(data[2], extended, data[4 + 2 * data[3] :])


def frame_answer(frame: bytes, service: int) -> Answer:
    """The answer inside a frame of connected data, as it came from the socket. Raises Undecodable."""
    if len(frame) < 46 or struct.unpack_from("<H", frame, 2)[0] != len(frame) - 24:
        raise Undecodable("frame of the wrong length")
    if struct.unpack_from("<I", frame, 8)[0]:
        raise Undecodable(f"encapsulation status {struct.unpack_from('<I', frame, 8)[0]:#x}")
    items, address, address_size = struct.unpack_from("<HHH", frame, 30)
    kind, size = struct.unpack_from("<HH", frame, 40)
    if items < 2 or address != 0xA1 or address_size != 4 or kind != 0xB1 or size < 2 or 44 + size > len(frame):
        raise Undecodable("not connected data")
    return answer_of(frame[46 : 44 + size], service)


def answers_of(answer: Answer, requests: Sequence[bytes]) -> list[Answer]:
    """What a packet made by ``many`` was answered, one each. Raises Undecodable; nothing is guessed."""
    if len(requests) == 1:
        return [answer]
    if answer.status not in (0, EMBEDDED):
        return [answer] * len(requests)
    body, count = answer.body, len(requests)
    if len(body) < 2 + 2 * count or struct.unpack_from("<H", body)[0] != count:
        raise Undecodable("wrong number of answers")
    starts = [*struct.unpack_from(f"<{count}H", body, 2), len(body)]
    if starts[0] < 2 + 2 * count:
        raise Undecodable("answers inside their own table")
    # Each answer ends where the next begins: out of order or too near, one of them is too short to be an answer.
    return [answer_of(body[start:end], each[0]) for (start, end), each in zip(itertools.pairwise(starts), requests, strict=True)]


@dataclass(frozen=True, slots=True)
class Piece:
    """One read: ``count`` elements that belong together, and the tags they answer.

    Attributes:
        base, start: Way to the first element: path, and its element numbers.
        count: Elements.
        form: What the controller said they are.
        wanted: Tag, element after the first, and bit inside it or None.
    """

    base: Path
    start: tuple[int, ...]
    count: int
    form: Form
    wanted: tuple[tuple[Place, int, int | None], ...]

    @property
    def request(self) -> bytes:
        """The read."""
        return read_request((*self.base, *self.start), self.count)

    @property
    def words(self) -> str:
        """The read in words, for whoever asks how a tag is read."""
        name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.base).lstrip(".")
        lead = ",".join(map(str, self.start[:-1]))
        if not self.start:
            return name
        last = str(self.start[-1]) if self.count == 1 else f"{self.start[-1]} to {self.start[-1] + self.count - 1}"
        return f"{name}[{','.join(filter(None, (lead, last)))}]"

    @property
    def answer_size(self) -> int:
        """Bytes of its answer, at most."""
        return 4 + len(self.form.header) + self.form.size * self.count

    def values(self, body: bytes) -> Iterator[tuple[Place, bool | int | float | str | Undecodable]]:
        """Each tag with its raw value, or with why there is none. Raises Undecodable when the answer is of another form."""
        header = self.form.header
        if body[: len(header)] != header:
            raise Undecodable("the type has changed")
        size, data = self.form.size, body[len(header) :]
        if self.form.code == SHORT_STRING:
            size = len(data)
        elif len(data) != size * self.count:
            raise Undecodable("answer of the wrong length")
        for place, at, bit in self.wanted:
            try:
                yield place, decode(place, self.form, data[at * size : (at + 1) * size], bit)
            except Undecodable as error:
                yield place, error

    def halves(self) -> tuple[Piece, Piece]:
        """Two reads that share no element; only for a piece that answers more than one."""
        middle = len(self.wanted) // 2
        while middle > 1 and self.wanted[middle][1] == self.wanted[middle - 1][1]:
            middle -= 1
        while self.wanted[middle][1] == self.wanted[0][1]:
            middle += 1
        return self._part(self.wanted[:middle]), self._part(self.wanted[middle:])

    def _part(self, wanted: tuple[tuple[Place, int, int | None], ...]) -> Piece:
        first, last = wanted[0][1], wanted[-1][1]
        start = (*self.start[:-1], self.start[-1] + first)
        moved = tuple((place, at - first, bit) for place, at, bit in wanted)
        return Piece(self.base, start, last - first + 1, self.form, moved)

    @property
    def is_one(self) -> bool:
        """True when all its tags are in one element: there is nothing to halve."""
        return self.wanted[0][1] == self.wanted[-1][1]


@dataclass(frozen=True, slots=True)
class Packet:
    """Reads that travel together.

    Attributes:
        period_s: How often, seconds.
        pieces: The reads.
        requests: The same, as they travel.
    """

    period_s: float
    pieces: tuple[Piece, ...]
    requests: tuple[bytes, ...]

    @property
    def places(self) -> tuple[Place, ...]:
        """Every tag it reads."""
        return tuple(place for piece in self.pieces for place, _, _ in piece.wanted)


def plan(known: Iterable[tuple[Place, Form]], connection_size: int, *, single: bool = False) -> list[Packet]:
    """Packets that read every place exactly once, by period.

    Args:
        known: Places whose form has been learned and fits.
        connection_size: Bytes one request and one answer may have.
        single: One read per packet, for controllers that take no more.
    """
    limit = connection_size - _MARGIN
    by_period: dict[float, list[tuple[Place, Form]]] = {}
    for place, form in known:
        by_period.setdefault(place.tag.period_s, []).append((place, form))
    packets = []
    for period_s, group in sorted(by_period.items()):
        packets += packed(period_s, _pieces(group, limit), connection_size, single=single)
    return packets


def packed(period_s: float, pieces: Iterable[Piece], connection_size: int, *, single: bool = False) -> list[Packet]:
    """Pieces in as few packets as their requests and answers fit in, in their order."""
    limit = 0 if single else connection_size - _MARGIN
    packets: list[list[Piece]] = []
    asked = answered = tags = 0
    for piece in pieces:
        request_size, answer_size = len(piece.request) + 2, piece.answer_size + 2
        asked, answered, tags = asked + request_size, answered + answer_size, tags + len(piece.wanted)
        if not packets or asked > limit or answered > limit or tags > MAX_TAGS:
            packets.append([])
            asked, answered, tags = request_size, answer_size, len(piece.wanted)
        packets[-1].append(piece)
    return [Packet(period_s, tuple(each), tuple(piece.request for piece in each)) for each in packets]


def _pieces(group: Iterable[tuple[Place, Form]], limit: int) -> list[Piece]:
    """Elements of one array side by side become one read; whatever is no element, or of no fixed length, one each."""
    rows: dict[tuple[Path, Form, tuple[int, ...]], list[tuple[int, Place, int | None]]] = {}
    for place, form in group:
        index, bit = element(place, form)
        alone = form.code == SHORT_STRING and len(index) > 0
        key = (place.base, form, index if alone else index[:-1])
        rows.setdefault(key, []).append((index[-1] if index and not alone else -1, place, bit))
    pieces: list[Piece] = []
    for (base, form, lead), members in rows.items():
        members.sort(key=lambda member: member[0])
        most = max(1, min(MAX_ELEMENTS, (limit - 16) // form.size))
        runs: list[list[tuple[int, Place, int | None]]] = []
        for member in members:
            joins = runs and member[0] - runs[-1][-1][0] <= _GAP and member[0] - runs[-1][0][0] < most and len(runs[-1]) < MAX_TAGS
            if not joins:
                runs.append([])
            runs[-1].append(member)
        for run in runs:
            first, last = run[0][0], run[-1][0]
            start = lead if first < 0 else (*lead, first)
            wanted = tuple((place, at - first, bit) for at, place, bit in run)
            pieces.append(Piece(base, start, last - first + 1, form, wanted))
    return pieces
