"""The SQL of values entered by hand. Imported when the first of them runs on a lane, never by a screen."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from core.equipment.manual import ManualValue, check_entry
from core.equipment.models import ManualEntry, Source, Tag
from core.equipment.rows import tag_spec
from core.errors import Invalid
from core.live.sample import Value
from core.live.tags import MANUAL
from core.store.base import Db
from core.store.operation import Actor


def enter(db: Db, actor: Actor, name: str, value: Value) -> ManualValue:
    """Book one entry. Raises Invalid."""
    tag = db.scalars(select(Tag).join(Tag.source).where(Tag.name == name, Tag.retired_at.is_(None), Source.protocol == MANUAL)).first()
    if tag is None:
        raise Invalid("manual.unknown_tag", tag=name)
    check_entry(tag_spec(tag), value)
    entry = ManualEntry(id=db.clock.uuid7(), tag_id=tag.id, value=value, entered_at=db.decided_at)
    entry.line_id = None if tag.work_unit is None else tag.work_unit.line_id
    entry.user_code, entry.station = actor.user_code, actor.station
    entry.request_id = db.clock.uuid7() if db.request is None else db.request.id
    db.add(entry)
    db.flush()
    return ManualValue(name, value, entry.entered_at, entry.user_code, entry.station)


def latest(db: Db) -> tuple[ManualValue, ...]:
    """The newest of each tag; of two of one moment the one that was booked later."""
    newest = select(ManualEntry).ext(distinct_on(ManualEntry.tag_id))
    newest = newest.order_by(ManualEntry.tag_id, ManualEntry.entered_at.desc(), ManualEntry.id.desc())
    entry = aliased(ManualEntry, newest.subquery())
    rows = db.execute(
        select(Tag.name, entry)
        .join(Tag.source)
        .outerjoin(entry, entry.tag_id == Tag.id)
        .where(Tag.retired_at.is_(None), Source.retired_at.is_(None), Source.protocol == MANUAL)
        .order_by(Tag.position, Tag.name)
    )
    return tuple(_view(name, found) for name, found in rows)


def _view(name: str, found: ManualEntry | None) -> ManualValue:
    return ManualValue(name) if found is None else ManualValue(name, found.value, found.entered_at, found.user_code, found.station)
