"""Addresses, packets and answers of EtherNet/IP on paper; and bytes that nobody should have sent."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.drivers import ethernetip_plan as wire
from core.drivers.engineering import Undecodable
from core.drivers.ethernetip_plan import Answer, Packet, answers_of, frame_answer, many, plan, read_request
from core.drivers.ethernetip_values import DWORD, STANDARD_STRING, STRUCTURE, Form, Place, check, decode, encode, form_of, locate, rooms
from core.errors import Invalid
from core.live.tags import TagSpec, TagType

INT, REAL = Form(0xC3, 2), Form(0xCA, 4)
STRING = Form(STRUCTURE, 88, STANDARD_STRING)
NUMBERS = {0xC2: "b", 0xC3: "h", 0xC4: "i", 0xC5: "q", 0xC6: "B", 0xC7: "H", 0xC8: "I", 0xC9: "Q", 0xCA: "f", 0xCB: "d"}


def place(address: str, kind: TagType = TagType.FLOAT32, period_s: float = 1.0) -> Place:
    return locate(TagSpec(address, "S", address, kind, period_s))


@pytest.mark.parametrize(
    ("address", "base", "index", "bit"),
    [
        ("Speed", ("Speed",), (), None),
        ("Program:Main.Motor[3].Hist[2,1]", ("Program:Main", "Motor", 3, "Hist"), (2, 1), None),
        ("Word.31", ("Word",), (), 31),
        ("Words[7].5", ("Words",), (7,), 5),
        ("Local:1:I.Data.3", ("Local:1:I", "Data"), (), 3),
    ],
)
def test_addresses_lead_somewhere(address: str, base: tuple[str | int, ...], index: tuple[int, ...], bit: int | None) -> None:
    found = place(address, TagType.BOOL if bit is not None else TagType.INT32)
    assert (found.base, found.index, found.bit) == (base, index, bit)


@pytest.mark.parametrize("address", ["", "1abc", "a b", "a[", "a[]", "a[1,2,3,4]", "a..b", "Program:Main", "Program:Main[1]", "w.64", "é"])
def test_other_texts_are_no_addresses(address: str) -> None:
    with pytest.raises(Undecodable):
        place(address, TagType.BOOL)


def test_requests_are_what_the_standard_says() -> None:
    """Source: Rockwell publication 1756-PM020, examples of the tag services."""
    assert read_request(("rate",)) == bytes.fromhex("4c03 9104 72617465 0100")
    assert read_request(("a", 5, "bc", 300, 70000), 2) == bytes.fromhex("4c0a 91016100 2805 91026263 2900 2c01 2a00 70110100 0200")
    both = many([read_request(("a",)), read_request(("b",))])
    assert both == bytes.fromhex("0a02 20022401 0200 0600 0e00 4c02 91016100 0100 4c02 91016200 0100")


@st.composite
def known(draw: st.DrawFn) -> list[tuple[Place, Form]]:
    forms = {"a": REAL, "b": INT, "c": STRING, "d": Form(DWORD, 4)}
    made = {}
    for _ in range(draw(st.integers(0, 120))):
        name = draw(st.sampled_from(sorted(forms)))
        index = draw(st.one_of(st.integers(0, 60), st.integers(0, 5000)))
        kind = {"c": TagType.STRING, "d": TagType.BOOL}.get(name, TagType.FLOAT32)
        made[name, index] = (place(f"{name}[{index}]", kind, draw(st.sampled_from([0.2, 1.0]))), forms[name])
    return list(made.values())


@given(known(), st.sampled_from([500, 4000]), st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_packets_cover_every_tag_once_within_the_connection(tags: list[tuple[Place, Form]], size: int, single: bool) -> None:
    packets = plan(tags, size, single=single)
    assert sorted(place.tag.name for packet in packets for place in packet.places) == sorted(place.tag.name for place, _ in tags)
    for packet in packets:
        assert packet.requests == tuple(piece.request for piece in packet.pieces)
        assert len(many(packet.requests)) + 8 <= size
        assert 6 + sum(piece.answer_size + 2 for piece in packet.pieces) <= size
        assert len(packet.places) <= wire.MAX_TAGS
        assert not single or len(packet.pieces) == 1
        for piece in packet.pieces:
            assert 1 <= piece.count <= wire.MAX_ELEMENTS
            assert all(0 <= at < piece.count and place.tag.period_s == packet.period_s for place, at, _ in piece.wanted)
            assert (piece.wanted[0][1], piece.wanted[-1][1]) == (0, piece.count - 1), "nothing is read before the first and after the last"


@given(known())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_halves_read_the_same_elements(tags: list[tuple[Place, Form]]) -> None:
    for packet in plan(tags, 4000):
        for piece in packet.pieces:
            todo, seen = [piece], []
            while todo:
                part = todo.pop()
                if part.is_one:
                    seen += [(place.tag.name, part.start[-1]) for place, _, _ in part.wanted]
                else:
                    todo += part.halves()
            wanted = [(place.tag.name, piece.start[-1] + at) for place, at, _ in piece.wanted]
            assert sorted(seen) == sorted(wanted)


@given(st.sampled_from(sorted(NUMBERS)), st.data())
def test_numbers_come_back_or_are_refused(code: int, data: st.DataObject) -> None:
    form = Form(code, struct.calcsize(NUMBERS[code]))
    number = data.draw(st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False)))
    where = place("x", TagType.FLOAT64)
    try:
        packed = encode(where, form, number, 0)
    except Invalid:
        return
    back = decode(where, form, packed, None)
    assert back == (pytest.approx(number, rel=1e-6, abs=1e-37) if code in (0xCA, 0xCB) else number)


@given(st.text(max_size=40), st.sampled_from(["utf-8", "cp932", "ascii"]))
def test_texts_come_back_or_are_refused(text: str, encoding: str) -> None:
    where = locate(TagSpec("x", "S", "x", TagType.STRING, options={"encoding": encoding}))
    for form, room in ((STRING, 82), (Form(STRUCTURE, 16, 1), 10), (Form(0xDA, 256), 255)):
        try:
            packed = encode(where, form, text, room)
        except Invalid:
            continue
        assert decode(where, form, packed, None) == text
        assert form.code == 0xDA or len(packed) == form.size


def test_room_of_a_text_type_is_within_its_padding() -> None:
    assert [list(rooms(Form(STRUCTURE, size, 1))) for size in (16, 8)] == [[12, 11, 10, 9], [4, 3, 2, 1]]


def test_forms_are_told_from_answers() -> None:
    assert form_of(b"\xca\0" + bytes(4)) == REAL
    assert form_of(b"\xa0\x02\xce\x0f" + bytes(88)) == STRING
    for garbage in (b"", b"\xca", b"\xca\0" + bytes(3), b"\xee\0\0", b"\xa0\x02\xce\x0f"):
        with pytest.raises(Undecodable):
            form_of(garbage)
    with pytest.raises(Undecodable):
        check(place("x", TagType.INT32), REAL)


FRAME = bytes.fromhex(
    "7000 1c00 01000000 00000000 0000000000000000 00000000 00000000 0000 0200 a100 0400 01020304 b100 0800 0700 cc000000 c300"
)
"""A sound answer without values; ``_framed`` puts others in."""


def _framed(body: bytes) -> bytes:
    items = FRAME[24:42] + struct.pack("<H", len(body) + 2) + FRAME[44:46] + body
    return FRAME[:2] + struct.pack("<H", len(items)) + FRAME[4:24] + items


def test_a_sound_frame_is_taken() -> None:
    answer = frame_answer(_framed(b"\xcc\0\0\0\xc3\0\x07\0"), wire.READ)
    assert (answer.status, answer.word, answer.body) == (0, "", b"\xc3\0\x07\0")
    refused = frame_answer(_framed(b"\xcc\0\xff\1\5\x21"), wire.READ)
    assert (refused.word, refused.leads_nowhere, refused.is_wrong_type) == ("BeyondEnd", True, False)
    for at in range(len(_framed(b"\xcc\0\0\0\xc3\0"))):
        with pytest.raises(Undecodable):
            frame_answer(_framed(b"\xcc\0\0\0\xc3\0")[:at], wire.READ)


PACKET: Packet = plan(
    [(place(f"a[{n}]"), REAL) for n in range(3)]
    + [(place("t", TagType.STRING), STRING), (place("u", TagType.STRING), Form(0xDA, 256)), (place("f[3]", TagType.BOOL), Form(DWORD, 4))],
    4000,
)[0]


def _taken_apart(data: bytes) -> None:
    """Everything that reads bytes of a controller: it answers with values or with Undecodable, and with nothing else."""
    for frame in (data, _framed(data)):
        for service in (wire.READ, wire.MANY):
            try:
                answer = frame_answer(frame, service)
                answers = answers_of(answer, PACKET.requests)
            except Undecodable:
                continue
            assert len(answers) == len(PACKET.pieces)
            assert all(isinstance(each.word, str) for each in answers)
    for piece in PACKET.pieces:
        for body in (data, piece.form.header + data):
            try:
                values = list(piece.values(body))
            except Undecodable:
                continue
            assert [where for where, _ in values] == [where for where, _, _ in piece.wanted]
            assert all(isinstance(value, bool | int | float | str | Undecodable) for _, value in values)
    try:
        form = form_of(data)
    except Undecodable:
        return
    assert isinstance(form.word, str)
    assert len(form.header) in (2, 4)


def _spoiled(draw: Any) -> bytes:
    """Random bytes, or a sound answer cut short or with some bytes changed."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=120))  # type: ignore[no-any-return]
    bodies = [b"\xcc\0\0\0" + piece.form.header + bytes(piece.form.size * piece.count) for piece in PACKET.pieces]
    starts = [2 + 2 * len(bodies) + sum(map(len, bodies[:number])) for number in range(len(bodies))]
    sound = bytearray(b"\x8a\0\0\0" + struct.pack(f"<{len(bodies) + 1}H", len(bodies), *starts) + b"".join(bodies))
    for _ in range(draw(st.integers(0, 4))):
        sound[draw(st.integers(0, 40))] = draw(st.integers(0, 255))
    return bytes(sound[: draw(st.integers(0, len(sound)))])


