"""``genba site``: compare a site file with the database, apply it, write it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from core.sitefile.entries import SiteFile

app = typer.Typer(help="The plant as a file: enterprise to tags, products, users.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="site.yaml; tags.csv is found beside it.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _read(path: Path) -> SiteFile:
    """The file, or every mistake in it, one line each, and exit code 1."""
    from core.errors import GenbaError
    from core.sitefile.problems import BrokenSiteFile
    from core.sitefile.read import read

    try:
        return read(path)
    except BrokenSiteFile as broken:
        from core.config import read_settings

        language = read_settings().language
        for problem in broken.problems:
            assert isinstance(problem, GenbaError)
            typer.echo(f"genba: {' '.join(problem.lines(language)[:2])}", err=True)
        raise typer.Exit(1) from None


@app.command()
def plan(file: File, as_json: AsJson = False) -> None:
    """Print what applying FILE would change; nothing is changed."""
    from core.cli.opened import opened_floor
    from core.config import read_settings
    from core.sitefile.plan import plan as compare

    site = _read(file)
    with opened_floor(read_settings()) as floor:
        changes = floor.run(lambda db: compare(db, site))
    if as_json:
        print(
            json.dumps(
                [
                    {"kind": c.kind, "key": c.key, "action": c.action, "fields": [[f.field, f.old, f.new] for f in c.fields]}
                    for c in changes
                ],
                ensure_ascii=False,
            )
        )
        return
    for change in changes:
        print(change)
    print(f"{len(changes)} changes" if changes else "nothing to change")


@app.command()
def apply(file: File) -> None:
    """Make the database say what FILE says, in one transaction; what left the file is retired, never deleted."""
    from core.cli.opened import opened_floor
    from core.config import read_settings
    from core.sitefile.apply import apply_site, arguments
    from core.sitefile.plan import plan as compare
    from core.users.roles import system_actor

    site = _read(file)
    settings = read_settings()
    with opened_floor(settings) as floor:
        changes = floor.run(lambda db: compare(db, site))
        if changes:
            floor.door.do(apply_site, system_actor("genba site apply", settings.name), arguments(site))
    print(f"{len(changes)} changes applied" if changes else "nothing to change")


@app.command()
def export(file: File) -> None:
    """Write the plant from the database to FILE, with tags.csv beside it. First PINs are never written."""
    from core.cli.opened import opened_floor
    from core.config import read_settings
    from core.sitefile.export import export as write

    with opened_floor(read_settings()) as floor:
        exported = floor.run(write)
    exported.write(file)
    print(f"written: {file}")
