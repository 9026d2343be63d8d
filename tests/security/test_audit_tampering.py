"""Ten ways to tamper with the audit trail, as the owner of the database, against the chains and what others noted of them.

Seven are seen by the chain itself; three by somebody who recomputes hashes, seen only by notes kept elsewhere. And nothing is
found where nothing was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from core.store import audit
from core.store.anchors import Anchor, AnchorFile, read_anchors
from core.store.audit import Verification
from core.store.base import Db
from tests.postgres import TestServer, plain

ROWS = 12
DIGEST = """
    sha256(a.previous_hash || genba_guard.frame(a.station, a.seq::text, (extract(epoch FROM a.at) * 1000000)::bigint::text,
        (extract(epoch FROM a.decided_at) * 1000000)::bigint::text, a.request_id::text, a.operation, a.outcome, a.user_code, a.user_name,
        a.session_id::text, a.changes::text, a.reason, a.detail::text, a.database_user))
"""


@dataclass
class Trail:
    """A database with two stations' chains, and somebody who may do everything to it."""

    url: str
    anchors: Path

    def sql(self, statement: str) -> list[Any]:
        with psycopg.connect(plain(self.url), autocommit=True) as owner:
            cursor = owner.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def tamper(self, *statements: str) -> None:
        """As the owner, with the trigger out of the way."""
        self.sql("ALTER TABLE genba.audit DISABLE TRIGGER USER")
        for statement in statements:
            self.sql(statement)
        self.sql("ALTER TABLE genba.audit ENABLE TRIGGER USER")

    def rehash(self, station: str, begin: int) -> None:
        """Make the chain whole again from ``begin`` on, head included."""
        last = self.sql(f"SELECT max(seq) FROM genba.audit WHERE station = '{station}'")[0][0]
        for seq in range(begin, last + 1):
            self.tamper(
                f"UPDATE genba.audit a SET previous_hash = coalesce((SELECT b.hash FROM genba.audit b WHERE b.station = a.station"
                f" AND b.seq = a.seq - 1), decode(repeat('00', 32), 'hex')) WHERE a.station = '{station}' AND a.seq = {seq}",
                f"UPDATE genba.audit a SET hash = {DIGEST} WHERE a.station = '{station}' AND a.seq = {seq}",
            )
        self.sql(
            "UPDATE genba.audit_head h SET seq = a.seq, hash = a.hash FROM genba.audit a"
            f" WHERE a.station = '{station}' AND h.station = '{station}' AND a.seq = {last}"
        )

    def verify(self, *, with_anchors: bool = True) -> Verification:
        engine = create_engine(self.url, poolclass=NullPool)
        with Db(engine) as db:
            return audit.verify(db, read_anchors(self.anchors) if with_anchors else ())


@pytest.fixture
def trail(postgres: TestServer, database: str, tmp_path: Path) -> Iterator[Trail]:
    made = Trail(postgres.admin_url(database), tmp_path / "audit-anchors.jsonl")
    for n in range(ROWS):
        for station in ("P1", "P2"):
            made.sql(
                f"SELECT genba_guard.audit_write('{station}', gen_random_uuid(), 'production:report:book', 'done', 'tanaka', '田中',"
                f' gen_random_uuid(), now(), \'[{{"table": "work_order", "values": {{"completed": [{n}, {n + 1}]}}}}]\','
                " E'back\\\\slash\\ttab\\nnewline', '{}')"
            )
    engine = create_engine(made.url, poolclass=NullPool)
    with Db(engine) as db:
        AnchorFile(made.anchors).add(list(audit.anchor(db, "P2")))
        db.commit()
    yield made
    assert made.sql("SELECT count(*) FROM genba.audit")[0][0] >= 0


def _shift(trail: Trail) -> None:
    """Insert a row: everything after it moves up by one."""
    trail.tamper(
        "UPDATE genba.audit SET seq = -seq - 1 WHERE station = 'P1' AND seq >= 5",
        "UPDATE genba.audit SET seq = -seq WHERE station = 'P1' AND seq < 0",
        "INSERT INTO genba.audit SELECT station, 5, at, decided_at, request_id, operation, outcome, 'ito', user_name, session_id, changes,"
        " reason, detail, database_user, previous_hash, hash FROM genba.audit WHERE station = 'P1' AND seq = 4",
        "UPDATE genba.audit_head SET seq = seq + 1 WHERE station = 'P1'",
    )


def _forged_append(trail: Trail) -> None:
    trail.tamper(
        f"INSERT INTO genba.audit SELECT station, {ROWS + 1}, at, decided_at, gen_random_uuid(), operation, outcome, 'ito', user_name,"
        f" session_id, changes, reason, detail, database_user, hash, sha256('forged') FROM genba.audit"
        f" WHERE station = 'P1' AND seq = {ROWS}"
    )


