"""The SQL of rights. Imported when the first query runs on a lane, never by a screen.

Lines and tags belong to a floor above; only their codes are read here.
"""

from __future__ import annotations

from sqlalchemy import column, select, table

from core.errors import Invalid
from core.store.base import SCHEMA, Db
from core.users.models import Role, RoleRule
from core.users.roles import Rule

_LINE = table("line", column("id"), column("code"), column("retired_at"), schema=SCHEMA)
_TAG = table("tag", column("write_permission"), column("retired_at"), schema=SCHEMA)


def rules(db: Db) -> tuple[Rule, ...]:
    """Everything this site decided about rights."""
    asked = (
        select(Role.code.label("role"), RoleRule.permission, _LINE.c.code.label("line"), RoleRule.allowed)
        .select_from(RoleRule)
        .join(Role, Role.id == RoleRule.role_id)
        .outerjoin(_LINE, _LINE.c.id == RoleRule.line_id)
        .order_by(RoleRule.id)
    )
    return tuple(Rule(row.role, row.permission, row.line, row.allowed) for row in db.execute(asked))


def tag_permissions(db: Db) -> frozenset[str]:
    """What the write policies of this plant's tags ask for."""
    asked = select(_TAG.c.write_permission).where(_TAG.c.write_permission.is_not(None), _TAG.c.retired_at.is_(None)).distinct()
    return frozenset(db.scalars(asked))


def check_line(db: Db, line_code: str) -> None:
    """Raises Invalid ``users.line_unknown`` for a line that is not there or was retired."""
    if db.scalar(select(_LINE.c.id).where(_LINE.c.code == line_code, _LINE.c.retired_at.is_(None))) is None:
        raise Invalid("users.line_unknown", line=line_code)
