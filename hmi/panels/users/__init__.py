"""Users and audit: people, rights, the trail of what was done, and stations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels import Action, Intent, Panel
from hmi.panels.users.page import ListPage
from hmi.panels.users.people import PeoplePage
from hmi.panels.users.places import StationsPage
from hmi.panels.users.rights import RightsPage
from hmi.panels.users.trail import TrailPage

if TYPE_CHECKING:
    from hmi.sheets.export import Wanted


class UsersPanel(Panel):
    """Four views behind tabs; each asks when it is looked at."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(bridge, parent)
        kinds: dict[str, type[ListPage]] = {
            "people": PeoplePage,
            "rights": RightsPage,
            "trail": TrailPage,
            "stations": StationsPage,
        }
        self.pages = {key: kind(bridge) for key, kind in kinds.items()}
        self._tab = "people"
        look = theme.current()
        column = QVBoxLayout(self)
        column.setContentsMargins(look.px(10), look.px(6), look.px(10), look.px(6))
        self._stack = QStackedLayout()
        column.addLayout(self._stack, 1)
        for page in self.pages.values():
            self._stack.addWidget(page)
            page.changed.connect(self.actions_changed)
            page.navigate.connect(self.navigate)
            page.toast.connect(self.toast)
            page.failed.connect(self.failed)
        bridge.noticed.connect(self._noticed)
        bridge.actor_changed.connect(lambda _: self._another_person())
        bridge.database_changed.connect(lambda _: self.refresh())
        bridge.ready.connect(self.refresh)

    @property
    def page(self) -> ListPage:
        """The view in front."""
        return self.pages[self._tab]

    def whole(self) -> Mapping[QWidget, Wanted]:
        """See Panel."""
        return {self.page.table: self.page.whole}

    def open(self, intent: Intent | None) -> None:
        """See Panel."""
        for page in self.pages.values():
            page.ground = self.ground
        self.tabs_changed.emit()
        self.refresh()

    def tabs(self) -> list[tuple[str, str]]:
        """See Panel."""
        return [
            ("people", word("panel.users", theme.language())),
            ("rights", self.tr("Rights")),
            ("trail", self.tr("Audit")),
            ("stations", self.tr("Stations")),
        ]

    def tab(self) -> str:
        """See Panel."""
        return self._tab

    def show_tab(self, tab: str) -> None:
        """See Panel."""
        self._tab = tab
        self._stack.setCurrentWidget(self.page)
        self.tabs_changed.emit()
        self.actions_changed.emit()
        self.refresh()

    def bar_actions(self) -> list[Action]:
        """What the view in front offers."""
        return self.page.bar_actions()

    def updated_at(self) -> float | None:
        """See Panel."""
        return self.page.updated_at

    def refresh(self) -> None:
        """See Panel."""
        if self.isVisible():
            self.page.refresh()

    def retranslate(self) -> None:
        """See Panel."""
        for page in self.pages.values():
            page.retranslate()

    def _another_person(self) -> None:
        """What one person may see is not left on the screen for the next."""
        for page in self.pages.values():
            if not page.may_look:
                page.forget()
        self.refresh()
        self.actions_changed.emit()

    def _noticed(self, keys: frozenset[str]) -> None:
        if any(key.startswith(self.page.entities) for key in keys):
            self.refresh()
