"""Add reactions, pins, revisions, reports, the moderation log, leases, member counts and what search needs."""

from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations import concurrently
from migrations.support import create_grants

revision = "20261122_1940"
down_revision = "20261122_1020"
# Older code would neither count members nor expect rooms without a creator.
compatible_from = "20261122_1940"
former_checksum = "d31fdfad16f61c3bb3e987dd32baec7ad571b11fba64c33b540796c1b391a649"

_INSTANT = sa.DateTime(timezone=True)
_REV_COMMENT = "The room's change that this row last took part in"
_PUBLIC = "NOT private AND archived_at IS NULL"


def upgrade() -> None:
    if not concurrently.exists("leases", schema="chat"):
        _create_tables()
        concurrently.commit()
    _extend_rooms()
    _extend_counters()
    _extend_memberships()
    _extend_messages()
    for table, column in (
        ("room_invitations", "invited_by"),
        ("sanctions", "user_id"),
        ("sanctions", "issued_by"),
    ):
        concurrently.create_index(f"{table}_{column}_idx", table, [column], schema="chat")
    concurrently.replace_index(
        "room_invitations_user_id_idx", "room_invitations", ["user_id"], schema="chat", outdated="WHERE"
    )


def _create_tables() -> None:
    _create_message_revisions()
    _create_reactions()
    _create_pins()
    _create_reports()
    _create_moderation_logs()
    _create_leases()
    create_grants(
        "chat",
        {
            "message_revisions": "SELECT, INSERT, UPDATE, DELETE",
            "reactions": "SELECT, INSERT, UPDATE, DELETE",
            "reaction_tallies": "SELECT, INSERT, UPDATE, DELETE",
            "pins": "SELECT, INSERT, UPDATE, DELETE",
            "reports": "SELECT, INSERT, UPDATE, DELETE",
            # What was done stays as it was written.
            "moderation_logs": "SELECT, INSERT",
            "leases": "SELECT, INSERT, UPDATE, DELETE",
        },
    )
    # Last, as nobody writes rooms from then on until the transaction ends.
    op.execute(
        "ALTER TABLE chat.reports ADD CONSTRAINT reports_room_id_fkey FOREIGN KEY (room_id) REFERENCES chat.rooms (id)"
    )


def _extend_rooms() -> None:
    if not concurrently.exists("rooms", "search_name", schema="chat"):
        op.alter_column(
            "rooms",
            "created_by",
            schema="chat",
            nullable=True,
            existing_type=sa.Uuid,
            comment="User who made the room; empty once that user is erased",
            existing_comment="User who made the room",
        )
        op.add_column(
            "rooms",
            sa.Column(
                "search_name",
                sa.Text(collation="C"),
                server_default="",
                nullable=False,
                comment="The name folded for search; '' until a worker has folded it",
            ),
            schema="chat",
        )
        concurrently.commit()
    _index_names()


def _index_names() -> None:
    trigrams = {"postgresql_using": "gin", "postgresql_ops": {"search_name": "extensions.gin_trgm_ops"}}
    words = sa.text("to_tsvector('simple'::regconfig, search_name)")
    for name, columns, condition, options in (
        ("public", ["search_name", "id"], _PUBLIC, {}),
        ("search_name", ["search_name"], _PUBLIC, trigrams),
        ("search_words", [words], _PUBLIC, {"postgresql_using": "gin"}),
        ("unfolded", ["id"], "search_name = ''::text", {}),
    ):
        concurrently.create_index(
            f"rooms_{name}_idx",
            "rooms",
            columns,
            schema="chat",
            postgresql_where=sa.text(condition),
            **options,
        )


def _extend_counters() -> None:
    if not concurrently.exists("room_counters", "member_count", schema="chat"):
        comment = "How many members it has"
        op.add_column(
            "room_counters",
            sa.Column("member_count", sa.Integer, server_default="0", nullable=False, comment=comment),
            schema="chat",
        )
        concurrently.commit()
    concurrently.add_check(
        "room_counters_member_count_check", "room_counters", "member_count >= 0", schema="chat"
    )
    concurrently.in_batches(_count_members, UUID(int=0))


