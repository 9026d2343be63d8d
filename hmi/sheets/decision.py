"""What is decided, in words, for whoever signs or authorises it; and the sheets in which he does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from core.errors import GenbaError
from core.users.given import Authorisation, Secret, Signature
from core.users.roles import roles_that_may
from core.words import UNDEFINED, date_time, number, word
from hmi import theme
from hmi.bridge import Attempt, Bridge, Deciding, Shown
from hmi.sheets.proof import ABOUT_THE_PROOF, Given, ProofSheet
from hmi.widgets.facts import Facts
from hmi.widgets.label import Label
from hmi.widgets.overlay import Outcome
from hmi.widgets.sheet import CONFIRM_S

if TYPE_CHECKING:
    from core.store.operation import Done

READING_S = 2 * CONFIRM_S
_HIDDEN = frozenset({"version"})
"""Arguments that are no part of the decision."""


def operation_word(operation: str) -> str:
    """What an operation does, in the current language; one without a word by its own name."""
    known = word(f"operation.{operation}", theme.language())
    return known.removeprefix("operation.")


def shown_arguments(args: Mapping[str, Any]) -> list[Shown]:
    """The arguments of a decision in words, where the caller gave none; secrets and what guards against old views are left out."""
    lines = []
    for name, value in args.items():
        if name not in _HIDDEN and not isinstance(value, Secret):
            label = word(f"argument.{name}", theme.language()).removeprefix("argument.")
            lines.append(Shown(label, "", _said(value)))
    return lines


def _said(value: object) -> str:
    language = theme.language()
    if isinstance(value, bool):
        return word("answer.yes" if value else "answer.no", language)
    if isinstance(value, Decimal):
        return number(value, max(0, -int(value.normalize().as_tuple().exponent)))
    if isinstance(value, datetime):
        return date_time(value, language)
    if isinstance(value, list | tuple | set | frozenset):
        return "、".join(map(_said, value)) if language == "ja" else ", ".join(map(_said, value))
    if value is None or value == "":
        return UNDEFINED
    role = word(f"role.{value}", language)
    return str(value) if role.startswith("role.") else role


class DecisionSheet(ProofSheet):
    """Base of both: shows what is decided, takes the proof, tries, and stays when only the proof was wrong.

    Attributes:
        done: What the decision became; None when it was left.
        failure: Why it could not be, when that was not about the proof.
    """

    def __init__(self, parent: QWidget, bridge: Bridge, name: str, deciding: Deciding, attempt: Attempt) -> None:
        super().__init__(parent, name, timeout_s=READING_S)
        self._bridge = bridge
        self._deciding = deciding
        self._attempt = attempt
        self._trying: asyncio.Task[Any] | None = None
        self.done: Done[Any] | None = None
        self.failure: Exception | None = None
        self.facts = Facts()
        self.content.addWidget(self.facts)
        self.content.addWidget(self.identity)
        self.on_confirm(self._decide)

    def proof(self, given: Given) -> Signature | Authorisation:
        """What the attempt takes."""
        raise NotImplementedError

    def stays(self, error: Exception) -> bool:
        """True when another entry in this sheet can help."""
        return isinstance(error, GenbaError) and error.code in ABOUT_THE_PROOF

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "facts"):
            self.say()
            self.refit()

    def say(self) -> None:
        """Set every text in the current language."""

    async def decided(self) -> Done[Any] | None:
        """Open the sheet and wait; what the decision became, None when it was left.

        Raises:
            GenbaError: Why it could not be.
        """
        try:
            await self.answer()
            # Whoever takes the panel over meanwhile closes the sheet, not what was sent: its outcome is still told.
            if self._trying is not None:
                await asyncio.wait([self._trying])
        finally:
            self.deleteLater()
        if self.failure is not None:
            raise self.failure
        return self.done

    def _decide(self) -> None:
        given = self.given()
        if given is not None:
            self.set_pending(True)
            self._trying = self._bridge.start(self._run(given), on_error=self._failed)

    async def _run(self, given: Given) -> None:
        self.done = await self._attempt(self.proof(given))
        self._leave("confirmed")

    def _failed(self, error: Exception) -> None:
        if self.stays(error):
            self.refuse(error)
        else:
            self.failure = error
            self._leave("cancelled")

    def _leave(self, outcome: Outcome) -> None:
        self.set_pending(False)
        self.close_with(outcome)


class SignatureSheet(DecisionSheet):
    """An electronic signature: who, when, with what meaning, on what. 21 CFR 11.50 and 11.200.

    Args:
        parent: The content area.
        bridge: Runs the attempt.
        deciding: What is signed; its operation declares a meaning.
        attempt: Takes the signature.
        names: Printed names by code of those known here.
        signer: Code of who signed before in this session; "" asks for it.
    """

    def __init__(
        self, parent: QWidget, bridge: Bridge, deciding: Deciding, attempt: Attempt, *, names: Mapping[str, str], signer: str = ""
    ) -> None:
        super().__init__(parent, bridge, "signature", deciding, attempt)
        self._names = {code.casefold(): name for code, name in names.items()}
        self.given_by: Given | None = None
        self.identity.code.set_text(signer)
        self.identity.changed.connect(self.say)
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self.say)
        self._clock.start()
        self.say()

    @property
    def meaning(self) -> str:
        """What the signing means, as the operation declares it."""
        return self._deciding.operation.meaning or ""

    def say(self) -> None:
        """Set every text in the current language, with the time as it is now."""
        language = theme.language()
        meaning = word(f"meaning.{self.meaning}", language).removeprefix("meaning.")
        self.set_title(f"{word('link.esign', language)}  {operation_word(self._deciding.operation.name)}")
        self.set_confirm_word(word("button.sign", language))
        self.identity.say()
        now = date_time(datetime.now(self._bridge.zone()), language)
        self.facts.show_lines(
            [
                *(self._deciding.shown or shown_arguments(self._deciding.args)),
                Shown(self.tr("Meaning"), "", meaning),
                Shown(self.tr("Signed by"), "", self._printed_name()),
                Shown(self.tr("Date and time"), "", now),
            ]
        )

    def _printed_name(self) -> str:
        if self.identity.badge:
            return self.tr("owner of the ID card")
        code = self.code.text()
        return f"{self._names[code.casefold()]} ({code})" if code.casefold() in self._names else code or UNDEFINED

    def proof(self, given: Given) -> Signature:
        """The signature with the declared meaning."""
        self.given_by = given
        return Signature(self.meaning, given.user_code, Secret(given.typed), given.badge)

    def stays(self, error: Exception) -> bool:
        """A missing right of who is signed in is not a matter of this sheet."""
        own = self.given_by is not None and self.given_by.user_code.casefold() == self._bridge.station.actor.user_code.casefold()
        return super().stays(error) and not (own and isinstance(error, GenbaError) and error.code == "store.no_right")


class AuthoriseSheet(DecisionSheet):
    """Somebody with the right lets this person do this one thing once; arguments as of ``DecisionSheet``."""

    def __init__(self, parent: QWidget, bridge: Bridge, deciding: Deciding, attempt: Attempt) -> None:
        super().__init__(parent, bridge, "authorise", deciding, attempt)
        self._why = Label("", "body", wrap=True)
        self.content.insertWidget(0, self._why)
        self.say()

    def say(self) -> None:
        """Set every text in the current language."""
        language = theme.language()
        operation = self._deciding.operation.name
        who = self._bridge.station.actor
        roles = [word(f"role.{role}", language) for role in roles_that_may(operation)]
        self.set_title(self.tr("Authorise once:  {operation}").format(operation=operation_word(operation)))
        self.set_confirm_word(self.tr("Authorise once"))
        self.identity.say()
        why = self.tr("{name} ({code}) has no right to do this. Somebody who has may allow it this once.")
        self._why.set_text(why.format(name=who.name, code=who.user_code))
        self.facts.show_lines(
            [
                *(self._deciding.shown or shown_arguments(self._deciding.args)),
                Shown(self.tr("May be allowed by"), "", _said(roles)),
            ]
        )

    def proof(self, given: Given) -> Authorisation:
        """The leave for this one request."""
        return Authorisation(given.user_code, Secret(given.typed), given.badge)
