"""The outside history of a run: every press that was tried and what the operator was told, written before anything is believed."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TAKEN = ("applied", "waiting")
"""Words of a station that mean to the operator: this is kept."""
UNSURE = ("", "not_confirmed")
"""No answer came, or the station said itself that it does not know yet."""


@dataclass(slots=True)
class Press:
    """One press of a simulated operator.

    Attributes:
        n: Its number in this run; reports carry it as their machine count, so that two bookings of one press are seen.
        home: Name of the station's home (a twin has another one than its original).
        request: As the station named it before anything was kept; "" when it died earlier.
        outcome: What the operator was told: ``applied``, ``waiting``, the kind of an error, "" for nothing.
    """

    n: int
    station: str
    home: str
    operation: str
    args: dict[str, Any]
    request: str = ""
    outcome: str = ""
    code: str = ""


class History:
    """Keeps everything in memory and, line by line, in a file that survives the run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.presses: dict[int, Press] = {}
        self.faults: dict[str, int] = {}
        self._began = time.monotonic()
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def note(self, what: str, **told: Any) -> None:
        line = {"t": round(time.monotonic() - self._began, 3), "what": what, **told}
        self._file.write(json.dumps(line, default=str, ensure_ascii=False) + "\n")

    def tried(self, station: str, home: str, operation: str, args: dict[str, Any]) -> Press:
        press = Press(len(self.presses) + 1, station, home, operation, args)
        self.presses[press.n] = press
        if operation == "production:report:book":
            args["machine_good"] = press.n
        self.note("tried", n=press.n, home=home, operation=operation, args=args)
        return press

    def made(self, n: int, request: str) -> None:
        self.presses[n].request = request
        self.note("made", n=n, request=request)

    def answered(self, n: int, answer: dict[str, Any]) -> None:
        press = self.presses[n]
        press.outcome, press.code = answer["outcome"], answer.get("code", "")
        press.request = answer.get("request") or press.request
        self.note("answered", n=n, outcome=press.outcome, code=press.code, request=press.request)

    def broke(self, kind: str, **told: Any) -> None:
        self.faults[kind] = self.faults.get(kind, 0) + 1
        self.note("fault", kind=kind, **told)

    def close(self) -> None:
        self._file.close()
