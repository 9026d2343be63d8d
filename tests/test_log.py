"""Logs: one line in UTC, no secret in it, once down and once up."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, quote_plus
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import log
from core.errors import Unavailable
from core.log import Outage, UtcFormatter, conceal, record_crash, redacted, start_logging


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


# What is known to be secret -----------------------------------------------------------------------------------------


@pytest.fixture
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this test conceals, the next one does not."""
    monkeypatch.setattr(log, "_known", {})
    monkeypatch.setattr(log, "_known_pattern", None)


def disguised(secret: str) -> Iterator[str]:
    raw = secret.encode()
    yield secret
    yield repr(secret)
    yield repr(raw)
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps({"x": secret})
    yield json.dumps(secret, ensure_ascii=False)
    yield html.escape(secret)
    yield raw.hex()
    yield base64.b64encode(raw).decode()
    for user in ("a", "ab", "abc", "パネル"):
        both = f"{user}:{secret}".encode()
        yield base64.b64encode(both).decode()
        yield base64.urlsafe_b64encode(both + b":tail").decode()


@pytest.mark.usefixtures("_forgotten")
@pytest.mark.parametrize("secret", ["p@ss/w:ö rd%+<&>", "hunter22", "パスワードです", "12345678", "back\\slash'quote\"", "x" * 300])
def test_what_is_concealed_is_found_in_no_disguise(secret: str) -> None:
    conceal(secret)
    raw = secret.encode()
    for text in disguised(secret):
        clean = redacted(f"before {text} after")
        assert clean.startswith("before ")
        assert clean.endswith(" after")
        assert secret not in clean
        assert raw.hex() not in clean
        assert quote(secret, safe="") not in clean
        # Of a base64 text only the characters shared with its neighbours may be left.
        assert all(len(part) <= 40 for part in re.findall(r"[A-Za-z0-9+/_-]+", clean.replace("***", " "))), clean
        assert "***" in clean


@pytest.mark.usefixtures("_forgotten")
def test_bytes_are_concealed_as_text_of_any_kind() -> None:
    key = bytes(range(120, 152))
    conceal(key)
    for text in (key.hex(), key.hex().upper(), base64.b64encode(key).decode(), repr(key)):
        assert redacted(f"key {text}").count("***") == 1
        assert text not in redacted(f"key {text}")


@pytest.mark.usefixtures("_forgotten")
@pytest.mark.parametrize("short", ["", "abc", "1234", "123456", "1234567"])
def test_what_is_short_or_looks_like_a_count_is_not_taken_out_of_every_line(short: str) -> None:
    conceal(short)
    assert redacted(f"made {short} good") == f"made {short} good"


@pytest.mark.usefixtures("_forgotten")
def test_a_long_life_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_MOST_KNOWN", 100)
    for number in range(200):
        conceal(f"planted-secret-{number:04}")
    assert len(log._known) == 100
    assert "0199" not in redacted("planted-secret-0199")


@given(st.text())
def test_redaction_takes_any_text(text: str) -> None:
    assert isinstance(redacted(text), str)


# Crash reports ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_forgotten")
def test_a_crash_is_reported_without_its_secrets_to_the_account_alone(tmp_path: Path) -> None:
    conceal("planted-secret-1")
    try:
        raise RuntimeError("cannot log in with planted-secret-1 or password=planted-2 at http://u:planted-3@x/")
    except RuntimeError as error:
        path = record_crash(tmp_path / "home", error)
        record_crash(tmp_path / "home", error)
    assert path == tmp_path / "home" / "log" / "crash.log"
    text = path.read_text(encoding="utf-8")
    assert text.count("Traceback") == 2
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", text)
    assert "planted" not in text
    assert path.stat().st_mode & 0o777 == 0o600


def test_crash_reports_do_not_fill_the_disk_and_need_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_CRASH_BYTES", 500)
    for _ in range(20):
        record_crash(tmp_path, RuntimeError("x" * 200))
    assert {path.name for path in (tmp_path / "log").iterdir()} == {"crash.log", "crash.log.1"}
    assert sum(path.stat().st_size for path in (tmp_path / "log").iterdir()) < 2_000
    assert record_crash(Path("/proc/nobody"), RuntimeError("x")) is None
