"""Whether there is a screen to draw on, and which of its libraries Qt will ask for."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from installer import system
from installer.checkout import LINUX

PICTURE_OPTIONS = ("--screenshot", "--state-json")
"""Options of ``demo`` that leave a file behind, so that it is of use without a screen."""


def screen_tables(environ: Mapping[str, str]) -> list[Mapping[str, str]]:
    """The tables of libraries that the window systems announced in the environment need."""
    chosen = environ.get("QT_QPA_PLATFORM", "")
    tables: list[Mapping[str, str]] = []
    if environ.get("DISPLAY") and (not chosen or "xcb" in chosen):
        tables.append(system.X11)
    if environ.get("WAYLAND_DISPLAY") and (not chosen or "wayland" in chosen):
        tables.append(system.WAYLAND)
    return tables


def wants_picture(arguments: Sequence[str]) -> bool:
    """Whether the arguments of ``demo`` ask for a picture or a state file."""
    return any(argument.split("=", 1)[0] in PICTURE_OPTIONS for argument in arguments)


def lacking_display(environ: Mapping[str, str]) -> str | None:
    """Why nothing can be drawn on a screen, in words; None when it can.

    A platform chosen by hand (``QT_QPA_PLATFORM=vnc``, ``linuxfb``, ``offscreen``) is taken at its word.
    """
    if not LINUX or environ.get("QT_QPA_PLATFORM"):
        return None
    wayland = environ.get("WAYLAND_DISPLAY")
    if wayland and Path(environ.get("XDG_RUNTIME_DIR", "/"), wayland).exists():
        return None
    x11 = environ.get("DISPLAY")
    if x11:
        return None if _x11_answers(x11) else f"the display {x11} does not answer to this user (DISPLAY is set)"
    if wayland:
        return f"the display {wayland} is not there (WAYLAND_DISPLAY is set)"
    return "neither DISPLAY nor WAYLAND_DISPLAY is set"


def no_display_words(reason: str) -> str:
    """What to tell somebody who started the demo where nothing can be drawn."""
    xvfb = system.apt_line(["xvfb", "xauth"])
    return (
        f"no display to open the HMI on: {reason}. Either\n"
        "    take a picture of it       python3 -m installer demo --screenshot genba.png\n"
        f"    or use a display in memory {xvfb}\n"
        "                               xvfb-run -a python3 -m installer demo\n"
        "    or log in at a desktop and run the command there."
    )


def _x11_answers(name: str) -> bool:
    """Whether the X server lets this user in; Qt would abort the whole program where it does not."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True  # Nobody to ask; the missing library is named elsewhere.
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(os.fsencode(name), None)
    refused = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not refused
