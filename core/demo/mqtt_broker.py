"""An MQTT broker on loopback for the demo plant and the tests: mosquitto where it is installed, otherwise amqtt in this process.

What amqtt 0.12 cannot: MQTT 5, ending the older session when a client id comes a second time, and the lower of two qualities
of service (it delivers with the subscriber's). Retained messages, last wills and acknowledgements are as they should be.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from typing import Any, Protocol

from amqtt.broker import Broker as AmqttBroker

from core.demo.processes import HOST, die_with_parent

_READY_S = 10.0
_LOOK_AGAIN_S = 0.02
_PATHS = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"


class Broker(Protocol):
    """A broker that runs."""

    async def stop(self) -> None:
        """Close the port and all connections."""
        ...


def mosquitto() -> str | None:
    """Path of the mosquitto program; None where it is not installed."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=_PATHS)


async def start_broker(port: int) -> Broker:
    """The best broker there is, on ``port`` of loopback. Raises OSError when the port is taken."""
    # Only Linux ends a child with its parent, however that ends; elsewhere the broker must be this process.
    program = mosquitto() if sys.platform == "linux" else None
    return await start_mosquitto(program, port) if program is not None else await start_amqtt(port)


def _must_be_free(port: int) -> None:
    with socket.socket() as probe:
        if os.name == "posix":  # on Windows this option would let two servers share the port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))


class _Amqtt:
    def __init__(self, broker: Any) -> None:
        self._broker = broker

    async def stop(self) -> None:
        await self._broker.shutdown()


async def start_amqtt(port: int, listener: Mapping[str, Any] | None = None, *, login: bool = False) -> Broker:
    """amqtt in this process and on this loop; ``listener`` adds settings (TLS), ``login`` lets nobody in without a user name.

    Raises OSError when the port is taken.
    """
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # a line for every client that hangs up
    _must_be_free(port)  # its own error does not tell a taken port from a bad setting
    settings = {
        "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}", **(listener or {})}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": not login}},
    }
    broker = AmqttBroker(settings)
    await broker.start()
    return _Amqtt(broker)


class _Mosquitto:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()


async def start_mosquitto(program: str, port: int) -> Broker:
    """mosquitto as a child that ends with this process; Linux only. Raises OSError when it does not come up."""
    _must_be_free(port)  # else somebody else's answer would count as its own
    process = await asyncio.create_subprocess_exec(
        program,
        "-c",
        "/dev/stdin",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        preexec_fn=die_with_parent,
    )
    # "user root" counts only for root: changing to another user would let it live on when this process dies.
    assert process.stdin is not None  # a pipe
    process.stdin.write(f"listener {port} {HOST}\nallow_anonymous true\nuser root\n".encode())
    process.stdin.close()
    try:
        async with asyncio.timeout(_READY_S):
            while process.returncode is None:
                try:
                    _, writer = await asyncio.open_connection(HOST, port)
                except OSError:
                    await asyncio.sleep(_LOOK_AGAIN_S)
                    continue
                writer.close()
                return _Mosquitto(process)
    except TimeoutError:
        process.kill()
        await process.wait()
    raise OSError(f"mosquitto does not listen on port {port}")
