"""Users: who there is, with roles, badges and open sessions; added and changed by administrators, never deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.users import accounts
from core.users.admin_views import PersonView
from core.users.directory import list_people
from core.words import UNDEFINED, name, word
from hmi import theme
from hmi.panels import Action
from hmi.panels.users import people_forms
from hmi.panels.users.page import ROWS, ListPage
from hmi.sheets.ask_form import Asked, AskForm, Form
from hmi.widgets.button import TouchButton
from hmi.widgets.table import Cell, Column, Row


class PeoplePage(ListPage):
    """The list of users; the action bar acts on the chosen one."""

    permission = "users:user:list"
    entities = ("user:", "role:", "*")

    def build_head(self) -> None:
        """See ListPage."""
        self._search, self._rare = "", False
        self.search = TouchButton("", icon="search", role="body")
        self.search.clicked.connect(self._ask_search)
        self.head.addWidget(self.search)
        self.head.addStretch(1)
        self.head.addWidget(self.count)

    def columns(self) -> list[Column]:
        """See ListPage."""
        titles = (self.tr("User"), self.tr("Roles"), self.tr("State"), self.tr("ID card"), self.tr("Signed in at"))
        return [Column(title, share) for title, share in zip(titles, (2.2, 2.2, 1.8, 1.1, 1.7), strict=True)]

    async def ask(self, offset: int) -> tuple[Mapping[Any, Any], int, float]:
        """See ListPage."""
        answer = await self.bridge.ask(list_people, search=self._search, limit=ROWS, offset=offset)
        return {person.user.id: person for person in answer.value.items}, answer.value.total, answer.as_of.timestamp()

    def empty(self) -> tuple[str, str]:
        """See ListPage."""
        if self._search:
            return self.tr("Nobody is called like that."), self.tr("Shorten the search.")
        return self.tr("There are no users yet."), self.tr("Add one, or let the site file bring them.")

    def row(self, item: PersonView) -> Row:
        """See ListPage."""
        user, language = item.user, theme.language()
        roles = ", ".join(word(f"role.{role}", language) for role in user.roles) or UNDEFINED
        if user.active and not user.retired:
            state = Cell(self.tr("may sign in"), glyph="check")
        else:
            below = self.tr("retired") if user.retired else ""
            state = Cell(self.tr("no access"), glyph="cross", tone="text2", below=below)
        badges = ", ".join(f"…{badge.label}" for badge in item.working_badges) or UNDEFINED
        places = ", ".join(session.station for session in item.sessions) or UNDEFINED
        several = len(item.sessions) > 1
        there = Cell(places, glyph="exclamation" if several else "", strong=several)
        return (Cell(name(user.name, language), strong=True, below=user.code), roles, state, badges, there)

    def told(self, item: PersonView) -> list[str]:
        """Where the person is signed in, and what became of his cards."""
        lines = []
        if len(item.sessions) > 1:
            lines.append(self.tr("Signed in at several stations. Whoever it is not should be signed off."))
        for session in item.sessions:
            line = self.tr("{station}: signed in since {begun}, until {end}").format(
                station=session.station, begun=self.at(session.started_at), end=self.at(session.expires_at)
            )
            lines.append(line + (self.tr(" (without the database)") if session.offline else ""))
        for badge in item.badges:
            if badge.blocked_at is not None:
                told = self.tr("ID card …{label} blocked {at}: {reason}")
                lines.append(told.format(label=badge.label, at=self.at(badge.blocked_at), reason=badge.blocked_reason))
        return lines

    def offered(self) -> list[Action]:
        """At most five; what is seldom done and not to be hit by accident stands behind "more"."""
        add = Action("users.add", self.tr("Add user"), lambda: self._open(people_forms.add(self)))
        may, person = self.bridge.may, self.chosen
        if person is None:
            self._rare = False
            return [add] if may(accounts.create_user) else []
        if self._rare:
            return self._rare_actions(person)
        language = theme.language()
        return [
            action
            for action, operation in (
                (add, accounts.create_user),
                (
                    Action("users.roles", self.tr("Roles"), lambda: self._open(people_forms.roles(self, person)), primary=True),
                    accounts.give_roles,
                ),
                (Action("users.pin", self.tr("New PIN"), lambda: self._open(people_forms.pin(self, person))), accounts.reset_pin),
                (Action("users.badge", self.tr("ID card"), lambda: people_forms.badge(self, person)), accounts.give_badge),
                (Action("users.more", word("button.more", language), lambda: self._show_rare(True)), accounts.deactivate_user),
            )
            if may(operation)
        ]

    def _rare_actions(self, person: PersonView) -> list[Action]:
        actions = [Action("users.back", word("button.back", theme.language()), lambda: self._show_rare(False))]
        if person.sessions and self.bridge.may(accounts.end_sessions):
            actions.append(
                Action("users.sign_off", self.tr("Sign off everywhere"), lambda: self._open(people_forms.sign_off(self, person)))
            )
        title = self.tr("Take access away") if person.user.active else self.tr("Give access back")
        return [*actions, Action("users.access", title, lambda: self._open(people_forms.access(self, person)))]

    def _show_rare(self, rare: bool) -> None:
        self._rare = rare
        self.changed.emit()

    def _open(self, sheet: AskForm) -> None:
        self._rare = False
        sheet.open()

    # -- search --------------------------------------------------------------------------------------------------

    def _ask_search(self) -> None:
        if not self.may_look:
            return

        def form() -> Form:
            asked = Asked("search", self.tr("Part of the name or the user ID"), value=self._search, required=False)
            return Form(word("button.search", theme.language()), (asked,))

        async def take(given: Mapping[str, Any]) -> None:
            self._search = given["search"]

        sheet = AskForm(self.ground, self.bridge, form, take)
        sheet.done.connect(self._searched)
        sheet.open()

    def _searched(self) -> None:
        self._say_search()
        self.forget()
        self.refresh()

    def _say_search(self) -> None:
        self.search.setText(f"“{self._search}”" if self._search else word("button.search", theme.language()))

    def retranslate(self) -> None:
        """See ListPage."""
        self._say_search()
        super().retranslate()
