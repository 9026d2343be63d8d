"""The certificate a machine shows, beside the one that was trusted, and the two steps by which somebody trusts it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from core.errors import GenbaError
from core.live.link import MachineCertificate, ShownCertificate
from core.live.tags import SourceSpec
from core.users.roles import ROLES, roles_that_may
from core.words import UNDEFINED, name, word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.bridge.machines import TRUST
from hmi.widgets.button import TouchButton
from hmi.widgets.facts import Facts
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.three_lines import ThreeLines

_AGAIN_S: Final = 2.0


class _Card(QFrame):
    """One certificate: whose it is, until when, and its fingerprint large enough to be compared."""

    def __init__(self) -> None:
        super().__init__()
        look = theme.current()
        self.setProperty("frame", "card")
        self.heading = Label("", "strong", wrap=True)
        self.facts = Facts()
        column = QVBoxLayout(self)
        column.setContentsMargins(look.px(12), look.px(6), look.px(12), look.px(6))
        column.setSpacing(look.px(4))
        column.addWidget(self.heading)
        column.addWidget(self.facts)
        column.addStretch(1)

    def show_certificate(self, heading: str, one: MachineCertificate, host: str, *, alone: bool) -> None:
        """Show ``one``; ``host`` is whom the station calls. ``alone``: no other card stands beside it."""
        self.heading.set_text(heading)
        made_for = ", ".join(one.hosts[:3]) or UNDEFINED
        if host.lower() not in (each.lower() for each in one.hosts):
            made_for = self.tr("{hosts} (not for {host})").format(hosts=made_for, host=host)
        days = f"{one.begins} – {one.ends}" if one.ends else UNDEFINED
        lines = [
            Shown(self.tr("Name"), "", one.name or UNDEFINED),
            Shown(self.tr("Made for"), "", made_for),
            Shown(self.tr("Valid"), "", days if one.valid else self.tr("{days} (NOT valid today)").format(days=days)),
        ]
        if one.issuer != one.name:
            lines.insert(1, Shown(self.tr("Signed by"), "", one.issuer or UNDEFINED))
        lines.append(Shown(self.tr("Fingerprint (SHA-256)") if alone else "SHA-256", "", in_lines(one.fingerprint, 8 if alone else 4)))
        self.facts.show_lines(lines)
        for layout in (self.facts.layout(), self.layout()):
            if layout is not None:
                layout.invalidate()  # the sheet asks for the height now, and a card that was hidden remembers another one
                layout.activate()
        self.updateGeometry()


class CertificateSheet(BottomSheet):
    """One touch asks for it, one touch at the other side trusts it. Everybody may look.

    It is asked anew while it is open: a machine that shows another certificate by now takes the second step back.

    Args:
        parent: The content area.
        bridge: Asks and decides through it.
        spec: The source.

    Signals:
        done(): The certificate is trusted.
    """

    done = Signal()

    def __init__(self, parent: QWidget, bridge: Bridge, spec: SourceSpec) -> None:
        super().__init__(parent)
        self._bridge, self._spec = bridge, spec
        self._shown: ShownCertificate | None = None
        self._asking = self._sure = False
        self._asked_at = 0.0
        self.setObjectName("sheet.certificate")
        self.trouble = ThreeLines(closable=False)
        self.trusted, self.seen = _Card(), _Card()
        self.advice = Label("", "body", wrap=True)
        self.trust = TouchButton("", icon="lock", large=True)
        self.trust.setObjectName("certificate.trust")
        self._build()
        self.trust.clicked.connect(self._first_step)
        self.on_confirm(self._confirm)
        self.finished.connect(self.deleteLater)
        bridge.frame.connect(self._frame)
        self.say()
        self._ask()

    def _build(self) -> None:
        pair = QHBoxLayout()
        pair.setSpacing(theme.current().px(10))
        pair.addWidget(self.trusted, 1)
        pair.addWidget(self.seen, 1)
        self.content.addWidget(self.trouble)
        self.content.addLayout(pair)
        self.content.addWidget(self.advice)
        self.foot.insertWidget(0, self.trust)  # the first step stands left, the second right
        for part in (self.trouble, self.trusted, self.seen, self.trust, self.advice):
            part.hide()

    # -- asking --------------------------------------------------------------------------------------------------

    def _frame(self, _: float) -> None:
        waits = self.isVisible() and not self._asking and not self.confirm_button.pending
        if waits and time.monotonic() - self._asked_at >= _AGAIN_S:
            self._ask()

    def _ask(self) -> None:
        self._asking, self._asked_at = True, time.monotonic()
        self._bridge.start(self._load(), on_error=self._failed, reader=self)

    async def _load(self) -> None:
        try:
            self.show_certificates(await self._bridge.machines.certificates(self._spec.code))
        finally:
            self._asking = False

    def show_certificates(self, shown: ShownCertificate) -> None:
        """Show what is shown and what is trusted; another one than a moment ago is looked at from the beginning."""
        if shown != self._shown:
            self._shown, self._sure = shown, False
            self.say()
            self.refit()

    # -- words ---------------------------------------------------------------------------------------------------

    @property
    def may_trust(self) -> bool:
        """Whether whoever is signed in could trust what is shown, and it would help."""
        seen = self._shown.seen if self._shown is not None else None
        return seen is not None and seen.valid and self._bridge.machines.may(TRUST)

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "trust"):
            self.say()
            self.refit()

    def say(self) -> None:
        """Set every text in the current language."""
        language, shown = theme.language(), self._shown
        source = name(self._spec.label, language) or self._spec.code
        self.set_title(self.tr("Certificate of {source}").format(source=source))
        self.cancel_button.setVisible(self._sure)
        self.confirm_button.kind = "primary"
        self.set_confirm_text(word("button.close", language))
        if shown is None:
            return
        self._say_cards(shown)
        self.trust.setText(self.tr("Trust this certificate"))
        self.trust.setVisible(self.may_trust and not self._sure)
        self.advice.set_text(self._advice())
        self.advice.setVisible(bool(self.advice.text()))
        if self._sure:
            self.confirm_button.kind = "danger" if shown.trusted is not None else "primary"
            self.set_confirm_text(self.tr("It is the same: trust it"))
        self.confirm_button.update()

    def _say_cards(self, shown: ShownCertificate) -> None:
        host = urlsplit(self._spec.url).hostname or ""
        self.trusted.setVisible(shown.trusted is not None)
        self.seen.setVisible(shown.seen is not None)
        if shown.trusted is not None:
            heading = self.tr("Trusted until now") if shown.seen is not None else self.tr("Trusted")
            self.trusted.show_certificate(heading, shown.trusted, host, alone=shown.seen is None)
        if shown.seen is not None:
            heading = self.tr("Shown by the machine now")
            self.seen.show_certificate(heading, shown.seen, host, alone=shown.trusted is None)
        error = None if self._sure else self._error(shown)
        if error is None:
            self.trouble.clear()
        else:
            self.trouble.show_error(error)

    def _error(self, shown: ShownCertificate) -> GenbaError | None:
        one = shown.seen or shown.trusted
        if one is None:
            return GenbaError("store.certificate_unseen", source=dict(self._spec.label) or self._spec.code)
        told = {"source": dict(self._spec.label) or self._spec.code, "detail": one.name or UNDEFINED}
        if not one.valid:
            return GenbaError("driver.certificate_expired", **told | {"detail": f"{one.begins} – {one.ends}"})
        if shown.seen is None:
            return None
        if shown.trusted is None:
            return GenbaError("driver.certificate_unknown", **told)
        return GenbaError("driver.certificate_changed", **told | {"detail": f"{shown.trusted.fingerprint[:4]} … → {one.fingerprint[:4]} …"})

    def _advice(self) -> str:
        if self._sure:
            words = self.tr("Only if all 16 groups are the same at the machine itself. From then on {source} gets this station's password.")
            return words.format(source=name(self._spec.label, theme.language()) or self._spec.code)
        if self._shown is None or self._shown.seen is None or self._bridge.machines.may(TRUST):
            return ""
        roles = ", ".join(name(ROLES[code].name, theme.language()) for code in roles_that_may(TRUST))
        return self.tr("These roles may trust it: {roles}").format(roles=roles)

    # -- the two steps -------------------------------------------------------------------------------------------

    def _first_step(self) -> None:
        self._sure = True
        self.say()
        self.refit()

    def _confirm(self) -> None:
        seen = self._shown.seen if self._shown is not None else None
        if not self._sure or seen is None:
            self.close_with("confirmed")
            return
        self.set_pending(True)
        self._bridge.start(self._run(seen.fingerprint), on_error=self._failed)

    async def _run(self, fingerprint: str) -> None:
        await self._bridge.machines.trust(self._spec.code, fingerprint)
        self.set_pending(False)
        self.close_with("confirmed")
        self.done.emit()

    def _failed(self, error: Exception) -> None:
        self._sure = False
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))
        self.say()
        self.refit()


def in_lines(fingerprint: str, groups_each: int) -> str:
    """A fingerprint in lines of so many groups, as machines show them."""
    groups = fingerprint.split()
    return "\n".join("  ".join(groups[at : at + groups_each]) for at in range(0, len(groups), groups_each))


def certificate_button(pressed: Callable[[], None]) -> TouchButton:
    """Leads to the sheet; hidden until there is something to decide."""
    button = TouchButton("", icon="lock")
    button.setObjectName("connection.certificate")
    button.clicked.connect(pressed)
    button.hide()
    return button
