"""What a machine did, as a chain of segments: each ends where the next begins. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.equipment.states import NO_LINK, MachineState

_NO_STOP: Final = frozenset({MachineState.RUNNING, MachineState.OFFLINE})
"""States a machine gives no reason for."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A segment that has begun; the one before it ends at the same moment.

    Attributes:
        state: What the machine does now.
        at: UNIX seconds UTC.
        reason: "" when none is given.
    """

    state: MachineState
    at: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """The reason of the segment that goes on became known after it had begun."""

    reason: str


class StateTracker:
    """The chain of one machine's states. Fed on one thread, in the order of arrival.

    A chain without gap or overlap needs no check afterwards: a segment has no end of its own, only the beginning of the
    next one, and beginnings never go back.

    Args:
        recorded_until: Until when the machine's states are already stored, UNIX seconds UTC; the time from then to the
            first reading is OFFLINE. None for a machine nobody recorded yet.
    """

    def __init__(self, recorded_until: float | None = None) -> None:
        self._recorded_until = recorded_until
        self._current: Begun | None = None
        self._reason = ""

    @property
    def current(self) -> Begun | None:
        """The segment that goes on; None before the first reading and after ``end``."""
        return self._current

    def see(self, state: MachineState, why: str, at: float) -> list[Begun]:
        """Take a reading; gives the segments that begin with it, oldest first, [] while nothing changes.

        Args:
            state: See ``states.map_state``.
            why: For OFFLINE why the station does not know; "" otherwise.
            at: UNIX seconds UTC; an earlier time than the segment's beginning counts as its beginning.
        """
        reason = why if state in _NO_STOP else self._reason
        current = self._current
        if current is not None:
            if current.state is state and (state is not MachineState.OFFLINE or current.reason == reason):
                return []
            return [self._begin(Begun(state, max(at, current.at), reason))]
        since = self._recorded_until
        if since is None or at <= since:
            return [self._begin(Begun(state, at if since is None else since, reason))]
        if state is MachineState.OFFLINE:
            return [self._begin(Begun(state, since, reason))]
        return [Begun(MachineState.OFFLINE, since, NO_LINK), self._begin(Begun(state, at, reason))]

    def explain(self, reason: str, at: float) -> Begun | Explained | None:
        """Take the reason the machine offers now, "" for none.

        Returns:
            Explained when the stop that goes on had no reason yet, Begun when it goes on for another reason, None when
            nothing changes.
        """
        self._reason = reason
        current = self._current
        if current is None or not reason or current.state in _NO_STOP or current.reason == reason:
            return None
        if not current.reason:
            self._current = Begun(current.state, current.at, reason)
            return Explained(reason)
        return self._begin(Begun(current.state, max(at, current.at), reason))

    def end(self, at: float) -> float | None:
        """Close the chain, because the recorder leaves in good order; gives the last segment's end, None without one."""
        if self._current is None:
            return None
        self._recorded_until = max(at, self._current.at)
        self._current = None
        return self._recorded_until

    def _begin(self, segment: Begun) -> Begun:
        self._current = segment
        return segment
