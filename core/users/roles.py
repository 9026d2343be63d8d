"""The five roles and what each may do: the one place where rights are declared.

Permission names are the names of operations (``production:order:start``) and of what a tag's write policy asks for
(``equipment:setpoint:write``). Everybody may look, also without signing in; what stands here is about deciding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from core.store.operation import Actor, holds


@dataclass(frozen=True, slots=True)
class Role:
    """A declared role.

    Attributes:
        code: As in the site file.
        name: By language.
        permissions: Exact names or wildcards on whole parts (``users:*``).
    """

    code: str
    name: Mapping[str, str]
    permissions: frozenset[str]


_OWN: Final = frozenset({"users:pin:set", "store:attention:settle_own"})
_MACHINES: Final = frozenset({"equipment:tag:write", "equipment:tag:confirm"})
"""What everybody who has signed in may do for himself."""

_OPERATOR: Final = (
    _OWN
    | _MACHINES
    | {
        "production:order:start",
        "production:order:pause",
        "production:order:resume",
        "production:order:complete",
        "production:order:note",
        "production:report:book",
        "production:report:correct",
        "equipment:stop:explain",
        "equipment:setpoint:write",
    }
)

_SUPERVISOR: Final = _OPERATOR | {
    "production:order:*",
    "production:report:*",
    "equipment:stop:*",
    "equipment:limit:write",
    "inventory:*",
    "users:user:list",
    "store:attention:settle",
}

_QUALITY: Final = _OWN | {
    "production:order:hold",
    "production:order:unhold",
    "production:order:note",
    "production:report:book",
    "production:report:correct",
    "quality:*",
}

_MAINTENANCE: Final = (
    _OWN
    | _MACHINES
    | {
        "equipment:stop:*",
        "equipment:setpoint:write",
        "equipment:limit:write",
        "equipment:service:write",
        "equipment:source:retry",
    }
)

_ADMINISTRATOR: Final = _OWN | {"users:*", "equipment:*", "inventory:*", "production:*", "quality:*", "sync:*", "store:*"}

ROLES: Final[Mapping[str, Role]] = {
    role.code: role
    for role in (
        Role("operator", {"ja": "作業者", "en": "Operator"}, _OPERATOR),
        Role("supervisor", {"ja": "職長", "en": "Supervisor"}, _SUPERVISOR),
        Role("quality", {"ja": "品質保証担当", "en": "Quality"}, _QUALITY),
        Role("maintenance", {"ja": "保全員", "en": "Maintenance"}, _MAINTENANCE),
        Role("administrator", {"ja": "システム管理者", "en": "Administrator"}, _ADMINISTRATOR),
    )
}
"""Every role by code, in the order screens list them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a site decided otherwise than the declaration: ``line`` None for all lines."""

    role: str
    permission: str
    line: str | None
    allowed: bool


def rights(roles: Iterable[str], rules: Iterable[Rule]) -> tuple[frozenset[str], frozenset[tuple[str, str, bool]]]:
    """What somebody with ``roles`` may do: declared permissions, and the site's exceptions to them as ``Actor`` has them.

    A rule for one line goes before the rule for all lines, which goes before the declaration; a person with several roles
    has what any of them allows.
    """
    mine = tuple(roles)
    decided = {(rule.role, rule.permission, rule.line or ""): rule.allowed for rule in rules}
    permissions = permissions_of(mine)
    exceptions = set()
    for permission in {permission for _, permission, _ in decided}:
        lines = {line for role, about, line in decided if about == permission and role in mine}
        for line in lines:
            allowed = any(
                decided.get((role, permission, line), decided.get((role, permission, ""), holds(permissions_of([role]), permission)))
                for role in mine
            )
            exceptions.add((line, permission, allowed))
    return permissions, frozenset(exceptions)


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """Everything ``roles`` may do together; a role this program version does not know gives nothing."""
    return frozenset().union(*(ROLES[code].permissions for code in roles if code in ROLES))


def roles_that_may(permission: str) -> tuple[str, ...]:
    """Codes of the roles that hold ``permission``, for the words of a refusal and the check of a site file."""
    return tuple(code for code, role in ROLES.items() if Actor("", "", frozenset(), role.permissions, "", None).may(permission))


def system_actor(name: str, station: str) -> Actor:
    """A program that acts on its own account, for example the command line applying a site file."""
    return Actor(name, name, frozenset(), frozenset({"*"}), station, None, "system")
