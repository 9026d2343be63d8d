"""What may stand in a site file, entry by entry. Relations between entries are checked in ``rules``."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from core.live.tags import Outside, TagRole, TagType
from core.sitefile.problems import Raw, Where

# Marks that reorder text on screen: what is shown would not be what is stored.
_REORDERING: Final = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_REFUSED: Final = frozenset(("Cc", "Cs", "Zl", "Zp"))


def _written(value: Any) -> Any:
    """A number where text is wanted, as it was written: ``code: 0123`` means 0123."""
    text = getattr(value, "text", value)
    if isinstance(text, str) and any(c in _REORDERING or unicodedata.category(c) in _REFUSED for c in text):
        raise PydanticCustomError("sitefile.control_character", "control character")
    return text


def _both(value: Any) -> Any:
    """A name by language from ``{ja: …, en: …}``, from one of the two, or from plain text that serves both."""
    value = _written(value)
    if isinstance(value, str):
        return {"ja": value, "en": value}
    if not isinstance(value, Mapping):
        return value
    if not value or not set(value) <= {"ja", "en"}:
        raise PydanticCustomError("sitefile.bad_languages", "languages")
    first = next(iter(value.values()))
    return {language: value.get(language, first) for language in ("ja", "en")}


def _pairs(value: Any) -> Any:
    """``0=IDLE;1=RUNNING`` as a mapping; a mapping stays one."""
    value = _written(value)
    if not isinstance(value, str):
        return value
    pairs: dict[str, str] = {}
    for part in value.split(";"):
        key, equals, item = part.partition("=")
        if not part.strip():
            continue
        if not equals or not key.strip() or key.strip() in pairs:
            raise PydanticCustomError("sitefile.bad_pair", "bad pair", {"part": part.strip()})
        pairs[key.strip()] = item.strip()
    return pairs


Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), BeforeValidator(_written)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), BeforeValidator(_written)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,49}$"), BeforeValidator(_written)]
FreeCode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), BeforeValidator(_written)]
UnitCode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20), BeforeValidator(_written)]
Names = Annotated[dict[str, Label], BeforeValidator(_both)]
_PairText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern="^[^;]*$"), BeforeValidator(_written)
]
_PairKey = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern="^[^;=]*$"), BeforeValidator(_written)
]
Pairs = Annotated[dict[_PairKey, _PairText], BeforeValidator(_pairs)]
Positive = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=6)]
Share = Annotated[Decimal, Field(gt=0, le=100, max_digits=9, decimal_places=6)]


class Aside:
    """Something an entry carries that is no part of what it says: equal to any other."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Aside)

    __hash__ = None  # type: ignore[assignment]


class Origin(Aside):
    """The lines an entry was read from."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw


class Pins(Aside):
    """First PINs by user code, and the users who need not change theirs; kept out of everything that is written or compared."""

    def __init__(self, pins: Mapping[str, str], lasting: frozenset[str]) -> None:
        self.pins = pins
        self.lasting = lasting


class Entry(BaseModel):
    """Base: unknown keys refused, immutable, remembers its lines."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True, protected_namespaces=())
    children: ClassVar[Mapping[str, type[Entry]]] = {}
    """Keys that hold lists of entries of their own."""

    _origin: Origin = PrivateAttr(default_factory=lambda: Origin(Raw(Where("", 0))))

    def at(self, *path: str | int) -> Where:
        """Where the value at ``path`` of this entry stands in its file."""
        return self._origin.raw.at(*path)

    def read_from(self, raw: Raw) -> None:
        """Remember the lines; called once by the reader."""
        self._origin = Origin(raw)


class EnterpriseEntry(Entry):
    """The company."""

    code: Code
    name: Names


class WorkUnitEntry(Entry):
    """A machine or place of work in a line."""

    code: Code
    name: Names


class LineEntry(Entry):
    """A production line; ``constraint`` names the work unit that sets the pace."""

    children: ClassVar[Mapping[str, type[Entry]]] = {"work_units": WorkUnitEntry}

    code: Code
    name: Names
    capacity_per_hour: Positive
    efficiency: Share = Decimal(85)
    constraint: Code | None = None
    work_units: tuple[WorkUnitEntry, ...] = ()


class AreaEntry(Entry):
    """A part of a site."""

    children: ClassVar[Mapping[str, type[Entry]]] = {"lines": LineEntry}

    code: Code
    name: Names
    lines: tuple[LineEntry, ...] = ()


class SiteEntry(Entry):
    """A plant at one place, with its IANA time zone."""

    children: ClassVar[Mapping[str, type[Entry]]] = {"areas": AreaEntry}

    code: Code
    name: Names
    time_zone: Text
    areas: tuple[AreaEntry, ...] = ()


