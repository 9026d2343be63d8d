"""Lines and work orders at full depth: calendars and shifts, what people say of stops, calls for help, what ran when, handovers.

Revision 0006, after 0005. A program of release 0.2 that does not know them works as before: new columns have defaults, and what must
stand beside an order or a count is put there by functions of the database (``migrations/sql/runs.sql``, ``counts.sql``).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


_CHECKS = {
    "line": {
        "state_rule_known": "state_rule IN ('constraint', 'all_running', 'any_running', 'worst')",
        "minor_stop_loss_known": "minor_stop_loss IN ('performance', 'availability')",
        "count_mode_known": "count_mode IN ('machine', 'hand', 'readings')",
        "report_mode_known": "report_mode IN ('confirm', 'automatic')",
        "gap_rule_known": "gap_rule IN ('leader', 'bridge', 'counted')",
        "minor_stop_s_range": "minor_stop_s BETWEEN 1 AND 3600",
        "difference_limit_range": "difference_limit BETWEEN 0 AND 1",
        "difference_limit_is_number": "difference_limit <> 'NaN'",
        "gap_bridge_s_range": "gap_bridge_s BETWEEN 0 AND 3600",
        "oee_target_range": "oee_target > 0 AND oee_target <= 100",
        "oee_target_is_number": "oee_target <> 'NaN'",
    },
    "tag": {"role_known": "role IN ('process', 'state', 'good', 'reject', 'total', 'cycle', 'reason')"},
    "work_order": {
        "rework_not_negative": "rework >= 0",
        "rework_is_number": "rework <> 'NaN'",
        "queue_position_positive": "queue_position >= 1",
        "count_mode_known": "count_mode IN ('machine', 'hand', 'readings')",
    },
    "production_report": {
        "sign_fits_correction": "CASE WHEN corrects IS NULL THEN good >= 0 AND scrap >= 0 AND rework >= 0"
        " ELSE good <= 0 AND scrap <= 0 AND rework <= 0 END",
        "not_empty": "good <> 0 OR scrap <> 0 OR rework <> 0",
        "rework_is_number": "rework <> 'NaN'",
        "settled_good_is_number": "settled_good <> 'NaN'",
        "settled_reject_is_number": "settled_reject <> 'NaN'",
        "origin_known": "origin IN ('person', 'automatic')",
    },
    "count_event": {"kind_known": "kind IN ('good', 'reject', 'total')"},
}
_AGAIN = {"tag": ("role_known",), "production_report": ("sign_fits_correction", "not_empty"), "count_event": ("kind_known",)}
"""Checks that stood there before and are made anew."""

_LIST_RANK = (
    "CASE status WHEN 'IN_PROGRESS' THEN 0 WHEN 'PAUSED' THEN 1 WHEN 'HELD' THEN 2 WHEN 'RELEASED' THEN 3 WHEN 'PLANNED' THEN 4 ELSE 5 END"
)
_LIST_AT = "CASE WHEN status IN ('COMPLETED', 'CLOSED', 'CANCELLED') THEN coalesce(actual_end_at, scheduled_end_at) END"

_TOTALS = """
    UPDATE genba.count_event e SET running_total = s.total
    FROM (SELECT c.id, sum(c.quantity) OVER (PARTITION BY c.work_unit_id, c.kind ORDER BY c.occurred_at, c.seq, c.epoch) AS total
          FROM genba.count_event c) s
    WHERE s.id = e.id
"""
_RUNS = """
    INSERT INTO genba.order_run (id, order_id, line_id, product_id, status, from_at, to_at)
    SELECT gen_random_uuid(), o.id, o.line_id, o.product_id,
           CASE WHEN o.status IN ('PAUSED', 'HELD') AND o.actual_end_at IS NULL THEN o.status ELSE 'IN_PROGRESS' END,
           o.actual_start_at, CASE WHEN o.status NOT IN ('IN_PROGRESS', 'PAUSED', 'HELD') THEN o.actual_end_at END
    FROM genba.work_order o
    WHERE o.actual_start_at IS NOT NULL AND (o.actual_end_at IS NOT NULL OR o.status IN ('IN_PROGRESS', 'PAUSED', 'HELD'))
