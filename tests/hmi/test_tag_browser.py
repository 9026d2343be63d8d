"""The tag browser against real controllers: who may, level by level, one value tried live, rows that the site file takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from core.errors import Refused
from core.live.link import BrowseItem
from core.live.sample import Quality
from core.live.tags import TagType
from core.sitefile import tagfile
from hmi.panels.equipment import EquipmentPanel
from hmi.panels.equipment.browser import TagBrowserView
from hmi.panels.equipment.browser_rows import MOST, found
from hmi.panels.equipment.browser_sheets import ExportRowsSheet, Range
from hmi.panels.equipment.chosen import Level
from hmi.sheets.ask_form import AskForm
from hmi.sheets.choice import ChoiceSheet
from tests.hmi.screen import Screen


@pytest.fixture
def browser(screen: Screen) -> Iterator[TagBrowserView]:
    """The tag browser with somebody from maintenance before it."""
    screen.sign_in("suzuki")
    view = opened(screen)
    yield view
    view.chosen.clear()
    view.walk.begin(None)


def opened(screen: Screen) -> TagBrowserView:
    screen.window.open_panel("equipment")
    panel = screen.window._panels["equipment"]
    assert isinstance(panel, EquipmentPanel)
    panel.show_tab("browser")
    screen.settle()
    return panel.browser


def names(view: TagBrowserView) -> dict[str, str]:
    """Address by the name of each entry shown."""
    level = view.walk.level
    return {item.name: address for address, item in level.items.items()} if level is not None else {}


def into(screen: Screen, view: TagBrowserView, name: str) -> None:
    """Touch a folder."""
    deep = len(view.walk.levels)
    screen.tap_row(view.table, names(view)[name])
    screen.until(f"what {name} holds", lambda: len(view.walk.levels) == deep + 1)
    screen.settle()


def a_value(screen: Screen, view: TagBrowserView) -> str:
    """Go down to the screwdriver of the demo plant; the address of its torque."""
    for name in ("Plant", "L1", "M2"):
        into(screen, view, name)
    return names(view)["Torque"]


# -- who may -----------------------------------------------------------------------------------------------------------


def test_a_guest_is_asked_to_sign_in_and_an_operator_is_told_who_may(screen: Screen) -> None:
    view = opened(screen)
    assert "no right" in view.table._empty[0]
    assert "Maintenance" in view.table._empty[1]
    assert screen.actions() == ["browser.sign_in"]
    screen.sign_in("tanaka")
    assert screen.actions() == []
    assert view.table._rows == ()


def test_the_station_refuses_too_whatever_the_screen_offers(screen: Screen) -> None:
    machines, spec = screen.station.machines, screen.station.site.tags[0]
    for user in ("", "tanaka"):
        if user:
            screen.sign_in(user)
        for request in (
            machines.browse("demo-opcua"),
            machines.read([spec]),
            machines.retry("demo-opcua"),
            machines.keep_rows("x.csv", ""),
        ):
            with pytest.raises(Refused) as refusal:
                screen.run(request)
            assert refusal.value.code == "store.no_right"
    assert not (screen.settings.home / "export" / "x.csv").exists()


def test_a_folder_that_cannot_be_written_is_said_and_the_choice_is_kept(screen: Screen, browser: TagBrowserView) -> None:
    screen.until("roots", lambda: names(browser))
    screen.tap_row(browser.table, a_value(screen, browser))
    screen.press("browser.choose")
    screen.press("browser.export")
    sheet = screen.sheet(ExportRowsSheet)
    folder = screen.settings.home / "export"
    aside = folder.with_name("aside")
    if folder.exists():
        folder.rename(aside)
    folder.write_text("a file stands where the folder should be")
    try:
        screen.tap(sheet.confirm_button)
        screen.until("said", lambda: not sheet.message.isHidden())
        assert "could not be written" in sheet.message.lines.what
        assert len(browser.chosen) == 1
    finally:
        folder.unlink()
        if aside.exists():
            aside.rename(folder)
        sheet.close_with("cancelled")


def test_nothing_is_left_for_the_next_person(screen: Screen, browser: TagBrowserView) -> None:
    screen.until("roots", lambda: names(browser))
    screen.run(screen.bridge.sign_out())
    screen.settle()
    assert browser.table._rows == ()
    assert browser.trial.isHidden()


# -- levels ------------------------------------------------------------------------------------------------------------


def test_levels_open_by_touch_and_by_keys_and_stay_as_they_were(screen: Screen, browser: TagBrowserView) -> None:
    screen.until("roots", lambda: "Server" in names(browser))
    into(screen, browser, "Server")
    assert browser.path.text() == "Server"
    assert browser.up.isEnabled()
    screen.tap(browser.up)
    assert "Server" in names(browser)
    assert browser.table.selected_key == names(browser)["Server"], "the folder that was left is the one under the finger"
    browser.table.setFocus()
    screen.key(Qt.Key.Key_Return)
    screen.until("open by Enter", lambda: len(browser.walk.levels) == 2)
    screen.settle()
    screen.key(Qt.Key.Key_Backspace)
    assert len(browser.walk.levels) == 1


def test_a_machine_that_does_not_answer_is_said_in_its_place(screen: Screen, browser: TagBrowserView) -> None:
    screen.until("roots", lambda: names(browser))
    browser.walk._load(Level("no such node", "gone"))
    screen.until("said", lambda: browser.problem.isVisible())
    assert "Server" in names(browser), "the level above stays"


# -- a value tried, chosen, exported -----------------------------------------------------------------------------------


def test_a_value_is_tried_live_chosen_and_becomes_a_row(screen: Screen, browser: TagBrowserView) -> None:
    screen.until("roots", lambda: names(browser))
    address = a_value(screen, browser)
    screen.tap_row(browser.table, address)
    trial = browser.trial
    screen.until("a value", lambda: trial._sample is not None and trial._sample.quality is Quality.GOOD)
    assert trial.value.text() != "— —"
    assert trial.spec is not None
    assert trial.spec.type in (TagType.FLOAT32, TagType.FLOAT64)
    first = trial._sample
    screen.until("read again", lambda: trial._sample is not first)
    screen.press("browser.choose")
    assert trial.spec.name == "Plant.L1.M2.Torque"
    assert browser.chosen.has("demo-opcua", browser.walk.level.items[address])  # type: ignore[union-attr]
    screen.press("browser.export")
    sheet = screen.sheet(ExportRowsSheet)
    screen.tap(sheet.copy)
    copied = QGuiApplication.clipboard().text()
    screen.tap(sheet.confirm_button)
    screen.until("written", lambda: not screen.sheets())
    written = list((screen.settings.home / "export").glob("tags-*.csv"))
    assert len(written) == 1
    text = written[0].read_bytes().decode("utf-8-sig")
    assert text.replace("\r\n", "\n") == copied.replace("\r\n", "\n")
    problems: list[object] = []
    rows = tagfile.parse(text, "tags.csv", problems)  # type: ignore[arg-type]
    assert problems == []
    assert [(row["source"], row["address"]) for row in rows] == [("demo-opcua", address)]
    assert rows[0]["name"] not in {spec.name for spec in screen.station.site.tags}
    assert len(browser.chosen) == 0
    written[0].unlink()


def test_it_is_read_as_somebody_says(screen: Screen, browser: TagBrowserView) -> None:
    screen.until("roots", lambda: names(browser))
    screen.tap_row(browser.table, a_value(screen, browser))
    screen.press("browser.type")
    sheet = screen.sheet(ChoiceSheet)
    screen.tap_row(sheet.table, "string")
    screen.tap_row(sheet.table, "string")
    assert browser.trial.spec is not None
    assert browser.trial.spec.type is TagType.STRING
    assert "string" in screen.window.content.button("browser.type").text()  # type: ignore[union-attr]
    screen.until("an answer", lambda: browser.trial._sample is not None)
    assert browser.trial._sample is not None
    assert browser.trial._sample.quality is not Quality.GOOD, "a number is no text"


def test_a_whole_level_is_chosen_without_what_is_in_use(screen: Screen, browser: TagBrowserView) -> None:
    screen.until("roots", lambda: names(browser))
    a_value(screen, browser)
    used = {spec.address for spec in screen.station.site.tags if spec.source == "demo-opcua"}
    level = browser.walk.level
    assert level is not None
    screen.press("browser.all")
    assert {spec.address for spec in browser.chosen} == {item.address for item in level.items.values() if item.type} - used
    assert len({spec.name for spec in browser.chosen}) == len(browser.chosen)


def test_a_search_finds_among_many(screen: Screen, browser: TagBrowserView) -> None:
    screen.until("roots", lambda: names(browser))
    many = [BrowseItem(f"s=Tag{number}", f"Tag {number}", False, "Double") for number in range(20_000)]
    browser.walk._take(Level("many", "Many").holding(many))
    assert len(browser.table._rows) == MOST
    assert "20,000" in browser.count.text()
    screen.press("browser.search")
    form = screen.sheet(AskForm)
    form.fields["words"].set_text("tag 19999")
    screen.tap(form.confirm_button)
    screen.until("found", lambda: browser.table._keys == ("s=Tag19999",))
    entries, total = found(Level("many", "Many").holding(many), "")
    assert (len(entries), total) == (MOST, 20_000)


# -- Modbus ------------------------------------------------------------------------------------------------------------


def test_a_modbus_machine_is_scanned_by_range(screen: Screen, browser: TagBrowserView) -> None:
    browser.show_source("demo-modbus")
    screen.settle()
    assert "browser.scan" in screen.actions()
    asked: list[str | None] = []
    browse = screen.bridge.machines.browse

    async def note(source: str, address: str | None) -> list[BrowseItem]:
        asked.append(address)
        return await browse(source, address)

    screen.bridge.machines.browse = note  # type: ignore[method-assign]
    try:
        screen.press("browser.scan")
        form = screen.sheet(AskForm)
        form.fields["unit"].set_text("1")
        form.fields["first"].set_text("0")
        form.fields["count"].set_text("250")
        screen.tap(form.confirm_button)
        screen.until("scanned", lambda: len(asked) == 3 and not browser.walk.loading)
    finally:
        del screen.bridge.machines.browse  # type: ignore[method-assign]
    assert asked == ["1/holding/0-99", "1/holding/100-199", "1/holding/200-249"]
    assert browser.path.text() == "1/holding/0-249"


def test_a_range_ends_where_the_addresses_end() -> None:
    last = Range(1, "input", 65_500, 100)
    assert last.address == "1/input/65500-65535"
    assert [step.address for step in last.steps()] == ["1/input/65500-65535"]
