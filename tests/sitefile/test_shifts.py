"""Calendars, crews, settings of lines and rules of machines in a site file: read, refused with the place, written back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest

from core.equipment.shifts import shifts_of
from core.equipment.states import MachineState
from core.sitefile.export import text_of
from core.sitefile.read import read
from tests.sitefile.plants import GOOD, TAGS
from tests.sitefile.test_read import mistakes, written

__all__ = ["written"]

CALENDAR = """\
crews:
  - {code: B, name: B班}
  - {code: A, name: A班}
call_rules:
  - {kind: material, respond_min: [5, 15]}
  - {line: L1, kind: material, respond_min: [3]}
sites:
  - code: DEMO
    name: デモ
    time_zone: Asia/Tokyo
    calendars:
      - code: TWO
        name: {ja: 2交替, en: Two shifts}
        rotation: {first: 2026-07-13, days: 7, turns: {1: [A, B], 2: [B, A]}}
        shifts:
          - code: 1
            name: 1直
            starts: 06:30
            ends: 15:00
            weekdays: [fri, mon, tue, wed, thu]
            breaks:
              - {starts: 12:00, ends: 12:45}
              - {starts: 10:00, ends: 10:10, reason: D25}
          - {code: 2, name: 2直, starts: 15:00, ends: 24:00, crew: A}
"""
LINE = """\
            constraint: L1-M1
            calendar: TWO
            state_rule: all_running
            minor_stop_s: 120
            worked_breaks: false
            report_mode: automatic
            difference_limit: 0.05
            oee_target: 80
            work_units:
              - {code: L1-M1, name: Press}
              - code: L1-M2
                name: Oven
                state_rules:
                  - {state: DOWN, tag: L1.Pressure, op: "<", value: 80}
                  - {state: SETUP, tag: L1.Recipe, op: "==", value: clean}
                  - {state: RUNNING, tag: L1.Ready, op: is_true}
                  - {state: IDLE}
"""
_SITE = "sites:\n  - code: DEMO\n    name: デモ\n    time_zone: Asia/Tokyo\n"
_UNITS = """\
            constraint: L1-M1
            work_units:
              - {code: L1-M1, name: Press}
              - {code: L1-M2, name: Oven}
