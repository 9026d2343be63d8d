"""The address space of an OPC UA server, one level at a time, as an engineer needs it to fill the tag list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.drivers.opcua_values import ua
from core.live.link import BrowseItem

_CHUNK = 500


async def children(client: Any, start: Any, namespaces: Sequence[str]) -> list[BrowseItem]:
    """Objects and variables below the node ``start``; what the library raises, this raises."""
    found = await client.get_node(start).get_children_descriptions()
    about = await _about(client, [entry.NodeId for entry in found if entry.NodeClass is ua.NodeClass.Variable])
    items = []
    for entry in found:
        place = address_of(entry.NodeId, namespaces)
        if place is None or entry.NodeClass not in (ua.NodeClass.Object, ua.NodeClass.Variable):
            continue
        kind, writable = about.get(entry.NodeId, ("", False))
        name = entry.DisplayName.Text or entry.BrowseName.Name or place
        items.append(BrowseItem(place, str(name), entry.NodeClass is ua.NodeClass.Object, kind, writable))
    return items


async def _about(client: Any, variables: list[Any]) -> dict[Any, tuple[str, bool]]:
    """Type word and writability of each variable, two requests per 500."""
    about: dict[Any, tuple[str, bool]] = {}
    for start in range(0, len(variables), _CHUNK):
        chunk = variables[start : start + _CHUNK]
        types = await client.uaclient.read_attributes(chunk, ua.AttributeIds.DataType)
        levels = await client.uaclient.read_attributes(chunk, ua.AttributeIds.UserAccessLevel)
        for node, type_, level in zip(chunk, types, levels, strict=True):
            about[node] = (type_word(type_), bool((level.Value.Value or 0) & ua.AccessLevel.CurrentWrite.mask))
    return about


def address_of(node: Any, namespaces: Sequence[str]) -> str | None:
    """The address of a node the server named; None when its namespace is not in the array."""
    identifier = node.to_string().rpartition("ns=")[2].partition(";")
    identifier = identifier[2] or identifier[0]
    if node.NamespaceIndex == 0:
        return str(identifier)
    if node.NamespaceIndex >= len(namespaces):
        return None
    return f"nsu={namespaces[node.NamespaceIndex]};{identifier}"


def type_word(answer: Any) -> str:
    """The name of the standard data type in a DataType attribute; "" for a type of the server's own."""
    node = answer.Value.Value if answer.Value is not None else None
    if node is not None and node.NamespaceIndex == 0 and node.Identifier in ua.ObjectIdNames:
        return str(ua.ObjectIdNames[node.Identifier])
    return ""
