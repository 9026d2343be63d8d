"""Simulated controllers as a real OPC UA server, readable for everybody or secured. Lives in a process of its own."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.address_space import AttributeService
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager

from core.demo import secured
from core.demo.board import Entry, Fault
from core.demo.gate import Gate, Verdict
from core.demo.rawvalue import FLOATS, Raw, limits
from core.live.tags import TagSpec, TagType

ua: Any = asyncua.ua  # its names are not exported in the sense of the type checker

NAMESPACE = "urn:genba:demo:plant"
_MARK = f"nsu={NAMESPACE};s="
_TYPES = {
    TagType.BOOL: ua.VariantType.Boolean,
    TagType.INT16: ua.VariantType.Int16,
    TagType.UINT16: ua.VariantType.UInt16,
    TagType.INT32: ua.VariantType.Int32,
    TagType.UINT32: ua.VariantType.UInt32,
    TagType.INT64: ua.VariantType.Int64,
    TagType.UINT64: ua.VariantType.UInt64,
    TagType.FLOAT32: ua.VariantType.Float,
    TagType.FLOAT64: ua.VariantType.Double,
    TagType.STRING: ua.VariantType.String,
}
_ANSWERS = {
    Verdict.READ_ONLY: ua.StatusCodes.BadNotWritable,
    Verdict.OUT_OF_RANGE: ua.StatusCodes.BadOutOfRange,
    Verdict.INTERLOCKED: ua.StatusCodes.BadInvalidState,
}


class _GuardedWrites(AttributeService):
    """Writes of clients pass the controllers' program; asyncua's own service would store anything of the right type."""

    def __init__(self, owner: OpcUaServer, aspace: Any) -> None:
        super().__init__(aspace)
        self._owner = owner

    async def write(self, params: Any, user: Any = None) -> list[Any]:
        """One status per item, as the standard asks."""
        results = []
        for item in params.NodesToWrite:
            name = self._owner.name_of(item.NodeId)
            if name is None:
                single = ua.WriteParameters(NodesToWrite=[item])
                results += await (super().write(single) if user is None else super().write(single, user))
            else:
                results.append(await self._owner.client_write(name, item))
        return results


class _OneUser(UserManager):
    """Lets in whoever knows the one name and its password."""

    def get_user(self, iserver: Any, username: str | None = None, password: Any = None, certificate: Any = None) -> Any:
        """The library's question; None refuses."""
        told = password.decode() if isinstance(password, bytes) else password
        return User(role=UserRole.User) if (username, told) == (secured.USER, secured.PASSWORD) else None


