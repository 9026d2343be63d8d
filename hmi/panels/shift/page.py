"""What the views of the shift panel share: they ask when they are seen, and say so in three lines when nobody answers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.errors import GenbaError
from hmi import theme
from hmi.bridge import Bridge
from hmi.bridge.asking import Asking
from hmi.panels import Action
from hmi.sheets.choice import ChoiceSheet
from hmi.widgets.three_lines import ThreeLines


class ShiftPage(QWidget):
    """One view of the panel.

    Attributes:
        ground: The content area, which sheets lie over; the panel sets it.
        somebody_decides: Asks a guest who he is; the panel sets it.
        updated_at: UNIX seconds of the last answer; None before.

    Signals:
        changed(): The action bar is to be asked again.
        toast(str): A result.
        failed(object): An error to show in three lines.
    """

    changed = Signal()
    toast = Signal(str)
    failed = Signal(object)

    entities: tuple[str, ...] = ()
    """News of these is news for this view."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self.bridge = bridge
        self.ground: QWidget = self
        self.somebody_decides: Callable[[], bool] = lambda: True
        self.updated_at: float | None = None
        self.problem = ThreeLines(self, closable=False, floating=True)
        self._asking = Asking(bridge, self, self._load, self._not_answered)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(theme.current().px(6))

    def refresh(self) -> None:
        """Ask again; a second wish while one is under way is kept."""
        if self.bridge.is_ready and self.isVisible():
            self._asking.wish()

    async def _load(self) -> None:
        await self.ask()
        self.problem.clear()
        self.retranslate()
        self.changed.emit()

    async def ask(self) -> None:
        """Ask for what is shown, and keep it."""

    def _not_answered(self, error: Exception) -> None:
        if isinstance(error, GenbaError):
            self.problem.show_error(error)
        else:
            self.failed.emit(error)

    def offered(self) -> list[Action]:
        """Buttons for the action bar."""
        return []

    def retranslate(self) -> None:
        """Say everything again from what is kept."""

    # -- what views do alike -------------------------------------------------------------------------------------

    def lines(self) -> list[str]:
        """Codes of the lines in their physical order."""
        return [line.code for line in self.bridge.station.site.lines] if self.bridge.is_ready else []

    def choose(self, title: str, choices: list[tuple[str, str]], take: Callable[[str], None]) -> None:
        """Let somebody choose one of many."""
        sheet = ChoiceSheet(self.ground, title, choices)
        sheet.picked.connect(take)
        sheet.open()

    def decide(self, action: Coroutine[Any, Any, Any]) -> None:
        """Run what decides something."""
        self.bridge.start(action, on_error=self.failed.emit)
