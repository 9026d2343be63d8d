"""What a tag's address says: a node by namespace URI, and after ``#`` a member of its value or the word ``call``.

``nsu=urn:maker:plc;s=Line.Speed``, ``…;s=Robot.Pose#X``, ``…#3``, ``…#Axis[2].Position``, ``…;s=Robot.Reset#call``. A member that
is itself named ``call`` is ``#.call``; a ``#`` that belongs to the node's own identifier is written ``##``. Pure; no library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from core.drivers.engineering import Undecodable
from core.live.tags import TagSpec

Path = tuple[str | int, ...]
"""Steps into a value: names of members, indexes of elements from 0 on."""

_SPLIT = re.compile(r"(?P<node>(?:[^#]|##)+)(?:#(?P<member>[^#]+))?", re.DOTALL)
_STEP = re.compile(r"(?P<dot>\.?)(?P<name>[^.\[\]#]+)|\[(?P<indexes>\d{1,7}(?:,\d{1,7}){0,7})\]")
_CALL = "call"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tag stands.

    Attributes:
        node: Address of the node alone.
        path: Into its value; empty for the value itself.
        is_call: The node is a method: the tag is written by calling it, and cannot be read.
        on: Address of the object the method is called on; "" when it is the method's own parent.
    """

    node: str
    path: Path = ()
    is_call: bool = False
    on: str = ""


def place_of(tag: TagSpec) -> Place:
    """Where ``tag`` stands. Raises Undecodable."""
    place = parsed(tag.address)
    on = tag.options.get(_CALL)
    return Place(place.node, (), True, on) if on is not None else place


@cache
def parsed(address: str) -> Place:
    """The parts of an address. Raises Undecodable."""
    match = _SPLIT.fullmatch(address.strip())
    if match is None:
        raise Undecodable("bad address")
    node, member = match["node"].replace("##", "#"), match["member"]
    if member is None:
        return Place(node)
    return Place(node, (), True) if member == _CALL else Place(node, _path(member))


def _path(text: str) -> Path:
    if text.isascii() and text.isdigit() and len(text) <= 7:
        return (int(text),)
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None or (at and match["name"] is not None and not match["dot"]):
            raise Undecodable("bad address")
        steps += [match["name"]] if match["name"] is not None else [int(index) for index in match["indexes"].split(",")]
        at = match.end()
    return tuple(steps)


def written(node: str, path: Path = ()) -> str:
    """The address of a member of ``node``, of the node itself without a path."""
    text = node.replace("#", "##")
    for place, step in enumerate(path):
        head = "#" if place == 0 else ""
        if isinstance(step, int):
            text += f"{head}[{step}]"
        else:
            text += head + ("." if place or step == _CALL or step.isdigit() else "") + step
    return text
