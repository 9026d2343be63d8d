"""Pages and pictures to take away: a PDF with its fonts inside, a PNG of what is on the screen.

Paper has its own look: black on white in the bundled font, whatever theme the screen wears. Lengths on a page are tenths of a point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPageLayout, QPageSize, QPainter, QPdfWriter, QPixmap, QTextLayout, QTextOption
from PySide6.QtWidgets import QWidget

from core.tabular import Column, Table, Value
from core.words import UNDEFINED, duration, number, percent
from hmi import theme

_DPI = 720  # a tenth of a point, so that fonts are laid out without the hinting of a screen
_MARGIN_MM = 12.0
_BODY, _HEAD, _TITLE = 90, 110, 150
_LEADING = 1.35
_GAP = 60.0
_CELL_SPACE = 50.0
_WIDEST_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a document.

    Attributes:
        heading: "" for none.
        lines: Paragraphs.
        table: Rows below them; None for none.
        picture: A widget as it is on the screen, above the table; None for none.
    """

    heading: str = ""
    lines: Sequence[str] = ()
    table: Table | None = None
    picture: QPixmap | None = None


def png(widget: QWidget) -> bytes:
    """What ``widget`` shows now, as a PNG."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    widget.grab().save(buffer, "PNG")
    return bytes(data.data())


def pdf(title: str, sections: Sequence[Section], note: str = "", *, landscape: bool = False) -> bytes:
    """A document of A4 pages.

    Args:
        title: On top of every page, and the name of the document.
        sections: One below the other; tables go on over pages, with their heading again.
        note: At the foot of every page, beside its number.
        landscape: Broad pages, for tables.
    """
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(title)
    writer.setCreator("Genba")
    turned = QPageLayout.Orientation.Landscape if landscape else QPageLayout.Orientation.Portrait
    writer.setPageLayout(
        QPageLayout(QPageSize(QPageSize.PageSizeId.A4), turned, QMarginsF(*(4 * [_MARGIN_MM])), QPageLayout.Unit.Millimeter)
    )
    writer.setResolution(_DPI)
    room = QSizeF(writer.width(), writer.height())
    pages = _Flow(room, title, note).pages(sections)
    painter = QPainter(writer)
    for place, page in enumerate(pages, 1):
        if place > 1:
            writer.newPage()
        for paint in page:
            paint(painter)
        _line(painter, QRectF(0, room.height() - _BODY * _LEADING, room.width(), _BODY * _LEADING), f"{place} / {len(pages)}", right=True)
    painter.end()
    return bytes(data.data())


def shown(column: Column, value: Value, table: Table) -> str:
    """A value as it is read on paper; "—" where nothing is known."""
    if value is None:
        return UNDEFINED
    if isinstance(value, datetime):
        return f"{value.astimezone(table.zone):%Y-%m-%d %H:%M}"
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return str(value)
    if column.kind == "share":
        return percent(float(value))
    if column.kind == "seconds":
        return duration(float(value))
    digits = -exponent if isinstance(exponent := Decimal(str(value)).normalize().as_tuple().exponent, int) else 0
    return number(value, min(max(digits, 0), 3))


Paint = Callable[[QPainter], None]


class _Flow:
    """Fills pages from top to bottom."""

    def __init__(self, room: QSizeF, title: str, note: str) -> None:
        self._room, self._title, self._note = room, title, note
        self._pages: list[list[Paint]] = []
        self._y = 0.0

    def pages(self, sections: Sequence[Section]) -> list[list[Paint]]:
        """What to paint on each page."""
        self._turn()
        for section in sections:
            self._section(section)
        return self._pages

    def _turn(self) -> None:
        page: list[Paint] = []
        self._pages.append(page)
        self._y = 0.0
        self._text(self._title, _TITLE, bold=True)
        self._y += _GAP
        foot = QRectF(0, self._room.height() - _BODY * _LEADING, self._room.width(), _BODY * _LEADING)
        page.append(lambda painter: _line(painter, foot, self._note))

    def _left(self) -> float:
        return self._room.height() - 2 * _BODY * _LEADING - self._y

    def _section(self, section: Section) -> None:
        if section.heading:
            if self._left() < 5 * _HEAD * _LEADING:  # a heading does not stand alone at the foot
                self._turn()
            self._y += _GAP
            self._text(section.heading, _HEAD, bold=True)
        for line in section.lines:
            self._text(line, _BODY)
        if section.picture is not None:
            self._picture(section.picture)
        if section.table is not None:
            self._table(section.table)

    def _text(self, text: str, size: int, *, bold: bool = False) -> None:
        font = _font(size, bold=bold)
        for line in _broken(text, font, self._room.width()):
            if self._left() < size * _LEADING:
                self._turn()
            self._put(line, font, QRectF(0, self._y, self._room.width(), size * _LEADING))
            self._y += size * _LEADING

    def _put(self, line: str, font: QFont, box: QRectF, *, right: bool = False) -> None:
        self._pages[-1].append(lambda painter: _line(painter, box, line, font=font, right=right))

    def _picture(self, picture: QPixmap) -> None:
        if self._left() < self._room.height() / 3:
            self._turn()
        size = QSizeF(picture.size()).scaled(QSizeF(self._room.width(), self._left()), Qt.AspectRatioMode.KeepAspectRatio)
        box = QRectF(QPointF(0, self._y), size)
        self._pages[-1].append(lambda painter: painter.drawPixmap(box, picture, QRectF(picture.rect())))
        self._y += size.height() + _GAP

    # -- tables --------------------------------------------------------------------------------------------------

    def _table(self, table: Table) -> None:
        rows = [[shown(column, value, table) for column, value in zip(table.columns, row, strict=True)] for row in table.rows]
        widths = self._widths(table, rows)
        right = [column.kind in ("number", "share", "seconds") for column in table.columns]
        head = [column.title for column in table.columns]
        self._row(head, widths, right, bold=True)
        for row in rows:
            if self._left() < self._height(row, widths):
                self._turn()
                self._row(head, widths, right, bold=True)
            self._row(row, widths, right)

    def _widths(self, table: Table, rows: Sequence[Sequence[str]]) -> list[float]:
        """As much as each column needs; what is too wide for the page is shared, the widest gives first."""
        bold, body = QFontMetricsF(_font(_BODY, bold=True)), QFontMetricsF(_font(_BODY))
        wanted = [
            max([bold.horizontalAdvance(column.title), *(body.horizontalAdvance(row[place]) for row in rows[:500])]) + _CELL_SPACE
            for place, column in enumerate(table.columns)
        ]
        while sum(wanted) > self._room.width() and max(wanted) > self._room.width() / len(wanted) + 1:
            widest = wanted.index(max(wanted))
            others = sum(wanted) - wanted[widest]
            wanted[widest] = max(self._room.width() / len(wanted), min(wanted[widest] * 0.9, self._room.width() - others))
        return wanted

    def _height(self, row: Sequence[str], widths: Sequence[float], *, bold: bool = False) -> float:
        font = _font(_BODY, bold=bold)
        lines = max([len(_broken(text, font, width - _CELL_SPACE)) for text, width in zip(row, widths, strict=True)], default=1)
        return lines * _BODY * _LEADING + _CELL_SPACE / 2

    def _row(self, row: Sequence[str], widths: Sequence[float], right: Sequence[bool], *, bold: bool = False) -> None:
        font, top, left = _font(_BODY, bold=bold), self._y, 0.0
        for text, width, to_right in zip(row, widths, right, strict=True):
            for place, line in enumerate(_broken(text, font, width - _CELL_SPACE)):
                box = QRectF(left, top + place * _BODY * _LEADING, width - _CELL_SPACE, _BODY * _LEADING)
                self._put(line, font, box, right=to_right)
            left += width
        self._y += self._height(row, widths, bold=bold)
        under = self._y - _CELL_SPACE / 4
        self._pages[-1].append(lambda painter: painter.drawLine(QPointF(0, under), QPointF(min(left, self._room.width()), under)))


def _font(size: int, *, bold: bool = False) -> QFont:
    font = QFont(theme.current().font("strong" if bold else "body"))
    font.setPixelSize(size)
    return font


def _broken(text: str, font: QFont, width: float) -> list[str]:
    """``text`` in lines of at most ``width``; a word that is longer is broken where it must be."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        layout = QTextLayout(paragraph, font)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        layout.beginLayout()
        while (line := layout.createLine()).isValid():
            line.setLineWidth(width)
            lines.append(paragraph[line.textStart() : line.textStart() + line.textLength()].rstrip())
        layout.endLayout()
    return lines or [""]


def _line(painter: QPainter, box: QRectF, text: str, *, font: QFont | None = None, right: bool = False) -> None:
    painter.setFont(font or _font(_BODY))
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip, text)
