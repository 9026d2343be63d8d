"""Panels: one file per screen, strangers to each other. This file says what a panel is and which there are.

A panel talks to the shell by signals (action bar, tabs, navigation, messages) and to the station by the bridge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QWidget

from hmi.bridge import Bridge

if TYPE_CHECKING:
    from hmi.sheets.export import Export, Wanted


@dataclass(frozen=True, slots=True)
class Action:
    """One button of the action bar; at most five a panel, the primary one second from the left.

    Attributes:
        id: Stable name for tests.
        text: Button text in the current language.
        press: Called on release inside the button.
        primary: Drawn in the accent colour.
        enabled: False greys it out; an action that is not legal now is better left out.
        count: Shown as a badge when > 0.
    """

    id: str
    text: str
    press: Callable[[], None]
    primary: bool = False
    enabled: bool = True
    count: int = 0


@dataclass(frozen=True, slots=True)
class OpenLine:
    """Navigation: show one line; ``tab`` is ``detail``, ``hours`` or ``downtime``."""

    line_code: str
    tab: str = "detail"


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """Navigation: show one work order."""

    order_id: UUID


@dataclass(frozen=True, slots=True)
class OpenOrders:
    """Navigation: show the work orders of one line."""

    line_code: str


@dataclass(frozen=True, slots=True)
class OpenTrend:
    """Navigation: show pens for these tags."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenMachines:
    """Navigation: show the machines of one line, ``work_unit`` first; "" for its first."""

    line_code: str
    work_unit: str = ""


@dataclass(frozen=True, slots=True)
class OpenConnection:
    """Navigation: show the connections, the one to ``source`` chosen; "" for none."""

    source: str = ""


@dataclass(frozen=True, slots=True)
class OpenAndon:
    """Navigation: show the andon board of an area; "" for all of them."""

    area_code: str = ""


@dataclass(frozen=True, slots=True)
class ShowAlone:
    """Navigation: the panel in front fills the screen, without header, rail and action bar, until somebody touches it."""


@dataclass(frozen=True, slots=True)
class OpenSignIn:
    """Navigation: somebody must sign in before going on."""


Intent = OpenLine | OpenOrder | OpenOrders | OpenTrend | OpenMachines | OpenConnection | OpenAndon | ShowAlone | OpenSignIn


class Panel(QWidget):
    """Base of all panels: builds nothing before it is first shown, costs nothing while hidden.

    Signals:
        actions_changed(): The shell asks ``bar_actions()`` again.
        tabs_changed(): The shell asks ``tabs()`` again.
        navigate(Intent): Go elsewhere.
        toast(str): A result, 4 s in the action bar.
        undoable(str, Callable): A result with Undo, 10 s in the action bar, and what takes it back.
        failed(Exception): An error to show in three lines.
    """

    actions_changed = Signal()
    tabs_changed = Signal()
    navigate = Signal(object)
    toast = Signal(str)
    undoable = Signal(str, object)
    failed = Signal(object)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        # Sheets lie over the content area, so that header and rail stay in reach; the shell sets it.
        self.ground: QWidget = self

    def tabs(self) -> list[tuple[str, str]]:
        """(id, text in the current language) of the level-2 views; [] for none."""
        return []

    def tab(self) -> str:
        """Id of the view shown now; "" without tabs."""
        return ""

    def show_tab(self, tab: str) -> None:
        """Show view ``tab`` (an id of ``tabs()``)."""

    def bar_actions(self) -> list[Action]:
        """Buttons for the action bar in the present situation."""
        return []

    def open(self, intent: Intent | None) -> None:
        """Called every time the shell brings this panel to the front; ``intent`` says what to show, None leaves it as it was."""

    def show_alone(self, alone: bool) -> None:
        """It fills the screen now, or no longer."""

    def refresh(self) -> None:
        """Ask again for what is shown: after notices, a lost connection, F5."""

    def somebody_decides(self) -> bool:
        """True when a person is signed in; for a guest the sign-in sheet comes up instead of what he pressed."""
        if self.bridge.is_ready and self.bridge.station.actor.session_id is not None:
            return True
        self.navigate.emit(OpenSignIn())
        return False

    def exports(self) -> Sequence[Export]:
        """What can be taken away as a file: every table and chart in sight."""
        from hmi.sheets.export import in_sight

        return in_sight(self, next((text for tab, text in self.tabs() if tab == self.tab()), ""), self.whole())

    def whole(self) -> Mapping[QWidget, Wanted]:
        """Who asks for all rows of a table that has only some of them."""
        return {}

    def updated_at(self) -> float | None:
        """UNIX seconds UTC of the data shown, for "updated … ago"; None hides it."""
        return None

    def retranslate(self) -> None:
        """Set every text anew; called at a language change. Typed input stays."""

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Re-text when the language changes while running."""
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
            self.tabs_changed.emit()
            self.actions_changed.emit()
        super().changeEvent(event)


@dataclass(frozen=True, slots=True)
class PanelEntry:
    """One line of the registry.

    Attributes:
        id: For ``--panel``, tests and permissions.
        word: Glossary id of its name.
        glyph: Name of its rail icon in hmi.widgets.glyphs.
        permission: Needed to use it; None when everybody, also a guest, may look.
        load: Imports and returns the panel class; called after the first paint, in a loader thread.
    """

    id: str
    word: str
    glyph: str
    permission: str | None
    load: Callable[[], type[Panel]]


def _lines() -> type[Panel]:
    from hmi.panels.lines import LinesPanel

    return LinesPanel


def _orders() -> type[Panel]:
    from hmi.panels.orders import OrdersPanel

    return OrdersPanel


def _shift() -> type[Panel]:
    from hmi.panels.shift import ShiftPanel

    return ShiftPanel


def _trends() -> type[Panel]:
    from hmi.panels.trends import TrendsPanel

    return TrendsPanel


def _equipment() -> type[Panel]:
    from hmi.panels.equipment import EquipmentPanel

    return EquipmentPanel


def _andon() -> type[Panel]:
    from hmi.panels.andon import AndonPanel

    return AndonPanel


def _users() -> type[Panel]:
    from hmi.panels.users import UsersPanel

    return UsersPanel


PANELS: tuple[PanelEntry, ...] = (
    PanelEntry("lines", "panel.lines", "lines", None, _lines),
    PanelEntry("shift", "panel.shift", "clock", None, _shift),
    PanelEntry("orders", "panel.work_orders", "orders", None, _orders),
    PanelEntry("trends", "panel.trends", "trends", None, _trends),
    PanelEntry("equipment", "panel.equipment", "equipment", None, _equipment),
    PanelEntry("users", "panel.users", "users", None, _users),
    PanelEntry("andon", "panel.andon", "andon", None, _andon),
)
