"""The SQL of users. Imported when the first operation or query runs on a lane, never by a screen."""

from __future__ import annotations

from sqlalchemy import func as sql
from sqlalchemy import or_, select, text
from sqlalchemy.orm.attributes import flag_modified

from core.errors import Conflict, Invalid, Refused
from core.store.base import Db
from core.store.operation import Actor
from core.store.query import Page
from core.users.models import Role, User, UserRole
from core.users.proof import Credential
from core.users.roles import ROLES
from core.users.views import UserView

_ADMINISTRATOR = "administrator"


def taken(db: Db, code: str) -> bool:
    """Whether somebody has ``code``, whatever its case, now or in the past."""
    return db.scalar(select(User.id).where(sql.upper(User.code) == code.upper())) is not None


def by_id(db: Db, user_id: int, version: int | None) -> User:
    """The user's row.

    Raises:
        Invalid: ``users.not_found``.
        Conflict: ``users.changed_meanwhile``: ``version`` is given and not the row's.
    """
    user = db.get(User, user_id)
    if user is None:
        raise Invalid("users.not_found")
    if version is not None and user.version != version:
        raise Conflict("users.changed_meanwhile", user=user.code)
    return user


def by_code(db: Db, code: str) -> User | None:
    """The user with exactly ``code``; None when there is none."""
    return db.scalar(select(User).where(User.code == code))


def search(db: Db, words: str | None, limit: int, offset: int) -> Page[UserView]:
    """Users by code, those without access included."""
    wanted = select(User)
    if words:
        pattern = f"%{words.replace('%', '').replace('_', '')}%"
        names = (User.name["ja"].astext.ilike(pattern), User.name["en"].astext.ilike(pattern))
        wanted = wanted.where(or_(User.code.ilike(pattern), *names))
    total = db.scalar(select(sql.count()).select_from(wanted.subquery())) or 0
    rows = db.scalars(wanted.order_by(User.code).limit(limit).offset(offset))
    return Page(tuple(view(user) for user in rows), total, limit, offset)


def view(user: User) -> UserView:
    """What screens see of a user row."""
    roles = tuple(sorted(row.role.code for row in user.role_rows))
    retired = user.retired_at is not None
    return UserView(user.id, user.code, user.name, user.language, roles, user.active, retired, user.origin, user.version)


def set_roles(db: Db, user: User, roles: tuple[str, ...]) -> None:
    """Let ``user`` have exactly ``roles``; the site file uses it as well.

    Raises:
        Invalid: ``users.role_unknown``.
    """
    wanted = set(roles)
    unknown = sorted(wanted - set(ROLES))
    if unknown:
        raise Invalid("users.role_unknown", role=unknown[0], known=", ".join(ROLES))
    had = {row.role.code: row for row in user.role_rows}
    for code in sorted(set(had) - wanted):
        user.role_rows.remove(had[code])
    missing = sorted(wanted - set(had))
    for role in db.scalars(select(Role).where(Role.code.in_(missing)).order_by(Role.code)):
        user.role_rows.append(UserRole(role=role, given_at=db.now))
    if wanted != set(had):
        flag_modified(user, "code")  # raises the version: two people who change roles at once must notice each other


def is_administrator(user: User) -> bool:
    """Whether ``user`` has the role that gives rights to others."""
    return any(row.role.code == _ADMINISTRATOR for row in user.role_rows)


def keep_an_administrator(db: Db) -> None:
    """Refuse a change after which nobody could give rights any more.

    Raises:
        Refused: ``users.last_administrator``.
    """
    able = select(User.id).join(UserRole).join(Role).where(Role.code == _ADMINISTRATOR, User.active, User.retired_at.is_(None))
    if db.scalars(able.limit(1)).first() is None:
        raise Refused("users.last_administrator")


def store_credential(db: Db, actor: Actor, code: str, proof: str, *, must_change: bool) -> bool:
    """Set what proves ``code``; False when a program tried to replace one that exists (it may only give a first one).

    Raises:
        Refused: ``users.no_session``: the person who does it is not signed in any more.
        Invalid: ``users.proof_unreadable``.
    """
    credential = Credential.parse(proof)
    params = credential.params
    values = {
        "session": actor.session_id,
        "code": code,
        "salt": params.salt,
        "verifier": credential.verifier,
        "t": params.time_cost,
        "m": params.memory_kib,
        "p": params.parallelism,
        "must": must_change,
    }
    written = bool(db.scalar(text("SELECT genba.set_credential(:session, :code, :salt, :verifier, :t, :m, :p, :must)"), values))
    if not written and actor.kind == "person":
        raise Refused("users.no_session")
    return written