BYTES = st.composite(_spoiled)()
TEXTS = st.one_of(st.text(max_size=40), st.from_regex(r"[A-Za-z_:.\[\],0-9]{0,30}", fullmatch=True))


def _located(text: str) -> None:
    for kind in (TagType.BOOL, TagType.INT32, TagType.STRING):
        try:
            found = place(text, kind)
        except Undecodable:
            continue
        assert read_request((*found.base, *found.index))[0] == wire.READ


@given(BYTES)
@settings(max_examples=2000, deadline=None)
def test_bytes_nobody_should_have_sent(data: bytes) -> None:
    _taken_apart(data)


@given(TEXTS)
@settings(max_examples=2000, deadline=None)
def test_texts_nobody_should_have_written(text: str) -> None:
    _located(text)


@pytest.mark.long
@pytest.mark.timeout(1200)
@given(BYTES, TEXTS)
@settings(max_examples=100_000, deadline=None)
def test_many_bytes_and_texts(data: bytes, text: str) -> None:
    _taken_apart(data)
    _located(text)


@pytest.mark.parametrize("starts", [(6, 6), (6, 9), (14, 6), (6, 200), (0, 6), (5, 14)])
def test_answers_that_overlap_are_none(starts: tuple[int, int]) -> None:
    sound = b"\xcc\0\0\0\xc3\0\x07\0"
    two = [read_request(("a",)), read_request(("b",))]
    body = struct.pack("<HHH", 2, 6, 14) + sound + sound
    assert [answer.body for answer in answers_of(Answer(0, None, body), two)] == [sound[4:]] * 2
    with pytest.raises(Undecodable):
        answers_of(Answer(0, None, struct.pack("<HHH", 2, *starts) + body[6:]), two)
    inside = struct.pack("<HHH", 2, 4, 0xCC) + b"\0\0" + bytes(0xCC - 8) + sound
    with pytest.raises(Undecodable):
        answers_of(Answer(0, None, inside), two)


def test_a_refused_packet_is_refused_for_all_it_asked() -> None:
    refusal = Answer(0x0C, None, b"")
    assert answers_of(refusal, PACKET.requests) == [refusal] * len(PACKET.requests)
    assert math.prod(len(piece.wanted) for piece in PACKET.pieces) > 1
