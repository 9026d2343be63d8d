"""Attacks on how a person proves who he is: guessing, replaying, staying signed in, and what a stolen disk gives."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from core.clock import SystemClock
from core.errors import Invalid, Refused
from core.store import journal as journals
from core.store.operation import Secret
from core.users import offline
from core.users.offline import FORGOTTEN_AFTER, TRIES, OfflinePeople
from core.users.proof import Params
from core.users.sign_in import Claim
from tests.security.rig import BADGE, COST, PINS, Panel, Plant

CLAIM = "SELECT genba.claim(%s, %s, '', NULL, %s)"
SIGN_IN = "SELECT outcome, wait_s FROM genba.sign_in(%s, %s, NULL, now())"


@pytest.fixture(autouse=True)
def nothing_was_mistyped(plant: Plant) -> Iterator[None]:
    plant.forget_failures()
    yield
    plant.forget_failures()
    plant.sql("UPDATE genba.app_user SET active = true; UPDATE genba.station SET offline_h = 0; DELETE FROM genba_guard.offline_key")
    plant.sign_all_in()


def outcome(panel: Panel, code: str, proof: bytes) -> str:
    """Claimed and answered as the program does it, with any proof."""
    claim = uuid4()
    panel.sql(CLAIM, claim, code, proof)
    return str(panel.sql(SIGN_IN, uuid4(), claim)[0][0])


# --- guessing ------------------------------------------------------------------------------------------------------------


def test_ten_thousand_pins_are_compared_five_times(plant: Plant) -> None:
    """From two panels, with pauses waited out by magic, each over new connections as after a restart.

    Then even the right PIN is refused.
    """
    answers: dict[str, int] = {}
    with closing(plant.here.connect(autocommit=True)) as one, closing(plant.there.connect(autocommit=True)) as two:
        for pin in range(10_000):
            panel = one if pin % 2 else two
            if pin >= 40 and pin % 500:  # every further one is the same question: it is asked now and then
                continue
            plant.sql("UPDATE genba_guard.attempt SET next_at = NULL")
            claim = uuid4()
            panel.execute(CLAIM, (claim, "boss", f"{pin:04}".encode()))
            (answer, _) = panel.execute(SIGN_IN, (uuid4(), claim)).fetchone()  # type: ignore[misc]
            answers[answer] = answers.get(answer, 0) + 1
    assert answers.pop("wrong") == 4
    assert set(answers) == {"locked"}, "the fifth one locked him, everywhere"
    right = plant.proof("boss", PINS["boss"])
    assert outcome(plant.here, "boss", right) == outcome(plant.there, "boss", right) == outcome(plant.office, "boss", right) == "locked"
    ((failures, ends),) = plant.sql("SELECT failures, locked_until - now() FROM genba_guard.attempt WHERE subject = 'user:BOSS'")
    assert failures == 5
    assert timedelta(minutes=14) < ends <= timedelta(minutes=15)


@pytest.mark.parametrize("way", ["rollback", "savepoint", "error", "closed", "block"])
def test_a_failure_cannot_be_taken_back(plant: Plant, way: str) -> None:
    """The answer is given in a later transaction than the one that counts; whoever takes the count back gets no answer."""
    told = []
    for turn in range(12):
        plant.sql("UPDATE genba_guard.attempt SET next_at = NULL")
        claim, proof = uuid4(), plant.proof("boss", PINS["boss"]) if turn == 11 else b"%d" % turn
        with closing(plant.here.connect()) as connection:
            connection.execute(CLAIM, (claim, "boss", proof))
            if way in ("rollback", "savepoint"):  # ask before the count is kept
                with pytest.raises(psycopg.Error, match="in a transaction of its own"):
                    connection.execute(SIGN_IN, (uuid4(), claim))
                connection.rollback()
                continue
            connection.commit()
            try:
                if way == "block":
                    connection.execute("SET genba.told = ''")
                    connection.execute(
                        f"DO $$ BEGIN PERFORM set_config('genba.told', (SELECT outcome FROM genba.sign_in('{uuid4()}', '{claim}', "
                        f"NULL, now())),"
                        " false); RAISE 'x'; EXCEPTION WHEN OTHERS THEN NULL; END $$"
                    )
                told.append(connection.execute(SIGN_IN, (uuid4(), claim)).fetchone()[0])  # type: ignore[index]
                if way == "error":
                    connection.execute("SELECT 1/0")
            except psycopg.Error:
                pass
            if way != "closed":
                connection.rollback()
    if way in ("rollback", "savepoint"):
        assert plant.sql("SELECT count(*) FROM genba_guard.claim") == [(0,)], "nothing was said, nothing was answered"
    else:
        assert told == ["wrong"] * 4 + ["locked"] * 8, "also for the right PIN at the end"


def test_one_claim_is_one_answer_however_often_it_is_asked(plant: Plant) -> None:
    claim = uuid4()
    plant.here.sql(CLAIM, claim, "boss", b"x")
    with closing(plant.here.connect()) as connection:
        for _ in range(20):
            assert connection.execute(SIGN_IN, (uuid4(), claim)).fetchone() == ("wrong", 0)
            connection.rollback()
    assert plant.sql("SELECT failures FROM genba_guard.attempt WHERE subject = 'user:BOSS'") == [(1,)]
    with pytest.raises(psycopg.Error, match="in a transaction of its own"):
        plant.there.sql(SIGN_IN, uuid4(), claim)  # of another station
    plant.sql("UPDATE genba_guard.claim SET made_at = made_at - interval '121 s'")
    with pytest.raises(psycopg.Error, match="in a transaction of its own"):
        plant.here.sql(SIGN_IN, uuid4(), claim)
    plant.here.sign_in("tanaka")
    rows = plant.sql("SELECT outcome, detail ->> 'user' FROM genba.audit WHERE station = 'SEC1' ORDER BY seq DESC LIMIT 3")
    assert ("unasked", "boss") in rows, "whoever does not ask leaves a trace as well"


def test_many_guess_at_the_same_moment_and_are_counted_one_by_one(plant: Plant) -> None:
    answers: list[str] = []

    def guess(panel: Panel, number: int) -> None:
        answers.append(outcome(panel, "ito", b"%d" % number))

    guesses = [threading.Thread(target=guess, args=(panel, n)) for n in range(4) for panel in (plant.here, plant.there)]
    for thread in guesses:
        thread.start()
    for thread in guesses:
        thread.join()
    assert len(answers) == 8
    assert answers.count("wrong") <= 4, answers
    assert set(answers) <= {"wrong", "wait", "locked"}


def test_a_code_nobody_has_answers_like_one_that_exists(plant: Plant) -> None:
    """Same words, same locks, same salt each time, same statements; and what was typed is not kept: it is often a PIN."""

    def talk(code: str) -> list[Any]:
        heard: list[Any] = []
        plant.forget_failures()
        for _ in range(6):
            plant.sql("UPDATE genba_guard.attempt SET next_at = NULL; DELETE FROM genba_guard.attempt WHERE subject LIKE 'station:%'")
            heard.append(outcome(plant.here, code, b"x"))
        salts = {bytes(plant.here.sql("SELECT salt FROM genba.credential_params(%s, '')", code)[0][0]) for _ in range(3)}
        return [*heard, len(salts), {len(salt) for salt in salts}]

    assert talk("ito") == talk("nobody") == talk("918263") == talk("ITO ") == ["wrong"] * 4 + ["locked"] * 2 + [1, {16}]
    talk("918263")
    kept = plant.sql("SELECT subject FROM genba_guard.attempt")
    assert not [subject for (subject,) in kept if "918263" in subject or "NOBODY" in subject.upper()]
    assert plant.sql("SELECT count(*) FROM genba.audit WHERE audit::text LIKE '%918263%'") == [(0,)]


def test_a_panel_that_guesses_locks_itself_and_nobody_else(plant: Plant) -> None:
    """Twenty codes, each tried once: the panel is locked for a quarter of an hour; people sign in elsewhere, and here afterwards."""
    answers = [outcome(plant.here, f"guess{n}", b"x") for n in range(25)]
    assert answers[:19] == ["wrong"] * 19
    assert set(answers[19:]) <= {"station_locked"}
    assert outcome(plant.here, "tanaka", plant.proof("tanaka", PINS["tanaka"])) == "station_locked"
    assert outcome(plant.there, "boss", plant.proof("boss", PINS["boss"])) == "ok"
    assert plant.sql("SELECT count(*) FROM genba_guard.attempt WHERE subject LIKE 'unknown:%'") == [(20,)], "a locked panel adds no rows"
    plant.sql("UPDATE genba_guard.attempt SET locked_until = now() - interval '1 s' WHERE subject = 'station:SEC1'")
    assert outcome(plant.here, "tanaka", plant.proof("tanaka", PINS["tanaka"])) == "ok"


def test_who_was_locked_out_by_another_is_let_in_by_an_administrator(plant: Plant) -> None:
    for _ in range(5):
        plant.sql("UPDATE genba_guard.attempt SET next_at = NULL")
        outcome(plant.there, "tanaka", b"x")
    assert outcome(plant.here, "tanaka", plant.proof("tanaka", PINS["tanaka"])) == "locked"
    (kept,) = plant.sql("SELECT salt, verifier FROM genba.credential WHERE user_id = %s", plant.people["tanaka"])
    with plant.office.operation("users:pin:reset") as connection:
        connection.execute("SELECT genba.set_credential('tanaka', %s, %s, 1, 8192, 1, true, NULL)", kept)
    assert outcome(plant.here, "tanaka", plant.proof("tanaka", PINS["tanaka"])) == "ok"
    plant.sql("UPDATE genba.credential SET must_change = false WHERE user_id = %s", plant.people["tanaka"])


# --- replaying ---------------------------------------------------------------------------------------------------------


def test_a_copied_badge_opens_nothing_without_its_pin(plant: Plant) -> None:
    for secret in ("", "0000", BADGE, PINS["boss"]):
        plant.forget_failures()
        with pytest.raises(Refused) as refused:
            plant.there.sign_in("", secret or " ", badge=BADGE)
        assert refused.value.code == "users.wrong"
    plant.forget_failures()
    signed = plant.there.sign_in("tanaka", badge=BADGE)
    assert signed.also_at == (plant.here.station,), "and whoever uses it at two panels is shown to himself"
    plant.sql("UPDATE genba.badge SET blocked_at = now(), blocked_reason = 'lost'")
    with pytest.raises(Refused) as refused:
        plant.there.sign_in("tanaka", badge=BADGE)
    assert refused.value.code == "users.badge_blocked"
    plant.sql("UPDATE genba.badge SET blocked_at = NULL, blocked_reason = ''")


SIGNED_OFF: dict[str, Callable[[Plant], object]] = {
    "signed out": lambda plant: plant.here.sql("SELECT genba.sign_out(%s, NULL)", plant.here.token),
    "somebody else signed in": lambda plant: outcome(plant.here, "ito", plant.proof("ito", PINS["ito"])),
    "expired": lambda plant: plant.sql(
        "UPDATE genba.session SET started_at = now() - interval '13 h', expires_at = now() - interval '1 s'"
    ),
    "lost his access": lambda plant: plant.sql("UPDATE genba.app_user SET active = false WHERE code = 'tanaka'"),
    "gave the access back": lambda plant: (
        plant.sql("UPDATE genba.app_user SET active = false WHERE code = 'tanaka'"),
        plant.sql("UPDATE genba.app_user SET active = true WHERE code = 'tanaka'"),
    ),
    "sessions were ended": lambda plant: plant.sql("UPDATE genba.session SET ended_at = now()"),
}


@pytest.mark.parametrize("how", SIGNED_OFF)
def test_a_session_that_is_over_is_over(plant: Plant, how: str) -> None:
    token, asked = plant.here.token, plant.here.request("production:order:note")
    SIGNED_OFF[how](plant)
    with closing(plant.here.connect()) as connection:
        assert plant.here.begin(connection, "production:order:note", token, asked) == ("denied", "store.session_over")
        connection.rollback()
    assert plant.here.sql("SELECT user_code FROM genba.session_of(%s, NULL)", token) == []


def test_a_role_taken_away_is_gone_from_the_living_session(plant: Plant) -> None:
    with closing(plant.here.connect()) as connection:
        for roles, came in ((1, "open"), (0, "denied"), (1, "open")):
            plant.sql("DELETE FROM genba.user_role WHERE user_id = %s", plant.people["tanaka"])
            if roles:
                plant.sql(
                    "INSERT INTO genba.user_role (user_id, role_id) SELECT %s, id FROM genba.role WHERE code = 'operator'",
                    plant.people["tanaka"],
                )
            assert plant.here.begin(connection, "production:order:start", plant.here.token)[0] == came
            connection.rollback()
            asked = plant.here.request("production:order:start", seal=True)  # a decision that waited: today's roles as well
            assert plant.here.begin(connection, "production:order:start", None, asked)[0] == came
            connection.rollback()


def test_a_token_and_a_seal_are_of_no_use_at_another_panel(plant: Plant) -> None:
    asked = plant.here.request("production:order:start", seal=True, station=plant.there.station)
    with closing(plant.there.connect()) as connection:
        for token in (plant.here.token, None):
            assert plant.there.begin(connection, "production:order:start", token, asked) == ("denied", "store.session_over")
            connection.rollback()


def test_one_changes_ones_own_pin_with_ones_own_proof_once(plant: Plant) -> None:
    change, new = "users:pin:set", "SELECT genba.set_credential(%s, repeat('s', 16)::bytea, sha256('v'), 1, 8192, 1, false, NULL)"
    asked = plant.here.request(change)
    with pytest.raises(Refused):
        plant.here.prove(asked, "self", "boss")  # somebody else's PIN, however right
    plant.here.prove(asked, "self", "tanaka")
    with closing(plant.here.connect()) as connection:
        assert plant.here.begin(connection, change, plant.here.token, asked)[0] == "open"
        with pytest.raises(psycopg.Error, match="his own PIN"), connection.transaction():
            connection.execute(new, ("admin",))
        assert connection.execute(new, ("tanaka",)).fetchone() == ("set",)
        with pytest.raises(psycopg.Error, match="his own PIN"):
            connection.execute(new, ("tanaka",))
        connection.rollback()
        assert plant.here.begin(connection, change, plant.here.token, plant.here.request(change))[0] == "open"
        with pytest.raises(psycopg.Error, match="his own PIN"):
            connection.execute(new, ("tanaka",))  # the proof was for another request
        connection.rollback()


# --- what lies on a stolen disk --------------------------------------------------------------------------------------------


class Clock(SystemClock):
    """The system's clock, turned by hand."""

    by = timedelta()

    def now(self) -> Any:
        return super().now() + self.by


