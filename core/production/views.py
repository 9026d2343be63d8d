"""What screens, the read store and other systems see of production: frozen, serialisable, without a database behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Final
from uuid import UUID

from core.equipment.call_views import CallView
from core.equipment.shift_views import ShiftNow
from core.equipment.states import LineStatus, MachineState, Segment, line_status
from core.equipment.stop_views import StopView
from core.production.time_views import UNKNOWN, Ratio

COUNT_KINDS: Final = ("good", "reject", "total")
"""What a counter of a machine counts."""


class OrderStatus(StrEnum):
    """State of a work order."""

    PLANNED = "PLANNED"
    RELEASED = "RELEASED"
    IN_PROGRESS = "IN_PROGRESS"
    PAUSED = "PAUSED"
    """Interrupted by the operator, for minutes."""
    HELD = "HELD"
    """Stopped by a supervisor or a blocker, until somebody lifts it."""
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    CLOSED = "CLOSED"
    """Completed and settled with the systems above; nothing changes any more."""


@dataclass(frozen=True, slots=True)
class BlockerView:
    """One reason why something must not start.

    Attributes:
        id: Of the blocker row.
        kind: Who put it there: ``quality``, ``material``, ``tool``, ``previous_step``, ``supervisor`` …
        reason: In the words of whoever opened it.
        opened_by: User code or system name.
        opened_at: Aware UTC.
        reason_words: The reason by language where the program itself gives it (line busy, line down); {} where a person wrote it.
    """

    id: UUID
    kind: str
    reason: str
    opened_by: str
    opened_at: datetime
    reason_words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportView:
    """What somebody reported as made.

    Attributes:
        id: Of the report.
        order_id, order_number: Order it was booked to; None and "" while it is unassigned.
        line_code: Line; "" when even that is unknown.
        good, scrap: Quantities in ``unit``; negative in a correction.
        unit: Unit code.
        defect_code: Why the scrap is scrap (``Q01``), "" without scrap.
        reason: Of a correction, or why it could not be assigned; else "".
        corrects: The report a correction takes back, None for an ordinary report.
        machine_good, machine_reject: Machine count that stood beside the entry; None when there was none.
        reported_at: When it was decided, aware UTC.
        user_code, station: Who reported, and where.
        rework: Parts to be mended, in ``unit``; negative in a correction.
        origin: ``person``, or ``automatic`` when the line reports by itself.
        difference_reason: Why it is not what the machine counted; "" where that needed no explanation.
    """

    entity: ClassVar[str] = "report"

    id: UUID
    order_id: UUID | None
    order_number: str
    line_code: str
    good: Decimal
    scrap: Decimal
    unit: str
    defect_code: str
    reason: str
    corrects: UUID | None
    machine_good: int | None
    machine_reject: int | None
    reported_at: datetime
    user_code: str
    station: str
    rework: Decimal = Decimal(0)
    origin: str = "person"
    difference_reason: str = ""


@dataclass(frozen=True, slots=True)
class OrderView:
    """One work order.

    Attributes:
        id: Subject of its operations; read-store key ``order:<id>``.
        number: Unique, starts with ``WO``.
        product_code, product_name: Of the product to make; the name by language, {"ja": …, "en": …}.
        line_code: Line it runs on.
        line_name: By language.
        status: See OrderStatus.
        priority: 1 (high) … 10.
        planned, completed, scrap: Quantities in ``unit``; completed and scrap are the sums of what was reported.
        unit: Unit code, ``pcs``.
        scheduled_start_at, scheduled_end_at: Aware UTC.
        actual_start_at, actual_end_at: Aware UTC; None when not started / not ended.
        note: Free text, "" when none.
        reason: Why it is paused, held or cancelled; "" otherwise.
        version: For optimistic locking; pass it back with the operation that was decided on this view.
        machine_good, machine_reject: Parts the machine counted for this order since its start; None where a list does not
            work it out (orders that are not on a line).
        next_operations: Names of the operations that are legal now, in the order of the buttons; blockers already considered.
        blockers: Open ones, oldest first.
        standard_cycle_min: Minutes per part; None when the product has none.
        expected_end_at: Aware UTC, when the remaining parts will be made at the expected pace; None unless it runs.
        running_s: Seconds in IN_PROGRESS until ``as_of``, interruptions not counted.
        as_of: Aware UTC, when machine counts, running time and expectation were worked out.
        external_system, external_id: Where the order came from; "" for one made here.
        booked: The report that the operation giving this view has booked; its ``order_id`` is None when it was kept as
            unassigned. None in every other answer.
        rework: Sum of what was reported to be mended, in ``unit``.
        queue_position: Place in the queue of its line, from 1 on; None for the place that priority and schedule give.
        count_mode: How its parts are counted: ``machine``, ``hand`` or ``readings``; "" as its line says.
        late_by_s: Seconds by which it is expected to end after its schedule; None when nothing is expected, ≤ 0 when in time.
        counting: How they are counted in fact: as ``count_mode`` or the line says, by hand where the machine has no counter.
        difference_limit: Share (0 … 1) of the machine count by which a report may differ without a reason.
        automatic: True when its line reports what the machine counts by itself.
        settled_good, settled_reject: Of the machine's count, what is settled although the reports say otherwise.
    """

    entity: ClassVar[str] = "order"

    id: UUID
    number: str
    product_code: str
    product_name: Mapping[str, str]
    line_code: str
    line_name: Mapping[str, str]
    status: OrderStatus
    priority: int
    planned: Decimal
    completed: Decimal
    scrap: Decimal
    unit: str
    scheduled_start_at: datetime
    scheduled_end_at: datetime
    actual_start_at: datetime | None
    actual_end_at: datetime | None
    note: str
    reason: str
    version: int
    machine_good: int | None
    machine_reject: int | None
    next_operations: tuple[str, ...]
    blockers: tuple[BlockerView, ...]
    standard_cycle_min: float | None
    expected_end_at: datetime | None
    running_s: float
    as_of: datetime
    external_system: str = ""
    external_id: str = ""
    booked: ReportView | None = None
    rework: Decimal = Decimal(0)
    queue_position: int | None = None
    count_mode: str = ""
    late_by_s: float | None = None
    counting: str = "machine"
    difference_limit: Decimal = Decimal("0.02")
    automatic: bool = False
    settled_good: Decimal = Decimal(0)
    settled_reject: Decimal = Decimal(0)

    @property
    def remaining(self) -> Decimal:
        """Planned minus reported good, never negative; in ``unit``."""
        return max(Decimal(0), self.planned - self.completed)

    @property
    def counted(self) -> Decimal | None:
        """Parts counted beyond what was reported, good or not; None where nothing counts them."""
        if self.machine_good is None or self.counting == "hand":
            return None
        made = Decimal(self.machine_good + (self.machine_reject or 0)) - self.settled_good - self.settled_reject
        return max(Decimal(0), made - self.completed - self.scrap - self.rework)

    @property
    def is_on_line(self) -> bool:
        """True while it is the order at work on its line: running, paused, or held after its start."""
        started = self.status is OrderStatus.HELD and self.actual_start_at is not None
        return started or self.status in (OrderStatus.IN_PROGRESS, OrderStatus.PAUSED)

    @property
    def unreported_good(self) -> Decimal:
        """Good parts the machine counted beyond what was reported, never negative; the proposal of the quantity sheet."""
        return max(Decimal(0), Decimal(self.machine_good or 0) - self.completed - self.settled_good)

    @property
    def unreported_reject(self) -> Decimal:
        """Rejects the machine counted beyond the reported scrap and rework, never negative."""
        return max(Decimal(0), Decimal(self.machine_reject or 0) - self.scrap - self.rework - self.settled_reject)


@dataclass(frozen=True, slots=True)
class OrderChange:
    """One decision that changed an order, as the audit keeps it.

    Attributes:
        at: Server time, aware UTC.
        operation: Name of what was decided.
        user_code, user_name, station: Who, where.
        before, after: State of the order, where this decision changed it; None otherwise.
    """

    at: datetime
    operation: str
    user_code: str
    user_name: str
    station: str
    before: OrderStatus | None
    after: OrderStatus | None


@dataclass(frozen=True, slots=True)
class LineView:
    """One line on the overview.

    Attributes:
        id: Read-store key ``line:<id>``.
        code: ``L1``; the overview is sorted by site, area and position, always the same.
        name: By language.
        area_code: Where it stands.
        capacity_per_hour: Parts per hour at full speed.
        efficiency: Expected share of it, per cent.
        constraint_unit: Code of the work unit that sets the pace and whose counters count; "" when none is declared.
        state: State of that unit; OFFLINE when nobody records it.
        state_since: Aware UTC; None when there is no segment yet.
        reason_code: Of the state, "" when none is given.
        order: The order in IN_PROGRESS, PAUSED or HELD after its start; None when the line is free.
        good_today, reject_today: Machine counts since midnight of the site.
        pace_per_hour: Expected good parts per hour with the order (or without one at capacity); for target_now.
        target_now: Good parts the order should have by ``as_of``; None without an order.
        ahead: Made minus target, negative when behind; None without an order.
        queue: Orders released for this line and not started.
        tags: Names of the tags that belong to the line's work units, constraint unit first.
        as_of: Aware UTC, when all this was worked out.
        shift: The running shift; None when the line has none now.
        state_by_tag: True when its state is what the constraint unit's state tag says, so that a tile may follow the tag.
        oee, availability, performance, quality: Since the beginning of the shift.
        coverage: Share of the planned time for which there are data.
        good_shift, reject_shift: Machine counts since the beginning of the shift.
        target_shift: Good parts the whole shift should make; None when nobody can say.
        open_stops: Stops that wait for a reason.
        calls: Open calls for help, the most urgent first.
        due_s: Planned seconds of the order until ``as_of``: what ``target_now`` goes by; None without an order.
    """

    entity: ClassVar[str] = "line"

    id: int
    code: str
    name: Mapping[str, str]
    area_code: str
    capacity_per_hour: float
    efficiency: float
    constraint_unit: str
    state: MachineState
    state_since: datetime | None
    reason_code: str
    order: OrderView | None
    good_today: int
    reject_today: int
    pace_per_hour: float
    target_now: int | None
    ahead: int | None
    queue: int
    tags: tuple[str, ...]
    as_of: datetime
    shift: ShiftNow | None = None
    state_by_tag: bool = True
    oee: Ratio = UNKNOWN
    availability: Ratio = UNKNOWN
    performance: Ratio = UNKNOWN
    quality: Ratio = UNKNOWN
    coverage: Ratio = UNKNOWN
    good_shift: int = 0
    reject_shift: int = 0
    target_shift: int | None = None
    open_stops: int = 0
    calls: tuple[CallView, ...] = ()
    due_s: float | None = None

    @property
    def status(self) -> LineStatus:
        """The line in the four words other systems know."""
        return line_status(self.state)

    def with_waiting(self, previews: Mapping[str, Any]) -> LineView:
        """The line with the order that runs on it once the waiting decisions are applied; see ``core.store.readstore.overlay``."""
        decided = [view for view in previews.values() if isinstance(view, OrderView) and view.line_code == self.code]
        if self.order is not None and previews.get(f"order:{self.order.id}") is None:
            decided.insert(0, self.order)
        # As the database chooses: one that was held gives the line free for another.
        running = min((order for order in decided if order.is_on_line), key=lambda order: order.status is OrderStatus.HELD, default=None)
        same = running is self.order or (running is not None and self.order is not None and running.id == self.order.id)
        return self if same else replace(self, order=running, target_now=None, ahead=None)


@dataclass(frozen=True, slots=True)
class UnitView:
    """A work unit of a line, for the station row of the line detail.

    Attributes:
        code: ``L1-M1``.
        name: By language.
        state: OFFLINE when nobody records it.
        state_since: Aware UTC; None when there is no segment yet.
        reason_code: Of the state.
        tags: Names of its tags.
    """

    code: str
    name: Mapping[str, str]
    state: MachineState
    state_since: datetime | None
    reason_code: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LineDetail:
    """Everything the line's own screen shows.

    Attributes:
        id: Of the line; read-store key ``line_detail:<id>``.
        line: As on the overview.
        units: Its work units in physical order.
        segments: States of the constraint unit from ``since`` on, oldest first, without gap or overlap.
        since: Start of the state bar, aware UTC (8 hours before ``line.as_of``).
        next_orders: The next three released orders by priority and schedule.
        reports: The last ten reports on this line, newest first.
        stops: The last stops of its constraint unit, newest first.
    """

    entity: ClassVar[str] = "line_detail"

    id: int
    line: LineView
    units: tuple[UnitView, ...]
    segments: tuple[Segment, ...]
    since: datetime
    next_orders: tuple[OrderView, ...]
    reports: tuple[ReportView, ...]
    stops: tuple[StopView, ...] = ()


@dataclass(frozen=True, slots=True)
class ProductChoice:
    """An active product, for the form of a new order; ``standard_cycle_min`` is None when nobody knows it."""

    code: str
    name: Mapping[str, str]
    unit: str
    standard_cycle_min: float | None


@dataclass(frozen=True, slots=True)
class Named:
    """A line or a defect code to choose from: its code and its name by language."""

    code: str
    name: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the forms of orders and reports offer.

    Attributes:
        products: Active ones by code, at most 1000.
        lines: In physical order.
        defects: Active defect codes in the order of the catalogue.
        next_number: The number an order would get now; only a proposal, somebody may be faster.
    """

    products: tuple[ProductChoice, ...]
    lines: tuple[Named, ...]
    defects: tuple[Named, ...]
    next_number: str
