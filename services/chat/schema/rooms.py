"""Rooms, their counters, and who belongs to them."""

import sqlalchemy as sa

from services.chat.schema.base import INSTANT, REV_COMMENT, ROOM, USER, metadata

# The name with, in runs of scripts without spaces, each two characters in a row: see search_text/tiers.py.
_CLASS = r"\u0E00-\u1DFF\u2E80-\U0003FFFF"
_FIRST = rf"regexp_replace(search_name, '(^|[^{_CLASS}])([{_CLASS}])'::text, '\1 \2 '::text, 'g'::text)"
_SEARCH_PARTS = (
    rf"(((search_name || ' '::text) || regexp_replace(search_name, '([{_CLASS}]{{2}})'::text, ' \1 '::text, 'g'::text))"
    rf" || ' '::text) || regexp_replace({_FIRST}, '([{_CLASS}]{{2}})'::text, ' \1 '::text, 'g'::text)"
)

rooms = sa.Table(
    "rooms",
    metadata,
    sa.Column(
        "id",
        sa.Uuid,
        nullable=False,
        comment="UUIDv7 made by the service; UUIDv5 of creator and request id where there is one",
    ),
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
    sa.Column(
        "created_by", sa.Uuid, comment="User who made the room; empty once that user is erased", info=USER
    ),
    sa.Column(
        "request_id", sa.Uuid, comment="The creator's id of the CreateRoom call; empty when none was given"
    ),
    sa.Column("payload_hash", sa.LargeBinary, comment="SHA-256 of what that call asked for"),
    sa.Column("locked_at", INSTANT, comment="Since when nobody may post; empty when unlocked"),
    sa.Column("archived_at", INSTANT, comment="Since when the room is put away; empty when in use"),
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
    sa.Column("rev", sa.BigInteger, nullable=False, comment=REV_COMMENT),
    sa.Column(
        "created_at", INSTANT, nullable=False, server_default=sa.func.now(), comment="When the room was made"
    ),
    sa.Column(
        "updated_at",
        INSTANT,
        nullable=False,
        server_default=sa.func.now(),
        comment="Last change of this row",
    ),
    sa.Column(
        "search_name",
        # Bytes decide the order: that of a language would neither serve prefixes nor stay the same.
        sa.Text(collation="C"),
        nullable=False,
        server_default="",
        comment="The name folded for search; '' until a worker has folded it",
    ),
    sa.PrimaryKeyConstraint("id", name="rooms_pkey"),
    # Unique only for builds before ids followed from request ids; theirs is the ON CONFLICT that needs it.
    sa.Index(
        "rooms_created_by_request_id_key",
        "created_by",
        "request_id",
        unique=True,
        postgresql_where=sa.text("request_id IS NOT NULL"),
    ),
    sa.Index("rooms_created_by_idx", "created_by", "id", postgresql_where=sa.text("created_by IS NOT NULL")),
    # The list of public rooms by name, and the three ways in which a query finds a name.
    sa.Index(
        "rooms_public_idx",
        "search_name",
        "id",
        postgresql_where=sa.text("NOT private AND archived_at IS NULL"),
    ),
    sa.Index(
        "rooms_search_name_idx",
        "search_name",
        postgresql_using="gin",
        postgresql_ops={"search_name": "extensions.gin_trgm_ops"},
        postgresql_where=sa.text("NOT private AND archived_at IS NULL"),
    ),
    sa.Index(
        "rooms_search_parts_idx",
        sa.text(f"to_tsvector('simple'::regconfig, {_SEARCH_PARTS})"),
        postgresql_using="gin",
        postgresql_where=sa.text("NOT private AND archived_at IS NULL"),
    ),
    # Only builds before parts of words use it.
    sa.Index(
        "rooms_search_words_idx",
        sa.text("to_tsvector('simple'::regconfig, search_name)"),
        postgresql_using="gin",
        postgresql_where=sa.text("NOT private AND archived_at IS NULL"),
    ),
    sa.Index("rooms_unfolded_idx", "id", postgresql_where=sa.text("search_name = ''::text")),
    sa.CheckConstraint("char_length(name) BETWEEN 1 AND 80", name="rooms_name_check"),
    sa.CheckConstraint("char_length(description) <= 500", name="rooms_description_check"),
    sa.CheckConstraint(
        "(request_id IS NULL) = (payload_hash IS NULL) AND octet_length(payload_hash) = 32",
        name="rooms_request_check",
    ),
    sa.CheckConstraint("slow_mode_seconds BETWEEN 0 AND 21600", name="rooms_slow_mode_seconds_check"),
    sa.CheckConstraint("rev >= 1", name="rooms_rev_check"),
    comment="Rooms and their settings.",
    info={"changed_by": "seda.chat.v1.RoomService/UpdateRoom"},
)

room_counters = sa.Table(
    "room_counters",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room", info=ROOM),
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
    sa.Column(
        "member_count", sa.Integer, nullable=False, server_default="0", comment="How many members it has"
    ),
    sa.PrimaryKeyConstraint("room_id", name="room_counters_pkey"),
    sa.ForeignKeyConstraint(["room_id"], [rooms.c.id], name="room_counters_room_id_fkey"),
    sa.CheckConstraint("last_seq >= 0 AND last_rev >= last_seq", name="room_counters_order_check"),
    sa.CheckConstraint("member_count >= 0", name="room_counters_member_count_check"),
    # Half of each page stays free, so that the update of every send is a HOT one that touches no index.
    postgresql_with={"fillfactor": 50},
    comment="The lock of each room: whoever changes a room locks its row here first.",
)

