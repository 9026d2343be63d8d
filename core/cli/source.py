"""``genba source``: how this station and its machines prove themselves to each other."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.cli.database import Url

app = typer.Typer(help="Certificates of this station and its machines.")

Code = Annotated[str, typer.Argument(help="Code of the source in the site file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_ACTOR = "genba source"


@app.command()
def endpoints(
    url: Annotated[str, typer.Argument(help="opc.tcp://HOST:PORT", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Ask an OPC UA server what it offers.

    The safest first: security and policy for the site file, logins, and the fingerprint of its certificate to compare with the one at
    the machine. Nothing is accepted by it.
    """
    import asyncio

    from core.drivers.opcua_discover import endpoints

    found = asyncio.run(endpoints(url))
    if as_json:
        print(json.dumps([asdict(one) for one in found], ensure_ascii=False))
        return
    for one in found:
        print(f"{one.security} {one.policy}".rstrip() + f"; {', '.join(one.logins) or '—'}")
        print(f"  {one.server}\n  certificate until {one.until or '—'}: {one.fingerprint or '—'}")


@app.command()
def certificate(
    file: Annotated[
        Path | None, typer.Option("--file", help="Write it there (DER), to be brought to a machine.", show_default=False)
    ] = None,
) -> None:
    """Show this station's own certificate.

    It is made when it is first needed, and here. Machines that check who calls must trust it.
    """
    from core.clock import SystemClock
    from core.config import read_settings
    from core.errors import Unavailable
    from core.store.certificates import Certificates, fingerprint

    for own in Certificates(read_settings().home).own(SystemClock().now()):
        print(f"{own.uri}\n  until {own.until:%Y-%m-%d}: {fingerprint(own.der)}")
        if file is not None:
            try:
                file.write_bytes(own.der)
            except OSError as error:
                raise Unavailable("cli.cannot_write", path=str(file), problem=error.strerror or str(error)) from None
            print(f"written: {file}")
            return


@app.command()
def trust(
    code: Code,
    fingerprint: Annotated[
        str | None, typer.Option("--fingerprint", help="As the machine itself shows it; asked for when left out.", show_default=False)
    ] = None,
    url: Url = None,
) -> None:
    """Accept the certificate that the machine behind CODE shows.

    The station must have tried to connect. It is accepted when the fingerprint is the one given; that goes into the audit first. A
    shared database needs --url with the log-in that upgrades it.
    """
    from core.cli.opened import opened_floor
    from core.config import read_settings
    from core.equipment.trust import trust_certificate
    from core.errors import Conflict, Invalid
    from core.store.certificates import Certificates
    from core.store.certificates import fingerprint as fingerprint_of
    from core.users.roles import system_actor

    settings = read_settings(database_url=url)
    certificates = Certificates(settings.home)
    seen = certificates.seen(code)
    if seen is None:
        raise Invalid("store.certificate_unseen", source=code)
    shown = fingerprint_of(seen)
    if fingerprint is None:
        print(f"{code} shows: {shown}")
        fingerprint = typer.prompt("fingerprint at the machine")
    if not certificates.is_same(seen, fingerprint):
        raise Conflict("store.certificate_other", source=code, fingerprint=shown)
    with opened_floor(settings, as_owner=True) as floor:
        floor.door.do(trust_certificate, system_actor(_ACTOR, settings.name), {"source": code, "fingerprint": shown})
    certificates.trust(code, shown)
    print(f"{code}: accepted {shown}")


@app.command()
def distrust(code: Code) -> None:
    """Forget what was accepted for CODE.

    The machine is refused from its next connection on, until somebody accepts a certificate again.
    """
    from core.config import read_settings
    from core.store.certificates import Certificates

    Certificates(read_settings().home).forget(code)
    print(f"{code}: nothing is accepted")
