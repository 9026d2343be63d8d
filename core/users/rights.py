"""Who may do what at this site: every permission there is, for every role, with the reason why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from core.store.operation import OPERATIONS, holds
from core.store.query import QUERIES, query
from core.users.admin_views import Origin, RightCell, RightMatrix, RightView
from core.users.roles import ROLES, Rule

if TYPE_CHECKING:
    from core.store.base import Db

FEATURES: Final = ("production", "quality", "inventory", "equipment", "users", "sync", "store")
"""Groups of permissions in the order screens show them; others follow by name."""

BESIDES: Final = ("production:report:over", "store:attention:settle")
"""Permissions that an operation asks for besides its own name."""

_BY_LINE: Final = ("production:", "quality:", "equipment:")
_OF_ALL: Final = frozenset({"equipment:site:apply", *(f"equipment:source:{verb}" for verb in ("accept", "browse", "retry", "trust"))})

_Decided = Mapping[tuple[str, str, str | None], bool]


@query("users:right:matrix", permission="users:right:matrix")
def right_matrix(db: Db, *, line_code: str | None = None) -> RightMatrix:
    """Every permission with a cell for each role, on one line or (None) on all.

    Raises:
        Invalid: ``users.line_unknown``.
    """
    from core.users import rights_rows

    if line_code is not None:
        rights_rows.check_line(db, line_code)
    return matrix(line_code, rights_rows.rules(db), rights_rows.tag_permissions(db))


def known_permissions(more: Iterable[str] = ()) -> tuple[str, ...]:
    """Every permission of this program, and ``more`` (of tags, of rules), grouped by feature.

    Queries that everybody may ask are not among them, and wildcards of the declaration are no permissions of their own.
    """
    exact = {name for role in ROLES.values() for name in role.permissions if not name.endswith("*")}
    asked = {each.permission for each in QUERIES.values() if each.permission is not None}
    return tuple(sorted({*OPERATIONS, *asked, *exact, *BESIDES, *more}, key=_place))


def _place(permission: str) -> tuple[int, str]:
    feature = permission.partition(":")[0]
    return (FEATURES.index(feature) if feature in FEATURES else len(FEATURES), permission)


def by_line(permission: str) -> bool:
    """Whether a rule for one line means something for ``permission``: what it is about stands on a line."""
    return permission.startswith(_BY_LINE) and permission not in _OF_ALL


def matrix(line_code: str | None, rules: Iterable[Rule], more: Iterable[str] = ()) -> RightMatrix:
    """The matrix from the site's rules; ``more`` are permissions that only tags ask for."""
    decided = {(rule.role, rule.permission, rule.line): rule.allowed for rule in rules}
    permissions = known_permissions({*more, *(permission for _, permission, _ in decided)})
    return RightMatrix(
        line_code,
        tuple(ROLES),
        tuple(
            RightView(each, each.partition(":")[0], by_line(each), tuple(_cell(role, each, line_code, decided) for role in ROLES))
            for each in permissions
        ),
    )


def _cell(role: str, permission: str, line_code: str | None, decided: _Decided) -> RightCell:
    declared = holds(ROLES[role].permissions, permission)
    site = decided.get((role, permission, None))
    line = None if line_code is None else decided.get((role, permission, line_code))
    origin: Origin = "line" if line is not None else "site" if site is not None else "declared"
    allowed = line if line is not None else site if site is not None else declared
    differing: list[str] = []
    if line_code is None:
        differing = sorted(where for who, about, where in decided if (who, about) == (role, permission) and where is not None)
    return RightCell(role, allowed, origin, declared, site, line, tuple(differing))