def _count_members(connection: sa.Connection, after: UUID, size: int) -> UUID | None:
    # Under the rooms' locks nobody joins or leaves between the count and its entry.
    rooms = connection.scalars(
        sa.text(
            "SELECT room_id FROM chat.room_counters WHERE room_id > :after ORDER BY room_id LIMIT :size FOR UPDATE"
        ),
        {"after": after, "size": size},
    ).all()
    connection.execute(
        sa.text(
            """
            UPDATE chat.room_counters c SET member_count = n.members
              FROM (SELECT room_id, count(*) AS members FROM chat.room_memberships
                     WHERE left_at IS NULL AND room_id = ANY (CAST(:rooms AS uuid[])) GROUP BY room_id) n
             WHERE n.room_id = c.room_id
            """
        ),
        {"rooms": rooms},
    )
    return rooms[-1] if rooms else None


def _extend_memberships() -> None:
    if not concurrently.exists("room_memberships", "removal", schema="chat"):
        op.add_column(
            "room_memberships",
            sa.Column("removal", sa.Text, comment="LEFT, KICKED, BANNED or ERASED; empty while a member"),
            schema="chat",
        )
        concurrently.commit()
    concurrently.add_check(
        "room_memberships_removal_check",
        "room_memberships",
        "removal IS NULL OR (removal IN ('LEFT', 'KICKED', 'BANNED', 'ERASED') AND left_at IS NOT NULL)",
        schema="chat",
    )
    for name, columns, condition in (
        ("mine", ["user_id", "room_id"], "left_at IS NULL"),
        ("ended", ["user_id"], "left_at IS NOT NULL"),
        ("joined", ["room_id", "joined_at", "user_id"], "left_at IS NULL"),
    ):
        concurrently.create_index(
            f"room_memberships_{name}_idx",
            "room_memberships",
            columns,
            schema="chat",
            postgresql_where=sa.text(condition),
        )
    concurrently.drop_index("room_memberships_user_id_idx", schema="chat")


def _extend_messages() -> None:
    if not concurrently.exists("messages", "search_text", schema="chat"):
        op.add_column(
            "messages",
            sa.Column(
                "emptied_at", _INSTANT, comment="When what it said was removed for good; empty until then"
            ),
            schema="chat",
        )
        op.add_column(
            "messages",
            sa.Column(
                "search_text",
                sa.Text,
                comment="The text folded for search; empty without one and until it is folded",
            ),
            schema="chat",
        )
        concurrently.commit()
    concurrently.create_index(
        "messages_search_idx",
        "messages",
        [sa.text("to_tsvector('simple'::regconfig, search_text)")],
        schema="chat",
        postgresql_using="gin",
        postgresql_where=sa.text("search_text IS NOT NULL AND deleted_at IS NULL"),
    )
    concurrently.create_index(
        "messages_track_id_idx",
        "messages",
        ["track_id", "created_at"],
        schema="chat",
        postgresql_where=sa.text("track_id IS NOT NULL AND deleted_at IS NULL"),
    )
    concurrently.create_index(
        "messages_to_empty_idx",
        "messages",
        ["deleted_at"],
        schema="chat",
        postgresql_where=sa.text("deleted_at IS NOT NULL AND emptied_at IS NULL"),
    )
    concurrently.create_index(
        "messages_unfolded_idx",
        "messages",
        ["room_id", "seq"],
        schema="chat",
        postgresql_where=sa.text("text IS NOT NULL AND search_text IS NULL AND deleted_at IS NULL"),
    )


def _create_message_revisions() -> None:
    op.create_table(
        "message_revisions",
        sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
        sa.Column("message_id", sa.Uuid, nullable=False, comment="The message"),
        sa.Column("number", sa.Integer, nullable=False, comment="1 for what it said first, counting up"),
        sa.Column("text", sa.Text, comment="What it said until the edit; empty for none"),
        sa.Column("track_id", sa.Uuid, comment="The track it posted until the edit"),
        sa.Column("track", JSONB, comment="That track as it was sent"),
        sa.Column("replaced_at", _INSTANT, nullable=False, comment="When the edit replaced it"),
        sa.PrimaryKeyConstraint("room_id", "message_id", "number", name="message_revisions_pkey"),
        sa.CheckConstraint("number >= 1", name="message_revisions_number_check"),
        sa.CheckConstraint("char_length(text) BETWEEN 1 AND 4000", name="message_revisions_text_check"),
        sa.CheckConstraint(
            "(track_id IS NULL) = (track IS NULL) AND (track IS NULL OR jsonb_typeof(track) = 'object')",
            name="message_revisions_track_check",
        ),
        comment="What messages said before each of their edits; moderators see it until it is removed for good.",
        schema="chat",
    )


