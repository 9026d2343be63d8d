"""One work unit: takes a part, works its cycle, judges it, hands it on, and stops for all the reasons machines stop.

Parts and stops move in steps of ``STEP_MS``; quantities follow in steps of ``ANALOG_MS``. Every kind of chance has its own
seeded stream, so that a provoked stop does not change how the noise or the other units fall.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from core.demo.physics_signals import Heated, Moment, Pumped
from core.demo.physics_spec import UnitSpec
from core.demo.physics_states import (
    ANALOG_MS,
    NEXT_FULL,
    NO_MATERIAL,
    PREVIOUS_EMPTY,
    REASON_STATES,
    STEP_MS,
    WARM_UP,
    State,
    Stop,
    StopKind,
)

CounterFault = Literal["", "reset", "back", "double", "hold"]
UINT32 = 1 << 32
GRACE_MS = 5000  # shorter waits between two parts belong to the rhythm of the line and are shown as running
KEPT_STOPS = 5000
KEPT_SPANS = 20_000
_BACK_PARTS = 50  # so much is missing from a counter that was restored from an older copy
_STARTUP_S = 300.0  # after a longer stop the first parts are doubtful
_STARTUP_PARTS = 3
_MOST_SCRAP = 0.6
_WARM_BAND_C = 6.0


@dataclass(slots=True)
class Buffer:
    """Parts waiting between two units."""

    capacity: int
    count: int


@dataclass(slots=True)
class Surroundings:
    """The hall as a unit feels it: °C and percent relative humidity."""

    ambient_c: float = 24.0
    humidity: float = 52.0


@dataclass(frozen=True, slots=True)
class Span:
    """A unit in one state for one reason from ``began_ms`` (simulated) on; ``reported`` is what the machine itself says of it."""

    began_ms: int
    state: State
    reason: str = ""
    reported: str = ""


@dataclass(slots=True)
class Tally:
    """What a unit has done since the start of the plant; times in simulated milliseconds."""

    good: int = 0
    reject: int = 0
    state_ms: dict[State, int] = field(default_factory=lambda: dict.fromkeys(State, 0))
    stops: deque[Stop] = field(default_factory=lambda: deque(maxlen=KEPT_STOPS))
    history: deque[Span] = field(default_factory=lambda: deque([Span(0, State.RUNNING)], maxlen=KEPT_SPANS))

    @property
    def cycles(self) -> int:
        """Parts finished, good or not."""
        return self.good + self.reject

    def note(self, span: Span) -> None:
        """The unit is in this state from now on; what lasted for no time is forgotten."""
        if self.history and self.history[-1].began_ms >= span.began_ms:
            self.history.pop()
        last = self.history[-1] if self.history else None
        if last is None or (last.state, last.reason, last.reported) != (span.state, span.reason, span.reported):
            self.history.append(span)


class WorkUnit:
    """A running unit. ``step`` and ``analog_step`` are called by its line; everything else may be read at any time."""

    def __init__(self, spec: UnitSpec, seed: int, upstream: Buffer | None, downstream: Buffer | None) -> None:
        self.spec = spec
        self.upstream = upstream
        self.downstream = downstream
        self.state = State.RUNNING
        self.tally = Tally()
        self.setpoints = {setpoint.name: setpoint.start for setpoint in spec.setpoints}
        self.signals = {signal.name: signal for signal in spec.signals}
        self.wear = spec.tool.start if spec.tool else 0.0
        self.power_kw = spec.run_kw
        self.energy_kwh = 0.0
        self.last_cycle_s = spec.cycle_s
        self.loaded = False
        self.holding = False
        self._work, self._fate, self._judge, self._noise = (
            random.Random(f"{seed}/{spec.code}/{stream}")  # noqa: S311 - a repeatable factory, no secret
            for stream in ("work", "fate", "judge", "noise")
        )
        self._first_good = self._work.randrange(2_000_000) if spec.first_good is None else spec.first_good
        self._first_reject = self._work.randrange(20_000) if spec.first_reject is None else spec.first_reject
        self._held: tuple[int, int] | None = None
        self._doubled = False
        self._cycle_ms = 0
        self._left_ms = -self._work.randrange(int(spec.cycle_s * 1000))  # units do not start in step
        self._waited_ms = 0
        self._ran_ms = 0
        self._due_ms = [self._next_due(kind) for kind in spec.kinds]
        self._stop: Stop | None = None
        self._waiting: Stop | None = None
        self._pending: deque[Stop] = deque()
        self._doubtful = 0
        for signal in spec.signals:  # the demo begins in the middle of a shift, not on a cold Monday
            signal.settle(self.setpoints)

    # -- what the unit shows ------------------------------------------------------------------------------------------

    @property
    def counter_good(self) -> int:
        """The machine's own counter of good parts, uint32: rises and wraps."""
        return self._held[0] if self._held else (self._first_good + self.tally.good) % UINT32

    @property
    def counter_reject(self) -> int:
        """The machine's own counter of rejects, uint32."""
        return self._held[1] if self._held else (self._first_reject + self.tally.reject) % UINT32

    @property
    def stop(self) -> Stop | None:
        """The stop that lasts, be it a failure or waiting for parts; None while running."""
        return self._stop or self._waiting

    @property
    def reported_reason(self) -> str:
        """What the machine itself says about the stop; "" while running or when it does not know."""
        stop = self.stop
        return stop.reason if stop is not None and stop.reported else ""

    @property
    def pump_on(self) -> bool:
        """True while the pump of its pressure runs; False for a unit without one."""
        return any(isinstance(signal, Pumped) and signal.pump_on for signal in self.spec.signals)

    @property
    def heat_kw(self) -> float:
        """What its heaters draw now, kW; 0 for a unit without one."""
        return sum(signal.heat_kw for signal in self.spec.signals if isinstance(signal, Heated))

    # -- commands -----------------------------------------------------------------------------------------------------

    def force_stop(self, reason: str, for_ms: int | None, now_ms: int) -> None:
        """Stop now for ``reason``, until ``for_ms`` have passed or, with None, until started; replaces what goes on."""
        self._end_stop(now_ms)
        self._begin(Stop(REASON_STATES[reason], reason, reported=True, forced=True, left_ms=for_ms), now_ms)
        self._note(now_ms)

    def disturb_counter(self, how: CounterFault) -> None:
        """Let the counters lie; what was really made the tally goes on to know. "" ends what lasts (``double``, ``hold``).

        Args:
            how: ``reset``: they begin at 0 again; ``back``: they go on from an older value; ``double``: each part counts twice;
                ``hold``: they stand still, and later show all at once.
        """
        match how:
            case "reset":
                self._first_good, self._first_reject = -self.tally.good, -self.tally.reject
            case "back":
                self._first_good -= min(_BACK_PARTS, self.counter_good)
            case "double":
                self._doubled = True
            case "hold":
                self._held = (self.counter_good, self.counter_reject)
            case _:
                self._held, self._doubled = None, False

    def plan_stop(self, reason: str, for_ms: int) -> None:
        """Stop for ``reason`` as soon as what goes on now is over."""
        self._pending.append(Stop(REASON_STATES[reason], reason, reported=True, left_ms=for_ms))

    def start(self, now_ms: int) -> None:
        """End what holds the unit and forget what was planned; a cold oven still has to warm up."""
        self._pending.clear()
        if self._stop is not None:
            self._finish_stop(now_ms)
            self._note(now_ms)

    # -- time ---------------------------------------------------------------------------------------------------------

    def step(self, now_ms: int) -> None:
        """Let ``STEP_MS`` pass; ``now_ms`` is the simulated time at its end."""
        self.tally.state_ms[self.state] += STEP_MS
        if self._stop is not None:
            self._sit(now_ms)
        elif self._pending:
            self._begin(self._pending.popleft(), now_ms)
        else:
            self._produce(now_ms)
        self._note(now_ms)

    def analog_step(self, hall: Surroundings) -> None:
        """Let ``ANALOG_MS`` pass for the measured quantities, power and energy."""
        moment = self._moment(hall)
        for signal in self.spec.signals:
            signal.advance(moment)
        goal_kw = self.spec.idle_kw
        if self.state is State.RUNNING:
            goal_kw = self.spec.run_kw * (0.35 + 0.65 * moment.speed) * (1.0 + 0.2 * self.wear)
        elif self.state in (State.DOWN, State.MAINTENANCE):
            goal_kw = 0.3 * self.spec.idle_kw
        drawn = goal_kw * self._noise.gauss(1.0, 0.015) + self.heat_kw + (0.25 * self.spec.run_kw if self.pump_on else 0.0)
        self.power_kw = max(0.0, moment.toward(self.power_kw, drawn, 1.5))
        self.energy_kwh += self.power_kw * moment.dt_s / 3600.0

    # -- inside -------------------------------------------------------------------------------------------------------

    def _note(self, now_ms: int) -> None:
        stop = self.stop
        self.tally.note(Span(now_ms, self.state, stop.reason if stop else "", self.reported_reason))

    def _moment(self, hall: Surroundings) -> Moment:
        return Moment(
            dt_s=ANALOG_MS / 1000.0,
            state=self.state,
            speed=self._speed(),
            wear=self.wear,
            power_kw=self.power_kw,
            ambient_c=hall.ambient_c,
            humidity=hall.humidity,
            setpoints=self.setpoints,
            rng=self._noise,
        )

    def _speed(self) -> float:
        if self.spec.speed is None:
            return 1.0
        name, nominal = self.spec.speed
        return self.setpoints[name] / nominal

    def _next_due(self, kind: StopKind) -> int:
        return self._ran_ms + int(1000 * self._fate.expovariate(1.0 / kind.mean_between_s))

    def _begin(self, stop: Stop, now_ms: int) -> None:
        self._end_waiting(now_ms)
        stop.began_ms = now_ms
        self.tally.stops.append(stop)
        self._stop = stop
        self.state = stop.state

    def _sit(self, now_ms: int) -> None:
        stop = self._stop
        assert stop is not None  # only called while stopped
        if stop.left_ms is not None:
            stop.left_ms -= STEP_MS
            if stop.left_ms <= 0:
                self._finish_stop(now_ms)
        elif stop.reason == WARM_UP and not stop.forced and self._is_warm():
            self._finish_stop(now_ms)

    def _end_stop(self, now_ms: int) -> None:
        if self._stop is not None:
            self._stop.ended_ms = now_ms
            self._stop.left_ms = None
            self._stop = None
        self.state = State.RUNNING

    def _finish_stop(self, now_ms: int) -> None:
        stop = self._stop
        assert stop is not None  # only called while stopped
        self._end_stop(now_ms)
        if self.spec.tool is not None and stop.reason == self.spec.tool.reason:
            self.wear = 0.0
        if now_ms - stop.began_ms >= _STARTUP_S * 1000:
            self._doubtful = _STARTUP_PARTS
        if not self._is_warm():
            self._begin(Stop(State.SETUP, WARM_UP, reported=True), now_ms)

    def _is_warm(self) -> bool:
        signal = self.signals.get(self.spec.warm)
        return not isinstance(signal, Heated) or signal.level >= signal.goal(self.setpoints) - _WARM_BAND_C

    def _produce(self, now_ms: int) -> None:
        if self.holding and not self._hand_on():
            self._wait(NEXT_FULL, now_ms)
            return
        if not self.loaded and not self._load():
            self._wait(PREVIOUS_EMPTY, now_ms)
            return
        self._end_waiting(now_ms)
        self._left_ms -= STEP_MS
        self._ran_ms += STEP_MS
        if self._left_ms <= 0:
            self._finish_part()
        self._fail(now_ms)

    def _wait(self, reason: str, now_ms: int) -> None:
        self._left_ms = 0
        self._waited_ms += STEP_MS
        if self._waiting is None and self._waited_ms >= GRACE_MS:
            self._waiting = Stop(State.WAITING, reason, reported=True, began_ms=now_ms)
            self.tally.stops.append(self._waiting)
            self.state = State.WAITING

    def _end_waiting(self, now_ms: int) -> None:
        self._waited_ms = 0
        if self._waiting is not None:
            self._waiting.ended_ms = now_ms
            self._waiting = None
            self.state = State.RUNNING

    def _load(self) -> bool:
        if self.upstream is not None:
            if self.upstream.count == 0:
                return False
            self.upstream.count -= 1
        drawn_s = self._work.gauss(self.spec.cycle_s, self.spec.cycle_s * self.spec.spread)
        self._cycle_ms = int(1000 * max(0.6 * self.spec.cycle_s, drawn_s) / self._speed())
        self._left_ms += self._cycle_ms  # what the last part ran over its step is not given away
        self.loaded = True
        return True

    def _hand_on(self) -> bool:
        if self.downstream is not None:
            if self.downstream.count >= self.downstream.capacity:
                return False
            self.downstream.count += 1
        self.holding = False
        return True

    def _finish_part(self) -> None:
        self.loaded = False
        self.last_cycle_s = self._cycle_ms / 1000.0
        if self.spec.tool is not None:
            self.wear = min(1.0, self.wear + 1.0 / self.spec.tool.life)
        moment = self._moment(Surroundings())
        for signal in self.spec.signals:
            signal.on_cycle(moment)
        share = self.scrap_share()
        self._doubtful = max(0, self._doubtful - 1)
        if self._judge.random() < share:
            self.tally.reject += 1
            self._first_reject += self._doubled
            return
        self.tally.good += 1
        self._first_good += self._doubled
        self.holding = True
        self._hand_on()

    def scrap_share(self) -> float:
        """Chance that the part finished now is rejected, 0..0.6: recipe, tool and start-up together."""
        share = self.spec.scrap
        for factor in self.spec.factors:
            signal = self.signals.get(factor.signal)
            value = self.setpoints[factor.signal] if signal is None else signal.value
            excess = abs(value - factor.nominal) / factor.tolerance - 1.0
            if excess > 0.0:
                share += factor.gain * excess * excess
        share += 0.15 * max(0.0, self.wear - 0.85)
        if self._doubtful:
            share += 0.1
        return min(_MOST_SCRAP, share)

    def _fail(self, now_ms: int) -> None:
        if self.spec.tool is not None and self.wear >= 1.0 and not self.loaded:
            change_s = self.spec.tool.change_s * self._fate.uniform(0.8, 1.3)
            self._begin(self._planned(self.spec.tool.reason, change_s, known=True), now_ms)
            return
        for index, kind in enumerate(self.spec.kinds):
            if self._ran_ms >= self._due_ms[index]:
                self._due_ms[index] = self._next_due(kind)
                drawn_s = kind.median_s * self._fate.lognormvariate(0.0, kind.sigma)
                known = self._fate.random() < kind.known
                reason = self._fate.choice(kind.reasons)
                self._begin(self._planned(reason, min(kind.longest_s, drawn_s), known=known or reason == NO_MATERIAL), now_ms)
                return

    def _planned(self, reason: str, duration_s: float, *, known: bool) -> Stop:
        steps = max(1, round(duration_s * 1000 / STEP_MS))
        return Stop(REASON_STATES[reason], reason, reported=known, left_ms=steps * STEP_MS)
