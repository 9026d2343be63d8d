"""Units of measure: the ones the program brings along, and conversion between units of one quantity. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.errors import Invalid


@dataclass(frozen=True, slots=True)
class UnitSpec:
    """One unit: value in ``base`` = value × factor + offset.

    Attributes:
        code: As written beside values (``bar``).
        quantity: What it measures (``pressure``); only units of one quantity convert.
        base: Code of the unit of that quantity all others refer to; itself for that one.
        name: By language.
        factor: Exact, > 0.
        offset: Exact, in base units.
    """

    code: str
    quantity: str
    base: str
    name: Mapping[str, str]
    factor: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)


def convert(value: Decimal, from_unit: UnitSpec, to_unit: UnitSpec) -> Decimal:
    """``value`` of ``from_unit`` in ``to_unit``; exact as far as 28 digits reach.

    Raises:
        Invalid: ``equipment.units_differ``: the two measure different things.
    """
    if (from_unit.quantity, from_unit.base) != (to_unit.quantity, to_unit.base):
        raise Invalid("equipment.units_differ", first=from_unit.code, second=to_unit.code)
    if from_unit == to_unit:
        return value
    return (value * from_unit.factor + from_unit.offset - to_unit.offset) / to_unit.factor


def _of(quantity: str, base: str, *units: tuple[str, str, str, str, str]) -> tuple[UnitSpec, ...]:
    return tuple(UnitSpec(code, quantity, base, {"ja": ja, "en": en}, Decimal(f), Decimal(o)) for code, f, o, ja, en in units)


_KELVIN_AT_0_F: Final = "255.3722222222222222222222222"  # 459.67 × 5/9
_FIVE_NINTHS: Final = "0.5555555555555555555555555556"

# Factors are exact by definition (SI Brochure 9th edition; NIST SP 811 appendix B) except where they repeat.
BUILTIN: Final[Mapping[str, UnitSpec]] = {
    unit.code: unit
    for unit in (
        *_of("count", "pcs", ("pcs", "1", "0", "個", "pieces")),
        *_of("share", "%", ("%", "1", "0", "パーセント", "per cent"), ("ppm", "0.0001", "0", "百万分率", "parts per million")),
        *_of(
            "time",
            "s",
            ("s", "1", "0", "秒", "seconds"),
            ("ms", "0.001", "0", "ミリ秒", "milliseconds"),
            ("min", "60", "0", "分", "minutes"),
            ("h", "3600", "0", "時間", "hours"),
        ),
        *_of(
            "length",
            "m",
            ("m", "1", "0", "メートル", "metres"),
            ("cm", "0.01", "0", "センチメートル", "centimetres"),
            ("mm", "0.001", "0", "ミリメートル", "millimetres"),
            ("um", "0.000001", "0", "マイクロメートル", "micrometres"),
        ),
        *_of(
            "mass",
            "kg",
            ("kg", "1", "0", "キログラム", "kilograms"),
            ("g", "0.001", "0", "グラム", "grams"),
            ("t", "1000", "0", "トン", "tonnes"),
        ),
        *_of(
            "volume",
            "L",
            ("L", "1", "0", "リットル", "litres"),
            ("mL", "0.001", "0", "ミリリットル", "millilitres"),
            ("m3", "1000", "0", "立方メートル", "cubic metres"),
        ),
        *_of(
            "temperature",
            "K",
            ("K", "1", "0", "ケルビン", "kelvin"),
            ("°C", "1", "273.15", "摂氏度", "degrees Celsius"),
            ("°F", _FIVE_NINTHS, _KELVIN_AT_0_F, "華氏度", "degrees Fahrenheit"),
        ),
        *_of(
            "pressure",
            "Pa",
            ("Pa", "1", "0", "パスカル", "pascals"),
            ("kPa", "1000", "0", "キロパスカル", "kilopascals"),
            ("MPa", "1000000", "0", "メガパスカル", "megapascals"),
            ("bar", "100000", "0", "バール", "bar"),
        ),
        *_of("force", "N", ("N", "1", "0", "ニュートン", "newtons"), ("kN", "1000", "0", "キロニュートン", "kilonewtons")),
        *_of("torque", "Nm", ("Nm", "1", "0", "ニュートンメートル", "newton metres")),
        *_of(
            "speed",
            "m/s",
            ("m/s", "1", "0", "メートル毎秒", "metres per second"),
            ("mm/s", "0.001", "0", "ミリメートル毎秒", "millimetres per second"),
            ("m/min", "0.01666666666666666666666666667", "0", "メートル毎分", "metres per minute"),
        ),
        *_of("rotation", "rpm", ("rpm", "1", "0", "回転毎分", "revolutions per minute")),
        *_of(
            "flow",
            "L/min",
            ("L/min", "1", "0", "リットル毎分", "litres per minute"),
            ("mL/min", "0.001", "0", "ミリリットル毎分", "millilitres per minute"),
        ),
        *_of("frequency", "Hz", ("Hz", "1", "0", "ヘルツ", "hertz")),
        *_of("current", "A", ("A", "1", "0", "アンペア", "amperes"), ("mA", "0.001", "0", "ミリアンペア", "milliamperes")),
        *_of("voltage", "V", ("V", "1", "0", "ボルト", "volts"), ("mV", "0.001", "0", "ミリボルト", "millivolts")),
        *_of("power", "W", ("W", "1", "0", "ワット", "watts"), ("kW", "1000", "0", "キロワット", "kilowatts")),
        *_of("energy", "kWh", ("kWh", "1", "0", "キロワット時", "kilowatt hours")),
        *_of(
            "production_rate",
            "pcs/h",
            ("pcs/h", "1", "0", "個毎時", "pieces per hour"),
            ("pcs/min", "60", "0", "個毎分", "pieces per minute"),
        ),
    )
}
"""Units every site has; a site file may add others or redefine one."""