def _create_reactions() -> None:
    op.create_table(
        "reactions",
        sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
        sa.Column("message_id", sa.Uuid, nullable=False, comment="The message"),
        sa.Column("user_id", sa.Uuid, nullable=False, comment="Who gave it"),
        sa.Column("emoji", sa.Text, nullable=False, comment="One emoji or :name:, NFC, up to 64 bytes"),
        sa.Column("created_at", _INSTANT, nullable=False, comment="When it was given last"),
        sa.Column("removed_at", _INSTANT, comment="When it was taken back; empty while it stands"),
        sa.Column("rev", sa.BigInteger, nullable=False, comment=_REV_COMMENT),
        sa.PrimaryKeyConstraint("room_id", "message_id", "user_id", "emoji", name="reactions_pkey"),
        sa.CheckConstraint("octet_length(emoji) BETWEEN 1 AND 64", name="reactions_emoji_check"),
        sa.CheckConstraint("rev >= 1", name="reactions_rev_check"),
        comment="Who gave which message which emoji. One taken back stays as a row, so that watchers learn of it.",
        schema="chat",
    )
    op.create_index("reactions_room_id_rev_idx", "reactions", ["room_id", "rev"], schema="chat")
    op.create_index(
        "reactions_who_idx",
        "reactions",
        ["room_id", "message_id", "emoji", "rev"],
        schema="chat",
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index("reactions_user_id_idx", "reactions", ["user_id"], schema="chat")
    op.create_table(
        "reaction_tallies",
        sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
        sa.Column("message_id", sa.Uuid, nullable=False, comment="The message"),
        sa.Column("emoji", sa.Text, nullable=False, comment="The emoji"),
        sa.Column("count", sa.Integer, nullable=False, comment="How many users gave it"),
        sa.Column("first_at", _INSTANT, nullable=False, comment="When it was given first"),
        sa.PrimaryKeyConstraint("room_id", "message_id", "emoji", name="reaction_tallies_pkey"),
        sa.CheckConstraint("count >= 1", name="reaction_tallies_count_check"),
        comment="Sums of the reactions of each message, kept in the transaction that changes them.",
        schema="chat",
    )


def _create_pins() -> None:
    op.create_table(
        "pins",
        sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
        sa.Column("message_id", sa.Uuid, nullable=False, comment="The pinned message"),
        sa.Column("pinned_by", sa.Uuid, comment="Who pinned it last; empty once that user is erased"),
        sa.Column("pinned_at", _INSTANT, nullable=False, comment="When it was pinned last"),
        sa.Column("removed_at", _INSTANT, comment="When it was unpinned; empty while it is pinned"),
        sa.Column("rev", sa.BigInteger, nullable=False, comment=_REV_COMMENT),
        sa.PrimaryKeyConstraint("room_id", "message_id", name="pins_pkey"),
        sa.CheckConstraint("rev >= 1", name="pins_rev_check"),
        comment="Pinned messages. One that was unpinned stays as a row, so that watchers learn of it.",
        schema="chat",
    )
    op.create_index("pins_room_id_rev_idx", "pins", ["room_id", "rev"], schema="chat")
    op.create_index("pins_pinned_by_idx", "pins", ["pinned_by"], schema="chat")


def _create_reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service"),
        sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
        sa.Column("message_id", sa.Uuid, nullable=False, comment="The reported message"),
        sa.Column("reporter_id", sa.Uuid, comment="Who reported it; empty once that user is erased"),
        sa.Column(
            "reason", sa.Text, comment="The reporter's words, 1 to 512 characters; empty once they are erased"
        ),
        sa.Column(
            "state", sa.Text, nullable=False, server_default="OPEN", comment="OPEN, ACTED or DISMISSED"
        ),
        sa.Column("created_at", _INSTANT, nullable=False, comment="When it was made"),
        sa.Column("resolved_at", _INSTANT, comment="When it was resolved; empty while open"),
        sa.Column(
            "resolved_by", sa.Uuid, comment="Who resolved it; empty while open and once they are erased"
        ),
        sa.PrimaryKeyConstraint("id", name="reports_pkey"),
        sa.CheckConstraint("state IN ('OPEN', 'ACTED', 'DISMISSED')", name="reports_state_check"),
        sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 512", name="reports_reason_check"),
        sa.CheckConstraint(
            "(state = 'OPEN') = (resolved_at IS NULL) AND (resolved_at IS NOT NULL OR resolved_by IS NULL)",
            name="reports_resolution_check",
        ),
        comment="What members reported to the moderators of a room.",
        schema="chat",
    )
    op.create_index(
        "reports_open_key",
        "reports",
        ["room_id", "message_id", "reporter_id"],
        schema="chat",
        unique=True,
        postgresql_where=sa.text("state = 'OPEN'::text"),
    )
    op.create_index(
        "reports_room_id_created_at_idx", "reports", ["room_id", "created_at", "id"], schema="chat"
    )
    op.create_index("reports_reporter_id_idx", "reports", ["reporter_id"], schema="chat")
    op.create_index("reports_resolved_by_idx", "reports", ["resolved_by"], schema="chat")


