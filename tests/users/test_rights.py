"""What roles and a site's rules allow together, against a model that asks every role by itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.store.operation import Actor, holds
from core.users.roles import ROLES, Rule, rights

PERMISSIONS = ("production:order:start", "production:order:cancel", "users:user:create", "users:pin:set", "nobody:has:this")
LINES = ("L1", "L2", "L3")

rules_of_a_site = st.lists(
    st.builds(
        Rule,
        role=st.sampled_from((*ROLES, "retired_role")),
        permission=st.sampled_from(PERMISSIONS),
        line=st.sampled_from((None, *LINES[:2])),
        allowed=st.booleans(),
    ),
    max_size=25,
)
roles_of_a_person = st.sets(st.sampled_from((*ROLES, "retired_role")), max_size=4)


def person(roles: set[str], rules: list[Rule]) -> Actor:
    permissions, exceptions = rights(roles, rules)
    return Actor("x", "X", frozenset(roles), permissions, "P1", None, exceptions=exceptions)


def one_role_may(role: str, rules: list[Rule], permission: str, line: str) -> bool:
    """The model: look for the rule of the line, then for the rule of all lines, then into the declaration."""
    if role not in ROLES:
        return False
    for where in (line, None):
        decided = [rule.allowed for rule in rules if (rule.role, rule.permission, rule.line) == (role, permission, where)]
        if decided:
            return decided[-1]
    return holds(ROLES[role].permissions, permission)


@given(roles_of_a_person, rules_of_a_site)
def test_a_person_may_on_a_line_what_one_of_his_roles_may_there_and_nothing_else(roles: set[str], rules: list[Rule]) -> None:
    actor = person(roles, rules)
    for permission in PERMISSIONS:
        for line in LINES:
            assert actor.may(permission, line) == any(one_role_may(role, rules, permission, line) for role in roles), (permission, line)


@given(roles_of_a_person, rules_of_a_site)
def test_without_a_line_it_is_asked_whether_there_is_one(roles: set[str], rules: list[Rule]) -> None:
    actor = person(roles, rules)
    for permission in PERMISSIONS:
        # L3 has no rules of its own: it stands for every line nobody wrote a rule for.
        assert actor.may(permission) == any(one_role_may(role, rules, permission, line) for role in roles for line in LINES)


@given(roles_of_a_person, rules_of_a_site)
def test_only_what_differs_is_carried_along(roles: set[str], rules: list[Rule]) -> None:
    permissions, exceptions = rights(roles, rules)
    for line, permission, allowed in exceptions:
        without = exceptions - {(line, permission, allowed)}
        assert Actor("x", "X", frozenset(), permissions, "P1", None, exceptions=without).may(permission, line or "L3") != allowed


def test_forbidding_for_one_role_leaves_what_another_gives() -> None:
    rules = [Rule("operator", "production:order:start", None, False), Rule("operator", "production:order:start", "L1", True)]
    assert not person({"operator"}, rules).may("production:order:start", "L2")
    assert person({"operator"}, rules).may("production:order:start", "L1")
    assert person({"operator", "supervisor"}, rules).may("production:order:start", "L2")
