"""The sheets of the list of users: each asks for as little as possible and decides one thing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication

from core.users import accounts
from core.users.admin_views import BadgeView, PersonView
from core.users.given import Secret
from core.users.roles import ROLES
from core.words import UNDEFINED, name, word
from hmi import theme
from hmi.bridge import Shown
from hmi.sheets.ask_form import Asked, AskForm, Form
from hmi.sheets.choice import ChoiceSheet

if TYPE_CHECKING:
    from hmi.panels.users.page import ListPage

_NEW = "new"
translate = QCoreApplication.translate


def _sheet(
    page: ListPage,
    form: Callable[[], Form],
    decide: Callable[[Mapping[str, Any]], Awaitable[Any]],
    done: Callable[[], str],
    *,
    columns: int = 1,
    dangerous: bool = False,
) -> AskForm:
    sheet = AskForm(page.ground, page.bridge, form, decide, columns=columns, kind="danger" if dangerous else "primary")
    sheet.done.connect(lambda: page.said(done()))
    return sheet


def _who(person: PersonView) -> str:
    return f"{name(person.user.name, theme.language())} ({person.user.code})"


def _listed(codes: Sequence[str]) -> str:
    return ", ".join(word(f"role.{role}", theme.language()) for role in codes) or UNDEFINED


def _roles(value: str) -> Asked:
    choices = tuple((role, word(f"role.{role}", theme.language())) for role in ROLES)
    return Asked("roles", translate("PeopleForms", "Roles"), "several", choices, value, wide=True)


def _reason() -> Asked:
    return Asked("reason", word("button.reason", theme.language()))


def add(page: ListPage) -> AskForm:
    """A new user with his first roles and his first PIN."""

    def form() -> Form:
        asked = (
            Asked("code", translate("PeopleForms", "User ID"), "code"),
            Asked("new", translate("PeopleForms", "First PIN or password"), "secret"),
            Asked("name_ja", translate("PeopleForms", "Name in Japanese")),
            Asked("name_en", translate("PeopleForms", "Name in English")),
            _roles("operator"),
        )
        note = translate("PeopleForms", "The person changes this PIN at the first sign-in.")
        return Form(translate("PeopleForms", "Add user"), asked, note)

    async def decide(given: Mapping[str, Any]) -> None:
        await page.bridge.do(accounts.create_user, **{**given, "new": Secret(given["new"])})

    return _sheet(page, form, decide, lambda: translate("PeopleForms", "The user was added."), columns=2)


def roles(page: ListPage, person: PersonView) -> AskForm:
    """Other roles."""
    user = person.user

    def form() -> Form:
        return Form(translate("PeopleForms", "Change roles"), (_roles(",".join(user.roles)),), _who(person))

    async def decide(given: Mapping[str, Any]) -> None:
        shown = (
            Shown(word("argument.user_id", theme.language()), "", _who(person)),
            Shown(_roles("").label, _listed(user.roles), _listed(given["roles"])),
        )
        await page.bridge.do(accounts.give_roles, shown=shown, user_id=user.id, version=user.version, **given)

    return _sheet(page, form, decide, lambda: translate("PeopleForms", "The roles were changed."))


def pin(page: ListPage, person: PersonView) -> AskForm:
    """Another PIN for somebody who forgot his, or is locked."""

    def form() -> Form:
        note = translate("PeopleForms", "A lock is lifted, open sessions end, and the person changes this PIN at the next sign-in.")
        asked = (Asked("new", translate("PeopleForms", "New PIN or password"), "secret"),)
        return Form(translate("PeopleForms", "New PIN"), asked, f"{_who(person)}: {note}")

    async def decide(given: Mapping[str, Any]) -> None:
        await page.bridge.do(accounts.reset_pin, user_id=person.user.id, new=Secret(given["new"]))

    return _sheet(page, form, decide, lambda: translate("PeopleForms", "The PIN was set."))


def badge(page: ListPage, person: PersonView) -> None:
    """Register a card at once when there is none, else choose: another one, or which one was lost."""
    if not person.working_badges:
        register(page, person).open()
        return
    lost = translate("PeopleForms", "…{label} was lost or taken back (given {at})")
    choices = [(str(each.id), lost.format(label=each.label, at=page.at(each.given_at))) for each in person.working_badges]
    choices.append((_NEW, translate("PeopleForms", "Register another card")))
    sheet = ChoiceSheet(page.ground, translate("PeopleForms", "ID cards of {user}").format(user=_who(person)), choices)
    cards = {str(each.id): each for each in person.working_badges}
    sheet.picked.connect(lambda key: (register(page, person) if key == _NEW else block(page, cards[key])).open())
    sheet.open()


def register(page: ListPage, person: PersonView) -> AskForm:
    """Wait for the reader, or for a typed number."""

    def form() -> Form:
        asked = (Asked("badge", translate("PeopleForms", "Hold the card to the reader, or type its number"), "scan"),)
        return Form(translate("PeopleForms", "Register ID card"), asked, _who(person))

    async def decide(given: Mapping[str, Any]) -> None:
        await page.bridge.do(accounts.give_badge, user_id=person.user.id, badge=Secret(given["badge"]))

    return _sheet(page, form, decide, lambda: translate("PeopleForms", "The card was registered."))


def block(page: ListPage, card: BadgeView) -> AskForm:
    """A lost card opens nothing any more."""

    def form() -> Form:
        note = translate("PeopleForms", "ID card …{label}: it opens nothing any more, and the person is signed off everywhere.")
        return Form(translate("PeopleForms", "Block ID card"), (_reason(),), note.format(label=card.label))

    async def decide(given: Mapping[str, Any]) -> None:
        await page.bridge.do(accounts.block_badge, badge_id=card.id, **given)

    return _sheet(page, form, decide, lambda: translate("PeopleForms", "The card was blocked."), dangerous=True)


def sign_off(page: ListPage, person: PersonView) -> AskForm:
    """Somebody else may be using this person's session."""
    places = ", ".join(session.station for session in person.sessions)

    def form() -> Form:
        note = translate("PeopleForms", "{user} is signed off at: {places}. This station stays as it is.")
        return Form(translate("PeopleForms", "Sign off everywhere"), (_reason(),), note.format(user=_who(person), places=places))

    async def decide(given: Mapping[str, Any]) -> None:
        await page.bridge.do(accounts.end_sessions, user_id=person.user.id, **given)

    return _sheet(page, form, decide, lambda: translate("PeopleForms", "Signed off."))


def access(page: ListPage, person: PersonView) -> AskForm:
    """Take access away, or give it back; nobody is ever deleted, because the past speaks of him."""
    user = person.user
    operation = accounts.deactivate_user if user.active else accounts.activate_user

    def form() -> Form:
        if user.active:
            note = translate("PeopleForms", "{user}: open sessions end at once. What the person did stays in the trail.")
            return Form(translate("PeopleForms", "Take access away"), note=note.format(user=_who(person)))
        note = translate("PeopleForms", "{user}: with the roles, the PIN and the cards of before.")
        return Form(translate("PeopleForms", "Give access back"), note=note.format(user=_who(person)))

    async def decide(_: Mapping[str, Any]) -> None:
        await page.bridge.do(operation, user_id=user.id, version=user.version)

    def done() -> str:
        taken, given = translate("PeopleForms", "Access was taken away."), translate("PeopleForms", "Access was given back.")
        return taken if user.active else given

    return _sheet(page, form, decide, done, dangerous=user.active)
