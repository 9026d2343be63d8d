"""Whoever changes the site's key must reach every sealed field: one that is left out could never be opened again."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from sqlalchemy import Table, Text
from sqlalchemy.sql.schema import Column, MetaData

from core.declared import MODELS
from core.store.base import Base
from core.store.sealing import Confidential
from core.store.sitesecrets import rotate_site_key


def sealed(tables: Iterable[Table]) -> set[str]:
    """Names of the tables with a confidential field."""
    return {str(table.name) for table in tables if any(isinstance(column.type, Confidential) for column in table.columns)}


def test_the_operation_that_changes_the_key_may_write_every_sealed_table() -> None:
    for name in MODELS:
        importlib.import_module(name)
    found = sealed(Base.metadata.tables.values())
    assert "secret" in found
    assert found <= rotate_site_key.writes


def test_a_sealed_column_is_seen() -> None:
    recipe = Table("recipe", MetaData(), Column("curve", Confidential("recipe.curve")), Column("name", Text))
    assert sealed([recipe]) == {"recipe"}
