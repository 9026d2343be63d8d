"""Who works at this panel: signing in and handing over, PINs, signatures, leave given by others, and everybody's unfinished entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from core.errors import Invalid
from hmi.bridge import Attempt, Bridge, Deciding

if TYPE_CHECKING:
    from core.store.operation import Actor, Done
    from hmi.sheets.change_pin import ChangePinSheet
    from hmi.sheets.proof import Given
    from hmi.sheets.sign_in import SignInSheet
    from hmi.widgets.overlay import Overlay

T = TypeVar("T")


class People(QObject):
    """Opens the sheets that ask who somebody is, and keeps what a person has begun until the same person is back.

    Args:
        bridge: Gets its two hooks from here.
        ground: The content area, which the sheets cover.
        hint: Gives the line under the fields of the sign-in sheet in the current language; "" for none.

    Signals:
        told(str): A result in words, for a toast.
        failed(object): A GenbaError to show.
        pin_changed(): Whoever is signed in has another PIN now.
    """

    told = Signal(str)
    failed = Signal(object)
    pin_changed = Signal()

    def __init__(self, bridge: Bridge, ground: QWidget, hint: Callable[[], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._ground = ground
        self._hint = hint
        self._session: UUID | None = None
        self._who = ""
        self._badge = ""
        self._signer = ""
        self._kept: dict[str, list[Overlay]] = {}
        bridge.pin_due.connect(self.change_pin)
        bridge.ask_signature = self._ask_signature
        bridge.ask_authorisation = self._ask_authorisation

    # -- signing in ----------------------------------------------------------------------------------------------

    def sign_in(self) -> SignInSheet:
        """The sign-in sheet, opened unless it is open: sign in, hand over, change the PIN or sign off."""
        from hmi.sheets.sign_in import SignInSheet

        shown = self._shown(SignInSheet)
        if shown:
            return shown[-1]
        sheet = SignInSheet(self._place(), self._bridge, hint=self._hint())
        sheet.signed_in.connect(self._remember_badge)
        sheet.change_pin.connect(self.change_pin)
        sheet.open()
        return sheet

    def _place(self) -> QWidget:
        """The content area, or the whole window while a keypad covers that."""
        window = self._ground.window()
        return window if any(sheet.parentWidget() is window for sheet in self._all_shown()) else self._ground

    def _remember_badge(self, badge: str) -> None:
        self._badge = badge

    def change_pin(self) -> None:
        """Open the sheet for another PIN; it says why when it must be."""
        from hmi.sheets.change_pin import ChangePinSheet

        if not self._shown(ChangePinSheet):
            sheet: ChangePinSheet = ChangePinSheet(self._ground, self._bridge, self._bridge.station.people.why_change)
            sheet.done.connect(self.told)
            sheet.done.connect(lambda _: self.pin_changed.emit())
            sheet.open()

    # -- what a reader reads -------------------------------------------------------------------------------------

    def take_scan(self, code: str) -> None:
        """Every code that is read at this panel comes here: a form that waits for one gets it; all others are badges so far."""
        from hmi.sheets.ask_form import AskForm

        forms = self._shown(AskForm)
        if not (forms and forms[-1].take_scan(code)):
            self._take_badge(code)

    def _take_badge(self, badge: str) -> None:
        """Ask for the PIN of the badge's owner: to sign where that is asked, else to sign in or hand over."""
        from hmi.sheets.proof import ProofSheet

        asking = self._shown(ProofSheet)
        if asking and asking[-1].confirm_button.pending:
            return
        if asking:
            # A keypad or keyboard over the sheet belongs to whoever was typing there before.
            for above in self._all_shown():
                if above.parentWidget() is self._ground.window() and not isinstance(above, ProofSheet):
                    above.close_with("cancelled")
        (asking[-1] if asking else self.sign_in()).take_badge(badge)

    def scan_broken(self) -> None:
        """Half a scan: it went nowhere, and the person is told."""
        self.failed.emit(Invalid("shell.scan_broken"))

    def scan_unreadable(self) -> None:
        """A scan that the input method turned into something else."""
        self.failed.emit(Invalid("shell.scan_unreadable"))

    # -- handing over --------------------------------------------------------------------------------------------

    def actor_changed(self, actor: Actor) -> None:
        """Put away what the last person had open, bring back what this one had begun, ask for another PIN where it is due."""
        if actor.session_id == self._session:
            return
        before, self._who = self._who, actor.user_code if actor.session_id is not None else ""
        self._session, self._badge, self._signer = actor.session_id, "", ""
        told = [self._put_away(before)] if before else []
        if self._who:
            told = [self._bring_back(self._who) or self._unfinished(self._who), self._elsewhere(), self._without()]
        words = "   ".join(part for part in told if part)
        if words:
            self.told.emit(words)
        if self._who and self._bridge.station.people.must_change_pin:
            self.change_pin()

    def _put_away(self, who: str) -> str:
        kept = self._kept.setdefault(who, [])
        before = len(kept)
        for sheet in self._all_shown():
            if sheet.at_switch == "keep":
                sheet.put_away()
                kept.append(sheet)
            elif sheet.at_switch == "close":
                sheet.close_with("cancelled")
        return self.tr("Signed off. The unfinished entry is kept.") if len(kept) > before else ""

    def _bring_back(self, who: str) -> str:
        # One that was under way when its person left may have ended since.
        kept = [sheet for sheet in self._kept.pop(who, []) if isValid(sheet) and sheet.is_away]
        for sheet in kept:
            sheet.bring_back()
        return self.tr("Your unfinished entry is back.") if kept else ""

    def _unfinished(self, who: str) -> str:
        from hmi.sheets.draft import unfinished

        return unfinished(self._bridge, who)

    def _elsewhere(self) -> str:
        also_at = self._bridge.station.people.also_at
        return self.tr("Also signed in at {stations}.").format(stations=", ".join(also_at)) if also_at else ""

    def _without(self) -> str:
        until = self._bridge.station.people.offline_until
        if until is None:
            return ""
        at = until.astimezone(self._bridge.zone()).strftime("%m-%d %H:%M")
        return self.tr("Signed in without the database, until {time}.").format(time=at)

    # -- signing and leave by others -----------------------------------------------------------------------------

    async def _ask_signature(self, deciding: Deciding, attempt: Attempt) -> Done[Any] | None:
        """The first signature of a session takes code or badge and secret, each further one of the same person the secret."""
        from hmi.sheets.decision import SignatureSheet
        from hmi.sheets.sign_in import known_names

        actor, session = self._bridge.station.actor, self._session
        names = known_names() | {actor.user_code: actor.name}
        sheet = SignatureSheet(self._place(), self._bridge, deciding, attempt, names=names, signer=self._signer)
        done = await sheet.decided()
        if done is not None and session == self._session and self._is_own(sheet.given_by, actor):
            self._signer = actor.user_code
        return done

    def _is_own(self, given: Given | None, actor: Actor) -> bool:
        """True when who signed is who is signed in."""
        if given is None:
            return False
        return given.badge == self._badge if given.badge else given.user_code.casefold() == actor.user_code.casefold()

    async def _ask_authorisation(self, deciding: Deciding, attempt: Attempt) -> Done[Any] | None:
        from core.users.roles import roles_that_may
        from hmi.sheets.decision import AuthoriseSheet

        if not roles_that_may(deciding.operation.name):
            return None
        return await AuthoriseSheet(self._place(), self._bridge, deciding, attempt).decided()

    # -- what lies over the panel --------------------------------------------------------------------------------

    def _shown(self, kind: type[T]) -> list[T]:
        """Open sheets of one kind, the topmost last."""
        return [sheet for sheet in self._all_shown() if isinstance(sheet, kind)]

    def _all_shown(self) -> list[Overlay]:
        from hmi.widgets.overlay import Overlay

        return [sheet for sheet in self._ground.window().findChildren(Overlay) if sheet.isVisible()]
