"""Pages of the gallery for a plant without its database: heads and bands in every trouble, what waits, and what needs a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from pydantic import TypeAdapter
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.errors import GenbaError, Refused
from core.live.link import LinkState, LinkStatus
from core.production import rules
from core.production.views import BlockerView, OrderChange, OrderStatus, OrderView, ReportView
from core.store.journalrows import Entry
from core.store.operation import Request
from core.words import of_operation
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels.orders.facts import OrderFacts
from hmi.panels.orders.table import OrderTable
from hmi.panels.orders.unassigned import UnassignedView
from hmi.sheets.assign import AssignSheet
from hmi.sheets.attention import AttentionSheet
from hmi.sheets.decide import DecideSheet
from hmi.shell.header import Header
from hmi.widgets.bands import Band
from hmi.widgets.sheet import BottomSheet
from tests.hmi.front import CREW
from tests.screens import people

AT = datetime(2026, 7, 14, 1, 42, 7, tzinfo=UTC)
SUPERVISOR = 1
HOME = "/var/lib/genba/panel-press-line-12"


def _id(name: str) -> UUID:
    return uuid5(UUID(int=0), name)


def order(number: str = "WO-1184", **more: Any) -> OrderView:
    """A started order of the test line."""
    product, line = {"ja": "ブラケット組立品 検査済", "en": "Bracket assembly, tested"}, {"ja": "検査", "en": "Test"}
    made = OrderView(
        _id(number), number, "T-4010", product, "L4", line, OrderStatus.IN_PROGRESS, 5, Decimal(400), Decimal(180), Decimal(3), "pcs",
        AT - timedelta(hours=3), AT + timedelta(hours=5), AT - timedelta(hours=2), None, "", "", 4, 183, 2,
        (rules.REPORT, rules.COMPLETE, rules.PAUSE), (), 0.75, AT + timedelta(hours=4), 7200.0, AT,
    )  # fmt: skip
    return replace(made, **more)


def report(number: int, **more: Any) -> ReportView:
    """Parts that were made for no order."""
    made = ReportView(
        _id(f"report {number}"), None, "", "L4", Decimal(12), Decimal(1), "pcs", "Q01", "", None, 12, 1,
        AT - timedelta(minutes=17 * number), "tanaka", "PANEL-12",
    )  # fmt: skip
    return replace(made, **more)


def away(window: QWidget) -> Bridge:
    """A bridge to a station whose database is away and at which a supervisor is signed in; what is asked is never answered."""
    made = people.bridge(window, SUPERVISOR)
    made._station.database_up, made._station.waiting = False, 12  # type: ignore[union-attr, misc]
    made.start = lambda action, *_, **__: action.close()  # type: ignore[assignment]
    return made


def headers(window: QWidget) -> None:
    """One below the other: well, away, back with something for a person, standing still, showing only, about to sign off."""
    column = QVBoxLayout(window)
    well = {"a": LinkStatus("a", LinkState.ONLINE, 1.0), "b": LinkStatus("b", LinkState.ONLINE, 1.0)}
    actor = CREW[SUPERVISOR].actor(_id("session"))

    def head(links: dict[str, LinkStatus], up: bool | None, waiting: int, parked: int = 0, *, only: bool = False) -> Header:
        shown = Header()
        shown.setFixedHeight(max(theme.current().px(72), theme.current().touch + 2 * theme.current().px(6)))
        shown.show_links(links, {"a": "模擬PLC Simulated PLC", "b": "Press"})
        shown.show_database(up, waiting, parked, read_only=only)
        shown.show_actor(actor)
        shown.show_beat(2, ())
        column.addWidget(shown)
        return shown

    head(well, True, 0)
    head({}, None, 0)
    head(well, False, 1_000)
    head(well, True, 12, 3)
    head({}, True, 0, only=True)
    down = {"a": LinkStatus("a", LinkState.OFFLINE, AT.timestamp()), "b": LinkStatus("b", LinkState.DEGRADED, AT.timestamp())}
    head(down, False, 3, 120).show_seconds_left(30)
    head(well, True, 0).show_beat(2, ("drivers",))
    head(well, True, 0).show_beat(2, ("loop",))
    column.addStretch(1)


_TROUBLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("disk.low", {"path": HOME, "free": "480", "alarm": "200"}),
    ("disk.almost_full", {"path": HOME, "free": "12"}),
    ("disk.not_writable", {"path": HOME, "problem": "Read-only file system"}),
    ("store.journal_damaged", {"path": HOME, "lost": 2}),
    ("station.clock_off", {"seconds": "-86,400", "server": "2026-07-14 10:42"}),
    (
        "backup.overdue",
        {"problem": {"ja": "空きがない", "en": "no room"}, "do": {"ja": "管理者を呼ぶ。", "en": "Call somebody."}, "last": "07-12"},
    ),
)
_REASONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("store.name_taken", {"station": "PANEL-PRESS-12", "host": "hmi-press-line-12", "since": "2026-07-14 10:42"}),
    ("store.program_too_old", {"program": "0.2.0", "oldest": "0.3.0", "newest": "0.3.0"}),
    ("store.schema_too_old", {"program": "0.3.0", "oldest": "0.1.0", "newest": "0.2.0"}),
)


def bands(window: QWidget) -> None:
    """What is wrong with disks, journal, clock and backups; why a panel only shows; a saved picture, and none."""
    column = QVBoxLayout(window)
    language = theme.language()

    def add(band: Band) -> Band:
        # As in the window, which has its size before anything goes wrong.
        band.resize((theme.current().screen_px or (1024, 768))[0], band.height())
        column.addWidget(band)
        return band

    for code, given in _TROUBLES:
        error = GenbaError(code, **given)
        add(Band("alarm" if error.severity == "error" else "warning")).show_band(detail="  ".join(error.lines(language)))
    for code, given in _REASONS:
        add(Band("read_only")).show_band(detail="  ".join(GenbaError(code, **given).lines(language)))
    for age_s in (90_000.0, None):
        add(Band("snapshot")).show_band(age_s=age_s)
    column.addStretch(1)


def orders(window: QWidget) -> None:
    """Two wait for the database, one of them blocked as well."""
    column = QVBoxLayout(window)
    blocked = BlockerView(_id("blocker"), "quality", "Lot 240711-03 is on hold", "sato", AT)
    rows = (
        order(),
        order("WO-1185", status=OrderStatus.PAUSED, blockers=(blocked,)),
        order("WO-1186", status=OrderStatus.HELD, blockers=(blocked,)),
        order("WO-1187", status=OrderStatus.RELEASED),
    )
    table, facts = OrderTable(), OrderFacts()
    table.retranslate()
    table.show_orders(rows, {f"order:{one.id}" for one in rows[:2]})
    table.choose(rows[0].id)
    facts.show_order(rows[0], True)
    column.addWidget(table, 1)
    column.addWidget(facts)


def _unassigned(window: QWidget, reports: tuple[ReportView, ...] | None) -> None:
    view = UnassignedView()
    view.retranslate()
    if reports is None:
        view.show_unknown(unreachable=True)
    else:
        view.show_reports(reports)
        view.table.select(reports[0].id if reports else None)
    QVBoxLayout(window).addWidget(view)


def unassigned(window: QWidget) -> None:
    """Three, the first one booked by a supervisor for somebody who had no right any more."""
    adopted = report(1, reason="yamamoto: 夜勤の集計、現物で確認済み counted by hand, the machine's counter stood still")
    _unassigned(window, (adopted, report(2, good=Decimal(1_234), machine_good=None, machine_reject=None), report(90)))


def assign(window: QWidget) -> None:
    """Neither an order nor a reason yet."""
    sheet = AssignSheet(window, away(window), report(1))
    sheet._orders = {str(one.id): one for one in (order(), order("WO-1185", status=OrderStatus.COMPLETED))}
    sheet.say()
    sheet.setProperty("open", True)
    sheet.setProperty("confirm", True)


def start(window: QWidget) -> None:
    """A step that will wait, told before it is confirmed."""
    from core.production.orders import pause_order

    DecideSheet(window, away(window), pause_order, order()).setProperty("open", True)


def entry(n: int, operation: str, args: dict[str, Any], refusal: GenbaError, seen: OrderView) -> Entry:
    """Something of this station that was not taken when it came home."""
    request = Request(id=_id(f"request {n}"), operation=operation, station="PANEL-12", user_code="tanaka", decided_at=AT, args=args)
    told = {"kind": refusal.kind, "code": refusal.code, "params": dict(refusal.params)}
    text = TypeAdapter(OrderView).dump_json(seen).decode()
    return Entry(n, "parked", request, CREW[0].actor(None), f"order:{seen.id}", text, told, AT)


def _attention(window: QWidget, place: int) -> None:
    """A start that came too late, and parts that the database does not take from who reported them."""
    line = {"ja": "検査", "en": "Test"}
    late = Refused("order.line_busy", number="WO-1184", running="WO-FIRST", line=line)
    denied = Refused("store.no_right", operation=of_operation(rules.REPORT))
    entries = [
        entry(1, rules.START, {"order_id": str(_id("WO-1184"))}, late, order()),
        entry(
            2,
            rules.REPORT,
            {"good": "12.000", "scrap": "1", "defect_code": "Q01"},
            denied,
            order(),
        ),
    ]
    sheet = AttentionSheet(window, away(window))
    sheet._entries = {one.request.id: one for one in entries}
    change = OrderChange(AT, rules.RELEASE, "ito", "伊藤 美咲", "PANEL-1", OrderStatus.PLANNED, OrderStatus.RELEASED)
    sheet._now = {one.request.id: (order(status=OrderStatus.RELEASED), (change,)) for one in entries}
    sheet._show()
    sheet.table.select(entries[place].request.id)
    sheet.setProperty("open", True)


def attention_empty(window: QWidget) -> None:
    """Nothing needs anybody; twelve wait."""
    AttentionSheet(window, away(window)).setProperty("open", True)


PAGES: dict[str, Callable[[QWidget], None]] = {
    "headers": headers,
    "bands": bands,
    "orders_waiting": orders,
    "orders_unassigned": unassigned,
    "orders_unassigned_none": lambda window: _unassigned(window, ()),
    "orders_unassigned_unknown": lambda window: _unassigned(window, None),
    "orders_assign": assign,
    "decide_away": start,
    "attention_step": lambda window: _attention(window, 0),
    "attention_fact": lambda window: _attention(window, 1),
    "attention_empty": attention_empty,
}


def pages(ground: Callable[[], QWidget]) -> dict[str, Callable[[], QWidget]]:
    """The pages, each on an empty window."""

    def page(name: str) -> QWidget:
        window = ground()
        PAGES[name](window)
        return window

    return {name: partial(page, name) for name in PAGES}


def opened(window: QWidget) -> None:
    """Open the sheet of a page, once the window has its size; one that lacks something is pressed, so that it says what."""
    for sheet in window.findChildren(BottomSheet, options=Qt.FindChildOption.FindDirectChildrenOnly):
        if isinstance(sheet, AssignSheet | AttentionSheet | DecideSheet) and sheet.property("open"):
            sheet.open()
            if sheet.property("confirm"):
                sheet.press_confirm()
