"""What the plant knows to be true, as JSON: counts, times in each state, stops with their causes, since the start or a marker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from core.demo.physics import Line, Plant
from core.demo.physics_states import State, Stop
from core.demo.physics_unit import WorkUnit
from core.errors import Invalid

START = "start"


class Timeline:
    """Simulated time → time of day, piecewise: the speed may change and the plant may pause."""

    def __init__(self, at: float, speed: float) -> None:
        self._anchors: list[tuple[int, float, float]] = [(0, at, speed)]

    def anchor(self, simulated_ms: int, at: float, speed: float) -> None:
        """From here on time passes at ``speed``; ``at`` is UNIX seconds UTC. Told at every tick, kept only when it says something new."""
        since_ms, since, old = self._anchors[-1]
        expected = since + (simulated_ms - since_ms) / 1000.0 / old
        if speed != old or abs(expected - at) > 0.25:
            self._anchors.append((simulated_ms, at, speed))

    def at(self, simulated_ms: int) -> float:
        """Time of day of a simulated moment, UNIX seconds UTC."""
        since_ms, since, speed = next(anchor for anchor in reversed(self._anchors) if anchor[0] <= simulated_ms)
        return since + (simulated_ms - since_ms) / 1000.0 / speed


class Ledger:
    """Markers and the account since one of them."""

    def __init__(self, plant: Plant, timeline: Timeline) -> None:
        self._plant = plant
        self._timeline = timeline
        zero = {code: (0, 0, dict.fromkeys(State, 0)) for code in plant.units}
        self._markers = {START: (0, 0.0, zero)}

    def mark(self, name: str) -> dict[str, Any]:
        """Remember this moment as ``name``; a name used before moves."""
        tallies = {code: (unit.tally.good, unit.tally.reject, dict(unit.tally.state_ms)) for code, unit in self._plant.units.items()}
        self._markers[name] = (self._plant.now_ms, self._plant.energy_kwh, tallies)
        return {"marker": name, "simulated_s": self._plant.now_ms / 1000.0, "at": self._time(self._plant.now_ms)}

    def account(self, marker: str = START) -> dict[str, Any]:
        """The account since ``marker``. Raises Invalid ``demo.unknown_marker``."""
        if marker not in self._markers:
            raise Invalid("demo.unknown_marker", marker=marker, known=", ".join(self._markers))
        since_ms, energy_kwh, tallies = self._markers[marker]
        now_ms = self._plant.now_ms
        lines = {code: self._line(line, since_ms, tallies) for code, line in self._plant.lines.items()}
        return {
            "seed": self._plant.seed,
            "simulated_s": now_ms / 1000.0,
            "at": self._time(now_ms),
            "since": {"marker": marker, "simulated_s": since_ms / 1000.0, "at": self._time(since_ms)},
            "lines": lines,
            "site": {"energy_kwh": self._plant.energy_kwh - energy_kwh, "power_kw": self._plant.power_kw},
        }

    def _line(self, line: Line, since_ms: int, tallies: dict[str, tuple[int, int, dict[State, int]]]) -> dict[str, Any]:
        units = {unit.spec.code: self._unit(unit, since_ms, tallies[unit.spec.code]) for unit in line.units}
        pace = units[line.spec.constraint]
        return {
            "constraint": line.spec.constraint,
            **{key: pace[key] for key in ("state", "reason", "good", "reject", "state_s")},
            "units": units,
        }

    def _unit(self, unit: WorkUnit, since_ms: int, before: tuple[int, int, dict[State, int]]) -> dict[str, Any]:
        good, reject, state_ms = before
        stop = unit.stop
        return {
            "state": unit.state.value,
            "reason": stop.reason if stop else "",
            "good": unit.tally.good - good,
            "reject": unit.tally.reject - reject,
            "cycles": unit.tally.cycles - good - reject,
            "counter_good": unit.counter_good,
            "counter_reject": unit.counter_reject,
            "state_s": {state.value: (unit.tally.state_ms[state] - state_ms[state]) / 1000.0 for state in State},
            "stops": [self._stop(stop) for stop in unit.tally.stops if stop.ended_ms is None or stop.ended_ms > since_ms],
            "buffer_in": unit.upstream.count if unit.upstream else None,
        }

    def _stop(self, stop: Stop) -> dict[str, Any]:
        return {
            "state": stop.state.value,
            "reason": stop.reason,
            "reported": stop.reported,
            "forced": stop.forced,
            "began_s": stop.began_ms / 1000.0,
            "ended_s": None if stop.ended_ms is None else stop.ended_ms / 1000.0,
            "began_at": self._time(stop.began_ms),
            "ended_at": None if stop.ended_ms is None else self._time(stop.ended_ms),
        }

    def _time(self, simulated_ms: int) -> str:
        return datetime.fromtimestamp(self._timeline.at(simulated_ms), UTC).isoformat(timespec="milliseconds")
