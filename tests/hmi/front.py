"""A window in front of a station that is only a stand-in: who signs in, signs and authorises is told by the test, at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from core.config import StationSettings
from core.equipment.views import SiteView
from core.errors import GenbaError, Refused, Unavailable
from core.live.table import Table
from core.store.operation import GUEST, Actor, Authorisation, Done, Operation, Signature
from core.store.query import Answer, Query
from core.users.roles import permissions_of
from hmi import theme
from hmi.bridge import Bridge
from hmi.shell.window import Window
from hmi.widgets.overlay import Overlay
from tests.hmi.screen import Loop


@dataclass
class Person:
    """Somebody with a PIN, a badge and roles."""

    code: str
    name: str
    pin: str
    badge: str
    roles: tuple[str, ...]

    def actor(self, session: UUID | None) -> Actor:
        return Actor(self.code, self.name, frozenset(self.roles), permissions_of(self.roles), "P1", session)


CREW = (
    Person("tanaka", "田中 一郎", "204615", "EMP-0001", ("operator",)),
    Person("ito", "伊藤 美咲", "527193", "EMP-0002", ("supervisor",)),
    Person("admin", "管理者", "918263", "EMP-0003", ("administrator",)),
    Person("mori", "森 健", "482910", "EMP-0004", ("administrator",)),
)


@dataclass
class Asked:
    """One decision that reached the station."""

    operation: str
    args: dict[str, Any]
    signature: Signature | None
    authorisation: Authorisation | None


@dataclass
class StandIn:
    """What the window needs of a station; ``refusals`` are raised by the next sign-ins and proofs, first come first served."""

    actor: Actor = GUEST
    must_change_pin: bool = False
    why_change: str = ""
    also_at: tuple[str, ...] = ()
    offline_until: datetime | None = None
    pin_digits: int = 6
    refusals: list[GenbaError] = field(default_factory=list)
    answers: list[Exception] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    watchers: list[Callable[[str, Any], None]] = field(default_factory=list)
    site: SiteView = field(default_factory=lambda: SiteView({}, (), (), (), {}, {}))
    links: dict[str, Any] = field(default_factory=dict)
    table: Table = field(default_factory=Table)
    database_up: bool = True
    read_only: GenbaError | None = None
    waiting: int = 0
    overtaken: Any = field(default_factory=lambda: SimpleNamespace(count=0))
    drafts: Any = field(
        default_factory=lambda: SimpleNamespace(find=lambda *_: None, of=lambda _: (), keep=lambda *_, **__: None, drop=lambda *_: None)
    )
    keeping: Any = field(default_factory=lambda: SimpleNamespace(troubles=(), copies=None))
    pins: dict[str, str] = field(default_factory=lambda: {person.code: person.pin for person in CREW})

    @property
    def people(self) -> StandIn:
        return self

    def watch(self, watcher: Callable[[str, Any], None]) -> Callable[[], None]:
        self.watchers.append(watcher)
        return lambda: self.watchers.remove(watcher)

    def _become(self, actor: Actor) -> None:
        self.actor = actor
        for watcher in self.watchers:
            watcher("actor", actor)

    def proven(self, code: str, typed: str, badge: str) -> Person:
        if self.refusals:
            raise self.refusals.pop(0)
        for person in CREW:
            if badge == person.badge or (not badge and code.casefold() == person.code):
                if typed == self.pins[person.code]:
                    return person
                raise Refused("users.wrong")
        raise Refused("users.badge_unknown" if badge else "users.wrong")

    async def sign_in(self, user_code: str, typed: str, *, badge: str = "") -> Actor:
        person = self.proven(user_code, typed, badge)
        await self.sign_out()
        self._become(person.actor(uuid4()))
        return self.actor

    async def sign_out(self) -> None:
        if self.actor.session_id is not None:
            self._become(GUEST)

    async def change_pin(self, current: str, new: str) -> None:
        self.proven(self.actor.user_code, current, "")
        self.pins[self.actor.user_code] = new
        self.must_change_pin, self.why_change = False, ""
        self._become(self.actor)

    async def do(
        self,
        operation: Operation[..., Any],
        /,
        *,
        signature: Signature | None = None,
        authorisation: Authorisation | None = None,
        **args: Any,
    ) -> Done[Any]:
        self.asked.append(Asked(operation.name, args, signature, authorisation))
        if authorisation is not None:
            self._may(self.proven(authorisation.user_code, authorisation.proof.reveal(), authorisation.badge), operation)
        elif not self.actor.may(operation.name):
            raise Refused("store.no_right", operation=operation.name)
        if operation.meaning is not None:
            if signature is None:
                raise Refused("store.signature_needed", meaning=operation.meaning)
            self._may(self.proven(signature.user_code, signature.proof.reveal(), signature.badge), operation)
        if self.answers:
            raise self.answers.pop(0)
        return Done(SimpleNamespace(), uuid4(), "applied")

    async def ask(self, query: Query[..., Any], /, **_: Any) -> Answer[Any]:
        """It has no database: nothing of the shop is known."""
        raise Unavailable("store.closed", unknown=False)

    def _may(self, person: Person, operation: Operation[..., Any]) -> None:
        if not person.actor(None).may(operation.name):
            raise Refused("store.no_right", operation=operation.name)


class Front:
    """The window, and the hands and eyes of whoever stands in front of it."""

    def __init__(self, loop: Loop, size: tuple[int, int] = (1024, 768), diagonal_inch: float | None = None) -> None:
        self.loop = loop
        theme.apply(loop.qapp, theme.Theme(language="en", diagonal_inch=diagonal_inch, screen_px=size))
        self.station = StandIn()
        self.window = Window(Bridge(), StationSettings(name="P1", language="en"))
        self.window.resize(*size)
        self.window.show()
        self.window.activateWindow()
        loop.run(self.window.first_paint())
        QTest.qWaitForWindowActive(self.window)
        self.bridge.attach(self.station)  # type: ignore[arg-type]

    @property
    def bridge(self) -> Bridge:
        return self.window.bridge

    def close(self) -> None:
        self.loop.run(self.bridge.close())
        self.window.deleteLater()
        self.loop.qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def turn(self, seconds: float = 0.02) -> None:
        self.loop.turn(seconds)

    def speak(self, language: theme.Language) -> None:
        theme.set_language(self.loop.qapp, language)
        self.turn()

    def until(self, what: str, is_so: Callable[[], object], within_s: float = 60.0) -> None:
        self.loop.until(what, is_so, within_s)

    def sheets(self) -> list[str]:
        """Names of the open sheets, the topmost last."""
        return [sheet.objectName() or type(sheet).__name__ for sheet in self._open()]

    def _open(self) -> list[Overlay]:
        return [sheet for sheet in self.window.findChildren(Overlay) if sheet.isVisible()]

    def top(self, name: str) -> Any:
        """The topmost open sheet, which has this name."""
        sheet = self._open()[-1]
        assert (sheet.objectName() or type(sheet).__name__) == name, self.sheets()
        return sheet

    def tap(self, widget: QWidget) -> None:
        assert widget.isVisible()
        assert widget.isEnabled()
        if hasattr(widget, "guard_ms"):
            self.until("the guard is over", lambda: not widget._last.isValid() or widget._last.elapsed() >= widget.guard_ms)
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)

    def type(self, field: Any, text: str) -> None:
        field.edit.setFocus()
        field.edit.selectAll()
        QTest.keyClicks(field.edit, text)

    def key(self, key: Qt.Key) -> None:
        QTest.keyClick(self.window.focusWidget() or self.window, key)

    def scan(self, code: str) -> None:
        """Hold a card to the reader: keys at the window's door, fast."""
        handle = self.window.windowHandle()
        assert handle is not None
        for sign in code:
            QTest.keyClick(handle, sign)  # type: ignore[call-overload]
        QTest.keyClick(handle, Qt.Key.Key_Return)

    def give(self, sheet: Any, code: str, pin: str) -> None:
        """Fill in who and the secret, and press the button; returns when it was answered."""
        if code:
            self.type(sheet.code, code)
        self.type(sheet.secret, pin)
        self.tap(sheet.confirm_button)
        self.until("an answer", lambda: not sheet.confirm_button.pending)
        self.turn()

    def sign_in(self, code: str, pin: str = "") -> None:
        if "sheet.sign_in" not in self.sheets():
            self.tap(self.window.header.user)
        pins = {person.code: person.pin for person in CREW}
        self.give(self.top("sheet.sign_in"), code, pin or pins[code])

    @property
    def toast(self) -> str:
        toasts = self.window.content.toasts
        return toasts.accessibleName() if toasts.isVisible() else ""
