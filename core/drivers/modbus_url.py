"""What the URL of a Modbus source names: a TCP port, a gateway that passes RTU frames on, or a serial port. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, urlsplit

_BAUDS = (1200, 2400, 4800, 9600, 14400, 19200, 38400, 57600, 76800, 115200, 230400, 460800)
_COM = re.compile(r"COM[1-9]\d{0,2}", re.IGNORECASE | re.ASCII)
_PARITIES = ("N", "E", "O")


class Way(StrEnum):
    """How frames travel; the value is the scheme of the URL."""

    TCP = "modbus"
    RTU_OVER_TCP = "modbus+rtu"
    SERIAL = "modbus+serial"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One line: what can carry one question at a time.

    Attributes:
        way: How frames travel.
        place: Host name, or the device of a serial port.
        port: TCP port; 0 for a serial port.
        baud: Bits per second.
        parity: N, E or O.
        stop_bits: Of each character; it has eight data bits, RTU knows nothing else.
    """

    way: Way
    place: str
    port: int = 0
    baud: int = 19200
    parity: str = "E"
    stop_bits: int = 1

    @property
    def key(self) -> tuple[Way, str, int]:
        """What makes two sources share one queue: the same host and port spoken to the same way, or the same serial port."""
        return (self.way, self.place.lower() if self.way is not Way.SERIAL else self.place, self.port)

    @property
    def is_rtu(self) -> bool:
        """True where frames carry no transaction number."""
        return self.way is not Way.TCP

    @property
    def character_s(self) -> float:
        """Seconds one character takes on the wire; 0 over TCP."""
        if self.way is not Way.SERIAL:
            return 0.0
        return (9 + (self.parity != "N") + self.stop_bits) / self.baud

    def __str__(self) -> str:
        return self.place if self.way is Way.SERIAL else f"{self.place}:{self.port}"


def endpoint(url: str) -> Endpoint:
    """The line that ``url`` names.

    ``modbus://host[:502]``, ``modbus+rtu://host:port``,
    ``modbus+serial:///dev/ttyS0?baud=19200&parity=E&stop=1``, ``modbus+serial://COM3?baud=9600&parity=N&stop=2``.

    Raises:
        ValueError: It names none; the text says what cannot be.
    """
    parts = urlsplit(url)
    way = Way(parts.scheme)
    if parts.fragment or parts.username is not None:
        raise ValueError(url)
    if way is Way.SERIAL:
        return _serial(url, parts.netloc, parts.path, parts.query)
    port = parts.port if parts.port is not None else (502 if way is Way.TCP else 0)
    if not parts.hostname or not port or parts.query or parts.path not in ("", "/"):
        raise ValueError(url)
    return Endpoint(way, parts.hostname, port)


def _serial(url: str, netloc: str, path: str, query: str) -> Endpoint:
    windows = netloc or path.removeprefix("/")
    if _COM.fullmatch(windows) and (not netloc or path in ("", "/")):
        device = windows.upper()
    elif not netloc and path.startswith("/") and len(path) > 1:
        device = path
    else:
        raise ValueError(url)
    wanted = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    unknown = set(wanted) - {"baud", "parity", "stop"}
    if unknown:
        raise ValueError(f"{sorted(unknown)[0]}={wanted[sorted(unknown)[0]]}")
    parity = wanted.get("parity", "E").upper()
    if parity not in _PARITIES:
        raise ValueError(f"parity={parity}")
    return Endpoint(
        Way.SERIAL,
        device,
        baud=_one_of(wanted, "baud", _BAUDS, 19200),
        parity=parity,
        # Source: MODBUS over Serial Line V1.02, section 2.5.1: without parity two stop bits keep eleven bits per character.
        stop_bits=_one_of(wanted, "stop", (1, 2), 2 if parity == "N" and "stop" not in wanted else 1),
    )


def _one_of(wanted: dict[str, str], name: str, allowed: tuple[int, ...], usual: int) -> int:
    text = wanted.get(name, str(usual))
    if text not in map(str, allowed):
        raise ValueError(f"{name}={text}")
    return int(text)
