"""The first tables.

Revision 0001, the first.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table of release 0.1 and say which programs it serves."""
    op.create_table(
        "app_user",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("language", sa.String(length=2), server_default="ja", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("origin", sa.String(length=10), server_default="screen", nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("language IN ('ja', 'en')", name=op.f("ck_app_user_language_known")),
        sa.CheckConstraint("name ?& ARRAY['ja', 'en']", name=op.f("ck_app_user_name_in_both_languages")),
        sa.CheckConstraint("origin IN ('site', 'screen')", name=op.f("ck_app_user_origin_known")),
        sa.CheckConstraint("length(code) > 0", name=op.f("ck_app_user_code_given")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_user")),
        sa.UniqueConstraint("code", name=op.f("uq_app_user_code")),
        schema="genba",
    )
    op.create_index("uq_app_user_code_any_case", "app_user", [sa.literal_column("upper(code)")], unique=True, schema="genba")
    op.create_table(
        "audit",
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("operation", sa.String(length=100), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("user_code", sa.String(length=100), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("database_user", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("station", "seq", name=op.f("pk_audit")),
        schema="genba",
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False, schema="genba")
    op.create_index(
        "ix_audit_changes",
        "audit",
        ["changes"],
        unique=False,
        schema="genba",
        postgresql_using="gin",
        postgresql_ops={"changes": "jsonb_path_ops"},
    )
    op.create_index("ix_audit_operation_at", "audit", ["operation", "at"], unique=False, schema="genba")
    op.create_index("ix_audit_request_id", "audit", ["request_id"], unique=False, schema="genba")
    op.create_index("ix_audit_user_code_at", "audit", ["user_code", "at"], unique=False, schema="genba")
    op.create_table(
        "audit_head",
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("station", name=op.f("pk_audit_head")),
        schema="genba",
    )
    op.create_table(
        "blocker",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("target_kind", sa.String(length=20), nullable=False),
        sa.Column("target_id", sa.String(length=50), nullable=False),
        sa.Column("kind", sa.String(length=50), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.String(length=50), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", sa.String(length=50), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("target_kind IN ('order', 'line', 'work_unit', 'product', 'lot')", name=op.f("ck_blocker_target_kind_known")),
        sa.CheckConstraint("(released_by IS NULL) = (released_at IS NULL)", name=op.f("ck_blocker_release_complete")),
        sa.CheckConstraint("released_at >= opened_at", name=op.f("ck_blocker_released_not_before_opened")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocker")),
        schema="genba",
    )
    op.create_index(
        "ix_blocker_open",
        "blocker",
        ["target_kind", "target_id"],
        unique=False,
        schema="genba",
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_index("ix_blocker_target_kind_target_id", "blocker", ["target_kind", "target_id"], unique=False, schema="genba")
    op.create_table(
        "defect_code",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("name ?& ARRAY['ja', 'en']", name=op.f("ck_defect_code_name_in_both_languages")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_defect_code")),
        sa.UniqueConstraint("code", name=op.f("uq_defect_code_code")),
        schema="genba",
    )
    op.create_table(
        "enterprise",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("name ?& ARRAY['ja', 'en']", name=op.f("ck_enterprise_name_in_both_languages")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enterprise")),
        sa.UniqueConstraint("code", name=op.f("uq_enterprise_code")),
        schema="genba",
    )
    op.create_table(
        "external_system",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("kind", sa.String(length=50), nullable=False),
        sa.Column("topics", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_system")),
        sa.UniqueConstraint("code", name=op.f("uq_external_system_code")),
        schema="genba",
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("holder", sa.String(length=50), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("acquired_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("renewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
        schema="genba",
    )
    op.create_table(
        "relay",
        sa.Column("source", sa.String(length=50), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_relay")),
        schema="genba",
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("operation", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("user_code", sa.String(length=100), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("args", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="applied", nullable=False),
        sa.Column("result", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("refusal", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name=op.f("ck_request_refusal_fits_state")),
        sa.CheckConstraint("kind IN ('intent', 'fact')", name=op.f("ck_request_kind_known")),
        sa.CheckConstraint("state IN ('applied', 'refused')", name=op.f("ck_request_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request")),
        schema="genba",
    )
    op.create_index("ix_request_operation_applied_at", "request", ["operation", "applied_at"], unique=False, schema="genba")
    op.create_index("ix_request_station_decided_at", "request", ["station", "decided_at"], unique=False, schema="genba")
    op.create_table(
        "role",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role")),
        sa.UniqueConstraint("code", name=op.f("uq_role_code")),
        schema="genba",
    )
    op.create_table(
        "schema_compat",
        sa.Column("schema_revision", sa.String(length=50), nullable=False),
        sa.Column("oldest_program", sa.String(length=20), nullable=False),
        sa.Column("newest_program", sa.String(length=20), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("schema_revision", name=op.f("pk_schema_compat")),
        schema="genba",
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_sign_in_attempt")),
        schema="genba",
        comment="Wrong proofs per typed code, known or not, so that a lock does not tell which codes exist.",
    )
    op.create_table(
        "sign_in_secret",
        sa.Column("id", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_sign_in_secret_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_secret")),
        schema="genba",
        comment="Random bytes from which the salt of an unknown user code is made.",
    )
    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("protocol", sa.String(length=20), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("label", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("readers", sa.String(length=10), server_default="lease", nullable=False),
        sa.Column("stations", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("owner", sa.String(length=50), server_default="", nullable=False),
        sa.Column("simulated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("(readers = 'stations') = (jsonb_array_length(stations) > 0)", name=op.f("ck_source_stations_listed")),
        sa.CheckConstraint("label ?& ARRAY['ja', 'en']", name=op.f("ck_source_label_in_both_languages")),
        sa.CheckConstraint("readers IN ('lease', 'all', 'stations')", name=op.f("ck_source_readers_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("code", name=op.f("uq_source_code")),
        schema="genba",
    )
    op.create_table(
        "stop_reason",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("time_element", sa.String(length=20), nullable=False),
        sa.Column("oee_bucket", sa.String(length=20), nullable=False),
        sa.Column("grouping", sa.String(length=20), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("name ?& ARRAY['ja', 'en']", name=op.f("ck_stop_reason_name_in_both_languages")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stop_reason")),
        sa.UniqueConstraint("code", name=op.f("uq_stop_reason_code")),
        schema="genba",
    )
    op.create_table(
        "unit",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("quantity", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("base", sa.String(length=20), nullable=False),
        sa.Column("factor", sa.Numeric(), nullable=False),
        sa.Column("base_offset", sa.Numeric(), server_default="0", nullable=False),
        sa.Column("builtin", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("base_offset > '-Infinity' AND base_offset < 'Infinity'", name=op.f("ck_unit_base_offset_finite")),
        sa.CheckConstraint("factor > 0 AND factor < 'Infinity'", name=op.f("ck_unit_factor_positive")),
        sa.CheckConstraint("name ?& ARRAY['ja', 'en']", name=op.f("ck_unit_name_in_both_languages")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit")),
        sa.UniqueConstraint("code", name=op.f("uq_unit_code")),
        schema="genba",
    )
    op.create_table(
        "credential",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("verifier", sa.LargeBinary(), nullable=False),
        sa.Column("time_cost", sa.Integer(), nullable=False),
        sa.Column("memory_kib", sa.Integer(), nullable=False),
        sa.Column("parallelism", sa.SmallInteger(), nullable=False),
        sa.Column("must_change", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("memory_kib BETWEEN 8192 AND 4194304", name=op.f("ck_credential_memory_range")),
        sa.CheckConstraint("octet_length(salt) = 16", name=op.f("ck_credential_salt_length")),
        sa.CheckConstraint("octet_length(verifier) = 32", name=op.f("ck_credential_verifier_length")),
        sa.CheckConstraint("parallelism BETWEEN 1 AND 64", name=op.f("ck_credential_parallelism_range")),
        sa.CheckConstraint("time_cost BETWEEN 1 AND 100", name=op.f("ck_credential_time_cost_range")),
        sa.ForeignKeyConstraint(["user_id"], ["genba.app_user.id"], name=op.f("fk_credential_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_credential")),
        schema="genba",
        comment="SHA-256 of the Argon2id hash a panel derives: reading this table does not let anybody sign in.",
    )
    op.create_table(
        "inbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=50), nullable=False),
        sa.Column("external_id", sa.String(length=100), nullable=False),
        sa.Column("revision", sa.String(length=50), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="received", nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("state IN ('received', 'applied', 'superseded', 'parked')", name=op.f("ck_inbox_state_known")),
        sa.ForeignKeyConstraint(["system_id"], ["genba.external_system.id"], name=op.f("fk_inbox_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("system_id", "kind", "external_id", "revision", name=op.f("uq_inbox_system_id_kind_external_id_revision")),
        schema="genba",
    )
    op.create_index(
        "ix_inbox_open",
        "inbox",
        ["system_id", "received_at"],
        unique=False,
        schema="genba",
        postgresql_where=sa.text("state IN ('received', 'parked')"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="waiting", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("receipt", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'sending', 'unknown', 'sent', 'parked')", name=op.f("ck_outbox_state_known")),
        sa.ForeignKeyConstraint(["system_id"], ["genba.external_system.id"], name=op.f("fk_outbox_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("position", name=op.f("uq_outbox_position")),
        schema="genba",
    )
    op.create_index("ix_outbox_due", "outbox", ["not_before"], unique=False, schema="genba", postgresql_where=sa.text("state = 'waiting'"))
    op.create_index(
        "ix_outbox_open",
        "outbox",
        ["system_id", "key", "position"],
        unique=False,
        schema="genba",
        postgresql_where=sa.text("state <> 'sent'"),
    )
    op.create_table(
        "product",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("type", sa.String(length=50), server_default="", nullable=False),
        sa.Column("revision", sa.String(length=20), server_default="1.0", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("standard_cycle_min", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("target_yield", sa.Numeric(precision=18, scale=6), server_default="95", nullable=False),
        sa.Column("unit", sa.String(length=20), server_default="pcs", nullable=False),
        sa.Column("origin", sa.String(length=50), server_default="screen", nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("name ?& ARRAY['ja', 'en']", name=op.f("ck_product_name_in_both_languages")),
        sa.CheckConstraint("standard_cycle_min <> 'NaN'", name=op.f("ck_product_standard_cycle_min_is_number")),
        sa.CheckConstraint("target_yield <> 'NaN'", name=op.f("ck_product_target_yield_is_number")),
        sa.CheckConstraint("standard_cycle_min > 0", name=op.f("ck_product_standard_cycle_positive")),
        sa.CheckConstraint("target_yield > 0 AND target_yield <= 100", name=op.f("ck_product_target_yield_range")),
        sa.ForeignKeyConstraint(["unit"], ["genba.unit.code"], name=op.f("fk_product_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("code", name=op.f("uq_product_code")),
        schema="genba",
    )
    op.create_index("ix_product_active_type_code", "product", ["active", "type", "code"], unique=False, schema="genba")
    op.create_table(
        "session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("expires_at > started_at", name=op.f("ck_session_expires_after_start")),
        sa.ForeignKeyConstraint(["user_id"], ["genba.app_user.id"], name=op.f("fk_session_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_session_token_hash")),
        schema="genba",
    )
    op.create_index("ix_session_station_started_at", "session", ["station", "started_at"], unique=False, schema="genba")
    op.create_index("ix_session_user_id_started_at", "session", ["user_id", "started_at"], unique=False, schema="genba")
    op.create_table(
        "signature",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("user_code", sa.String(length=50), nullable=False),
        sa.Column("printed_name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("meaning", sa.String(length=100), nullable=False),
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(meaning) > 0", name=op.f("ck_signature_meaning_given")),
        sa.ForeignKeyConstraint(["user_id"], ["genba.app_user.id"], name=op.f("fk_signature_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signature")),
        schema="genba",
    )
    op.create_index(op.f("ix_signature_request_id"), "signature", ["request_id"], unique=False, schema="genba")
    op.create_index("ix_signature_user_id_signed_at", "signature", ["user_id", "signed_at"], unique=False, schema="genba")
    op.create_table(
        "site",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("name ?& ARRAY['ja', 'en']", name=op.f("ck_site_name_in_both_languages")),
        sa.ForeignKeyConstraint(["enterprise_id"], ["genba.enterprise.id"], name=op.f("fk_site_enterprise_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        sa.UniqueConstraint("code", name=op.f("uq_site_code")),
        schema="genba",
    )
    op.create_index(op.f("ix_site_enterprise_id"), "site", ["enterprise_id"], unique=False, schema="genba")
    op.create_table(
        "user_role",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["genba.role.id"], name=op.f("fk_user_role_role_id")),
        sa.ForeignKeyConstraint(["user_id"], ["genba.app_user.id"], name=op.f("fk_user_role_user_id")),
        sa.PrimaryKeyConstraint("user_id", "role_id", name=op.f("pk_user_role")),
        schema="genba",
    )
    op.create_index(op.f("ix_user_role_role_id"), "user_role", ["role_id"], unique=False, schema="genba")
    op.create_table(
        "area",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("name ?& ARRAY['ja', 'en']", name=op.f("ck_area_name_in_both_languages")),
        sa.ForeignKeyConstraint(["site_id"], ["genba.site.id"], name=op.f("fk_area_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area")),
        sa.UniqueConstraint("code", name=op.f("uq_area_code")),
        schema="genba",
    )
    op.create_index(op.f("ix_area_site_id"), "area", ["site_id"], unique=False, schema="genba")
    op.create_table(
        "bom",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["genba.product.id"], name=op.f("fk_bom_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bom")),
        sa.UniqueConstraint("product_id", "valid_from", name=op.f("uq_bom_product_id_valid_from")),
        schema="genba",
    )
    op.create_table(
        "bom_component",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("bom_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("quantity <> 'NaN'", name=op.f("ck_bom_component_quantity_is_number")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_bom_component_quantity_positive")),
        sa.ForeignKeyConstraint(["bom_id"], ["genba.bom.id"], name=op.f("fk_bom_component_bom_id")),
        sa.ForeignKeyConstraint(["product_id"], ["genba.product.id"], name=op.f("fk_bom_component_product_id")),
        sa.ForeignKeyConstraint(["unit"], ["genba.unit.code"], name=op.f("fk_bom_component_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bom_component")),
        sa.UniqueConstraint("bom_id", "product_id", name=op.f("uq_bom_component_bom_id_product_id")),
        schema="genba",
    )
    op.create_index("ix_bom_component_product_id", "bom_component", ["product_id"], unique=False, schema="genba")
    op.create_table(
        "line",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("area_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("capacity_per_hour", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("efficiency", sa.Numeric(precision=18, scale=6), server_default="85", nullable=False),
        sa.Column("constraint_unit_id", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("capacity_per_hour <> 'NaN'", name=op.f("ck_line_capacity_per_hour_is_number")),
        sa.CheckConstraint("efficiency <> 'NaN'", name=op.f("ck_line_efficiency_is_number")),
        sa.CheckConstraint("name ?& ARRAY['ja', 'en']", name=op.f("ck_line_name_in_both_languages")),
        sa.CheckConstraint("capacity_per_hour > 0", name=op.f("ck_line_capacity_positive")),
        sa.CheckConstraint("efficiency > 0 AND efficiency <= 100", name=op.f("ck_line_efficiency_range")),
        sa.ForeignKeyConstraint(["area_id"], ["genba.area.id"], name=op.f("fk_line_area_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line")),
        sa.UniqueConstraint("code", name=op.f("uq_line_code")),
        schema="genba",
    )
    op.create_index(op.f("ix_line_area_id"), "line", ["area_id"], unique=False, schema="genba")
    op.create_index(op.f("ix_line_constraint_unit_id"), "line", ["constraint_unit_id"], unique=False, schema="genba")
    op.create_table(
        "location",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("name ?& ARRAY['ja', 'en']", name=op.f("ck_location_name_in_both_languages")),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_location_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_location")),
        sa.UniqueConstraint("code", name=op.f("uq_location_code")),
        schema="genba",
    )
    op.create_index(op.f("ix_location_line_id"), "location", ["line_id"], unique=False, schema="genba")
    op.create_table(
        "station",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=True),
        sa.Column("host", sa.Text(), server_default="", nullable=False),
        sa.Column("program_version", sa.String(length=50), server_default="", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_station_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station")),
        sa.UniqueConstraint("code", name=op.f("uq_station_code")),
        schema="genba",
    )
    op.create_index(op.f("ix_station_line_id"), "station", ["line_id"], unique=False, schema="genba")
    op.create_table(
        "work_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=50), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("planned", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("completed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("scrap", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="PLANNED", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="5", nullable=False),
        sa.Column("scheduled_start_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scheduled_end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actual_start_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actual_end_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_seconds", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("run_since_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("external_system", sa.String(length=50), nullable=True),
        sa.Column("external_id", sa.String(length=100), nullable=True),
        sa.Column("external_revision", sa.String(length=50), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("completed <> 'NaN'", name=op.f("ck_work_order_completed_is_number")),
        sa.CheckConstraint("number LIKE 'WO%%' AND length(number) BETWEEN 1 AND 50", name=op.f("ck_work_order_number_starts_with_wo")),
        sa.CheckConstraint("planned <> 'NaN'", name=op.f("ck_work_order_planned_is_number")),
        sa.CheckConstraint("run_seconds <> 'NaN'", name=op.f("ck_work_order_run_seconds_is_number")),
        sa.CheckConstraint("scrap <> 'NaN'", name=op.f("ck_work_order_scrap_is_number")),
        sa.CheckConstraint(
            "status IN ('PLANNED', 'RELEASED', 'IN_PROGRESS', 'PAUSED', 'HELD', 'COMPLETED', 'CANCELLED', 'CLOSED')",
            name=op.f("ck_work_order_status_known"),
        ),
        sa.CheckConstraint(
            "(external_system IS NULL) = (external_id IS NULL) AND (external_system IS NULL) = (external_revision IS NULL)",
            name=op.f("ck_work_order_external_complete"),
        ),
        sa.CheckConstraint("actual_end_at >= actual_start_at", name=op.f("ck_work_order_actual_end_not_before_start")),
        sa.CheckConstraint("completed >= 0", name=op.f("ck_work_order_completed_not_negative")),
        sa.CheckConstraint("planned > 0", name=op.f("ck_work_order_planned_positive")),
        sa.CheckConstraint("priority BETWEEN 1 AND 10", name=op.f("ck_work_order_priority_range")),
        sa.CheckConstraint("run_seconds >= 0", name=op.f("ck_work_order_run_seconds_not_negative")),
        sa.CheckConstraint("scheduled_start_at < scheduled_end_at", name=op.f("ck_work_order_scheduled_end_after_start")),
        sa.CheckConstraint("scrap >= 0", name=op.f("ck_work_order_scrap_not_negative")),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_work_order_line_id")),
        sa.ForeignKeyConstraint(["product_id"], ["genba.product.id"], name=op.f("fk_work_order_product_id")),
        sa.ForeignKeyConstraint(["unit"], ["genba.unit.code"], name=op.f("fk_work_order_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_order")),
        sa.UniqueConstraint(
            "external_system", "external_id", "external_revision", name=op.f("uq_work_order_external_system_external_id_external_revision")
        ),
        sa.UniqueConstraint("number", name=op.f("uq_work_order_number")),
        schema="genba",
    )
    op.create_index(
        "ix_work_order_line_id_status_priority",
        "work_order",
        ["line_id", "status", "priority", "scheduled_start_at"],
        unique=False,
        schema="genba",
    )
    op.create_index("ix_work_order_product_id_status", "work_order", ["product_id", "status"], unique=False, schema="genba")
    op.create_index("ix_work_order_scheduled_start_at", "work_order", ["scheduled_start_at"], unique=False, schema="genba")
    op.create_index(
        "ix_work_order_started",
        "work_order",
        ["line_id", "actual_end_at"],
        unique=False,
        schema="genba",
        postgresql_where=sa.text("actual_start_at IS NOT NULL"),
    )
    op.create_index("ix_work_order_status_scheduled_start_at", "work_order", ["status", "scheduled_start_at"], unique=False, schema="genba")
    op.create_table(
        "work_unit",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("name ?& ARRAY['ja', 'en']", name=op.f("ck_work_unit_name_in_both_languages")),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_work_unit_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_unit")),
        sa.UniqueConstraint("code", name=op.f("uq_work_unit_code")),
        schema="genba",
    )
    op.create_index(op.f("ix_work_unit_line_id"), "work_unit", ["line_id"], unique=False, schema="genba")
    op.create_table(
        "count_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("work_unit_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("counter_value", sa.BigInteger(), nullable=True),
        sa.Column("reset", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("gap", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(length=50), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('good', 'reject')", name=op.f("ck_count_event_kind_known")),
        sa.CheckConstraint("quantity <> 'NaN'", name=op.f("ck_count_event_quantity_is_number")),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_count_event_quantity_not_negative")),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_count_event_line_id")),
        sa.ForeignKeyConstraint(["order_id"], ["genba.work_order.id"], name=op.f("fk_count_event_order_id")),
        sa.ForeignKeyConstraint(["work_unit_id"], ["genba.work_unit.id"], name=op.f("fk_count_event_work_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_count_event")),
        sa.UniqueConstraint("source", "epoch", "seq", name=op.f("uq_count_event_source_epoch_seq")),
        schema="genba",
    )
    op.create_index("ix_count_event_line_id_occurred_at", "count_event", ["line_id", "occurred_at"], unique=False, schema="genba")
    op.create_index("ix_count_event_order_id_kind", "count_event", ["order_id", "kind"], unique=False, schema="genba")
    op.create_index("ix_count_event_work_unit_id_occurred_at", "count_event", ["work_unit_id", "occurred_at"], unique=False, schema="genba")
    op.create_table(
        "lot",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=50), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="AVAILABLE", nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("quantity <> 'NaN'", name=op.f("ck_lot_quantity_is_number")),
        sa.CheckConstraint("status IN ('AVAILABLE', 'HELD', 'REJECTED', 'USED_UP')", name=op.f("ck_lot_status_known")),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_lot_quantity_not_negative")),
        sa.ForeignKeyConstraint(["location_id"], ["genba.location.id"], name=op.f("fk_lot_location_id")),
        sa.ForeignKeyConstraint(["product_id"], ["genba.product.id"], name=op.f("fk_lot_product_id")),
        sa.ForeignKeyConstraint(["unit"], ["genba.unit.code"], name=op.f("fk_lot_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot")),
        sa.UniqueConstraint("number", name=op.f("uq_lot_number")),
        schema="genba",
    )
    op.create_index("ix_lot_location_id_status", "lot", ["location_id", "status"], unique=False, schema="genba")
    op.create_index("ix_lot_product_id_status_expires_at", "lot", ["product_id", "status", "expires_at"], unique=False, schema="genba")
    op.create_table(
        "production_report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("line_id", sa.Integer(), nullable=True),
        sa.Column("good", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("scrap", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("defect_code", sa.String(length=50), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("corrects", sa.Uuid(), nullable=True),
        sa.Column("machine_good", sa.BigInteger(), nullable=True),
        sa.Column("machine_reject", sa.BigInteger(), nullable=True),
        sa.Column("user_code", sa.String(length=50), nullable=False),
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("good <> 'NaN'", name=op.f("ck_production_report_good_is_number")),
        sa.CheckConstraint("scrap <> 'NaN'", name=op.f("ck_production_report_scrap_is_number")),
        sa.CheckConstraint(
            "CASE WHEN corrects IS NULL THEN good >= 0 AND scrap >= 0 ELSE good <= 0 AND scrap <= 0 END",
            name=op.f("ck_production_report_sign_fits_correction"),
        ),
        sa.CheckConstraint("good <> 0 OR scrap <> 0", name=op.f("ck_production_report_not_empty")),
        sa.ForeignKeyConstraint(["corrects"], ["genba.production_report.id"], name=op.f("fk_production_report_corrects")),
        sa.ForeignKeyConstraint(["defect_code"], ["genba.defect_code.code"], name=op.f("fk_production_report_defect_code")),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_production_report_line_id")),
        sa.ForeignKeyConstraint(["order_id"], ["genba.work_order.id"], name=op.f("fk_production_report_order_id")),
        sa.ForeignKeyConstraint(["unit"], ["genba.unit.code"], name=op.f("fk_production_report_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_production_report")),
        sa.UniqueConstraint("corrects", name=op.f("uq_production_report_corrects")),
        schema="genba",
    )
    op.create_index(
        "ix_production_report_line_id_reported_at", "production_report", ["line_id", "reported_at"], unique=False, schema="genba"
    )
    op.create_index(
        "ix_production_report_order_id_reported_at", "production_report", ["order_id", "reported_at"], unique=False, schema="genba"
    )
    op.create_index(op.f("ix_production_report_request_id"), "production_report", ["request_id"], unique=False, schema="genba")
    op.create_index(
        "ix_production_report_unassigned",
        "production_report",
        ["reported_at"],
        unique=False,
        schema="genba",
        postgresql_where=sa.text("order_id IS NULL"),
    )
    op.create_table(
        "standard_time",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("work_unit_id", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("cycle_min", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("cycle_min <> 'NaN'", name=op.f("ck_standard_time_cycle_min_is_number")),
        sa.CheckConstraint("cycle_min > 0", name=op.f("ck_standard_time_cycle_positive")),
        sa.ForeignKeyConstraint(["product_id"], ["genba.product.id"], name=op.f("fk_standard_time_product_id")),
        sa.ForeignKeyConstraint(["work_unit_id"], ["genba.work_unit.id"], name=op.f("fk_standard_time_work_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standard_time")),
        sa.UniqueConstraint("product_id", "work_unit_id", "valid_from", name=op.f("uq_standard_time_product_id_work_unit_id_valid_from")),
        schema="genba",
    )
    op.create_index("ix_standard_time_work_unit_id", "standard_time", ["work_unit_id"], unique=False, schema="genba")
    op.create_table(
        "state_segment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("work_unit_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason_code", sa.String(length=50), server_default="", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.String(length=50), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('RUNNING', 'SETUP', 'MAINTENANCE', 'DOWN', 'MINOR_STOP', 'WAITING', 'IDLE', 'PLANNED_STOP', 'OFFLINE')",
            name=op.f("ck_state_segment_state_known"),
        ),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_state_segment_end_not_before_start")),
        sa.ForeignKeyConstraint(["work_unit_id"], ["genba.work_unit.id"], name=op.f("fk_state_segment_work_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_segment")),
        sa.UniqueConstraint("source", "epoch", "seq", name=op.f("uq_state_segment_source_epoch_seq")),
        schema="genba",
    )
    op.create_index(
        "ix_state_segment_open",
        "state_segment",
        ["work_unit_id"],
        unique=False,
        schema="genba",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_state_segment_work_unit_id_started_at", "state_segment", ["work_unit_id", "started_at"], unique=False, schema="genba"
    )
    op.create_table(
        "tag",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("type", sa.String(length=10), nullable=False),
        sa.Column("period_s", sa.Double(), server_default="1", nullable=False),
        sa.Column("scale", sa.Double(), server_default="1", nullable=False),
        sa.Column("offset", sa.Double(), server_default="0", nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=True),
        sa.Column("decimals", sa.Integer(), server_default="1", nullable=False),
        sa.Column("label", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("work_unit_id", sa.Integer(), nullable=True),
        sa.Column("role", sa.String(length=10), server_default="process", nullable=False),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("warn_low", sa.Double(), nullable=True),
        sa.Column("warn_high", sa.Double(), nullable=True),
        sa.Column("write_permission", sa.String(length=100), nullable=True),
        sa.Column("write_low", sa.Double(), nullable=True),
        sa.Column("write_high", sa.Double(), nullable=True),
        sa.Column("write_interlock", sa.String(length=200), nullable=True),
        sa.Column("states", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("high > '-Infinity' AND high < 'Infinity'", name=op.f("ck_tag_high_finite")),
        sa.CheckConstraint("label ?& ARRAY['ja', 'en']", name=op.f("ck_tag_label_in_both_languages")),
        sa.CheckConstraint("low > '-Infinity' AND low < 'Infinity'", name=op.f("ck_tag_low_finite")),
        sa.CheckConstraint("period_s > 0 AND period_s < 'Infinity'", name=op.f("ck_tag_period_positive")),
        sa.CheckConstraint("role IN ('process', 'state', 'good', 'reject', 'cycle', 'reason')", name=op.f("ck_tag_role_known")),
        sa.CheckConstraint("scale > '-Infinity' AND scale < 'Infinity' AND scale <> 0", name=op.f("ck_tag_scale_finite")),
        sa.CheckConstraint(
            "type IN ('bool', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float32', 'float64', 'string')",
            name=op.f("ck_tag_type_known"),
        ),
        sa.CheckConstraint("warn_high > '-Infinity' AND warn_high < 'Infinity'", name=op.f("ck_tag_warn_high_finite")),
        sa.CheckConstraint("warn_low > '-Infinity' AND warn_low < 'Infinity'", name=op.f("ck_tag_warn_low_finite")),
        sa.CheckConstraint(
            "write_low > '-Infinity' AND write_low < 'Infinity' AND write_high > '-Infinity' AND write_high < 'Infinity'",
            name=op.f("ck_tag_write_finite"),
        ),
        sa.CheckConstraint("\"offset\" > '-Infinity' AND \"offset\" < 'Infinity'", name=op.f("ck_tag_offset_finite")),
        sa.CheckConstraint(
            "(write_permission IS NULL) = (write_low IS NULL) AND (write_permission IS NULL) = (write_high IS NULL)",
            name=op.f("ck_tag_write_complete"),
        ),
        sa.CheckConstraint("decimals BETWEEN 0 AND 9", name=op.f("ck_tag_decimals_range")),
        sa.CheckConstraint("low < high", name=op.f("ck_tag_low_below_high")),
        sa.CheckConstraint("warn_low < warn_high", name=op.f("ck_tag_warn_low_below_warn_high")),
        sa.CheckConstraint("write_low <= write_high", name=op.f("ck_tag_write_low_not_above_high")),
        sa.ForeignKeyConstraint(["source_id"], ["genba.source.id"], name=op.f("fk_tag_source_id")),
        sa.ForeignKeyConstraint(["unit"], ["genba.unit.code"], name=op.f("fk_tag_unit")),
        sa.ForeignKeyConstraint(["work_unit_id"], ["genba.work_unit.id"], name=op.f("fk_tag_work_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
        sa.UniqueConstraint("name", name=op.f("uq_tag_name")),
        schema="genba",
    )
    op.create_index(op.f("ix_tag_source_id"), "tag", ["source_id"], unique=False, schema="genba")
    op.create_index("ix_tag_work_unit_id_position", "tag", ["work_unit_id", "position"], unique=False, schema="genba")
    op.create_table(
        "movement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=True),
        sa.Column("from_location_id", sa.Integer(), nullable=True),
        sa.Column("to_location_id", sa.Integer(), nullable=True),
        sa.Column("quantity", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("reference_kind", sa.String(length=20), server_default="", nullable=False),
        sa.Column("reference_id", sa.Uuid(), nullable=True),
        sa.Column("takes_back", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("user_code", sa.String(length=50), nullable=False),
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "from_location_id IS DISTINCT FROM to_location_id OR kind <> 'move'", name=op.f("ck_movement_move_goes_somewhere")
        ),
        sa.CheckConstraint("kind IN ('receive', 'move', 'consume', 'produce', 'scrap', 'count')", name=op.f("ck_movement_kind_known")),
        sa.CheckConstraint("quantity <> 'NaN'", name=op.f("ck_movement_quantity_is_number")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_movement_quantity_positive")),
        sa.ForeignKeyConstraint(["from_location_id"], ["genba.location.id"], name=op.f("fk_movement_from_location_id")),
        sa.ForeignKeyConstraint(["lot_id"], ["genba.lot.id"], name=op.f("fk_movement_lot_id")),
        sa.ForeignKeyConstraint(["product_id"], ["genba.product.id"], name=op.f("fk_movement_product_id")),
        sa.ForeignKeyConstraint(["takes_back"], ["genba.movement.id"], name=op.f("fk_movement_takes_back")),
        sa.ForeignKeyConstraint(["to_location_id"], ["genba.location.id"], name=op.f("fk_movement_to_location_id")),
        sa.ForeignKeyConstraint(["unit"], ["genba.unit.code"], name=op.f("fk_movement_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movement")),
        sa.UniqueConstraint("takes_back", name=op.f("uq_movement_takes_back")),
        schema="genba",
    )
    op.create_index(op.f("ix_movement_from_location_id"), "movement", ["from_location_id"], unique=False, schema="genba")
    op.create_index("ix_movement_lot_id_moved_at", "movement", ["lot_id", "moved_at"], unique=False, schema="genba")
    op.create_index("ix_movement_product_id_moved_at", "movement", ["product_id", "moved_at"], unique=False, schema="genba")
    op.create_index("ix_movement_reference", "movement", ["reference_kind", "reference_id"], unique=False, schema="genba")
    op.create_index(op.f("ix_movement_request_id"), "movement", ["request_id"], unique=False, schema="genba")
    op.create_index(op.f("ix_movement_to_location_id"), "movement", ["to_location_id"], unique=False, schema="genba")
    op.create_table(
        "quality_check",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("lot_id", sa.Uuid(), nullable=True),
        sa.Column("work_unit_id", sa.Integer(), nullable=True),
        sa.Column("characteristic", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("result", sa.String(length=10), server_default="OPEN", nullable=False),
        sa.Column("measured", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("low", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("high", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("unit", sa.String(length=20), nullable=True),
        sa.Column("checked", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("failed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("defect_code", sa.String(length=50), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_by", sa.String(length=50), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(result = 'OPEN') = (checked_at IS NULL) AND (checked_by IS NULL) = (checked_at IS NULL)",
            name=op.f("ck_quality_check_done_complete"),
        ),
        sa.CheckConstraint("checked <> 'NaN'", name=op.f("ck_quality_check_checked_is_number")),
        sa.CheckConstraint("failed <> 'NaN'", name=op.f("ck_quality_check_failed_is_number")),
        sa.CheckConstraint("high <> 'NaN'", name=op.f("ck_quality_check_high_is_number")),
        sa.CheckConstraint("kind IN ('visual', 'measure', 'function', 'first_piece')", name=op.f("ck_quality_check_kind_known")),
        sa.CheckConstraint("low <> 'NaN'", name=op.f("ck_quality_check_low_is_number")),
        sa.CheckConstraint("measured <> 'NaN'", name=op.f("ck_quality_check_measured_is_number")),
        sa.CheckConstraint("result IN ('OPEN', 'PASS', 'FAIL', 'NOT_DONE')", name=op.f("ck_quality_check_result_known")),
        sa.CheckConstraint(
            "(measured IS NULL AND low IS NULL AND high IS NULL) OR unit IS NOT NULL", name=op.f("ck_quality_check_measure_has_unit")
        ),
        sa.CheckConstraint("checked >= 0 AND failed >= 0 AND failed <= checked", name=op.f("ck_quality_check_failed_among_checked")),
        sa.CheckConstraint("low <= high", name=op.f("ck_quality_check_low_not_above_high")),
        sa.ForeignKeyConstraint(["defect_code"], ["genba.defect_code.code"], name=op.f("fk_quality_check_defect_code")),
        sa.ForeignKeyConstraint(["lot_id"], ["genba.lot.id"], name=op.f("fk_quality_check_lot_id")),
        sa.ForeignKeyConstraint(["order_id"], ["genba.work_order.id"], name=op.f("fk_quality_check_order_id")),
        sa.ForeignKeyConstraint(["product_id"], ["genba.product.id"], name=op.f("fk_quality_check_product_id")),
        sa.ForeignKeyConstraint(["unit"], ["genba.unit.code"], name=op.f("fk_quality_check_unit")),
        sa.ForeignKeyConstraint(["work_unit_id"], ["genba.work_unit.id"], name=op.f("fk_quality_check_work_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_check")),
        schema="genba",
    )
    op.create_index(op.f("ix_quality_check_lot_id"), "quality_check", ["lot_id"], unique=False, schema="genba")
    op.create_index("ix_quality_check_order_id_due_at", "quality_check", ["order_id", "due_at"], unique=False, schema="genba")
    op.create_index("ix_quality_check_product_id_checked_at", "quality_check", ["product_id", "checked_at"], unique=False, schema="genba")
    op.create_index("ix_quality_check_result_due_at", "quality_check", ["result", "due_at"], unique=False, schema="genba")
    op.create_index(op.f("ix_quality_check_work_unit_id"), "quality_check", ["work_unit_id"], unique=False, schema="genba")
    # The two tables name each other.
    op.create_foreign_key(
        op.f("fk_line_constraint_unit_id"),
        "line",
        "work_unit",
        ["constraint_unit_id"],
        ["id"],
        source_schema="genba",
        referent_schema="genba",
    )
    op.execute("INSERT INTO genba.schema_compat (schema_revision, oldest_program, newest_program) VALUES ('0001', '0.1', '0.1')")
