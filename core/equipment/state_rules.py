"""The state of a machine without a state word: from rules over several of its tags. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from core.equipment.states import BITS, INVALID, NO_LINK, UNMAPPED, MachineState, raw_text, whole
from core.live.sample import Quality, Value

Comparison = Literal["==", "!=", ">", ">=", "<", "<=", "bit", "is_true", "is_false", ""]
"""How a rule looks at its tag; "" is a rule that holds otherwise."""


@dataclass(frozen=True, slots=True)
class StateRule:
    """One rule: while it holds, and none before it does, the machine is in ``state``.

    Attributes:
        state: One of the nine.
        tag: Name of the tag it looks at; "" only for ``otherwise``.
        op: How; ``bit`` asks whether bit ``value`` (0 … 63) of a whole number is set.
        value: What is compared; a text is compared with ``==`` and ``!=`` only.
    """

    state: MachineState
    tag: str = ""
    op: Comparison = ""
    value: float | str = 0.0

    @property
    def problem(self) -> str:
        """Why it cannot be a rule: ``op``, ``tag``, ``value`` or "" for a good one."""
        if self.op not in get_args(Comparison):
            return "op"
        if (self.op == "") != (self.tag == ""):
            return "tag"
        if self.op in ("is_true", "is_false", ""):
            return ""
        if self.op == "bit":
            return "" if isinstance(self.value, int | float) and self.value in range(BITS) else "value"
        if isinstance(self.value, str):
            return "" if self.op in ("==", "!=") else "value"
        return "" if math.isfinite(self.value) else "value"


def stored_rule(entry: Mapping[str, Any]) -> StateRule:
    """A rule as its work unit's row keeps it.

    Raises:
        ValueError, KeyError: It names none of the nine states.
    """
    return StateRule(MachineState(entry["state"]), entry.get("tag", ""), entry.get("op", ""), entry.get("value", 0.0))


def rule_row(rule: StateRule) -> dict[str, Any]:
    """The rule as its work unit's row keeps it."""
    return {"state": rule.state.value, "tag": rule.tag, "op": rule.op, "value": rule.value}


def rule_state(rules: Sequence[StateRule], samples: Mapping[str, tuple[Value, Quality]]) -> tuple[MachineState, str]:
    """The state of the first rule that holds; OFFLINE when that cannot be said.

    A rule whose tag has no usable value decides nothing, and none after it may: ``otherwise`` is what is left when all
    others are known not to hold.

    Args:
        rules: In their order.
        samples: Tag → its last raw value and quality; a tag never seen is absent.

    Returns:
        One of the nine, with the reason when it is OFFLINE (else "").
    """
    for rule in rules:
        if rule.op == "":
            return rule.state, ""
        value, quality = samples.get(rule.tag, (None, Quality.NEVER))
        if not quality.usable:
            return MachineState.OFFLINE, INVALID if quality in (Quality.BAD, Quality.CONFIG) else NO_LINK
        holds = _holds(rule, value)
        if holds is None:
            return MachineState.OFFLINE, INVALID
        if holds:
            return rule.state, ""
    return MachineState.OFFLINE, UNMAPPED


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) and not math.isnan(value) else None


def _holds(rule: StateRule, value: Value) -> bool | None:
    """Whether ``rule`` holds for a usable value; None when it cannot be compared."""
    if isinstance(rule.value, str) and rule.op in ("==", "!="):
        return (raw_text(value) == rule.value.strip()) == (rule.op == "==")
    if rule.op == "bit":
        word = whole(value)
        return None if word is None else bool(word >> int(rule.value) & 1)
    number = _number(value)
    if number is None:
        return None
    if rule.op in ("is_true", "is_false"):
        return (number != 0) == (rule.op == "is_true")
    wanted = float(rule.value)
    answers = {
        "==": number == wanted, "!=": number != wanted, ">": number > wanted, ">=": number >= wanted, "<": number < wanted,
        "<=": number <= wanted,
    }  # fmt: skip
    return answers[rule.op]
