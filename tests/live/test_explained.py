"""Why a value is as it is: each quality has a cause of its own, with all three lines, and the right others beside it."""

from __future__ import annotations

import pytest

from core.live.explained import READ_ELSEWHERE, explain
from core.live.link import LinkState, LinkStatus
from core.live.sample import ENTERED, RELAYED, Quality, Sample
from core.live.tags import MANUAL, SourceSpec, TagSpec, TagType

SOURCE = SourceSpec("plc", "opcua", "opc.tcp://h:1", {"ja": "制御盤", "en": "Controller"})
TAGS = [TagSpec(name, "plc", f"s={name}", TagType.FLOAT64) for name in "ABC"] + [TagSpec("X", "other", "s=X", TagType.FLOAT64)]
ONLINE = LinkStatus("plc", LinkState.ONLINE, 1.0)
DOWN = LinkStatus("plc", LinkState.OFFLINE, 1.0, "driver.no_answer", "no answer")
ELSEWHERE = LinkStatus("plc", LinkState.STOPPED, 1.0, READ_ELSEWHERE, "PANEL-2")


@pytest.mark.parametrize(
    ("quality", "status", "link", "code"),
    [
        (Quality.GOOD, "", ONLINE, "value.good"),
        (Quality.UNCERTAIN, "SensorDrift", ONLINE, "value.uncertain"),
        (Quality.UNCERTAIN, RELAYED, ELSEWHERE, "value.relayed"),
        (Quality.UNCERTAIN, ENTERED, ONLINE, "value.entered"),
        (Quality.STALE, "", ONLINE, "value.stale"),
        (Quality.BAD, "BadSensorFailure", ONLINE, "value.bad"),
        (Quality.CONFIG, "BadNodeIdUnknown", ONLINE, "value.config"),
        (Quality.NEVER, "", None, "value.never"),
        (Quality.NEVER, "", ONLINE, "value.never"),
        (Quality.NEVER, "", DOWN, "driver.no_answer"),
        (Quality.OFFLINE, "driver.no_answer", DOWN, "driver.no_answer"),
        (Quality.OFFLINE, "driver.link_broken", LinkStatus("plc", LinkState.CONNECTING, 1.0), "driver.link_broken"),
        (Quality.OFFLINE, "reader_silent", ELSEWHERE, "value.reader_silent"),
        (Quality.OFFLINE, "reader_garbled", None, "value.reader_silent"),
        (Quality.OFFLINE, "", None, "value.no_link"),
    ],
)
def test_every_quality_has_its_cause(quality: Quality, status: str, link: LinkStatus | None, code: str) -> None:
    told = explain(TAGS[0], SOURCE, TAGS, lambda tag: Sample(tag, 1.0, quality, status, received_at=5.0), link)
    assert told.cause.code == code
    for language in ("ja", "en"):
        assert all(told.cause.lines(language))  # type: ignore[arg-type]
        assert code not in told.cause.lines(language).what  # type: ignore[arg-type]
    calm = quality is Quality.GOOD or status in (RELAYED, ENTERED)
    assert told.affected == (() if calm else ("B", "C"))
    assert told.of == 3
    assert told.reader == ("PANEL-2" if link is ELSEWHERE else "")


def test_only_those_in_the_same_trouble_are_affected() -> None:
    table = {"A": Sample("A", 1.0, Quality.STALE, received_at=5.0), "B": Sample("B", 1.0, Quality.GOOD, received_at=9.0)}
    table |= {"C": Sample("C", 1.0, Quality.STALE), "X": Sample("X", 1.0, Quality.STALE)}
    told = explain(TAGS[0], SOURCE, TAGS, table.__getitem__, ONLINE, "every 1 s")
    assert (told.affected, told.last_good_at, told.group) == (("C",), 5.0, "every 1 s")


def test_a_machine_without_a_controller_is_waited_for_by_nobody() -> None:
    by_hand = SourceSpec("plc", MANUAL, "", {"ja": "洗浄機", "en": "Washer"})
    told = explain(TAGS[0], by_hand, TAGS, lambda tag: Sample(tag, None, Quality.NEVER), ONLINE)
    assert told.cause.code == "value.not_entered"
    assert "Enter values" in told.cause.lines("en").do


def test_the_last_good_value_is_what_the_table_remembers() -> None:
    bad = Sample("A", None, Quality.BAD, "BadSensorFailure", received_at=9.0)
    assert explain(TAGS[0], SOURCE, TAGS, lambda _: bad, ONLINE, "", 4.0).last_good_at == 4.0


@pytest.mark.parametrize("quality", [Quality.BAD, Quality.CONFIG, Quality.NEVER])
def test_the_time_of_a_refusal_is_not_the_time_of_a_good_value(quality: Quality) -> None:
    assert explain(TAGS[0], None, TAGS, lambda tag: Sample(tag, None, quality, received_at=5.0), ONLINE).last_good_at == 0.0
