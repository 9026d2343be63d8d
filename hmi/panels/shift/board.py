"""All lines of the running shift as a supervisor sees them: one line each, the sum below, worked out and never averaged."""

from __future__ import annotations

from PySide6.QtCore import Signal

from core.production.lines import view_board
from core.production.shop_views import BoardRow, BoardView
from core.production.time_views import Figures
from core.words import UNDEFINED, name, number, percent, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels import Action
from hmi.panels.shift.page import ShiftPage
from hmi.panels.shift.performance import told
from hmi.widgets.table import Cell, Column, PagedTable, Row

_TOTAL = "total"


class BoardPage(ShiftPage):
    """A line that needs somebody is marked: behind its target, a stop without a reason, an open call.

    Signals:
        line_pressed(str): Show this line.
    """

    line_pressed = Signal(str)

    entities = ("order:", "report:", "stop:", "stop_part:", "call:", "line:", "state_segment:", "count_event:", "calendar:", "shift:")

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self.view: BoardView | None = None
        self.table = PagedTable()
        self.table.selected.connect(lambda _: self.changed.emit())
        self.table.opened.connect(self._opened)
        self.column.addWidget(self.table, 1)
        self.retranslate()

    async def ask(self) -> None:
        """See ShiftPage."""
        answer = await self.bridge.ask(view_board)
        self.view = answer.value
        self.updated_at = answer.as_of.timestamp()

    def offered(self) -> list[Action]:
        """See ShiftPage."""
        key = self.table.selected_key
        if not isinstance(key, str) or key == _TOTAL:
            return []
        return [Action("board.line", self.tr("Show line {line}").format(line=key), lambda: self._opened(key))]

    def _opened(self, key: object) -> None:
        if isinstance(key, str) and key != _TOTAL:
            self.line_pressed.emit(key)

    def retranslate(self) -> None:
        """See ShiftPage."""
        language = theme.language()
        made = f"{word('count.good', language)} / {word('count.shift_target', language)}"
        titles = (self.tr("Line"), self.tr("State"), self.tr("Order"), made, word("oee.oee", language), self.tr("Waits for somebody"))
        shares, right = (1.7, 1.5, 1.4, 1.6, 1.9, 1.6), {3, 4}
        pairs = enumerate(zip(titles, shares, strict=True))
        self.table.set_columns([Column(title, share, "right" if place in right else "left") for place, (title, share) in pairs])
        self.table.set_empty_text(self.tr("No line is known."), self.tr("It is shown as soon as the database answers."))
        self.table.setAccessibleName(word("panel.board", language))
        if self.view is None:
            return
        rows = [self._row(row) for row in self.view.rows]
        keys = [row.line.code for row in self.view.rows]
        self.table.show_rows([*rows, self._total(self.view.total)], [*keys, _TOTAL])

    def _row(self, row: BoardRow) -> Row:
        line, language = row.line, theme.language()
        shift = self.tr("no shift") if row.shift is None else name(row.shift.name, language) or row.shift.code
        crew = "" if row.shift is None else name(row.shift.crew_name, language) if row.shift.crew_name else row.shift.crew
        order = line.order
        made = f"{number(row.figures.good)} / {number(line.target_shift)}"
        bad = self.tr("reject {n}").format(n=number(row.figures.scrap + row.figures.rework))
        waits = []
        if line.open_stops:
            waits.append(self.tr("{n} stops without a reason").format(n=line.open_stops))
        waits += [word(f"call.{call.kind}", language) for call in line.calls]
        behind = "" if line.ahead is None or line.ahead >= 0 else self.tr("behind by {n}").format(n=number(-line.ahead))
        return (
            Cell(line.code, strong=True, below=f"{shift} {crew}".strip()),
            Cell(word(f"state.{line.state}", language), state=line.state.value),
            Cell(order.number if order is not None else UNDEFINED, below=order.product_code if order is not None else ""),
            Cell(made, below=bad),
            self._oee(row.figures),
            Cell(", ".join(waits) or behind or UNDEFINED, glyph="exclamation" if waits or behind else "", below=behind if waits else ""),
        )

    def _total(self, total: Figures) -> Row:
        bad = self.tr("reject {n}").format(n=number(total.scrap + total.rework))
        return (Cell(self.tr("All lines"), strong=True), "", "", Cell(number(total.good), strong=True, below=bad), self._oee(total), "")

    def _oee(self, figures: Figures) -> Cell:
        """OEE with the share of the data it rests on; without one, why."""
        if figures.oee.value is None:
            return Cell(UNDEFINED, below=word(f"oee.{figures.oee.why}", theme.language()))
        below = f"{word('oee.coverage', theme.language())} {told(figures.coverage)}"
        if figures.performance_over:
            return Cell(percent(figures.oee.value), strong=True, glyph="exclamation", below=word("oee.performance_over", theme.language()))
        return Cell(percent(figures.oee.value), strong=True, below=below)
