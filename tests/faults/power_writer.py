"""A station's journal under load, for the power cuts: four threads keep decisions and say each id once it is acknowledged.

``python -m tests.faults.power_writer FILE SYNCHRONOUS``; SYNCHRONOUS other than ``FULL`` is the mutant.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from pathlib import Path
from typing import Any

import core.store.journal
from core.clock import SystemClock
from core.errors import Unavailable
from core.store.localfile import LocalFile
from core.store.operation import Actor, Request

ACTOR = Actor("u1", "山田", frozenset({"operator"}), frozenset({"test:*"}), "ST1", None)


def keep(journal: core.store.journal.Journal, clock: SystemClock) -> None:
    """Until the disk is gone."""
    n = 0
    while True:
        n += 1
        request = Request(
            id=clock.uuid7(),
            operation="test:thing:book",
            station="ST1",
            user_code="u1",
            decided_at=clock.now(),
            args={"note": "x" * (n % 700)},
        )
        try:
            journal.append(request, ACTOR, "inflight")
            os.write(1, f"kept {request.id}\n".encode())
            if n % 3:
                journal.mark(request.id, "applied")
        except (Unavailable, BrokenPipeError):
            return


def main(path: Path, synchronous: Any) -> None:
    if synchronous != "FULL":
        made = functools.partial(LocalFile)

        def weaker(*args: Any, **more: Any) -> LocalFile:
            return made(*args, **(more | {"synchronous": synchronous}))

        core.store.journal.LocalFile = weaker  # type: ignore[assignment, misc]
    clock = SystemClock()
    journal = core.store.journal.Journal(path, clock)
    os.write(1, f"opened {journal.rows_lost}\n".encode())
    threads = [threading.Thread(target=keep, args=(journal, clock)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
