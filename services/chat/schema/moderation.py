"""Sanctions, reports, and the log of what moderators did."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.chat.schema.base import INSTANT, MESSAGE, REV_COMMENT, ROOM, USER, WRITTEN, metadata
from services.chat.schema.rooms import rooms

sanctions = sa.Table(
    "sanctions",
    metadata,
    sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service"),
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room in which it holds", info=ROOM),
    sa.Column("user_id", sa.Uuid, nullable=False, comment="Whom it holds for", info=USER),
    sa.Column("kind", sa.Text, nullable=False, comment="MUTE (may read) or BAN (may not come back)"),
    sa.Column(
        "reason", sa.Text, nullable=False, comment="The moderator's reason, 1 to 512 characters", info=WRITTEN
    ),
    sa.Column("issued_by", sa.Uuid, comment="Who issued it; empty once that user is erased", info=USER),
    sa.Column("starts_at", INSTANT, nullable=False, comment="Since when it holds, by the database's clock"),
    sa.Column(
        "expires_at", INSTANT, comment="Until when it holds, by the database's clock; empty for no end"
    ),
    sa.Column("ended_at", INSTANT, comment="When it was lifted or replaced; empty until then"),
    sa.Column("rev", sa.BigInteger, nullable=False, comment=REV_COMMENT),
    sa.PrimaryKeyConstraint("room_id", "id", name="sanctions_pkey"),
    sa.ForeignKeyConstraint(["room_id"], [rooms.c.id], name="sanctions_room_id_fkey"),
    sa.Index(
        "sanctions_room_id_user_id_kind_key",
        "room_id",
        "user_id",
        "kind",
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
    sa.Index("sanctions_room_id_rev_idx", "room_id", "rev"),
    sa.Index("sanctions_standing_idx", "room_id", "rev", postgresql_where=sa.text("ended_at IS NULL")),
    sa.Index("sanctions_user_id_idx", "user_id"),
    sa.Index("sanctions_issued_by_idx", "issued_by"),
    sa.CheckConstraint("kind IN ('MUTE', 'BAN')", name="sanctions_kind_check"),
    sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 512", name="sanctions_reason_check"),
    sa.CheckConstraint("expires_at > starts_at", name="sanctions_expires_at_check"),
    sa.CheckConstraint("rev >= 1", name="sanctions_rev_check"),
    comment="Mutes and bans in rooms. One is in force while not ended and not expired; nothing sweeps them.",
    info={"changed_by": "seda.chat.v1.ModerationService/UnmuteMember"},
)

reports = sa.Table(
    "reports",
    metadata,
    sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service"),
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room", info=ROOM),
    sa.Column("message_id", sa.Uuid, nullable=False, comment="The reported message", info=MESSAGE),
    sa.Column("reporter_id", sa.Uuid, comment="Who reported it; empty once that user is erased", info=USER),
    sa.Column(
        "reason",
        sa.Text,
        comment="The reporter's words, 1 to 512 characters; empty once they are erased",
        info=WRITTEN,
    ),
    sa.Column("state", sa.Text, nullable=False, server_default="OPEN", comment="OPEN, ACTED or DISMISSED"),
    sa.Column("created_at", INSTANT, nullable=False, comment="When it was made"),
    sa.Column("resolved_at", INSTANT, comment="When it was resolved; empty while open"),
    sa.Column(
        "resolved_by",
        sa.Uuid,
        comment="Who resolved it; empty while open and once they are erased",
        info=USER,
    ),
    sa.Column(
        "request_id",
        sa.Uuid,
        comment="The reporter's id of the ReportMessage call; empty when none was given",
    ),
    sa.Column(
        "created_rev",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        comment="The room's change that made it, which lists go by; below 1 for reports made before this column",
    ),
    sa.PrimaryKeyConstraint("room_id", "id", name="reports_pkey"),
    sa.ForeignKeyConstraint(["room_id"], [rooms.c.id], name="reports_room_id_fkey"),
    sa.Index(
        "reports_open_key",
        "room_id",
        "message_id",
        "reporter_id",
        unique=True,
        postgresql_where=sa.text("state = 'OPEN'::text"),
    ),
    sa.Index("reports_room_id_created_rev_idx", "room_id", "created_rev", "id"),
    sa.Index("reports_room_id_state_created_rev_idx", "room_id", "state", "created_rev", "id"),
    sa.Index("reports_reporter_id_idx", "reporter_id"),
    sa.Index(
        "reports_room_id_reporter_id_request_id_key",
        "room_id",
        "reporter_id",
        "request_id",
        unique=True,
        postgresql_where=sa.text("request_id IS NOT NULL"),
    ),
    sa.Index("reports_resolved_by_idx", "resolved_by"),
    sa.CheckConstraint("state IN ('OPEN', 'ACTED', 'DISMISSED')", name="reports_state_check"),
    sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 512", name="reports_reason_check"),
    sa.CheckConstraint(
        "(state = 'OPEN') = (resolved_at IS NULL) AND (resolved_at IS NOT NULL OR resolved_by IS NULL)",
        name="reports_resolution_check",
    ),
    comment="What members reported to the moderators of a room.",
    info={"changed_by": "seda.chat.v1.ModerationService/ResolveReport"},
)

moderation_logs = sa.Table(
    "moderation_logs",
    metadata,
    sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service"),
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room", info=ROOM),
    sa.Column("rev", sa.BigInteger, nullable=False, comment="The room's change that this was"),
    sa.Column("actor_id", sa.Uuid, nullable=False, comment="Who acted", info=USER),
    sa.Column(
        "actor_role", sa.Text, nullable=False, comment="Their role in the room, with as_admin on the platform"
    ),
    sa.Column("as_admin", sa.Boolean, nullable=False, comment="Whether by their role on the platform"),
    sa.Column("action", sa.Text, nullable=False, comment="What they did, such as BAN_MEMBER"),
    sa.Column("target_user_id", sa.Uuid, comment="The user it was done to; empty for none", info=USER),
    sa.Column(
        "target_message_id", sa.Uuid, comment="The message it was done to; empty for none", info=MESSAGE
    ),
    sa.Column(
        "reason",
        sa.Text,
        comment="Their reason, 1 to 512 characters; empty where none is asked",
        info=WRITTEN,
    ),
    sa.Column("before", JSONB, comment="Ids, roles, states and times before; never text or names"),
    sa.Column("after", JSONB, comment="The same after the act"),
    sa.Column("request_id", sa.Text, nullable=False, comment="The id of the call (x-request-id)"),
    sa.Column("created_at", INSTANT, nullable=False, comment="When it happened"),
    sa.Column(
        "idempotency_key",
        sa.Uuid,
        comment="The actor's request_id of a DeleteMessagesByAuthor call; empty when none was given",
    ),
    sa.Column(
        "delegate", sa.Text, comment="The service that acted for the actor; empty: they acted themselves"
    ),
    sa.PrimaryKeyConstraint("room_id", "id", name="moderation_logs_pkey"),
    sa.Index("moderation_logs_room_id_rev_idx", "room_id", "rev"),
    sa.Index("moderation_logs_target_idx", "room_id", "target_user_id", "rev"),
    sa.Index("moderation_logs_actor_id_idx", "actor_id"),
    sa.Index(
        "moderation_logs_idempotency_key_key",
        "room_id",
        "actor_id",
        "idempotency_key",
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    ),
    sa.Index(
        "moderation_logs_target_user_id_idx",
        "target_user_id",
        postgresql_where=sa.text("target_user_id IS NOT NULL"),
    ),
    sa.CheckConstraint(
        "actor_role IN ('OWNER', 'MODERATOR', 'MEMBER', 'ADMIN')", name="moderation_logs_actor_role_check"
    ),
    sa.CheckConstraint("action ~ '^[A-Z][A-Z_]{0,31}$'", name="moderation_logs_action_check"),
    sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 512", name="moderation_logs_reason_check"),
    sa.CheckConstraint("rev >= 1", name="moderation_logs_rev_check"),
    comment="Every act of moderation, written in its own transaction and never changed.",
)
