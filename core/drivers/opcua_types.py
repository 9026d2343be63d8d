"""Structures of one server, opened by the type definitions it gives, and members found in them. One ``Types`` per connection.

The library would keep such types for the whole program, by numbers that mean something else on the next server and after the
next program download: two machines would be read with one another's layout. Therefore it is never asked to: a structure stays
the bytes it was, and is opened here by what its own server says.

Source: OPC UA Part 3, 8.48 (StructureDefinition); Part 6, 5.2.6 (encoding of structures, optional fields, unions).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary

from core.drivers.engineering import Undecodable
from core.drivers.opcua_address import Path
from core.drivers.opcua_bounds import DEPTH, take
from core.drivers.opcua_values import ua

_MOST = 500
"""Types that are asked for in one connection; a site that shows more of them names each in its tag list."""
_STEPS_UP = 12
_ENUMERATION, _STRUCTURE, _ANYTHING = 29, 22, 24
UNKNOWN = "structure not known yet"


class Asks(Protocol):
    """What is used of the link."""

    async def attributes(self, nodes: Sequence[Any], attribute: Any) -> list[Any]:
        """DataValues of one attribute, one for each node."""
        ...

    async def references(self, nodes: Sequence[Any], kind: int, *, forward: bool) -> list[list[Any]]:
        """ReferenceDescriptions of one kind, a list for each node."""
        ...


@dataclasses.dataclass(slots=True)
class _Field:
    """One field: ``kind`` is a built-in type's number or the id of a structure's data type."""

    name: str
    kind: Any
    rank: int
    optional: bool


@dataclasses.dataclass(slots=True)
class _Structure:
    """``shape`` is the standard's StructureType: 0 plain, 1 with optional fields, 2 a union, 3 and 4 with subtypes."""

    shape: int
    fields: list[_Field]


