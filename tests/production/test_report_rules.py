"""A report against the machine's own count: what has to be explained, and what an order may be revised to."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.production import report_rules

PARTS = st.integers(0, 10_000).map(Decimal)
LIMIT = st.decimals(0, 1, places=3)


@pytest.mark.parametrize(
    ("good", "scrap", "rework", "counted", "limit", "explained"),
    [
        (100, 0, 0, 100, "0.02", False),
        (90, 6, 4, 100, "0.02", False),  # scrap and rework are parts like others
        (102, 0, 0, 100, "0.02", False),
        (103, 0, 0, 100, "0.02", True),
        (97, 0, 0, 100, "0.02", True),
        (1, 0, 0, 0, "0.02", False),  # one part lies between the counter and the box
        (2, 0, 0, 0, "0.02", True),
        (0, 0, 0, 100, "1", False),
        (99, 0, 0, 100, "0", False),
        (98, 0, 0, 100, "0", True),
    ],
)
def test_what_must_be_explained(good: int, scrap: int, rework: int, counted: int, limit: str, explained: bool) -> None:
    apart = report_rules.difference(Decimal(good), Decimal(scrap), Decimal(rework), Decimal(counted))
    assert report_rules.must_explain(apart, Decimal(counted), Decimal(limit)) is explained


@given(PARTS, PARTS, PARTS, PARTS, LIMIT)
def test_what_is_reported_is_what_was_counted_or_is_explained(
    good: Decimal, scrap: Decimal, rework: Decimal, counted: Decimal, limit: Decimal
) -> None:
    apart = report_rules.difference(good, scrap, rework, counted)
    assert good + scrap + rework == counted + apart
    if not report_rules.must_explain(apart, counted, limit):
        assert abs(apart) <= max(1, limit * counted)


def test_an_order_is_never_revised_below_what_is_reported() -> None:
    report_rules.check_revised(Decimal(50), Decimal(50))
    with pytest.raises(Invalid) as refusal:
        report_rules.check_revised(Decimal(49), Decimal("50.5"))
    assert refusal.value.code == "order.below_reported"
    assert "50.5" in refusal.value.lines("ja").what
    assert "50.5" in refusal.value.lines("en").what
    for wrong in ("0", "-1", "NaN", "Infinity"):
        with pytest.raises(Invalid) as refusal:
            report_rules.check_revised(Decimal(wrong), Decimal(0))
        assert refusal.value.code == "order.planned_not_positive"
