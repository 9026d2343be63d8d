"""What the entries of a site file must be to each other: unique, pointing at something, of the same kind, without circles."""

from __future__ import annotations

import graphlib
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from core.equipment.states import is_bits, unknown_bits, unknown_states
from core.equipment.units import BUILTIN, UnitSpec
from core.errors import Invalid
from core.live.tags import MANUAL, TagRole, TagType
from core.sitefile import shift_checks
from core.sitefile.addresses import address_findings, url_findings
from core.sitefile.entries import BomEntry, LineEntry, SiteFile, SourceEntry, TagEntry
from core.sitefile.entry import Entry
from core.sitefile.problems import problem
from core.users.roles import ROLES, roles_that_may

E = TypeVar("E", bound=Entry)
_COUNTERS = (TagRole.GOOD, TagRole.REJECT, TagRole.TOTAL, TagRole.CYCLE)
_OF_A_MACHINE = (TagRole.STATE, TagRole.REASON, *_COUNTERS)
_MEASURED_ONLY = ("valid_low", "valid_high", "deadband", "deadband_percent", "write_max_step", "write_max_per_s")
"""Keys that mean something for numbers alone."""
_OF_A_WRITE = ("write_interlock", "write_max_step", "write_max_per_s", "write_two_step", "write_reason", "write_confirm_tag")
"""Keys that mean something beside a write policy alone."""


@dataclass(frozen=True)
class Broken:
    """Keys of entries that were read but not understood: pointing at one of them is no second mistake."""

    codes: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def has(self, kind: str, code: str) -> bool:
        """Whether an entry of ``kind`` (its list's name) with ``code`` stands in the file."""
        return code in self.codes.get(kind, frozenset())


def check(site: SiteFile, broken: Broken | None = None) -> list[Invalid]:
    """Every relation that does not hold; empty for a good file."""
    checker = _Checker(site, broken or Broken())
    found = [*checker.duplicates(), *checker.plant(), *checker.units(), *checker.tags(), *checker.products(), *checker.people()]
    return [*found, *shift_checks.calendars(site, checker.missing), *shift_checks.machines(site, checker.missing)]


