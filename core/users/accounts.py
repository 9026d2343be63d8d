"""Who may work here: making users, taking access away and giving it back, roles, PINs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlalchemy import func as sql
from sqlalchemy import or_, select, text

from core.errors import Conflict, Invalid, Refused
from core.store.base import Db
from core.store.operation import Actor, Proof, operation
from core.store.query import Page, query
from core.users.models import Role, User, UserRole
from core.users.proof import Credential
from core.users.roles import ROLES
from core.users.views import UserView

Name = Annotated[str, Field(min_length=1, max_length=100)]
UserCode = Annotated[str, Field(min_length=1, max_length=50)]
_ADMINISTRATOR = "administrator"


@operation("users:user:create", kind="intent", guard="C")
def create_user(
    db: Db, actor: Actor, *, code: UserCode, name_ja: Name, name_en: Name, roles: tuple[str, ...], new: Proof, language: str = "ja"
) -> UserView:
    """A new user with roles and a first PIN, which he is asked to change when he signs in.

    Raises:
        Invalid: ``users.role_unknown``, ``users.language_unknown``.
        Conflict: ``users.code_taken``, also by somebody whose access was taken away.
    """
    if language not in ("ja", "en"):
        raise Invalid("users.language_unknown", language=language)
    if db.scalar(select(User.id).where(sql.upper(User.code) == code.upper())) is not None:
        raise Conflict("users.code_taken", user=code)
    user = User(code=code, name={"ja": name_ja, "en": name_en}, language=language, active=True, origin="screen", retired_at=None)
    db.add(user)
    set_roles(db, user, roles)
    db.flush()
    store_credential(db, actor, user.code, new, must_change=True)
    return view(user)


@operation("users:user:deactivate", kind="intent", guard="C")
def deactivate_user(db: Db, actor: Actor, *, user_id: int, version: int) -> UserView:
    """Take a user's access away: he cannot sign in any more and his open sessions end. His past stays.

    Raises:
        Refused: ``users.not_yourself``, ``users.last_administrator``.
        Conflict: ``users.changed_meanwhile``.
    """
    user = _user(db, user_id, version)
    if user.code == actor.user_code:
        raise Refused("users.not_yourself")
    user.active = False
    db.flush()
    if _is_administrator(user):
        _keep_an_administrator(db)
    return view(user)


@operation("users:user:activate", kind="intent", guard="C")
def activate_user(db: Db, actor: Actor, *, user_id: int, version: int) -> UserView:
    """Give a user his access back, with the roles and the PIN he had.

    Raises:
        Conflict: ``users.changed_meanwhile``.
    """
    user = _user(db, user_id, version)
    user.active = True
    db.flush()
    return view(user)


@operation("users:user:give_roles", kind="intent", guard="C")
def give_roles(db: Db, actor: Actor, *, user_id: int, version: int, roles: tuple[str, ...]) -> UserView:
    """Let a user have exactly ``roles``; they count from his next sign-in.

    Raises:
        Invalid: ``users.role_unknown``.
        Refused: ``users.last_administrator``.
        Conflict: ``users.changed_meanwhile``.
    """
    user = _user(db, user_id, version)
    was = _is_administrator(user)
    set_roles(db, user, roles)
    db.flush()
    if was:
        _keep_an_administrator(db)
    return view(user)


@operation("users:pin:set", kind="intent")
def set_pin(db: Db, actor: Actor, *, current: Proof, new: Proof) -> UserView:
    """Change one's own PIN or password; ``current`` was checked by the prover and names who proved himself.

    Raises:
        Refused: ``users.wrong``: whoever proved himself is not who is signed in.
    """
    user = db.scalar(select(User).where(User.code == actor.user_code))
    if user is None or current != actor.user_code:
        raise Refused("users.wrong")
    store_credential(db, actor, user.code, new, must_change=False)
    return view(user)


@operation("users:pin:reset", kind="intent", guard="C")
def reset_pin(db: Db, actor: Actor, *, user_id: int, new: Proof) -> UserView:
    """Give somebody a new PIN and lift his lock; he is asked to change it when he signs in.

    Raises:
        Invalid: ``users.not_found``.
    """
    user = _user(db, user_id, None)
    store_credential(db, actor, user.code, new, must_change=True)
    return view(user)


@query("users:user:list", permission="users:user:list")
def list_users(db: Db, *, search: str | None = None, limit: int = 200, offset: int = 0) -> Page[UserView]:
    """Users by code, those without access included; ``search`` looks into codes and names."""
    wanted = select(User)
    if search:
        pattern = f"%{search.replace('%', '').replace('_', '')}%"
        wanted = wanted.where(or_(User.code.ilike(pattern), User.name["ja"].astext.ilike(pattern), User.name["en"].astext.ilike(pattern)))
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


def _user(db: Db, user_id: int, version: int | None) -> User:
    user = db.get(User, user_id)
    if user is None:
        raise Invalid("users.not_found")
    if version is not None and user.version != version:
        raise Conflict("users.changed_meanwhile", user=user.code)
    return user


def _is_administrator(user: User) -> bool:
    return any(row.role.code == _ADMINISTRATOR for row in user.role_rows)


def _keep_an_administrator(db: Db) -> None:
    """Refuse a change after which nobody could give rights any more."""
    able = select(User.id).join(UserRole).join(Role).where(Role.code == _ADMINISTRATOR, User.active, User.retired_at.is_(None))
    if db.scalars(able.limit(1)).first() is None:
        raise Refused("users.last_administrator")
