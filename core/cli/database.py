"""``genba db``: the schema of the database: bring it up to date, ask how it stands, print it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from core.store.schema import SchemaStatus

app = typer.Typer(help="The schema of the database: status, upgrade, script.")

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        "--database-url",
        help="postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE; the station's own database when left out. Others on this computer"
        " can see a command line: GENBA_DATABASE_URL says the same unseen.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@dataclass(frozen=True, slots=True)
class _Place:
    """Address of a database that answers; ``embedded`` when it belongs to this station alone."""

    address: str
    embedded: bool


@contextmanager
def _opened(url: str | None) -> Iterator[_Place]:
    """Where to work: the given URL, the configured one, or the embedded server, up to date and running as long as needed."""
    from core.config import read_settings

    settings = read_settings(database_url=url)
    if settings.database_url is not None:
        yield _Place(settings.database_url, embedded=False)
        return
    from core.store.embedded import EmbeddedServer
    from core.store.schema import prepare_embedded

    server = EmbeddedServer(settings.home / "database")
    server.start()
    try:
        yield _Place(prepare_embedded(server), embedded=True)
    finally:
        server.stop()


def _print(status: SchemaStatus, *, as_json: bool) -> None:
    from core.cli import in_one_line

    if as_json:
        reason = status.reason
        print(json.dumps(asdict(status) | {"reason": reason.code if reason else None}, ensure_ascii=False))
        return
    revision = status.window.revision if status.window else "—"
    print(f"schema {revision} (newest {status.head}), program {status.program}, server {status.server}: {status.state}")
    if status.window is not None:
        print(f"serves programs {status.window.oldest_program} to {status.window.newest_program}")
    if status.reason is not None:
        print(in_one_line(status.reason))


@app.command()
def upgrade(url: Url = None, as_json: AsJson = False) -> None:
    """Bring the schema up to date.

    A shared database is changed by this command only, never by a station; stations go on working meanwhile. The log-in must be a
    superuser, or own the database and be allowed to create roles. Stations use a log-in of their own with fewer rights:
    CREATE ROLE panel LOGIN PASSWORD '…'; GRANT genba_station TO panel;
    """
    from core.store import schema

    with _opened(url) as place:
        # The embedded database was brought up to date when it was opened.
        found = schema.status(place.address) if place.embedded else schema.upgrade(place.address)
    _print(found, as_json=as_json)


@app.command()
def status(url: Url = None, as_json: AsJson = False) -> None:
    """Say how the schema stands to this program.

    States: ready; behind and ahead (another revision that serves this program too); read_only (it does not serve this program: a
    station may only read); empty (never set up). Exit code 1 for the last two.
    """
    from core.store import schema

    with _opened(url) as place:
        found = schema.status(place.address)
    _print(found, as_json=as_json)
    if found.reason is not None:
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """Print the schema as one SQL script.

    For administrators who run nothing they have not read; needs no database.
    """
    from core.store.schema import schema_sql

    print(schema_sql())
