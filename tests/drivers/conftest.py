"""One server process per protocol for all tests of this room; each test finds it running and with its start values."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest

from tests.drivers.dialects import DIALECTS
from tests.drivers.rig import reset
from tests.servers.process import ServerProcess


@pytest.fixture(scope="session", autouse=True)
def _processes() -> Iterator[dict[str, ServerProcess]]:
    # The first use of a library costs up to a second of import on the loop, which is not what these tests measure.
    for dialect in DIALECTS.values():
        for module in dialect.preload:
            importlib.import_module(module)
    servers = {name: ServerProcess(dialect.server).start() for name, dialect in DIALECTS.items()}
    yield servers
    for server in servers.values():
        server.kill()


@pytest.fixture
def opcua_server(_processes: dict[str, ServerProcess]) -> ServerProcess:
    """The OPC UA test server."""
    reset("opcua", _processes["opcua"])
    return _processes["opcua"]


@pytest.fixture
def modbus_server(_processes: dict[str, ServerProcess]) -> ServerProcess:
    """The Modbus test server."""
    reset("modbus", _processes["modbus"])
    return _processes["modbus"]


@pytest.fixture
def modbus_rtu_server(_processes: dict[str, ServerProcess]) -> ServerProcess:
    """The Modbus test server behind RTU frames."""
    reset("modbus_rtu", _processes["modbus_rtu"])
    return _processes["modbus_rtu"]


@pytest.fixture(params=list(DIALECTS))
def protocol(request: pytest.FixtureRequest) -> str:
    """Each protocol in turn."""
    return str(request.param)


@pytest.fixture
def server(protocol: str, _processes: dict[str, ServerProcess]) -> ServerProcess:
    """The test server of ``protocol``."""
    reset(protocol, _processes[protocol])
    return _processes[protocol]


@pytest.fixture
def mortal_server(protocol: str) -> Iterator[ServerProcess]:
    """A server of this test's own, to be killed."""
    server = ServerProcess(DIALECTS[protocol].server).start()
    yield server
    server.kill()
