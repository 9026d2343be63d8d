"""What everybody above sees of the plant: frozen, serialisable, without a database behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.equipment.line_settings import LineSettings
from core.equipment.state_rules import StateRule
from core.equipment.units import UnitSpec
from core.live.tags import SourceSpec, TagSpec


@dataclass(frozen=True, slots=True)
class WorkUnitSpec:
    """A machine or place of work.

    Attributes:
        id: Key of its row; machine facts refer to it.
        code, name: ``L1-M1``; name by language.
        line: Code of its line.
        state_rules: Give its state where no single tag does; () when a STATE tag says it.
    """

    id: int
    code: str
    name: Mapping[str, str]
    line: str
    state_rules: tuple[StateRule, ...] = ()


@dataclass(frozen=True, slots=True)
class LineSpec:
    """A line as it is built, not how it runs.

    Attributes:
        id: Key of its row.
        code, name: ``L1``; name by language.
        area, site: Codes of where it stands.
        time_zone: IANA name of its site; its days and shifts follow it.
        capacity_per_hour: Parts per hour at full speed.
        efficiency: Expected share of the capacity, per cent.
        constraint_unit: Code of the work unit that sets the pace and whose counters count; "" when none is declared.
        work_units: In physical order.
        settings: How its state, its stops and its counts are judged.
    """

    id: int
    code: str
    name: Mapping[str, str]
    area: str
    site: str
    time_zone: str
    capacity_per_hour: float
    efficiency: float
    constraint_unit: str
    work_units: tuple[WorkUnitSpec, ...]
    settings: LineSettings = field(default_factory=LineSettings)


@dataclass(frozen=True, slots=True)
class SiteView:
    """The whole plant as the station needs it to start: lines, machines, where their values come from.

    Attributes:
        enterprise: Name by language; empty before a site file was applied.
        lines: By site, area and position: the order screens always keep.
        sources: By position.
        tags: By position; only those whose source is there.
        tag_ids: Tag name → key of its row, what the history stores beside a value.
        units: Every unit of measure by code.
    """

    enterprise: Mapping[str, str]
    lines: tuple[LineSpec, ...]
    sources: tuple[SourceSpec, ...]
    tags: tuple[TagSpec, ...]
    tag_ids: Mapping[str, int]
    units: Mapping[str, UnitSpec]

    def line(self, code: str) -> LineSpec | None:
        """The line called ``code``; None when there is none."""
        return next((line for line in self.lines if line.code == code), None)

    def line_of(self, work_unit: str) -> LineSpec | None:
        """The line that ``work_unit`` stands in; None when there is no such work unit."""
        return next((line for line in self.lines if any(unit.code == work_unit for unit in line.work_units)), None)

    def tags_of(self, work_unit: str) -> tuple[TagSpec, ...]:
        """The tags of one work unit, in their order."""
        return tuple(tag for tag in self.tags if tag.work_unit == work_unit)


@dataclass(frozen=True, slots=True)
class StopReasonView:
    """One entry of the catalogue of stop reasons.

    Attributes:
        code, name: ``D07``; name by language.
        grouping: ``unplanned``, ``minor stop``, ``setup``, ``waiting``, ``no order`` or ``planned``.
        oee_bucket: ``availability``, ``performance`` or ``excluded``.
        time_element: ISO 22400 time element.
    """

    code: str
    name: Mapping[str, str]
    grouping: str
    oee_bucket: str
    time_element: str
