"""Whether a server that answers is of use to this station: its version, the schema, the log-in, and whose log-in it is."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.errors import Refused, Unavailable
from core.store.address import OLDEST_SERVER, failure_of
from core.store.base import Db
from core.store.faults import sqlstate
from core.store.schema import Window, read_window

_WHO: Final = text(
    "SELECT current_setting('server_version_num')::int, current_user, to_regnamespace('genba') IS NULL,"
    " EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname IN ('genba_station', 'genba_owner') AND pg_has_role(oid, 'USAGE'))"
)
_KNOWS_STATIONS: Final = text("SELECT to_regprocedure('genba.station_of(text)')")
_STATION: Final = text("SELECT genba.station_of(:station)")


def usable_window(db: Db, station: str) -> Window:
    """The schema window of a database that ``station`` may work on.

    Raises:
        Unavailable: ``store.server_too_old``, ``store.schema_missing``.
        Refused: ``store.login_not_station``, ``store.station_refused``.
    """
    number, login, is_empty, is_station = db.execute(_WHO).one()
    if number < OLDEST_SERVER:
        raise Unavailable("store.server_too_old", have=str(number // 10000), want=str(OLDEST_SERVER // 10000))
    if is_empty:
        raise Unavailable("store.schema_missing")
    if not is_station:
        raise Refused("store.login_not_station", login=login)
    window = read_window(db.connection())
    if window is None:
        raise Unavailable("store.schema_missing")
    _check_name(db, window, station)
    return window


def _check_name(db: Db, window: Window, station: str) -> None:
    """A log-in bound to another station, or revoked, is of no use here, and that is said before anybody decides anything."""
    if window.verdict() is not None or db.execute(_KNOWS_STATIONS).scalar_one() is None:
        return
    try:
        db.execute(_STATION, {"station": station})
    except DBAPIError as error:
        if sqlstate(error) != "GB002":
            raise
        db.rollback()
        raise Refused("store.station_refused", problem=str(failure_of(error)).splitlines()[0]) from None
