"""The control channel: one JSON object per line on a loopback port; the same words as on the command line."""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn

from core import errors
from core.demo.processes import HOST, free_port
from core.demo.taglist import SERVED_BY
from core.errors import GenbaError, Invalid, NotConnected, Unavailable

Handler = Callable[[argparse.Namespace], Awaitable[dict[str, Any]]]
_MOST_BYTES = 1 << 26
_ANSWER_S = 40.0


class _Parser(argparse.ArgumentParser):
    """argparse without its exits: what is wrong becomes an error with three lines."""

    def error(self, message: str) -> NoReturn:
        raise Invalid("demo.usage", detail=message)


def parser() -> argparse.ArgumentParser:
    """Every command of the control channel; ``format_help`` of it is the manual."""
    top = _Parser(prog="genba plant fault", add_help=False)
    verbs = top.add_subparsers(dest="verb", required=True, parser_class=_Parser)

    def verb(name: str, help_text: str, *targets: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=help_text, add_help=False)
        for target in targets:
            made.add_argument(target)
        return made

    truth = verb("truth", "what the plant knows: counts, states and their times, stops")
    truth.add_argument("--since", default="start")
    truth.add_argument("--until", default="")
    verb("mark", "remember this moment under a name", "name")
    verb("status", "processes, addresses, speed, faults")
    verb("tags", "what every tag shows now").add_argument("prefix", nargs="?", default="")
    stop = verb("stop", "stop a line or a work unit", "target")
    stop.add_argument("--reason", default="D01")
    stop.add_argument("--for", dest="for_s", type=float, default=None, help="simulated seconds; without it until start")
    verb("start", "end every stop of a line or a work unit", "target")
    for name, help_text in (("kill", "kill a server process"), ("restart", "start a server process again")):
        verb(name, help_text).add_argument("server", choices=tuple(SERVED_BY.values()))
    verb("certificate", "what the secured server shows: of an exchanged controller, or its first one").add_argument(
        "which", choices=("exchanged", "first")
    )
    for name, help_text in (("freeze", "a value stands still"), ("unfreeze", "it follows again"), ("bad", "the sensor failed")):
        verb(name, help_text, "tag")
    verb("garbage", "not a number, or text in place of a number", "tag").add_argument(
        "--as", dest="kind", choices=("nan", "text"), default="nan"
    )
    verb("clear", "take every fault off a tag or a work unit", "tag")
    counter = verb("counter", "the counters of a work unit begin again, go back, count each part twice or stand still until clear")
    counter.add_argument("how", choices=("reset", "back", "double", "hold"))
    counter.add_argument("target")
    verb("state", "the state word of a work unit says something else until clear", "target").add_argument("--raw", required=True)
    verb("drift", "the process moves away by an amount; 0 ends it", "tag").add_argument("amount", type=float)
    verb("pause", "simulated time stands still")
    verb("resume", "it runs again")
    verb("speed", "simulated seconds per second").add_argument("factor", type=float)
    return top


class ControlServer:
    """Listens for commands. ``handle`` does them, on the same loop."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._parser = parser()
        self.port = 0

    async def start(self, port: int) -> None:
        """Listen on ``port`` or the next free one. Raises Unavailable ``demo.no_port``."""
        found = free_port(port)
        if found is None:
            raise Unavailable("demo.no_port", server="control", port=port)
        self._server = await asyncio.start_server(self._talk, HOST, found, limit=1 << 16)
        self.port = found

    async def close(self) -> None:
        """Stop listening; commands under way are cut off."""
        if self._server is not None:
            self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.CancelledError):  # gone, a line without end, or the plant ends
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            words = json.loads(line)["words"]
            if not isinstance(words, list):
                raise TypeError
            arguments = self._parser.parse_args([str(word) for word in words])
            return {"ok": True, **await self._handle(arguments)}
        except (KeyError, TypeError, json.JSONDecodeError):
            return _refusal(Invalid("demo.usage", detail='{"words": ["verb", …]}'))
        except GenbaError as error:
            return _refusal(error)


def _refusal(error: GenbaError) -> dict[str, Any]:
    return {"ok": False, "kind": type(error).__name__, "error": error.code, "params": error.params}


def ask(host: str, port: int, words: Sequence[str]) -> dict[str, Any]:
    """Send one command and give its answer without the ``ok``; blocks for up to 40 s.

    Raises:
        NotConnected: ``demo.unreachable``: no plant listens there.
        GenbaError: What the plant answered, for example Invalid ``demo.unknown_target``.
    """
    try:
        with socket.create_connection((host, port), timeout=_ANSWER_S) as connection, connection.makefile("rwb") as wire:
            wire.write(json.dumps({"words": list(words)}).encode() + b"\n")
            wire.flush()
            answer: dict[str, Any] = json.loads(wire.readline(_MOST_BYTES))
    except (OSError, json.JSONDecodeError) as reason:
        raise NotConnected("demo.unreachable", host=host, port=port) from reason
    if answer.pop("ok"):
        return answer
    kind = getattr(errors, str(answer["kind"]), GenbaError)
    raise kind(answer["error"], **answer["params"])
