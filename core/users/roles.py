"""The five roles and what each may do: the one place where rights are declared, and how a site's own rules change them.

Permission names are the names of operations (``production:order:start``), of queries that not everybody may ask
(``users:audit:search``) and of what a tag's write policy asks for (``equipment:setpoint:write``).
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


@dataclass(frozen=True, slots=True)
class Rule:
    """What this site decided otherwise: ``role`` has ``permission``, or has it not, on ``line`` or (None) on every line."""

    role: str
    permission: str
    line: str | None
    allowed: bool


_OWN: Final = frozenset({"users:pin:set", "store:attention:settle_own", "equipment:tag:write", "equipment:tag:confirm"})
"""What everybody who has signed in may do; a write to a machine also needs what the tag itself asks for, on its line."""

_CALLS: Final = frozenset({"equipment:call:open", "equipment:call:respond", "equipment:call:resolve", "equipment:call:withdraw"})
"""To call for help, and to come when somebody calls."""

_OPERATOR: Final = (
    _OWN
    | {
        "production:order:start",
        "production:order:pause",
        "production:order:resume",
        "production:order:complete",
        "production:order:note",
        "production:report:book",
        "production:report:correct",
        "production:order:read",
        "production:note:add",
        "production:handover:give",
        "production:handover:take",
        "equipment:stop:explain",
        "equipment:stop:split",
        "equipment:stop:mark",
        "equipment:setpoint:write",
        "equipment:manual:enter",
    }
    | _CALLS
)

_SUPERVISOR: Final = _OPERATOR | {
    "production:order:*",
    "production:report:*",
    "equipment:stop:*",
    "equipment:gap:reclassify",
    "equipment:call:adopt",
    "equipment:calendar:*",
    "inventory:product:import",
    "equipment:limit:write",
    "equipment:manual:adopt",
    "equipment:tag:adopt",
    "inventory:*",
    "users:audit:search",
    "users:station:list",
    "users:user:list",
    "store:attention:settle",
}

_QUALITY: Final = (
    _OWN
    | {
        "production:order:hold",
        "production:order:unhold",
        "production:order:note",
        "production:report:book",
        "production:report:correct",
        "production:note:add",
        "quality:*",
        "users:audit:search",
    }
    | _CALLS
)

_MAINTENANCE: Final = (
    _OWN
    | {
        "equipment:stop:*",
        "equipment:setpoint:write",
        "equipment:limit:write",
        "equipment:service:write",
        "equipment:manual:enter",
        "equipment:source:accept",
        "equipment:source:browse",
        "equipment:source:retry",
        "production:note:add",
        "users:station:list",
    }
    | _CALLS
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


def rights(roles: Iterable[str], rules: Iterable[Rule]) -> tuple[frozenset[str], frozenset[tuple[str, str, bool]]]:
    """What ``roles`` may do at this site: the ``permissions`` and ``exceptions`` of an :class:`Actor`.

    For one role a rule for a line goes before the rule for all lines, and that before the declaration. Somebody with several
    roles has, on each line, what any of them allows there. Of two rules about the same thing the later one counts; a role
    this program version does not know gives nothing, with or without rules.
    """
    held = frozenset(roles) & ROLES.keys()
    said = {(rule.role, rule.permission, rule.line): rule.allowed for rule in rules if rule.role in held}
    declared = permissions_of(held)
    exceptions = set()
    for permission in {permission for _, permission, _ in said}:
        general = {role: said.get((role, permission, None), holds(ROLES[role].permissions, permission)) for role in held}
        everywhere = any(general.values())
        if everywhere != holds(declared, permission):
            exceptions.add(("", permission, everywhere))
        for line in {line for _, about, line in said if about == permission and line is not None}:
            there = any(said.get((role, permission, line), general[role]) for role in held)
            if there != everywhere:
                exceptions.add((line, permission, there))
    return declared, frozenset(exceptions)


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """Everything ``roles`` may do together; a role this program version does not know gives nothing."""
    return frozenset().union(*(ROLES[code].permissions for code in roles if code in ROLES))


def roles_that_may(permission: str) -> tuple[str, ...]:
    """Codes of the roles that hold ``permission``, for the words of a refusal and the check of a site file."""
    return tuple(code for code, role in ROLES.items() if Actor("", "", frozenset(), role.permissions, "", None).may(permission))


def system_actor(name: str, station: str) -> Actor:
    """A program that acts on its own account, for example the command line applying a site file."""
    return Actor(name, name, frozenset(), frozenset({"*"}), station, None, "system")
