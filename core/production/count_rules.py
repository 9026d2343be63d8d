"""What the counters of a machine say of an order, whichever of them there are. Pure."""

from __future__ import annotations

from collections.abc import Mapping


def machine_counts(sums: Mapping[str, int]) -> tuple[int, int]:
    """(good, reject) from the sums of the counters that are there; never negative.

    A counter of its own wins; else good is what of the total was not rejected, and reject what of it was not good.

    Args:
        sums: Kind (``good``, ``reject``, ``total``) → parts; kinds that nobody counts are absent.
    """
    total = sums.get("total")
    good, reject = sums.get("good"), sums.get("reject")
    if good is None:
        good = 0 if total is None else total - (reject or 0)
    if reject is None:
        reject = 0 if total is None else total - good
    return max(0, good), max(0, reject)


def from_readings(start: int, end: int, modulus: int | None = None) -> int | None:
    """Parts between two readings of a counter; None when it went backwards and nobody says at what it begins again.

    Args:
        start, end: The counter itself, ≥ 0.
        modulus: The number of values it has (10,000 for 0 … 9,999); None when that is not known.
    """
    if end >= start:
        return end - start
    if modulus is None or start >= modulus:
        return None
    return end + modulus - start
