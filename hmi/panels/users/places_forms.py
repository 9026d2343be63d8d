"""Sheets about sign-ins: at one station without the database, and the rules for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QCoreApplication

from core.equipment.stations import StationView
from core.users.accounts import allow_offline, change_policy
from core.users.admin_views import PolicyView
from core.words import word
from hmi import theme
from hmi.sheets.ask_form import Asked, AskForm, Form
from hmi.widgets.entry import NumberEntry

if TYPE_CHECKING:
    from hmi.panels.users.page import ListPage

translate = QCoreApplication.translate
_HOURS: Final = (0, 8, 24, 72, 168)
_RANGES: Final = {
    "pin_digits": (4, 12),
    "secret_days": (0, 3650),
    "session_h": (1, 24),
    "user_tries": (3, 10),
    "station_tries": (5, 100),
    "lock_min": (1, 480),
}
"""Numbers of the policy with their lowest and highest value; the operation checks them again."""


def hours(number: int) -> str:
    """For how long people may sign in without the database."""
    if number == 0:
        return translate("PlacesForms", "nobody")
    return translate("PlacesForms", "for {hours} h").format(hours=number)


def risk() -> str:
    """What a sign-in without the database means, and what remains to be feared; one thought a line."""
    return translate(
        "PlacesForms",
        "Without the database only people sign in who did so at this station before, within the hours chosen.\n"
        "The risk that remains: whoever steals this computer's disk can try PINs there and nobody counts them. At half a second each, "
        "six digits last about six days on one processor core and less on several. A lost computer: revoke its log-in and give new PINs.\n"
        "What is decided meanwhile is sealed, and checked when the database is back.",
    )


def offline_form(page: ListPage, station: StationView) -> AskForm:
    """Hours for one station, with the risk printed beside the choice."""
    offered = sorted({*_HOURS, station.offline_h})

    def form() -> Form:
        label = translate("PlacesForms", "Who signed in here may do so again without the database")
        asked = (
            Asked("hours", label, "one", tuple((str(each), hours(each)) for each in offered), str(station.offline_h)),
            Asked("reason", word("button.reason", theme.language())),
        )
        title = translate("PlacesForms", "Sign-in without database")
        return Form(f"{title}: {station.code}", asked, risk(), word("button.confirm", theme.language()))

    async def decide(given: Mapping[str, Any]) -> None:
        await page.bridge.do(allow_offline, station_code=station.code, hours=int(given["hours"]), reason=given["reason"])

    sheet = AskForm(page.ground, page.bridge, form, decide)
    sheet.done.connect(lambda: page.said(translate("PlacesForms", "The setting was changed.")))
    return sheet


def policy_form(page: ListPage, policy: PolicyView) -> AskForm:
    """What the site asks of every sign-in."""

    def form() -> Form:
        labels = {
            "pin_digits": translate("PlacesForms", "Fewest digits of a PIN"),
            "secret_days": translate("PlacesForms", "Change PINs after (days, 0: never)"),
            "session_h": translate("PlacesForms", "A sign-in ends after (h)"),
            "user_tries": translate("PlacesForms", "Wrong tries until a person is locked"),
            "station_tries": translate("PlacesForms", "Wrong tries until a station is locked"),
            "lock_min": translate("PlacesForms", "First lock (min, then doubled)"),
        }
        asked = [_number(known, labels[known], getattr(policy, known)) for known in _RANGES]
        asked.append(Asked("reason", word("button.reason", theme.language()), wide=True))
        return Form(translate("PlacesForms", "Sign-in rules"), asked, confirm=word("button.confirm", theme.language()))

    async def decide(given: Mapping[str, Any]) -> None:
        numbers: dict[str, Any] = {known: int(given[known]) for known in _RANGES}
        await page.bridge.do(change_policy, version=policy.version, reason=given["reason"], **numbers)

    sheet = AskForm(page.ground, page.bridge, form, decide, columns=2)
    sheet.done.connect(lambda: page.said(translate("PlacesForms", "The rules were changed.")))
    return sheet


def _number(known: str, label: str, value: int) -> Asked:
    low, high = _RANGES[known]
    return Asked(known, label, "number", value=str(value), entry=NumberEntry("", low=Decimal(low), high=Decimal(high)))
