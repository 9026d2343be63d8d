"""The header: what is wrong with the machines, the database, the time, who works here, the language."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.live.link import LinkState, LinkStatus
from core.words import day, duration, name, number, word
from hmi import theme
from hmi.shell.cell import Cell
from hmi.shell.pulse import PulseMark

if TYPE_CHECKING:
    from core.equipment.call_views import CallView
    from core.store.operation import Actor

BEATS_MISSED_S = 5.0
"""So long the station may give no beat before the mark says that it stands still."""
_BAD = (LinkState.OFFLINE, LinkState.DEGRADED)


class Header(QWidget):
    """Top row of the window; takes facts by ``show_…`` methods and knows no service.

    Signals:
        calls_pressed(): The cell of the open calls was touched.
        problem_pressed(str): The machine banner was touched; code of the source it speaks of, "" when it speaks of all.
        link_pressed(): The database cell was touched.
        user_pressed(): The user cell was touched: sign in, switch or sign out.
        language_pressed(): The other language was asked for.
    """

    calls_pressed = Signal()
    problem_pressed = Signal(str)
    link_pressed = Signal()
    user_pressed = Signal()
    language_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._links: dict[str, LinkStatus] = {}
        self._labels: dict[str, str] = {}
        self._zone: tzinfo | None = None  # until the site's is known, that of this computer
        self._database: bool | None = None
        self._waiting = 0
        self._parked = 0
        self._read_only = False
        self._actor: Actor | None = None
        self._must_change_pin = False
        self._seconds_left: int | None = None
        self._beat_at = time.monotonic()
        self._silent: tuple[str, ...] | None = ()
        self._calls: tuple[CallView, ...] = ()
        self._shift: Mapping[str, str] = {}
        self.banner = Cell("banner", None)
        self.calls = Cell("calls", 118)
        self.calls.hide()
        self.link = Cell("link", 118)
        self.pulse = PulseMark()
        self.clock = Cell("clock", 96)
        self.user = Cell("user", 136)
        self.speech = Cell("language", 84)
        self.clock.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.clock.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        row = QHBoxLayout(self)
        row.setContentsMargins(*[theme.current().px(6)] * 4)
        row.setSpacing(theme.current().px(6))
        for cell in (self.banner, self.calls, self.link, self.pulse, self.clock, self.user, self.speech):
            row.addWidget(cell)
        self._connect()
        self._tick = QTimer(self)
        self._tick.setInterval(1000)
        self._tick.timeout.connect(self._second)
        self._tick.start()
        self.retranslate()

    def _connect(self) -> None:
        self.banner.clicked.connect(lambda: self.problem_pressed.emit(self._worst()))
        self.calls.clicked.connect(self.calls_pressed)
        self.link.clicked.connect(self.link_pressed)
        self.user.clicked.connect(self.user_pressed)
        self.speech.clicked.connect(self.language_pressed)

    # -- facts ---------------------------------------------------------------------------------------------------

    def show_links(self, links: dict[str, LinkStatus], labels: dict[str, str]) -> None:
        """State of every source and its name on the floor, both keyed by source code."""
        self._links, self._labels = links, labels
        self._show_banner()

    def show_database(self, up: bool | None, waiting: int, parked: int = 0, *, read_only: bool = False) -> None:
        """Whether the database is there (None: not known yet), how many decisions wait for it, how many need attention.

        Args:
            read_only: This panel only shows: it reads no machines, and a connection is not on its way.
        """
        self._database, self._waiting, self._parked, self._read_only = up, waiting, parked, read_only
        self._show_link()
        self._show_banner()

    def show_actor(self, actor: Actor | None, *, must_change_pin: bool = False) -> None:
        """Who is signed in, and whether his PIN is due; None or a guest shows the invitation to sign in."""
        self._actor = actor
        self._must_change_pin = must_change_pin
        self._show_user()

    def show_seconds_left(self, seconds: int | None) -> None:
        """Count down to the automatic sign-off; None when it is far away."""
        if seconds != self._seconds_left:
            self._seconds_left = seconds
            self._show_user()

    def show_beat(self, count: int, silent: tuple[str, ...]) -> None:
        """A sign of life from the station: the mark moves; or ``silent`` names what gave none, and the banner says so."""
        self._beat_at = time.monotonic()
        self.pulse.show_beat(count, alive=not silent)
        self._show_silent(silent)

    def show_calls(self, calls: Sequence[CallView]) -> None:
        """Open calls for help, the most urgent first; they stand on every screen until somebody has resolved them."""
        self._calls = tuple(calls)
        self._show_calls()

    def show_shift(self, shift: Mapping[str, str]) -> None:
        """Name by language of the running shift; {} when there is none, or not one for all."""
        if shift != self._shift:
            self._shift = shift
            self._show_time()

    def _second(self) -> None:
        self._show_time()
        self._show_calls()
        if time.monotonic() - self._beat_at > BEATS_MISSED_S and self.pulse.began:
            self.pulse.show_beat(self.pulse.count, alive=False)
            self._show_silent(None)

    def _show_silent(self, silent: tuple[str, ...] | None) -> None:
        if silent != self._silent:
            self._silent = silent
            self._show_banner()

    def show_zone(self, zone: tzinfo) -> None:
        """Time zone of the site; the clock shows the site's time wherever the panel PC thinks it is."""
        self._zone = zone
        self._show_time()

    # -- words ---------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        """Set every text in the current language."""
        self._show_banner()
        self._show_calls()
        self._show_link()
        self._show_time()
        self._show_user()
        self.speech.show_text(self.tr("日本語") if theme.language() == "en" else "English", tone="accent")

    def _bad(self) -> list[LinkStatus]:
        """Links in trouble, the longest first."""
        return sorted((link for link in self._links.values() if link.state in _BAD), key=lambda link: link.since)

    def _worst(self) -> str:
        return next((link.source for link in self._bad()), "")

    def _show_banner(self) -> None:
        bad = self._bad()
        if self._silent is None or self._silent:
            drivers = self._silent is not None and "drivers" in self._silent
            what = self.tr("Machines are not being read") if drivers else self.tr("The screen stands still")
            by_itself, by_hand = (
                self.tr("old values; it restarts by itself"),
                self.tr("restart the program; entries are kept"),
            )
            do = by_itself if drivers else by_hand
            self.banner.show_text(what, do, glyph="exclamation", tone="danger")
        elif bad:
            first = bad[0]
            since = datetime.fromtimestamp(first.since, self._zone).strftime("%H:%M:%S")
            label = self._labels.get(first.source, first.source)
            more = self.tr("+{n} more").format(n=len(bad) - 1) if len(bad) > 1 else ""
            words = self.tr("no contact since {time}") if first.state is LinkState.OFFLINE else self.tr("partly no answer since {time}")
            self.banner.show_text(label, words.format(time=since), glyph="link_cut", tone="danger", note=more)
        elif self._links and all(link.state is LinkState.STOPPED for link in self._links.values()):
            self.banner.show_text(self.tr("Machines are read by another station"), self.tr("values are relayed"), tone="text2")
        elif self._read_only and not self._links:
            self.banner.show_text(self.tr("Machines are not read here"), self.tr("this panel only shows"), tone="text2")
        elif any(link.state is LinkState.CONNECTING for link in self._links.values()) or not self._links:
            self.banner.show_text(self.tr("Machines"), self.tr("connecting …"), tone="text2")
        else:
            online = sum(link.state is LinkState.ONLINE for link in self._links.values())
            self.banner.show_text(self.tr("All machines connected"), self.tr("{n} sources").format(n=online), tone="text2")

    def _show_calls(self) -> None:
        """Whom, where, for how long; in the colour of trouble as long as nobody has come."""
        self.calls.setVisible(bool(self._calls))
        if not self._calls:
            return
        first = self._calls[0]
        waited = duration(max(0.0, time.time() - first.opened_at.timestamp()))
        note = f"+{len(self._calls) - 1}" if len(self._calls) > 1 else ""
        small = f"{first.line_code} {waited}{'!' * first.level}"
        tone = "text" if first.responded_at is not None else "danger"
        self.calls.show_text(word(f"call.{first.kind}", theme.language()), small, glyph="call", tone=tone, note=note)

    def _show_link(self) -> None:
        language = theme.language()
        waiting = self.tr("waiting {n}").format(n=number(self._waiting))
        if self._parked:
            self.link.show_text(self.tr("Attention {n}").format(n=number(self._parked)), waiting, glyph="exclamation", tone="danger")
            return
        if self._database is None:
            self.link.show_text(word("link.CONNECTING", language), waiting, tone="text2")
        elif self._database:
            self.link.show_text(word("link.ONLINE", language), waiting, glyph="link_ok")
        else:
            self.link.show_text(word("link.OFFLINE", language), waiting, glyph="link_cut", tone="danger")

    def _show_time(self) -> None:
        now = datetime.fromtimestamp(time.time(), self._zone)
        shift = name(self._shift, theme.language()) if self._shift else ""
        date = day(now, theme.language())
        if shift and theme.language() == "en":
            date = date.partition(" (")[0]  # with the weekday both would not fit the header of a small panel
        self.clock.show_text(now.strftime("%H:%M:%S"), f"{date} {shift}".rstrip())

    def _show_user(self) -> None:
        actor = self._actor
        language = theme.language()
        if actor is None or actor.session_id is None:
            self.user.show_text(word("role.guest", language), self.tr("Sign in"), glyph="users", tone="accent")
            return
        role = " · ".join(word(f"role.{role}", language) for role in sorted(actor.roles)[:1])
        if self._seconds_left is not None:
            role = self.tr("sign-off in {n} s").format(n=self._seconds_left)
        elif self._must_change_pin:
            role = self.tr("change your PIN")
        self.user.show_text(actor.name, role, glyph="users")

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Re-text at a language change."""
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)
