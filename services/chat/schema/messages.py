"""Messages, threads and mentions."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.chat.schema.base import INSTANT, MESSAGE, REV_COMMENT, ROOM, TRACK, USER, WRITTEN, metadata

# The bucket of each size in domain/message_search.py that a message is in.
_SECOND = "floor(date_part('epoch'::text, (created_at AT TIME ZONE 'UTC'::text)))::bigint"
_TIME_BUCKETS = (
    f"(ARRAY[(0 + ({_SECOND} >> 4))::integer, (268435456 + ({_SECOND} >> 10))::integer,"
    f" (536870912 + ({_SECOND} >> 16))::integer, (805306368 + ({_SECOND} >> 22))::integer,"
    f" (1073741824 + ({_SECOND} >> 28))::integer])"
)
# The room, the private room or all public ones, the author and the track.
_SEARCH_KEYS = "(ARRAY[room_id, COALESCE(private_room_id, '00000000-0000-0000-0000-000000000000'::uuid), user_id, track_id])"

# No foreign key leads from messages to rooms. Its check would take a shared lock on the room's row at every
# insert, which is a write to that row. The sender holds the room's row of room_counters, which has the key, so
# the room is known to exist. root_id, threads and mentions have none either: that lock guards them all.
messages = sa.Table(
    "messages",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room", info=ROOM),
    sa.Column(
        "seq", sa.BigInteger, nullable=False, comment="Place in the room's history: 1, 2, 3... without a gap"
    ),
    sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service; never used for ordering"),
    sa.Column("user_id", sa.Uuid, comment="The author; empty once erased", info=USER),
    sa.Column("type", sa.Text, nullable=False, comment="TEXT, TRACK (with or without text) or SYSTEM"),
    sa.Column(
        "text",
        sa.Text,
        comment="1 to 4000 characters, NFC; empty for some tracks, system messages and stubs",
        info=WRITTEN,
    ),
    sa.Column("track_id", sa.Uuid, comment="The track in slice tracks", info=TRACK),
    sa.Column(
        "track",
        JSONB,
        comment="As it was sent: provider, provider_id, url, title, artist, artwork_url, duration_seconds",
    ),
    sa.Column("system_event", sa.Text, comment="What a SYSTEM message tells, such as JOINED"),
    sa.Column(
        "root_id", sa.Uuid, comment="The message that started the thread; empty for roots", info=MESSAGE
    ),
    sa.Column("root_seq", sa.BigInteger, comment="seq of the root; empty for roots"),
    sa.Column(
        "reply_to_id",
        sa.Uuid,
        comment="The reply that this one answers, when it answers a reply",
        info=MESSAGE,
    ),
    sa.Column(
        "mention_user_ids",
        ARRAY(sa.Uuid),
        comment="Who is mentioned; also a row each in mentions; empty for nobody",
        info=USER,
    ),
    sa.Column(
        "request_id", sa.Uuid, comment="The author's id of the SendMessage call; empty when none was given"
    ),
    sa.Column("payload_hash", sa.LargeBinary, comment="SHA-256 of what that call asked for"),
    sa.Column(
        "created_at",
        INSTANT,
        nullable=False,
        comment="statement_timestamp() of the write under the room's lock, for display",
    ),
    sa.Column("edited_at", INSTANT, comment="Last edit; empty when never edited"),
    sa.Column("deleted_at", INSTANT, comment="When it was deleted; empty while live"),
    sa.Column(
        "deleted_by",
        sa.Uuid,
        comment="Who deleted it; empty while live and once that user is erased",
        info=USER,
    ),
    sa.Column(
        "deletion_type", sa.Text, comment="AUTHOR, MODERATOR, ADMIN or ACCOUNT_ERASED; empty while live"
    ),
    sa.Column("rev", sa.BigInteger, nullable=False, comment=REV_COMMENT),
    sa.Column("emptied_at", INSTANT, comment="When what it said was removed for good; empty until then"),
    sa.Column(
        "search_text",
        sa.Text,
        comment="The folded words of the text, for search; empty without a text and until it is folded",
        info=WRITTEN,
    ),
    sa.Column(
        "private_room_id",
        sa.Uuid,
        comment="The room if it is private, which search does not read for others; empty for a public room",
        info=ROOM,
    ),
    sa.PrimaryKeyConstraint("room_id", "seq", name="messages_pkey"),
    sa.UniqueConstraint("room_id", "id", name="messages_room_id_id_key"),
    sa.Index(
        "messages_room_id_user_id_request_id_key",
        "room_id",
        "user_id",
        "request_id",
        unique=True,
        postgresql_where=sa.text("request_id IS NOT NULL"),
    ),
    sa.Index("messages_room_id_rev_idx", "room_id", "rev"),
    # An author's messages, room by room: to delete many, to hand them out, to erase them. Each stands in one of the
    # two, as roots and replies do below: what is deleted is in nobody's way, and a send pays for one.
    sa.Index(
        "messages_author_idx",
        "user_id",
        "room_id",
        "created_at",
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
    sa.Index(
        "messages_deleted_author_idx",
        "user_id",
        "room_id",
        "created_at",
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    ),
    sa.Index(
        "messages_deleted_by_idx",
        "deleted_by",
        "room_id",
        postgresql_where=sa.text("deleted_by IS NOT NULL"),
    ),
    sa.Index(
        "messages_roots_idx",
        "room_id",
        "seq",
        postgresql_where=sa.text("root_id IS NULL AND deleted_at IS NULL"),
    ),
    sa.Index(
        "messages_deleted_roots_idx",
        "room_id",
        "seq",
        postgresql_where=sa.text("root_id IS NULL AND deleted_at IS NOT NULL"),
    ),
    sa.Index(
        "messages_replies_idx",
        "room_id",
        "root_seq",
        "seq",
        postgresql_where=sa.text("root_id IS NOT NULL AND deleted_at IS NULL"),
    ),
    sa.Index(
        "messages_deleted_replies_idx",
        "room_id",
        "root_seq",
        "seq",
        postgresql_where=sa.text("root_id IS NOT NULL AND deleted_at IS NOT NULL"),
    ),
    sa.Index(
        "messages_search_keys_idx",
        sa.text("to_tsvector('simple'::regconfig, search_text)"),
        sa.text(_TIME_BUCKETS),
        sa.text(_SEARCH_KEYS),
        postgresql_using="gin",
        # Every search reads what is pending, once for each window.
        postgresql_with={"gin_pending_list_limit": "512"},
        postgresql_where=sa.text("deleted_at IS NULL AND type <> 'SYSTEM'::text"),
    ),
    sa.Index(
        "messages_created_at_idx",
        "created_at",
        "room_id",
        "seq",
        postgresql_where=sa.text("deleted_at IS NULL AND type <> 'SYSTEM'::text"),
    ),
    sa.Index(
        "messages_track_id_idx",
        "track_id",
        "created_at",
        postgresql_where=sa.text("track_id IS NOT NULL AND deleted_at IS NULL"),
    ),
    sa.Index(
        "messages_to_empty_idx",
        "deleted_at",
        postgresql_where=sa.text("deleted_at IS NOT NULL AND emptied_at IS NULL"),
    ),
    sa.Index(
        "messages_unfolded_idx",
        "room_id",
        "seq",
        postgresql_where=sa.text("text IS NOT NULL AND search_text IS NULL AND deleted_at IS NULL"),
    ),
    sa.CheckConstraint("seq >= 1 AND rev >= seq", name="messages_order_check"),
    sa.CheckConstraint("type IN ('TEXT', 'TRACK', 'SYSTEM')", name="messages_type_check"),
    sa.CheckConstraint("char_length(text) BETWEEN 1 AND 4000", name="messages_text_check"),
    sa.CheckConstraint(
        "(track_id IS NULL) = (track IS NULL) AND (track IS NULL OR jsonb_typeof(track) = 'object')",
        name="messages_track_check",
    ),
    sa.CheckConstraint("system_event ~ '^[A-Z][A-Z_]{0,31}$'", name="messages_system_event_check"),
    # A deleted message may be emptied; a live one has exactly what its type says.
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
        "(root_id IS NULL) = (root_seq IS NULL) AND (root_id IS NOT NULL OR reply_to_id IS NULL)"
        " AND (root_id IS NULL OR (root_id <> id AND root_seq >= 1 AND root_seq < seq))",
        name="messages_thread_check",
    ),
    sa.CheckConstraint(
        "(request_id IS NULL) = (payload_hash IS NULL) AND octet_length(payload_hash) = 32",
        name="messages_request_check",
    ),
    sa.CheckConstraint(
        "(deleted_at IS NULL) = (deletion_type IS NULL) AND (deleted_at IS NOT NULL OR deleted_by IS NULL)",
        name="messages_deletion_check",
    ),
    sa.CheckConstraint(
        "deletion_type IN ('AUTHOR', 'MODERATOR', 'ADMIN', 'ACCOUNT_ERASED')",
        name="messages_deletion_type_check",
    ),
    comment="All messages of all rooms, roots and replies, and the stubs of deleted ones.",
    info={"changed_by": "seda.chat.v1.MessageService/UpdateMessage"},
)

message_revisions = sa.Table(
    "message_revisions",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room", info=ROOM),
    sa.Column("message_id", sa.Uuid, nullable=False, comment="The message", info=MESSAGE),
    sa.Column("number", sa.Integer, nullable=False, comment="1 for what it said first, counting up"),
    sa.Column("text", sa.Text, comment="What it said until the edit; empty for none", info=WRITTEN),
    sa.Column("track_id", sa.Uuid, comment="The track it posted until the edit", info=TRACK),
    sa.Column("track", JSONB, comment="That track as it was sent"),
    sa.Column("replaced_at", INSTANT, nullable=False, comment="When the edit replaced it"),
    sa.PrimaryKeyConstraint("room_id", "message_id", "number", name="message_revisions_pkey"),
    sa.CheckConstraint("number >= 1", name="message_revisions_number_check"),
    sa.CheckConstraint("char_length(text) BETWEEN 1 AND 4000", name="message_revisions_text_check"),
    sa.CheckConstraint(
        "(track_id IS NULL) = (track IS NULL) AND (track IS NULL OR jsonb_typeof(track) = 'object')",
        name="message_revisions_track_check",
    ),
    comment="What messages said before each of their edits; moderators see it until it is removed for good.",
)

threads = sa.Table(
    "threads",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room", info=ROOM),
    sa.Column(
        "root_id", sa.Uuid, nullable=False, comment="The message that started the thread", info=MESSAGE
    ),
    sa.Column("reply_count", sa.Integer, nullable=False, comment="Live replies"),
    sa.Column(
        "last_reply_seq", sa.BigInteger, comment="seq of the newest live reply; empty when there is none"
    ),
    sa.Column("last_reply_at", INSTANT, comment="created_at of that reply"),
    sa.PrimaryKeyConstraint("room_id", "root_id", name="threads_pkey"),
    sa.CheckConstraint(
        "reply_count >= 0 AND (reply_count = 0) = (last_reply_seq IS NULL)"
        " AND (last_reply_seq IS NULL) = (last_reply_at IS NULL)",
        name="threads_reply_count_check",
    ),
    comment="Sums of each thread, kept in the transaction that changes it.",
)

mentions = sa.Table(
    "mentions",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room", info=ROOM),
    sa.Column("message_id", sa.Uuid, nullable=False, comment="The message that mentions", info=MESSAGE),
    sa.Column("user_id", sa.Uuid, nullable=False, comment="Who is mentioned", info=USER),
    sa.Column("message_seq", sa.BigInteger, nullable=False, comment="seq of the message"),
    sa.PrimaryKeyConstraint("room_id", "message_id", "user_id", name="mentions_pkey"),
    sa.Index("mentions_user_id_room_id_message_seq_idx", "user_id", "room_id", "message_seq"),
    sa.CheckConstraint("message_seq >= 1", name="mentions_message_seq_check"),
    comment="Who is mentioned in which message.",
)
