"""A person's time at the panel runs out while the database is away: he is told, nothing he typed is lost, what he decided before counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.production import rules
from core.store.operation import GUEST
from hmi.sheets.decide import DecideSheet
from hmi.sheets.report import ReportSheet
from tests.conftest import ExpectedLog
from tests.hmi.screen import Loop, Plant, Screen, ask, said
from tests.hmi.test_database_away import Away, back, lose
from tests.postgres import owner_url
from tests.screens import lint


@pytest.fixture
def away(database_url: str) -> Iterator[Away]:
    behind = Away(database_url)
    yield behind
    behind.proxy.close()


@pytest.fixture
def screen(loop: Loop, away: Away, plant: Plant, tmp_path: Path) -> Iterator[Screen]:
    running = Screen(loop, away.url, tmp_path, plant)
    yield running.live()
    running.close()


def ends_in(screen: Screen, away: Away, seconds: float) -> None:
    """The database lets the session of whoever is signed in end then, and the station knows."""
    ask(owner_url(away.direct), "UPDATE genba.session SET expires_at = now() + %s * interval '1 s' WHERE ended_at IS NULL", seconds)
    screen.run(screen.station.people.look_again())


def start_order(screen: Screen) -> None:
    screen.press("orders.start")
    screen.tap(screen.sheet(DecideSheet).confirm_button)
    screen.until("accepted", lambda: screen.sheets() == [])
    screen.settle()


def booked(away: Away) -> dict[str, int]:
    return dict(
        ask(away.direct, "SELECT operation, count(*)::int FROM genba.request WHERE station = 'PANEL-1' AND state = 'applied' GROUP BY 1")
    )


@pytest.mark.timeout(300)
def test_when_the_time_is_over_the_panel_is_a_guests_and_what_was_decided_before_comes_home(
    screen: Screen, away: Away, expect_log: ExpectedLog
) -> None:
    expect_log(r"database is down")
    screen.sign_in("ito")
    screen.choose("WO-1184")
    ends_in(screen, away, 30)
    lose(screen, away)
    start_order(screen)
    assert screen.station.waiting == 1
    screen.press("orders.report")
    sheet = screen.sheet(ReportSheet)
    screen.type(sheet.good, "9")
    name = screen.station.actor.name
    assert screen.window.header.user.strong == name
    screen.until("his time is over", lambda: screen.station.actor is GUEST)
    screen.settle()
    assert screen.station.people.session is None
    assert "kept" in said(screen.window.content.toasts)
    assert screen.window.header.user.small == "Sign in"
    assert screen.station.waiting == 1, "and nothing was taken back"

    back(screen, away)
    screen.until("applied", lambda: screen.station.waiting == 0)
    assert booked(away) == {rules.START: 1}
    assert screen.station.overtaken.count == 0
    assert screen.sheets() == [], "what he had begun is put away for him"
    screen.sign_in("ito")
    screen.until("what he typed", sheet.isVisible)
    assert sheet.good.text() == "9"
    screen.tap(sheet.confirm_button)
    screen.until("the machine counted otherwise", lambda: not sheet.message.isHidden())
    screen.type(sheet.why, "counted by hand")
    screen.tap(sheet.confirm_button)
    screen.until("booked", lambda: screen.sheets() == [])
    screen.settle()
    assert booked(away) == {rules.START: 1, rules.REPORT: 1}


def test_what_is_decided_after_the_end_is_refused_in_three_lines(screen: Screen, away: Away, expect_log: ExpectedLog) -> None:
    """In the very moment: the finger was faster than the sign-off."""
    expect_log(r"database is down")
    screen.sign_in("ito")
    screen.choose("WO-1185")
    lose(screen, away)
    screen.press("orders.report")
    sheet = screen.sheet(ReportSheet)
    screen.type(sheet.good, "9")
    screen.station.people._ends_s = screen.station.clock.monotonic()
    screen.tap(sheet.confirm_button)
    screen.until("the answer", lambda: all(sheet.message.lines))
    assert sheet.message.lines[0] == "Your sign-in has ended."
    for language in ("ja", "en"):
        screen.dress(language=language)  # type: ignore[arg-type]
        assert lint.overflowing(screen.window) + lint.squeezed(screen.window) == []
    screen.until("signed off", lambda: screen.station.actor is GUEST)
    assert screen.station.waiting == 0
    back(screen, away)
    assert booked(away) == {}
    assert screen.station.overtaken.count == 0
