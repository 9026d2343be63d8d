"""What one transaction tells the other stations: which things changed, never how. They ask again through a query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from sqlalchemy import text

from core.store.base import Db

CHANNEL: Final = "genba"
"""The channel every station listens on."""
_BYTES_MAX: Final = 7_900  # PostgreSQL refuses a payload of 8,000
_MANY: Final = 500


def send(db: Db, keys: Iterable[str]) -> None:
    """Notify ``order:<id>`` keys at commit; more than 500 of one entity become ``order:*``."""
    for payload in payloads(keys):
        db.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload})


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
