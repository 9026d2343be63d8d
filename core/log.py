"""Logging: one rotating file per program in ``<home>/log``, UTC times, no secret in any line; log once down, once up."""

from __future__ import annotations

import logging
import logging.handlers
import re
import sys
import threading
import time
from pathlib import Path

from core.clock import Clock, SystemClock
from core.errors import Unavailable

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s %(message)s"
_FILE_BYTES = 5_000_000
_FILES_KEPT = 5

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


def redacted(text: str) -> str:
    """``text`` without passwords in URLs and without values of password-like keys."""
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
        logging.getLogger(chatty).setLevel(logging.ERROR)
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
