"""The SQL of the plant: rows and the specs made of them. Imported when the first query runs on a lane, never by a screen."""

from __future__ import annotations

from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from core.equipment import models, stop_models
from core.equipment.line_settings import CountMode, GapRule, LineSettings, MinorLoss, ReportMode, StateRuleName
from core.equipment.shift_models import Calendar
from core.equipment.state_rules import stored_rule
from core.equipment.units import UnitSpec
from core.equipment.views import LineSpec, SiteView, StopReasonView, WorkUnitSpec
from core.live.tags import Outside, SourceSpec, TagRole, TagSpec, TagType, WritePolicy
from core.store.base import Db


def site(db: Db) -> SiteView:
    """Everything that is not retired."""
    enterprise = db.scalars(select(models.Enterprise).where(models.Enterprise.retired_at.is_(None))).first()
    sources = _sources(db)
    tags = _tags(db, {source.code for source in sources})
    return SiteView(
        enterprise={} if enterprise is None else enterprise.name,
        lines=_lines(db),
        sources=sources,
        tags=tuple(tag_spec(row) for row in tags),
        tag_ids={row.name: row.id for row in tags},
        units={row.code: unit_spec(row) for row in db.scalars(select(models.Unit).order_by(models.Unit.code))},
    )


def stop_reasons(db: Db) -> tuple[StopReasonView, ...]:
    """The active ones in the order of the catalogue."""
    reason = stop_models.StopReason
    rows = db.scalars(select(reason).where(reason.active).order_by(reason.position, reason.code))
    return tuple(StopReasonView(row.code, row.name, row.grouping, row.oee_bucket, row.time_element) for row in rows)


def unit_spec(row: models.Unit) -> UnitSpec:
    """A unit row as the conversion functions take it."""
    return UnitSpec(row.code, row.quantity, row.base, row.name, row.factor, row.base_offset)


def _lines(db: Db) -> tuple[LineSpec, ...]:
    line, area, site = models.Line, models.Area, models.Site
    rows = db.scalars(
        select(line)
        .join(line.area)
        .join(area.site)
        .where(line.retired_at.is_(None))
        .options(joinedload(line.area).joinedload(area.site), selectinload(line.work_units), joinedload(line.constraint_unit))
        .order_by(site.position, site.code, area.position, area.code, line.position, line.code)
    )
    calendars = {row.id: row.code for row in db.scalars(select(Calendar).where(Calendar.retired_at.is_(None)))}
    return tuple(_line_spec(row, calendars.get(row.calendar_id or 0, "")) for row in rows)


def _line_spec(row: models.Line, calendar: str) -> LineSpec:
    units = tuple(_unit_spec(unit, row.code) for unit in row.work_units if unit.retired_at is None)
    constraint = row.constraint_unit.code if row.constraint_unit is not None and row.constraint_unit.retired_at is None else ""
    site = row.area.site
    return LineSpec(
        row.id,
        row.code,
        row.name,
        row.area.code,
        site.code,
        site.time_zone,
        float(row.capacity_per_hour),
        float(row.efficiency),
        constraint,
        units,
        line_settings(row, calendar),
    )


def _unit_spec(row: models.WorkUnit, line: str) -> WorkUnitSpec:
    return WorkUnitSpec(row.id, row.code, row.name, line, tuple(stored_rule(entry) for entry in row.state_rules))


def line_settings(row: models.Line, calendar: str) -> LineSettings:
    """How the line's state, stops and counts are judged; ``calendar`` is the code of the one it works by, "" for none."""
    return LineSettings(  # the checks on the columns allow no other words
        calendar=calendar,
        state_rule=cast("StateRuleName", row.state_rule),
        minor_stop_s=row.minor_stop_s,
        minor_stop_loss=cast("MinorLoss", row.minor_stop_loss),
        worked_breaks=row.worked_breaks,
        count_mode=cast("CountMode", row.count_mode),
        report_mode=cast("ReportMode", row.report_mode),
        difference_limit=float(row.difference_limit),
        gap_rule=cast("GapRule", row.gap_rule),
        gap_bridge_s=row.gap_bridge_s,
        oee_target=float(row.oee_target),
    )


def _sources(db: Db) -> tuple[SourceSpec, ...]:
    source = models.Source
    rows = db.scalars(select(source).where(source.retired_at.is_(None)).order_by(source.position, source.code))
    return tuple(
        SourceSpec(
            code=row.code,
            protocol=row.protocol,
            url=row.url,
            label=row.label,
            # The check on the column allows no other words.
            readers=cast("models.Readers", row.readers),
            stations=tuple(row.stations),
            owner=row.owner,
            options=row.options,
            simulated=row.simulated,
        )
        for row in rows
    )


def _tags(db: Db, sources: set[str]) -> list[models.Tag]:
    tag = models.Tag
    rows = db.scalars(
        select(tag)
        .where(tag.retired_at.is_(None))
        .options(joinedload(tag.source), joinedload(tag.work_unit))
        .order_by(tag.position, tag.name)
    )
    return [row for row in rows if row.source.code in sources]


def tag_spec(row: models.Tag) -> TagSpec:
    """A tag row as drivers and writes go by it."""
    return TagSpec(
        name=row.name,
        source=row.source.code,
        address=row.address,
        type=TagType(row.type),
        period_s=row.period_s,
        scale=row.scale,
        offset=row.offset,
        unit=row.unit or "",
        decimals=row.decimals,
        label=row.label,
        work_unit="" if row.work_unit is None else row.work_unit.code,
        role=TagRole(row.role),
        low=row.low,
        high=row.high,
        warn_low=row.warn_low,
        warn_high=row.warn_high,
        valid_low=row.valid_low,
        valid_high=row.valid_high,
        outside=cast("Outside", row.outside),  # the check on the column allows no other words
        deadband=row.deadband,
        deadband_percent=row.deadband_percent,
        frozen_after_s=row.frozen_after_s,
        write=_write_policy(row),
        states=row.states,
        options=row.options,
    )


def _write_policy(row: models.Tag) -> WritePolicy | None:
    if row.write_permission is None or row.write_low is None or row.write_high is None:
        return None
    return WritePolicy(
        row.write_permission,
        row.write_low,
        row.write_high,
        row.write_interlock,
        min_interval_s=row.write_min_interval_s,
        tolerance=row.write_tolerance,
        max_step=row.write_max_step,
        max_per_s=row.write_max_per_s,
        two_step=row.write_two_step,
        needs_reason=row.write_reason,
        confirm_s=row.write_confirm_s,
        confirm_tag=row.write_confirm_tag,
    )
