"""Who may work here: making users, taking access away and giving it back, roles, PINs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

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
    rows.store_credential(db, actor, user.code, new, must_change=True)
    return rows.view(user)


@operation("users:user:deactivate", kind="intent", guard="C", writes=("app_user", "session"))
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
    """
    from core.users import rows

    user = rows.by_code(db, actor.user_code)
    if user is None or current != actor.user_code:
        raise Refused("users.wrong")
    rows.store_credential(db, actor, user.code, new, must_change=False)
    return rows.view(user)


@operation("users:pin:reset", kind="intent", guard="C", writes=("credential",))
def reset_pin(db: Db, actor: Actor, *, user_id: int, new: Proof) -> UserView:
    """Give somebody a new PIN and lift his lock; he is asked to change it when he signs in.

    Raises:
        Invalid: ``users.not_found``.
    """
    from core.users import rows

    user = rows.by_id(db, user_id, None)
    rows.store_credential(db, actor, user.code, new, must_change=True)
    return rows.view(user)


@query("users:user:list", permission="users:user:list")
def list_users(db: Db, *, search: str | None = None, limit: int = 200, offset: int = 0) -> Page[UserView]:
    """Users by code, those without access included; ``search`` looks into codes and names."""
    from core.users import rows

    return rows.search(db, search, limit, offset)
