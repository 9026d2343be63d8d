"""What a line made in a shift, for its handover."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import func, select

from core.equipment.models import Line
from core.equipment.shift_views import Worked
from core.production.count_rules import machine_counts
from core.production.models import CountEvent
from core.production.time_views import Figures, HourRow
from core.store.base import Db


def of_line(db: Db, line: Line, worked: Worked) -> tuple[Figures, tuple[HourRow, ...]]:
    """Figures and hours of a shift of a line."""
    until = min(db.now, worked.to_at)
    wanted = (CountEvent.work_unit_id == line.constraint_unit_id, CountEvent.occurred_at >= worked.from_at, CountEvent.occurred_at < until)
    sums = db.execute(select(CountEvent.kind, func.sum(CountEvent.quantity)).where(*wanted).group_by(CountEvent.kind))
    good, reject = machine_counts({kind: int(count) for kind, count in sums})
    return Figures(good=Decimal(good), scrap=Decimal(reject)), ()
