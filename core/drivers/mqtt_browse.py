"""Topics that were heard, as a tree to browse: levels of topics, then the members of JSON objects. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.drivers.engineering import Undecodable
from core.drivers.mqtt_payload import parse
from core.live.link import BrowseItem

TOPICS_MAX = 5_000
"""Topics kept while listening; a plant has more, nobody reads more."""
_MEMBERS_MAX = 1_000


def children(address: str, heard: Mapping[str, bytes]) -> list[BrowseItem]:
    """Entries below ``address``: ``""`` the roots, a topic or part of one, ``topic#`` or ``topic#path`` the members of its JSON."""
    topic, mark, path = address.partition("#")
    if mark:
        return _members(topic, path, heard.get(topic, b""))
    prefix = f"{topic}/" if topic else ""
    names: dict[str, bool] = {}
    for name in heard:
        if name.startswith(prefix) and name != topic:
            level, deeper, _ = name[len(prefix) :].partition("/")
            names[level] = names.get(level, False) or bool(deeper)
    items = []
    for level in sorted(names):
        child = f"{prefix}{level}"
        if child in heard:
            items.append(_leaf(child, level, heard[child]))
        if names[level]:
            items.append(BrowseItem(child, f"{level}/", has_children=True))
    return items


def _leaf(topic: str, name: str, payload: bytes) -> BrowseItem:
    try:
        document = parse(payload)
    except Undecodable:
        return BrowseItem(topic, name, has_children=False, type="text")
    if isinstance(document, dict):
        return BrowseItem(f"{topic}#", name, has_children=True)
    return BrowseItem(topic, name, has_children=False, type=_word(document))


def _members(topic: str, path: str, payload: bytes) -> list[BrowseItem]:
    try:
        document: Any = parse(payload)
    except Undecodable:
        return []
    for name in _names(path):
        document = document.get(name) if isinstance(document, dict) else None
    if not isinstance(document, dict):
        return []
    items = []
    for name, value in list(document.items())[:_MEMBERS_MAX]:
        inner = f"{path}.{_quoted(name)}" if path else _quoted(name)
        deeper = isinstance(value, dict)
        items.append(BrowseItem(f"{topic}#{inner}", name, has_children=deeper, type="" if deeper else _word(value)))
    return items


def _quoted(name: str) -> str:
    return name if name.isascii() and name.isidentifier() else json.dumps(name)


def _names(path: str) -> list[str]:
    """The names of a path made by ``_members``: identifiers and JSON strings with dots between them."""
    names: list[str] = []
    rest = path
    decoder = json.JSONDecoder()
    while rest:
        if rest.startswith('"'):
            try:
                name, end = decoder.raw_decode(rest)
            except ValueError:
                return ["\0"]  # no member is called so
            names.append(name)
            rest = rest[end:].removeprefix(".")
        else:
            name, _, rest = rest.partition(".")
            names.append(name)
    return names


def _word(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "text"
        case None:
            return "null"
        case _:
            return "list"
