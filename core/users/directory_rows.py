"""The SQL of the directory: users with badges and sessions. Imported when the first query runs on a lane, never by a screen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import ColumnElement, select

from core.store.base import Db
from core.store.query import Page
from core.users import rows
from core.users.admin_views import BadgeView, PersonView, PolicyView, SessionView
from core.users.models import Badge, User, UserSession


def people(db: Db, search: str, limit: int, offset: int) -> Page[PersonView]:
    """See ``directory.list_people``; three statements whatever the size of the page."""
    found = rows.search(db, search or None, limit, offset)
    ids = [user.id for user in found.items]
    badges, sessions = _badges(db, ids), defaultdict(list)
    for user_id, session in living_sessions(db, UserSession.user_id.in_(ids)):
        sessions[user_id].append(session)
    items = tuple(PersonView(user, tuple(badges[user.id]), tuple(sessions[user.id])) for user in found.items)
    return Page(items, found.total, limit, offset)


def _badges(db: Db, user_ids: Collection[int]) -> dict[int, list[BadgeView]]:
    # Column by column: what a badge says is not readable for a station, not even as a hash.
    columns = (Badge.user_id, Badge.id, Badge.label, Badge.given_at, Badge.blocked_at, Badge.blocked_reason)
    found: dict[int, list[BadgeView]] = defaultdict(list)
    for row in db.execute(select(*columns).where(Badge.user_id.in_(user_ids)).order_by(Badge.given_at.desc(), Badge.id.desc())):
        found[row.user_id].append(BadgeView(row.id, row.label, row.given_at, row.blocked_at, row.blocked_reason))
    return found


def living_sessions(db: Db, *wanted: ColumnElement[bool]) -> list[tuple[int, SessionView]]:
    """(user id, session) of everybody who is signed in now and meets ``wanted``, oldest first."""
    columns = (
        UserSession.user_id,
        UserSession.station,
        UserSession.started_at,
        UserSession.expires_at,
        UserSession.offline,
        User.code,
        User.name,
    )
    living = (UserSession.ended_at.is_(None), UserSession.expires_at > db.now)
    asked = select(*columns).join(User, User.id == UserSession.user_id).where(*living, *wanted)
    return [
        (row.user_id, SessionView(row.station, row.code, row.name, row.started_at, row.expires_at, row.offline))
        for row in db.execute(asked.order_by(UserSession.started_at, UserSession.id))
    ]


def policy_view(db: Db) -> PolicyView:
    """The one row of the site's policy as screens see it."""
    row = rows.policy(db, None)
    return PolicyView(row.id, row.version, row.pin_digits, row.secret_days, row.session_h, row.user_tries, row.station_tries, row.lock_min)
