"""The audit log of administrative actions."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.users.schema.base import USER, WRITTEN, instant, metadata

admin_actions = sa.Table(
    "admin_actions",
    metadata,
    sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by whoever wrote the entry"),
    sa.Column(
        "actor_kind",
        sa.Text,
        nullable=False,
        comment="USER, SYSTEM (a worker) or OPERATOR (the seda command)",
    ),
    sa.Column(
        "actor_id", sa.Uuid, comment="The administrator; set exactly when actor_kind is USER", info=USER
    ),
    sa.Column("action", sa.Text, nullable=False, comment="What was done, such as SET_ROLE"),
    sa.Column("target_id", sa.Uuid, nullable=False, comment="The row that was acted on"),
    sa.Column(
        "before",
        JSONB,
        nullable=False,
        comment="State before: ids, roles, states and times, no text or names",
    ),
    sa.Column("after", JSONB, nullable=False, comment="State after, in the same keys"),
    sa.Column(
        "reason", sa.Text, nullable=False, comment="The actor's reason, 1 to 512 characters", info=WRITTEN
    ),
    sa.Column("request_id", sa.Text, nullable=False, comment="Request id of the call or run that did it"),
    sa.Column(
        "created_at",
        instant,
        nullable=False,
        server_default=sa.func.now(),
        comment="Transaction time of the act",
    ),
    sa.Column(
        "delegate", sa.Text, comment="The service that acted for the actor; empty: they acted themselves"
    ),
    sa.PrimaryKeyConstraint("id", name="admin_actions_pkey"),
    sa.CheckConstraint("actor_kind IN ('USER', 'SYSTEM', 'OPERATOR')", name="admin_actions_actor_kind_check"),
    sa.CheckConstraint("(actor_kind = 'USER') = (actor_id IS NOT NULL)", name="admin_actions_actor_check"),
    sa.CheckConstraint("action ~ '^[A-Z][A-Z_]{0,63}$'", name="admin_actions_action_check"),
    sa.CheckConstraint(
        "jsonb_typeof(before) = 'object' AND jsonb_typeof(after) = 'object'",
        name="admin_actions_states_check",
    ),
    sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 512", name="admin_actions_reason_check"),
    sa.CheckConstraint("char_length(request_id) BETWEEN 1 AND 128", name="admin_actions_request_id_check"),
    sa.Index("admin_actions_created_at_id_idx", "created_at", "id"),
    sa.Index("admin_actions_actor_id_created_at_id_idx", "actor_id", "created_at", "id"),
    sa.Index("admin_actions_target_id_created_at_id_idx", "target_id", "created_at", "id"),
    sa.Index("admin_actions_action_created_at_id_idx", "action", "created_at", "id"),
    # target_id has no foreign key: an entry must outlive whatever happens to the row it speaks of.
    comment="What administrators did. The service may insert and read entries, never change or delete them.",
)
