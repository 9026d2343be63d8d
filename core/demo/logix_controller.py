"""A simulated ControlLogix behind a real EtherNet/IP port: the protocol is cm-ethernetip's, the tag services are ours.

The library answers sessions, connections and single atomic tags. What clients of real controllers need besides stands
here: a tag list in pages, programs, templates, structures and their members, arrays, bits, texts, and the counters that
tell of a changed program.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable

from ethernetip.cip.identity_info import IdentityInfo
from ethernetip.cip.mr_codec import try_parse_request
from ethernetip.cip.path import CipPath
from ethernetip.cip.service import CipServiceResponse
from ethernetip.cip.status import CipStatus
from ethernetip.logix.logix_dispatcher import LogixDispatcher
from ethernetip.protocol.eip_adapter import EipAdapter

from core.demo.logix_memory import BEYOND_THE_END, OTHER, PATH_UNKNOWN, TOO_FEW, WRONG_TYPE, Fault, Memory, Spot, Structure, Symbol

_SYMBOL, _TEMPLATE, _PROGRAM, _ROUTER, _CONNECTIONS = 0x6B, 0x6C, 0xAC, 0x02, 0x06
_READ, _WRITE, _MODIFY, _READ_PART, _WRITE_PART, _LIST = 0x4C, 0x4D, 0x4E, 0x52, 0x53, 0x55
_ATTRIBUTES, _MANY, _OPEN, _OPEN_LARGE = 0x03, 0x0A, 0x54, 0x5B
_UNSUPPORTED, _PARTIAL, _TOO_LARGE, _EMBEDDED = 0x08, 0x06, 0x11, 0x1E
_PAGE = 480
_BASE_TAG = 1 << 26
_STRUCTURED = 0x02A0

Path = list[str | int]
OnWrite = Callable[[Spot, int, bytes], bool]
"""Asked before a client's write (where, from which byte, the bytes): raises Fault to refuse it, False to accept and not store it."""


