"""Many inputs to one parser: twenty per example, because most of the time of an example is hypothesis's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

QUICK, LONG = 2_000, 100_000
_TOGETHER = 20


def feed(inputs: st.SearchStrategy[Any], count: int, check: Callable[[Any], None]) -> None:
    """Call ``check`` with ``count`` inputs; a failing one is made small and shown."""

    @settings(max_examples=count // _TOGETHER, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(inputs, min_size=_TOGETHER, max_size=_TOGETHER))
    def run(several: list[Any]) -> None:
        for each in several:
            check(each)

    run()


def broken(good: list[bytes]) -> st.SearchStrategy[bytes]:
    """Random bytes, and ``good`` ones cut off, with a byte changed, or with bytes put in."""

    def spoil(parts: tuple[bytes, int, int, bytes]) -> bytes:
        whole, at, kind, extra = parts
        at %= len(whole) + 1
        return (whole[:at], whole[:at] + extra + whole[at + 1 :], whole[:at] + extra + whole[at:], whole + extra)[kind]

    spoilt = st.tuples(st.sampled_from(good), st.integers(0, 10_000), st.integers(0, 3), st.binary(max_size=8)).map(spoil)
    return st.one_of(st.binary(max_size=200), spoilt)
