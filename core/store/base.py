"""What every mapped row is made of: the declarative base, column types that refuse bad values, and the session ``Db``.

All tables stand in the PostgreSQL schema ``genba``. Constraints carry stable names, so that migrations can name
them and a violated one can be turned into an operator's sentence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Connection,
    DateTime,
    Dialect,
    Identity,
    Integer,
    MetaData,
    Numeric,
    String,
    Text,
    Uuid,
    event,
    select,
)
from sqlalchemy import func as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, SessionTransaction, declared_attr, mapped_column
from sqlalchemy.types import TypeDecorator

from core.clock import Clock, SystemClock

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from core.store.operation import Actor, Request

SCHEMA = "genba"

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """``timestamptz`` that takes aware datetimes only and always answers in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime: nobody can say which moment it means."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value.isoformat()}: times in the database are aware and UTC")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The stored moment in UTC, whatever time zone the server shows."""
        return None if value is None else value.astimezone(UTC)


class Quantity(TypeDecorator[Decimal]):
    """``numeric(18, 6)``: an exact quantity; its unit code stands in a column beside it.

    Takes Decimal and int. A float is refused because its digits are not what was weighed or typed, and NaN because
    PostgreSQL holds NaN = NaN and NaN > everything, so that no range check would catch it.
    """

    impl = Numeric(18, 6)
    cache_ok = True

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> Decimal | None:
        """The exact decimal; raises ValueError for a float, a bool, NaN or infinity."""
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, Decimal | int):
            raise ValueError(f"a quantity is a Decimal or an int, not {type(value).__name__}")
        number = Decimal(value)
        if not math.isfinite(number):
            raise ValueError(f"a quantity is a number, not {number}")
        return number


Key = Annotated[int, mapped_column(Integer, Identity(), primary_key=True)]
"""Primary key of master data; people and files name the row by its ``code``."""
UuidKey = Annotated[UUID, mapped_column(Uuid, primary_key=True)]
"""Primary key of what operations and evidence make: a UUIDv7 given by the maker, never by the server."""
Code = Annotated[str, mapped_column(String(50), unique=True)]
"""The name of a piece of master data in files, on screens and in messages; unique."""
UtcAt = Annotated[datetime, mapped_column(UtcDateTime)]
"""A moment, aware UTC; the attribute's name ends in ``_at``."""
Amount = Annotated[Decimal, mapped_column(Quantity)]
"""An exact quantity; its unit code stands in a column beside it."""
Names = Annotated[dict[str, str], mapped_column(JSONB)]
"""A name by language: ``{"ja": …, "en": …}``."""


class Base(DeclarativeBase):
    """Base of every mapped row.

    Attributes:
        __audit__: How the audit row of an operation tells of changes: ``rows`` each row before and after, ``sum`` how many,
            ``none`` nothing; None for tables that functions of the database alone write.
    """

    __audit__: ClassVar[Literal["rows", "sum", "none"] | None] = "rows"

    metadata = MetaData(schema=SCHEMA, naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as a plain class attribute
        datetime: UtcDateTime,
        Decimal: Quantity,
        UUID: Uuid,
        str: Text,
        dict[str, Any]: JSONB,
        dict[str, str]: JSONB,
        list[str]: JSONB,
    }

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give every quantity column its check against NaN, also for writers that do not come through these classes."""
        super().__init_subclass__(**kwargs)
        table = cls.__dict__.get("__table__")
        if table is None:
            return
        for column in table.columns:
            if isinstance(column.type, Quantity):
                table.append_constraint(CheckConstraint(f"{column.name} <> 'NaN'", name=f"{column.name}_is_number"))


class Versioned:
    """A row that operations change: ``version`` rises with every change and guards against lost updates.

    An update of a row whose version moved meanwhile raises ``sqlalchemy.orm.exc.StaleDataError``; the door turns it
    into ``Conflict("store.changed_meanwhile")``.
    """

    version: Mapped[int] = mapped_column(Integer, nullable=False, server_default="1")

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}


@dataclass(frozen=True, slots=True)
class Message:
    """One message that an operation wants other systems to get.

    Attributes:
        topic: What it is about, ``order.completed``; external systems subscribe to topics.
        key: Messages of one key are sent in order.
        payload: JSON-able content.
    """

    topic: str
    key: str
    payload: Mapping[str, Any]


class Db(Session):
    """One unit of work of one actor: what operations and queries are handed.

    Lives for one transaction on one lane's thread; never shared between threads. Operations add, change and flush
    rows on it; only the door commits.

    Attributes:
        actor: Who does it; the doors set it before the function runs.
        request: The journalled request being applied; None in queries and housekeeping.
        decided_at: When the actor decided (aware UTC); lies in the past when an outage came between.
        late: True while a request is applied that its station showed as waiting: nobody is asked any more.
        clock: The injected clock; also makes the identifiers.
        messages: What ``outbox`` has queued so far.
        reason: What ``note_reason`` has noted; "" for nothing.
    """

    actor: Actor

    def __init__(
        self,
        bind: Engine | Connection,
        *,
        actor: Actor | None = None,
        request: Request | None = None,
        decided_at: datetime | None = None,
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        super().__init__(bind, expire_on_commit=False, **options)
        self.clock: Clock = clock or SystemClock()
        if actor is not None:
            self.actor = actor
        self.request = request
        self.decided_at: datetime = decided_at or self.clock.now()
        self.late = False
        self.messages: list[Message] = []
        self.reason = ""
        self._now: datetime | None = None

    @property
    def now(self) -> datetime:
        """Server time at the start of this transaction, aware UTC; the same for every row written in it."""
        if self._now is None:
            self._now = self.execute(select(sql.now())).scalar_one().astimezone(UTC)
        return self._now

    def outbox(self, topic: str, key: str, payload: Mapping[str, Any]) -> None:
        """Queue a message for external systems.

        The door writes it in the same transaction, and only when an external system subscribes to ``topic``.
        """
        self.messages.append(Message(topic, key, dict(payload)))

    def note_reason(self, reason: str) -> None:
        """Keep the actor's reason for the audit row of this operation."""
        self.reason = reason


@event.listens_for(Db, "after_transaction_end")
def _forget_its_time(session: Session, transaction: SessionTransaction) -> None:
    if isinstance(session, Db) and transaction.parent is None:
        session._now = None
