"""The address space of an OPC UA server, one level at a time, as an engineer needs it to fill the tag list.

Below a variable that holds a structure or an array come its members and elements, and below an object its methods.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from core.drivers.engineering import Undecodable
from core.drivers.opcua_address import Path, Place, written
from core.drivers.opcua_link import Link
from core.drivers.opcua_types import Types
from core.drivers.opcua_values import ua
from core.live.link import BrowseItem

_ELEMENTS = 100
"""Elements of an array that are listed; whoever needs another one writes its index."""
_SHOWN = (ua.NodeClass.Object, ua.NodeClass.Variable, ua.NodeClass.Method)


async def children(link: Link, types: Types, start: Any, place: Place | None) -> list[BrowseItem]:
    """What stands below the node ``start``, or below the member of its value that ``place`` names. Raises NotConnected."""
    items = [] if place is not None and place.path else await _nodes(link, types, start)
    if place is not None:
        items += await _members(link, types, start, place)
    return items


async def _nodes(link: Link, types: Types, start: Any) -> list[BrowseItem]:
    async with link.as_ours():
        found = await link.client.get_node(start).get_children_descriptions()
    variables = [entry.NodeId for entry in found if entry.NodeClass is ua.NodeClass.Variable]
    about = await _about(link, types, variables)
    items = []
    for entry in found:
        place = address_of(entry.NodeId, link.namespaces)
        if place is None or entry.NodeClass not in _SHOWN:
            continue
        name = str(entry.DisplayName.Text or entry.BrowseName.Name or place)
        if entry.NodeClass is ua.NodeClass.Method:
            items.append(BrowseItem(f"{written(place)}#call", name, False, "Method", True))
            continue
        kind, writable, inside = about.get(entry.NodeId, ("", False, False))
        items.append(BrowseItem(written(place), name, inside or entry.NodeClass is ua.NodeClass.Object, kind, writable))
    return items


async def _about(link: Link, types: Types, variables: list[Any]) -> dict[Any, tuple[str, bool, bool]]:
    """Of each variable: the word of its type, whether this login may write it, whether there is something in it."""
    kinds = await link.attributes(variables, ua.AttributeIds.DataType)
    ranks = await link.attributes(variables, ua.AttributeIds.ValueRank)
    levels = await link.attributes(variables, ua.AttributeIds.UserAccessLevel)
    words = await _type_words(link, [answer.Value.Value for answer in kinds if answer.Value is not None])
    about: dict[Any, tuple[str, bool, bool]] = {}
    for node, kind, rank, level in zip(variables, kinds, ranks, levels, strict=True):
        word, is_structure = words.get(kind.Value.Value if kind.Value is not None else None, ("", False))
        is_array = isinstance(dimensions := _value(rank), int) and dimensions >= 0
        writable = bool((_value(level) or 0) & ua.AccessLevel.CurrentWrite.mask) and not (is_array or is_structure)
        about[node] = (f"{word}[]" if is_array else word, writable, is_array or is_structure)
    return about


async def _type_words(link: Link, data_types: list[Any]) -> dict[Any, tuple[str, bool]]:
    """Name of each data type, and whether it is a structure; the server is asked for the names of its own types."""
    unknown = [each for each in dict.fromkeys(data_types) if type_word(each) == ""]
    names = await link.attributes(unknown, ua.AttributeIds.BrowseName)
    definitions = await link.attributes(unknown, ua.AttributeIds.DataTypeDefinition)
    words = {each: (type_word(each), each.Identifier == ua.ObjectIds.Structure) for each in data_types}
    for data_type, name, definition in zip(unknown, names, definitions, strict=True):
        word = getattr(_value(name), "Name", None) or ""
        words[data_type] = (str(word), isinstance(_value(definition), ua.StructureDefinition))
    return words


def _value(answer: Any) -> Any:
    return answer.Value.Value if answer.Value is not None else None


async def _members(link: Link, types: Types, node: Any, place: Place) -> list[BrowseItem]:
    """Members and elements of the value that stands there now: what is not there now cannot be shown."""
    (answer,) = await link.attributes([node], ua.AttributeIds.Value)
    value = _value(answer)
    for _ in range(2):
        try:
            value = types.opened(types.member(value, place.path))
            return _listed(place, value, types)
        except Undecodable:
            if not types.wanted or not await types.learn():
                break
            value = _value(answer)
    return []


def _listed(place: Place, value: Any, types: Types) -> list[BrowseItem]:
    if isinstance(value, list | tuple):
        inside: list[tuple[str | int, Any]] = list(enumerate(value[:_ELEMENTS]))
    elif isinstance(value, dict):
        inside = list(value.items())
    elif dataclasses.is_dataclass(value) and not isinstance(value, ua.NodeId | ua.QualifiedName | ua.LocalizedText | ua.StatusCode):
        inside = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value) if field.name != "Encoding"]
    else:
        return []
    items = []
    for step, found in inside:
        path: Path = (*place.path, step)
        has_more = isinstance(found, list | tuple | dict | ua.ExtensionObject)
        items.append(BrowseItem(written(place.node, path), f"[{step}]" if isinstance(step, int) else step, has_more, _word(found)))
    return items


def _word(value: Any) -> str:
    """What kind of value it is, for a member whose declared type is not at hand."""
    if isinstance(value, list | tuple):
        return "[]"
    if isinstance(value, dict | ua.ExtensionObject):
        return "Structure"
    return {bool: "Boolean", int: "Integer", float: "Double", str: "String"}.get(type(value), type(value).__name__)


def address_of(node: Any, namespaces: Sequence[str]) -> str | None:
    """The address of a node the server named; None when its namespace is not in the array."""
    identifier = node.to_string().rpartition("ns=")[2].partition(";")
    identifier = identifier[2] or identifier[0]
    if node.NamespaceIndex == 0:
        return str(identifier)
    if node.NamespaceIndex >= len(namespaces):
        return None
    return f"nsu={namespaces[node.NamespaceIndex]};{identifier}"


def type_word(data_type: Any) -> str:
    """The name of a standard data type; "" for a type of the server's own."""
    if data_type is not None and data_type.NamespaceIndex == 0 and data_type.Identifier in ua.ObjectIdNames:
        return str(ua.ObjectIdNames[data_type.Identifier])
    return ""
