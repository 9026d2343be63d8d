"""The rail: one button per panel, always at the same place, and the lock."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.words import word
from hmi import theme
from hmi.panels import PANELS
from hmi.shell.cell import RailButton


class Rail(QWidget):
    """Left edge of the window.

    Signals:
        chosen(str): Panel id.
        lock_pressed(): Sign off and leave the screen readable.
    """

    chosen = Signal(str)
    lock_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.panel_ids = tuple(entry.id for entry in PANELS)
        self._words = {entry.id: entry.word for entry in PANELS}
        self._buttons: dict[str, RailButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for entry in PANELS:
            button = RailButton(f"rail.{entry.id}", entry.glyph)
            button.clicked.connect(lambda _=False, panel_id=entry.id: self.chosen.emit(panel_id))
            self._buttons[entry.id] = button
            column.addWidget(button)
        column.addStretch(1)
        self.lock = RailButton("rail.lock", "lock")
        self.lock.setCheckable(False)
        self.lock.clicked.connect(self.lock_pressed)
        column.addWidget(self.lock)
        self.setFixedWidth(theme.current().px(104))
        self.retranslate()

    def show_open(self, panel_id: str) -> None:
        """Mark the panel in front."""
        button = self._buttons.get(panel_id)
        if button is not None:
            button.setChecked(True)

    def retranslate(self) -> None:
        """Names in the current language."""
        for panel_id, button in self._buttons.items():
            button.setText(word(self._words[panel_id], theme.language()))
        self.lock.setText(self.tr("Lock"))

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Follow language and theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif event.type() == QEvent.Type.StyleChange:
            self.setFixedWidth(theme.current().px(104))
