"""A plant as flat rows by kind and key: the one form in which a site file and a database are compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from core.equipment.state_rules import rule_row
from core.equipment.units import BUILTIN
from core.sitefile.entries import LineEntry, SiteFile
from core.sitefile.shift_entries import WEEKDAYS, CalendarEntry

Key = tuple[Any, ...]
"""What a row is called: a code, or the codes and the day that make it unique."""
Row = Mapping[str, Any]
Rows = dict[str, dict[Key, Row]]
"""Rows by kind and key. A reference to another row is its code, or its key when that has several parts."""

SETTINGS: Final = (
    "state_rule", "minor_stop_s", "minor_stop_loss", "worked_breaks", "count_mode", "report_mode", "difference_limit", "gap_rule",
    "gap_bridge_s", "oee_target",
)  # fmt: skip
"""How a line is judged and counted: keys of its entry and columns of its row."""

SITE: Final = "site"
"""Origin of the users and products that the site file keeps."""


def rows_of(site: SiteFile) -> Rows:
    """The rows that the database holds when it says what ``site`` says."""
    rows: Rows = {"enterprise": {(site.enterprise.code,): {"name": site.enterprise.name}}}
    rows |= _calendars(site)
    rows |= _plant(site)
    rows["unit"] = {
        (u.code,): {"quantity": u.quantity, "name": u.name, "base": u.base, **_factor(u), "builtin": True} for u in BUILTIN.values()
    }
    for unit in site.units:
        rows["unit"][(unit.code,)] = {
            "quantity": unit.quantity,
            "name": unit.name,
            "base": unit.base,
            **_factor(unit),
            "builtin": False,
        }
    rows |= _values(site)
    rows |= _products(site)
    rows["user"] = {(u.code,): {"name": u.name, "language": u.language, "origin": SITE, "roles": u.roles} for u in site.users}
    return rows


def _factor(unit: Any) -> dict[str, Any]:
    return {"factor": unit.factor, "base_offset": unit.offset}


def _plant(site: SiteFile) -> Rows:
    rows: Rows = {"site": {}, "area": {}, "line": {}, "work_unit": {}}
    company = site.enterprise.code
    for at_site, one in enumerate(site.sites):
        rows["site"][(one.code,)] = {"enterprise": company, "name": one.name, "time_zone": one.time_zone, "position": at_site}
        for at_area, area in enumerate(one.areas):
            rows["area"][(area.code,)] = {"site": one.code, "name": area.name, "position": at_area}
            for at_line, line in enumerate(area.lines):
                rows["line"][(line.code,)] = _line(line, area.code, at_line)
                for at_unit, unit in enumerate(line.work_units):
                    states = [rule_row(rule.rule()) for rule in unit.state_rules]
                    rows["work_unit"][(unit.code,)] = {"line": line.code, "name": unit.name, "position": at_unit, "state_rules": states}
    return rows


def _calendars(site: SiteFile) -> Rows:
    rows: Rows = {"crew": {(crew.code,): {"name": crew.name} for crew in site.crews}, "calendar": {}, "shift": {}, "shift_break": {}}
    for one in site.sites:
        for calendar in one.calendars:
            rows["calendar"][(calendar.code,)] = {"site": one.code, "name": calendar.name, "crews": calendar.crews()}
            _shifts(rows, calendar)
    rows["call_rule"] = {(rule.line, rule.kind): {"respond_min": list(rule.respond_min)} for rule in site.call_rules}
    return rows


def _shifts(rows: Rows, calendar: CalendarEntry) -> None:
    for position, shift in enumerate(calendar.shifts):
        spec = shift.spec()
        key = (calendar.code, shift.code)
        times = {"weekdays": spec.weekdays, "starts": spec.starts, "ends": spec.ends, "crew": spec.crew}
        rows["shift"][key] = {"name": shift.name, "position": position, **times}
        for one in shift.breaks:
            rows["shift_break"][(key, one.starts)] = {"ends": one.ends, "reason_code": one.reason}


def _line(line: LineEntry, area: str, position: int) -> Row:
    return {
        "area": area,
        "name": line.name,
        "capacity_per_hour": line.capacity_per_hour,
        "efficiency": line.efficiency,
        "constraint_unit": line.constraint,
        "calendar": line.calendar,
        **{name: getattr(line, name) for name in SETTINGS},
        "position": position,
    }


def _values(site: SiteFile) -> Rows:
    sources: dict[Key, Row] = {}
    for position, source in enumerate(site.sources):
        sources[(source.code,)] = {
            **source.model_dump(exclude={"code", "stations"}),
            "stations": list(source.stations),
            "position": position,
        }
    tags: dict[Key, Row] = {}
    for position, tag in enumerate(site.tags):
        fields = tag.model_dump(exclude={"name", "label_ja", "label_en", "type", "role"})
        fields |= {"label": {"ja": tag.label_ja, "en": tag.label_en}, "type": str(tag.type), "role": str(tag.role), "position": position}
        for key in ("unit", "work_unit", "write_permission", "write_interlock", "write_confirm_tag"):
            fields[key] = fields[key] or None
        tags[(tag.name,)] = fields
    return {"source": sources, "tag": tags}


def _products(site: SiteFile) -> Rows:
    rows: Rows = {"product": {}, "standard_time": {}, "bom": {}, "bom_component": {}, "location": {}}
    for product in site.products:
        fields = product.model_dump(exclude={"code", "version"})
        rows["product"][(product.code,)] = {**fields, "revision": product.version, "origin": SITE}
    for time in site.standard_times:
        rows["standard_time"][(time.product, time.work_unit, time.valid_from)] = {"cycle_min": time.cycle_min}
    for bom in site.boms:
        key = (bom.product, bom.valid_from)
        rows["bom"][key] = {}
        for part in bom.components:
            rows["bom_component"][(key, part.product)] = {"quantity": part.quantity, "unit": part.unit}
    for place in site.locations:
        rows["location"][(place.code,)] = {"name": place.name, "line": place.line}
    return rows


def site_of(rows: Rows) -> dict[str, Any]:
    """The opposite of ``rows_of``: the sections of a site file, as plain values in the order they are written."""
    company = next(iter(rows["enterprise"].items()), (("",), {"name": {"ja": "", "en": ""}}))
    return {
        "enterprise": {"code": company[0][0], "name": company[1]["name"]},
        "crews": [{"code": key[0], **row} for key, row in _ordered(rows, "crew")],
        "sites": [_site_of(rows, key[0], row) for key, row in _ordered(rows, "site")],
        "call_rules": [
            {"line": line, "kind": kind, **rows["call_rule"][line, kind]}
            for line, kind in sorted(rows["call_rule"], key=lambda key: (key[0] or "", key[1]))
        ],
        "sources": [{"code": key[0], **_without(row, "position")} for key, row in _ordered(rows, "source")],
        "units": [
            {"code": key[0], **_without(row, "builtin", "base_offset"), "offset": row["base_offset"]}
            for key, row in _ordered(rows, "unit")
            if not row["builtin"]
        ],
        "tags": [_tag_of(key[0], row) for key, row in _ordered(rows, "tag")],
        "products": [
            {"code": key[0], **_without(row, "origin", "revision"), "version": row["revision"]} for key, row in _ordered(rows, "product")
        ],
        "standard_times": [
            {"product": key[0], "work_unit": key[1], "cycle_min": row["cycle_min"], "valid_from": key[2]}
            for key, row in _ordered(rows, "standard_time")
        ],
        "boms": [
            {"product": key[0], "valid_from": key[1], "components": list(_parts_of(rows, key))} for key, _row in _ordered(rows, "bom")
        ],
        "locations": [{"code": key[0], **row} for key, row in _ordered(rows, "location")],
        "users": [{"code": key[0], **_without(row, "origin"), "roles": list(row["roles"])} for key, row in _ordered(rows, "user")],
    }


def _ordered(rows: Rows, kind: str) -> list[tuple[Key, Row]]:
    return sorted(rows[kind].items(), key=lambda item: (item[1].get("position", 0), item[0]))


def _without(row: Row, *keys: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}


def _site_of(rows: Rows, code: str, row: Row) -> dict[str, Any]:
    areas = [(key[0], area) for key, area in _ordered(rows, "area") if area["site"] == code]
    return {
        "code": code,
        "name": row["name"],
        "time_zone": row["time_zone"],
        "calendars": [_calendar_of(rows, key[0], one) for key, one in _ordered(rows, "calendar") if one["site"] == code],
        "areas": [{"code": area_code, "name": area["name"], "lines": list(_lines_of(rows, area_code))} for area_code, area in areas],
    }


def _calendar_of(rows: Rows, code: str, row: Row) -> dict[str, Any]:
    crews = row["crews"]
    rotation = {"first": date.fromisoformat(crews["first"]), "days": crews["days"], "turns": crews["turns"]} if crews else None
    shifts = [_shift_of(rows, key, one) for key, one in _ordered(rows, "shift") if key[0] == code]
    return {"code": code, "name": row["name"], "rotation": rotation, "shifts": shifts}


def _shift_of(rows: Rows, key: Key, row: Row) -> dict[str, Any]:
    breaks = [(at[1], one) for at, one in sorted(rows["shift_break"].items(), key=lambda item: item[0][1]) if at[0] == key]
    return {
        "code": key[1],
        "name": row["name"],
        "weekdays": [day for bit, day in enumerate(WEEKDAYS) if row["weekdays"] >> bit & 1],
        "starts": f"{row['starts']:%H:%M}",
        "ends": f"{row['ends']:%H:%M}",
        "crew": row["crew"],
        "breaks": [{"starts": f"{at:%H:%M}", "ends": f"{one['ends']:%H:%M}", "reason": one["reason_code"]} for at, one in breaks],
    }


def _lines_of(rows: Rows, area: str) -> Iterator[dict[str, Any]]:
    for key, line in _ordered(rows, "line"):
        if line["area"] == area:
            units = [_unit_of(k[0], unit) for k, unit in _ordered(rows, "work_unit") if unit["line"] == key[0]]
            yield {
                "code": key[0],
                "name": line["name"],
                "capacity_per_hour": line["capacity_per_hour"],
                "efficiency": line["efficiency"],
                "constraint": line["constraint_unit"],
                "calendar": line["calendar"],
                # What every line has unless it says otherwise need not be read.
                **{name: line[name] for name in SETTINGS if line[name] != LineEntry.model_fields[name].default},
                "work_units": units,
            }


def _unit_of(code: str, row: Row) -> dict[str, Any]:
    return {"code": code, "name": row["name"], "state_rules": [_rule_of(rule) for rule in row["state_rules"]]}


def _rule_of(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule without what its comparison does not ask for."""
    compared = {"value": rule["value"]} if rule["op"] not in ("", "is_true", "is_false") else {}
    return {"state": rule["state"], "tag": rule["tag"], "op": rule["op"], **compared}


def _tag_of(name: str, row: Row) -> dict[str, Any]:
    label = row["label"]
    return {"name": name, **_without(row, "position", "label"), "label_ja": label["ja"], "label_en": label["en"]}


def _parts_of(rows: Rows, bom: Key) -> Iterator[dict[str, Any]]:
    for key, part in _ordered(rows, "bom_component"):
        if key[0] == bom:
            yield {"product": key[1], "quantity": part["quantity"], "unit": part["unit"]}
