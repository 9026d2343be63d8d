"""Presence: which running program has a station's name, and how it stands with it. Unlogged: it says what is so now, and is said again.

Revision 0005, after 0004. A program of release 0.2 that does not know the table works as before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; who may write it says ``migrations/sql/grants.sql``."""
    op.create_table(
        "presence",
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.Text(), server_default="", nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clock_ahead_s", sa.Double(), nullable=True),
        sa.Column("notice_lag_s", sa.Double(), nullable=True),
        sa.Column("waiting", sa.Integer(), server_default="0", nullable=False),
        sa.Column("parked", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("clock_ahead_s > '-Infinity' AND clock_ahead_s < 'Infinity'", name=op.f("ck_presence_clock_ahead_s_is_number")),
        sa.CheckConstraint("notice_lag_s >= 0 AND notice_lag_s < 'Infinity'", name=op.f("ck_presence_notice_lag_s_is_number")),
        sa.PrimaryKeyConstraint("station", name=op.f("pk_presence")),
        schema="genba",
        prefixes=["UNLOGGED"],
    )
    op.execute("INSERT INTO genba.schema_compat (schema_revision, oldest_program, newest_program) VALUES ('0005', '0.2', '0.2')")
