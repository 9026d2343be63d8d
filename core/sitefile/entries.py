"""What may stand in a site file, entry by entry. Relations between entries are checked in ``rules``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, StringConstraints, model_validator

from core.equipment.line_settings import CountMode, GapRule, MinorLoss, ReportMode, StateRuleName
from core.live.tags import Outside, TagRole, TagType
from core.sitefile.entry import Code, Entry, FreeCode, Label, Names, Pairs, Pins, Positive, Share, Text, UnitCode, written
from core.sitefile.shift_entries import CalendarEntry, CallRuleEntry, CrewEntry, StateRuleEntry


class EnterpriseEntry(Entry):
    """The company."""

    code: Code
    name: Names


class WorkUnitEntry(Entry):
    """A machine or place of work in a line; ``state_rules`` say what it does where no single tag does."""

    children: ClassVar[Mapping[str, type[Entry]]] = {"state_rules": StateRuleEntry}

    code: Code
    name: Names
    state_rules: tuple[StateRuleEntry, ...] = ()


class LineEntry(Entry):
    """A production line; ``constraint`` names the work unit that sets the pace. See ``LineSettings`` for how it counts."""

    children: ClassVar[Mapping[str, type[Entry]]] = {"work_units": WorkUnitEntry}

    code: Code
    name: Names
    capacity_per_hour: Positive
    efficiency: Share = Decimal(85)
    constraint: Code | None = None
    calendar: Code | None = None
    state_rule: StateRuleName = "constraint"
    minor_stop_s: Annotated[int, Field(ge=1, le=3_600)] = 300
    minor_stop_loss: MinorLoss = "performance"
    worked_breaks: bool = True
    count_mode: CountMode = "machine"
    report_mode: ReportMode = "confirm"
    difference_limit: Annotated[Decimal, Field(ge=0, le=1, max_digits=9, decimal_places=6)] = Decimal("0.02")
    gap_rule: GapRule = "leader"
    gap_bridge_s: Annotated[int, Field(ge=0, le=3_600)] = 0
    oee_target: Share = Decimal(85)
    work_units: tuple[WorkUnitEntry, ...] = ()


class AreaEntry(Entry):
    """A part of a site."""

    children: ClassVar[Mapping[str, type[Entry]]] = {"lines": LineEntry}

    code: Code
    name: Names
    lines: tuple[LineEntry, ...] = ()


class SiteEntry(Entry):
    """A plant at one place, with its IANA time zone."""

    children: ClassVar[Mapping[str, type[Entry]]] = {"calendars": CalendarEntry, "areas": AreaEntry}

    code: Code
    name: Names
    time_zone: Text
    calendars: tuple[CalendarEntry, ...] = ()
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
    options: Pairs = Field(default_factory=dict)

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

    name: Annotated[str, StringConstraints(pattern=r"^\S{1,200}$"), BeforeValidator(written)]
    source: Code
    address: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000), BeforeValidator(written)]
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
    states: Pairs = Field(default_factory=dict)
    options: Pairs = Field(default_factory=dict)

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
    type: Annotated[str, StringConstraints(strip_whitespace=True, max_length=50), BeforeValidator(written)] = ""
    version: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20), BeforeValidator(written)] = "1.0"
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
        "crews": CrewEntry,
        "sites": SiteEntry,
        "call_rules": CallRuleEntry,
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
    crews: tuple[CrewEntry, ...] = ()
    sites: tuple[SiteEntry, ...] = ()
    call_rules: tuple[CallRuleEntry, ...] = ()
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

    def calendars(self) -> tuple[CalendarEntry, ...]:
        """Every calendar of every site."""
        return tuple(calendar for site in self.sites for calendar in site.calendars)
