"""Signing in while the database is away: people whom this station has seen sign in before, for as long as an administrator allows.

At a sign-in with the database the station gets a key under which it may seal what the person decides there later. It keeps that
key encrypted under the person's secret: only who types the right one opens it, and only what is sealed with it is believed by the
database afterwards. No hash of a PIN is kept. What remains: somebody with this computer's disk can try secrets without anybody
counting, at the price of one derivation each. Therefore only secrets of six characters or more are kept, or a badge goes with
them, and a PIN of six digits costs about 10^6 derivations of half a second: six days of one core.

Failures are counted here too, survive a restart, and are told to the database when it is back, where they count as any other.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import text

from core.clock import Clock
from core.errors import Refused
from core.store.base import Db
from core.store.operation import Actor, Secret
from core.users.proof import Params, badge_word, derive, typed
from core.users.sign_in import Claim
from core.users.views import SignedIn

SHORTEST: Final = 6
"""Characters of a secret that opens its key alone; a shorter one needs the badge with it."""
TRIES: Final = 5
"""Wrong secrets in a row after which a person is locked here."""
FORGOTTEN_AFTER: Final = 10
"""Wrong secrets in a row after which this station forgets the person until he signs in with the database."""
_LOCK: Final = timedelta(minutes=15)
_CLOCKS: Final = timedelta(minutes=5)
_TOLD_MAX: Final = 1_000
_COST: Final = Params(b"", time_cost=4, memory_kib=131_072)
_KEY: Final = text("SELECT * FROM genba.offline_key(:token, :station)")
_MERGE: Final = text("SELECT genba.merge_offline(:station, CAST(:tries AS jsonb))")
_STILL: Final = text("SELECT * FROM genba.offline_people(:station)")


@dataclass(frozen=True, slots=True)
class Person:
    """What this station keeps of somebody who signed in here.

    Attributes:
        salt: Hex, of this entry alone.
        needs_badge: The secret is short: his badge is the other half.
        badge: Hash of what his badge says with the salt, "" when none was used.
        sealed: AES-256-GCM under the derived key, hex: the sealing key and what he may do.
        until: When this ends, aware UTC; the database ends it as well.
        failures: Wrong secrets in a row.
        locked_until: None while he may try.
    """

    user_code: str
    salt: str
    needs_badge: bool
    badge: str
    sealed: str
    until: datetime
    failures: int = 0
    locked_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt that the database has not heard of yet."""

    user: str
    outcome: Literal["signed_in", "wrong", "signed_out"]
    at: datetime
    session_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    people: tuple[Person, ...] = ()
    tries: tuple[Try, ...] = ()
    seen_at: datetime = field(default_factory=lambda: datetime.fromtimestamp(0, UTC))


_KEPT: Final = TypeAdapter(_Kept)


