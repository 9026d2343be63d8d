"""Lines that report by themselves: what their machine counted is booked to the order on them. How much says the database alone."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, text

from core.equipment.models import Line, Source, Tag
from core.live.tags import TagRole
from core.store.base import Db

EVERY_S: Final = 30.0
"""Pause between two reports of one source, seconds. What an order has left when it is completed is booked with its end."""

_COUNTERS: Final = tuple(role.value for role in (TagRole.GOOD, TagRole.REJECT, TagRole.TOTAL))
_REPORT: Final = text("SELECT genba.report_counted(:station, :source, :epoch, :line)")


def report(db: Db, station: str, source: str, epoch: int) -> int:
    """Book what the machines of ``source`` counted; gives on how many lines something was booked.

    Each line is a transaction of its own: its order is locked before it, and other lines wait for nothing.
    """
    counting = select(Tag.work_unit_id).join(Source, Source.id == Tag.source_id)
    counting = counting.where(Source.code == source, Tag.role.in_(_COUNTERS), Tag.retired_at.is_(None))
    lines = select(Line.id).where(
        Line.report_mode == "automatic", Line.retired_at.is_(None), Line.constraint_unit_id.in_(counting.scalar_subquery())
    )
    booked = 0
    for line in db.scalars(lines.order_by(Line.id)).all():
        booked += db.scalar(_REPORT, {"station": station, "source": source, "epoch": epoch, "line": line}) is not None
        db.commit()
    return booked
