"""What a machine did in time for which there are no data, as a leader answers for it: state and how one knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from core.equipment.states import MachineState
from core.equipment.stop_views import StopView
from core.equipment.stops import reclassify_gap
from core.words import word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.sheets.ask_form import Asked, AskForm, Form
from hmi.sheets.stop_words import span_text

translate = QCoreApplication.translate
_OFFERED = (MachineState.RUNNING, MachineState.DOWN, MachineState.SETUP, MachineState.WAITING, MachineState.PLANNED_STOP)
"""What a gap mostly was; the rest of the nine states is seldom and can be said of the stop afterwards."""


def gap_form(ground: QWidget, bridge: Bridge, gap: StopView) -> AskForm:
    """A form for one gap: its time comes back into the figures as the state that is chosen, with the parts counted over it."""

    def form() -> Form:
        language = theme.language()
        span = span_text(gap.began_at, gap.ended_at, bridge.zone(), datetime.now(UTC))
        states = tuple((state.value, word(f"state.{state}", language)) for state in _OFFERED)
        return Form(
            translate("Gap", "No data  {unit}  {span}").format(unit=gap.work_unit_code, span=span),
            (
                Asked("state", translate("Gap", "What did the machine do?"), "one", states),
                Asked("reason", translate("Gap", "How do you know?"), wide=True),
            ),
            note=translate("Gap", "The time and what was counted over it come into the figures together."),
            confirm=word("button.confirm", language),
        )

    async def decide(given: Mapping[str, Any]) -> None:
        language = theme.language()
        shown = [
            Shown(word("argument.work_unit_code", language), "", gap.work_unit_code),
            Shown(word("argument.state", language), word("state.OFFLINE", language), word(f"state.{given['state']}", language)),
            Shown(word("argument.reason", language), "", given["reason"]),
        ]
        await bridge.do(
            reclassify_gap,
            shown=shown,
            work_unit_code=gap.work_unit_code,
            began_at=gap.began_at,
            state=MachineState(given["state"]),
            reason=given["reason"],
            version=gap.version,
        )

    return AskForm(ground, bridge, form, decide, draft=(reclassify_gap.name, gap.id))
