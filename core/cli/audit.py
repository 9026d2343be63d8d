"""``genba audit``: is the audit trail as it was written?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.database import AsJson, Url

if TYPE_CHECKING:
    from core.store.audit import Finding

app = typer.Typer(help="The audit trail: is it as it was written?")

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
