"""A value tried before it is a tag: read once a second while it is looked at, in the type it would have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from core.errors import GenbaError
from core.live.link import BrowseItem
from core.live.sample import Quality, Sample, Value
from core.live.tags import SourceSpec, TagSpec, TagType
from core.sitefile.proposing import propose, type_of
from core.words import UNDEFINED, word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.sheets.choice import ChoiceSheet
from hmi.widgets.facts import Facts
from hmi.widgets.label import Label

_ORDERS: Final = ("ABCD", "CDAB", "BADC", "DCBA")
_LONG: Final = frozenset({TagType.INT32, TagType.UINT32, TagType.INT64, TagType.UINT64, TagType.FLOAT32, TagType.FLOAT64})


class Trial(QFrame):
    """Feed it with ``show_item`` and call ``read_again`` each second.

    Signals:
        changed(): It is read in another way from now on.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._source: SourceSpec | None = None
        self._path: tuple[str, ...] = ()
        self._item: BrowseItem | None = None
        self.spec: TagSpec | None = None
        self._reading = False
        self._sample: Sample | None = None
        self._failure: GenbaError | None = None
        self._kept: tuple[TagType, dict[str, str]] | None = None
        self.value = Label(UNDEFINED, "value", may_cut=True)
        self.note = Label("", "label", "text2", wrap=True)
        self.facts = Facts(most=20)
        self.setProperty("frame", "card")
        look = theme.current()
        column = QVBoxLayout(self)
        column.setContentsMargins(look.px(12), look.px(6), look.px(12), look.px(8))
        column.setSpacing(look.px(4))
        for part in (self.value, self.note, self.facts):
            column.addWidget(part)
        column.addStretch(1)

    # -- which value ---------------------------------------------------------------------------------------------

    def show_nothing(self) -> None:
        """No value is looked at."""
        self._item = self.spec = self._sample = self._failure = self._kept = None
        self.hide()

    def show_item(self, source: SourceSpec, path: Sequence[str], item: BrowseItem) -> None:
        """Look at ``item`` of ``source``; the same one again changes nothing."""
        if item == self._item and source == self._source:
            self.say()
            return
        self._source, self._path, self._item = source, tuple(path), item
        self._sample = self._failure = self._kept = None
        self._propose(None)
        self.show()
        self.say()
        self.read_again(0.0)

    def _propose(self, value: Value) -> None:
        if self._source is None or self._item is None:
            return
        kind = self._kept[0] if self._kept is not None else type_of(self._item, self._source.protocol, value)
        taken = {spec.name for spec in self._bridge.station.site.tags}
        spec = propose(self._source, self._path, self._item, taken, kind)
        self.spec = replace(spec, options={**spec.options, **self._kept[1]}) if self._kept is not None else spec

    # -- reading -------------------------------------------------------------------------------------------------

    def read_again(self, _: float) -> None:
        """Read once, unless a reading is under way."""
        spec = self.spec
        if spec is not None and not self._reading:
            self._reading = True
            self._bridge.start(self._read(spec), on_error=self._not_read, reader=self)

    async def _read(self, spec: TagSpec) -> None:
        try:
            sample = await self._bridge.machines.read(spec)
        finally:
            self._reading = False
        if spec == self.spec:
            self._sample, self._failure = sample, None
            self.say()

    def _not_read(self, error: Exception) -> None:
        self._failure = error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__)
        self._sample = None
        self.say()

    # -- type ----------------------------------------------------------------------------------------------------

    def ask_type(self, ground: QWidget) -> None:
        """Let the person say as what it is read; of registers also in which order."""
        modbus = self._source is not None and self._source.protocol.startswith("modbus")
        choices = []
        for kind in TagType:
            orders = _ORDERS if modbus and kind in _LONG else ("",)
            choices += [(f"{kind.value} {order}".strip(), f"{kind.value}  {order}".strip()) for order in orders]
        sheet = ChoiceSheet(ground, self.tr("Read as"), choices)
        sheet.picked.connect(self.read_as)
        sheet.open()

    def read_as(self, choice: str) -> None:
        """Read it as ``float32 CDAB`` or the like from now on."""
        kind, _, order = choice.partition(" ")
        self._kept = (TagType(kind), {"order": order} if order else {})
        self._sample = self._failure = None
        self._propose(None)
        self.say()
        self.changed.emit()
        self.read_again(0.0)

    # -- words ---------------------------------------------------------------------------------------------------

    def say(self) -> None:
        """Set every text in the current language."""
        item, spec = self._item, self.spec
        if item is None or spec is None:
            return
        self.value.set_text(self._value())
        self.note.set_text(self._note())
        kind = item.type or UNDEFINED
        lines = [Shown(self.tr("Address"), "", item.address), Shown(self.tr("Type at the machine"), "", kind)]
        self.facts.show_lines([*lines, Shown(self.tr("Row for tags.csv"), "", f"{spec.name}, {spec.type.value}")])

    def _value(self) -> str:
        sample = self._sample
        if sample is None or not sample.quality.usable or sample.value is None:
            return f"{UNDEFINED} {UNDEFINED}"
        if isinstance(sample.value, bool):
            return self.tr("ON") if sample.value else self.tr("OFF")
        return f"{sample.value:.7g}" if isinstance(sample.value, float) else str(sample.value)

    def _note(self) -> str:
        language = theme.language()
        if self._failure is not None:
            what, do, _ = self._failure.lines(language)
            return f"{what} {do}"
        if self._sample is None:
            return self.tr("is being read …")
        quality = word(f"data.{self._sample.quality.name}", language)
        status = "" if self._sample.quality is Quality.GOOD else self._sample.status
        return "  ".join(part for part in (quality, status, self.tr("read once a second while you look at it")) if part)
