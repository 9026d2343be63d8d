"""The rows behind :mod:`core.store.sitesecrets`: sealed with their name, opened for programs, sealed anew by a rotation."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterator
from typing import Any, Final, cast

from sqlalchemy import inspect, select, text

from core.errors import Invalid, Refused
from core.log import conceal
from core.store.base import Base, Db
from core.store.operation import Actor
from core.store.sealing import Confidential, KeyRing, Sealed, Unreadable, keys_of, seal
from core.store.sitekeys import wrapped as wrapped_key
from core.store.sitesecrets import Rotated, SecretView
from core.store.tables import SiteKeyRow, SiteSecret

_PLACE: Final = "secret.value"
_NEWEST = select(SiteKeyRow.id).order_by(SiteKeyRow.position.desc()).limit(1)


def sealed_text(ring: KeyRing, name: str, secret: str) -> str:
    """``secret`` sealed as the value of row ``name``, as one word. Raises Refused ``store.site_key_missing``."""
    conceal(secret)
    return base64.b64encode(ring.seal(_PLACE, f"{name}\0{secret}")).decode()


def opened_secret(name: str, value: str | Unreadable) -> str | Unreadable:
    """The secret in the value of row ``name``; a value that was moved here from another row is damaged."""
    if isinstance(value, Unreadable):
        return value
    bound, _, secret = value.partition("\0")
    if bound != name:
        return Unreadable("", "damaged")
    conceal(secret)
    return secret


def secrets(db: Db, names: Collection[str]) -> dict[str, str | Unreadable]:
    """The secrets of these names, for programs; a name without one is not in the answer."""
    rows = db.scalars(select(SiteSecret).where(SiteSecret.name.in_(names))).all()
    return {row.name: opened_secret(row.name, row.value) for row in rows}


def views(db: Db) -> tuple[SecretView, ...]:
    """All of them, by name."""
    return tuple(view(row) for row in db.scalars(select(SiteSecret).order_by(SiteSecret.name)))


def view(row: SiteSecret) -> SecretView:
    """What may be shown of ``row``."""
    value = opened_secret(row.name, row.value)
    reason = value.reason if isinstance(value, Unreadable) else ""
    return SecretView(row.name, row.changed_at, not reason, reason)


def put(db: Db, name: str, sealed: str) -> SecretView:
    """Write the row ``name``, whose value the prover has sealed.

    Raises:
        Invalid: What came is not a value sealed for this name (``store.secret_name``).
    """
    try:
        raw = base64.b64decode(sealed, validate=True)
    except binascii.Error:
        raise Invalid("store.secret_name", name=name) from None
    if isinstance(opened_secret(name, keys_of(db).open(_PLACE, raw)), Unreadable):
        raise Invalid("store.secret_name", name=name)
    row = db.get(SiteSecret, name) or SiteSecret(name=name)
    row.value = cast("str", Sealed(raw))  # what the column takes besides a text, and never answers
    row.changed_at = db.now
    db.add(row)
    db.flush()
    return SecretView(name, row.changed_at, readable=True)


def forget(db: Db, name: str) -> None:
    """Delete the row ``name``. Raises Invalid ``store.secret_unknown``."""
    row = db.get(SiteSecret, name)
    if row is None:
        raise Invalid("store.secret_unknown", name=name)
    db.delete(row)
    db.flush()


def rotate(db: Db, actor: Actor, key: str, *, wrapped: bool) -> Rotated:
    """See ``sitesecrets.rotate_site_key``."""
    ring = keys_of(db)
    new = ring.keys.get(key)
    if new is None:
        raise Refused("store.site_key_missing", key=key)
    db.execute(text("SELECT genba.lock_sealed_tables()"))
    before = db.scalar(_NEWEST)
    old = ring.keys.get(before or "")
    if before is not None and old is None:
        raise Refused("store.site_key_missing", key=before)
    chain = None if old is None or not wrapped else wrapped_key(old, new)
    db.add(SiteKeyRow(id=key, made_by=actor.user_code, wrapped_by=None if chain is None or old is None else old.id, wrapped=chain))
    db.flush()  # from here on the database takes nothing that another key has sealed
    count = 0
    for place, row, attribute in _confidential(db):
        value = getattr(row, attribute)
        if isinstance(value, Unreadable):
            raise Refused("store.rotate_unreadable", what=f"{place} {'/'.join(map(str, inspect(row).identity or ()))}")
        if value is not None:
            setattr(row, attribute, Sealed(seal(new, place, value)))
            count += 1
    db.flush()
    db.expire_all()
    return Rotated(key, count, chain is not None)


def _confidential(db: Db) -> Iterator[tuple[str, Any, str]]:
    """Place, row and attribute of every confidential field there is."""
    for mapper in sorted(Base.registry.mappers, key=lambda mapper: mapper.class_.__name__):
        for attribute in mapper.column_attrs:
            kind = attribute.columns[0].type
            if isinstance(kind, Confidential):
                for row in db.scalars(select(mapper.class_)).all():
                    yield kind.place, row, attribute.key
