"""Lines at a glance and one line in detail."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from core.production.shop_views import BoardView
from core.production.time_views import ShiftHours
from core.production.views import Choices, LineDetail, LineView
from core.store.query import Page, query

if TYPE_CHECKING:
    from core.store.base import Db


@query("production:line:overview", snapshot=True)
def lines_overview(db: Db) -> Page[LineView]:
    """All lines of the site in their physical order, with state, order on the line, counts and target."""
    from core.production import glance

    return glance.overview(db)


@query("production:line:detail", snapshot=True)
def line_detail(db: Db, *, line_code: str) -> LineDetail:
    """One line: its work units, the states of the last 8 hours, next orders, last reports.

    Raises:
        Refused: ``line.not_found``.
    """
    from core.production import glance

    return glance.detail(db, line_code)


@query("production:line:hours", snapshot=True)
def line_hours(db: Db, *, line_code: str, production_date: date | None = None, shift_code: str = "") -> ShiftHours:
    """One shift of a line hour by hour: target, parts, stops, what they cost.

    Args:
        production_date: Day on which the shift began, in the site's zone; None for the running shift, else the last one.
        shift_code: "" for the first of the day.

    Raises:
        Refused: ``line.not_found``.
    """
    from core.production import running_rows

    return running_rows.hours(db, line_code, production_date, shift_code)


@query("production:board:view", snapshot=True)
def view_board(db: Db, *, area_code: str = "") -> BoardView:
    """All lines of an area ("" for the site) in their shifts, with the totals."""
    from core.production import glance

    return glance.board(db, area_code)


@query("production:order:choices", snapshot=True)
def order_choices(db: Db) -> Choices:
    """What the forms of orders and reports offer: products, lines, defect codes, the next free number."""
    from core.production import glance

    return glance.choices(db)
