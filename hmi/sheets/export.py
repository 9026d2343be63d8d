"""Take away what is in sight: every table and chart of a panel as CSV, workbook, picture or pages."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from core.errors import Invalid
from core.tabular import Table
from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.sheets.ask_form import Asked, AskForm, Form

translate = QCoreApplication.translate

Wanted = Callable[[], Awaitable[Table]]


@runtime_checkable
class Exported(Protocol):
    """A widget whose content can be taken away; its title is its accessible name."""

    def exported(self) -> Table:
        """What it shows, as a table."""
        ...


@dataclass(frozen=True, slots=True)
class Export:
    """One thing to take away.

    Attributes:
        title: In the current language.
        widget: What a picture of it shows.
        load: Asks for all of it, where the screen shows a part; None takes what the widget has.
    """

    title: str
    widget: QWidget
    load: Wanted | None = None

    async def table(self) -> Table:
        """The whole content; None of it comes from a picture."""
        if self.load is not None:
            return await self.load()
        assert isinstance(self.widget, Exported)  # in_sight takes no other
        return self.widget.exported()


def in_sight(ground: QWidget, title: str, loads: Mapping[QWidget, Wanted] | None = None) -> tuple[Export, ...]:
    """Every table and chart on ``ground`` that is visible and has something to show.

    Args:
        title: What stands for those without a name of their own.
        loads: Who asks for all rows of a widget that shows some.
    """
    found = [each for each in ground.findChildren(QWidget) if each.isVisible() and isinstance(each, Exported)]
    names = [each.accessibleName() or title for each in found]
    numbered = [f"{name} {names[: place + 1].count(name)}" if names.count(name) > 1 else name for place, name in enumerate(names)]
    return tuple(Export(name, each, (loads or {}).get(each)) for name, each in zip(numbered, found, strict=True))


def export_sheet(ground: QWidget, bridge: Bridge, exports: Sequence[Export], told: Callable[[str], None]) -> AskForm:
    """Ask what and how, write it into the export folder of this station, and say where it is.

    Args:
        ground: The content area.
        bridge: Writes it.
        exports: At least one.
        told: Takes the words for a toast.

    Raises:
        Invalid: ``tabular.nothing_in_sight``.
    """
    if not exports:
        raise Invalid("tabular.nothing_in_sight")
    written: list[str] = []

    async def decide(given: Mapping[str, Any]) -> None:
        export = exports[int(given["what"])]
        kind = str(given["kind"])
        content = await _content(export, kind, bridge)
        name = f"{_file_name(export.title)}-{datetime.now(bridge.zone()):%Y%m%d-%H%M%S}.{kind}"
        path = await bridge.export_file(name, content)
        written[:] = [translate("ExportSheet", "{file} is in {folder}").format(file=path.name, folder=path.parent)]

    sheet = AskForm(ground, bridge, lambda: _form(exports, bridge), decide)
    sheet.setObjectName("sheet.export")
    sheet.done.connect(lambda: told(" ".join(written)))
    return sheet


def _form(exports: Sequence[Export], bridge: Bridge) -> Form:
    folder = bridge.station.settings.home / "export"
    kinds = (("csv", "CSV"), ("xlsx", "XLSX"), ("png", "PNG"), ("pdf", "PDF"))
    what = tuple((str(place), export.title) for place, export in enumerate(exports))
    return Form(
        word("button.export", theme.language()),
        (
            Asked("what", translate("ExportSheet", "What"), "one", what, value="0"),
            Asked("kind", translate("ExportSheet", "As"), "one", kinds, value="csv"),
        ),
        note=translate("ExportSheet", "Written to {folder}. CSV and XLSX hold every row, PNG what is in sight.").format(folder=folder),
    )


async def _content(export: Export, kind: str, bridge: Bridge) -> bytes:
    """The bytes of one file; what takes long is made beside the screen's loop."""
    from hmi.widgets import printing

    if kind == "png":
        return printing.png(export.widget)
    table = replace(await export.table(), title=export.title, zone=bridge.zone())
    if kind == "csv":
        from core.tabular.written import csv_bytes

        return await bridge.beside(lambda: csv_bytes(table))
    if kind == "xlsx":
        from core.tabular.written import xlsx_bytes

        return await bridge.beside(lambda: xlsx_bytes(table))
    made = f"{datetime.now(bridge.zone()):%Y-%m-%d %H:%M}  {bridge.station.settings.name}  {bridge.station.actor.name}"
    picture = None if _is_table(export.widget) else export.widget.grab()
    return printing.pdf(export.title, [printing.Section(table=table, picture=picture)], made, landscape=len(table.columns) > 4)


def _is_table(widget: QWidget) -> bool:
    from hmi.widgets.table import PagedTable

    return isinstance(widget, PagedTable)


def _file_name(title: str) -> str:
    """A title as part of a file's name on any system."""
    return re.sub(r"[^\w.-]+", "_", title).strip("_.")[:60] or "export"
