"""A station's journal on a disk or in a memory that gives out: says each id once it is acknowledged, and why it keeps no more.

``python -m tests.faults.journal_keeper FILE COUNT [MUTANT]``. Mutants: ``deaf`` takes a failed commit for a commit; ``memory`` keeps
everything in memory when the file cannot be opened. ``hungry`` is none: what is decided grows until there is no memory for it.
"""

from __future__ import annotations

import os
import resource
import sqlite3
import sys
from pathlib import Path
from typing import Any

from core.clock import SystemClock
from core.errors import GenbaError
from core.store.journal import Journal
from core.store.operation import Actor, Request

ACTOR = Actor("u1", "山田", frozenset({"operator"}), frozenset({"test:*"}), "ST1", None)
_connect = sqlite3.connect
_ROOM = 48 * 2**20
_GROWS = 500_000
"""Bytes of memory that are left, and by which each decision is larger than the one before; a real one has some hundreds."""


class _Deaf(sqlite3.Connection):
    """Does not hear that the disk refused."""

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        try:
            return super().execute(statement, *values)
        except sqlite3.OperationalError:
            if statement != "COMMIT":
                raise
            if self.in_transaction:
                super().execute("ROLLBACK")
            return super().execute("SELECT 1")


def _deaf(*given: Any, **more: Any) -> sqlite3.Connection:
    return _connect(*given, factory=_Deaf, **more)


def _in_memory(*given: Any, **more: Any) -> sqlite3.Connection:
    return _connect(":memory:", **more)


def main(path: Path, count: int, mutant: str = "") -> None:
    """Keep ``count`` decisions, or as many as it can."""
    if mutant == "memory":
        import core.store.localfile

        core.store.localfile._make_private = lambda path: None
    sqlite3.connect = {"deaf": _deaf, "memory": _in_memory}.get(mutant, _connect)  # type: ignore[assignment]
    clock = SystemClock()
    try:
        journal = Journal(path, clock)
    except GenbaError as error:
        os.write(1, f"not opened {error.code} {error.lines('en').what}\n".encode())
        return
    if mutant == "hungry":
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM, resource.RLIM_INFINITY))
    for number in range(count):
        told: dict[str, Any] = {"id": clock.uuid7(), "operation": "test:thing:book", "station": "ST1", "user_code": "u1"}
        try:
            note = "x" * (500 if mutant != "hungry" else _GROWS * number)
            request = Request(decided_at=clock.now(), args={"note": note}, **told)
            journal.append(request, ACTOR, "new")
        except (GenbaError, MemoryError) as error:
            os.write(1, f"refused {getattr(error, 'code', 'memory')}\n".encode())
            break
        os.write(1, f"kept {request.id}\n".encode())
    journal.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
