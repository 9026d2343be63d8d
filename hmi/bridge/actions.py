"""What the screen has under way: tasks that are kept alive, end with whom they are for, and whose failure reaches somebody."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import shiboken6
from PySide6.QtCore import QObject

from core.errors import GenbaError

if TYPE_CHECKING:
    import asyncio

log = logging.getLogger(__name__)


class Actions:
    """Every task of one bridge.

    Args:
        failed: Told of a failure that nobody else takes.
    """

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        self._failed = failed
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(
        self, action: Coroutine[Any, Any, Any], on_error: Callable[[Exception], None] | None = None, reader: QObject | None = None
    ) -> asyncio.Task[Any]:
        """Run ``action`` on the GUI loop; see ``Bridge.start``."""
        import asyncio

        task = asyncio.get_running_loop().create_task(action)
        self._tasks.add(task)
        gone = None if reader is None else reader.destroyed.connect(lambda: task.cancel())

        def finished(_: asyncio.Task[Any]) -> None:
            if gone:
                QObject.disconnect(gone)
            self._finished(task, on_error)

        task.add_done_callback(finished)
        return task

    def _finished(self, task: asyncio.Task[Any], on_error: Callable[[Exception], None] | None) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        if not isinstance(error, GenbaError):
            log.error("failure in an action of the screen", exc_info=error)
        if on_error is not None and isinstance(error, Exception) and _is_there(on_error):
            on_error(error)
        else:
            self._failed(error)

    async def close(self) -> None:
        """Cancel every task started here; returns when they are gone."""
        import asyncio

        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_there(taker: Callable[[Exception], None]) -> bool:
    """False for a method of a widget that Qt has destroyed: who would have shown the error is gone, the error is not."""
    owner = getattr(taker, "__self__", None)
    return not isinstance(owner, QObject) or shiboken6.isValid(owner)
