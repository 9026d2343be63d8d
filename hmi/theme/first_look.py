"""What the settings say about the first picture, read without the library that checks settings.

Loading that library takes as long as loading Qt. The window is therefore painted from the raw words, in the same order of
places, with the default for any that is not understood; a moment later ``core.config`` reads and judges the whole.
"""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

T = TypeVar("T")

_DIAGONAL_INCH = (3.0, 120.0)
_SIGN_OFF_S = (0.0, 86_400.0)


@dataclass(frozen=True, slots=True)
class FirstLook:
    """The part of ``core.config.StationSettings`` that a window needs, by the same names and with the same defaults."""

    language: Literal["ja", "en"] = "ja"
    theme: Literal["light", "dark", "auto"] = "light"
    state_palette: Literal["default", "grey", "jsia113"] = "default"
    screen_diagonal_inch: float | None = None
    keypad_layout: Literal["789", "123"] = "789"
    panel: str | None = None
    auto_sign_off_s: float = 300.0


def first_look(given: Mapping[str, Any]) -> FirstLook:
    """Read command line, environment and ``station.toml``, in this order; never raises.

    Args:
        given: Values from the command line by name of the setting; None counts as not given.
    """
    written = _written(given)

    def said(name: str, understand: Callable[[str], T], default: T) -> T:
        for value in (given.get(name), os.environ.get(f"GENBA_{name.upper()}"), written.get(name)):
            if value is not None:
                with contextlib.suppress(ValueError):
                    return understand(str(value).strip())
                return default
        return default

    own = FirstLook()
    return FirstLook(
        language=said("language", _one_of("ja", "en"), own.language),
        theme=said("theme", _one_of("light", "dark", "auto"), own.theme),
        state_palette=said("state_palette", _one_of("default", "grey", "jsia113"), own.state_palette),
        screen_diagonal_inch=said("screen_diagonal_inch", _within(_DIAGONAL_INCH), own.screen_diagonal_inch),
        keypad_layout=said("keypad_layout", _one_of("789", "123"), own.keypad_layout),
        panel=said("panel", str, own.panel),
        auto_sign_off_s=said("auto_sign_off_s", _within(_SIGN_OFF_S), own.auto_sign_off_s),
    )


def _written(given: Mapping[str, Any]) -> Mapping[str, Any]:
    home = given.get("home") or os.environ.get("GENBA_HOME")
    if not home:
        import platformdirs

        home = platformdirs.user_data_path("genba", appauthor=False)
    with contextlib.suppress(OSError, ValueError):  # said in three lines by core.config
        return tomllib.loads((Path(home).expanduser() / "station.toml").read_text(encoding="utf-8-sig"))
    return {}


def _one_of(*words: Any) -> Callable[[str], Any]:
    def understand(value: str) -> Any:
        if value not in words:
            raise ValueError(value)
        return value

    return understand


def _within(limits: tuple[float, float]) -> Callable[[str], Any]:
    def understand(value: str) -> float:
        number = float(value)
        if not limits[0] <= number <= limits[1]:
            raise ValueError(value)
        return number

    return understand
