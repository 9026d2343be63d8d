"""What was born, as a tree to browse: groups, edge nodes, devices, metrics. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from core.drivers.sparkplug_payload import type_word
from core.drivers.sparkplug_state import Device, Node
from core.live.link import BrowseItem


def children(address: str, nodes: Iterable[Node]) -> list[BrowseItem]:
    """Entries below ``address``: ``""`` the groups, ``group``, ``group/node``, ``group/node/device``."""
    parts = address.split("/") if address else []
    if not parts:
        return [BrowseItem(group, group, has_children=True) for group in sorted({node.id.group for node in nodes})]
    inside = sorted((node for node in nodes if node.id.group == parts[0]), key=lambda node: node.id)
    if len(parts) == 1:
        return [BrowseItem(f"{parts[0]}/{node.id.name}", node.id.name, has_children=True) for node in inside]
    for node in inside:
        if node.id.name == parts[1]:
            device = node.devices.get("/".join(parts[2:]))
            devices = sorted(name for name in node.devices if name) if len(parts) == 2 else []
            found = [BrowseItem(f"{address}/{name}", name, has_children=True) for name in devices]
            return found + (_metrics(address, device) if device is not None else [])
    return []


def _metrics(address: str, device: Device) -> list[BrowseItem]:
    return [
        BrowseItem(f"{address}#{name}", name, has_children=False, type=type_word(known.datatype), writable=not known.read_only)
        for name, known in sorted(device.metrics.items())
    ]
