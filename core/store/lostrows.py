"""How many rows a file lost when it was damaged, told for three days: whoever entered them need not be there when it is found."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from core.errors import Unavailable
from core.store import privatefile

TOLD_FOR: Final = timedelta(days=3)
"""Longer than a weekend."""


def note(path: Path, damaged: str, lost: int, now: datetime) -> None:
    """Keep that the file now called ``damaged`` lost so many rows; noted again, when a rescue is gone on with, it counts once.

    A disk that does not take it costs no rescue: then it is told until the program ends.
    """
    known = {name: told for name, told in _read(path).items() if _is_recent(told, now)}
    with contextlib.suppress(Unavailable):
        privatefile.replace(path, json.dumps(known | {damaged: [lost, now.isoformat()]}).encode())


def lately(path: Path, now: datetime) -> int:
    """Rows lost in the last three days."""
    return sum(told[0] for told in _read(path).values() if _is_recent(told, now))


def _read(path: Path) -> dict[str, tuple[int, str]]:
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        told = json.loads(path.read_bytes())
        return {str(name): (int(lost), datetime.fromisoformat(at).astimezone(UTC).isoformat()) for name, (lost, at) in told.items()}
    return {}


def _is_recent(told: tuple[int, str], now: datetime) -> bool:
    return abs(now - datetime.fromisoformat(told[1])) < TOLD_FOR