def test_a_stolen_file_of_offline_people_opens_with_the_right_pin_alone(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "_COST", COST)
    plant.sql("UPDATE genba.station SET offline_h = 8 WHERE code = 'SEC1'")
    clock, path, held = Clock(), tmp_path / "offline-people.json", list[bytes]()

    def people() -> OfflinePeople:
        return OfflinePeople(path, clock, plant.here.station, lambda _, key: held.append(key))

    claim = Claim(Secret(PINS["tanaka"]), "tanaka")
    assert people().remember(plant.here.run, claim, plant.here.sign_in("tanaka"))
    content = path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    (key,) = plant.sql("SELECT seal_inner FROM genba_guard.offline_key")[0]
    raw = bytes(byte ^ 0x36 for byte in key)[:32]
    for secret in (
        PINS["tanaka"].encode(),
        plant.here.token.encode(),
        raw,
        raw.hex().encode(),
        plant.proof("tanaka", PINS["tanaka"]).hex().encode(),
    ):
        assert secret not in content
    answers = []
    for n in range(FORGOTTEN_AFTER + 2):
        with pytest.raises(Refused) as refused:
            people().sign_in(Claim(Secret(f"{n:06}"), "tanaka"))  # a new process each time
        answers.append(refused.value.code)
        if refused.value.code == "users.locked":
            clock.by += timedelta(hours=1)
    assert answers[:TRIES] == ["users.wrong"] * (TRIES - 1) + ["users.locked"]
    assert answers[-1] == "users.offline_unknown", "after ten the panel has forgotten him"
    clock.by = timedelta()
    with pytest.raises(Refused) as refused:
        people().sign_in(claim)
    assert refused.value.code == "users.offline_clock", "the lock cannot be waited out by a clock that goes on and back"
    path.write_bytes(content.replace(b'"until"', b'"until "'))
    assert not people().anybody, "what cannot be read lets nobody in"
    assert held == []


