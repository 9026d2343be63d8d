"""The headless ``genba`` commands. Light on purpose: every command imports what it needs when it runs, none loads Qt."""

from __future__ import annotations

import sys
from typing import Any

import click
import typer

from core.cli.demo import DemoPlant
from core.errors import GenbaError, Language, NotConfirmed, NotConnected, Unavailable

__all__ = ["DemoPlant", "app", "run_cli"]

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_BUG = 70

app = typer.Typer(
    name="genba", pretty_exceptions_enable=False, add_completion=False, rich_markup_mode=None, context_settings={"max_content_width": 110}
)


def _register() -> None:
    from core.cli import database, interface, plant, site, station

    app.add_typer(database.app, name="db")
    app.add_typer(site.app, name="site")
    app.add_typer(plant.app, name="plant")
    app.command("station")(station.station)
    app.command("operations")(interface.operations)
    app.command("doctor")(interface.doctor)


_register()


def run_cli(args: list[str] | None = None) -> int:
    """Run one command line; failures are one line on stderr, never a traceback.

    Args:
        args: Words after ``genba``; None takes the process's own.

    Returns:
        0 done · 1 refused or invalid · 2 wrong words on the command line · 3 database or machine not reachable ·
        70 a defect of the program, with its traceback in the log file · 130 interrupted.
    """
    try:
        result: Any = app(args=args, standalone_mode=False)
    except click.exceptions.Exit as done:
        return int(done.exit_code)
    except click.ClickException as error:
        return _fail(error.format_message(), EXIT_USAGE)
    except GenbaError as error:
        lines = error.lines(_language())
        unreachable = isinstance(error, NotConnected | Unavailable | NotConfirmed)
        return _fail(" ".join(line for line in lines if line), EXIT_UNREACHABLE if unreachable else EXIT_FAILED)
    except (KeyboardInterrupt, click.Abort):
        return 130
    except Exception as error:  # noqa: BLE001 - the last resort of a command line: say it in one line, keep the rest for the log
        return _fail(f"internal error: {type(error).__name__}: {error}".splitlines()[0] + _logged(error), EXIT_BUG)
    return int(result or 0)


def _fail(words: str, code: int) -> int:
    print("genba: " + words.replace("\n", " · "), file=sys.stderr)
    return code


def _language() -> Language:
    """The station's language; English when even the settings cannot be read."""
    from core.config import read_settings

    try:
        return read_settings().language
    except (GenbaError, OSError):
        return "en"


def _logged(error: Exception) -> str:
    """Put the traceback where the maintainer finds it; says where, or nothing when there is no such place."""
    import traceback

    from core.config import read_settings

    try:
        folder = read_settings().home / "log"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "crash.log").open("a", encoding="utf-8") as crash:
            crash.write("".join(traceback.format_exception(error)))
    except (GenbaError, OSError):
        return ""
    return f" (details in {folder / 'crash.log'})"
