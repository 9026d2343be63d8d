"""Why is this value old? The machine, how and when it was last read, what went wrong, who else is affected, and what to do."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Final

from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.errors import GenbaError
from core.live.link import LinkState
from core.live.sample import ENTERED, RELAYED, Quality
from core.live.tags import MANUAL
from core.words import UNDEFINED, ago, name, number, word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.bridge.machines import RETRY
from hmi.sheets.read_words import read_words
from hmi.widgets.button import TouchButton
from hmi.widgets.facts import Facts
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.three_lines import ThreeLines

if TYPE_CHECKING:
    from core.live.explained import Explained

_NAMED: Final = 4
"""Names of affected tags that are read out; the others are counted."""
_AGAIN_S: Final = 1.0
_TOLD: Final = {RELAYED: "data.RELAYED", ENTERED: "link.manual_entry"}


class WhyValueSheet(BottomSheet):
    """Stays true while it is open: it is asked anew every second.

    Args:
        parent: The content area.
        bridge: Asked through it.
        tag: Whose value.
    """

    def __init__(self, parent: QWidget, bridge: Bridge, tag: str) -> None:
        super().__init__(parent)
        self._bridge, self._tag = bridge, tag
        self._told: Explained | None = None
        self._asking = False
        self._asked_at = 0.0
        self.setObjectName("sheet.why_value")
        self.facts = Facts()
        self.cause = ThreeLines(closable=False)
        self.affected = Label("", "label", "text2", wrap=True)
        self.again = TouchButton("", icon="sync")
        self.again.setObjectName("why_value.retry")
        self.again.hide()
        row = QHBoxLayout()
        row.addWidget(self.affected, 1)
        row.addWidget(self.again)
        self.content.addWidget(self.facts)
        self.content.addWidget(self.cause)
        self.content.addLayout(row)
        self.cancel_button.hide()
        self.again.clicked.connect(self._retry)
        self.finished.connect(self.deleteLater)
        bridge.frame.connect(self._frame)
        self.say()
        self._ask()

    # -- asking --------------------------------------------------------------------------------------------------

    def _frame(self, _: float) -> None:
        if self.isVisible() and not self._asking and time.monotonic() - self._asked_at >= _AGAIN_S:
            self._ask()

    def _ask(self) -> None:
        self._asking, self._asked_at = True, time.monotonic()
        self._bridge.start(self._load(), on_error=self._failed, reader=self)

    async def _load(self) -> None:
        try:
            self.show_explained(await self._bridge.machines.explain(self._tag))
        finally:
            self._asking = False

    def _retry(self) -> None:
        told = self._told
        if told is not None:
            self.again.set_pending(True)
            self._bridge.start(self._connect(told.tag.source), on_error=self._failed)

    async def _connect(self, source: str) -> None:
        try:
            await self._bridge.machines.retry(source)
        finally:
            self.again.set_pending(False)

    def _failed(self, error: Exception) -> None:
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))

    # -- words ---------------------------------------------------------------------------------------------------

    def show_explained(self, told: Explained) -> None:
        """Show what is known now."""
        first = self._told is None
        before = (self.cause.lines, self.affected.text(), self.again.isHidden())
        self._told = told
        self.say()
        if first or before != (self.cause.lines, self.affected.text(), self.again.isHidden()):
            self.refit()

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "again"):
            self.say()
            self.refit()

    def say(self) -> None:
        """Set every text in the current language."""
        told, language = self._told, theme.language()
        self.set_confirm_text(word("button.close", language))
        self.again.setText(self.tr("Connect now"))
        if told is None:
            self.set_title(self.tr("Looking …"))
            return
        label = name(told.tag.label, language) if told.tag.label else told.tag.name
        fresh = told.sample.quality is Quality.GOOD or told.sample.status in _TOLD or self._by_hand(told)
        self.set_title((self.tr("About this value: {tag}") if fresh else self.tr("Why is this value old? {tag}")).format(tag=label))
        self.facts.show_lines(self._facts(told))
        self.cause.show_error(told.cause)
        self.affected.set_text(self._affected(told))
        waits = told.link is not None and told.link.state in (LinkState.OFFLINE, LinkState.CONNECTING)
        self.again.setVisible(waits and self._bridge.machines.may(RETRY))

    def _facts(self, told: Explained) -> list[Shown]:
        language, spec, sample = theme.language(), told.tag, told.sample
        source = told.source
        machine = (
            f"{name(source.label, language) or source.code}  ({source.code}, {source.protocol})" if source is not None else spec.source
        )
        quality = word(_TOLD.get(sample.status, f"data.{sample.quality.name}"), language)
        return [
            Shown(self.tr("Data quality"), "", f"{quality}  {self._value(told)}".strip()),
            Shown(self.tr("Last good value"), "", self._moment(told.last_good_at)),
            Shown(self.tr("Machine"), "", machine),
            Shown(self.tr("Connection"), "", self._link(told)),
            Shown(self.tr("Read"), "", self._read(told)),
            Shown(self.tr("Address"), "", spec.address or UNDEFINED),
        ]

    @staticmethod
    def _by_hand(told: Explained) -> bool:
        return told.source is not None and told.source.protocol == MANUAL

    def _read(self, told: Explained) -> str:
        if self._by_hand(told):
            return self.tr("entered by hand")
        if told.reader:
            return self.tr("read by station {station}").format(station=told.reader)
        return read_words(told.group) if told.group else self.tr("every {seconds} s").format(seconds=f"{told.tag.period_s:g}")

    def _value(self, told: Explained) -> str:
        """The value, where one is shown at all."""
        value, spec = told.sample.value, told.tag
        if told.sample.quality >= Quality.BAD or value is None:
            return ""
        text = number(value, spec.decimals) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
        return f"{text} {spec.unit}".strip()

    def _moment(self, at: float) -> str:
        if not at:
            return UNDEFINED
        here = datetime.fromtimestamp(at, self._bridge.zone())
        return f"{here:%H:%M:%S}  ({ago(max(0.0, time.time() - at), theme.language())})"

    def _link(self, told: Explained) -> str:
        if self._by_hand(told):
            return self.tr("a machine without a controller")
        if told.link is None or told.reader:
            return UNDEFINED
        state = word(f"link.{told.link.state.value}", theme.language())
        since = datetime.fromtimestamp(told.link.since, self._bridge.zone())
        return self.tr("{state} since {time}").format(state=state, time=f"{since:%H:%M:%S}")

    def _affected(self, told: Explained) -> str:
        if told.sample.quality is Quality.GOOD or told.sample.status in _TOLD or self._by_hand(told):
            return ""
        count = len(told.affected)
        if not count:
            return self.tr("No other value of this machine is affected.")
        if count + 1 == told.of:
            return self.tr("All {n} values of this machine are affected.").format(n=told.of)
        names = ", ".join(told.affected[:_NAMED]) + (" …" if count > _NAMED else "")
        return self.tr("Also affected: {n} of {of} values: {names}").format(n=count, of=told.of, names=names)
