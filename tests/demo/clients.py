"""Plain clients of the protocols, written against the tag list alone: what any foreign client would see."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import struct
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pycomm3
from asyncua import Client, ua
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.framer import FramerType

from core.live.tags import TagSpec, TagType

_FORMATS = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "float32": "f"}


@contextlib.asynccontextmanager
async def opcua_client(url: str) -> AsyncIterator[tuple[Client, int]]:
    """A connected client and the index of the plant's namespace."""
    client = Client(url, timeout=5)
    client.session_timeout = 60_000  # the library asks for an hour and warns when it gets less
    async with client:
        yield client, await client.get_namespace_index("urn:genba:demo:plant")


async def read_opcua(url: str, tags: Iterable[TagSpec]) -> dict[str, Any]:
    """By tag name the DataValue."""
    wanted = list(tags)
    async with opcua_client(url) as (client, index):
        ids = [ua.NodeId(tag.address.split(";s=")[1], index) for tag in wanted]
        values = await client.uaclient.read_attributes(ids, ua.AttributeIds.Value)
    return {tag.name: value for tag, value in zip(wanted, values, strict=True)}


async def write_opcua(url: str, address: str, value: float, kind: Any) -> Any:
    """The status code of the answer."""
    async with opcua_client(url) as (client, index):
        node = client.get_node(ua.NodeId(address.split(";s=")[1], index))
        results = await client.uaclient.write_attributes([node.nodeid], [ua.DataValue(ua.Variant(value, kind))], ua.AttributeIds.Value)
    return results[0]


def read_ethernetip(url: str, tags: Iterable[TagSpec]) -> dict[str, Any]:
    """By tag name the value as the library gives it; None with an error. Blocks."""
    wanted = list(tags)
    logging.getLogger("pycomm3").setLevel(logging.CRITICAL + 1)
    with pycomm3.LogixDriver(url.removeprefix("ethernetip://")) as driver:
        answers = driver.read(*(tag.address for tag in wanted))
    return {tag.name: answer.value for tag, answer in zip(wanted, answers if isinstance(answers, list) else [answers], strict=True)}


def write_ethernetip(url: str, address: str, value: Any) -> str:
    """The controller's refusal; "" when it took the value. Blocks."""
    with pycomm3.LogixDriver(url.removeprefix("ethernetip://")) as driver:
        return driver.write(address, value).error or ""


@contextlib.asynccontextmanager
async def modbus_client(url: str) -> AsyncIterator[AsyncModbusTcpClient]:
    scheme, _, address = url.partition("://")
    host, port = address.split(":")
    framer = FramerType.RTU if scheme == "modbus+rtu" else FramerType.SOCKET
    client = AsyncModbusTcpClient(host, port=int(port), framer=framer, timeout=2, retries=0)
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()
        await asyncio.sleep(0.02)  # let the transport say goodbye inside this loop


async def read_modbus(url: str, tags: Iterable[TagSpec]) -> dict[str, Any]:
    """By tag name the engineering value; NaN stays NaN."""
    found: dict[str, Any] = {}
    async with modbus_client(url) as client:
        for tag in tags:
            unit, table, rest = tag.address.split("/")
            address, _, bit = rest.partition(".")
            if table in ("coil", "discrete"):
                read = client.read_coils if table == "coil" else client.read_discrete_inputs
                answer = await read(int(address), count=1, device_id=int(unit))
                assert not answer.isError(), (tag.name, answer)
                found[tag.name] = answer.bits[0]
                continue
            words = 2 if tag.type in (TagType.UINT32, TagType.FLOAT32, TagType.STRING) else 1
            get = client.read_holding_registers if table == "holding" else client.read_input_registers
            answer = await get(int(address), count=words, device_id=int(unit))
            assert not answer.isError(), (tag.name, answer)
            found[tag.name] = _decoded(tag, answer.registers, bit)
    return found


def _decoded(tag: TagSpec, registers: list[int], bit: str) -> Any:
    if bit:
        return bool(registers[0] >> int(bit) & 1)
    if tag.type is TagType.STRING:
        return b"".join(struct.pack(">H", word) for word in registers).rstrip(b"\0").decode()
    if tag.options.get("order") == "CDAB":
        registers = registers[::-1]
    packed = b"".join(struct.pack(">H", word) for word in registers)
    raw = struct.unpack(">" + _FORMATS[tag.type], packed)[0]
    if isinstance(raw, float) and math.isnan(raw):
        return raw
    return raw * tag.scale + tag.offset if tag.scale != 1 else raw
