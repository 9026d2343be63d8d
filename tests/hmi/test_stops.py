"""Stops and calls at the panel: why, split, merged and with their times in as many touches as allowed; help called and come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from core.equipment.stop_views import StopView
from core.equipment.stops import explain_stop, list_stops
from core.words import word
from hmi.panels import OpenLine
from hmi.sheets.ask_form import AskForm
from hmi.sheets.call import CallSheet
from hmi.sheets.formulas import FormulaSheet
from hmi.sheets.stop_reason import StopReasonSheet
from hmi.sheets.stop_times import StopTimesSheet
from tests.hmi.screen import Plant, Screen, ask, said
from tests.postgres import owner_url

LINE, UNIT = "L2", "L2-M2"


@pytest.fixture
def standing(screen: Screen, plant: Plant) -> Iterator[Screen]:
    """A line that stands for a reason nobody knows, with an operator in front of it."""
    url = owner_url(screen.settings.database_url or "")
    ask(url, "UPDATE genba.line SET minor_stop_s = 1")
    screen.sign_in("tanaka")
    with plant.fault(f"stop {LINE} --reason D99", f"start {LINE}"):
        screen.window.go(OpenLine(LINE))
        screen.until("the badge", lambda: "lines.stop_reason" in screen.actions())
        screen.settle()
        yield screen


def stops(screen: Screen, line: str = LINE) -> list[StopView]:
    """Stops of the line as the database knows them, newest first."""
    return list(screen.run(screen.bridge.ask(list_stops, line_code=line)).value.items)


def until_so(screen: Screen, what: str, is_so: Callable[[list[StopView]], object]) -> None:
    """Wait until the stops of the line are so; the database is asked between the turns of the screen."""
    end = time.monotonic() + 60
    while not is_so(stops(screen)):
        assert time.monotonic() < end, what
        screen.turn(0.2)


def of(found: list[StopView], stop_id: str) -> StopView:
    return next(stop for stop in found if stop.id == stop_id)


def newest_of(found: list[StopView]) -> StopView:
    return next(stop for stop in found if stop.work_unit_code == UNIT)


def newest(screen: Screen) -> StopView:
    return newest_of(stops(screen))


def press_badge(screen: Screen) -> StopReasonSheet:
    screen.press("lines.stop_reason")
    screen.until("the sheet", lambda: "sheet.stop_reason" in screen.sheets())
    sheet = screen.sheet(StopReasonSheet)
    screen.until("its tiles", lambda: sheet.tiles)
    return sheet


def touch_tile(screen: Screen, sheet: StopReasonSheet, code: str) -> None:
    screen.until(f"{code} in sight", lambda: sheet.tiles[code].isVisible())
    screen.tap(sheet.tiles[code])
    screen.until("saved", lambda: "sheet.stop_reason" not in screen.sheets())
    screen.settle()


# -- reasons -----------------------------------------------------------------------------------------------------------


def test_a_stop_has_its_reason_after_two_touches_and_is_taken_back_with_one(standing: Screen) -> None:
    screen = standing
    sheet = press_badge(screen)
    about = sheet._stop
    code = sheet.codes("frequent")[0]
    touch_tile(screen, sheet, code)
    after = of(stops(screen), about.id)
    assert [(part.reason_code, part.by) for part in after.parts] == [(code, "tanaka")]
    assert not after.needs_reason
    toasts = screen.window.content.toasts
    assert word(f"stop.{code}", "en") in said(toasts)
    screen.tap(toasts._undo)
    screen.settle()
    until_so(screen, "taken back", lambda found: of(found, about.id).needs_reason)


def test_a_bar_of_the_timeline_asks_for_its_reason(standing: Screen) -> None:
    screen = standing
    strip = screen.lines.detail.timeline
    screen.until("the stop in the timeline", lambda: any(span.needs_reason for span in strip._spans))
    span = next(span for span in reversed(strip._spans) if span.needs_reason)
    x = min(strip._rect(span).center().x(), strip.width() - 4)  # it has just begun: as near to the edge as a finger comes
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(x), strip.height() // 3))
    screen.until("the sheet", lambda: "sheet.stop_reason" in screen.sheets())
    sheet = screen.sheet(StopReasonSheet)
    assert sheet._stop.work_unit_code == UNIT
    # Of stops a few seconds apart on a bar of eight hours the finger takes one.
    assert sheet._stop.began_at in {each.key for each in strip._spans if each.needs_reason}


def test_a_comment_goes_with_the_reason_and_the_group_is_one_touch_more(standing: Screen) -> None:
    screen = standing
    sheet = press_badge(screen)
    about = sheet._stop.id
    screen.tap(sheet.comment_button)
    screen.type(sheet.comment, "hose burst")
    rects = dict(zip([tab for tab, _ in sheet.groups._tabs], sheet.groups.rects(), strict=True))
    QTest.mouseClick(sheet.groups, Qt.MouseButton.LeftButton, pos=rects["machine"].center().toPoint())
    touch_tile(screen, sheet, "D03")
    said_of = of(stops(screen), about).parts[0]
    assert (said_of.reason_code, said_of.comment) == ("D03", "hose burst")


def test_a_stop_is_split_where_somebody_says(standing: Screen) -> None:
    screen = standing
    sheet = press_badge(screen)
    about = sheet._stop
    screen.until("it lasts", lambda: (datetime.now(UTC) - about.began_at).total_seconds() > 3)
    screen.tap(sheet.split_button)
    sheet.time.set_text("9999")
    screen.tap(sheet.tiles[sheet.codes("frequent")[0]])  # not the one below: a button takes no second touch at once
    assert "9999" in sheet.message.lines.what, "and everything typed stays"
    assert sheet.isVisible()
    at = (about.began_at + timedelta(seconds=2)).astimezone(screen.bridge.zone())
    sheet.time.set_text(f"{at:%H%M%S}")
    code = sheet.codes("frequent")[1]
    touch_tile(screen, sheet, code)
    parts = of(stops(screen), about.id).parts
    assert [part.reason_code for part in parts][1:] == [code]
    assert parts[1].from_at == at.replace(microsecond=0)


def test_what_somebody_else_said_meanwhile_is_told_and_the_same_touch_replaces_it(standing: Screen) -> None:
    screen = standing
    sheet = press_badge(screen)
    about = sheet._stop
    first, second = sheet.codes("frequent")[:2]
    said_first: dict[str, Any] = {"work_unit_code": about.work_unit_code, "began_at": about.began_at, "version": about.version}
    screen.run(screen.bridge.do(explain_stop, reason_code=first, **said_first))
    screen.tap(sheet.tiles[second])
    screen.until("told", lambda: sheet.message.isVisible())
    assert word(f"stop.{first}", "en") in " ".join(sheet.message.lines)
    screen.until("seen", lambda: sheet._stop.version != about.version)
    touch_tile(screen, sheet, second)
    assert of(stops(screen), about.id).parts[0].reason_code == second


def test_a_guest_is_asked_who_he_is(standing: Screen) -> None:
    screen = standing
    screen.run(screen.bridge.sign_out())
    screen.press("lines.stop_reason")
    assert screen.sheets() == ["sheet.sign_in"]


def test_the_times_of_a_stop_are_marked(standing: Screen) -> None:
    screen = standing
    sheet = press_badge(screen)
    about = sheet._stop.id
    screen.tap(sheet.times_button)
    screen.until("the times", lambda: screen.sheets() == ["sheet.stop_times"])
    times = screen.sheet(StopTimesSheet)
    screen.tap(times.buttons["responded"])
    screen.until("marked", lambda: times._stop.responded_at is not None)
    screen.settle()
    kept = of(stops(screen), about)
    assert kept.responded_at is not None
    assert kept.by["responded"] == "tanaka"
    assert kept.responded_at >= kept.began_at
    screen.tap(times.buttons["responded"])
    assert "No time" in times.message.lines.what, "a mark is only changed to a time that was typed"


def test_the_downtime_log_shows_every_part_and_a_supervisor_merges(standing: Screen, plant: Plant) -> None:
    screen = standing
    plant.do(f"start {LINE}")
    until_so(screen, "it runs again", lambda found: newest_of(found).ended_at is not None)
    plant.do(f"stop {LINE} --reason D99")
    until_so(screen, "a second stop", lambda found: newest_of(found).ended_at is None)
    screen.run(screen.bridge.sign_out())
    screen.sign_in("ito")
    screen.lines.show_tab("downtime")
    page = screen.lines.downtime
    second = newest(screen)
    screen.until("in the list", lambda: (second.id, second.parts[0].from_at) in page.table._keys)
    assert len(page.table._keys) >= 2
    screen.tap_row(page.table, (second.id, second.parts[0].from_at))
    assert {"downtime.reason", "downtime.times", "downtime.merge"} <= set(screen.actions())
    screen.press("downtime.merge")
    screen.tap(screen.sheet(AskForm).confirm_button)
    until_so(screen, "merged", lambda found: newest_of(found).merged_into)


def test_the_ratios_tell_their_formulas(standing: Screen) -> None:
    screen = standing
    screen.until("the detail", lambda: bool(screen.lines.detail.ratios.faces))
    screen.tap(screen.lines.detail.ratios)
    sheet = screen.sheet(FormulaSheet)
    assert word("oee.pbt", "en") in sheet._lines[0].text()


# -- calls -------------------------------------------------------------------------------------------------------------


def test_help_is_called_in_two_touches_and_stands_on_every_screen_until_it_is_done(screen: Screen) -> None:
    screen.sign_in("tanaka")
    screen.window.go(OpenLine(LINE))
    screen.settle()
    screen.press("lines.call")
    screen.tap(screen.sheet(CallSheet).tiles["maintenance"])
    screen.until("called", lambda: "sheet.call" not in screen.sheets())
    for panel in ("orders", "trends", "andon", "lines"):
        screen.window.open_panel(panel)
        screen.until(f"seen on {panel}", lambda: screen.window.header.calls.isVisible())
        assert word("call.maintenance", "en") in said(screen.window.header.calls)
    screen.tap(screen.window.header.calls)
    sheet = screen.sheet(CallSheet)
    screen.until("in the sheet", lambda: sheet._calls)
    assert not sheet.tiles["maintenance"].isEnabled() or sheet._line_code != LINE, "one call of a kind at a place"
    row = sheet._rows[0]
    screen.tap(row.buttons["respond"])
    screen.until("somebody comes", lambda: sheet._calls and sheet._calls[0].responded_by == "tanaka")
    screen.until("to be resolved", row.buttons["resolve"].isVisible)
    screen.settle()
    screen.tap(row.buttons["resolve"])
    screen.until("done", lambda: not sheet._calls)
    screen.until("nowhere any more", lambda: not screen.window.header.calls.isVisible())


def test_a_call_made_by_mistake_is_withdrawn_with_one_touch(screen: Screen) -> None:
    screen.sign_in("tanaka")
    screen.window.go(OpenLine(LINE))
    screen.settle()
    screen.press("lines.call")
    screen.tap(screen.sheet(CallSheet).tiles["material"])
    screen.until("called", lambda: screen.window.header.calls.isVisible())
    screen.tap(screen.window.content.toasts._undo)
    screen.until("withdrawn", lambda: not screen.window.header.calls.isVisible())
    rows = ask(owner_url(screen.settings.database_url or ""), "SELECT withdrawn_by FROM genba.andon_call WHERE kind = 'material'")
    assert rows == [("tanaka",)]
