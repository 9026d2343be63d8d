"""PySide6 stays below 6.12 while Python 3.11 is supported: from there on every call loses a reference to None or True.

After some thousand calls such a process aborts, and no test of ours would have seen it coming.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import requires, version
from typing import TYPE_CHECKING

from tests.house.source import ROOT

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

CALLS = 20_000
NOISE = 50
"""Objects that come and go meanwhile; a lost reference per call is 20,000."""


def _parts(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])


def test_the_installed_and_the_locked_version() -> None:
    lock = (ROOT / "installer" / "requirements.lock").read_text(encoding="utf-8")
    for package in ("pyside6-essentials", "shiboken6"):
        locked = re.search(rf"^{package}==(\S+)", lock, re.MULTILINE)
        assert locked
        for found in (locked[1], version(package)):
            assert (6, 8) <= _parts(found) < (6, 12), (package, found)


def test_nobody_brings_the_rest_of_pyside() -> None:
    lock = (ROOT / "installer" / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"^(pyside6|pyside6-addons|pyqt\d?)==", lock, re.MULTILINE)
    assert "shiboken6" in " ".join(requires("PySide6-Essentials") or [])


def test_calls_into_qt_keep_none_and_true(qapp: QApplication) -> None:
    from PySide6.QtCore import QObject
    from PySide6.QtGui import QImage, QPainter

    thing, image = QObject(), QImage(8, 8, QImage.Format.Format_ARGB32)
    painter = QPainter(image)
    before = [sys.getrefcount(each) for each in (None, True, False)]
    for _ in range(CALLS):
        thing.setObjectName("x")  # gives None back
        thing.setParent(None)  # takes None
        thing.blockSignals(True)  # takes and gives booleans
        painter.save()
        painter.restore()
    after = [sys.getrefcount(each) for each in (None, True, False)]
    painter.end()
    assert [abs(now - then) < NOISE for now, then in zip(after, before, strict=True)] == [True] * 3, (before, after)