class OfflinePeople:
    """The people of one station's file ``offline-people.json``, mode 0600. Blocks; used on the station's worker threads.

    Args:
        path: The file; made when somebody is kept.
        clock: Of the station.
        station: Its code.
        hold: Takes (session id, sealing key) of a session that begins here.
    """

    def __init__(self, path: Path, clock: Clock, station: str, hold: Callable[[UUID, bytes], None]) -> None:
        self._path, self._clock, self._station, self._hold = path, clock, station, hold
        self._kept = self._read()

    # -- with the database -----------------------------------------------------------------------------------------

    def remember(self, run: Callable[[Callable[[Db], Any]], Any], claim: Claim, signed_in: SignedIn) -> bool:
        """After a sign-in with the database: keep its key for later, if an administrator allowed that for this station."""
        row = run(lambda db: db.execute(_KEY, {"token": signed_in.token, "station": self._station}).one_or_none())
        others = tuple(one for one in self._kept.people if one.user_code != signed_in.actor.user_code)
        secret = typed(claim.secret.reveal())
        if row is None or (len(secret) < SHORTEST and not claim.badge):
            if len(others) != len(self._kept.people):
                self._write(replace(self._kept, people=others))
            return False
        needs_badge = len(secret) < SHORTEST
        salt = os.urandom(16)
        badge = badge_word(claim.badge)
        content = {"key": row.key, "actor": _plain(signed_in.actor), "language": signed_in.language, "pin_digits": signed_in.pin_digits}
        sealed = _seal(_derived(claim.secret, badge if needs_badge else "", salt), json.dumps(content).encode())
        kept = Person(signed_in.actor.user_code, salt.hex(), needs_badge, _half(badge, salt), sealed, row.expires_at.astimezone(UTC))
        self._write(replace(self._kept, people=(*others, kept)))
        return True

    def tell(self, run: Callable[[Callable[[Db], Any]], Any]) -> int:
        """The database is back: tell it of every try, and forget whoever it does not let in offline any more. Gives how many."""
        tries = self._kept.tries
        if tries:
            told = json.dumps([asdict(one) for one in tries], default=str)
            run(lambda db: db.execute(_MERGE, {"station": self._station, "tries": told}).scalar_one())
        still = set(run(lambda db: list(db.scalars(_STILL, {"station": self._station}))))
        people = tuple(one for one in self._kept.people if one.user_code in still)
        left = tuple(one for one in self._kept.tries if one not in tries)
        if (people, left) != (self._kept.people, self._kept.tries):
            self._write(replace(self._kept, people=people, tries=left))
        return len(tries)

    # -- without it ------------------------------------------------------------------------------------------------

    @property
    def anybody(self) -> bool:
        """Whether somebody could sign in here without the database."""
        return any(one.until > self._clock.now() for one in self._kept.people)

    def sign_in(self, claim: Claim) -> SignedIn:
        """The person, with a session of this station's own.

        Raises:
            Refused: ``users.offline_unknown`` (never signed in here, too long ago, or not allowed), ``users.offline_badge`` (his
                badge is needed as well), ``users.wrong``, ``users.locked``, ``users.offline_clock``.
        """
        now = self._now()
        person = self._meant(claim)
        if person is None or person.until <= now:
            derive(claim.secret, replace(_COST, salt=bytes(16)))  # the same wait whether there is such a person or not
            raise Refused("users.offline_unknown")
        if person.locked_until is not None and person.locked_until > now:
            raise Refused("users.locked", minutes=-(-(person.locked_until - now).total_seconds() // 60))
        badge = badge_word(claim.badge)
        if person.needs_badge and not badge:
            raise Refused("users.offline_badge")
        opened = _open(_derived(claim.secret, badge if person.needs_badge else "", bytes.fromhex(person.salt)), person.sealed)
        if opened is None:
            raise self._failed(person, now)
        session_id = self._clock.uuid7()
        self._note(replace(person, failures=0, locked_until=None), Try(person.user_code, "signed_in", now, session_id))
        self._hold(session_id, bytes.fromhex(opened["key"]))
        told = opened["actor"]
        exceptions = frozenset((line, permission, allowed) for line, permission, allowed in told["exceptions"])
        actor = Actor(
            person.user_code, told["name"], frozenset(told["roles"]), frozenset(told["permissions"]), self._station, session_id,
            exceptions=exceptions,
        )  # fmt: skip
        return SignedIn(actor, "", opened["language"], "", person.until, (), opened["pin_digits"])

    def sign_out(self, session: SignedIn) -> None:
        """Keep that the person left, for the audit."""
        self._write(
            replace(self._kept, tries=self._more(Try(session.actor.user_code, "signed_out", self._now(), session.actor.session_id)))
        )

    # -- inside ----------------------------------------------------------------------------------------------------

    def _now(self) -> datetime:
        now = self._clock.now()
        if now < self._kept.seen_at - _CLOCKS:
            # A clock that was turned back would let people in for ever.
            raise Refused("users.offline_clock")
        return now

    def _meant(self, claim: Claim) -> Person | None:
        code, badge = typed(claim.user_code).casefold(), badge_word(claim.badge)
        for person in self._kept.people:
            if badge and person.badge and person.badge == _half(badge, bytes.fromhex(person.salt)):
                return person
            if not badge and code and person.user_code.casefold() == code:
                return person
        return None

    def _failed(self, person: Person, now: datetime) -> Refused:
        failures = person.failures + 1
        locked = now + _LOCK * 2 ** (failures // TRIES - 1) if failures % TRIES == 0 else None
        self._note(replace(person, failures=failures, locked_until=locked), Try(person.user_code, "wrong", now))
        return Refused("users.wrong") if locked is None else Refused("users.locked", minutes=round((locked - now).total_seconds() / 60))

    def _note(self, person: Person, attempt: Try) -> None:
        others = tuple(one for one in self._kept.people if one.user_code != person.user_code)
        people = others if person.failures >= FORGOTTEN_AFTER else (*others, person)
        self._write(replace(self._kept, people=people, tries=self._more(attempt)))

    def _more(self, attempt: Try) -> tuple[Try, ...]:
        return (*self._kept.tries, attempt)[-_TOLD_MAX:]

    def _read(self) -> _Kept:
        try:
            return _KEPT.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return _Kept()
        except (OSError, ValidationError):
            return _Kept()  # unreadable: nobody is let in without the database, which is the safe side

    def _write(self, kept: _Kept) -> None:
        kept = replace(kept, seen_at=max(kept.seen_at, self._clock.now()))
        aside = self._path.with_suffix(".new")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_KEPT.dump_json(kept))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)
        self._kept = kept


def _plain(actor: Actor) -> dict[str, Any]:
    return {
        "name": actor.name,
        "roles": sorted(actor.roles),
        "permissions": sorted(actor.permissions),
        "exceptions": sorted([list(one) for one in actor.exceptions]),
    }


def _half(badge: str, salt: bytes) -> str:
    return hashlib.sha256(salt + badge.encode()).hexdigest() if badge else ""


def _derived(secret: Secret, badge: str, salt: bytes) -> bytes:
    """32 bytes from what the person knows and, for a short secret, what he carries."""
    return hashlib.sha256(derive(secret, replace(_COST, salt=salt)) + badge.encode()).digest()


def _seal(key: bytes, content: bytes) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(12)
    return (nonce + AESGCM(key).encrypt(nonce, content, b"genba offline")).hex()


def _open(key: bytes, sealed: str) -> dict[str, Any] | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    raw = bytes.fromhex(sealed)
    try:
        opened: dict[str, Any] = json.loads(AESGCM(key).decrypt(raw[:12], raw[12:], b"genba offline"))
    except InvalidTag:
        return None
    return opened
