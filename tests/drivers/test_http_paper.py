"""What HTTP sources may say of themselves, and every parser of ours against whatever a sensor or a site file holds."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.drivers.engineering import Undecodable
from core.drivers.http_browse import children
from core.drivers.http_options import NoSecret, manners
from core.drivers.http_values import add_values, filled, finder, locate, parse, source_time, split, writing
from core.live.sample import Batch, Quality
from core.live.tags import TagSpec, TagType
from core.sitefile.addresses import address_findings, url_findings
from tests.drivers.test_modbus_paper import in_short_and_long

pytestmark = pytest.mark.early


def tag(address: str = "/x#a", kind: TagType = TagType.FLOAT64, **options: str) -> TagSpec:
    return TagSpec("t", "S", address, kind, options=options)


def sample(document: object, tag: TagSpec) -> tuple[object, Quality, str, float | None]:
    batch = Batch("S", 0.0)
    add_values(batch, [locate(tag)], document)
    return batch.values[0], batch.qualities[0], batch.statuses.get(0, ""), batch.source_at[0]


DOCUMENT = {
    "temp": {"celsius": 21.5, "text": "21.5"},
    "list": [{"v": 1}, {"v": 2}],
    "on": True,
    "none": None,
    "odd key": 4,
    "five": 5.0,
    "big": 2**63,
    "at": 1_767_225_600_000,
}


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("temp.celsius", TagType.FLOAT64, 21.5),
        ("list[1].v", TagType.INT16, 2),
        ("list[-1].v", TagType.INT16, 2),
        ("on", TagType.BOOL, True),
        ('"odd key"', TagType.INT16, 4),
        ("five", TagType.UINT16, 5),
        ("five", TagType.FLOAT32, 5.0),
        ("big", TagType.UINT64, 2**63),
        ("length(list)", TagType.INT16, 2),
        ("list[?v==`2`] | [0].v", TagType.INT16, 2),
        ("temp.text", TagType.STRING, "21.5"),
    ],
)
def test_values_by_expression(expression: str, kind: TagType, value: object) -> None:
    found, quality, _, _ = sample(DOCUMENT, tag(f"/x#{expression}", kind))
    assert (found, type(found), quality) == (value, type(value), Quality.GOOD)


@pytest.mark.parametrize(
    ("expression", "kind", "word"),
    [
        ("temp.text", TagType.FLOAT64, "str instead of float64"),
        ("on", TagType.INT16, "bool instead of int16"),
        ("temp.celsius", TagType.INT16, "float instead of int16"),
        ("temp.celsius", TagType.BOOL, "float instead of bool"),
        ("five", TagType.STRING, "float instead of string"),
        ("temp", TagType.FLOAT64, "dict instead of float64"),
        ("list", TagType.STRING, "list instead of string"),
        ("big", TagType.INT64, "outside int64"),
        ("none", TagType.INT16, "nothing there"),
        ("nobody.home", TagType.INT16, "nothing there"),
        ("list[9].v", TagType.INT16, "nothing there"),
        ("length(on)", TagType.INT16, "expression does not fit"),
    ],
)
def test_what_is_no_value_says_why(expression: str, kind: TagType, word: str) -> None:
    assert sample(DOCUMENT, tag(f"/x#{expression}", kind))[:3] == (None, Quality.BAD, word)


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        (1_767_225_600, 1_767_225_600.0),
        (1_767_225_600_500, 1_767_225_600.5),
        ("2026-01-01T00:00:00Z", 1_767_225_600.0),
        ("2026-01-01T09:00:00+09:00", 1_767_225_600.0),
        ("2026-01-01T00:00:00", None),
        ("yesterday", None),
        (0, None),
        (True, None),
        (math.nan, None),
        (10**400, None),
        ("9999-12-31T23:59:59-23:59", None),
        ("0001-01-01T00:00:00+23:59", None),
        ({}, None),
    ],
)
def test_source_times(stated: object, seconds: float | None) -> None:
    assert source_time(stated) == seconds


def test_a_time_beside_the_value() -> None:
    assert sample(DOCUMENT, tag("/x#five", time="at"))[3] == 1_767_225_600.0
    assert sample(DOCUMENT, tag("/x#five", time="temp.text"))[3] is None


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"a":' * 50_000, b"1" * 100_000, b"\xff\xfe", b"{'a': 1}", b"\x00"])
def test_bodies_that_are_no_json(body: bytes) -> None:
    with pytest.raises(Undecodable):
        parse(body)


@pytest.mark.parametrize(
    "address", ["", "x", "//host/x", "http://host/x", "/a b", "/x#[", "/x#a..b", "/ä", "/x\r\nHost: y#a", "/x#" + "(" * 5000]
)
def test_addresses_that_cannot_be(address: str) -> None:
    with pytest.raises(Undecodable):
        locate(tag(address))
    assert list(address_findings("http", address, TagType.FLOAT64, {}, written=False))


def test_bodies_of_writes() -> None:
    how = writing(tag("/x#a", write="put", body='{"set": {"v": "$value"}, "by": "genba", "list": ["$value", 1]}'))
    assert how is not None
    assert (how.method, how.path) == ("PUT", "/x")
    assert filled(how.body, 2.5) == {"set": {"v": 2.5}, "by": "genba", "list": [2.5, 1]}
    assert writing(tag("/x#a")) is None
    plain = writing(tag("/x#a", write="POST", write_path="/y?z=1"))
    assert plain is not None
    assert (plain.path, filled(plain.body, True)) == ("/y?z=1", True)
    assert filled("$value", "$value") == "$value"


@pytest.mark.parametrize(
    "options",
    [{"write": "DELETE"}, {"write": "PUT", "body": "{"}, {"write": "PUT", "body": '{"v": 1}'}, {"write": "PUT", "write_path": "y"},
     {"write": "PUT", "write_path": "/y#a"}],
)  # fmt: skip
def test_writes_that_cannot_be(options: dict[str, str]) -> None:
    with pytest.raises(Undecodable):
        writing(tag("/x#a", **options))
    assert list(address_findings("http", "/x#a", TagType.FLOAT64, options, written=True))


@pytest.mark.parametrize(
    ("url", "options", "secret", "header"),
    [
        ("http://h", {}, None, {}),
        ("http://h/", {}, "unused", {}),
        ("http://h", {"speed": "30"}, None, {}),
        ("https://h:8443/api", {"auth": "bearer"}, "t0k", {"Authorization": "Bearer t0k"}),
        ("http://h", {"user": "me"}, "pä", {"Authorization": "Basic bWU6cMOk"}),
        ("http://h", {"auth": "header", "key_header": "X-Api-Key"}, "k", {"X-Api-Key": "k"}),
        ("http://h", {"header/X-Site": "7"}, None, {"X-Site": "7"}),
    ],
)
def test_logins(url: str, options: dict[str, str], secret: str | None, header: dict[str, str]) -> None:
    made = manners(url, options, secret)
    assert dict(made.headers) == header
    assert not made.base.endswith("/")
    assert list(url_findings("http", url, options)) == []


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("ftp://h", {}), ("http://", {}), ("http://h:0", {}), ("http://h:x", {}), ("http://u:p@h", {}), ("http://h?x", {}),
        ("http://h#x", {}), ("http://h/a b", {}), ("http://h", {"auth": "digest"}), ("http://h", {"auth": "basic"}),
        ("http://h", {"user": "a:b"}), ("http://h", {"auth": "header"}), ("http://h", {"key_header": "X"}),
        ("http://h", {"auth": "header", "key_header": "Host"}), ("http://h", {"header/Authorization": "Bearer x"}),
        ("http://h", {"header/X": "a\r\nb"}), ("http://h", {"header/": "x"}), ("http://h", {"verify": "no"}),
        ("http://h", {"timeout": "0"}), ("http://h", {"timeout": "nan"}), ("http://h", {"max_bytes": "1e12"}),
    ],
)  # fmt: skip
def test_sources_that_cannot_be(url: str, options: dict[str, str]) -> None:
    with pytest.raises(Undecodable):
        manners(url, options, "secret")
    assert list(url_findings("http", url, options))


@pytest.mark.parametrize("secret", [None, "", "line\r\nbreak", "キー"])
def test_a_login_without_a_secret_that_can_be_sent(secret: str | None) -> None:
    with pytest.raises(NoSecret):
        manners("http://h", {"auth": "bearer"}, secret)


# -- anything at all --------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "x y"]) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
EXPRESSIONS = ["a", "a.b", "a[0]", "@", '"x y"', "a[?b>`1`].b", "length(a)", "a.b[-1].a", "keys(@)", "sum(a)", "a[*].b | [0]"]


@given(
    body=st.one_of(st.binary(max_size=60), JSON.map(lambda each: json.dumps(each).encode())),
    cut=st.integers(0, 80),
    expression=st.sampled_from(EXPRESSIONS),
    kind=st.sampled_from(list(TagType)),
)
def _any_body(body: bytes, cut: int, expression: str, kind: TagType) -> None:
    """Whatever comes, whole or cut short, becomes one sample of the declared type or one that says why there is none."""
    wanted = tag(f"/x#{expression}", kind, time="a")
    try:
        document = parse(body[:cut] if cut < 60 else body)
    except Undecodable:
        return
    value, quality, word, at = sample(document, wanted)
    assert (value is None) == (quality is Quality.BAD) == bool(word)
    if isinstance(value, float):
        assert math.isfinite(value)
    assert at is None or 6e8 < at < 8e9


test_any_body, test_any_body_for_long = in_short_and_long(_any_body)


@given(document=JSON, text=st.one_of(st.sampled_from(EXPRESSIONS), st.text(alphabet="ab.[]|\"`'?@*&()0-: ,{}", max_size=12)))
def _any_expression(document: object, text: str) -> None:
    """An expression is taken or refused when it is read, and afterwards finds something or says why not."""
    try:
        path, expression = split(f"/x#{text}")
        find = finder(expression)
    except Undecodable:
        assert list(address_findings("http", f"/x#{text}", TagType.FLOAT64, {}, written=False))
        return
    assert path == "/x"
    assert list(address_findings("http", f"/x#{text}", TagType.FLOAT64, {}, written=False)) == []
    with contextlib.suppress(Undecodable):
        find(document)


test_any_expression, test_any_expression_for_long = in_short_and_long(_any_expression)


@given(document=JSON)
def _any_tree(document: object) -> None:
    """What the browser offers can be asked for: every address leads to what it showed."""
    body = json.dumps(document).encode()
    waiting = children("/x", body)
    while waiting:
        item = waiting.pop()
        found = finder(split(item.address)[1])(parse(body))
        if item.has_children:
            waiting += children(item.address, body)
        else:
            assert not found or not isinstance(found, dict | list)


test_any_tree, test_any_tree_for_long = in_short_and_long(_any_tree, 300)
