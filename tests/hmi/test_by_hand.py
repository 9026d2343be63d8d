"""A machine without a controller on a real screen: what people enter is shown as theirs, kept, and counted like a measured value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.live.sample import ENTERED, Quality
from core.words import word
from hmi.panels import OpenMachines
from hmi.panels.equipment import EquipmentPanel
from hmi.panels.equipment.machine import MachineCard
from hmi.sheets.ask_form import AskForm
from hmi.sheets.choice import ChoiceSheet
from hmi.widgets.value_tile import ValueTile
from tests.hmi.screen import Loop, Plant, Screen, ask
from tests.postgres import owner_url

_SOURCE = """
INSERT INTO genba.source (code, protocol, url, label, position)
VALUES ('washer', 'manual', 'manual:', '{"ja": "Washer", "en": "Washer"}', 99)
"""
_TAG = """
INSERT INTO genba.tag (
    name, source_id, address, type, label, work_unit_id, role, decimals, valid_low, valid_high, states, position
)
SELECT %s, s.id, %s, %s, jsonb_build_object('ja', %s::text, 'en', %s::text), u.id, %s, 1, %s, %s, %s::jsonb, 999
FROM genba.source s, genba.work_unit u WHERE s.code = 'washer' AND u.code = 'L6-M2'
"""
_STATES = '{"0": "IDLE", "1": "RUNNING", "4": "DOWN"}'


@pytest.fixture(scope="module")
def running(loop: Loop, place: str, plant: Plant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """A screen of a plant in which nobody reads the bath of the washer but people."""
    home: Path = tmp_path_factory.mktemp("panel")
    screen = Screen(loop, place, home, plant).live()
    url = owner_url(place)
    ask(url, _SOURCE)
    ask(url, _TAG, "L6.M2.Bath", "Bath", "float64", "Bath", "Concentration of the bath", "process", 0.0, 10.0, "{}")
    ask(url, _TAG, "L6.M2.Drain", "Drain", "int32", "Drain", "State of the drain", "reason", None, None, _STATES)
    screen.run(screen.station._look_again())
    yield screen
    screen.close()


@pytest.fixture
def washer(screen: Screen) -> EquipmentPanel:
    screen.window.go(OpenMachines("L6", "L6-M2"))
    screen.settle()
    found = screen.window._panels["equipment"]
    assert isinstance(found, EquipmentPanel)
    return found


def tile_of(card: MachineCard, tag: str) -> ValueTile:
    """The tile of ``tag``, on whichever page it is."""
    card.pager.turn(-card.pager.page)
    for _ in range(9):
        for one in card.tiles:
            if one.spec.name == tag:
                return one
        card.pager.turn(1)
    raise AssertionError(f"{tag} has no tile")


def test_what_somebody_enters_is_shown_as_entered_and_kept(screen: Screen, washer: EquipmentPanel) -> None:
    screen.sign_in("tanaka")
    view = washer.machines
    assert {spec.name for spec in view.entered} == {"L6.M2.Bath", "L6.M2.Drain"}
    screen.press("equipment.enter")
    choice = screen.sheet(ChoiceSheet)
    screen.tap_row(choice.table, "L6.M2.Bath")
    screen.tap_row(choice.table, "L6.M2.Bath")
    form = screen.sheet(AskForm)
    assert "Allowed: 0.0 to 10.0" in form._notes[0].text()
    form.fields["value"].set_text("12")
    screen.tap(form.confirm_button)
    assert form.fields["value"].message.lines.what, "beyond what can be: said, not sent"
    form.fields["value"].set_text("4.2")
    screen.tap(form.confirm_button)
    screen.until("entered", lambda: not screen.sheets())
    sample = screen.bridge.sample("L6.M2.Bath")
    assert (sample.value, sample.quality, sample.status) == (4.2, Quality.UNCERTAIN, ENTERED)
    card = view.card
    tile = tile_of(card, "L6.M2.Bath")
    assert tile._face is not None
    assert tile._face.number == "4.2", "no question mark: nobody doubts it"
    assert tile._face.glyph == "hand"
    assert word("link.manual_entry", "en") in tile._face.foot[0]
    kept = ask(
        screen.settings.database_url or "",
        "SELECT user_code FROM genba.audit WHERE operation = 'equipment:manual:enter' AND user_code <> 'setup'",
    )
    assert kept == [("tanaka",)]


def test_a_word_is_chosen_where_only_some_make_sense(screen: Screen, washer: EquipmentPanel) -> None:
    screen.sign_in("tanaka")
    card = washer.machines.card
    tile = tile_of(card, "L6.M2.Drain")
    screen.until("marked as something to enter", lambda: tile.mark == "pencil")
    QTest.mouseClick(tile, Qt.MouseButton.LeftButton)
    form = screen.sheet(AskForm)
    screen.tap(form.options["value"].buttons["4"])
    screen.tap(form.confirm_button)
    screen.until("entered", lambda: not screen.sheets())
    assert screen.bridge.sample("L6.M2.Drain").value == 4
