"""Part of ``start``: how soon a panel that is switched on without its database shows live machines on the picture it had last."""

from __future__ import annotations

import contextlib
import socket
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from tests.benchmarks.start import run_measured

WATCH_S = 10.0
LIT_S = 12.0
"""So long the panel is on with its database before: its panels have asked for everything they show, and its leases are its own."""


@contextlib.contextmanager
def _refused() -> Iterator[int]:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    yield port


@contextlib.contextmanager
def _silent() -> Iterator[int]:
    """Connections are taken, and nothing is ever said on them."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield int(listener.getsockname()[1])


@contextlib.contextmanager
def _dropped() -> Iterator[int]:
    """The first packet of a connection already gets no answer."""
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = opened.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


WAYS: dict[str, Callable[[], AbstractContextManager[int]]] = {"refused": _refused, "silent": _silent, "dropped": _dropped}


def run(repeats: int) -> dict[str, Any]:
    """Measure; ``dark_s`` is the slowest way's median from the command to the first live value drawn, None when one stayed dark.

    ``lit_s`` is the same with the database there, once, on the same computer under the same load.
    """
    from core.cli.demo import DemoPlant
    from tests.hmi.screen import Plant, prepare_as_owner
    from tests.postgres import TestServer, owner_url

    with tempfile.TemporaryDirectory(prefix="genba-bench-dark-") as folder, contextlib.ExitStack() as ending:
        server = TestServer(Path(folder) / "server")
        server.start()
        ending.callback(server.stop)
        url = server.station_url(ending.enter_context(server.migrated_database()))
        plant = Plant(DemoPlant(seed=7))
        ending.callback(plant.close)
        home = Path(folder) / "home"
        home.mkdir()
        prepare_as_owner(owner_url(url), plant.demo, home)
        lit_s = _panel(home, url, LIT_S)["first_live_s"]
        found: dict[str, list[float | None]] = {way: [] for way in WAYS}
        for _ in range(repeats):
            for way, dark in WAYS.items():
                with dark() as port:
                    away = make_url(url).update_query_dict({"host": "127.0.0.1", "port": str(port)})
                    found[way].append(_panel(home, away.render_as_string(hide_password=False), WATCH_S)["first_live_s"])
    medians = {way: _median(times) for way, times in found.items()}
    return {
        "dark_s": None if None in medians.values() else max(each for each in medians.values() if each is not None),
        "dark": medians,
        "lit_s": lit_s,
    }


def _panel(home: Path, url: str, watch_s: float) -> dict[str, Any]:
    more = {"GENBA_HOME": str(home), "GENBA_DATABASE_URL": url, "GENBA_NAME": "BENCH", "BENCH_WATCH_S": repr(watch_s)}
    return run_measured(["tests.benchmarks.shell_probe"], **more)


def _median(times: list[float | None]) -> float | None:
    known = [each for each in times if each is not None]
    return round(statistics.median(known), 2) if len(known) == len(times) else None
