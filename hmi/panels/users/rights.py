"""Who may do what: permission × role, on one line or on all, and where each answer comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.users.accounts import decide_right
from core.users.admin_views import RightCell, RightMatrix, RightView
from core.users.rights import FEATURES, right_matrix
from core.users.roles import ROLES
from core.words import has_word, name, word
from hmi import theme
from hmi.bridge import Shown
from hmi.panels import Action
from hmi.panels.users.page import ListPage
from hmi.sheets.ask_form import Asked, AskForm, Form
from hmi.sheets.choice import ChoiceSheet
from hmi.sheets.decision import operation_word
from hmi.widgets.table import Cell, Column, Row
from hmi.widgets.tabs import SegmentedTabs

_ALL = "*"
_ANSWERS = {"yes": True, "no": False, "declared": None}


class RightsPage(ListPage):
    """The matrix, one group of permissions at a time; touch a cell to decide about it."""

    permission = "users:right:matrix"
    beside = False  # six columns need the width
    entities = ("role:", "line:", "*")

    def build_head(self) -> None:
        """See ListPage."""
        self._line: str | None = None
        self._group = FEATURES[0]
        self._matrix: RightMatrix | None = None
        self.groups = SegmentedTabs()
        self.groups.chosen.connect(self._look_into)
        self.head.addWidget(self.groups, 1)
        self.table.touched.connect(self._touched)

    def columns(self) -> list[Column]:
        """See ListPage."""
        first = self.tr("On all lines") if self._line is None else self.tr("On line {line}").format(line=self._line)
        roles = self._matrix.roles if self._matrix is not None else ()
        return [Column(first, 2.4), *(Column(ROLES[role].name[theme.language()], 1.1) for role in roles)]

    async def ask(self, offset: int) -> tuple[Mapping[Any, Any], int, float]:
        """See ListPage."""
        answer = await self.bridge.ask(right_matrix, line_code=self._line)
        self._matrix = answer.value
        self._say_groups()
        self.table.set_columns(self.columns())
        shown = {right.permission: right for right in self._matrix.rights if right.feature == self._group}
        return shown, len(shown), answer.as_of.timestamp()

    def row(self, item: RightView) -> Row:
        """See ListPage."""
        return (Cell(operation_word(item.permission)), *map(self._cell, item.cells))

    def _cell(self, cell: RightCell) -> Cell:
        below = {"declared": "", "site": self.tr("site's rule"), "line": self.tr("line's rule")}[cell.origin]
        if cell.differing:
            below = f"≠ {' '.join(cell.differing)}"
        decided = cell.origin != "declared"
        if cell.allowed:
            return Cell(self.tr("yes"), glyph="check", strong=decided, below=below)
        return Cell(self.tr("no"), tone="text2", glyph="minus", strong=decided, below=below)

    def told(self, item: RightView) -> list[str]:
        """The permission's own name, for whoever must say it to somebody else."""
        lines = [f"{operation_word(item.permission)}  ({item.permission})"]
        for cell in item.cells:
            if cell.differing:
                told = self.tr("{role}: {state}, but decided otherwise on {lines}")
                state, role = self.tr("yes") if cell.allowed else self.tr("no"), word(f"role.{cell.role}", theme.language())
                lines.append(told.format(role=role, state=state, lines=", ".join(cell.differing)))
        if self.bridge.may(decide_right):
            lines.append(self.tr("Touch the cell of a role to change it."))
        return lines

    def offered(self) -> list[Action]:
        """The line looked at."""
        if self._line is None:
            return [Action("rights.line", self.tr("Choose a line"), self._choose_line, primary=True)]
        return [
            Action("rights.all", self.tr("All lines"), lambda: self._look_at(_ALL)),
            Action("rights.line", self.tr("Line: {line}").format(line=self._line), self._choose_line, primary=True),
        ]

    # -- what is looked at ---------------------------------------------------------------------------------------

    def _choose_line(self) -> None:
        choices = [(line.code, f"{line.code} {name(line.name, theme.language())}") for line in self.bridge.station.site.lines]
        sheet = ChoiceSheet(self.ground, self.tr("Line"), choices)
        sheet.picked.connect(self._look_at)
        sheet.open()

    def _look_at(self, line: str) -> None:
        self._line = None if line == _ALL else line
        self.forget()
        self.refresh()

    def _look_into(self, group: str) -> None:
        self._group = group
        self.table.select(None)
        self.refresh()

    def _say_groups(self) -> None:
        features = dict.fromkeys(right.feature for right in self._matrix.rights) if self._matrix is not None else {}
        self.groups.show_tabs([(each, _feature_word(each)) for each in features], self._group)

    def retranslate(self) -> None:
        """See ListPage."""
        self._say_groups()
        super().retranslate()

    # -- deciding ------------------------------------------------------------------------------------------------

    def _touched(self, key: object, column: int) -> None:
        right, matrix = self._items.get(key), self._matrix
        if right is None or matrix is None or not 1 <= column <= len(matrix.roles) or not self.bridge.may(decide_right):
            return
        self._decide(right, right.cells[column - 1])

    def _decide(self, right: RightView, cell: RightCell) -> None:
        own = cell.site if self._line is None else cell.line
        now = "declared" if own is None else "yes" if own else "no"
        line = self._line

        def form() -> Form:
            declared = self.tr("as the program declares: yes") if cell.declared else self.tr("as the program declares: no")
            answers = (("yes", self.tr("yes")), ("no", self.tr("no")), ("declared", declared))
            asked = [Asked("allowed", self.tr("Decision"), "one", answers, now)]
            if line is not None and right.by_line:
                here = self.tr("line {line} only").format(line=line)
                asked.append(Asked("where", self.tr("Counts for"), "one", ((line, here), (_ALL, self.tr("all lines"))), line))
            asked.append(Asked("reason", word("button.reason", theme.language())))
            note = self.tr("{role}: {what}. {place} now: {state}. A change counts at once; screens offer it after the next sign-in.")
            role, place = word(f"role.{cell.role}", theme.language()), self.columns()[0].title
            state = self.tr("yes") if cell.allowed else self.tr("no")
            words = note.format(role=role, what=operation_word(right.permission), place=place, state=state)
            return Form(self.tr("Change a right"), asked, words)

        async def decide(given: Mapping[str, Any]) -> None:
            where = given.get("where", _ALL)
            told = {"role": cell.role, "permission": right.permission, "reason": given["reason"]}
            shown = self._shown(right, cell, where, sheet.options["allowed"].text(), given["reason"])
            line_code = None if where == _ALL else where
            await self.bridge.do(decide_right, shown=shown, line_code=line_code, allowed=_ANSWERS[given["allowed"]], **told)

        sheet = AskForm(self.ground, self.bridge, form, decide)
        sheet.done.connect(lambda: self.said(self.tr("The right was changed.")))
        sheet.open()

    def _shown(self, right: RightView, cell: RightCell, where: str, decision: str, reason: str) -> tuple[Shown, ...]:
        """What is signed, in words."""
        language = theme.language()
        return (
            Shown(word("argument.role", language), "", word(f"role.{cell.role}", language)),
            Shown(word("argument.permission", language), "", operation_word(right.permission)),
            Shown(word("argument.line_code", language), "", self.tr("all lines") if where == _ALL else where),
            Shown(word("argument.allowed", language), self.tr("yes") if cell.allowed else self.tr("no"), decision),
            Shown(word("button.reason", language), "", reason),
        )


def _feature_word(feature: str) -> str:
    known = f"feature.{feature}"
    return word(known, theme.language()) if has_word(known) else feature
