"""The simulated factory: lines, hall, energy and simulated time. Pure and seeded: no wall clock, no sockets, no files.

The same seed and the same commands at the same simulated times give the same factory, however the time was cut into calls.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from core.demo.physics_lines import LineSpec, line_table
from core.demo.physics_signals import Hall, Moment, Pumped, Signal
from core.demo.physics_states import ANALOG_MS, LINE_WIDE, REASON_STATES, STEP_MS, State
from core.demo.physics_unit import Buffer, Surroundings, WorkUnit
from core.errors import Invalid
from core.live.sample import Value

_BASE_KW = 38.0  # light, ventilation, compressors
_BREAK = ("D24", 600.0)
_FIRST_BREAK_S, _BREAK_EVERY_S, _BREAK_OFFSET_S = 5400.0, 7800.0, 180.0
_GUARD_OPEN = frozenset({State.DOWN, State.MINOR_STOP, State.MAINTENANCE, State.SETUP})
_MANUAL = frozenset({State.MAINTENANCE, State.SETUP})


class Line:
    """A line: its units in the order parts pass them, the buffers between them, its changeovers and breaks."""

    def __init__(self, spec: LineSpec, seed: int, number: int) -> None:
        self.spec = spec
        self.buffers = tuple(Buffer(capacity, capacity // 2) for capacity in spec.buffers)
        before: tuple[Buffer | None, ...] = (None, *self.buffers)
        after: tuple[Buffer | None, ...] = (*self.buffers, None)
        self.units = tuple(WorkUnit(unit, seed, before[index], after[index]) for index, unit in enumerate(spec.units))
        self.constraint = next(unit for unit in self.units if unit.spec.code == spec.constraint)
        self._plan = random.Random(f"{seed}/{spec.code}/plan")  # noqa: S311 - a repeatable factory, no secret
        self._change_ms = self._next_change(0)
        self._break_ms = int(1000 * (_FIRST_BREAK_S + number * _BREAK_OFFSET_S))

    @property
    def energy_kwh(self) -> float:
        """Electrical energy since the start."""
        return sum(unit.energy_kwh for unit in self.units)

    def step(self, now_ms: int) -> None:
        """Let ``STEP_MS`` pass; upstream units first, so that nobody starves beside a full buffer."""
        if now_ms >= self._change_ms:
            duration_s = 420.0 * self._plan.lognormvariate(0.0, 0.3)
            self._plan_all(self.spec.change_reason, duration_s)
            self._change_ms = self._next_change(now_ms)
        if now_ms >= self._break_ms:
            self._plan_all(*_BREAK)
            self._break_ms += int(1000 * _BREAK_EVERY_S)
        for unit in self.units:
            unit.step(now_ms)

    def _next_change(self, now_ms: int) -> int:
        return now_ms + int(1000 * self.spec.changeover_s * self._plan.uniform(0.75, 1.25))

    def _plan_all(self, reason: str, duration_s: float) -> None:
        for unit in self.units:
            unit.plan_stop(reason, round(duration_s * 1000 / STEP_MS) * STEP_MS)


class Plant:
    """The whole factory.

    Args:
        seed: Any integer; decides everything that is left to chance.

    Attributes:
        now_ms: Simulated milliseconds since the start.
        lines: The six lines by code, in the order of the floor.
        units: All work units by code.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.now_ms = 0
        self.lines = {spec.code: Line(spec, seed, number) for number, spec in enumerate(line_table())}
        self.units = {unit.spec.code: unit for line in self.lines.values() for unit in line.units}
        self.power_kw = _BASE_KW
        self.energy_kwh = 0.0
        self._noise = random.Random(f"{seed}/site")  # noqa: S311 - a repeatable factory, no secret
        self._hall = Surroundings()
        self._temperature = Hall("Temperature", mean=24.0, swing=3.5, spread=0.6, phase_s=28_000.0, noise=0.03)
        self._humidity = Hall("Humidity", mean=52.0, swing=-6.0, spread=3.0, phase_s=28_000.0, noise=0.2)
        self._air = Pumped("Pressure", setpoint=0.68, leak_per_s=0.0006, use_per_s=0.004, charge_per_s=0.014, noise=0.0008)
        self._air.settle({})

    # -- time ---------------------------------------------------------------------------------------------------------

    def advance(self, span_ms: int) -> None:
        """Let ``span_ms`` simulated milliseconds pass, a multiple of ``STEP_MS`` (the rest is not kept)."""
        for _ in range(span_ms // STEP_MS):
            self.now_ms += STEP_MS
            for line in self.lines.values():
                line.step(self.now_ms)
            if self.now_ms % ANALOG_MS == 0:
                self._analog_step()

    def _analog_step(self) -> None:
        running = sum(unit.state is State.RUNNING for unit in self.units.values()) / len(self.units)
        moment = Moment(
            dt_s=ANALOG_MS / 1000.0,
            state=State.RUNNING if running else State.IDLE,
            speed=running,
            wear=0.0,
            power_kw=self.power_kw,
            ambient_c=self._hall.ambient_c,
            humidity=self._hall.humidity,
            setpoints={},
            rng=self._noise,
        )
        for signal in (self._temperature, self._humidity, self._air):
            signal.advance(moment)
        self._hall.ambient_c = self._temperature.value
        self._hall.humidity = self._humidity.value
        for unit in self.units.values():
            unit.analog_step(self._hall)
        compressor_kw = 22.0 if self._air.pump_on else 4.0
        self.power_kw = _BASE_KW + compressor_kw + sum(unit.power_kw for unit in self.units.values())
        self.energy_kwh += self.power_kw * moment.dt_s / 3600.0

    # -- what it shows ------------------------------------------------------------------------------------------------

    def values(self) -> dict[str, Value]:
        """Every value the factory can show, by tag name, in engineering units.

        States and reasons are words (``RUNNING``, ``D07``, "" for no reason); the tag list says how a server writes them.
        """
        shown: dict[str, Value] = {}
        for unit in self.units.values():
            prefix = unit.spec.code.replace("-", ".") + "."
            shown.update({prefix + name: value for name, value in _unit_values(unit).items()})
        for code, line in self.lines.items():
            shown[f"Site.Energy.{code}"] = line.energy_kwh
            shown[f"{code}.Meter.Power"] = sum(unit.power_kw for unit in line.units)
        shown["Site.Energy.Power"] = self.power_kw
        shown["Site.Energy.Total"] = self.energy_kwh
        shown["Site.Ambient.Temperature"] = self._temperature.reading
        shown["Site.Ambient.Humidity"] = self._humidity.reading
        shown["Site.Ambient.DewPoint"] = _dew_point_c(self._temperature.reading, self._humidity.reading)
        shown["Site.Air.Pressure"] = self._air.reading
        return shown

    # -- commands -----------------------------------------------------------------------------------------------------

    def write(self, tag: str, value: float) -> None:
        """Take over a setpoint, kept within what the machine can do.

        Raises:
            Invalid: ``demo.not_writable``, or ``demo.not_a_number`` for NaN and infinity.
        """
        prefix, _, name = tag.rpartition(".")
        unit = self.units.get(prefix.replace(".", "-"))
        if unit is None or name not in unit.setpoints:
            raise Invalid("demo.not_writable", tag=tag)
        if not math.isfinite(value):
            raise Invalid("demo.not_a_number", tag=tag)
        limits = next(setpoint for setpoint in unit.spec.setpoints if setpoint.name == name)
        unit.setpoints[name] = min(limits.high, max(limits.low, value))

    def stop(self, target: str, reason: str = "D01", for_ms: int | None = None) -> None:
        """Stop a line or a unit. A line stops at its constraint, or as a whole for breaks, changeovers, no order and no power.

        Raises:
            Invalid: ``demo.unknown_target`` or ``demo.unknown_reason``.
        """
        if reason not in REASON_STATES:
            raise Invalid("demo.unknown_reason", reason=reason)
        units = self._targets(target)
        if target in self.lines and reason not in LINE_WIDE:
            units = (self.lines[target].constraint,)
        for unit in units:
            unit.force_stop(reason, for_ms, self.now_ms)

    def start(self, target: str) -> None:
        """End every stop of a line or a unit. Raises Invalid ``demo.unknown_target``."""
        for unit in self._targets(target):
            unit.start(self.now_ms)

    def drift(self, tag: str, amount: float) -> None:
        """Move the process behind ``tag`` by ``amount`` engineering units within a minute. Raises Invalid ``demo.cannot_drift``."""
        signal = self._signals().get(tag)
        if signal is None or not math.isfinite(amount):
            raise Invalid("demo.cannot_drift", tag=tag)
        signal.drift(amount)

    def unit(self, code: str) -> WorkUnit:
        """A unit by its code. Raises Invalid ``demo.unknown_target``."""
        if code not in self.units:
            raise Invalid("demo.unknown_target", target=code, known=", ".join(self.units))
        return self.units[code]

    def _targets(self, target: str) -> tuple[WorkUnit, ...]:
        if target in self.lines:
            return self.lines[target].units
        if target in self.units:
            return (self.units[target],)
        raise Invalid("demo.unknown_target", target=target, known=", ".join(self.lines))

    def _signals(self) -> Mapping[str, Signal]:
        signals: dict[str, Signal] = {
            f"{unit.spec.code.replace('-', '.')}.{name}": signal for unit in self.units.values() for name, signal in unit.signals.items()
        }
        signals["Site.Ambient.Temperature"] = self._temperature
        signals["Site.Ambient.Humidity"] = self._humidity
        signals["Site.Air.Pressure"] = self._air
        return signals


def _dew_point_c(temperature_c: float, humidity: float) -> float:
    """Dew point in °C of air at relative ``humidity`` in percent. Source: Magnus formula, coefficients of Sonntag (1990)."""
    share = math.log(max(humidity, 0.1) / 100.0) + 17.62 * temperature_c / (243.12 + temperature_c)
    return 243.12 * share / (17.62 - share)


def _unit_values(unit: WorkUnit) -> dict[str, Value]:
    shown: dict[str, Value] = {
        "State": unit.state.value,
        "GoodCount": unit.counter_good,
        "RejectCount": unit.counter_reject,
        "CycleTime": unit.last_cycle_s,
        "StopReason": unit.reported_reason,
        "Power": unit.power_kw,
        "GuardClosed": unit.state not in _GUARD_OPEN,
        "ModeAuto": unit.state not in _MANUAL,
        "PumpRunning": unit.pump_on,
        "ToolWear": 100.0 * unit.wear,
        "HeaterPower": unit.heat_kw,
    }
    if unit.upstream is not None:
        shown["BufferIn"] = unit.upstream.count
    shown.update(unit.setpoints)
    shown.update({name: signal.reading for name, signal in unit.signals.items()})
    return shown
