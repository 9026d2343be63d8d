"""Site files to one validated SiteFile, or every problem at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from core.equipment.units import BUILTIN, UnitSpec
from core.errors import Invalid
from core.sitefile import tagfile, yamlfile
from core.sitefile.entries import EnterpriseEntry, SiteEntry, SiteFile
from core.sitefile.entry import Entry
from core.sitefile.problems import BrokenSiteFile, Raw, RawList, Where, explain, problem, show
from core.sitefile.rules import Broken, check
from core.sitefile.shift_entries import WEEKDAYS, CalendarEntry
from core.users.proof import PASSWORD_MIN, PIN_MIN, typed

E = TypeVar("E", bound=Entry)

SIZE_MAX: Final = 20_000_000
"""Bytes of one file; no plant needs more, and nobody reads an error of one that has."""
_KEYS: Final = {"tags": "name", "standard_times": "product", "boms": "product", "components": "product"}
_PIN_KEYS: Final = ("initial_pin", "pin_must_change")


def read(path: Path) -> SiteFile:
    """The plant described by ``path`` and the tag files it names.

    Raises:
        BrokenSiteFile: Everything that is wrong, in the order of the files; nothing was changed anywhere.
    """
    problems: list[Invalid] = []
    text = _load(path, Where(path.name, 0), problems)
    raw = yamlfile.parse(text, path.name, problems) if text is not None else None
    if raw is None:
        raise BrokenSiteFile.of(path.name, problems)
    reader = _Reader(path, problems)
    site = reader.site(raw)
    problems.extend(check(site, Broken({kind: frozenset(codes) for kind, codes in reader.codes.items()})))
    if problems:
        raise BrokenSiteFile.of(path.name, problems)
    return canonical(site)


def canonical(site: SiteFile) -> SiteFile:
    """The same plant in the one form that compares and is written: lists without an order of their own sorted, defaults filled in."""
    own = {product.code: product.unit for product in site.products}
    boms = (
        bom.model_copy(
            update={
                "components": tuple(
                    sorted(
                        (part if part.unit else part.model_copy(update={"unit": own[part.product]}) for part in bom.components),
                        key=lambda part: part.product,
                    )
                )
            }
        )
        for bom in site.boms
    )
    units = (u for u in site.units if BUILTIN.get(u.code) != UnitSpec(u.code, u.quantity, u.base, u.name, u.factor, u.offset))
    changed: dict[str, Any] = {
        "crews": tuple(sorted(site.crews, key=lambda crew: crew.code)),
        "sites": tuple(_with_calendars(one) for one in site.sites),
        "call_rules": tuple(sorted(site.call_rules, key=lambda rule: (rule.line or "", rule.kind))),
        "sources": tuple(source.model_copy(update={"stations": tuple(sorted(set(source.stations)))}) for source in site.sources),
        "units": tuple(sorted(units, key=lambda unit: unit.code)),
        "products": tuple(sorted(site.products, key=lambda product: product.code)),
        "standard_times": tuple(sorted(site.standard_times, key=lambda one: (one.product, one.work_unit, one.valid_from))),
        "boms": tuple(sorted(boms, key=lambda bom: (bom.product, bom.valid_from))),
        "locations": tuple(sorted(site.locations, key=lambda location: location.code)),
        "users": tuple(
            sorted((user.model_copy(update={"roles": tuple(sorted(set(user.roles)))}) for user in site.users), key=lambda user: user.code)
        ),
    }
    return site.model_copy(update=changed)


def _with_calendars(site: SiteEntry) -> SiteEntry:
    calendars = sorted((_calendar(one) for one in site.calendars), key=lambda calendar: calendar.code)
    return site.model_copy(update={"calendars": tuple(calendars)})


def _calendar(calendar: CalendarEntry) -> CalendarEntry:
    """Days in the order of the week, breaks by their wall clocks: shifts alone have an order of their own."""
    shifts = (
        shift.model_copy(
            update={
                "weekdays": tuple(day for day in WEEKDAYS if day in shift.weekdays),
                "breaks": tuple(sorted(shift.breaks, key=lambda one: one.starts)),
            }
        )
        for shift in calendar.shifts
    )
    return calendar.model_copy(update={"shifts": tuple(shifts)})


def _load(path: Path, where: Where, problems: list[Invalid]) -> str | None:
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= SIZE_MAX else b""
    except OSError as error:
        problems.append(problem("sitefile.unreadable", where, file=str(path), detail=error.strerror or ""))
        return None
    if size > SIZE_MAX:
        problems.append(problem("sitefile.too_large", where, megabytes=SIZE_MAX // 1_000_000))
        return None
    return tagfile.decode(data, Where(path.name, 0), problems)


class _Reader:
    """Builds entries from the outside in; one that cannot be understood is left out, its neighbours are still read."""

    def __init__(self, path: Path, problems: list[Invalid]) -> None:
        self._path = path
        self._problems = problems
        self.codes: dict[str, set[str]] = {}

    def site(self, raw: Raw) -> SiteFile:
        """What can be understood of the whole file."""
        pins, lasting = self._take_pins(raw)
        known = set(SiteFile.model_fields)
        for key in sorted(set(raw) - known, key=lambda key: raw.lines[key]):
            self._problems.append(problem("sitefile.unknown_key", raw.at(key), key=show(key), value=""))
        if "tags" in raw:
            raw["tags"] = self._tags(raw)
        children = {key: self._children(key, kind, raw) for key, kind in SiteFile.children.items()}
        enterprise = raw.get("enterprise")
        if isinstance(enterprise, Raw):
            company = self._entry(EnterpriseEntry, enterprise)
        else:
            company = None
            code = "sitefile.missing_key" if enterprise is None else "sitefile.not_a_mapping"
            self._problems.append(problem(code, raw.at("enterprise"), key="enterprise", value=show(enterprise)))
        if company is None:
            # Whatever else is wrong shall be told as well.
            company = EnterpriseEntry(code="X", name={"ja": "X", "en": "X"})
        site = SiteFile.model_validate({"enterprise": company, **children})
        site.read_from(raw)
        site.carry_pins(pins, lasting)
        return site

    def _entry(self, kind: type[E], raw: Raw) -> E | None:
        children = {key: self._children(key, child, raw) for key, child in kind.children.items()}
        try:
            entry = kind.model_validate(raw.without(kind.children))
        except ValidationError as error:
            self._problems.extend(explain(error, raw))
            return None
        entry.read_from(raw)
        return entry.model_copy(update=children) if children else entry

    def _children(self, key: str, kind: type[E], raw: Raw) -> tuple[E, ...]:
        entries = []
        for item in self._items(key, raw):
            code = item.get(_KEYS.get(key, "code"))
            self.codes.setdefault(key, set()).add(_written(code))
            entry = self._entry(kind, item)
            if entry is not None:
                entries.append(entry)
        return tuple(entries)

    def _items(self, key: str, raw: Raw) -> Iterator[Raw]:
        items = raw.get(key)
        if items is None:
            return
        if not isinstance(items, list):
            self._problems.append(problem("sitefile.not_a_list", raw.at(key), key=key, value=show(items)))
            return
        for index, item in enumerate(items):
            if isinstance(item, Raw):
                yield item
            else:
                self._problems.append(problem("sitefile.not_a_mapping", raw.at(key, index), key=key, value=show(item)))

    def _tags(self, raw: Raw) -> RawList:
        """Tags from the list and from the files named in it: ``{file: tags.csv}`` alone or beside tags."""
        given = raw["tags"]
        rows = RawList()
        for index, item in enumerate([given] if isinstance(given, Raw) else given if isinstance(given, list) else [given]):
            if not isinstance(item, Raw) or "file" not in item:
                rows.append(item)
                rows.lines.append(raw.at("tags", index).line)
                continue
            for key in sorted(set(item) - {"file"}):
                self._problems.append(problem("sitefile.unknown_key", item.at(key), key=show(key), value=""))
            for row in self._tag_file(item):
                rows.append(row)
                rows.lines.append(row.where.line)
        return rows

    def _tag_file(self, item: Raw) -> list[Raw]:
        path = self._path.parent / str(item["file"])
        text = _load(path, item.at("file"), self._problems)
        return [] if text is None else tagfile.parse(text, path.name, self._problems)

    def _take_pins(self, raw: Raw) -> tuple[dict[str, str], frozenset[str]]:
        """Take the first PINs out of the users, so that nothing that looks at an entry ever sees one."""
        pins: dict[str, str] = {}
        lasting = set()
        users = raw.get("users")
        for user in users if isinstance(users, list) else ():
            if not isinstance(user, Raw):
                continue
            given = {key: user.pop(key) for key in _PIN_KEYS if key in user}
            code = _written(user.get("code"))
            if given.get("initial_pin") is not None:
                pins[code] = typed(_written(given["initial_pin"]))
                if len(pins[code]) < (PIN_MIN if pins[code].isdecimal() else PASSWORD_MIN):
                    where = user.at("initial_pin")
                    self._problems.append(problem("sitefile.pin_too_short", where, digits=PIN_MIN, characters=PASSWORD_MIN))
            must_change = given.get("pin_must_change", True)
            if must_change is False:
                lasting.add(code)
            elif must_change is not True:
                where = user.at("pin_must_change")
                self._problems.append(problem("sitefile.not_true_false", where, key="pin_must_change", value=show(must_change)))
        return pins, frozenset(lasting)


def _written(value: Any) -> str:
    """A value as it was written: ``0123`` stays 0123."""
    return str(getattr(value, "text", value)).strip()
