"""What one transaction tells the other stations: which things changed, never how. They ask again through a query."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from core.store.base import Db

CHANNEL: Final = "genba"
"""The channel every station listens on."""
_BYTES_MAX: Final = 7_900  # PostgreSQL refuses a payload of 8,000
_MANY: Final = 500


def send(db: Db, keys: Iterable[str]) -> None:
    """Notify ``order:<id>`` keys at commit; more than 500 of one entity become ``order:*``."""
    for payload in payloads(keys):
        db.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload})


def is_queue_full(failure: BaseException) -> bool:
    """Whether the server did not commit because somebody who listens hangs, and all notices since then fill its queue.

    The SQLSTATE is that of a request that is too big at any time; where in the server it comes from tells the two apart, in every language.
    """
    return isinstance(failure, psycopg.errors.ProgramLimitExceeded) and failure.diag.source_file == "async.c"


def make_room(connection: Connection) -> None:
    """Let the server see that whoever held the queue up has gone: it looks when it is asked how full the queue is, and else never again."""
    with contextlib.suppress(DBAPIError, psycopg.Error):
        connection.execute(text("SELECT pg_notification_queue_usage()")).close()
        connection.rollback()


def payloads(keys: Iterable[str]) -> Iterator[str]:
    """Comma-joined keys in as few payloads as fit; the receiving side splits at the comma."""
    unique = list(dict.fromkeys(keys))
    counts = Counter(key.partition(":")[0] for key in unique)
    shown = dict.fromkeys(f"{key.partition(':')[0]}:*" if counts[key.partition(":")[0]] > _MANY or "," in key else key for key in unique)
    line = ""
    for key in shown:
        if line and len(line.encode()) + len(key.encode()) + 1 > _BYTES_MAX:
            yield line
            line = key
        else:
            line = f"{line},{key}" if line else key
    if line:
        yield line
