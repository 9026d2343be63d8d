"""Tags: engineering limits, deadband, frozen values, finer write policies; and values that people enter for machines without a controller.

Revision 0004, after 0003. A program of release 0.2 that does not know these columns works with them as before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _columns() -> tuple[sa.Column[object], ...]:
    """Made anew each time: a column belongs to one table."""
    return (
        sa.Column("valid_low", sa.Double(), nullable=True),
        sa.Column("valid_high", sa.Double(), nullable=True),
        sa.Column("outside", sa.String(length=10), server_default="mark", nullable=False),
        sa.Column("deadband", sa.Double(), server_default="0", nullable=False),
        sa.Column("deadband_percent", sa.Double(), server_default="0", nullable=False),
        sa.Column("frozen_after_s", sa.Double(), nullable=True),
        sa.Column("write_min_interval_s", sa.Double(), server_default="1", nullable=False),
        sa.Column("write_tolerance", sa.Double(), server_default="0.000001", nullable=False),
        sa.Column("write_max_step", sa.Double(), nullable=True),
        sa.Column("write_max_per_s", sa.Double(), nullable=True),
        sa.Column("write_two_step", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("write_reason", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("write_confirm_s", sa.Double(), server_default="2", nullable=False),
        sa.Column("write_confirm_tag", sa.String(length=200), nullable=True),
    )


_CHECKS = {
    "valid_low_finite": "valid_low > '-Infinity' AND valid_low < 'Infinity'",
    "valid_high_finite": "valid_high > '-Infinity' AND valid_high < 'Infinity'",
    "valid_low_below_valid_high": "valid_low < valid_high",
    "outside_known": "outside IN ('mark', 'clamp')",
    "deadband_range": "deadband >= 0 AND deadband < 'Infinity'",
    "deadband_percent_range": "deadband_percent >= 0 AND deadband_percent < 'Infinity'",
    "write_min_interval_s_range": "write_min_interval_s >= 0 AND write_min_interval_s < 'Infinity'",
    "write_tolerance_range": "write_tolerance >= 0 AND write_tolerance < 'Infinity'",
    "frozen_after_s_positive": "frozen_after_s > 0 AND frozen_after_s < 'Infinity'",
    "write_max_step_positive": "write_max_step > 0 AND write_max_step < 'Infinity'",
    "write_max_per_s_positive": "write_max_per_s > 0 AND write_max_per_s < 'Infinity'",
    "write_confirm_s_positive": "write_confirm_s > 0 AND write_confirm_s < 'Infinity'",
}


def upgrade() -> None:
    """Add the columns and the table; what stations may do with it says ``migrations/sql/grants.sql``."""
    for column in _columns():
        op.add_column("tag", column, schema="genba")
    for name, condition in _CHECKS.items():
        op.create_check_constraint(op.f(f"ck_tag_{name}"), "tag", condition, schema="genba")
    op.create_table(
        "manual_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Integer(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=True),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_code", sa.String(length=100), nullable=False),
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_manual_entry_line_id")),
        sa.ForeignKeyConstraint(["tag_id"], ["genba.tag.id"], name=op.f("fk_manual_entry_tag_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_manual_entry")),
        schema="genba",
    )
    op.create_index(op.f("ix_manual_entry_line_id"), "manual_entry", ["line_id"], unique=False, schema="genba")
    op.create_index("ix_manual_entry_tag_id_entered_at", "manual_entry", ["tag_id", "entered_at"], unique=False, schema="genba")
    op.execute("INSERT INTO genba.schema_compat (schema_revision, oldest_program, newest_program) VALUES ('0004', '0.2', '0.2')")
