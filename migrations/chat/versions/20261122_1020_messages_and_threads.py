"""Create messages with their threads and mentions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from migrations.support import create_grants

revision = "20261122_1020"
down_revision = "20261122_1015"
compatible_from = "20261122_1015"

_INSTANT = sa.DateTime(timezone=True)
_REV_COMMENT = "The room's change that this row last took part in"


def upgrade() -> None:
    _create_messages()
    _create_threads()
    _create_mentions()
    create_grants(
        "chat",
        {
            # A deleted message stays as a stub: without its row the room's numbers would have a gap.
            "messages": "SELECT, INSERT, UPDATE",
            "threads": "SELECT, INSERT, UPDATE, DELETE",
            "mentions": "SELECT, INSERT, UPDATE, DELETE",
        },
    )


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
        sa.Column(
            "seq",
            sa.BigInteger,
            nullable=False,
            comment="Place in the room's history: 1, 2, 3... without a gap",
        ),
        sa.Column(
            "id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service; never used for ordering"
        ),
        sa.Column("user_id", sa.Uuid, comment="The author; empty once erased"),
        sa.Column("type", sa.Text, nullable=False, comment="TEXT, TRACK (with or without text) or SYSTEM"),
        sa.Column(
            "text",
            sa.Text,
            comment="1 to 4000 characters, NFC; empty for some tracks, system messages and stubs",
        ),
        sa.Column("track_id", sa.Uuid, comment="The track in slice tracks"),
        sa.Column(
            "track",
            JSONB,
            comment="As it was sent: provider, provider_id, url, title, artist, artwork_url, duration_seconds",
        ),
        sa.Column("system_event", sa.Text, comment="What a SYSTEM message tells, such as JOINED"),
        sa.Column("root_id", sa.Uuid, comment="The message that started the thread; empty for roots"),
        sa.Column("root_seq", sa.BigInteger, comment="seq of the root; empty for roots"),
        sa.Column("reply_to_id", sa.Uuid, comment="The reply that this one answers, when it answers a reply"),
        sa.Column(
            "mention_user_ids",
            ARRAY(sa.Uuid),
            comment="Who is mentioned; also a row each in mentions; empty for nobody",
        ),
        sa.Column(
            "request_id",
            sa.Uuid,
            comment="The author's id of the SendMessage call; empty when none was given",
        ),
        sa.Column("payload_hash", sa.LargeBinary, comment="SHA-256 of what that call asked for"),
        sa.Column(
            "created_at",
            _INSTANT,
            nullable=False,
            comment="clock_timestamp() under the room's lock, for display",
        ),
        sa.Column("edited_at", _INSTANT, comment="Last edit; empty when never edited"),
        sa.Column("deleted_at", _INSTANT, comment="When it was deleted; empty while live"),
        sa.Column(
            "deleted_by", sa.Uuid, comment="Who deleted it; empty while live and once that user is erased"
        ),
        sa.Column(
            "deletion_type", sa.Text, comment="AUTHOR, MODERATOR, ADMIN or ACCOUNT_ERASED; empty while live"
        ),
        sa.Column("rev", sa.BigInteger, nullable=False, comment=_REV_COMMENT),
        sa.CheckConstraint(
            "(track_id IS NULL) = (track IS NULL) AND (track IS NULL OR jsonb_typeof(track) = 'object')",
            name="messages_track_check",
        ),
        sa.CheckConstraint(
            """CASE type
                 WHEN 'TEXT' THEN track_id IS NULL AND system_event IS NULL
                   AND (text IS NOT NULL OR deleted_at IS NOT NULL)
                 WHEN 'TRACK' THEN system_event IS NULL AND (track_id IS NOT NULL OR deleted_at IS NOT NULL)
                 ELSE text IS NULL AND track_id IS NULL AND system_event IS NOT NULL
               END""",
            name="messages_content_check",
        ),
        sa.CheckConstraint(
            "deletion_type IN ('AUTHOR', 'MODERATOR', 'ADMIN', 'ACCOUNT_ERASED')",
            name="messages_deletion_type_check",
        ),
        sa.CheckConstraint("system_event ~ '^[A-Z][A-Z_]{0,31}$'", name="messages_system_event_check"),
        sa.CheckConstraint("type IN ('TEXT', 'TRACK', 'SYSTEM')", name="messages_type_check"),
        sa.CheckConstraint(
            "(deleted_at IS NULL) = (deletion_type IS NULL) AND (deleted_at IS NOT NULL OR deleted_by IS NULL)",
            name="messages_deletion_check",
        ),
        sa.CheckConstraint(
            "(request_id IS NULL) = (payload_hash IS NULL) AND octet_length(payload_hash) = 32",
            name="messages_request_check",
        ),
        sa.CheckConstraint(
            "(root_id IS NULL) = (root_seq IS NULL) AND (root_id IS NOT NULL OR reply_to_id IS NULL)"
            " AND (root_id IS NULL OR (root_id <> id AND root_seq >= 1 AND root_seq < seq))",
            name="messages_thread_check",
        ),
        sa.CheckConstraint("char_length(text) BETWEEN 1 AND 4000", name="messages_text_check"),
        sa.CheckConstraint("seq >= 1 AND rev >= seq", name="messages_order_check"),
        sa.PrimaryKeyConstraint("room_id", "seq", name="messages_pkey"),
        sa.UniqueConstraint("room_id", "id", name="messages_room_id_id_key"),
        schema="chat",
        comment="All messages of all rooms, roots and replies, and the stubs of deleted ones.",
    )
    op.create_index(
        "messages_replies_idx",
        "messages",
        ["room_id", "root_seq", "seq"],
        schema="chat",
        postgresql_where=sa.text("root_id IS NOT NULL"),
    )
    op.create_index("messages_room_id_rev_idx", "messages", ["room_id", "rev"], schema="chat")
    op.create_index(
        "messages_room_id_user_id_request_id_key",
        "messages",
        ["room_id", "user_id", "request_id"],
        unique=True,
        schema="chat",
        postgresql_where=sa.text("request_id IS NOT NULL"),
    )
    op.create_index(
        "messages_roots_idx",
        "messages",
        ["room_id", "seq"],
        schema="chat",
        postgresql_where=sa.text("root_id IS NULL AND deleted_at IS NULL"),
    )
    op.create_index("messages_user_id_idx", "messages", ["user_id"], schema="chat")


def _create_threads() -> None:
    op.create_table(
        "threads",
        sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
        sa.Column("root_id", sa.Uuid, nullable=False, comment="The message that started the thread"),
        sa.Column("reply_count", sa.Integer, nullable=False, comment="Live replies"),
        sa.Column(
            "last_reply_seq", sa.BigInteger, comment="seq of the newest live reply; empty when there is none"
        ),
        sa.Column("last_reply_at", _INSTANT, comment="created_at of that reply"),
        sa.CheckConstraint(
            "reply_count >= 0 AND (reply_count = 0) = (last_reply_seq IS NULL)"
            " AND (last_reply_seq IS NULL) = (last_reply_at IS NULL)",
            name="threads_reply_count_check",
        ),
        sa.PrimaryKeyConstraint("room_id", "root_id", name="threads_pkey"),
        schema="chat",
        comment="Sums of each thread, kept in the transaction that changes it.",
    )


def _create_mentions() -> None:
    op.create_table(
        "mentions",
        sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
        sa.Column("message_id", sa.Uuid, nullable=False, comment="The message that mentions"),
        sa.Column("user_id", sa.Uuid, nullable=False, comment="Who is mentioned"),
        sa.Column("message_seq", sa.BigInteger, nullable=False, comment="seq of the message"),
        sa.CheckConstraint("message_seq >= 1", name="mentions_message_seq_check"),
        sa.PrimaryKeyConstraint("room_id", "message_id", "user_id", name="mentions_pkey"),
        schema="chat",
        comment="Who is mentioned in which message.",
    )
    op.create_index(
        "mentions_user_id_room_id_message_seq_idx",
        "mentions",
        ["user_id", "room_id", "message_seq"],
        schema="chat",
    )
