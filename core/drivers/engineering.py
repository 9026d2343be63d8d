"""Between raw values of a machine and engineering values: type check, range check and scaling. Pure; no protocol.

engineering = raw × scale + offset, for numbers only; booleans and strings pass as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from core.errors import Invalid
from core.live.sample import Value
from core.live.tags import TagSpec, TagType

INTEGER_RANGE = {
    TagType.INT16: (-(2**15), 2**15 - 1),
    TagType.UINT16: (0, 2**16 - 1),
    TagType.INT32: (-(2**31), 2**31 - 1),
    TagType.UINT32: (0, 2**32 - 1),
    TagType.INT64: (-(2**63), 2**63 - 1),
    TagType.UINT64: (0, 2**64 - 1),
}
FLOAT32_MAX = 3.4028234663852886e38
_WHOLE = 1e-6
_ROUNDING = 2.0**-50
"""How far a raw value may be from a whole number and still be meant as one: absolute, and relative to large ones."""


class Undecodable(ValueError):
    """A raw value that is not what the tag list declares; its text is the status word of a BAD sample."""


def to_engineering(tag: TagSpec, raw: object) -> Value:
    """The engineering value of ``raw``.

    Raises:
        Undecodable: Not of the declared type, outside of it, NaN or infinite.
    """
    if tag.type is TagType.BOOL:
        if not isinstance(raw, bool):
            raise Undecodable(f"{type(raw).__name__} instead of bool")
        return raw
    if tag.type is TagType.STRING:
        if not isinstance(raw, str):
            raise Undecodable(f"{type(raw).__name__} instead of string")
        # A PLC fills its strings with NUL, and a database takes neither that nor half a surrogate pair.
        return raw.partition("\0")[0].encode("utf-8", "replace").decode("utf-8")
    number = _number(tag, raw)
    if tag.scale == 1.0 and tag.offset == 0.0:
        return number
    scaled = number * tag.scale + tag.offset
    if not math.isfinite(scaled):
        raise Undecodable("too large")
    return scaled


Convert = Callable[[object], Value]


def converter(tag: TagSpec) -> Convert:
    """``to_engineering`` for one tag: what nearly every value is costs a comparison, all else goes the long way.

    Raises what ``to_engineering`` raises.
    """

    def seldom(raw: object) -> Value:
        return to_engineering(tag, raw)

    bounds, scale, offset = INTEGER_RANGE.get(tag.type), tag.scale, tag.offset
    if tag.type is TagType.BOOL:
        return lambda raw: raw if raw is True or raw is False else seldom(raw)
    if tag.type is TagType.STRING:
        return seldom
    if scale != 1.0 or offset != 0.0:
        return seldom if bounds is not None else lambda raw: _scaled(raw, scale, offset, seldom)
    if bounds is None:
        # A number less itself is zero, but for NaN and the infinities.
        return lambda raw: raw if type(raw) is float and raw - raw == 0.0 else seldom(raw)
    low, high = bounds
    return lambda raw: raw if type(raw) is int and low <= raw <= high else seldom(raw)


def _scaled(raw: object, scale: float, offset: float, seldom: Convert) -> Value:
    if type(raw) is float:
        scaled = raw * scale + offset
        if scaled - scaled == 0.0:
            return scaled
    return seldom(raw)


def _number(tag: TagSpec, raw: object) -> int | float:
    # bool is an int to Python, never to a PLC
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise Undecodable(f"{type(raw).__name__} instead of {tag.type}")
    bounds = INTEGER_RANGE.get(tag.type)
    if bounds is None:
        if isinstance(raw, int) and abs(raw) > 2**1023:
            raise Undecodable("too large")
        if not math.isfinite(raw):
            raise Undecodable("NaN" if raw != raw else "infinite")
        return float(raw)
    if not isinstance(raw, int):
        raise Undecodable(f"float instead of {tag.type}")
    if not bounds[0] <= raw <= bounds[1]:
        raise Undecodable(f"outside {tag.type}")
    return raw


def to_raw(tag: TagSpec, value: Value) -> bool | int | float | str:
    """The raw value that reads back as ``value``.

    Raises:
        Invalid: Not of the tag's type (``driver.write_type``), outside what the type holds (``driver.write_range``),
            or between two steps of an integer (``driver.write_step``).
    """
    if (tag.type is TagType.BOOL and isinstance(value, bool)) or (tag.type is TagType.STRING and isinstance(value, str)):
        return value
    if tag.type in (TagType.BOOL, TagType.STRING) or isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise Invalid("driver.write_type", tag=tag.name, value=value, type=str(tag.type))
    raw: int | float = value if tag.scale == 1.0 and tag.offset == 0.0 else (value - tag.offset) / tag.scale
    bounds = INTEGER_RANGE.get(tag.type)
    if bounds is None:
        limit = FLOAT32_MAX if tag.type is TagType.FLOAT32 else math.inf
        if abs(raw) > limit or not _is_finite(raw):
            raise Invalid("driver.write_range", tag=tag.name, value=value, type=str(tag.type))
        return float(raw)
    return _whole(tag, value, raw, bounds)


def _whole(tag: TagSpec, value: Value, raw: int | float, bounds: tuple[int, int]) -> int:
    if not _is_finite(raw):
        raise Invalid("driver.write_range", tag=tag.name, value=value, type=str(tag.type))
    whole = round(raw)
    if abs(raw - whole) > max(_WHOLE, abs(raw) * _ROUNDING):
        raise Invalid("driver.write_step", tag=tag.name, value=value, step=abs(tag.scale))
    if not bounds[0] <= whole <= bounds[1]:
        raise Invalid("driver.write_range", tag=tag.name, value=value, type=str(tag.type))
    return whole


def _is_finite(number: int | float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an int beyond the range of a double
        return False
