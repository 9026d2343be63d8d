"""``genba audit``: is the audit trail as it was written, and copies of it that outsiders can check."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.database import AsJson, Url

if TYPE_CHECKING:
    from core.store.audit import Finding

app = typer.Typer(help="The audit trail: is it as it was written; signed copies of it.")

_VERIFY_S = 3_600.0
_SHOWN = 100


@app.command()
def verify(
    anchors: Annotated[
        list[Path] | None,
        typer.Option(
            "--anchors",
            help="audit-anchors.jsonl of another station, copied here; may be given several times. This station's own is read anyway.",
            show_default=False,
        ),
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Recompute every chain of the audit trail.

    Finds a row that was changed, removed, inserted or moved, and says which. Somebody who owns the database can rewrite a whole chain:
    that shows in the notes that other stations keep. Exit code 1 when something is not as it was written.
    """
    from core.cli.opened import look, opened_floor
    from core.config import read_settings
    from core.store import audit
    from core.store.anchors import read_anchors

    settings = read_settings(database_url=url)
    own = settings.home / "audit-anchors.jsonl"
    files = [*([own] if own.exists() else []), *(anchors or [])]
    noted = [anchor for file in files for anchor in read_anchors(file)]
    with opened_floor(settings) as floor:
        found = floor.database.submit("queries", lambda db: audit.verify(db, noted), deadline_s=_VERIFY_S).result()
        told = look(floor, lambda db: [(one, audit.row_told(db, one)) for one in found.findings[:_SHOWN]])
    if as_json:
        shown = [asdict(one) | {"row": row} for one, row in told]
        total = {"rows": found.rows, "anchors": found.anchors, "heads": found.heads, "findings": shown, "found": len(found.findings)}
        print(json.dumps(total, ensure_ascii=False, default=str))
    else:
        for one, row in told:
            print(
                _sentence(one)
                + (f": now {row['at']:%Y-%m-%d %H:%M:%S} {row['user_code']} {row['operation']} {row['outcome']}" if row else "")
            )
        chains = f"{found.rows} rows in {len(found.heads)} chains, {found.anchors} notes compared"
        print(f"{chains}: " + (f"{len(found.findings)} findings" if found.findings else "as it was written"))
    if found.findings:
        raise typer.Exit(1)


def _sentence(finding: Finding) -> str:
    where = f"{finding.station} {finding.seq}"
    return {
        "changed": f"{where}: the row is not what was written",
        "missing": f"{where}: rows before it are missing",
        "unlinked": f"{where}: does not follow the row before it (inserted, moved or rewritten)",
        "end": f"{where}: the chain does not end where its head says",
        "anchor": f"{where}: not the row that {finding.noted_by} noted",
    }[finding.kind]


@app.command()
def anchor(url: Url = None) -> None:
    """Note now how far every chain has come.

    Stations do this by themselves every ten minutes; copies of their audit-anchors.jsonl belong where the database's administrator
    has no access.
    """
    from core.cli.opened import opened_floor
    from core.config import read_settings
    from core.store import audit
    from core.store.anchors import AnchorFile

    settings = read_settings(database_url=url)
    with opened_floor(settings) as floor:
        ends = floor.run(lambda db: list(audit.anchor(db, settings.name)))
    AnchorFile(settings.home / "audit-anchors.jsonl").add(ends)
    for end in ends:
        print(f"{end.station} {end.seq} {end.hash}")


From = Annotated[datetime | None, typer.Option("--from", help="First moment, UTC.", show_default=False)]
To = Annotated[
    datetime | None, typer.Option("--to", help="First moment that is not exported any more, UTC; now when left out.", show_default=False)
]


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="New CSV file.", show_default=False)],
    from_: From = None,
    to: To = None,
    user: Annotated[str, typer.Option("--user", help="Of one user only.")] = "",
    operation: Annotated[str, typer.Option("--operation", help="What begins so only, for example production:order.")] = "",
    url: Url = None,
) -> None:
    """Write a copy of the audit trail that outsiders can check.

    Beside FILE stand a manifest, a signature with this station's own key, and the public key. The trail itself tells that a copy was
    taken. A shared database needs --url with the log-in that upgrades it; people export on the screen under their own name.
    """
    from core.cli.opened import opened_floor
    from core.clock import SystemClock
    from core.config import read_settings
    from core.store.query import PAGE_MAX
    from core.users.export import TrailFile
    from core.users.roles import system_actor
    from core.users.trail import chain_heads, note_export, search_trail

    settings = read_settings(database_url=url)
    now = SystemClock().now()
    asked = {"from_at": _utc(from_), "to_at": min(_utc(to) or now, now), "user": user, "operation": operation}
    with opened_floor(settings, as_owner=True) as floor:
        actor = system_actor("genba audit export", settings.name)
        heads = floor.door.ask(chain_heads, actor, {}).value
        trail = TrailFile(file, floor.secrets)
        try:
            while True:
                found = floor.door.ask(search_trail, actor, asked | {"limit": PAGE_MAX, "offset": trail.rows}).value
                trail.add(found.items)
                if len(found.items) < PAGE_MAX:
                    break
            done = trail.finish(settings.name, now, {key: str(value) for key, value in asked.items() if value}, heads)
        finally:
            trail.abandon()
        floor.door.do(note_export, actor, {"file": file.name, "rows": done.rows, "sha256": done.sha256, "key": done.fingerprint})
    print(f"{done.rows} rows; key {done.fingerprint}")


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="CSV as audit export or the screen wrote it.", show_default=False)],
    key: Annotated[
        Path | None,
        typer.Option("--key", help="Public key received by another way; without it the key beside FILE is believed.", show_default=False),
    ] = None,
) -> None:
    """Say whether a copy of the audit trail is as it was written.

    Needs no database. Without --key compare the printed key with the one the station's people told you. Exit code 1 when something is
    not as it was written.
    """
    from core.users.export import check as examine

    found = examine(file, key)
    for problem in found.problems:
        print(
            {
                "content": "the rows are not what was signed",
                "rows": "rows are missing or were added",
                "signature": "the manifest is not what this key signed",
                "key": "signed with another key than the one given",
            }[problem]
        )
    if found.problems:
        raise typer.Exit(1)
    print(f"{found.rows} rows of {found.station}, {found.made_at}: as it was written; key {found.fingerprint}")
