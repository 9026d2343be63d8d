"""What each machine does and since when: the state from the machine itself, its beginning from the record."""

from __future__ import annotations

from typing import Final

from core.equipment.machines import MachinesView, MachineView, Stop
from core.equipment.states import MachineState, map_state
from core.live.sample import Quality
from hmi.bridge import Bridge
from hmi.panels.equipment.machine import Machine

_UNLINKED: Final = frozenset({Quality.BAD, Quality.CONFIG, Quality.STALE})
"""There is a link, but no state can be told: the word is then why, not "no communication"."""


class States:
    """States of the machines of one line.

    Args:
        bridge: Gives the latest samples.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._known: dict[str, MachineView] = {}
        self._seen: dict[str, tuple[MachineState, float]] = {}

    def know(self, known: MachinesView) -> None:
        """Take what was recorded."""
        self._known = {machine.code: machine for machine in known.machines}

    def forget(self) -> None:
        """Another line, or another site."""
        self._known, self._seen = {}, {}

    def stops(self, code: str) -> tuple[Stop, ...]:
        """The last stops of a machine, newest first."""
        return self._known[code].stops if code in self._known else ()

    def of(self, machine: Machine | None, now: float) -> tuple[MachineState | None, float | None, str]:
        """State at ``now`` (UNIX seconds UTC), since how many seconds, and a nearer word; None for what is no machine."""
        if machine is None or not machine.is_unit:
            return None, None, ""
        known = self._known.get(machine.code)
        recorded = known.since.timestamp() if known is not None and known.since is not None else None
        spec = machine.state_tag
        if spec is None:
            return (known.state if known is not None else MachineState.OFFLINE), None if recorded is None else now - recorded, ""
        sample = self._bridge.sample(spec.name)
        state, _ = map_state(sample.value, sample.quality, spec.states)
        if self._seen.get(machine.code, (None, 0.0))[0] is not state:
            self._seen[machine.code] = (state, now)
        # The recorded start is exact; until the record arrives the moment this screen saw the change stands in.
        since = recorded if recorded is not None and known is not None and known.state is state else self._seen[machine.code][1]
        said = f"data.{sample.quality.name}" if state is MachineState.OFFLINE and sample.quality in _UNLINKED else ""
        return state, max(0.0, now - since), said
