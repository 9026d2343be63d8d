"""HTTP on paper: where a tag stands in which document, JSON to raw values, bodies of writes. Pure; no socket."""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from core.drivers.engineering import INTEGER_RANGE, Convert, Undecodable, converter
from core.live.sample import Batch, Quality
from core.live.tags import TagSpec

METHODS = ("PUT", "POST", "PATCH")
VALUE = "$value"
"""Stands for the value in the JSON body of a write."""
_PATH = re.compile(r"/[!$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]*")
_OLDEST, _NEWEST = 631152000.0, 7258118400.0  # 1990 and 2200: outside, a clock was never set
_MILLISECONDS = 1e11
"""Numbers above this are UNIX milliseconds: as seconds they would lie beyond the year 5000."""

Find = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one tag stands.

    Attributes:
        tag: The tag itself.
        path: Path and query on the source, beginning with a slash.
        find: Takes the value out of the parsed document.
        time: Takes its time out of the same document; None when nobody says where it is.
        convert: Makes the tag's value of what was found.
    """

    tag: TagSpec
    path: str
    find: Find
    time: Find | None
    convert: Convert


def split(address: str) -> tuple[str, str]:
    """Path and expression of ``/path?query#expression``; "@", the whole document, without an expression. Raises Undecodable."""
    path, _, expression = address.strip().partition("#")
    if _PATH.fullmatch(path) is None or path.startswith("//"):
        raise Undecodable("bad address")
    return path, expression.strip() or "@"


def locate(tag: TagSpec) -> Place:
    """Where ``tag`` stands. Raises Undecodable when its address or an option cannot be; its text says which."""
    path, expression = split(tag.address)
    time = tag.options.get("time", "")
    return Place(tag, path, finder(expression), finder(time) if time else None, converter(tag))


@cache
def finder(expression: str) -> Find:
    """What takes the value of a JMESPath expression out of a document. Raises Undecodable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what the library only warns of today it refuses tomorrow
            compiled = jmespath.compile(expression)
    except (JMESPathError, RecursionError, ValueError, Warning):
        raise Undecodable("bad expression") from None
    steps = _steps(compiled.parsed)
    if steps is not None:
        return lambda document: _walk(document, steps)

    def search(document: Any) -> Any:
        try:
            return compiled.search(document)
        except Exception:  # noqa: BLE001 - the expression wants another type than the document has; the library leaks several kinds
            raise Undecodable("expression does not fit") from None

    return search


def _steps(node: Mapping[str, Any]) -> tuple[str | int, ...] | None:
    """Keys and indexes of an expression that has nothing else, as nearly all have: twenty times as fast as the library."""
    match node["type"]:
        case "current" | "identity":
            return ()
        case "field" | "index":
            return (node["value"],)
        case "subexpression" | "index_expression":
            steps: tuple[str | int, ...] = ()
            for child in node["children"]:
                more = _steps(child)
                if more is None:
                    return None
                steps += more
            return steps
    return None


def _walk(document: Any, steps: Sequence[str | int]) -> Any:
    for step in steps:
        if isinstance(step, str):
            document = document.get(step) if isinstance(document, dict) else None
        else:
            document = document[step] if isinstance(document, list) and -len(document) <= step < len(document) else None
        if document is None:
            return None
    return document


def parse(body: bytes) -> Any:
    """The document in ``body``. Raises Undecodable when it is no JSON, is nested too deeply or holds a number without end."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Undecodable("not JSON") from None


def add_values(batch: Batch, places: Sequence[Place], document: Any) -> None:
    """One sample for each of ``places``; never raises, whatever the document holds."""
    for place in places:
        try:
            value, source_at = sample_parts(place, document)
        except Undecodable as error:
            batch.add(place.tag.name, None, Quality.BAD, status=str(error))
        else:
            batch.add(place.tag.name, value, source_at=source_at)


def sample_parts(place: Place, document: Any) -> tuple[Any, float | None]:
    """Engineering value and source time. Raises Undecodable."""
    raw = place.find(document)
    if raw is None:
        raise Undecodable("nothing there")
    # JSON has one kind of number, and many devices write 5.0 for 5.
    if isinstance(raw, float) and place.tag.type in INTEGER_RANGE and raw.is_integer():
        raw = int(raw)
    return place.convert(raw), source_time(place.time(document)) if place.time is not None else None


def source_time(stated: Any) -> float | None:
    """UNIX seconds of a time in a document: seconds, milliseconds or ISO 8601 with an offset; None for anything else."""
    if isinstance(stated, str):
        try:
            at = datetime.fromisoformat(stated)
        except ValueError:
            return None
        if at.tzinfo is None:  # whose local time it is nobody says
            return None
        stated = at.astimezone(UTC).timestamp() if datetime(1, 1, 3, tzinfo=UTC) < at < datetime(9999, 12, 29, tzinfo=UTC) else None
    if isinstance(stated, bool) or not isinstance(stated, int | float) or abs(stated) > 1e15 or not math.isfinite(stated):
        return None
    seconds = stated / 1000 if stated > _MILLISECONDS else float(stated)
    return seconds if _OLDEST < seconds < _NEWEST else None


@dataclass(frozen=True, slots=True)
class Writing:
    """How a tag is written: method, path and body with ``VALUE`` where the value goes."""

    method: str
    path: str
    body: Any


def writing(tag: TagSpec) -> Writing | None:
    """How ``tag`` is written; None when its options do not say. Raises Undecodable when they cannot be."""
    method = tag.options.get("write", "").upper()
    if not method:
        return None
    if method not in METHODS:
        raise Undecodable(f"write={method}")
    path, expression = split(tag.options.get("write_path", "") or split(tag.address)[0])
    if expression != "@":
        raise Undecodable("bad write_path")
    template = tag.options.get("body", f'"{VALUE}"')
    try:
        body = json.loads(template)
    except (ValueError, RecursionError):
        raise Undecodable("bad body") from None
    if not _holds_value(body):
        raise Undecodable(f"no {VALUE} in body")
    return Writing(method, path, body)


def _holds_value(template: Any) -> bool:
    if isinstance(template, dict):
        return any(_holds_value(each) for each in template.values())
    if isinstance(template, list):
        return any(_holds_value(each) for each in template)
    return bool(template == VALUE)


def filled(template: Any, raw: bool | int | float | str) -> Any:
    """``template`` with ``raw`` in the place of ``VALUE``."""
    if isinstance(template, dict):
        return {key: filled(each, raw) for key, each in template.items()}
    if isinstance(template, list):
        return [filled(each, raw) for each in template]
    return raw if template == VALUE else template
