"""Measured quantities: how temperatures, pressures, speeds and loads follow the machine, its surroundings and its setpoints.

Each signal keeps a *level* (what the process does), a *shift* (the drift fault) and a *reading* (what the sensor says, with noise).
Scrap follows ``value`` = level + shift, so a provoked drift spoils parts as a real one would.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from core.demo.physics_states import State

_DRIFT_S = 60.0  # a provoked drift arrives within this simulated time


@dataclass(slots=True)
class Moment:
    """What a signal may know when half a second has passed.

    Attributes:
        dt_s: Length of the analog step, simulated seconds.
        state: State of the unit.
        speed: Asked speed as a share of the nominal one.
        wear: Tool wear 0..1.
        power_kw: The unit's power one step ago.
        ambient_c: Hall temperature.
        humidity: Relative humidity of the hall, percent.
        setpoints: The unit's setpoints by signal name, engineering units.
        rng: The unit's own noise.
    """

    dt_s: float
    state: State
    speed: float
    wear: float
    power_kw: float
    ambient_c: float
    humidity: float
    setpoints: Mapping[str, float]
    rng: random.Random

    @property
    def running(self) -> bool:
        """True while the unit moves."""
        return self.state is State.RUNNING

    def toward(self, level: float, goal: float, tau_s: float) -> float:
        """First-order lag: where ``level`` is after this step on its way to ``goal`` with time constant ``tau_s``."""
        return goal + (level - goal) * math.exp(-self.dt_s / tau_s)


class Signal:
    """Base: drift, limits and sensor noise; subclasses give ``follow``.

    Args:
        name: Last part of the tag name.
        start: Level at the beginning, engineering units.
        noise: Standard deviation of the sensor noise, engineering units.
        low, high: What the physics cannot leave, engineering units.
    """

    def __init__(self, name: str, *, start: float, noise: float = 0.0, low: float = 0.0, high: float = math.inf) -> None:
        self.name = name
        self.level = start
        self.value = start
        self.reading = start
        self._noise = noise
        self._low = low
        self._high = high
        self._shift = 0.0
        self._shift_goal = 0.0
        self._shift_rate = 0.0

    def settle(self, setpoints: Mapping[str, float]) -> None:
        """Called once before the first step: a controlled quantity begins where its setpoint wants it."""

    def follow(self, moment: Moment) -> float:
        """The new level, engineering units."""
        return self.level

    def on_cycle(self, moment: Moment) -> None:
        """Called when a part is finished; signals measured once per part draw their level here."""

    def drift(self, amount: float) -> None:
        """Move the process by ``amount`` engineering units within a minute and keep it there; 0 leads it back."""
        self._shift_goal = amount
        self._shift_rate = abs(amount - self._shift) / _DRIFT_S

    def advance(self, moment: Moment) -> None:
        """One analog step."""
        self.level = min(self._high, max(self._low, self.follow(moment)))
        if self._shift != self._shift_goal:
            step = self._shift_rate * moment.dt_s
            away = self._shift_goal - self._shift
            self._shift = self._shift_goal if abs(away) <= step else self._shift + math.copysign(step, away)
        self.value = min(self._high, max(self._low, self.level + self._shift))
        noisy = self.value + moment.rng.gauss(0.0, self._noise) if self._noise else self.value
        self.reading = min(self._high, max(self._low, noisy))


def _goal(setpoint: str | float, setpoints: Mapping[str, float]) -> float:
    return setpoint if isinstance(setpoint, float) else setpoints[setpoint]


class Warmed(Signal):
    """A temperature that the unit's own power raises above the hall's: motors, oil, spindles, boards."""

    def __init__(self, name: str, *, rise_per_kw: float, tau_s: float, start: float, noise: float = 0.08) -> None:
        super().__init__(name, start=start, noise=noise, low=-20.0, high=140.0)
        self._rise_per_kw = rise_per_kw
        self._tau_s = tau_s

    def follow(self, moment: Moment) -> float:
        """Toward hall temperature plus the rise by power; worn tools rub."""
        rise = self._rise_per_kw * moment.power_kw * (1.0 + 0.25 * moment.wear)
        return moment.toward(self.level, moment.ambient_c + rise, self._tau_s)


class Heated(Signal):
    """A temperature held by a heater with limited power: ovens, baths, glue pots.

    ``heater_kw`` is the full power, ``full_rise`` what it would reach above the hall. Off while the unit is down or maintained.
    """

    def __init__(self, name: str, *, setpoint: str | float, full_rise: float, tau_s: float, heater_kw: float, noise: float = 0.15) -> None:
        super().__init__(name, start=0.0, noise=noise, low=-20.0, high=320.0)
        self._setpoint = setpoint
        self._full_rise = full_rise
        self._tau_s = tau_s
        self._heater_kw = heater_kw
        self.heat_kw = 0.0

    def goal(self, setpoints: Mapping[str, float]) -> float:
        """The temperature it shall hold, °C."""
        return _goal(self._setpoint, setpoints)

    def settle(self, setpoints: Mapping[str, float]) -> None:
        """Warm already."""
        self.level = self.value = self.reading = self.goal(setpoints)

    def follow(self, moment: Moment) -> float:
        """Proportional control around the holding power, saturating at full power."""
        if moment.state in (State.DOWN, State.MAINTENANCE):
            self.heat_kw = 0.0
            return moment.toward(self.level, moment.ambient_c, self._tau_s)
        goal = self.goal(moment.setpoints)
        held = (goal - moment.ambient_c) / self._full_rise
        duty = min(1.0, max(0.0, held + 0.06 * (goal - self.level)))
        self.heat_kw = duty * self._heater_kw
        return moment.toward(self.level, moment.ambient_c + duty * self._full_rise, self._tau_s)


class Pumped(Signal):
    """A pressure that leaks and is consumed until a pump switches on and charges it past its setpoint."""

    def __init__(self, name: str, *, setpoint: str | float, leak_per_s: float, use_per_s: float, charge_per_s: float, noise: float) -> None:
        super().__init__(name, start=0.0, noise=noise)
        self._setpoint = setpoint
        self._leak = leak_per_s
        self._use = use_per_s
        self._charge = charge_per_s
        self.pump_on = False

    def settle(self, setpoints: Mapping[str, float]) -> None:
        """Charged already."""
        self.level = self.value = self.reading = _goal(self._setpoint, setpoints)

    def follow(self, moment: Moment) -> float:
        """All rates are shares of the setpoint per second; the band is -3 % (pump on) to +1.5 % (pump off)."""
        goal = _goal(self._setpoint, moment.setpoints)
        level = self.level * (1.0 - self._leak * moment.dt_s)
        if moment.running:
            level -= goal * self._use * moment.speed * moment.dt_s
        if level > goal * 1.03:  # the relief valve opens when the setpoint was lowered
            level = moment.toward(level, goal * 1.015, 4.0)
        if moment.state in (State.DOWN, State.MAINTENANCE):
            self.pump_on = False
        elif level <= goal * 0.97:
            self.pump_on = True
        if self.pump_on:
            level += goal * self._charge * moment.dt_s
            self.pump_on = level < goal * 1.015
        return level


class Spun(Signal):
    """A speed: toward nominal × asked share while running, else to a stop."""

    def __init__(self, name: str, *, nominal: float, tau_s: float = 1.2, noise: float = 0.0, setpoint: str | None = None) -> None:
        super().__init__(name, start=0.0, noise=0.0)
        self._nominal = nominal
        self._tau_s = tau_s
        self._ripple = noise
        self._setpoint = setpoint

    def follow(self, moment: Moment) -> float:
        """Ripple only while it turns, so a standing machine reads a clean zero."""
        asked = moment.setpoints[self._setpoint] if self._setpoint else self._nominal * moment.speed
        level = moment.toward(self.level, asked if moment.running else 0.0, self._tau_s)
        if level < self._nominal * 0.002:
            return 0.0
        return level + moment.rng.gauss(0.0, self._ripple) if moment.running and self._ripple else level


class Loaded(Signal):
    """A torque, force, flow or current that is there while the unit runs and grows with tool wear."""

    def __init__(self, name: str, *, nominal: float, wear_gain: float = 0.0, spread: float = 0.02, rest: float = 0.0) -> None:
        super().__init__(name, start=rest)
        self._nominal = nominal
        self._wear_gain = wear_gain
        self._spread = spread
        self._rest = rest

    def follow(self, moment: Moment) -> float:
        """Nominal × speed × (1 + gain × wear), with the scatter of the work."""
        if not moment.running:
            return moment.toward(self.level, self._rest, 0.6)
        goal = self._nominal * moment.speed * (1.0 + self._wear_gain * moment.wear)
        return moment.toward(self.level, goal * moment.rng.gauss(1.0, self._spread), 0.8)


class Shaken(Signal):
    """Vibration, mm/s rms: rest level, share of speed, and the square of wear."""

    def __init__(self, name: str, *, running: float, wear_gain: float = 0.0, rest: float = 0.12) -> None:
        super().__init__(name, start=rest)
        self._running = running
        self._wear_gain = wear_gain
        self._rest = rest

    def follow(self, moment: Moment) -> float:
        """Follows within a second; scatters by 5 %."""
        goal = self._rest
        if moment.running:
            goal += self._running * moment.speed + self._wear_gain * moment.wear**2
        return moment.toward(self.level, goal * moment.rng.gauss(1.0, 0.05), 1.0)


class Wandering(Signal):
    """A controlled quantity that wanders about its mean (Ornstein-Uhlenbeck) and feels the hall's humidity by a share.

    ``spread`` is its standard deviation in the long run, ``tau_s`` how slowly it wanders, both in engineering units and seconds.
    """

    def __init__(self, name: str, *, mean: float, spread: float, tau_s: float = 300.0, humid: float = 0.0, noise: float = 0.0) -> None:
        super().__init__(name, start=mean, noise=noise)
        self._mean = mean
        self._spread = spread
        self._tau_s = tau_s
        self._humid = humid

    def follow(self, moment: Moment) -> float:
        """Pulled to the mean, pushed by chance."""
        mean = self._mean + self._humid * (moment.humidity - 52.0)
        pushed = moment.toward(self.level, mean, self._tau_s)
        return pushed + moment.rng.gauss(0.0, self._spread * math.sqrt(2.0 * moment.dt_s / self._tau_s))


class Stroke(Signal):
    """A quantity measured once per part: peak torque, tonnage, leak rate; it stands until the next part."""

    def __init__(
        self, name: str, *, nominal: float, spread: float, wear_gain: float = 0.0, follows: str = "", reference: float = 1.0
    ) -> None:
        super().__init__(name, start=nominal)
        self._nominal = nominal
        self._spread = spread
        self._wear_gain = wear_gain
        self._follows = follows
        self._reference = reference

    def on_cycle(self, moment: Moment) -> None:
        """Nominal × (setpoint / its reference) × (1 + gain × wear), with the spread of the work."""
        share = moment.setpoints[self._follows] / self._reference if self._follows else 1.0
        self.level = self._nominal * share * (1.0 + self._wear_gain * moment.wear) * moment.rng.gauss(1.0, self._spread)


class Hall(Signal):
    """Temperature or humidity of the hall: a daily wave plus slow chance."""

    def __init__(self, name: str, *, mean: float, swing: float, spread: float, phase_s: float, noise: float) -> None:
        super().__init__(name, start=mean, noise=noise, low=-10.0, high=100.0)
        self._mean = mean
        self._swing = swing
        self._spread = spread
        self._phase_s = phase_s
        self._age_s = 0.0
        self._chance = 0.0

    def follow(self, moment: Moment) -> float:
        """One wave per 24 simulated hours; chance wanders within the hour."""
        self._age_s += moment.dt_s
        self._chance = moment.toward(self._chance, 0.0, 3600.0) + moment.rng.gauss(
            0.0, self._spread * math.sqrt(2.0 * moment.dt_s / 3600.0)
        )
        return self._mean + self._swing * math.sin(2.0 * math.pi * (self._age_s + self._phase_s) / 86400.0) + self._chance
