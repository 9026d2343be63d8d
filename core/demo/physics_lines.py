"""The factory as a table: six lines, their units, what each measures and how it fails.

Rates are those of a mid-sized Japanese parts plant. Each line has one constraint; its neighbours are a little faster, so buffers
fill before it and empty behind it. The mean working time lies 2 % above the standard time of the product.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.demo.physics_signals import Heated, Loaded, Pumped, Shaken, Spun, Stroke, Wandering, Warmed
from core.demo.physics_spec import Factor, Setpoint, Tool, UnitSpec
from core.demo.physics_states import NO_MATERIAL, StopKind

_JAM = StopKind(("D07", "D08"), mean_between_s=1500.0, median_s=45.0, sigma=0.6, known=0.7, longest_s=280.0)
_CHIPS = StopKind(("D07", "D09"), mean_between_s=1800.0, median_s=60.0, sigma=0.5, known=0.7, longest_s=280.0)
_FAILURE = StopKind(("D01", "D02", "D05", "D06"), mean_between_s=11000.0, median_s=540.0, sigma=0.7, known=0.75)
_ROBOT = StopKind(("D04", "D05"), mean_between_s=9000.0, median_s=420.0, sigma=0.7, known=0.75)
_QUALITY = StopKind(("D20", "D19"), mean_between_s=16000.0, median_s=300.0, known=0.4, longest_s=1800.0)
_PEOPLE = StopKind(("D18", "D21"), mean_between_s=9000.0, median_s=120.0, known=0.0, longest_s=900.0)
_MATERIAL = StopKind((NO_MATERIAL,), mean_between_s=6500.0, median_s=150.0, longest_s=1200.0)
_SERVICE = StopKind(("D23",), mean_between_s=28800.0, median_s=900.0, sigma=0.2, known=1.0, longest_s=1800.0)


@dataclass(slots=True)
class LineSpec:
    """What a line is.

    Attributes:
        code: ``L1`` … ``L6``.
        constraint: The work unit whose pace is the line's.
        units: In the order parts pass them.
        buffers: Capacity of the place before the second, third … unit, parts.
        changeover_s: Mean time between two changes of product, simulated seconds.
        change_reason: ``D10``, or ``D13`` where dies are changed.
    """

    code: str
    constraint: str
    units: tuple[UnitSpec, ...]
    buffers: tuple[int, ...]
    changeover_s: float = 7200.0
    change_reason: str = "D10"


def line_table() -> tuple[LineSpec, ...]:
    """The six lines with fresh signals, in the fixed order of the floor."""
    return (_assembly(), _press(), _paint(), _test(), _packing(), _machining())


def _assembly() -> LineSpec:
    feeder = UnitSpec(
        "L1-M1", cycle_s=27.0, scrap=0.004, idle_kw=0.4, run_kw=1.6, kinds=(_JAM, _MATERIAL), signals=(Shaken("Vibration", running=3.4),)
    )
    screws = UnitSpec(
        "L1-M2",
        cycle_s=30.6,
        scrap=0.008,
        idle_kw=0.9,
        run_kw=3.8,
        kinds=(_JAM, _ROBOT, _PEOPLE),
        tool=Tool(life=900, reason="D12", change_s=120.0, start=0.35),
        setpoints=(Setpoint("TorqueSetpoint", 5.2, 3.0, 9.0),),
        signals=(
            Stroke("Torque", nominal=5.2, spread=0.025, wear_gain=-0.06, follows="TorqueSetpoint", reference=5.2),
            Spun("SpindleSpeed", nominal=850.0, noise=3.0),
            Warmed("MotorTemperature", rise_per_kw=7.5, tau_s=420.0, start=51.0),
        ),
        factors=(Factor("Torque", 5.2, 0.45, 0.5), Factor("MotorTemperature", 52.0, 18.0, 0.1)),
    )
    fit = UnitSpec(
        "L1-M3",
        cycle_s=28.0,
        scrap=0.005,
        idle_kw=0.7,
        run_kw=2.9,
        kinds=(_JAM, _FAILURE),
        signals=(Stroke("PressForce", nominal=12.4, spread=0.03), Wandering("AirPressure", mean=0.52, spread=0.008, noise=0.001)),
        factors=(Factor("PressForce", 12.4, 1.5, 0.3), Factor("AirPressure", 0.52, 0.05, 0.2)),
    )
    return LineSpec("L1", "L1-M2", (feeder, screws, fit), buffers=(6, 6))


def _press() -> LineSpec:
    uncoiler = UnitSpec(
        "L2-M1",
        cycle_s=4.6,
        scrap=0.001,
        idle_kw=1.2,
        run_kw=7.5,
        kinds=(_MATERIAL, _JAM),
        # Its counter is about to pass 2**32, as real counters do some day.
        first_good=(1 << 32) - 400,
        signals=(Spun("CoilSpeed", nominal=18.0, noise=0.05), Loaded("StripTension", nominal=3.6, rest=0.4)),
    )
    press = UnitSpec(
        "L2-M2",
        cycle_s=5.1,
        scrap=0.005,
        idle_kw=6.0,
        run_kw=42.0,
        kinds=(_JAM, _FAILURE, _QUALITY),
        tool=Tool(life=9000, reason="D13", change_s=480.0, start=0.3),
        setpoints=(Setpoint("PressureSetpoint", 16.0, 8.0, 22.0),),
        signals=(
            Pumped("HydraulicPressure", setpoint="PressureSetpoint", leak_per_s=0.0012, use_per_s=0.004, charge_per_s=0.04, noise=0.02),
            Warmed("OilTemperature", rise_per_kw=0.62, tau_s=900.0, start=49.0),
            Stroke("Tonnage", nominal=1520.0, spread=0.012, wear_gain=0.05, follows="PressureSetpoint", reference=16.0),
            Shaken("Vibration", running=2.1, wear_gain=2.4),
        ),
        factors=(Factor("HydraulicPressure", 16.0, 0.9, 0.25), Factor("OilTemperature", 50.0, 15.0, 0.15)),
    )
    return LineSpec("L2", "L2-M2", (uncoiler, press), buffers=(20,), changeover_s=8400.0, change_reason="D13")


def _paint() -> LineSpec:
    wash = UnitSpec(
        "L3-M1",
        cycle_s=18.5,
        scrap=0.003,
        idle_kw=2.5,
        run_kw=9.0,
        kinds=(_MATERIAL, _JAM),
        warm="BathTemperature",
        signals=(
            Heated("BathTemperature", setpoint=55.0, full_rise=60.0, tau_s=1500.0, heater_kw=24.0),
            Pumped("SprayPressure", setpoint=0.18, leak_per_s=0.01, use_per_s=0.01, charge_per_s=0.12, noise=0.0006),
        ),
        factors=(Factor("BathTemperature", 55.0, 5.0, 0.1),),
    )
    booth = UnitSpec(
        "L3-M2",
        cycle_s=19.2,
        scrap=0.012,
        idle_kw=4.0,
        run_kw=13.5,
        kinds=(_CHIPS, _ROBOT),
        signals=(
            Wandering("BoothTemperature", mean=23.5, spread=0.7, tau_s=900.0, noise=0.05),
            Wandering("BoothHumidity", mean=62.0, spread=2.2, tau_s=700.0, humid=0.35, noise=0.15),
            Wandering("AtomizingPressure", mean=0.35, spread=0.004, tau_s=120.0, noise=0.0008),
            Loaded("PaintFlow", nominal=240.0, spread=0.015),
        ),
        factors=(
            Factor("BoothHumidity", 62.0, 6.0, 0.15),
            Factor("BoothTemperature", 23.5, 3.0, 0.15),
            Factor("AtomizingPressure", 0.35, 0.03, 0.2),
        ),
    )
    return LineSpec("L3", "L3-M3", (wash, booth, _oven()), buffers=(8, 8), changeover_s=6000.0)


def _oven() -> UnitSpec:
    return UnitSpec(
        "L3-M3",
        cycle_s=20.4,
        scrap=0.006,
        idle_kw=3.0,
        run_kw=7.5,
        kinds=(_FAILURE, _PEOPLE, _SERVICE),
        warm="OvenTemperature",
        speed=("ConveyorSpeedSetpoint", 2.4),
        setpoints=(Setpoint("OvenSetpoint", 180.0, 60.0, 230.0), Setpoint("ConveyorSpeedSetpoint", 2.4, 0.8, 4.0)),
        signals=(
            Heated("OvenTemperature", setpoint="OvenSetpoint", full_rise=300.0, tau_s=600.0, heater_kw=90.0, noise=0.25),
            Spun("ConveyorSpeed", nominal=2.4, noise=0.004, setpoint="ConveyorSpeedSetpoint"),
        ),
        factors=(Factor("OvenTemperature", 180.0, 8.0, 0.25), Factor("ConveyorSpeedSetpoint", 2.4, 0.35, 0.2)),
    )


def _test() -> LineSpec:
    leak = UnitSpec(
        "L4-M1",
        cycle_s=22.0,
        scrap=0.01,
        idle_kw=0.5,
        run_kw=1.4,
        kinds=(_JAM, _MATERIAL),
        signals=(
            Pumped("TestPressure", setpoint=250.0, leak_per_s=0.001, use_per_s=0.006, charge_per_s=0.08, noise=0.3),
            Stroke("LeakRate", nominal=0.42, spread=0.18),
            Wandering("ChamberTemperature", mean=25.0, spread=0.3, noise=0.02),
        ),
        factors=(Factor("LeakRate", 0.42, 0.25, 0.3), Factor("TestPressure", 250.0, 12.0, 0.2)),
    )
    function = UnitSpec(
        "L4-M2",
        cycle_s=24.5,
        scrap=0.016,
        idle_kw=0.6,
        run_kw=2.1,
        kinds=(_JAM, _FAILURE, _QUALITY),
        signals=(
            Wandering("SupplyVoltage", mean=24.0, spread=0.06, tau_s=60.0, noise=0.01),
            Loaded("LoadCurrent", nominal=3.8, spread=0.03, rest=0.15),
            Warmed("FixtureTemperature", rise_per_kw=9.0, tau_s=300.0, start=42.0),
        ),
        factors=(Factor("SupplyVoltage", 24.0, 0.5, 0.3), Factor("FixtureTemperature", 43.0, 12.0, 0.1)),
    )
    return LineSpec("L4", "L4-M2", (leak, function), buffers=(5,))


def _packing() -> LineSpec:
    erector = UnitSpec(
        "L5-M1",
        cycle_s=8.7,
        scrap=0.004,
        idle_kw=0.8,
        run_kw=2.2,
        kinds=(_JAM, _MATERIAL),
        warm="GlueTemperature",
        signals=(
            Heated("GlueTemperature", setpoint=165.0, full_rise=220.0, tau_s=420.0, heater_kw=1.8),
            Pumped("Vacuum", setpoint=72.0, leak_per_s=0.01, use_per_s=0.015, charge_per_s=0.15, noise=0.3),
        ),
        factors=(Factor("GlueTemperature", 165.0, 9.0, 0.15), Factor("Vacuum", 72.0, 7.0, 0.15)),
    )
    sealer = UnitSpec(
        "L5-M3",
        cycle_s=9.0,
        scrap=0.003,
        idle_kw=0.6,
        run_kw=1.8,
        kinds=(_JAM, _CHIPS),
        warm="SealTemperature",
        setpoints=(Setpoint("SealSetpoint", 140.0, 60.0, 180.0),),
        signals=(Heated("SealTemperature", setpoint="SealSetpoint", full_rise=200.0, tau_s=300.0, heater_kw=1.4),),
        factors=(Factor("SealTemperature", 140.0, 8.0, 0.15),),
    )
    return LineSpec("L5", "L5-M2", (erector, _packing_robot(), sealer), buffers=(12, 12), changeover_s=5400.0)


def _packing_robot() -> UnitSpec:
    return UnitSpec(
        "L5-M2",
        cycle_s=10.2,
        scrap=0.003,
        idle_kw=1.1,
        run_kw=4.6,
        kinds=(_JAM, _ROBOT, _PEOPLE),
        speed=("SpeedSetpoint", 100.0),
        setpoints=(Setpoint("SpeedSetpoint", 100.0, 20.0, 150.0),),
        signals=(
            Spun("Speed", nominal=100.0, noise=0.3, setpoint="SpeedSetpoint"),
            Wandering("AirPressure", mean=0.5, spread=0.006, noise=0.001),
        ),
        factors=(Factor("SpeedSetpoint", 100.0, 12.0, 0.1), Factor("AirPressure", 0.5, 0.05, 0.2)),
    )


def _machining() -> LineSpec:
    centre = UnitSpec(
        "L6-M1",
        cycle_s=40.8,
        scrap=0.008,
        idle_kw=2.2,
        run_kw=14.5,
        kinds=(_CHIPS, _FAILURE, _MATERIAL),
        tool=Tool(life=220, reason="D12", change_s=180.0, start=0.55),
        signals=(
            Spun("SpindleSpeed", nominal=6000.0, tau_s=2.5, noise=8.0),
            Loaded("SpindleTorque", nominal=18.5, wear_gain=0.35, spread=0.05),
            Warmed("SpindleTemperature", rise_per_kw=1.75, tau_s=700.0, start=47.0),
            Warmed("CoolantTemperature", rise_per_kw=0.35, tau_s=1800.0, start=29.0),
            Pumped("CoolantPressure", setpoint=2.0, leak_per_s=0.02, use_per_s=0.03, charge_per_s=0.3, noise=0.01),
            Shaken("Vibration", running=1.4, wear_gain=2.8),
        ),
        factors=(
            Factor("SpindleTemperature", 50.0, 15.0, 0.15),
            Factor("CoolantTemperature", 29.0, 7.0, 0.2),
            Factor("Vibration", 1.5, 2.6, 0.3),
        ),
    )
    washer = UnitSpec(
        "L6-M2",
        cycle_s=37.0,
        scrap=0.002,
        idle_kw=1.0,
        run_kw=4.2,
        kinds=(_JAM,),
        warm="WashTemperature",
        signals=(
            Heated("WashTemperature", setpoint=60.0, full_rise=70.0, tau_s=1200.0, heater_kw=9.0),
            Pumped("RinsePressure", setpoint=0.4, leak_per_s=0.015, use_per_s=0.02, charge_per_s=0.2, noise=0.002),
        ),
        factors=(Factor("WashTemperature", 60.0, 8.0, 0.1),),
    )
    return LineSpec("L6", "L6-M1", (centre, washer), buffers=(4,), changeover_s=9000.0)
