"""What a report must explain: how far it may lie from what the machine counted, and how far an order may be made smaller.

Pure; the sheet asks before it is confirmed, the operation when it is booked.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.errors import Invalid
from core.production.rules import check_planned, plain

ONE_PART: Final = Decimal(1)
"""A part is on its way between the counter and the box, so one is never a difference to explain."""


def difference(good: Decimal, scrap: Decimal, rework: Decimal, counted: Decimal) -> Decimal:
    """What a report says beyond what was counted: above 0 more, below 0 less. That a part is scrap and not good is no difference."""
    return good + scrap + rework - counted


def must_explain(difference: Decimal, counted: Decimal, limit: Decimal) -> bool:
    """True when a difference needs a reason: more than one part, and more than ``limit`` (share 0 … 1) of what was counted."""
    return abs(difference) > max(ONE_PART, limit * counted)


def check_revised(planned: Decimal, completed: Decimal) -> None:
    """What an order may be revised to.

    Raises:
        Invalid: ``order.planned_not_positive``; ``order.below_reported`` when more good parts are reported already.
    """
    check_planned(planned)
    if planned < completed:
        raise Invalid("order.below_reported", planned=plain(planned), reported=plain(completed))
