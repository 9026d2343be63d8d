"""Stations: who is signed in where, and who may sign in without the database. Connections: how safe each one is."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from typing import Any

from core.equipment.stations import StationView, list_stations
from core.errors import GenbaError
from core.live.link import ConnectionSafety
from core.users.accounts import allow_offline
from hmi import theme
from hmi.panels import Action
from hmi.panels.users.page import NOWHERE, ListPage
from hmi.sheets.ask_form import Asked, AskForm
from hmi.widgets.table import Cell, Column, Row


class StationsPage(ListPage):
    """One row for each station; the setting for sign-ins without the database with the risk that remains."""

    permission = "users:station:list"
    entities = ("station:", "user:", "*")

    def columns(self) -> list[Column]:
        """See ListPage."""
        titles = (
            self.tr("Station"),
            self.tr("Signed in"),
            self.tr("Last seen"),
            self.tr("Database log-in"),
            self.tr("Without the database"),
        )
        return [Column(title, share) for title, share in zip(titles, (1.7, 1.7, 1.5, 1.8, 1.7), strict=True)]

    async def ask(self) -> tuple[dict[Hashable, Any], float]:
        """See ListPage."""
        answer = await self.bridge.ask(list_stations, limit=1000)
        return {station.id: station for station in answer.value.items}, answer.as_of.timestamp()

    def empty(self) -> tuple[str, str]:
        """See ListPage."""
        return self.tr("No station has been seen yet."), self.tr("A station appears here when it has started.")

    def row(self, item: StationView) -> Row:
        """See ListPage."""
        people = ", ".join(session.user_code for session in item.sessions) or NOWHERE
        if item.revoked_at is not None:
            login = Cell(self.tr("revoked"), glyph="cross", tone="danger", below=self.at(item.revoked_at))
        else:
            login = Cell(item.login or self.tr("local"), glyph="check" if item.login else "")
        allowed = self.tr("for {hours} h").format(hours=item.offline_h) if item.offline_h else self.tr("nobody")
        offline = Cell(allowed, glyph="exclamation" if item.offline_h else "")
        return (
            Cell(item.code, strong=True, below=" ".join(part for part in (item.host, item.program_version) if part)),
            people,
            self.at(item.seen_at),
            login,
            offline,
        )

    def told(self, item: StationView) -> str:
        """What the setting means, and what remains."""
        return self.risk()

    def risk(self) -> str:
        """The risk of sign-ins without the database, in words."""
        return self.tr(
            "Without the database only people sign in who did so here before, with badge and PIN or at least 6 characters. What remains: "
            "somebody with the disk of this panel can try PINs there without anybody counting, about half a second each: six digits last "
            "some days. Changes made meanwhile are sealed and checked when the database is back."
        )

    def bar_actions(self) -> list[Action]:
        """The setting of the chosen station."""
        station: StationView | None = self.chosen
        if station is None or not self.bridge.station.actor.may(allow_offline.name):
            return []
        return [Action("stations.offline", self.tr("Sign-in without the database"), lambda: self._allow(station), primary=True)]

    def _allow(self, station: StationView) -> None:
        hours = tuple((str(h), self.tr("nobody") if h == 0 else self.tr("for {hours} h").format(hours=h)) for h in (0, 8, 12, 24, 72, 168))
        asked = [
            Asked("hours", station.code, "choice", hours, str(station.offline_h)),
            Asked("reason", self.tr("Reason")),
        ]

        async def decide(given: Mapping[str, Any]) -> None:
            await self.bridge.do(allow_offline, station_code=station.code, hours=int(given["hours"]), reason=given["reason"])

        sheet = AskForm(self.ground, self.bridge, self.tr("Sign-in without the database"), asked, decide, note=self.risk())
        sheet.done.connect(lambda: self.said(self.tr("The setting was changed.")))
        sheet.open()


class ConnectionsPage(ListPage):
    """Database, machines and secret store: safe, unsafe, or nothing leaves this computer. Everybody may look."""

    entities = ("source:", "*")

    def columns(self) -> list[Column]:
        """See ListPage."""
        titles = (self.tr("Connection"), self.tr("Address"), self.tr("Safety"), self.tr("Why"))
        return [Column(title, share) for title, share in zip(titles, (1.4, 2.2, 1.2, 3.6), strict=True)]

    async def ask(self) -> tuple[dict[Hashable, Any], float]:
        """See ListPage."""
        found = await self.bridge.station.connections()
        return {one.name: one for one in found}, time.time()

    def row(self, item: ConnectionSafety) -> Row:
        """See ListPage."""
        lines = GenbaError(item.words, detail=item.detail).lines(theme.language())
        words = {"safe": self.tr("safe"), "unsafe": self.tr("unsafe"), "local": self.tr("this computer")}
        glyphs = {"safe": "lock", "unsafe": "exclamation", "local": "check"}
        safety = Cell(
            words[item.safety],
            glyph=glyphs[item.safety],
            strong=item.safety == "unsafe",
            tone="danger" if item.safety == "unsafe" else "text",
        )
        return (Cell(item.name, strong=True), item.address, safety, Cell(lines.what))

    def told(self, item: ConnectionSafety) -> str:
        """The three lines."""
        return "  ".join(GenbaError(item.words, detail=item.detail).lines(theme.language()))
