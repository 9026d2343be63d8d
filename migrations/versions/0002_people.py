"""People: what a station may do is judged by the database.

Revision 0002, after 0001. Tables of the guard stand in a schema of their own, ``genba_guard``, that no station may look into.
A program of release 0.1 writes past the guard and is refused there; the window therefore begins with 0.2.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_GUARD = """
CREATE TABLE genba_guard.declared (
    name text PRIMARY KEY, kind text NOT NULL, offline boolean NOT NULL, meaning text, tables text[] NOT NULL
);
COMMENT ON TABLE genba_guard.declared IS 'Operations of the newest program that upgraded this database';

CREATE TABLE genba_guard.role_permission (role text, permission text, PRIMARY KEY (role, permission));
COMMENT ON TABLE genba_guard.role_permission IS 'What the declared roles may do; exact names or wildcards on whole parts';

CREATE TABLE genba_guard.declaration (id smallint PRIMARY KEY CHECK (id = 1), fingerprint text NOT NULL);

CREATE TABLE genba_guard.watched (
    name text PRIMARY KEY, entity text NOT NULL, key text[] NOT NULL, masked text[] NOT NULL, has_line boolean NOT NULL,
    detail text NOT NULL CHECK (detail IN ('rows', 'sum', 'none'))
);
COMMENT ON TABLE genba_guard.watched IS 'Tables whose changes are refused outside of an operation, and how the audit row tells of them';

CREATE UNLOGGED TABLE genba_guard.open_work (
    xid xid8 PRIMARY KEY, kind text NOT NULL, operation text NOT NULL, tables text[], lines integer[], request_id uuid, request jsonb,
    user_id integer, user_code text NOT NULL, user_name text NOT NULL, session_id uuid, station text NOT NULL,
    decided_at timestamptz, detail jsonb NOT NULL, source text, epoch bigint
);
COMMENT ON TABLE genba_guard.open_work IS 'What the transactions of this moment are allowed to do; empty between two of them';

CREATE UNLOGGED TABLE genba_guard.change (
    xid xid8 NOT NULL, n bigint GENERATED ALWAYS AS IDENTITY, name text NOT NULL, key text NOT NULL, action text NOT NULL,
    before jsonb, after jsonb
);
CREATE INDEX ix_change_xid ON genba_guard.change (xid, n);

CREATE TABLE genba_guard.attempt (
    subject text PRIMARY KEY, failures integer NOT NULL DEFAULT 0, last_at timestamptz NOT NULL,
    next_at timestamptz, locked_until timestamptz
);
COMMENT ON TABLE genba_guard.attempt IS 'Wrong proofs in a row, by user code (known or not) and by station';

CREATE TABLE genba_guard.claim (
    id uuid PRIMARY KEY, station text NOT NULL, subject text NOT NULL, user_id integer, badge text NOT NULL, shown text NOT NULL,
    by_badge boolean NOT NULL, hashed bytea, decided boolean NOT NULL, outcome text NOT NULL, wait_s integer,
    locked_station boolean NOT NULL, xid xid8 NOT NULL, made_at timestamptz NOT NULL
);
CREATE INDEX ix_claim_station_made_at ON genba_guard.claim (station, made_at);
COMMENT ON TABLE genba_guard.claim IS 'Who somebody said he is, counted as a failure already; answered in a later transaction';

CREATE TABLE genba_guard.ticket (
    request_id uuid, purpose text CHECK (purpose IN ('signature', 'authorisation', 'self')), operation text NOT NULL, meaning text,
    user_id integer NOT NULL REFERENCES genba.app_user, session_id uuid NOT NULL, station text NOT NULL, proved_at timestamptz NOT NULL,
    used_at timestamptz, PRIMARY KEY (request_id, purpose)
);
COMMENT ON TABLE genba_guard.ticket IS 'A person has just proved himself for one request; good once and for two minutes';

CREATE TABLE genba_guard.offline_key (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id integer NOT NULL REFERENCES genba.app_user, station text NOT NULL,
    roles text[] NOT NULL, seal_inner bytea NOT NULL, seal_outer bytea NOT NULL, issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL, ended_at timestamptz, clock_ahead_s double precision NOT NULL DEFAULT 0,
    failures smallint NOT NULL DEFAULT 0
);
CREATE INDEX ix_offline_key_user_id_station ON genba_guard.offline_key (user_id, station);
COMMENT ON TABLE genba_guard.offline_key IS 'Under which a station seals what a person decides there while the database is away';

