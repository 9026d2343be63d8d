"""The first second: the window is painted and answers, and only then is the rest of the program loaded, in a thread."""

from __future__ import annotations

import builtins
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QEventLoop, QMetaObject, Qt, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from core.errors import Invalid
from hmi import theme
from hmi.bridge import Bridge
from hmi.shell.window import Window
from hmi.theme.first_look import first_look

log = logging.getLogger(__name__)

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def open_window(given: Mapping[str, Any], size: str | None, *, demo: bool, meanwhile: Callable[[], object]) -> Window:
    """Show the window; returns when it is painted and ``meanwhile`` has run, the window answering all the time.

    Args:
        given: Settings from the command line by name.
        size: ``WIDTHxHEIGHT``, or None for the full screen.
        demo: A simulated plant is shown.
        meanwhile: What to load behind the window, on a thread of its own.

    Raises:
        Invalid: ``shell.size_unreadable``.
        Exception: What ``meanwhile`` raised.
    """
    qInstallMessageHandler(_to_log)
    _import_plainly()
    look = first_look(given)
    pixels = _pixels(size)
    qapp = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(qapp, QApplication)
    qapp.setApplicationName("genba")
    # Closing the window must not end the loop under the feet of tasks that still have to say good-bye to machines.
    qapp.setQuitOnLastWindowClosed(False)
    # Without a screen the picture itself is the screen.
    theme.apply(qapp, theme.Theme.of(look, pixels if qapp.platformName() == "offscreen" else None))
    window = Window(Bridge(), look, demo=demo)
    show(window, pixels)
    _turn_while(window, meanwhile)
    return window


def _to_log(kind: QtMsgType, context: object, words: str) -> None:
    """Qt's own messages go to the log; what a platform without windows says about windows goes nowhere."""
    if "propagateSizeHints" not in words:
        log.log(_LEVELS.get(kind, logging.INFO), "Qt: %s", words)


def _import_plainly() -> None:
    """Give the interpreter its own import back.

    PySide replaces it by one that reads the source text of every module loaded afterwards, in search of a switch for another
    spelling of Qt's names, and leaves all of it in memory: 40 MB and a tenth of the time our libraries take to load.
    """
    plain = getattr(builtins, "__orig_import__", None)
    if plain is not None:
        builtins.__import__ = plain


def show(window: Window, pixels: tuple[int, int] | None) -> None:
    """Put ``window`` on the screen, in this size or filling it."""
    if pixels is None:
        window.showFullScreen()
    else:
        window.resize(*pixels)
        window.show()


def _pixels(size: str | None) -> tuple[int, int] | None:
    """``1024x768`` as numbers."""
    if size is None:
        return None
    width, _, height = size.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise Invalid("shell.size_unreadable", text=size)
    return int(width), int(height)


def _turn_while(window: Window, work: Callable[[], object]) -> None:
    """Turn Qt's own loop until the window was painted and ``work`` has run: the loop of the program is itself part of that work."""
    turning = QEventLoop()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as failure:  # noqa: BLE001 - raised again below, where somebody can answer for it
            failures.append(failure)
        QMetaObject.invokeMethod(turning, "quit", Qt.ConnectionType.QueuedConnection)

    thread = threading.Thread(target=run, name="genba-opening")
    window.painted.connect(thread.start)
    turning.exec()
    window.painted.disconnect(thread.start)
    thread.join()
    if failures:
        raise failures[0]
