"""``genba db backup``, ``verify`` and ``restore``: copies of the whole database, proved, and brought back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.database import AsJson, Url

if TYPE_CHECKING:
    from core.config import StationSettings
    from core.store.audit import Verification
    from core.store.embedded import EmbeddedServer
    from core.store.manifest import Manifest
    from core.store.restore import Restored

Folder = Annotated[Path, typer.Argument(help="The folder of a backup, or a file in it.", show_default=False)]


@dataclass(frozen=True, slots=True)
class _Administered:
    """The database, with a log-in that administers it; ``server`` when it is the station's own."""

    address: str
    server: EmbeddedServer | None
    allow_unsafe: bool


@contextmanager
def _administered(settings: StationSettings, *, new: bool = False) -> Iterator[_Administered]:
    """Where to work; a running station shares its server.

    Args:
        new: An embedded database may be made.
    """
    from core.errors import Unavailable
    from core.store.embedded import ADMIN, EmbeddedServer
    from core.store.keystore import database_address, station_secrets

    if settings.database_url is not None:
        address = database_address(settings.database_url, station_secrets(settings.home))
        yield _Administered(address, None, settings.allow_unsafe_database)
        return
    server = EmbeddedServer(settings.home / "database")
    if not new and not server.exists:
        raise Unavailable("store.schema_missing")
    server.start()
    try:
        yield _Administered(server.url(ADMIN), server, allow_unsafe=False)
    finally:
        server.stop()


def backup(
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            help="A folder that exists, to put the backup into; or the name of a new one. The station's backup_folder when left out.",
            show_default=False,
        ),
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Copy the whole database into a new folder.

    Stations go on working. The folder says what is in it and holds PostgreSQL's own format, which pg_restore reads as well. Nothing is
    ever written over. A shared database needs --url with the log-in that upgrades it; with a superuser's the log-ins of stations come
    along, otherwise they are made again after a restore. Keep copies on another computer: it holds everything, in the clear.
    """
    from core.config import read_settings
    from core.errors import Unavailable
    from core.store.backup import make

    settings = read_settings(database_url=url)
    into = to
    if into is None:
        into = settings.backups
        try:
            into.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable("cli.cannot_write", path=str(into), problem=error.strerror or str(error)) from None
    with _administered(settings) as place:
        folder, told = make(place.address, into, settings.name, allow_unsafe=place.allow_unsafe)
    if as_json:
        print(json.dumps({"folder": str(folder)} | _shown(told), ensure_ascii=False))
    else:
        print(folder)
        print(_sentence(told))


def verify(
    folder: Folder,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Also bring it back into a server of its own that is gone afterwards, count, and check the audit trail."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether a backup is whole.

    Compares every file with its sum and asks pg_restore to read the list of contents; needs no database. --deep is the proof: it takes
    as long as a restore and as much room as the database. Exit code 1 when something is not as it should be.
    """
    from core.store.backup import look_through
    from core.store.loading import prove
    from core.store.manifest import folder_of

    place = folder_of(folder)
    told = look_through(place)
    found = prove(place, told) if deep else None
    if as_json:
        print(json.dumps(_shown(told) | ({"deep": True, "audit": _chains(found)} if found is not None else {"deep": False})))
    else:
        print(_sentence(told))
        print(
            "brought back and compared: the same rows; " + _audit(found) if found is not None else "sums and contents as they were written"
        )
    if found is not None and found.findings:
        raise typer.Exit(1)


