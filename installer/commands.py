"""The three commands, ``demo``, ``test`` and ``install``: their arguments, their order of events, their exit codes."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from installer import checks, display, environment, system
from installer.checkout import INTERRUPTED, LINUX, NOT_HERE, WINDOWS, Checkout, Problem, say

USAGE = """\
commands:
  demo [OPTIONS]     set up, then open the HMI against the simulated plant; the options go to `genba demo`:
                       --screenshot FILE  --state-json FILE  --panel ID  --language ja|en …  (all: .venv/bin/genba demo --help)
                     without a display only --screenshot and --state-json make sense: they draw in memory
  test [OPTIONS]     set up, then run the linter, the import rules, the type checker and the tests
                       --long             also the tests marked long
                       --only CHECK       only one of lint, imports, types, tests (may be repeated)
                       the whole suite runs several files at once, and what fails there once more alone
                       anything else goes to pytest, one test after the other:  test -k orders -x
  install            set up only; afterwards .venv/bin/genba starts the program from anywhere
                       --headless         for a station without a screen: do not ask for Qt's system libraries

option of all commands:
  --no-apt           never install system packages, only name the apt-get line (root otherwise runs it)

exit codes: 0 good; 1 a check or a package failed; 2 wrong arguments; 3 the machine lacks something (the message says what);
130 interrupted. demo gives back the exit code of the program.

Windows: the same commands with `py -m installer`; written for it, but not run there yet."""


def main(argv: Sequence[str], checkout: Checkout | None = None) -> int:
    """Runs one command and gives back the exit code; a failure that can be foreseen is one message without a traceback.

    Args:
        argv: The command and its options.
        checkout: The clone to work on; None is the one this file lies in.
    """
    parser = argparse.ArgumentParser(
        prog="py -m installer" if WINDOWS else "python3 -m installer",
        description="Sets Genba up in .venv, inside this folder, and starts it. Needs nothing but Python 3.11 or newer.",
        epilog=USAGE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("command", choices=("demo", "test", "install"))
    command = parser.parse_args(argv[:1]).command
    if any(argument in ("-h", "--help") for argument in argv[1:]):
        parser.print_help()
        return 0
    options, others = _options(parser, command, argv[1:])
    checkout = checkout or Checkout(Path(__file__).resolve().parents[1])
    try:
        if command == "demo":
            return _demo(checkout, others, options)
        tools = system.TEST_PROGRAMS if command == "test" else {}
        _prepare(checkout, [] if options.headless else [system.QT], options, tools)
        if command == "test":
            return checks.run(checkout, options.only or checks.NAMES, long=options.long, pytest_arguments=others)
    except Problem as problem:
        say(str(problem))
        return problem.code
    except OSError as error:  # a full disk, a folder that may not be written: the error names the file itself
        say(f"the set-up could not go on: {error}")
        return NOT_HERE
    except KeyboardInterrupt:
        say("interrupted; the next run makes good what is unfinished")
        return INTERRUPTED
    return 0


def _options(parser: argparse.ArgumentParser, command: str, rest: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The command's own options, and what it hands on untouched to pytest or to the program."""
    own = argparse.ArgumentParser(prog=f"{parser.prog} {command}", add_help=False, allow_abbrev=False)
    own.set_defaults(headless=False)
    own.add_argument("--no-apt", action="store_true")
    if command == "test":
        own.add_argument("--long", action="store_true")
        own.add_argument("--only", action="append", choices=checks.NAMES)
    if command == "install":
        own.add_argument("--headless", action="store_true")
        return own.parse_args(rest), []
    return own.parse_known_args(rest)


def _prepare(
    checkout: Checkout, tables: Sequence[Mapping[str, str]], options: argparse.Namespace, tools: Mapping[str, str] | None = None
) -> None:
    """Brings the machine and the environment to where a program can be started.

    Args:
        checkout: The clone to work on.
        tables: Libraries that must load.
        options: ``no_apt`` only names what is missing.
        tools: Programs worth having; None and the empty table ask for none.
    """
    began = time.monotonic()

    def find_missing() -> list[system.Need]:
        no_venv = [] if environment.is_current(checkout) else system.missing_venv()
        return [*no_venv, *system.missing_programs(system.PROGRAMS), *system.missing_libraries([system.EVERYWHERE, *tables])]

    if LINUX:
        system.bring(find_missing, find_helpful=lambda: system.missing_programs(tools or {}), may_install=not options.no_apt)
    if environment.ensure(checkout):
        say(f"ready after {time.monotonic() - began:.0f} s; {environment.launcher(checkout)} starts the program from anywhere")


def _demo(checkout: Checkout, arguments: Sequence[str], options: argparse.Namespace) -> int:
    """Opens the demo; without a display only where a picture or a state file was asked for, and says so before the long set-up."""
    environ = environment.clean_environ()
    picture = display.wants_picture(arguments)
    reason = display.lacking_display(environ)
    if reason and not picture:
        raise Problem(display.no_display_words(reason), NOT_HERE)
    if reason:
        environ["QT_QPA_PLATFORM"] = "offscreen"
    _prepare(checkout, [system.QT, *display.screen_tables(environ)], options)
    command = ["-P", "-m", "hmi", "demo", *arguments]
    if WINDOWS:
        return environment.start(checkout, command, environ)
    _become(checkout.python, command, environ)


def _become(python: Path, arguments: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Replaces this process, so that signals from a shell or a service reach the program itself."""
    sys.stdout.flush()
    os.execve(python, [str(python), *arguments], dict(environ))  # noqa: S606 - no shell is wanted; the program is our own
