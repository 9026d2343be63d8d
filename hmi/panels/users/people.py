"""Users: who there is, with roles, badges and open sessions; added and changed by administrators, never deleted."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any
from uuid import UUID

from core.users import accounts
from core.users.admin_views import PersonView
from core.users.directory import list_people
from core.users.given import Secret
from core.users.roles import ROLES
from core.words import name, word
from hmi import theme
from hmi.panels import Action
from hmi.panels.users.page import NOWHERE, ListPage
from hmi.sheets.ask_form import Asked, AskForm
from hmi.widgets.table import Cell, Column, Row


class PeoplePage(ListPage):
    """The list of users; the action bar acts on the chosen one."""

    permission = "users:user:list"
    entities = ("user:", "role:", "*")

    def columns(self) -> list[Column]:
        """See ListPage."""
        titles = (self.tr("User"), self.tr("Roles"), self.tr("State"), self.tr("ID card"), self.tr("Signed in at"))
        return [Column(title, share) for title, share in zip(titles, (2.4, 2.4, 1.3, 1.2, 1.4), strict=True)]

    async def ask(self) -> tuple[dict[Hashable, Any], float]:
        """See ListPage."""
        answer = await self.bridge.ask(list_people, limit=1000)
        return {person.user.id: person for person in answer.value.items}, answer.as_of.timestamp()

    def empty(self) -> tuple[str, str]:
        """See ListPage."""
        return self.tr("There are no users yet."), self.tr("Add one, or let the site file bring them.")

    def row(self, item: PersonView) -> Row:
        """See ListPage."""
        user, language = item.user, theme.language()
        roles = ", ".join(word(f"role.{role}", language) for role in user.roles) or NOWHERE
        if user.active and not user.retired:
            state = Cell(self.tr("may sign in"), glyph="check")
        else:
            state = Cell(self.tr("no access"), glyph="cross", tone="text2")
        badges = ", ".join(f"…{badge.label}" for badge in item.working_badges) or NOWHERE
        places = ", ".join(session.station for session in item.sessions) or NOWHERE
        more = len(item.sessions) > 1
        there = Cell(places, glyph="exclamation" if more else "", strong=more)
        return (Cell(name(user.name, language) or user.code, strong=True, below=user.code), roles, state, badges, there)

    def told(self, item: PersonView) -> str:
        """Several sessions of one person, and cards that were blocked."""
        lines = []
        if len(item.sessions) > 1:
            places = ", ".join(f"{session.station} ({self.at(session.started_at)})" for session in item.sessions)
            lines.append(self.tr("Signed in at several stations: {places}").format(places=places))
        blocked = [f"…{badge.label}: {badge.blocked_reason}" for badge in item.badges if badge.blocked_at is not None]
        if blocked:
            lines.append(self.tr("Blocked ID cards: {cards}").format(cards=", ".join(blocked)))
        return "  ·  ".join(lines)

    def bar_actions(self) -> list[Action]:
        """At most five; what is seldom needed stands behind the access itself."""
        if not self.bridge.is_ready or not self.bridge.station.actor.may(accounts.create_user.name):
            return []
        add = Action("users.add", self.tr("Add user"), self._add)
        person: PersonView | None = self.chosen
        if person is None:
            return [add]
        access = self.tr("Take access away") if person.user.active else self.tr("Give access back")
        return [
            add,
            Action("users.roles", self.tr("Roles"), lambda: self._roles(person), primary=True),
            Action("users.pin", self.tr("New PIN"), lambda: self._pin(person)),
            Action("users.badge", self.tr("ID card"), lambda: self._badge(person)),
            Action("users.access", access, lambda: self._access(person)),
        ]

    # -- sheets --------------------------------------------------------------------------------------------------

    def _form(self, title: str, asked: list[Asked], decide: Callable[[Mapping[str, Any]], Any], done: str, note: str = "") -> None:
        sheet = AskForm(self.ground, self.bridge, title, asked, decide, note=note)
        sheet.done.connect(lambda: self.said(done))
        sheet.open()

    def _role_choices(self) -> tuple[tuple[str, str], ...]:
        return tuple((code, word(f"role.{code}", theme.language())) for code in ROLES)

    def _add(self) -> None:
        asked = [
            Asked("code", self.tr("User ID"), "code"),
            Asked("name_ja", self.tr("Name in Japanese")),
            Asked("name_en", self.tr("Name in English")),
            Asked("roles", self.tr("Roles"), "several", self._role_choices(), "operator"),
            Asked("new", self.tr("First PIN or password"), "secret"),
        ]

        async def decide(given: Mapping[str, Any]) -> None:
            await self.bridge.do(accounts.create_user, **{**given, "new": Secret(given["new"])})

        note = self.tr("The first PIN is changed by the person at the first sign-in.")
        self._form(self.tr("Add user"), asked, decide, self.tr("The user was added."), note)

    def _roles(self, person: PersonView) -> None:
        user = person.user
        asked = [Asked("roles", user.code, "several", self._role_choices(), ",".join(user.roles))]

        async def decide(given: Mapping[str, Any]) -> None:
            await self.bridge.do(accounts.give_roles, user_id=user.id, version=user.version, **given)

        self._form(self.tr("Roles"), asked, decide, self.tr("The roles were changed."))

    def _pin(self, person: PersonView) -> None:
        asked = [Asked("new", self.tr("New PIN or password for {user}").format(user=person.user.code), "secret")]

        async def decide(given: Mapping[str, Any]) -> None:
            await self.bridge.do(accounts.reset_pin, user_id=person.user.id, new=Secret(given["new"]))

        note = self.tr("A lock is lifted, open sessions end, and the person changes the PIN at the next sign-in.")
        self._form(self.tr("New PIN"), asked, decide, self.tr("The PIN was set."), note)

    def _badge(self, person: PersonView) -> None:
        if person.working_badges:
            self._block(person)
            return
        asked = [Asked("badge", self.tr("Number of the card: hold it to the reader, or type it"), "code")]

        async def decide(given: Mapping[str, Any]) -> None:
            await self.bridge.do(accounts.give_badge, user_id=person.user.id, badge=Secret(given["badge"]))

        self._form(self.tr("Register ID card"), asked, decide, self.tr("The card was registered."))

    def _block(self, person: PersonView) -> None:
        cards = tuple((str(badge.id), f"…{badge.label}") for badge in person.working_badges)
        asked = [Asked("badge", self.tr("ID card"), "choice", cards), Asked("reason", self.tr("Reason (lost, worn out …)"))]

        async def decide(given: Mapping[str, Any]) -> None:
            await self.bridge.do(accounts.block_badge, badge_id=UUID(given["badge"]), reason=given["reason"])

        note = self.tr("It opens nothing any more, and the person is signed off everywhere. Afterwards a new card can be registered.")
        self._form(self.tr("Block ID card"), asked, decide, self.tr("The card was blocked."), note)

    def _access(self, person: PersonView) -> None:
        user = person.user
        operation = accounts.deactivate_user if user.active else accounts.activate_user
        title = self.tr("Take access away") if user.active else self.tr("Give access back")
        note = self.tr("{user}: open sessions end at once. What the person did stays as it is.").format(user=user.code)

        async def decide(_: Mapping[str, Any]) -> None:
            await self.bridge.do(operation, user_id=user.id, version=user.version)

        self._form(title, [], decide, self.tr("Access was changed."), note if user.active else user.code)