"""
"""What ran before is known only from its start to its end; a line on which two orders run at once is mended before the upgrade."""


def upgrade() -> None:
    """Add the tables and columns; what stations may do with them says ``migrations/sql/grants.sql``."""
    for make in (
        _crews,
        _calendars,
        _shifts,
        _exceptions,
        _call_rules,
        _handovers,
        _notes,
        _breaks,
        _calls,
        _readings,
        _runs,
        _stops,
        _stop_parts,
    ):
        make()
    _line_columns()
    _order_columns()
    _evidence_columns()
    for table, names in _AGAIN.items():
        for name in names:
            op.drop_constraint(op.f(f"ck_{table}_{name}"), table, schema="genba")
    for table, conditions in _CHECKS.items():
        for name, condition in conditions.items():
            op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition, schema="genba")
    op.execute(_TOTALS)
    op.execute(_RUNS)
    _report_index()
    _indexes()
    op.execute("INSERT INTO genba.schema_compat (schema_revision, oldest_program, newest_program) VALUES ('0006', '0.2', '0.2')")


def _crews() -> None:
    op.create_table(
        "crew",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("name ?& ARRAY['ja', 'en']", name=op.f("ck_crew_name_in_both_languages")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crew")),
        sa.UniqueConstraint("code", name=op.f("uq_crew_code")),
        schema="genba",
    )


def _calendars() -> None:
    op.create_table(
        "calendar",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("crews", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("name ?& ARRAY['ja', 'en']", name=op.f("ck_calendar_name_in_both_languages")),
        sa.ForeignKeyConstraint(["site_id"], ["genba.site.id"], name=op.f("fk_calendar_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar")),
        sa.UniqueConstraint("code", name=op.f("uq_calendar_code")),
        schema="genba",
    )
    op.create_index(op.f("ix_calendar_site_id"), "calendar", ["site_id"], unique=False, schema="genba")


def _shifts() -> None:
    op.create_table(
        "shift",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("calendar_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("weekdays", sa.SmallInteger(), nullable=False),
        sa.Column("starts", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("crew", sa.String(length=20), server_default="", nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("name ?& ARRAY['ja', 'en']", name=op.f("ck_shift_name_in_both_languages")),
        sa.CheckConstraint("weekdays BETWEEN 0 AND 127", name=op.f("ck_shift_weekdays_range")),
        sa.ForeignKeyConstraint(["calendar_id"], ["genba.calendar.id"], name=op.f("fk_shift_calendar_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift")),
        sa.UniqueConstraint("calendar_id", "code", name=op.f("uq_shift_calendar_id_code")),
        schema="genba",
    )
    op.create_index(op.f("ix_shift_calendar_id"), "shift", ["calendar_id"], unique=False, schema="genba")


def _exceptions() -> None:
    op.create_table(
        "calendar_exception",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("calendar_id", sa.Integer(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=15), nullable=False),
        sa.Column("production_date", sa.Date(), nullable=False),
        sa.Column("shift_code", sa.String(length=20), server_default="", nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason_code", sa.String(length=50), server_default="", nullable=False),
        sa.Column("crew", sa.String(length=20), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("origin", sa.String(length=10), server_default="screen", nullable=False),
        sa.Column("user_code", sa.String(length=50), nullable=False),
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "kind IN ('holiday', 'off', 'extra', 'overtime', 'planned_down', 'crew')", name=op.f("ck_calendar_exception_kind_known")
        ),
        sa.CheckConstraint("(starts_at IS NULL) = (ends_at IS NULL)", name=op.f("ck_calendar_exception_span_complete")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_calendar_exception_ends_after_start")),
        sa.ForeignKeyConstraint(["calendar_id"], ["genba.calendar.id"], name=op.f("fk_calendar_exception_calendar_id")),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_calendar_exception_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_exception")),
        schema="genba",
    )
    op.create_index(
        "ix_calendar_exception_calendar_id_production_date",
        "calendar_exception",
        ["calendar_id", "production_date"],
        unique=False,
        schema="genba",
    )
    op.create_index(op.f("ix_calendar_exception_line_id"), "calendar_exception", ["line_id"], unique=False, schema="genba")


def _call_rules() -> None:
    op.create_table(
        "call_rule",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=15), nullable=False),
        sa.Column("respond_min", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("kind IN ('material', 'maintenance', 'quality', 'leader')", name=op.f("ck_call_rule_kind_known")),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_call_rule_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_rule")),
        sa.UniqueConstraint("line_id", "kind", name=op.f("uq_call_rule_line_id_kind"), postgresql_nulls_not_distinct=True),
        schema="genba",
    )


def _handovers() -> None:
    op.create_table(
        "handover",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("production_date", sa.Date(), nullable=False),
        sa.Column("shift_code", sa.String(length=20), nullable=False),
        sa.Column("shift_started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shift_ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("snapshot", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("given_by", sa.String(length=50), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_by", sa.String(length=50), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("(taken_by IS NULL) = (taken_at IS NULL)", name=op.f("ck_handover_taken_complete")),
        sa.CheckConstraint("shift_ended_at > shift_started_at", name=op.f("ck_handover_shift_end_after_start")),
        sa.CheckConstraint("taken_by <> given_by", name=op.f("ck_handover_two_people")),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_handover_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
        sa.UniqueConstraint("line_id", "production_date", "shift_code", name=op.f("uq_handover_line_id_production_date_shift_code")),
        schema="genba",
    )


def _notes() -> None:
    op.create_table(
        "line_note",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("user_code", sa.String(length=50), nullable=False),
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("text <> ''", name=op.f("ck_line_note_not_empty")),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_line_note_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_note")),
        schema="genba",
    )
    op.create_index("ix_line_note_line_id_noted_at", "line_note", ["line_id", "noted_at"], unique=False, schema="genba")


def _breaks() -> None:
    op.create_table(
        "shift_break",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("shift_id", sa.Integer(), nullable=False),
        sa.Column("starts", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("reason_code", sa.String(length=50), server_default="D24", nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["shift_id"], ["genba.shift.id"], name=op.f("fk_shift_break_shift_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_break")),
        sa.UniqueConstraint("shift_id", "starts", name=op.f("uq_shift_break_shift_id_starts")),
        schema="genba",
    )


def _calls() -> None:
    op.create_table(
        "andon_call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("work_unit_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=15), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.String(length=50), nullable=False),
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("responded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("responded_by", sa.String(length=50), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.String(length=50), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=50), nullable=True),
        sa.Column("result", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("kind IN ('material', 'maintenance', 'quality', 'leader')", name=op.f("ck_andon_call_kind_known")),
        sa.CheckConstraint("(resolved_at IS NULL) = (resolved_by IS NULL)", name=op.f("ck_andon_call_resolved_complete")),
        sa.CheckConstraint("(responded_at IS NULL) = (responded_by IS NULL)", name=op.f("ck_andon_call_responded_complete")),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name=op.f("ck_andon_call_withdrawn_complete")),
        sa.CheckConstraint("resolved_at IS NULL OR withdrawn_at IS NULL", name=op.f("ck_andon_call_one_end")),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_andon_call_line_id")),
        sa.ForeignKeyConstraint(["work_unit_id"], ["genba.work_unit.id"], name=op.f("fk_andon_call_work_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_andon_call")),
        schema="genba",
    )
    op.create_index("ix_andon_call_line_id_opened_at", "andon_call", ["line_id", "opened_at"], unique=False, schema="genba")
    op.create_index(
        "uq_andon_call_open",
        "andon_call",
        ["line_id", "kind", "work_unit_id"],
        unique=True,
        schema="genba",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("resolved_at IS NULL AND withdrawn_at IS NULL"),
    )


def _readings() -> None:
    op.create_table(
        "order_reading",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("phase", sa.String(length=10), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_machine", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("user_code", sa.String(length=50), nullable=False),
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind IN ('good', 'reject', 'total')", name=op.f("ck_order_reading_kind_known")),
        sa.CheckConstraint("phase IN ('start', 'end')", name=op.f("ck_order_reading_phase_known")),
        sa.CheckConstraint("value >= 0", name=op.f("ck_order_reading_value_not_negative")),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_order_reading_line_id")),
        sa.ForeignKeyConstraint(["order_id"], ["genba.work_order.id"], name=op.f("fk_order_reading_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_reading")),
        sa.UniqueConstraint("order_id", "kind", "phase", "taken_at", name=op.f("uq_order_reading_order_id_kind_phase_taken_at")),
        schema="genba",
    )


def _runs() -> None:
    op.create_table(
        "order_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('IN_PROGRESS', 'PAUSED', 'HELD')", name=op.f("ck_order_run_status_known")),
        sa.CheckConstraint("to_at >= from_at", name=op.f("ck_order_run_end_not_before_start")),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_order_run_line_id")),
        sa.ForeignKeyConstraint(["order_id"], ["genba.work_order.id"], name=op.f("fk_order_run_order_id")),
        sa.ForeignKeyConstraint(["product_id"], ["genba.product.id"], name=op.f("fk_order_run_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_run")),
        schema="genba",
    )
    op.create_index(
        "ix_order_run_line_id_from_at",
        "order_run",
        ["line_id", "from_at"],
        unique=False,
        schema="genba",
        postgresql_include=["to_at", "order_id", "product_id", "status"],
    )
    op.create_index(op.f("ix_order_run_order_id"), "order_run", ["order_id"], unique=False, schema="genba")
    op.create_index(
        "uq_order_run_on_line",
        "order_run",
        ["line_id"],
        unique=True,
        schema="genba",
        postgresql_where=sa.text("to_at IS NULL AND status IN ('IN_PROGRESS', 'PAUSED')"),
    )
    op.create_index("uq_order_run_open", "order_run", ["order_id"], unique=True, schema="genba", postgresql_where=sa.text("to_at IS NULL"))


def _stops() -> None:
    op.create_table(
        "stop",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("work_unit_id", sa.Integer(), nullable=False),
        sa.Column("anchor_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("segment_id", sa.Uuid(), nullable=True),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("noticed_by", sa.String(length=50), nullable=True),
        sa.Column("responded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("responded_by", sa.String(length=50), nullable=True),
        sa.Column("repaired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("repaired_by", sa.String(length=50), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("(noticed_at IS NULL) = (noticed_by IS NULL)", name=op.f("ck_stop_noticed_complete")),
        sa.CheckConstraint("(repaired_at IS NULL) = (repaired_by IS NULL)", name=op.f("ck_stop_repaired_complete")),
        sa.CheckConstraint("(responded_at IS NULL) = (responded_by IS NULL)", name=op.f("ck_stop_responded_complete")),
        sa.CheckConstraint("merged_into <> id", name=op.f("ck_stop_not_into_itself")),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_stop_line_id")),
        sa.ForeignKeyConstraint(["merged_into"], ["genba.stop.id"], name=op.f("fk_stop_merged_into")),
        sa.ForeignKeyConstraint(["segment_id"], ["genba.state_segment.id"], name=op.f("fk_stop_segment_id")),
        sa.ForeignKeyConstraint(["work_unit_id"], ["genba.work_unit.id"], name=op.f("fk_stop_work_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stop")),
        sa.UniqueConstraint("segment_id", name=op.f("uq_stop_segment_id")),
        sa.UniqueConstraint("work_unit_id", "anchor_at", name=op.f("uq_stop_work_unit_id_anchor_at")),
        schema="genba",
    )
    op.create_index("ix_stop_line_id_anchor_at", "stop", ["line_id", "anchor_at"], unique=False, schema="genba")
    op.create_index(op.f("ix_stop_merged_into"), "stop", ["merged_into"], unique=False, schema="genba")


def _stop_parts() -> None:
    op.create_table(
        "stop_part",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("stop_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("work_unit_id", sa.Integer(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason_code", sa.String(length=50), server_default="", nullable=False),
        sa.Column("state", sa.String(length=20), nullable=True),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.Column("user_code", sa.String(length=50), nullable=False),
        sa.Column("station", sa.String(length=50), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('RUNNING', 'SETUP', 'MAINTENANCE', 'DOWN', 'MINOR_STOP', 'WAITING', 'IDLE', 'PLANNED_STOP', 'OFFLINE')",
            name=op.f("ck_stop_part_state_known"),
        ),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_stop_part_line_id")),
        sa.ForeignKeyConstraint(["stop_id"], ["genba.stop.id"], name=op.f("fk_stop_part_stop_id")),
        sa.ForeignKeyConstraint(["work_unit_id"], ["genba.work_unit.id"], name=op.f("fk_stop_part_work_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stop_part")),
        schema="genba",
    )
    op.create_index(op.f("ix_stop_part_stop_id"), "stop_part", ["stop_id"], unique=False, schema="genba")
    op.create_index(
        "ix_stop_part_time",
        "stop_part",
        ["work_unit_id", "from_at"],
        unique=False,
        schema="genba",
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.create_index(
        "uq_stop_part_from",
        "stop_part",
        ["stop_id", "from_at"],
        unique=True,
        schema="genba",
        postgresql_where=sa.text("retired_at IS NULL"),
    )


def _line_columns() -> None:
    op.add_column("line", sa.Column("calendar_id", sa.Integer(), nullable=True), schema="genba")
    op.add_column("line", sa.Column("state_rule", sa.String(length=20), server_default="constraint", nullable=False), schema="genba")
    op.add_column("line", sa.Column("minor_stop_s", sa.Integer(), server_default="300", nullable=False), schema="genba")
    op.add_column("line", sa.Column("minor_stop_loss", sa.String(length=12), server_default="performance", nullable=False), schema="genba")
    op.add_column("line", sa.Column("worked_breaks", sa.Boolean(), server_default=sa.text("true"), nullable=False), schema="genba")
    op.add_column("line", sa.Column("count_mode", sa.String(length=10), server_default="machine", nullable=False), schema="genba")
    op.add_column("line", sa.Column("report_mode", sa.String(length=10), server_default="confirm", nullable=False), schema="genba")
    op.add_column(
        "line", sa.Column("difference_limit", sa.Numeric(precision=18, scale=6), server_default="0.02", nullable=False), schema="genba"
    )
    op.add_column("line", sa.Column("gap_rule", sa.String(length=10), server_default="leader", nullable=False), schema="genba")
    op.add_column("line", sa.Column("gap_bridge_s", sa.Integer(), server_default="0", nullable=False), schema="genba")
    op.add_column("line", sa.Column("oee_target", sa.Numeric(precision=18, scale=6), server_default="85", nullable=False), schema="genba")
    op.add_column(
        "work_unit", sa.Column("state_rules", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False), schema="genba"
    )
    op.create_index(op.f("ix_line_calendar_id"), "line", ["calendar_id"], unique=False, schema="genba")
    op.create_foreign_key(
        "fk_line_calendar_id", "line", "calendar", ["calendar_id"], ["id"], source_schema="genba", referent_schema="genba"
    )


def _order_columns() -> None:
    op.add_column("work_order", sa.Column("rework", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False), schema="genba")
    op.add_column("work_order", sa.Column("queue_position", sa.Integer(), nullable=True), schema="genba")
    op.add_column("work_order", sa.Column("count_mode", sa.String(length=10), nullable=True), schema="genba")
    op.add_column(
        "work_order",
        sa.Column(
            "list_rank",
            sa.SmallInteger(),
            sa.Computed(
                _LIST_RANK,
                persisted=True,
            ),
            nullable=True,
        ),
        schema="genba",
    )
    op.add_column(
        "work_order",
        sa.Column(
            "list_at",
            sa.DateTime(timezone=True),
            sa.Computed(
                _LIST_AT,
                persisted=True,
            ),
            nullable=True,
        ),
        schema="genba",
    )
    op.add_column(
        "production_report", sa.Column("rework", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False), schema="genba"
    )
    op.add_column("production_report", sa.Column("origin", sa.String(length=10), server_default="person", nullable=False), schema="genba")
    op.add_column("production_report", sa.Column("difference_reason", sa.Text(), server_default="", nullable=False), schema="genba")
    for name in ("settled_good", "settled_reject"):
        column = sa.Column(name, sa.Numeric(precision=18, scale=6), server_default="0", nullable=False)
        op.add_column("production_report", column, schema="genba")


def _evidence_columns() -> None:
    op.add_column("count_event", sa.Column("gap_from_at", sa.DateTime(timezone=True), nullable=True), schema="genba")
    op.add_column("count_event", sa.Column("running_total", sa.BigInteger(), nullable=True), schema="genba")


def _report_index() -> None:
    op.create_index(
        "ix_production_report_settled",
        "production_report",
        ["order_id"],
        unique=False,
        schema="genba",
        postgresql_include=["settled_good", "settled_reject"],
        postgresql_where=sa.text("settled_good <> 0 OR settled_reject <> 0"),
    )


def _indexes() -> None:
    # New ones first: nobody looks for a moment without any.
    op.create_index(
        "ix_count_event_gap", "count_event", ["work_unit_id", "occurred_at"], unique=False, schema="genba", postgresql_where=sa.text("gap")
    )
    op.create_index(
        "ix_count_event_total",
        "count_event",
        ["work_unit_id", "kind", "occurred_at", "seq"],
        unique=False,
        schema="genba",
        postgresql_include=["running_total"],
    )
    op.create_index(
        "ix_state_segment_gap",
        "state_segment",
        ["work_unit_id", "started_at"],
        unique=False,
        schema="genba",
        postgresql_where=sa.text("state = 'OFFLINE'"),
    )
    op.create_index(
        "ix_state_segment_time",
        "state_segment",
        ["work_unit_id", "started_at"],
        unique=False,
        schema="genba",
        postgresql_include=["ended_at", "state", "reason_code"],
    )
    op.create_index(
        "ix_work_order_list",
        "work_order",
        ["list_rank", sa.text("list_at DESC NULLS LAST"), "queue_position", "priority", "scheduled_start_at", "number"],
        unique=False,
        schema="genba",
    )
    op.drop_index(op.f("ix_count_event_work_unit_id_occurred_at"), table_name="count_event", schema="genba")
    op.drop_index(op.f("ix_state_segment_work_unit_id_started_at"), table_name="state_segment", schema="genba")
