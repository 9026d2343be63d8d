"""Tables of the plant: enterprise to work unit, stations, sources, tags, units of measure, machine states.

Rows that the site file keeps are never deleted: what disappears from the file gets ``retired_at``.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.equipment.line_settings import LINE_WORDS
from core.equipment.states import MachineState
from core.live.tags import TagRole, TagType
from core.store.base import Amount, Base, Code, Key, Names, UtcAt, UuidKey, Versioned

Readers = Literal["lease", "all", "stations"]
"""Which stations connect to a source; see SourceSpec."""

IN_BOTH_LANGUAGES = "name ?& ARRAY['ja', 'en']"
_FINITE = "{0} > '-Infinity' AND {0} < 'Infinity'"  # NaN is greater than Infinity in PostgreSQL, so this refuses it as well


def words(column: str, allowed: Any) -> str:
    """SQL that allows only the words of an enum or tuple in ``column``."""
    return f"{column} IN ({', '.join(repr(str(word)) for word in allowed)})"


class Kept(Versioned):
    """A row the site file keeps.

    Attributes:
        retired_at: When it disappeared from the file; None while it stands there.
    """

    retired_at: Mapped[datetime | None]


class Enterprise(Kept, Base):
    """The company."""

    __tablename__ = "enterprise"
    __entity__ = "enterprise"
    __table_args__ = (CheckConstraint(IN_BOTH_LANGUAGES, name="name_in_both_languages"),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[Names]


class Site(Kept, Base):
    """A plant at one place; its days and shifts follow ``time_zone`` (IANA name)."""

    __tablename__ = "site"
    __entity__ = "site"
    __table_args__ = (CheckConstraint(IN_BOTH_LANGUAGES, name="name_in_both_languages"),)

    id: Mapped[Key]
    enterprise_id: Mapped[int] = mapped_column(ForeignKey(Enterprise.id), index=True)
    code: Mapped[Code]
    name: Mapped[Names]
    time_zone: Mapped[str] = mapped_column(String(64))
    position: Mapped[int] = mapped_column(Integer, server_default="0")

    enterprise: Mapped[Enterprise] = relationship()


class Area(Kept, Base):
    """A part of a site."""

    __tablename__ = "area"
    __entity__ = "area"
    __table_args__ = (CheckConstraint(IN_BOTH_LANGUAGES, name="name_in_both_languages"),)

    id: Mapped[Key]
    site_id: Mapped[int] = mapped_column(ForeignKey(Site.id), index=True)
    code: Mapped[Code]
    name: Mapped[Names]
    position: Mapped[int] = mapped_column(Integer, server_default="0")

    site: Mapped[Site] = relationship()


class Line(Kept, Base):
    """A production line. Its status is worked out from the state of its constraint unit and stands nowhere.

    Attributes:
        capacity_per_hour: Parts per hour at full speed, > 0.
        efficiency: Expected share of the capacity, per cent, 0 < … ≤ 100.
        constraint_unit_id: The work unit that sets the pace and whose counters count; None when none is declared.
        position: Place among the lines of its area; screens keep this order always.
        calendar_id: Which shifts it works; None when it is planned around the clock.
        state_rule, minor_stop_s, …: How its state, its stops and its counts are judged; see ``core.equipment.line_settings.LineSettings``.
    """

    __tablename__ = "line"
    __entity__ = "line"
    __table_args__ = (
        CheckConstraint(IN_BOTH_LANGUAGES, name="name_in_both_languages"),
        CheckConstraint("capacity_per_hour > 0", name="capacity_positive"),
        CheckConstraint("efficiency > 0 AND efficiency <= 100", name="efficiency_range"),
        *(CheckConstraint(words(name, get_args(allowed)), name=f"{name}_known") for name, allowed in LINE_WORDS.items()),
        CheckConstraint("minor_stop_s BETWEEN 1 AND 3600", name="minor_stop_s_range"),
        CheckConstraint("difference_limit BETWEEN 0 AND 1", name="difference_limit_range"),
        CheckConstraint("gap_bridge_s BETWEEN 0 AND 3600", name="gap_bridge_s_range"),
        CheckConstraint("oee_target > 0 AND oee_target <= 100", name="oee_target_range"),
    )

    id: Mapped[Key]
    area_id: Mapped[int] = mapped_column(ForeignKey(Area.id), index=True)
    code: Mapped[Code]
    name: Mapped[Names]
    capacity_per_hour: Mapped[Amount]
    efficiency: Mapped[Amount] = mapped_column(server_default="85")
    # The two tables name each other, so this constraint is added after both exist.
    constraint_unit_id: Mapped[int | None] = mapped_column(
        ForeignKey("genba.work_unit.id", use_alter=True, name="fk_line_constraint_unit_id"), index=True
    )
    position: Mapped[int] = mapped_column(Integer, server_default="0")
    calendar_id: Mapped[int | None] = mapped_column(ForeignKey("genba.calendar.id", use_alter=True, name="fk_line_calendar_id"), index=True)
    state_rule: Mapped[str] = mapped_column(String(20), server_default="constraint")
    minor_stop_s: Mapped[int] = mapped_column(Integer, server_default="300")
    minor_stop_loss: Mapped[str] = mapped_column(String(12), server_default="performance")
    worked_breaks: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    count_mode: Mapped[str] = mapped_column(String(10), server_default="machine")
    report_mode: Mapped[str] = mapped_column(String(10), server_default="confirm")
    difference_limit: Mapped[Amount] = mapped_column(server_default="0.02")
    gap_rule: Mapped[str] = mapped_column(String(10), server_default="leader")
    gap_bridge_s: Mapped[int] = mapped_column(Integer, server_default="0")
    oee_target: Mapped[Amount] = mapped_column(server_default="85")

    area: Mapped[Area] = relationship()
    constraint_unit: Mapped[WorkUnit | None] = relationship(foreign_keys=[constraint_unit_id], post_update=True)
    work_units: Mapped[list[WorkUnit]] = relationship(
        back_populates="line", foreign_keys="WorkUnit.line_id", order_by="WorkUnit.position", viewonly=True
    )


class WorkUnit(Kept, Base):
    """A machine or a place of work in a line; ``state_rules`` see ``core.equipment.state_rules.StateRule``."""

    __tablename__ = "work_unit"
    __entity__ = "work_unit"
    __table_args__ = (CheckConstraint(IN_BOTH_LANGUAGES, name="name_in_both_languages"),)

    id: Mapped[Key]
    line_id: Mapped[int] = mapped_column(ForeignKey(Line.id), index=True)
    code: Mapped[Code]
    name: Mapped[Names]
    position: Mapped[int] = mapped_column(Integer, server_default="0")
    state_rules: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")

    line: Mapped[Line] = relationship(back_populates="work_units", foreign_keys=[line_id])


class Station(Base):
    """A panel PC, a workstation or a headless process.

    Attributes:
        offline_h: Hours for which somebody who signed in here may do so again while the database is away; 0 for never.
        login: Log-in role of the database that is bound to this station; None before ``genba db roles add``.
        revoked_at: Since when that log-in is of no use any more.
    """

    __tablename__ = "station"
    __entity__ = "station"
    __table_args__ = (CheckConstraint("offline_h BETWEEN 0 AND 168", name="offline_h_range"),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[str] = mapped_column(server_default="")
    line_id: Mapped[int | None] = mapped_column(ForeignKey(Line.id), index=True)
    host: Mapped[str] = mapped_column(server_default="")
    program_version: Mapped[str] = mapped_column(String(50), server_default="")
    started_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    offline_h: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    login: Mapped[str | None] = mapped_column(String(63), unique=True)
    revoked_at: Mapped[datetime | None]


class Unit(Kept, Base):
    """A unit of measure: value in ``base`` = value × factor + base_offset, both of the same ``quantity``.

    ``builtin`` marks the ones the program brings along; a site file may redefine them.
    """

    __tablename__ = "unit"
    __entity__ = "unit"
    __table_args__ = (
        CheckConstraint(IN_BOTH_LANGUAGES, name="name_in_both_languages"),
        CheckConstraint("factor > 0 AND factor < 'Infinity'", name="factor_positive"),
        CheckConstraint(_FINITE.format("base_offset"), name="base_offset_finite"),
    )

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(String(20), unique=True)
    quantity: Mapped[str] = mapped_column(String(50))
    name: Mapped[Names]
    base: Mapped[str] = mapped_column(String(20))
    factor: Mapped[Decimal] = mapped_column(Numeric)
    base_offset: Mapped[Decimal] = mapped_column(Numeric, server_default="0")
    builtin: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))


class Source(Kept, Base):
    """A machine, gateway or broker; see ``core.live.tags.SourceSpec`` for the meaning of each field."""

    __tablename__ = "source"
    __entity__ = "source"
    __table_args__ = (
        CheckConstraint("label ?& ARRAY['ja', 'en']", name="label_in_both_languages"),
        CheckConstraint("readers IN ('lease', 'all', 'stations')", name="readers_known"),
        CheckConstraint("(readers = 'stations') = (jsonb_array_length(stations) > 0)", name="stations_listed"),
    )

    id: Mapped[Key]
    code: Mapped[Code]
    protocol: Mapped[str] = mapped_column(String(20))
    url: Mapped[str]
    label: Mapped[Names]
    readers: Mapped[str] = mapped_column(String(10), server_default="lease")
    # Codes, not keys: a station is written into the file before its PC has ever been switched on.
    stations: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    owner: Mapped[str] = mapped_column(String(50), server_default="")
    simulated: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    options: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
    position: Mapped[int] = mapped_column(Integer, server_default="0")


_NOT_NEGATIVE = ("deadband", "deadband_percent", "write_min_interval_s", "write_tolerance")
_POSITIVE = ("frozen_after_s", "write_max_step", "write_max_per_s", "write_confirm_s")


class Tag(Kept, Base):
    """One tag; see ``core.live.tags.TagSpec`` and ``WritePolicy`` for the meaning of each field.

    ``id`` is what the history stores beside each value. ``write_permission`` None means read only.
    """

    __tablename__ = "tag"
    __entity__ = "tag"
    __table_args__ = (
        CheckConstraint("label ?& ARRAY['ja', 'en']", name="label_in_both_languages"),
        CheckConstraint(words("type", TagType), name="type_known"),
        CheckConstraint(words("role", TagRole), name="role_known"),
        CheckConstraint("period_s > 0 AND period_s < 'Infinity'", name="period_positive"),
        CheckConstraint(f"{_FINITE.format('scale')} AND scale <> 0", name="scale_finite"),
        CheckConstraint(_FINITE.format('"offset"'), name="offset_finite"),
        CheckConstraint("decimals BETWEEN 0 AND 9", name="decimals_range"),
        *(
            CheckConstraint(_FINITE.format(name), name=f"{name}_finite")
            for name in ("low", "high", "warn_low", "warn_high", "valid_low", "valid_high")
        ),
        CheckConstraint("low < high", name="low_below_high"),
        CheckConstraint("warn_low < warn_high", name="warn_low_below_warn_high"),
        CheckConstraint("valid_low < valid_high", name="valid_low_below_valid_high"),
        CheckConstraint("outside IN ('mark', 'clamp')", name="outside_known"),
        *(CheckConstraint(f"{name} >= 0 AND {name} < 'Infinity'", name=f"{name}_range") for name in _NOT_NEGATIVE),
        *(CheckConstraint(f"{name} > 0 AND {name} < 'Infinity'", name=f"{name}_positive") for name in _POSITIVE),
        CheckConstraint(
            "(write_permission IS NULL) = (write_low IS NULL) AND (write_permission IS NULL) = (write_high IS NULL)", name="write_complete"
        ),
        CheckConstraint(f"{_FINITE.format('write_low')} AND {_FINITE.format('write_high')}", name="write_finite"),
        CheckConstraint("write_low <= write_high", name="write_low_not_above_high"),
        Index("ix_tag_work_unit_id_position", "work_unit_id", "position"),
    )

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(String(200), unique=True)
    source_id: Mapped[int] = mapped_column(ForeignKey(Source.id), index=True)
    address: Mapped[str]
    type: Mapped[str] = mapped_column(String(10))
    period_s: Mapped[float] = mapped_column(Double, server_default="1")
    scale: Mapped[float] = mapped_column(Double, server_default="1")
    offset: Mapped[float] = mapped_column(Double, server_default="0")
    unit: Mapped[str | None] = mapped_column(ForeignKey(Unit.code))
    decimals: Mapped[int] = mapped_column(Integer, server_default="1")
    label: Mapped[Names]
    work_unit_id: Mapped[int | None] = mapped_column(ForeignKey(WorkUnit.id))
    role: Mapped[str] = mapped_column(String(10), server_default="process")
    low: Mapped[float | None] = mapped_column(Double)
    high: Mapped[float | None] = mapped_column(Double)
    warn_low: Mapped[float | None] = mapped_column(Double)
    warn_high: Mapped[float | None] = mapped_column(Double)
    valid_low: Mapped[float | None] = mapped_column(Double)
    valid_high: Mapped[float | None] = mapped_column(Double)
    outside: Mapped[str] = mapped_column(String(10), server_default="mark")
    deadband: Mapped[float] = mapped_column(Double, server_default="0")
    deadband_percent: Mapped[float] = mapped_column(Double, server_default="0")
    frozen_after_s: Mapped[float | None] = mapped_column(Double)
    write_permission: Mapped[str | None] = mapped_column(String(100))
    write_low: Mapped[float | None] = mapped_column(Double)
    write_high: Mapped[float | None] = mapped_column(Double)
    write_interlock: Mapped[str | None] = mapped_column(String(200))
    write_min_interval_s: Mapped[float] = mapped_column(Double, server_default="1")
    write_tolerance: Mapped[float] = mapped_column(Double, server_default="0.000001")
    write_max_step: Mapped[float | None] = mapped_column(Double)
    write_max_per_s: Mapped[float | None] = mapped_column(Double)
    write_two_step: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    write_reason: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    write_confirm_s: Mapped[float] = mapped_column(Double, server_default="2")
    write_confirm_tag: Mapped[str | None] = mapped_column(String(200))
    states: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
    options: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
    position: Mapped[int] = mapped_column(Integer, server_default="0")

    source: Mapped[Source] = relationship()
    work_unit: Mapped[WorkUnit | None] = relationship()


class ManualEntry(Base):
    """A fact: somebody entered the value of a tag of a machine without a controller. The newest of a tag is what it says now.

    Attributes:
        line_id: Line of the tag's work unit; None for a tag of the site.
        value: In engineering units, of the tag's type.
        entered_at: When the person decided, by his station's clock.
    """

    __tablename__ = "manual_entry"
    __entity__ = "manual_value"
    __table_args__ = (Index("ix_manual_entry_tag_id_entered_at", "tag_id", "entered_at"),)

    id: Mapped[UuidKey]
    tag_id: Mapped[int] = mapped_column(ForeignKey(Tag.id))
    line_id: Mapped[int | None] = mapped_column(ForeignKey(Line.id), index=True)
    value: Mapped[Any] = mapped_column(JSONB)
    entered_at: Mapped[UtcAt]
    user_code: Mapped[str] = mapped_column(String(100))
    station: Mapped[str] = mapped_column(String(50))
    request_id: Mapped[UUID]

    tag: Mapped[Tag] = relationship()


class StateSegment(Base):
    """Evidence: one work unit in one state from ``started_at`` to ``ended_at`` (None while it goes on).

    Idempotent by (source, epoch, seq): ``source`` is the code of the recorded source, ``epoch`` the fencing number of the
    lease it was recorded under, ``seq`` rises within that epoch. ``reason_code`` is no foreign key: what a machine says is
    recorded even when the catalogue does not know it.
    """

    __audit__ = "sum"
    __tablename__ = "state_segment"
    __table_args__ = (
        UniqueConstraint("source", "epoch", "seq"),
        CheckConstraint(words("state", MachineState), name="state_known"),
        CheckConstraint("ended_at >= started_at", name="end_not_before_start"),
        Index("ix_state_segment_time", "work_unit_id", "started_at", postgresql_include=["ended_at", "state", "reason_code"]),
        Index("ix_state_segment_gap", "work_unit_id", "started_at", postgresql_where=text("state = 'OFFLINE'")),
        Index("ix_state_segment_open", "work_unit_id", postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[UuidKey]
    work_unit_id: Mapped[int] = mapped_column(ForeignKey(WorkUnit.id))
    state: Mapped[str] = mapped_column(String(20))
    reason_code: Mapped[str] = mapped_column(String(50), server_default="")
    started_at: Mapped[UtcAt]
    ended_at: Mapped[datetime | None]
    source: Mapped[str] = mapped_column(String(50))
    epoch: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(BigInteger)
