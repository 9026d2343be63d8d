"""Overlay: a sheet that lies over part of the window, inside it; nothing is modal, nothing blocks the loop."""

from __future__ import annotations

import asyncio
from typing import Literal

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget
from shiboken6 import isValid

from hmi import theme
from hmi.widgets.painted import draw_box, follow

Outcome = Literal["confirmed", "cancelled", "timed_out"]
AtSwitch = Literal["keep", "close", "stay"]
"""What becomes of a sheet when another person takes over: kept for its own person, closed, or left where it is."""


class Overlay(QWidget):
    """Base of all sheets: a scrim over ``parent`` and a frame at its bottom, as high as its content.

    Build the content in ``self.body``. ``open()`` shows it, ``close_with(outcome)`` takes it away; the widget can be opened
    again. Esc cancels. Tab stays inside. Touching the scrim does nothing: an entry is never lost by a slip.

    Args:
        parent: The widget to cover: the window, or its content area so that alarm banner and rail stay in reach.
        max_width_u: Widest frame, design units.

    Attributes:
        at_switch: "keep" for an entry, which belongs to who makes it; "close" where a secret is typed.

    Signals:
        finished(str): The outcome, after the sheet went away.
    """

    finished = Signal(str)
    at_switch: AtSwitch = "keep"

    def __init__(self, parent: QWidget, *, max_width_u: int = 980) -> None:
        super().__init__(parent)
        self._max_width_u = max_width_u
        self._before: QWidget | None = None
        self._is_away = False
        self._future: asyncio.Future[Outcome] | None = None
        self.frame = QWidget(self)
        self.body = QVBoxLayout(self.frame)
        self._space()  # now, too: layouts inside take their spaces from it and remember what they came to
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.hide()
        parent.installEventFilter(self)

    # -- opening and closing -------------------------------------------------------------------------------------

    def open(self) -> None:
        """Show the sheet over its parent and take the keyboard."""
        self._space()
        self._before = self.window().focusWidget()
        self._is_away = False
        self._place()
        self.show()
        self.raise_()
        self.first_focus().setFocus(Qt.FocusReason.PopupFocusReason)

    async def answer(self) -> Outcome:
        """Open the sheet and wait until it is answered; cancelling the task takes the sheet away."""
        self._future = asyncio.get_running_loop().create_future()
        self.open()
        try:
            return await self._future
        except asyncio.CancelledError:
            self.close_with("cancelled")
            raise

    def first_focus(self) -> QWidget:
        """The widget that gets the keyboard when the sheet opens."""
        return self

    def put_away(self) -> None:
        """Hide the sheet with everything typed, because another person takes over; what runs behind it may still end it."""
        self._is_away = True
        self.hide()
        self._before = None

    def bring_back(self) -> None:
        """Show it again as it was left; nothing when it ended meanwhile."""
        if self._is_away:
            self._is_away = False
            self._place()
            self.show()
            self.raise_()
            self.first_focus().setFocus(Qt.FocusReason.PopupFocusReason)

    @property
    def is_away(self) -> bool:
        """True between ``put_away`` and ``bring_back``."""
        return self._is_away

    def close_with(self, outcome: Outcome) -> None:
        """Take the sheet away; does nothing when it is already closed."""
        if self.isHidden() and not self._is_away:
            return
        now = self.window().focusWidget()
        had_keyboard = not self._is_away and (now is None or now is self or self.isAncestorOf(now))
        self._is_away = False
        self.hide()
        # What had the keyboard may be gone: action bars replace their buttons while a sheet is open.
        if had_keyboard and self._before is not None and isValid(self._before) and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self._before = None
        future, self._future = self._future, None
        if future is not None and not future.done():
            future.set_result(outcome)
        self.finished.emit(outcome)

    def cancel(self) -> None:
        """やめる: leave without doing anything."""
        self.close_with("cancelled")

    def _space(self) -> None:
        now = theme.current()
        self.body.setContentsMargins(now.px(16), now.px(14), now.px(16), now.px(16))
        self.body.setSpacing(now.px(10))

    # -- place ---------------------------------------------------------------------------------------------------

    def _place(self) -> None:
        parent = self.parentWidget()
        if parent is None:
            return
        self.setGeometry(parent.rect())
        width = min(parent.width(), theme.current().px(self._max_width_u))
        # The frame's own hint knows no width: it asks for the height that messages need on a narrower sheet.
        by_width = self.body.hasHeightForWidth()
        wanted = self.body.totalHeightForWidth(width) if by_width else self.frame.minimumSizeHint().height()
        height = min(wanted, parent.height())
        self.frame.setGeometry(QRect((parent.width() - width) // 2, parent.height() - height, width, height))

    def refit(self) -> None:
        """Take a new height after the content changed."""
        self.body.activate()
        if not self.isHidden():
            self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow the parent's size."""
        if event.type() == QEvent.Type.Resize and not self.isHidden():
            self._place()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the frame at the bottom."""
        super().resizeEvent(event)
        self._place()

    # -- keys and touch ------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Esc leaves; no key reaches the panel below."""
        if event.key() == Qt.Key.Key_Escape:
            self.cancel()
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """The scrim swallows touches."""
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """The scrim swallows touches."""
        event.accept()

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802 - Qt's name
        """Tab goes round inside the sheet."""
        children = self.frame.findChildren(QWidget)
        stops = [w for w in children if w.focusPolicy() & Qt.FocusPolicy.TabFocus and w.isEnabled() and w.isVisible()]
        if not stops:
            return True
        now = self.window().focusWidget()
        step = 1 if forward else -1
        index = (stops.index(now) + step) % len(stops) if now in stops else 0
        stops[index].setFocus(Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason)
        return True

    # -- look ----------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        """Say everything again; widgets inside that paint themselves do so on their own."""
        self.refit()

    def restyle(self) -> None:
        """Take over another theme."""
        self.refit()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Language and style changes reach the sheet here."""
        super().changeEvent(event)
        follow(self, event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Scrim over what lies below, frame with an accent edge on top."""
        now = theme.current()
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), now.color("scrim"))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            frame = QRectF(self.frame.geometry())
            draw_box(painter, frame.adjusted(0, 0, 0, now.px(6)), now.color("surface"), "edge", 2)
            painter.fillRect(QRectF(frame.left(), frame.top(), frame.width(), now.px(4)), now.color("accent"))
