"""The headless ``genba`` commands. Light on purpose: every command imports what it needs when it runs, none loads Qt."""

from __future__ import annotations

import sys
from typing import Any

import typer

from core.cli.demo import DemoPlant
from core.errors import GenbaError, Language, NotConfirmed, NotConnected, Unavailable

__all__ = ["DemoPlant", "app", "run_cli"]

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_BUG = 70
EXIT_INTERRUPTED = 130

_CLOSING_WORDS = (
    "Settings come from the command line, then from GENBA_* variables (GENBA_HOME, GENBA_DATABASE_URL, GENBA_LANGUAGE, …), then from"
    " station.toml in the station's home. Failures are one line on standard error. Exit codes: 0 done; 1 refused or invalid; 2 wrong"
    " words on the command line; 3 database, machine or display not reachable; 70 a defect of the program; 130 interrupted."
)

app = typer.Typer(
    name="genba",
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    epilog=_CLOSING_WORDS,
    context_settings={"max_content_width": 110, "help_option_names": ["--help", "-h"]},
)


def _register() -> None:
    from core.cli import audit, backup, database, interface, plant, secrets, site, source, station

    app.add_typer(audit.app, name="audit")
    app.add_typer(database.app, name="db")
    for verb in (backup.backup, backup.verify, backup.restore):
        database.app.command()(verb)
    app.add_typer(site.app, name="site")
    app.add_typer(secrets.app, name="secrets")
    app.add_typer(source.app, name="source")
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
        0 done · 1 refused or invalid · 2 wrong words on the command line · 3 database, machine or display not reachable ·
        70 a defect of the program, with its traceback in the log file · 130 interrupted.
    """
    try:
        result: Any = app(args=args, prog_name="genba", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        return _fail(_usage(error), EXIT_USAGE)
    except GenbaError as error:
        unreachable = isinstance(error, NotConnected | Unavailable | NotConfirmed)
        return _fail(in_one_line(error), EXIT_UNREACHABLE if unreachable else EXIT_FAILED)
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    except Exception as error:  # noqa: BLE001 - the last resort of a command line: say it in one line, keep the rest for the log
        return _fail(_defect(error), EXIT_BUG)
    return int(result or 0)


def in_one_line(error: GenbaError) -> str:
    """What happened, what to do and what is safe, in the station's language."""
    return " ".join(line for line in error.lines(_language()) if line)


def _fail(words: str, code: int) -> int:
    print("genba: " + words.replace("\n", " · "), file=sys.stderr)
    return code


def _usage(error: typer.TyperException) -> str:
    """What is wrong with the words, and where help is."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "genba"
    return f"{error.format_message().rstrip('.')}. Help: {command} --help"


def _reader_gone() -> int:
    """Whoever read our output (``| head``) has seen enough; the interpreter must not complain about it when it flushes."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _language() -> Language:
    """The station's language; English when even the settings cannot be read."""
    from core.config import read_settings

    try:
        return read_settings().language
    except (GenbaError, OSError):
        return "en"


def _defect(error: Exception) -> str:
    """One line without secrets; the traceback goes where the maintainer finds it, if there is such a place."""
    from core.config import read_settings
    from core.log import record_crash, redacted

    words = redacted(f"internal error: {type(error).__name__}: {error}".splitlines()[0])
    try:
        written = record_crash(read_settings().home, error)
    except GenbaError:
        return words
    return words if written is None else f"{words} (details in {written})"
