"""Fields that stand sealed in the database: one site's keys, and the column type that uses them.

A sealed value is ``version (1 byte) · key id (4) · nonce (12) · AES-256-GCM``; what it belongs to (``table.column``) is
authenticated with it, so that a value moved to another column opens no more. The keys belong to the site and reach its
stations by :mod:`core.store.sitekeys`; the database never has one in the clear.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Connection, Dialect, Engine, LargeBinary
from sqlalchemy.orm import MappedColumn, mapped_column
from sqlalchemy.types import TypeDecorator

from core.errors import GenbaError, Refused, Unavailable
from core.log import conceal
from core.store.base import Db

KEY_BYTES: Final = 32
_VERSION: Final = 1
_ID_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_HEAD_BYTES: Final = 1 + _ID_BYTES + _NONCE_BYTES
_TAG_BYTES: Final = 16
_KEYS_OF_DIALECT: Final = "genba_site_keys"


@dataclass(frozen=True, slots=True)
class SiteKey:
    """One key of the site.

    Attributes:
        id: Eight hex digits, drawn with the key; stands in everything it sealed.
        key: 32 random bytes.
    """

    id: str
    key: bytes = field(repr=False)

    @classmethod
    def fresh(cls) -> SiteKey:
        """A new key from the operating system's random numbers."""
        return cls(os.urandom(_ID_BYTES).hex(), os.urandom(KEY_BYTES))


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What a confidential column answers where it cannot be opened: a list is shown all the same, with this place blank.

    Attributes:
        key_id: Key that sealed it; "" when it was not sealed by this program at all.
        reason: ``no_key``: this station does not have that key. ``damaged``: it has, and the value is not as it was written.
    """

    key_id: str
    reason: Literal["no_key", "damaged"]

    def __str__(self) -> str:
        return "•••"

    def refusal(self) -> GenbaError:
        """What to tell whoever needs the value itself."""
        if self.reason == "no_key":
            return Refused("store.site_key_missing", key=self.key_id)
        return Unavailable("store.sealed_damaged", key=self.key_id or "—")


def readable(value: str | Unreadable) -> str:
    """The text of a confidential column.

    Raises:
        Refused: This station does not have the key (``store.site_key_missing``).
        Unavailable: Somebody changed what is stored (``store.sealed_damaged``).
    """
    if isinstance(value, Unreadable):
        raise value.refusal()
    return value


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value that is sealed already, for its column to store as it is."""

    raw: bytes


def seal(key: SiteKey, place: str, text: str) -> bytes:
    """``text`` sealed for ``place`` (``table.column``)."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # loaded by whoever has something confidential

    head = bytes([_VERSION]) + bytes.fromhex(key.id)
    nonce = os.urandom(_NONCE_BYTES)
    # The id is authenticated too: a value cannot be made to look as if another key had sealed it.
    # A lone surrogate is no character; it is kept, because a machine's string may hold one and must come back as it was.
    return head + nonce + AESGCM(key.key).encrypt(nonce, text.encode("utf-8", "surrogatepass"), head + place.encode())


def opened(keys: Mapping[str, SiteKey], place: str, raw: bytes) -> str | Unreadable:
    """What ``seal`` was given; never raises for anything that may stand in a database."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(raw) < _HEAD_BYTES + _TAG_BYTES or raw[0] != _VERSION:
        return Unreadable("", "damaged")
    head, nonce = raw[: 1 + _ID_BYTES], raw[1 + _ID_BYTES : _HEAD_BYTES]
    key = keys.get(key_id(raw))
    if key is None:
        return Unreadable(key_id(raw), "no_key")
    try:
        return AESGCM(key.key).decrypt(nonce, raw[_HEAD_BYTES:], head + place.encode()).decode("utf-8", "surrogatepass")
    except (InvalidTag, UnicodeDecodeError):
        return Unreadable(key.id, "damaged")


def key_id(raw: bytes) -> str:
    """The id of the key that sealed ``raw``."""
    return raw[1 : 1 + _ID_BYTES].hex()


class KeyRing:
    """The keys this process has, and the one to seal with. Thread-safe; filled by ``core.store.sitekeys``.

    Attributes:
        current: Id of the key the site seals with now, as last read from the database; "" before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: Mapping[str, SiteKey] = {}
        self.current = ""

    @property
    def keys(self) -> Mapping[str, SiteKey]:
        """Every key by its id; never changed in place."""
        return self._keys

    @property
    def has_current(self) -> bool:
        """Whether this process can read and write what the site seals now."""
        return self.current in self._keys

    def put(self, *keys: SiteKey) -> None:
        """Add keys; one that is there already stays as it is."""
        for key in keys:
            conceal(key.key)
        with self._lock:
            self._keys = {key.id: key for key in keys} | dict(self._keys)

    def seal(self, place: str, text: str) -> bytes:
        """See :func:`seal`, with the current key. Raises Refused ``store.site_key_missing``."""
        key = self._keys.get(self.current)
        if key is None:
            raise Refused("store.site_key_missing", key=self.current or "—")
        return seal(key, place, text)

    def open(self, place: str, raw: bytes) -> str | Unreadable:
        """See :func:`opened`."""
        return opened(self._keys, place, raw)


def give_keys(engine: Engine, ring: KeyRing) -> None:
    """Let the confidential columns of everything that runs on ``engine`` use ``ring``.

    The dialect is the one thing of ours that SQLAlchemy hands to a column type, and every engine has its own.
    """
    setattr(engine.dialect, _KEYS_OF_DIALECT, ring)


def keys_of(db: Db | Connection) -> KeyRing:
    """The key ring of the engine that ``db`` runs on; an empty one where none was given."""
    connection = db.connection() if isinstance(db, Db) else db
    return _ring(connection.dialect)


def _ring(dialect: Dialect) -> KeyRing:
    ring = getattr(dialect, _KEYS_OF_DIALECT, None)
    return ring if isinstance(ring, KeyRing) else KeyRing()


class Confidential(TypeDecorator[Any]):
    """A text that stands sealed in the database; declare the column with :func:`confidential`.

    Takes ``str`` (sealed with the site's current key) and ``Sealed``; answers ``str``, or ``Unreadable`` in its place.

    Args:
        place: ``table.column``, authenticated with every value.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: str | Sealed | None, dialect: Dialect) -> bytes | None:
        """The sealed bytes. Raises Refused ``store.site_key_missing``, TypeError for what was never opened."""
        if value is None:
            return None
        if isinstance(value, Sealed):
            return value.raw
        if not isinstance(value, str):  # the blank of an unreadable value must never replace the value
            raise TypeError(f"{self.place}: a confidential field takes a text, not {type(value).__name__}")
        return _ring(dialect).seal(self.place, value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | Unreadable | None:
        """The text, or why there is none."""
        return None if value is None else _ring(dialect).open(self.place, bytes(value))


def confidential(place: str, **options: Any) -> MappedColumn[Any]:
    """A confidential column: sealed in the database, masked in the audit trail."""
    return mapped_column(Confidential(place), info={"confidential": True}, **options)
