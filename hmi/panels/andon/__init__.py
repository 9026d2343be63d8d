"""Andon: what every line of an area does and who is called where, for everybody in the hall."""

from __future__ import annotations

import time

from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.errors import GenbaError
from core.production.lines import lines_overview
from core.production.views import LineView
from hmi.bridge import Bridge
from hmi.bridge.asking import Asking
from hmi.panels import Action, Intent, OpenAndon, Panel, ShowAlone
from hmi.panels.andon.board import AndonBoard
from hmi.widgets.three_lines import ThreeLines

_CONCERNS = ("order:", "line:", "state_segment:", "count_event:", "report:", "call:", "stop:", "*")
_REFRESH_S = 1.0
_ALL = "*"


class AndonPanel(Panel):
    """A board for each area behind tabs; alone on the screen until somebody touches it."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(bridge, parent)
        self._area = _ALL
        self._lines: tuple[LineView, ...] = ()
        self._updated_at: float | None = None
        self._unreachable = False
        self._ticked_at = 0.0
        self._asking = Asking(bridge, self, self._ask, self._not_answered, _REFRESH_S)
        self.board = AndonBoard()
        self.problem = ThreeLines(self, closable=False, floating=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.board, 1)
        bridge.noticed.connect(self._noticed)
        bridge.frame.connect(self._frame)

    # -- panel ---------------------------------------------------------------------------------------------------

    def open(self, intent: Intent | None) -> None:
        """Show the area of an OpenAndon, else the one shown last."""
        if isinstance(intent, OpenAndon):
            self._area = intent.area_code or _ALL
        self.tabs_changed.emit()
        self.refresh()

    def tabs(self) -> list[tuple[str, str]]:
        """Every area with lines, and all of them."""
        areas = dict.fromkeys(line.area_code for line in self._lines)
        return [(_ALL, self.tr("All areas")), *((area, area) for area in areas)] if len(areas) > 1 else [(_ALL, self.tr("All lines"))]

    def tab(self) -> str:
        """The area shown."""
        return self._area

    def show_tab(self, tab: str) -> None:
        """Another area."""
        self._area = tab
        self._show()

    def bar_actions(self) -> list[Action]:
        """The board alone on the screen."""
        return [Action("andon.alone", self.tr("Whole screen"), lambda: self.navigate.emit(ShowAlone()), primary=True)]

    def refresh(self) -> None:
        """Ask for the lines."""
        self._asking.wish()

    def updated_at(self) -> float | None:
        """When the database answered last."""
        return self._updated_at

    def show_alone(self, alone: bool) -> None:
        """See Panel."""
        self.board.show_alone(alone)

    def retranslate(self) -> None:
        """Words of the board in the current language."""
        self._show()

    # -- asking --------------------------------------------------------------------------------------------------

    async def _ask(self) -> None:
        answer = await self.bridge.ask(lines_overview)
        known = self.tabs()
        self._lines, self._updated_at = answer.value.items, answer.as_of.timestamp()
        self.problem.clear()
        if self.tabs() != known:
            self.tabs_changed.emit()
        self._show()

    def _not_answered(self, error: Exception) -> None:
        if isinstance(error, GenbaError):
            self._unreachable = True
            self.problem.show_error(error)
            self._show()
        else:
            self.failed.emit(error)

    def _noticed(self, keys: frozenset[str]) -> None:
        if any(key.startswith(_CONCERNS) for key in keys):
            self._asking.later()

    def _frame(self, _: float) -> None:
        """Times count up and pages turn once a second, also without news."""
        if self.isVisible() and time.monotonic() - self._ticked_at >= 1.0:
            self._ticked_at = time.monotonic()
            self.board.tick()

    def _show(self) -> None:
        shown = [line for line in self._lines if self._area in (_ALL, line.area_code)]
        if self._updated_at is not None:
            why = self.tr("No lines yet. Apply a site file with: genba site apply FILE")
        elif self._unreachable:
            why = self.tr("The lines are not known. They are shown as soon as the database answers.")
        else:
            why = self.tr("Lines are being loaded …")
        self.board.show_lines(shown, why)
