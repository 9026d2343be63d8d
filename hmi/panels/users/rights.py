"""Who may do what: permission × role, on one line or on all, and where each answer comes from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from core.users.accounts import decide_right
from core.users.admin_views import RightCell, RightView
from core.users.rights import right_matrix
from core.users.roles import ROLES
from core.words import name, word
from hmi import theme
from hmi.panels import Action
from hmi.panels.users.page import ListPage
from hmi.sheets.ask_form import Asked, AskForm
from hmi.sheets.choice import ChoiceSheet
from hmi.sheets.decision import operation_word
from hmi.widgets.table import Cell, Column, Row

_ALL = "*"


class RightsPage(ListPage):
    """The matrix; touch a permission, then change it for one role."""

    permission = "users:right:matrix"
    entities = ("role:", "line:", "*")

    def __init__(self, *args: Any, **more: Any) -> None:
        self._line: str | None = None
        super().__init__(*args, **more)

    def columns(self) -> list[Column]:
        """See ListPage."""
        language = theme.language()
        first = self.tr("Permission") if self._line is None else self.tr("Permission on {line}").format(line=self._line)
        return [Column(first, 2.6), *(Column(ROLES[role].name[language], 1.2, "center") for role in ROLES)]

    async def ask(self) -> tuple[dict[Hashable, Any], float]:
        """See ListPage."""
        answer = await self.bridge.ask(right_matrix, line_code=self._line)
        self.table.set_columns(self.columns())
        return {right.permission: right for right in answer.value.rights}, answer.as_of.timestamp()

    def row(self, item: RightView) -> Row:
        """See ListPage."""
        told = operation_word(item.permission)
        below = item.permission if told != item.permission else ""
        return (Cell(told, below=below), *(self._cell(cell) for cell in item.cells))

    def _cell(self, cell: RightCell) -> Cell:
        decided = cell.origin != "declared"
        below = {"declared": "", "site": self.tr("decided here"), "line": self.tr("on this line")}[cell.origin]
        if cell.differing:
            below = self.tr("other on {lines}").format(lines=", ".join(cell.differing))
        if cell.allowed:
            return Cell(self.tr("yes"), glyph="check", strong=decided, below=below)
        return Cell(self.tr("no"), tone="text2", strong=decided, below=below)

    def bar_actions(self) -> list[Action]:
        """The line looked at, and the change of the chosen permission."""
        line = self.tr("Line: all") if self._line is None else self.tr("Line: {line}").format(line=self._line)
        actions = [Action("rights.line", line, self._choose_line)]
        right: RightView | None = self.chosen
        if right is not None and self.bridge.station.actor.may(decide_right.name):
            actions.append(Action("rights.decide", self.tr("Change"), lambda: self._decide(right), primary=True))
        return actions

    def _choose_line(self) -> None:
        lines = self.bridge.station.site.lines if self.bridge.is_ready else ()
        choices = [(_ALL, self.tr("All lines")), *((line.code, f"{line.code} {name(line.name, theme.language())}") for line in lines)]
        sheet = ChoiceSheet(self.ground, self.tr("Line"), choices)
        sheet.picked.connect(self._look_at)
        sheet.open()

    def _look_at(self, line: str) -> None:
        self._line = None if line == _ALL else line
        self.refresh()

    def _decide(self, right: RightView) -> None:
        answers = (("yes", self.tr("allow")), ("no", self.tr("forbid")), ("declared", self.tr("as the program declares it")))
        asked = [
            Asked("role", self.tr("Role"), "choice", tuple((role, word(f"role.{role}", theme.language())) for role in ROLES)),
            Asked("allowed", self.tr("Decision"), "choice", answers),
            Asked("reason", self.tr("Reason")),
        ]

        async def decide(given: Mapping[str, Any]) -> None:
            allowed = {"yes": True, "no": False, "declared": None}[given["allowed"]]
            told = {"role": given["role"], "permission": right.permission, "line_code": self._line, "reason": given["reason"]}
            await self.bridge.do(decide_right, allowed=allowed, **told)

        place = self.tr("on all lines") if self._line is None else self.tr("on line {line}").format(line=self._line)
        note = f"{operation_word(right.permission)} ({right.permission}) {place}"
        sheet = AskForm(self.ground, self.bridge, self.tr("Change a right"), asked, decide, note=note)
        sheet.done.connect(lambda: self.said(self.tr("The right was changed.")))
        sheet.open()
