"""The rows of a level: which entries are shown for a search, and what each says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QCoreApplication

from core.live.link import BrowseItem
from core.users.roles import roles_that_may
from core.words import UNDEFINED, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.bridge.machines import BROWSE
from hmi.panels.equipment.chosen import Chosen, Level, is_folder
from hmi.panels.equipment.walk import Walk
from hmi.widgets.table import Cell, Row

translate = QCoreApplication.translate
MOST: Final = 1_000
"""A controller may offer 20,000 tags on one level; nobody turns so many pages, and a search finds them all."""


def found(level: Level, sought: str) -> tuple[dict[str, BrowseItem], int]:
    """Entries by address whose name or address has every word of ``sought``, at most MOST; and how many there are in all."""
    words = sought.casefold().split()
    entries = {
        address: item
        for address, item in level.items.items()
        if not words or all(word in f"{item.name} {address}".casefold() for word in words)
    }
    total = len(entries)
    return entries if total <= MOST else dict(list(entries.items())[:MOST]), total


def rows(bridge: Bridge, source: str, entries: Mapping[str, BrowseItem], chosen: Chosen) -> list[Row]:
    """A row for each entry of ``source``: folder, value, chosen or read by a tag of the site already."""
    used = {spec.address: spec.name for spec in bridge.station.site.tags if spec.source == source}
    return [_row(item, used.get(item.address, ""), taken=chosen.has(source, item)) for item in entries.values()]


def _row(item: BrowseItem, used: str, *, taken: bool) -> Row:
    if is_folder(item):
        return (Cell(item.name, strong=True, glyph="folder"), "", "")
    below = item.address if item.address != item.name else ""
    picked: str | Cell = Cell(translate("Browser", "chosen"), glyph="check", strong=True) if taken else ""
    if used:
        picked = Cell(translate("Browser", "in use"), glyph="check", tone="text2", below=used)
    writable = translate("Browser", "writable") if item.writable else ""
    return (Cell(item.name, glyph="variable", below=below), Cell(item.type or UNDEFINED, below=writable), picked)


def why_empty(walk: Walk, sought: str, *, may_look: bool) -> tuple[str, str]:
    """Why there is no row, and what to do."""
    source, language = walk.source, theme.language()
    if not may_look:
        roles = " · ".join(word(f"role.{role}", language) for role in roles_that_may(BROWSE))
        may = translate("Browser", "These roles may: {roles}").format(roles=roles)
        return translate("Browser", "You have no right to browse machines."), may
    if source is None:
        return translate("Browser", "No machines yet."), translate("Browser", "Apply a site file with: genba site apply FILE")
    if walk.loading:
        return translate("Browser", "{name} is being read …").format(name=walk.loading), ""
    if walk.failure is not None:
        what, do, _ = walk.failure.lines(language)
        return what, do
    if sought:
        nothing = translate("Browser", "Nothing here has “{words}” in its name.").format(words=sought)
        return nothing, translate("Browser", "Shorten the search.")
    if source.protocol.startswith("modbus"):
        return translate("Browser", "A Modbus machine has no list of its values."), translate("Browser", "Scan a range of its registers.")
    return translate("Browser", "There is nothing here."), translate("Browser", "Go back, or choose another machine.")
