"""Writing an OPC UA server: a value in exactly the type its node has, or a call of a method with the value as its argument.

A member of a structure or an element of an array is never written: the server knows only the whole, and to read it, change it
and write it back would undo what the machine changed meanwhile. (A write with an index range would not, but there are servers
that take the range for nothing and the element for the whole array.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from asyncua.common.ua_utils import data_type_to_variant_type
from asyncua.ua import uaerrors

from core.drivers.engineering import Undecodable, to_raw
from core.drivers.opcua_address import Place, place_of
from core.drivers.opcua_link import Link
from core.drivers.opcua_values import status_word, ua, variant
from core.errors import Invalid, NotConfirmed, Refused
from core.live.sample import Quality, Value
from core.live.tags import TagSpec

_INPUTS = "InputArguments"


@dataclass(frozen=True, slots=True)
class _Method:
    """A method on the object it is called on; ``takes`` is the type of its one argument, None for a method without any."""

    on: Any
    node: Any
    takes: Any


class Writer:
    """Writes and calls over one connection; what it learns of nodes and methods it keeps as long.

    Args:
        link: Open.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._types: dict[str, Any] = {}
        self._methods: dict[Place, _Method] = {}
        self._called: dict[str, tuple[Value, float]] = {}

    async def write(self, tag: TagSpec, value: Value) -> None:
        """See ``base.Driver.write``."""
        raw = to_raw(tag, value)
        try:
            place = place_of(tag)
            node = self._link.node(place.node)
            if place.is_call:
                return await self._call(tag, place, node, raw, value)
        except Undecodable as error:
            raise Invalid("driver.bad_address", tag=tag.name, detail=str(error)) from None
        if place.path:
            raise Refused("driver.member_read_only", tag=tag.name)
        variant_type = await self._type_of(tag, place.node, node)
        data = ua.DataValue(_fitting(tag, raw, value, variant_type), StatusCode=None)  # no time: some servers refuse a client's
        (result,) = await self._sent(tag, value, self._link.client.uaclient.write_attributes([node], [data]))
        if status_word(result)[0] is not Quality.GOOD:
            raise Refused("driver.write_refused", tag=tag.name, value=value, detail=status_word(result)[1])

    async def _sent(self, tag: TagSpec, value: Value, request: Coroutine[Any, Any, Any]) -> Any:
        """The answer to ``request``, in which only a clear no counts as one. Raises Refused, NotConfirmed."""
        try:
            return await request
        except asyncio.CancelledError:
            raise asyncio.CancelledError from None  # the library's subclass; see Link.as_ours
        except Exception as error:  # noqa: BLE001 - whatever it is, only a clear answer may be called a refusal
            if isinstance(error, uaerrors.UaStatusCodeError) and self._link.is_up:
                raise Refused("driver.write_refused", tag=tag.name, value=value, detail=type(error).__name__) from None
            # Sent, and then the link broke or fell silent: the machine may have taken it.
            raise NotConfirmed("driver.write_unanswered", tag=tag.name, value=value) from None

    async def _type_of(self, tag: TagSpec, address: str, node: Any) -> Any:
        known = self._types.get(address)
        if known is not None:
            return known
        (answer,) = await self._link.attributes([node], ua.AttributeIds.DataType)
        quality, word = status_word(answer.StatusCode)
        if quality is not Quality.GOOD:
            raise Refused("driver.write_refused", tag=tag.name, value="", detail=word)
        found = await self._variant_type(answer.Value.Value)
        if found is ua.VariantType.Variant:
            # An abstract type (Number, Integer): the value that stands there says which one is meant.
            (current,) = await self._link.attributes([node], ua.AttributeIds.Value)
            found = current.Value.VariantType
        self._types[address] = found
        return found

    async def _variant_type(self, data_type: Any) -> Any:
        async with self._link.as_ours():
            return await data_type_to_variant_type(self._link.client.get_node(data_type))

    # -- methods -------------------------------------------------------------------------------------------------

    def called(self, tag: TagSpec) -> tuple[Value, float] | None:
        """The argument of the last call of ``tag`` that the server answered with Good in this connection, and when; None for none."""
        return self._called.get(tag.name)

    async def _call(self, tag: TagSpec, place: Place, node: Any, raw: bool | int | float | str, value: Value) -> None:
        self._called.pop(tag.name, None)  # from here on, nobody may take an earlier call for this one
        method = await self._method(tag, place, node)
        if method.takes is None:
            if raw is not True:
                raise Invalid("driver.write_type", tag=tag.name, value=value, type="true")
            arguments = []
        else:
            arguments = [_fitting(tag, raw, value, method.takes)]
        request = ua.CallMethodRequest()
        request.ObjectId, request.MethodId, request.InputArguments = method.on, method.node, arguments
        (result,) = await self._sent(tag, value, self._link.client.uaclient.call([request]))
        quality, word = status_word(result.StatusCode)
        if quality is not Quality.GOOD:
            words = [word, *(status_word(each)[1] for each in result.InputArgumentResults or ())]
            raise Refused("driver.write_refused", tag=tag.name, value=value, detail=", ".join(filter(None, words)))
        self._called[tag.name] = (value, self._link.clock.now().timestamp())

    async def _method(self, tag: TagSpec, place: Place, node: Any) -> _Method:
        known = self._methods.get(place)
        if known is None:
            on = self._link.node(place.on) if place.on else await self._parent(tag, node)
            known = self._methods[place] = _Method(on, node, await self._takes(tag, node))
        return known

    async def _parent(self, tag: TagSpec, node: Any) -> Any:
        """The one object that has the method; an instance's method may be its type's own, and then belongs to several."""
        (owners,) = await self._link.references([node], ua.ObjectIds.HasComponent, forward=False)
        objects = [owner.NodeId for owner in owners if owner.NodeClass == ua.NodeClass.Object]
        if len(objects) != 1:
            raise Invalid("driver.method_unclear", tag=tag.name, detail=f"{len(objects)} objects; option call")
        return ua.NodeId(objects[0].Identifier, objects[0].NamespaceIndex, objects[0].NodeIdType)

    async def _takes(self, tag: TagSpec, node: Any) -> Any:
        """The type of the method's one input argument; None when it has none. Raises Invalid for several, and for arrays."""
        (properties,) = await self._link.references([node], ua.ObjectIds.HasProperty, forward=True)
        found = [each.NodeId for each in properties if each.BrowseName.Name == _INPUTS]
        if not found:
            return None
        (answer,) = await self._link.attributes([ua.NodeId(found[0].Identifier, found[0].NamespaceIndex)], ua.AttributeIds.Value)
        inputs = (answer.Value.Value if answer.Value is not None else None) or []
        if not inputs:
            return None
        # Not by its class: the library has two that are called Argument.
        if len(inputs) > 1 or getattr(inputs[0], "ValueRank", 1) > 0:
            raise Invalid("driver.method_unclear", tag=tag.name, detail=f"{len(inputs)} arguments")
        return await self._variant_type(inputs[0].DataType)


def _fitting(tag: TagSpec, raw: bool | int | float | str, value: Value, variant_type: Any) -> Any:
    """``raw`` in exactly that type. Raises Invalid."""
    try:
        return variant(raw, variant_type)
    except Exception:  # noqa: BLE001 - the library's encoder raises many kinds
        raise Invalid("driver.write_type", tag=tag.name, value=value, type=variant_type.name) from None
