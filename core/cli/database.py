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

app = typer.Typer(help="The schema of the database; log-ins of stations; backups.")
roles = typer.Typer(help="Log-ins of stations: list, add, revoke.")
app.add_typer(roles, name="roles")

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
    allow_unsafe: bool = False


@contextmanager
def _opened(url: str | None) -> Iterator[_Place]:
    """Where to work: the given URL, the configured one, or the embedded server, up to date and running as long as needed."""
    from core.config import read_settings
    from core.store.keystore import database_address, station_secrets

    settings = read_settings(database_url=url)
    if settings.database_url is not None:
        address = database_address(settings.database_url, station_secrets(settings.home))
        yield _Place(address, embedded=False, allow_unsafe=settings.allow_unsafe_database)
        return
    from core.declared import fingerprint
    from core.store.embedded import EmbeddedServer
    from core.store.schema import prepare_embedded

    server = EmbeddedServer(settings.home / "database")
    server.start()
    try:
        yield _Place(prepare_embedded(server, fingerprint()), embedded=True)
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
    superuser, or own the database and be allowed to create roles. Stations use a log-in of their own with fewer rights: see genba db
    roles.
    """
    from core.store import schema

    with _opened(url) as place:
        # The embedded database was brought up to date when it was opened.
        unsafe = place.allow_unsafe
        found = schema.status(place.address) if place.embedded else schema.upgrade(place.address, allow_unsafe=unsafe)
    _print(found, as_json=as_json)


@app.command()
def status(url: Url = None, as_json: AsJson = False) -> None:
    """Say how the schema stands to this program.

    States: ready; behind and ahead (another revision that serves this program too); read_only (it does not serve this program: a
    station may only read); empty (never set up). Exit code 1 for the last two.
    """
    from core.store import schema

    with _opened(url) as place:
        found = schema.status(place.address, allow_unsafe=place.allow_unsafe)
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


@app.command()
def accept(
    database: Annotated[str, typer.Argument(help="As the refusal names it: number/number.", show_default=False)], url: Url = None
) -> None:
    """Let this station work with another database.

    One that was restored, or set up anew.

    A station never follows its address to another database, or back to a server that a failover has replaced, by itself: what is
    written there may be thrown away. After this it does. What it has booked in the last 24 hours is looked for there, and booked again
    where it is missing.
    """
    from core.config import read_settings
    from core.errors import Refused
    from core.store.administration import lineage_at
    from core.store.lineage import SEEN_FILE, Seen, read_lineage

    wanted = read_lineage(database).server
    if url is None and read_settings().database_url is None:
        raise Refused("cli.embedded_is_accepted")
    place = _shared(url)
    seen = Seen(read_settings().home / SEEN_FILE)
    found = lineage_at(place.address, allow_unsafe=place.allow_unsafe).server
    if found != wanted:
        raise Refused("store.not_this_database", found=str(found), given=str(wanted))
    before = seen.newest
    seen.accept(found)
    print(f"accepted {found}; before: {before or 'none'}")


# -- log-ins of stations -----------------------------------------------------------------------------------------------

Station = Annotated[str, typer.Argument(help="Station code, as the station calls itself.", show_default=False)]


def _shared(url: str | None) -> _Place:
    """A shared database; an embedded one has one log-in, made by itself."""
    from core.config import read_settings
    from core.errors import Refused
    from core.store.keystore import database_address, station_secrets

    settings = read_settings(database_url=url)
    if settings.database_url is None:
        raise Refused("cli.embedded_has_own_login")
    address = database_address(settings.database_url, station_secrets(settings.home))
    return _Place(address, embedded=False, allow_unsafe=settings.allow_unsafe_database)


@roles.command("list")
def list_roles(url: Url = None, as_json: AsJson = False) -> None:
    """Every station with its log-in, and how it stands.

    Of those that run now also: who is signed in, clock against the database's, how late notices are, what waits.

    The log-in of --url must own the database or be a superuser, as for genba db upgrade.
    """
    from core.store import logins

    place = _shared(url)
    found = logins.listed(place.address, allow_unsafe=place.allow_unsafe)
    if as_json:
        print(json.dumps([asdict(one) for one in found], ensure_ascii=False, default=str))
        return
    for one in found:
        state = "revoked" if one.revoked_at else "good" if one.may_log_in else "no log-in"
        seen = f"{one.seen_at:%Y-%m-%d %H:%M} UTC" if one.seen_at else "never"
        print(f"{one.station:<24} {one.login or '—':<32} {state:<10} seen {seen}  {one.program_version}")
        if one.here:
            clock = "not measured" if one.clock_ahead_s is None else f"{one.clock_ahead_s:+,.1f} s"
            lag = "not measured" if one.notice_lag_s is None else f"{one.notice_lag_s:.2f} s"
            waits = f"{one.waiting} waiting, {one.parked} for a person"
            print(f"{'':<24} here: {one.host}  signed in: {one.people or 'nobody'}  clock {clock}  notices {lag}  {waits}")


@roles.command()
def add(station: Station, url: Url = None) -> None:
    """Make the log-in of STATION and print its address, once.

    Given again, it gets a new password and is let in again. The printed line belongs into the station's settings as database_url,
    better with its password in the station's secret store.
    """
    from sqlalchemy import make_url

    from core.config import read_settings
    from core.store import logins

    name = read_settings(name=station).name
    place = _shared(url)
    password = logins.add(place.address, name, allow_unsafe=place.allow_unsafe)
    own = make_url(place.address).set(username=logins.login_of(name), password=password)
    print(own.render_as_string(hide_password=False))


@roles.command()
def revoke(station: Station, url: Url = None) -> None:
    """Shut STATION out now: a stolen or replaced computer.

    Its log-in is closed, its connections end, whoever was signed in there is signed off, its leases pass to others.
    """
    from core.store import logins

    place = _shared(url)
    logins.revoke(place.address, station, allow_unsafe=place.allow_unsafe)
    print(f"{station}: revoked")
