"""The handover of a shift: the page that the system composes, signed by who gives it and who takes it, as PDF to take away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from PySide6.QtWidgets import QHBoxLayout

from core.equipment import shifts
from core.equipment.calendar import get_calendars
from core.equipment.shift_views import CalendarView
from core.errors import GenbaError
from core.production.handover import add_note, get_handover, give_shift, take_shift
from core.production.shop_views import HandoverView
from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels import Action
from hmi.panels.shift import handover_words
from hmi.panels.shift.page import ShiftPage
from hmi.sheets.ask_form import Asked, AskForm, Form
from hmi.widgets.button import TouchButton
from hmi.widgets.label import Label
from hmi.widgets.table import Cell, Column, PagedTable
from hmi.widgets.tabs import SegmentedTabs


class HandoverPage(ShiftPage):
    """One line and one shift at a time; the arrows go to the real shift before and after it, over days without work."""

    entities = ("handover:", "line_note:", "order:", "report:", "stop:", "stop_part:", "call:", "blocker:", "calendar:", "shift:")

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._line = ""
        self._asked: tuple[date, str] | None = None
        self._calendars = CalendarView()
        self.view: HandoverView | None = None
        self.lines_tabs = SegmentedTabs()
        self.lines_tabs.chosen.connect(self._of_line)
        self.before, self.after = TouchButton("", icon="arrow_left"), TouchButton("", icon="arrow_right")
        self.before.setObjectName("handover.before")
        self.after.setObjectName("handover.after")
        self.before.clicked.connect(lambda: self._step(-1))
        self.after.clicked.connect(lambda: self._step(1))
        self._which = Label("", "strong", wrap=True)
        self._signed = Label("", "body", "text2", wrap=True)
        row = QHBoxLayout()
        row.setSpacing(theme.current().gap)
        row.addWidget(self.before)
        row.addWidget(self._which, 1)
        row.addWidget(self.after)
        self.table = PagedTable(row_u=52)
        self.column.addWidget(self.lines_tabs)
        self.column.addLayout(row)
        self.column.addWidget(self._signed)
        self.column.addWidget(self.table, 1)
        self.retranslate()

    # -- asking --------------------------------------------------------------------------------------------------

    async def ask(self) -> None:
        """See ShiftPage."""
        codes = self.lines()
        if not codes:
            return
        self._line = self._line if self._line in codes else codes[0]
        self._calendars = (await self.bridge.ask(get_calendars)).value
        asked: dict[str, Any] = {} if self._asked is None else {"production_date": self._asked[0], "shift_code": self._asked[1]}
        answer = await self.bridge.ask(get_handover, line_code=self._line, **asked)
        self.view = answer.value
        self.updated_at = answer.as_of.timestamp()

    def _not_answered(self, error: Exception) -> None:
        self.view = None
        self.retranslate()
        super()._not_answered(error)

    def _of_line(self, line: str) -> None:
        self._line, self._asked = line, None
        self.refresh()

    def _step(self, by: int) -> None:
        view = self.view
        if view is None:
            return
        code = self._calendars.line_calendars.get(self._line, "")
        known = next((each for each in self._calendars.calendars if each.code == code), None)
        calendar = known or shifts.around_the_clock(str(self.bridge.zone()))
        there = shifts.neighbour(calendar, self._line, view.snapshot.shift, by)
        if there is not None and there.from_at <= datetime.now(self.bridge.zone()):
            self._asked = (there.production_date, there.shift_code)
            self.refresh()
        else:
            self.toast.emit(self.tr("There is no shift to show there."))

    # -- deciding ------------------------------------------------------------------------------------------------

    def offered(self) -> list[Action]:
        """See ShiftPage."""
        view, language = self.view, theme.language()
        if view is None:
            return []
        actions = [Action("handover.note", self.tr("Write a note"), self._note)]
        if view.given_at is None:
            actions.append(Action("handover.give", word("operation.production:handover:give", language), self._give, primary=True))
        elif view.taken_at is None:
            actions.append(Action("handover.take", word("operation.production:handover:take", language), self._take, primary=True))
        return [*actions, Action("handover.pdf", self.tr("PDF"), lambda: self.decide(self._pdf()))]

    def _note(self) -> None:
        def form() -> Form:
            title = word("operation.production:note:add", theme.language())
            return Form(f"{title}  {self._line}", (Asked("text", self.tr("What the next shift should know")),), confirm=title)

        async def decide(given: Mapping[str, Any]) -> None:
            await self.bridge.do(add_note, line_code=self._line, text=given["text"])

        self._open(AskForm(self.ground, self.bridge, form, decide, draft=("production:note:add", self._line)))

    def _give(self) -> None:
        view = self.view
        assert view is not None  # only offered with one

        def form() -> Form:
            title = word("operation.production:handover:give", theme.language())
            note = self.tr("What stands on the page now is kept as it is, with your signature.")
            asked = Asked("note", self.tr("In your own words"), required=False)
            return Form(f"{title}  {handover_words.which(view, self._calendars, self.bridge.zone())}", (asked,), note, title)

        async def decide(given: Mapping[str, Any]) -> None:
            key: dict[str, Any] = {"line_code": view.line_code, "production_date": view.production_date, "shift_code": view.shift_code}
            await self.bridge.do(give_shift, **key, note=given["note"], waiting=self.bridge.station.waiting)

        self._open(AskForm(self.ground, self.bridge, form, decide, draft=("production:handover:give", view.id)))

    def _take(self) -> None:
        view = self.view
        assert view is not None  # only offered with one
        if view.row_id is None:
            return

        def form() -> Form:
            title = word("operation.production:handover:take", theme.language())
            note = self.tr("You have read the page; from now on the line is yours.")
            return Form(f"{title}  {handover_words.which(view, self._calendars, self.bridge.zone())}", (), note, title)

        async def decide(_: Mapping[str, Any]) -> None:
            await self.bridge.do(take_shift, handover_id=view.row_id, version=view.version)

        self._open(AskForm(self.ground, self.bridge, form, decide))

    def _open(self, sheet: AskForm) -> None:
        if not self.somebody_decides():
            sheet.deleteLater()
            return
        sheet.done.connect(self.refresh)
        sheet.open()

    async def _pdf(self) -> None:
        from hmi.widgets.printing import pdf

        view = self.view
        if view is None:
            return
        title = f"{word('panel.handover', theme.language())}  {handover_words.which(view, self._calendars, self.bridge.zone())}"
        content = pdf(title, handover_words.sections(view, self.bridge.zone()), handover_words.foot(view))
        name = f"handover-{view.line_code}-{view.production_date}-{view.shift_code or 'day'}.pdf"
        try:
            path = await self.bridge.export_file(name, content)
        except GenbaError as error:
            self.failed.emit(error)
            return
        self.toast.emit(self.tr("{file} is in {folder}").format(file=path.name, folder=path.parent))

    # -- words ---------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        """See ShiftPage."""
        self.lines_tabs.show_tabs([(code, code) for code in self.lines()], self._line)
        self.table.set_columns([Column(self.tr("What"), 1.4), Column(self.tr("At the end of the shift"), 4.0)])
        self.table.set_empty_text(self.tr("No shift is known here."), self.tr("It is shown as soon as the database answers."))
        self.table.setAccessibleName(word("panel.handover", theme.language()))
        view = self.view
        for button in (self.before, self.after):
            button.setEnabled(view is not None)
        if view is None:
            self._which.set_text("")
            self._signed.set_text("")
            self.table.show_rows([])
            return
        self._which.set_text(handover_words.which(view, self._calendars, self.bridge.zone()))
        self._signed.set_text(handover_words.signatures(view, self.bridge.zone()))
        rows = handover_words.rows(view, self.bridge.zone())
        self.table.show_rows([(Cell(row.label, strong=row.open, glyph="exclamation" if row.open else ""), row.text) for row in rows])
