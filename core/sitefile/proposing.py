"""From an entry of a machine's address space to a row of tags.csv: a name, a type and digits that an engineer rarely has to mend. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from core.live.link import BrowseItem
from core.live.sample import Value
from core.live.tags import SourceSpec, TagSpec, TagType
from core.sitefile import tagfile

_NAME_MAX: Final = 200
_LABEL_MAX: Final = 100
_BITS: Final = re.compile(r"/(?:coil|discrete)/|\.\d{1,2}$")
_TYPES: Final[Mapping[TagType, str]] = {
    TagType.BOOL: "bool boolean bit",
    TagType.INT16: "int16 int int8 sint sbyte",
    TagType.UINT16: "uint16 uint word uint8 usint byte",
    TagType.INT32: "int32 dint",
    TagType.UINT32: "uint32 udint dword",
    TagType.INT64: "int64 lint",
    TagType.UINT64: "uint64 ulint lword",
    TagType.FLOAT32: "float float32 real",
    TagType.FLOAT64: "double float64 lreal",
    TagType.STRING: "string text uuid localizedtext datetime",
}
"""What the protocols call each type: OPC UA, Logix, Sparkplug and our own words."""
_BY_WORD: Final = {word: kind for kind, words in _TYPES.items() for word in words.split()}


def type_of(item: BrowseItem, protocol: str, value: Value = None) -> TagType:
    """The type of a tag that reads ``item``: what the machine calls it, else what its value is, else float64.

    Args:
        item: As browsed.
        protocol: Of its source.
        value: What was read there; None when nothing was.
    """
    known = _BY_WORD.get(item.type.strip().lower())
    if known is not None:
        return known
    if protocol.startswith("modbus"):
        return TagType.BOOL if _BITS.search(item.address) else TagType.UINT16
    if isinstance(value, bool):
        return TagType.BOOL
    if isinstance(value, str):
        return TagType.STRING
    return TagType.INT64 if isinstance(value, int) else TagType.FLOAT64


def propose(source: SourceSpec, path: Sequence[str], item: BrowseItem, taken: Collection[str], kind: TagType) -> TagSpec:
    """A tag for ``item``.

    Args:
        source: Where it was found.
        path: Names of the entries above it, outermost first.
        item: The entry.
        taken: Names that are in use.
        kind: Its type, see ``type_of``.
    """
    label = item.name.strip()[:_LABEL_MAX] or item.address[:_LABEL_MAX]
    decimals = 2 if kind in (TagType.FLOAT32, TagType.FLOAT64) else 0
    options = {"length": "16"} if kind is TagType.STRING and source.protocol.startswith("modbus") else {}
    return TagSpec(
        name=_free(_name(source, path, item), taken),
        source=source.code,
        address=item.address,
        type=kind,
        decimals=decimals,
        label={"ja": label, "en": label},
        options=options,
    )


def rows(specs: Iterable[TagSpec]) -> str:
    """The text of a tags.csv with these tags."""
    return tagfile.write(map(_row, specs))


def _row(spec: TagSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "source": spec.source,
        "address": spec.address,
        "type": spec.type.value,
        "period_s": spec.period_s,
        "unit": spec.unit,
        "decimals": spec.decimals,
        "label_ja": spec.label.get("ja", ""),
        "label_en": spec.label.get("en", ""),
        "work_unit": spec.work_unit,
        "role": spec.role.value,
        "options": dict(spec.options),
    }


def _name(source: SourceSpec, path: Sequence[str], item: BrowseItem) -> str:
    """``Line1.Press.Pressure``; a name that is a path already stands alone, an address of numbers is told by its source."""
    leaf = _word(item.name)
    if "." in leaf and not leaf.replace(".", "").isdigit():
        return leaf
    words = [word for word in (*map(_word, path), leaf) if word]
    if not words or words[-1][0].isdigit():
        words = [_word(source.code), re.sub(r"\W+", "_", item.address).strip("_")]
    return ".".join(words)


def _word(text: str) -> str:
    # What a spreadsheet takes for a formula, and what divides cells and pairs, has no place in a name.
    return re.sub(r"[\s,;=\"']+", "_", text.strip()).strip("_.").lstrip("+-@")


def _free(name: str, taken: Collection[str]) -> str:
    name = name[: _NAME_MAX - 6] or "Tag"
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
