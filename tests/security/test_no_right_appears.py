"""Whatever three people at three panels do, in any order, with their stations' own log-ins: none does what his roles do not allow.

The rights are worked out here by a rule of their own, cell by cell, and never asked of the program or of the database.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Refused
from core.users.roles import ROLES
from tests.security.rig import Panel, Plant

PEOPLE: Final = {"here": "tanaka", "there": "boss", "office": "admin"}
ON_ORDERS: Final = ("production:order:start", "production:order:release", "production:order:note", "production:order:hold")
GIVE, DECIDE = "users:user:give_roles", "users:right:decide"
LINES: Final = ("L1", "L2")

Try = tuple[str, str, str, str, str]
"""Who, what, and three words that mean something else for each kind of attempt."""


def attempts() -> st.SearchStrategy[Try]:
    """One attempt: to work on an order, to give somebody a role, to change what a role may, or to smuggle one of these in."""
    who = st.sampled_from(list(PEOPLE))
    person = st.sampled_from(list(PEOPLE.values()))
    role = st.sampled_from(list(ROLES))
    place = st.sampled_from(["", *LINES])
    return st.one_of(
        st.tuples(who, st.just("work"), st.sampled_from(ON_ORDERS), st.sampled_from(LINES), st.sampled_from(["", "boss", "admin", "ito"])),
        st.tuples(who, st.just("give"), person, role, st.just("")),
        st.tuples(
            who, st.just("decide"), role, st.sampled_from([*ON_ORDERS, GIVE, DECIDE]), st.tuples(place, st.sampled_from("+-")).map("".join)
        ),
        st.tuples(who, st.just("smuggle"), st.sampled_from(ON_ORDERS), person, role),
    )


@dataclass
class Book:
    """Who has which roles and what each may, as somebody with paper and pencil would keep it."""

    roles: dict[str, set[str]] = field(
        default_factory=lambda: {"tanaka": {"operator"}, "boss": {"supervisor"}, "admin": {"administrator"}, "ito": {"quality"}}
    )
    rules: dict[tuple[str, str, str], bool] = field(default_factory=dict)

    def may(self, person: str, permission: str, line: str) -> bool:
        """On ``line``; "" where no line is concerned."""
        return any(self._role_may(role, permission, line) for role in self.roles[person])

    def _role_may(self, role: str, permission: str, line: str) -> bool:
        for about in (line, ""):
            if (role, permission, about) in self.rules:
                return self.rules[role, permission, about]
        return any(permission == held or (held.endswith("*") and permission.startswith(held[:-1])) for held in ROLES[role].permissions)


def apply(panel: Panel, operation: str, proved: tuple[str, str], work: Callable[[psycopg.Connection[Any]], object]) -> bool:
    """Do ``work`` under ``operation`` and commit; whether that was let through."""
    asked = panel.request(operation)
    if proved[1]:
        with suppress(Refused):  # an attacker goes on without
            panel.prove(asked, proved[0], proved[1])
    with closing(panel.connect()) as connection:
        if panel.begin(connection, operation, panel.token, asked)[0] != "open":
            connection.commit()
            return False
        try:
            work(connection)
            connection.execute("SELECT genba.end_operation('null', '', '{}')")
            connection.commit()
        except psycopg.Error as error:
            if error.sqlstate not in {"GB001", "GB002", "GB003", "42501"}:
                raise
            return False
    return True


def one(plant: Plant, book: Book, attempt: Try) -> None:
    """Try it; what came of it is what the book says."""
    where, kind, first, second, third = attempt
    panel: Panel = getattr(plant, where)
    person = PEOPLE[where]
    if kind == "work":
        lent = book.may(third, first, second) if third and third != person else False
        allowed = book.may(person, first, second) or lent
        done = apply(
            panel, first, ("authorisation", third),
            lambda c: c.execute("UPDATE genba.work_order SET note = note || 'x' WHERE number = %s", (f"WO-{second}",)),
        )  # fmt: skip
        assert done <= allowed, "worked without the right"
        assert done or not allowed or (third and not lent), "somebody with the right was kept from his work"
    elif kind == "give":
        done = apply(panel, GIVE, ("signature", person), lambda c: give(c, plant.people[first], second))
        assert done == book.may(person, GIVE, "")
        if done:
            book.roles[first] = {second}
    elif kind == "decide":
        line, allowed = third[:-1], third[-1] == "+"
        done = apply(panel, DECIDE, ("signature", person), lambda c: decide(c, first, second, line, allowed=allowed))
        assert done == book.may(person, DECIDE, line)
        if done:
            book.rules[first, second, line] = allowed
    else:
        assert not apply(panel, first, ("", ""), lambda c: give(c, plant.people[second], third)), "a role was smuggled in"


def give(connection: psycopg.Connection[Any], user: int, role: str) -> None:
    connection.execute("DELETE FROM genba.user_role WHERE user_id = %s", (user,))
    connection.execute("INSERT INTO genba.user_role (user_id, role_id) SELECT %s, id FROM genba.role WHERE code = %s", (user, role))


def decide(connection: psycopg.Connection[Any], role: str, permission: str, line: str, *, allowed: bool) -> None:
    told = {"role": role, "permission": permission, "line": line or None, "allowed": allowed}
    connection.execute(
        "DELETE FROM genba.role_rule WHERE role_id = (SELECT id FROM genba.role WHERE code = %(role)s) AND permission = %(permission)s"
        " AND line_id IS NOT DISTINCT FROM (SELECT id FROM genba.line WHERE code = %(line)s)",
        told,
    )
    connection.execute(
        "INSERT INTO genba.role_rule (role_id, permission, line_id, allowed)"
        " SELECT r.id, %(permission)s, (SELECT id FROM genba.line WHERE code = %(line)s), %(allowed)s"
        " FROM genba.role r WHERE r.code = %(role)s",
        told,
    )


def as_at_first(plant: Plant) -> None:
    plant.sql("DELETE FROM genba.role_rule")
    plant.sql("DELETE FROM genba.user_role")
    for person, roles in Book().roles.items():
        for role in roles:
            plant.sql(
                "INSERT INTO genba.user_role (user_id, role_id) SELECT %s, id FROM genba.role WHERE code = %s", plant.people[person], role
            )
    plant.forget_failures()
    plant.sign_all_in()


@pytest.mark.timeout(300)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(tries=st.lists(attempts(), min_size=3, max_size=10))
def test_no_sequence_of_operations_gives_a_right_that_the_roles_do_not_have(plant: Plant, tries: list[Try]) -> None:
    as_at_first(plant)
    book = Book()
    for attempt in tries:
        one(plant, book, attempt)


def test_who_changes_people_on_one_line_only_changes_nobody(plant: Plant) -> None:
    """A person belongs to no line, so a rule for one line is no right to give roles: it would count on every line."""
    as_at_first(plant)
    book = Book()
    for attempt in (
        ("office", "decide", "supervisor", GIVE, "L1+"),
        ("there", "give", "boss", "administrator", ""),
        ("office", "decide", "supervisor", GIVE, "+"),
        ("there", "give", "boss", "administrator", ""),
    ):
        one(plant, book, attempt)
    assert book.roles["boss"] == {"administrator"}
    as_at_first(plant)