class _Checker:
    def __init__(self, site: SiteFile, broken: Broken) -> None:
        self.site = site
        self._broken = broken
        self.units_by_code = {**BUILTIN, **{u.code: UnitSpec(u.code, u.quantity, u.base, u.name, u.factor, u.offset) for u in site.units}}
        self._known: dict[str, set[str]] = {
            "sources": {source.code for source in site.sources},
            "units": set(self.units_by_code),
            "tags": {tag.name for tag in site.tags},
            "products": {product.code for product in site.products},
            "crews": {crew.code for crew in site.crews},
            "calendars": {calendar.code for calendar in site.calendars()},
            "lines": {line.code for line in site.lines()},
            "work_units": {unit.code for line in site.lines() for unit in line.work_units},
        }

    def missing(self, entry: Entry, key: str, kind: str, code: str | None) -> Iterator[Invalid]:
        """A problem when ``code`` is given and names no entry of ``kind``, a list of the file."""
        if code and code not in self._known[kind] and not self._broken.has(kind, code):
            yield problem("sitefile.nothing_there", entry.at(key), key=key, value=code, kind=kind)

    # --- uniqueness ---------------------------------------------------------------------------------------------------

    def duplicates(self) -> Iterator[Invalid]:
        site = self.site
        areas = [area for one in site.sites for area in one.areas]
        yield from _twice(site.sites, "code", lambda e: e.code)
        yield from _twice(areas, "code", lambda e: e.code)
        yield from _twice(site.lines(), "code", lambda e: e.code)
        yield from _twice([unit for line in site.lines() for unit in line.work_units], "code", lambda e: e.code)
        yield from _twice(site.crews, "code", lambda e: e.code)
        yield from _twice(site.calendars(), "code", lambda e: e.code)
        for calendar in site.calendars():
            yield from _twice(calendar.shifts, "code", lambda e: e.code)
            for shift in calendar.shifts:
                yield from _twice(shift.breaks, "starts", lambda e: f"{e.starts:%H:%M}")
        yield from _twice(site.call_rules, "kind", lambda e: f"{e.line or '*'} / {e.kind}")
        yield from _twice(site.sources, "code", lambda e: e.code)
        yield from _twice(site.units, "code", lambda e: e.code)
        yield from _twice(site.tags, "name", lambda e: e.name)
        yield from _twice(site.products, "code", lambda e: e.code)
        yield from _twice(site.locations, "code", lambda e: e.code)
        yield from _twice(site.users, "code", lambda e: e.code.upper())
        yield from _twice(site.standard_times, "product", lambda e: f"{e.product} / {e.work_unit} / {e.valid_from}")
        yield from _twice(site.boms, "product", lambda e: f"{e.product} / {e.valid_from}")
        for bom in site.boms:
            yield from _twice(bom.components, "product", lambda e: e.product)

    # --- the plant ----------------------------------------------------------------------------------------------------

    def plant(self) -> Iterator[Invalid]:
        for site in self.site.sites:
            if site.time_zone not in zoneinfo.available_timezones():
                yield problem("sitefile.bad_time_zone", site.at("time_zone"), value=site.time_zone)
        for line in self.site.lines():
            yield from self._constraint(line)
        for source in self.site.sources:
            yield from _source(source)
        for location in self.site.locations:
            yield from self.missing(location, "line", "lines", location.line)

    def _constraint(self, line: LineEntry) -> Iterator[Invalid]:
        own = {unit.code for unit in line.work_units}
        if line.constraint and line.constraint not in own:
            if line.constraint in self._known["work_units"]:
                yield problem("sitefile.constraint_elsewhere", line.at("constraint"), value=line.constraint, line=line.code)
            else:
                yield from self.missing(line, "constraint", "work_units", line.constraint)

    def units(self) -> Iterator[Invalid]:
        for unit in self.site.units:
            base = self.units_by_code.get(unit.base)
            if base is None:
                yield from self.missing(unit, "base", "units", unit.base)
            elif base.quantity != unit.quantity or base.base != base.code:
                yield problem("sitefile.unit_base", unit.at("base"), value=unit.base, unit=unit.code)
            elif unit.base == unit.code and (unit.factor != 1 or unit.offset != 0):
                yield problem("sitefile.unit_base_factor", unit.at("factor"), unit=unit.code)

    # --- tags ---------------------------------------------------------------------------------------------------------

    def tags(self) -> Iterator[Invalid]:
        sources = {source.code: source for source in self.site.sources}
        types = {tag.name: tag.type for tag in self.site.tags}
        for tag in self.site.tags:
            yield from self.missing(tag, "source", "sources", tag.source)
            yield from self.missing(tag, "work_unit", "work_units", tag.work_unit)
            yield from self.missing(tag, "unit", "units", tag.unit)
            written = tag.write_permission is not None
            source = sources.get(tag.source)
            if source is not None and source.protocol == MANUAL:
                if written:
                    yield problem("sitefile.manual_written", tag.at("write_permission"), tag=tag.name)
            elif source is not None:
                found = address_findings(source.protocol, tag.address, tag.type, tag.options, written=written, source=source.options)
                yield from (problem(code, tag.at(key), **{"key": key, **params}) for key, code, params in found)
            yield from _ranges(tag)
            yield from _measured(tag)
            yield from _role(tag)
            yield from self._writing(tag, types)

    def _writing(self, tag: TagEntry, types: Mapping[str, TagType]) -> Iterator[Invalid]:
        given = [key for key in ("write_permission", "write_low", "write_high") if getattr(tag, key) not in (None, "")]
        if given and len(given) < 3:
            yield problem("sitefile.write_incomplete", tag.at(given[0]), tag=tag.name)
        elif tag.write_permission and not roles_that_may(tag.write_permission):
            yield problem("sitefile.nobody_may", tag.at("write_permission"), value=tag.write_permission)
        if not given:
            beside = (key for key in _OF_A_WRITE if getattr(tag, key))
            yield from (problem("sitefile.write_incomplete", tag.at(key), tag=tag.name) for key in beside)
        if tag.write_confirm_tag:
            yield from self.missing(tag, "write_confirm_tag", "tags", tag.write_confirm_tag)
            if _kind(types.get(tag.write_confirm_tag, tag.type)) != _kind(tag.type):
                yield problem("sitefile.confirm_tag_type", tag.at("write_confirm_tag"), value=tag.write_confirm_tag, tag=tag.name)
        if tag.write_interlock:
            yield from self.missing(tag, "write_interlock", "tags", tag.write_interlock)
            if types.get(tag.write_interlock, TagType.BOOL) is not TagType.BOOL:
                yield problem("sitefile.interlock_not_bool", tag.at("write_interlock"), value=tag.write_interlock)

    # --- products -----------------------------------------------------------------------------------------------------

    def products(self) -> Iterator[Invalid]:
        for product in self.site.products:
            yield from self.missing(product, "unit", "units", product.unit)
        for time in self.site.standard_times:
            yield from self.missing(time, "product", "products", time.product)
            yield from self.missing(time, "work_unit", "work_units", time.work_unit)
        units = {product.code: product.unit for product in self.site.products}
        for bom in self.site.boms:
            yield from self.missing(bom, "product", "products", bom.product)
            for part in bom.components:
                yield from self.missing(part, "product", "products", part.product)
                yield from self.missing(part, "unit", "units", part.unit)
                yield from self._same_quantity(part, part.unit, units.get(part.product))
        yield from _circles(self.site.boms)

    def _same_quantity(self, part: Entry, unit: str | None, own: str | None) -> Iterator[Invalid]:
        first, second = self.units_by_code.get(unit or ""), self.units_by_code.get(own or "")
        if first is not None and second is not None and first.quantity != second.quantity:
            yield problem("sitefile.unit_mismatch", part.at("unit"), value=first.code, other=second.code)

    def people(self) -> Iterator[Invalid]:
        for user in self.site.users:
            for index, role in enumerate(user.roles):
                if role not in ROLES:
                    yield problem("sitefile.unknown_role", user.at("roles", index), value=role, known=", ".join(ROLES))


