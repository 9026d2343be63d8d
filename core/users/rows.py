"""The SQL of users. Imported when the first operation or query runs on a lane, never by a screen."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func as sql
from sqlalchemy import or_, select, text
from sqlalchemy.orm import defer
from sqlalchemy.orm.attributes import flag_modified

from core.errors import Conflict, Invalid, Refused
from core.store.base import Db
from core.store.query import Page
from core.users.models import Badge, Role, RoleRule, SecurityPolicy, User, UserRole
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


def store_credential(db: Db, code: str, proof: str, *, must_change: bool) -> bool:
    """Set what proves ``code``; False when the site file tried to replace one that exists (it may only give a first one).

    Who may set whose is judged by the database, which knows the operation that is open.

    Raises:
        Invalid: ``users.proof_unreadable``, ``users.secret_same``.
    """
    text_of, _, same = proof.partition("/")
    credential = Credential.parse(text_of)
    params = credential.params
    values = {
        "code": code,
        "salt": params.salt,
        "verifier": credential.verifier,
        "t": params.time_cost,
        "m": params.memory_kib,
        "p": params.parallelism,
        "must": must_change,
        "same": bytes.fromhex(same) if same else None,
    }
    outcome = db.scalar(text("SELECT genba.set_credential(:code, :salt, :verifier, :t, :m, :p, :must, :same)"), values)
    if outcome == "same":
        raise Invalid("users.secret_same")
    return bool(outcome == "set")


def give_badge(db: Db, user_id: int, proof: str) -> None:
    """Give a user the badge that ``proof`` (``core.users.proof.proof_of_badge``) stands for."""
    word, _, label = proof.partition("/")
    values = {"id": db.clock.uuid7(), "user": user_id, "badge": word, "label": label}
    db.execute(text("SELECT genba.give_badge(:id, :user, :badge, :label)"), values)


def block_badge(db: Db, badge_id: UUID, reason: str) -> User:
    """Let a badge open nothing any more, and end what was begun with it; gives its owner.

    Raises:
        Invalid: ``users.badge_not_found``.
    """
    badge = db.get(Badge, badge_id, options=[defer(Badge.digest)])
    if badge is None or badge.blocked_at is not None:
        raise Invalid("users.badge_not_found")
    badge.blocked_at, badge.blocked_reason = db.now, reason
    db.flush()
    end_sessions(db, badge.user_id)
    return by_id(db, badge.user_id, None)


def end_sessions(db: Db, user_id: int) -> int:
    """Sign a user off everywhere but where this is asked; gives how many sessions ended."""
    return int(db.scalar(text("SELECT genba.end_sessions(:user)"), {"user": user_id}) or 0)


def decide_right(db: Db, role_code: str, permission: str, line_code: str | None, allowed: bool | None) -> None:
    """Write, change or remove the site's rule on one role, permission and line.

    Raises:
        Invalid: ``users.role_unknown``, ``users.line_unknown``.
    """
    role = db.scalar(select(Role).where(Role.code == role_code))
    if role is None:
        raise Invalid("users.role_unknown", role=role_code, known=", ".join(ROLES))
    line_id = None
    if line_code is not None:
        line_id = db.scalar(text("SELECT id FROM genba.line WHERE code = :code AND retired_at IS NULL"), {"code": line_code})
        if line_id is None:
            raise Invalid("users.line_unknown", line=line_code)
    where = (RoleRule.role_id == role.id, RoleRule.permission == permission, RoleRule.line_id.is_not_distinct_from(line_id))
    rule = db.scalar(select(RoleRule).where(*where))
    if allowed is None:
        if rule is not None:
            db.delete(rule)
    elif rule is None:
        db.add(RoleRule(role_id=role.id, permission=permission, line_id=line_id, allowed=allowed))
    else:
        rule.allowed = allowed
    db.flush()


def policy(db: Db, version: int | None) -> SecurityPolicy:
    """The one row of the site's policy.

    Raises:
        Conflict: ``users.policy_changed``: ``version`` is given and not the row's.
    """
    row = db.get_one(SecurityPolicy, 1)
    if version is not None and row.version != version:
        raise Conflict("users.policy_changed")
    return row


def allow_offline(db: Db, station_code: str, hours: int) -> None:
    """Let people sign in at a station without the database for ``hours`` after they did so with it; 0 takes it away.

    Raises:
        Invalid: ``users.station_unknown``.
    """
    change = text("UPDATE genba.station SET offline_h = :hours WHERE code = :code RETURNING id")
    if db.scalar(change, {"hours": hours, "code": station_code}) is None:
        raise Invalid("users.station_unknown", station=station_code)
