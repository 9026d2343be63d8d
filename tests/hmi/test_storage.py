"""What the screen says of disks and copies: a band in words on every panel, three lines in the list of connections."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.errors import GenbaError, Unavailable
from tests.hmi.front import Front
from tests.hmi.screen import Loop, said
from tests.screens import lint

LOW = Unavailable("disk.low", path="/data", free=431, alarm=100)
FULL = Unavailable("disk.almost_full", path="/data", free=12)
COPY = Unavailable(
    "backup.overdue", problem={"ja": "失敗", "en": "It failed."}, do={"ja": "直す", "en": "Mend it."}, last="2026-11-24 02:30"
)


@pytest.fixture
def front(loop: Loop) -> Iterator[Front]:
    window = Front(loop)
    yield window
    window.close()


def tell(front: Front, *troubles: GenbaError) -> None:
    front.station.keeping.troubles = troubles
    for watcher in front.station.watchers:
        watcher("storage", troubles)
    front.turn()


def test_a_disk_that_fills_up_is_said_in_three_lines_on_every_panel(front: Front) -> None:
    alarm, warning = front.window.content.storage_bands
    assert not alarm.isVisible()
    assert not warning.isVisible()
    tell(front, LOW, COPY)
    assert warning.isVisible()
    assert not alarm.isVisible()
    for line in LOW.lines("en"):
        assert line in said(warning)
    front.speak("ja")
    for line in LOW.lines("ja"):
        assert line in said(warning)
    assert "saved now" not in said(warning), "and nothing of the other language"
    tell(front, FULL, LOW)
    assert alarm.isVisible()
    assert not warning.isVisible(), "the worst one; the others stand in the list of connections"
    assert "12 MB" in said(alarm)
    tell(front)
    assert not alarm.isVisible()
    assert not warning.isVisible()


@pytest.mark.parametrize("size", [(1024, 768), (1920, 1080)])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_all_three_lines_have_room(loop: Loop, size: tuple[int, int], language: str) -> None:
    window = Front(loop, size)
    try:
        window.speak(language)  # type: ignore[arg-type]
        tell(window, FULL)
        alarm = window.window.content.storage_bands[0]
        assert alarm.height() >= alarm.heightForWidth(alarm.width())
        assert lint.overflowing(window.window, names_may_be_cut=False) == []
    finally:
        window.close()
