"""The points both test servers have, by the same names: one of every type, some to write, some in trouble."""

from __future__ import annotations

from dataclasses import dataclass

from core.live.tags import TagType

NAMESPACE = "urn:genba:test"


@dataclass(frozen=True)
class TestPoint:
    """One point: its type, start value, and where it stands in the Modbus device."""

    __test__ = False

    name: str
    type: TagType
    value: bool | int | float | str
    modbus: str
    order: str = "ABCD"
    length: int = 0


POINTS = {
    point.name: point
    for point in (
        TestPoint("bool", TagType.BOOL, True, "1/coil/3"),
        TestPoint("int16", TagType.INT16, -12345, "1/holding/0"),
        TestPoint("uint16", TagType.UINT16, 54321, "1/holding/1"),
        TestPoint("int32", TagType.INT32, -1234567890, "1/holding/2", "CDAB"),
        TestPoint("uint32", TagType.UINT32, 4000000000, "1/holding/4", "BADC"),
        TestPoint("int64", TagType.INT64, -(2**62), "1/holding/6", "DCBA"),
        TestPoint("uint64", TagType.UINT64, 2**63 + 5, "1/holding/10"),
        TestPoint("float32", TagType.FLOAT32, 1.5, "1/holding/14", "CDAB"),
        TestPoint("float64", TagType.FLOAT64, 3.141592653589793, "1/holding/16"),
        TestPoint("string", TagType.STRING, "ロット24", "1/holding/20", length=16),
        TestPoint("setpoint", TagType.FLOAT32, 100.0, "1/holding/40"),
        TestPoint("mode", TagType.UINT16, 1, "1/holding/42"),
        TestPoint("switch", TagType.BOOL, False, "1/coil/10"),
        TestPoint("recipe", TagType.STRING, "A-1", "1/holding/50", length=20),
    )
}
AS_TEXT = frozenset(("bool", "string", "uint16", "switch", "recipe", "float64", "uint64"))
"""Points that the MQTT machine publishes as plain text; the others are JSON."""
