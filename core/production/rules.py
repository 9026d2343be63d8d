"""The rules of work orders: which step is legal when, what an order may say.

Pure: everything is an argument, time included. The screen uses the same functions between two answers of the database.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from core.errors import Invalid, Refused
from core.production.views import BlockerView, OrderStatus
from core.words import word

CREATE: Final = "production:order:create"
RELEASE: Final = "production:order:release"
START: Final = "production:order:start"
PAUSE: Final = "production:order:pause"
RESUME: Final = "production:order:resume"
COMPLETE: Final = "production:order:complete"
CLOSE: Final = "production:order:close"
CANCEL: Final = "production:order:cancel"
HOLD: Final = "production:order:hold"
UNHOLD: Final = "production:order:unhold"
NOTE: Final = "production:order:note"
REVISE: Final = "production:order:revise"
PRIORITISE: Final = "production:order:prioritise"
REORDER: Final = "production:order:reorder"
READ: Final = "production:order:read"
FORCE: Final = "production:order:force"
"""The right to start although the line is down; no operation of its own."""
REPORT: Final = "production:report:book"
CORRECT: Final = "production:report:correct"
ASSIGN: Final = "production:report:assign"
ADOPT: Final = "production:report:adopt"
OVER: Final = "production:report:over"
"""The right to report far more than remains; no operation of its own."""

_PLANNED, _RELEASED, _RUNNING = OrderStatus.PLANNED, OrderStatus.RELEASED, OrderStatus.IN_PROGRESS
_PAUSED, _HELD, _COMPLETED = OrderStatus.PAUSED, OrderStatus.HELD, OrderStatus.COMPLETED
_CANCELLED, _CLOSED = OrderStatus.CANCELLED, OrderStatus.CLOSED

TRANSITIONS: Final[Mapping[str, Mapping[OrderStatus, frozenset[OrderStatus]]]] = {
    RELEASE: {_PLANNED: frozenset({_RELEASED})},
    START: {_RELEASED: frozenset({_RUNNING})},
    PAUSE: {_RUNNING: frozenset({_PAUSED})},
    RESUME: {_PAUSED: frozenset({_RUNNING})},
    COMPLETE: {_RUNNING: frozenset({_COMPLETED}), _PAUSED: frozenset({_COMPLETED})},
    HOLD: {_RELEASED: frozenset({_HELD}), _RUNNING: frozenset({_HELD})},
    UNHOLD: {_HELD: frozenset({_RELEASED, _RUNNING})},
    CANCEL: {state: frozenset({_CANCELLED}) for state in (_PLANNED, _RELEASED, _RUNNING, _PAUSED, _HELD)},
    CLOSE: {_COMPLETED: frozenset({_CLOSED})},
}
"""Operation → state before → states after. Only UNHOLD has two: back to where the order was held."""

ON_LINE: Final = frozenset({_RUNNING, _PAUSED})
"""States in which an order occupies its line: a second one must not start there. A held order gives the line free."""

OPEN: Final = frozenset({_PLANNED, _RELEASED, _RUNNING, _PAUSED, _HELD})
"""States in which an order still has something to do."""

_NEEDS_FREE_WAY: Final = frozenset({START, RESUME, UNHOLD})
"""Operations an open blocker forbids."""

LINE_BUSY: Final = "line_busy"
LINE_DOWN: Final = "line_down"
_SEEN: Final = frozenset({LINE_BUSY, LINE_DOWN})
"""Kinds of blockers that are no rows but what is so on the line now; each is refused in words of its own."""

_REPORTABLE: Final = frozenset({_RUNNING, _PAUSED, _HELD})
"""Started orders in these states take reports. A later one is kept as unassigned until a supervisor assigns it."""

_BUTTONS: Final = (REPORT, START, RESUME, COMPLETE, PAUSE, UNHOLD, HOLD, RELEASE, CLOSE, CANCEL)

OVER_SHARE: Final = Decimal("0.10")
"""A report above the remaining quantity by more than this share needs a leader."""


def status_words(status: OrderStatus) -> Mapping[str, str]:
    """The word for a state by language, as a parameter of a message."""
    return {"ja": word(f"order.{status}", "ja"), "en": word(f"order.{status}", "en")}


def state_after(operation: str, number: str, status: OrderStatus, *, started: bool) -> OrderStatus:
    """The state an order is in after ``operation``.

    Args:
        operation: One of TRANSITIONS.
        number: Of the order, for the message.
        status: State before.
        started: True when the order has an actual start; decides where a held order returns to.

    Raises:
        Refused: ``order.not_legal`` when the table knows no such step.
    """
    after = TRANSITIONS[operation].get(status)
    if after is None:
        raise Refused("order.not_legal", number=number, status=status_words(status))
    if len(after) == 1:
        return next(iter(after))
    return _RUNNING if started else _RELEASED


def states_before(operation: str) -> tuple[OrderStatus, ...]:
    """The states in which ``operation`` may be decided, in the order of their lives; () for what is no step of the table."""
    steps = TRANSITIONS.get(operation, {})
    return tuple(status for status in OrderStatus if status in steps)


@dataclass(frozen=True, slots=True)
class Progress:
    """The part of an order that a step changes; the same for the row in the database and the view on screen.

    Attributes:
        status: See OrderStatus.
        actual_start_at, actual_end_at: Aware UTC; None before.
        run_s: Seconds in IN_PROGRESS up to ``run_since_at``.
        run_since_at: Since when it runs without interruption; None unless it is IN_PROGRESS.
        reason: Why it is paused, held or cancelled; "" otherwise.
    """

    status: OrderStatus
    actual_start_at: datetime | None = None
    actual_end_at: datetime | None = None
    run_s: float = 0.0
    run_since_at: datetime | None = None
    reason: str = ""

    def running_s(self, now: datetime) -> float:
        """Seconds in IN_PROGRESS until ``now``."""
        return self.run_s + (max(0.0, (now - self.run_since_at).total_seconds()) if self.run_since_at else 0.0)


def step(operation: str, number: str, before: Progress, at: datetime, reason: str = "", since_at: datetime | None = None) -> Progress:
    """An order's progress after ``operation``, decided at ``at`` (aware UTC).

    A decision cannot lie before what it follows: an earlier ``at`` (a station clock that is behind) is moved up. ``since_at`` is since
    when the order has been in the state it is in now; without it a pause could be over before it began, and its seconds count twice.

    Raises:
        Refused: ``order.not_legal``.
    """
    status = state_after(operation, number, before.status, started=before.actual_start_at is not None)
    at = max(moment for moment in (at, before.actual_start_at, before.run_since_at, since_at) if moment is not None)
    ended = status in (_COMPLETED, _CANCELLED) and before.actual_start_at is not None
    return Progress(
        status=status,
        actual_start_at=before.actual_start_at or (at if status is _RUNNING else None),
        actual_end_at=before.actual_end_at or (at if ended else None),
        run_s=before.running_s(at),
        run_since_at=at if status is _RUNNING else None,
        reason=reason,
    )


def next_operations(status: OrderStatus, *, started: bool, blockers: Collection[BlockerView] = ()) -> tuple[str, ...]:
    """Names of the operations the screen may offer, in the order of its buttons."""
    legal = {name for name, steps in TRANSITIONS.items() if status in steps}
    if status in _REPORTABLE and started:
        legal.add(REPORT)
    # A line that is down does not take the button away: whoever may starts although it is.
    if any(blocker.kind != LINE_DOWN for blocker in blockers):
        legal -= _NEEDS_FREE_WAY
    return tuple(name for name in _BUTTONS if name in legal)


def check_blockers(operation: str, number: str, blockers: Collection[BlockerView]) -> None:
    """Refuse (``order.blocked``, with the first reason) when an open blocker forbids ``operation``."""
    rows = [blocker for blocker in blockers if blocker.kind not in _SEEN]
    if operation in _NEEDS_FREE_WAY and rows:
        first = min(rows, key=lambda blocker: blocker.opened_at)
        raise Refused("order.blocked", number=number, reason=first.reason, count=len(rows))


def check_line_up(number: str, blockers: Collection[BlockerView], *, although_down: bool) -> None:
    """Refuse a start (``order.line_down``) on a line that is down, unless somebody has looked and starts although it is."""
    down = next((blocker for blocker in blockers if blocker.kind == LINE_DOWN), None)
    if down is not None and not although_down:
        raise Refused("order.line_down", number=number, state=dict(down.reason_words))


# --- numbers ---------------------------------------------------------------------------------------------------------

_NUMBER_MAX = 50
_GENERATED = re.compile(r"WO-(\d{6})-(\d{3,})")


def clean_number(text: str) -> str:
    """An order number as it is stored: half-width, without surrounding spaces.

    Raises:
        Invalid: ``order.number_prefix`` when it does not start with WO, ``order.number_length`` outside 1 … 50
            characters or with characters that cannot be printed.
    """
    number = unicodedata.normalize("NFKC", text).strip()
    if not number.startswith("WO"):
        raise Invalid("order.number_prefix", number=number[:_NUMBER_MAX])
    if len(number) > _NUMBER_MAX or not number.isprintable():
        raise Invalid("order.number_length", length=len(number))
    return number


def number_prefix(day: date) -> str:
    """What every number made by this system on ``day`` (local to the site) begins with: ``WO-260714-``."""
    return f"WO-{day:%y%m%d}-"


def next_number(day: date, taken: Iterable[str]) -> str:
    """The first free number of ``day`` after the highest of ``taken``; numbers of other shapes are ignored."""
    prefix = number_prefix(day)
    highest = 0
    for number in taken:
        match = _GENERATED.fullmatch(number)
        if match and number.startswith(prefix):
            highest = max(highest, int(match.group(2)))
    return f"{prefix}{highest + 1:03d}"


# --- what an order may say -------------------------------------------------------------------------------------------


def check_schedule(start_at: datetime, end_at: datetime) -> None:
    """Raise Invalid ``order.end_before_start`` unless the scheduled end lies after the start."""
    if not start_at < end_at:
        raise Invalid("order.end_before_start")


def check_planned(planned: Decimal) -> None:
    """Raise Invalid ``order.planned_not_positive`` unless the quantity is a number above 0."""
    if not planned.is_finite() or planned <= 0:
        raise Invalid("order.planned_not_positive")


def check_completed(completed: Decimal) -> None:
    """Raise Invalid ``order.completed_negative`` when the sum of all reports would fall below 0."""
    if not completed.is_finite() or completed < 0:
        raise Invalid("order.completed_negative")


def check_priority(priority: int) -> None:
    """Raise Invalid ``order.priority_range`` outside 1 (high) … 10."""
    if not 1 <= priority <= 10:
        raise Invalid("order.priority_range", priority=priority)


def check_reason(reason: str) -> str:
    """The reason without surrounding spaces; Invalid ``order.reason_missing`` when nothing is left."""
    reason = reason.strip()
    if not reason:
        raise Invalid("order.reason_missing")
    return reason


def ran_at(progress: Progress, at: datetime) -> bool:
    """True when the order was started before ``at`` and not ended: what was made then belongs to it."""
    if progress.actual_start_at is None or at < progress.actual_start_at:
        return False
    return progress.actual_end_at is None or at <= progress.actual_end_at


def is_over(remaining: Decimal, good: Decimal) -> bool:
    """True when ``good`` exceeds ``remaining`` by more than a tenth: a digit too many, or a leader must agree."""
    return good > max(Decimal(0), remaining) * (1 + OVER_SHARE)


def plain(quantity: Decimal) -> str:
    """A quantity as people write it: ``20``, ``0.5``, never ``2E+1`` or ``20.000000``."""
    text = f"{quantity:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
