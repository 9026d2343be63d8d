"""The first second: what is seen first is what the settings say, and the window answers while the rest is loaded."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QAbstractButton, QApplication

from core.config import read_settings
from core.errors import Invalid
from hmi import theme
from hmi.shell.opening import open_window
from hmi.shell.window import Window
from hmi.theme.first_look import FirstLook, first_look

NAMES = tuple(FirstLook.__slots__)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENBA_HOME", str(tmp_path))
    return tmp_path


def agree(**given: Any) -> None:
    settings, look = read_settings(**given), first_look(given)
    assert {name: getattr(look, name) for name in NAMES} == {name: getattr(settings, name) for name in NAMES}


def test_first_look_has_the_defaults_of_the_settings(home: Path) -> None:
    agree()


def test_first_look_reads_the_same_places_in_the_same_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "station.toml").write_text(
        '\ufefflanguage = "en"\ntheme = "dark"\nstate_palette = "jsia113"\nscreen_diagonal_inch = 15.6\npanel = "orders"\n'
        'keypad_layout = "123"\nauto_sign_off_s = 60\n',
        encoding="utf-8",
    )
    agree()
    monkeypatch.setenv("GENBA_THEME", "auto")
    monkeypatch.setenv("GENBA_AUTO_SIGN_OFF_S", "0")
    agree()
    agree(language="ja", panel="trends")
    agree(home=str(home / "elsewhere"))


@pytest.mark.parametrize(
    "written", ["language = 3", "theme = ", 'screen_diagonal_inch = "wide"', "auto_sign_off_s = -1", "screen_diagonal_inch = 500"]
)
def test_what_cannot_be_understood_is_left_to_the_settings_to_refuse(home: Path, written: str) -> None:
    (home / "station.toml").write_text(written, encoding="utf-8")
    assert first_look({}) == FirstLook()
    with pytest.raises(Invalid):
        read_settings()


@pytest.fixture
def closing(qapp: QApplication) -> Any:
    windows: list[Window] = []
    yield windows.append
    for window in windows:
        window.hide()
        window.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    theme.apply(qapp, theme.Theme())


def test_the_window_answers_while_the_rest_is_loaded(home: Path, closing: Any) -> None:
    pressed, looked = threading.Event(), []

    def load() -> None:
        looked.append(threading.current_thread())
        assert pressed.wait(60)

    def press() -> None:
        window = next(widget for widget in QApplication.topLevelWidgets() if isinstance(widget, Window) and widget.isVisible())
        button = window.findChild(QAbstractButton, "rail.trends")
        assert isinstance(button, QAbstractButton)
        button.click()
        pressed.set()

    QTimer.singleShot(50, press)
    window = open_window({"language": "en"}, "1024x768", demo=False, meanwhile=load)
    closing(window)
    assert looked
    assert looked[0] is not threading.main_thread()
    assert window.panel_id == "trends"
    assert theme.language() == "en"
    assert (window.width(), window.height()) == (1024, 768)


def test_a_window_closed_before_the_station_runs_says_so_later(home: Path, closing: Any) -> None:
    def close() -> None:
        next(widget for widget in QApplication.topLevelWidgets() if isinstance(widget, Window) and widget.isVisible()).close()
        done.set()

    done = threading.Event()
    QTimer.singleShot(20, close)
    window = open_window({}, "1024x768", demo=False, meanwhile=lambda: done.wait(60))
    closing(window)
    assert window.is_closing
    assert window.isVisible()  # it goes when the program has said good-bye to the machines


def test_what_fails_behind_the_window_is_raised(home: Path, closing: Any) -> None:
    def load() -> None:
        raise ImportError("no such library")

    with pytest.raises(ImportError, match="no such library"):
        open_window({}, "1024x768", demo=False, meanwhile=load)
    closing(next(widget for widget in QApplication.topLevelWidgets() if isinstance(widget, Window) and widget.isVisible()))


def test_a_size_nobody_can_read_is_said_before_anything_opens(home: Path) -> None:
    with pytest.raises(Invalid):
        open_window({}, "wide", demo=False, meanwhile=lambda: None)


def test_an_unknown_panel_in_the_settings_does_not_leave_the_screen_empty(home: Path, closing: Any) -> None:
    window = open_window({"panel": "nonsense"}, "1024x768", demo=False, meanwhile=lambda: None)
    closing(window)
    assert window.panel_id == "lines"
