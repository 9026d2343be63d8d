"""From what a person types to what may leave the panel: Argon2id hashes. Pure; no database; slow on purpose.

The panel derives the hash with the salt and cost that the database hands out; the database keeps only the SHA-256 of
that hash. So the typed secret never leaves the panel, and reading the table does not let anybody sign in.
Each derivation takes about 0.1 s and 64 MB: call it on a lane or worker thread, never on the GUI's.
Source: RFC 9106 (Argon2), section 4 for the choice of costs.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from core.errors import Invalid
from core.store.operation import Secret

PIN_MIN: Final = 4
PASSWORD_MIN: Final = 8
SECRET_MAX: Final = 128
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32
_MEMORY_KIB: Final = range(8_192, 4_194_305)
_TIME_COST: Final = range(1, 101)


@dataclass(frozen=True, slots=True)
class Params:
    """What a derivation needs.

    Attributes:
        salt: 16 bytes, of this user alone.
        time_cost: Passes over the memory.
        memory_kib: Memory, KiB.
        parallelism: Lanes.
    """

    salt: bytes
    time_cost: int = 2
    memory_kib: int = 65_536
    parallelism: int = 1


@dataclass(frozen=True, slots=True)
class Credential:
    """What the database keeps of a new PIN or password."""

    params: Params
    verifier: bytes

    def text(self) -> str:
        """As one word, to stand in the place of the typed secret while an operation runs."""
        p = self.params
        return f"argon2id:{p.time_cost}:{p.memory_kib}:{p.parallelism}:{p.salt.hex()}:{self.verifier.hex()}"

    @classmethod
    def parse(cls, text: str) -> Credential:
        """The opposite of ``text``.

        Raises:
            Invalid: ``users.proof_unreadable``: the text was not made by ``new_credential``.
        """
        kind, *parts = text.split(":")
        try:
            time_cost, memory_kib, parallelism = (int(part) for part in parts[:3])
            salt, verifier = (bytes.fromhex(part) for part in parts[3:])
        except ValueError:
            raise Invalid("users.proof_unreadable") from None
        if kind != "argon2id" or len(salt) != _SALT_BYTES or len(verifier) != _HASH_BYTES:
            raise Invalid("users.proof_unreadable")
        return cls(Params(salt, time_cost, memory_kib, parallelism), verifier)


def typed(text: str) -> str:
    """A user code or secret as it is meant: an input method's full-width digits are digits, spaces around do not count."""
    return unicodedata.normalize("NFKC", text).strip()


def check_strength(secret: Secret, pin_digits: int = PIN_MIN, known: Iterable[str] = ()) -> None:
    """Refuse a new PIN or password that is too short, too long to type, or the first that somebody would guess.

    Args:
        pin_digits: Fewest digits of a PIN at this site.
        known: What everybody knows of the person, his code for example.

    Raises:
        Invalid: ``users.secret_too_short`` (a password has ≥ 8 characters), ``users.secret_too_long``, ``users.secret_too_easy``.
    """
    text = typed(secret.reveal())
    if len(text) < (pin_digits if text.isdecimal() else PASSWORD_MIN):
        raise Invalid("users.secret_too_short", digits=pin_digits, characters=PASSWORD_MIN)
    if len(text) > SECRET_MAX:
        raise Invalid("users.secret_too_long", characters=SECRET_MAX)
    steps = {ord(second) - ord(first) for first, second in pairwise(text)}
    if len(set(text)) < 3 or steps in ({1}, {-1}) or text.casefold() in {one.casefold() for one in known if one}:
        raise Invalid("users.secret_too_easy")


def proof_of_badge(secret: Secret) -> str:
    """What a badge says, as it may travel: its SHA-256, with the last characters by which people tell two badges apart.

    Raises:
        Invalid: ``users.badge_unreadable``: fewer than 4 characters, or more than a badge holds.
    """
    text = typed(secret.reveal())
    if not 4 <= len(text) <= SECRET_MAX:
        raise Invalid("users.badge_unreadable")
    return f"{badge_word(text)}/{text[-3:]}"


def badge_word(text: str) -> str:
    """The one way in which what a badge says goes to the database: 64 hexadecimal digits, never the number itself; "" stays ""."""
    meant = typed(text)
    return hashlib.sha256(f"genba badge {meant}".encode()).hexdigest() if meant else ""


def derive(secret: Secret, params: Params) -> bytes:
    """The 32 bytes that prove ``secret``; about 0.1 s of one core.

    Raises:
        Invalid: ``users.proof_unreadable``: whoever says he is the database asks for a hash so cheap that it gives the secret away, or
            for one so dear that the panel stands still.
    """
    if len(params.salt) != _SALT_BYTES or params.memory_kib not in _MEMORY_KIB or params.time_cost not in _TIME_COST:
        raise Invalid("users.proof_unreadable")
    from argon2 import low_level  # loads a compiled library that nothing before the first sign-in needs

    hashed: bytes = low_level.hash_secret_raw(
        typed(secret.reveal())[:SECRET_MAX].encode(),
        params.salt,
        params.time_cost,
        params.memory_kib,
        params.parallelism,
        _HASH_BYTES,
        low_level.Type.ID,
    )
    return hashed


def new_credential(secret: Secret) -> Credential:
    """A credential for a new PIN or password, with a salt of its own.

    Raises:
        Invalid: See ``check_strength``.
    """
    check_strength(secret)
    params = Params(os.urandom(_SALT_BYTES))
    return Credential(params, hashlib.sha256(derive(secret, params)).digest())
