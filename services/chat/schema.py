"""The tables of schema `chat`, as the migrations leave them.

This is the model that migrations are compared with. It is not imported at run time: the service's
statements are plain SQL. Every key of the message tables contains room_id, so that they can be
hash-partitioned by it without a change of any statement.

`rev` is the number of a room's change that a row last took part in; (room_id, rev) is the change feed.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = sa.MetaData(schema="chat")

_instant = sa.DateTime(timezone=True)
_rev_comment = "The room's change that this row last took part in"

rooms = sa.Table(
    "rooms",
    metadata,
    sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service"),
    sa.Column("name", sa.Text, nullable=False, comment="Shown name, 1 to 80 characters, not unique"),
    sa.Column(
        "description", sa.Text, nullable=False, server_default="", comment="Up to 500 characters, may be ''"
    ),
    sa.Column(
        "private",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="Only members know that it exists",
    ),
    sa.Column("created_by", sa.Uuid, nullable=False, comment="User who made the room"),
    sa.Column(
        "request_id", sa.Uuid, comment="The creator's id of the CreateRoom call; empty when none was given"
    ),
    sa.Column("payload_hash", sa.LargeBinary, comment="SHA-256 of what that call asked for"),
    sa.Column("locked_at", _instant, comment="Since when nobody may post; empty when unlocked"),
    sa.Column("archived_at", _instant, comment="Since when the room is put away; empty when in use"),
    sa.Column(
        "announcement",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="Only owners and moderators post",
    ),
    sa.Column(
        "slow_mode_seconds",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="Least time in seconds between two messages of a member, 0 to 21600",
    ),
    sa.Column("rev", sa.BigInteger, nullable=False, comment=_rev_comment),
    sa.Column(
        "created_at", _instant, nullable=False, server_default=sa.func.now(), comment="When the room was made"
    ),
    sa.Column(
        "updated_at",
        _instant,
        nullable=False,
        server_default=sa.func.now(),
        comment="Last change of this row",
    ),
    sa.PrimaryKeyConstraint("id", name="rooms_pkey"),
    sa.Index(
        "rooms_created_by_request_id_key",
        "created_by",
        "request_id",
        unique=True,
        postgresql_where=sa.text("request_id IS NOT NULL"),
    ),
    sa.CheckConstraint("char_length(name) BETWEEN 1 AND 80", name="rooms_name_check"),
    sa.CheckConstraint("char_length(description) <= 500", name="rooms_description_check"),
    sa.CheckConstraint(
        "(request_id IS NULL) = (payload_hash IS NULL) AND octet_length(payload_hash) = 32",
        name="rooms_request_check",
    ),
    sa.CheckConstraint("slow_mode_seconds BETWEEN 0 AND 21600", name="rooms_slow_mode_seconds_check"),
    sa.CheckConstraint("rev >= 1", name="rooms_rev_check"),
    comment="Rooms and their settings.",
)

room_counters = sa.Table(
    "room_counters",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
    sa.Column(
        "last_seq",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        comment="Number of the newest message, 0 before any",
    ),
    sa.Column(
        "last_rev",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        comment="Number of the newest change, 0 before any",
    ),
    sa.PrimaryKeyConstraint("room_id", name="room_counters_pkey"),
    sa.ForeignKeyConstraint(["room_id"], [rooms.c.id], name="room_counters_room_id_fkey"),
    sa.CheckConstraint("last_seq >= 0 AND last_rev >= last_seq", name="room_counters_order_check"),
    # Half of each page stays free, so that the update of every send is a HOT one that touches no index.
    postgresql_with={"fillfactor": 50},
    comment="The lock of each room: whoever changes a room locks its row here first.",
)

room_memberships = sa.Table(
    "room_memberships",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
    sa.Column("user_id", sa.Uuid, nullable=False, comment="The member"),
    sa.Column("role", sa.Text, nullable=False, server_default="MEMBER", comment="OWNER, MODERATOR or MEMBER"),
    sa.Column("joined_at", _instant, nullable=False, comment="When the user joined last"),
    sa.Column("left_at", _instant, comment="When the user left or was removed; empty while a member"),
    sa.Column(
        "last_read_seq",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        comment="Newest message marked read, 0 for none",
    ),
    sa.Column(
        "last_message_at", _instant, comment="Last message of the member, for slow mode; empty before any"
    ),
    sa.Column("rev", sa.BigInteger, nullable=False, comment=_rev_comment),
    sa.PrimaryKeyConstraint("room_id", "user_id", name="room_memberships_pkey"),
    sa.ForeignKeyConstraint(["room_id"], [rooms.c.id], name="room_memberships_room_id_fkey"),
    sa.Index("room_memberships_room_id_rev_idx", "room_id", "rev"),
    sa.Index("room_memberships_user_id_idx", "user_id", postgresql_where=sa.text("left_at IS NULL")),
    sa.CheckConstraint("role IN ('OWNER', 'MODERATOR', 'MEMBER')", name="room_memberships_role_check"),
    sa.CheckConstraint("last_read_seq >= 0", name="room_memberships_last_read_seq_check"),
    sa.CheckConstraint("rev >= 1", name="room_memberships_rev_check"),
    comment="Who is and was in a room. A membership that ended stays as a row, so that watchers learn of it.",
)

room_invitations = sa.Table(
    "room_invitations",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
    sa.Column("user_id", sa.Uuid, nullable=False, comment="Who was invited"),
    sa.Column("invited_by", sa.Uuid, comment="Who invited; empty once that user is erased"),
    sa.Column(
        "created_at", _instant, nullable=False, server_default=sa.func.now(), comment="When it was made last"
    ),
    sa.Column("ended_at", _instant, comment="When it was accepted, declined or withdrawn; empty while open"),
    sa.Column("rev", sa.BigInteger, nullable=False, comment=_rev_comment),
    sa.PrimaryKeyConstraint("room_id", "user_id", name="room_invitations_pkey"),
    sa.ForeignKeyConstraint(["room_id"], [rooms.c.id], name="room_invitations_room_id_fkey"),
    sa.Index("room_invitations_room_id_rev_idx", "room_id", "rev"),
    sa.Index("room_invitations_user_id_idx", "user_id", postgresql_where=sa.text("ended_at IS NULL")),
    sa.CheckConstraint("rev >= 1", name="room_invitations_rev_check"),
    comment="Invitations into rooms; one that ended stays as a row.",
)

# No foreign key leads from messages to rooms. Its check would take a shared lock on the room's row at every
# insert, which is a write to that row. The sender holds the room's row of room_counters, which has the key, so
# the room is known to exist. root_id, threads and mentions have none either: that lock guards them all.
messages = sa.Table(
    "messages",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
    sa.Column(
        "seq", sa.BigInteger, nullable=False, comment="Place in the room's history: 1, 2, 3... without a gap"
    ),
    sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service; never used for ordering"),
    sa.Column("user_id", sa.Uuid, comment="The author; empty once erased"),
    sa.Column("type", sa.Text, nullable=False, comment="TEXT, TRACK (with or without text) or SYSTEM"),
    sa.Column(
        "text", sa.Text, comment="1 to 4000 characters, NFC; empty for some tracks, system messages and stubs"
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
        "request_id", sa.Uuid, comment="The author's id of the SendMessage call; empty when none was given"
    ),
    sa.Column("payload_hash", sa.LargeBinary, comment="SHA-256 of what that call asked for"),
    sa.Column(
        "created_at", _instant, nullable=False, comment="clock_timestamp() under the room's lock, for display"
    ),
    sa.Column("edited_at", _instant, comment="Last edit; empty when never edited"),
    sa.Column("deleted_at", _instant, comment="When it was deleted; empty while live"),
    sa.Column("deleted_by", sa.Uuid, comment="Who deleted it; empty while live and once that user is erased"),
    sa.Column(
        "deletion_type", sa.Text, comment="AUTHOR, MODERATOR, ADMIN or ACCOUNT_ERASED; empty while live"
    ),
    sa.Column("rev", sa.BigInteger, nullable=False, comment=_rev_comment),
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
    sa.Index("messages_user_id_idx", "user_id"),
    sa.Index(
        "messages_roots_idx",
        "room_id",
        "seq",
        postgresql_where=sa.text("root_id IS NULL AND deleted_at IS NULL"),
    ),
    sa.Index(
        "messages_replies_idx", "room_id", "root_seq", "seq", postgresql_where=sa.text("root_id IS NOT NULL")
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
)

threads = sa.Table(
    "threads",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
    sa.Column("root_id", sa.Uuid, nullable=False, comment="The message that started the thread"),
    sa.Column("reply_count", sa.Integer, nullable=False, comment="Live replies"),
    sa.Column(
        "last_reply_seq", sa.BigInteger, comment="seq of the newest live reply; empty when there is none"
    ),
    sa.Column("last_reply_at", _instant, comment="created_at of that reply"),
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
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
    sa.Column("message_id", sa.Uuid, nullable=False, comment="The message that mentions"),
    sa.Column("user_id", sa.Uuid, nullable=False, comment="Who is mentioned"),
    sa.Column("message_seq", sa.BigInteger, nullable=False, comment="seq of the message"),
    sa.PrimaryKeyConstraint("room_id", "message_id", "user_id", name="mentions_pkey"),
    sa.Index("mentions_user_id_room_id_message_seq_idx", "user_id", "room_id", "message_seq"),
    sa.CheckConstraint("message_seq >= 1", name="mentions_message_seq_check"),
    comment="Who is mentioned in which message.",
)

sanctions = sa.Table(
    "sanctions",
    metadata,
    sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service"),
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room in which it holds"),
    sa.Column("user_id", sa.Uuid, nullable=False, comment="Whom it holds for"),
    sa.Column("kind", sa.Text, nullable=False, comment="MUTE (may read) or BAN (may not come back)"),
    sa.Column("reason", sa.Text, nullable=False, comment="The moderator's reason, 1 to 512 characters"),
    sa.Column("issued_by", sa.Uuid, comment="Who issued it; empty once that user is erased"),
    sa.Column("starts_at", _instant, nullable=False, comment="Since when it holds, by the database's clock"),
    sa.Column(
        "expires_at", _instant, comment="Until when it holds, by the database's clock; empty for no end"
    ),
    sa.Column("ended_at", _instant, comment="When it was lifted or replaced; empty until then"),
    sa.Column("rev", sa.BigInteger, nullable=False, comment=_rev_comment),
    sa.PrimaryKeyConstraint("id", name="sanctions_pkey"),
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
    sa.CheckConstraint("kind IN ('MUTE', 'BAN')", name="sanctions_kind_check"),
    sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 512", name="sanctions_reason_check"),
    sa.CheckConstraint("expires_at > starts_at", name="sanctions_expires_at_check"),
    sa.CheckConstraint("rev >= 1", name="sanctions_rev_check"),
    comment="Mutes and bans in rooms. One is in force while not ended and not expired; nothing sweeps them.",
)

user_counters = sa.Table(
    "user_counters",
    metadata,
    sa.Column("user_id", sa.Uuid, nullable=False, comment="The user"),
    sa.Column(
        "rooms_rev", sa.BigInteger, nullable=False, comment="Number of the newest change of the user's rooms"
    ),
    sa.PrimaryKeyConstraint("user_id", name="user_counters_pkey"),
    sa.CheckConstraint("rooms_rev >= 1", name="user_counters_rooms_rev_check"),
    postgresql_with={"fillfactor": 50},
    comment="Tells watchers of all their rooms that the set of these rooms moved.",
)

instance = sa.Table(
    "instance",
    metadata,
    sa.Column("id", sa.Uuid, nullable=False, comment="Random, part of the epoch that positions belong to"),
    sa.PrimaryKeyConstraint("id", name="instance_pkey"),
    sa.Index("instance_one_row_key", sa.text("(true)"), unique=True),
    comment="Exactly one row, written by the first revision; names this history of the data.",
)
