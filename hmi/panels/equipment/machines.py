"""The machines of a line: what each does and since when; beside them the chosen one with its live values."""

from __future__ import annotations

import time
from typing import Final

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.equipment.machines import MachinesView as Known
from core.equipment.machines import list_machines
from core.equipment.states import MachineState
from core.equipment.views import LineSpec
from core.errors import GenbaError
from core.live.sample import Quality
from core.live.tags import MANUAL, TagRole, TagSpec, TagType
from core.words import duration, name, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.bridge.asking import Asking
from hmi.panels import Action, OpenLine, OpenTrend
from hmi.panels.equipment.machine import LOOSE, Machine, MachineCard
from hmi.panels.equipment.states import States
from hmi.panels.equipment.view import View
from hmi.sheets.choice import ChoiceSheet
from hmi.sheets.manual_entry import manual_form
from hmi.widgets.button import TouchButton
from hmi.widgets.table import Cell, Column, PagedTable, Row
from hmi.widgets.three_lines import ThreeLines

_LIST_U: Final = 330
_PENS: Final = 3


class MachinesView(View):
    """Line and machines on the left, the chosen machine on the right. State comes from the machine itself, its start from the record."""

    entities = ("state_segment:", "line:", "work_unit:", "*")

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(bridge, parent)
        self._line = ""
        self._unit = ""
        self.states = States(bridge)
        self._asking = Asking(bridge, self, self._load, self._not_answered)
        self.line_button = TouchButton("", icon="lines", role="body")
        self.line_button.setObjectName("equipment.line")
        self.table = PagedTable()
        self.card = MachineCard(bridge)
        self.problem = ThreeLines(self, closable=False, floating=True)
        left = QVBoxLayout()
        left.setSpacing(theme.current().px(6))
        left.addWidget(self.line_button)
        left.addWidget(self.table, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.current().px(10))
        row.addLayout(left)
        row.addWidget(self.card, 1)
        self.table.setFixedWidth(theme.current().px(_LIST_U))
        self.line_button.setFixedWidth(theme.current().px(_LIST_U))
        self.line_button.clicked.connect(self._choose_line)
        self.table.selected.connect(self._chosen)
        self.card.touched.connect(self._touched)
        self.retranslate()

    # -- which machines ------------------------------------------------------------------------------------------

    @property
    def line(self) -> LineSpec | None:
        """The line shown; the first one before any was chosen."""
        if not self.bridge.is_ready:
            return None
        site = self.bridge.station.site
        return site.line(self._line) or next(iter(site.lines), None)

    def machines(self) -> list[Machine]:
        """The machines of the line in physical order; values that belong to no machine come last."""
        line = self.line
        if line is None:
            return []
        site = self.bridge.station.site
        found = [Machine(unit.code, unit.name, site.tags_of(unit.code)) for unit in line.work_units]
        loose = site.tags_of("")
        return [*found, Machine(LOOSE, {"ja": "設備に属さない値", "en": "Values of no machine"}, loose)] if loose else found

    def show_line(self, line_code: str, work_unit: str = "") -> None:
        """Show a line, and one of its machines chosen."""
        if line_code != self._line:
            self._line = line_code
            self.states.forget()
        self._unit = work_unit
        self._show()

    def _choose_line(self) -> None:
        lines = self.bridge.station.site.lines if self.bridge.is_ready else ()
        choices = [(line.code, f"{line.code}  {name(line.name, theme.language())}") for line in lines]
        sheet = ChoiceSheet(self.ground, self.tr("Line"), choices)
        sheet.picked.connect(self._picked)
        sheet.open()

    def _picked(self, line_code: str) -> None:
        self.show_line(line_code)
        self.refresh()

    def _chosen(self, key: object) -> None:
        if isinstance(key, str) and key != self._unit:
            self._unit = key
            self._show_card()

    # -- asking --------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what the site says at once, and ask for what was recorded."""
        self._show()
        if self.line is not None:
            self._asking.wish()

    async def _load(self) -> None:
        line = self.line
        if line is None:
            return
        answer = await self.bridge.ask(list_machines, line_code=line.code)
        self.updated_at = answer.as_of.timestamp()
        self.problem.clear()
        self.show_known(answer.value)

    def show_known(self, known: Known) -> None:
        """Take what was recorded."""
        line = self.line
        if line is not None and known.line_code == line.code:
            self.states.know(known)
            self._show()

    def _not_answered(self, error: Exception) -> None:
        if isinstance(error, GenbaError):
            self.problem.show_error(error)  # live values go on
        else:
            self.tell(error)

    # -- showing -------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """States and their lengths, from the machines themselves."""
        self._show_rows(now)
        self.card.show_state(*self.states.of(self.card.machine, now))
        self.card.show_guards()

    def site_changed(self) -> None:
        """Machines and tags are taken anew."""
        self.states.forget()
        self.card.show_machine(None)
        self._show()

    def actor_changed(self) -> None:
        """What may be written depends on who stands there."""
        self.card.show_guards()

    def _show(self) -> None:
        line = self.line
        self.line_button.setText(self.tr("Choose a line") if line is None else f"{line.code}  {name(line.name, theme.language())}")
        self.line_button.setEnabled(line is not None)
        self._show_rows(time.time())
        machines = [machine.code for machine in self.machines()]
        if self._unit not in machines:
            self._unit = next(iter(machines), "")
        if machines and self.table.selected_key != self._unit:
            self.table.select(self._unit)
        self._show_card()

    def _show_card(self) -> None:
        machine = next((machine for machine in self.machines() if machine.code == self._unit), None)
        self.card.show_machine(machine)
        self.card.show_stops(self.states.stops(self._unit))
        self.card.show_state(*self.states.of(machine, time.time()))
        self.card.show_guards()
        self.changed.emit()

    def _show_rows(self, now: float) -> None:
        machines = self.machines()
        self.table.show_rows([self._row(machine, now) for machine in machines], [machine.code for machine in machines])

    def _row(self, machine: Machine, now: float) -> Row:
        title = name(machine.name, theme.language())
        state, since_s, said = self.states.of(machine, now)
        if state is None:
            return (Cell(title, below=self.tr("Values: {n}").format(n=len(machine.tags))),)
        known = "" if since_s is None or state is MachineState.OFFLINE else f"  {duration(since_s)}"
        shown = word(said or f"state.{state.value}", theme.language())
        return (Cell(title, strong=True, glyph=theme.current().state(state.value).glyph, below=f"{shown}{known}"),)

    # -- actions -------------------------------------------------------------------------------------------------

    def bar_actions(self) -> list[Action]:
        """The line, a trend of the machine, its setpoints."""
        line, machine = self.line, self.card.machine
        if line is None or machine is None:
            return []
        language = theme.language()
        actions = [Action("equipment.to_line", f"{line.code}  {word('panel.lines', language)}", self._to_line)]
        if machine.setpoints:
            actions.append(Action("equipment.setpoint", self.tr("Change a setpoint"), self._choose_setpoint, primary=True))
        if self.entered:
            actions.append(Action("equipment.enter", self.tr("Enter values"), self._choose_entry, primary=not machine.setpoints))
        if self._pens():
            actions.append(Action("equipment.trend", word("panel.trends", language), self._to_trend))
        return actions

    def _to_trend(self) -> None:
        self.navigate.emit(OpenTrend(self._pens()))

    def _to_line(self) -> None:
        if self.line is not None:
            self.navigate.emit(OpenLine(self.line.code))

    def _pens(self) -> tuple[str, ...]:
        machine = self.card.machine
        if machine is None:
            return ()
        numbers = [spec.name for spec in machine.tags if spec.role is TagRole.PROCESS and spec.type not in (TagType.BOOL, TagType.STRING)]
        return tuple(numbers[:_PENS])

    def _choose_setpoint(self) -> None:
        machine = self.card.machine
        if machine is None or not self.somebody_decides():
            return
        if len(machine.setpoints) == 1:
            self.card.write(machine.setpoints[0], self)
            return
        choices = [(spec.name, name(spec.label, theme.language()) or spec.name) for spec in machine.setpoints]
        by_name = {spec.name: spec for spec in machine.setpoints}
        sheet = ChoiceSheet(self.ground, self.tr("Setpoint"), choices)
        sheet.picked.connect(lambda tag: self.card.write(by_name[tag], self))
        sheet.open()

    @property
    def entered(self) -> list[TagSpec]:
        """Values and the state of the machine that people enter, because it has no controller."""
        by_hand = {source.code for source in self.bridge.station.site.sources if source.protocol == MANUAL}
        return [spec for spec in self.card.machine.tags if spec.source in by_hand] if self.card.machine is not None else []

    def _choose_entry(self) -> None:
        entered = {spec.name: spec for spec in self.entered}
        if not self.somebody_decides():
            return
        choices = [(spec.name, name(spec.label, theme.language()) or spec.name) for spec in entered.values()]
        sheet = ChoiceSheet(self.ground, self.tr("Enter values"), choices)
        sheet.picked.connect(lambda tag: self._enter(entered[tag]))
        sheet.open()

    def _enter(self, spec: TagSpec) -> None:
        form = manual_form(self.ground, self.bridge, spec)
        form.done.connect(lambda: self.toast.emit(self.tr("{tag}: entered").format(tag=name(spec.label, theme.language()) or spec.name)))
        form.open()

    def _touched(self, spec: TagSpec) -> None:
        """A good setpoint is changed, what people enter is entered; any other value tells about itself."""
        if spec in self.entered:
            if self.somebody_decides():
                self._enter(spec)
        elif spec.write is not None and self.bridge.sample(spec.name).quality is Quality.GOOD:
            if self.somebody_decides():
                self.card.write(spec, self)
        else:
            self.why(spec.name)

    # -- words ---------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        """See View."""
        self.table.set_columns([Column(self.tr("Machine"))])
        if self.bridge.is_ready:
            self.table.set_empty_text(self.tr("No machines yet."), self.tr("Apply a site file with: genba site apply FILE"))
        else:
            self.table.set_empty_text(self.tr("Machines are being loaded …"))
        self.card.retranslate()
        self._show()
