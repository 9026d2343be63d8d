"""``genba operations`` and ``genba doctor``: what this system can be asked, and whether this computer is fit for it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def operations(as_json: AsJson = False) -> None:
    """The catalogue of operations and queries; with --json their schemas: the interface specification of this system."""
    from core.catalogue import described

    catalogue = described()
    if as_json:
        print(json.dumps(catalogue, ensure_ascii=False, indent=1))
        return
    for kind, entries in catalogue.items():
        print(kind)
        for entry in entries:
            print(f"  {entry['name']:<38} {str(entry.get('doc') or '').splitlines()[0] if entry.get('doc') else ''}")


def doctor(as_json: AsJson = False) -> None:
    """Check what a station needs on this computer; exit code 1 when something is missing."""
    from core.cli.checkup import checkup

    findings = checkup()
    if as_json:
        print(
            json.dumps(
                {"ok": all(found.ok for found in findings), "checks": [found.shown() for found in findings]}, ensure_ascii=False, indent=1
            )
        )
    else:
        for found in findings:
            print(f"{'ok  ' if found.ok else 'BAD '} {found.check:<18} {found.detail}" + (f"\n     {found.advice}" if not found.ok else ""))
    if not all(found.ok for found in findings):
        raise typer.Exit(1)
