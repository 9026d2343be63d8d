"""Applying a site file: one operation, one transaction, an audit row for every field that changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from core.errors import Invalid
from core.sitefile.entries import SiteFile
from core.sitefile.flat import Key, Row, rows_of
from core.sitefile.packed import pack, unpack
from core.sitefile.plan import Change, differences, first_pin
from core.sitefile.problems import BrokenSiteFile
from core.sitefile.rules import check
from core.store.operation import Actor, Proof, Secret, operation

if TYPE_CHECKING:
    from core.sitefile.stored import Stored, Table
    from core.store.base import Db

_PATIENCE_S: Final = 120.0
"""Ten thousand tags take five seconds on a good day; an engineer who brings a plant in waits for it."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying changed.

    Attributes:
        changes: In the order they were made; empty when the database said all this already.
    """

    changes: tuple[Change, ...]


_WRITES: Final = (
    "enterprise", "site", "crew", "calendar", "shift", "shift_break", "area", "line", "work_unit", "call_rule", "unit", "source", "tag",
    "product", "standard_time", "bom", "bom_component", "location", "app_user", "user_role", "credential",
)  # fmt: skip


@operation(
    "equipment:site:apply",
    kind="intent",
    guard="C",
    writes=_WRITES,
    constraints={"uq_app_user_code_any_case": "users.code_taken"},
    patience_s=_PATIENCE_S,
)
def apply_site(db: Db, actor: Actor, *, document: tuple[str, ...], pins: Proof = "{}", lasting: tuple[str, ...] = ()) -> Applied:
    """Make the database say what a site file says; what left the file is retired, never deleted.

    Args:
        document: The site file, see ``arguments``.
        pins: First PINs by user code; they are set only for users who have none.
        lasting: Users who need not change their first PIN.

    Raises:
        Invalid: ``sitefile.document_unreadable``, ``sitefile.broken``.
    """
    return apply(db, _unpack(document), actor, json.loads(pins), frozenset(lasting))


def arguments(site: SiteFile) -> dict[str, Any]:
    """What ``apply_site`` is called with: the whole file compressed into short pieces, because a request's texts are short."""
    return {
        "document": pack(site.model_dump_json()),
        "pins": Secret(json.dumps(dict(site.pins))),
        "lasting": tuple(sorted(site.lasting_pins)),
    }


def apply(db: Db, site: SiteFile, actor: Actor, pins: dict[str, str], lasting: frozenset[str] = frozenset()) -> Applied:
    """Make the rows say what ``site`` says, inside the caller's transaction.

    Args:
        pins: Proofs (``core.users.proof.Credential.text``) of first PINs by user code.
        lasting: Users who need not change theirs.
    """
    from core.sitefile import stored as database
    from core.users import rows as users

    database.lock(db)
    stored = database.load(db)
    wanted = rows_of(site)
    found = list(differences(stored, site))
    for table in database.TABLES:
        for change, key in found:
            if change.kind == table.kind:
                _write(db, table, stored, key, None if change.action == "retire" else wanted[table.kind][key])
        db.flush()
        stored[table.kind].ids.update({key: row.id for key, row in stored[table.kind].rows.items()})
    for table in database.TABLES:
        for change, key in found:
            if change.kind == table.kind and table.later and change.action != "retire":
                _point(table, stored, key, wanted[table.kind][key], table.later)
    db.flush()
    new = sorted((pins.keys() - database.codes_with_credential(db)) & {key[0] for key in wanted["user"]})
    for code in new:
        users.store_credential(db, code, pins[code], must_change=code not in lasting)
    return Applied((*(change for change, _key in found), *(first_pin(code) for code in new)))


def _write(db: Db, table: Table, stored: dict[str, Stored], key: Key, row: Row | None) -> None:
    """Write one flat row; None retires it."""
    there = stored[table.kind].rows.get(key)
    if row is None:
        there.retired_at = db.now  # type: ignore[union-attr]
        return
    if there is None:
        there = stored[table.kind].rows[key] = table.model()
        for name, part in zip(table.key, key, strict=True):
            _set(table, stored, there, name, part)
        db.add(there)
    there.retired_at = None
    for name in table.fields:
        if getattr(there, name) != row[name]:
            setattr(there, name, row[name])
    _point(table, stored, key, row, frozenset(table.refs) - table.later - frozenset(table.key))
    if table.kind == "user":
        from core.users.rows import set_roles

        set_roles(db, there, row["roles"])


def _point(table: Table, stored: dict[str, Stored], key: Key, row: Row, names: frozenset[str]) -> None:
    for name in names:
        _set(table, stored, stored[table.kind].rows[key], name, row[name])


def _set(table: Table, stored: dict[str, Stored], target: Any, name: str, value: Any) -> None:
    from core.sitefile.stored import full

    if name in table.refs:
        name, value = f"{name}_id", None if value is None else stored[table.refs[name]].ids[full(value)]
    if getattr(target, name) != value:
        setattr(target, name, value)


def _unpack(document: tuple[str, ...]) -> SiteFile:
    try:
        site = SiteFile.model_validate_json(unpack(document))
    except ValidationError:
        raise Invalid("sitefile.document_unreadable") from None
    problems = check(site)
    if problems:
        raise BrokenSiteFile.of("document", problems)
    return site
