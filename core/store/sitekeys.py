"""How a station comes by the keys of its site: from its secret store, from the database by the key before, or from a file.

The keys stand in the station's secret store. The database tells which one the site seals with now, and holds each new key
sealed with the one before it: a station that was away for two rotations finds its way along that chain. After a rotation
``--fresh``, when somebody else may know the old key, the chain is broken on purpose and the new key travels in a file.
Old keys are kept: a database restored from last month's backup still opens.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from sqlalchemy import select

from core.errors import Invalid
from core.store.base import Db
from core.store.sealing import KEY_BYTES, KeyRing, SiteKey, Unreadable, opened, seal
from core.store.secrets import SecretStore
from core.store.tables import SiteKeyRow

log = logging.getLogger(__name__)

_ENTRY: Final = "site-key:"
_ORDER = select(SiteKeyRow).order_by(SiteKeyRow.position)


class SiteKeys:
    """The site's keys at one station. Any thread may call it.

    Args:
        store: The station's secret store.
        ring: Filled from it and from the database; what the confidential columns use.
    """

    def __init__(self, store: SecretStore, ring: KeyRing) -> None:
        self._store = store
        self.ring = ring
        self._loaded = False
        self._told = ""

    def look(self, db: Db) -> None:
        """Learn which key the site seals with now, and take over those that came since; cheap when nothing changed.

        Raises:
            Unavailable, Refused: The station's secret store cannot be read or written.
        """
        rows = db.scalars(_ORDER).all()
        newest = rows[-1].id if rows else ""
        if newest not in self.ring.keys:
            self._read_store()  # also what was imported beside the running station
        for row in rows:
            if row.id not in self.ring.keys and row.wrapped_by in self.ring.keys:
                key = unwrapped(self.ring.keys, row)
                if key is not None:
                    self.keep(key)
                    log.info("the site's key %s was taken over", key.id)
        self.ring.current = newest
        if newest and not self.ring.has_current and self._told != newest:
            self._told = newest
            log.warning("this station does not have the site's key %s: confidential fields cannot be read here", newest)

    def make(self) -> SiteKey:
        """A new key, safe in this station's store before anything is sealed with it. Raises Unavailable, Refused."""
        key = SiteKey.fresh()
        self.keep(key)
        return key

    def keep(self, key: SiteKey) -> None:
        """Keep a key that came from elsewhere.

        Raises:
            Invalid: Another key has its id (``store.site_key_differs``).
            Unavailable, Refused: The secret store cannot be written.
        """
        if not self._loaded:
            self._read_store()
        known = self.ring.keys.get(key.id)
        if known is not None and known != key:
            raise Invalid("store.site_key_differs", key=key.id)
        self._store.set(_ENTRY + key.id, key.key.hex())
        self.ring.put(key)

    def _read_store(self) -> None:
        for name in self._store.names():
            if name.startswith(_ENTRY):
                text = self._store.get(name)
                self.ring.put(*(_key(name.removeprefix(_ENTRY), text) if text else ()))
        self._loaded = True


def wrapped(old: SiteKey, new: SiteKey) -> bytes:
    """``new``, sealed with ``old``; opens only as the key that it is."""
    return seal(old, f"site_key.wrapped:{new.id}", new.key.hex())


def unwrapped(keys: Mapping[str, SiteKey], row: SiteKeyRow) -> SiteKey | None:
    """The key of ``row``, opened with the one before; None when what stands there is not as it was written."""
    text = opened(keys, f"site_key.wrapped:{row.id}", bytes(row.wrapped or b""))
    return None if isinstance(text, Unreadable) else next(iter(_key(row.id, text)), None)


def _key(name: str, text: str) -> tuple[SiteKey, ...]:
    """The key, or nothing when the text is none."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return ()
    return (SiteKey(name, raw),) if len(raw) == KEY_BYTES else ()
