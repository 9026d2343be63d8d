"""Why a machine stood still: one touch on a reason saves it, and it can be taken back for ten seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from core.equipment.stop_views import PartView, StopChoices, StopView
from core.equipment.stops import explain_stop, list_stops, split_stop, stop_choices
from core.errors import Conflict, GenbaError, Lines
from core.words import word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.sheets.draft import Drafting
from hmi.sheets.stop_words import coded, first_open, part_end, part_text, reason_word, span_text, typed_moment
from hmi.widgets.button import TouchButton
from hmi.widgets.entry import NumberEntry
from hmi.widgets.fields import FieldBox
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.tabs import SegmentedTabs

FREQUENT: Final = "frequent"
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "machine": ("unplanned", "minor stop"),
    "setup": ("setup",),
    "waiting": ("waiting", "no order"),
    "planned": ("planned",),
}
"""Tab → groupings of the catalogue."""
_COLUMNS: Final = 4


class StopReasonSheet(BottomSheet):
    """Tiles of reasons, those of this machine first. A comment and another time may be given before the touch that saves.

    Args:
        parent: The content area.
        bridge: Decides through it.
        stop: As it was seen; its version guards against what others said meanwhile.
        part: Which part of it; None for the first that waits for a reason.

    Signals:
        undoable(str, Callable): It is saved, in words, and what takes it back.
        times_pressed(StopView): Somebody wants to see its times.
    """

    undoable = Signal(str, object)
    times_pressed = Signal(object)

    def __init__(self, parent: QWidget, bridge: Bridge, stop: StopView, part: PartView | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._stop = stop
        self._part = part or first_open(stop)
        self._choices = StopChoices((), ())
        self._zone: tzinfo = bridge.zone()
        self.setObjectName("sheet.stop_reason")
        self._about = Label("", "body", "text2", wrap=True)
        self.groups = SegmentedTabs()
        self.tiles: dict[str, TouchButton] = {}
        self._grid = QGridLayout()
        self.comment = FieldBox("", max_length=500)
        self.comment.setObjectName("stop_reason.comment")
        entry = NumberEntry("", low=Decimal(0), high=Decimal(235_959))
        self.time = FieldBox("", kind="number", entry=entry)
        self.time.setObjectName("stop_reason.time")
        self.comment_button = self._option("stop_reason.to_comment", self._show_comment)
        self.split_button = self._option("stop_reason.to_split", self._show_time)
        self.times_button = self._option("stop_reason.to_times", lambda _: self._to_times())
        self.times_button.setCheckable(False)
        self._lay_out()
        self._draft = Drafting(self, bridge, explain_stop.name, f"{stop.id} {self._part.from_at.isoformat()}", {"comment": self.comment})
        self.groups.chosen.connect(lambda _: self._show_tiles())
        self.on_confirm(lambda: self._save(self._part.reason_code))
        self.finished.connect(self.deleteLater)
        self.say()
        bridge.start(self._load(), on_error=self._failed, reader=self)

    def _option(self, name: str, act: Callable[[bool], object]) -> TouchButton:
        button = TouchButton("", kind="quiet", role="body")
        button.setObjectName(name)
        button.setCheckable(True)
        button.clicked.connect(act)
        return button

    def _lay_out(self) -> None:
        look = theme.current()
        self._grid.setSpacing(look.gap)
        for column in range(_COLUMNS):
            self._grid.setColumnStretch(column, 1)
        fields = QHBoxLayout()
        fields.setSpacing(look.px(16))
        fields.addWidget(self.time, 1)
        fields.addWidget(self.comment, 2)
        self.content.addWidget(self._about)
        self.content.addWidget(self.groups)
        self.content.addLayout(self._grid)
        self.content.addLayout(fields)
        self.time.hide()
        self.comment.hide()
        place = self.foot.indexOf(self.cancel_button) + 1
        for button in (self.comment_button, self.split_button, self.times_button):
            self.foot.insertWidget(place, button)
            place += 1
        self.confirm_button.hide()

    async def _load(self) -> None:
        self.show_choices((await self._bridge.ask(stop_choices, work_unit_code=self._stop.work_unit_code)).value)

    def show_choices(self, choices: StopChoices) -> None:
        """Make a tile for each reason, and put back what had been typed."""
        self._choices = choices
        for reason in self._choices.reasons:
            button = TouchButton(coded(reason.code), kind="quiet", role="body")
            button.setObjectName(f"stop_reason.{reason.code}")
            button.clicked.connect(lambda _=False, code=reason.code: self._save(code))
            button.hide()
            self.tiles[reason.code] = button
        if self._draft.restore() and self.comment.text():
            self.comment_button.setChecked(True)
            self._show_comment(True)
        self.say()

    # -- what is shown -------------------------------------------------------------------------------------------

    def say(self) -> None:
        """Set every text in the current language; what was typed stays."""
        stop, now = self._stop, datetime.now(UTC)
        self.set_title(f"{stop.work_unit_code}   {span_text(self._part.from_at, part_end(stop, self._part), self._zone, now)}")
        self._about.set_text(f"{word(f'state.{stop.state}', theme.language())}   {part_text(self._part)}")
        self.groups.show_tabs(
            [
                (FREQUENT, self.tr("Frequent here")),
                ("machine", self.tr("Machine")),
                ("setup", self.tr("Setup")),
                ("waiting", self.tr("Waiting")),
                ("planned", self.tr("Planned")),
            ],
            self.groups.current or FREQUENT,
        )
        self.cancel_button.setText(self.tr("Later"))
        self.comment_button.setText(word("button.comment", theme.language()))
        self.split_button.setText(self.tr("Split here"))
        self.times_button.setText(self.tr("Times"))
        self.set_confirm_text(word("button.save", theme.language()))
        self.comment.set_label(word("button.comment", theme.language()))
        self.time.set_label(self.tr("From this time on (hhmm)"))
        for code, button in self.tiles.items():
            button.setText(coded(code))
        self._draft.say()
        self._show_tiles()

    def codes(self, group: str) -> Sequence[str]:
        """Reasons behind a tab, in the order of their tiles."""
        if group == FREQUENT:
            return [code for code in self._choices.frequent if code in self.tiles]
        return [reason.code for reason in self._choices.reasons if reason.grouping in GROUPS[group]]

    def _show_tiles(self) -> None:
        shown = self.codes(self.groups.current)
        for button in self.tiles.values():
            self._grid.removeWidget(button)
            button.setVisible(False)
        for place, code in enumerate(shown):
            button = self.tiles[code]
            button.kind = "primary" if code == self._part.reason_code else "quiet"
            self._grid.addWidget(button, place // _COLUMNS, place % _COLUMNS)
            button.setVisible(True)
        self.refit()

    def _show_comment(self, shown: bool) -> None:
        self.comment.setVisible(shown)
        # A comment alone can be saved too, where the reason is known already.
        self.confirm_button.setVisible(shown and bool(self._part.reason_code))
        self.refit()

    def _show_time(self, shown: bool) -> None:
        if shown and not self.time.text():
            self.time.set_text(min(self._end(), datetime.now(UTC)).astimezone(self._zone).strftime("%H%M"))
        self.time.setVisible(shown)
        self.refit()

    def _end(self) -> datetime:
        return part_end(self._stop, self._part) or datetime.now(UTC)

    def _to_times(self) -> None:
        self.close_with("cancelled")
        self.times_pressed.emit(self._stop)

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "_draft"):
            self.say()

    # -- saving --------------------------------------------------------------------------------------------------

    def _save(self, code: str) -> None:
        at = None
        if self.split_button.isChecked():
            typed = self.time.text().zfill(4 if len(self.time.text()) <= 4 else 6)
            at = typed_moment(typed, self._zone, self._part.from_at, self._end())
            if at is None:
                self._say_time()
                return
        self._set_busy(True)
        self._bridge.start(self._run(code, at), on_error=self._failed)

    def _say_time(self) -> None:
        span = span_text(self._part.from_at, part_end(self._stop, self._part), self._zone, datetime.now(UTC))
        self.message.show_lines(
            Lines(
                self.tr("{value} does not lie in this stop.").format(value=self.time.text()),
                self.tr("Type a time inside {span}.").format(span=span),
                self.tr("What you entered is kept."),
            ),
            "warning",
        )
        self.refit()

    def _set_busy(self, busy: bool) -> None:
        """No second tile while the first one is being saved."""
        for button in self.tiles.values():
            button.setEnabled(not busy)
        self.set_pending(busy)

    async def _run(self, code: str, at: datetime | None) -> None:
        stop, comment = self._stop, self.comment.text() if self.comment_button.isChecked() else ""
        of_stop: dict[str, Any] = {"work_unit_code": stop.work_unit_code, "began_at": stop.began_at}
        if at is not None:
            done = await self._bridge.do(
                split_stop, shown=self._shown(code, at), **of_stop, at=at, reason_code=code, comment=comment, version=stop.version
            )
        else:
            comment = comment or (self._part.comment if self._part.source == "person" else "")
            from_at = None if self._part is stop.parts[0] else self._part.from_at
            done = await self._bridge.do(
                explain_stop,
                shown=self._shown(code, None),
                **of_stop,
                reason_code=code,
                comment=comment,
                from_at=from_at,
                version=stop.version,
            )
        self._set_busy(False)
        self.close_with("confirmed")
        words = f"{stop.work_unit_code}: {reason_word(code)}"
        if done.state == "waiting":
            words = self.tr("{words}, kept here until the database is back").format(words=words)
        self.undoable.emit(words, take_back(self._bridge, stop, self._part, done.view, at))

    def _shown(self, code: str, at: datetime | None) -> list[Shown]:
        """The decision in words, for somebody who authorises it."""
        language = theme.language()
        lines = [
            Shown(word("argument.work_unit_code", language), "", self._stop.work_unit_code),
            Shown(word("argument.reason_code", language), reason_word(self._part.reason_code), reason_word(code)),
        ]
        if at is not None:
            lines.append(Shown(word("argument.from_at", language), "", at.astimezone(self._zone).strftime("%H:%M:%S")))
        return lines

    def _failed(self, error: Exception) -> None:
        self._set_busy(False)
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))
        if isinstance(error, Conflict):
            # What somebody else said stands in the message and now also in the sheet: the same touch again replaces it knowingly.
            self._bridge.start(self._look_again(), on_error=lambda _: None, reader=self)

    async def _look_again(self) -> None:
        stop = self._stop
        found = await self._bridge.ask(
            list_stops, line_code=stop.line_code, from_at=stop.began_at, to_at=stop.ended_at or datetime.now(UTC), gaps=True
        )
        newer = next((each for each in found.value.items if each.id == stop.id), None)
        if newer is not None:
            self._stop = newer
            self._part = next((part for part in newer.parts if part.from_at == self._part.from_at), newer.parts[0])
            self.say()


def take_back(bridge: Bridge, before: StopView, part: PartView, after: StopView, split_at: datetime | None) -> Callable[[], None]:
    """What undoes a reason: what was said before is said again, or nothing. A part that was split off takes its reason back."""
    own = part.source == "person" and split_at is None

    def undo() -> None:
        bridge.start(
            bridge.do(
                explain_stop,
                work_unit_code=before.work_unit_code,
                began_at=before.began_at,
                reason_code=part.reason_code if own else "",
                comment=part.comment if own else "",
                from_at=split_at or (None if part is before.parts[0] else part.from_at),
                version=after.version,
            )
        )

    return undo
