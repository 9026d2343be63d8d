"""The tag list of a Logix controller as a tree whose addresses can be pasted into the tag list of the site."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.drivers.engineering import Undecodable
from core.drivers.ethernetip_link import LogixLink
from core.drivers.ethernetip_values import Path, split
from core.drivers.ethernetip_worker import LinkThread
from core.errors import Invalid
from core.live.link import BrowseItem

_MOST_ELEMENTS = 2000
"""Elements of one array that are listed; the others can be addressed all the same."""
_READ_ONLY = ("Read Only", "None")


async def upload(path: str, timeout_s: float, micro800: bool, *, name: str) -> LogixTree:
    """The tag list, over a connection and a thread of its own that end with it. Raises LinkLost."""
    link = LogixLink(path, timeout_s, micro800)
    thread = LinkThread(link, name)
    try:
        await thread.call(link.open)
        return LogixTree(*await thread.call(link.tag_list))
    finally:
        await thread.close()


@dataclass(frozen=True, slots=True)
class _Node:
    """What stands at an address: a type's word, dimensions of an array, and the members of a structure."""

    word: str
    dimensions: tuple[int, ...]
    members: Mapping[str, Any]
    writable: bool

    @property
    def has_children(self) -> bool:
        return bool(self.dimensions or self.members)


class LogixTree:
    """One uploaded tag list.

    Args:
        tags: By address, each with its type as the library describes it.
        programs: Names of the programs.
    """

    def __init__(self, tags: Mapping[str, Mapping[str, Any]], programs: Sequence[str]) -> None:
        self._tags = tags
        self._programs = [f"Program:{name}" for name in programs]

    def children(self, address: str | None) -> list[BrowseItem]:
        """What stands below ``address``; programs and the controller's own tags for None.

        Raises:
            Invalid: There is no such address.
        """
        if address is None:
            roots = [BrowseItem(program, program.partition(":")[2], True) for program in self._programs]
            return roots + self._tags_below("")
        if address in self._programs:
            return self._tags_below(f"{address}.")
        node = self._at(address)
        if node.dimensions:
            return [self._item(f"{address}[{index}]", f"[{index}]", _inside(node)) for index in _indices(node.dimensions)]
        return [self._item(f"{address}.{name}", name, _member(info, node.writable)) for name, info in node.members.items()]

    def _tags_below(self, prefix: str) -> list[BrowseItem]:
        found = []
        for address in sorted(self._tags, key=str.lower):
            belongs = address.startswith(prefix) if prefix else not address.startswith("Program:")
            if belongs and _is_address(address):
                found.append(self._item(address, address.removeprefix(prefix), _tag(self._tags[address])))
        return found

    @staticmethod
    def _item(address: str, name: str, node: _Node) -> BrowseItem:
        lengths = ",".join(map(str, node.dimensions))
        return BrowseItem(address, name, node.has_children, f"{node.word}[{lengths}]" if lengths else node.word, node.writable)

    def _at(self, address: str) -> _Node:
        try:
            path, bit = split(address)
            node = self._walk(path)
        except (Undecodable, KeyError) as error:
            raise Invalid("driver.bad_address", tag=address, detail=str(error)) from None
        if bit is not None:
            raise Invalid("driver.bad_address", tag=address, detail="a bit has nothing below")
        return node

    def _walk(self, path: Path) -> _Node:
        names = 2 if str(path[0]).startswith("Program:") else 1
        node = _tag(self._tags[".".join(map(str, path[:names]))])
        for part in path[names:]:
            if isinstance(part, int):
                node = _Node(node.word, node.dimensions[1:], node.members, node.writable)
            else:
                node = _member(_inside(node).members[part], node.writable)
        return node


def _is_address(text: str) -> bool:
    try:
        split(text)
    except Undecodable:
        return False
    return True


def _tag(info: Mapping[str, Any]) -> _Node:
    dimensions = tuple(int(length) for length in info["dimensions"][: info["dim"]])
    return _node(info, dimensions, info.get("external_access") not in _READ_ONLY)


def _member(info: Mapping[str, Any], writable: bool) -> _Node:
    return _node(info, (int(info["array"]),) if info.get("array") else (), writable)


def _node(info: Mapping[str, Any], dimensions: tuple[int, ...], writable: bool) -> _Node:
    kind, word = info["data_type"], str(info["data_type_name"])
    if word == "DWORD":  # a BOOL array, kept in words of 32
        return _Node("BOOL", tuple(32 * length for length in dimensions), {}, writable)
    members = {}
    if isinstance(kind, Mapping) and "string" not in kind:
        members = {name: kind["internal_tags"][name] for name in kind["attributes"] if _is_address(f"x.{name}")}
    return _Node("STRING" if isinstance(kind, Mapping) and "string" in kind else word, dimensions, members, writable)


def _inside(node: _Node) -> _Node:
    """One element of an array."""
    return _Node(node.word, (), node.members, node.writable)


def _indices(dimensions: tuple[int, ...]) -> Iterator[str]:
    # Counted, not made by itertools.product: a controller may claim thousands of millions of elements.
    for number in range(min(_MOST_ELEMENTS, math.prod(dimensions))):
        index: list[int] = []
        for length in reversed(dimensions):
            number, at = divmod(number, length)
            index.append(at)
        yield ",".join(map(str, reversed(index)))
