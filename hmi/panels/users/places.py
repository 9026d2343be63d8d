"""Stations: who is signed in where, and who may sign in without the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.equipment.stations import StandingView, StationView, list_stations
from core.users.accounts import allow_offline, change_policy
from core.users.directory import get_policy
from core.words import UNDEFINED, name
from hmi import theme
from hmi.panels import Action
from hmi.panels.users.page import ROWS, ListPage
from hmi.panels.users.places_forms import hours as _hours
from hmi.panels.users.places_forms import offline_form, policy_form, risk
from hmi.widgets.table import Cell, Column, Row

CLOCK_OFF_S = 2.0
"""As the station itself counts a clock as wrong."""
LATE_S = 2.0


class StationsPage(ListPage):
    """One row for each station; the setting for sign-ins without the database with the risk that remains."""

    permission = "users:station:list"
    entities = ("station:", "user:", "*")

    def columns(self) -> list[Column]:
        """See ListPage."""
        titles = (self.tr("Station"), self.tr("Signed in"), self.tr("Last seen"), self.tr("Log-in"), self.tr("Without database"))
        return [Column(title, share) for title, share in zip(titles, (1.6, 1.1, 2.3, 1.9, 1.5), strict=True)]

    async def ask(self, offset: int) -> tuple[Mapping[Any, Any], int, float]:
        """See ListPage."""
        answer = await self.bridge.ask(list_stations, limit=ROWS, offset=offset)
        return {station.id: station for station in answer.value.items}, answer.value.total, answer.as_of.timestamp()

    def empty(self) -> tuple[str, str]:
        """See ListPage."""
        return self.tr("No station has been seen yet."), self.tr("A station appears here when it has started.")

    def row(self, item: StationView) -> Row:
        """See ListPage."""
        people = ", ".join(session.user_code for session in item.sessions) or UNDEFINED
        if item.revoked_at is not None:
            login = Cell(self.tr("revoked"), glyph="cross", strong=True, below=self.at(item.revoked_at))
        elif item.login:
            login = Cell(item.login, glyph="check")
        else:
            login = Cell(self.tr("on this computer"))
        place = " ".join(part for part in (item.line_code, item.host, item.program_version) if part)
        offline = Cell(_hours(item.offline_h), glyph="exclamation" if item.offline_h else "", strong=item.offline_h > 0)
        return (Cell(item.code, strong=True, below=place), people, self._seen(item), login, offline)

    def _seen(self, item: StationView) -> Cell:
        """When it told last, and in a word what is wrong with it."""
        standing = item.standing
        if standing is None:
            return Cell(self.at(item.seen_at))
        words = []
        if not standing.here:
            words.append(self.tr("not here"))
        if standing.waiting or standing.parked:
            words.append(self.tr("{n} waiting").format(n=standing.waiting + standing.parked))
        if standing.clock_ahead_s is not None and abs(standing.clock_ahead_s) > CLOCK_OFF_S:
            words.append(self.tr("clock {by} s").format(by=f"{standing.clock_ahead_s:+,.0f}"))
        if standing.notice_lag_s is not None and standing.notice_lag_s > LATE_S:
            words.append(self.tr("notices {lag} s late").format(lag=f"{standing.notice_lag_s:.0f}"))
        return Cell(self.at(item.seen_at), glyph="exclamation" if words else "", below=" · ".join(words[:2]), strong=bool(words))

    def _standing(self, standing: StandingView) -> list[str]:
        """In whole sentences."""
        unknown = self.tr("not measured")
        ahead_s, lag_s = standing.clock_ahead_s, standing.notice_lag_s
        told = self.tr("Told at {at}. Waiting in its journal: {waiting}, for a person: {parked}.").format(
            at=self.at(standing.told_at), waiting=standing.waiting, parked=standing.parked
        )
        clock = self.tr("Its clock is ahead of the database's by {by}; notices reach it after {lag}.").format(
            by=unknown if ahead_s is None else f"{ahead_s:+,.1f} s", lag=unknown if lag_s is None else f"{lag_s:.2f} s"
        )
        return [told, clock]

    def told(self, item: StationView) -> list[str]:
        """Who is there since when, and what the setting means."""
        lines = []
        for session in item.sessions:
            line = self.tr("{user}: signed in since {begun}, until {end}").format(
                user=name(session.user_name, theme.language()), begun=self.at(session.started_at), end=self.at(session.expires_at)
            )
            lines.append(line + (self.tr(" (without the database)") if session.offline else ""))
        if item.standing is not None:
            lines += self._standing(item.standing)
        meant, feared, checked = risk().split("\n")
        return [*lines, *((feared, meant, checked) if item.offline_h else ())]

    def offered(self) -> list[Action]:
        """The setting of the chosen station, and the rules for all sign-ins."""
        actions = []
        if self.bridge.may(change_policy):
            actions.append(Action("stations.policy", self.tr("Sign-in rules"), self._ask_policy))
        station: StationView | None = self.chosen
        if station is not None and self.bridge.may(allow_offline):
            title = self.tr("Sign-in without database")
            actions.append(Action("stations.offline", title, lambda: offline_form(self, station).open(), primary=True))
        return actions

    def _ask_policy(self) -> None:
        async def show() -> None:
            policy_form(self, (await self.bridge.ask(get_policy)).value).open()

        self.bridge.start(show(), on_error=self.failed.emit)
