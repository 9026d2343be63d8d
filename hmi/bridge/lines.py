"""The lines as every screen shows them: with the stops that wait for a reason, and with whom is called there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.equipment.calls import list_calls
from core.equipment.stops import open_stops
from core.production.lines import lines_overview
from core.production.views import LineView

if TYPE_CHECKING:
    from core.store.query import Answer, Page
    from hmi.bridge import Bridge


async def ask_lines(bridge: Bridge) -> Answer[Page[LineView]]:
    """All lines in their order. Raises Unavailable when neither the database nor a snapshot can tell."""
    answer = await bridge.ask(lines_overview)
    waiting = {each.line_code: each.count for each in (await bridge.ask(open_stops)).value}
    calls = (await bridge.ask(list_calls)).value
    lines = tuple(
        replace(line, open_stops=waiting.get(line.code, 0), calls=tuple(call for call in calls if call.line_code == line.code))
        for line in answer.value.items
    )
    return replace(answer, value=replace(answer.value, items=lines))
