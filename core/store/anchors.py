"""Ends of audit chains as this station saw them, in a file of its own: whoever rewrites the database does not reach it.

One JSON line for each look at which something had changed. The file is only added to; when it grows past a year of ten-minute looks,
its older half is thinned to one line a day.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from core.errors import Invalid

_LINES_MAX: Final = 52_000


@dataclass(frozen=True, slots=True)
class Anchor:
    """One chain's end at one moment.

    Attributes:
        station: Whose chain.
        seq: Number of its last row.
        hash: Of that row, hex.
        noted_at: Server time, aware UTC.
        noted_by: Code of the station that looked, or the name of a file.
    """

    station: str
    seq: int
    hash: str
    noted_at: datetime
    noted_by: str


class AnchorFile:
    """``<home>/audit-anchors.jsonl``. One writer.

    Args:
        path: The file; made when it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last: dict[str, tuple[int, str]] = {}

    def add(self, anchors: Iterable[Anchor]) -> bool:
        """Keep these ends, on the disk when this returns; False when they are those of last time.

        Raises:
            OSError: The file cannot be written.
        """
        seen = sorted(anchors, key=lambda one: one.station)
        ends = {one.station: (one.seq, one.hash) for one in seen}
        if not seen or ends == self._last:
            return False
        line = {"at": seen[0].noted_at.isoformat(), "by": seen[0].noted_by, "ends": ends}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._last = ends
        self._thin()
        return True

    def _thin(self) -> None:
        lines = self.path.read_text(encoding="utf-8").splitlines()
        if len(lines) <= _LINES_MAX:
            return
        old, kept = lines[: _LINES_MAX // 2], lines[_LINES_MAX // 2 :]
        days = {json.loads(line)["at"][:10]: line for line in old}
        aside = self.path.with_suffix(".new")
        aside.write_text("\n".join([*days.values(), *kept]) + "\n", encoding="utf-8")
        aside.replace(self.path)


def read_anchors(path: Path) -> Iterator[Anchor]:
    """Every end in a file of anchors, this station's or another's.

    Raises:
        Invalid: ``store.anchors_unreadable`` with the line.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                yield from _read(line, f"{path.name}:{number}")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid("store.anchors_unreadable", path=str(path), problem=str(error)) from None


def _read(line: str, where: str) -> list[Anchor]:
    try:
        told: dict[str, Any] = json.loads(line)
        at = datetime.fromisoformat(told["at"]).astimezone(UTC)
        return [Anchor(station, int(seq), str(end), at, where) for station, (seq, end) in told["ends"].items()]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Invalid("store.anchors_unreadable", path=where, problem=line[:80]) from None
