"""Notifications are heard by every station, and a lost connection is told as a gap."""

from __future__ import annotations

import queue
from collections.abc import Callable
from uuid import uuid4

import psycopg
from sqlalchemy import text

from core.store import notices
from core.store.base import Db
from core.store.changes import Changes, keys_of
from core.store.engine import Database
from tests.postgres import plain
from tests.store.test_engine import until


def notify(keys: list[str]) -> Callable[[Db], None]:
    def work(db: Db) -> None:
        notices.send(db, keys)
        db.commit()

    return work


def test_what_others_shout_on_the_channel_is_left_out() -> None:
    assert keys_of("order:1,,nonsense,:,a:,:b,lot:2,count_event:*") == {"order:1", "lot:2", "count_event:*"}


def test_many_ids_of_one_transaction_arrive_and_a_rolled_back_one_does_not(database_url: str) -> None:
    heard: queue.Queue[frozenset[str]] = queue.Queue()
    one, other = Database(database_url, "ONE"), Database(database_url, "OTHER")
    Changes(other, heard.put, lambda: None)
    one.start()
    other.start()
    until(lambda: one.up and other.up)
    sent = {f"order:{uuid4()}" for _ in range(450)}
    one.submit("operations", lambda db: notices.send(db, ["order:never"]), deadline_s=5).result()
    one.submit("operations", notify(sorted(sent)), deadline_s=5).result()
    got: set[str] = set()
    while len(got) < len(sent):
        got |= heard.get(timeout=60)
    assert got == sent
    one.close()
    other.close()


def test_lost_connection_is_a_gap_and_listening_goes_on(database_url: str, admin_url: str) -> None:
    heard: queue.Queue[frozenset[str]] = queue.Queue()
    gaps: list[bool] = []
    database = Database(database_url, "GAP")
    Changes(database, heard.put, lambda: gaps.append(True))
    database.start()
    until(lambda: database.up)
    database.submit("operations", notify(["order:before"]), deadline_s=5).result()
    assert heard.get(timeout=60) == {"order:before"}
    assert gaps == []
    with psycopg.connect(plain(admin_url), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'genba/GAP/listen'")
    until(lambda: gaps)
    assert database.up, "one lost connection is not a lost database"
    database.submit("operations", notify(["order:after"]), deadline_s=5).result()
    assert heard.get(timeout=60) == {"order:after"}
    assert gaps == [True]
    database.close()


def test_listening_may_begin_later(database_url: str) -> None:
    heard: queue.Queue[frozenset[str]] = queue.Queue()
    database = Database(database_url, "LATER")
    database.start()
    until(lambda: database.up)
    Changes(database, heard.put, lambda: None)

    def listening(db: Db) -> bool:
        return notices.CHANNEL in db.execute(text("SELECT pg_listening_channels()")).scalars().all()

    until(lambda: database.submit("listen", listening, deadline_s=5).result())
    database.submit("operations", notify(["line:1"]), deadline_s=5).result()
    assert heard.get(timeout=60) == {"line:1"}
    database.close()


def test_a_thousand_changes_of_one_kind_are_told_as_all(database_url: str) -> None:
    heard: queue.Queue[frozenset[str]] = queue.Queue()
    database = Database(database_url, "ALL")
    Changes(database, heard.put, lambda: None)
    database.start()
    until(lambda: database.up)
    database.submit("operations", notify([f"order:{uuid4()}" for _ in range(1000)]), deadline_s=5).result()
    assert heard.get(timeout=60) == {"order:*"}
    database.close()
