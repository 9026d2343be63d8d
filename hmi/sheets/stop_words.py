"""How stops are said: where and when, for how long, why and by whom; and how a typed time of day is meant."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from typing import Final

from PySide6.QtCore import QCoreApplication

from core.equipment.stop_views import PartView, StopView
from core.words import duration, has_word, word
from hmi import theme

translate = QCoreApplication.translate
_TYPED: Final = re.compile(r"(\d{1,2}):?(\d{2})(?::?(\d{2}))?")


def reason_word(code: str) -> str:
    """The reason in the current language; what stands for none where nobody has given one."""
    known = f"stop.{code}" if code else "stop.D99"
    return word(known, theme.language()) if has_word(known) else code


def coded(code: str) -> str:
    """Code and word, ``D07 ワーク詰まり``, as they stand on a tile."""
    return f"{code} {reason_word(code)}"


def span_text(from_at: datetime, to_at: datetime | None, zone: tzinfo, now: datetime) -> str:
    """``10:31 – 10:43  12:31``: from, to (or now), how long; with its date when it began on another day."""
    began = from_at.astimezone(zone)
    begin = began.strftime("%H:%M" if began.date() == now.astimezone(zone).date() else "%m-%d %H:%M")
    end = translate("Stop", "now") if to_at is None else to_at.astimezone(zone).strftime("%H:%M")
    return f"{begin} – {end}   {duration(((to_at or now) - from_at).total_seconds())}"


def part_end(stop: StopView, part: PartView) -> datetime | None:
    """When ``part`` gives way to the next one, or the stop ends; None while it lasts."""
    after = [each.from_at for each in stop.parts if each.from_at > part.from_at]
    return min(after) if after else stop.ended_at


def part_text(part: PartView) -> str:
    """Why, and who says so."""
    if not part.reason_code:
        return part.comment or reason_word("")
    by = {"machine": translate("Stop", "by the machine"), "person": part.by}.get(part.source, "")
    return "  ".join(filter(None, (reason_word(part.reason_code), part.comment, by)))


def first_open(stop: StopView) -> PartView:
    """The part that waits for a reason; the first one where none does."""
    return next((part for part in stop.parts if part.reason_code in ("", "D99")), stop.parts[0])


def typed_moment(text: str, zone: tzinfo, after: datetime, before: datetime) -> datetime | None:
    """The moment between ``after`` and ``before`` (aware) that a typed ``1045``, ``10:45`` or ``10:45:30`` means; None for none.

    A time of day means the newest such moment before ``before``: a stop that began yesterday evening may be split at 23:50.
    """
    found = _TYPED.fullmatch(text.strip())
    if found is None:
        return None
    hour, minute, second = (int(part or 0) for part in found.groups())
    if hour > 23 or minute > 59 or second > 59:
        return None
    day = before.astimezone(zone).date()
    while day >= after.astimezone(zone).date():
        at = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone)
        if after < at <= before:
            return at
        day -= timedelta(days=1)
    return None
