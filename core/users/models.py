"""Tables of users: who there is, which roles they have, how they prove it, where they are signed in, what they signed.

What proves a person (``credential``, ``sign_in_secret``) is declared as plain tables, never as mapped classes: a station may
not read them, only the functions of ``migrations/sql`` may. Counted failures and one-time proofs stand in the schema
``genba_guard``, which no station can even look into.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy import func as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.store.base import Base, Code, Key, Names, UtcAt, UtcDateTime, UuidKey, Versioned


class User(Versioned, Base):
    """A person who works with the station; never deleted, because the past speaks of him.

    Attributes:
        code: What he types or what his badge says; unique without regard to upper and lower case.
        name: As printed beside what he did.
        active: False after an administrator took his access away on a screen; only a screen gives it back.
        origin: ``site`` when the site file keeps him, ``screen`` when an administrator made him.
        retired_at: When he disappeared from the site file; None while he stands there or was made on a screen.
    """

    __tablename__ = "app_user"
    __entity__ = "user"
    __table_args__ = (
        CheckConstraint("language IN ('ja', 'en')", name="language_known"),
        CheckConstraint("origin IN ('site', 'screen')", name="origin_known"),
        CheckConstraint("length(code) > 0", name="code_given"),
        CheckConstraint("name ?& ARRAY['ja', 'en']", name="name_in_both_languages"),
        Index("uq_app_user_code_any_case", text("upper(code)"), unique=True),
    )

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[Names]
    language: Mapped[str] = mapped_column(String(2), server_default="ja")
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    origin: Mapped[str] = mapped_column(String(10), server_default="screen")
    retired_at: Mapped[datetime | None]

    role_rows: Mapped[list[UserRole]] = relationship(back_populates="user", cascade="all, delete-orphan", lazy="selectin")


class Role(Base):
    """One of the roles declared in ``core.users.roles``; the permissions of a role stand there, in code."""

    __tablename__ = "role"
    __entity__ = "role"

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[Names]


class UserRole(Base):
    """One user has one role."""

    __tablename__ = "user_role"

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id), primary_key=True)
    role_id: Mapped[int] = mapped_column(ForeignKey(Role.id), primary_key=True, index=True)
    given_at: Mapped[UtcAt] = mapped_column(server_default=sql.now())

    user: Mapped[User] = relationship(back_populates="role_rows")
    role: Mapped[Role] = relationship(lazy="joined")


class RoleRule(Versioned, Base):
    """Where this site decided otherwise than the declared roles: one role, one permission, on one line or on all.

    Attributes:
        line_id: None for all lines; a rule for one line goes before the rule for all.
        allowed: True gives the permission to the role, False takes it.
    """

    __tablename__ = "role_rule"
    __entity__ = "role"
    __table_args__ = (
        UniqueConstraint("role_id", "permission", "line_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("permission ~ '^[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*)+$'", name="permission_exact"),
    )

    id: Mapped[Key]
    role_id: Mapped[int] = mapped_column(ForeignKey(Role.id))
    permission: Mapped[str] = mapped_column(String(100))
    line_id: Mapped[int | None] = mapped_column(ForeignKey("line.id"), index=True)
    allowed: Mapped[bool] = mapped_column(Boolean)

    role: Mapped[Role] = relationship(lazy="joined")


class SecurityPolicy(Versioned, Base):
    """What this site asks of sign-ins; one row, always there.

    Attributes:
        pin_digits: Fewest digits of a PIN, 4 … 12.
        secret_days: Days after which a PIN or password must be changed; 0 for never.
        session_h: Hours after which a session ends by itself, 1 … 24.
        user_tries: Wrong proofs in a row after which a user is locked, 3 … 10.
        station_tries: Wrong proofs in a row after which a whole station is locked, 5 … 100.
        lock_min: Minutes of the first lock, doubled with each further one, 1 … 480.
    """

    __tablename__ = "security_policy"
    __entity__ = "security_policy"
    __table_args__ = (
        CheckConstraint("id = 1", name="only_one"),
        CheckConstraint("pin_digits BETWEEN 4 AND 12", name="pin_digits_range"),
        CheckConstraint("secret_days BETWEEN 0 AND 3650", name="secret_days_range"),
        CheckConstraint("session_h BETWEEN 1 AND 24", name="session_h_range"),
        CheckConstraint("user_tries BETWEEN 3 AND 10", name="user_tries_range"),
        CheckConstraint("station_tries BETWEEN 5 AND 100", name="station_tries_range"),
        CheckConstraint("lock_min BETWEEN 1 AND 480", name="lock_min_range"),
    )

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, server_default="1")
    pin_digits: Mapped[int] = mapped_column(SmallInteger, server_default="6")
    secret_days: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    session_h: Mapped[int] = mapped_column(SmallInteger, server_default="12")
    user_tries: Mapped[int] = mapped_column(SmallInteger, server_default="5")
    station_tries: Mapped[int] = mapped_column(SmallInteger, server_default="20")
    lock_min: Mapped[int] = mapped_column(SmallInteger, server_default="15")


class Badge(Base):
    """A badge somebody was given; never deleted. What it says is kept as a keyed hash that no station can read.

    Attributes:
        label: Its last characters, so that people can tell two badges apart.
        blocked_at: When it was reported lost or taken back; None while it works.
    """

    __tablename__ = "badge"
    __entity__ = "user"
    __table_args__ = (
        CheckConstraint("(blocked_at IS NULL) = (blocked_reason = '')", name="block_has_reason"),
        Index("ix_badge_user_id_given_at", "user_id", "given_at"),
    )

    id: Mapped[UuidKey]
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True, deferred=True)
    label: Mapped[str] = mapped_column(String(10))
    given_at: Mapped[UtcAt] = mapped_column(server_default=sql.now())
    blocked_at: Mapped[datetime | None]
    blocked_reason: Mapped[str] = mapped_column(server_default="")


class UserSession(Base):
    """One person signed in at one station, from ``started_at`` until ``ended_at`` or ``expires_at``, whichever comes first.

    Rows are made and ended by functions of the database only. ``token_hash`` and the keys of the seal are not readable for a
    station.

    Attributes:
        roles: Role codes as they were at the sign-in: by them a fact is judged that comes home after an outage.
        seal_inner, seal_outer: The two pads of the HMAC under which requests of this session wait in a station's journal.
        clock_ahead_s: How far the station's clock was ahead of the server's at the sign-in, seconds: times that the station gives
            later are judged by it.
        offline: Begun at a station while the database was away.
    """

    __audit__ = None
    __tablename__ = "session"
    __table_args__ = (
        CheckConstraint("expires_at > started_at", name="expires_after_start"),
        CheckConstraint("clock_ahead_s > '-Infinity' AND clock_ahead_s < 'Infinity'", name="clock_ahead_s_is_number"),
        Index("ix_session_user_id_started_at", "user_id", "started_at"),
        Index("ix_session_station_started_at", "station", "started_at"),
    )

    id: Mapped[UuidKey]
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    station: Mapped[str] = mapped_column(String(50))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True, deferred=True)
    started_at: Mapped[UtcAt]
    expires_at: Mapped[UtcAt]
    ended_at: Mapped[datetime | None]
    roles: Mapped[list[str]] = mapped_column(server_default=text("'[]'::jsonb"))
    seal_inner: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    seal_outer: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    clock_ahead_s: Mapped[float] = mapped_column(Double, server_default="0")
    offline: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))


class Signature(Base):
    """A person's electronic signature under one request; append-only, written by ``genba.sign`` only.

    Attributes:
        request_id: The request that was signed; what it did stands in the audit rows of the same request.
        user_code, printed_name: As they were at the moment of signing.
        meaning: What the signing means, in the operation's declared word (``review``, ``approval`` …).
    """

    __audit__ = None
    __tablename__ = "signature"
    __table_args__ = (
        CheckConstraint("length(meaning) > 0", name="meaning_given"),
        Index("ix_signature_user_id_signed_at", "user_id", "signed_at"),
    )

    id: Mapped[UuidKey]
    request_id: Mapped[UUID] = mapped_column(index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    user_code: Mapped[str] = mapped_column(String(50))
    printed_name: Mapped[Names]
    meaning: Mapped[str] = mapped_column(String(100))
    station: Mapped[str] = mapped_column(String(50))
    signed_at: Mapped[UtcAt]


credential = Table(
    "credential",
    Base.metadata,
    Column("user_id", Integer, ForeignKey(User.id), primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("verifier", LargeBinary, nullable=False),
    Column("time_cost", Integer, nullable=False),
    Column("memory_kib", Integer, nullable=False),
    Column("parallelism", SmallInteger, nullable=False),
    Column("must_change", Boolean, nullable=False, server_default=text("false")),
    Column("changed_at", UtcDateTime, nullable=False),
    CheckConstraint("octet_length(salt) = 16", name="salt_length"),
    CheckConstraint("octet_length(verifier) = 32", name="verifier_length"),
    CheckConstraint("time_cost BETWEEN 1 AND 100", name="time_cost_range"),
    CheckConstraint("memory_kib BETWEEN 8192 AND 4194304", name="memory_range"),
    CheckConstraint("parallelism BETWEEN 1 AND 64", name="parallelism_range"),
    comment="SHA-256 of the Argon2id hash a panel derives: reading this table does not let anybody sign in.",
    info={"audit": "rows", "entity": "user"},
)

sign_in_secret = Table(
    "sign_in_secret",
    Base.metadata,
    Column("id", SmallInteger, primary_key=True, server_default="1"),
    Column("secret", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
    comment="Random bytes from which the salt of an unknown user code is made.",
)
