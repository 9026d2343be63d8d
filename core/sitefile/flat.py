"""A plant as flat rows by kind and key: the one form in which a site file and a database are compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.equipment.units import BUILTIN
from core.sitefile.entries import LineEntry, SiteFile

Key = tuple[Any, ...]
"""What a row is called: a code, or the codes and the day that make it unique."""
Row = Mapping[str, Any]
Rows = dict[str, dict[Key, Row]]
"""Rows by kind and key. A reference to another row is its code, or its key when that has several parts."""

SITE: Final = "site"
"""Origin of the users and products that the site file keeps."""


def rows_of(site: SiteFile) -> Rows:
    """The rows that the database holds when it says what ``site`` says."""
    rows: Rows = {"enterprise": {(site.enterprise.code,): {"name": site.enterprise.name}}}
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
                    rows["work_unit"][(unit.code,)] = {"line": line.code, "name": unit.name, "position": at_unit}
    return rows


def _line(line: LineEntry, area: str, position: int) -> Row:
    return {
        "area": area,
        "name": line.name,
        "capacity_per_hour": line.capacity_per_hour,
        "efficiency": line.efficiency,
        "constraint_unit": line.constraint,
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
        "sites": [_site_of(rows, key[0], row) for key, row in _ordered(rows, "site")],
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
        "areas": [{"code": area_code, "name": area["name"], "lines": list(_lines_of(rows, area_code))} for area_code, area in areas],
    }


def _lines_of(rows: Rows, area: str) -> Iterator[dict[str, Any]]:
    for key, line in _ordered(rows, "line"):
        if line["area"] == area:
            units = [{"code": k[0], "name": unit["name"]} for k, unit in _ordered(rows, "work_unit") if unit["line"] == key[0]]
            yield {
                "code": key[0],
                "name": line["name"],
                "capacity_per_hour": line["capacity_per_hour"],
                "efficiency": line["efficiency"],
                "constraint": line["constraint_unit"],
                "work_units": units,
            }


def _tag_of(name: str, row: Row) -> dict[str, Any]:
    label = row["label"]
    return {"name": name, **_without(row, "position", "label"), "label_ja": label["ja"], "label_en": label["en"]}


def _parts_of(rows: Rows, bom: Key) -> Iterator[dict[str, Any]]:
    for key, part in _ordered(rows, "bom_component"):
        if key[0] == bom:
            yield {"product": key[1], "quantity": part["quantity"], "unit": part["unit"]}
