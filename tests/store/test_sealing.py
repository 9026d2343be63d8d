"""What is sealed opens with its key in its place, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.pool import NullPool

from core.errors import GenbaError, Refused, Unavailable
from core.store import faults
from core.store.base import Base, Db
from core.store.operation import Actor
from core.store.sealing import (
    Confidential,
    KeyRing,
    Sealed,
    SiteKey,
    Unreadable,
    give_keys,
    key_id,
    keys_of,
    opened,
    readable,
    seal,
)
from core.store.tables import SiteKeyRow, SiteSecret

KEY, OTHER = SiteKey.fresh(), SiteKey.fresh()
KEYS = {KEY.id: KEY}
PLACE = "recipe.value"
TEXT = "planted-secret-4711"


@given(st.text())
def test_any_text_comes_back(value: str) -> None:
    assert opened(KEYS, PLACE, seal(KEY, PLACE, value)) == value


def test_also_what_is_no_unicode() -> None:
    assert opened(KEYS, PLACE, seal(KEY, PLACE, "a\ud800b\0")) == "a\ud800b\0"


@given(st.text())
def test_another_key_or_place_opens_nothing(value: str) -> None:
    raw = seal(KEY, PLACE, value)
    assert opened({OTHER.id: OTHER}, PLACE, raw) == Unreadable(KEY.id, "no_key")
    assert opened({KEY.id: SiteKey(KEY.id, OTHER.key)}, PLACE, raw) == Unreadable(KEY.id, "damaged")
    assert opened(KEYS, "recipe.name", raw) == Unreadable(KEY.id, "damaged")


@given(st.text(max_size=40), st.data())
def test_a_changed_bit_is_never_taken_for_the_truth(value: str, data: st.DataObject) -> None:
    raw = bytearray(seal(KEY, PLACE, value))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert isinstance(opened(KEYS, PLACE, bytes(raw)), Unreadable)


@given(st.binary(max_size=60))
def test_anything_else_is_unreadable_and_raises_nothing(raw: bytes) -> None:
    assert isinstance(opened(KEYS, PLACE, raw), Unreadable)
    assert isinstance(opened(KEYS, PLACE, b"\x01" + bytes.fromhex(KEY.id) + raw), Unreadable)


def test_the_same_text_is_sealed_differently_each_time_and_names_its_key() -> None:
    one, two = seal(KEY, PLACE, TEXT), seal(KEY, PLACE, TEXT)
    assert one != two
    assert key_id(one) == KEY.id
    assert TEXT.encode() not in one


def test_a_key_does_not_show_itself() -> None:
    assert KEY.key.hex() not in repr(KEY)
    assert repr(KEY.key)[2:-1] not in repr(KEY)


@pytest.mark.parametrize(("value", "kind", "code"), [
    (Unreadable("aa", "no_key"), Refused, "store.site_key_missing"), (Unreadable("", "damaged"), Unavailable, "store.sealed_damaged"),
])  # fmt: skip
def test_an_unreadable_value_is_a_blank_on_screen_and_a_refusal_to_a_program(value: Unreadable, kind: type[GenbaError], code: str) -> None:
    assert str(value) == "•••"
    with pytest.raises(kind) as refusal:
        readable(value)
    assert refusal.value.code == code
    assert readable("x") == "x"


# In the database ----------------------------------------------------------------------------------------------------


@pytest.fixture
def sealed_db(admin_url: str) -> Any:
    """A session of the schema's administrator with the site's first key in it; a fresh database."""
    engine = create_engine(admin_url, poolclass=NullPool, hide_parameters=True)
    found = KeyRing()
    found.put(KEY)
    found.current = KEY.id
    give_keys(engine, found)
    actor = Actor("tester", "Tester", frozenset(), frozenset({"*"}), "TEST", None)
    with Db(engine, actor=actor) as session:
        session.add(SiteKeyRow(id=KEY.id, made_by="tester"))
        session.commit()
        yield session
    engine.dispose()


def test_a_confidential_column_is_sealed_in_the_table_and_a_text_here(sealed_db: Db) -> None:
    sealed_db.add(SiteSecret(name="a", value=TEXT))
    sealed_db.commit()
    raw = sealed_db.scalar(text("SELECT value FROM genba.secret"))
    assert key_id(raw) == KEY.id
    assert TEXT.encode() not in bytes(raw)
    sealed_db.expire_all()
    assert sealed_db.scalars(select(SiteSecret.value)).all() == [TEXT]


def test_without_the_key_a_list_is_shown_all_the_same_and_nothing_is_overwritten(sealed_db: Db) -> None:
    sealed_db.add(SiteSecret(name="a", value=TEXT))
    sealed_db.commit()
    sealed_db.expire_all()
    give_keys(sealed_db.connection().engine, KeyRing())
    row = sealed_db.scalars(select(SiteSecret)).one()
    assert row.value == Unreadable(KEY.id, "no_key")
    row.name = "b"
    sealed_db.flush()  # the value was not changed and is not written
    row.value = Unreadable(KEY.id, "damaged")
    with pytest.raises(StatementError, match="takes a text"):
        sealed_db.flush()
    sealed_db.rollback()
    sealed_db.add(SiteSecret(name="c", value=TEXT))
    with pytest.raises(StatementError) as failure:
        sealed_db.flush()
    assert TEXT not in str(failure.value)
    refusal = faults.operator_error(failure.value, "x")
    assert (refusal.kind, refusal.code) == ("refused", "store.site_key_missing")


def test_the_database_takes_only_what_the_newest_key_sealed(sealed_db: Db) -> None:
    sealed_db.add(SiteSecret(name="a", value=TEXT))
    sealed_db.commit()
    for wrong in (seal(OTHER, "secret.value", TEXT), b"", TEXT.encode(), b"\x02" + seal(KEY, "secret.value", TEXT)[1:]):
        sealed_db.begin_nested()
        sealed_db.add(SiteSecret(name="b", value=Sealed(wrong)))
        with pytest.raises(StatementError, match="not sealed with the key"):
            sealed_db.flush()
        sealed_db.rollback()
    sealed_db.add(SiteKeyRow(id=OTHER.id, made_by="tester"))
    sealed_db.flush()
    with pytest.raises(StatementError, match="not sealed with the key"), sealed_db.begin_nested():
        sealed_db.execute(text("UPDATE genba.secret SET changed_at = now()"))


def test_a_value_moved_from_another_column_opens_no_more(sealed_db: Db) -> None:
    sealed_db.add(SiteSecret(name="a", value=Sealed(seal(KEY, "recipe.value", TEXT))))
    sealed_db.commit()
    sealed_db.expire_all()
    assert sealed_db.scalars(select(SiteSecret.value)).one() == Unreadable(KEY.id, "damaged")


def test_an_engine_without_keys_has_an_empty_ring(db: Db) -> None:
    assert keys_of(db).keys == {}


def test_every_confidential_column_is_masked_guarded_and_knows_its_place(admin_url: str) -> None:
    import core.quality.models
    import core.sitefile.stored  # noqa: F401 - with it, all mapped classes

    columns = [column for table in Base.metadata.sorted_tables for column in table.columns if isinstance(column.type, Confidential)]
    assert [f"{column.table.name}.{column.name}" for column in columns] == [column.type.place for column in columns]
    assert all(column.info.get("confidential") for column in columns)
    engine = create_engine(admin_url, poolclass=NullPool)
    with engine.connect() as connection:
        guarded = connection.execute(
            text(
                "SELECT tgrelid::regclass::text, rtrim(encode(tgargs, 'escape'), '\\000') FROM pg_trigger"
                " WHERE tgfoid = 'genba.sealed_with_newest_key'::regproc"
            )
        ).all()
    engine.dispose()
    assert {(f"genba.{column.table.name}", column.name) for column in columns} == set(map(tuple, guarded))
