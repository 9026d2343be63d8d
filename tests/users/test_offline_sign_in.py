"""Signing in while the database is away: what is kept, what opens it, and what the database believes afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from core.clock import SystemClock
from core.errors import Refused
from core.store.base import Db
from core.store.operation import GUEST, Request, Secret
from core.users import offline
from core.users.offline import FORGOTTEN_AFTER, TRIES, OfflinePeople
from core.users.proof import Params, badge_word, new_credential
from core.users.prover import PanelProver
from core.users.sign_in import Claim, sign_in
from core.users.views import SignedIn
from tests.postgres import TestServer

T = TypeVar("T")
PIN = "204615"


class Clock(SystemClock):
    """The system's clock, turned by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.by


@dataclass
class Panel:
    """A station with its file, and somebody who may look behind everything."""

    url: str
    admin_url: str
    home: Path
    clock: Clock

    def __post_init__(self) -> None:
        self.prover = PanelProver(self.run, "P1", lambda: None)
        self.restart()

    def restart(self) -> None:
        hold = lambda session_id, key: self.prover.hold(session_id, key=key)  # noqa: E731
        self.people = OfflinePeople(self.home / "offline-people.json", self.clock, "P1", hold)

    def run(self, work: Callable[[Db], T]) -> T:
        engine = create_engine(self.url, poolclass=NullPool)
        with Db(engine, actor=GUEST) as db, db.begin():
            return work(db)

    def sql(self, statement: str, **values: Any) -> Any:
        engine = create_engine(self.admin_url, poolclass=NullPool)
        with engine.begin() as owner:
            found = owner.execute(text(statement), values)
            return found.all() if found.returns_rows else None

    def sign_in(self, secret: str = PIN, badge: str = "") -> bool:
        """With the database; whether the station may let this person in without it."""
        claim = Claim(Secret(secret), "" if badge else "tanaka", badge)
        return self.people.remember(self.run, claim, sign_in(self.run, claim, "P1"))

    def offline(self, secret: str = PIN, code: str = "tanaka", badge: str = "") -> SignedIn:
        return self.people.sign_in(Claim(Secret(secret), "" if badge else code, badge))

    def sealed(self, session: SignedIn, operation: str, at: datetime | None = None) -> dict[str, Any]:
        request = Request(
            id=self.clock.uuid7(), operation=operation, station="P1",
            user_code=session.actor.user_code, session_id=session.actor.session_id,
            decided_at=at or self.clock.now(), args={"order_id": str(UUID(int=1))},
        )  # fmt: skip
        return request.model_copy(update={"seal": self.prover.seal(session.actor.session_id, request.message())}).wire()

    def begin(self, told: dict[str, Any]) -> tuple[str, Any]:
        """What the database says to a request that comes home; nothing is kept."""
        engine = create_engine(self.url, poolclass=NullPool)
        with Db(engine) as db:
            row = db.execute(
                text("SELECT * FROM genba.begin_operation(NULL, :operation, CAST(:request AS jsonb))"),
                {"operation": told["operation"], "request": json.dumps(told)},
            ).one()
            return row.outcome, (row.told or {}).get("code")


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Derivations cost a hundredth here."""
    monkeypatch.setattr(offline, "_COST", Params(b"", 1, 8_192))


@pytest.fixture
def panel(postgres: TestServer, database: str, tmp_path: Path) -> Panel:
    made = Panel(postgres.station_url(database), postgres.admin_url(database), tmp_path, Clock())
    made.sql("""INSERT INTO genba.app_user (code, name) VALUES ('tanaka', '{"ja": "田中", "en": "Tanaka"}')""")
    made.sql(
        "INSERT INTO genba.user_role (user_id, role_id) SELECT u.id, r.id FROM genba.app_user u, genba.role r WHERE r.code = 'operator'"
    )
    set_pin(made, PIN)
    made.sql("INSERT INTO genba.station (code, offline_h) VALUES ('P1', 72)")
    return made


def set_pin(panel: Panel, secret: str) -> None:
    credential = new_credential(Secret(secret))
    panel.sql(
        "INSERT INTO genba.credential (user_id, salt, verifier, time_cost, memory_kib, parallelism, must_change, changed_at)"
        " SELECT id, :salt, :verifier, :t, :m, 1, false, now() FROM genba.app_user ON CONFLICT (user_id) DO UPDATE"
        " SET salt = excluded.salt, verifier = excluded.verifier",
        salt=credential.params.salt, verifier=credential.verifier, t=credential.params.time_cost, m=credential.params.memory_kib,
    )  # fmt: skip


def refusal(act: Callable[[], Any]) -> str:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.code


def test_who_signed_in_here_signs_in_without_the_database_also_after_a_restart(panel: Panel) -> None:
    assert panel.sign_in()
    panel.restart()
    assert panel.people.anybody
    signed_in = panel.offline()
    assert (signed_in.actor.user_code, signed_in.actor.name, signed_in.token) == ("tanaka", "田中", "")
    assert signed_in.actor.may("production:order:start")
    assert not signed_in.actor.may("users:user:create")


def test_only_where_an_administrator_allowed_it(panel: Panel) -> None:
    panel.sql("UPDATE genba.station SET offline_h = 0")
    assert not panel.sign_in()
    assert refusal(panel.offline) == "users.offline_unknown"


def test_it_ends_by_itself_and_a_clock_turned_back_does_not_help(panel: Panel) -> None:
    assert panel.sign_in()
    panel.clock.by = timedelta(hours=73)
    assert refusal(panel.offline) == "users.offline_unknown"
    panel.people._write(panel.people._kept)  # the station notes the time with everything it keeps
    panel.clock.by = timedelta()
    assert refusal(panel.offline) == "users.offline_clock"


def test_wrong_secrets_lock_also_over_a_restart_and_then_forget(panel: Panel) -> None:
    assert panel.sign_in()
    for _ in range(TRIES - 1):
        assert refusal(lambda: panel.offline("999999")) == "users.wrong"
    panel.restart()
    assert refusal(lambda: panel.offline("999999")) == "users.locked"
    assert refusal(panel.offline) == "users.locked", "the right one too"
    panel.clock.by = timedelta(minutes=16)
    for _ in range(FORGOTTEN_AFTER - TRIES):
        refusal(lambda: panel.offline("999999"))
    panel.clock.by = timedelta(hours=20)
    assert refusal(panel.offline) == "users.offline_unknown"


def test_a_short_pin_needs_the_badge_with_it(panel: Panel) -> None:
    panel.sql("UPDATE genba.security_policy SET pin_digits = 4")
    set_pin(panel, "4093")
    panel.sql(
        "INSERT INTO genba.badge (id, user_id, digest, label) SELECT gen_random_uuid(), id, genba_guard.badge_digest(:badge), '077'"
        " FROM genba.app_user",
        badge=badge_word("0004711077"),
    )
    assert not panel.sign_in("4093"), "four digits alone are not kept"
    assert panel.sign_in("4093", badge="0004711077")
    assert refusal(lambda: panel.offline("4093")) == "users.offline_badge"
    assert refusal(lambda: panel.offline("4093", badge="0004711078")) == "users.offline_unknown"
    assert panel.offline("4093", badge="0004711077").actor.user_code == "tanaka"


def test_the_file_holds_nothing_that_can_be_read(panel: Panel) -> None:
    assert panel.sign_in()
    path = panel.home / "offline-people.json"
    assert path.stat().st_mode & 0o777 == 0o600
    session = panel.offline()
    key = panel.prover._keys[session.actor.session_id].hex()  # type: ignore[index]
    content = path.read_text(encoding="utf-8")
    for secret in (PIN, key, "operator", "production:order"):
        assert secret not in content
    path.write_text("{broken", encoding="utf-8")
    panel.restart()
    assert not panel.people.anybody


def test_the_database_believes_what_was_sealed_and_nothing_else(panel: Panel) -> None:
    assert panel.sign_in()
    session = panel.offline()
    told = panel.sealed(session, "production:order:start")
    assert panel.begin(told) == ("open", None)
    for part, value in {"args": "{}", "decided_at": "2026-01-01T00:00:00+00:00", "user_code": "ito", "seal": "0" * 64}.items():
        assert panel.begin(told | {part: value})[0] == "denied", part
    assert panel.begin(told | {"id": str(panel.clock.uuid7())})[0] == "denied"
    assert panel.begin(panel.sealed(session, "production:order:release")) == ("denied", "users.sign_in_again"), "not one that may wait"
    late = panel.sealed(session, "production:order:start", panel.clock.now() + timedelta(hours=80))
    assert panel.begin(late)[0] == "denied"


def test_a_key_replaced_meanwhile_still_speaks_for_its_time(panel: Panel) -> None:
    assert panel.sign_in()
    told = panel.sealed(panel.offline(), "production:report:book")
    assert panel.sign_in(), "signed in with the database before the journal came home"
    assert panel.begin(told) == ("open", None)


def test_who_lost_his_access_is_forgotten_and_only_his_facts_are_booked(panel: Panel) -> None:
    assert panel.sign_in()
    session = panel.offline()
    intent, fact = panel.sealed(session, "production:order:start"), panel.sealed(session, "production:report:book")
    panel.sql("UPDATE genba.app_user SET active = false")
    assert panel.begin(intent) == ("denied", "store.session_over")
    assert panel.begin(fact) == ("open", None)
    panel.people.tell(panel.run)
    assert not panel.people.anybody


def test_tries_made_meanwhile_count_and_are_audited_as_the_stations_word(panel: Panel) -> None:
    assert panel.sign_in()
    session = panel.offline()
    panel.people.sign_out(session)
    for _ in range(TRIES):
        refusal(lambda: panel.offline("999999"))
    assert panel.people.tell(panel.run) == TRIES + 2
    assert panel.people.tell(panel.run) == 0
    rows = panel.sql("SELECT outcome, detail->>'offline', count(*)::int FROM genba.audit WHERE detail->>'offline' = 'true' GROUP BY 1, 2")
    assert {(row[0], row[2]) for row in rows} == {("signed_in", 1), ("signed_out", 1), ("wrong", TRIES)}
    assert refusal(panel.sign_in) == "users.locked", "locked at every station now"
    assert datetime.now(UTC) < panel.sql("SELECT max(locked_until) FROM genba_guard.attempt")[0][0]
