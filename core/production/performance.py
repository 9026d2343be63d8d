"""OEE and losses over any range: of machines, lines, orders, products, areas or the whole site."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from core.production.time_views import Losses, Performance
from core.store.query import query

if TYPE_CHECKING:
    from core.store.base import Db

Scope = Literal["site", "area", "line", "unit", "order", "product"]
GroupedBy = Literal["", "unit", "product", "order", "shift", "day"]
ParetoBy = Literal["reason", "unit", "order"]
Codes = Annotated[tuple[Annotated[str, Field(max_length=50)], ...], Field(max_length=50)]
"""Codes of areas, lines, work units or products, or numbers of orders; () for all of the scope (not for orders and products)."""


@query("production:performance:get", report=True)
def get_performance(
    db: Db, *, from_at: datetime, to_at: datetime, scope: Scope = "site", codes: Codes = (), by: GroupedBy = ""
) -> Performance:
    """Figures of a range, and of each group in it. Of a line, an area and a site those of the machines that set the pace.

    Args:
        from_at, to_at: Aware, at most 400 days apart; a range that reaches into the future ends now.
        by: Groups; "" for none. A shift is a time slot, whichever day; a day is a production date.

    Raises:
        Invalid: ``oee.range``, ``oee.nothing_asked``.
    """
    from core.production import performance_scope

    return performance_scope.performance(db, scope, codes, from_at, to_at, by)


@query("production:performance:losses", report=True)
def get_losses(db: Db, *, from_at: datetime, to_at: datetime, scope: Scope = "site", codes: Codes = (), by: ParetoBy = "reason") -> Losses:
    """Where the time of a range went: from the calendar to good parts, stops by length, mean times between and to repair.

    Args:
        from_at, to_at: As of ``get_performance``.
        by: What the bars are; keys of orders are their numbers.

    Raises:
        Invalid: ``oee.range``, ``oee.nothing_asked``.
    """
    from core.production import performance_scope

    return performance_scope.losses(db, scope, codes, from_at, to_at, by)
