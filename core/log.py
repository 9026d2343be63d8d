"""Logging: one rotating file per program in ``<home>/log``, UTC times, no secret in any line; log once down, once up."""

from __future__ import annotations

import base64
import html
import json
import logging
import logging.handlers
import os
import re
import sys
import threading
import time
import traceback
from pathlib import Path
from urllib.parse import quote, quote_plus

from core.clock import Clock, SystemClock
from core.errors import Unavailable

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s %(message)s"
_FILE_BYTES = 5_000_000
_FILES_KEPT = 5
_CRASH_BYTES = 1_000_000

_SECRETS = (
    # scheme://user:password@host, also in tracebacks and exception texts
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@'\"]*):[^\s@'\"]*@", re.IGNORECASE), r"\1:***@"),
    # password=…, "pin": "…", token='…'
    (
        re.compile(
            r"(\b(?:password|passwd|pwd|pin|secret|token|api_?key)\b[\"']?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&)}\]]+)",
            re.IGNORECASE,
        ),
        r"\1***",
    ),
    # The hash of a PIN: ten thousand guesses find four digits.
    (re.compile(r"(\bargon2id:)[0-9a-f:]+"), r"\1***"),
    (re.compile(r"(\bauthorization\b[\"']?\s*[:=]\s*[\"']?(?:basic|bearer)\s+)[^\s\"',]+", re.IGNORECASE), r"\1***"),
)


# Patterns find a secret by what stands around it; a library's own error text may show one with nothing around it. So what a
# program reads from a secret store is remembered here, and its text is taken out wherever it turns up, also in the disguises that
# libraries give it. One set for the process, because a line may be logged by anybody about anything. It holds nothing that the
# process does not hold anyhow. PINs are not remembered: they live for a moment, behind ``Secret``, and the gaps that four digits
# tear into times and counts would tell them to whoever compares two lines.
_known_lock = threading.Lock()
_known: dict[str, None] = {}
_known_pattern: re.Pattern[str] | None = None
_SHORTEST_KNOWN = 6
_DIGITS_KNOWN = 8
_MOST_KNOWN = 3_000


def conceal(secret: str | bytes) -> None:
    """Take ``secret`` out of every line that is logged, and every report that is written, from now on."""
    global _known_pattern
    if len(secret) < _SHORTEST_KNOWN or (isinstance(secret, str) and secret.isdigit() and len(secret) < _DIGITS_KNOWN):
        return
    with _known_lock:
        fresh = [form for form in disguises(secret) if form not in _known]
        if fresh:
            _known.update(dict.fromkeys(fresh))
            for oldest in list(_known)[:-_MOST_KNOWN]:
                del _known[oldest]
            # The longest first: what is left of a long one would still tell much of it.
            _known_pattern = re.compile("|".join(re.escape(form) for form in sorted(_known, key=len, reverse=True)))


def disguises(secret: str | bytes) -> set[str]:
    """The texts that give ``secret`` away: itself, quoted for an address, JSON, XML or Python, in hex and in base64."""
    raw = secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret
    forms = {raw.hex(), raw.hex().upper(), repr(raw)[2:-1]}
    if isinstance(secret, str):
        forms |= {secret, repr(secret)[1:-1], html.escape(secret), json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
        forms |= {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    for before in range(3):  # "user:secret" is encoded as one: the secret may begin at any of three places of the pattern
        coded = base64.b64encode(bytes(before) + raw).decode()
        inner = coded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]  # without the characters that the neighbours share
        forms |= {inner, inner.translate(_URL_SAFE)}
    return {form for form in forms if len(form) >= _SHORTEST_KNOWN}


_URL_SAFE = str.maketrans("+/", "-_")


def redacted(text: str) -> str:
    """``text`` without passwords in URLs, without values of password-like keys and without anything ``conceal`` was told."""
    known = _known_pattern
    if known is not None:
        text = known.sub("***", text)
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class UtcFormatter(logging.Formatter):
    """One line per record: ISO time in UTC with milliseconds, level, logger, message; redacted with its traceback."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__(_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """The finished line; redaction comes last so that exception texts are covered as well."""
        return redacted(super().format(record))


def start_logging(home: Path, program: str, *, console: bool = False, level: int = logging.INFO) -> Path:
    """Send this program's log to ``<home>/log/<program>.log``; returns that path.

    Called once by whoever starts the program. Every program of a station has a file of its own, because two
    writers cannot rotate one file.

    Args:
        home: The station's folder; ``log`` is made inside it.
        program: ``hmi``, ``station``, ``acquisition``, ``plant``.
        console: Also write to standard error (headless programs).
        level: Lowest level that is kept.

    Raises:
        Unavailable: The folder cannot be made (``store.home_not_writable``).
    """
    folder = home / "log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable("store.home_not_writable", path=str(folder), problem=error.strerror or str(error)) from None
    path = folder / f"{program}.log"
    handlers: list[logging.Handler] = [
        logging.handlers.RotatingFileHandler(path, maxBytes=_FILE_BYTES, backupCount=_FILES_KEPT, encoding="utf-8", delay=True)
    ]
    if console:
        handlers.append(logging.StreamHandler(sys.stderr))
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler.formatter, UtcFormatter):  # from an earlier call
            root.removeHandler(handler)
            handler.close()
    for handler in handlers:
        handler.setFormatter(UtcFormatter())
        root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)
    # Libraries that log every reconnect attempt would fill the file in an outage; our own supervisor says it once.
    for chatty in ("asyncua", "pymodbus", "sqlalchemy.pool", "alembic"):
        logger = logging.getLogger(chatty)
        logger.setLevel(max(logger.level, logging.ERROR))  # a driver that is loaded already has silenced its own
    return path


def record_crash(home: Path, error: BaseException) -> Path | None:
    """Add ``error`` with its traceback, without secrets, to ``<home>/log/crash.log``; None when that cannot be written.

    The one place where crash reports are made. The file is the station's account's alone: a traceback tells a lot.
    """
    path = home / "log" / "crash.log"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(SystemClock().now().timestamp()))
    report = redacted(f"{stamp}\n{''.join(traceback.format_exception(error))}\n")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _CRASH_BYTES:
            path.replace(path.with_name("crash.log.1"))
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8", errors="replace") as crash:
            crash.write(report)
    except OSError:
        return None
    return path


class Outage:
    """Logs once when something breaks and once when it is back, with the duration. Thread-safe.

    Args:
        logger: Where the two lines go.
        what: The thing that can be away, as it reads in a log line: ``database``, ``source PLC-1``.
        clock: Measures the duration.
    """

    def __init__(self, logger: logging.Logger, what: str, clock: Clock | None = None) -> None:
        self._logger = logger
        self._what = what
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._since: float | None = None

    @property
    def is_down(self) -> bool:
        """Whether the thing is away now."""
        return self._since is not None

    def down(self, reason: object) -> bool:
        """It broke: logs a warning the first time; True when it was up until now."""
        with self._lock:
            if self._since is not None:
                return False
            self._since = self._clock.monotonic()
        self._logger.warning("%s is down: %s", self._what, reason)
        return True

    def up(self) -> float | None:
        """It works: logs the duration when it was down; seconds it was down, None when it was up already."""
        with self._lock:
            if self._since is None:
                return None
            duration_s = self._clock.monotonic() - self._since
            self._since = None
        self._logger.info("%s is up again after %.1f s", self._what, duration_s)
        return duration_s
