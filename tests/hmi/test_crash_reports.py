"""What fails in a slot or a task is logged, shown, and reported where the support bundle finds it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import Refused
from core.log import conceal
from hmi import app
from tests.conftest import ExpectedLog

PLANTED = "planted-crash-secret"


@pytest.fixture
def hooked() -> Iterator[tuple[app.CrashReports, list[BaseException], asyncio.AbstractEventLoop]]:
    shown: list[BaseException] = []
    window: Any = SimpleNamespace(show_error=shown.append, close=lambda: None)
    reports, loop, before = app.CrashReports(), asyncio.new_event_loop(), sys.excepthook
    app._hook_failures(loop, window, reports)
    yield reports, shown, loop
    sys.excepthook = before
    loop.close()


def test_a_defect_is_reported_and_what_an_operator_may_meet_is_not(hooked: Any, tmp_path: Path, expect_log: ExpectedLog) -> None:
    expect_log("failure in a slot")
    expect_log("failure in a task")
    reports, shown, loop = hooked
    conceal(PLANTED)
    defects = [RuntimeError(f"{number} {PLANTED}") for number in range(3)]
    sys.excepthook(RuntimeError, defects[0], None)  # before the settings are read there is only the log
    reports.home = tmp_path
    sys.excepthook(RuntimeError, defects[1], None)
    loop.call_exception_handler({"message": "in a task", "exception": defects[2]})
    sys.excepthook(Refused, Refused("store.no_right"), None)
    loop.call_exception_handler({"message": "without an exception"})
    assert shown[:3] == defects
    told = (tmp_path / "log" / "crash.log").read_text(encoding="utf-8")
    assert [f"RuntimeError: {number} ***" in told for number in range(3)] == [False, True, True]
    assert PLANTED not in told
    assert "Refused" not in told
