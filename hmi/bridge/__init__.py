"""The only crossing between screen and station: frame tick, actions, questions, notices.

Panels and sheets call ``await bridge.do(…)``, ``ask`` and the verbs of ``bridge.machines``; live widgets are registered with ``show`` and
receive samples from one frame timer, so that a thousand tags cost ten repaints a second and hidden panels cost nothing.
"""

from __future__ import annotations

import logging
import time
import weakref
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from core.errors import Refused
from core.live.sample import Quality, Sample
from hmi.bridge.actions import Actions
from hmi.bridge.machines import Machines

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from core.station.overtaken import Overtaken
    from core.station.station import Station
    from core.store.drafts import Drafts
    from core.store.operation import Actor, Authorisation, Done, Operation, Signature
    from core.store.query import Answer, Query
    from core.users.export import Exported

log = logging.getLogger(__name__)

FRAME_MS = 100
AGE_EVERY_FRAMES = 10
SLOW_SLOT_S = 0.1

_LEAVE_HELPS = frozenset({"store.no_right", "store.not_on_this_line"})
"""Refusals that somebody with the right can lift for one time."""

V = TypeVar("V")


class Left(Refused):
    """The person left a step that was asked of him on the way: nothing was decided, and nobody has to be told."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of what is decided, for whoever signs or authorises it.

    Attributes:
        label: In the current language.
        old: As it is now; "" when there is nothing before.
        new: As it will be.
    """

    label: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Deciding:
    """A decision under way that needs a signature or somebody else's leave; what the hooks of the bridge are shown.

    Attributes:
        operation: What is decided.
        args: Its arguments by name.
        shown: The same in words, where the caller gave them.
    """

    operation: Operation[..., Any]
    args: Mapping[str, Any]
    shown: Sequence[Shown] = field(default=())


Attempt = Callable[[Any], Awaitable["Done[Any]"]]
"""Decides with a Signature or an Authorisation; may be called again after a refusal of who gave it."""
Hook = Callable[[Deciding, Attempt], Awaitable["Done[Any] | None"]]
"""Asks a person and calls the attempt; None when he left. What is not about the person's proof comes out as it was raised."""


class ShowsSample(Protocol):
    """A live widget: repaints itself when the text or severity of what it shows changed."""

    def show_sample(self, sample: Sample, now: float) -> None:
        """Take the latest sample; ``now`` is UNIX seconds UTC, for ages. Called at most 10 times a second on the GUI thread."""
        ...


