"""What is asked of a controller in one go: types, values, one write. Synchronous; runs on the thread of the link.

Nothing here knows the loop. Every function says what it learned and leaves what to do about it to the driver.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.drivers.engineering import Undecodable, to_engineering
from core.drivers.ethernetip_link import LinkLost, LogixLink
from core.drivers.ethernetip_plan import (
    MAX_TAGS,
    MODIFY,
    PARTIAL,
    READ_PART,
    TOO_LARGE,
    WRITE,
    Answer,
    Packet,
    Piece,
    plan,
    read_request,
    request,
)
from core.drivers.ethernetip_values import (
    DWORD,
    STANDARD_STRING,
    STRUCTURE,
    Form,
    Path,
    Place,
    check,
    element,
    encode,
    form_of,
    room_of,
    rooms,
)
from core.errors import Invalid, Refused
from core.live.sample import Batch, Quality, Value
from core.live.tags import TagType

DOWNLOADING = "ProgramDownload"
_ASK_TEXT, _ASK_NUMBER = 120, 24
_MOST_TEXT = 1 << 20
_DINT, _SINT, _BOOL = 0xC4, 0xC2, 0xC1


@dataclass(frozen=True, slots=True)
class No:
    """Why a tag has no value: the controller's word or ours, and whether its address can be right at all."""

    word: str
    quality: Quality = Quality.CONFIG


class LostAfterSending(LinkLost):
    """The link was lost when the write was on its way: nobody knows whether the controller took it."""


class WrongType(Exception):
    """The controller has another type for the value than the write said; it took nothing."""


class TooLate(Exception):
    """The write's turn came when nobody waited for it any more; nothing was sent."""


def no(answer: Answer) -> No:
    """What a refusal means for a tag: an address for the engineer to mend, or a state that may pass."""
    return No(answer.word, Quality.CONFIG if answer.leads_nowhere or answer.status == 0x0F else Quality.BAD)


def learn(link: LogixLink, places: Iterable[Place]) -> dict[Path, Form | No]:
    """What the controller says the values at the places' bases are. Raises LinkLost."""
    text = {place.base: place.tag.type is TagType.STRING for place in places}
    found: dict[Path, Form | No] = {}
    for bases in _batches(text, link):
        requests = [read_request(base) for base in bases]
        for base, each, answer in zip(bases, requests, link.ask_many(requests), strict=True):
            if answer.status in (PARTIAL, TOO_LARGE):
                # Whole structures outgrow a packet; only of a text all of it matters.
                answer = _in_parts(link, base, 1) if text[base] else link.ask(each)
            found[base] = _form(answer)
    unsure = [base for base, form in found.items() if text[base] and isinstance(form, Form) and _may_be_no_text(form)]
    found.update(_without_members(link, unsure))
    return found


def _form(answer: Answer) -> Form | No:
    if answer.status == PARTIAL:
        return No("structure too large")
    if answer.status:
        return no(answer)
    try:
        return form_of(answer.body)
    except Undecodable as error:
        return No(str(error), Quality.CONFIG if str(error).startswith("unknown type") else Quality.BAD)


def _may_be_no_text(form: Form) -> bool:
    return form.code == STRUCTURE and form.handle != STANDARD_STRING


def _without_members(link: LogixLink, bases: Sequence[Path]) -> dict[Path, No]:
    """Those of the structures that are no texts: without a length and characters in the members every text type has."""
    wrong: dict[Path, No] = {}
    for base in bases:
        for member, code in (("LEN", _DINT), ("DATA", _SINT)):
            answer = link.ask(read_request((*base, member)))
            if answer.status or answer.body[:2] != struct.pack("<H", code):
                wrong[base] = No("structure instead of string")
    return wrong


def _batches(text: Mapping[Path, bool], link: LogixLink) -> Iterable[list[Path]]:
    """Bases in groups whose questions and expected answers fit one packet."""
    limit = link.connection_size - 64
    batch: list[Path] = []
    asked = answered = 0
    for base, is_text in text.items():
        question, answer = len(read_request(base)) + 2, _ASK_TEXT if is_text else _ASK_NUMBER
        asked, answered = asked + question, answered + answer
        if batch and (link.single or asked > limit or answered > limit or len(batch) >= MAX_TAGS):
            yield batch
            batch, asked, answered = [], question, answer
        batch.append(base)
    if batch:
        yield batch


def _in_parts(link: LogixLink, path: Path, count: int) -> Answer:
    """One read whose answer is longer than a packet, put together; checked against a controller that never ends. Raises LinkLost."""
    header, values = b"", b""
    while len(values) < _MOST_TEXT:
        answer = link.ask(request(READ_PART, path, struct.pack("<HI", count, len(values))))
        if answer.status not in (0, PARTIAL):
            return answer
        size = 4 if answer.body[:2] == struct.pack("<H", STRUCTURE) else 2
        if (header and answer.body[:size] != header) or len(answer.body) <= size:
            raise LinkLost("parts that do not fit together")
        header, values = answer.body[:size], values + answer.body[size:]
        if answer.status == 0:
            return Answer(0, None, header + values)
    raise LinkLost("an answer that never ends")


@dataclass(slots=True)
class Reading:
    """What came back for one packet.

    Attributes:
        values: Tag, engineering value or None, status word; for a batch.
        refused: Reads the controller refused, with its answers.
        changed: Reads whose values are not of the form they had; told as bad among ``values`` already.
        at: When they came, UNIX seconds UTC.
    """

    values: list[tuple[str, Value, str]] = field(default_factory=list)
    refused: list[tuple[Piece, Answer]] = field(default_factory=list)
    changed: bool = False
    at: float = 0.0

    def fill(self, batch: Batch) -> None:
        """Add the values to ``batch``."""
        for name, value, word in self.values:
            batch.add(name, value, Quality.BAD if word else Quality.GOOD, status=word)


