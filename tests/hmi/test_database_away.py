"""The screen with the database stopped, back again, empty, or of another program version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from sqlalchemy import make_url

from core.production import orders, rules
from core.production.views import OrderStatus
from hmi.sheets.attention import AttentionSheet
from hmi.sheets.decide import DecideSheet
from hmi.sheets.order_form import OrderFormSheet
from hmi.sheets.report import ReportSheet
from tests.conftest import ExpectedLog
from tests.faults.commit_proxy import CommitProxy
from tests.hmi.screen import Loop, Plant, Screen, ask, said
from tests.postgres import owner_url
from tests.screens import lint

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.early


class Away:
    """A database behind a proxy that loses it."""

    def __init__(self, url: str) -> None:
        given = make_url(url)
        self.direct = url
        self.proxy = CommitProxy(str(given.query["host"]), int(str(given.query["port"])))
        self.url = given.update_query_dict({"host": "127.0.0.1", "port": str(self.proxy.port)}).render_as_string(hide_password=False)


@pytest.fixture
def away(database_url: str) -> Iterator[Away]:
    behind = Away(database_url)
    yield behind
    behind.proxy.close()


@pytest.fixture
def screen(loop: Loop, away: Away, plant: Plant, tmp_path: Path) -> Iterator[Screen]:
    """A screen of its own for each test: what is lost here must not be missed elsewhere."""
    running = Screen(loop, away.url, tmp_path, plant)
    yield running.live()
    running.close()


def lose(screen: Screen, away: Away) -> None:
    away.proxy.down()
    screen.until("the database is seen to be away", lambda: screen.station.database_up is False)
    screen.settle()


def back(screen: Screen, away: Away) -> None:
    away.proxy.back()
    screen.until("the database is back", lambda: screen.station.database_up is True)
    screen.settle()


def test_without_the_database_facts_wait_and_come_in_once(screen: Screen, away: Away, expect_log: ExpectedLog) -> None:
    expect_log(r"database is down")
    screen.sign_in("ito")
    screen.choose("WO-1184")
    waiting, other = screen.listed()["WO-1184"], screen.listed()["WO-1188"]
    band = screen.window.content.database_band
    assert not band.isVisible()
    lose(screen, away)

    # the band says so, with an age that grows; the header says so too
    screen.until("the band", band.isVisible)
    screen.until("its age grows", lambda: re.search(r"[2-9] s ago", said(band)))
    screen.dress(language="ja")
    assert re.search(r"\d 秒前", said(band)), "and follows the language"
    screen.dress()
    assert screen.window.header.link.glyph == "link_cut"
    assert set(screen.listed()) >= {"WO-1184", "WO-1188"}, "the last picture stays"
    assert screen.actions(), "and what may be decided"
    tags = ("L1.M2.State", "L2.M2.State")
    seen = {tag: screen.bridge.sample(tag).received_at for tag in tags}
    screen.until("machines go on", lambda: all(screen.bridge.sample(tag).received_at > at for tag, at in seen.items()))

    # a start waits on that very row
    screen.press("orders.start")
    assert "kept here" in screen.sheet(DecideSheet)._who.text(), "said before it is confirmed"
    screen.tap(screen.sheet(DecideSheet).confirm_button)
    screen.until("accepted", lambda: screen.sheets() == [])
    screen.settle()
    assert screen.listed()["WO-1184"].status is OrderStatus.IN_PROGRESS
    assert screen.orders._waiting == {f"order:{waiting.id}"}
    assert "waiting" in row_text(screen, "WO-1184")
    assert "waiting" not in row_text(screen, "WO-1188")
    languages: tuple[Literal["ja", "en"], ...] = ("ja", "en")
    for language, waits in zip(languages, ("送信待ち", "waiting"), strict=True):
        screen.dress(language=language)
        said_there = [drawn for widget, drawn in lint.record(screen.orders) if widget is screen.orders.table.table]
        assert [drawn.cut for drawn in said_there if drawn.text == waits] == [False], "the mark itself is never shortened"
    # its line shows it too, marked in the same word
    screen.dress()
    screen.window.open_panel("lines")
    screen.until("the line has the order", lambda: "WO-1184" in said(screen.lines.overview.tiles["L4"]))
    assert "waiting" in said(screen.lines.overview.tiles["L4"])
    assert "waiting" not in said(screen.lines.overview.tiles["L1"])
    screen.window.open_panel("orders")
    screen.settle()
    assert other == screen.listed()["WO-1188"]
    assert "1" in screen.window.header.link.small
    # so does a report
    screen.press("orders.report")
    sheet = screen.sheet(ReportSheet)
    screen.until("defect codes nobody has looked at before", lambda: sheet.defects.known)
    screen.type(sheet.good, "4")
    screen.type(sheet.scrap, "1")
    screen.tap(sheet.defects.buttons["Q01"])
    screen.tap(sheet.confirm_button)
    screen.until("accepted", lambda: screen.sheets() == [])
    screen.settle()
    assert (screen.listed()["WO-1184"].completed, screen.listed()["WO-1184"].scrap) == (4, 1)
    assert "2" in screen.window.header.link.small
    # a new order cannot wait, and says so without losing what was typed
    screen.press("orders.create")
    form = screen.sheet(OrderFormSheet)
    screen.settle()
    form.product.choose("A-1010")
    form.line.choose("L1")
    screen.type(form.number, "WO-AWAY-1")
    screen.type(form.planned, "10")
    screen.tap(form.confirm_button)
    screen.until("the refusal", lambda: all(form.message.lines))
    assert form.number.text() == "WO-AWAY-1"
    form.cancel()

    before = ask(away.direct, "SELECT status, completed FROM genba.work_order WHERE number = 'WO-1184'")
    assert before == [("RELEASED", 0)]
    back(screen, away)
    screen.until("applied", lambda: screen.station.waiting == 0)
    screen.until("nothing waits on the screen", lambda: screen.orders._waiting == frozenset() and "0" in screen.window.header.link.small)
    assert not band.isVisible()
    row = "SELECT status, completed, scrap, version FROM genba.work_order WHERE number = 'WO-1184'"
    stored = ask(away.direct, row)
    assert stored[0][:3] == ("IN_PROGRESS", 4, 1)
    requests = "SELECT operation, count(*)::int FROM genba.request WHERE args->>'order_id' = %s AND station = 'PANEL-1' GROUP BY 1"
    assert dict(ask(away.direct, requests, str(waiting.id))) == {rules.START: 1, rules.REPORT: 1}
    screen.turn(1.0)
    assert ask(away.direct, row) == stored, "once, and not again"
    assert ask(away.direct, "SELECT count(*) FROM genba.production_report WHERE order_id = %s", waiting.id) == [(1,)]
    assert ask(away.direct, "SELECT count(*) FROM genba.work_order WHERE number = 'WO-AWAY-1'") == [(0,)]


def row_text(screen: Screen, number: str) -> str:
    """Everything the row of an order says."""
    order = screen.listed()[number]
    row = screen.orders.table._row(order)
    return " ".join(cell if isinstance(cell, str) else f"{cell.text} {cell.below}" for cell in row)


def test_a_commit_whose_answer_is_lost_is_booked_once(screen: Screen, away: Away, expect_log: ExpectedLog) -> None:
    expect_log(r"database is down")
    screen.sign_in("tanaka")
    screen.choose("WO-1185")
    made = ask(away.direct, "SELECT completed FROM genba.work_order WHERE number = 'WO-1185'")[0][0]
    screen.press("orders.report")
    sheet = screen.sheet(ReportSheet)
    screen.type(sheet.good, "6")
    if sheet.why.isVisible():
        screen.type(sheet.why, "counted by hand")
    away.proxy.lose("after")
    screen.tap(sheet.confirm_button)
    screen.until("an answer", lambda: screen.sheets() == [])
    back(screen, away)
    screen.until("nothing waits", lambda: screen.station.waiting == 0)
    screen.until("the screen knows", lambda: screen.listed()["WO-1185"].completed == made + 6)
    assert ask(away.direct, "SELECT completed FROM genba.work_order WHERE number = 'WO-1185'") == [(made + 6,)]


def test_a_decision_that_was_overtaken_waits_for_a_person(screen: Screen, away: Away, tmp_path: Path, expect_log: ExpectedLog) -> None:
    """Meanwhile another station started another order on the line: nothing is dropped silently, nothing is started twice."""
    expect_log(r"database is down")
    screen.sign_in("ito")
    screen.choose("WO-1184")
    chosen = screen.listed()["WO-1184"]
    scheduled = {"scheduled_start_at": chosen.scheduled_start_at, "scheduled_end_at": chosen.scheduled_end_at}
    wanted = {"product_code": "T-4010", "line_code": "L4", "planned": Decimal(5), "number": "WO-FIRST"}
    made = screen.run(screen.station.do(orders.create_order, **wanted, **scheduled))
    screen.run(screen.station.do(orders.release_order, order_id=made.view.id))
    lose(screen, away)
    screen.press("orders.start")
    screen.tap(screen.sheet(DecideSheet).confirm_button)
    screen.until("accepted", lambda: screen.sheets() == [])
    other = Screen(screen.loop, away.direct, tmp_path / "other", name="PANEL-2").started()
    try:
        other.until("a site", lambda: bool(other.station.site.lines))
        other.sign_in("yamamoto")
        other.run(other.station.do(orders.start_order, order_id=made.view.id))
    finally:
        other.close()
    back(screen, away)
    screen.until("it came home", lambda: screen.station.waiting == 0 and screen.station.overtaken.count == 1)
    assert ask(away.direct, "SELECT status FROM genba.work_order WHERE number = 'WO-1184'") == [("RELEASED",)]

    screen.tap(screen.window.header.link)
    sheet = screen.sheet(AttentionSheet)
    screen.until("the entry", lambda: len(sheet.table._keys) == 1)
    screen.tap_row(sheet.table, sheet.table._keys[0])
    row = " ".join(cell if isinstance(cell, str) else cell.text for cell in sheet.table._rows[0])
    assert "Start" in row
    assert "WO-FIRST" in row, "who has the line"
    for language in ("ja", "en"):
        screen.dress(language=language)  # type: ignore[arg-type]
        assert lint.overflowing(screen.window) + lint.too_small(screen.window) + lint.squeezed(screen.window) == []
    # both sides: what was wanted from which state to which, and how it is now, by whose doing
    screen.until("how it is now", lambda: "WO-1184" in sheet.present.text(), 60)
    assert all(part in sheet.wanted.text() for part in ("Start", "WO-1184", "Released → In progress")), sheet.wanted.text()
    assert all(part in sheet.present.text() for part in ("Released", "Planned → Released")), sheet.present.text()
    # to apply it now is refused as long as the line is taken, and it stays
    screen.type(sheet.reason, "the other one is a mistake")
    screen.tap(sheet.apply)
    screen.until("no", lambda: all(sheet.message.lines), 60)
    assert sheet.reason.text(), "nothing typed is lost"
    sheet.reason.set_text("")
    screen.tap(sheet.drop)
    assert any(sheet.reason.message.lines), "not without a reason"
    assert screen.station.overtaken.count == 1
    screen.type(sheet.reason, "made tomorrow")
    screen.tap(sheet.drop)
    screen.until("dealt with", lambda: not sheet.table._keys, 60)
    assert screen.station.overtaken.count == 0
    told = "SELECT a.user_code, a.outcome, a.reason, r.args ->> 'outcome' FROM genba.audit a JOIN genba.request r ON r.id = a.request_id"
    assert ask(away.direct, f"{told} WHERE a.operation LIKE 'store:attention:%'") == [("ito", "done", "made tomorrow", "dropped")]
    screen.tap(sheet.confirm_button)
    assert screen.sheets() == []


def test_a_station_that_starts_without_its_database_shows_the_last_picture(
    loop: Loop, away: Away, plant: Plant, tmp_path: Path, expect_log: ExpectedLog
) -> None:
    expect_log(r"database")
    first = Screen(loop, away.url, tmp_path, plant).live()
    first.window.open_panel("orders")
    first.settle()
    numbers = set(first.listed())
    first.close()
    away.proxy.down()
    second = Screen(loop, away.url, tmp_path, panel="orders").started()
    try:
        second.until("the last picture", lambda: set(second.listed()) == numbers)
        second.until("the band", second.window.content.database_band.isVisible)
        second.window.open_panel("lines")
        second.until("the lines", lambda: len(second.lines.overview.tiles) == 6)
        sheet = second.sign_in("ito")
        assert "nobody can sign in now" in sheet.message.lines.what, "who somebody is can only be checked in the database"
        sheet.cancel()
        away.proxy.back()
        second.until("the database is back", lambda: second.station.database_up is True)
    finally:
        second.close()


def test_an_empty_database_says_what_to_do(loop: Loop, database_url: str, tmp_path: Path) -> None:
    screen = Screen(loop, database_url, tmp_path)
    assert screen.window.isVisible(), "the frame is there before anything is loaded"
    for panel in ("orders", "trends", "lines"):
        screen.window.open_panel(panel)  # pressed by somebody in a hurry
    try:
        screen.until("the panels", lambda: set(screen.window._panels) == set(screen.window.rail.panel_ids))
        overview, table = screen.lines.overview, screen.orders.table.table
        if screen.lines.updated_at() is None:
            assert "being loaded" in overview._empty.text() or "not known" in overview._empty.text(), "unknown is not empty"
        assert table._empty[0] != "No orders here."
        screen.started()
        screen.until("an answer", lambda: screen.lines.updated_at() is not None)
        screen.settle()
        assert overview._empty.isVisible()
        assert "genba site apply" in overview._empty.text()
        for panel, action in (("lines", "lines.orders"), ("orders", "orders.create"), ("trends", "trends.pause")):
            screen.window.open_panel(panel)
            screen.press(action)
            screen.settle()
            assert screen.message == ("", "", "")
        assert table._empty[0] == "No orders here."
        assert screen.listed() == {}
        assert screen.sheets() == ["sheet.sign_in"]
    finally:
        screen.close()


def test_outside_the_schema_window_the_screen_is_read_only_and_says_so(
    loop: Loop, database_url: str, admin_url: str, plant: Plant, tmp_path: Path, expect_log: ExpectedLog
) -> None:
    expect_log(r"read.only|too old|schema")
    first = Screen(loop, database_url, tmp_path, plant).live()
    first.close()
    ask(admin_url, "UPDATE genba.schema_compat SET oldest_program = '99.0.0', newest_program = '99.0.0'")
    screen = Screen(loop, database_url, tmp_path, panel="orders").started()
    try:
        screen.until("the band", screen.window.content.read_only_band.isVisible)
        screen.until("orders to read", lambda: len(screen.listed()) > 3)
        languages: tuple[Literal["ja", "en"], ...] = ("ja", "en")
        for language in languages:
            screen.dress(language=language)
            reason = screen.station.read_only
            assert reason is not None
            assert reason.lines(language).what in said(screen.window.content.read_only_band)
        sheet = screen.sign_in("ito")
        assert all(sheet.message.lines)
    finally:
        screen.close()


def test_a_second_panel_with_the_name_of_another_only_shows_and_says_so(
    loop: Loop, database_url: str, tmp_path: Path, expect_log: ExpectedLog
) -> None:
    expect_log(r"read-only for this station")
    first = Screen(loop, database_url, tmp_path).started()
    first.until("the database", lambda: first.station.database_up, 60)
    second = Screen(loop, database_url, tmp_path / "second", panel="orders").started()
    try:
        second.until("the band", second.window.content.read_only_band.isVisible, 60)
        languages: tuple[Literal["ja", "en"], ...] = ("ja", "en")
        for language in languages:
            second.dress(language=language)
            reason = second.station.read_only
            assert reason is not None
            assert reason.code == "store.name_taken"
            assert all(line in said(second.window.content.read_only_band) for line in reason.lines(language)), "what to do as well"
            connecting = {"ja": "接続しています", "en": "connecting"}[language]
            assert connecting not in said(second.window.header.banner), "nothing is on its way here"
            assert lint.overflowing(second.window) == []
        assert first.station.read_only is None
        first.close()
        second.until("the name", lambda: second.station.read_only is None, 60)
        second.until("no band", lambda: not second.window.content.read_only_band.isVisible(), 60)
    finally:
        second.close()


def test_who_signed_in_here_may_do_so_without_the_database(screen: Screen, away: Away, expect_log: ExpectedLog) -> None:
    expect_log(r"database is down")
    ask(owner_url(away.direct), "UPDATE genba.station SET offline_h = 72 WHERE code = 'PANEL-1'")
    screen.sign_in("tanaka")
    screen.until("kept for later", lambda: screen.station._floor.offline.anybody)
    screen.choose("WO-1184")
    screen.run(screen.bridge.sign_out())
    lose(screen, away)
    screen.sign_in("tanaka")
    assert screen.station.people.signed_in_offline
    until = screen.station.people.offline_until
    assert until is not None
    assert f"{until.astimezone(screen.bridge.zone()):%m-%d %H:%M}" in said(screen.window.content.toasts), "and until when"
    screen.press("orders.start")
    screen.tap(screen.sheet(DecideSheet).confirm_button)
    screen.until("accepted", lambda: screen.station.waiting == 1)
    # a disk that takes nothing more keeps nobody signed in, and lets nobody in whose wrong tries it could not count
    blocked = screen.station.settings.home / "offline-people.new"
    blocked.mkdir()
    screen.run(screen.bridge.sign_out())
    assert screen.station.actor.session_id is None
    refused = screen.sign_in("tanaka")
    assert "cannot be written" in refused.message.lines.what
    blocked.rmdir()
    screen.sign_in("tanaka")
    assert screen.station.people.signed_in_offline
    back(screen, away)
    screen.until("applied", lambda: screen.station.waiting == 0)
    assert ask(away.direct, "SELECT status FROM genba.work_order WHERE number = 'WO-1184'") == [("IN_PROGRESS",)]
    told = "SELECT user_code, detail->>'offline', detail->>'late' FROM genba.audit WHERE operation = 'production:order:start'"
    assert ask(away.direct, told + " AND station = 'PANEL-1'") == [("tanaka", "true", "true")]
    entered = "SELECT 1 FROM genba.audit WHERE detail->>'offline' = 'true' AND outcome = 'signed_in'"
    screen.until("the sign-in is told", lambda: ask(away.direct, entered))
