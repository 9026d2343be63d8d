"""The tables a site file keeps, and their rows as flat rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select, text

from core.equipment import models as equipment
from core.equipment import shift_models, stop_models
from core.inventory import models as inventory
from core.production import models as production
from core.sitefile.flat import SETTINGS, SITE, Key, Row, Rows
from core.store.base import Db
from core.users.models import User


@dataclass(frozen=True)
class Table:
    """How one kind of flat row lies in the database.

    Attributes:
        kind: As in ``flat.Rows``.
        model: Mapped class; has ``retired_at``.
        key: Fields that make the key.
        fields: Fields that are columns of the same name.
        refs: Field → kind of the row it points to; the column is called ``<field>_id``.
        later: Of ``refs``, those that point to rows which are written after this one.
    """

    kind: str
    model: type[Any]
    key: tuple[str, ...]
    fields: tuple[str, ...] = ()
    refs: Mapping[str, str] = field(default_factory=dict)
    later: frozenset[str] = frozenset()


_TAG_COLUMNS: Final = (
    "address", "type", "period_s", "scale", "offset", "unit", "decimals", "label", "role", "low", "high", "warn_low", "warn_high",
    "valid_low", "valid_high", "outside", "deadband", "deadband_percent", "frozen_after_s", "write_permission", "write_low", "write_high",
    "write_interlock", "write_min_interval_s", "write_tolerance", "write_max_step", "write_max_per_s", "write_two_step", "write_reason",
    "write_confirm_s", "write_confirm_tag", "states", "options", "position",
)  # fmt: skip
_PRODUCT_COLUMNS: Final = ("name", "type", "revision", "active", "standard_cycle_min", "target_yield", "unit", "origin")

TABLES: Final = (
    Table("enterprise", equipment.Enterprise, ("code",), ("name",)),
    Table("site", equipment.Site, ("code",), ("name", "time_zone", "position"), {"enterprise": "enterprise"}),
    Table("crew", shift_models.Crew, ("code",), ("name",)),
    Table("calendar", shift_models.Calendar, ("code",), ("name", "crews"), {"site": "site"}),
    Table(
        "shift",
        shift_models.Shift,
        ("calendar", "code"),
        ("name", "position", "weekdays", "starts", "ends", "crew"),
        {"calendar": "calendar"},
    ),
    Table("shift_break", shift_models.ShiftBreak, ("shift", "starts"), ("ends", "reason_code"), {"shift": "shift"}),
    Table("area", equipment.Area, ("code",), ("name", "position"), {"site": "site"}),
    Table(
        "line",
        equipment.Line,
        ("code",),
        ("name", "capacity_per_hour", "efficiency", "position", *SETTINGS),
        {"area": "area", "calendar": "calendar", "constraint_unit": "work_unit"},
        frozenset({"constraint_unit"}),
    ),
    Table("work_unit", equipment.WorkUnit, ("code",), ("name", "position", "state_rules"), {"line": "line"}),
    Table("call_rule", stop_models.CallRule, ("line", "kind"), ("respond_min",), {"line": "line"}),
    Table("unit", equipment.Unit, ("code",), ("quantity", "name", "base", "factor", "base_offset", "builtin")),
    Table(
        "source",
        equipment.Source,
        ("code",),
        ("protocol", "url", "label", "readers", "stations", "owner", "simulated", "options", "position"),
    ),
    Table("tag", equipment.Tag, ("name",), _TAG_COLUMNS, {"source": "source", "work_unit": "work_unit"}),
    Table("product", inventory.Product, ("code",), _PRODUCT_COLUMNS),
    Table(
        "standard_time",
        production.StandardTime,
        ("product", "work_unit", "valid_from"),
        ("cycle_min",),
        {"product": "product", "work_unit": "work_unit"},
    ),
    Table("bom", inventory.Bom, ("product", "valid_from"), (), {"product": "product"}),
    Table("bom_component", inventory.BomComponent, ("bom", "product"), ("quantity", "unit"), {"bom": "bom", "product": "product"}),
    Table("location", inventory.Location, ("code",), ("name",), {"line": "line"}),
    Table("user", User, ("code",), ("name", "language", "origin")),
)
"""In the order rows are written: what is pointed to comes first."""


@dataclass
class Stored:
    """What the database holds of one kind.

    Attributes:
        rows: Every mapped row by key, retired ones included.
        flat: The same as flat rows.
        ids: Primary key by key.
    """

    rows: dict[Key, Any] = field(default_factory=dict)
    flat: dict[Key, Row] = field(default_factory=dict)
    ids: dict[Key, int] = field(default_factory=dict)


def load(db: Db) -> dict[str, Stored]:
    """Everything the site file could keep, by kind."""
    found: dict[str, Stored] = {}
    keys: dict[str, dict[int, Key]] = {}
    rows = {table.kind: list(db.scalars(select(table.model))) for table in TABLES}
    for table in TABLES:
        keys[table.kind] = {}
        for row in rows[table.kind]:
            keys[table.kind][row.id] = tuple(_value(table, row, name, keys) for name in table.key)
    for table in TABLES:
        stored = found[table.kind] = Stored()
        for row in rows[table.kind]:
            key = keys[table.kind][row.id]
            stored.rows[key] = row
            stored.ids[key] = row.id
            stored.flat[key] = {name: _value(table, row, name, keys) for name in (*table.fields, *table.refs) if name not in table.key}
            if isinstance(row, User):
                stored.flat[key] = {**stored.flat[key], "roles": tuple(sorted(one.role.code for one in row.role_rows))}
    return found


def kept(stored: Mapping[str, Stored]) -> Rows:
    """The flat rows that stand in the site file: not retired, not made on a screen or by another system."""
    return {
        kind: {key: row for key, row in one.flat.items() if one.rows[key].retired_at is None and row.get("origin", SITE) == SITE}
        for kind, one in stored.items()
    }


def _value(table: Table, row: Any, name: str, keys: Mapping[str, Mapping[int, Key]]) -> Any:
    if name not in table.refs:
        return getattr(row, name)
    target = getattr(row, f"{name}_id")
    return None if target is None else short(keys[table.refs[name]][target])


def short(key: Key) -> Any:
    """A key as a reference: its only part, or the whole when it has several."""
    return key[0] if len(key) == 1 else key


def full(reference: Any) -> Key:
    """The opposite of ``short``."""
    return reference if isinstance(reference, tuple) else (reference,)


def lock(db: Db) -> None:
    """Let nobody else apply a site file until this transaction ends."""
    db.execute(text("SELECT pg_advisory_xact_lock(hashtext('genba.site'))"))


def codes_with_credential(db: Db) -> frozenset[str]:
    """Codes of the users who have a PIN or password already."""
    return frozenset(db.scalars(text("SELECT * FROM genba.codes_with_credential()")))
