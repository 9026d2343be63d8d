"""What the ratios of a line are: each with its formula in the words of the screen and its value now."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtWidgets import QWidget

from core.production.views import LineView
from core.words import UNDEFINED, percent, word
from hmi import theme
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet


class FormulaSheet(BottomSheet):
    """Nothing to decide: it is read and closed.

    Args:
        parent: The content area.
        line: With the ratios of its running shift.
        zone: Of the site, for the time.
    """

    def __init__(self, parent: QWidget, line: LineView, zone: tzinfo) -> None:
        super().__init__(parent)
        self._line, self._zone = line, zone
        self.setObjectName("sheet.formulas")
        self._lines = [Label("", "body", wrap=True) for _ in range(5)]
        for label in self._lines:
            self.content.addWidget(label)
        self.confirm_button.hide()
        self.finished.connect(self.deleteLater)
        self.say()

    def say(self) -> None:
        """Set every text in the current language."""
        language, line = theme.language(), self._line

        def named(id: str) -> str:
            return word(f"oee.{id}", language)

        formulas = (
            ("oee", line.oee.value, self.tr("{ideal} of the good parts / {busy}").format(ideal=named("apt_ideal"), busy=named("pbt"))),
            ("availability", line.availability.value, f"{named('apt')} / {named('pbt')}"),
            ("performance", line.performance.value, f"{named('apt_ideal')} / {named('apt')}"),
            ("quality_ratio", line.quality.value, f"{word('count.good', language)} / {word('count.total', language)}"),
        )
        self.set_title(f"{line.code}   {named('oee')}")
        for label, (id, value, formula) in zip(self._lines, formulas, strict=False):
            note = f"   {named('performance_over')}" if id == "performance" and value is not None and value > 1 else ""
            label.set_text(f"{named(id)} = {formula} = {UNDEFINED if value is None else percent(value)}{note}")
        since = "" if line.shift is None else f"{line.shift.from_at.astimezone(self._zone):%H:%M}"
        words = self.tr("Since the beginning of the shift {time}. Planned stops and gaps in the data are left out.")
        self._lines[-1].set_text(words.format(time=since))
        self.cancel_button.setText(word("button.close", language))
        self.refit()

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "_lines"):
            self.say()
