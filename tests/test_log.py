"""Logs: one line in UTC, no secret in it, once down and once up."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from core.errors import Unavailable
from core.log import Outage, UtcFormatter, redacted, start_logging


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.at

    def uuid7(self) -> UUID:
        return uuid4()


@pytest.fixture
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    yield
    for handler in root.handlers[:]:
        if isinstance(handler.formatter, UtcFormatter):
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql+psycopg://panel:SECRET@db/genba?x=1",
        "cannot reach https://user:SECRET@mes.example/api twice",
        "password=SECRET, user=x",
        "{'pin': 'SECRET', 'user': 'x'}",
        '{"password": "SECRET", "user": "x"}',
        "Authorization: Bearer SECRET",
        "api_key=SECRET&x=1",
        'Token: "SECRET with spaces"',
    ],
)
def test_secrets_are_taken_out_and_the_rest_stays(text: str) -> None:
    clean = redacted(text)
    assert "SECRET" not in clean
    assert "***" in clean


@pytest.mark.parametrize("text", ["spin=3", "10:31 state:RUNNING", "opc.tcp://127.0.0.1:4840/plant", "pinned: yes", "a@b.example"])
def test_plain_text_is_left_alone(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.usefixtures("_logging_restored")
def test_file_in_utc_with_redacted_tracebacks(tmp_path: Path) -> None:
    path = start_logging(tmp_path, "station")
    assert start_logging(tmp_path, "station") == path
    try:
        raise RuntimeError("postgresql://u:SECRET@h/d went away")
    except RuntimeError:
        logging.getLogger("core.test").info("数えた %d", 3, exc_info=True)
    lines = path.read_text(encoding="utf-8")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    core\.test 数えた 3\n", lines)
    assert lines.count("数えた") == 1, "starting twice does not double the lines"
    assert "RuntimeError" in lines
    assert "SECRET" not in lines


@pytest.mark.usefixtures("_logging_restored")
def test_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file")
    with pytest.raises(Unavailable) as caught:
        start_logging(tmp_path, "station")
    assert caught.value.code == "store.home_not_writable"


def test_once_down_once_up_with_the_duration(caplog: pytest.LogCaptureFixture, expect_log) -> None:
    expect_log("source PLC-1 is down: no answer")
    caplog.set_level("INFO")
    clock = Clock()
    outage = Outage(logging.getLogger("core.test"), "source PLC-1", clock)
    assert outage.up() is None
    assert [outage.down("no answer"), outage.down("still none")] == [True, False]
    assert outage.is_down
    clock.at = 75.25
    assert (outage.up(), outage.up()) == (75.25, None)
    assert not outage.is_down
    assert [record.getMessage() for record in caplog.records] == [
        "source PLC-1 is down: no answer",
        "source PLC-1 is up again after 75.2 s",
    ]
