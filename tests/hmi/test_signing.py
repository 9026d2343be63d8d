"""Signatures and leave given by others: asked for on the way of a decision, by no panel and no sheet that decides."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt

from core.errors import Conflict, GenbaError, Refused
from core.production.orders import cancel_order
from core.users.accounts import give_roles, set_pin
from core.users.given import Secret
from core.words import has_word
from hmi.bridge import Shown
from hmi.sheets.decision import shown_arguments
from hmi.widgets.sheet import BottomSheet
from tests.hmi.front import Front
from tests.hmi.screen import Loop


@pytest.fixture
def front(loop: Loop) -> Iterator[Front]:
    shown = Front(loop)
    yield shown
    shown.close()


class Asking(BottomSheet):
    """A sheet that decides as every sheet does: it knows nothing of signatures."""

    def __init__(self, front: Front, operation: Any, shown: tuple[Shown, ...] = (), **args: Any) -> None:
        super().__init__(front.window.content, "Asking")
        self.setObjectName("sheet.asking")
        self.errors: list[Exception] = []
        self.done: Any = None
        self._call = lambda: front.bridge.do(operation, shown=shown, **args)
        self._bridge = front.bridge
        self.on_confirm(self._start)
        self.open()
        front.tap(self.confirm_button)
        front.turn()

    def _start(self) -> None:
        self.set_pending(True)
        self._bridge.start(self._run(), on_error=self._failed)

    async def _run(self) -> None:
        self.done = await self._call()
        self.close_with("confirmed")

    def _failed(self, error: Exception) -> None:
        assert isinstance(error, GenbaError)
        self.errors.append(error)
        self.show_error(error)


def roles(front: Front, **more: Any) -> Asking:
    """The administrator gives roles, which needs his signature."""
    return Asking(front, give_roles, user_id=5, version=3, roles=("operator", "supervisor"), **more)


def signed(front: Front) -> Any:
    """The last signature that reached the station."""
    return front.station.asked[-1].signature


# -- signing -----------------------------------------------------------------------------------------------------------


def test_what_is_signed_by_whom_when_and_why_is_shown_before(front: Front) -> None:
    front.sign_in("admin")
    asking = roles(front)
    sheet = front.top("sheet.signature")
    assert front.station.asked == [], "nothing is sent before it is signed"
    assert "Change roles" in sheet._title.text()
    front.type(sheet.code, "admin")
    said = sheet.facts.text()
    for part in ("Roles: Operator, Supervisor", "Meaning: Approval", "Signed by: 管理者 (admin)", "Date and time: 20"):
        assert part in said, said
    assert "version" not in said.casefold()
    front.speak("ja")
    assert "署名の意味: 承認" in sheet.facts.text()
    assert "役割の変更" in sheet._title.text()
    front.give(sheet, "", "918263")
    front.until("the decision", lambda: asking.done is not None)
    assert front.sheets() == []
    signature = signed(front)
    assert (signature.meaning, signature.user_code, signature.badge) == ("approval", "admin", "")
    assert signature.proof.reveal() == "918263"


def test_the_caller_may_say_what_changes(front: Front) -> None:
    front.sign_in("admin")
    roles(front, shown=(Shown("Roles of Suzuki", "Operator", "Operator, Supervisor"),))
    said = front.top("sheet.signature").facts.text()
    assert "Roles of Suzuki: Operator → Operator, Supervisor" in said
    assert "User No." not in said


def test_the_first_signature_takes_everything_and_the_next_ones_the_secret(front: Front) -> None:
    front.sign_in("admin")
    roles(front)
    first = front.top("sheet.signature")
    assert (first.code.text(), front.window.focusWidget()) == ("", first.code.edit)
    front.give(first, "ADMIN", "918263")
    roles(front)
    second = front.top("sheet.signature")
    assert (second.code.text(), front.window.focusWidget()) == ("admin", second.secret.edit)
    assert second.secret.text() == ""
    front.give(second, "", "918263")
    assert signed(front).user_code == "admin"
    front.loop.run(front.bridge.sign_out())
    front.sign_in("admin")
    roles(front)
    assert front.top("sheet.signature").code.text() == "", "a new session begins anew"


def test_a_signature_of_somebody_else_does_not_make_the_next_one_easier(front: Front) -> None:
    front.sign_in("admin")
    roles(front)
    sheet = front.top("sheet.signature")
    front.give(sheet, "ito", "527193")
    assert sheet.isVisible(), "who has no right cannot sign"
    assert "no right" in sheet.message.lines.what
    front.give(sheet, "mori", "482910")
    assert signed(front).user_code == "mori"
    roles(front)
    assert front.top("sheet.signature").code.text() == ""


def test_a_wrong_secret_is_told_in_the_sheet_and_typed_again(front: Front) -> None:
    front.sign_in("admin")
    asking = roles(front)
    sheet = front.top("sheet.signature")
    front.give(sheet, "admin", "000000")
    assert (sheet.isVisible(), sheet.secret.text(), sheet.code.text()) == (True, "", "admin")
    assert sheet.message.lines.what
    assert asking.errors == []
    front.give(sheet, "", "918263")
    assert asking.done is not None


def test_who_leaves_the_signature_leaves_quietly(front: Front) -> None:
    front.sign_in("admin")
    asking = roles(front)
    front.key(Qt.Key.Key_Escape)
    front.until("the sheet that asked is free again", lambda: not asking.confirm_button.pending)
    assert asking.isVisible()
    assert not asking.message.isVisible(), "no error: the person knows what he did"
    assert front.station.asked == []
    assert front.window.content.message.lines.what == ""


def test_what_is_not_about_the_proof_belongs_to_the_sheet_that_asked(front: Front) -> None:
    front.sign_in("admin")
    asking = roles(front)
    front.station.answers = [Conflict("users.changed_meanwhile", user="suzuki")]
    front.give(front.top("sheet.signature"), "admin", "918263")
    front.until("the conflict", lambda: asking.errors)
    assert front.sheets() == ["sheet.asking"]
    assert "suzuki" in asking.message.lines.what


def test_a_badge_signs_with_the_pin(front: Front) -> None:
    front.scan("EMP-0003")
    front.give(front.top("sheet.sign_in"), "", "918263")
    roles(front)
    front.scan("EMP-0003")
    assert front.sheets() == ["sheet.asking", "sheet.signature"]
    sheet = front.top("sheet.signature")
    front.give(sheet, "", "918263")
    assert (signed(front).user_code, signed(front).badge) == ("", "EMP-0003")
    roles(front)
    assert front.top("sheet.signature").code.text() == "admin", "his own card was his first component"


def test_the_sign_off_closes_the_signature_and_keeps_the_entry(front: Front) -> None:
    front.sign_in("admin")
    asking = roles(front)
    front.loop.run(front.bridge.sign_out())
    front.until("the decision is left", lambda: not asking.confirm_button.pending)
    assert front.sheets() == []
    front.sign_in("admin")
    assert front.sheets() == ["sheet.asking"]
    assert front.station.asked == []


def test_what_was_sent_when_the_sign_off_came_is_still_told(front: Front) -> None:
    front.sign_in("admin")
    asking = roles(front)
    sheet = front.top("sheet.signature")
    attempt, hold = sheet._attempt, asyncio.Event()

    async def slow(signature: Any) -> Any:
        await hold.wait()
        return await attempt(signature)

    sheet._attempt = slow
    front.type(sheet.code, "admin")
    front.type(sheet.secret, "918263")
    front.tap(sheet.confirm_button)
    sheet.close_with("cancelled")
    front.turn()
    assert asking.confirm_button.pending
    hold.set()
    front.until("the outcome", lambda: asking.done is not None)


# -- leave by others ---------------------------------------------------------------------------------------------------


def cancelling(front: Front) -> Asking:
    """An operator cancels an order, which only a supervisor may."""
    return Asking(front, cancel_order, (Shown("Work order", "", "WO-1185"), Shown("State", "Released", "Cancelled")), order_id=1)


def test_a_supervisor_lets_it_happen_once(front: Front) -> None:
    front.sign_in("tanaka")
    asking = cancelling(front)
    sheet = front.top("sheet.authorise")
    assert "Cancel a work order" in sheet._title.text()
    assert "田中 一郎 (tanaka)" in sheet._why.text()
    assert "State: Released → Cancelled" in sheet.facts.text()
    assert "May be allowed by: Supervisor, Administrator" in sheet.facts.text()
    front.give(sheet, "tanaka", "204615")
    assert "no right" in sheet.message.lines.what, "nobody lets himself"
    front.give(sheet, "ito", "000000")
    assert sheet.isVisible()
    front.give(sheet, "ito", "527193")
    front.until("the decision", lambda: asking.done is not None)
    assert front.sheets() == []
    leave = front.station.asked[-1].authorisation
    assert leave is not None
    assert (leave.user_code, leave.proof.reveal()) == ("ito", "527193")
    assert front.station.actor.user_code == "tanaka", "nobody was signed in for it"
    cancelling(front)
    assert front.sheets()[-1] == "sheet.authorise", "once is once"


def test_a_supervisors_card_serves_as_well(front: Front) -> None:
    front.sign_in("tanaka")
    asking = cancelling(front)
    front.scan("EMP-0002")
    front.give(front.top("sheet.authorise"), "", "527193")
    front.until("the decision", lambda: asking.done is not None)
    assert front.station.actor.user_code == "tanaka"


def test_without_leave_the_refusal_stands_in_three_lines(front: Front) -> None:
    front.sign_in("tanaka")
    asking = cancelling(front)
    front.key(Qt.Key.Key_Escape)
    front.until("the refusal", lambda: asking.errors)
    assert front.sheets() == ["sheet.asking"]
    assert "no right" in asking.message.lines.what
    assert asking.done is None


def test_nobody_is_asked_for_what_a_guest_does(front: Front) -> None:
    asking = cancelling(front)
    front.until("the refusal", lambda: asking.errors)
    assert front.sheets() == ["sheet.asking"]


def test_what_needs_leave_and_a_signature_asks_for_both(front: Front) -> None:
    front.sign_in("ito")
    asking = roles(front)
    leave = front.top("sheet.authorise")
    front.type(leave.code, "admin")
    front.type(leave.secret, "918263")
    front.tap(leave.confirm_button)
    front.until("the signature", lambda: front.sheets()[-1] == "sheet.signature")
    front.give(front.top("sheet.signature"), "admin", "918263")
    front.until("the decision", lambda: asking.done is not None)
    last = front.station.asked[-1]
    assert last.signature is not None
    assert last.authorisation is not None


def test_the_conflict_behind_a_leave_belongs_to_the_sheet_that_asked(front: Front) -> None:
    front.sign_in("tanaka")
    asking = cancelling(front)
    front.station.answers = [Refused("order.illegal_step")]
    front.give(front.top("sheet.authorise"), "ito", "527193")
    front.until("the refusal", lambda: asking.errors)
    assert front.sheets() == ["sheet.asking"]


# -- words -------------------------------------------------------------------------------------------------------------


def test_no_secret_is_among_what_is_shown(front: Front) -> None:
    assert [line.label for line in shown_arguments({"current": Secret("204615"), "reason": "lost", "version": 2})] == ["Reason"]


def test_every_operation_has_words_and_every_meaning_too() -> None:
    import core.catalogue  # noqa: F401 - declares them
    from core.store.operation import OPERATIONS

    ours = [name for name, declared in OPERATIONS.items() if declared.function.__module__.startswith("core.")]
    assert set_pin.name in ours
    assert [name for name in ours if not has_word(f"operation.{name}")] == []
    meanings = {OPERATIONS[name].meaning for name in ours} - {None}
    assert [meaning for meaning in {*meanings, "authorship", "review", "responsibility"} if not has_word(f"meaning.{meaning}")] == []
