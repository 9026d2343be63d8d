"""The SQL of stations. Imported when the first query runs on a lane, never by a screen."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from sqlalchemy import func, select, text

from core.equipment.models import Line, Station
from core.equipment.stations import StandingView, StationView
from core.store.base import Db
from core.store.query import Page
from core.store.tables import PresenceRow
from core.users.directory_rows import living_sessions
from core.users.models import UserSession

_KNOWS_PRESENCE = text("SELECT to_regclass('genba.presence')")


def _standing(row: PresenceRow, now: datetime) -> StandingView:
    return StandingView(row.told_at, row.claimed_until > now, row.clock_ahead_s, row.notice_lag_s, row.waiting, row.parked)


def stations(db: Db, limit: int, offset: int) -> Page[StationView]:
    """See ``stations.list_stations``."""
    known = db.scalar(_KNOWS_PRESENCE) is not None
    standings = {row.station: _standing(row, db.now) for row in db.scalars(select(PresenceRow))} if known else {}
    asked = select(Station, Line.code).outerjoin(Line, Line.id == Station.line_id).order_by(Station.code).limit(limit).offset(offset)
    rows = db.execute(asked).all()
    sessions = defaultdict(list)
    for _, session in living_sessions(db, UserSession.station.in_([row.Station.code for row in rows])):
        sessions[session.station].append(session)
    items = tuple(
        StationView(
            id=row.Station.id,
            code=row.Station.code,
            name=row.Station.name,
            line_code=row.code or "",
            host=row.Station.host,
            program_version=row.Station.program_version,
            started_at=row.Station.started_at,
            seen_at=row.Station.seen_at,
            login=row.Station.login or "",
            revoked_at=row.Station.revoked_at,
            offline_h=row.Station.offline_h,
            sessions=tuple(sessions[row.Station.code]),
            standing=standings.get(row.Station.code),
        )
        for row in rows
    )
    return Page(items, db.scalar(select(func.count()).select_from(Station)) or 0, limit, offset)