room_memberships = sa.Table(
    "room_memberships",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room", info=ROOM),
    sa.Column("user_id", sa.Uuid, nullable=False, comment="The member", info=USER),
    sa.Column("role", sa.Text, nullable=False, server_default="MEMBER", comment="OWNER, MODERATOR or MEMBER"),
    sa.Column("joined_at", INSTANT, nullable=False, comment="When the user joined last"),
    sa.Column("left_at", INSTANT, comment="When the user left or was removed; empty while a member"),
    sa.Column(
        "last_read_seq",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        comment="Newest message marked read, 0 for none",
    ),
    sa.Column(
        "last_message_at", INSTANT, comment="Last message of the member, for slow mode; empty before any"
    ),
    sa.Column("rev", sa.BigInteger, nullable=False, comment=REV_COMMENT),
    sa.Column("removal", sa.Text, comment="LEFT, KICKED, BANNED or ERASED; empty while a member"),
    sa.PrimaryKeyConstraint("room_id", "user_id", name="room_memberships_pkey"),
    sa.ForeignKeyConstraint(["room_id"], [rooms.c.id], name="room_memberships_room_id_fkey"),
    sa.Index("room_memberships_room_id_rev_idx", "room_id", "rev"),
    # With room_id: the pages of a user's rooms go by it.
    sa.Index("room_memberships_mine_idx", "user_id", "room_id", postgresql_where=sa.text("left_at IS NULL")),
    sa.Index("room_memberships_ended_idx", "user_id", postgresql_where=sa.text("left_at IS NOT NULL")),
    sa.Index(
        "room_memberships_joined_idx",
        "room_id",
        "joined_at",
        "user_id",
        postgresql_where=sa.text("left_at IS NULL"),
    ),
    # Those who moderate are few among many members.
    sa.Index(
        "room_memberships_moderating_idx",
        "room_id",
        "role",
        "joined_at",
        "user_id",
        postgresql_where=sa.text("left_at IS NULL AND role <> 'MEMBER'::text"),
    ),
    sa.CheckConstraint("role IN ('OWNER', 'MODERATOR', 'MEMBER')", name="room_memberships_role_check"),
    sa.CheckConstraint(
        "removal IS NULL OR (removal IN ('LEFT', 'KICKED', 'BANNED', 'ERASED') AND left_at IS NOT NULL)",
        name="room_memberships_removal_check",
    ),
    sa.CheckConstraint("last_read_seq >= 0", name="room_memberships_last_read_seq_check"),
    sa.CheckConstraint("rev >= 1", name="room_memberships_rev_check"),
    comment="Who is and was in a room. A membership that ended stays as a row, so that watchers learn of it.",
    info={"changed_by": "seda.chat.v1.MembershipService/SetMemberRole"},
)

room_invitations = sa.Table(
    "room_invitations",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room", info=ROOM),
    sa.Column("user_id", sa.Uuid, nullable=False, comment="Who was invited", info=USER),
    sa.Column("invited_by", sa.Uuid, comment="Who invited; empty once that user is erased", info=USER),
    sa.Column(
        "created_at", INSTANT, nullable=False, server_default=sa.func.now(), comment="When it was made last"
    ),
    sa.Column("ended_at", INSTANT, comment="When it was accepted, declined or withdrawn; empty while open"),
    sa.Column("rev", sa.BigInteger, nullable=False, comment=REV_COMMENT),
    sa.PrimaryKeyConstraint("room_id", "user_id", name="room_invitations_pkey"),
    sa.ForeignKeyConstraint(["room_id"], [rooms.c.id], name="room_invitations_room_id_fkey"),
    sa.Index("room_invitations_room_id_rev_idx", "room_id", "rev"),
    sa.Index("room_invitations_user_id_idx", "user_id"),
    sa.Index("room_invitations_invited_by_idx", "invited_by"),
    # Open ones: of a room and of a user, in the order of the lists.
    sa.Index("room_invitations_open_idx", "room_id", "rev", postgresql_where=sa.text("ended_at IS NULL")),
    sa.Index(
        "room_invitations_mine_idx",
        "user_id",
        "created_at",
        "room_id",
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
    sa.CheckConstraint("rev >= 1", name="room_invitations_rev_check"),
    comment="Invitations into rooms; one that ended stays as a row.",
    info={"changed_by": "seda.chat.v1.MembershipService/RevokeInvitation"},
)

user_counters = sa.Table(
    "user_counters",
    metadata,
    sa.Column("user_id", sa.Uuid, nullable=False, comment="The user", info=USER),
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

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, nullable=False, comment="What one process at a time may do"),
    sa.Column("holder", sa.Uuid, nullable=False, comment="The process that holds it"),
    sa.Column("until", INSTANT, nullable=False, comment="When it ends, by the database's clock"),
    sa.PrimaryKeyConstraint("name", name="leases_pkey"),
    comment="Who runs the work that only one process at a time does.",
)

backfills = sa.Table(
    "backfills",
    metadata,
    sa.Column("name", sa.Text, nullable=False, comment="The table and column"),
    sa.Column("version", sa.Integer, nullable=False, comment="The form that the values are brought into"),
    sa.Column("number", sa.Integer, nullable=False, comment="The pass, from 1; 3 once both are done"),
    sa.Column("after_id", sa.Uuid, nullable=False, comment="The last row that this pass visited"),
    sa.Column(
        "after_seq", sa.BigInteger, nullable=False, comment="The rest of its key; 0 where the id is all of it"
    ),
    sa.Column("started_at", INSTANT, nullable=False, comment="When the first pass to this version began"),
    sa.PrimaryKeyConstraint("name", name="backfills_pkey"),
    comment="How far values that earlier builds wrote have been brought into the present form.",
)
