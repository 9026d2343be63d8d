"""One question of a screen at a time: what everything on it that asks the database does alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

if TYPE_CHECKING:
    from hmi.bridge import Bridge


class Asking:
    """Asks at once; a wish that comes meanwhile is kept, and asked once when the answer is there or will not come.

    Args:
        bridge: Asks through it.
        owner: Who shows the answer: nothing is asked while it is hidden, and the question ends with it.
        ask: Asks and shows.
        failed: Takes why it could not; a method of ``owner``.
        every_s: Least time between two questions for ``later``, seconds.
    """

    def __init__(
        self,
        bridge: Bridge,
        owner: QWidget,
        ask: Callable[[], Coroutine[Any, Any, None]],
        failed: Callable[[Exception], None],
        every_s: float = 0.0,
    ) -> None:
        self._bridge = bridge
        self._owner = owner
        self._ask = ask
        self._failed = failed
        self._every_s = every_s
        self._asked_at = 0.0
        self._again = self._news = False
        self.under_way = False
        if every_s > 0:
            bridge.frame.connect(self._frame)

    def wish(self) -> None:
        """Ask, now or as soon as the question under way has ended."""
        if not self._bridge.is_ready or not isValid(self._owner) or not self._owner.isVisible():
            return
        if self.under_way:
            self._again = True
            return
        self.under_way, self._again, self._news = True, False, False
        self._asked_at = time.monotonic()
        self._bridge.start(self._run(), on_error=self._failed, reader=self._owner)

    def later(self) -> None:
        """Ask with the next frame that is ``every_s`` after the last question: a fast line does not make a screen ask ten times."""
        self._news = True

    def _frame(self, _: float) -> None:
        if self._news and not self.under_way and time.monotonic() - self._asked_at >= self._every_s:
            self.wish()

    async def _run(self) -> None:
        try:
            await self._ask()
        except Exception:
            self._ended()
            raise
        self._ended()  # a question that was cancelled has nobody left to ask again for

    def _ended(self) -> None:
        self.under_way = False
        if self._again:
            self.wish()
