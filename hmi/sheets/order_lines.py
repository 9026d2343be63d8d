"""A work order line by line, for whoever compares two versions of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo

from PySide6.QtCore import QCoreApplication

from core.production.orders import get_order
from core.production.views import OrderView
from core.words import number, word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.sheets.conflict import ConflictSheet
from hmi.widgets.sheet import BottomSheet

translate = QCoreApplication.translate


async def compare(
    sheet: BottomSheet,
    bridge: Bridge,
    seen: OrderView,
    mine: Sequence[Shown],
    possible: Callable[[OrderView], bool],
    again: Callable[[OrderView], None],
) -> bool:
    """Lay what somebody else made of an order beside what ``sheet`` wanted; False when nothing of it can be shown.

    Args:
        sheet: Stays open below; it closes when theirs is left.
        bridge: Asks for the order as it is now.
        seen: The order as ``sheet`` showed it.
        mine: What ``sheet`` wanted.
        possible: Whether that makes sense on the order as it is now.
        again: Decides it again, on the order as it is now.
    """
    now = (await bridge.ask(get_order, order_id=seen.id)).value
    theirs = differences(seen, now, bridge.zone())
    ground = sheet.parentWidget()
    if not theirs or ground is None:  # the database did not answer: the three lines say what to do
        return False
    sheet.set_pending(False)
    sheet.end_time()
    conflict = ConflictSheet(ground, now.number, mine, theirs, (lambda: again(now)) if possible(now) else None)
    conflict.left.connect(lambda: sheet.close_with("cancelled"))
    conflict.open()
    return True


def differences(seen: OrderView, now: OrderView, zone: tzinfo) -> list[Shown]:
    """What of an order is otherwise than it was seen."""
    before, after = _lines(seen, zone), _lines(now, zone)
    return [Shown(label, before[label], text) for label, text in after.items() if text != before[label]]


def _lines(order: OrderView, zone: tzinfo) -> dict[str, str]:
    language = theme.language()
    return {
        translate("OrderLines", "State"): word(f"order.{order.status}", language),
        translate("OrderLines", "Planned"): number(order.planned),
        translate("OrderLines", "Good"): number(order.completed),
        translate("OrderLines", "Scrap"): number(order.scrap),
        translate("OrderLines", "Rework"): number(order.rework),
        translate("OrderLines", "Priority"): str(order.priority),
        translate("OrderLines", "Start"): f"{order.scheduled_start_at.astimezone(zone):%m-%d %H:%M}",
        translate("OrderLines", "Due"): f"{order.scheduled_end_at.astimezone(zone):%m-%d %H:%M}",
        translate("OrderLines", "Note"): order.note,
        translate("OrderLines", "Reason"): order.reason,
    }
