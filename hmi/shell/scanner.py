"""Reads a keyboard-wedge scanner wherever the focus is, and keeps its characters out of whatever has it.

A reader types like a keyboard, only faster than a hand: characters at most 35 ms apart, ended by Enter or Tab. Every
character is therefore held for a moment before it goes on: the next one of a reader arrives within it, that of a person
does not, and nobody sees a delay of 45 ms. So nothing has to be taken back, neither from a text nor from half a PIN.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QInputMethodEvent, QKeyEvent, QWindow
from shiboken6 import isValid

GAP_MS = 35
HOLD_MS = 45
LENGTH_MIN = 4
BROKEN_FROM = 8
"""From here on no hand was that fast: without its Enter it is half a scan, not typing."""
LENGTH_MAX = 512
SEPARATOR = "\x1d"
"""GS1 separator, the one control character a code may hold; readers send it as Ctrl+]."""

_ENDS = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab})
_COMMANDS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
_SHIFTS = frozenset({Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_CapsLock, Qt.Key.Key_NumLock})
_FLUSHES = frozenset({QEvent.Type.MouseButtonPress, QEvent.Type.TouchBegin, QEvent.Type.FocusOut})


@dataclass(frozen=True, slots=True)
class _Moment:
    """When something was typed, ms: as the window system stamped it, so that a slow frame makes no burst; 0 for input methods."""

    stamp: int
    clock: float

    def since(self, earlier: _Moment) -> float:
        """Milliseconds between the two."""
        return self.stamp - earlier.stamp if self.stamp and earlier.stamp else self.clock - earlier.clock


@dataclass(frozen=True, slots=True)
class _Held:
    """An event that waits for what comes next; ``text`` is "" for the release of a key."""

    receiver: QObject
    event: QEvent
    text: str


def _copy(event: QKeyEvent) -> QKeyEvent:
    """The event once more, ours to keep; ``clone()`` would never be freed."""
    native = (event.nativeScanCode(), event.nativeVirtualKey(), event.nativeModifiers())
    return QKeyEvent(event.type(), event.key(), event.modifiers(), *native, event.text(), event.isAutoRepeat(), event.count())


def _sign(event: QKeyEvent) -> str:
    """The one character a key stands for in a code; "" for commands, repeats and everything else."""
    text, modifiers = event.text(), event.modifiers()
    if event.key() == Qt.Key.Key_BracketRight and modifiers & Qt.KeyboardModifier.ControlModifier:
        return SEPARATOR
    if len(text) != 1 or event.isAutoRepeat():
        return ""
    return text if text == SEPARATOR or (text.isprintable() and not modifiers & _COMMANDS) else ""


def readable(text: str) -> bool:
    """True when ``text`` can have been printed as a code: ASCII without control characters but the separator."""
    return all(" " <= sign <= "~" or sign == SEPARATOR for sign in text)


class Scanner(QObject):
    """Watches one window: its keys, and what an input method commits to whatever has the focus.

    The filters sit on the window's handle and on the focus object, not on the application, where every event of the program
    would pass through the interpreter.

    Args:
        parent: Owner.
        prefix: What the reader sends before each code; "" for none. With a prefix everything else is typing.
        clock_ms: Milliseconds since anywhere; replaced in tests.
        stamp_ms: When the window system saw a key; replaced in tests.

    Signals:
        scanned(str): A code, NFKC-normalised, without prefix and end.
        broken(): A scan without its end; nothing of it went on.
        unreadable(): A scan that an input method turned into something that no code holds.
    """

    scanned = Signal(str)
    broken = Signal()
    unreadable = Signal()

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        prefix: str = "",
        clock_ms: Callable[[], float] | None = None,
        stamp_ms: Callable[[QKeyEvent], int] | None = None,
    ) -> None:
        super().__init__(parent)
        self._prefix = prefix
        self._clock_ms = clock_ms or (lambda: time.monotonic() * 1000)
        self._stamp_ms = stamp_ms or (lambda event: int(event.timestamp()))
        self._window: QWindow | None = None
        self._focus: QObject | None = None
        self._held: list[_Held] = []
        self._last: _Moment | None = None
        self._composed = 0
        self._passing = False
        self._ended: _Moment | None = None
        self._hold = QTimer(self)
        self._hold.setSingleShot(True)
        self._hold.setTimerType(Qt.TimerType.PreciseTimer)
        self._hold.timeout.connect(self._waited)

    def watch(self, window: QWindow) -> None:
        """Begin to read what arrives at ``window``, the handle of a shown top-level widget."""
        self._window = window
        window.installEventFilter(self)
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        app.focusObjectChanged.connect(self._follow_focus)
        self._follow_focus(app.focusObject())

    def _follow_focus(self, focus: QObject | None) -> None:
        if self._focus is not None and isValid(self._focus):
            self._focus.removeEventFilter(self)
        self._focus = focus
        if focus is not None and focus is not self._window:
            focus.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """True for what is held, or was part of a scan."""
        if self._passing:
            return False
        if isinstance(event, QInputMethodEvent):
            return self._on_input_method(watched, event)
        if watched is self._window:
            if isinstance(event, QKeyEvent):
                return self._on_key(watched, event)
            if self._held and event.type() in _FLUSHES:
                self._let_go()
        return False

    # -- keys ----------------------------------------------------------------------------------------------------

    def _on_key(self, window: QObject, event: QKeyEvent) -> bool:
        if event.type() == QEvent.Type.KeyRelease:
            if self._held:
                self._held.append(_Held(window, _copy(event), ""))
            return bool(self._held)
        if event.type() != QEvent.Type.KeyPress:
            return False
        now = _Moment(self._stamp_ms(event), self._clock_ms())
        if self._held and not self._in_time(now):
            self._end_burst()
        if Qt.Key(event.key()) in _ENDS:
            return self._on_end(now)
        sign = _sign(event)
        if sign:
            self._take(_Held(window, _copy(event), sign), now)
            return True
        if self._held and not event.text() and Qt.Key(event.key()) in _SHIFTS:
            return False  # changes nothing between two characters
        self._end_burst()
        return False

    def _in_time(self, now: _Moment) -> bool:
        return self._last is not None and now.since(self._last) <= GAP_MS

    def _take(self, held: _Held, now: _Moment) -> None:
        self._held.append(held)
        self._last = now
        self._hold.start(HOLD_MS)
        if len(self._held) > LENGTH_MAX:
            self._let_go()

    def _on_end(self, now: _Moment) -> bool:
        """Enter or Tab: the end of a scan, also when the input method took one Enter for itself before."""
        if self._ended is not None and now.since(self._ended) <= GAP_MS:
            self._ended = None
            return True
        if len(self._typed()) >= LENGTH_MIN and self._report(self._typed()):
            self._drop()
            return True
        self._let_go()
        return False

    def _typed(self) -> str:
        return "".join(held.text for held in self._held)

    # -- input methods -------------------------------------------------------------------------------------------

    def _on_input_method(self, focus: QObject, event: QInputMethodEvent) -> bool:
        """A reader with the input method on: the characters are composed as fast, and its Enter commits them."""
        now, text = _Moment(0, self._clock_ms()), event.commitString()
        fast = self._in_time(now)
        if not text:
            self._composed = self._composed + 1 if fast and self._composed else 1
            self._last = now
            return False
        composed, self._composed = self._composed, 0
        if fast and composed >= LENGTH_MIN and self._report(text):
            self._ended = now
            self._pass(focus, QInputMethodEvent())  # takes the composition out of the field
            return True
        if len(text) == 1 and not composed and not event.replacementLength():
            if self._held and not fast:
                self._end_burst()
            again = QInputMethodEvent()
            again.setCommitString(text)
            self._take(_Held(focus, again, text), now)
            return True
        self._end_burst()
        return False

    # -- ends ----------------------------------------------------------------------------------------------------

    def _report(self, raw: str) -> bool:
        """Tell of a scan; False when it is none."""
        text = unicodedata.normalize("NFKC", raw)
        if not text.startswith(self._prefix) or len(text) - len(self._prefix) < LENGTH_MIN:
            return False
        if readable(text):
            self.scanned.emit(text.removeprefix(self._prefix))
        else:
            self.unreadable.emit()
        return True

    def _waited(self) -> None:
        """Time is up; what the window system has kept for us during a slow frame comes first."""
        QTimer.singleShot(0, self, self._end_if_quiet)

    def _end_if_quiet(self) -> None:
        if not self._hold.isActive():
            self._end_burst()

    def _end_burst(self) -> None:
        """No end came: typing goes on to where it was meant for, half a scan goes nowhere."""
        if len(self._typed()) >= BROKEN_FROM and self._typed().startswith(self._prefix):
            self._drop()
            self.broken.emit()
        else:
            self._let_go()

    def _let_go(self) -> None:
        held = self._held
        self._drop()
        for one in held:
            if isValid(one.receiver):
                self._pass(one.receiver, one.event)

    def _pass(self, receiver: QObject, event: QEvent) -> None:
        self._passing = True
        try:
            QCoreApplication.sendEvent(receiver, event)
        finally:
            self._passing = False

    def _drop(self) -> None:
        self._held = []
        self._hold.stop()
