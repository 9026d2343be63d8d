"""The simulated washer of L6 with its own Logix controller, as a real EtherNet/IP server. Lives in a process of its own."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from core.demo.board import Entry, Fault
from core.demo.gate import Gate, Verdict
from core.demo.logix_controller import LogixController
from core.demo.logix_memory import ATOMIC, KINDS, Atomic, Memory, Spot, Structure, packed, unpacked
from core.demo.logix_memory import Fault as Refusal
from core.demo.rawvalue import FLOATS, Raw, limits
from core.live.tags import TagSpec, TagType

_ADDRESS = re.compile(
    r"(?:Program:(?P<program>\w+)\.)?(?P<name>\w+)(?:\[(?P<index>\d+)\])?(?:\.(?P<member>[A-Za-z_]\w*))?(?:\.(?P<bit>\d+))?"
)
_ANSWERS = {Verdict.READ_ONLY: 0x0F, Verdict.OUT_OF_RANGE: 0x09, Verdict.INTERLOCKED: 0x10}
"""CIP general status: privilege violation, invalid attribute value, device state conflict."""


class EtherNetIpServer:
    """Serves tags on loopback.

    Args:
        tags: The tags of this server; addresses ``[Program:Name.]Tag[index].Member.bit``, each part but the tag optional.
        gate: Judges clients' writes and passes accepted ones to the plant.
    """

    def __init__(self, tags: Iterable[TagSpec], gate: Gate) -> None:
        self._tags = {tag.name: tag for tag in tags}
        self._gate = gate
        self._controller = LogixController("Washer", 0x6E3B0A51, self._judge)
        self._places = _shaped(self._controller.memory, list(self._tags.values()))

    async def start(self, port: int, entries: Iterable[Entry]) -> None:
        """Put the values in place, then open the port. Raises OSError when it is taken."""
        await self.show(entries)
        await self._controller.start(port)

    async def show(self, entries: Iterable[Entry]) -> None:
        """Put values into the controller's memory."""
        for entry in entries:
            self._gate.remember(entry)
            name, raw, fault, _ = entry
            spot, bit = self._places[name]
            if bit is None:
                spot.write(0, _bytes(self._tags[name], spot, raw, fault))
            else:
                word = int.from_bytes(spot.read(0, spot.kind.size), "little") & ~(1 << bit)
                on = bool(raw) and fault != "bad"
                spot.write(0, (word | on << bit).to_bytes(spot.kind.size, "little"))

    def _judge(self, spot: Spot, start: int, data: bytes) -> bool:
        """A client's write; False: accepted, and not taken over by a value that stands still."""
        meant, taken = False, True
        for name, (place, bit) in self._places.items():
            if place.symbol is not spot.symbol or not spot.offset + start <= place.offset < spot.offset + start + len(data):
                continue
            if spot.bit is not None and place.bit != spot.bit:
                continue
            meant = True
            at = place.offset - spot.offset - start
            new = unpacked(place.kind, data[at : at + place.kind.size])
            if bit is not None:
                if not (int(new) ^ int(unpacked(place.kind, place.read(0, place.kind.size)))) >> bit & 1:
                    continue
                new = bool(int(new) >> bit & 1)
            verdict = self._gate.write(name, new)
            if verdict is not Verdict.TAKEN:
                raise Refusal(_ANSWERS[verdict])
            taken = taken and not self._gate.frozen(name)
        if not meant:
            raise Refusal(_ANSWERS[Verdict.READ_ONLY])
        return taken

    async def stop(self) -> None:
        """Close the port."""
        self._controller.stop()


def _shaped(memory: Memory, tags: Sequence[TagSpec]) -> dict[str, tuple[Spot, int | None]]:
    """Tags, arrays and structures as the addresses need them, and where each tag stands. Raises ValueError for another address."""
    roots: dict[tuple[str, str], list[tuple[TagSpec, re.Match[str]]]] = {}
    for tag in tags:
        match = _ADDRESS.fullmatch(tag.address)
        if match is None:
            raise ValueError(f"{tag.name}: no Logix address {tag.address!r}")
        roots.setdefault((match["program"] or "", match["name"]), []).append((tag, match))
    for (program, name), parts in roots.items():
        lengths = [int(match["index"]) + 1 for _, match in parts if match["index"]]
        dimensions = (max(lengths),) if lengths else ()
        memory.add(name, _kind(memory, f"{program}_{name}".strip("_"), parts), dimensions, program)
    return {tag.name: (memory.spot(_names(match)), _bit(match)) for parts in roots.values() for tag, match in parts}


def _kind(memory: Memory, name: str, parts: Sequence[tuple[TagSpec, re.Match[str]]]) -> Atomic | Structure:
    members = {str(match["member"]): _element(tag, match) for tag, match in parts if match["member"]}
    if not members:
        return _element(*parts[0])
    return memory.define(name, [(member, kind, 1) for member, kind in members.items()])


def _element(tag: TagSpec, match: re.Match[str]) -> Atomic | Structure:
    return ATOMIC["DINT"] if match["bit"] else KINDS[tag.type]


def _names(match: re.Match[str]) -> list[str | int]:
    names: list[str | int] = [f"Program:{match['program']}"] if match["program"] else []
    names.append(match["name"])
    names += [int(match["index"])] if match["index"] else []
    return names + ([match["member"]] if match["member"] else [])


def _bit(match: re.Match[str]) -> int | None:
    return int(match["bit"]) if match["bit"] else None


def _bytes(tag: TagSpec, spot: Spot, raw: Raw, fault: Fault) -> bytes:
    """A fault shows as controllers show it: NaN in floats, the type's extreme in integers, question marks for text."""
    if fault == "text":
        return b"?" * spot.kind.size if isinstance(spot.kind, Atomic) else packed(spot.kind, "????")
    if fault in ("bad", "nan") and tag.type in FLOATS:
        return packed(spot.kind, math.nan)
    if fault == "bad" and tag.type is TagType.BOOL:
        return packed(spot.kind, False)
    if fault in ("bad", "nan") and tag.type is not TagType.STRING and tag.type is not TagType.BOOL:
        low, high = limits(tag.type)
        return packed(spot.kind, low if low < 0 else high)
    return packed(spot.kind, raw)
