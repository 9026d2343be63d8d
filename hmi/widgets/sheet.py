"""BottomSheet: a form or a confirmation that comes up from below. やめる on the left, 確定 on the right, no default button."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.errors import GenbaError
from core.words import word
from hmi import theme
from hmi.bridge import Left
from hmi.widgets.button import Kind, TouchButton
from hmi.widgets.label import Label
from hmi.widgets.overlay import Outcome, Overlay
from hmi.widgets.text import RIGHT
from hmi.widgets.three_lines import ThreeLines

CONFIRM_S = 60


class BottomSheet(Overlay):
    """A sheet with title, content, message and two buttons. Put widgets into ``self.content``.

    With ``accept`` the sheet stays open while the action runs: call ``set_pending(True)``, then ``close_with("confirmed")``
    or ``show_error``. Without, 確定 closes it at once. Further buttons go into ``self.foot``.

    Args:
        parent: Widget to cover.
        title: Says what is decided, translated; change it with ``set_title``.
        confirm: Text of the right button; "" takes 確定/Confirm.
        kind: Kind of the right button.
        timeout_s: Seconds after which it closes by itself with "timed_out" (nothing written); 0 for never.
        enter_confirms: True for forms; False (confirm sheets): Enter presses nothing by itself.
        max_width_u: Widest frame.

    Signals:
        confirmed(): The right button was pressed; the sheet is closed unless ``keep_open`` is set.
        finished(str): "confirmed", "cancelled" or "timed_out".
    """

    confirmed = Signal()

    def __init__(
        self,
        parent: QWidget,
        title: str = "",
        *,
        confirm: str = "",
        kind: Kind = "primary",
        timeout_s: float = 0,
        enter_confirms: bool = False,
        max_width_u: int = 980,
    ) -> None:
        super().__init__(parent, max_width_u=max_width_u)
        self.keep_open = False
        self._enter_confirms = enter_confirms
        self._confirm_text = confirm
        self._left_s = timeout_s
        self._timeout_s = timeout_s
        self._title = Label(title, "heading", wrap=True)
        self._countdown = Label("", "label", "text2", align=RIGHT)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._countdown)
        self.content = QVBoxLayout()
        self.message = ThreeLines(closable=False)
        self.cancel_button = TouchButton("", large=True)
        self.confirm_button = TouchButton("", kind=kind, large=True)
        self.cancel_button.clicked.connect(self.cancel)
        self.confirm_button.clicked.connect(self.press_confirm)
        self.body.addLayout(head)
        self.body.addLayout(self.content, 1)
        self.body.addWidget(self.message)
        self.foot = self._foot()
        self.body.addLayout(self.foot)
        self._tick = QTimer(self)
        self._tick.setInterval(1000)
        self._tick.timeout.connect(self._count_down)
        self.retranslate()

    def _foot(self) -> QHBoxLayout:
        now = theme.current()
        foot = QHBoxLayout()
        for button in (self.cancel_button, self.confirm_button):
            button.setMinimumWidth(now.px(200))
        foot.addWidget(self.cancel_button)
        foot.addStretch(1)
        foot.addSpacing(now.px(60))
        foot.addWidget(self.confirm_button)
        return foot

    # -- verbs ---------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Show the sheet and start its time."""
        self._left_s = self._timeout_s
        self.message.clear()
        self.set_pending(False)
        self._show_countdown()
        if self._timeout_s > 0:
            self._tick.start()
        super().open()

    def set_title(self, title: str) -> None:
        """Say something else on top."""
        self._title.set_text(title)
        self.refit()

    def set_confirm_text(self, text: str) -> None:
        """Say something else on the right button; "" takes 確定/Confirm."""
        self._confirm_text = text
        self.confirm_button.setText(text or word("button.confirm", theme.language()))

    def set_pending(self, pending: bool) -> None:
        """True while the action runs: neither button can be pressed, the time stands still."""
        self.confirm_button.set_pending(pending)
        self.cancel_button.setEnabled(not pending)

    def show_error(self, error: GenbaError) -> None:
        """Show why it did not work; the sheet and everything typed stay. Who left a step on the way knows why himself."""
        self.set_pending(False)
        if isinstance(error, Left):
            return
        self.message.show_error(error)
        self.refit()

    def press_confirm(self) -> None:
        """確定: emits ``confirmed``; closes unless ``keep_open``."""
        if self.confirm_button.pending or not self.confirm_button.isEnabled():
            return
        self.message.clear()
        self.confirmed.emit()
        if not self.keep_open:
            self.close_with("confirmed")

    def cancel(self) -> None:
        """やめる; not while the action runs."""
        if not self.confirm_button.pending:
            super().cancel()

    def close_with(self, outcome: Outcome) -> None:
        """Take the sheet away."""
        self._tick.stop()
        super().close_with(outcome)

    def end_time(self) -> None:
        """It does not close by itself any more: something has happened that is to be read."""
        self._timeout_s = 0
        self._tick.stop()
        self._show_countdown()

    def put_away(self) -> None:
        """Hide it for its person; its time stands still."""
        self._tick.stop()
        super().put_away()

    def bring_back(self) -> None:
        """Show it again with its full time: whoever comes back reads before he confirms."""
        if self.is_away and self._timeout_s > 0:
            self._left_s = self._timeout_s
            self._show_countdown()
            self._tick.start()
        super().bring_back()

    def on_confirm(self, action: Callable[[], None]) -> None:
        """Run ``action`` on 確定 and stay open until it calls ``close_with`` or ``show_error``."""
        self.keep_open = True
        self.confirmed.connect(action)

    # -- time, keys, words ---------------------------------------------------------------------------------------

    def _count_down(self) -> None:
        if self.confirm_button.pending:
            return
        self._left_s -= 1
        self._show_countdown()
        if self._left_s <= 0:
            self.close_with("timed_out")

    def _show_countdown(self) -> None:
        text = self.tr("Not written after {n} s").format(n=round(self._left_s)) if self._timeout_s > 0 else ""
        self._countdown.set_text(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter confirms a form."""
        if self._enter_confirms and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.press_confirm()
            event.accept()
            return
        super().keyPressEvent(event)

    def retranslate(self) -> None:
        """Buttons and time in the other language; titles belong to who set them."""
        self.cancel_button.setText(word("button.cancel", theme.language()))
        self.set_confirm_text(self._confirm_text)
        self._show_countdown()
        super().retranslate()
