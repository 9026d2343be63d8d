"""The schema: made by the migrations, equal to the mapped classes, restricted for stations, upgraded by one at a time."""

from __future__ import annotations


def test_station_sees_an_empty_migrated_database(db):
    assert db.now.tzinfo is not None
