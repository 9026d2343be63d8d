"""Signing in against the real database with a station's restricted rights."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from core.errors import Invalid, Refused
from core.store.base import Db
from core.store.operation import GUEST, Actor, Request, Secret, Signed
from core.users import proof
from core.users.accounts import activate_user, create_user, deactivate_user, give_roles, list_users, reset_pin, set_pin
from core.users.proof import Credential, Params, derive, new_credential
from core.users.prover import PanelProver
from core.users.roles import ROLES, permissions_of, roles_that_may, system_actor
from core.users.sign_in import resume, sign_in, sign_out, verify
from core.users.views import SignedIn, UserView

if TYPE_CHECKING:
    from tests.postgres import TestServer

T = TypeVar("T")
ADMIN_PIN = "918263"


@dataclass
class Station:
    """A station's way to the database: every piece of work in a transaction of its own."""

    engine: Engine
    owner: Engine
    actor: Actor = GUEST

    def run(self, work: Callable[[Db], T]) -> T:
        with Db(self.engine, actor=self.actor) as db, db.begin():
            return work(db)

    def sql(self, statement: str, **values: Any) -> Any:
        """Past every right, for looking and for turning the time."""
        with self.owner.begin() as connection:
            return connection.execute(text(statement), values)

    def sign_in(self, code: str, secret: str) -> SignedIn:
        return sign_in(self.run, code, Secret(secret), "P1")


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """New credentials cost a tenth here; the salt and the rest stay what they are."""
    monkeypatch.setattr(proof.Params, "__init__", _cheap_init(proof.Params.__init__))


def _cheap_init(real: Any) -> Any:
    def init(self: Params, salt: bytes, time_cost: int = 1, memory_kib: int = 8_192, parallelism: int = 1) -> None:
        real(self, salt, time_cost, memory_kib, parallelism)

    return init


@pytest.fixture(scope="module")
def database(postgres: TestServer) -> Iterator[str]:
    """One database for all tests here; ``station`` empties what they write."""
    with postgres.migrated_database() as name:
        yield name


@pytest.fixture
def station(postgres: TestServer, database: str) -> Iterator[Station]:
    """A station whose database has one administrator."""
    owner = create_engine(postgres.admin_url(database), poolclass=NullPool)
    found = Station(create_engine(postgres.station_url(database), poolclass=NullPool), owner)
    found.sql("TRUNCATE genba.app_user, genba.user_role, genba.session, genba.credential, genba.signature, genba.sign_in_attempt")
    found.actor = system_actor("test", "P1")
    pin = new_credential(Secret(ADMIN_PIN)).text()
    create = {"code": "admin", "name_ja": "管理者", "name_en": "Administrator", "roles": ("administrator",), "language": "en"}
    found.run(lambda db: create_user(db, found.actor, new=pin, **create))
    found.actor = found.sign_in("admin", ADMIN_PIN).actor
    yield found
    found.engine.dispose()
    found.owner.dispose()


def make(station: Station, code: str = "tanaka", pin: str = "204615", roles: tuple[str, ...] = ("operator",)) -> UserView:
    new = new_credential(Secret(pin)).text()
    return station.run(lambda db: create_user(db, station.actor, code=code, name_ja="田中", name_en="Tanaka", roles=roles, new=new))


def test_a_person_signs_in_with_the_rights_of_his_roles(station: Station) -> None:
    make(station)
    signed = station.sign_in(" ＴＡＮＡＫＡ ", "２０４６１５")  # an input method's full-width letters and digits
    assert signed.actor.user_code == "tanaka"
    assert signed.actor.name == "田中"
    assert signed.actor.station == "P1"
    assert signed.actor.roles == {"operator"}
    assert signed.actor.permissions == ROLES["operator"].permissions
    assert signed.actor.may("production:order:start")
    assert not signed.actor.may("users:user:create")
    assert signed.must_change, "somebody else gave him this PIN"
    row = station.sql("SELECT * FROM genba.session WHERE id = :id", id=signed.actor.session_id).one()
    assert row.ended_at is None
    assert signed.token not in str(row)


def test_a_wrong_pin_and_an_unknown_code_sound_the_same(station: Station) -> None:
    make(station)
    with pytest.raises(Refused) as wrong:
        station.sign_in("tanaka", "000000")
    with pytest.raises(Refused) as unknown:
        station.sign_in("nobody", "000000")
    assert (wrong.value.code, wrong.value.params) == (unknown.value.code, unknown.value.params) == ("users.wrong", {})


