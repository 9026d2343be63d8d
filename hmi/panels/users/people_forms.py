"""The sheets of the list of users: each asks for as little as possible and decides one thing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication

from core.users import accounts
from core.users.admin_views import BadgeView, PersonView
from core.users.given import Secret
from core.users.roles import ROLES
from core.words import name, word
from hmi import theme
from hmi.sheets.ask_form import Asked, AskForm
from hmi.sheets.choice import ChoiceSheet

if TYPE_CHECKING:
    from hmi.panels.users.page import ListPage

Decide = Callable[[Mapping[str, Any]], Awaitable[Any]]
_NEW = "new"


def _form(
    page: ListPage,
    title: str,
    asked: Sequence[Asked],
    decide: Decide,
    done: str,
    note: str = "",
    *,
    columns: int = 1,
    dangerous: bool = False,
) -> AskForm:
    sheet = AskForm(page.ground, page.bridge, title, asked, decide, note=note, columns=columns, kind="danger" if dangerous else "primary")
    sheet.done.connect(lambda: page.said(done))
    return sheet


def _who(person: PersonView) -> str:
    return f"{name(person.user.name, theme.language())} ({person.user.code})"


def _role_choices() -> tuple[tuple[str, str], ...]:
    return tuple((role, word(f"role.{role}", theme.language())) for role in ROLES)


def _reason() -> Asked:
    return Asked("reason", word("button.reason", theme.language()))


def add(page: ListPage) -> AskForm:
    """A new user with his first roles and his first PIN."""
    translate = QCoreApplication.translate
    asked = [
        Asked("code", translate("PeopleForms", "User ID"), "code"),
        Asked("new", translate("PeopleForms", "First PIN or password"), "secret"),
        Asked("name_ja", translate("PeopleForms", "Name in Japanese")),
        Asked("name_en", translate("PeopleForms", "Name in English")),
        Asked("roles", translate("PeopleForms", "Roles"), "several", _role_choices(), "operator", wide=True),
    ]

    async def decide(given: Mapping[str, Any]) -> None:
        await page.bridge.do(accounts.create_user, **{**given, "new": Secret(given["new"])})

    title = translate("PeopleForms", "Add user")
    note = translate("PeopleForms", "The person changes this PIN at the first sign-in.")
    return _form(page, title, asked, decide, translate("PeopleForms", "The user was added."), note, columns=2)


def roles(page: ListPage, person: PersonView) -> AskForm:
    """Other roles."""
    translate, user = QCoreApplication.translate, person.user
    asked = [Asked("roles", translate("PeopleForms", "Roles"), "several", _role_choices(), ",".join(user.roles))]

    async def decide(given: Mapping[str, Any]) -> None:
        await page.bridge.do(accounts.give_roles, user_id=user.id, version=user.version, **given)

    done = translate("PeopleForms", "The roles were changed.")
    return _form(page, translate("PeopleForms", "Change roles"), asked, decide, done, _who(person))


def pin(page: ListPage, person: PersonView) -> AskForm:
    """Another PIN for somebody who forgot his, or is locked."""
    translate = QCoreApplication.translate
    asked = [Asked("new", translate("PeopleForms", "New PIN or password"), "secret")]

    async def decide(given: Mapping[str, Any]) -> None:
        await page.bridge.do(accounts.reset_pin, user_id=person.user.id, new=Secret(given["new"]))

    note = translate("PeopleForms", "A lock is lifted, open sessions end, and the person changes this PIN at the next sign-in.")
    done = translate("PeopleForms", "The PIN was set.")
    return _form(page, translate("PeopleForms", "New PIN"), asked, decide, done, f"{_who(person)}: {note}")


def badge(page: ListPage, person: PersonView) -> None:
    """Register a card at once when there is none, else choose: another one, or which one was lost."""
    if not person.working_badges:
        register(page, person).open()
        return
    translate = QCoreApplication.translate
    lost = translate("PeopleForms", "…{label} was lost or taken back (given {at})")
    choices = [(str(each.id), lost.format(label=each.label, at=page.at(each.given_at))) for each in person.working_badges]
    choices.append((_NEW, translate("PeopleForms", "Register another card")))
    sheet = ChoiceSheet(page.ground, translate("PeopleForms", "ID cards of {user}").format(user=_who(person)), choices)
    cards = {str(each.id): each for each in person.working_badges}
    sheet.picked.connect(lambda key: (register(page, person) if key == _NEW else block(page, cards[key])).open())
    sheet.open()


def register(page: ListPage, person: PersonView) -> AskForm:
    """Wait for the reader, or for a typed number."""
    translate = QCoreApplication.translate
    asked = [Asked("badge", translate("PeopleForms", "Hold the card to the reader, or type its number"), "scan")]

    async def decide(given: Mapping[str, Any]) -> None:
        await page.bridge.do(accounts.give_badge, user_id=person.user.id, badge=Secret(given["badge"]))

    done = translate("PeopleForms", "The card was registered.")
    return _form(page, translate("PeopleForms", "Register ID card"), asked, decide, done, _who(person))


def block(page: ListPage, card: BadgeView) -> AskForm:
    """A lost card opens nothing any more."""
    translate = QCoreApplication.translate

    async def decide(given: Mapping[str, Any]) -> None:
        await page.bridge.do(accounts.block_badge, badge_id=card.id, **given)

    note = translate("PeopleForms", "ID card …{label}: it opens nothing any more, and the person is signed off everywhere.")
    done = translate("PeopleForms", "The card was blocked.")
    title = translate("PeopleForms", "Block ID card")
    return _form(page, title, [_reason()], decide, done, note.format(label=card.label), dangerous=True)


def sign_off(page: ListPage, person: PersonView) -> AskForm:
    """Somebody else may be using this person's session."""
    translate = QCoreApplication.translate
    places = ", ".join(session.station for session in person.sessions)

    async def decide(given: Mapping[str, Any]) -> None:
        await page.bridge.do(accounts.end_sessions, user_id=person.user.id, **given)

    note = translate("PeopleForms", "{user} is signed off at: {places}. This station stays as it is.").format(
        user=_who(person), places=places
    )
    done = translate("PeopleForms", "Signed off.")
    return _form(page, translate("PeopleForms", "Sign off everywhere"), [_reason()], decide, done, note)


def access(page: ListPage, person: PersonView) -> AskForm:
    """Take access away, or give it back; nobody is ever deleted, because the past speaks of him."""
    translate, user = QCoreApplication.translate, person.user
    operation = accounts.deactivate_user if user.active else accounts.activate_user

    async def decide(_: Mapping[str, Any]) -> None:
        await page.bridge.do(operation, user_id=user.id, version=user.version)

    if user.active:
        title = translate("PeopleForms", "Take access away")
        note = translate("PeopleForms", "{user}: open sessions end at once. What the person did stays in the trail.")
        done = translate("PeopleForms", "Access was taken away.")
    else:
        title = translate("PeopleForms", "Give access back")
        note = translate("PeopleForms", "{user}: with the roles, the PIN and the cards of before.")
        done = translate("PeopleForms", "Access was given back.")
    return _form(page, title, [], decide, done, note.format(user=_who(person)), dangerous=user.active)
