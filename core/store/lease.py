"""Leases: who does a job that only one station may do, with a number that fences off whoever did it before.

A lease is a row, not a database lock: the kernel of a frozen station goes on answering for it, so only a missed renewal
tells. All times are the server's. The epoch rises with every new holder and is written beside everything the holder
records; ``check`` compares it in the same transaction, so that a holder who was away too long cannot write as if he still held it.
Functions take the session of the ``listen`` lane (or of any transaction) and leave the commit to the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from core.store.base import Db

_ACQUIRE = text(
    """
    INSERT INTO genba.lease AS held (name, holder, epoch, acquired_at, renewed_at, expires_at)
    VALUES (:name, :holder, 1, clock_timestamp(), clock_timestamp(), clock_timestamp() + make_interval(secs => :ttl_s))
    ON CONFLICT (name) DO UPDATE
    SET holder = excluded.holder, epoch = held.epoch + 1,
        acquired_at = excluded.acquired_at, renewed_at = excluded.renewed_at, expires_at = excluded.expires_at
    WHERE held.expires_at <= clock_timestamp()
    RETURNING epoch, expires_at
    """
)
_RENEW = text(
    """
    UPDATE genba.lease
    SET renewed_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => :ttl_s)
    WHERE name = :name AND holder = :holder AND epoch = :epoch
    RETURNING expires_at
    """
)
_RELEASE = text(
    "UPDATE genba.lease SET expires_at = least(expires_at, clock_timestamp()) WHERE name = :name AND holder = :holder AND epoch = :epoch"
)
_CHECK = text("SELECT epoch = :epoch FROM genba.lease WHERE name = :name FOR SHARE")


@dataclass(frozen=True, slots=True)
class Lease:
    """A job held by one station.

    Attributes:
        name: The job, ``source:PLC-1`` or ``sync``.
        holder: Station code.
        epoch: Fencing number, ≥ 1.
        expires_at: Server time from which another may take it.
    """

    name: str
    holder: str
    epoch: int
    expires_at: datetime


def acquire(db: Db, name: str, holder: str, ttl_s: float) -> Lease | None:
    """Take the job if nobody holds it or its holder has not renewed in time; None when it is held.

    The same station must wait as well: a second process with its name, or its own earlier life, may still be at work.

    Args:
        ttl_s: Seconds until it expires without renewal, > 0; renew about three times as often.
    """
    row = db.execute(_ACQUIRE, {"name": name, "holder": holder, "ttl_s": _seconds(ttl_s)}).one_or_none()
    return None if row is None else Lease(name, holder, row.epoch, row.expires_at)


def renew(db: Db, lease: Lease, ttl_s: float) -> Lease | None:
    """Keep the job for another ``ttl_s`` seconds; None when another has taken it: stop at once.

    A lease that expired but was taken by nobody is renewed with the same epoch.
    """
    values = {"name": lease.name, "holder": lease.holder, "epoch": lease.epoch, "ttl_s": _seconds(ttl_s)}
    row = db.execute(_RENEW, values).one_or_none()
    return None if row is None else Lease(lease.name, lease.holder, lease.epoch, row.expires_at)


def release(db: Db, lease: Lease) -> None:
    """Give the job up, so that another may take it at once; nothing happens when it is no longer ours."""
    db.execute(_RELEASE, {"name": lease.name, "holder": lease.holder, "epoch": lease.epoch})


def check(db: Db, name: str, epoch: int) -> bool:
    """Whether ``epoch`` is still the current one; holds off a change of holder until this transaction ends."""
    return bool(db.execute(_CHECK, {"name": name, "epoch": epoch}).scalar_one_or_none())


def _seconds(ttl_s: float) -> float:
    if not 0 < ttl_s <= 86_400:
        raise ValueError(f"a lease lasts between 0 and 86,400 seconds, not {ttl_s}")
    return ttl_s
