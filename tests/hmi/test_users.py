"""Users, rights, trail and stations on a real station: what an administrator decides stands in the database."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from core.errors import Unavailable
from core.users.export import check
from core.users.roles import ROLES
from hmi.panels.users import UsersPanel
from hmi.panels.users import page as pages
from hmi.panels.users.page import ListPage
from hmi.panels.users.trail_sheets import ChangesSheet
from hmi.sheets.ask_form import AskForm
from hmi.sheets.choice import ChoiceSheet
from hmi.sheets.decision import SignatureSheet
from tests.hmi.screen import PINS, Screen, ask


class Users:
    """The panel, and the hands that work on it."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        screen.window.open_panel("users")
        screen.settle()
        panel = screen.window._panels["users"]
        assert isinstance(panel, UsersPanel)
        self.panel = panel

    @property
    def page(self) -> ListPage:
        return self.panel.page

    @property
    def said(self) -> tuple[str, str]:
        """What stands in the place of rows."""
        return self.page.table._empty

    def turn_to(self, tab: str) -> None:
        self.panel.show_tab(tab)
        self.screen.settle()

    def person(self, code: str) -> Any:
        return next((each for each in self.page._items.values() if each.user.code == code), None)

    def choose(self, code: str) -> None:
        self.screen.until(code, lambda: self.person(code) is not None)
        self.screen.tap_row(self.page.table, self.person(code).user.id)
        self.screen.settle()

    def form(self) -> AskForm:
        return self.screen.sheet(AskForm)

    def confirm(self, form: AskForm, *, sign: bool = False) -> None:
        self.screen.tap(form.confirm_button)
        if sign:
            self.screen.until("the signature", lambda: "sheet.signature" in self.screen.sheets())
            sheet = self.screen.sheet(SignatureSheet)
            if sheet.code.isVisible() and not sheet.code.text():
                self.screen.type(sheet.code, "admin")
            self.screen.type(sheet.secret, PINS["admin"])
            self.screen.tap(sheet.confirm_button)
        self.screen.until(f"the form is done: {form.message.lines}", lambda: not self.screen.sheets())
        self.screen.settle()

    def sql(self, statement: str, *values: Any) -> list[Any]:
        return ask(self.screen.settings.database_url or "", statement, *values)


@pytest.fixture
def users(screen: Screen) -> Iterator[Users]:
    """The panel with an administrator before it."""
    screen.sign_in("admin")
    at = Users(screen)
    yield at
    at.turn_to("people")


# -- who may look ------------------------------------------------------------------------------------------------------


def test_who_may_not_look_reads_who_may(screen: Screen) -> None:
    at = Users(screen)
    for tab in ("people", "rights", "trail", "stations"):
        at.turn_to(tab)
        assert at.page.table._rows == ()
        assert "no right" in at.said[0]
        assert "Administrator" in at.said[1]
        assert screen.actions() == ["users.sign_in"], "a guest is offered to sign in"
    at.turn_to("people")
    screen.press("users.sign_in")
    screen.sign_in("tanaka")
    assert "Supervisor" in at.said[1]
    assert "Supervisor" not in (at.turn_to("rights"), at.said[1])[1]
    assert screen.actions() == []
    at.turn_to("people")


def test_what_one_may_see_is_not_left_for_the_next(users: Users) -> None:
    screen = users.screen
    screen.until("people", lambda: users.person("tanaka") is not None)
    users.turn_to("trail")
    screen.until("rows", lambda: users.page._items)
    screen.run(screen.bridge.sign_out())
    screen.settle()
    for page in (users.panel.pages["people"], users.panel.pages["trail"]):
        assert page.table._rows == ()
        assert page._items == {}
    assert users.panel.updated_at() is None


