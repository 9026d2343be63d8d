"""``genba``: the commands with a screen, on top of the headless ones of ``core.cli``.

Headless commands (``genba db …``, ``genba station``, …) never import Qt: it is loaded only when a window is wanted.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from core.cli import DemoPlant, app, run_cli
from core.errors import Unavailable


def _file(path: Path | None) -> Path | None:
    """Checked before anything starts: a picture that cannot be saved is found out after half a minute otherwise."""
    if path is not None and not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.absolute().parent}")
    return path


def _version(wanted: bool) -> None:
    if wanted:
        from core.config import VERSION

        typer.echo(f"genba {VERSION}")
        raise typer.Exit


T = TypeVar("T")


def _leave_defaults(parameters: list[T]) -> list[T]:
    """Let options that nobody gave pass unjudged: for judging, typer loads a library that takes as long to load as Qt."""
    for parameter in parameters:
        if isinstance(parameter, TyperOption) and not parameter.required and not isinstance(parameter.process_value, partial):
            parameter.process_value = partial(_process, parameter, parameter.process_value)  # type: ignore[method-assign]
    return parameters


def _process(option: TyperOption, judged: Callable[[Any, Any], Any], context: Any, value: Any) -> Any:
    source = context.get_parameter_source(option.name)
    if source is None or source.name != "DEFAULT":
        return judged(context, value)
    return value if option.callback is None else option.callback(context, option, value)


class _Screen(TyperCommand):
    """A command that opens the window."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options and ``--help``."""
        return _leave_defaults(super().get_params(ctx))


class _Genba(TyperGroup):
    """``genba`` itself: opens the window when no command follows."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options and ``--help``."""
        return _leave_defaults(super().get_params(ctx))


Panel = Annotated[str | None, typer.Option("--panel", help="Panel to open: lines, orders, trends, equipment, users.", show_default=False)]
Lang = Annotated[Literal["ja", "en"] | None, typer.Option("--language", help="Language of the screen.", show_default=False)]
Look = Annotated[
    Literal["light", "dark"] | None, typer.Option("--theme", help="light for lit halls, dark for the night shift.", show_default=False)
]
Size = Annotated[
    str | None, typer.Option("--size", help="Window size, for example 1024x768; the full screen when left out.", show_default=False)
]
Shot = Annotated[
    Path | None,
    typer.Option(
        "--screenshot", callback=_file, help="Save a picture of the window as PNG, then end; needs no display.", show_default=False
    ),
]
State = Annotated[
    Path | None,
    typer.Option(
        "--state-json",
        callback=_file,
        help="Save tag, value, quality and age of every visible tile as JSON, then end; needs no display.",
        show_default=False,
    ),
]
Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")]


def _show(overrides: dict[str, Any], *, size: str | None, screenshot: Path | None, state_json: Path | None, demo: DemoPlant | None) -> int:
    _find_display(in_memory=screenshot is not None or state_json is not None)
    given = {key: value for key, value in overrides.items() if value is not None} | (demo.settings() if demo is not None else {})
    gc.disable()  # what is loaded now lives as long as the window; hmi.app switches collection on again
    try:
        return _open(given, size, (screenshot, state_json), demo)
    finally:
        gc.enable()


def _open(given: dict[str, Any], size: str | None, wanted: tuple[Path | None, Path | None], demo: DemoPlant | None) -> int:
    from hmi.panels import PANELS
    from hmi.shell.opening import open_window

    panels = [entry.id for entry in PANELS]
    if given.get("panel", panels[0]) not in panels:
        raise typer.BadParameter(f"there is no panel {given['panel']!r}; there are {', '.join(panels)}.", param_hint="--panel")
    window = open_window(given, size, demo=demo is not None, meanwhile=lambda: import_module("hmi.app"))
    from hmi.app import Capture, run

    return run(window, given, capture=Capture(*wanted) if any(wanted) else None, demo=demo)


def _find_display(*, in_memory: bool) -> None:
    """Draw in memory where there is no display and a file is wanted. Qt would abort the process; a platform chosen by hand is obeyed."""
    if sys.platform != "linux" or any(os.environ.get(name) for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")):
        return
    if not in_memory:
        raise Unavailable("cli.no_display")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"


@app.callback(cls=_Genba, invoke_without_command=True)
def genba(
    context: typer.Context,
    panel: Panel = None,
    language: Lang = None,
    theme: Look = None,
    size: Size = None,
    screenshot: Shot = None,
    state_json: State = None,
    version: Version = False,
) -> None:
    """Genba, the operator HMI.

    Without a command: the screen of this station. To try it without a plant: genba demo.
    """
    if context.invoked_subcommand is None:
        overrides = {"panel": panel, "language": language, "theme": theme}
        raise typer.Exit(_show(overrides, size=size, screenshot=screenshot, state_json=state_json, demo=None))


@app.command(cls=_Screen)
def demo(
    panel: Panel = None,
    language: Lang = None,
    theme: Look = None,
    size: Size = None,
    screenshot: Shot = None,
    state_json: State = None,
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="Simulated seconds per second.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same plant.")] = 1,
    home: Annotated[
        Path | None, typer.Option(help="Folder of the demo's database and settings; GENBA_HOME where that is set.", show_default=False)
    ] = None,
) -> None:
    """Open the screen against a simulated plant.

    With real protocol servers, a private database, orders under way and users to try. Its home is kept apart from the station's.
    """
    overrides = {"panel": panel, "language": language, "theme": theme}
    plant = DemoPlant(speed=speed, seed=seed, home=home)
    raise typer.Exit(_show(overrides, size=size, screenshot=screenshot, state_json=state_json, demo=plant))


def main() -> None:
    """Entry point of the ``genba`` command; ends the process with the command's exit code."""
    sys.exit(run_cli())


if __name__ == "__main__":
    main()
