"""Who works here, where people are signed in and who may do what, asked with a station's restricted rights."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import core.catalogue
from core.equipment.stations import list_stations
from core.errors import Invalid
from core.store.operation import Actor
from core.users.accounts import decide_right
from core.users.directory import get_policy, list_people
from core.users.models import User
from core.users.rights import by_line, known_permissions, matrix, right_matrix
from core.users.roles import ROLES, Rule, rights
from tests.production.conftest import plant_rows

if TYPE_CHECKING:
    from core.store.base import Db


def user(db: Db, code: str, *roles: str, active: bool = True) -> int:
    from core.users import rows

    row = User(code=code, name={"ja": f"{code}さん", "en": code.title()}, language="ja", active=active, origin="screen", retired_at=None)
    db.add(row)
    rows.set_roles(db, row, roles)
    db.flush()
    return row.id


def test_people_come_by_code_with_roles_and_without_secrets(db: Db) -> None:
    user(db, "tanaka", "operator", "quality")
    user(db, "ito", "supervisor", active=False)
    page = list_people(db, search="")
    assert [(each.user.code, each.user.roles, each.user.active) for each in page.items] == [
        ("ito", ("supervisor",), False),
        ("tanaka", ("operator", "quality"), True),
    ]
    assert all(each.badges == () and each.sessions == () for each in page.items)
    assert [each.user.code for each in list_people(db, search="Tan").items] == ["tanaka"]
    second = list_people(db, limit=1, offset=1)
    assert (len(second.items), second.items[0].user.code, second.total) == (1, "tanaka", 2)


def test_the_policy_is_the_site_s(db: Db) -> None:
    policy = get_policy(db)
    assert (policy.pin_digits, policy.user_tries, policy.session_h) == (6, 5, 12)


# -- rights ------------------------------------------------------------------------------------------------------------


def cell(db: Db, role: str, permission: str, line: str | None = None) -> Any:
    table = right_matrix(db, line_code=line)
    row = next(each for each in table.rights if each.permission == permission)
    return row.cells[table.roles.index(role)]


def test_a_cell_says_what_counts_and_why(db: Db) -> None:
    plant_rows(db)
    start = "production:order:start"
    found = cell(db, "operator", start)
    assert (found.allowed, found.origin, found.declared, found.site, found.differing) == (True, "declared", True, None, ())
    decide_right(db, db.actor, role="operator", permission=start, line_code=None, allowed=False, reason="starts are the leader's")
    decide_right(db, db.actor, role="operator", permission=start, line_code="L2", allowed=True, reason="trained there")
    found = cell(db, "operator", start)
    assert (found.allowed, found.origin, found.site, found.differing) == (False, "site", False, ("L2",))
    found = cell(db, "operator", start, "L2")
    assert (found.allowed, found.origin, found.site, found.line, found.differing) == (True, "line", False, True, ())
    found = cell(db, "operator", start, "L1")
    assert (found.allowed, found.origin) == (False, "site")
    decide_right(db, db.actor, role="operator", permission=start, line_code=None, allowed=None, reason="back")
    assert cell(db, "operator", start, "L1").origin == "declared"
    with pytest.raises(Invalid) as unknown:
        right_matrix(db, line_code="L9")
    assert unknown.value.code == "users.line_unknown"


def test_the_matrix_says_the_same_as_the_rule_by_which_people_are_judged() -> None:
    rules = [
        Rule("operator", "production:order:start", None, False),
        Rule("operator", "production:order:start", "L1", True),
        Rule("quality", "quality:own:thing", "L1", True),
        Rule("administrator", "sync:link:drop", None, False),
    ]
    for line in ("L1", "L2"):
        table = matrix(line, rules)
        for place, role in enumerate(table.roles):
            permissions, exceptions = rights([role], rules)
            actor = Actor("x", "X", frozenset([role]), permissions, "P1", None, exceptions=exceptions)
            for each in table.rights:
                assert each.cells[place].allowed == actor.may(each.permission, line), (role, each.permission, line)


def test_every_permission_has_its_place_and_its_words() -> None:
    known = known_permissions(["equipment:furnace:write"])
    assert set(core.catalogue.OPERATIONS) <= set(known)
    assert {"users:audit:search", "equipment:setpoint:write", "production:report:over", "equipment:furnace:write"} <= set(known)
    assert not any(name.endswith("*") for name in known)
    assert len(known) == len(set(known))
    assert by_line("production:order:start")
    assert not by_line("users:user:create")
    features = [name.partition(":")[0] for name in known]
    assert features == sorted(features, key=features.index), "one group after the other"
    assert len(known) > 30
    assert [cell.role for cell in matrix(None, []).rights[0].cells] == list(ROLES)


# -- stations ----------------------------------------------------------------------------------------------------------


def test_stations_tell_who_is_signed_in_at_several_of_them(postgres: Any, database: str) -> None:
    import psycopg
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    from core.store.base import Db
    from tests.postgres import plain

    with psycopg.connect(plain(postgres.admin_url(database)), autocommit=True) as owner:
        owner.execute(
            "INSERT INTO genba.station (code, name, host, program_version, offline_h)"
            " VALUES ('P1', 'One', 'pc1', '0.2.0', 8), ('P2', '', '', '', 0)"
        )
        who = owner.execute(
            "INSERT INTO genba.app_user (code, name, language, version)"
            """ VALUES ('tanaka', '{"ja":"田中","en":"Tanaka"}', 'ja', 1) RETURNING id"""
        ).fetchone()
        assert who is not None
        for place, (station, begun, ended, until) in enumerate(
            [("P1", "2 h", None, "10 h"), ("P2", "1 h", None, "11 h"), ("P2", "3 h", "2 h", "9 h"), ("P1", "20 h", None, "-8 h")]
        ):
            owner.execute(
                "INSERT INTO genba.session (id, user_id, station, token_hash, started_at, ended_at, expires_at, offline) VALUES"
                " (gen_random_uuid(), %s, %s, %s, now() - %s::interval, now() - %s::interval, now() + %s::interval, %s)",
                (who[0], station, bytes([place]) * 32, begun, ended, until, place == 1),
            )
        owner.execute(
            "INSERT INTO genba.badge (id, user_id, digest, label, given_at, blocked_at, blocked_reason) VALUES"
            " (gen_random_uuid(), %s, '\\x01', '4711', now() - interval '2 days', now(), 'lost'),"
            " (gen_random_uuid(), %s, '\\x02', '4712', now(), NULL, '')",
            (who[0], who[0]),
        )
    engine = create_engine(postgres.station_url(database), poolclass=NullPool)
    with Db(engine) as db:
        page = list_stations(db)
        person = list_people(db).items[0]
        now = db.now
    engine.dispose()
    assert [(each.code, each.offline_h, [s.user_code for s in each.sessions]) for each in page.items] == [
        ("P1", 8, ["tanaka"]),
        ("P2", 0, ["tanaka"]),
    ]
    assert [(each.station, each.offline) for each in person.sessions] == [("P1", False), ("P2", True)], "ended and expired ones are gone"
    assert person.sessions[0].started_at < now - timedelta(hours=1)
    assert [(badge.label, badge.blocked_reason) for badge in person.badges] == [("4712", ""), ("4711", "lost")]
    assert [badge.label for badge in person.working_badges] == ["4712"]
