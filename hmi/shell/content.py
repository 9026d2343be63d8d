"""Everything right of the rail: tabs, bands, the panel in front, messages and the action bar."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from core.errors import GenbaError
from core.words import ago, word
from hmi import theme
from hmi.panels import Action, Panel
from hmi.widgets.bands import Band
from hmi.widgets.button import TouchButton
from hmi.widgets.label import Label
from hmi.widgets.tabs import SegmentedTabs
from hmi.widgets.text import RIGHT
from hmi.widgets.three_lines import ThreeLines, Toast

ACTIONS_MAX = 5
UNDO_S = 10
"""So long what was decided with one touch can be taken back with one touch, seconds."""
PATIENCE_S = 5.0
"""So long a station that was just started may be without an answer before the band says how old its picture is."""


class Content(QWidget):
    """The working area. The window puts panels in and shows one.

    Args:
        simulated: Show the band of a simulated plant from the first paint on.

    Signals:
        action_pressed(): Any button of the action bar was pressed.
        export_pressed(): Somebody wants to take away what is in sight.
    """

    action_pressed = Signal()
    export_pressed = Signal()

    def __init__(self, *, simulated: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._panel: Panel | None = None
        self._buttons: list[TouchButton] = []
        self._read_only: GenbaError | None = None
        self._storage: tuple[GenbaError, ...] = ()
        self._away_since: float | None = None
        self._sure_of_it = True
        self.setProperty("ground", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.tabs = SegmentedTabs()
        self.updated = Label("", "label", "text2", align=RIGHT)
        self.export = TouchButton("", kind="quiet", icon="export")
        self.export.setObjectName("content.export")
        self.export.clicked.connect(self.export_pressed)
        self._head = QWidget()
        self.simulated_band = Band("simulated")
        self.database_band = Band("snapshot")
        self.read_only_band = Band("read_only")
        self.storage_bands: tuple[Band, Band] = (Band("alarm"), Band("warning"))
        self.stack = QStackedWidget()
        self.message = ThreeLines(self.stack, floating=True)
        self.toasts = Toast(self)
        self._undo: Callable[[], None] | None = None
        self.toasts.undo.connect(self._take_back)
        self._bar = QWidget()
        self._lay_out()
        self.tabs.chosen.connect(self._choose_tab)
        self._tick = QTimer(self)
        self._tick.setInterval(1000)
        self._tick.timeout.connect(self._show_age)
        self._tick.start()
        self.show_simulated(simulated)
        self.retranslate()

    def _lay_out(self) -> None:
        look = theme.current()
        head = QHBoxLayout(self._head)
        head.setContentsMargins(0, 0, look.px(12), 0)
        head.setSpacing(look.px(12))
        head.addWidget(self.tabs, 0, Qt.AlignmentFlag.AlignLeft)
        # In the row of the tabs, so that a simulated plant costs no line of the screen it trains people for.
        head.addWidget(self.simulated_band, 1)
        head.addWidget(self.updated, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        head.addWidget(self.export)
        bar = QHBoxLayout(self._bar)
        bar.setContentsMargins(look.px(10), look.px(6), look.px(10), look.px(6))
        bar.setSpacing(look.gap)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self._head, *self.storage_bands, self.database_band, self.read_only_band):
            column.addWidget(widget)
        column.addWidget(self.stack, 1)
        column.addWidget(self._bar)
        self._size_chrome()

    def _size_chrome(self) -> None:
        self._head.setFixedHeight(self.tabs.sizeHint().height())
        self._bar.setFixedHeight(max(theme.current().px(84), theme.current().touch + 2 * theme.current().px(6)))

    # -- panels --------------------------------------------------------------------------------------------------

    def add_panel(self, panel: Panel) -> None:
        """Take a panel; it stays hidden until ``show_panel``."""
        self.stack.addWidget(panel)
        panel.actions_changed.connect(self.refresh_actions)
        panel.tabs_changed.connect(self._show_tabs)

    def show_panel(self, panel: Panel) -> None:
        """Bring ``panel`` to the front with its tabs and actions."""
        self._panel = panel
        self.stack.setCurrentWidget(panel)
        self._show_tabs()
        self.refresh_actions()

    def refresh_actions(self) -> None:
        """Ask the panel for its actions again; buttons that stay the same stay where they are."""
        sender = self.sender()
        if self._panel is None or (isinstance(sender, Panel) and sender is not self._panel):
            return
        actions = self._panel.bar_actions()[:ACTIONS_MAX]
        if [action.id for action in actions] != [button.objectName() for button in self._buttons]:
            self._replace_buttons(actions)
        for button, action in zip(self._buttons, actions, strict=True):
            button.setText(action.text)
            button.set_count(action.count)
            button.setEnabled(action.enabled)
            button.press = action.press  # type: ignore[attr-defined]

    def _replace_buttons(self, actions: list[Action]) -> None:
        layout = self._bar.layout()
        assert layout is not None
        for button in self._buttons:
            layout.removeWidget(button)
            button.deleteLater()
        self._buttons = []
        for action in actions:
            button = TouchButton(action.text, kind="primary" if action.primary else "secondary")
            button.setObjectName(action.id)
            button.clicked.connect(lambda _=False, pressed=button: self._press(pressed))
            layout.addWidget(button)
            self._buttons.append(button)

    def _press(self, button: TouchButton) -> None:
        self.action_pressed.emit()
        button.press()  # type: ignore[attr-defined]

    def button(self, action_id: str) -> TouchButton | None:
        """The button of an action shown now; None when there is none. For tests and tours."""
        return next((button for button in self._buttons if button.objectName() == action_id), None)

    def show_alone(self, alone: bool) -> None:
        """True: only the panel, and the bands, which say what must be known on every screen."""
        for widget in (self.tabs, self.updated, self.export, self._bar):
            widget.setVisible(not alone)
        self._head.setVisible(not alone or not self.simulated_band.isHidden())

    def _show_tabs(self) -> None:
        if self._panel is None:
            return
        self.tabs.show_tabs(self._panel.tabs(), self._panel.tab())
        self._show_age()

    def _choose_tab(self, tab: str) -> None:
        if self._panel is not None:
            self._panel.show_tab(tab)
            self._show_tabs()
            self.refresh_actions()

    # -- facts ---------------------------------------------------------------------------------------------------

    def show_simulated(self, simulated: bool) -> None:
        """Whether any source is a simulated plant: then a band says so on every screen."""
        if simulated:
            self.simulated_band.show_band()
        else:
            self.simulated_band.hide()

    def show_database(self, up: bool | None, read_only: GenbaError | None) -> None:
        """A band when the database is away, or when this program must not write its schema."""
        self._read_only = read_only
        self._away_since = (self._away_since or time.time()) if not up and read_only is None else None
        self._sure_of_it = up is not None
        self._show_bands()

    def show_storage(self, troubles: tuple[GenbaError, ...]) -> None:
        """A band with three lines for what is wrong with the disks: the worst one; the others stand in the list of connections."""
        self._storage = troubles
        self._show_bands()

    def _show_bands(self) -> None:
        worst = self._storage[0] if self._storage else None
        for band, severity in zip(self.storage_bands, ("error", "warning"), strict=True):
            if worst is not None and worst.severity == severity:
                band.show_band(detail="  ".join(worst.lines(theme.language())))
            else:
                band.hide()
        if self._read_only is not None:
            self.read_only_band.show_band(detail="  ".join(self._read_only.lines(theme.language())))
        else:
            self.read_only_band.hide()
        # While the first answer is still waited for nothing is said at once, so that no start begins with a scare.
        if self._away_since is not None and (self._sure_of_it or time.time() - self._away_since > PATIENCE_S):
            # The picture is as old as the answer it was made from; a live trend is not, so there the outage itself counts.
            shown = self._panel.updated_at() if self._panel is not None else None
            age_s = max(0.0, time.time() - min(shown or self._away_since, self._away_since))
            kept = self.tr("entries are kept here")
            if shown is not None:
                self.database_band.show_band(age_s=age_s, detail=kept)
            else:  # nothing of this screen was saved, or it is live: then nothing saved may be promised
                since = self.tr("lost {ago}").format(ago=ago(age_s, theme.language()))
                self.database_band.show_band(detail=f"{since} · {kept}")
        else:
            self.database_band.hide()

    def show_error(self, error: GenbaError) -> None:
        """Three lines until they are read."""
        self.message.show_error(error)

    def toast(self, text: str) -> None:
        """A result, for four seconds, over the action bar."""
        self._undo = None
        self._place_toast()
        self.toasts.show_text(text)

    def undoable(self, text: str, undo: Callable[[], None]) -> None:
        """A result that ``undo`` takes back, for ten seconds."""
        self._undo = undo
        self._place_toast()
        self.toasts.show_text(text, undo_s=UNDO_S)

    def _place_toast(self) -> None:
        side, top = theme.current().px(10), theme.current().px(6)
        self.toasts.setGeometry(self._bar.geometry().adjusted(side, top, -side, -top))
        self.toasts.raise_()

    def _take_back(self) -> None:
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()

    def _show_age(self) -> None:
        at = self._panel.updated_at() if self._panel is not None else None
        if at is None:
            self.updated.set_text("")
        else:
            self.updated.set_text(self.tr("updated {ago}").format(ago=ago(max(0.0, time.time() - at), theme.language())))
        if self._away_since is not None:
            self._show_bands()

    # -- words ---------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        """Age and bands in the current language; everything else follows by itself."""
        self.export.setAccessibleName(word("button.export", theme.language()))
        self._show_age()
        self._show_bands()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Follow language and theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif event.type() == QEvent.Type.StyleChange:
            self._size_chrome()