class OpcUaServer:
    """Serves tags on loopback.

    Args:
        tags: The tags of this server; addresses ``nsu=urn:genba:demo:plant;s=…``.
        gate: Judges clients' writes and passes accepted ones to the plant.
        proof: Files with certificate and key: messages are signed and encrypted then, and only one user may log in; None
            for a server that is open to everybody.
    """

    def __init__(self, tags: Iterable[TagSpec], gate: Gate, proof: tuple[Path, Path] | None = None) -> None:
        self._tags = {tag.name: tag for tag in tags}
        self._gate = gate
        self._proof = proof
        self._server = Server(user_manager=_OneUser()) if proof is not None else Server()
        self._nodes: dict[str, Any] = {}
        self._names: dict[Any, str] = {}
        for tag in self._tags.values():
            if not tag.address.startswith(_MARK):
                raise ValueError(f"{tag.name}: address must start with {_MARK}")

    async def start(self, port: int, entries: Iterable[Entry]) -> None:
        """Build the address space with ``entries`` in place, then open the port. Raises OSError when it is taken."""
        server = self._server
        gc.disable()  # twelve thousand standard nodes are made at once and live as long as the process
        await server.init()
        gc.freeze()
        gc.enable()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
        server.set_server_name("Genba demo plant")
        await self._set_security()
        # A second namespace before ours: a client that stores the index instead of the name is found out.
        await server.register_namespace("urn:genba:demo:types")
        index = await server.register_namespace(NAMESPACE)
        await self._build(index)
        await self.show(entries)
        server.iserver.attribute_service = _GuardedWrites(self, server.iserver.aspace)
        await server.start()

    async def _set_security(self) -> None:
        server = self._server
        if self._proof is None:
            await server.set_application_uri("urn:genba:demo:server")
            server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            server.set_identity_tokens([ua.AnonymousIdentityToken])
            return
        await server.set_application_uri(secured.URI)
        kinds = ua.SecurityPolicyType
        server.set_security_policy([kinds.Basic256Sha256_SignAndEncrypt, kinds.Aes256Sha256RsaPss_SignAndEncrypt])
        server.set_identity_tokens([ua.UserNameIdentityToken])
        certificate, key = self._proof
        await server.load_certificate(str(certificate))
        await server.load_private_key(str(key))

    async def _build(self, index: int) -> None:
        folders: dict[str, Any] = {"": await self._server.nodes.objects.add_folder(ua.NodeId("Plant", index), f"{index}:Plant")}
        for tag in self._tags.values():
            identifier = tag.address.removeprefix(_MARK)
            *path, leaf = identifier.split(".")
            parent = ""
            for part in path:
                child = f"{parent}.{part}".lstrip(".")
                if child not in folders:
                    folders[child] = await folders[parent].add_folder(ua.NodeId(child, index), f"{index}:{part}")
                parent = child
            kind = _TYPES[tag.type]
            node = await folders[parent].add_variable(ua.NodeId(identifier, index), f"{index}:{leaf}", ua.get_default_value(kind), kind)
            if tag.write is not None:
                await node.set_writable()
            self._nodes[tag.name] = node.nodeid
            self._names[node.nodeid] = tag.name

    async def show(self, entries: Iterable[Entry]) -> None:
        """Put values into the address space and to every subscriber."""
        aspace = self._server.iserver.aspace
        for entry in entries:
            name, raw, fault, at = entry
            self._gate.remember(entry)
            value = _data_value(self._tags[name], raw, fault, at)
            # Past the library's type check: a controller that sends text for a number is one of the faults.
            attribute = aspace[self._nodes[name]].attributes[ua.AttributeIds.Value]
            attribute.value = value
            for handle, callback in list(attribute.datachange_callbacks.items()):
                await callback(handle, value)

    def name_of(self, nodeid: Any) -> str | None:
        """The tag behind a node; None for a node of the standard."""
        return self._names.get(nodeid)

    async def client_write(self, name: str, item: Any) -> Any:
        """Judge one item of a client's write request; returns its status code."""
        tag = self._tags[name]
        variant = item.Value.Value if item.Value is not None else None
        if item.AttributeId != ua.AttributeIds.Value or item.IndexRange:
            return ua.StatusCode(ua.StatusCodes.BadWriteNotSupported)
        if variant is None or variant.VariantType != _TYPES[tag.type] or variant.is_array:
            return ua.StatusCode(ua.StatusCodes.BadTypeMismatch)
        verdict = self._gate.write(name, variant.Value)
        if verdict is not Verdict.TAKEN:
            return ua.StatusCode(_ANSWERS[verdict])
        if not self._gate.frozen(name):
            await self.show([(name, variant.Value, "", datetime.now(UTC).timestamp())])
        return ua.StatusCode(ua.StatusCodes.Good)

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._server.bserver is not None:
            await self._server.bserver.stop()


def _data_value(tag: TagSpec, raw: Raw, fault: Fault, at: float) -> Any:
    kind = _TYPES[tag.type]
    status = ua.StatusCodes.Good
    variant = ua.Variant(raw, kind)
    if fault == "bad":
        variant, status = ua.Variant(None, ua.VariantType.Null), ua.StatusCodes.BadSensorFailure
    elif fault == "text":
        variant = ua.Variant("#VALUE", ua.VariantType.String)
    elif fault == "nan" and tag.type in FLOATS:
        variant = ua.Variant(float("nan"), kind)
    elif fault == "nan" and tag.type not in (TagType.BOOL, TagType.STRING):
        variant = ua.Variant(limits(tag.type)[1], kind)
    source_at = datetime.fromtimestamp(at, UTC)
    return ua.DataValue(variant, ua.StatusCode(status), SourceTimestamp=source_at, ServerTimestamp=datetime.now(UTC))
