"""What a line made in a shift, for its handover: the figures of any range, and the hours as its own screen shows them."""

from __future__ import annotations

from core.equipment.models import Line
from core.equipment.shift_views import Worked
from core.production import performance_scope, running_rows
from core.production.time_views import Figures, HourRow
from core.store.base import Db


def of_line(db: Db, line: Line, worked: Worked) -> tuple[Figures, tuple[HourRow, ...]]:
    """Figures and hours of a shift of a line; no figures of a shift that has not begun."""
    until = min(db.now, worked.to_at)
    hours = running_rows.hours(db, line.code, worked.production_date, worked.shift_code).rows
    if until <= worked.from_at:
        return Figures(), hours
    return performance_scope.performance(db, "line", (line.code,), worked.from_at, until, "").total, hours
