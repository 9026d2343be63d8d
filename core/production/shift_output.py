"""What a line made in a shift, for its handover: the figures of any range, asked for the shift."""

from __future__ import annotations

from core.equipment.models import Line
from core.equipment.shift_views import Worked
from core.production import performance_scope
from core.production.time_views import Figures, HourRow
from core.store.base import Db


def of_line(db: Db, line: Line, worked: Worked) -> tuple[Figures, tuple[HourRow, ...]]:
    """Figures and hours of a shift of a line; none of a shift that has not begun."""
    until = min(db.now, worked.to_at)
    if until <= worked.from_at:
        return Figures(), ()
    return performance_scope.performance(db, "line", (line.code,), worked.from_at, until, "").total, ()