def read(link: LogixLink, packet: Packet) -> Reading:
    """Ask for one packet and take its answers apart. Raises LinkLost."""
    reading = Reading()
    for piece, answer in zip(packet.pieces, link.ask_many(packet.requests), strict=True):
        if answer.status in (PARTIAL, TOO_LARGE):
            answer = _in_parts(link, (*piece.base, *piece.start), piece.count)
        if answer.status:
            reading.refused.append((piece, answer))
            continue
        try:
            for place, raw in piece.values(answer.body):
                reading.values.append(_value(place, raw))
        except Undecodable as error:
            reading.changed = True
            reading.values += [(place.tag.name, None, str(error)) for place, _, _ in piece.wanted]
    return reading


def _value(place: Place, raw: bool | int | float | str | Undecodable) -> tuple[str, Value, str]:
    try:
        if isinstance(raw, Undecodable):
            raise raw
        return place.tag.name, to_engineering(place.tag, raw), ""
    except Undecodable as error:
        return place.tag.name, None, str(error)


def read_now(link: LogixLink, places: Sequence[Place]) -> tuple[Reading, dict[str, No]]:
    """Types and values of a few tags past every cache; with those the controller refused. Raises LinkLost."""
    forms = learn(link, places)
    good, bad = sorted_out(places, forms)
    reading = Reading()
    for packet in plan(good, link.connection_size, single=link.single):
        one = read(link, packet)
        reading.values += one.values
        bad.update(read_one_by_one(link, one.refused, reading))
    return reading, bad


def read_one_by_one(link: LogixLink, refused: Iterable[tuple[Piece, Answer]], reading: Reading) -> dict[str, No]:
    """Halve refused reads until the elements at fault stand alone; adds what was good to ``reading``. Raises LinkLost."""
    bad: dict[str, No] = {}
    todo = list(refused)
    while todo:
        piece, answer = todo.pop()
        if piece.is_one or not answer.leads_nowhere:
            bad.update({place.tag.name: no(answer) for place, _, _ in piece.wanted})
            continue
        halves = piece.halves()
        one = read(link, Packet(0.0, halves, tuple(half.request for half in halves))) if not link.single else _each(link, halves)
        reading.values += one.values
        todo += one.refused
    return bad


def _each(link: LogixLink, pieces: Iterable[Piece]) -> Reading:
    whole = Reading()
    for piece in pieces:
        one = read(link, Packet(0.0, (piece,), (piece.request,)))
        whole.values += one.values
        whole.refused += one.refused
    return whole


def sorted_out(places: Iterable[Place], forms: Mapping[Path, Form | No]) -> tuple[list[tuple[Place, Form]], dict[str, No]]:
    """Places whose form fits what the tag list declares, and why the others have no value."""
    good: list[tuple[Place, Form]] = []
    bad: dict[str, No] = {}
    for place in places:
        form = forms[place.base]
        if isinstance(form, No):
            bad[place.tag.name] = form
            continue
        try:
            check(place, form)
            good.append((place, form))
        except Undecodable as error:
            bad[place.tag.name] = No(str(error))
    return good, bad


def write(link: LogixLink, place: Place, raw: bool | int | float | str, form: Form, in_time: Callable[[], bool]) -> None:
    """Send one value in the type the controller gave it.

    Args:
        link: Whom to ask.
        place: Where to.
        raw: What.
        form: As learned of the program that runs now.
        in_time: Whether whoever wanted it still waits; asked right before sending.

    Raises:
        Invalid: The type cannot hold it; nothing was sent.
        Refused: The controller said no.
        WrongType: It said that its type is another.
        TooLate: Nothing was sent.
        LostAfterSending: Nobody knows.
        LinkLost: Nothing was sent.
    """
    message = _write_request(link, place, raw, form)
    if not in_time():
        raise TooLate
    try:
        answer = link.ask(message)
    except LinkLost as error:
        raise LostAfterSending(str(error)) from None
    if answer.is_wrong_type:
        raise WrongType(answer.word)
    if answer.status:
        raise Refused("driver.write_refused", tag=place.tag.name, value=raw, detail=answer.word)


def _write_request(link: LogixLink, place: Place, raw: bool | int | float | str, form: Form) -> bytes:
    index, bit = element(place, form)
    path = (*place.base, *index)
    if bit is not None:
        # The controller does it in one step: no other bit of the word can be lost in between.
        ones, keep = (1 << bit if raw else 0), (1 << 8 * form.size) - 1 - (0 if raw else 1 << bit)
        masks = ones.to_bytes(form.size, "little") + keep.to_bytes(form.size, "little")
        return request(MODIFY, path, struct.pack("<H", form.size) + masks)
    if form.code == DWORD:
        raise Invalid("driver.bad_address", tag=place.tag.name, detail="a BOOL array needs an element")
    data = encode(place, form, raw, _room(link, place, form, path) if isinstance(raw, str) else 0)
    if len(data) > link.connection_size - 256:
        raise Invalid("driver.write_range", tag=place.tag.name, value=raw, type=form.word)
    return request(WRITE, path, form.header + struct.pack("<H", 1) + data)


def _room(link: LogixLink, place: Place, form: Form, path: Path) -> int:
    """Bytes a text may have. Of text types other than the standard one only the controller knows: the last character it has."""
    known = room_of(form)
    if known is not None:
        return known
    for length in rooms(form):
        if link.ask(read_request((*path, "DATA", length - 1))).status == 0:
            return length
    raise Invalid("driver.write_type", tag=place.tag.name, value="", type=form.word)