CREATE TABLE genba_guard.local_login (login text PRIMARY KEY);
COMMENT ON TABLE genba_guard.local_login IS 'Log-ins of an embedded server: whoever has its files may be any station of that computer'
"""


def upgrade() -> None:
    """Add tables and columns, move counted failures out of sight."""
    op.create_table(
        "security_policy",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, server_default="1", nullable=False),
        sa.Column("pin_digits", sa.SmallInteger(), server_default="6", nullable=False),
        sa.Column("secret_days", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("session_h", sa.SmallInteger(), server_default="12", nullable=False),
        sa.Column("user_tries", sa.SmallInteger(), server_default="5", nullable=False),
        sa.Column("station_tries", sa.SmallInteger(), server_default="20", nullable=False),
        sa.Column("lock_min", sa.SmallInteger(), server_default="15", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_security_policy_only_one")),
        sa.CheckConstraint("pin_digits BETWEEN 4 AND 12", name=op.f("ck_security_policy_pin_digits_range")),
        sa.CheckConstraint("secret_days BETWEEN 0 AND 3650", name=op.f("ck_security_policy_secret_days_range")),
        sa.CheckConstraint("session_h BETWEEN 1 AND 24", name=op.f("ck_security_policy_session_h_range")),
        sa.CheckConstraint("user_tries BETWEEN 3 AND 10", name=op.f("ck_security_policy_user_tries_range")),
        sa.CheckConstraint("station_tries BETWEEN 5 AND 100", name=op.f("ck_security_policy_station_tries_range")),
        sa.CheckConstraint("lock_min BETWEEN 1 AND 480", name=op.f("ck_security_policy_lock_min_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_policy")),
        schema="genba",
    )
    op.execute("INSERT INTO genba.security_policy (id) VALUES (1)")
    op.create_table(
        "role_rule",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("permission", sa.String(length=100), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=True),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("permission ~ '^[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*)+$'", name=op.f("ck_role_rule_permission_exact")),
        sa.ForeignKeyConstraint(["line_id"], ["genba.line.id"], name=op.f("fk_role_rule_line_id")),
        sa.ForeignKeyConstraint(["role_id"], ["genba.role.id"], name=op.f("fk_role_rule_role_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_rule")),
        sa.UniqueConstraint(
            "role_id",
            "permission",
            "line_id",
            name=op.f("uq_role_rule_role_id_permission_line_id"),
            postgresql_nulls_not_distinct=True,
        ),
        schema="genba",
    )
    op.create_index(op.f("ix_role_rule_line_id"), "role_rule", ["line_id"], unique=False, schema="genba")
    op.create_table(
        "badge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.String(length=10), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("blocked_reason", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("(blocked_at IS NULL) = (blocked_reason = '')", name=op.f("ck_badge_block_has_reason")),
        sa.ForeignKeyConstraint(["user_id"], ["genba.app_user.id"], name=op.f("fk_badge_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_badge")),
        sa.UniqueConstraint("digest", name=op.f("uq_badge_digest")),
        schema="genba",
    )
    op.create_index("ix_badge_user_id_given_at", "badge", ["user_id", "given_at"], unique=False, schema="genba")
    roles = sa.Column("roles", sa.dialects.postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False)
    op.add_column("session", roles, schema="genba")
    op.add_column("session", sa.Column("seal_inner", sa.LargeBinary(), nullable=True), schema="genba")
    op.add_column("session", sa.Column("seal_outer", sa.LargeBinary(), nullable=True), schema="genba")
    op.add_column("session", sa.Column("clock_ahead_s", sa.Double(), server_default="0", nullable=False), schema="genba")
    finite = "clock_ahead_s > '-Infinity' AND clock_ahead_s < 'Infinity'"
    op.create_check_constraint(op.f("ck_session_clock_ahead_s_is_number"), "session", finite, schema="genba")
    op.add_column("session", sa.Column("offline", sa.Boolean(), server_default=sa.text("false"), nullable=False), schema="genba")
    op.add_column("station", sa.Column("offline_h", sa.SmallInteger(), server_default="0", nullable=False), schema="genba")
    op.add_column("station", sa.Column("login", sa.String(length=63), nullable=True), schema="genba")
    op.add_column("station", sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True), schema="genba")
    op.create_unique_constraint(op.f("uq_station_login"), "station", ["login"], schema="genba")
    op.create_check_constraint(op.f("ck_station_offline_h_range"), "station", "offline_h BETWEEN 0 AND 168", schema="genba")
    op.add_column("audit_head", sa.Column("worked_seq", sa.BigInteger(), server_default="0", nullable=False), schema="genba")
    op.drop_table("sign_in_attempt", schema="genba")
    for statement in _GUARD.split(";\n"):
        op.execute(statement)
    op.execute("DROP FUNCTION IF EXISTS " + ", ".join(_REPLACED))
    op.execute("INSERT INTO genba.schema_compat (schema_revision, oldest_program, newest_program) VALUES ('0002', '0.2', '0.2')")


_REPLACED = (
    "genba.audit_append(text, uuid, text, text, text, text, uuid, timestamptz, jsonb, text, jsonb)",
    "genba.check_proof(text, bytea)",
    "genba.credential_params(text)",
    "genba.sign_in(uuid, text, text, bytea)",
    "genba.verify_proof(text, bytea)",
    "genba.session_of(text)",
    "genba.sign_out(text)",
    "genba.who_is(integer)",
    "genba.sign(uuid, uuid, text, text, text, timestamptz)",
    "genba.set_credential(uuid, text, bytea, bytea, integer, integer, integer, boolean)",
    "genba.audit_digest(bytea, text[])",
)
