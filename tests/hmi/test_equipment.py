"""Machines on a real screen: live values, interlocks in words, setpoints that the machine confirms, and why a value is old."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.demo.taglist import BY_HAND, SERVED_BY
from core.live.link import LinkState, LinkStatus
from core.live.sample import Batch, Quality
from core.words import word
from hmi.panels import OpenLine, OpenMachines, OpenTrend
from hmi.panels.equipment import EquipmentPanel
from hmi.panels.equipment.connection_sheet import ConnectionSheet
from hmi.sheets.ask_form import AskForm
from hmi.sheets.choice import ChoiceSheet
from hmi.sheets.read_words import read_words
from hmi.sheets.setpoint import SetpointSheet
from hmi.sheets.why_value import WhyValueSheet
from hmi.widgets.keypad import NumericKeypad
from hmi.widgets.value_tile import ValueTile
from tests.conftest import ExpectedLog
from tests.hmi.screen import Plant, Screen, ask, said

PRESSURE, SETPOINT, GUARD = "L2.M2.HydraulicPressure", "L2.M2.PressureSetpoint", "L2.M2.GuardClosed"


def panel(screen: Screen) -> EquipmentPanel:
    found = screen.window._panels["equipment"]
    assert isinstance(found, EquipmentPanel)
    return found


@pytest.fixture
def press(screen: Screen) -> Iterator[EquipmentPanel]:
    """The press of line L2 in front."""
    screen.window.go(OpenMachines("L2", "L2-M2"))
    screen.settle()
    at = panel(screen)
    screen.until("live tiles", lambda: at.machines.card.tiles and all(one.sample.quality.usable for one in at.machines.card.tiles))
    yield at
    at.show_tab("machines")


def tile(at: EquipmentPanel, tag: str) -> ValueTile:
    """The tile of ``tag``, on whichever page it is."""
    card = at.machines.card
    card.pager.turn(-card.pager.page)
    for _ in range(9):
        for one in card.tiles:
            if one.spec.name == tag:
                return one
        card.pager.turn(1)
    raise AssertionError(f"{tag} has no tile")


# -- machines ----------------------------------------------------------------------------------------------------------


def test_the_machines_of_a_line_are_live(screen: Screen, press: EquipmentPanel) -> None:
    view = press.machines
    assert [key for key in view.table._keys if key != "*"] == ["L2-M1", "L2-M2"]
    row = view.table._rows[1][0]
    assert word("state.RUNNING", "en") in row.below or row.glyph  # type: ignore[union-attr]
    assert said(view.card.chip)
    names = [spec.name for spec in view.card.machine.shown()] if view.card.machine is not None else []
    assert names[0] == SETPOINT, "what can be changed comes first"
    assert "L2.M2.State" not in names, "the state stands in the head"
    before = {one.spec.name: one.sample.received_at for one in view.card.tiles}
    screen.until("newer values", lambda: all(one.sample.received_at > before[one.spec.name] for one in view.card.tiles))
    screen.until("what was recorded", lambda: view.updated_at is not None)
    assert view.card.stops.text()


def test_another_line_is_two_touches_away(screen: Screen, press: EquipmentPanel) -> None:
    screen.tap(press.machines.line_button)
    sheet = screen.sheet(ChoiceSheet)
    screen.tap_row(sheet.table, "L5")
    screen.tap_row(sheet.table, "L5")
    screen.settle()
    assert press.machines.table._keys[:3] == ("L5-M1", "L5-M2", "L5-M3")
    screen.tap_row(press.machines.table, "L5-M2")
    assert press.machines.card.title.text() == "Packing robot  L5-M2"
    screen.press("equipment.to_line")
    assert screen.window.panel_id == "lines"
    screen.settle()
    screen.lines.detail.units.touched.emit("L5-M2")
    screen.settle()
    assert press.machines.line is not None
    assert (screen.window.panel_id, press.machines.line.code) == ("equipment", "L5")


def test_a_stop_is_told_with_its_beginning_and_its_reason(screen: Screen, press: EquipmentPanel, plant: Plant) -> None:
    view = press.machines
    with plant.fault("stop L2 --reason D01", "start L2"):
        screen.until("down", lambda: view.card.chip._state == "DOWN")
        screen.until("in the list too", lambda: word("state.DOWN", "en") in view.table._rows[1][0].below, 3)  # type: ignore[union-attr]
        screen.until("recorded with its reason", lambda: word("stop.D01", "en") in view.card.stops.text())
        assert "(now)" in view.card.stops.text()
    screen.until("over", lambda: view.card.chip._state != "DOWN")


# -- setpoints ---------------------------------------------------------------------------------------------------------


def enter(screen: Screen, digits: str) -> None:
    keypad = screen.sheet(NumericKeypad)
    for digit in digits:
        screen.tap(keypad.keys[digit])
    screen.tap(keypad.keys["enter"])


def confirm(screen: Screen, sheet: SetpointSheet) -> None:
    """Press, and press again when an earlier test wrote less than a second ago."""
    for _ in range(3):
        screen.tap(sheet.confirm_button)
        screen.until("an answer", lambda: not sheet.confirm_button.pending)
        if "too soon" not in sheet.message.lines.what and "wait" not in sheet.message.lines.do.casefold():
            return
        screen.turn(0.5)


def test_a_setpoint_is_written_confirmed_and_put_back(screen: Screen, press: EquipmentPanel) -> None:
    screen.sign_in("tanaka")
    one = tile(press, SETPOINT)
    screen.until("it may be changed", lambda: one.mark == "pencil")
    old = float(one.sample.value)  # type: ignore[arg-type]
    new = 14.5 if abs(old - 14.5) > 0.2 else 15.5
    QTest.mouseClick(one, Qt.MouseButton.LeftButton)
    sheet = screen.sheet(SetpointSheet)
    enter(screen, f"{new}")
    assert f"{old:.1f} → {new:.1f} MPa" in sheet._what.text()
    assert "Permitted" in sheet._interlock.text()
    assert float(one.sample.value) == pytest.approx(old), "nothing is written before it is confirmed"  # type: ignore[arg-type]
    confirm(screen, sheet)
    assert "Confirmed" in sheet._outcome.text()
    screen.until("the tile shows what the machine says", lambda: one.sample.value == pytest.approx(new))
    assert sheet.back.isVisible()
    assert not sheet.cancel_button.isVisible(), "there is nothing left to cancel"
    screen.tap(sheet.back)
    screen.until("put back", lambda: not screen.sheets())
    screen.until("the old value", lambda: one.sample.value == pytest.approx(old))
    url = screen.settings.database_url or ""
    told = ask(url, "SELECT outcome FROM genba.audit WHERE operation = 'equipment:tag:write' AND user_code = 'tanaka'")
    assert len(told) >= 2, "both writes stand in the audit"


def test_a_value_that_somebody_else_changed_is_not_put_back(screen: Screen, press: EquipmentPanel) -> None:
    screen.sign_in("tanaka")
    QTest.mouseClick(tile(press, SETPOINT), Qt.MouseButton.LeftButton)
    sheet = screen.sheet(SetpointSheet)
    before = float(screen.bridge.sample(SETPOINT).value)  # type: ignore[arg-type]
    enter(screen, "13.5")
    confirm(screen, sheet)
    assert sheet.back.isVisible(), sheet.message.lines
    screen.turn(1.1)  # the tag's own pause between two writes
    screen.run(screen.station.write(SETPOINT, before))
    screen.until("told", lambda: "changed again" in sheet._outcome.text())
    assert not sheet.back.isVisible()
    screen.tap(sheet.confirm_button)
    assert not screen.sheets()


def test_leaving_the_keypad_leaves_the_sheet(screen: Screen, press: EquipmentPanel) -> None:
    screen.sign_in("tanaka")
    QTest.mouseClick(tile(press, SETPOINT), Qt.MouseButton.LeftButton)
    screen.key(Qt.Key.Key_Escape)
    screen.until("nothing open", lambda: not screen.sheets())


def test_a_guest_signs_in_first_and_who_may_not_write_is_told(screen: Screen, press: EquipmentPanel) -> None:
    one = tile(press, SETPOINT)
    screen.until("locked for a guest", lambda: one.mark == "lock")
    QTest.mouseClick(one, Qt.MouseButton.LeftButton)
    assert screen.sheets() == ["sheet.sign_in"]
    screen.sign_in("sato")
    QTest.mouseClick(one, Qt.MouseButton.LeftButton)
    assert not screen.sheets()
    assert "right" in screen.message.what


def test_an_interlock_that_does_not_permit_is_said_in_words_and_nothing_is_written(
    screen: Screen, press: EquipmentPanel, plant: Plant
) -> None:
    screen.sign_in("tanaka")
    card = press.machines.card
    with plant.fault(f"bad {GUARD}", f"clear {GUARD}"):
        screen.until("words", lambda: card.guards.isVisible() and "Press guard closed" in card.guards.text())
        assert SETPOINT not in card.guards.text(), "people read names, not tags"
        one = tile(press, SETPOINT)
        assert one.mark == "lock"
        old = one.sample.value
        QTest.mouseClick(one, Qt.MouseButton.LeftButton)
        sheet = screen.sheet(SetpointSheet)
        enter(screen, "18")
        assert "Cannot be written" in sheet._interlock.text()
        screen.tap(sheet.confirm_button)
        screen.until("refused", lambda: not sheet.message.isHidden())
        assert "guard" in sheet.message.lines.what
        assert screen.bridge.sample(SETPOINT).value == old
        sheet.close_with("cancelled")
    screen.until("permitted again", lambda: not card.guards.isVisible())


def test_a_machine_that_does_not_do_as_told_is_an_error_with_the_machines_own_value(
    screen: Screen, press: EquipmentPanel, plant: Plant
) -> None:
    screen.sign_in("tanaka")
    one = tile(press, SETPOINT)
    with plant.fault(f"freeze {SETPOINT}", f"unfreeze {SETPOINT}"):
        QTest.mouseClick(one, Qt.MouseButton.LeftButton)
        sheet = screen.sheet(SetpointSheet)
        enter(screen, "19")
        confirm(screen, sheet)
        assert "19" in sheet.message.lines.what
        assert not sheet.back.isVisible(), "the machine has the old value: there is nothing to put back"
        assert "19.0" not in tile(press, SETPOINT).accessibleName(), "the wish is not painted as the value"
        assert sheet.cancel_button.text() == word("button.close", "en"), "it was sent: there is nothing to cancel"
        sheet.close_with("cancelled")
    screen.run(screen.station.write(SETPOINT, 17.0))


# -- why a value is old ------------------------------------------------------------------------------------------------


def test_a_dead_controller_explains_itself_on_every_tile_and_comes_back_by_a_touch(
    screen: Screen, plant: Plant, expect_log: ExpectedLog
) -> None:
    expect_log(r"demo-modbus")
    screen.sign_in("suzuki")
    screen.window.go(OpenLine("L2"))
    screen.until("tiles", lambda: screen.lines.detail.tiles and screen.lines.detail.tiles[0].sample.quality is Quality.GOOD)
    plant.do("kill modbus")
    try:
        one = screen.lines.detail.tiles[0]
        screen.until("offline", lambda: one.sample.quality is Quality.OFFLINE)
        QTest.mouseClick(one, Qt.MouseButton.LeftButton)
        sheet = screen.sheet(WhyValueSheet)
        screen.until("told", lambda: sheet.cause.lines.what)
        facts = sheet.facts.text()
        assert "Simulated PLC (Modbus)" in facts
        assert word("data.OFFLINE", "en") in facts
        assert word("link.OFFLINE", "en") in facts
        assert "s ago" in facts, "the last good value has its age"
        assert "All" in sheet.affected.text()
        assert sheet.again.isVisible(), "maintenance may connect now"
    finally:
        plant.do("restart modbus")
    screen.tap(sheet.again)
    screen.until("the sheet follows", lambda: "fresh and good" in sheet.cause.lines.what)
    assert not sheet.again.isVisible()
    sheet.close_with("confirmed")
    screen.until("back", lambda: all(link.state is LinkState.ONLINE for link in screen.station.links.values()))


def test_a_bad_sensor_tells_what_the_machine_said(screen: Screen, press: EquipmentPanel, plant: Plant) -> None:
    with plant.fault(f"bad {PRESSURE}", f"clear {PRESSURE}"):
        one = tile(press, PRESSURE)
        screen.until("bad", lambda: one.sample.quality is Quality.BAD)
        one.setFocus()
        screen.key(Qt.Key.Key_Return)
        sheet = screen.sheet(WhyValueSheet)
        screen.until("told", lambda: "not valid" in sheet.cause.lines.what)
        assert "No other value" in sheet.affected.text()
        assert "s ago" in sheet.facts.text(), "the last good value is remembered"
        assert "unit 1" in sheet.facts.text(), "how it is read, in the protocol's own words"
        assert not sheet.again.isVisible(), "there is nothing to connect"
        screen.dress(language="ja")
        assert "油圧" in sheet._title.text()
        assert "無効" in sheet.facts.text()
        sheet.close_with("confirmed")


def test_every_protocol_tells_how_its_values_are_read(screen: Screen) -> None:
    screen.dress(language="ja")
    for source in SERVED_BY:
        tag = next(spec.name for spec in screen.station.site.tags if spec.source == source)
        screen.until(f"{tag} good", lambda tag=tag: screen.bridge.sample(tag).quality is Quality.GOOD)
        told = screen.run(screen.station.machines.explain(tag))
        assert told.group, f"{source} does not say how {tag} is read"
        assert told.cause.code == "value.good"
        assert time.time() - told.last_good_at < 5.0
        assert told.link is not None
        assert told.link.state is LinkState.ONLINE
        words = read_words(told.group)
        assert not re.search(r"every|unit|packet|subscription|node|device|topic| to ", words), f"English on a Japanese screen: {words}"


def test_a_value_that_people_enter_says_so_and_whose_it_is(screen: Screen) -> None:
    WhyValueSheet(screen.window.content, screen.bridge, "L4.M3.Illuminance").open()
    sheet = screen.sheet(WhyValueSheet)
    screen.until("told", lambda: "by hand" in sheet.cause.lines.what)
    facts = sheet.facts.text()
    assert "780 lx" in facts
    assert "a machine without a controller" in facts
    assert "every" not in facts
    assert sheet.affected.text() == ""
    assert "About this value" in sheet._title.text()
    assert not sheet.again.isVisible()


def test_a_pen_without_a_good_value_explains_itself(screen: Screen, plant: Plant) -> None:
    screen.window.go(OpenTrend((PRESSURE,)))
    screen.settle()
    cell = screen.trends._cells[0]
    screen.until("good", lambda: screen.bridge.sample(PRESSURE).quality is Quality.GOOD)
    screen.tap(cell)
    assert not screen.sheets(), "a good pen is chosen, nothing else"
    screen.tap(cell)
    with plant.fault(f"bad {PRESSURE}", f"clear {PRESSURE}"):
        screen.until("bad", lambda: screen.bridge.sample(PRESSURE).quality is Quality.BAD)
        screen.tap(cell)
        screen.sheet(WhyValueSheet).close_with("confirmed")
        assert "trends.remove" in screen.actions()
        assert cell.isChecked()


def test_a_sheet_about_a_tag_that_left_the_site_says_so(screen: Screen) -> None:
    WhyValueSheet(screen.window.content, screen.bridge, "NOT.THERE").open()
    sheet = screen.sheet(WhyValueSheet)
    screen.until("said", lambda: not sheet.message.isHidden())
    assert "NOT.THERE" in sheet.message.lines.what


# -- connections -------------------------------------------------------------------------------------------------------


class Pinned(dict[str, LinkStatus]):
    """Links of which those given stay as they are, whatever is reported meanwhile."""

    def __init__(self, links: dict[str, LinkStatus], *fixed: LinkStatus) -> None:
        super().__init__(links)
        self.fixed = {link.source: link for link in fixed}
        self.update(self.fixed)

    def __setitem__(self, source: str, link: LinkStatus) -> None:
        super().__setitem__(source, self.fixed.get(source, link))


def pin(screen: Screen, monkeypatch: pytest.MonkeyPatch, link: LinkStatus) -> None:
    """Show one link as ``link`` until the end of the test."""
    monkeypatch.setattr(screen.station, "links", Pinned(screen.station.links, link))


def connections(screen: Screen) -> Any:
    screen.window.open_panel("equipment")
    at = panel(screen)
    at.show_tab("connections")
    screen.until("all of them", lambda: len(at.connections.table._keys) >= 4)
    return at.connections


def test_everybody_sees_how_each_connection_is(screen: Screen) -> None:
    view = connections(screen)
    assert view.table._keys[0] == "database"
    assert view.table._keys[-1] == "secrets"
    for row in view.table._rows:
        assert row[4].text, "how safe it is, in a word"
        assert row[4].glyph
    rows = dict(zip(view.table._keys, view.table._rows, strict=True))
    screen.until("rates", lambda: dict(zip(view.table._keys, view.table._rows, strict=True))["demo-opcua"][2] not in ("—", "0.0"))
    assert rows["demo-modbus"][1].text == word("link.ONLINE", "en")
    screen.tap_row(view.table, "demo-modbus")
    assert "Modbus knows neither" in view.error.lines.what or "same computer" in view.error.lines.what
    assert screen.actions() == ["connections.details"], "there is nothing to retry"
    screen.press("connections.details")
    sheet = screen.sheet(ConnectionSheet)
    assert "127.0.0.1:" in sheet.facts.text()
    assert "this station" in sheet.facts.text()
    sheet.close_with("confirmed")


def test_a_machine_without_a_controller_is_no_connection(screen: Screen) -> None:
    view = connections(screen)
    row = dict(zip(view.table._keys, view.table._rows, strict=True))[BY_HAND]
    assert row[1].text == word("link.manual_entry", "en")
    assert (row[1].below, row[2], row[3]) == ("", "", "")
    screen.tap_row(view.table, BY_HAND)
    assert "People enter" in view.error.lines.what
    assert "people enter its values" in view.words.facts(view.chosen)[0].new
    assert screen.actions() == ["connections.details"]
    screen.until("the banner", lambda: f"{len(SERVED_BY)} sources" in said(screen.window.header.banner))


def test_a_lost_connection_is_one_touch_away_and_can_be_tried_at_once(screen: Screen, plant: Plant, expect_log: ExpectedLog) -> None:
    expect_log(r"demo-modbus")
    screen.sign_in("suzuki")
    plant.do("kill modbus")
    try:
        screen.until("lost", lambda: screen.station.links["demo-modbus"].state is LinkState.OFFLINE)
        screen.tap(screen.window.header.banner)
        view = panel(screen).connections
        screen.until("its row", lambda: view.table.selected_key == "demo-modbus")
        assert screen.window.panel_id == "equipment"
        screen.until("in the list", lambda: view.words.state(view.chosen) == word("link.OFFLINE", "en"))
        assert view.error.lines.do, "what to do"
        view.filter._choose("trouble")
        assert view.table._keys == ("demo-modbus",)
        assert "connections.retry" in screen.actions()
    finally:
        plant.do("restart modbus")
    if "connections.retry" in screen.actions():
        screen.press("connections.retry")
    screen.until("back", lambda: screen.station.links["demo-modbus"].state is LinkState.ONLINE)
    screen.until("nothing in trouble", lambda: view.table._keys == ())
    assert "Nothing is in trouble" in view.table._empty[0]
    view.filter._choose("all")


def test_an_operator_is_not_offered_what_he_may_not_do(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    screen.sign_in("tanaka")
    view = connections(screen)
    link = screen.station.links["demo-modbus"]
    offline = type(link)("demo-modbus", LinkState.OFFLINE, time.time(), "driver.no_answer")
    pin(screen, monkeypatch, offline)
    view._show()
    screen.tap_row(view.table, "demo-modbus")
    assert screen.actions() == ["connections.details"]


def test_an_exchanged_machine_is_accepted_by_somebody_who_says_why(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    screen.sign_in("suzuki")
    view = connections(screen)
    link = replace(screen.station.links["demo-opcua"], identity="another plant", identity_changed=True)
    pin(screen, monkeypatch, link)
    view._show()
    screen.tap_row(view.table, "demo-opcua")
    assert "another machine" in view.error.lines.what
    screen.press("connections.accept")
    form = screen.sheet(AskForm)
    form.fields["reason"].set_text("controller exchanged, program checked")
    screen.tap(form.confirm_button)
    screen.until("accepted", lambda: not screen.sheets() or not form.message.isHidden())
    url = screen.settings.database_url or ""
    told = ask(url, "SELECT user_code, reason FROM genba.audit WHERE operation = 'equipment:source:accept'")
    assert told == [("suzuki", "controller exchanged, program checked")]


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_a_panel_that_is_not_seen_costs_nothing(screen: Screen, press: EquipmentPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: Counter[str] = Counter()
    for view in press.views.values():
        kind = type(view)
        for verb in ("tick", "_show"):
            given = getattr(kind, verb)

            def note(self: Any, *args: Any, given: Any = given, name: str = f"{kind.__name__}.{verb}") -> None:
                counted[name] += 1
                given(self, *args)

            monkeypatch.setattr(kind, verb, note)
    screen.window.open_panel("orders")
    screen.settle()
    counted.clear()
    for _ in range(3):
        screen.bridge.link_changed.emit(screen.station.links["demo-opcua"])
        screen.bridge.noticed.emit(frozenset({"state_segment:*"}))
        screen.turn(0.5)
    assert counted == {}
    screen.window.open_panel("equipment")
    screen.until("it lives again", lambda: counted["MachinesView.tick"])
    assert not counted["ConnectionsView.tick"]


def test_no_slot_of_the_panel_takes_long(screen: Screen, press: EquipmentPanel) -> None:
    """A second's work of each view, with 10,000 values in the plant's table."""
    tags = [f"other.{number}" for number in range(10_000)]
    count = len(tags)
    screen.station.table.put(Batch("x", time.time(), tags, [1.0] * count, [Quality.GOOD] * count, [None] * count))
    for tab, view in press.views.items():
        press.show_tab(tab)
        screen.settle()
        took = []
        for _ in range(5):
            begin = time.perf_counter()
            view.tick(time.time())
            took.append(time.perf_counter() - begin)
        assert min(took) < 0.02, (tab, took)