class Types:
    """What is known of a server's structures.

    Attributes:
        wanted: Encodings that values came in and that are not known yet; ``learn`` asks for them.
    """

    def __init__(self, link: Asks) -> None:
        self._link = link
        self._by_encoding: dict[Any, Any] = {}
        self._structures: dict[Any, _Structure] = {}
        self._kinds: dict[Any, Any] = {}
        self._refused: dict[Any, str] = {}
        self.wanted: set[Any] = set()

    # -- values --------------------------------------------------------------------------------------------------

    def member(self, value: Any, path: Path) -> Any:
        """What stands at ``path`` in ``value``. Raises Undecodable."""
        for step in path:
            value = self.opened(value)
            if isinstance(step, int):
                if not isinstance(value, list | tuple):
                    raise Undecodable("no array")
                if step >= len(value):
                    raise Undecodable(f"index {step} outside {len(value)}")
                value = value[step]
            elif isinstance(value, dict) and step in value:
                value = value[step]
            elif dataclasses.is_dataclass(value) and step in {field.name for field in dataclasses.fields(value)}:
                value = getattr(value, step)
            else:
                raise Undecodable(f"no member {step}")
        return value

    def opened(self, value: Any) -> Any:
        """A structure as a dict of its fields; everything else as it is. Raises Undecodable."""
        if not isinstance(value, ua.ExtensionObject) or not isinstance(value.Body, bytes):
            return value
        data_type = self._by_encoding.get(value.TypeId)
        if data_type is None:
            word = self._refused.get(value.TypeId)
            if word is None:
                self.wanted.add(value.TypeId)
            raise Undecodable(word or UNKNOWN)
        data = Buffer(value.Body)
        try:
            found = self._decoded(self._structures[data_type], data, 0)
        except Undecodable:
            raise
        except Exception as error:  # noqa: BLE001 - the library's decoders raise many kinds
            raise Undecodable(f"undecodable: {type(error).__name__}") from None
        if len(data):
            raise Undecodable("structure does not fit its definition")
        return found

    def _decoded(self, structure: _Structure, data: Any, depth: int) -> dict[str, Any]:
        if depth > DEPTH:
            raise Undecodable("structures too deep in one another")
        if structure.shape in (2, 4):
            switch = ua_binary.Primitives.UInt32.unpack(data)
            if switch > len(structure.fields):
                raise Undecodable("structure does not fit its definition")
            chosen = [structure.fields[switch - 1]] if switch else []
            return {field.name: self._value(structure, field, data, depth) for field in chosen}
        mask = ua_binary.Primitives.UInt32.unpack(data) if structure.shape == 1 else 0
        found: dict[str, Any] = {}
        bit = 1
        for field in structure.fields:
            if structure.shape == 1 and field.optional:
                there = mask & bit
                bit <<= 1
                if not there:
                    found[field.name] = None
                    continue
            found[field.name] = self._value(structure, field, data, depth)
        return found

    def _value(self, structure: _Structure, field: _Field, data: Any, depth: int) -> Any:
        # In the two shapes with subtypes, "optional" says that a value may be of a subtype, and so carries its own type.
        kind = (_STRUCTURE if field.kind in self._structures else _ANYTHING) if structure.shape > 2 and field.optional else field.kind
        if field.rank < 0:
            return self._one(kind, data, depth)
        count = 1
        for size in range(max(1, field.rank)):  # several dimensions: a length for each, then all elements
            length = ua_binary.Primitives.Int32.unpack(data) if size == 0 or field.rank > 1 else 1
            count *= max(0, length)
        take(data, count, 1, 10)
        return [self._one(kind, data, depth) for _ in range(count)]

    def _one(self, kind: Any, data: Any, depth: int) -> Any:
        if isinstance(kind, int):
            return ua_binary._create_uatype_deserializer(ua.VariantType(kind))(data)
        return self._decoded(self._structures[kind], data, depth + 1)

    # -- definitions ---------------------------------------------------------------------------------------------

    async def learn(self) -> bool:
        """Ask for what is wanted; True when something is known that was not. What the server refuses is not asked for again."""
        wanted = [encoding for encoding in self.wanted if encoding not in self._by_encoding]
        self.wanted.clear()
        if not wanted:
            return False
        found = await self._link.references(wanted, ua.ObjectIds.HasEncoding, forward=False)
        for encoding, owners in zip(wanted, found, strict=True):
            if not owners:
                self._refused[encoding] = "structure without a type"
                continue
            data_type = _local(owners[0].NodeId)
            try:
                await self._resolve([data_type])
            except Undecodable as error:
                self._refused[encoding] = str(error)
                continue
            if self._kinds.get(data_type) == data_type:
                self._by_encoding[encoding] = data_type
            else:
                self._refused[encoding] = "structure without a definition"
        return True

    async def _resolve(self, wanted: list[Any]) -> None:
        """Find out what each data type is: a structure, whose fields are resolved next, or a built-in type."""
        while wanted:
            fresh = [each for each in dict.fromkeys(wanted) if each not in self._kinds]
            if len(self._kinds) + len(fresh) > _MOST:
                raise Undecodable("too many types")
            wanted = []
            plain = [each for each in fresh if _built_in(each) is not None]
            self._kinds.update({each: _built_in(each) for each in plain})
            asked = [each for each in fresh if each not in self._kinds]
            answers = await self._link.attributes(asked, ua.AttributeIds.DataTypeDefinition) if asked else []
            others = []
            for data_type, answer in zip(asked, answers, strict=True):
                definition = answer.Value.Value if answer.Value is not None else None
                if isinstance(definition, ua.StructureDefinition):
                    self._kinds[data_type] = data_type
                    self._structures[data_type] = _structure(definition)
                    wanted += [field.DataType for field in definition.Fields or ()]
                else:
                    others.append(data_type)
            for data_type in others:
                self._kinds[data_type] = await self._above(data_type)
        for structure in self._structures.values():
            for field in structure.fields:
                field.kind = self._kinds.get(field.kind, field.kind) if not isinstance(field.kind, int) else field.kind

    async def _above(self, data_type: Any) -> int:
        """The built-in type that ``data_type`` is a kind of; a Variant where the server does not say."""
        for _ in range(_STEPS_UP):
            (above,) = await self._link.references([data_type], ua.ObjectIds.HasSubtype, forward=False)
            if not above:
                break
            data_type = _local(above[0].NodeId)
            kind = _built_in(data_type)
            if kind is not None:
                return kind
        return _ANYTHING


def _structure(definition: Any) -> _Structure:
    fields = [
        _Field(str(field.Name), field.DataType, -1 if field.ValueRank is None else int(field.ValueRank), bool(field.IsOptional))
        for field in definition.Fields or ()
    ]
    return _Structure(int(definition.StructureType), fields)


def _built_in(data_type: Any) -> int | None:
    """Number of the built-in type that values of ``data_type`` travel as; None when the server must be asked."""
    if data_type.NamespaceIndex != 0 or not isinstance(data_type.Identifier, int):
        return None
    if 1 <= data_type.Identifier <= 25:
        return int(data_type.Identifier)
    if data_type.Identifier == _ENUMERATION:
        return 6
    return _ANYTHING if data_type.Identifier in (26, 27, 28) else None


def _local(node: Any) -> Any:
    """A node of this server as plain NodeId: what a reference names is an ExpandedNodeId, which equals none."""
    return ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)
