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
from core.store.attention import Adopted
from core.store.base import Db
from core.store.operation import Actor


def enter(db: Db, actor: Actor, name: str, value: Value) -> ManualValue:
    """Book one entry. Raises Invalid."""
    tag = _tag(db, name, gone=db.late)
    if not db.late:
        check_entry(tag_spec(tag), value)
    return _book(db, actor, tag, value, ManualEntry(id=db.clock.uuid7(), entered_at=db.decided_at))


def adopt(db: Db, actor: Actor, adopted: Adopted, name: str, value: Value) -> ManualValue:
    """Book what somebody entered, or give what was booked for it before: the entry has the key of the request that it stands for.

    Raises:
        Invalid: ``manual.unknown_tag``.
    """
    before = db.get(ManualEntry, adopted.request_id)
    if before is not None:
        return _view(name, before)
    return _book(db, actor, _tag(db, name, gone=True), value, ManualEntry(id=adopted.request_id, entered_at=adopted.decided_at))


def _tag(db: Db, name: str, *, gone: bool) -> Tag:
    """The tag to enter for; with ``gone`` also one that left the site, or that a machine says itself by now."""
    wanted = select(Tag).join(Tag.source).where(Tag.name == name)
    if not gone:
        wanted = wanted.where(Tag.retired_at.is_(None), Source.protocol == MANUAL)
    tag = db.scalars(wanted).first()
    if tag is None:
        raise Invalid("manual.unknown_tag", tag=name)
    return tag


def _book(db: Db, actor: Actor, tag: Tag, value: Value, entry: ManualEntry) -> ManualValue:
    entry.tag_id, entry.value = tag.id, value
    entry.line_id = None if tag.work_unit is None else tag.work_unit.line_id
    entry.user_code, entry.station = actor.user_code, actor.station
    entry.request_id = db.clock.uuid7() if db.request is None else db.request.id
    db.add(entry)
    db.flush()
    return ManualValue(tag.name, value, entry.entered_at, entry.user_code, entry.station)


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