def _twice(entries: Iterable[E], key: str, name: Callable[[E], str]) -> Iterator[Invalid]:
    seen: dict[str, E] = {}
    for entry in entries:
        first = seen.setdefault(name(entry), entry)
        if first is not entry:
            yield problem("sitefile.twice", entry.at(key), value=name(entry), other=str(first.at(key)))


def _source(source: SourceEntry) -> Iterator[Invalid]:
    if source.protocol != MANUAL:
        for key, code, params in url_findings(source.protocol, source.url, source.options):
            yield problem(code, source.at(key), **params)
    if (source.readers == "stations") != bool(source.stations):
        yield problem("sitefile.readers_stations", source.at("readers"), source=source.code)
    if source.readers != "lease" and source.options.get("client_id"):
        yield problem("mqtt.client_id_shared", source.at("options", "client_id"), source=source.code)
    for option in source.options:
        if any(word in option.lower() for word in ("password", "secret", "private_key", "token")):
            yield problem("sitefile.secret_in_options", source.at("options", option), option=option)


def _ranges(tag: TagEntry) -> Iterator[Invalid]:
    for low, high in (("low", "high"), ("warn_low", "warn_high"), ("valid_low", "valid_high"), ("write_low", "write_high")):
        bottom, top = getattr(tag, low), getattr(tag, high)
        if bottom is not None and top is not None and (bottom > top or (bottom == top and low != "write_low")):
            yield problem("sitefile.low_above_high", tag.at(low), low=low, high=high, bottom=f"{bottom:g}", top=f"{top:g}")
    if tag.scale == 0:
        yield problem("sitefile.scale_zero", tag.at("scale"), tag=tag.name)


def _kind(kind: TagType) -> str:
    """What two values must share to be compared."""
    return str(kind) if kind in (TagType.BOOL, TagType.STRING) else "number"


def _measured(tag: TagEntry) -> Iterator[Invalid]:
    counts = _kind(tag.type) == "number" and tag.role not in (TagRole.STATE, TagRole.REASON)
    if not counts:
        given = (key for key in _MEASURED_ONLY if getattr(tag, key) not in (None, 0.0))
        yield from (problem("sitefile.measured_only", tag.at(key), key=key, tag=tag.name) for key in given)
    elif tag.deadband_percent and (tag.low is None or tag.high is None):
        yield problem("sitefile.deadband_without_range", tag.at("deadband_percent"), tag=tag.name)


def _role(tag: TagEntry) -> Iterator[Invalid]:
    if tag.role in _OF_A_MACHINE and not tag.work_unit:
        yield problem("sitefile.role_without_work_unit", tag.at("role"), role=str(tag.role), tag=tag.name)
    if tag.role in _COUNTERS and tag.type in (TagType.STRING, TagType.BOOL):
        yield problem("sitefile.role_needs_number", tag.at("type"), role=str(tag.role), value=str(tag.type))
    if tag.role is TagRole.STATE:
        for name in unknown_states(tag.states):
            yield problem("sitefile.unknown_state", tag.at("states"), value=name)
        for key in unknown_bits(tag.states) if is_bits(tag.states) else ():
            yield problem("sitefile.unknown_bit", tag.at("states"), value=key)


def _circles(boms: Iterable[BomEntry]) -> Iterator[Invalid]:
    """Products that contain themselves on some day; each circle is told once, at its first bill of materials."""
    history: dict[str, list[BomEntry]] = {}
    for bom in sorted(boms, key=lambda one: one.valid_from):
        history.setdefault(bom.product, []).append(bom)
    told: set[frozenset[str]] = set()
    every = {product: [part.product for bom in bills for part in bom.components] for product, bills in history.items()}
    if _circle(every) is None:
        return  # what never forms a circle over all days forms none on any
    for day in sorted({bom.valid_from for bills in history.values() for bom in bills}):
        valid = {product: found for product, bills in history.items() if (found := _valid(bills, day)) is not None}
        graph = {product: [part.product for part in bom.components] for product, bom in valid.items()}
        while (circle := _circle(graph)) is not None:
            if frozenset(circle) not in told:
                told.add(frozenset(circle))
                yield problem("sitefile.bom_circle", valid[circle[0]].at("product"), circle=" → ".join(circle), day=day.isoformat())
            del graph[circle[0]]  # look for the next one without this


def _valid(bills: list[BomEntry], day: date) -> BomEntry | None:
    begun = [bom for bom in bills if bom.valid_from <= day]
    return begun[-1] if begun else None


def _circle(graph: Mapping[str, Iterable[str]]) -> list[str] | None:
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        found: list[str] = error.args[1]
        return found
    return None
