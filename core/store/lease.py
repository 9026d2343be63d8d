"""Leases: who does a job that only one station may do, with a number that fences off whoever did it before.

A lease is a row, not a database lock: the kernel of a frozen station goes on answering for it, so only a missed renewal
tells. All times are the server's. The epoch rises with every new holder and is written beside everything the holder
records; the database compares it in the same transaction (``evidence``), so that a holder who was away too long cannot write as if
he still held it. The database also sees to it that nobody holds a job in another station's name.
Functions take the session of the ``listen`` lane (or of any transaction) and leave the commit to the caller.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from core.store.base import Db

_ACQUIRE = text("SELECT * FROM genba.lease_acquire(:name, :holder, :ttl_s)")
_RENEW = text("SELECT * FROM genba.lease_renew(:name, :holder, :epoch, :ttl_s)")
_TURN = text("SELECT * FROM genba.lease_turn(:holder, CAST(:wanted AS jsonb), :ttl_s)")
_RELEASE = text("SELECT genba.lease_release(:name, :holder, :epoch)")


@dataclass(frozen=True, slots=True)
class Lease:
    """A job held by one station.

    Attributes:
        name: The job, ``source:PLC-1`` or ``sync``.
        holder: Station code.
        epoch: Fencing number, ≥ 1.
        expires_at: Server time from which another may take it.
        seen_until: When the job was renewed last by whoever had it before; None when nobody had, or it is our own renewal.
    """

    name: str
    holder: str
    epoch: int
    expires_at: datetime
    seen_until: datetime | None = None


def acquire(db: Db, name: str, holder: str, ttl_s: float) -> Lease | None:
    """Take the job if nobody holds it or its holder has not renewed in time; None when it is held.

    The same station must wait as well: a second process with its name, or its own earlier life, may still be at work.

    Args:
        ttl_s: Seconds until it expires without renewal, > 0; renew about three times as often.
    """
    row = db.execute(_ACQUIRE, {"name": name, "holder": holder, "ttl_s": _seconds(ttl_s)}).one_or_none()
    return None if row is None else Lease(name, holder, row.epoch, row.expires_at, row.seen_until)


def renew(db: Db, lease: Lease, ttl_s: float) -> Lease | None:
    """Keep the job for another ``ttl_s`` seconds; None when another has taken it: stop at once.

    A lease that expired but was taken by nobody is renewed with the same epoch.
    """
    values = {"name": lease.name, "holder": lease.holder, "epoch": lease.epoch, "ttl_s": _seconds(ttl_s)}
    row = db.execute(_RENEW, values).one_or_none()
    return None if row is None else Lease(lease.name, lease.holder, lease.epoch, row.expires_at)


def turn(db: Db, wanted: Mapping[str, Lease | None], holder: str, ttl_s: float) -> dict[str, tuple[Lease | None, str]]:
    """All jobs of a station in one question: keeps those it has, tries to take the others.

    The reading of a source is also taken from a station that has no connection to the database any more and has missed a renewal
    (three seconds), and from an earlier life of this station itself; see ``genba_guard.orphaned``.

    Args:
        wanted: Job → the lease that is held, or None.

    Returns:
        Job → the lease, or None and who holds it ("": nobody).
    """
    asked = {name: None if held is None else held.epoch for name, held in wanted.items()}
    rows = db.execute(_TURN, {"holder": holder, "wanted": json.dumps(asked), "ttl_s": _seconds(ttl_s)})
    return {
        row.name: (None if row.epoch is None else Lease(row.name, holder, row.epoch, row.expires_at, row.seen_until), row.holder)
        for row in rows
    }


def release(db: Db, lease: Lease) -> None:
    """Give the job up, so that another may take it at once; nothing happens when it is no longer ours."""
    db.execute(_RELEASE, {"name": lease.name, "holder": lease.holder, "epoch": lease.epoch})


def _seconds(ttl_s: float) -> float:
    if not 0 < ttl_s <= 3_600:
        raise ValueError(f"a lease lasts between 0 and 3,600 seconds, not {ttl_s}")
    return ttl_s
