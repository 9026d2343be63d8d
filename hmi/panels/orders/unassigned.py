"""What was made and belongs to no order yet: reports that came home after their order had ended, or before it began."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING
from uuid import UUID

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.words import UNDEFINED, day, number
from hmi import theme
from hmi.widgets.label import Label
from hmi.widgets.table import Cell, Column, PagedTable

if TYPE_CHECKING:
    from core.production.views import ReportView


class UnassignedView(QWidget):
    """A list, the newest report first, and the words of the chosen one below it. Feed it with ``show_reports``.

    Attributes:
        zone: Time zone of the site.

    Signals:
        chosen(): Another report, or none, is chosen.
    """

    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.zone: tzinfo = UTC
        self._reports: dict[UUID, ReportView] = {}
        self._known = self._unreachable = False
        self.table = PagedTable()
        self.told = Label("", "body", "text2", wrap=True)
        self.told.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.current().px(8))
        column.addWidget(self.table, 1)
        column.addWidget(self.told)
        self.table.selected.connect(lambda _: self._chosen())

    @property
    def report(self) -> ReportView | None:
        """The chosen report; None for none."""
        key = self.table.selected_key
        return self._reports.get(key) if isinstance(key, UUID) else None

    def show_reports(self, reports: Sequence[ReportView]) -> None:
        """Show these, in this order; the choice stays."""
        self._known = True
        self._reports = {report.id: report for report in reports}
        self._show()

    def show_unknown(self, unreachable: bool) -> None:
        """Nothing is known yet: an empty list must not be read as "everything is assigned"."""
        if not self._known:
            self._unreachable = unreachable
            self._show()

    def retranslate(self) -> None:
        """Set every text in the current language; the choice stays."""
        titles = (
            (self.tr("Made"), 1.5), (self.tr("Line"), 0.8), (self.tr("Good"), 1.2), (self.tr("Scrap"), 1.4),
            (self.tr("Who"), 1.5), (self.tr("Station"), 1.6),
        )  # fmt: skip
        self.table.set_columns(
            [Column(title, share, "right" if place in (2, 3) else "left") for place, (title, share) in enumerate(titles)]
        )
        self._show()

    def _show(self) -> None:
        if self._known:
            why = self.tr("Everything that was made belongs to an order.")
            do = self.tr("What comes home too late for its order stands here.")
        elif self._unreachable:
            why, do = self.tr("It is not known what is unassigned."), self.tr("It is shown as soon as the database answers.")
        else:
            why, do = self.tr("Is being loaded …"), ""
        self.table.set_empty_text(why, do)
        self.table.show_rows([self._row(report) for report in self._reports.values()], list(self._reports))
        self._chosen()

    def _row(self, report: ReportView) -> tuple[str | Cell, ...]:
        at = report.reported_at.astimezone(self.zone)
        return (
            Cell(f"{at:%H:%M}", strong=True, below=day(at, theme.language())),
            report.line_code or UNDEFINED,
            f"{number(report.good)} {report.unit}",
            Cell(f"{number(report.scrap)} {report.unit}", below=report.defect_code),
            report.user_code,
            report.station,
        )

    def _chosen(self) -> None:
        report = self.report
        self.told.setVisible(report is not None)
        if report is not None:
            counted = self.tr("Machine counted: good {good}, reject {reject}").format(
                good=number(report.machine_good), reject=number(report.machine_reject)
            )
            made = moment(report.reported_at, self.zone)
            parts = (self.tr("Made {time}, when no order of its own ran on {line}.").format(time=made, line=report.line_code), counted)
            self.told.set_text("   ·   ".join((*parts, *filter(None, (report.reason,)))))
        self.chosen.emit()


def moment(at: datetime, zone: tzinfo) -> str:
    """A time of the site, with its day: it may have waited over a night."""
    return at.astimezone(zone).strftime("%m-%d %H:%M")
