"""How a database is migrated; run by alembic, in one transaction.

Stations come here through ``core.store.schema``, which brings a connection. Developers come here through alembic's
command line with ``-x url=…``; then the mapped classes are loaded to be compared with the database.

Order: ``sql/roles.sql`` (roles and schemas) · ``sql/gate.sql`` (a moment without the stations) · the revisions, as
``genba_owner`` · ``sql/grants.sql`` · every other file of ``sql``, by name · what this program declares (``core.catalogue``) ·
``sql/closing.sql``. The files hold functions, triggers and rights in their newest form; they may be run again and again.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from alembic import context
from sqlalchemy import Connection, MetaData, create_engine
from sqlalchemy.types import TypeDecorator

SQL = Path(__file__).parent / "sql"
FIRST = ("roles.sql", "gate.sql")
LAST = "closing.sql"


def _mapped() -> MetaData:
    from core.declared import MODELS
    from core.store.base import Base

    for name in MODELS:
        importlib.import_module(name)
    return Base.metadata


def _render(kind: str, item: Any, autogen: Any) -> str | bool:
    # A revision states the column as it is in the database and imports nothing that may change later.
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


def _run(text: str) -> None:
    """Run a file of several statements as it stands: no parameters, no colons or per cent signs interpreted."""
    migration = context.get_context()
    if migration.as_sql:
        migration.impl.static_output(text)
    else:
        assert migration.connection is not None  # alembic has one whenever it does not write a script
        migration.connection.exec_driver_sql(text, execution_options={"no_parameters": True})


def _migrate(*, files: bool = True) -> None:
    from core.declared import declaring

    others = sorted(path.name for path in SQL.glob("*.sql") if path.name not in {*FIRST, "grants.sql", LAST})
    with context.begin_transaction():
        for name in FIRST:
            _run((SQL / name).read_text(encoding="utf-8"))
        context.run_migrations()
        if files:
            for name in ("grants.sql", *others):
                _run((SQL / name).read_text(encoding="utf-8"))
            _run(declaring())
            _run((SQL / LAST).read_text(encoding="utf-8"))


def _online(connection: Connection, metadata: MetaData | None = None) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema="genba",
        include_schemas=True,
        include_name=lambda name, kind, parents: kind != "schema" or name == "genba",
        render_item=_render,
        compare_server_default=True,
    )
    _migrate(files=metadata is None)  # to compare, only the tables are looked at


def _as_script() -> None:
    context.configure(dialect_name="postgresql", version_table_schema="genba", literal_binds=True, transactional_ddl=True)
    _migrate()


def _from_command_line() -> None:
    engine = create_engine(context.get_x_argument(as_dictionary=True)["url"])
    with engine.connect() as connection:
        _online(connection, _mapped())
    engine.dispose()


if context.is_offline_mode():
    _as_script()
elif given := context.config.attributes.get("connection"):
    _online(given)
else:
    _from_command_line()
