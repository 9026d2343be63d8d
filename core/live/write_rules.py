"""What may be written to a tag, as functions of its policy and of what is known: type, range, step, rate, what the person saw. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from core.errors import Conflict, Invalid, Refused
from core.live.sample import Sample, Value
from core.live.tags import TagSpec, TagType, WritePolicy

Shown = Mapping[str, str] | str
"""The tag's name as messages show it: by language, or its code."""

LONGEST_S: Final = 60.0
"""Seconds of standing still that count towards ``max_per_s`` at most; so many, when this program never wrote the tag."""
_FLOAT32_STEP: Final = 2.0**-23
"""Relative distance of neighbouring float32 numbers: a machine that stores one cannot give back more."""


def shown(tag: TagSpec) -> Shown:
    """How messages call ``tag``."""
    return dict(tag.label) if tag.label else tag.name


def check_value(tag: TagSpec, policy: WritePolicy, value: Value, before: Value) -> None:
    """Type and range.

    Raises:
        Invalid: ``write.wrong_type``, ``write.out_of_range``.
    """
    if tag.type is TagType.BOOL or tag.type is TagType.STRING:
        if not isinstance(value, bool if tag.type is TagType.BOOL else str):
            raise Invalid("write.wrong_type", tag=shown(tag), value=value)
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise Invalid("write.wrong_type", tag=shown(tag), value=value)
    # Written so that NaN and infinity fail even if a limit is infinite.
    if not policy.low <= value <= policy.high or abs(value) == math.inf:
        told = "—" if before is None else before
        raise Invalid(
            "write.out_of_range", tag=shown(tag), value=value, low=policy.low, high=policy.high, unit=tag.unit, before=told
        )  # fmt: skip


def check_change(tag: TagSpec, policy: WritePolicy, value: Value, now: Sample, since_s: float | None) -> None:
    """Change per write and per second.

    Args:
        now: The tag's latest sample.
        since_s: Seconds since this program wrote the tag last; None for never.

    Raises:
        Refused: ``write.before_unknown``: nobody can tell how large the change would be.
        Invalid: ``write.step_too_large``.
    """
    if policy.max_step is None and policy.max_per_s is None:
        return
    before = now.value if now.quality.usable else None
    if isinstance(before, bool) or not isinstance(before, int | float) or not isinstance(value, int | float):
        raise Refused("write.before_unknown", tag=shown(tag))
    allowed = math.inf if policy.max_step is None else policy.max_step
    if policy.max_per_s is not None:
        allowed = min(allowed, policy.max_per_s * min(LONGEST_S, LONGEST_S if since_s is None else since_s))
    change = abs(value - before)
    if change > allowed and not math.isclose(change, allowed, rel_tol=1e-9):
        told = {"before": before, "value": value, "allowed": f"{allowed:g}", "unit": tag.unit}
        raise Invalid("write.step_too_large", tag=shown(tag), **told)


def check_seen(tag: TagSpec, policy: WritePolicy, seen: Value, now: Sample) -> None:
    """What the person saw must still be so; a two-step write is one from a value that he saw.

    Raises:
        Refused: ``write.two_step``: he confirmed no old value. ``write.before_unknown``: the machine's own is not known.
        Conflict: ``write.changed_meanwhile``.
    """
    if seen is None:
        if policy.two_step:
            raise Refused("write.two_step", tag=shown(tag))
        return
    if not now.quality.usable:
        raise Refused("write.before_unknown", tag=shown(tag))
    if not matches(seen, now.value, policy.tolerance, tag):
        raise Conflict("write.changed_meanwhile", tag=shown(tag), seen=seen, read="—" if now.value is None else now.value, unit=tag.unit)


def check_reason(tag: TagSpec, policy: WritePolicy, reason: str) -> None:
    """Raises Invalid (``write.reason_needed``) when the tag asks for a reason and there is none."""
    if policy.needs_reason and not reason.strip():
        raise Invalid("write.reason_needed", tag=shown(tag))


def matches(wanted: Value, found: Value, tolerance: float, *tags: TagSpec) -> bool:
    """Whether ``found`` is ``wanted`` as far as ``tolerance`` and the number formats of ``tags`` allow."""
    if isinstance(wanted, bool | str) or isinstance(found, bool | str) or wanted is None or found is None:
        return type(wanted) is type(found) and wanted == found
    relative = _FLOAT32_STEP if any(tag.type is TagType.FLOAT32 for tag in tags) else 1e-12
    # The offset may be far larger than the value: rounding happens on the raw number.
    largest = max(abs(wanted), *(abs(wanted - tag.offset) for tag in tags))
    return abs(wanted - found) <= max(tolerance, relative * largest)