def _cut_with_head(trail: Trail) -> None:
    trail.tamper(f"DELETE FROM genba.audit WHERE station = 'P1' AND seq > {ROWS - 3}")
    trail.rehash("P1", ROWS - 3)


def _rewrite(trail: Trail) -> None:
    trail.tamper("UPDATE genba.audit SET user_code = 'ito' WHERE station = 'P1' AND seq = 7")
    trail.rehash("P1", 7)


def _drop_chain(trail: Trail) -> None:
    trail.tamper("DELETE FROM genba.audit WHERE station = 'P1'", "DELETE FROM genba.audit_head WHERE station = 'P1'")


def _simple(*statements: str) -> Callable[[Trail], None]:
    return lambda trail: trail.tamper(*statements)


TAMPERING: dict[str, tuple[Callable[[Trail], None], str, int, bool]] = {
    # name: (what is done, kind of the finding, row it names, seen without anchors)
    "a value is changed": (_simple("UPDATE genba.audit SET changes = '[]' WHERE station = 'P1' AND seq = 7"), "changed", 7, True),
    "another person did it": (_simple("UPDATE genba.audit SET user_code = 'ito' WHERE station = 'P1' AND seq = 7"), "changed", 7, True),
    "it was another time": (
        _simple("UPDATE genba.audit SET at = at - interval '1 hour' WHERE station = 'P1' AND seq = 7"),
        "changed",
        7,
        True,
    ),
    "a row in the middle is removed": (_simple("DELETE FROM genba.audit WHERE station = 'P1' AND seq = 7"), "missing", 8, True),
    "the tail is removed": (_simple(f"DELETE FROM genba.audit WHERE station = 'P1' AND seq > {ROWS - 2}"), "end", ROWS - 2, True),
    "two rows change places": (
        _simple(
            "UPDATE genba.audit SET seq = 1000 WHERE station = 'P1' AND seq = 7",
            "UPDATE genba.audit SET seq = 7 WHERE station = 'P1' AND seq = 8",
            "UPDATE genba.audit SET seq = 8 WHERE station = 'P1' AND seq = 1000",
        ),
        "unlinked",
        7,
        True,
    ),
    "a row is inserted": (_shift, "unlinked", 5, True),
    "a row is appended past the function": (_forged_append, "end", ROWS + 1, True),
    "the tail is removed and the head set back": (_cut_with_head, "anchor", ROWS, False),
    "a row is changed and all hashes after it": (_rewrite, "anchor", ROWS, False),
    "the whole chain is dropped": (_drop_chain, "anchor", ROWS, False),
}


def test_nothing_is_found_where_nothing_was_done(trail: Trail) -> None:
    found = trail.verify()
    assert found.findings == ()
    assert found.rows == 2 * ROWS + 1
    assert found.anchors == 2, "both ends; the file and the other chain agree on the first"


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_found_and_says_where(trail: Trail, name: str) -> None:
    tamper, kind, seq, seen_by_chain = TAMPERING[name]
    tamper(trail)
    found = trail.verify()
    assert (kind, seq) in {(one.kind, one.seq) for one in found.findings if one.station == "P1"}, found.findings
    assert not [one for one in found.findings if one.station == "P2"], "the other chain is as it was"
    if seen_by_chain:
        # Notes in other chains are notes as well; a chain alone shows it too.
        assert {one.kind for one in trail.verify(with_anchors=False).findings} - {"anchor"}


def test_a_whole_database_rewritten_is_seen_by_the_file_alone(trail: Trail) -> None:
    _rewrite(trail)
    trail.tamper("DELETE FROM genba.audit WHERE operation = 'store:audit:anchor'")
    trail.rehash("P2", ROWS)
    assert trail.verify(with_anchors=False).findings == ()
    assert {(one.station, one.kind) for one in trail.verify().findings} == {("P1", "anchor"), ("P2", "anchor")}


def test_anchors_do_not_go_on_for_ever(trail: Trail) -> None:
    """Two stations that note each other add a row when something else happened, and no other."""
    engine = create_engine(trail.url, poolclass=NullPool)
    for _ in range(5):
        for station in ("P1", "P2", "P3"):
            with Db(engine) as db:
                list(audit.anchor(db, station))
                db.commit()
    assert trail.sql("SELECT count(*) FROM genba.audit WHERE operation = 'store:audit:anchor'")[0][0] == 3


def test_a_broken_anchor_file_says_which_line(tmp_path: Path) -> None:
    from core.errors import Invalid

    path = tmp_path / "anchors.jsonl"
    path.write_text('{"at": "2026-11-25T00:00:00+00:00", "ends": {"P1": [3, "ab"]}}\n{"broken\n', encoding="utf-8")
    found = read_anchors(path)
    first = next(found)
    assert first == Anchor("P1", 3, "ab", first.noted_at, "anchors.jsonl:1")
    with pytest.raises(Invalid) as caught:
        list(found)
    assert caught.value.params["path"] == "anchors.jsonl:2"
