"""Pages of the gallery that show who works here and what was done: each view of the users panel, full, empty, and not to be seen."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.equipment.stations import StandingView, StationView
from core.errors import Unavailable
from core.users.admin_views import BadgeView, PersonView, SessionView
from core.users.audit_views import AuditEntry, ColumnChange, Mark, RowChange
from core.users.rights import matrix
from core.users.roles import Rule
from core.users.views import UserView
from hmi.panels.users.page import ListPage
from hmi.panels.users.people import PeoplePage
from hmi.panels.users.places import StationsPage
from hmi.panels.users.rights import RightsPage
from hmi.panels.users.trail import TrailPage
from tests.screens.people import bridge

AT = datetime(2026, 7, 14, 1, 42, 7, tzinfo=UTC)
WELL = StandingView(AT, True, 0.012, 0.02, 0, 0)
UNWELL = StandingView(AT, False, -86_400.4, 12.0, 7, 1)
OPERATOR, ADMINISTRATOR = 0, 2


def session(station: str, *, offline: bool = False) -> SessionView:
    """Somebody signed in for two hours."""
    name = {"ja": "田中 一郎", "en": "Ichiro Tanaka"}
    return SessionView(station, "tanaka", name, AT - timedelta(hours=2), AT + timedelta(hours=10), offline)


def people() -> dict[Hashable, Any]:
    """One at two stations with a lost card, one with every role and a long name, one without access."""
    lost = BadgeView(uuid4(), "711", AT - timedelta(days=9), AT, "電車に置き忘れ")
    card = BadgeView(uuid4(), "815", AT - timedelta(days=2), None, "")
    every = ("administrator", "maintenance", "operator", "quality", "supervisor")
    long = {"ja": "マクシミリアン・フェザーストーンホー", "en": "Maximilian Featherstonehaugh-Montgomery"}
    users = (
        PersonView(
            UserView(1, "tanaka", {"ja": "田中 一郎", "en": "Ichiro Tanaka"}, "ja", ("operator",), True, False, "site", 1),
            (card, lost),
            (session("PANEL-1"), session("PANEL-12", offline=True)),
        ),
        PersonView(UserView(2, "mfm", long, "en", every, True, False, "screen", 4), (), ()),
        PersonView(UserView(3, "kimura", {"ja": "木村 愛", "en": "Ai Kimura"}, "ja", ("quality",), False, True, "site", 2), (), ()),
    )
    return {each.user.id: each for each in users}


def entry(seq: int, who: tuple[str, str], operation: str, about: str, main: ColumnChange | None, **more: Any) -> AuditEntry:
    """One row of the trail; ``who``: code and name."""
    change = () if main is None else (RowChange("work_order", str(uuid4()), "update", (main,)),)
    given: dict[str, Any] = {
        "station": "PANEL-1", "seq": seq, "at": AT - timedelta(minutes=seq), "decided_at": AT - timedelta(minutes=seq, seconds=1),
        "request_id": None, "operation": operation, "outcome": "done", "user_code": who[0], "user_name": who[1], "object": about,
        "main": main, "changes": change, "reason": "", "signature": None, "authorised_by": None, "refusal": "", "late": False,
        "offline": False, "database_user": "panel1", "hash": "5b7d" * 16,
    }  # fmt: skip
    return AuditEntry(**(given | more))


def trail() -> dict[Hashable, Any]:
    """A signature, a leave, a decision without the database, a refusal, and a station that was locked."""
    tanaka, ito, sato = ("tanaka", "田中 一郎"), ("ito", "伊藤 美咲"), ("sato", "佐藤 由美")
    signed = Mark("sato", "佐藤 由美 / Yumi Sato", "approval", AT)
    status, limits = ColumnChange("status", "IN_PROGRESS", "HELD"), ColumnChange("value", "9.80 … 10.20", "9.85 … 10.15")
    rows = (
        entry(1, tanaka, "production:order:hold", "WO-1182", status, reason="crack in 3 parts", offline=True),
        entry(
            2, ito, "production:report:correct", "WO-1182", ColumnChange("completed", "180", "200"), reason="miscount", authorised_by=signed
        ),
        entry(3, sato, "users:right:decide", "operator production:order:cancel", limits, reason="25 groups", signature=signed),
        entry(4, tanaka, "production:order:cancel", "", None, outcome="refused", refusal="store.no_right"),
        entry(5, ("guest", "guest"), "users:session:start", "tanaka", None, outcome="station_locked", decided_at=None),
    )
    return {(each.station, each.seq): each for each in rows}


def stations() -> dict[Hashable, Any]:
    """One with sign-ins without the database, one that was revoked, one that never came."""
    found = (
        StationView(1, "PANEL-1", "", "L1", "hmi-l1", "0.2.0", AT, AT, "genba_panel_1", None, 24, (session("PANEL-1"),), WELL),
        StationView(2, "PANEL-12", "", "L12", "hmi-press-line-12", "0.2.0", AT, AT, "genba_panel_12", AT, 0, (), UNWELL),
        StationView(3, "OFFICE", "", "", "", "", None, None, "", None, 0, ()),
    )
    return {each.id: each for each in found}


def _page(window: QWidget, kind: type[ListPage], who: int = ADMINISTRATOR) -> ListPage:
    page = kind(bridge(window, who))
    QVBoxLayout(window).addWidget(page)
    return page


def _known(page: ListPage, items: dict[Hashable, Any]) -> None:
    """As after an answer, with the first row chosen."""
    page._known = True
    page.filters.setVisible(page.head.count() > 0)
    page._show(items, len(items))
    if items:
        page.table.select(next(iter(items)))


def _full(kind: type[ListPage], items: Callable[[], dict[Hashable, Any]]) -> Callable[[QWidget], None]:
    return lambda window: _known(_page(window, kind), items())


def rights(window: QWidget) -> None:
    """The site forbids one thing for all lines, and allows it on two of them."""
    page = _page(window, RightsPage)
    assert isinstance(page, RightsPage)
    start = "production:order:start"
    page._matrix = matrix(
        None, [Rule("operator", start, None, False), Rule("operator", start, "L1", True), Rule("operator", start, "L12", True)]
    )
    page.retranslate()
    _known(page, {each.permission: each for each in page._matrix.rights if each.feature == "production"})
    page.table.select(start)


def no_right(window: QWidget) -> None:
    """An operator looks at the rights."""
    _page(window, RightsPage, OPERATOR).retranslate()


def loading(window: QWidget) -> None:
    """Nothing has come yet."""
    page = _page(window, TrailPage)
    page.filters.show()
    page.forget()


def away(window: QWidget) -> None:
    """The database went after an answer: what was known stays."""
    page = _page(window, PeoplePage)
    _known(page, people())
    page.setProperty("away", True)


PAGES: dict[str, Callable[[QWidget], None]] = {
    "users_people": _full(PeoplePage, people),
    "users_rights": rights,
    "users_trail": _full(TrailPage, trail),
    "users_stations": _full(StationsPage, stations),
    "users_no_right": no_right,
    "users_loading": loading,
    "users_empty": _full(TrailPage, dict),
    "users_away": away,
}


def pages(ground: Callable[[], QWidget]) -> dict[str, Callable[[], QWidget]]:
    """The pages, each on an empty window."""

    def page(name: str) -> QWidget:
        window = ground()
        PAGES[name](window)
        return window

    return {name: partial(page, name) for name in PAGES}


def opened(window: QWidget) -> None:
    """Show the message of a page that has one, once the window has its size."""
    for page in window.findChildren(ListPage):
        if page.property("away"):
            page.problem.show_error(Unavailable("store.database_away"))
