"""Widgets are tested on a dressed application: bundled font, theme, language."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from hmi import theme
from hmi.theme import Theme


@pytest.fixture
def dress(qapp: QApplication) -> Iterator[Callable[..., Theme]]:
    """Dress the application: ``dress("dark", language="en")``; afterwards it is light and Japanese again."""

    def put_on(name: str = "light", **more: object) -> Theme:
        theme.apply(qapp, Theme(name, **more))  # type: ignore[arg-type]
        return theme.current()

    yield put_on
    # Windows of the test before are deleted first: a style sheet is applied to every widget there still is.
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    put_on()
