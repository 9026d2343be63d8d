"""People at real doors: signing in, proving themselves, what is counted, what a session may, how users are kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from core.clock import SystemClock
from core.errors import Conflict, GenbaError, Invalid
from core.store.base import Db
from core.store.door import Door
from core.store.engine import Database
from core.store.journal import Journal
from core.store.operation import GUEST, Actor, Authorisation, Done, Operation, Secret, Signature
from core.store.readstore import ReadStore
from core.users import proof
from core.users.accounts import (
    activate_user,
    block_badge,
    change_policy,
    create_user,
    deactivate_user,
    decide_right,
    end_sessions,
    give_badge,
    give_roles,
    list_users,
    reset_pin,
    set_pin,
)
from core.users.proof import Credential, Params, derive, new_credential
from core.users.prover import PanelProver
from core.users.roles import ROLES, permissions_of, roles_that_may
from core.users.sign_in import Claim, resume, sign_in, sign_out
from core.users.views import SignedIn, UserView

if TYPE_CHECKING:
    from tests.postgres import TestServer

T = TypeVar("T")
ADMIN_PIN, PIN, OTHER_PIN = "918263", "204615", "318274"


class Panel:
    """A station with its door, and somebody who may look behind everything and turn the time."""

    def __init__(self, url: str, admin_url: str, home: Path, name: str) -> None:
        self.name, self.clock = name, SystemClock()
        home.mkdir(exist_ok=True)
        self.database = Database(url, name, clock=self.clock)
        self.journal = Journal(home / "journal.db", self.clock)
        self.readstore = ReadStore(home / "readstore.db", self.clock)
        self.here: SignedIn | None = None
        self.prover = PanelProver(self.run, name, lambda: self.here)
        self.door = Door(self.database, self.journal, self.readstore, self.clock, name, self.prover)
        self._owner = create_engine(admin_url, poolclass=NullPool)
        self.database.start()
        end = time.monotonic() + 60
        while not self.database.up and time.monotonic() < end:
            time.sleep(0.01)

    def run(self, work: Callable[[Db], T]) -> T:
        def committed(db: Db) -> T:
            result = work(db)
            db.commit()
            return result

        return self.database.submit("operations", committed, deadline_s=10).result()

    def sql(self, statement: str, **values: Any) -> Any:
        with self._owner.begin() as connection:
            found = connection.execute(text(statement), values)
            return found.all() if found.returns_rows else None

    def sign_in(self, code: str, secret: str, badge: str = "") -> SignedIn:
        self.sql("UPDATE genba_guard.attempt SET next_at = NULL")  # the pauses between tries are tried on their own
        signed = sign_in(self.run, Claim(Secret(secret), code, badge), self.name)
        assert signed.actor.session_id is not None
        self.prover.hold(signed.actor.session_id, token=signed.token)
        self.here = signed
        return signed

    @property
    def actor(self) -> Actor:
        return GUEST if self.here is None else self.here.actor

    def do(self, operation: Operation[..., T], signed_by: str = "", leave: str = "", **args: Any) -> Done[T]:
        """Decide as whoever is signed in; ``signed_by`` and ``leave`` are user codes with the usual PIN."""
        pins = {"admin": ADMIN_PIN, "ito": OTHER_PIN, "tanaka": PIN}
        signature = Signature(operation.meaning or "", signed_by, Secret(pins[signed_by])) if signed_by else None
        authorisation = Authorisation(leave, Secret(pins[leave])) if leave else None
        return self.door.do(operation, self.actor, args, signature, authorisation)

    def close(self) -> None:
        self.database.close(1)
        self.journal.close()
        self.readstore.close()


def refusal(act: Callable[[], Any]) -> GenbaError:
    with pytest.raises(GenbaError) as caught:
        act()
    return caught.value


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """New credentials cost a tenth here; the salt and the rest stay what they are."""
    real = proof.Params.__init__

    def init(self: Params, salt: bytes, time_cost: int = 1, memory_kib: int = 8_192, parallelism: int = 1) -> None:
        real(self, salt, time_cost, memory_kib, parallelism)

    monkeypatch.setattr(proof.Params, "__init__", init)


@pytest.fixture
def panels(postgres: TestServer, database: str, tmp_path: Path) -> Iterator[Callable[[str], Panel]]:
    made: list[Panel] = []

    def open_panel(name: str) -> Panel:
        made.append(Panel(postgres.station_url(database), postgres.admin_url(database), tmp_path / name, name))
        return made[-1]

    yield open_panel
    for panel in made:
        panel.close()


@pytest.fixture
def panel(panels: Callable[[str], Panel]) -> Panel:
    """P1 with an administrator, a supervisor and an operator; the administrator is signed in."""
    found = panels("P1")
    for code, pin, role in (("admin", ADMIN_PIN, "administrator"), ("ito", OTHER_PIN, "supervisor"), ("tanaka", PIN, "operator")):
        person(found, code, pin, role)
    found.sign_in("admin", ADMIN_PIN)
    return found


def person(panel: Panel, code: str, pin: str, role: str, *, must_change: bool = False) -> int:
    """As a site file gives a first PIN."""
    kept = new_credential(Secret(pin))
    name = f'{{"ja": "{code} 名", "en": "{code.title()}"}}'
    panel.sql("INSERT INTO genba.app_user (code, name) VALUES (:code, CAST(:name AS jsonb))", code=code, name=name)
    ((key,),) = panel.sql("SELECT id FROM genba.app_user WHERE code = :code", code=code)
    panel.sql("INSERT INTO genba.user_role (user_id, role_id) SELECT :id, id FROM genba.role WHERE code = :role", id=key, role=role)
    panel.sql(
        "INSERT INTO genba.credential VALUES (:id, :salt, :verifier, :t, :m, 1, :must, now())",
        id=key, salt=kept.params.salt, verifier=kept.verifier, t=kept.params.time_cost, m=kept.params.memory_kib, must=must_change,
    )  # fmt: skip
    return int(key)


def user(panel: Panel, code: str) -> UserView:
    found: UserView = next(one for one in panel.door.ask(list_users, panel.actor, {}).value.items if one.code == code)
    return found


# -- signing in ----------------------------------------------------------------------------------------------------------


def test_a_person_signs_in_with_the_rights_of_his_roles(panel: Panel) -> None:
    signed = panel.sign_in(" ＴＡＮＡＫＡ ", "２０４６１５")  # an input method's full-width letters and digits
    assert (signed.actor.user_code, signed.actor.name, signed.actor.station) == ("tanaka", "tanaka 名", "P1")
    assert signed.actor.permissions == ROLES["operator"].permissions
    assert signed.actor.may("production:order:start")
    assert not signed.actor.may("users:user:create")
    ((row,),) = panel.sql("SELECT s::text FROM genba.session s WHERE id = :id", id=signed.actor.session_id)
    assert signed.token not in row
    assert signed.token not in repr(signed)


def test_a_wrong_pin_and_an_unknown_code_look_the_same(panel: Panel) -> None:
    wrong, unknown = (refusal(lambda code=code: panel.sign_in(code, "000000")) for code in ("tanaka", "nobody"))  # type: ignore[misc]
    assert (wrong.code, wrong.params) == (unknown.code, unknown.params) == ("users.wrong", {})
    panel.sql("UPDATE genba.credential SET time_cost = 2, memory_kib = 65536")

    def params(code: str, badge: str = "") -> tuple[Any, ...]:
        asked = text("SELECT * FROM genba.credential_params(:c, :b)")
        return tuple(panel.run(lambda db: db.execute(asked, {"c": code, "b": badge}).one()))

    known, nobody = params("tanaka"), params("nobody")
    assert params("NOBODY ") == nobody, "the salt of an unknown code is always the same"
    assert params("nobody2")[0] != nobody[0]
    assert (len(known[0]), known[1:]) == (len(nobody[0]), nobody[1:]) == (len(params("", "b")[0]), params("", "b")[1:])


@pytest.mark.parametrize("code", ["tanaka", "nobody"])
def test_five_wrong_pins_lock_whether_there_is_such_a_person_or_not_and_at_every_station(
    panel: Panel, panels: Callable[[str], Panel], code: str
) -> None:
    for _ in range(4):
        assert refusal(lambda: panel.sign_in(code, "000000")).code == "users.wrong"
    other = panels("P2")
    for at, pin in ((other, "000000"), (other, PIN), (panel, PIN)):  # the fifth wrong one, then the right one: it does not count
        locked = refusal(lambda at=at, pin=pin: at.sign_in(code, pin))  # type: ignore[misc]
        assert (locked.code, locked.params["minutes"]) == ("users.locked", 15)
    assert "15 分" in locked.lines("ja").do


def test_pauses_between_tries_rise(panel: Panel) -> None:
    def attempt(pin: str = "000000") -> GenbaError:
        return refusal(lambda: sign_in(panel.run, Claim(Secret(pin), "tanaka"), "P1"))

    assert [attempt().code for _ in range(2)] == ["users.wrong"] * 2
    waits = []
    for _ in range(2):
        waiting = attempt(PIN)
        assert waiting.code == "users.wait", "also the right one has to wait, and does not count"
        waits.append(waiting.params["seconds"])
        panel.sql("UPDATE genba_guard.attempt SET next_at = NULL")
        assert attempt().code == "users.wrong"
    assert waits == [2, 4]


def test_a_lock_ends_and_the_next_one_lasts_longer(panel: Panel) -> None:
    def wrong(times: int) -> int:
        return int([refusal(lambda: panel.sign_in("tanaka", "000000")) for _ in range(times)][-1].params["minutes"])

    for minutes in (15, 30, 60):
        assert wrong(5) == minutes
        panel.sql("UPDATE genba_guard.attempt SET locked_until = now() - interval '1 second'")
    assert panel.sign_in("tanaka", PIN)
    panel.sql("DELETE FROM genba_guard.attempt WHERE subject LIKE 'station:%'")
    assert wrong(5) == 15, "a success begins anew"
    panel.sql("DELETE FROM genba_guard.attempt WHERE subject LIKE 'station:%'")
    panel.sql("UPDATE genba_guard.attempt SET failures = 500, locked_until = NULL")
    panel.sql("DELETE FROM genba_guard.attempt WHERE subject LIKE 'station:%'")
    assert wrong(5) == 480, "never longer than a working day"


def test_a_station_is_locked_that_tries_one_code_after_another(panel: Panel, panels: Callable[[str], Panel]) -> None:
    codes = [refusal(lambda n=n: panel.sign_in(f"guess{n}", "000000")).code for n in range(21)]  # type: ignore[misc]
    assert codes == ["users.wrong"] * 19 + ["users.station_locked"] * 2
    assert refusal(lambda: panel.sign_in("tanaka", PIN)).code == "users.station_locked"
    assert panels("P2").sign_in("tanaka", PIN), "the others go on"


def test_attempts_at_the_same_moment_are_counted_one_by_one(panel: Panel) -> None:
    panel.sql("UPDATE genba.security_policy SET user_tries = 10")
    outcomes: list[str] = []

    def attempt() -> None:
        outcomes.append(refusal(lambda: sign_in(panel.run, Claim(Secret("000000"), "tanaka"), "P1")).code)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("users.wrong") == 2, "two are free, the rest has to wait"
    assert set(outcomes) == {"users.wrong", "users.wait"}


def test_every_attempt_is_in_the_audit_and_no_digits_typed_one_field_too_early(panel: Panel) -> None:
    refusal(lambda: panel.sign_in("204615", "x"))
    panel.sign_in("tanaka", PIN)
    sign_out(panel.run, panel.here.token, "P1")  # type: ignore[union-attr]
    rows = panel.sql(
        "SELECT outcome, user_code, detail->>'user' FROM genba.audit WHERE operation LIKE 'users:session:%' ORDER BY seq DESC LIMIT 4"
    )
    wanted = [
        ("signed_out", "tanaka", "tanaka"),
        ("signed_in", "tanaka", "tanaka"),
        ("switched", "admin", "admin"),
        ("wrong", "guest", "•••"),
    ]
    assert [tuple(row) for row in rows] == wanted


# -- sessions --------------------------------------------------------------------------------------------------------------


def test_a_session_has_todays_roles_belongs_to_its_station_and_ends(panel: Panel, panels: Callable[[str], Panel]) -> None:
    there = panels("P2")
    signed = there.sign_in("tanaka", PIN)
    view = user(panel, "tanaka")
    panel.do(give_roles, signed_by="admin", user_id=view.id, version=view.version, roles=("quality", "operator"))
    again = resume(there.run, signed.token, "P2")
    assert again is not None
    assert again.actor.roles == {"operator", "quality"}
    assert resume(panel.run, signed.token, "P1") is None, "a token that was carried to another station"
    assert panel.sign_in("tanaka", PIN).also_at == ("P2",)
    sign_out(there.run, signed.token, "P2")
    assert resume(there.run, signed.token, "P2") is None
    expired = panel.sign_in("tanaka", PIN)
    panel.sql("UPDATE genba.session SET started_at = now() - interval '13 h', expires_at = now() - interval '1 h' WHERE ended_at IS NULL")
    assert resume(panel.run, expired.token, "P1") is None
    assert refusal(lambda: panel.do(set_pin, current=Secret(PIN), new=Secret("573914"))).code == "store.session_over"


def test_who_loses_his_access_loses_his_sessions_and_gets_them_not_back(panel: Panel, panels: Callable[[str], Panel]) -> None:
    there = panels("P2")
    signed = there.sign_in("tanaka", PIN)
    view = user(panel, "tanaka")
    gone = panel.do(deactivate_user, user_id=view.id, version=view.version).view
    assert not gone.active
    assert resume(there.run, signed.token, "P2") is None
    assert refusal(lambda: there.sign_in("tanaka", PIN)).code == "users.wrong"
    back = panel.do(activate_user, user_id=view.id, version=gone.version).view
    assert back.active
    assert resume(there.run, signed.token, "P2") is None
    again = there.sign_in("tanaka", PIN)
    assert panel.do(end_sessions, user_id=view.id, reason="asked for it").view == 1
    assert resume(there.run, again.token, "P2") is None


# -- PINs ------------------------------------------------------------------------------------------------------------------


def test_a_first_pin_is_changed_before_anything_else(panel: Panel) -> None:
    done = panel.do(create_user, code="mori", name_ja="森", name_en="Mori", roles=("supervisor",), new=Secret("771344"))
    assert done.view.code == "mori"
    assert panel.sign_in("mori", "771344").why_change == "first"
    told = refusal(lambda: panel.do(end_sessions, user_id=done.view.id, reason="x"))
    assert told.code == "store.no_right", "what he may not, he may not"
    view = panel.door.ask(list_users, panel.actor, {}).value.items[0]
    assert refusal(lambda: panel.do(deactivate_user, leave="admin", user_id=view.id, version=view.version)).code == "users.must_change"
    panel.do(set_pin, current=Secret("771344"), new=Secret("598213"))
    assert panel.sign_in("mori", "598213").why_change == ""


def test_a_pin_ages(panel: Panel) -> None:
    policy = {"pin_digits": 6, "session_h": 8, "user_tries": 5, "station_tries": 20, "lock_min": 15, "reason": "audit"}
    assert panel.do(change_policy, signed_by="admin", version=1, secret_days=90, **policy).view == 2
    assert refusal(lambda: panel.do(change_policy, signed_by="admin", version=1, secret_days=60, **policy)).code == "users.policy_changed"
    panel.sql("UPDATE genba.credential SET changed_at = now() - interval '91 days'")
    assert panel.sign_in("tanaka", PIN).why_change == "aged"


def test_a_person_changes_his_own_pin_with_the_old_one_and_to_another_one(panel: Panel) -> None:
    panel.sign_in("tanaka", PIN)
    assert refusal(lambda: panel.do(set_pin, current=Secret("000000"), new=Secret("246810"))).code == "users.wrong"
    ((counted,),) = panel.sql("SELECT failures FROM genba_guard.attempt WHERE subject = 'user:TANAKA'")
    assert counted == 1, "guessing the old PIN counts like signing in"
    for new, code in (
        (PIN, "users.secret_same"),
        ("111111", "users.secret_too_easy"),
        ("123456", "users.secret_too_easy"),
        ("4711", "users.secret_too_short"),
    ):
        panel.sql("UPDATE genba_guard.attempt SET next_at = NULL")
        assert refusal(lambda new=new: panel.do(set_pin, current=Secret(PIN), new=Secret(new))).code == code, new  # type: ignore[misc]
    panel.do(set_pin, current=Secret(PIN), new=Secret("246810"))
    assert panel.sign_in("tanaka", "246810").why_change == ""
    assert refusal(lambda: panel.sign_in("tanaka", PIN)).code == "users.wrong"


def test_a_reset_lifts_the_lock_and_signs_off(panel: Panel, panels: Callable[[str], Panel]) -> None:
    there = panels("P2")
    signed = there.sign_in("tanaka", PIN)
    for _ in range(5):
        refusal(lambda: there.sign_in("tanaka", "000000"))
    panel.do(reset_pin, user_id=user(panel, "tanaka").id, new=Secret("718273"))
    assert resume(there.run, signed.token, "P2") is None
    assert there.sign_in("tanaka", "718273").why_change == "first"


def test_no_proof_shows_the_secret(panel: Panel) -> None:
    request = UUID(int=1)
    assert "135790" not in panel.prover.prove(request, "users:pin:reset", "new", Secret("135790"), {})
    many = panel.prover.prove(request, "equipment:site:apply", "pins", Secret('{"a": "135790", "b": "longpassword"}'), {})
    assert "135790" not in many
    assert "longpassword" not in many
    assert "0004711077" not in panel.prover.prove(request, "users:badge:give", "badge", Secret("0004711077"), {})
    with pytest.raises(Invalid):
        panel.prover.prove(request, "equipment:site:apply", "pins", Secret("not json"), {})


# -- badges ----------------------------------------------------------------------------------------------------------------


def test_a_badge_names_the_person_and_his_pin_proves_it(panel: Panel) -> None:
    view = user(panel, "tanaka")
    panel.do(give_badge, user_id=view.id, badge=Secret("0004711077"))
    taken = refusal(lambda: panel.do(give_badge, user_id=view.id, badge=Secret("０００４７１１０７７")))
    assert taken.code == "users.badge_taken"
    assert panel.sign_in("", PIN, badge="0004711077").actor.user_code == "tanaka"
    assert refusal(lambda: panel.sign_in("", "000000", badge="0004711077")).code == "users.wrong"
    assert refusal(lambda: panel.sign_in("", PIN, badge="0004711078")).code == "users.wrong"
    assert refusal(lambda: panel.sign_in("", "", badge="0004711077")).code == "users.wrong", "a badge alone is nobody"
    everything = str(panel.sql("SELECT b::text FROM genba.badge b")) + str(panel.sql("SELECT changes::text, detail::text FROM genba.audit"))
    assert "4711077" not in everything
    assert "077" in everything


def test_a_lost_badge_opens_nothing_and_signs_its_owner_off(panel: Panel, panels: Callable[[str], Panel]) -> None:
    panel.do(give_badge, user_id=user(panel, "tanaka").id, badge=Secret("0004711077"))
    there = panels("P2")
    signed = there.sign_in("", PIN, badge="0004711077")
    ((badge,),) = panel.sql("SELECT id FROM genba.badge")
    panel.do(block_badge, badge_id=badge, reason="lost on the train")
    assert resume(there.run, signed.token, "P2") is None
    assert refusal(lambda: there.sign_in("", PIN, badge="0004711077")).code == "users.badge_blocked"
    assert there.sign_in("tanaka", PIN), "the person himself goes on"
    assert refusal(lambda: panel.do(give_badge, user_id=1, badge=Secret("0004711077"))).code in ("users.badge_taken", "users.not_found")


# -- leave, signatures, rights ---------------------------------------------------------------------------------------------


def test_a_supervisor_lets_somebody_do_one_thing_once(panel: Panel) -> None:
    panel.sign_in("tanaka", PIN)
    args = {"user_id": 1, "new": Secret("718273")}
    assert refusal(lambda: panel.do(reset_pin, **args)).code == "store.no_right"
    assert refusal(lambda: panel.do(reset_pin, leave="ito", **args)).code == "store.no_right", "who may not, cannot let others"
    assert refusal(lambda: panel.do(reset_pin, leave="tanaka", **args)).code == "users.not_yourself_authorised"
    done = panel.do(reset_pin, leave="admin", user_id=user_id(panel, "ito"), new=Secret("718273"))
    ((who, detail),) = panel.sql(
        "SELECT user_code, detail FROM genba.audit WHERE request_id = :id AND outcome = 'done'", id=done.request_id
    )
    assert (who, detail["authorised_by"]["user_code"]) == ("tanaka", "admin")
    assert refusal(lambda: panel.do(reset_pin, **args)).code == "store.no_right", "once"


def user_id(panel: Panel, code: str) -> int:
    return int(panel.sql("SELECT id FROM genba.app_user WHERE code = :code", code=code)[0][0])


def test_what_declares_a_meaning_is_signed_by_somebody_who_may(panel: Panel) -> None:
    view = user(panel, "tanaka")
    args: dict[str, Any] = {"user_id": view.id, "version": view.version, "roles": ("quality",)}
    assert refusal(lambda: panel.do(give_roles, **args)).code == "store.signature_needed"
    assert refusal(lambda: panel.do(give_roles, signed_by="ito", **args)).code == "store.no_right"
    done = panel.do(give_roles, signed_by="admin", **args)
    ((request, code, name, meaning),) = panel.sql("SELECT request_id, user_code, printed_name, meaning FROM genba.signature")
    assert (request, code, name["en"], meaning) == (done.request_id, "admin", "Admin", "approval")
    ((detail,),) = panel.sql("SELECT detail FROM genba.audit WHERE request_id = :id", id=done.request_id)
    assert detail["signature"]["user_code"] == "admin"


def test_a_site_decides_about_rights_and_administrators_keep_theirs(panel: Panel) -> None:
    told = {"role": "operator", "permission": "users:user:list", "line_code": None, "reason": "small plant"}
    panel.do(decide_right, signed_by="admin", allowed=True, **told)
    assert panel.sign_in("tanaka", PIN).actor.may("users:user:list")
    panel.sign_in("admin", ADMIN_PIN)
    panel.do(decide_right, signed_by="admin", allowed=None, **told)
    assert not panel.sign_in("tanaka", PIN).actor.may("users:user:list")
    panel.sign_in("admin", ADMIN_PIN)
    last = {"role": "administrator", "permission": "users:right:decide", "line_code": None, "allowed": False, "reason": "x"}
    assert refusal(lambda: panel.do(decide_right, signed_by="admin", **last)).code == "users.right_needed"


def test_users_are_kept_in_order(panel: Panel) -> None:
    made = {"name_ja": "森", "name_en": "Mori", "new": Secret("771344")}
    assert isinstance(refusal(lambda: panel.do(create_user, code="TANAKA", roles=("operator",), **made)), Conflict)
    assert refusal(lambda: panel.do(create_user, code="mori", roles=("chief",), **made)).code == "users.role_unknown"
    me = user(panel, "admin")
    assert refusal(lambda: panel.do(deactivate_user, user_id=me.id, version=me.version)).code == "users.not_yourself"
    none = refusal(lambda: panel.do(give_roles, signed_by="admin", user_id=me.id, version=me.version, roles=()))
    assert none.code == "users.last_administrator"
    stale = user(panel, "tanaka")
    panel.do(give_roles, signed_by="admin", user_id=stale.id, version=stale.version, roles=("quality",))
    late = refusal(lambda: panel.do(give_roles, signed_by="admin", user_id=stale.id, version=stale.version, roles=("operator",)))
    assert late.code == "users.changed_meanwhile"


def test_a_station_cannot_reach_what_proves_a_person(panel: Panel) -> None:
    for statement in (
        "SELECT verifier FROM genba.credential",
        "UPDATE genba.credential SET must_change = false",
        "SELECT secret FROM genba.sign_in_secret",
        "SELECT token_hash FROM genba.session",
        "SELECT seal_inner FROM genba.session",
        "SELECT digest FROM genba.badge",
        "UPDATE genba.session SET expires_at = now() + interval '1 year'",
        "SELECT * FROM genba_guard.attempt",
        "SELECT * FROM genba_guard.check_proof('admin', '', 'P1', '')",
        "DELETE FROM genba.app_user",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            panel.run(lambda db, statement=statement: db.execute(text(statement)))  # type: ignore[misc]


# -- pure ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "code"),
    [
        ("123", "users.secret_too_short"),
        ("abc1234", "users.secret_too_short"),
        ("94" * 65, "users.secret_too_long"),
        ("1111", "users.secret_too_easy"),
        ("987654", "users.secret_too_easy"),
    ],
)
def test_a_pin_has_four_digits_and_a_password_eight_characters(secret: str, code: str) -> None:
    assert refusal(lambda: new_credential(Secret(secret))).code == code


def test_a_credential_is_read_back_as_it_was_written() -> None:
    made = new_credential(Secret(PIN))
    assert Credential.parse(made.text()) == made
    assert derive(Secret(PIN), made.params) != derive(Secret("204616"), made.params)
    for broken in ("", "argon2id:1:2", made.text().replace("argon2id", "md5"), made.text()[:-2]):
        with pytest.raises(Invalid):
            Credential.parse(broken)


def test_roles_hold_what_they_declare() -> None:
    assert permissions_of(["nobody"]) == frozenset()
    assert "administrator" in roles_that_may("users:user:create")
    assert roles_that_may("users:pin:set") == tuple(ROLES)
