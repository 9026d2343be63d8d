"""The person at the panel: signing in and out, with the database and without it, and whether he still may.

The part of the station that knows people: ``Station.people``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, Literal

from core.errors import GenbaError, Unavailable
from core.station.floor import Floor
from core.store.operation import GUEST, Actor, Secret
from core.users import sign_in as sessions
from core.users.proof import PIN_MIN
from core.users.views import SignedIn

log = logging.getLogger(__name__)

_AWAY: Final = frozenset({"store.away", "store.deadline"})
"""Refusals of the database floor that say no more than that it does not answer."""

OnThread = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs blocking work on a thread of the station's."""


class People:
    """Verbs: sign_in, sign_out, look_again. Belongs to the loop; proving blocks and runs on the threads that ``on`` gives.

    Args:
        name: Code of the station.
        floor: Its database floor.
        deciding, working: Run blocking work on the thread of decisions, and on the one behind the screen.
        became: Called with who is signed in from now on.
    """

    def __init__(self, name: str, floor: Floor, deciding: OnThread, working: OnThread, became: Callable[[Actor], None]) -> None:
        self._name, self._floor, self._deciding, self._working, self._became = name, floor, deciding, working, became
        self._session: SignedIn | None = None
        self._remembering: set[asyncio.Task[None]] = set()

    @property
    def session(self) -> SignedIn | None:
        """The session of whoever is signed in; None for nobody."""
        return self._session

    async def sign_in(self, user_code: str, typed: str, *, badge: str = "") -> Actor:
        """Sign in at this station; whoever was signed in before is signed off.

        Args:
            user_code: As typed; "" with a badge.
            typed: PIN or password.
            badge: What the badge reader sent; "" for a typed code.

        Raises:
            Refused: See ``core.users.sign_in.sign_in``.
            Unavailable: The database is away, and this station lets nobody in without it.
        """
        claim = sessions.Claim(Secret(typed), user_code, badge)
        signed_in: SignedIn = await self._deciding(lambda: self._proved(claim))
        await self.sign_out()
        session_id = signed_in.actor.session_id
        assert session_id is not None  # a person always has one
        if signed_in.token:
            self._floor.prover.hold(session_id, token=signed_in.token)
        self._session = signed_in
        self._became(signed_in.actor)
        if signed_in.token:
            task = asyncio.get_running_loop().create_task(self._remember(claim, signed_in))
            self._remembering.add(task)
            task.add_done_callback(self._remembering.discard)
        return signed_in.actor

    def _proved(self, claim: sessions.Claim) -> SignedIn:
        """By the database; when it is away by what this station kept of people who signed in here, if that is allowed."""
        try:
            return sessions.sign_in(self._floor.run, claim, self._name)
        except Unavailable as error:
            if self._floor.database.state.read_only is not None:
                raise
            if not self._floor.offline.anybody:
                raise Unavailable("users.no_database") if error.code in _AWAY else error from None
        try:
            return self._floor.offline.sign_in(claim)
        except OSError as error:  # tries that cannot be counted are not allowed
            raise Unavailable("disk.not_writable", path=str(error.filename or ""), problem=error.strerror or str(error)) from error

    async def _remember(self, claim: sessions.Claim, signed_in: SignedIn) -> None:
        """Behind the screen: another derivation of half a second, for a sign-in without the database later."""
        try:
            await self._working(lambda: self._floor.offline.remember(self._floor.run, claim, signed_in))
        except (GenbaError, OSError) as error:
            log.info("%s cannot sign in here without the database: %s", signed_in.actor.user_code, error)

    async def close(self) -> None:
        """Sign off; what was still being kept for later is given up."""
        remembering = tuple(self._remembering)
        for task in remembering:
            task.cancel()
        await asyncio.gather(*remembering, return_exceptions=True)
        await self.sign_out()

    async def sign_out(self) -> None:
        """Become a guest again; the session ends in the database too, as soon as that is there."""
        session, self._session = self._session, None
        if session is None:
            return
        if session.actor.session_id is not None:
            self._floor.prover.end(session.actor.session_id)
        self._became(GUEST)
        if not session.token:
            try:
                await self._working(lambda: self._floor.offline.sign_out(session))
            except OSError as error:
                log.info("that %s signed off is not kept for the audit: %s", session.actor.user_code, error)
            return
        try:
            await self._deciding(lambda: sessions.sign_out(self._floor.run, session.token, self._name))
        except Unavailable:
            log.info("session of %s ends by its own expiry: the database is away", session.actor.user_code)

    async def look_again(self) -> None:
        """Is the person at the panel still who he was, with the same rights? Asked when users or rights changed, and now and then."""
        session = self._session
        if session is None or not session.token or not self._floor.database.up:
            return
        try:
            now = await self._deciding(lambda: sessions.resume(self._floor.run, session.token, self._name))
        except GenbaError:
            return  # the database went away: it is asked again when it is back
        if self._session is not session:
            return
        if now is None:
            log.info("the session of %s has ended", session.actor.user_code)
            await self.sign_out()
        elif now != session:
            self._session = now
            self._became(now.actor)

    @property
    def must_change_pin(self) -> bool:
        """True while somebody is signed in who must change his PIN before anything else."""
        return self.why_change != ""

    @property
    def why_change(self) -> Literal["", "first", "aged"]:
        """Why the person signed in must change his PIN: another person gave it, or it is too old; "" he need not."""
        return "" if self._session is None else self._session.why_change

    @property
    def signed_in_offline(self) -> bool:
        """True while the person here signed in without the database: he decides what may wait, and signs in anew for the rest."""
        return self._session is not None and not self._session.token

    @property
    def offline_until(self) -> datetime | None:
        """When somebody who signed in without the database has to do so anew, aware UTC; None for everybody else."""
        return self._session.expires_at if self._session is not None and not self._session.token else None

    @property
    def also_at(self) -> tuple[str, ...]:
        """Other stations where the person signed in here is signed in as well."""
        return () if self._session is None else self._session.also_at

    @property
    def pin_digits(self) -> int:
        """Fewest digits of a PIN at this site, as far as this station knows."""
        return PIN_MIN if self._session is None else self._session.pin_digits
