"""Tag browser: what a machine offers, level by level; one value tried live; what is chosen becomes rows for tags.csv."""

from __future__ import annotations

import time
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.live.link import BrowseItem
from core.words import name, number, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.bridge.machines import BROWSE
from hmi.panels import Action, OpenSignIn
from hmi.panels.equipment.browser_rows import found, rows, why_empty
from hmi.panels.equipment.browser_sheets import ExportRowsSheet, scan_form, search_form
from hmi.panels.equipment.chosen import Chosen, is_folder
from hmi.panels.equipment.trial import Trial
from hmi.panels.equipment.view import View
from hmi.panels.equipment.walk import Walk
from hmi.sheets.choice import ChoiceSheet
from hmi.widgets.button import TouchButton
from hmi.widgets.label import Label
from hmi.widgets.table import Column, PagedTable
from hmi.widgets.text import RIGHT
from hmi.widgets.three_lines import ThreeLines

_CHOSEN_COLUMN: Final = 2


class TagBrowserView(View):
    """One level at a time, asked when it is opened; a touch on a folder opens it, a touch on a value tries it once a second."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(bridge, parent)
        self.walk = Walk(bridge, self)
        self.chosen = Chosen(bridge)
        self._sought = ""
        self.source_button = TouchButton("", icon="equipment", role="body")
        self.source_button.setObjectName("browser.source")
        self.up = TouchButton("", icon="arrow_left", kind="quiet")
        self.up.setObjectName("browser.up")
        self.path = Label("", "body", "text2", may_cut=True)
        self.count = Label("", "label", "text2", align=RIGHT)
        self.table = PagedTable()
        self.trial = Trial(bridge)
        self.problem = ThreeLines(self, closable=False, floating=True)
        self._build()
        self.source_button.clicked.connect(self._choose_source)
        self.up.clicked.connect(self.go_up)
        self.table.selected.connect(lambda _: self._selected())
        self.table.touched.connect(self._touched)
        self.table.opened.connect(self._opened)
        self.trial.changed.connect(self._tried)
        self.walk.changed.connect(self._show)
        self.walk.arrived.connect(self._arrived)
        self.walk.broken.connect(self.tell)
        self.retranslate()

    def _build(self) -> None:
        look = theme.current()
        head = QHBoxLayout()
        head.setSpacing(look.px(8))
        for part in (self.source_button, self.up):
            head.addWidget(part)
        head.addWidget(self.path, 1)
        head.addWidget(self.count)
        self._pair = self.pair(self.table, self.trial)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(look.px(6))
        column.addLayout(head)
        column.addLayout(self._pair, 1)

    def lay_out(self) -> None:
        """See View."""
        self.arrange(self._pair, self.trial)

    # -- where we are --------------------------------------------------------------------------------------------

    @property
    def may_look(self) -> bool:
        """Whether whoever is signed in may browse machines."""
        return self.bridge.machines.may(BROWSE)

    @property
    def item(self) -> BrowseItem | None:
        """The entry of the selected row."""
        return self._item_of(self.table.selected_key)

    def _item_of(self, key: object) -> BrowseItem | None:
        level = self.walk.level
        return level.items.get(key) if level is not None and isinstance(key, str) else None

    def _choose_source(self) -> None:
        sources = self.bridge.station.site.sources
        choices = [(source.code, f"{name(source.label, theme.language())}  ({source.code}, {source.protocol})") for source in sources]
        sheet = ChoiceSheet(self.ground, self.tr("Machine"), choices)
        sheet.picked.connect(self.show_source)
        sheet.open()

    def show_source(self, code: str) -> None:
        """Begin at the roots of another machine."""
        self.table.select(None)
        self.walk.begin(next((source for source in self.bridge.station.site.sources if source.code == code), None))
        self.refresh()

    def go_up(self) -> None:
        """Back to the level above, with what was opened selected."""
        left = self.walk.go_up()
        if left is not None:
            self.table.select(left)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Backspace and Left go up, Right opens, Insert chooses."""
        item, key = self.item, Qt.Key(event.key())
        if key in (Qt.Key.Key_Backspace, Qt.Key.Key_Left):
            self.go_up()
        elif key is Qt.Key.Key_Right and item is not None and item.has_children:
            self.walk.go_into(item)
        elif key is Qt.Key.Key_Insert:
            self._toggle()
        else:
            super().keyPressEvent(event)

    # -- asking --------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read the roots when nothing was read yet; a level is read again only by a wish, or it would jump under the finger."""
        if self.may_look:
            if self.walk.source is None:
                self.walk.begin(next(iter(self.bridge.station.site.sources), None))
            self.walk.read_roots()
        self._show()

    def site_changed(self) -> None:
        """A machine that left the site is not browsed any more."""
        sources = self.bridge.station.site.sources if self.bridge.is_ready else ()
        if self.walk.source is not None and self.walk.source not in sources:
            self.walk.begin(None)
        if self.isVisible() and self.bridge.is_ready:
            self.refresh()

    def actor_changed(self) -> None:
        """What one person may see is not left on the screen for the next."""
        if not self.may_look:
            self.table.select(None)
        if self.isVisible():
            self.refresh()

    def _arrived(self) -> None:
        self.updated_at, self._sought = time.time(), ""
        self.table.select(None)
        self.table.show_page(0)
        self._show()

    # -- showing -------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        walk, seen = self.walk, self.may_look
        source, level = walk.source, walk.level
        self.source_button.setText(self.tr("No machine") if source is None else name(source.label, theme.language()) or source.code)
        self.source_button.setEnabled(source is not None)
        self.source_button.setVisible(seen)
        self.up.setVisible(seen)
        self.up.setEnabled(len(walk.levels) > 1 and not walk.loading)
        self.path.set_text(" / ".join(walk.path) if seen else "")
        items, total = found(level, self._sought) if level is not None and seen and not walk.loading else ({}, 0)
        self.count.set_text(self._counted(len(items), total))
        self.table.set_empty_text(*why_empty(walk, self._sought, may_look=seen))
        self.table.show_rows(rows(self.bridge, walk.code, items, self.chosen) if items else [], list(items))
        if walk.failure is not None and items:
            self.problem.show_error(walk.failure)  # the level above stays in sight
        else:
            self.problem.clear()
        self._selected()

    def _counted(self, shown: int, total: int) -> str:
        done, of = self.walk.looked_at
        if of:
            return self.tr("{n} of {of} looked at").format(n=number(done), of=number(of))
        if total > shown:
            return self.tr("{n} of {of} entries").format(n=number(shown), of=number(total))
        return self.tr("{n} entries").format(n=number(total)) if total else ""

    def _selected(self) -> None:
        item, source = self.item, self.walk.source
        if item is None or source is None or is_folder(item):
            self.trial.show_nothing()
        else:
            self.trial.show_item(source, self.walk.path, item)
        self.changed.emit()

    def _tried(self) -> None:
        """The type of a chosen value follows what it is read as."""
        item = self.item
        if item is not None and self.trial.spec is not None:
            self.chosen.retype(item, self.trial.spec)
        self.changed.emit()

    def tick(self, now: float) -> None:
        """See View."""
        if self.may_look and not self.walk.loading:
            self.trial.read_again(now)

    # -- touch ---------------------------------------------------------------------------------------------------

    def _touched(self, key: object, column: int) -> None:
        item = self._item_of(key)
        if item is not None and is_folder(item):
            self.walk.go_into(item)
        elif item is not None and column == _CHOSEN_COLUMN:
            self._toggle()

    def _opened(self, key: object) -> None:
        item = self._item_of(key)
        if item is not None and item.has_children:
            self.walk.go_into(item)

    def _toggle(self) -> None:
        item, spec = self.item, self.trial.spec
        if item is not None and spec is not None:
            self.chosen.toggle(item, spec)
            self._show()

    def _choose_all(self) -> None:
        source, level = self.walk.source, self.walk.level
        if source is not None and level is not None:
            self.chosen.take_all(source, self.walk.path, found(level, self._sought)[0].values())
            self._show()

    def _export(self) -> None:
        sheet = ExportRowsSheet(self.ground, self.bridge, self.chosen)
        sheet.done.connect(self.toast)
        sheet.finished.connect(lambda _: self._show())
        sheet.open()

    # -- actions -------------------------------------------------------------------------------------------------

    def bar_actions(self) -> list[Action]:
        """What can be done with the level and the selected value."""
        language = theme.language()
        if not self.may_look:
            guest = self.bridge.is_ready and self.bridge.station.actor.session_id is None
            sign_in = Action(
                "browser.sign_in", word("button.login", theme.language()), lambda: self.navigate.emit(OpenSignIn()), primary=True
            )
            return [sign_in] if guest else []
        if self.walk.loading:
            return [Action("browser.stop", self.tr("Stop reading"), self.walk.stop)]
        actions = []
        source, level, item, spec = self.walk.source, self.walk.level, self.item, self.trial.spec
        if source is not None and source.protocol.startswith("modbus"):
            actions.append(Action("browser.scan", self.tr("Scan a range"), self._ask_range, primary=item is None))
        elif level is not None and len(level.items) > 1:
            actions.append(Action("browser.search", f"“{self._sought}”" if self._sought else word("button.search", language), self._search))
        if item is not None and spec is not None:
            text = self.tr("Leave out") if self.chosen.has(self.walk.code, item) else self.tr("Choose")
            actions.append(Action("browser.choose", text, self._toggle, primary=True))
            read_as = self.tr("Read as: {type}").format(type=spec.type.value)
            actions.append(Action("browser.type", read_as, lambda: self.trial.ask_type(self.ground)))
        elif level is not None and any(not is_folder(each) for each in level.items.values()):
            actions.append(Action("browser.all", self.tr("Choose all here"), self._choose_all))
        if len(self.chosen):
            actions.append(Action("browser.export", word("button.export", language), self._export, count=len(self.chosen)))
        return actions

    def _search(self) -> None:
        search_form(self.ground, self.bridge, self._sought, self._look_for).open()

    def _look_for(self, words: str) -> None:
        self._sought = words
        self.table.select(None)
        self.table.show_page(0)
        self._show()

    def _ask_range(self) -> None:
        scan_form(self.ground, self.bridge, self.walk.scan).open()

    def retranslate(self) -> None:
        """See View."""
        titles = ((self.tr("Name"), 3.0), (self.tr("Type"), 1.2), (self.tr("For tags.csv"), 1.6))
        self.table.set_columns([Column(title, share) for title, share in titles])
        self.trial.say()
        self._show()
