"""What an administrator sees of people, rights and sign-in rules: frozen, serialisable, nothing secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from core.users.views import UserView

Origin = Literal["declared", "site", "line"]


@dataclass(frozen=True, slots=True)
class BadgeView:
    """A badge somebody was given.

    Attributes:
        label: Its last characters, so that people can tell two badges apart.
        blocked_at: When it was reported lost or taken back; None while it works.
    """

    id: UUID
    label: str
    given_at: datetime
    blocked_at: datetime | None
    blocked_reason: str


@dataclass(frozen=True, slots=True)
class SessionView:
    """One person signed in at one station.

    Attributes:
        expires_at: When the session ends by itself.
        offline: Begun while the database was away.
    """

    station: str
    user_code: str
    user_name: Mapping[str, str]
    started_at: datetime
    expires_at: datetime
    offline: bool


@dataclass(frozen=True, slots=True)
class PersonView:
    """A user with what lets him in and where he is signed in now.

    Attributes:
        badges: Newest first, blocked ones included.
        sessions: Living ones, oldest first; more than one when he is signed in at several stations.
    """

    user: UserView
    badges: tuple[BadgeView, ...]
    sessions: tuple[SessionView, ...]

    @property
    def working_badges(self) -> tuple[BadgeView, ...]:
        """Those that open something."""
        return tuple(badge for badge in self.badges if badge.blocked_at is None)


@dataclass(frozen=True, slots=True)
class RightCell:
    """Whether one role has one permission, on the line asked for or on all lines.

    Attributes:
        allowed: What counts.
        origin: Why: as declared by the program, by the site's rule for all lines, or by its rule for this line.
        declared: What the program declares.
        site: The site's rule for all lines; None without one.
        line: The site's rule for the line asked for; None without one, and when all lines were asked for.
        differing: Codes of lines that have a rule of their own; only when all lines were asked for.
    """

    role: str
    allowed: bool
    origin: Origin
    declared: bool
    site: bool | None
    line: bool | None
    differing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RightView:
    """One permission with a cell for each role, in the order of ``RightMatrix.roles``.

    Attributes:
        feature: First part of the permission, by which screens group.
        by_line: True when it is about something that stands on a line, so that a rule for one line means something.
    """

    permission: str
    feature: str
    by_line: bool
    cells: tuple[RightCell, ...]


@dataclass(frozen=True, slots=True)
class RightMatrix:
    """Who may do what.

    Attributes:
        line_code: The line asked for; None for all lines.
        roles: Codes, in the order screens list them.
        rights: Grouped by feature.
    """

    line_code: str | None
    roles: tuple[str, ...]
    rights: tuple[RightView, ...]


@dataclass(frozen=True, slots=True)
class PolicyView:
    """What this site asks of sign-ins; see ``core.users.models.SecurityPolicy`` for the numbers and their ranges."""

    entity: ClassVar[str] = "security_policy"

    id: int
    version: int
    pin_digits: int
    secret_days: int
    session_h: int
    user_tries: int
    station_tries: int
    lock_min: int
