"""The shift as a supervisor sees it: all lines, handover, performance, calendar."""

from __future__ import annotations

from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels import Action, Intent, OpenLine, Panel
from hmi.panels.shift.board import BoardPage
from hmi.panels.shift.calendar import CalendarPage
from hmi.panels.shift.handover import HandoverPage
from hmi.panels.shift.page import ShiftPage
from hmi.panels.shift.performance import PerformancePage


class ShiftPanel(Panel):
    """Views behind tabs; only the one in front asks."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(bridge, parent)
        board = BoardPage(bridge)
        board.line_pressed.connect(lambda code: self.navigate.emit(OpenLine(code)))
        self.pages: dict[str, ShiftPage] = {
            "board": board,
            "handover": HandoverPage(bridge),
            "performance": PerformancePage(bridge),
            "calendar": CalendarPage(bridge),
        }
        self._tab = next(iter(self.pages))
        self._views = QStackedWidget()
        look = theme.current()
        column = QVBoxLayout(self)
        column.setContentsMargins(look.px(10), look.px(6), look.px(10), look.px(6))
        column.addWidget(self._views)
        for page in self.pages.values():
            self._views.addWidget(page)
            page.changed.connect(self.actions_changed)
            page.toast.connect(self.toast)
            page.failed.connect(self.failed)
            page.somebody_decides = self.somebody_decides
        bridge.noticed.connect(self._noticed)
        bridge.site_changed.connect(self.refresh)
        bridge.actor_changed.connect(lambda _: self.actions_changed.emit())

    @property
    def page(self) -> ShiftPage:
        """The view in front."""
        return self.pages[self._tab]

    def open(self, intent: Intent | None) -> None:
        """Show what was shown last, as it is now."""
        self.tabs_changed.emit()
        self.refresh()

    def tabs(self) -> list[tuple[str, str]]:
        """See Panel."""
        return [(name, word(f"panel.{name}", theme.language())) for name in self.pages]

    def tab(self) -> str:
        """See Panel."""
        return self._tab

    def show_tab(self, tab: str) -> None:
        """See Panel."""
        self._tab = tab
        self._views.setCurrentWidget(self.page)
        self.tabs_changed.emit()
        self.actions_changed.emit()
        self.refresh()

    def bar_actions(self) -> list[Action]:
        """See Panel."""
        return self.page.offered()

    def refresh(self) -> None:
        """See Panel."""
        self.page.ground = self.ground
        self.page.refresh()

    def updated_at(self) -> float | None:
        """See Panel."""
        return self.page.updated_at

    def retranslate(self) -> None:
        """See Panel."""
        for page in self.pages.values():
            page.retranslate()

    def _noticed(self, keys: frozenset[str]) -> None:
        if any(key == "*" or key.startswith(self.page.entities) for key in keys):
            self.refresh()
