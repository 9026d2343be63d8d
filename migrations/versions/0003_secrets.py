"""Site keys and sealed secrets.

Revision 0003, after 0002. A program of release 0.2 that does not know these tables works with them as before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; who may write them, and with which key, says ``migrations/sql/sealed.sql``."""
    op.create_table(
        "site_key",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("position", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("wrapped_by", sa.String(length=8), nullable=True),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("(wrapped_by IS NULL) = (wrapped IS NULL)", name=op.f("ck_site_key_wrapped_complete")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_key")),
        sa.UniqueConstraint("position", name=op.f("uq_site_key_position")),
        schema="genba",
    )
    op.create_table(
        "secret",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secret")),
        schema="genba",
    )
    op.execute("INSERT INTO genba.schema_compat (schema_revision, oldest_program, newest_program) VALUES ('0003', '0.2', '0.2')")
