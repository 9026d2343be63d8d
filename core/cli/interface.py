"""``genba operations`` and ``genba doctor``: what this system can be asked, and whether this computer is fit for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from core.cli.checkup import Finding

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def operations(as_json: AsJson = False) -> None:
    """List what the system can be asked and told.

    Every operation and query by name; with --json the JSON schemas of their requests and answers: the interface specification of
    this system. Needs no database.
    """
    from core.catalogue import described

    catalogue = described()
    if as_json:
        print(json.dumps(catalogue, ensure_ascii=False, indent=1))
        return
    for kind, entries in catalogue.items():
        print(kind)
        for entry in entries:
            print(f"  {entry['name']:<34} {entry['summary'].splitlines()[0]}")


def doctor(
    as_json: AsJson = False,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="Also write FILE.zip for whoever helps from afar, without any credential.", show_default=False),
    ] = None,
) -> None:
    """Check what a station needs on this computer.

    Exit code 1 when something is missing; each finding says what to do.
    """
    from core.cli.checkup import checkup

    findings = checkup()
    if bundle is not None:
        _write(bundle, findings)
    fit = all(found.ok for found in findings)
    if as_json:
        print(json.dumps({"ok": fit, "checks": [found.shown() for found in findings]}, ensure_ascii=False, indent=1))
    else:
        for found in findings:
            print(f"{'ok  ' if found.ok else 'BAD '} {found.check:<10} {found.detail}")
            if not found.ok:
                print(f"     → {found.advice}")
    if not fit:
        raise typer.Exit(1)


def _write(path: Path, findings: list[Finding]) -> None:
    from core.cli.bundle import write_bundle
    from core.config import read_settings
    from core.errors import GenbaError

    try:
        settings = read_settings()
    except GenbaError:
        settings = None  # the first finding says why
    names = write_bundle(path, settings, findings)
    typer.echo(f"genba: {path}: {', '.join(names)}", err=True)