"""
PLANT = GOOD.replace(_SITE, CALENDAR).replace(_UNITS, LINE)


def line_of(plant: str, text: str) -> int:
    return next(n for n, line in enumerate(plant.splitlines(), 1) if text in line)


def test_calendars_crews_and_settings_say_what_they_say(written: Callable[..., Path]) -> None:
    site = read(written(PLANT))
    assert [crew.code for crew in site.crews] == ["A", "B"]
    (calendar,) = site.calendars()
    first, second = calendar.shifts
    assert first.weekdays == ("mon", "tue", "wed", "thu", "fri")
    assert [(one.starts, one.reason) for one in first.breaks] == [(time(10), "D25"), (time(12), "D24")]
    assert (second.ends, second.weekdays, second.crew) == (time(0), ("mon", "tue", "wed", "thu", "fri"), "A")
    worked = shifts_of(calendar.spec("Asia/Tokyo"), "L1", date(2026, 7, 20))
    assert [(one.shift_code, one.crew) for one in worked] == [("1", "B"), ("2", "A")]
    line, other = site.lines()[:2]
    assert (line.calendar, line.state_rule, line.minor_stop_s, line.worked_breaks) == ("TWO", "all_running", 120, False)
    assert (line.report_mode, line.difference_limit, line.oee_target) == ("automatic", Decimal("0.05"), 80)
    assert (other.calendar, other.state_rule, other.minor_stop_s, other.gap_rule) == (None, "constraint", 300, "leader")
    rules = [one.rule() for one in line.work_units[1].state_rules]
    assert [rule.state for rule in rules] == [MachineState.DOWN, MachineState.SETUP, MachineState.RUNNING, MachineState.IDLE]
    assert [rule.value for rule in rules] == [80.0, "clean", 0.0, 0.0]
    assert [(rule.line, rule.respond_min) for rule in site.call_rules] == [(None, (5, 15)), ("L1", (3,))]


def test_what_was_read_is_written_and_read_again(written: Callable[..., Path], tmp_path: Path) -> None:
    site = read(written(PLANT))
    exported = text_of(site)
    assert "minor_stop_s: 120" in exported.site_yaml
    assert "gap_rule" not in exported.site_yaml  # it is what every line has
    again = tmp_path / "again" / "site.yaml"
    again.parent.mkdir()
    exported.write(again)
    assert read(again) == site


BROKEN = [
    ("starts: 06:30", "starts: 6h30", "bad_wall_clock"),
    ("starts: 06:30", "starts: 24:30", "bad_wall_clock"),
    ("starts: 06:30", "starts: 07:60", "bad_wall_clock"),
    ("weekdays: [fri,", "weekdays: [freitag,", "not_one_of"),
    ("weekdays: [fri, mon, tue, wed, thu]", "weekdays: []", "empty"),
    ("starts: 10:00, ends: 10:10", "starts: 05:00, ends: 05:10", "break_outside"),
    ("starts: 10:00, ends: 10:10", "starts: 14:50, ends: 15:10", "break_outside"),
    ("starts: 10:00, ends: 10:10", "starts: 12:00, ends: 12:10", "twice"),
    ("turns: {1: [A, B], 2:", "turns: {1: [A, B], 3:", "rotation_shift"),
    ("turns: {1: [A, B]", "turns: {1: [A, C]", "nothing_there"),
    ("ends: 24:00, crew: A", "ends: 24:00, crew: Z", "nothing_there"),
    ("calendar: TWO", "calendar: THREE", "nothing_there"),
    ("{line: L1, kind: material, respond_min: [3]}", "{line: L9, kind: material, respond_min: [3]}", "nothing_there"),
    ("{line: L1, kind: material, respond_min: [3]}", "{line: L1, kind: cake, respond_min: [3]}", "not_one_of"),
    ("{line: L1, kind: material, respond_min: [3]}", "{kind: material, respond_min: [3]}", "twice"),
    ("respond_min: [5, 15]", "respond_min: [15, 5]", "respond_not_rising"),
    ("respond_min: [5, 15]", "respond_min: []", "empty"),
    ("minor_stop_s: 120", "minor_stop_s: 0", "below"),
    ("state_rule: all_running", "state_rule: some_running", "not_one_of"),
    ("difference_limit: 0.05", "difference_limit: 5", "above"),
    ('op: "<", value: 80', 'op: "~", value: 80', "not_one_of"),
    ('op: "<", value: 80', 'op: "<", value: low', "bad_state_rule"),
    ('op: "<", value: 80', "op: bit, value: 64", "bad_state_rule"),
    ("tag: L1.Ready, op: is_true", "tag: L1.Ready", "bad_state_rule"),
    ("tag: L1.Ready, op: is_true", "tag: L1.Unready, op: is_true", "nothing_there"),
    ("tag: L1.Ready, op: is_true", "tag: L1.State, op: is_true", "rules_of_two_sources"),
    ("{state: SETUP, tag: L1.Recipe, op:", "{state: SETUP} # {op:", "rule_after_otherwise"),
]


@pytest.mark.parametrize(("good", "bad", "code"), BROKEN)
def test_what_is_wrong_is_told_with_its_line(written: Callable[..., Path], good: str, bad: str, code: str) -> None:
    assert good in PLANT
    broken = PLANT.replace(good, bad)
    found = mistakes(written(broken))
    assert code in [one for _, one in found], found
    expected = line_of(broken, bad.splitlines()[0])
    assert any(one == code and abs(int(where.rpartition(":")[2]) - expected) <= 2 for where, one in found), (found, expected)


def test_shifts_that_overlap_are_named_with_their_day(written: Callable[..., Path]) -> None:
    broken = PLANT.replace("starts: 15:00, ends: 24:00", "starts: 14:59, ends: 24:00")
    path = written(broken)
    assert mistakes(path) == [(f"site.yaml:{line_of(broken, '14:59')}", "shift_overlap")]
    with pytest.raises(Exception, match=r"shifts 1 and 2 overlap on Monday") as refused:
        read(path)
    (problem,) = refused.value.problems  # type: ignore[attr-defined]
    assert "勤務帯 1 と 2 が月曜日に重なっています" in problem.lines("ja").what
    assert "overlap on Monday" in problem.lines("en").what


def test_a_machine_has_a_state_tag_or_rules(written: Callable[..., Path]) -> None:
    both = TAGS.replace("状態,L1-M1,state", "状態,L1-M2,state")
    assert [code for _, code in mistakes(written(PLANT, both))] == ["state_twice"]


def test_a_mapping_of_bits_names_bits(written: Callable[..., Path]) -> None:
    bits = TAGS.replace("0=IDLE;1=RUNNING", "bit3=RUNNING;else=IDLE")
    assert read(written(tags=bits)).tags[0].states == {"bit3": "RUNNING", "else": "IDLE"}
    assert [code for _, code in mistakes(written(tags=bits.replace("else", "rest")))] == ["unknown_bit"]


def test_a_calendar_belongs_to_the_site_of_its_lines(written: Callable[..., Path]) -> None:
    other = "  - {code: OTHER, name: Other, time_zone: UTC, calendars: [{code: FAR, name: Far}]}\nsources:\n"
    broken = PLANT.replace("sources:\n", other).replace("calendar: TWO", "calendar: FAR")
    assert [code for _, code in mistakes(written(broken))] == ["calendar_elsewhere"]
