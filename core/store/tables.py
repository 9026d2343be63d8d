"""Tables of the database floor itself: requests, audit chain, messages to and from other systems, leases, site keys and secrets,
schema window.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy import func as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.store.base import Base, Code, Key, Names, UtcAt, UuidKey, Versioned
from core.store.sealing import Unreadable, confidential


class AppliedRequest(Base):
    """One request that reached the database; its presence makes every repetition harmless.

    Attributes:
        id: Made by the station that decided.
        kind: ``intent`` or ``fact``.
        args: As validated, with ``null`` where a proof stood.
        state: ``applied``, or ``refused`` when a request that waited through an outage was no longer possible.
        result: The view the operation gave, as JSON; None for a refused one.
        refusal: ``{"kind", "code", "params"}``; None for an applied one.
        decided_at: Station clock at the decision; ``applied_at``: server clock of the transaction.
    """

    __audit__ = None
    __tablename__ = "request"
    __table_args__ = (
        CheckConstraint("kind IN ('intent', 'fact')", name="kind_known"),
        CheckConstraint("state IN ('applied', 'refused')", name="state_known"),
        CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name="refusal_fits_state"),
        Index("ix_request_station_decided_at", "station", "decided_at"),
        Index("ix_request_operation_applied_at", "operation", "applied_at"),
    )

    id: Mapped[UuidKey]
    operation: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(10))
    station: Mapped[str] = mapped_column(String(50))
    user_code: Mapped[str] = mapped_column(String(100))
    session_id: Mapped[UUID | None]
    decided_at: Mapped[UtcAt]
    applied_at: Mapped[UtcAt] = mapped_column(server_default=sql.now())
    args: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(10), server_default="applied")
    result: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class AuditRow(Base):
    """Who did what, when, from which station, before and after. Written by ``genba.audit_append`` only, never changed.

    Attributes:
        station, seq: Each station has its own chain, counted from 1 without gaps.
        at: Server clock when the row was written.
        decided_at: Station clock when the person decided; None for what the station itself did.
        outcome: ``done``, ``refused``, or a word of the subject such as ``signed_in``.
        changes: ``[{"table", "key", "action", "values": {column: [before, after]}}, …]``; confidential columns are masked.
        detail: Signature, refusal, program version and the like.
        database_user: The login role that wrote it.
        previous_hash, hash: SHA-256 chain; see ``core.store.audit``.
    """

    __audit__ = None
    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_at", "at"),
        Index("ix_audit_operation_at", "operation", "at"),
        Index("ix_audit_user_code_at", "user_code", "at"),
        Index("ix_audit_request_id", "request_id"),
        Index("ix_audit_changes", "changes", postgresql_using="gin", postgresql_ops={"changes": "jsonb_path_ops"}),
    )

    station: Mapped[str] = mapped_column(String(50), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[UtcAt]
    decided_at: Mapped[datetime | None]
    request_id: Mapped[UUID | None]
    operation: Mapped[str] = mapped_column(String(100))
    outcome: Mapped[str] = mapped_column(String(20))
    user_code: Mapped[str] = mapped_column(String(100))
    user_name: Mapped[str]
    session_id: Mapped[UUID | None]
    changes: Mapped[Any] = mapped_column(JSONB)
    reason: Mapped[str]
    detail: Mapped[dict[str, Any]]
    database_user: Mapped[str]
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditHead(Base):
    """The end of one station's audit chain; the row lock that orders its writers.

    Attributes:
        worked_seq: Number of the last row that is not an anchor; two stations that anchor each other do not go on for ever.
    """

    __audit__ = None
    __tablename__ = "audit_head"

    station: Mapped[str] = mapped_column(String(50), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[UtcAt]
    worked_seq: Mapped[int] = mapped_column(BigInteger, server_default="0")


class ExternalSystem(Versioned, Base):
    """A MES, ERP or other system that this site exchanges messages with.

    Attributes:
        kind: Which connector speaks to it.
        topics: Topics it wants to hear of; ``order.*`` takes all that begin so, ``*`` everything.
        settings: Addresses and options of the connector; never a password (those stand in the secret store).
        active: False while nothing is to be queued for it.
    """

    __tablename__ = "external_system"
    __entity__ = "external_system"

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[Names]
    kind: Mapped[str] = mapped_column(String(50))
    topics: Mapped[list[str]] = mapped_column(server_default=text("'[]'::jsonb"))
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))


class OutboxMessage(Base):
    """One message to one external system, written in the transaction of what it tells.

    Attributes:
        id: The idempotency key the other system sees.
        position: Order of writing; messages of one ``key`` are sent in this order.
        not_before: Not sent earlier: the operator may still undo.
        state: ``waiting``, ``sending``, ``unknown`` (sent, no readable answer), ``sent`` or ``parked``.
        tries: Written before each attempt, so that a crash in the middle is counted too.
        receipt: What the other system answered; None before.
    """

    __audit__ = "none"
    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'sending', 'unknown', 'sent', 'parked')", name="state_known"),
        Index("ix_outbox_open", "system_id", "key", "position", postgresql_where=text("state <> 'sent'")),
        Index("ix_outbox_due", "not_before", postgresql_where=text("state = 'waiting'")),
    )

    id: Mapped[UuidKey]
    position: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)
    system_id: Mapped[int] = mapped_column(ForeignKey(ExternalSystem.id))
    topic: Mapped[str] = mapped_column(String(100))
    key: Mapped[str] = mapped_column(String(200))
    payload: Mapped[dict[str, Any]]
    request_id: Mapped[UUID | None]
    station: Mapped[str] = mapped_column(String(50))
    created_at: Mapped[UtcAt] = mapped_column(server_default=sql.now())
    not_before: Mapped[UtcAt]
    state: Mapped[str] = mapped_column(String(10), server_default="waiting")
    tries: Mapped[int] = mapped_column(Integer, server_default="0")
    last_error: Mapped[str] = mapped_column(server_default="")
    sent_at: Mapped[datetime | None]
    receipt: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class InboxMessage(Base):
    """One message an external system gave us; unique by what the sender calls it, so that a repetition is seen.

    Attributes:
        revision: The sender's counter of changes to the same thing; an older one than was applied changes nothing.
        state: ``received``, ``applied``, ``superseded`` or ``parked``.
        request_id: The request it became; None before.
    """

    __audit__ = "none"
    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("system_id", "kind", "external_id", "revision"),
        CheckConstraint("state IN ('received', 'applied', 'superseded', 'parked')", name="state_known"),
        Index("ix_inbox_open", "system_id", "received_at", postgresql_where=text("state IN ('received', 'parked')")),
    )

    id: Mapped[UuidKey]
    system_id: Mapped[int] = mapped_column(ForeignKey(ExternalSystem.id))
    kind: Mapped[str] = mapped_column(String(50))
    external_id: Mapped[str] = mapped_column(String(100))
    revision: Mapped[str] = mapped_column(String(50))
    payload: Mapped[dict[str, Any]]
    received_at: Mapped[UtcAt] = mapped_column(server_default=sql.now())
    state: Mapped[str] = mapped_column(String(10), server_default="received")
    request_id: Mapped[UUID | None]
    last_error: Mapped[str] = mapped_column(server_default="")


class RelayRow(Base):
    """Latest values of one source, for stations that do not read it themselves. Unlogged: filled again each second.

    Attributes:
        source: Source code.
        epoch: Of the lease of whoever wrote it.
        sent_at: Server time.
        payload: Columns ``tags, values, qualities, statuses, source_at, received_at`` of equal length, and ``now``.
    """

    __audit__ = None
    __tablename__ = "relay"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012 - SQLAlchemy reads it as a plain class attribute

    source: Mapped[str] = mapped_column(String(50), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger)
    sent_at: Mapped[UtcAt]
    payload: Mapped[dict[str, Any]]


class PresenceRow(Base):
    """Which running program has the name of a station, and what it says of itself. Unlogged: it says so again in seconds.

    Attributes:
        run_id: Of the program, made when it starts; its connections carry it (``genba.run``).
        home_id: Of the folder it works in.
        host: Computer it runs on.
        claimed_until: From then on another program may have the name; all times are the server's.
        told_at: When it said the rest; None: it has not yet.
        clock_ahead_s: How far its computer's clock is ahead of the server's, seconds; None while it has not measured.
        notice_lag_s: From a change to its being heard there, seconds; None while it has not measured.
        waiting: Decisions in its journal that are not in the database; ``parked``: that need a person.
    """

    __audit__ = None
    __tablename__ = "presence"
    __table_args__ = (
        CheckConstraint("clock_ahead_s > '-Infinity' AND clock_ahead_s < 'Infinity'", name="clock_ahead_s_is_number"),
        CheckConstraint("notice_lag_s >= 0 AND notice_lag_s < 'Infinity'", name="notice_lag_s_is_number"),
        {"prefixes": ["UNLOGGED"]},
    )

    station: Mapped[str] = mapped_column(String(50), primary_key=True)
    run_id: Mapped[UUID]
    home_id: Mapped[UUID]
    host: Mapped[str] = mapped_column(server_default="")
    claimed_at: Mapped[UtcAt]
    claimed_until: Mapped[UtcAt]
    told_at: Mapped[datetime | None]
    clock_ahead_s: Mapped[float | None] = mapped_column(Double)
    notice_lag_s: Mapped[float | None] = mapped_column(Double)
    waiting: Mapped[int] = mapped_column(Integer, server_default="0")
    parked: Mapped[int] = mapped_column(Integer, server_default="0")


class LeaseRow(Base):
    """Who does a job that only one station may do; the epoch is the fencing number checked by each write.

    Attributes:
        name: The job, ``source:PLC-1``, ``sync``.
        holder: Station code.
        epoch: Rises with every change of holder, never falls.
        expires_at: From then on another may take it; all times are the server's.
    """

    __audit__ = None
    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    holder: Mapped[str] = mapped_column(String(50))
    epoch: Mapped[int] = mapped_column(BigInteger)
    acquired_at: Mapped[UtcAt]
    renewed_at: Mapped[UtcAt]
    expires_at: Mapped[UtcAt]


class SiteKeyRow(Base):
    """One key of the site: that it exists, and how a station that has the one before it comes to it. Never the key itself.

    Attributes:
        id: Eight hex digits; stands in everything the key sealed.
        position: Order of making; the last row is the key that the site seals with.
        wrapped_by: Key this one was sealed with; None for the first one and after a key that somebody else may know.
        wrapped: This key, sealed with that one.
        made_by: User code.
    """

    __tablename__ = "site_key"
    __entity__ = "site_key"
    __audit__ = "rows"
    __table_args__ = (CheckConstraint("(wrapped_by IS NULL) = (wrapped IS NULL)", name="wrapped_complete"),)

    id: Mapped[str] = mapped_column(String(8), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, Identity(), unique=True)
    made_at: Mapped[UtcAt] = mapped_column(server_default=sql.now())
    made_by: Mapped[str] = mapped_column(String(100))
    wrapped_by: Mapped[str | None] = mapped_column(String(8))
    wrapped: Mapped[bytes | None] = mapped_column(LargeBinary, info={"confidential": True})


class SiteSecret(Base):
    """A password the site's programs need in clear text, sealed with the site's key; see ``core.store.sitesecrets``.

    Attributes:
        name: ``source:<code>:password``, ``system:<code>:password`` and the like.
        value: The name and the secret, so that two rows cannot change places.
        changed_at: Server time.
    """

    __tablename__ = "secret"
    __entity__ = "secret"
    __audit__ = "rows"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    value: Mapped[str | Unreadable] = confidential("secret.value", nullable=False)
    changed_at: Mapped[UtcAt] = mapped_column(server_default=sql.now())


class SchemaCompat(Base):
    """From which to which program version a schema revision serves; the newest row counts."""

    __audit__ = None
    __tablename__ = "schema_compat"

    schema_revision: Mapped[str] = mapped_column(String(50), primary_key=True)
    oldest_program: Mapped[str] = mapped_column(String(20))
    newest_program: Mapped[str] = mapped_column(String(20))
    applied_at: Mapped[UtcAt] = mapped_column(server_default=sql.now())
