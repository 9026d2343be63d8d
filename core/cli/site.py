"""``genba site``: compare a site file with the database, apply it, write it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.database import Url

if TYPE_CHECKING:
    from core.sitefile.entries import SiteFile

app = typer.Typer(help="The plant as a file: enterprise to tags, products, users.")

File = Annotated[Path, typer.Argument(help="site.yaml; its tags file stands beside it.", show_default=False)]
Target = Annotated[Path, typer.Argument(help="site.yaml to write; tags.csv is written beside it.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON list.")]


def _read(path: Path) -> SiteFile:
    """The file, or every mistake in it, one line each with file and line number, and exit code 1."""
    from core.sitefile.problems import BrokenSiteFile
    from core.sitefile.read import read

    try:
        return read(path)
    except BrokenSiteFile as broken:
        from core.config import read_settings

        language = read_settings().language
        for problem in broken.problems:
            typer.echo(f"genba: {' '.join(problem.lines(language)[:2])}", err=True)
        raise typer.Exit(1) from None


@app.command()
def plan(file: File, as_json: AsJson = False) -> None:
    """Print what applying FILE would change.

    One line for each thing: + new, ~ changed, - retired. The file is checked as a whole first; nothing is changed.
    """
    from core.cli.opened import look, opened_floor
    from core.config import read_settings
    from core.sitefile.plan import plan as compare

    site = _read(file)
    with opened_floor(read_settings()) as floor:
        changes = look(floor, lambda db: compare(db, site))
    if as_json:
        found = [{"kind": c.kind, "key": c.key, "action": c.action, "fields": [[f.field, f.old, f.new] for f in c.fields]} for c in changes]
        print(json.dumps(found, ensure_ascii=False))
        return
    for change in changes:
        print(change)
    print(_counted(len(changes), "to make"))


@app.command()
def apply(file: File, url: Url = None) -> None:
    """Make the database say what FILE says.

    In one transaction, all or nothing. A station's own log-in may not do this: a shared database needs --url with the log-in that
    upgrades it. What left the file is retired, never deleted; what people made on screens stays. A first PIN
    is set only for users who have none.
    """
    from core.cli.opened import look, opened_floor
    from core.config import read_settings
    from core.sitefile.apply import apply_site, arguments
    from core.sitefile.plan import plan as compare
    from core.users.roles import system_actor

    site = _read(file)
    settings = read_settings(database_url=url)
    made = 0
    with opened_floor(settings, as_owner=True) as floor:
        if look(floor, lambda db: compare(db, site)):  # nothing to do leaves no trace in the audit
            made = len(floor.door.do(apply_site, system_actor("genba site apply", settings.name), arguments(site)).view.changes)
    print(_counted(made, "applied"))


@app.command()
def export(file: Target) -> None:
    """Write the plant from the database to FILE.

    Planning the written file finds nothing to change. First PINs are never written: nobody can read them back.
    """
    from core.cli.opened import look, opened_floor
    from core.config import read_settings
    from core.errors import Unavailable
    from core.sitefile.export import export as write

    with opened_floor(read_settings()) as floor:
        exported = look(floor, write)
    try:
        exported.write(file)
    except OSError as error:
        raise Unavailable("cli.cannot_write", path=str(file), problem=error.strerror or str(error)) from None
    print(f"written: {file}")


def _counted(changes: int, verb: str) -> str:
    return f"{changes} change{'s' if changes != 1 else ''} {verb}" if changes else "nothing to change"
