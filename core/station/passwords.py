"""The passwords with which this station logs in to its machines: the site's, or what it knew of them when the database was there.

Belongs to the station's loop; what blocks runs on a lane or in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import Final

from core.errors import GenbaError
from core.live.tags import SourceSpec
from core.log import conceal
from core.station.floor import Floor
from core.store import secretrows
from core.store.base import Db
from core.store.sealing import Unreadable

log = logging.getLogger(__name__)

_DEADLINE_S: Final = 5.0


def secret_name(source: str) -> str:
    """Under which name the site keeps the password of a source."""
    return f"source:{source}:password"


def needs_password(spec: SourceSpec) -> bool:
    """Whether this station logs in to the source with a name, and so with a password."""
    return bool(spec.options.get("user"))


class Passwords:
    """What is known of the passwords of these sources.

    A copy of each stands in the station's own secret store: a panel that starts while the database is away still reads its
    machines.

    Args:
        floor: Its database, its keys, its secret store.
    """

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._known: dict[str, str | Unreadable] = {}
        self._copied: Mapping[str, str | Unreadable] | None = None

    def of(self, spec: SourceSpec) -> str | None:
        """The password to log in with; None where none is needed, or ``lack`` says why there is none."""
        known = self._known.get(spec.code)
        return None if isinstance(known, Unreadable) or not needs_password(spec) else known

    def lack(self, spec: SourceSpec) -> tuple[str, str] | None:
        """Why this station cannot log in to the source, as code and detail of a link status; None when it can."""
        known = self._known.get(spec.code)
        if not needs_password(spec) or isinstance(known, str):
            return None
        name = secret_name(spec.code)
        return ("driver.secret_missing", name) if known is None else ("driver.secret_unreadable", f"{name}, {known.key_id or known.reason}")

    async def look(self, specs: Iterable[SourceSpec]) -> frozenset[str]:
        """Learn the passwords of ``specs``; gives the codes of the sources whose password is another one now."""
        codes = {spec.code for spec in specs if needs_password(spec)}
        if not codes:
            self._known.clear()
            return frozenset()
        found = await self._asked(codes)
        if found is None:
            return frozenset()
        before = self._known
        # What this station could open once it goes on using, although a rotation left it without the key: the machine knows of none.
        kept = {code: old for code in codes if isinstance(found.get(code), Unreadable) and isinstance(old := before.get(code), str)}
        self._known = {**found, **kept}
        return frozenset(code for code in codes if self._known.get(code) != before.get(code))

    async def _asked(self, codes: set[str]) -> Mapping[str, str | Unreadable] | None:
        """What the site says; what this station remembers while the database is away; None when neither can be asked now."""
        try:
            if self._floor.database.up:
                asked = self._floor.database.submit("queries", lambda db: self._from_site(db, codes), deadline_s=_DEADLINE_S)
                return await asyncio.wrap_future(asked)
            return await asyncio.get_running_loop().run_in_executor(None, self._remembered, codes)
        except GenbaError as error:
            log.info("passwords of sources: %s", error.code)
            return None

    def _from_site(self, db: Db, codes: set[str]) -> Mapping[str, str | Unreadable]:
        with contextlib.suppress(GenbaError):  # the floor has said it; without the key the secrets say so themselves
            self._floor.keys.look(db)
        found = secretrows.secrets(db, [secret_name(code) for code in codes])
        known = {code: found[secret_name(code)] for code in codes if secret_name(code) in found}
        try:
            if known != self._copied:
                self._remember(codes, known)
                self._copied = known
        except GenbaError as error:
            log.warning("passwords of sources cannot be remembered: %s", error)
        return known

    def _remember(self, codes: set[str], known: Mapping[str, str | Unreadable]) -> None:
        store = self._floor.secrets
        for code in codes:
            name, value, copy = secret_name(code), known.get(code), store.get(secret_name(code))
            if value is None and copy is not None:
                store.delete(name)
            elif isinstance(value, str) and value != copy:
                store.set(name, value)

    def _remembered(self, codes: set[str]) -> Mapping[str, str | Unreadable]:
        copies = {code: self._floor.secrets.get(secret_name(code)) for code in codes}
        for copy in filter(None, copies.values()):
            conceal(copy)
        return {code: copy for code, copy in copies.items() if copy is not None}
