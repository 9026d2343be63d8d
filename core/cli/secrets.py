"""``genba secrets``: passwords of machines and systems, the key they are sealed with, and where this station keeps its own."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.database import Url

if TYPE_CHECKING:
    from core.store.operation import Secret

app = typer.Typer(help="Passwords of machines and systems.")

Name = Annotated[str, typer.Argument(help="source:CODE:password, system:CODE:password …", show_default=False)]
Local = Annotated[bool, typer.Option("--local", help="In this station's own store: database:password. Needs no database.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_ACTOR = "genba secrets"


def _typed(what: str, *, twice: bool = False) -> Secret:
    """A secret as somebody types it unseen, or the text a program pipes in; never a word of the command line."""
    import sys

    from core.store.operation import Secret

    if sys.stdin.isatty():
        return Secret(typer.prompt(what, hide_input=True, confirmation_prompt=twice))
    text = sys.stdin.read()
    return Secret(text.removesuffix("\n").removesuffix("\r"))


@app.command("list")
def list_secrets(url: Url = None, as_json: AsJson = False) -> None:
    """List the site's secrets by name.

    When each was set, and whether this station can open it.
    """
    from core.cli.opened import look, opened_floor
    from core.config import read_settings
    from core.store.sitesecrets import secret_names
    from core.users.roles import system_actor

    settings = read_settings(database_url=url)
    with opened_floor(settings) as floor:
        look(floor, floor.keys.look)
        found = floor.door.ask(secret_names, system_actor(_ACTOR, settings.name), {}).value
    if as_json:
        print(json.dumps([asdict(one) for one in found], default=str))
        return
    for one in found:
        print(f"{one.name:<40} {one.changed_at:%Y-%m-%d %H:%M} UTC  {'readable here' if one.readable else one.reason}")


@app.command("set")
def set_one(name: Name, local: Local = False, url: Url = None) -> None:
    """Keep the secret NAME.

    For the whole site, or with --local for this station.

    The secret is asked for, or read from standard input; it is never a word of the command line. The site's first secret makes the
    site's first key. A shared database needs --url with the log-in that upgrades it.
    """
    from core.cli.opened import look, opened_floor
    from core.config import read_settings
    from core.store.sitesecrets import rotate_site_key, set_secret
    from core.users.roles import system_actor

    settings = read_settings(database_url=url)
    if local:
        _keep_here(settings.home, name)
        return
    secret = _typed(name, twice=True)
    actor = system_actor(_ACTOR, settings.name)
    with opened_floor(settings, as_owner=True) as floor:
        look(floor, floor.keys.look)
        if not floor.keys.ring.current:
            floor.door.do(rotate_site_key, actor, {"key": floor.keys.make().id})
            look(floor, floor.keys.look)
        floor.door.do(set_secret, actor, {"name": name, "sealed": secret})
    print(f"{name}: set")


def _keep_here(home: Path, name: str) -> None:
    from core.errors import Invalid
    from core.store.keystore import LOCAL_NAMES, station_secrets
    from core.store.sitesecrets import SECRET_MAX

    if name not in LOCAL_NAMES:
        raise Invalid("store.local_name", name=name, known=", ".join(LOCAL_NAMES))
    text = _typed(name, twice=True).reveal()
    if not text or len(text) > SECRET_MAX:
        raise Invalid("store.secret_unusable", characters=SECRET_MAX)
    store = station_secrets(home)
    store.set(name, text)
    print(f"{name}: set in {store.place}")


@app.command()
def forget(name: Name, local: Local = False, url: Url = None) -> None:
    """Remove the secret NAME; what needs it is refused from then on."""
    from core.cli.opened import opened_floor
    from core.config import read_settings
    from core.errors import Invalid
    from core.store.keystore import station_secrets
    from core.store.sitesecrets import forget_secret
    from core.users.roles import system_actor

    settings = read_settings(database_url=url)
    if local:
        store = station_secrets(settings.home)
        if name not in store.names():
            raise Invalid("store.secret_unknown", name=name)
        store.delete(name)
    else:
        with opened_floor(settings, as_owner=True) as floor:
            floor.door.do(forget_secret, system_actor(_ACTOR, settings.name), {"name": name})
    print(f"{name}: forgotten")


@app.command()
def rotate(
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Somebody else may know the old key: let nobody take the new one over by it.")
    ] = False,
    url: Url = None,
) -> None:
    """Seal everything confidential with a new key.

    In one transaction, while all stations go on working. The others take the new key over by themselves within seconds, or when they
    are back; with --fresh they need it by export-key and import-key. Passwords that an intruder may have read are to be changed at the
    machines too. The key of this station's own secret store is changed as well. A shared database needs --url with the log-in that
    upgrades it.
    """
    from core.cli.opened import look, opened_floor
    from core.config import read_settings
    from core.store.sitesecrets import rotate_site_key
    from core.users.roles import system_actor

    settings = read_settings(database_url=url)
    with opened_floor(settings, as_owner=True) as floor:
        look(floor, floor.keys.look)
        new = floor.keys.make()
        done = floor.door.do(rotate_site_key, system_actor(_ACTOR, settings.name), {"key": new.id, "wrapped": not fresh}).view
        floor.secrets.rotate()
    print(f"key {done.key}: {done.fields} field{'s' if done.fields != 1 else ''} sealed anew")
    if not done.wrapped:
        print("other stations need it: genba secrets export-key FILE here, genba secrets import-key FILE there")


@app.command("export-key")
def export_key(file: Annotated[Path, typer.Argument(help="New file, for example on a USB stick.", show_default=False)]) -> None:
    """Write the site's key to FILE.

    Sealed with a passphrase of at least 12 characters that you tell the other side another way.
    """
    from core.cli.opened import look, opened_floor
    from core.config import read_settings
    from core.errors import Refused
    from core.store.keyfile import write_key

    with opened_floor(read_settings()) as floor:
        look(floor, floor.keys.look)
        ring = floor.keys.ring
    if not ring.has_current:
        raise Refused("store.site_key_missing", key=ring.current or "—")
    write_key(file, ring.keys[ring.current], _typed("passphrase", twice=True))
    print(f"written: {file}")


@app.command("import-key")
def import_key(file: Annotated[Path, typer.Argument(help="As export-key wrote it.", show_default=False)]) -> None:
    """Take the site's key from FILE.

    Into this station's secret store. Needs no database; a running station uses it within seconds.
    """
    from core.config import read_settings
    from core.store.keyfile import read_key
    from core.store.keystore import station_secrets
    from core.store.sealing import KeyRing
    from core.store.sitekeys import SiteKeys

    key = read_key(file, _typed("passphrase"))
    store = station_secrets(read_settings().home)
    SiteKeys(store, KeyRing()).keep(key)
    print(f"key {key.id}: kept in {store.place}")


@app.command()
def where(as_json: AsJson = False) -> None:
    """Say where this station keeps its secrets.

    And the names of what it keeps. Needs no database.
    """
    from core.config import read_settings
    from core.store.keystore import station_secrets

    store = station_secrets(read_settings().home)
    told = {"kind": "system" if store.in_system else "file", "place": store.place, "names": store.names()}
    if as_json:
        print(json.dumps(told))
        return
    print(f"{'key store of the operating system' if store.in_system else 'private file'}: {store.place}")
    for name in store.names():
        print(f"  {name}")
