"""Erasure jobs, identities that are refused after an erasure, and leases."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.users.schema.base import USER, instant, metadata
from services.users.schema.users import users

erasure_jobs = sa.Table(
    "erasure_jobs",
    metadata,
    sa.Column("id", sa.Uuid, nullable=False, comment="Random UUIDv4: whoever has it may follow the erasure"),
    sa.Column(
        "user_id", sa.Uuid, nullable=False, comment="The user who is erased; one job per user", info=USER
    ),
    sa.Column("mode", sa.Text, nullable=False, comment="ANONYMISE or TOMBSTONE: what happens to messages"),
    sa.Column("step", sa.Text, nullable=False, comment="The step that is next, or DONE"),
    sa.Column(
        "counts", JSONB, nullable=False, server_default="{}", comment="Erased rows per step, numbers only"
    ),
    sa.Column(
        "failures", sa.Integer, nullable=False, server_default="0", comment="Failures of the step in a row"
    ),
    sa.Column(
        "due_at", instant, nullable=False, server_default=sa.func.now(), comment="When the step may run"
    ),
    sa.Column(
        "created_at", instant, nullable=False, server_default=sa.func.now(), comment="When it was requested"
    ),
    sa.Column(
        "updated_at", instant, nullable=False, server_default=sa.func.now(), comment="Last change of the row"
    ),
    sa.Column("finished_at", instant, comment="When everything was erased; empty: not yet"),
    sa.PrimaryKeyConstraint("id", name="erasure_jobs_pkey"),
    sa.UniqueConstraint("user_id", name="erasure_jobs_user_id_key"),
    sa.ForeignKeyConstraint(["user_id"], [users.c.id], name="erasure_jobs_user_id_fkey"),
    sa.Index("erasure_jobs_due_at_idx", "due_at", postgresql_where=sa.text("finished_at IS NULL")),
    sa.CheckConstraint("mode IN ('ANONYMISE', 'TOMBSTONE')", name="erasure_jobs_mode_check"),
    sa.CheckConstraint("step ~ '^[A-Z][A-Z_]{0,31}$'", name="erasure_jobs_step_check"),
    sa.CheckConstraint("jsonb_typeof(counts) = 'object'", name="erasure_jobs_counts_check"),
    sa.CheckConstraint("failures >= 0", name="erasure_jobs_failures_check"),
    sa.CheckConstraint("(step = 'DONE') = (finished_at IS NOT NULL)", name="erasure_jobs_finished_check"),
    comment="Erasures of users, requested and done.",
)

refused_identities = sa.Table(
    "refused_identities",
    metadata,
    sa.Column(
        "identity_hash",
        sa.LargeBinary,
        nullable=False,
        comment="SHA-256 of a token's subject or of an e-mail address, each with a prefix of its own",
    ),
    sa.Column("until", instant, nullable=False, comment="Until when nobody may sign in with it"),
    sa.PrimaryKeyConstraint("identity_hash", name="refused_identities_pkey"),
    sa.Index("refused_identities_until_idx", "until"),
    sa.CheckConstraint("octet_length(identity_hash) = 32", name="refused_identities_identity_hash_check"),
    comment="Identities of erased users, for a day: a token that is still valid must not create the user again.",
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, nullable=False, comment="What only one process may do at a time"),
    sa.Column("holder", sa.Uuid, nullable=False, comment="Who does it; a new id each time it is taken"),
    sa.Column("until", instant, nullable=False, comment="When anybody may take it over unless it is renewed"),
    sa.PrimaryKeyConstraint("name", name="leases_pkey"),
    sa.CheckConstraint("octet_length(name) BETWEEN 1 AND 255", name="leases_name_check"),
    comment="Work that replicas share out; a row whose holder has died is taken over once it ends.",
)
