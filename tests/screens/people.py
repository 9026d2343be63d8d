"""Pages of the gallery that ask who somebody is: the sheets as they look after a refusal, when they need the most room."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from PySide6.QtWidgets import QWidget

from core.errors import Invalid, Refused
from core.production.orders import cancel_order
from core.store.operation import Done
from core.users.accounts import give_roles
from core.words import word
from hmi import theme
from hmi.bridge import Bridge, Deciding, Shown
from hmi.sheets import sign_in
from hmi.sheets.change_pin import ChangePinSheet
from hmi.sheets.decision import AuthoriseSheet, SignatureSheet
from hmi.sheets.proof import SecretSheet
from hmi.sheets.sign_in import SignInSheet
from tests.hmi.front import CREW, StandIn

LONG = [("t", "田中 一郎"), ("m", "Maximilian Featherstonehaugh-Montgomery"), ("i", "伊藤 美咲"), ("y", "山本 龍之介")]


def bridge(window: QWidget, who: int = 0) -> Bridge:
    """A bridge to a station at which somebody of the crew is signed in."""
    made = Bridge(window)
    station = StandIn(actor=CREW[who].actor(uuid4()))
    made._station = station  # type: ignore[assignment]
    return made


async def nobody(_: object) -> Done[object]:
    """Decides nothing."""
    raise AssertionError


def sign_in_page(window: QWidget) -> SecretSheet:
    """Four who were here before, one with a long name; a delay runs."""
    before, sign_in._recent[:] = list(sign_in._recent), LONG
    try:
        sheet = SignInSheet(window, bridge(window), hint="Demo: tanaka 204615 (operator) · ito 527193 (supervisor)")
    finally:
        sign_in._recent[:] = before
    sheet.setProperty("error", Refused("users.wait", seconds=88))
    return sheet


def card_page(window: QWidget) -> SecretSheet:
    """A card was read that is blocked."""
    sheet = SignInSheet(window, bridge(window))
    sheet.identity.take_badge("EMP-0001")
    sheet.setProperty("error", Refused("users.badge_blocked"))
    return sheet


def change_pin_page(window: QWidget) -> SecretSheet:
    """A first PIN, and a new one that is too easy."""
    sheet = ChangePinSheet(window, bridge(window), "first")
    sheet.setProperty("error", Invalid("users.secret_too_easy"))
    return sheet


def signature_page(window: QWidget) -> SecretSheet:
    """Roles are given; the code is locked."""
    change = Deciding(give_roles, {"user_id": 17, "version": 3, "roles": ("maintenance", "quality", "supervisor")})
    sheet = SignatureSheet(window, bridge(window, 2), change, nobody, names={"admin": CREW[2].name}, signer="admin")
    sheet.setProperty("error", Refused("users.locked", minutes=15))
    return sheet


def authorise_page(window: QWidget) -> SecretSheet:
    """An operator cancels an order, with a reason that takes two lines."""
    language = theme.language()
    step = Shown(word("link.last_update", language), word("order.RELEASED", language), word("order.CANCELLED", language))
    reason = Shown(word("button.reason", language), "", "材料のロット違いのため取り消し wrong material lot, see note of the night shift")
    order = Shown(word("argument.order_id", language), "", "WO-1185  L2  P-2010")
    sheet = AuthoriseSheet(window, bridge(window), Deciding(cancel_order, {}, [order, step, reason]), nobody)
    sheet.setProperty("error", Refused("users.wrong"))
    return sheet


def opened(window: QWidget) -> None:
    """Open the sheet of a page and let it show its refusal."""
    for sheet in window.findChildren(SecretSheet):
        sheet.open()
        sheet.refuse(sheet.property("error"))


def pages(ground: Callable[[], QWidget]) -> dict[str, Callable[[], QWidget]]:
    """The pages by name, each over ``ground``."""

    def over(make: Callable[[QWidget], SecretSheet]) -> Callable[[], QWidget]:
        def page() -> QWidget:
            window = ground()
            make(window)
            return window

        return page

    return {
        "sign_in": over(sign_in_page),
        "card": over(card_page),
        "change_pin": over(change_pin_page),
        "signature": over(signature_page),
        "authorise": over(authorise_page),
    }
