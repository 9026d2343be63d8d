from __future__ import annotations

from pathlib import Path

import pytest

from installer import display, system


@pytest.mark.parametrize(
    ("environ", "tables"),
    [
        ({}, []),
        ({"DISPLAY": ":0"}, [system.X11]),
        ({"WAYLAND_DISPLAY": "wayland-0"}, [system.WAYLAND]),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, [system.X11, system.WAYLAND]),
        ({"DISPLAY": ":0", "QT_QPA_PLATFORM": "offscreen"}, []),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0", "QT_QPA_PLATFORM": "xcb"}, [system.X11]),
    ],
)
def test_only_the_window_system_in_use_is_asked_for(environ: dict[str, str], tables: list[dict[str, str]]) -> None:
    assert display.screen_tables(environ) == tables


@pytest.mark.parametrize("arguments", [["--screenshot", "a.png"], ["--language", "ja", "--state-json=b.json"]])
def test_a_picture_or_a_state_file_needs_no_display(arguments: list[str]) -> None:
    assert display.wants_picture(arguments)


@pytest.mark.parametrize("arguments", [[], ["--panel", "lines"], ["--screenshots"]])
def test_anything_else_does(arguments: list[str]) -> None:
    assert not display.wants_picture(arguments)


def test_a_machine_without_display_is_known_as_such() -> None:
    assert display.lacking_display({}) == "neither DISPLAY nor WAYLAND_DISPLAY is set"


def test_a_display_nobody_serves_is_not_taken_for_one() -> None:
    assert display.lacking_display({"DISPLAY": ":987"}) == "the display :987 does not answer to this user (DISPLAY is set)"


def test_a_wayland_session_is_known_by_its_socket(tmp_path: Path) -> None:
    environ = {"WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": str(tmp_path)}
    assert display.lacking_display(environ) == "the display wayland-0 is not there (WAYLAND_DISPLAY is set)"
    (tmp_path / "wayland-0").touch()
    assert display.lacking_display(environ) is None


def test_a_platform_chosen_by_hand_is_taken_at_its_word() -> None:
    assert display.lacking_display({"QT_QPA_PLATFORM": "vnc"}) is None


def test_the_ways_out_are_named() -> None:
    words = display.no_display_words("neither DISPLAY nor WAYLAND_DISPLAY is set")
    assert "python3 -m installer demo --screenshot genba.png" in words
    assert system.apt_line(["xvfb", "xauth"]) in words
    assert "xvfb-run -a python3 -m installer demo" in words
