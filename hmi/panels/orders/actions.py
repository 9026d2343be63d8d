"""What the action bar of the orders offers: what is legal for the chosen one, what a supervisor plans behind "more"."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.production import orders as steps
from core.production import rules
from core.production.queue import prioritise_order, reorder_queue, revise_order
from core.production.readings import read_counter
from core.production.reports import book_report
from core.production.views import OrderView
from core.sitefile.importing import import_orders
from core.words import word
from hmi import theme
from hmi.panels import Action
from hmi.sheets.count_pad import CountPad
from hmi.sheets.decide import step_word
from hmi.sheets.importing import ImportSheet
from hmi.sheets.queue import QueueSheet
from hmi.sheets.revise import PrioritySheet, ReviseSheet, reading_form
from hmi.widgets.sheet import BottomSheet

if TYPE_CHECKING:
    from core.store.operation import Operation
    from hmi.panels.orders import OrdersPanel

STEPS: dict[str, Operation[..., OrderView]] = {
    step.name: step
    for step in (
        steps.release_order, steps.start_order, steps.pause_order, steps.resume_order, steps.complete_order,
        steps.hold_order, steps.unhold_order, steps.cancel_order, steps.close_order,
    )
}  # fmt: skip
"""What the action bar can offer, by operation name."""

_FIRST = (rules.RELEASE, rules.START, rules.RESUME, rules.REPORT)
_RARE = (rules.HOLD, rules.UNHOLD, rules.CANCEL, rules.CLOSE)
"""Steps behind "more": seldom, and not to be hit by accident."""

_MORE_MAX = 4


def bar(panel: OrdersPanel, order: OrderView | None) -> list[Action]:
    """At most five; the most likely one is second from the left."""
    ground, bridge = panel.ground, panel.bridge
    create = Action("orders.create", word("button.create", theme.language()), panel._create)
    if order is None:
        return [create, *_plain(panel, "import", import_orders, lambda: ImportSheet(ground, bridge))]
    offered = [known for known in order.next_operations if known in _FIRST]
    first = [_step(panel, known, order, primary=place == 0) for place, known in enumerate(offered)]
    if rules.REPORT in offered and order.counting == "hand":
        first[:0] = _plain(panel, "count", book_report, lambda: CountPad(ground, bridge, order), primary=True)
    if rules.REPORT in offered and order.counting == "readings":
        first += _plain(panel, "read", read_counter, lambda: reading_form(ground, bridge, order))
    second = [_step(panel, known, order) for known in (rules.COMPLETE, rules.PAUSE) if known in order.next_operations]
    rest = [Action("orders.more", word("button.more", theme.language()), lambda: panel._show_more(True))] if _rare(panel, order) else []
    return [*[create, *first, *second][: 5 - len(rest)], *rest]


def more(panel: OrdersPanel, order: OrderView, page: int) -> list[Action]:
    """What stands behind "more", turned page by page when it is too much for one bar."""
    actions = _rare(panel, order)
    back = Action("orders.back", word("button.back", theme.language()), lambda: panel._show_more(False))
    if len(actions) <= _MORE_MAX:
        return [back, *actions]
    each = _MORE_MAX - 1
    first = page % -(-len(actions) // each) * each
    return [back, *actions[first : first + each], Action("orders.next", word("button.more", theme.language()), panel._next_page)]


def _rare(panel: OrdersPanel, order: OrderView) -> list[Action]:
    """What is not to be hit by accident, and what a supervisor plans."""
    ground, bridge = panel.ground, panel.bridge
    actions = [_step(panel, known, order) for known in _RARE if known in order.next_operations]
    if order.status in rules.OPEN:
        actions += _plain(panel, "revise", revise_order, lambda: ReviseSheet(ground, bridge, order))
        actions += _plain(panel, "prioritise", prioritise_order, lambda: PrioritySheet(ground, bridge, order))
        actions += _plain(panel, "queue", reorder_queue, lambda: QueueSheet(ground, bridge, order.line_code))
    return actions


def _step(panel: OrdersPanel, known: str, order: OrderView, *, primary: bool = False) -> Action:
    if known == rules.REPORT:
        return Action("orders.report", word("button.report", theme.language()), lambda: panel._report(order), primary=primary)
    return Action(f"orders.{known.rpartition(':')[2]}", step_word(known), lambda: panel._decide(STEPS[known], order), primary=primary)


def _plain(
    panel: OrdersPanel, name: str, operation: Operation[..., Any], sheet: Callable[[], BottomSheet], *, primary: bool = False
) -> list[Action]:
    """A button that opens a sheet of its own; none for somebody who must not do what it ends in."""
    if not panel.bridge.may(operation):
        return []
    return [Action(f"orders.{name}", word(f"button.{name}", theme.language()), lambda: panel.open_sheet(sheet), primary=primary)]
