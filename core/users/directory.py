"""Who works here, with badges and open sessions, and what the site asks of sign-ins: for the people who look after users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.store.query import Page, query
from core.users.admin_views import PersonView, PolicyView

if TYPE_CHECKING:
    from core.store.base import Db


@query("users:person:list", permission="users:user:list")
def list_people(db: Db, *, search: str = "", limit: int = 200, offset: int = 0) -> Page[PersonView]:
    """Users by code with their badges and the stations where they are signed in; those without access included.

    Args:
        search: Part of code or name, any case; "" for all.
        limit, offset: Page; at most 1000 rows.
    """
    from core.users import directory_rows

    return directory_rows.people(db, search, limit, offset)


@query("users:policy:get", permission="users:policy:get")
def get_policy(db: Db) -> PolicyView:
    """What this site asks of sign-ins now."""
    from core.users import directory_rows

    return directory_rows.policy_view(db)
