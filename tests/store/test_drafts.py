"""The file of half-typed forms: one draft per person and form, an end to what is kept, and damage that costs nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from core.clock import SystemClock
from core.store.drafts import DRAFTS_MAX, KEEP, TEXT_MAX, Drafts
from tests.conftest import ExpectedLog


def test_confirmed_and_then_killed_is_said(tmp_path: Path) -> None:
    clock = SystemClock()
    drafts = Drafts(tmp_path / "drafts.sqlite", clock)
    drafts.keep("ito", "production:report:book", "1", {"good": "4"}, sent=True)
    drafts.close()
    again = Drafts(tmp_path / "drafts.sqlite", clock)
    found = again.find("ito", "production:report:book", "1")
    assert found is not None
    assert (found.sent, dict(found.fields)) == (True, {"good": "4"})
    assert again.find("ito", "production:report:book", "2") is None
    assert again.find("sato", "production:report:book", "1") is None
    again.drop("ito", "production:report:book", "1")
    again.close()
    last = Drafts(tmp_path / "drafts.sqlite", clock)
    assert last.of("ito") == ()
    last.close()


def test_there_is_an_end_to_what_is_kept(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path / "drafts.sqlite", SystemClock())
    for number in range(DRAFTS_MAX + 20):
        drafts.keep("ito", "form", str(number), {"a": "b"})
    drafts.keep("ito", "form", "long", {"a": "b" * TEXT_MAX})
    assert len(drafts.of("ito")) == DRAFTS_MAX
    assert drafts.find("ito", "form", "0") is None
    assert drafts.find("ito", "form", "long") is None
    drafts.close()
    again = Drafts(tmp_path / "drafts.sqlite", SystemClock())
    assert {draft.about for draft in again.of("ito")} == {str(number) for number in range(20, DRAFTS_MAX + 20)}
    again.close()


class LaterClock(SystemClock):
    """Shows a time some days ahead."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


def test_what_nobody_came_back_to_is_forgotten_after_a_week(tmp_path: Path) -> None:
    def found(ahead: timedelta) -> int:
        clock = LaterClock()
        clock.ahead = ahead
        drafts = Drafts(tmp_path / "drafts.sqlite", clock)
        drafts.close()
        return len(drafts.of("ito"))

    drafts = Drafts(tmp_path / "drafts.sqlite", SystemClock())
    drafts.keep("ito", "form", "", {"a": "b"})
    drafts.close()
    assert [found(ahead) for ahead in (KEEP - timedelta(hours=1), KEEP + timedelta(hours=1), timedelta())] == [1, 0, 0]


def test_a_power_cut_costs_nothing_that_is_on_its_way_to_the_disk_no_longer(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path / "drafts.sqlite", SystemClock())
    assert drafts._file is not None
    assert drafts._file.call(lambda file: file.execute("PRAGMA synchronous").fetchone()) == (2,), "FULL, as the journal"
    drafts.close()


def test_a_damaged_file_costs_the_drafts_and_nothing_else(tmp_path: Path, expect_log: ExpectedLog) -> None:
    expect_log(r"damaged|moved aside|drafts")
    path = tmp_path / "drafts.sqlite"
    path.write_bytes(b"this is no database" * 500)
    drafts = Drafts(path, SystemClock())
    drafts.keep("ito", "form", "", {"a": "b"})
    drafts.close()
    again = Drafts(path, SystemClock())
    assert len(again.of("ito")) == 1
    again.close()
    assert len(list(tmp_path.glob("drafts*"))) > 1, "the damaged one is kept aside"
