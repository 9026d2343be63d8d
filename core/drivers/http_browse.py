"""What an HTTP sensor offers, for the tag browser: the documents in use, and below each of them what its JSON holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from core.drivers.http_values import finder, parse, split
from core.live.link import BrowseItem

_MOST = 500
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SHOWN = 60


def roots(paths: Iterable[str]) -> list[BrowseItem]:
    """The documents that tags of the source are read from."""
    return [BrowseItem(path, path, has_children=True) for path in sorted(set(paths))]


def children(address: str, body: bytes) -> list[BrowseItem]:
    """The members of the object or list at ``address`` in the document ``body``, at most 500. Raises Undecodable."""
    path, expression = split(address)
    found = finder(expression)(parse(body))
    prefix = "" if expression == "@" else expression
    if isinstance(found, dict):
        return [_item(path, _member(prefix, key), key, value) for key, value in list(found.items())[:_MOST]]
    if isinstance(found, list):
        return [_item(path, f"{prefix}[{index}]", f"[{index}]", value) for index, value in enumerate(found[:_MOST])]
    return [] if prefix else [_item(path, "@", "@", found)]


def _member(prefix: str, key: str) -> str:
    name = key if _PLAIN.fullmatch(key) else json.dumps(key)
    return f"{prefix}.{name}" if prefix else name


def _item(path: str, expression: str, name: str, value: Any) -> BrowseItem:
    address = f"{path}#{expression}"
    if isinstance(value, dict | list):
        return BrowseItem(address, name, has_children=bool(value))
    kind = {bool: "bool", int: "int64", float: "float64", str: "string"}.get(type(value), "")
    return BrowseItem(address, f"{name} = {json.dumps(value, ensure_ascii=False)[:_SHOWN]}", False, kind)
