"""What Modbus sources may say of themselves, and every parser of ours against whatever a line or a site file holds."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.framer.rtu import FramerRTU
from pymodbus.pdu import DecodePDU

from core.drivers.engineering import Undecodable
from core.drivers.modbus_plan import Limits, Rules, plan
from core.drivers.modbus_point import Area, Point, locate
from core.drivers.modbus_rtu import RtuFrames
from core.drivers.modbus_url import Endpoint, Way, endpoint
from core.drivers.modbus_values import decode, encode
from core.live.tags import TagSpec, TagType
from core.sitefile.addresses import address_findings, url_findings

pytestmark = pytest.mark.early

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")


def in_short_and_long(test: Callable[..., None], few: int = 2000) -> tuple[Callable[..., None], Callable[..., None]]:
    """The same property with 2,000 inputs and, in the long run, with 100,000."""
    short = settings(max_examples=few, deadline=None)(test)
    many = settings(max_examples=100_000, deadline=None)(given_again(test))
    return short, pytest.mark.long(pytest.mark.timeout(3000)(many))


def given_again(test: Callable[..., None]) -> Callable[..., None]:
    """Another function with the same strategies: hypothesis keeps its settings on the function itself."""
    return given(**test.hypothesis._given_kwargs)(test.hypothesis.inner_test)  # type: ignore[attr-defined]


# -- options and URLs -------------------------------------------------------------------------------------------------


def word(address: str, tag_type: TagType = TagType.UINT16, **options: str) -> TagSpec:
    return TagSpec(address, "S", address, tag_type, options=options)


def test_each_unit_has_its_own_limits() -> None:
    rules = Rules.from_options({"max_registers": "100", "gap": "4", "2/max_registers": "8", "2/gap": "0", "3/max_bits": "16"})
    assert (rules.of(1), rules.of(2), rules.of(3)) == (Limits(100, 2000, 4), Limits(8, 2000, 0), Limits(100, 16, 4))
    tags = [word(f"{unit}/holding/{address}") for unit in (1, 2) for address in range(0, 20)]
    assert [(block.unit, block.count) for block in plan(map(locate, tags), rules)] == [(1, 20), (2, 8), (2, 8), (2, 4)]


def test_no_read_goes_over_a_forbidden_range() -> None:
    rules = Rules.from_options({"forbidden": "1/holding/5-6, */coil/3"})
    tags = [word("1/holding/4"), word("1/holding/7"), word("2/holding/4"), word("2/holding/7")]
    assert [(block.unit, block.start, block.count) for block in plan(map(locate, tags), rules)] == [(1, 4, 1), (1, 7, 1), (2, 4, 4)]
    assert rules.forbids(9, Area.COIL, 0, 4)
    assert not rules.forbids(9, Area.COIL, 0, 3)


def test_addresses_from_one_as_manuals_write_them() -> None:
    assert locate(word("1/holding/1"), base=1).address == 0
    assert locate(word("1/holding/65536"), base=1).address == 65535
    with pytest.raises(Undecodable):
        locate(word("1/holding/0"), base=1)
    assert Rules.from_options({"base": "1", "forbidden": "1/holding/1"}).forbids(1, Area.HOLDING, 0, 1)


@pytest.mark.parametrize(
    "options",
    [
        {"gap": "-1"}, {"max_registers": "126"}, {"max_bits": "0"}, {"gap": "x"}, {"base": "2"}, {"256/gap": "1"}, {"2/speed": "1"},
        {"2/max_registers": "0"}, {"forbidden": "1/holding"}, {"forbidden": "1/holding/9-3"}, {"forbidden": "1/holding/0", "base": "1"},
        {"gap": "9" * 5000},
    ],
)  # fmt: skip
def test_options_that_cannot_be(options: dict[str, str]) -> None:
    with pytest.raises(Undecodable):
        Rules.from_options(options)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("modbus://plc", Endpoint(Way.TCP, "plc", 502)),
        ("modbus://[::1]:1502", Endpoint(Way.TCP, "::1", 1502)),
        ("modbus+rtu://10.0.0.7:4001", Endpoint(Way.RTU_OVER_TCP, "10.0.0.7", 4001)),
        ("modbus+serial:///dev/ttyS0", Endpoint(Way.SERIAL, "/dev/ttyS0", 0, 19200, "E", 1)),
        ("modbus+serial:///dev/ttyUSB1?baud=9600&parity=n", Endpoint(Way.SERIAL, "/dev/ttyUSB1", 0, 9600, "N", 2)),
        ("modbus+serial://com3?baud=38400&parity=O&stop=1", Endpoint(Way.SERIAL, "COM3", 0, 38400, "O", 1)),
        ("modbus+serial:///COM12", Endpoint(Way.SERIAL, "COM12", 0, 19200, "E", 1)),
    ],
)
def test_urls(url: str, wanted: Endpoint) -> None:
    assert endpoint(url) == wanted


@pytest.mark.parametrize(
    "url",
    [
        "", "modbus:", "modbus://", "http://plc", "modbus://plc:0", "modbus://plc:70000", "modbus://plc/unit", "modbus://u:p@plc",
        "modbus+rtu://plc", "modbus+rtu://plc:4001?baud=9600", "modbus+serial://", "modbus+serial:///", "modbus+serial://ttyS0",
        "modbus+serial:///dev/ttyS0?baud=9601", "modbus+serial:///dev/ttyS0?parity=M", "modbus+serial:///dev/ttyS0?speed=9600",
        "modbus+serial:///dev/ttyS0?stop=3", "modbus+serial:///dev/ttyS0?baud", "modbus+serial://COM0", "modbus+serial:///dev/ttyS0#x",
    ],
)  # fmt: skip
def test_urls_that_cannot_be(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what urlsplit and we say has no words in common
        endpoint(url)


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "digits"), [(TagType.UINT16, 4), (TagType.UINT32, 8)])
@pytest.mark.parametrize("order", ORDERS)
def test_bcd_is_read_and_written_digit_by_digit(kind: TagType, digits: int, order: str) -> None:
    point = locate(word("1/holding/0", kind, coding="bcd", order=order))
    for value in (0, 7, 1234, 10**digits - 1):
        assert decode(point, encode(point, value)) == value
    for impossible in (-1, 10**digits, 1.5):
        with pytest.raises(Undecodable):
            encode(point, impossible)
    with pytest.raises(Undecodable):
        decode(point, [0x12AB] * point.count)


def test_bcd_on_the_wire_as_in_the_manuals() -> None:
    assert decode(locate(word("1/holding/0", coding="bcd")), [0x1234]) == 1234
    assert decode(locate(word("1/holding/0", TagType.UINT32, coding="BCD")), [0x0012, 0x3456]) == 123456
    assert decode(locate(word("1/holding/0", TagType.UINT32, coding="bcd", order="CDAB")), [0x3456, 0x0012]) == 123456
    for kind, coding in ((TagType.FLOAT32, "bcd"), (TagType.INT16, "bcd"), (TagType.UINT16, "gray")):
        with pytest.raises(Undecodable):
            locate(word("1/holding/0", kind, coding=coding))


KINDS = [kind for kind in TagType if kind is not TagType.BOOL]


@given(
    kind=st.sampled_from(KINDS),
    order=st.sampled_from(ORDERS),
    encoding=st.sampled_from(["utf-8", "cp932", "ascii", "utf-16", "idna", "punycode", "utf-7"]),
    coding=st.sampled_from(["binary", "bcd"]),
    octets=st.binary(min_size=16, max_size=16),
)
def _any_registers(kind: TagType, order: str, encoding: str, coding: str, octets: bytes) -> None:
    """Any registers become a value of the right type that goes back to the same registers, or a word that says why not."""
    try:
        point = locate(word("1/holding/0", kind, order=order, encoding=encoding, coding=coding, length="16"))
        value = decode(point, struct.unpack(">8H", octets)[: point.count])
    except Undecodable:
        return
    assert isinstance(value, str if kind is TagType.STRING else float if kind in (TagType.FLOAT32, TagType.FLOAT64) else int)
    if isinstance(value, int):
        assert tuple(encode(point, value)) == struct.unpack(">8H", octets)[: point.count]


test_any_registers, test_any_registers_for_long = in_short_and_long(_any_registers)


ADDRESSES = st.one_of(st.text(max_size=30), st.from_regex(r"\d{1,6}/(coil|holding|input)/\d{1,7}(\.\d+)?", fullmatch=True))


@given(text=ADDRESSES, base=st.sampled_from([0, 1]))
def _any_address(text: str, base: int) -> None:
    """Any address of a tag list stands inside the device, or is refused."""
    for kind in (TagType.BOOL, TagType.UINT64):
        try:
            point: Point = locate(word(text, kind), base)
        except Undecodable:
            continue
        assert 0 <= point.address < point.end <= 0x10000
        assert 0 <= point.unit <= 255


test_any_address, test_any_address_for_long = in_short_and_long(_any_address)


# -- the site file says the same ---------------------------------------------------------------------------------------

URLS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["modbus", "modbus+rtu", "modbus+serial", "MODBUS", "opc.tcp", ""]),
    st.sampled_from(["://", ":", ":///"]),
    st.sampled_from(["plc", "COM3", "dev/ttyS0", "10.0.0.1", "[::1]", "[::1", "COM0", "", "COM3/x"]),
    st.sampled_from(["", ":502", ":0", ":99999", ":x", "/", "/dev/ttyS1"]),
    st.lists(st.sampled_from(["?", "&", "baud=9600", "baud=9601", "parity=N", "parity=e", "stop=1", "stop", "#x"]), max_size=4).map(
        "".join
    ),
)


@given(url=URLS)
def _same_urls(url: str) -> None:
    """The site file takes exactly the URLs that the driver takes."""
    try:
        endpoint(url)
    except ValueError:
        assert list(url_findings("modbus", url))
    else:
        assert list(url_findings("modbus", url)) == []


test_same_urls, test_same_urls_for_long = in_short_and_long(_same_urls)

NUMBERS = st.one_of(st.integers(-2, 130).map(str), st.sampled_from(["", "x", "2000", "2001", "٣", "1.0"]))
SPANS = st.one_of(st.from_regex(r"(\*|\d{1,3})/(coil|holding)/\d{1,5}(-\d{1,5})?", fullmatch=True), st.text(max_size=12))
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "max_registers": NUMBERS, "max_bits": NUMBERS, "gap": NUMBERS, "base": st.sampled_from(["0", "1", "2", ""]),
        "7/max_registers": NUMBERS, "300/gap": NUMBERS, "forbidden": st.lists(SPANS, max_size=2).map(" ".join),
    },
)  # fmt: skip


@given(options=OPTIONS)
def _same_options(options: dict[str, str]) -> None:
    """The site file takes exactly the options that the driver takes."""
    try:
        Rules.from_options(options)
    except Undecodable:
        assert list(url_findings("modbus", "modbus://plc", options))
    else:
        assert list(url_findings("modbus", "modbus://plc", options)) == []


test_same_options, test_same_options_for_long = in_short_and_long(_same_options)

TAG_OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "order": st.sampled_from(["ABCD", "dcba", "ACBD"]), "coding": st.sampled_from(["bcd", "BINARY", "gray"]),
        "length": NUMBERS, "encoding": st.sampled_from(["ascii", "klingon"]),
    },
)  # fmt: skip


@given(text=ADDRESSES, kind=st.sampled_from(list(TagType)), options=TAG_OPTIONS, base=st.sampled_from(["0", "1"]))
def _same_tags(text: str, kind: TagType, options: dict[str, str], base: str) -> None:
    """The site file takes exactly the tags that the driver takes."""
    found = list(address_findings("modbus", text, kind, options, written=False, source={"base": base}))
    try:
        locate(TagSpec("t", "S", text, kind, options=options), int(base))
    except Undecodable:
        assert found
    else:
        assert found == []


test_same_tags, test_same_tags_for_long = in_short_and_long(_same_tags)


# -- frames -----------------------------------------------------------------------------------------------------------

FRAMES = RtuFrames(DecodePDU(False))
FROM_17 = RtuFrames(DecodePDU(False))
FROM_17.awaited = 17


def frame(unit: int, body: bytes) -> bytes:
    sound = bytes([unit]) + body
    return sound + FramerRTU.compute_CRC(sound).to_bytes(2, "big")


def read_answer(unit: int, words: list[int]) -> bytes:
    return frame(unit, bytes([3, 2 * len(words)]) + struct.pack(f">{len(words)}H", *words))


@given(octets=st.binary(max_size=300))
def _any_bytes(octets: bytes) -> None:
    """Noise is used up or waited on; it is a frame only when its check sum is right."""
    used, unit, number, body = FRAMES.decode(octets)
    assert 0 <= used <= len(octets)
    assert number == 0
    if body:
        assert octets[used - len(body) - 3 : used] == frame(unit, body)


test_any_bytes, test_any_bytes_for_long = in_short_and_long(_any_bytes)


@given(noise=st.binary(max_size=8), words=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=20), cut=st.integers(0, 60))
def _frame_in_noise(noise: bytes, words: list[int], cut: int) -> None:
    """A frame behind noise is found as soon as it is whole, and never while half of it is still to come."""
    whole = read_answer(17, words)
    part = whole[: min(cut, len(whole) - 1)]
    used, _, _, early = FROM_17.decode(noise + part)
    if 17 not in noise:
        assert early == b""
        assert used <= len(noise), "nothing of the frame is thrown away"
        assert FROM_17.decode((noise + part)[used:] + whole[len(part) :])[3] == whole[1:-2]
        assert FROM_17.decode(noise + whole) == (len(noise) + len(whole), 17, 0, whole[1:-2])


test_frame_in_noise, test_frame_in_noise_for_long = in_short_and_long(_frame_in_noise)


def test_recorded_frames() -> None:
    """Frames whose check sums were not calculated here."""
    assert FRAMES.decode(bytes.fromhex("010302000a3843")) == (7, 1, 0, bytes.fromhex("0302000a"))
    assert FRAMES.decode(bytes.fromhex("010302000a38")) == (0, 0, 0, b"")
    exception = frame(1, bytes([0x83, 2]))
    assert exception == bytes.fromhex("018302c0f1")
    assert FRAMES.decode(exception) == (5, 1, 0, bytes([0x83, 2]))
    of_1 = RtuFrames(DecodePDU(False))
    of_1.awaited = 1
    assert of_1.decode(b"\x00\xff" + exception) == (7, 1, 0, bytes([0x83, 2]))
    assert FRAMES.decode(exception[:-1] + b"\x00")[3] == b""
