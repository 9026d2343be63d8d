"""Tokens: the named colours and signs of a theme, read from ``resources/themes``. The only place where a colour is a number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

ThemeName = Literal["light", "dark"]
THEMES: tuple[ThemeName, ...] = ("light", "dark")
PROFILES = ("default", "grey", "jsia113")

_FOLDER = Path(__file__).resolve().parents[2] / "resources" / "themes"


@dataclass(frozen=True, slots=True)
class Look:
    """How one meaning is drawn: never by colour alone.

    Attributes:
        fill: Area colour, ``#RRGGBB``.
        ink: Colour of words and glyph on the fill, ``#RRGGBB``.
        glyph: Name in ``hmi.widgets.glyphs``; alarms name their outline shape here.
        pattern: solid, hollow, diagonal, cross, dots or hatch: what tells areas apart without colour.
        digit: Alarm priority digit inside the shape, else "".
    """

    fill: str
    ink: str
    glyph: str = ""
    pattern: str = "solid"
    digit: str = ""


@dataclass(frozen=True, slots=True)
class PenLook:
    """One pen of a trend: colour ``#RRGGBB`` and dash: solid, dash, dash-dot or dot."""

    color: str
    dash: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """All tokens of one theme with one state profile laid over it.

    Attributes:
        colors: Token name → ``#RRGGBB`` or ``#AARRGGBB``.
        states: The nine machine states (RUNNING … OFFLINE).
        alarms: P1 … P4 and DIAG.
        messages: info, confirm, warning, error.
        bands: simulated, snapshot, read_only, training, warning, alarm.
        pens: At most four per plot, in this order.
    """

    colors: Mapping[str, str]
    states: Mapping[str, Look]
    alarms: Mapping[str, Look]
    messages: Mapping[str, Look]
    bands: Mapping[str, Look]
    pens: tuple[PenLook, ...]


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _looks(table: Mapping[str, Mapping[str, str]]) -> Mapping[str, Look]:
    return MappingProxyType(
        {
            name: Look(e["fill"], e["ink"], e.get("glyph", e.get("shape", "")), e.get("pattern", "solid"), e.get("digit", ""))
            for name, e in table.items()
        }
    )


@cache
def load_tokens(theme: ThemeName, profile: str = "default") -> Tokens:
    """The tokens of ``theme`` ("light" or "dark") with the state colours of ``profile`` (one of PROFILES)."""
    raw = _read(_FOLDER / f"{theme}.json")
    over = _read(_FOLDER / "profiles" / f"{profile}.json")[theme]
    states = {name: {**entry, **over.get(name, {})} for name, entry in raw["states"].items()}
    return Tokens(
        colors=MappingProxyType(raw["colors"]),
        states=_looks(states),
        alarms=_looks(raw["alarms"]),
        messages=_looks(raw["messages"]),
        bands=_looks(raw["bands"]),
        pens=tuple(PenLook(entry["color"], entry["dash"]) for entry in raw["pens"]),
    )