def test_the_database_answers_for_a_code_nobody_has_as_for_one_that_exists(station: Station) -> None:
    make(station)
    station.sql("UPDATE genba.credential SET time_cost = 2, memory_kib = 65536")

    def params(code: str) -> tuple[Any, ...]:
        return tuple(station.run(lambda db: db.execute(text("SELECT * FROM genba.credential_params(:c)"), {"c": code}).one()))

    known, unknown = params("tanaka"), params("nobody")
    assert params("NOBODY ") == unknown, "the salt of an unknown code is always the same"
    assert params("nobody2")[0] != unknown[0]
    assert [type(part) for part in known] == [type(part) for part in unknown]
    assert len(known[0]) == len(unknown[0]) == 16
    assert known[1:] == unknown[1:]


@pytest.mark.parametrize("code", ["tanaka", "nobody"])
def test_five_wrong_pins_lock_a_code_whether_it_exists_or_not(station: Station, code: str) -> None:
    make(station)
    for _ in range(4):
        with pytest.raises(Refused, match="wrong"):
            station.sign_in(code, "000000")
    for pin in ("000000", "204615", "204615"):  # the fifth wrong one, then the right one: it does not count while locked
        with pytest.raises(Refused) as refusal:
            station.sign_in(code, pin)
        assert refusal.value.code == "users.locked"
        assert refusal.value.params["minutes"] == 15
    lines = refusal.value.lines("ja")
    assert "15 分" in lines.do
    assert all(lines)


def test_a_lock_ends_and_the_next_one_lasts_longer(station: Station) -> None:
    make(station)

    def wrong(times: int) -> int:
        for _ in range(times):
            with pytest.raises(Refused) as refusal:
                station.sign_in("tanaka", "000000")
        return refusal.value.params["minutes"]

    def wait() -> None:
        station.sql("UPDATE genba.sign_in_attempt SET locked_until = now() - interval '1 second'")

    assert wrong(5) == 15
    wait()
    assert wrong(5) == 30
    wait()
    assert wrong(5) == 60
    wait()
    assert station.sign_in("tanaka", "204615").actor.user_code == "tanaka"
    assert wrong(5) == 15, "a success begins anew"
    station.sql("UPDATE genba.sign_in_attempt SET failures = 500, locked_until = NULL")
    assert wrong(5) == 480, "never longer than a working day"


def test_attempts_at_the_same_moment_are_counted_one_by_one(station: Station) -> None:
    make(station)
    outcomes: list[str] = []

    def attempt() -> None:
        try:
            station.sign_in("tanaka", "000000")
        except Refused as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["users.locked"] * 4 + ["users.wrong"] * 4


def test_a_session_resumes_with_todays_roles_and_ends(station: Station) -> None:
    user = make(station)
    signed = station.sign_in("tanaka", "204615")
    station.run(lambda db: give_roles(db, station.actor, user_id=user.id, version=user.version, roles=("quality", "operator")))
    again = resume(station.run, signed.token)
    assert again is not None
    assert again.actor.roles == {"operator", "quality"}
    assert again.actor.session_id == signed.actor.session_id
    sign_out(station.run, signed.token)
    sign_out(station.run, signed.token)
    assert resume(station.run, signed.token) is None
    assert resume(station.run, "no such token") is None


def test_a_session_expires(station: Station) -> None:
    make(station)
    signed = station.sign_in("tanaka", "204615")
    station.sql("UPDATE genba.session SET started_at = now() - interval '13 hours', expires_at = now() - interval '1 hour'")
    assert resume(station.run, signed.token) is None


def test_who_loses_his_access_loses_his_sessions_and_gets_them_not_back(station: Station) -> None:
    user = make(station)
    signed = station.sign_in("tanaka", "204615")
    gone = station.run(lambda db: deactivate_user(db, station.actor, user_id=user.id, version=user.version))
    assert not gone.active
    assert resume(station.run, signed.token) is None
    with pytest.raises(Refused, match="wrong"):
        station.sign_in("tanaka", "204615")
    back = station.run(lambda db: activate_user(db, station.actor, user_id=user.id, version=gone.version))
    assert back.active
    assert resume(station.run, signed.token) is None
    assert station.sign_in("tanaka", "204615").actor.roles == {"operator"}


HOSTILE = (
    "SELECT verifier FROM genba.credential",
    "UPDATE genba.credential SET must_change = false",
    "SELECT * FROM genba.sign_in_attempt",
    "DELETE FROM genba.sign_in_attempt",
    "SELECT secret FROM genba.sign_in_secret",
    "SELECT token_hash FROM genba.session",
    "INSERT INTO genba.session (id, user_id, station, token_hash, started_at, expires_at)"
    " VALUES (gen_random_uuid(), 1, 'P1', '', now(), now() + interval '1 hour')",
    "UPDATE genba.session SET expires_at = now() + interval '1 year'",
    "SELECT * FROM genba.check_proof('admin', '')",
    "SELECT * FROM genba.who_is(1)",
    'INSERT INTO genba.role (code, name) VALUES (\'root\', \'{"ja": "", "en": ""}\')',
    "DELETE FROM genba.app_user",
    "INSERT INTO genba.signature (id) VALUES (gen_random_uuid())",
    "DELETE FROM genba.signature",
    "CREATE FUNCTION genba.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
)


