"""Enter what somebody read at a machine without a controller: one value or state, as a fact with its own time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from core.equipment.manual import enter_value
from core.equipment.states import MachineState
from core.live.sample import Value
from core.live.tags import TagRole, TagSpec, TagType
from core.words import has_word, name, number, word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.sheets.ask_form import Asked, AskForm, Form
from hmi.widgets.entry import NumberEntry

translate = QCoreApplication.translate
_FLOATS: Final = (TagType.FLOAT32, TagType.FLOAT64)


def manual_form(ground: QWidget, bridge: Bridge, spec: TagSpec) -> AskForm:
    """A form for the one tag; states and reasons by their words, numbers within what the tag allows."""

    def form() -> Form:
        label = name(spec.label, theme.language()) or spec.name
        title = translate("ManualEntry", "Enter: {tag}").format(tag=label)
        asked = _asked(spec, label, bridge.sample(spec.name).value)
        return Form(title, (asked,), _allowed(spec) if asked.kind == "number" else "", confirm=word("button.enter", theme.language()))

    async def decide(given: Mapping[str, Any]) -> None:
        value = _value(spec, str(given["value"]))
        shown = [Shown(name(spec.label, theme.language()) or spec.name, "", _said(spec, str(given["value"])))]
        await bridge.do(enter_value, shown=shown, tag=spec.name, value=json.dumps(value))

    return AskForm(ground, bridge, form, decide, draft=(enter_value.name, spec.name))


def _choices(spec: TagSpec) -> tuple[tuple[str, str], ...]:
    """Raw values with their words, where only some make sense."""
    if spec.type is TagType.BOOL:
        return (("0", translate("ManualEntry", "OFF")), ("1", translate("ManualEntry", "ON")))
    if spec.role is TagRole.STATE and not spec.states:
        return tuple((state.value, _word("state", state.value)) for state in MachineState if state is not MachineState.OFFLINE)
    group = "state" if spec.role is TagRole.STATE else "stop"
    return tuple((raw, _word(group, mapped)) for raw, mapped in spec.states.items())


def _word(group: str, mapped: str) -> str:
    known = f"{group}.{mapped}"
    return word(known, theme.language()) if has_word(known) else mapped


def _asked(spec: TagSpec, label: str, now: Value) -> Asked:
    if choices := _choices(spec):
        raw = str(int(now)) if isinstance(now, bool | float) else "" if now is None else str(now)
        return Asked("value", label, "one", choices, raw)
    if spec.type is TagType.STRING:
        return Asked("value", label, "text", value=now if isinstance(now, str) else "")
    decimals = spec.decimals if spec.type in _FLOATS else 0
    low, high = (None if limit is None else Decimal(str(limit)) for limit in (spec.valid_low, spec.valid_high))
    return Asked("value", label, "number", entry=NumberEntry(label, spec.unit, low, high, decimals))


def _allowed(spec: TagSpec) -> str:
    """Between which numbers it must be; "" where everything is allowed."""
    low, high = spec.valid_low, spec.valid_high
    if low is None and high is None:
        return ""
    ends = ("−∞" if low is None else number(low, spec.decimals), "∞" if high is None else number(high, spec.decimals))
    return translate("ManualEntry", "Allowed: {low} to {high} {unit}").format(low=ends[0], high=ends[1], unit=spec.unit)


def _value(spec: TagSpec, typed: str) -> Value:
    if spec.type is TagType.BOOL:
        return typed == "1"
    if spec.type is TagType.STRING:
        return typed
    return float(typed.replace(",", "")) if spec.type in _FLOATS else int(Decimal(typed.replace(",", "")))


def _said(spec: TagSpec, typed: str) -> str:
    return dict(_choices(spec)).get(typed, f"{typed} {spec.unit}".strip())