def restore(
    folder: Folder,
    url: Url = None,
    replace: Annotated[
        str,
        typer.Option("--replace", help="Name of the database that is put aside for it, typed out; needed when that has content."),
    ] = "",
    broken_audit: Annotated[
        bool, typer.Option("--accept-broken-audit", help="Bring it back although its audit trail was broken when it was made.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a backup the database that stations use.

    It is brought back beside the present one, compared and brought up to date; then both change names in one moment. The present one is
    kept under another name. Stations may run: they are cut off for that moment and connect again by themselves. Bring back only what
    you trust: a backup holds programs that run as the database's administrator.
    """
    from core.clock import SystemClock
    from core.config import read_settings
    from core.store.manifest import folder_of
    from core.store.restore import restore as bring_back

    settings = read_settings(database_url=url)
    place = folder_of(folder)
    with _administered(settings, new=True) as target:
        done = bring_back(
            target.address,
            place,
            SystemClock(),
            replace=replace,
            broken_audit=broken_audit,
            embedded=target.server is not None,
            allow_unsafe=target.allow_unsafe,
        )
        untold = _settle(settings, target, done)
    if as_json:
        print(json.dumps(_restored(done) | {"noted": not untold}, ensure_ascii=False))
    else:
        _explain(done)
        if untold:
            print(f"the audit trail could not be told of it: {untold}")


def _settle(settings: StationSettings, target: _Administered, done: Restored) -> str:
    """What follows a restore; it is done already, so a failure here is told beside it: "" for none."""
    from core.errors import GenbaError
    from core.store.embedded import LOGIN
    from core.store.logins import add_local

    try:
        if target.server is not None:
            add_local(target.address, LOGIN, target.server.password())
        _note(settings, done)
    except GenbaError as error:
        return str(error)
    return ""


def _note(settings: StationSettings, done: Restored) -> None:
    """The audit trail itself tells that what it says comes from a backup."""
    from core.cli.opened import opened_floor
    from core.store.restoring import note_restore
    from core.users.roles import system_actor

    with opened_floor(settings, as_owner=True) as floor:
        told = {"backup": done.manifest.name, "made_at": done.manifest.made_at, "kept": done.kept}
        floor.door.do(note_restore, system_actor("genba db restore", settings.name), told)


def _restored(done: Restored) -> dict[str, Any]:
    told = {"database": done.database, "kept": done.kept, "upgraded": done.upgraded, "without_login": done.without_login}
    return _shown(done.manifest) | told | {"audit": _chains(done.audit)}


def _explain(done: Restored) -> None:
    told = done.manifest
    print(f"{done.database} is now what it was at {told.made_at:%Y-%m-%d %H:%M:%S} UTC; {_audit(done.audit)}")
    if done.upgraded:
        print(f"its schema was {told.schema_revision} and was brought up to date")
    if done.kept:
        print(f"the database before is kept as {done.kept}; drop it when nobody misses anything any more")
    print(
        "Stations connect again by themselves. What they decided after that moment is not in the database; what still waits in their"
        " journals comes in. Who signed in after it signs in again. genba audit verify with notes of ends taken after it names rows that"
        " are gone: they are in the database that was kept."
    )
    for station in done.without_login:
        print(f"{station} has no log-in on this server: genba db roles add {station}")


def _sentence(told: Manifest) -> str:
    site = ", ".join(told.site) or "no site"
    rows = sum(told.rows.values())
    secrets = "which will let them in again" if told.login_secrets else "without the proofs of their passwords"
    logins = f", log-ins of {told.logins} stations, {secrets}" if told.logins else ""
    return (
        f"{site} at {told.made_at:%Y-%m-%d %H:%M:%S} UTC: {rows} rows in {len(told.rows)} tables, {told.size / 1e6:.1f} MB, schema"
        f" {told.schema_revision}, PostgreSQL {told.server}{logins}"
    )


def _audit(found: Verification) -> str:
    chains = f"{found.rows} audit rows in {len(found.heads)} chains"
    return f"{chains}: " + (f"{len(found.findings)} findings, see genba audit verify" if found.findings else "as they were written")


def _chains(found: Verification | None) -> dict[str, Any]:
    return {} if found is None else {"rows": found.rows, "chains": len(found.heads), "findings": len(found.findings)}


def _shown(told: Manifest) -> dict[str, Any]:
    return told.model_dump(mode="json", exclude={"format", "pieces", "rows"}) | {"rows": sum(told.rows.values()), "bytes": told.size}
