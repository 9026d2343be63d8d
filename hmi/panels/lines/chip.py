"""The state of a line as its constraint unit's own tag says it, with the start that was recorded."""

from __future__ import annotations

import time

from PySide6.QtWidgets import QWidget

from core.equipment.states import map_state, nearer_word
from core.live.sample import Sample
from core.live.tags import TagSpec
from core.production.views import LineDetail
from hmi.widgets.chip import StateChip


class LiveChip(StateChip):
    """A state chip that follows the constraint unit's state tag, where the line's state is that of the tag."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec: TagSpec | None = None
        self._detail: LineDetail | None = None
        self._shown = ""
        self._since = 0.0

    @property
    def _by_tag(self) -> bool:
        return self.spec is not None and (self._detail is None or self._detail.line.state_by_tag)

    def show_detail(self, detail: LineDetail) -> None:
        """Take the recorded state, for its start and when the tag does not say it."""
        self._detail = detail
        if not self._by_tag:
            since = detail.line.state_since
            self.show_state(detail.line.state.value, None if since is None else max(0.0, time.time() - since.timestamp()))

    def forget(self) -> None:
        """Another line is shown."""
        self._detail = None

    def show_sample(self, sample: Sample, now: float) -> None:
        """Take the state tag; ``now`` is UNIX seconds UTC."""
        if self.spec is None or not self._by_tag:
            return
        state, reason = map_state(sample.value, sample.quality, self.spec.states)
        if state.value != self._shown:
            self._shown, self._since = state.value, now
        line = self._detail.line if self._detail is not None else None
        recorded = line.state_since if line is not None and line.state is state else None
        elapsed_s = max(0.0, now - (recorded.timestamp() if recorded is not None else self._since))
        self.show_state(state.value, elapsed_s, nearer_word(state, reason, sample.quality))
