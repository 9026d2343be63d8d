"""The stations of the plant: who is signed in where, since when each was seen, and whether its log-in still serves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from core.store.query import Page, query
from core.users.admin_views import SessionView

if TYPE_CHECKING:
    from core.store.base import Db


@dataclass(frozen=True, slots=True)
class StandingView:
    """How it stands with the program of a station, as that says itself about every ten seconds.

    Attributes:
        told_at: When it said so, server time; None: it has not yet.
        here: It holds the station's name now; False: it has ended, or is dead or cut off.
        clock_ahead_s: How far its computer's clock is ahead of the server's, seconds; negative when behind; None: not measured.
        notice_lag_s: From a change to its being heard there, seconds ≥ 0; None: not measured.
        waiting: Decisions in its journal that are not in the database.
        parked: Decisions there that need a person.
    """

    told_at: datetime | None
    here: bool
    clock_ahead_s: float | None
    notice_lag_s: float | None
    waiting: int
    parked: int


@dataclass(frozen=True, slots=True)
class StationView:
    """One panel PC, workstation or headless process.

    Attributes:
        line_code: Line it stands at; "" for none.
        seen_at: When it last told that it runs; None: never.
        login: Log-in of the database that is bound to it; "" for none (an embedded database).
        revoked_at: Since when that log-in is of no use any more; None while it serves.
        offline_h: Hours for which people may sign in here while the database is away; 0: not.
        sessions: Who is signed in there now.
        standing: What its program says of itself; None: it never did, or the database does not know of it yet.
    """

    entity: ClassVar[str] = "station"

    id: int
    code: str
    name: str
    line_code: str
    host: str
    program_version: str
    started_at: datetime | None
    seen_at: datetime | None
    login: str
    revoked_at: datetime | None
    offline_h: int
    sessions: tuple[SessionView, ...]
    standing: StandingView | None = None


@query("users:station:list", permission="users:station:list")
def list_stations(db: Db, *, limit: int = 200, offset: int = 0) -> Page[StationView]:
    """Stations by code, those whose log-in was revoked included."""
    from core.equipment import station_rows

    return station_rows.stations(db, limit, offset)
