"""A widget that hangs in a cycle is destroyed on the GUI thread, whichever thread makes the garbage."""

from __future__ import annotations

import gc
import threading
import time

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QWidget

from hmi.garbage import Collector


def test_cycles_end_on_the_gui_thread(qapp: QApplication) -> None:
    died_on: list[int] = []

    class Watched(QWidget):
        def __del__(self) -> None:
            died_on.append(threading.get_ident())

    def cycle() -> None:
        widget = Watched()
        widget.me = widget  # type: ignore[attr-defined]

    def allocate() -> None:
        kept = []
        for _ in range(20_000):
            kept.append([kept])

    parent = QObject()
    Collector(parent).start()
    try:
        cycle()
        worker = threading.Thread(target=allocate)
        worker.start()
        worker.join()
        assert died_on == []
        end = time.monotonic() + 60
        while not died_on and time.monotonic() < end:
            qapp.processEvents()
            time.sleep(0.01)
    finally:
        parent.deleteLater()
        gc.disable()
    assert died_on == [threading.get_ident()]