def test_a_station_cannot_reach_what_proves_a_person(station: Station) -> None:
    for statement in HOSTILE:
        with pytest.raises(DBAPIError, match="permission denied"):
            station.run(lambda db, statement=statement: db.execute(text(statement)))  # type: ignore[misc]


def test_functions_with_the_owners_rights_fix_their_search_path(station: Station) -> None:
    found = station.sql("SELECT proname, proconfig FROM pg_proc WHERE pronamespace = 'genba'::regnamespace AND prosecdef").all()
    assert len(found) > 8
    for name, config in found:
        assert config is not None, name
        assert any(one.startswith("search_path=") and one.endswith("pg_temp") for one in config), name


def test_only_himself_and_an_administrator_can_replace_a_pin(station: Station) -> None:
    make(station)
    user = make(station, "yamamoto", "318274")
    other = station.sign_in("tanaka", "204615").actor
    stolen = new_credential(Secret("913751")).text()
    with pytest.raises(Refused) as refusal:
        station.run(lambda db: reset_pin(db, other, user_id=user.id, new=stolen))
    assert refusal.value.code == "users.no_session"
    system = system_actor("x", "P1")
    station.run(lambda db: reset_pin(db, system, user_id=user.id, new=stolen))  # a program may only give a first one
    assert station.sign_in("yamamoto", "318274")
    station.run(lambda db: reset_pin(db, station.actor, user_id=user.id, new=stolen))
    assert station.sign_in("yamamoto", "913751").must_change


def test_a_reset_lifts_the_lock(station: Station) -> None:
    user = make(station)
    for _ in range(5):
        with pytest.raises(Refused):
            station.sign_in("tanaka", "000000")
    station.run(lambda db: reset_pin(db, station.actor, user_id=user.id, new=new_credential(Secret("718273")).text()))
    assert station.sign_in("tanaka", "718273").actor.user_code == "tanaka"


def test_a_person_changes_his_own_pin_with_the_old_one(station: Station) -> None:
    make(station)
    actor = station.sign_in("tanaka", "204615").actor
    prover = PanelProver(station.run, "P1", lambda: actor.user_code)
    new = prover.prove("users:pin:set", "new", Secret("246810"), {})
    with pytest.raises(Refused) as refusal:
        prover.prove("users:pin:set", "current", Secret("000000"), {})
    assert refusal.value.code == "users.wrong"
    counted = station.sql("SELECT failures FROM genba.sign_in_attempt WHERE code = 'TANAKA'").scalar_one()
    assert counted == 1, "guessing the old PIN counts like signing in"
    current = prover.prove("users:pin:set", "current", Secret("204615"), {})
    with pytest.raises(Refused, match="wrong"):
        station.run(lambda db: set_pin(db, actor, current="admin", new=new))
    station.run(lambda db: set_pin(db, actor, current=current, new=new))
    assert not station.sign_in("tanaka", "246810").must_change
    with pytest.raises(Refused):
        station.sign_in("tanaka", "204615")


def test_a_signature_names_the_signer_as_the_database_knows_him(station: Station) -> None:
    make(station)
    actor = verify(station.run, "tanaka", Secret("204615"), "P1")
    assert actor.session_id is None
    prover = PanelProver(station.run, "P1", lambda: "admin")
    assert prover.verify("tanaka", Secret("204615")).user_code == "tanaka"

    def signed_by(code: str) -> Request:
        def make_request(db: Db) -> Request:
            signed = Signed(user_code=code, name="whoever", meaning="approval", at=db.clock.now())
            return Request(
                id=uuid4(), operation="a:b:c", station="P1", user_code="admin", decided_at=db.clock.now(), args={}, signed=signed
            )

        return station.run(make_request)

    request = signed_by("tanaka")
    station.run(lambda db: prover.sign(db, request))
    row = station.run(lambda db: db.execute(text("SELECT * FROM genba.signature")).one())
    assert (row.request_id, row.user_code, row.printed_name["ja"], row.meaning) == (request.id, "tanaka", "田中", "approval")
    with pytest.raises(Refused):
        station.run(lambda db: prover.sign(db, signed_by("nobody")))


