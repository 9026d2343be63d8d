"""What the plant knows to be true, as JSON: counts, states and their times, stops with their causes, between two markers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Unit:
    """What a unit had done by a moment."""

    good: int
    reject: int
    state_ms: Mapping[State, int]


@dataclass(frozen=True, slots=True)
class _Mark:
    """A remembered moment, in simulated milliseconds, with what everybody had done by then."""

    at_ms: int
    energy_kwh: float
    units: Mapping[str, _Unit]


class Ledger:
    """Markers and the account between two of them."""

    def __init__(self, plant: Plant, timeline: Timeline) -> None:
        self._plant = plant
        self._timeline = timeline
        nothing = _Unit(0, 0, dict.fromkeys(State, 0))
        self._markers = {START: _Mark(0, 0.0, dict.fromkeys(plant.units, nothing))}

    def mark(self, name: str) -> dict[str, Any]:
        """Remember this moment as ``name``; a name used before moves."""
        self._markers[name] = now = self._now()
        return {"marker": name, "simulated_s": now.at_ms / 1000.0, "at": self._time(now.at_ms)}

    def account(self, marker: str = START, until: str = "") -> dict[str, Any]:
        """The account from ``marker`` until another one ("" for now), clipped to both.

        Raises:
            Invalid: ``demo.unknown_marker``, ``demo.marker_order`` when the end lies before the beginning.
        """
        first = self._marked(marker)
        last = self._marked(until) if until else self._now()
        if last.at_ms < first.at_ms:
            raise Invalid("demo.marker_order", first=marker, last=until)
        return {
            "seed": self._plant.seed,
            "simulated_s": last.at_ms / 1000.0,
            "at": self._time(last.at_ms),
            "since": {"marker": marker, "simulated_s": first.at_ms / 1000.0, "at": self._time(first.at_ms)},
            "lines": {code: self._line(line, first, last) for code, line in self._plant.lines.items()},
            "site": {"energy_kwh": last.energy_kwh - first.energy_kwh, "power_kw": self._plant.power_kw},
        }

    def _now(self) -> _Mark:
        units = {code: _Unit(unit.tally.good, unit.tally.reject, dict(unit.tally.state_ms)) for code, unit in self._plant.units.items()}
        return _Mark(self._plant.now_ms, self._plant.energy_kwh, units)

    def _marked(self, name: str) -> _Mark:
        if name not in self._markers:
            raise Invalid("demo.unknown_marker", marker=name, known=", ".join(self._markers))
        return self._markers[name]

    def _line(self, line: Line, first: _Mark, last: _Mark) -> dict[str, Any]:
        units = {unit.spec.code: self._unit(unit, first, last) for unit in line.units}
        pace = units[line.spec.constraint]
        return {
            "constraint": line.spec.constraint,
            **{key: pace[key] for key in ("state", "reason", "good", "reject", "state_s")},
            "units": units,
        }

    def _unit(self, unit: WorkUnit, first: _Mark, last: _Mark) -> dict[str, Any]:
        before, after = first.units[unit.spec.code], last.units[unit.spec.code]
        spans = self._spans(unit, first.at_ms, last.at_ms)
        stops = (stop for stop in unit.tally.stops if stop.ended_ms is None or stop.ended_ms > first.at_ms)
        return {
            "state": spans[-1]["state"],
            "reason": spans[-1]["reason"],
            "good": after.good - before.good,
            "reject": after.reject - before.reject,
            "cycles": after.good - before.good + after.reject - before.reject,
            "counter_good": unit.counter_good,
            "counter_reject": unit.counter_reject,
            "state_s": {state.value: (after.state_ms[state] - before.state_ms[state]) / 1000.0 for state in State},
            "stops": [self._stop(stop) for stop in stops if stop.began_ms <= last.at_ms],
            "timeline": spans,
            "buffer_in": unit.upstream.count if unit.upstream else None,
        }

    def _spans(self, unit: WorkUnit, from_ms: int, to_ms: int) -> list[dict[str, Any]]:
        """The states of a unit from one moment to another, without gap; the last one ends there. At least one, of no length perhaps."""
        history = list(unit.tally.history)
        ends = [*(span.began_ms for span in history[1:]), max(to_ms, self._plant.now_ms)]
        inside = [
            (span, max(span.began_ms, from_ms), min(end, to_ms))
            for span, end in zip(history, ends, strict=True)
            if span.began_ms <= to_ms and end >= from_ms
        ]
        lasting = [each for each in inside if each[2] > each[1]] or inside[-1:]
        return [
            {
                "state": span.state.value,
                "reason": span.reason,
                "reported": span.reported,
                "began_s": began / 1000.0,
                "ended_s": ended / 1000.0,
                "began_at": self._time(began),
                "ended_at": self._time(ended),
            }
            for span, began, ended in lasting
        ]

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
