"""Every widget in every state, two languages, three screens: no text is cut, nothing touchable is too small."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QApplication, QPushButton

from hmi.theme import Theme
from hmi.widgets.label import Label
from tests.screens import gallery, lint


@pytest.mark.parametrize("page", list(gallery.PAGES))
@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("screen", list(gallery.SCREENS))
def test_page(qapp: QApplication, dress: Callable[..., Theme], screen: str, language: str, page: str) -> None:
    size = gallery.dress(qapp, screen, "light", language)  # type: ignore[arg-type]
    window = gallery.built(qapp, page, size)
    try:
        assert (window.width(), window.height()) == size, "the content does not fit the screen"
        assert lint.overflowing(window) == []
        assert lint.too_small(window) == []
        assert lint.squeezed(window) == []
    finally:
        gallery.gone(qapp, window)


def test_the_lint_sees_what_is_wrong(qtbot: object, dress: Callable[..., Theme]) -> None:
    dress()
    label = Label("too long for its room")
    label.resize(40, 30)
    label.show()
    assert len(lint.overflowing(label)) == 1
    button = QPushButton("x")
    button.setFixedSize(30, 30)
    button.show()
    assert len(lint.too_small(button)) == 1
    for widget in (label, button):
        widget.close()
        widget.deleteLater()


def test_dark_theme_paints_every_page(qapp: QApplication, dress: Callable[..., Theme]) -> None:
    for profile in ("default", "jsia113", "grey"):
        size = gallery.dress(qapp, "1024x768", "dark", "ja", profile)
        for page in ("lines", "signs"):
            window = gallery.built(qapp, page, size)
            assert not window.grab().toImage().isNull()
            gallery.gone(qapp, window)
