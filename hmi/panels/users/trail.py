"""The audit trail: who did what, when, where, from what to what, and why. Nobody can change it here, or anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from core.users.audit_views import AuditEntry
from core.users.trail import COUNTED_MAX, SEARCH, note_export, people_in_trail, search_trail
from core.words import number, word
from hmi import theme
from hmi.panels import Action
from hmi.panels.users import trail_words as words
from hmi.panels.users.page import ROWS, ListPage
from hmi.panels.users.trail_sheets import ChangesSheet, export_form
from hmi.sheets.ask_form import Asked, AskForm, Form
from hmi.sheets.choice import ChoiceSheet
from hmi.widgets.table import Cell, Column, Row
from hmi.widgets.tabs import SegmentedTabs

_SPANS: Final = {"today": None, "8h": timedelta(hours=8), "7d": timedelta(days=7), "all": timedelta(days=36_500)}
_EVERYBODY: Final = "*"


class TrailPage(ListPage):
    """Newest first; period, person and object are one touch away. It is asked anew by a person only: a list that moves is not read."""

    permission = SEARCH
    entities = ("*",)

    def build_head(self) -> None:
        """See ListPage."""
        self._period, self._person, self._object = "today", "", ""
        self._until: datetime | None = None
        self.periods = SegmentedTabs()
        self.periods.chosen.connect(self._in_period)
        self.head.addWidget(self.periods, 1)
        self.head.addWidget(self.count)
        self.table.opened.connect(lambda _: self._details())

    def columns(self) -> list[Column]:
        """See ListPage."""
        titles = (self.tr("Time (station)"), self.tr("Who"), self.tr("What"), self.tr("From → to"), self.tr("Why"))
        return [Column(title, share) for title, share in zip(titles, (1.8, 1.4, 2.4, 2.0, 1.9), strict=True)]

    def empty(self) -> tuple[str, str]:
        """See ListPage."""
        return self.tr("Nothing was recorded that fits."), self.tr("Take a longer period, another person or another object.")

    def counted(self) -> str:
        """See ListPage."""
        if self.total >= COUNTED_MAX:
            return self.tr("more than {n} entries").format(n=number(COUNTED_MAX))
        return super().counted()

    async def ask(self, offset: int) -> tuple[Mapping[Any, Any], int, float]:
        """See ListPage."""
        # Later pages are cut where the first one began: what comes meanwhile would shift them.
        until = self._until if offset else None
        answer = await self.bridge.ask(search_trail, limit=ROWS, offset=offset, to_at=until, **self.filter())
        if not offset:
            self._until = answer.as_of
        found = {(entry.station, entry.seq): entry for entry in answer.value.items}
        return found, answer.value.total, answer.as_of.timestamp()

    def filter(self) -> dict[str, Any]:
        """What is looked for, as ``search_trail`` takes it."""
        now, span = datetime.now(self.bridge.zone()), _SPANS[self._period]
        begin = now.replace(hour=0, minute=0, second=0, microsecond=0) if span is None else now - span
        return {"from_at": None if self._period == "all" else begin, "user": self._person, "text": self._object}

    def row(self, item: AuditEntry) -> Row:
        """See ListPage."""
        when = Cell(self.at(item.at), below=f"{self._station_time(item)}{item.station}")
        bad = not words.is_good(item)
        what = Cell(words.what(item), below=item.object, glyph="exclamation" if bad else "", strong=bad)
        why = Cell(item.reason or words.outcome(item), below=", ".join(words.marks(item)))
        return (when, Cell(item.user_name, below=item.user_code), what, words.from_to(item), why)

    def _station_time(self, item: AuditEntry) -> str:
        """When the station says it was decided: the seconds where it agrees with the server on the minute, as in ``/ :07``."""
        if item.decided_at is None:
            return ""
        same = item.decided_at.replace(second=0, microsecond=0) == item.at.replace(second=0, microsecond=0)
        return f"/ :{item.decided_at:%S}  " if same else f"/ {self.at(item.decided_at)}  "

    def told(self, item: AuditEntry) -> list[str]:
        """Who signed, what changed, and where the row stands in its chain."""
        signed = [
            self.tr("Signed by {name} ({code}), {at}: {meaning}").format(
                name=mark.name, code=mark.user_code, at=self.at(mark.at), meaning=words.meaning(mark.meaning)
            )
            for mark in (item.signature,)
            if mark is not None
        ]
        if item.authorised_by is not None:
            leave = self.tr("Authorised by {name} ({code})")
            signed.append(leave.format(name=item.authorised_by.name, code=item.authorised_by.user_code))
        chain = self.tr("Chain {station}, row {seq}, SHA-256 {hash}…").format(station=item.station, seq=item.seq, hash=item.hash[:16])
        return [*signed, chain, *words.change_lines(item)]

    def offered(self) -> list[Action]:
        """The filters, each saying what it is set to; the whole of a row; a signed copy."""
        person = self.tr("Person: {name}").format(name=self._person) if self._person else self.tr("Person: all")
        sought = f"“{self._object}”" if self._object else self.tr("Object: all")
        actions = [
            Action("trail.person", person, self._choose_person),
            Action("trail.object", sought, self._ask_object),
        ]
        if self.chosen is not None:
            actions.append(Action("trail.details", word("button.details", theme.language()), self._details, primary=True))
        if self.bridge.may(note_export):
            actions.append(Action("trail.export", word("button.export", theme.language()), lambda: export_form(self).open()))
        return actions

    # -- filters -------------------------------------------------------------------------------------------------

    def _in_period(self, period: str) -> None:
        self._period = period
        self._filtered()

    def _choose_person(self) -> None:
        self.bridge.start(self._offer_people(), on_error=self.failed.emit, reader=self)

    async def _offer_people(self) -> None:
        people = (await self.bridge.ask(people_in_trail)).value
        choices = [(_EVERYBODY, self.tr("everybody")), *((code, f"{code}  {shown}") for code, shown in people)]
        sheet = ChoiceSheet(self.ground, self.tr("Person"), choices)
        sheet.picked.connect(self._look_for)
        sheet.open()

    def _look_for(self, person: str) -> None:
        self._person = "" if person == _EVERYBODY else person
        self._filtered()

    def _ask_object(self) -> None:
        def form() -> Form:
            label = self.tr("Order, user, product, tag … in full, or a part of the reason")
            return Form(word("button.search", theme.language()), (Asked("object", label, value=self._object, required=False),))

        async def take(given: Mapping[str, Any]) -> None:
            self._object = given["object"]

        sheet = AskForm(self.ground, self.bridge, form, take)
        sheet.done.connect(self._filtered)
        sheet.open()

    def _filtered(self) -> None:
        self.table.select(None)
        self.forget()
        self.changed.emit()
        self.refresh()

    # -- one row -------------------------------------------------------------------------------------------------

    def _details(self) -> None:
        if self.chosen is not None:
            ChangesSheet(self.ground, self.chosen, self.told(self.chosen)).open()

    def retranslate(self) -> None:
        """See ListPage."""
        periods = (("today", self.tr("Today")), ("8h", self.tr("Last 8 h")), ("7d", self.tr("Last 7 days")), ("all", self.tr("All")))
        self.periods.show_tabs(list(periods), self._period)
        super().retranslate()
