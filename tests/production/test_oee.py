"""OEE by the worked cases, its invariant, and what must not be averaged, clipped or made up."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.production.losses import waterfall
from core.production.oee import Cycle, Cycles, from_times, judged, parts, times, total
from core.production.time_views import Element, Figures, Ratio
from core.words import has_word
from tests.production.strategies import figures

E = Element
CASES: dict[str, Any] = {
    case["id"]: case for case in json.loads((Path(__file__).parents[1] / "data" / "oee_cases.json").read_text(encoding="utf-8"))["cases"]
}


def near(ratio: Ratio, expected: float) -> bool:
    return ratio.value == pytest.approx(expected, rel=1e-7)


def test_the_textbook_case() -> None:
    given, expected = CASES["nakajima"]["input"], CASES["nakajima"]["expected"]
    bad = round(given["count"] * given["defect_rate"])
    f = from_times(
        run_s=(given["loading_min"] - given["downtime_min"]) * 60,
        delay_s=given["downtime_min"] * 60,
        cycle_s=given["ideal_ct_min"] * 60,
        good=given["count"] - bad,
        scrap=bad,
    )
    assert f.pbt_s == given["loading_min"] * 60
    assert near(f.availability, expected["availability"])
    assert near(f.performance, expected["performance"])
    assert near(f.quality, expected["quality"])
    assert near(f.oee, expected["oee"])
    speed_rate = given["ideal_ct_min"] / given["actual_ct_min"]
    net_operating_rate = float(f.produced) * given["actual_ct_min"] * 60 / f.apt_s
    assert (speed_rate, net_operating_rate) == pytest.approx((expected["speed_rate"], expected["net_operating_rate"]))
    assert near(f.performance, speed_rate * net_operating_rate)


def test_a_shift_after_iso_22400() -> None:
    given, expected = CASES["iso22400_shift"]["input"], CASES["iso22400_shift"]["expected"]
    f = from_times(
        pot_s=given["POT_min"] * 60,
        planned_s=given["planned_down_min"] * 60,
        run_s=given["APT_min"] * 60,
        setup_s=given["AUST_min"] * 60,
        delay_s=given["ADET_min"] * 60,
        no_order_s=given["ADOT_min"] * 60,
        calendar_s=86_400,
        cycle_s=given["PRI_min"] * 60,
        good=given["GQ"],
        scrap=given["SQ"],
        rework=given["RQ"],
    )
    assert f.pbt_s == given["PBT_min"] * 60
    assert f.pot_s == given["POT_min"] * 60
    assert f.produced == given["PQ"]
    found = {
        "availability": f.availability,
        "effectiveness": f.performance,
        "quality_ratio": f.quality,
        "oee": f.oee,
        "nee": f.nee,
        "technical_efficiency": f.technical_efficiency,
        "setup_ratio": f.setup_ratio,
        "utilization_efficiency": f.utilization,
        "allocation_efficiency": f.allocation,
        "scrap_ratio": f.scrap_ratio,
        "rework_ratio": f.rework_ratio,
        "throughput_per_h_busy": f.throughput_per_h,
        "teep_24h": f.teep,
    }
    assert {name: ratio.value for name, ratio in found.items()} == pytest.approx(expected, rel=1e-7)


def test_straight_pass_is_not_the_yield() -> None:
    given, expected = CASES["straight_pass_vs_yield"]["input"], CASES["straight_pass_vs_yield"]["expected"]
    f = from_times(run_s=3600, cycle_s=30, good=given["first_pass_good"], scrap=given["scrapped"], rework=given["reworked_good"])
    assert f.produced == given["inspected"]
    assert near(f.first_pass, expected["first_pass_yield_直行率"])
    assert near(f.good_rate, expected["good_rate_良品率"])
    assert near(f.quality, expected["oee_quality_factor"])
    assert near(f.rework_ratio, expected["rework_ratio"])
    assert near(f.scrap_ratio, expected["scrap_ratio"])


def test_what_cannot_be_divided_is_no_number_but_a_reason() -> None:
    assert "zero_guards" in CASES
    idle = from_times(pot_s=28_800, planned_s=28_800)  # the whole shift was planned to stand still
    for ratio in (idle.availability, idle.performance, idle.oee, idle.nee, idle.teep, idle.allocation):
        assert ratio == Ratio(None, "no_planned_time")
    stood = from_times(delay_s=28_800, cycle_s=30)
    assert stood.availability == Ratio(0.0)  # its denominator is there
    assert stood.performance == stood.oee == stood.nee == Ratio(None, "not_run")
    dry = from_times(run_s=3600, delay_s=3600, cycle_s=30)
    assert dry.availability == Ratio(0.5)
    assert dry.performance == Ratio(0.0)
    for ratio in (dry.quality, dry.oee, dry.first_pass, dry.scrap_ratio, dry.rework_ratio):
        assert ratio == Ratio(None, "nothing_produced")
    whys = ("no_planned_time", "not_run", "nothing_produced", "no_cycle", "no_failure")
    assert all(has_word(f"oee.{why}") for why in whys)
    assert Figures().oee == Ratio(None, "no_planned_time")
    assert from_times(run_s=3600, good=5).oee == Ratio(None, "no_cycle")
    assert from_times(run_s=3600, good=5, scrap=5).quality == Ratio(0.5)
    assert (Figures().mtbf_s, Figures().mttr_s) == (Ratio(None, "no_failure"), Ratio(None, "no_failure"))


@given(f=figures())
def test_oee_is_the_product_of_its_factors_and_the_ideal_time_of_good_parts(f: Figures) -> None:
    factors = [f.availability.value, f.performance.value, f.quality.value]
    if f.oee.value is None:
        assert f.oee.why
        return
    a, p, q = (value for value in factors if value is not None)
    assert a * p * q == pytest.approx(f.oee.value, rel=1e-12, abs=1e-12)
    assert f.oee.value == f.ideal_good_s / f.pbt_s


@given(seconds=st.dictionaries(st.sampled_from(E), st.floats(0, 1e6)), good=st.integers(0, 999), scrap=st.integers(0, 99))
def test_where_minor_stops_are_lost_does_not_change_oee(seconds: dict[Element, float], good: int, scrap: int) -> None:
    made = parts(Cycle(30), Decimal(good), Decimal(scrap))
    tpm, iso = times(seconds, "performance") + made, times(seconds, "availability") + made
    assert tpm.pbt_s == iso.pbt_s
    if tpm.oee.value is not None and iso.oee.value is not None:
        assert tpm.oee == iso.oee
    if seconds.get(E.MINOR):
        assert tpm.apt_s > iso.apt_s or seconds[E.MINOR] < 1e-6


@given(some=st.lists(figures(), max_size=5))
def test_figures_add_and_the_buckets_are_the_calendar(some: list[Figures]) -> None:
    whole = total(some)
    assert whole.calendar_s == pytest.approx(sum(f.calendar_s for f in some))
    assert whole.pbt_s == pytest.approx(sum(f.pbt_s for f in some))
    assert whole.produced == sum(f.produced for f in some)
    assert whole.aupt_s + whole.adet_s + whole.adot_s == pytest.approx(whole.pbt_s)
    outside = whole.of(E.PLANNED) + whole.of(E.GAP) + whole.of(E.UNSCHEDULED)
    assert whole.calendar_s - outside == pytest.approx(whole.pbt_s)
    assert total(reversed(some)).oee.why == whole.oee.why


@given(f=figures())
def test_the_waterfall_leads_from_the_calendar_to_good_parts(f: Figures) -> None:
    steps = waterfall(f)
    at = 0.0
    for step in steps:
        if step.level:
            if at:
                assert step.seconds == pytest.approx(at, abs=1e-3)
            at = step.seconds
        else:
            at -= step.seconds
    assert at == pytest.approx(f.ideal_good_s, abs=1e-3)
    lost = sum(step.seconds for step in steps if not step.level)
    assert f.calendar_s - lost == pytest.approx(f.ideal_good_s, abs=1e-3)
    assert all(has_word(step.word_id) for step in steps)


def test_the_oee_of_two_machines_is_not_the_mean_of_their_oees() -> None:
    busy = from_times(run_s=7 * 3600, delay_s=3600, cycle_s=30, good=800)
    idle = from_times(run_s=360, delay_s=7 * 3600 + 3240, cycle_s=30, good=6)
    both = busy + idle
    assert both.oee.value == pytest.approx(806 * 30 / (16 * 3600))
    alone = [f.oee.value or 0.0 for f in (busy, from_times(run_s=360, cycle_s=30, good=6))]
    mixed = busy + from_times(run_s=360, cycle_s=30, good=6)
    assert mixed.oee.value != pytest.approx(sum(alone) / 2, rel=0.01)


def test_performance_above_its_standard_is_shown_and_flagged() -> None:
    f = from_times(run_s=3600, cycle_s=60, good=66)
    assert near(f.performance, 1.1)
    assert f.performance_over
    assert near(f.oee, 1.1)
    assert not from_times(run_s=3600, cycle_s=60, good=60).performance_over
    speed = next(step for step in waterfall(f) if step.word_id == "oee.loss_speed")
    assert speed.seconds == -360


def test_a_blind_hour_is_outside_with_its_time_and_its_parts() -> None:
    """480 min with 60 blind and the machine running must not give 114 %."""
    blind = from_times(run_s=420 * 60, gap_s=60 * 60, cycle_s=60, good=420) + Figures(gap_good=60)
    assert near(blind.oee, 1.0)
    assert near(blind.coverage, 420 / 480)
    assert blind.gap_good == 60
    reclassified = from_times(run_s=480 * 60, cycle_s=60, good=480)
    assert near(reclassified.oee, 1.0)
    assert near(reclassified.coverage, 1.0)


def test_no_data_is_neither_lost_nor_idle_time() -> None:
    f = from_times(gap_s=28_800)
    assert f.pbt_s == 0
    assert f.adet_s == f.adot_s == 0
    assert f.coverage == Ratio(0.0)
    assert f.oee == Ratio(None, "no_planned_time")


# --- parts -----------------------------------------------------------------------------------------------------------


@given(*(st.integers(0, 999).map(Decimal) for _ in range(4)))
def test_what_was_counted_stays_what_was_produced(good: Decimal, reject: Decimal, scrap: Decimal, rework: Decimal) -> None:
    g, s, r = judged(good, reject, scrap, rework)
    assert min(g, s, r) >= 0
    assert g + s + r == max(good + reject, scrap + rework)
    assert r == rework
    assert s + r >= reject or s + r == good + reject
    assert s + r >= scrap + rework


def test_a_part_that_both_found_bad_is_bad_once() -> None:
    assert judged(Decimal(95), Decimal(5), Decimal(5), Decimal(0)) == (95, 5, 0)
    assert judged(Decimal(95), Decimal(5), Decimal(3), Decimal(4)) == (93, 3, 4)
    assert judged(Decimal(95), Decimal(5), Decimal(0), Decimal(0)) == (95, 5, 0)
    assert judged(Decimal(0), Decimal(0), Decimal(2), Decimal(1)) == (0, 2, 1)  # counted by hand


def test_reworked_parts_are_not_counted_a_second_time() -> None:
    """Ten of a hundred are mended and good in the end: they stay ten of a hundred."""
    good, scrap, rework = judged(Decimal(100), Decimal(0), Decimal(0), Decimal(10))
    f = from_times(run_s=3000, cycle_s=30, good=good, scrap=scrap, rework=rework)
    assert f.produced == 100
    assert near(f.oee, 0.9)
    assert near(f.good_rate, 1.0)


def test_a_new_standard_time_says_nothing_about_the_days_before_it() -> None:
    cycles = Cycles({"A": ((date(2026, 1, 1), 60.0), (date(2026, 7, 1), 45.0))}, {"A": 50.0, "B": 20.0}, 120.0)
    assert cycles.of("A", date(2026, 6, 30)) == Cycle(60.0)
    assert cycles.of("A", date(2026, 7, 1)) == Cycle(45.0)
    assert cycles.of("A", date(2025, 12, 31)) == Cycle(50.0, undated=True)
    assert cycles.of("B", date(2026, 7, 1)) == Cycle(20.0, undated=True)
    assert cycles.of("C", date(2026, 7, 1)) == Cycle(30.0, no_cycle=True)
    assert parts(cycles.of("B", date(2026, 7, 1)), Decimal(3)).undated_cycle
    assert not parts(cycles.of("B", date(2026, 7, 1)), Decimal(0)).undated_cycle
    two = parts(cycles.of("A", date(2026, 6, 30)), Decimal(10)) + parts(cycles.of("A", date(2026, 7, 1)), Decimal(10))
    assert two.ideal_s == 1050
