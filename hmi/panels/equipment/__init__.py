"""Equipment: machines with their live values and setpoints, the connections to them, and what else they offer."""

from __future__ import annotations

from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from hmi import theme
from hmi.bridge import Bridge
from hmi.panels import Action, Intent, OpenConnection, OpenMachines, Panel
from hmi.panels.equipment.browser import TagBrowserView
from hmi.panels.equipment.connections import ConnectionsView
from hmi.panels.equipment.machines import MachinesView
from hmi.panels.equipment.view import View


class EquipmentPanel(Panel):
    """Three views behind tabs; each asks when it is looked at, and costs nothing while it is not."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(bridge, parent)
        self.machines, self.connections, self.browser = MachinesView(bridge), ConnectionsView(bridge), TagBrowserView(bridge)
        self.views: dict[str, View] = {"machines": self.machines, "connections": self.connections, "browser": self.browser}
        self._tab = "machines"
        look = theme.current()
        column = QVBoxLayout(self)
        column.setContentsMargins(look.px(10), look.px(6), look.px(10), look.px(6))
        self._stack = QStackedLayout()
        column.addLayout(self._stack, 1)
        for view in self.views.values():
            self._stack.addWidget(view)
            view.changed.connect(self.actions_changed)
            view.navigate.connect(self.navigate)
            view.toast.connect(self.toast)
            view.failed.connect(self.failed)
        bridge.noticed.connect(self._noticed)
        bridge.actor_changed.connect(lambda _: self._another_person())
        bridge.database_changed.connect(lambda _: self.refresh())
        bridge.ready.connect(self.refresh)

    @property
    def view(self) -> View:
        """The view in front."""
        return self.views[self._tab]

    def open(self, intent: Intent | None) -> None:
        """Machines of a line, or one connection; without an intent what was shown last."""
        for view in self.views.values():
            view.ground = self.ground
        if isinstance(intent, OpenMachines):
            self.machines.show_line(intent.line_code, intent.work_unit)
            self.show_tab("machines")
        elif isinstance(intent, OpenConnection):
            self.show_tab("connections")
            self.connections.show_source(intent.source)
        else:
            self.tabs_changed.emit()
            self.refresh()

    def tabs(self) -> list[tuple[str, str]]:
        """See Panel."""
        return [("machines", self.tr("Machines")), ("connections", self.tr("Connections")), ("browser", self.tr("Tag browser"))]

    def tab(self) -> str:
        """See Panel."""
        return self._tab

    def show_tab(self, tab: str) -> None:
        """See Panel."""
        self._tab = tab
        self._stack.setCurrentWidget(self.view)
        self.tabs_changed.emit()
        self.actions_changed.emit()
        self.refresh()

    def bar_actions(self) -> list[Action]:
        """What the view in front offers."""
        return self.view.bar_actions()

    def updated_at(self) -> float | None:
        """See Panel."""
        return self.view.updated_at

    def refresh(self) -> None:
        """See Panel."""
        if self.isVisible() and self.bridge.is_ready:
            self.view.refresh()

    def retranslate(self) -> None:
        """See Panel."""
        for view in self.views.values():
            view.retranslate()

    def _another_person(self) -> None:
        for view in self.views.values():
            view.actor_changed()
        self.actions_changed.emit()

    def _noticed(self, keys: frozenset[str]) -> None:
        if any(key.startswith(self.view.entities) for key in keys):
            self.refresh()