def test_no_proof_shows_the_secret(station: Station) -> None:
    prover = PanelProver(station.run, "P1", lambda: "admin")
    assert "135790" not in prover.prove("users:pin:reset", "new", Secret("135790"), {})
    many = prover.prove("equipment:site:apply", "pins", Secret('{"a": "135790", "b": "longpassword"}'), {})
    assert "135790" not in many
    assert "longpassword" not in many
    with pytest.raises(Invalid):
        prover.prove("equipment:site:apply", "pins", Secret("not json"), {})


@pytest.mark.parametrize(
    ("secret", "code"), [("123", "users.secret_too_short"), ("abc1234", "users.secret_too_short"), ("9" * 129, "users.secret_too_long")]
)
def test_a_pin_has_four_digits_and_a_password_eight_characters(secret: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        new_credential(Secret(secret))
    assert refusal.value.code == code
    assert secret not in str(refusal.value)


def test_a_credential_reads_what_it_writes_and_nothing_else() -> None:
    made = new_credential(Secret("1357"))
    assert Credential.parse(made.text()) == made
    for broken in ("", "argon2id:1", made.text()[:-2], made.text().replace("argon2id", "md5"), "argon2id:a:b:c:d:e"):
        with pytest.raises(Invalid):
            Credential.parse(broken)


def test_the_derivation_is_argon2id() -> None:
    """Against the published vector's shape: the same input gives the same hash, every parameter changes it.

    Source of the reference: argon2-cffi's own binding of the reference implementation, called the long way round.
    """
    from argon2.low_level import Type, hash_secret_raw

    params = Params(b"0123456789abcdef", 2, 8_192, 1)
    assert derive(Secret("246810"), params) == hash_secret_raw(b"246810", b"0123456789abcdef", 2, 8_192, 1, 32, Type.ID)
    assert derive(Secret("246810"), Params(b"0123456789abcdeg", 2, 8_192, 1)) != derive(Secret("246810"), params)


def test_users_are_listed_and_codes_are_never_given_twice(station: Station) -> None:
    user = make(station)
    with pytest.raises(Exception, match="taken"):
        make(station, "TANAKA")
    page = station.run(lambda db: list_users(db, search="田"))
    assert [one.code for one in page.items] == ["tanaka"]
    assert station.run(lambda db: list_users(db)).total == 2
    assert station.run(lambda db: list_users(db, search="100%")).total == 0
    with pytest.raises(Invalid, match="role"):
        station.run(lambda db: give_roles(db, station.actor, user_id=user.id, version=user.version, roles=("king",)))


def test_the_last_administrator_stays(station: Station) -> None:
    admin = station.run(lambda db: list_users(db)).items[0]
    with pytest.raises(Refused) as refusal:
        station.run(lambda db: deactivate_user(db, station.actor, user_id=admin.id, version=admin.version))
    assert refusal.value.code == "users.not_yourself"
    with pytest.raises(Refused) as refusal:
        station.run(lambda db: give_roles(db, station.actor, user_id=admin.id, version=admin.version, roles=("operator",)))
    assert refusal.value.code == "users.last_administrator"
    make(station, "second", "192837", ("administrator",))
    station.run(lambda db: give_roles(db, station.actor, user_id=admin.id, version=admin.version, roles=("operator",)))


def test_two_administrators_changing_one_user_notice_each_other(station: Station) -> None:
    user = make(station)
    station.run(lambda db: give_roles(db, station.actor, user_id=user.id, version=user.version, roles=("quality",)))
    with pytest.raises(Exception, match="another station"):
        station.run(lambda db: give_roles(db, station.actor, user_id=user.id, version=user.version, roles=("operator",)))


def test_roles_are_declared_sets() -> None:
    assert permissions_of(("operator", "nonsense")) == ROLES["operator"].permissions
    assert permissions_of(()) == frozenset()
    assert "administrator" in roles_that_may("users:user:create")
    assert roles_that_may("users:user:create") == ("administrator",)
    assert roles_that_may("nonsense:x:y") == ()
    assert ROLES["supervisor"].permissions >= ROLES["operator"].permissions
    assert not any(permission.endswith("*") for permission in ROLES["operator"].permissions)
    assert not GUEST.permissions


def test_every_operation_is_allowed_to_somebody() -> None:
    from core.catalogue import OPERATIONS, QUERIES

    asked = {query.permission for query in QUERIES.values()}
    assert [name for name in OPERATIONS if not roles_that_may(name)] == []
    for name in ("production:order:start", "production:order:pause", "production:order:resume", "production:order:complete"):
        assert name in OPERATIONS
        assert "operator" in roles_that_may(name), name
    for code, role in ROLES.items():
        for permission in role.permissions:
            known = permission.endswith("*") or permission in OPERATIONS or permission in asked or permission.startswith("equipment:")
            assert known, f"{code}: {permission} is the name of no operation"