def test_without_the_database_what_was_known_stays_and_is_called_old(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = users.screen
    screen.until("people", lambda: users.person("tanaka") is not None)

    async def away(*_: object, **__: object) -> None:
        raise Unavailable("store.database_away")

    with monkeypatch.context() as patch:
        patch.setattr(screen.bridge, "ask", away)
        users.panel.refresh()
        screen.until("three lines", lambda: users.page.problem.isVisible())
        assert users.person("tanaka") is not None
        users.turn_to("stations")
        assert users.said == tuple(Unavailable("store.database_away").lines("en")[:2]), "never: there are none"
    users.turn_to("people")
    screen.until("the message goes with its cause", lambda: not users.page.problem.isVisible())


# -- people ------------------------------------------------------------------------------------------------------------


def test_a_user_is_added_gets_roles_a_pin_and_loses_access(users: Users) -> None:
    screen = users.screen
    screen.press("users.add")
    form = users.form()
    screen.tap(form.confirm_button)
    assert not form.confirm_button.pending, "what is missing is said, nothing is sent"
    assert form.fields["code"].message.lines.what
    for field, text in (("code", "kimura"), ("name_ja", "木村 愛"), ("name_en", "Ai Kimura"), ("new", "739182")):
        form.fields[field].set_text(text)  # QTest has no keys for kanji
    screen.tap(form.options["roles"].buttons["quality"])
    users.confirm(form)
    users.choose("kimura")
    assert users.person("kimura").user.roles == ("operator", "quality")
    screen.press("users.roles")
    form = users.form()
    screen.tap(form.options["roles"].buttons["operator"])
    users.confirm(form, sign=True)
    assert users.person("kimura").user.roles == ("quality",)
    screen.press("users.pin")
    form = users.form()
    screen.type(form.fields["new"], "1")
    screen.tap(form.confirm_button)
    screen.until("a PIN that is too short", lambda: form.message.lines.what)
    screen.type(form.fields["new"], "846207")
    users.confirm(form)
    screen.press("users.more")
    screen.press("users.access")
    users.confirm(users.form())
    assert not users.person("kimura").user.active
    assert users.sql("SELECT count(*) FROM genba.app_user WHERE code = 'kimura'") == [(1,)], "never deleted"
    screen.press("users.more")
    screen.press("users.access")
    users.confirm(users.form())
    assert users.person("kimura").user.active


def test_a_card_that_is_read_goes_into_the_form_and_not_to_the_sign_in(users: Users) -> None:
    screen = users.screen
    users.choose("yamamoto")
    screen.press("users.badge")
    form = users.form()
    handle = screen.window.windowHandle()
    assert handle is not None
    screen.activate()
    for sign in "CARD-4711":
        QTest.keyClick(handle, sign)  # type: ignore[call-overload]
    QTest.keyClick(handle, Qt.Key.Key_Return)  # type: ignore[call-overload]
    screen.until("the number in the field", lambda: form.fields["badge"].text() == "CARD-4711")
    assert screen.sheets() == ["sheet.ask_form"]
    users.confirm(form)
    assert [badge.label for badge in users.person("yamamoto").working_badges] == ["711"]
    assert "CARD-4711" not in str(users.sql("SELECT changes, detail, reason FROM genba.audit ORDER BY at DESC LIMIT 3"))
    screen.press("users.badge")
    choice = screen.sheet(ChoiceSheet)
    lost = str(users.person("yamamoto").working_badges[0].id)
    screen.tap_row(choice.table, lost)
    screen.tap_row(choice.table, lost)
    form = users.form()
    screen.tap(form.confirm_button)
    assert form.fields["reason"].message.lines.what, "a lost card needs a reason"
    screen.type(form.fields["reason"], "left in the train")
    users.confirm(form)
    person = users.person("yamamoto")
    assert person.working_badges == ()
    assert person.badges[0].blocked_reason == "left in the train"
    assert "left in the train" in users.page.detail.text()


def test_the_search_finds_part_of_a_name(users: Users) -> None:
    screen = users.screen
    screen.until("people", lambda: users.person("tanaka") is not None)
    for words, found in (("田中", ["tanaka"]), ("nobody at all", []), ("", None)):
        screen.tap(users.panel.pages["people"].search)  # type: ignore[attr-defined]
        form = users.form()
        form.fields["search"].set_text(words)
        users.confirm(form)
        codes = [each.user.code for each in users.page._items.values()]
        assert codes == found if found is not None else len(codes) >= 6
        if found == []:
            assert "Nobody is called like that" in users.said[0]


# -- rights ------------------------------------------------------------------------------------------------------------


def test_a_cell_is_touched_decided_for_one_line_and_signed(users: Users) -> None:
    screen = users.screen
    users.turn_to("rights")
    screen.until("the matrix", lambda: "production:order:start" in users.page._items)
    screen.press("rights.line")
    choice = screen.sheet(ChoiceSheet)
    screen.tap_row(choice.table, "L2")
    screen.tap_row(choice.table, "L2")
    screen.until("line L2", lambda: "L2" in users.page.columns()[0].title and "production:order:start" in users.page._items)
    table, role = users.page.table, list(ROLES).index("operator")
    place = table._keys.index("production:order:start")
    table.show_page(place // table.rows_per_page)
    rect = table._column_rects(0, 1)[1 + role]
    y = table._header_height() + (place % table.rows_per_page + 0.5) * table.row_height()
    QTest.mouseClick(table, Qt.MouseButton.LeftButton, pos=QPoint(round(rect.center().x()), round(y)))
    form = users.form()
    assert form.options["allowed"].chosen == ("declared",)
    screen.tap(form.options["allowed"].buttons["no"])
    assert form.options["allowed"].chosen == ("no",), "one of three"
    assert form.options["where"].chosen == ("L2",)
    screen.type(form.fields["reason"], "trainees on L2")
    users.confirm(form, sign=True)
    cell = users.page._items["production:order:start"].cells[role]
    assert (cell.allowed, cell.origin) == (False, "line")
    assert users.page.row(users.page._items["production:order:start"])[1 + role].below == "line's rule"  # type: ignore[union-attr]
    statement = "SELECT r.permission, l.code, r.allowed FROM genba.role_rule r JOIN genba.line l ON l.id = r.line_id"
    assert users.sql(statement) == [("production:order:start", "L2", False)]
    screen.press("rights.all")
    items = lambda: users.page._items  # noqa: E731 - the page is another one after each touch
    screen.until(
        "all lines, L2 differing",
        lambda: items().get("production:order:start") and items()["production:order:start"].cells[role].differing == ("L2",),
    )


def test_a_right_that_has_no_line_is_decided_for_all(users: Users) -> None:
    users.turn_to("rights")
    page: Any = users.page
    users.screen.until("the matrix", lambda: page._items)
    page._look_at("L1")
    page._look_into("users")
    users.screen.settle()
    users.screen.until("rights about users", lambda: "users:user:create" in page._items)
    page._touched("users:user:create", 1)
    assert set(users.form().options) == {"allowed"}
    users.form().close_with("cancelled")
    page._look_at("*")
    page._look_into("production")


# -- trail -------------------------------------------------------------------------------------------------------------


def test_the_trail_is_filtered_paged_and_told(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "ROWS", 3)
    monkeypatch.setattr("hmi.panels.users.trail.ROWS", 3)
    screen = users.screen
    users.turn_to("trail")
    screen.until("rows", lambda: users.page._items)
    table = users.page.table
    screen.until("more than fit are there to turn to", lambda: table.pages > 1)
    assert table.rows_per_page < len(users.page._items) < users.page.total

    def turned() -> bool:
        table.show_page(0)
        table.show_page(table.pages - 1)
        return len(users.page._items) == users.page.total

    screen.until("turning to the last page brings the next", turned)
    at = [entry.at for entry in users.page._items.values()]
    assert at == sorted(at, reverse=True)
    read, asked_at = table.page, users.page.updated_at
    users.page.refresh()
    screen.until("asked anew", lambda: users.page.updated_at != asked_at)
    assert len(users.page._items) == users.page.total
    assert table.page >= read > 0, "news takes nobody back to the first rows"
    assert "started" not in users.page.count.text()
    screen.press("trail.object")
    form = users.form()
    screen.type(form.fields["object"], "wo-1186")
    users.confirm(form)
    screen.until("what happened to the order", lambda: users.page._items)
    assert {entry.object for entry in users.page._items.values()} == {"WO-1186"}
    key = next(key for key, entry in users.page._items.items() if entry.operation == "production:order:start")
    screen.tap_row(table, key)
    screen.press("trail.details")
    sheet = screen.sheet(ChangesSheet)
    told = {str(row[1]): (row[2], row[3]) for row in sheet.table._rows}
    assert told["Status"] == ("Released", "In progress")
    sheet.close_with("confirmed")
    page: Any = users.page
    page._object = ""
    page._look_for("nobody")
    screen.settle()
    assert "Nothing was recorded" in users.said[0]
    page._look_for("*")


def test_a_refusal_stands_out_and_the_period_is_one_touch(users: Users) -> None:
    screen = users.screen
    screen.sign_in("sato", "111111")
    screen.key(Qt.Key.Key_Escape)
    users.turn_to("trail")
    page: Any = users.page
    for period in ("7d", "all", "8h", "today"):
        rects = dict(zip([id for id, _ in page.periods._tabs], page.periods.rects(), strict=True))
        QTest.mouseClick(page.periods, Qt.MouseButton.LeftButton, pos=rects[period].center().toPoint())
        screen.until("rows", lambda: page._items)
        assert page._period == period
    wrong = next(entry for entry in page._items.values() if entry.outcome == "wrong")
    row = page.row(wrong)
    assert (row[2].glyph, row[2].strong) == ("exclamation", True)
    assert row[4].text == "wrong PIN"


def test_what_is_in_sight_is_exported_signed_and_noted(users: Users) -> None:
    screen = users.screen
    users.turn_to("trail")
    page: Any = users.page
    page._look_for("admin")
    screen.until("rows", lambda: page._items)
    screen.press("trail.export")
    users.confirm(users.form())
    files = list((screen.settings.home / "export").glob("*.csv"))
    assert len(files) == 1
    found = check(files[0])
    assert (found.problems, found.station) == ((), "PANEL-1")
    with files[0].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == found.rows > 0
    assert {row["user_code"] for row in rows} == {"admin"}, "the filter of the screen counts"
    noted = users.sql("SELECT reason FROM genba.audit WHERE operation = 'users:audit:export'")
    assert files[0].name in noted[0][0]
    page._look_for("*")


# -- stations ----------------------------------------------------------------------------------------------------------


def test_sign_ins_without_the_database_are_allowed_beside_their_risk(users: Users) -> None:
    screen = users.screen
    users.turn_to("stations")
    screen.until("the station", lambda: users.page._items)
    station = next(iter(users.page._items.values()))
    assert (station.code, [each.user_code for each in station.sessions]) == ("PANEL-1", ["admin"])
    screen.tap_row(users.page.table, station.id)
    screen.press("stations.offline")
    form = users.form()
    assert any("disk" in label.text() for label in form._notes), "the risk stands beside the choice"
    screen.tap(form.options["hours"].buttons["8"])
    screen.type(form.fields["reason"], "night shift without IT")
    users.confirm(form, sign=True)
    assert users.sql("SELECT offline_h FROM genba.station WHERE code = 'PANEL-1'") == [(8,)]
    assert "disk" in users.page.detail.text()


def test_the_rules_for_sign_ins_are_changed_within_their_ranges(users: Users) -> None:
    screen = users.screen
    users.turn_to("stations")
    screen.until("the station", lambda: users.page._items)
    screen.press("stations.policy")
    screen.until("the rules", lambda: screen.sheets())
    form = users.form()
    screen.type(form.fields["lock_min"], "999")
    screen.type(form.fields["reason"], "audit")
    screen.tap(form.confirm_button)
    assert "480" in form.fields["lock_min"].message.lines.do
    screen.type(form.fields["lock_min"], "20")
    users.confirm(form, sign=True)
    assert users.sql("SELECT lock_min, pin_digits FROM genba.security_policy") == [(20, 6)]


def test_a_form_follows_the_language_and_keeps_what_was_typed(users: Users) -> None:
    screen = users.screen
    screen.press("users.add")
    form = users.form()
    screen.type(form.fields["code"], "half")
    screen.tap(form.options["roles"].buttons["maintenance"])
    screen.dress(language="ja")
    screen.turn(0.05)
    assert form.confirm_button.text() == "ユーザー登録"
    assert form.options["roles"].buttons["maintenance"].text() == "保全員"
    assert (form.fields["code"].text(), form.options["roles"].chosen) == ("half", ("operator", "maintenance"))
    screen.key(Qt.Key.Key_Escape)
