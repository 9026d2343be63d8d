"""From the payload of a plain MQTT message to a value, and back. Pure.

A tag's address is ``topic`` or ``topic#path``: the payload is the value as text, or JSON in which ``path`` (JMESPath) finds it.
Options of a tag: ``time`` (path to the source's time), ``partial`` (``yes``: a message without the path is no news),
``alive`` (topic or topic#path of the machine's last will) and ``alive_is`` (what it says while the machine is there),
``write_topic``, ``write_template``, ``write_retain``, ``write_qos``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import jmespath

from core.drivers.engineering import INTEGER_RANGE, Convert, Undecodable, converter
from core.live.tags import TagSpec, TagType

OPTIONS: Final = ("time", "partial", "alive", "alive_is", "write_topic", "write_template", "write_retain", "write_qos")
JSON_MAX: Final = 2**20
"""Bytes of JSON that are parsed: more would hold the loop for longer than a frame."""

_PLAIN: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_SPECIAL: Final = {"nan": math.nan, "inf": math.inf, "+inf": math.inf, "-inf": -math.inf, "infinity": math.inf, "-infinity": -math.inf}
_TRUE, _FALSE = frozenset(("true", "1", "on", "yes")), frozenset(("false", "0", "off", "no"))
_EXACT = 2**53
_JSON: Final = json.JSONDecoder()
_LATEST_S = 1e11

Search = Callable[[Any], Any]


class Absent(Undecodable):
    """The message has nothing where the path points."""


@dataclass(frozen=True, slots=True)
class Place:
    """A topic, and where in its payload; ``search`` None for the whole payload as text."""

    topic: str
    search: Search | None = None

    def text_in(self, payload: bytes) -> str:
        """What stands there as text. Raises Undecodable."""
        if self.search is None:
            return _text(payload)
        found = _find(self.search, parse(payload))
        return json.dumps(found) if isinstance(found, bool | dict | list) else str(found)


@dataclass(frozen=True, slots=True)
class Alive:
    """Where a machine, or the broker as its last will, says whether it is there."""

    place: Place
    word: str


@dataclass(frozen=True, slots=True)
class Point:
    """One tag with its address and options understood; ``convert`` makes its value of what stands there."""

    tag: TagSpec
    place: Place
    convert: Convert
    time: Search | None = None
    partial: bool = False
    alive: Alive | None = None
    write_topic: str = ""
    write_template: str = ""
    write_retain: bool = False
    write_qos: int = 1

    @property
    def has_document(self) -> bool:
        """Whether the payload must be JSON."""
        return self.place.search is not None or self.time is not None


def locate(tag: TagSpec) -> Point:
    """Understand the address and the options of ``tag``. Raises Undecodable."""
    options = tag.options
    alive = None
    if "alive" in options:
        alive = Alive(_place(options["alive"]), options.get("alive_is", "online"))
    template = options.get("write_template", "")
    if template and "{value}" not in template:
        raise Undecodable("write_template without {value}")
    qos = options.get("write_qos", "1")
    if qos not in ("0", "1"):
        raise Undecodable(f"write_qos {qos}")
    write_topic = options.get("write_topic", "")
    if write_topic:
        check_topic(write_topic)
    place = _place(tag.address)
    if write_topic == place.topic:
        # The broker would give our own wish back as if the machine had said it.
        raise Undecodable("write_topic is the topic that is read")
    return Point(
        tag,
        place,
        converter(tag),
        time=_search(options["time"]) if "time" in options else None,
        partial=options.get("partial") == "yes",
        alive=alive,
        write_topic=write_topic,
        write_template=template,
        write_retain=options.get("write_retain") == "yes",
        write_qos=int(qos),
    )


def check_topic(topic: str) -> None:
    """Raises Undecodable for what is no name of one topic."""
    if not topic or any(mark in topic for mark in "+#\0") or len(topic.encode("utf-8", "surrogatepass")) > 65_535:
        raise Undecodable("no name of one topic")
    if any("\ud800" <= letter <= "\udfff" for letter in topic):
        raise Undecodable("no name of one topic")


def _place(address: str) -> Place:
    topic, mark, path = address.partition("#")
    check_topic(topic)
    return Place(topic, _search(path) if mark else None)


def _search(path: str) -> Search:
    """Compile ``path``; names with dots between them, by far the most, are looked up without the language around them."""
    if _PLAIN.fullmatch(path):
        names = tuple(path.split("."))
        if len(names) == 1:
            return partial(_member, path)

        def walk(document: Any) -> Any:
            for name in names:
                if not isinstance(document, dict) or name not in document:
                    raise Absent("not in the message")
                document = document[name]
            return document

        return walk
    try:
        compiled = jmespath.compile(path)
    except Exception as error:  # noqa: BLE001 - its parser raises ValueError, and more where it did not foresee the input
        raise Undecodable(f"bad path: {str(error).splitlines()[0] if str(error) else type(error).__name__}") from None

    def search(document: Any) -> Any:
        found = compiled.search(document)
        if found is None:  # the language does not tell nothing from null
            raise Absent("not in the message")
        return found

    return search


def _member(name: str, document: Any) -> Any:
    if not isinstance(document, dict) or name not in document:
        raise Absent("not in the message")
    return document[name]


def _find(search: Search, document: Any) -> Any:
    try:
        return search(document)
    except Undecodable:
        raise
    except Exception as error:  # noqa: BLE001 - functions of the expression meet types they cannot take
        raise Undecodable(f"path failed: {type(error).__name__}") from None


def parse(payload: bytes) -> Any:
    """The JSON document of ``payload``. Raises Undecodable."""
    if len(payload) > JSON_MAX:
        raise Undecodable("message too large")
    if not payload:
        raise Undecodable("empty message")
    try:
        return _JSON.decode(payload.decode("utf-8"))
    except Exception as error:  # noqa: BLE001 - UnicodeDecodeError, RecursionError, too many digits: all the same to the operator
        raise Undecodable("not JSON" if isinstance(error, json.JSONDecodeError) else f"not JSON: {type(error).__name__}") from None


def raw_value(point: Point, payload: bytes, document: Any) -> Any:
    """What the message says for ``point``, as ``engineering.to_engineering`` takes it. Raises Undecodable, Absent."""
    kind = point.tag.type
    if point.place.search is None:
        text = _text(payload)
        return text if kind is TagType.STRING else _from_text(kind, text.strip())
    found = _find(point.place.search, document)
    if found is None:
        raise Undecodable("null")
    if kind is TagType.BOOL and type(found) is int and found in (0, 1):
        return bool(found)
    if kind in INTEGER_RANGE and isinstance(found, float) and found.is_integer() and abs(found) <= _EXACT:
        return int(found)  # JSON has one kind of number: 12.0 is twelve
    return found


def _text(payload: bytes) -> str:
    if len(payload) > JSON_MAX:
        raise Undecodable("message too large")
    if not payload:
        raise Undecodable("empty message")
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        raise Undecodable("not text") from None


def _from_text(kind: TagType, text: str) -> bool | int | float:
    if kind is TagType.BOOL:
        word = text.lower()
        if word not in _TRUE | _FALSE:
            raise Undecodable("text instead of bool")
        return word in _TRUE
    if len(text) <= 400 and _NUMBER.fullmatch(text):
        whole = text.lstrip("+-").isdigit()
        number: int | float = int(text) if whole else float(text)
        if kind in INTEGER_RANGE and isinstance(number, float) and number.is_integer() and abs(number) <= _EXACT:
            return int(number)
        return number
    if text.lower() in _SPECIAL:
        return _SPECIAL[text.lower()]
    raise Undecodable(f"text instead of {kind}")


def source_time(point: Point, document: Any) -> float | None:
    """When the source says the value arose, UNIX seconds UTC; None when it does not, or not in a way that leaves no doubt.

    A number counts seconds, or thousands, millions or milliards of them by its size; text is ISO 8601 with its zone.
    """
    if point.time is None:
        return None
    try:
        found = _find(point.time, document)
        if isinstance(found, str):
            at = datetime.fromisoformat(found)
            return None if at.tzinfo is None else at.timestamp()
        seconds = float(found) if isinstance(found, int | float) and not isinstance(found, bool) else math.nan
    except (Undecodable, ValueError, OverflowError):
        return None
    while _LATEST_S < seconds < math.inf:
        seconds /= 1000
    return seconds if 0 <= seconds <= _LATEST_S else None


def written(point: Point, raw: bool | int | float | str, now_ms: int) -> bytes:
    """The payload that asks the machine for ``raw``: text, or the template with ``{value}`` as JSON and ``{time_ms}``."""
    value = json.dumps(raw, ensure_ascii=False)
    if not point.write_template:
        return (raw if isinstance(raw, str) else value).encode("utf-8", "replace")
    # The time first: the value may be a text that looks like a placeholder.
    return point.write_template.replace("{time_ms}", str(now_ms)).replace("{value}", value).encode("utf-8", "replace")
