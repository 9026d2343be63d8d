"""The devices of ``modbus`` behind a gateway that passes RTU frames over TCP. The same orders."""

from __future__ import annotations

from functools import partial

from pymodbus.framer import FramerType

from tests.servers.modbus import serve
from tests.servers.process import obey

if __name__ == "__main__":
    obey(partial(serve, framer=FramerType.RTU))
