"""Lines that report by themselves: what their machine counted is booked once, whoever asks, and how much says the database alone."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from core.production import automatic
from tests.equipment.test_recorder import Rig, flush, go, rig
from tests.postgres import plain
from tests.store.rig import ask

__all__ = ["rig"]

ORDER = uuid4()


def prepare(rig: Rig, mode: str = "automatic", roles: tuple[str, ...] = ("good", "reject")) -> None:
    rig.sql("UPDATE genba.line SET report_mode = %s WHERE code = 'L1'", mode)
    for role in roles:
        rig.sql(
            "INSERT INTO genba.tag (name, source_id, address, type, label, work_unit_id, role)"
            " SELECT %s, s.id, 'x', 'uint32', '{\"ja\": \"x\", \"en\": \"x\"}', w.id, %s FROM genba.source s, genba.work_unit w"
            " WHERE s.code = 'PLC' AND w.code = 'L1-M2'",
            f"L1.M2.{role}", role,
        )  # fmt: skip
    rig.sql(
        "INSERT INTO genba.work_order (id, number, product_id, line_id, planned, unit, scheduled_start_at, scheduled_end_at, status,"
        " actual_start_at, run_since_at) SELECT %s, 'WO-1', p.id, l.id, 100, 'pcs', now(), now() + interval '1 h', 'IN_PROGRESS',"
        " now() - interval '1 h', now() - interval '1 h' FROM genba.product p, genba.line l WHERE p.code = 'A-1010' AND l.code = 'L1'",
        ORDER,
    )


def counted(rig: Rig, epoch: int, quantity: int, kind: str = "good", *, gap: bool = False) -> None:
    rig.sql(
        "INSERT INTO genba.count_event (id, line_id, work_unit_id, order_id, kind, quantity, gap, occurred_at, source, epoch, seq)"
        " SELECT gen_random_uuid(), w.line_id, w.id, %s, %s, %s, %s, now(), 'PLC', %s,"
        " (SELECT count(*) FROM genba.count_event) + 1000 FROM genba.work_unit w WHERE w.code = 'L1-M2'",
        ORDER, kind, quantity, gap, epoch,
    )  # fmt: skip


def report(rig: Rig, epoch: int) -> int:
    def job(db: Any) -> int:
        return automatic.report(db, "ST1", "PLC", epoch)

    done: int = rig.station.database.submit("operations", job, deadline_s=30).result()
    return done


def booked(rig: Rig) -> list[tuple[Any, ...]]:
    return rig.sql("SELECT good::int, scrap::int, origin, user_code, station FROM genba.production_report ORDER BY reported_at")


def sums(rig: Rig) -> tuple[int, int, int]:
    ((completed, scrap, version),) = rig.sql("SELECT completed::int, scrap::int, version FROM genba.work_order")
    return completed, scrap, version


def test_what_was_counted_is_booked_once(rig: Rig) -> None:
    prepare(rig)
    epoch = rig.lead().epoch
    counted(rig, epoch, 12)
    counted(rig, epoch, 2, "reject")
    assert report(rig, epoch) == 1
    assert report(rig, epoch) == 0
    assert booked(rig) == [(12, 2, "automatic", "PLC", "ST1")]
    assert sums(rig) == (12, 2, 1), "nobody edited the order: whoever looks at it may go on"
    counted(rig, epoch, 5)
    report(rig, epoch)
    assert sums(rig)[:2] == (17, 2)


def test_what_a_person_reported_before_is_not_booked_again(rig: Rig) -> None:
    prepare(rig)
    epoch = rig.lead().epoch
    counted(rig, epoch, 12)
    rig.sql("UPDATE genba.work_order SET completed = 10, rework = 1")
    counted(rig, epoch, 1, "reject")
    report(rig, epoch)
    assert booked(rig) == [(2, 0, "automatic", "PLC", "ST1")]


def test_what_a_person_sorted_otherwise_is_not_booked_again(rig: Rig) -> None:
    prepare(rig)
    epoch = rig.lead().epoch
    counted(rig, epoch, 12)
    rig.sql(
        "WITH one AS (UPDATE genba.work_order SET completed = 9, scrap = 3 RETURNING id, line_id) INSERT INTO genba.production_report"
        " (id, order_id, line_id, good, scrap, unit, settled_good, settled_reject, user_code, station, reported_at, request_id)"
        " SELECT gen_random_uuid(), id, line_id, 9, 3, 'pcs', 3, -3, 'ito', 'ST1', now(), gen_random_uuid() FROM one"
    )
    assert report(rig, epoch) == 0
    counted(rig, epoch, 4)
    counted(rig, epoch, 1, "reject")
    report(rig, epoch)
    assert sums(rig)[:2] == (13, 4)


def test_parts_counted_over_a_gap_wait_for_a_person(rig: Rig) -> None:
    prepare(rig)
    epoch = rig.lead().epoch
    counted(rig, epoch, 60, gap=True)
    assert report(rig, epoch) == 0
    counted(rig, epoch, 3)
    report(rig, epoch)
    assert sums(rig)[:2] == (3, 0)


def test_good_is_what_of_the_total_was_not_rejected(rig: Rig) -> None:
    prepare(rig, roles=("total", "reject"))
    epoch = rig.lead().epoch
    counted(rig, epoch, 20, "total")
    counted(rig, epoch, 3, "reject")
    report(rig, epoch)
    assert sums(rig)[:2] == (17, 3)


def test_many_who_ask_at_once_book_once(rig: Rig, database_url: str) -> None:
    prepare(rig)
    epoch = rig.lead().epoch
    counted(rig, epoch, 12)
    line = rig.sql("SELECT id FROM genba.line WHERE code = 'L1'")[0][0]
    answers: list[Any] = []

    def one() -> None:
        with psycopg.connect(plain(database_url)) as connection:
            answers.append(connection.execute("SELECT genba.report_counted('ST1', 'PLC', %s, %s)", (epoch, line)).fetchone())

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 3
    assert sum(answer != (None,) for answer in answers) == 1
    assert sums(rig)[:2] == (12, 0)


@pytest.mark.parametrize("why", ["confirms", "no lease", "no counter", "held", "by hand"])
def test_nothing_is_booked_where_nothing_may_be(rig: Rig, why: str) -> None:
    prepare(rig, mode="confirm" if why == "confirms" else "automatic", roles=() if why == "no counter" else ("good",))
    epoch = rig.lead().epoch
    counted(rig, epoch, 12)
    if why == "held":
        rig.sql("UPDATE genba.work_order SET status = 'HELD', run_since_at = NULL")
    if why == "by hand":
        rig.sql("UPDATE genba.work_order SET count_mode = 'hand'")
    assert report(rig, epoch + 1 if why == "no lease" else epoch) == 0
    assert booked(rig) == []


def test_other_systems_are_told_as_of_any_report(rig: Rig) -> None:
    prepare(rig)
    epoch = rig.lead().epoch
    for code, topics in (("MES", '["order.*"]'), ("ERP", '["order.completed"]'), ("ODD", '["order_reported"]')):
        rig.sql(
            "INSERT INTO genba.external_system (code, name, kind, topics) VALUES (%s, '{\"ja\": \"x\", \"en\": \"x\"}', 'http', %s)",
            code, topics,
        )  # fmt: skip
    counted(rig, epoch, 12)
    report(rig, epoch)
    told = rig.sql("SELECT x.code, o.topic, o.key, o.payload FROM genba.outbox o JOIN genba.external_system x ON x.id = o.system_id")
    assert [(system, topic, key) for system, topic, key, _ in told] == [("MES", "order.reported", str(ORDER))]
    assert (told[0][3]["good"], told[0][3]["completed"], told[0][3]["number"]) == ("12.000000", "12.000000", "WO-1")


def test_a_line_reports_by_itself_while_it_is_recorded(rig: Rig) -> None:
    prepare(rig)

    async def scene() -> None:
        rig.see("L1.M2.Good", 100)
        rig.lead()
        await flush(rig)
        for value in (100, 104):
            rig.see("L1.M2.Good", value)
            await flush(rig)
        rig.counts._next_report_at = 0.0
        await flush(rig)

    go(scene())
    assert sums(rig)[0] == 4


def test_a_station_says_of_no_report_that_it_was_automatic(rig: Rig, database_url: str) -> None:
    statement = (
        "INSERT INTO genba.production_report (id, line_id, good, scrap, unit, origin, user_code, station, reported_at, request_id)"
        " VALUES (gen_random_uuid(), 1, 5, 0, 'pcs', 'automatic', 'PLC', 'ST1', now(), gen_random_uuid())"
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(database_url, statement)
