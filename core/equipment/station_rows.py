"""The SQL of stations. Imported when the first query runs on a lane, never by a screen."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import func, select

from core.equipment.models import Line, Station
from core.equipment.stations import StationView
from core.store.base import Db
from core.store.query import Page
from core.users.directory_rows import living_sessions
from core.users.models import UserSession


def stations(db: Db, limit: int, offset: int) -> Page[StationView]:
    """See ``stations.list_stations``."""
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
        )
        for row in rows
    )
    return Page(items, db.scalar(select(func.count()).select_from(Station)) or 0, limit, offset)
