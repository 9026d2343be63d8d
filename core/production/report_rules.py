"""What a report must explain: how far it may lie from what the machine counted, and how far an order may be made smaller.

Pure; the sheet asks before it is confirmed, the operation when it is booked.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from core.errors import Invalid
from core.production.rules import check_planned, plain

if TYPE_CHECKING:
    from core.production.views import OrderView

ONE_PART: Final = Decimal(1)
"""A part is on its way between the counter and the box, so one is never a difference to explain."""


def difference(good: Decimal, scrap: Decimal, rework: Decimal, counted: Decimal) -> Decimal:
    """What a report says beyond what was counted: above 0 more, below 0 less. That a part is scrap and not good is no difference."""
    return good + scrap + rework - counted


def must_explain(difference: Decimal, counted: Decimal, limit: Decimal) -> bool:
    """True when a difference needs a reason: more than one part, and more than ``limit`` (share 0 … 1) of what was counted."""
    return abs(difference) > max(ONE_PART, limit * counted)


def settled(order: OrderView, good: Decimal, bad: Decimal, *, explained: bool) -> tuple[Decimal, Decimal]:
    """What of the machine's good parts and rejects is settled with a report although it says otherwise; (0, 0) where nothing counts.

    Parts that were sorted otherwise than the machine did are settled, and so is a difference that was explained: neither is proposed
    again. A difference within the limit stays open, so that many small ones do not make a large one that nobody explained.

    Args:
        order: As it stands before the report, with the count that stood beside the entry.
        good: Reported good parts.
        bad: Reported scrap and rework.
        explained: A reason was given.
    """
    if order.machine_good is None or order.counting == "hand":
        return Decimal(0), Decimal(0)
    open_good = order.machine_good - order.completed - order.settled_good - good
    open_reject = (order.machine_reject or 0) - order.scrap - order.rework - order.settled_reject - bad
    left = Decimal(0) if explained else open_good + open_reject
    return open_good - left, open_reject


def check_revised(planned: Decimal, completed: Decimal) -> None:
    """What an order may be revised to.

    Raises:
        Invalid: ``order.planned_not_positive``; ``order.below_reported`` when more good parts are reported already.
    """
    check_planned(planned)
    if planned < completed:
        raise Invalid("order.below_reported", planned=plain(planned), reported=plain(completed))
