"""``genba db``: the schema of the database: bring it up to date, ask how it stands, print it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from core.store.schema import SchemaStatus

app = typer.Typer(help="The database: schema and migrations.", no_args_is_help=True)

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="postgresql+psycopg://… with a log-in that may change the schema; the station's own when left out.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def _address(url: str | None) -> Iterator[str]:
    """Where to work: the given URL, the configured one, or the embedded server, running as long as needed."""
    from core.config import read_settings
    from core.store.embedded import EmbeddedServer
    from core.store.schema import prepare_embedded

    settings = read_settings(database_url=url)
    if settings.database_url is not None:
        yield settings.database_url
        return
    server = EmbeddedServer(settings.home / "database")
    server.start()
    try:
        prepare_embedded(server)
        yield server.url()
    finally:
        server.stop()


def _print(status: SchemaStatus, *, as_json: bool) -> None:
    if as_json:
        reason = status.reason
        print(json.dumps(asdict(status) | {"reason": reason.code if reason else None}, ensure_ascii=False))
        return
    revision = status.window.revision if status.window else "—"
    print(f"schema {revision} (newest {status.head}), program {status.program}, server {status.server}: {status.state}")
    if status.window is not None:
        print(f"serves programs {status.window.oldest_program} to {status.window.newest_program}")
    if status.reason is not None:
        print(status.reason)


@app.command()
def upgrade(url: Url = None, as_json: AsJson = False) -> None:
    """Bring the schema to this program's revision. A shared database is changed by this command only, never by a station."""
    from core.store import schema

    with _address(url) as address:
        if url is None and address.startswith("postgresql+psycopg://genba_local"):
            _print(schema.status(address), as_json=as_json)  # the embedded database was brought up to date when it was opened
        else:
            _print(schema.upgrade(address), as_json=as_json)


@app.command()
def status(url: Url = None, as_json: AsJson = False) -> None:
    """How the schema stands to this program; exit code 1 when a station could not work with it."""
    from core.store import schema

    with _address(url) as address:
        found = schema.status(address)
    _print(found, as_json=as_json)
    if found.reason is not None or found.state == "empty":
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """Print the whole schema as one SQL script, for administrators who run nothing they have not read."""
    from core.store.schema import schema_sql

    print(schema_sql())
