"""Create erasure jobs, refused identities and leases."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.support import create_grants

revision = "20261129_2020"
down_revision = "20261129_2010"
compatible_from = "20261122_1015"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_erasure_jobs()
    _create_refused_identities()
    _create_leases()
    create_grants(
        "users",
        {
            "erasure_jobs": "SELECT, INSERT, UPDATE",
            "refused_identities": "SELECT, INSERT, UPDATE, DELETE",
            "leases": "SELECT, INSERT, UPDATE, DELETE",
        },
    )


def _create_erasure_jobs() -> None:
    op.create_table(
        "erasure_jobs",
        sa.Column(
            "id", sa.Uuid, nullable=False, comment="Random UUIDv4: whoever has it may follow the erasure"
        ),
        sa.Column("user_id", sa.Uuid, nullable=False, comment="The user who is erased; one job per user"),
        sa.Column(
            "mode", sa.Text, nullable=False, comment="ANONYMISE or TOMBSTONE: what happens to messages"
        ),
        sa.Column("step", sa.Text, nullable=False, comment="The step that is next, or DONE"),
        sa.Column(
            "counts", JSONB, nullable=False, server_default="{}", comment="Erased rows per step, numbers only"
        ),
        sa.Column(
            "failures",
            sa.Integer,
            nullable=False,
            server_default="0",
            comment="Failures of the step in a row",
        ),
        sa.Column(
            "due_at", _INSTANT, nullable=False, server_default=sa.func.now(), comment="When the step may run"
        ),
        sa.Column(
            "created_at",
            _INSTANT,
            nullable=False,
            server_default=sa.func.now(),
            comment="When it was requested",
        ),
        sa.Column(
            "updated_at",
            _INSTANT,
            nullable=False,
            server_default=sa.func.now(),
            comment="Last change of the row",
        ),
        sa.Column("finished_at", _INSTANT, comment="When everything was erased; empty: not yet"),
        sa.PrimaryKeyConstraint("id", name="erasure_jobs_pkey"),
        sa.UniqueConstraint("user_id", name="erasure_jobs_user_id_key"),
        sa.ForeignKeyConstraint(["user_id"], ["users.users.id"], name="erasure_jobs_user_id_fkey"),
        sa.Index("erasure_jobs_due_at_idx", "due_at", postgresql_where=sa.text("finished_at IS NULL")),
        sa.CheckConstraint("mode IN ('ANONYMISE', 'TOMBSTONE')", name="erasure_jobs_mode_check"),
        sa.CheckConstraint("step ~ '^[A-Z][A-Z_]{0,31}$'", name="erasure_jobs_step_check"),
        sa.CheckConstraint("jsonb_typeof(counts) = 'object'", name="erasure_jobs_counts_check"),
        sa.CheckConstraint("failures >= 0", name="erasure_jobs_failures_check"),
        sa.CheckConstraint("(step = 'DONE') = (finished_at IS NOT NULL)", name="erasure_jobs_finished_check"),
        schema="users",
        comment="Erasures of users, requested and done.",
    )


def _create_refused_identities() -> None:
    op.create_table(
        "refused_identities",
        sa.Column(
            "identity_hash",
            sa.LargeBinary,
            nullable=False,
            comment="SHA-256 of a token's subject or of an e-mail address, each with a prefix of its own",
        ),
        sa.Column("until", _INSTANT, nullable=False, comment="Until when nobody may sign in with it"),
        sa.PrimaryKeyConstraint("identity_hash", name="refused_identities_pkey"),
        sa.Index("refused_identities_until_idx", "until"),
        sa.CheckConstraint("octet_length(identity_hash) = 32", name="refused_identities_identity_hash_check"),
        schema="users",
        comment="Identities of erased users, for a day: a token that is still valid must not create the user again.",
    )


def _create_leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, nullable=False, comment="What only one process may do at a time"),
        sa.Column("holder", sa.Uuid, nullable=False, comment="Who does it; a new id each time it is taken"),
        sa.Column(
            "until", _INSTANT, nullable=False, comment="When anybody may take it over unless it is renewed"
        ),
        sa.PrimaryKeyConstraint("name", name="leases_pkey"),
        sa.CheckConstraint("octet_length(name) BETWEEN 1 AND 255", name="leases_name_check"),
        schema="users",
        comment="Work that replicas share out; a row whose holder has died is taken over once it ends.",
    )
