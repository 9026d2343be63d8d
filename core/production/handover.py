"""The handover of a shift: a page composed by the system, given by one person, taken by another, kept as it was signed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

from pydantic import Field

from core.errors import Conflict, Invalid, Refused
from core.production.shop_views import HandoverView, NoteView
from core.store.operation import Actor, Note, operation
from core.store.query import Page, query

if TYPE_CHECKING:
    from core.store.base import Db

NOTE: Final = "production:note:add"
GIVE: Final = "production:handover:give"
TAKE: Final = "production:handover:take"
MEANING: Final = "responsibility"
Code = Annotated[str, Field(max_length=50)]
Waiting = Annotated[int, Field(ge=0, lt=2**31)]


@operation(NOTE, kind="fact", writes=("line_note",), guard="A")
def add_note(db: Db, actor: Actor, *, line_code: Code, text: Note) -> NoteView:
    """The next shift should know this of a line; it stands on the handover of the shift that runs now.

    Raises:
        Invalid: ``note.empty``, ``order.line_unknown``.
    """
    from core.production import handover_rows, making

    if not text.strip():
        raise Invalid("note.empty")
    return handover_rows.add_note(db, actor, making.line(db, line_code).id, text.strip())


@operation(
    GIVE,
    kind="intent",
    writes=("handover",),
    meaning=MEANING,
    constraints={"uq_handover_line_id_production_date_shift_code": "handover.changed"},
)
def give_shift(
    db: Db,
    actor: Actor,
    *,
    line_code: Code,
    production_date: date,
    shift_code: Code,
    note: Note = "",
    waiting: Waiting = 0,
) -> HandoverView:
    """The shift is handed over as it stands in the database now; that page is kept, whatever changes afterwards.

    Args:
        line_code: Of the line.
        production_date, shift_code: Of the shift; it is over.
        note: In the words of who gives it.
        waiting: Requests of this station that the database does not have yet.

    Raises:
        Refused: ``handover.no_shift``, ``handover.not_over``, ``handover.given``.
    """
    from core.production import handover_rows

    draft = handover_rows.draft(db, line_code, production_date, shift_code, waiting)
    if db.now < draft.snapshot.shift.to_at:
        raise Refused("handover.not_over", minutes=-(-int((draft.snapshot.shift.to_at - db.now).total_seconds()) // 60))
    if draft.given_at is not None:
        raise Refused("handover.given", who=draft.given_by)
    return handover_rows.give(db, actor, draft, note.strip())


@operation(TAKE, kind="intent", writes=("handover",), meaning=MEANING)
def take_shift(db: Db, actor: Actor, *, handover_id: UUID, version: int | None = None) -> HandoverView:
    """Somebody else has read the page and takes the line over.

    Args:
        handover_id: ``row_id`` of the page.
        version: Of the page as it was read.

    Raises:
        Refused: ``handover.not_given``, ``handover.taken``, ``handover.same_person``.
        Conflict: ``handover.changed``.
    """
    from core.production import handover_rows

    row = handover_rows.locked(db, handover_id)
    if row is None:
        raise Refused("handover.not_given")
    if row.taken_by is not None:
        raise Refused("handover.taken", who=row.taken_by)
    if version is not None and row.version != version:
        raise Conflict("handover.changed")
    if row.given_by == actor.user_code:
        raise Refused("handover.same_person")
    return handover_rows.take(db, actor, row)


@query("production:handover:get", snapshot=True)
def get_handover(db: Db, *, line_code: str, production_date: date | None = None, shift_code: str = "") -> HandoverView:
    """The page of a shift: as it was signed, or as it would be now.

    Args:
        line_code: Of the line.
        production_date, shift_code: Of the shift; None for the one that ended last.

    Raises:
        Refused: ``handover.no_shift`` where the line has none.
    """
    from core.production import handover_rows

    if production_date is None:
        production_date, shift_code = handover_rows.last_shift(db, line_code)
    return handover_rows.draft(db, line_code, production_date, shift_code, 0)


@query("production:handover:list")
def list_handovers(db: Db, *, line_code: str = "", limit: int = 50, offset: int = 0) -> Page[HandoverView]:
    """Handovers that were given, newest first.

    Args:
        line_code: "" for all lines.
        limit, offset: Page; at most 1000 rows.
    """
    from core.production import handover_rows

    return handover_rows.given(db, line_code, limit, offset)
