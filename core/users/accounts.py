"""Who may work here: making users, taking access away and giving it back, roles, PINs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from pydantic import Field

from core.errors import Conflict, Refused
from core.store.operation import Actor, Proof, operation
from core.store.query import Page, query
from core.users.views import UserView

if TYPE_CHECKING:
    from core.store.base import Db

Name = Annotated[str, Field(min_length=1, max_length=100)]
_ACCOUNT = ("app_user", "user_role", "credential")
UserCode = Annotated[str, Field(min_length=1, max_length=50)]
Reason = Annotated[str, Field(min_length=1)]
Permission = Annotated[str, Field(max_length=100, pattern=r"^[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*)+$")]


@operation("users:user:create", kind="intent", guard="C", writes=_ACCOUNT, constraints={"uq_app_user_code_any_case": "users.code_taken"})
def create_user(
    db: Db,
    actor: Actor,
    *,
    code: UserCode,
    name_ja: Name,
    name_en: Name,
    roles: tuple[str, ...],
    new: Proof,
    language: Literal["ja", "en"] = "ja",
) -> UserView:
    """A new user with roles and a first PIN, which he is asked to change when he signs in.

    Raises:
        Invalid: ``users.role_unknown``.
        Conflict: ``users.code_taken``, also by somebody whose access was taken away.
    """
    from core.users import rows
    from core.users.models import User

    if rows.taken(db, code):
        raise Conflict("users.code_taken", user=code)
    user = User(code=code, name={"ja": name_ja, "en": name_en}, language=language, active=True, origin="screen", retired_at=None)
    db.add(user)
    rows.set_roles(db, user, roles)
    db.flush()
    rows.store_credential(db, user.code, new, must_change=True)
    return rows.view(user)


@operation("users:user:deactivate", kind="intent", guard="C", writes=("app_user",))
def deactivate_user(db: Db, actor: Actor, *, user_id: int, version: int) -> UserView:
    """Take a user's access away: he cannot sign in any more and his open sessions end. His past stays.

    Raises:
        Refused: ``users.not_yourself``, ``users.last_administrator``.
        Conflict: ``users.changed_meanwhile``.
    """
    from core.users import rows

    user = rows.by_id(db, user_id, version)
    if user.code == actor.user_code:
        raise Refused("users.not_yourself")
    user.active = False
    db.flush()
    if rows.is_administrator(user):
        rows.keep_an_administrator(db)
    return rows.view(user)


@operation("users:user:activate", kind="intent", guard="C", writes=("app_user",))
def activate_user(db: Db, actor: Actor, *, user_id: int, version: int) -> UserView:
    """Give a user his access back, with the roles and the PIN he had.

    Raises:
        Conflict: ``users.changed_meanwhile``.
    """
    from core.users import rows

    user = rows.by_id(db, user_id, version)
    user.active = True
    db.flush()
    return rows.view(user)


@operation("users:user:give_roles", kind="intent", guard="D", meaning="approval", writes=("app_user", "user_role"))
def give_roles(db: Db, actor: Actor, *, user_id: int, version: int, roles: tuple[str, ...]) -> UserView:
    """Let a user have exactly ``roles``; they count from his next sign-in.

    Raises:
        Invalid: ``users.role_unknown``.
        Refused: ``users.last_administrator``.
        Conflict: ``users.changed_meanwhile``.
    """
    from core.users import rows

    user = rows.by_id(db, user_id, version)
    was_administrator = rows.is_administrator(user)
    rows.set_roles(db, user, roles)
    db.flush()
    if was_administrator:
        rows.keep_an_administrator(db)
    return rows.view(user)


@operation("users:pin:set", kind="intent", writes=("credential",))
def set_pin(db: Db, actor: Actor, *, current: Proof, new: Proof) -> UserView:
    """Change one's own PIN or password; ``current`` was checked by the prover and names who proved himself.

    Raises:
        Refused: ``users.wrong``: whoever proved himself is not who is signed in.
        Invalid: ``users.secret_same``: the new one is the old one.
    """
    from core.users import rows

    user = rows.by_code(db, actor.user_code)
    if user is None or current != actor.user_code:
        raise Refused("users.wrong")
    rows.store_credential(db, user.code, new, must_change=False)
    return rows.view(user)


@operation("users:pin:reset", kind="intent", guard="C", writes=("credential",))
def reset_pin(db: Db, actor: Actor, *, user_id: int, new: Proof) -> UserView:
    """Give somebody a new PIN and lift his lock; he is asked to change it when he signs in.

    Raises:
        Invalid: ``users.not_found``.
    """
    from core.users import rows

    user = rows.by_id(db, user_id, None)
    rows.store_credential(db, user.code, new, must_change=True)
    return rows.view(user)


# --- badges, sessions -------------------------------------------------------------------------------------------------


@operation("users:badge:give", kind="intent", guard="C", writes=("badge",), constraints={"uq_badge_digest": "users.badge_taken"})
def give_badge(db: Db, actor: Actor, *, user_id: int, badge: Proof) -> UserView:
    """Give a user a badge; he still needs his PIN with it. What the badge says is kept as a keyed hash only.

    Raises:
        Invalid: ``users.not_found``, ``users.badge_taken`` (also by a badge that was reported lost), ``users.badge_unreadable``.
    """
    from core.users import rows

    user = rows.by_id(db, user_id, None)
    rows.give_badge(db, user.id, badge)
    return rows.view(user)


@operation("users:badge:block", kind="intent", guard="C", writes=("badge",))
def block_badge(db: Db, actor: Actor, *, badge_id: UUID, reason: Reason) -> UserView:
    """A badge was lost or taken back: it opens nothing any more, and its owner is signed off everywhere.

    Raises:
        Invalid: ``users.badge_not_found``.
    """
    from core.users import rows

    db.note_reason(reason)
    return rows.view(rows.block_badge(db, badge_id, reason))


@operation("users:session:revoke", kind="intent", guard="C", writes=())
def end_sessions(db: Db, actor: Actor, *, user_id: int, reason: Reason) -> int:
    """Sign a user off at every station but this one; gives at how many he was signed in.

    Raises:
        Invalid: ``users.not_found``.
    """
    from core.users import rows

    db.note_reason(reason)
    return rows.end_sessions(db, rows.by_id(db, user_id, None).id)


# --- what the site decides about rights and sign-ins ------------------------------------------------------------------


@operation("users:right:decide", kind="intent", guard="D", meaning="approval", writes=("role_rule",))
def decide_right(
    db: Db, actor: Actor, *, role: UserCode, permission: Permission, line_code: str | None, allowed: bool | None, reason: Reason
) -> bool | None:
    """Allow or forbid one permission to one role, on one line or (``line_code`` None) on all; ``allowed`` None as declared.

    Raises:
        Invalid: ``users.role_unknown``, ``users.line_unknown``.
        Refused: ``users.right_needed``: administrators keep the right to decide about rights.
    """
    from core.users import rows

    if role == "administrator" and allowed is False and permission.startswith("users:"):
        raise Refused("users.right_needed")
    db.note_reason(reason)
    rows.decide_right(db, role, permission, line_code, allowed)
    return allowed


@operation("users:policy:change", kind="intent", guard="D", meaning="approval", writes=("security_policy",))
def change_policy(
    db: Db,
    actor: Actor,
    *,
    version: int,
    pin_digits: Annotated[int, Field(ge=4, le=12)],
    secret_days: Annotated[int, Field(ge=0, le=3650)],
    session_h: Annotated[int, Field(ge=1, le=24)],
    user_tries: Annotated[int, Field(ge=3, le=10)],
    station_tries: Annotated[int, Field(ge=5, le=100)],
    lock_min: Annotated[int, Field(ge=1, le=480)],
    reason: Reason,
) -> int:
    """Change what this site asks of sign-ins; gives the new version. See ``SecurityPolicy`` for the numbers.

    Raises:
        Conflict: ``users.policy_changed``.
    """
    from core.users import rows

    policy = rows.policy(db, version)
    policy.pin_digits, policy.secret_days, policy.session_h = pin_digits, secret_days, session_h
    policy.user_tries, policy.station_tries, policy.lock_min = user_tries, station_tries, lock_min
    db.note_reason(reason)
    db.flush()
    return policy.version


@operation("users:station:allow_offline", kind="intent", guard="D", meaning="approval", writes=("station",))
def allow_offline(db: Db, actor: Actor, *, station_code: UserCode, hours: Annotated[int, Field(ge=0, le=168)], reason: Reason) -> int:
    """Let people sign in at a station while the database is away, for so many hours after they did so with it; 0: not.

    Raises:
        Invalid: ``users.station_unknown``.
    """
    from core.users import rows

    db.note_reason(reason)
    rows.allow_offline(db, station_code, hours)
    return hours


@query("users:user:list", permission="users:user:list")
def list_users(db: Db, *, search: str | None = None, limit: int = 200, offset: int = 0) -> Page[UserView]:
    """Users by code, those without access included; ``search`` looks into codes and names."""
    from core.users import rows

    return rows.search(db, search, limit, offset)