def _create_moderation_logs() -> None:
    op.create_table(
        "moderation_logs",
        sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service"),
        sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
        sa.Column("rev", sa.BigInteger, nullable=False, comment="The room's change that this was"),
        sa.Column("actor_id", sa.Uuid, nullable=False, comment="Who acted"),
        sa.Column(
            "actor_role",
            sa.Text,
            nullable=False,
            comment="Their role in the room, with as_admin on the platform",
        ),
        sa.Column("as_admin", sa.Boolean, nullable=False, comment="Whether by their role on the platform"),
        sa.Column("action", sa.Text, nullable=False, comment="What they did, such as BAN_MEMBER"),
        sa.Column("target_user_id", sa.Uuid, comment="The user it was done to; empty for none"),
        sa.Column("target_message_id", sa.Uuid, comment="The message it was done to; empty for none"),
        sa.Column("reason", sa.Text, comment="Their reason, 1 to 512 characters; empty where none is asked"),
        sa.Column("before", JSONB, comment="Ids, roles, states and times before; never text or names"),
        sa.Column("after", JSONB, comment="The same after the act"),
        sa.Column("request_id", sa.Text, nullable=False, comment="The request id of the call"),
        sa.Column("created_at", _INSTANT, nullable=False, comment="When it happened"),
        sa.PrimaryKeyConstraint("id", name="moderation_logs_pkey"),
        sa.CheckConstraint(
            "actor_role IN ('OWNER', 'MODERATOR', 'MEMBER', 'ADMIN')", name="moderation_logs_actor_role_check"
        ),
        sa.CheckConstraint("action ~ '^[A-Z][A-Z_]{0,31}$'", name="moderation_logs_action_check"),
        sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 512", name="moderation_logs_reason_check"),
        sa.CheckConstraint("rev >= 1", name="moderation_logs_rev_check"),
        comment="Every act of moderation, written in its own transaction and never changed.",
        schema="chat",
    )
    op.create_index("moderation_logs_room_id_rev_idx", "moderation_logs", ["room_id", "rev"], schema="chat")
    op.create_index(
        "moderation_logs_target_idx", "moderation_logs", ["room_id", "target_user_id", "rev"], schema="chat"
    )
    op.create_index("moderation_logs_actor_id_idx", "moderation_logs", ["actor_id"], schema="chat")


def _create_leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, nullable=False, comment="What one process at a time may do"),
        sa.Column("holder", sa.Uuid, nullable=False, comment="The process that holds it"),
        sa.Column("until", _INSTANT, nullable=False, comment="When it ends, by the database's clock"),
        sa.PrimaryKeyConstraint("name", name="leases_pkey"),
        comment="Who runs the work that only one process at a time does.",
        schema="chat",
    )
