"""``genba``: the commands with a screen, on top of the headless ones of ``core.cli``.

Headless commands (``genba db …``, ``genba station``, …) never import Qt: it is loaded only when a window is wanted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from core.cli import DemoPlant, app, run_cli

Panel = Annotated[str | None, typer.Option("--panel", help="Panel to open: lines, orders, trends.", show_default=False)]
Lang = Annotated[Literal["ja", "en"] | None, typer.Option("--language", help="Language of the screen.", show_default=False)]
Look = Annotated[
    Literal["light", "dark"] | None, typer.Option("--theme", help="light for lit halls, dark for the night shift.", show_default=False)
]
Size = Annotated[
    str | None, typer.Option("--size", help="Window size, for example 1024x768; full screen when left out on a kiosk.", show_default=False)
]
Shot = Annotated[Path | None, typer.Option("--screenshot", help="Save a picture of the window as PNG, then end.", show_default=False)]
State = Annotated[
    Path | None, typer.Option("--state-json", help="Save tag, value, quality and age of every visible tile, then end.", show_default=False)
]


def _show(overrides: dict[str, Any], *, size: str | None, screenshot: Path | None, state_json: Path | None, demo: DemoPlant | None) -> int:
    from hmi.app import Capture, run

    capture = Capture(screenshot, state_json) if screenshot or state_json else None
    return run({key: value for key, value in overrides.items() if value is not None}, size=size, capture=capture, demo=demo)


@app.callback(invoke_without_command=True)
def genba(
    context: typer.Context,
    panel: Panel = None,
    language: Lang = None,
    theme: Look = None,
    size: Size = None,
    screenshot: Shot = None,
    state_json: State = None,
) -> None:
    """Genba, the operator HMI. Without a command: the screen of this station."""
    if context.invoked_subcommand is None:
        overrides = {"panel": panel, "language": language, "theme": theme}
        raise typer.Exit(_show(overrides, size=size, screenshot=screenshot, state_json=state_json, demo=None))


@app.command()
def demo(
    panel: Panel = None,
    language: Lang = None,
    theme: Look = None,
    size: Size = None,
    screenshot: Shot = None,
    state_json: State = None,
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="Simulated seconds per second.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same plant.")] = 1,
    home: Annotated[Path | None, typer.Option(help="Folder of the demo's database and settings.", show_default=False)] = None,
) -> None:
    """The screen against a simulated plant with real protocol servers, a private database and users to try."""
    overrides = {"panel": panel, "language": language, "theme": theme}
    plant = DemoPlant(speed=speed, seed=seed, home=home)
    raise typer.Exit(_show(overrides, size=size, screenshot=screenshot, state_json=state_json, demo=plant))


def main() -> None:
    """Entry point of the ``genba`` command; ends the process with the command's exit code."""
    sys.exit(run_cli())


if __name__ == "__main__":
    main()