class Bridge(QObject):
    """One per window. All methods belong to the GUI thread.

    The window is painted before the station is loaded; until ``attach`` actions and questions wait, live widgets
    show that nothing was received yet.

    Attributes:
        machines: Setpoints, connections, a closer look at values.
        ask_signature: Installed by the shell; None: a signature cannot be given here.
        ask_authorisation: Installed by the shell; None: nobody is asked, the refusal stands.

    Signals:
        ready(): The station is attached; panels may ask.
        noticed(frozenset[str]): Things other stations or this one changed, ``"order:<id>"``; ``"*"`` after a gap.
        link_changed(LinkStatus): The connection to one source changed.
        database_changed(bool): The database came (True) or went.
        actor_changed(Actor): Somebody signed in or out.
        waiting_changed(int): Operations in the journal that are not yet in the database.
        storage_changed(): A disk is filling up or well again, a copy of the database failed or was made.
        site_changed(): Lines, tags or sources were replaced; panels build themselves anew.
        pulsed(Beat): Once a second: the station has looked whether everything behind the screen is alive.
        frame(float): After live widgets were served; UNIX seconds UTC. For trends.
        pin_due(): Nothing is done before whoever is signed in has another PIN.
        failed(object): A task started with ``start`` raised; the GenbaError to show.
    """

    ready = Signal()
    noticed = Signal(object)
    link_changed = Signal(object)
    database_changed = Signal(bool)
    actor_changed = Signal(object)
    waiting_changed = Signal(int)
    site_changed = Signal()
    storage_changed = Signal()
    pulsed = Signal(object)
    frame = Signal(float)
    pin_due = Signal()
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.machines = Machines(self)
        self.ask_signature: Hook | None = None
        self.ask_authorisation: Hook | None = None
        self._station: Station | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._shown: dict[str, list[weakref.ref[Any]]] = defaultdict(list)
        self._tag_of: dict[int, str] = {}
        self._frames = 0
        self._actions = Actions(self._tell)
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._tick)

    # -- the station ---------------------------------------------------------------------------------------------

    @property
    def station(self) -> Station:
        """The attached station; only to be used after ``ready``."""
        if self._station is None:
            raise RuntimeError("the station is not attached yet")
        return self._station

    @property
    def is_ready(self) -> bool:
        """True once the station is attached."""
        return self._station is not None

    def attach(self, station: Station) -> None:
        """Connect the started station: live values begin to flow, waiting actions go on."""
        self._station = station
        station.watch(self._on_notice)
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._timer.start()
        self.ready.emit()

    def _on_notice(self, kind: str, value: Any) -> None:
        signal = {
            "changed": self.noticed,
            "link": self.link_changed,
            "database": self.database_changed,
            "actor": self.actor_changed,
            "waiting": self.waiting_changed,
            "pulse": self.pulsed,
        }.get(kind)
        if signal is not None:
            signal.emit(value)
        elif kind == "site":
            self.site_changed.emit()
        elif kind == "storage":
            self.storage_changed.emit()

    # -- actions and questions -----------------------------------------------------------------------------------

    async def until_attached(self) -> None:
        """Return as soon as there is a station."""
        if self._station is not None:
            return
        import asyncio  # loaded after the first paint, and so is whoever waits here

        waiter = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)

    async def do(self, operation: Operation[..., V], /, *, shown: Sequence[Shown] = (), **args: Any) -> Done[V]:
        """Decide something: returns what it became, applied or waiting.

        A signature, or the leave of somebody with the right, is asked for on the way; the caller does not know of it.

        Args:
            operation: What is decided.
            shown: What changes, in words, for whoever signs or authorises it; () shows the arguments.
            **args: Of the operation.

        Raises:
            Left: The person did not sign: leave the pending state, say nothing.
            GenbaError: One of the six.
        """
        await self.until_attached()
        deciding = Deciding(operation, args, shown)
        try:
            return await self._decide(deciding, None)
        except Refused as refusal:
            if refusal.code == "users.must_change":
                self.pin_due.emit()
            if refusal.code not in _LEAVE_HELPS or self.ask_authorisation is None or self.station.actor.session_id is None:
                raise
            done = await self.ask_authorisation(deciding, lambda leave: self._decide(deciding, leave))
            if done is None:
                raise
            return done

    async def _decide(self, deciding: Deciding, leave: Authorisation | None) -> Done[Any]:
        """Decide, signed where that is asked; without the right nobody is asked to sign first."""
        operation, given = deciding.operation, dict(deciding.args)
        if leave is not None:
            given["authorisation"] = leave
        if operation.meaning is None or self.ask_signature is None or (leave is None and not self.may(operation)):
            return await self.station.do(operation, **given)

        async def attempt(signature: Signature) -> Done[Any]:
            return await self.station.do(operation, signature=signature, **given)

        done = await self.ask_signature(deciding, attempt)
        if done is None:
            raise Left("shell.left")
        return done

    async def ask(self, query: Query[..., V], /, **args: Any) -> Answer[V]:
        """Read something, from the database or, when it is away, from the local snapshot with its age. Raises Unavailable."""
        await self.until_attached()
        return await self.station.ask(query, **args)

    async def sign_in(self, user_code: str, typed: str, *, badge: str = "") -> Actor:
        """Sign in with PIN or password; what was typed leaves this process only as a proof. Raises Refused or Unavailable."""
        await self.until_attached()
        return await self.station.people.sign_in(user_code, typed, badge=badge)

    async def change_pin(self, current: str, new: str) -> None:
        """Change the PIN of whoever is signed in. Raises Refused, Invalid or Unavailable."""
        await self.until_attached()
        await self.station.change_pin(current, new)

    async def sign_out(self) -> None:
        """Become a guest again."""
        await self.until_attached()
        await self.station.people.sign_out()

    @property
    def overtaken(self) -> Overtaken:
        """Decisions of this station that need somebody; only to be used after ``ready``."""
        return self.station.overtaken

    @property
    def drafts(self) -> Drafts:
        """Half-typed forms, kept over a restart; only to be used after ``ready``."""
        return self.station.drafts

    async def export_trail(self, path: Path, **asked: Any) -> Exported:
        """A signed copy of the audit trail in ``path``; ``asked`` as for ``search_trail``. Raises Refused, Unavailable, Invalid."""
        return await self.station.exports.trail(path, self.station.settings.name, **asked)

    async def beside(self, work: Callable[[], V]) -> V:
        """What ``work`` gives, made beside the screen's loop: it touches no widget."""
        return await self.station.exports.beside(work)

    async def export_file(self, name: str, content: bytes) -> Path:
        """``content`` in a new file of this station's export folder. Raises Unavailable ``tabular.not_written``."""
        return await self.station.exports.file(self.station.settings.home / "export" / name, content)

    def may(self, operation: Operation[..., Any]) -> bool:
        """True when whoever is signed in has the right to ``operation``."""
        return self._station is not None and self._station.actor.may(operation.name)

    def start(
        self, action: Coroutine[Any, Any, Any], on_error: Callable[[Exception], None] | None = None, reader: QObject | None = None
    ) -> asyncio.Task[Any]:
        """Run ``action`` as a task that is kept alive, cancelled at shutdown, and whose failure is shown.

        Args:
            action: What to run on the GUI loop.
            on_error: Takes the exception instead of the ``failed`` signal, as long as the widget it belongs to is there.
            reader: What ``action`` only reads for: it ends when this is destroyed. Never given for what decides something.
        """
        return self._actions.start(action, on_error, reader)

    @property
    def under_way(self) -> int:
        """Actions that have not ended yet."""
        return len(self._actions)

    def _tell(self, error: BaseException) -> None:
        if not isinstance(error, Left):
            self.failed.emit(error)

    async def close(self) -> None:
        """Stop the frame timer and cancel every task started here; returns when they are gone."""
        self._timer.stop()
        await self._actions.close()

    # -- live values ---------------------------------------------------------------------------------------------

    def show(self, widget: QWidget, tag: str) -> None:
        """Keep ``widget`` (a ShowsSample) supplied with ``tag`` while it is visible; replaces an earlier tag of it."""
        self.forget(widget)
        self._shown[tag].append(weakref.ref(widget))
        self._tag_of[id(widget)] = tag
        widget.installEventFilter(self)
        key = id(widget)
        widget.destroyed.connect(lambda: self._tag_of.pop(key, None))
        self._serve(tag, widget, time.time())

    def forget(self, widget: QWidget) -> None:
        """Stop supplying ``widget``; harmless when it never was."""
        tag = self._tag_of.pop(id(widget), None)
        if tag is not None:
            self._shown[tag] = [ref for ref in self._shown[tag] if ref() is not None and ref() is not widget]
            widget.removeEventFilter(self)

    def zone(self) -> tzinfo:
        """Time zone of the site; UTC before one is known."""
        from zoneinfo import ZoneInfo

        lines = self._station.site.lines if self._station is not None else ()
        return ZoneInfo(lines[0].time_zone) if lines else UTC

    def sample(self, tag: str) -> Sample:
        """Latest sample of ``tag``; quality NEVER when nothing arrived yet or no station is attached."""
        if self._station is None:
            return Sample(tag, None, Quality.NEVER)
        return self._station.table.get(tag)

    def shown_tags(self) -> list[tuple[str, QWidget]]:
        """Every (tag, widget) that is visible now, for ``--state-json``."""
        visible = []
        for tag, refs in self._shown.items():
            for ref in refs:
                widget = ref()
                if widget is not None and widget.isVisible():
                    visible.append((tag, widget))
        return visible

    def _serve(self, tag: str, widget: Any, now: float) -> None:
        widget.show_sample(self.sample(tag), now)

    def _tick(self) -> None:
        begin = time.monotonic()
        now = time.time()
        self._frames += 1
        changed = self.station.table.take_changed()
        # Once a second every visible widget is served, so that ages count up and a tag without news turns stale on screen.
        tags = list(self._shown) if self._frames % AGE_EVERY_FRAMES == 0 else [tag for tag in changed if tag in self._shown]
        for tag in tags:
            for ref in self._shown[tag]:
                widget = ref()
                if widget is not None and widget.isVisible():
                    self._serve(tag, widget, now)
        self.frame.emit(now)
        took = time.monotonic() - begin
        if took > SLOW_SLOT_S:
            log.info("a frame took %.0f ms for %d tags", took * 1000, len(tags))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """A widget that becomes visible shows the present at once, not the moment it was hidden."""
        if event.type() == QEvent.Type.Show:
            tag = self._tag_of.get(id(watched))
            if tag is not None:
                self._serve(tag, watched, time.time())
        return False
