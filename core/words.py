"""Domain words in both languages, and numbers, times and ages as people on the floor write them. No Qt, no clock.

Words live in ``resources/i18n/glossary.json`` as ``group.name``: ``state.RUNNING``, ``order.PAUSED``, ``data.STALE``,
``role.operator``, ``button.start``, ``stop.D07``, ``defect.Q01``. One word per thing, on screen, in help and in reports.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from core.errors import Language

UNDEFINED = "—"
"""What stands where no number exists; never 0."""

_GLOSSARY = Path(__file__).resolve().parents[1] / "resources" / "i18n" / "glossary.json"
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_WEEKDAYS: Mapping[Language, tuple[str, ...]] = {
    "ja": ("月", "火", "水", "木", "金", "土", "日"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
# Not strftime's %b: that follows the system's locale, which Qt sets.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_AGO: Mapping[Language, tuple[str, str, str, str]] = {
    "ja": ("{} 秒前", "{} 分前", "{} 時間前", "{} 日前"),
    "en": ("{} s ago", "{} min ago", "{} h ago", "{} d ago"),
}


@cache
def glossary() -> Mapping[str, Mapping[str, Any]]:
    """All words: id → {"ja", "en"} and, where known, "meaning" (English) and the class of a stop reason."""
    words: dict[str, dict[str, Any]] = json.loads(_GLOSSARY.read_text(encoding="utf-8"))
    return words


def word(id: str, language: Language) -> str:
    """The word for ``id`` (``state.RUNNING``); an id nobody wrote a word for is shown as itself, so that it is noticed."""
    entry = glossary().get(id)
    return id if entry is None else str(entry[language])


def of_operation(name: str) -> Mapping[str, str] | str:
    """What an operation, a query or a right is called by those who use it, in both languages; its own name when nobody wrote a word."""
    id = f"operation.{name}"
    return {language: word(id, language) for language in ("ja", "en")} if has_word(id) else name


def has_word(id: str) -> bool:
    """True when the glossary knows ``id``."""
    return id in glossary()


def ids(group: str) -> tuple[str, ...]:
    """All ids of one group, in the order of their names: ``ids("stop")`` → ("stop.D01", …)."""
    return tuple(id for id in glossary() if id.startswith(f"{group}."))


def name(names: Mapping[str, str] | str, language: Language) -> str:
    """A bilingual name from the site file in ``language``; falls back to the other language, then to a dash."""
    if isinstance(names, str):
        return names
    return names.get(language) or next((text for text in names.values() if text), UNDEFINED)


def number(value: float | Decimal | None, decimals: int = 0) -> str:
    """``1,234.50``: decimal point always ``.``, thousands ``,``, a real minus sign; "—" for None, NaN and infinities."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    text = f"{value:,.{decimals}f}"
    if not text.startswith("-"):
        return text
    # A value that rounds to nothing is nothing, not "-0.0".
    return f"−{text[1:]}" if any(c in "123456789" for c in text) else text[1:]


def percent(share: float | None) -> str:
    """A share 0..1 as ``82.4 %``; "—" when undefined."""
    return UNDEFINED if share is None or not math.isfinite(share) else f"{share * 100:.1f} %"


def duration(seconds: float | None) -> str:
    """``mm:ss`` below an hour, ``h:mm h`` above (so that 12:31 is never both), days from 100 h on; "—" for None."""
    if seconds is None or not math.isfinite(seconds):
        return UNDEFINED
    whole = max(0, int(seconds))
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S:02d}:{whole % _MINUTE_S:02d}"
    if whole < 100 * _HOUR_S:
        return f"{whole // _HOUR_S}:{whole % _HOUR_S // _MINUTE_S:02d} h"
    return f"{whole // _DAY_S} d"


def ago(seconds: float, language: Language) -> str:
    """An age in the coarsest fitting unit: ``12 分前``, ``12 min ago``; below zero counts as now."""
    whole = max(0, int(seconds))
    second, minute, hour, day = _AGO[language]
    if whole < _MINUTE_S:
        return second.format(whole)
    if whole < _HOUR_S:
        return minute.format(whole // _MINUTE_S)
    if whole < 2 * _DAY_S:
        return hour.format(whole // _HOUR_S)
    return day.format(whole // _DAY_S)


def date_time(at: datetime, language: Language) -> str:
    """``2025-07-14 (火) 22:05``; convert to the site's time zone before."""
    return f"{at:%Y-%m-%d} ({_WEEKDAYS[language][at.weekday()]}) {at:%H:%M}"


def day(at: datetime, language: Language) -> str:
    """``7/14 (火)`` or ``14 Jul (Mon)``: the short date of headers and lists."""
    weekday = _WEEKDAYS[language][at.weekday()]
    return f"{at.month}/{at.day} ({weekday})" if language == "ja" else f"{at.day} {_MONTHS[at.month - 1]} ({weekday})"
