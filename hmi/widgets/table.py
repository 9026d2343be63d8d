"""PagedTable: a list in large rows with two large page buttons; no hover, no double-click, no scroll bar to catch."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core import tabular
from core.tabular import Table
from hmi import theme
from hmi.theme import FontRole
from hmi.widgets.button import TouchButton
from hmi.widgets.chip import draw_chip
from hmi.widgets.glyphs import draw_glyph
from hmi.widgets.painted import Painted, draw_box, draw_focus, has_keyboard
from hmi.widgets.text import CENTER, LEFT, RIGHT, font_fitting, line_height

Align = Literal["left", "right", "center"]
_BOTTOM = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom
_ALIGN = {"left": LEFT, "right": RIGHT, "center": CENTER}


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: In the current language.
        share: Part of the width, relative to the other columns.
        align: left, right (numbers) or center.
    """

    title: str
    share: float = 1.0
    align: Align = "left"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell with more than plain text.

    Attributes:
        text: What to read.
        tone: Colour token of the text.
        strong: Bold.
        glyph: Glyph name before the text, "" for none.
        state: Machine state: the cell is then a state chip with ``text`` as its word.
        below: Second, smaller line.
    """

    text: str
    tone: str = "text"
    strong: bool = False
    glyph: str = ""
    state: str = ""
    below: str = ""


Row = tuple[str | Cell, ...]


def _number(text: str) -> Decimal | None:
    """A number as ``core.words.number`` writes it; None for any other text."""
    plain = text.replace(",", "").replace("−", "-")
    return Decimal(plain) if _NUMBER.fullmatch(plain) else None


_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class PagedTable(Painted):
    """A table. ``set_columns`` once per language, ``show_rows`` whenever there is news; the selection follows its key.

    Signals:
        selected(object): Key of the row that was touched (released inside) or reached by arrow keys; None when it went away.
        opened(object): Key of the selected row; touched a second time or Enter. Never the only way to do something.
        touched(object, int): Key of the row and index of the column that were touched; after the row was selected.
        page_changed(int): Page shown now, from 0.
    """

    selected = Signal(object)
    opened = Signal(object)
    touched = Signal(object, int)
    page_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None, *, row_u: float = 64) -> None:
        super().__init__(parent)
        self._row_u = row_u
        self._columns: tuple[Column, ...] = ()
        self._rows: tuple[Row, ...] = ()
        self._keys: tuple[Hashable, ...] = ()
        self._empty: tuple[str, str] = ("", "")
        self._selected: Hashable = None
        self._pressed = -1
        self._page = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.up = TouchButton("", self, icon="arrow_up", large=True)
        self.down = TouchButton("", self, icon="arrow_down", large=True)
        for button, step in ((self.up, -1), (self.down, 1)):
            button.guard_ms = 0
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _checked=False, by=step: self.show_page(self._page + by))

    # -- data ----------------------------------------------------------------------------------------------------

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Titles and widths."""
        self._columns = tuple(columns)
        self.update()

    def set_empty_text(self, why: str, what_to_do: str = "") -> None:
        """What to read when there is no row: why, and what to do."""
        self._empty = (why, what_to_do)
        self.update()

    def show_rows(self, rows: Sequence[Row], keys: Sequence[Hashable] | None = None) -> None:
        """Show ``rows``; ``keys`` (same length, default: the row's index) keep the selection over a refresh."""
        new_keys = tuple(range(len(rows)) if keys is None else keys)
        if tuple(rows) == self._rows and new_keys == self._keys:
            return
        self._rows, self._keys = tuple(rows), new_keys
        if self._selected is not None and self._selected not in self._keys:
            self._selected = None
            self.selected.emit(None)
        self._page = min(self._page, self.pages - 1)
        self._lay_out()

    def exported(self) -> Table:
        """What the table says, on all its pages, as a file takes it: second lines beside the first, numbers as numbers."""
        return self.as_table(self._rows)

    def as_table(self, shown: Sequence[Row]) -> Table:
        """Rows of this table as a file takes them, those that are not loaded as well."""
        rows = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in shown]
        below = [any(row[place].below for row in rows) for place in range(len(self._columns))]
        columns, values = list[tabular.Column](), [list[tabular.Value]() for _ in rows]
        for place, column in enumerate(self._columns):
            cells = [row[place] for row in rows]
            numbers = [_number(cell.text) for cell in cells] if column.align == "right" else []
            kind: tabular.Kind = "number" if numbers and None not in numbers else "text"
            columns.append(tabular.Column(column.title, kind))
            for value, cell, count in zip(values, cells, numbers if kind == "number" else [None] * len(cells), strict=True):
                value.append(cell.text if count is None else count)
                value.extend([cell.below] if below[place] else [])
            columns.extend([tabular.Column(f"{column.title} (2)")] if below[place] else [])
        return Table("", tuple(columns), values)

    @property
    def selected_key(self) -> Hashable:
        """Key of the selected row, None without one."""
        return self._selected

    def select(self, key: Hashable) -> None:
        """Select a row and show its page; None deselects."""
        if key is not None and key not in self._keys:
            return
        self._selected = key
        if key is not None:
            self.show_page(self._keys.index(key) // self.rows_per_page)
        self.selected.emit(key)
        self.update()

    # -- pages ---------------------------------------------------------------------------------------------------

    def row_height(self) -> int:
        """Height of a row, px; never below the touch size."""
        return max(theme.current().px(self._row_u), theme.current().touch)

    def _header_height(self) -> int:
        return theme.current().px(36)

    @property
    def rows_per_page(self) -> int:
        """Rows that fit; at least one."""
        return max(1, (self.height() - self._header_height()) // self.row_height())

    @property
    def pages(self) -> int:
        """Pages there are; at least one."""
        return max(1, -(-len(self._rows) // self.rows_per_page))

    @property
    def page(self) -> int:
        """Page shown now, from 0."""
        return self._page

    def show_page(self, page: int) -> None:
        """Turn to ``page``; out of range turns to the nearest."""
        page = min(max(page, 0), self.pages - 1)
        if page != self._page:
            self._page = page
            self.page_changed.emit(page)
        self._lay_out()

    def _lay_out(self) -> None:
        many = self.pages > 1
        side = self.up.sizeHint().width()
        for button in (self.up, self.down):
            button.setVisible(many)
        self.up.setEnabled(self._page > 0)
        self.down.setEnabled(self._page < self.pages - 1)
        top = self._header_height()
        height = min(max(self.up.sizeHint().height(), (self.height() - top - theme.current().px(44)) // 2), side * 2)
        self.up.setGeometry(self.width() - side, top, side, height)
        self.down.setGeometry(self.width() - side, self.height() - height, side, height)
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the selected row, or the first row shown, in sight."""
        super().resizeEvent(event)
        if self._selected is not None:
            self._page = self._keys.index(self._selected) // self.rows_per_page
        self._page = min(self._page, self.pages - 1)
        self._lay_out()

    def restyle(self) -> None:
        """Take over another theme."""
        super().restyle()
        self._lay_out()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Header and five rows."""
        return QSize(theme.current().px(600), self._header_height() + 5 * self.row_height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Header and two rows, as wide as the page buttons and a column."""
        return QSize(theme.current().px(320), self._header_height() + 2 * self.row_height())

    # -- painting ------------------------------------------------------------------------------------------------

    def table_width(self) -> int:
        """Width of the rows, px: without the page buttons."""
        return self.width() - (self.up.width() + theme.current().gap if self.pages > 1 else 0)

    def _column_rects(self, top: float, height: float) -> list[QRectF]:
        now = theme.current()
        total = sum(column.share for column in self._columns) or 1.0
        left, rects = 0.0, []
        for column in self._columns:
            width = self.table_width() * column.share / total
            rects.append(QRectF(left + now.px(10), top, width - now.px(20), height))
            left += width
        return rects

    def paint(self, painter: QPainter) -> None:
        """Header, rows of this page, page number, or why there is nothing."""
        now = theme.current()
        for column, rect in zip(self._columns, self._column_rects(0, self._header_height()), strict=True):
            role = font_fitting(column.title, ("label", "small"), rect.width())
            self.write(painter, rect, column.title, role, "text2", _ALIGN[column.align])
        painter.fillRect(QRectF(0, self._header_height() - now.px(2), self.table_width(), now.px(2)), now.color("edge"))
        if not self._rows:
            self._paint_empty(painter)
        first = self._page * self.rows_per_page
        for place, index in enumerate(range(first, min(first + self.rows_per_page, len(self._rows)))):
            top = self._header_height() + place * self.row_height()
            self._paint_row(painter, index, QRectF(0, top, self.table_width(), self.row_height()))
        if self.pages > 1:
            middle = QRectF(self.up.x(), self.up.geometry().bottom(), self.up.width(), self.down.y() - self.up.geometry().bottom())
            self.write(painter, middle, f"{self._page + 1} / {self.pages}", "label", "text2", CENTER)
        if has_keyboard(self) and self._selected is None:
            draw_focus(painter, QRectF(0, 0, self.table_width(), self.height()))

    def _paint_empty(self, painter: QPainter) -> None:
        room = QRectF(0, self._header_height(), self.table_width(), self.height() - self._header_height())
        why, do = self._empty
        half = room.height() / 2
        self.write(painter, room.adjusted(20, 0, -20, -half - 4), why, "strong", "text", _BOTTOM, lines=3)
        below = room.adjusted(20, half + theme.current().px(10), -20, 0)
        self.write(painter, below, do, "body", "text2", Qt.AlignmentFlag.AlignHCenter, lines=3)

    def _paint_row(self, painter: QPainter, index: int, rect: QRectF) -> None:
        now = theme.current()
        chosen = self._keys[index] == self._selected
        if index == self._pressed:
            painter.fillRect(rect, now.color("pressed"))
        elif chosen or index % 2 == 0:
            painter.fillRect(rect, now.color("sunken" if chosen else "surface"))
        for cell, column, room in zip(self._rows[index], self._columns, self._column_rects(rect.top(), rect.height()), strict=True):
            self._paint_cell(painter, room, Cell(cell) if isinstance(cell, str) else cell, column.align)
        painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), now.color("line"))
        if chosen:
            painter.fillRect(QRectF(rect.left(), rect.top(), now.px(6), rect.height()), now.color("accent"))
            draw_box(painter, rect, None, "accent", 3 if has_keyboard(self) else 2)

    def _paint_cell(self, painter: QPainter, rect: QRectF, cell: Cell, align: Align) -> None:
        now = theme.current()
        if cell.state:
            height = now.px(40)
            draw_chip(painter, self, QRectF(rect.left(), rect.center().y() - height / 2, rect.width(), height), cell.state, cell.text)
            return
        if cell.glyph:
            side = now.px(24)
            draw_glyph(painter, cell.glyph, QRectF(rect.left(), rect.center().y() - side / 2, side, side), now.color(cell.tone))
            rect = rect.adjusted(side + now.px(6), 0, 0, 0)
        role: FontRole = "strong" if cell.strong else "body"
        if not cell.below:
            self.write(painter, rect, cell.text, role, cell.tone, _ALIGN[align], lines=2, may_cut=True)
            return
        middle = rect.top() + rect.height() / 2
        upper = QRectF(rect.left(), middle - line_height(role), rect.width(), line_height(role))
        self.write(painter, upper, cell.text, role, cell.tone, _ALIGN[align], may_cut=True)
        lower = QRectF(rect.left(), middle, rect.width(), line_height("label"))
        self.write(painter, lower, cell.below, "label", "text2", _ALIGN[align], may_cut=True)

    # -- touch and keys ------------------------------------------------------------------------------------------

    def _row_at(self, event: QMouseEvent) -> int:
        y = event.position().y() - self._header_height()
        if y < 0 or event.position().x() > self.table_width():
            return -1
        place = int(y // self.row_height())
        index = self._page * self.rows_per_page + place
        return index if place < self.rows_per_page and index < len(self._rows) else -1

    def _column_at(self, x: float) -> int:
        total, right = sum(column.share for column in self._columns) or 1.0, 0.0
        for place, column in enumerate(self._columns):
            right += self.table_width() * column.share / total
            if x < right:
                return place
        return len(self._columns) - 1

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Show which row is under the finger."""
        self._pressed = self._row_at(event) if event.button() is Qt.MouseButton.LeftButton else -1
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Sliding off the row cancels."""
        if self._pressed >= 0 and self._row_at(event) != self._pressed:
            self._pressed = -1
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Released inside the row: select it, or open it when it was selected."""
        pressed, self._pressed = self._pressed, -1
        self.update()
        if pressed < 0 or pressed != self._row_at(event):
            return
        key = self._keys[pressed]
        if key == self._selected:
            self.opened.emit(key)
        else:
            self.select(key)
        self.touched.emit(key, self._column_at(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Arrows select, Page Up and Down turn pages, Enter opens."""
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        turns = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1}
        key = Qt.Key(event.key())
        if key in steps and self._keys:
            now = self._keys.index(self._selected) if self._selected in self._keys else -steps[key] if steps[key] > 0 else 0
            self.select(self._keys[min(max(now + steps[key], 0), len(self._keys) - 1)])
        elif key in turns:
            self.show_page(self._page + turns[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._selected is not None:
            self.opened.emit(self._selected)
        else:
            super().keyPressEvent(event)
