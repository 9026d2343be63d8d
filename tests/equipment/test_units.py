"""Units of measure: known pairs, and there and back for every pair of one quantity."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.equipment.units import BUILTIN, convert
from core.errors import Invalid


@pytest.mark.parametrize(
    ("value", "first", "second", "expected"),
    [
        ("1", "bar", "kPa", "100"),
        ("0", "°C", "K", "273.15"),
        ("100", "°C", "°F", "212"),
        ("-40", "°F", "°C", "-40"),
        ("90", "min", "h", "1.5"),
        ("60", "m/min", "m/s", "1"),
        ("350", "g", "kg", "0.35"),
        ("120", "pcs/h", "pcs/min", "2"),
    ],
)
def test_known_pairs(value: str, first: str, second: str, expected: str) -> None:
    """Source: SI Brochure, 9th edition; NIST SP 811, appendix B."""
    assert round(convert(Decimal(value), BUILTIN[first], BUILTIN[second]), 12) == Decimal(expected)


@given(st.decimals(-(10**9), 10**9, places=6), st.sampled_from(list(BUILTIN)), st.sampled_from(list(BUILTIN)))
def test_there_and_back(value: Decimal, first: str, second: str) -> None:
    one, other = BUILTIN[first], BUILTIN[second]
    if one.quantity != other.quantity:
        with pytest.raises(Invalid) as refusal:
            convert(value, one, other)
        assert refusal.value.code == "equipment.units_differ"
        return
    assert abs(convert(convert(value, one, other), other, one) - value) < Decimal("0.000001")


def test_every_quantity_has_one_base_that_is_its_own() -> None:
    for unit in BUILTIN.values():
        base = BUILTIN[unit.base]
        assert base.quantity == unit.quantity
        assert (base.base, base.factor, base.offset) == (base.code, 1, 0)
        assert len(unit.code) <= 20
