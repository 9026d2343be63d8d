"""Call for help: one touch on whom; what is called already stands above, with who came and how to end it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from core.clock import SystemClock
from core.equipment.call_views import CALL_KINDS, CallView
from core.equipment.calls import list_calls, open_call, resolve_call, respond_to_call, withdraw_call
from core.errors import GenbaError
from core.words import duration, name, word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.widgets.button import TouchButton
from hmi.widgets.label import Label
from hmi.widgets.pager import Pager
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.tabs import SegmentedTabs

if TYPE_CHECKING:
    from core.store.operation import Operation

_ROWS: Final = 3


def call_text(call: CallView, now: float) -> str:
    """Whom, where, for how long, how far it has risen, who came; ``now`` is UNIX seconds UTC."""
    language = theme.language()
    since = duration(max(0.0, now - call.opened_at.timestamp()))
    raised = f"{word('call.level', language)} {call.level}" if call.level else ""
    came = f"{word('call.responded', language)}: {call.responded_by}" if call.responded_at is not None else ""
    parts = (word(f"call.{call.kind}", language), f"{call.line_code} {call.work_unit_code}".strip(), since, raised, came, call.note)
    return "   ".join(filter(None, parts))


class _Row(QWidget):
    """One open call with the steps that are possible now.

    Signals:
        pressed(str, CallView): ``respond``, ``resolve`` or ``withdraw``.
    """

    pressed = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.call: CallView | None = None
        self._text = Label("", "body", may_cut=True)
        self.buttons = {step: TouchButton("", role="body") for step in ("withdraw", "respond", "resolve")}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.current().gap)
        row.addWidget(self._text, 1)
        for step, button in self.buttons.items():
            button.clicked.connect(lambda _=False, step=step: self.pressed.emit(step, self.call))
            row.addWidget(button)

    def show_call(self, call: CallView, texts: dict[str, str], now: float) -> None:
        """Show ``call``; nobody can respond twice."""
        self.call = call
        self._text.set_text(call_text(call, now))
        for step, button in self.buttons.items():
            button.setObjectName(f"call.{step}.{call.line_code}.{call.kind}")
            button.setText(texts[step])
            button.setVisible((step == "resolve") == (call.responded_at is not None))


class CallSheet(BottomSheet):
    """Feed it with ``show_calls``.

    Args:
        parent: The content area.
        bridge: Decides through it.
        line_code: Line that help is called to; "" for the first.

    Signals:
        undoable(str, Callable): A call was made, in words, and what withdraws it.
        done(str): Something else was decided, in words for a toast.
    """

    undoable = Signal(str, object)
    done = Signal(str)

    def __init__(self, parent: QWidget, bridge: Bridge, line_code: str = "") -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._calls: tuple[CallView, ...] = ()
        self.setObjectName("sheet.call")
        self._open_label = Label("", "label", "text2")
        self._rows = [_Row() for _ in range(_ROWS)]
        self.pager = Pager(kind="quiet")
        self.lines = SegmentedTabs()
        self._whom = Label("", "label", "text2")
        self.tiles: dict[str, TouchButton] = {}
        self._line_code = line_code
        self._lay_out()
        self.pager.turned.connect(lambda _: self._show())
        self.lines.chosen.connect(self._choose_line)
        self.confirm_button.hide()
        self.finished.connect(self.deleteLater)
        self._second = QTimer(self)
        self._second.setInterval(1000)
        self._second.timeout.connect(self._show)
        self._second.start()
        self.say()
        bridge.noticed.connect(self._noticed)
        self._ask()

    def _lay_out(self) -> None:
        look = theme.current()
        self.content.addWidget(self._open_label)
        rows = QVBoxLayout()
        rows.setSpacing(look.px(6))
        for row in self._rows:
            row.pressed.connect(self._step)
            row.hide()
            rows.addWidget(row)
        self.content.addLayout(rows)
        self.content.addWidget(self.pager)
        self.content.addWidget(self.lines)
        self.content.addWidget(self._whom)
        grid = QGridLayout()
        grid.setSpacing(look.gap)
        for place, kind in enumerate(CALL_KINDS):
            tile = self.tiles[kind] = TouchButton("", icon="call", large=True)
            tile.setObjectName(f"call.{kind}")
            tile.clicked.connect(lambda _=False, kind=kind: self._call(kind))
            grid.addWidget(tile, place // 2, place % 2)
        self.content.addLayout(grid)

    # -- what is shown -------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        self._bridge.start(self._load(), on_error=self._failed, reader=self)

    async def _load(self) -> None:
        self.show_calls((await self._bridge.ask(list_calls)).value)

    def _noticed(self, keys: frozenset[str]) -> None:
        if any(key.startswith(("call:", "*")) for key in keys) and self.isVisible():
            self._ask()

    def show_calls(self, calls: Sequence[CallView]) -> None:
        """The open calls, the most urgent first."""
        self._calls = tuple(calls)
        self._show()
        self.refit()

    def _show(self) -> None:
        shown = self.pager.show_pages(len(self._calls), _ROWS)
        texts = {
            "withdraw": self.tr("Withdraw"),
            "respond": self.tr("I am coming"),
            "resolve": word("call.resolved", theme.language()),
        }
        now = time.time()
        for place, row in enumerate(self._rows):
            there = place < len(shown)
            if there:
                row.show_call(self._calls[shown.start + place], texts, now)
            row.setVisible(there)
        self._open_label.setVisible(bool(self._calls))
        called = {call.kind for call in self._calls if call.line_code == self._line_code and not call.work_unit_code}
        for kind, tile in self.tiles.items():
            # What is called already is not called twice; its row says how it stands.
            tile.setEnabled(kind not in called)

    def _choose_line(self, code: str) -> None:
        self._line_code = code
        self._show()

    def say(self) -> None:
        """Set every text in the current language."""
        language = theme.language()
        lines = self._bridge.station.site.lines if self._bridge.is_ready else ()
        self._line_code = self._line_code or next((line.code for line in lines), "")
        chosen = next((line for line in lines if line.code == self._line_code), None)
        title = word("operation.equipment:call:open", language)
        self.set_title(f"{title}   {self._line_code} {name(chosen.name, language) if chosen is not None else ''}".rstrip())
        self.lines.show_tabs([(line.code, line.code) for line in lines], self._line_code)
        self.lines.setVisible(len(lines) > 1)
        self._open_label.set_text(self.tr("Called already"))
        self._whom.set_text(self.tr("Whom do you need?"))
        for kind, tile in self.tiles.items():
            tile.setText(word(f"call.{kind}", language))
        self.cancel_button.setText(word("button.close", language))
        self._show()
        self.refit()

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "_second"):
            self.say()

    # -- deciding ------------------------------------------------------------------------------------------------

    def _call(self, kind: str) -> None:
        call_id = SystemClock().uuid7()
        self._set_busy(True)
        self._bridge.start(self._open(call_id, self._line_code, kind), on_error=self._failed)

    async def _open(self, call_id: UUID, line_code: str, kind: str) -> None:
        shown = self._shown(line_code, kind)
        result = await self._bridge.do(open_call, shown=shown, call_id=call_id, line_code=line_code, kind=kind)
        self._set_busy(False)
        self.close_with("confirmed")
        words = f"{line_code}: {word(f'call.{kind}', theme.language())}"
        if result.state == "waiting":
            words = self.tr("{words}, kept here until the database is back").format(words=words)
        # Two of one kind are one call: what was open already is not withdrawn by who only asked for it again.
        if result.view.id == call_id:
            self.undoable.emit(words, withdrawn(self._bridge, call_id))
        else:
            self.done.emit(words)

    def _step(self, step: str, call: CallView) -> None:
        operation: dict[str, Operation[..., CallView]] = {"respond": respond_to_call, "resolve": resolve_call, "withdraw": withdraw_call}
        self._set_busy(True)
        self._bridge.start(self._take(operation[step], call), on_error=self._failed)

    async def _take(self, operation: Operation[..., CallView], call: CallView) -> None:
        await self._bridge.do(operation, shown=self._shown(call.line_code, call.kind), call_id=call.id)
        self._set_busy(False)
        self.message.clear()
        language = theme.language()
        self.done.emit(f"{call.line_code} {word(f'call.{call.kind}', language)}: {word(f'operation.{operation.name}', language)}")
        self._ask()

    def _shown(self, line_code: str, kind: str) -> list[Shown]:
        """The decision in words, for somebody who authorises it."""
        language = theme.language()
        return [
            Shown(word("argument.line_code", language), "", line_code),
            Shown(word("argument.kind", language), "", word(f"call.{kind}", language)),
        ]

    def _set_busy(self, busy: bool) -> None:
        for row in self._rows:
            row.setEnabled(not busy)
        for tile in self.tiles.values():
            tile.setEnabled(not busy)
        self.cancel_button.setEnabled(not busy)
        if not busy:
            self._show()

    def _failed(self, error: Exception) -> None:
        self._set_busy(False)
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))
        if self._bridge.is_ready:
            self.refit()


def withdrawn(bridge: Bridge, call_id: UUID) -> Callable[[], Any]:
    """What takes a call back that was made by mistake."""
    return lambda: bridge.start(bridge.do(withdraw_call, call_id=call_id))
