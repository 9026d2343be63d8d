"""A broker of raw bytes (MQTT 3.1.1 and 5) that misbehaves on order. Orders: do (a list of misdeeds), say, bytes, kick, connects.

Misdeeds: ``refuse`` (CONNACK 5), ``mute`` (no CONNACK), ``no_suback``, ``deny`` (SUBACK 0x80), ``short`` (SUBACK without codes),
``no_puback``, ``drop`` (hang up after SUBACK), ``no_pulse`` (no UNSUBACK).
"""

from __future__ import annotations

import asyncio
from typing import Any

from tests.servers.process import obey


def packet(first: int, body: bytes) -> bytes:
    size, length = len(body), b""
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (0x80 if size else 0)])
        if not size:
            return bytes([first]) + length + body


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, size, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        digit = (await reader.readexactly(1))[0]
        size |= (digit & 127) << shift
        shift += 7
        if digit < 128:
            return first, await reader.readexactly(size)


def topics_in(body: bytes, start: int) -> list[bytes]:
    found, at = [], start
    while at < len(body):
        length = int.from_bytes(body[at : at + 2])
        found.append(body[at + 2 : at + 2 + length])
        at += 3 + length
    return found


class EvilBroker:
    """Its misdeeds and its clients."""

    def __init__(self) -> None:
        self.misdeeds: list[str] = []
        self.writers: set[asyncio.StreamWriter] = set()
        self.five: set[asyncio.StreamWriter] = set()
        self.count = 0
        self.published: list[str] = []

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        self.count += 1
        try:
            while True:
                self.answer(writer, *await read_packet(reader))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.writers.discard(writer)
            self.five.discard(writer)
            writer.close()

    def answer(self, writer: asyncio.StreamWriter, first: int, body: bytes) -> None:
        misdeeds = self.misdeeds
        if first >> 4 == 1 and body[6] == 5:
            self.five.add(writer)
        none = b"\0" if writer in self.five else b""  # MQTT 5: no properties
        match first >> 4:
            case 1 if "mute" not in misdeeds:
                writer.write(packet(0x20, (b"\0\5" if "refuse" in misdeeds else b"\0\0") + none))
            case 8 if "no_suback" not in misdeeds:
                codes = b"" if "short" in misdeeds else (b"\x80" if "deny" in misdeeds else b"\0") * len(topics_in(body, 2 + len(none)))
                writer.write(packet(0x90, body[:2] + none + codes))
                if "drop" in misdeeds:
                    writer.close()
            case 10 if "no_pulse" not in misdeeds:
                writer.write(packet(0xB0, body[:2] + none + none))
            case 12:
                writer.write(packet(0xD0, b""))
            case 3:
                length = int.from_bytes(body[:2])
                self.published.append(body[2 : 2 + length].decode())
                if first & 6 and "no_puback" not in misdeeds:
                    writer.write(packet(0x40, body[2 + length : 4 + length]))

    async def handle(self, verb: str, *arguments: Any) -> Any:
        match verb:
            case "do":
                self.misdeeds = list(arguments)
            case "say":
                topic, payload, retained = arguments
                name = topic.encode()
                message = packet(0x30 | retained, len(name).to_bytes(2) + name + bytes.fromhex(payload))
                for writer in self.writers:
                    writer.write(message)
            case "bytes":
                for writer in self.writers:
                    writer.write(bytes.fromhex(arguments[0]))
            case "kick":
                for writer in list(self.writers):
                    writer.close()
            case "seen":
                return {"connects": self.count, "published": self.published}
        return None


async def serve(port: int) -> Any:
    """Start it."""
    broker = EvilBroker()
    await asyncio.start_server(broker.accept, "127.0.0.1", port)
    return broker.handle


if __name__ == "__main__":
    obey(serve)