def test_an_edited_journal_is_applied_by_nobody(plant: Plant, tmp_path: Path) -> None:
    """Whoever can write the file can make its checksum; he cannot make the seal, also while the person is still signed in."""
    from core.store.door import Door
    from core.store.engine import Database
    from core.store.readstore import ReadStore
    from core.users.prover import PanelProver

    here, clock = plant.here, SystemClock()
    session = here.signed
    assert session is not None
    assert session.actor.session_id is not None
    prover = PanelProver(here.run, here.station, lambda: session)
    prover.hold(session.actor.session_id, token=session.token)
    (order,) = plant.sql("SELECT id FROM genba.work_order WHERE number = 'WO-L1'")[0]
    asked = here.request(
        "production:order:pause", seal=True, args=json.dumps({"order_id": str(order), "version": None}, separators=(",", ":"))
    )
    request = journals.Request.model_validate(
        {key: value for key, value in asked.items() if key != "user_name"} | {"args": json.loads(asked["args"])}
    )
    forged = request.model_copy(update={"operation": "production:order:start"})
    journal = journals.Journal(tmp_path / "journal.db", clock)
    journal.append(request, session.actor, "new")
    journal.close()
    row = (
        str(request.id),
        "new",
        forged.model_dump_json(),
        journals.ACTOR.dump_json(session.actor).decode(),
        "",
        "",
        "",
        clock.now().isoformat(),
    )
    with closing(sqlite3.connect(tmp_path / "journal.db")) as file:
        file.execute("UPDATE entry SET request = ?, changed_at = ?, checksum = ?", (row[2], row[7], journals.checksum(row)))
        file.commit()
    journal = journals.Journal(tmp_path / "journal.db", clock)
    readstore = ReadStore(tmp_path / "readstore.db", clock)
    database = Database(here.url, here.station, clock=clock)
    up = threading.Event()
    database.on_change(lambda state: up.set() if state.up else None)
    database.start()
    try:
        assert up.wait(60)
        applied = Door(database, journal, readstore, clock, here.station, prover).apply_waiting()
        assert (applied.applied, applied.parked) == (0, 1)
        assert [entry.refusal["code"] for entry in journal.parked()] == ["store.session_over"]
    finally:
        database.close()
        journal.close()
        readstore.close()
    assert plant.sql("SELECT status FROM genba.work_order WHERE number = 'WO-L1'") == [("RELEASED",)]
    assert plant.last_audit()["detail"]["unproved"] is True


def test_a_cheap_derivation_is_not_asked_for(plant: Plant) -> None:
    """A hostile database could ask for a derivation that costs nothing, and try all PINs against what it gets."""
    from core.users.proof import derive

    for params in (
        Params(b"\0" * 16, 1, 64, 1),
        Params(b"", 1, 8_192, 1),
        Params(b"\0" * 16, 1, 2**31 - 1, 1),
        Params(b"\0" * 16, 10**6, 8_192),
    ):
        with pytest.raises(Invalid):
            derive(Secret("204615"), params)
