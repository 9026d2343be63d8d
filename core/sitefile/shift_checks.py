"""Whether calendars, crews, calls and rules of machines fit together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

from core.equipment.shifts import inside, overlaps
from core.errors import Invalid
from core.live.tags import TagRole
from core.sitefile.entries import LineEntry, SiteEntry, SiteFile, WorkUnitEntry
from core.sitefile.entry import Entry
from core.sitefile.problems import problem
from core.sitefile.shift_entries import CalendarEntry

Missing = Callable[[Entry, str, str, str | None], Iterator[Invalid]]
"""A problem when a code names nothing: the entry, its key, the list it should stand in, the code."""

_DAYS: Final = {"ja": "月火水木金土日", "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")}


def calendars(site: SiteFile, missing: Missing) -> Iterator[Invalid]:
    """What does not hold in calendars, and in what names them."""
    for one in site.sites:
        for calendar in one.calendars:
            yield from _calendar(calendar, missing)
        for area in one.areas:
            for line in area.lines:
                yield from _line(site, one, line, missing)
    for rule in site.call_rules:
        yield from missing(rule, "line", "lines", rule.line)
        if any(later <= before for before, later in pairwise(rule.respond_min)):
            yield problem("sitefile.respond_not_rising", rule.at("respond_min"), kind=rule.kind)


def _calendar(calendar: CalendarEntry, missing: Missing) -> Iterator[Invalid]:
    shifts = {shift.code: shift for shift in calendar.shifts}
    for shift in calendar.shifts:
        yield from missing(shift, "crew", "crews", shift.crew or None)
        for one in shift.breaks:
            if not inside(shift.spec(), one.starts, one.ends):
                times = {"starts": f"{one.starts:%H:%M}", "ends": f"{one.ends:%H:%M}"}
                yield problem("sitefile.break_outside", one.at("starts"), shift=shift.code, **times)
    told = set()
    for first, second, day in overlaps(calendar.spec("UTC")):
        if (first, second) not in told:
            told.add((first, second))
            words = {language: names[day] for language, names in _DAYS.items()}
            yield problem("sitefile.shift_overlap", shifts[second].at("starts"), first=first, second=second, day=words)
    for code, crews in () if calendar.rotation is None else calendar.rotation.turns.items():
        if code not in shifts:
            yield problem("sitefile.rotation_shift", calendar.at("rotation", "turns", code), value=code, calendar=calendar.code)
        for crew in crews:
            for found in missing(calendar, "rotation", "crews", crew):
                yield problem(found.code, calendar.at("rotation", "turns", code), key="rotation", value=crew, kind="crews")


def _line(site: SiteFile, its_site: SiteEntry, line: LineEntry, missing: Missing) -> Iterator[Invalid]:
    yield from missing(line, "calendar", "calendars", line.calendar)
    own = {calendar.code for calendar in its_site.calendars}
    if line.calendar and line.calendar not in own and line.calendar in {calendar.code for calendar in site.calendars()}:
        yield problem("sitefile.calendar_elsewhere", line.at("calendar"), value=line.calendar, site=its_site.code)


def machines(site: SiteFile, missing: Missing) -> Iterator[Invalid]:
    """What does not hold in the rules that say what machines do."""
    sources = {tag.name: tag.source for tag in site.tags}
    by_tag = {tag.work_unit for tag in site.tags if tag.role is TagRole.STATE}
    for line in site.lines():
        for unit in line.work_units:
            yield from _rules(unit, sources, missing)
            if unit.state_rules and unit.code in by_tag:
                yield problem("sitefile.state_twice", unit.at("state_rules"), unit=unit.code)


def _rules(unit: WorkUnitEntry, sources: dict[str, str], missing: Missing) -> Iterator[Invalid]:
    for entry in unit.state_rules:
        rule = entry.rule()
        if rule.problem:
            yield problem("sitefile.bad_state_rule", entry.at(rule.problem), key=rule.problem, unit=unit.code)
        yield from missing(entry, "tag", "tags", rule.tag or None)
    for entry in unit.state_rules[:-1]:
        if entry.op == "":
            yield problem("sitefile.rule_after_otherwise", entry.at("state"), unit=unit.code)
    told = [(entry, sources[entry.tag]) for entry in unit.state_rules if entry.tag in sources]
    other = next((entry for entry, source in told if source != told[0][1]), None)
    if other is not None:
        named = ", ".join(sorted({source for _, source in told}))
        yield problem("sitefile.rules_of_two_sources", other.at("tag"), unit=unit.code, sources=named)