class LogixController(LogixDispatcher):  # type: ignore[misc]  # the library publishes no types
    """Holds a ``Memory`` and answers clients. Lives on one asyncio loop.

    Args:
        name: Name of the program, as clients read it.
        serial: Serial number of the controller.
        on_write: Asked before a client's write; without it every write is taken.
    """

    def __init__(self, name: str = "Genba", serial: int = 0x00C0FFEE, on_write: OnWrite | None = None) -> None:
        identity = IdentityInfo(1, 0x0E, 55, 33, 11, serial, "1756-L83E/B", 0x3060)
        super().__init__(None, identity)
        program_name = self.get_class(0x64).get_instance(1).get_attribute(1)
        program_name.set_data(struct.pack("<H", len(name)) + name.encode("ascii"))
        self.memory = Memory()
        self.on_write = on_write
        self.edition = 1
        """Rises with every change of the program."""
        self.large_connections = True
        """False: only the standard connection of 500 bytes is granted, as by old controllers."""
        self.downloading = False
        """True while another program is loaded: every path leads nowhere."""
        self.tells_edition = True
        """False: without counters of its program, as old controllers are."""
        self.many_at_once = True
        """False: one request per packet, as Micro800 controllers are."""
        self.requests = 0
        self._limit = 4000
        self._adapter = EipAdapter(self, identity)

    async def start(self, port: int) -> None:
        """Listen on loopback. Raises OSError when the port is taken."""
        await self._adapter.listen("127.0.0.1", port)

    def stop(self) -> None:
        """Stop listening."""
        if self._adapter._server is not None:  # its own close waits for the clients to leave
            self._adapter._server.close()

    # -- dispatching ---------------------------------------------------------------------------------------------

    def dispatch(self, service: int, path: CipPath, data: bytes) -> CipServiceResponse:
        """One request; called by the library, also for those inside another."""
        self.requests += 1
        try:
            return self._answer(service, path, data)
        except Fault as fault:
            extended = () if fault.extended is None else (fault.extended,)
            return CipServiceResponse.error(service, CipStatus.error(fault.general, *extended))
        except struct.error:
            return CipServiceResponse.error(service, CipStatus.error(TOO_FEW))

    def _answer(self, service: int, path: CipPath, data: bytes) -> CipServiceResponse:
        names, instance = _followed(path.raw_path or b"")
        if path.class_id == _ROUTER and service == _MANY:
            if not self.many_at_once:
                raise Fault(_UNSUPPORTED)
            return self._many(data)
        if self.downloading and path.class_id in (None, _SYMBOL, _TEMPLATE, _PROGRAM):
            raise Fault(PATH_UNKNOWN)
        if path.class_id == _PROGRAM and service == _ATTRIBUTES and self.tells_edition:
            return self._program_counters(service, data)
        if path.class_id == _SYMBOL and service == _LIST:
            return self._tag_list(str(names[0]) if names else "", instance or 0, data)
        if path.class_id == _TEMPLATE:
            return self._template(service, instance or 0, data)
        if path.class_id in (None, _SYMBOL) and service in (_READ, _WRITE, _MODIFY, _READ_PART, _WRITE_PART):
            return self._tag_service(service, self.memory.spot(names, instance), data)
        if path.class_id == _CONNECTIONS and service in (_OPEN, _OPEN_LARGE):
            if service == _OPEN_LARGE and not self.large_connections:
                raise Fault(_UNSUPPORTED)
            self._limit = 4000 if service == _OPEN_LARGE else 500
        answer: CipServiceResponse = super().dispatch(service, path, data)
        return answer

    def _many(self, data: bytes) -> CipServiceResponse:
        """Several requests in one; an answer that no longer fits is refused as real controllers do."""
        (count,) = struct.unpack_from("<H", data)
        starts = [*struct.unpack_from(f"<{count}H", data, 2), len(data)]
        left, failed = self._limit - 4 - 2 * count, False
        answers: list[bytes] = []
        for start, end in itertools.pairwise(starts):
            parsed = try_parse_request(data[start:end])
            answer = CipServiceResponse.error(0, CipStatus.error(PATH_UNKNOWN)) if parsed is None else self.dispatch(*parsed)
            if len(answer.data) + 6 > left:
                answer = CipServiceResponse.error(parsed[0] if parsed else 0, CipStatus.error(_TOO_LARGE))
            buffer = bytearray(8)
            answers.append(bytes(buffer[: answer.encode(buffer)]))
            left -= len(answers[-1])
            failed = failed or not answer.status.is_success
        offsets = [2 + 2 * count + sum(map(len, answers[:index])) for index in range(count)]
        body = struct.pack(f"<H{count}H", count, *offsets) + b"".join(answers)
        return CipServiceResponse(_MANY | 0x80, CipStatus.error(_EMBEDDED) if failed else CipStatus(), body)

    def _program_counters(self, service: int, data: bytes) -> CipServiceResponse:
        """What changes when the program does. Source: 1756-PM020, "Create and maintain a symbol object list"."""
        sizes = {1: "<H", 2: "<H", 3: "<I", 4: "<I", 10: "<I"}
        (count,) = struct.unpack_from("<H", data)
        out = struct.pack("<H", count)
        for attribute in struct.unpack_from(f"<{count}H", data, 2):
            out += struct.pack("<HH", attribute, 0) + struct.pack(sizes.get(attribute, "<I"), self.edition)
        return CipServiceResponse.success(service, out)

    # -- tag list and types --------------------------------------------------------------------------------------

    def _tag_list(self, program: str, first: int, data: bytes) -> CipServiceResponse:
        (count,) = struct.unpack_from("<H", data)
        attributes = struct.unpack_from(f"<{count}H", data, 2)
        wanted = program.removeprefix("Program:")
        symbols = sorted(self.memory.scopes.get(wanted, {}).values(), key=lambda symbol: symbol.instance)
        entries = [(symbol.instance, _entry(symbol, attributes)) for symbol in symbols]
        if not program:
            programs = [name for name in self.memory.scopes if name]
            entries += [
                (0xF000 + number, _entry(Symbol(f"Program:{name}", _ANY, (), 0xF000 + number), attributes))
                for number, name in enumerate(programs)
            ]
        page = b""
        for instance, entry in entries:
            if instance < first:
                continue
            if len(page) + len(entry) > _PAGE:
                return CipServiceResponse(_LIST | 0x80, CipStatus.error(_PARTIAL), page)
            page += entry
        return CipServiceResponse.success(_LIST, page)

    def _template(self, service: int, instance: int, data: bytes) -> CipServiceResponse:
        kind = self.memory.structures.get(instance)
        if kind is None:
            raise Fault(PATH_UNKNOWN)
        definition = kind.template()
        if service == _ATTRIBUTES:
            (count,) = struct.unpack_from("<H", data)
            words = -(-(len(definition) + 23) // 4)  # clients subtract 21 to 23 bytes from four times this
            values = {1: ("<H", kind.handle), 2: ("<H", len(kind.members)), 4: ("<I", words), 5: ("<I", kind.size)}
            out = struct.pack("<H", count)
            for attribute in struct.unpack_from(f"<{count}H", data, 2):
                out += struct.pack("<HH", attribute, 0) + struct.pack(*values[attribute])
            return CipServiceResponse.success(service, out)
        offset, length = struct.unpack_from("<IH", data)
        part = definition.ljust(offset + length, b"\0")[offset : offset + length]
        if len(part) > _PAGE:
            return CipServiceResponse(service | 0x80, CipStatus.error(_PARTIAL), part[:_PAGE])
        return CipServiceResponse.success(service, part)

    # -- values --------------------------------------------------------------------------------------------------

    def _tag_service(self, service: int, spot: Spot, data: bytes) -> CipServiceResponse:
        if service in (_READ, _READ_PART):
            return self._read(service, spot, data)
        if service == _MODIFY:
            self._modify(spot, data)
        else:
            self._write(service, spot, data)
        return CipServiceResponse.success(service)

    def _read(self, service: int, spot: Spot, data: bytes) -> CipServiceResponse:
        (count,) = struct.unpack_from("<H", data)
        start = struct.unpack_from("<I", data, 2)[0] if service == _READ_PART else 0
        length = count * spot.kind.size
        if count > spot.count or start > length:
            raise Fault(OTHER, BEYOND_THE_END)
        header = _type_header(spot)
        room = self._limit - 20 - len(header)
        body = header + spot.read(start, min(room, length - start))
        if length - start > room:
            return CipServiceResponse(service | 0x80, CipStatus.error(_PARTIAL), body)
        return CipServiceResponse.success(service, body)

    def _write(self, service: int, spot: Spot, data: bytes) -> None:
        header = _type_header(spot)
        if data[: len(header)] != header:
            raise Fault(OTHER, WRONG_TYPE)
        at = len(header)
        (count,) = struct.unpack_from("<H", data, at)
        start, at = (struct.unpack_from("<I", data, at + 2)[0], at + 6) if service == _WRITE_PART else (0, at + 2)
        length = count * spot.kind.size - start
        if count > spot.count or length < 0:
            raise Fault(OTHER, BEYOND_THE_END)
        if service == _WRITE and len(data) - at < length:
            raise Fault(TOO_FEW)
        self._store(spot, start, data[at : at + length])

    def _modify(self, spot: Spot, data: bytes) -> None:
        (size,) = struct.unpack_from("<H", data)
        if size != spot.kind.size or len(data) < 2 + 2 * size:
            raise Fault(TOO_FEW)
        current = int.from_bytes(spot.read(0, size), "little")
        changed = (current | int.from_bytes(data[2 : 2 + size], "little")) & int.from_bytes(data[2 + size : 2 + 2 * size], "little")
        self._store(spot, 0, changed.to_bytes(size, "little"))

    def _store(self, spot: Spot, start: int, data: bytes) -> None:
        if self.on_write is None or self.on_write(spot, start, data):
            spot.write(start, data)


_ANY = Structure("", 0, 0, 0, ())


def _type_header(spot: Spot) -> bytes:
    if isinstance(spot.kind, Structure):
        return struct.pack("<HH", _STRUCTURED, spot.kind.handle)
    return struct.pack("<H", spot.kind.code)


def _entry(symbol: Symbol, attributes: tuple[int, ...]) -> bytes:
    """One line of the tag list: instance and the attributes asked for, in their order."""
    name = symbol.name.encode()
    lengths = (*symbol.dimensions, 0, 0, 0)[:3]
    values = {
        1: struct.pack("<H", len(name)) + name,
        2: struct.pack("<H", 0x1068 if symbol.kind is _ANY else symbol.type_word),
        3: bytes(4),
        5: bytes(4),
        6: struct.pack("<I", _BASE_TAG),
        8: struct.pack("<3I", *lengths),
        10: b"\0",
    }
    return struct.pack("<I", symbol.instance) + b"".join(values.get(attribute, b"") for attribute in attributes)


def _followed(raw: bytes) -> tuple[Path, int | None]:
    """Names and element numbers of a path in their order, and the instance of the symbol or template class when it names one."""
    parts: Path = []
    instance: int | None = None
    at = 0
    while at < len(raw):
        segment = raw[at]
        if segment == 0x91:
            length = raw[at + 1]
            parts.append(raw[at + 2 : at + 2 + length].decode("latin-1"))
            at += 2 + length + length % 2
            continue
        width = {0: 1, 1: 2, 2: 4}.get(segment & 3)
        if segment & 0xE0 != 0x20 or width is None:
            break
        start = at + 1 if width == 1 else at + 2
        number = int.from_bytes(raw[start : start + width], "little")
        at = start + width
        match segment & 0x1C:
            case 0x04:
                instance = number
            case 0x08:
                parts.append(number)
    return parts, instance
