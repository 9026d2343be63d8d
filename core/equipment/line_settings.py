"""How a line's state, stops and counts are judged: what the site decides per line. Plain words, without a database behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

StateRuleName = Literal["constraint", "all_running", "any_running", "worst"]
"""Whose state is the line's: its constraint unit's; RUNNING only while all run, or while any runs; or the worst of all units."""
MinorLoss = Literal["performance", "availability"]
"""Where the time of minor stops is lost: in performance (TPM) or in availability (ISO 22400, strictly)."""
CountMode = Literal["machine", "hand", "readings"]
"""Parts are counted by the machine, by hand, or by reading a counter at the start and the end of an order."""
ReportMode = Literal["confirm", "automatic"]
"""What the machine counted is reported by somebody who confirms it, or by itself."""
GapRule = Literal["leader", "bridge", "counted"]
"""What a gap in the data was: a leader says so; short ones are what stood on both sides; or running, when the parts fit."""

LINE_WORDS: Final[Mapping[str, Any]] = {
    "state_rule": StateRuleName,
    "minor_stop_loss": MinorLoss,
    "count_mode": CountMode,
    "report_mode": ReportMode,
    "gap_rule": GapRule,
}
"""Setting → the words it may have."""


@dataclass(frozen=True, slots=True)
class LineSettings:
    """Settings of one line.

    Attributes:
        calendar: Code of the calendar it works by; "" when it is planned around the clock.
        state_rule: See StateRuleName.
        minor_stop_s: Shorter stops are minor ones, seconds, 1 … 3600.
        minor_stop_loss: See MinorLoss.
        worked_breaks: True when time in which it runs through a planned break is busy time, with the parts made in it.
        count_mode: See CountMode.
        report_mode: See ReportMode.
        difference_limit: A report that differs from the machine count by more than this share (and more than one part) must be
            explained, 0 … 1.
        gap_rule: See GapRule.
        gap_bridge_s: Longest gap that rule ``bridge`` closes, seconds, 0 … 3600.
        oee_target: Per cent, > 0 … 100.
    """

    calendar: str = ""
    state_rule: StateRuleName = "constraint"
    minor_stop_s: int = 300
    minor_stop_loss: MinorLoss = "performance"
    worked_breaks: bool = True
    count_mode: CountMode = "machine"
    report_mode: ReportMode = "confirm"
    difference_limit: float = 0.02
    gap_rule: GapRule = "leader"
    gap_bridge_s: int = 0
    oee_target: float = 85.0
