"""The audit trail: who did what, when, where, from what to what, and why. Nobody can change it here, or anywhere."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Any, Final

from core.users.audit_views import AuditEntry, ColumnChange, Mark
from core.users.trail import SEARCH, people_in_trail, search_trail
from core.words import word
from hmi import theme
from hmi.panels import Action
from hmi.panels.users.page import NOWHERE, ListPage
from hmi.sheets.ask_form import Asked, AskForm
from hmi.sheets.choice import ChoiceSheet
from hmi.sheets.decision import operation_word
from hmi.widgets.table import Cell, Column, Row

_PERIODS: Final = {"today": None, "8h": timedelta(hours=8), "7d": timedelta(days=7), "all": timedelta(days=36_500)}
_ROWS: Final = 500
_EVERYBODY: Final = "*"


class TrailPage(ListPage):
    """Newest first; person, object and period are one touch away."""

    permission = SEARCH
    entities = ("*",)

    def __init__(self, *args: Any, **more: Any) -> None:
        self._period, self._person, self._object = "today", "", ""
        super().__init__(*args, **more)

    def columns(self) -> list[Column]:
        """See ListPage."""
        titles = (self.tr("Server time / station"), self.tr("Who"), self.tr("What"), self.tr("From → to"), self.tr("Why"))
        return [Column(title, share) for title, share in zip(titles, (1.5, 1.5, 2.6, 2.2, 1.8), strict=True)]

    def empty(self) -> tuple[str, str]:
        """See ListPage."""
        return self.tr("Nothing was recorded that fits."), self.tr("Take a longer period, another person or another object.")

    async def ask(self) -> tuple[dict[Hashable, Any], float]:
        """See ListPage."""
        told = {"from_at": self._from(), "user": self._person, "text": self._object}
        answer = await self.bridge.ask(search_trail, limit=_ROWS, **told)
        return {(entry.station, entry.seq): entry for entry in answer.value.items}, answer.as_of.timestamp()

    def _from(self) -> datetime:
        now = datetime.now(self.bridge.zone())
        span = _PERIODS[self._period]
        return now.replace(hour=0, minute=0, second=0, microsecond=0) if span is None else now - span

    def row(self, item: AuditEntry) -> Row:
        """See ListPage."""
        local = self.at(item.decided_at) if item.decided_at is not None else NOWHERE
        when = Cell(self.at(item.at), below=f"{local} {item.station}")
        good = item.outcome in ("done", "signed_in", "signed_out", "verified", "switched")
        what = Cell(operation_word(item.operation), below=item.object, glyph="" if good else "cross", tone="text" if good else "danger")
        why = Cell(item.reason or self._outcome(item), below=self._marks(item))
        return (when, Cell(item.user_name, below=item.user_code), what, _from_to(item.main), why)

    def _outcome(self, item: AuditEntry) -> str:
        return "" if item.outcome == "done" else word(f"outcome.{item.outcome}", theme.language()).removeprefix("outcome.")

    def _marks(self, item: AuditEntry) -> str:
        marks = []
        if item.signature is not None:
            meaning = word(f"meaning.{item.signature.meaning}", theme.language())
            marks.append(self.tr("signed: {meaning}").format(meaning=meaning))
        if item.authorised_by is not None:
            marks.append(self.tr("authorised by {name}").format(name=item.authorised_by.user_code))
        if item.offline or item.late:
            marks.append(self.tr("without the database") if item.offline else self.tr("came in later"))
        return ", ".join(marks)

    def told(self, item: AuditEntry) -> str:
        """Everything that changed, who signed, and where the row stands in its chain."""
        lines = [self.tr("Chain {station}, row {seq}, SHA-256 {hash}…").format(station=item.station, seq=item.seq, hash=item.hash[:16])]
        for change in item.changes[:4]:
            columns = ", ".join(f"{column.column} {_from_to(column)}" for column in change.columns[:5])
            lines.append(f"{change.table} {change.key[:8]}: {columns or change.action}")
        for mark in (item.signature, item.authorised_by):
            if isinstance(mark, Mark):
                lines.append(f"{mark.name} ({mark.user_code}) {self.at(mark.at)}")
        return "   ·   ".join(lines)

    def bar_actions(self) -> list[Action]:
        """The filters, each saying what it is set to."""
        periods = {"today": self.tr("Today"), "8h": self.tr("Last 8 h"), "7d": self.tr("Last 7 days"), "all": self.tr("All")}
        person = self._person or self.tr("everybody")
        return [
            Action("trail.period", periods[self._period], self._next_period),
            Action("trail.person", self.tr("Person: {name}").format(name=person), self._choose_person),
            Action("trail.object", self._object or self.tr("Object or word"), self._ask_object),
        ]

    def _next_period(self) -> None:
        names = list(_PERIODS)
        self._period = names[(names.index(self._period) + 1) % len(names)]
        self.changed.emit()
        self.refresh()

    def _choose_person(self) -> None:
        async def choose() -> None:
            people = (await self.bridge.ask(people_in_trail)).value
            choices = [(_EVERYBODY, self.tr("everybody")), *((code, f"{code}  {shown}") for code, shown in people)]
            sheet = ChoiceSheet(self.ground, self.tr("Person"), choices)
            sheet.picked.connect(self._look_for)
            sheet.open()

        self.bridge.start(choose(), on_error=self.failed.emit)

    def _look_for(self, person: str) -> None:
        self._person = "" if person == _EVERYBODY else person
        self._filtered()

    def _filtered(self) -> None:
        self.changed.emit()
        self.refresh()

    def _ask_object(self) -> None:
        asked = [
            Asked("object", self.tr("Order, user, product, tag …, or a word of the reason"), "text", value=self._object, required=False)
        ]

        async def take(given: Any) -> None:
            self._object = given["object"]

        sheet = AskForm(self.ground, self.bridge, self.tr("Search"), asked, take)
        sheet.done.connect(self._filtered)
        sheet.open()


def _from_to(change: ColumnChange | None) -> str:
    if change is None:
        return ""
    before, after = (NOWHERE if part is None else part for part in (change.before, change.after))
    return f"{before} → {after}"
