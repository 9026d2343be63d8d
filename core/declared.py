"""What this program tells a database when it is upgraded: operations, roles, and the tables that operations change.

The database judges for itself what an operation may change and who may do it; see ``migrations/sql/guard.sql``.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.catalogue import OPERATIONS
from core.users.roles import ROLES

if TYPE_CHECKING:
    from sqlalchemy import Table

MODELS: Final = (
    "core.store.tables",
    "core.users.models",
    "core.equipment.models",
    "core.equipment.shift_models",
    "core.equipment.stop_models",
    "core.inventory.models",
    "core.production.models",
    "core.production.run_models",
    "core.quality.models",
)
"""Every module with mapped classes; they load SQLAlchemy and are imported by whoever needs a database."""

_SQL: Final = Path(__file__).resolve().parents[1] / "migrations" / "sql"


def declaring() -> str:
    """SQL that tells a database what this program declares: operations, roles, and which tables are watched in which way."""
    operations, roles = _declared()
    watching = [_call("watch", name, entity, masked, detail) for name, entity, masked, detail in _watched()]
    return "\n".join([*watching, _call("declare", json.dumps(operations), json.dumps(roles), fingerprint())])


def fingerprint() -> str:
    """Changes with everything that ``declaring`` and the files of ``migrations/sql`` say; 64 hexadecimal digits."""
    files = [path.read_text(encoding="utf-8") for path in sorted(_SQL.glob("*.sql"))]
    return hashlib.sha256(json.dumps([_declared(), files]).encode()).hexdigest()


def _declared() -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    operations = [
        {
            "name": declared.name,
            "kind": declared.kind,
            "offline": declared.offline,
            "meaning": declared.meaning,
            "tables": sorted(declared.writes | ({"outbox"} if declared.outbox else set())),
        }
        for _, declared in sorted(OPERATIONS.items())
    ]
    return operations, {code: sorted(role.permissions) for code, role in ROLES.items()}


def _watched() -> list[tuple[str, str, str, str]]:
    """(table, entity, masked columns as an array literal, how much the audit tells) of every table that operations change."""
    from core.store.base import Base

    for name in MODELS:
        importlib.import_module(name)
    found = []
    classes: dict[Any, Any] = {mapper.local_table: mapper.class_ for mapper in Base.registry.mappers}
    for table in sorted(Base.metadata.tables.values(), key=lambda one: one.name):
        kind = classes.get(table)
        detail = getattr(kind, "__audit__", table.info.get("audit"))
        if detail is not None:
            entity = getattr(kind, "__entity__", table.info.get("entity", table.name))
            found.append((str(table.name), str(entity), "{" + ",".join(_masked(table)) + "}", str(detail)))
    return found


def _masked(table: Table) -> list[str]:
    from sqlalchemy import LargeBinary

    return [column.name for column in table.columns if column.info.get("confidential") or isinstance(column.type, LargeBinary)]


def _call(function: str, *words: str) -> str:
    quoted = ", ".join("'" + word.replace("'", "''") + "'" for word in words)
    return f"SELECT genba_guard.{function}({quoted});"
