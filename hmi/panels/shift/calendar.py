"""What is not as the calendar says: holidays, extra shifts, overtime, planned standstill; entered and withdrawn by supervisors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from core.equipment.calendar import except_day, get_calendars, withdraw_exception
from core.equipment.shift_views import EXCEPTION_KINDS, CalendarView, ExceptionSpec
from core.errors import Invalid
from core.sitefile.importing import import_days
from core.words import UNDEFINED, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels import Action
from hmi.panels.shift.page import ShiftPage
from hmi.sheets.ask_form import Asked, AskForm, Form
from hmi.sheets.importing import ImportSheet
from hmi.widgets.table import Cell, Column, PagedTable

_WORDS: Final = {"crew": "shift.crew_exception"}
_TIMED: Final = frozenset({"extra", "overtime", "planned_down"})
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


class CalendarPage(ShiftPage):
    """The exceptions that stand, the next ones first in sight."""

    entities = ("calendar:", "calendar_exception:", "shift:")

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._view = CalendarView()
        self._known = False
        self.table = PagedTable()
        self.table.selected.connect(lambda _: self.changed.emit())
        self.column.addWidget(self.table, 1)
        self.retranslate()

    async def ask(self) -> None:
        """See ShiftPage."""
        answer = await self.bridge.ask(get_calendars)
        self._view, self._known = answer.value, True
        self.updated_at = answer.as_of.timestamp()

    @property
    def exceptions(self) -> dict[UUID, tuple[str, ExceptionSpec]]:
        """Id → calendar and exception, by day."""
        found = [(calendar.code, one) for calendar in self._view.calendars for one in calendar.exceptions]
        return {one.id: (code, one) for code, one in sorted(found, key=lambda pair: (pair[1].production_date, pair[1].shift_code))}

    def offered(self) -> list[Action]:
        """See ShiftPage."""
        actions = []
        if self._view.calendars and self.bridge.may(except_day):
            actions.append(Action("calendar.except", word("operation.equipment:calendar:except", theme.language()), self._except))
        if self._view.calendars and self.bridge.may(import_days):
            actions.append(Action("calendar.import", word("button.import", theme.language()), self._import))
        chosen = self.table.selected_key
        if isinstance(chosen, UUID) and self.bridge.may(withdraw_exception):
            title = word("operation.equipment:calendar:withdraw", theme.language())
            actions.append(Action("calendar.withdraw", title, lambda: self._withdraw(chosen), primary=True))
        return actions

    def _except(self) -> None:
        if self.somebody_decides():
            kinds = [(kind, _kind(kind)) for kind in EXCEPTION_KINDS]
            self.choose(word("operation.equipment:calendar:except", theme.language()), kinds, self._except_as)

    def _import(self) -> None:
        if self.somebody_decides():
            sheet = ImportSheet(self.ground, self.bridge, "day")
            sheet.done.connect(self.toast)
            sheet.done.connect(lambda _: self.refresh())
            sheet.open()

    def _except_as(self, kind: str) -> None:
        """The form of one kind asks for what that kind needs."""
        calendars = tuple((each.code, each.code) for each in self._view.calendars)
        lines = (("*", self.tr("all")), *((code, code) for code in self.lines()))

        def form() -> Form:
            today = f"{datetime.now(self.bridge.zone()):%Y-%m-%d}"
            asked = [
                Asked("calendar", self.tr("Calendar"), "one", calendars, calendars[0][0]),
                Asked("line", self.tr("Line"), "one", lines, "*"),
                Asked("day", self.tr("Production date"), value=today),
                Asked("shift", self.tr("Shift (empty: the whole day)"), required=kind == "crew"),
            ]
            if kind in _TIMED:
                asked.append(Asked("span", self.tr("From – to, as 15:00-17:00")))
            if kind == "crew":
                asked.append(Asked("crew", self.tr("Crew")))
            asked.append(Asked("note", self.tr("Note"), required=False))
            return Form(_kind(kind), asked, confirm=word("button.confirm", theme.language()))

        async def decide(given: Mapping[str, Any]) -> None:
            await self._decide(kind, given)

        sheet = AskForm(self.ground, self.bridge, form, decide, draft=("equipment:calendar:except", kind), columns=2)
        sheet.done.connect(self.refresh)
        sheet.open()

    async def _decide(self, kind: str, given: Mapping[str, Any]) -> None:
        try:
            day = date.fromisoformat(given["day"].strip())
        except ValueError:
            raise Invalid("shift.not_a_day", value=given["day"]) from None
        starts, ends = self._span(day, given["span"]) if kind in _TIMED else (None, None)
        await self.bridge.do(
            except_day,
            kind=kind,
            production_date=day,
            calendar=given["calendar"],
            line_code="" if given["line"] == "*" else given["line"],
            shift_code=given["shift"],
            starts_at=starts,
            ends_at=ends,
            crew=given.get("crew", ""),
            note=given["note"],
        )

    def _span(self, day: date, text: str) -> tuple[datetime, datetime]:
        """Two wall clocks of the site on ``day``; an end that is not after the start is on the next day."""
        clocks = _CLOCK.findall(text)
        if len(clocks) != 2:
            raise Invalid("shift.not_a_span", value=text)
        zone = self.bridge.zone()
        starts, ends = (datetime(day.year, day.month, day.day, int(hour), int(minute), tzinfo=zone) for hour, minute in clocks)
        return starts, ends if ends > starts else ends + timedelta(days=1)

    def _withdraw(self, exception_id: UUID) -> None:
        title = word("operation.equipment:calendar:withdraw", theme.language())

        def form() -> Form:
            code, one = self.exceptions[exception_id]
            return Form(title, note=f"{code}  {one.production_date}  {_kind(one.kind)}  {one.note}")

        async def decide(_: Mapping[str, Any]) -> None:
            await self.bridge.do(withdraw_exception, exception_id=exception_id)

        sheet = AskForm(self.ground, self.bridge, form, decide)
        sheet.done.connect(self.refresh)
        sheet.open()

    def retranslate(self) -> None:
        """See ShiftPage."""
        titles = (
            self.tr("Production date"),
            self.tr("What"),
            self.tr("Calendar / line"),
            self.tr("Shift"),
            self.tr("From – to"),
            self.tr("Note"),
        )
        self.table.set_columns([Column(title, share) for title, share in zip(titles, (1.3, 1.6, 1.6, 1.0, 1.6, 2.0), strict=True)])
        if self._known:
            self.table.set_empty_text(
                self.tr("Every day is as the calendar says."), self.tr("What is otherwise is entered with the button below.")
            )
        else:
            self.table.set_empty_text(self.tr("The calendar is not known."), self.tr("It is shown as soon as the database answers."))
        self.table.setAccessibleName(word("panel.calendar", theme.language()))
        zone, rows = self.bridge.zone(), []
        for code, one in self.exceptions.values():
            span = UNDEFINED
            if one.starts_at is not None and one.ends_at is not None:
                span = f"{one.starts_at.astimezone(zone):%H:%M}–{one.ends_at.astimezone(zone):%H:%M}"
            where = Cell(code, below=one.line_code or self.tr("all lines"))
            note = Cell(one.note, below=one.crew)
            rows.append((f"{one.production_date}", _kind(one.kind), where, one.shift_code or UNDEFINED, span, note))
        self.table.show_rows(rows, list(self.exceptions))


def _kind(kind: str) -> str:
    return word(_WORDS.get(kind, f"shift.{kind}"), theme.language())