class SourceEntry(Entry):
    """A machine, gateway or broker; see ``core.live.tags.SourceSpec``."""

    code: Code
    protocol: Literal["opcua", "modbus", "ethernetip", "mqtt", "sparkplug", "http", "manual"]
    url: Text = ""
    label: Names
    readers: Literal["lease", "all", "stations"] = "lease"
    stations: tuple[Code, ...] = ()
    owner: Code | Literal[""] = ""
    simulated: bool = False
    options: Pairs = {}

    @model_validator(mode="before")
    @classmethod
    def _label_from_code(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("label") is None and isinstance(values.get("code"), str):
            return {**values, "label": values["code"]}
        return values


class UnitEntry(Entry):
    """A unit of measure: value in ``base`` = value × factor + offset."""

    code: UnitCode
    quantity: FreeCode
    name: Names
    base: UnitCode
    factor: Annotated[Decimal, Field(gt=0, max_digits=40)] = Decimal(1)
    offset: Annotated[Decimal, Field(max_digits=40)] = Decimal(0)


class TagEntry(Entry):
    """One tag, in the columns of tags.csv; see ``core.live.tags.TagSpec``."""

    name: Annotated[str, StringConstraints(pattern=r"^\S{1,200}$"), BeforeValidator(_written)]
    source: Code
    address: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000), BeforeValidator(_written)]
    type: TagType
    period_s: Annotated[float, Field(gt=0, le=86_400)] = 1.0
    scale: float = 1.0
    offset: float = 0.0
    unit: UnitCode | Literal[""] = ""
    decimals: Annotated[int, Field(ge=0, le=9)] = 1
    label_ja: Label
    label_en: Label
    work_unit: Code | Literal[""] = ""
    role: TagRole = TagRole.PROCESS
    low: float | None = None
    high: float | None = None
    warn_low: float | None = None
    warn_high: float | None = None
    valid_low: float | None = None
    valid_high: float | None = None
    outside: Outside = "mark"
    deadband: Annotated[float, Field(ge=0)] = 0.0
    deadband_percent: Annotated[float, Field(ge=0, le=100)] = 0.0
    frozen_after_s: Annotated[float, Field(gt=0, le=31_536_000)] | None = None
    write_permission: Text | None = None
    write_low: float | None = None
    write_high: float | None = None
    write_interlock: Text | None = None
    write_min_interval_s: Annotated[float, Field(ge=0, le=3_600)] = 1.0
    write_tolerance: Annotated[float, Field(ge=0)] = 1e-6
    write_max_step: Annotated[float, Field(gt=0)] | None = None
    write_max_per_s: Annotated[float, Field(gt=0)] | None = None
    write_two_step: bool = False
    write_reason: bool = False
    write_confirm_s: Annotated[float, Field(gt=0, le=60)] = 2.0
    write_confirm_tag: Text | None = None
    states: Pairs = {}
    options: Pairs = {}

    @model_validator(mode="before")
    @classmethod
    def _label_from_what_there_is(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        label = values.get("label_ja") or values.get("label_en") or str(values.get("name") or "")[:100]
        return {**values, "label_ja": values.get("label_ja") or label, "label_en": values.get("label_en") or label}


class ProductEntry(Entry):
    """A product; ``version`` is the one of its design."""

    code: FreeCode
    name: Names
    type: Annotated[str, StringConstraints(strip_whitespace=True, max_length=50), BeforeValidator(_written)] = ""
    version: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20), BeforeValidator(_written)] = "1.0"
    active: bool = True
    standard_cycle_min: Positive | None = None
    target_yield: Share = Decimal(95)
    unit: UnitCode = "pcs"


class StandardTimeEntry(Entry):
    """Minutes per part of a product at a work unit from a day on."""

    product: FreeCode
    work_unit: Code
    cycle_min: Positive
    valid_from: date


class ComponentEntry(Entry):
    """What one unit of a product takes of another; ``unit`` is the component's own when none is given."""

    product: FreeCode
    quantity: Positive
    unit: UnitCode | None = None


class BomEntry(Entry):
    """What a product is made of from a day on."""

    children: ClassVar[Mapping[str, type[Entry]]] = {"components": ComponentEntry}

    product: FreeCode
    valid_from: date
    components: tuple[ComponentEntry, ...] = ()


class LocationEntry(Entry):
    """A place where lots lie, at a line or for the whole site."""

    code: Code
    name: Names
    line: Code | None = None


class UserEntry(Entry):
    """A person. A first PIN may stand beside it in the file; it is taken out before anything else looks at the entry."""

    code: FreeCode
    name: Names
    roles: tuple[Text, ...] = ()
    language: Literal["ja", "en"] = "ja"


class SiteFile(Entry):
    """A whole plant. Two are equal when they say the same, wherever it stands and whatever first PINs stand beside it."""

    children: ClassVar[Mapping[str, type[Entry]]] = {
        "sites": SiteEntry,
        "sources": SourceEntry,
        "units": UnitEntry,
        "tags": TagEntry,
        "products": ProductEntry,
        "standard_times": StandardTimeEntry,
        "boms": BomEntry,
        "locations": LocationEntry,
        "users": UserEntry,
    }

    enterprise: EnterpriseEntry
    sites: tuple[SiteEntry, ...] = ()
    sources: tuple[SourceEntry, ...] = ()
    units: tuple[UnitEntry, ...] = ()
    tags: tuple[TagEntry, ...] = ()
    products: tuple[ProductEntry, ...] = ()
    standard_times: tuple[StandardTimeEntry, ...] = ()
    boms: tuple[BomEntry, ...] = ()
    locations: tuple[LocationEntry, ...] = ()
    users: tuple[UserEntry, ...] = ()

    _pins: Pins = PrivateAttr(default_factory=lambda: Pins({}, frozenset()))

    @property
    def pins(self) -> Mapping[str, str]:
        """First PINs by user code."""
        return self._pins.pins

    @property
    def lasting_pins(self) -> frozenset[str]:
        """Users who need not change their first PIN (a demo or training plant)."""
        return self._pins.lasting

    def carry_pins(self, pins: Mapping[str, str], lasting: frozenset[str]) -> None:
        """Keep the first PINs beside the plant; called once by the reader."""
        self._pins = Pins(dict(pins), lasting)

    def lines(self) -> tuple[LineEntry, ...]:
        """Every line of every site."""
        return tuple(line for site in self.sites for area in site.areas for line in area.lines)
