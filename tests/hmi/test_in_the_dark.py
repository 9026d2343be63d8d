"""A panel that is switched on while there is no network and no database: machines live, the last picture, work goes on."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from core.live.sample import Quality
from core.production.views import OrderStatus
from hmi.sheets.decide import DecideSheet
from tests.conftest import ExpectedLog
from tests.hmi.screen import Loop, Plant, Screen, ask, said
from tests.hmi.test_database_away import Away, lose, row_text
from tests.postgres import owner_url

PATIENCE_S = 60.0
TAGS = ("L1.M2.State", "L2.M2.State")


@pytest.fixture
def away(database_url: str) -> Iterator[Away]:
    behind = Away(database_url)
    yield behind
    behind.proxy.close()


def elsewhere(url: str, host: str, port: int) -> str:
    return make_url(url).update_query_dict({"host": host, "port": str(port)}).render_as_string(hide_password=False)


@contextmanager
def refused(url: str, _: pytest.MonkeyPatch) -> Iterator[str]:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    yield elsewhere(url, "127.0.0.1", port)


@contextmanager
def silent(url: str, _: pytest.MonkeyPatch) -> Iterator[str]:
    """Connections are taken, and nothing is ever said on them."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield elsewhere(url, "127.0.0.1", listener.getsockname()[1])


@contextmanager
def dropped(url: str, _: pytest.MonkeyPatch) -> Iterator[str]:
    """The first packet of a connection already gets no answer: the queue of a listener that takes nobody is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield elsewhere(url, "127.0.0.1", listener.getsockname()[1])
        for filler in fillers:
            filler.close()


@contextmanager
def nameless(url: str, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name server keeps silent for as long as anybody asks."""
    over = threading.Event()

    def keep_silent(*_: object, **__: object) -> list[tuple[object, ...]]:
        over.wait(PATIENCE_S)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    patch.setattr(socket, "getaddrinfo", keep_silent)
    yield elsewhere(url, "database.plant.example", 5432)
    over.set()
    for thread in threading.enumerate():
        if thread.name == "database-name":
            thread.join(PATIENCE_S)


Darkness = Callable[[str, pytest.MonkeyPatch], AbstractContextManager[str]]


@pytest.mark.parametrize("darkness", [refused, silent, dropped, nameless])
def test_a_panel_switched_on_in_the_dark_is_a_panel(
    darkness: Darkness,
    loop: Loop,
    away: Away,
    plant: Plant,
    tmp_path: Path,
    expect_log: ExpectedLog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PLCs live, orders and lines from the read store, what was decided before the restart still on its row, and counted."""
    expect_log(r"database")
    first = Screen(loop, away.url, tmp_path, plant).live()
    ask(owner_url(away.direct), "UPDATE genba.station SET offline_h = 72 WHERE code = 'PANEL-1'")
    first.sign_in("ito")
    first.until("kept for later", lambda: first.station._floor.offline.anybody, PATIENCE_S)
    first.choose("WO-1184")
    lose(first, away)
    first.press("orders.start")
    first.tap(first.sheet(DecideSheet).confirm_button)
    first.until("accepted", lambda: first.station.waiting == 1, PATIENCE_S)
    first.settle()
    numbers, past = set(first.listed()), first.station.recent.span(TAGS[0])
    due = {number: first.orders.table._row(order)[-1] for number, order in first.listed().items()}
    first.close()

    with darkness(away.url, monkeypatch) as url:
        # The address of the test's own server needs no TLS; the same under a name would be refused before it is looked up.
        second = Screen(loop, url, tmp_path, allow_unsafe_database=True)
        try:
            second.started()
            second.until("its machines live", lambda: all(second.bridge.sample(tag).quality is Quality.GOOD for tag in TAGS), PATIENCE_S)
            second.until("the lines", lambda: len(second.lines.overview.tiles) == 6, PATIENCE_S)
            assert second.station.database_up is not True
            now = second.station.recent.span(TAGS[0])
            assert past is not None
            assert now is not None
            assert now[0] == past[0], "the last hours go on where they were"
            second.window.open_panel("orders")
            second.until("the last picture", lambda: set(second.listed()) == numbers, PATIENCE_S)
            assert second.listed()["WO-1184"].status is OrderStatus.IN_PROGRESS
            assert {number: second.orders.table._row(order)[-1] for number, order in second.listed().items()} == due, "the site's time"
            assert "waiting" in row_text(second, "WO-1184")
            assert "1" in second.window.header.link.small
            band = second.window.content.database_band
            second.until("the band", band.isVisible, PATIENCE_S)
            assert re.search(r"\d+ (s|min) ago", said(band))
            # and who was here before the cut signs in and goes on
            second.sign_in("ito")
            second.until("signed in", lambda: second.station.people.signed_in_offline, PATIENCE_S)
            second.choose("WO-1184")
            second.press("orders.pause")
            second.tap(second.sheet(DecideSheet).confirm_button)
            second.until("accepted", lambda: second.station.waiting == 2, PATIENCE_S)
        finally:
            second.close()


def test_who_reads_a_machine_meanwhile_keeps_it(loop: Loop, away: Away, plant: Plant, tmp_path: Path, expect_log: ExpectedLog) -> None:
    """What is read in the dark is let go as soon as the database says that another station has it."""
    expect_log(r"database")
    first = Screen(loop, away.url, tmp_path / "one", plant).live()
    codes = set(first.station._reading._last.codes()) - {"demo-byhand"}  # no machine, so nothing to let go of
    assert {"demo-opcua", "demo-modbus"} <= codes, "what it records is kept"
    first.close()
    other = Screen(loop, away.direct, tmp_path / "two", name="PANEL-2").started()
    away.proxy.down()
    second = Screen(loop, away.url, tmp_path / "one").started()
    try:
        other.until("the other has taken them", lambda: set(other.station._reading._last.codes()) >= codes, PATIENCE_S)
        second.until("read all the same", lambda: all(second.bridge.sample(tag).quality is Quality.GOOD for tag in TAGS), PATIENCE_S)
        away.proxy.back()
        second.until("the database is back", lambda: second.station.database_up is True, PATIENCE_S)
        second.until(
            "let go",
            lambda: all(link.error_code == "driver.read_elsewhere" for link in second.station.links.values() if link.source in codes),
            PATIENCE_S,
        )
        second.until("and forgotten", lambda: second.station._reading._last.codes() & codes == set(), PATIENCE_S)
    finally:
        second.close()
        other.close()
