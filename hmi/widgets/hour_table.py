"""HourTable: hour by hour what should have been made and what was, with a bar for each and why something is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from core import tabular
from core.words import UNDEFINED, duration, number, percent, word
from hmi import theme
from hmi.widgets.bars import draw_count_bar
from hmi.widgets.painted import Painted
from hmi.widgets.text import CENTER, LEFT, RIGHT, font_fitting

_HEAD_U: Final = 34
_ROW_U: Final = 34
_SHARES: Final = (2.5, 1.2, 1.2, 1.2, 1.7, 3.2, 1.6, 1.5, 3.3)
_RIGHT: Final = frozenset({1, 2, 3, 4, 6, 7})
_BAR: Final = 5


@dataclass(frozen=True, slots=True)
class HourFace:
    """One row.

    Attributes:
        span: ``06:30 – 07:30`` on the site's clock; "" for the row of all hours.
        target, good, reject: Parts; counts None for an hour that has not begun.
        lost: Parts lost while the line was busy and did not run.
        stop_s: Seconds of stops.
        reasons: Words of the longest stops.
        state: Whether the hour is over, running or still to come.
        coverage: Share of its time for which there are data; a blind hour says so instead of looking healthy.
    """

    span: str
    target: int
    good: int | None
    reject: int | None
    lost: int
    stop_s: float
    reasons: str
    state: Literal["past", "now", "future"]
    coverage: float = 1.0


class HourTable(Painted):
    """All hours of a shift and their sum, without pages: a shift is seen at one glance. Feed it with ``show_hours``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._faces: tuple[HourFace, ...] = ()
        self._empty = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def faces(self) -> tuple[HourFace, ...]:
        """What was shown last."""
        return self._faces

    def show_hours(self, faces: Sequence[HourFace], empty: str = "") -> None:
        """Show these rows, or why there is none."""
        self._faces, self._empty = tuple(faces), empty
        self.setAccessibleName(word("panel.hours", theme.language()))
        self.update()

    def titles(self) -> tuple[str, ...]:
        """Headings in the current language; the bar has none."""
        language = theme.language()
        words = ("count.shift_target", "count.good", "count.reject", "count.difference")
        return (
            self.tr("Hour"),
            self.tr("Target"),
            *(word(known, language) for known in words[1:]),
            "",
            word("count.lost", language),
            self.tr("Stopped"),
            self.tr("Why"),
        )

    def cells(self, face: HourFace) -> tuple[str, ...]:
        """Words of a row in the order of the headings."""
        known = face.state != "future"
        seen = known and face.coverage > 0
        lead = face.good - face.target if face.good is not None and face.state == "past" and seen else None
        why = face.reasons
        if known and face.coverage < 0.995:
            coverage = f"{word('oee.coverage', theme.language())} {percent(face.coverage)}"
            why = f"{coverage}  {why}".rstrip()
        return (
            face.span or word("count.total", theme.language()),
            number(face.target),
            (number(face.good) if seen else UNDEFINED) if known else "",
            (number(face.reject) if seen else UNDEFINED) if known else "",
            "" if lead is None else f"{'+' if lead >= 0 else '−'}{number(abs(lead))}",
            "",
            number(face.lost) if known else "",
            duration(face.stop_s) if known and face.stop_s else "",
            why,
        )

    def exported(self) -> tabular.Table:
        """The rows as a file takes them."""
        counts = (1, 2, 3, 6)
        columns = [
            tabular.Column(title, "number" if place in counts else "text") for place, title in enumerate(self.titles()) if place != _BAR
        ]
        rows: list[list[tabular.Value]] = []
        for face in self._faces:
            row: list[tabular.Value] = [*self.cells(face)]
            seen = face.state != "future" and face.coverage > 0
            numbers = (face.target, face.good if seen else None, face.reject if seen else None, face.lost if seen else None)
            for place, count in zip(counts, numbers, strict=True):
                row[place] = count
            del row[_BAR]
            rows.append(row)
        return tabular.Table("", tuple(columns), rows)

    # -- painting ------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """A day's worth of rows; the page gives it what it has."""
        now = theme.current()
        return QSize(now.px(800), now.px(_HEAD_U + 9 * _ROW_U))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Rows may be lower than wished."""
        now = theme.current()
        return QSize(now.px(600), now.px(_HEAD_U + 9 * 26))

    def _rects(self, top: float, height: float) -> list[QRectF]:
        now, left, rects = theme.current(), 0.0, []
        for share in _SHARES:
            width = self.width() * share / sum(_SHARES)
            rects.append(QRectF(left + now.px(6), top, width - now.px(12), height))
            left += width
        return rects

    def paint(self, painter: QPainter) -> None:
        """Headings, rows, or why there is nothing."""
        now, head = theme.current(), theme.current().px(_HEAD_U)
        for place, (title, room) in enumerate(zip(self.titles(), self._rects(0, head), strict=True)):
            align = RIGHT if place in _RIGHT else LEFT
            self.write(painter, room, title, font_fitting(title, ("label", "small"), room.width()), "text2", align, may_cut=True)
        painter.fillRect(QRectF(0, head - now.px(2), self.width(), now.px(2)), now.color("edge"))
        if not self._faces:
            self.write(painter, QRectF(0, head, self.width(), self.height() - head), self._empty, "body", "text2", CENTER, lines=3)
            return
        height = min((self.height() - head) / len(self._faces), now.px(64))
        most = max((max(face.target, face.good or 0) for face in self._faces if face.span), default=1) or 1
        for place, face in enumerate(self._faces):
            self._paint_row(painter, face, QRectF(0, head + place * height, self.width(), height), most if face.span else 0)

    def _paint_row(self, painter: QPainter, face: HourFace, rect: QRectF, most: int) -> None:
        now = theme.current()
        if face.state == "now" and face.span:
            painter.fillRect(rect, now.color("sunken"))
            painter.fillRect(QRectF(rect.left(), rect.top(), now.px(6), rect.height()), now.color("accent"))
        role, tone = "strong" if not face.span else "body", "text2" if face.state == "future" else "text"
        for place, (text, room) in enumerate(zip(self.cells(face), self._rects(rect.top(), rect.height()), strict=True)):
            if place == _BAR:
                bar = min(room.height() - now.px(6), now.px(26))
                if face.good is not None and most and face.coverage > 0:
                    draw_count_bar(
                        painter, QRectF(room.left(), room.center().y() - bar / 2, room.width(), bar), face.good, most, face.target
                    )
                continue
            align: Qt.AlignmentFlag = RIGHT if place in _RIGHT else LEFT
            fitting = font_fitting(text, (role, "label", "small"), room.width())  # type: ignore[arg-type]
            self.write(painter, room, text or "", fitting, tone, align, may_cut=place == len(_SHARES) - 1)
        painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), now.color("line"))


def total(faces: Sequence[HourFace]) -> HourFace:
    """The row of all hours: a target of the whole shift, what was made until now, what is known of why not more."""
    seen = [face for face in faces if face.state != "future"]
    return HourFace(
        "",
        sum(face.target for face in faces),
        sum(face.good or 0 for face in seen) if seen else None,
        sum(face.reject or 0 for face in seen) if seen else None,
        sum(face.lost for face in seen),
        sum(face.stop_s for face in seen),
        "" if seen else UNDEFINED,
        "now" if seen else "future",
    )
