"""Create rooms with their members, sanctions and counters, and name this instance."""

import sqlalchemy as sa
from alembic import op

from migrations.support import create_grants

revision = "20261122_1015"
down_revision = None
compatible_from = "20261122_1015"

_INSTANT = sa.DateTime(timezone=True)
_REV_COMMENT = "The room's change that this row last took part in"


def upgrade() -> None:
    _create_rooms()
    _create_room_counters()
    _create_room_memberships()
    _create_room_invitations()
    _create_sanctions()
    _create_user_counters()
    _create_instance()
    # Written here and never again: it tells this history of the data from any other. The service only reads it.
    op.execute("INSERT INTO chat.instance (id) VALUES (gen_random_uuid())")
    create_grants(
        "chat",
        {
            # A room is archived, never removed, and its counter is its lock.
            "rooms": "SELECT, INSERT, UPDATE",
            "room_counters": "SELECT, INSERT, UPDATE",
            "room_memberships": "SELECT, INSERT, UPDATE, DELETE",
            "room_invitations": "SELECT, INSERT, UPDATE, DELETE",
            "sanctions": "SELECT, INSERT, UPDATE, DELETE",
            "user_counters": "SELECT, INSERT, UPDATE, DELETE",
            "instance": "SELECT",
        },
    )


def _create_rooms() -> None:
    op.create_table(
        "rooms",
        sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service"),
        sa.Column("name", sa.Text, nullable=False, comment="Shown name, 1 to 80 characters, not unique"),
        sa.Column(
            "description",
            sa.Text,
            server_default="",
            nullable=False,
            comment="Up to 500 characters, may be ''",
        ),
        sa.Column(
            "private",
            sa.Boolean,
            server_default=sa.false(),
            nullable=False,
            comment="Only members know that it exists",
        ),
        sa.Column("created_by", sa.Uuid, nullable=False, comment="User who made the room"),
        sa.Column(
            "request_id",
            sa.Uuid,
            comment="The creator's id of the CreateRoom call; empty when none was given",
        ),
        sa.Column("payload_hash", sa.LargeBinary, comment="SHA-256 of what that call asked for"),
        sa.Column("locked_at", _INSTANT, comment="Since when nobody may post; empty when unlocked"),
        sa.Column("archived_at", _INSTANT, comment="Since when the room is put away; empty when in use"),
        sa.Column(
            "announcement",
            sa.Boolean,
            server_default=sa.false(),
            nullable=False,
            comment="Only owners and moderators post",
        ),
        sa.Column(
            "slow_mode_seconds",
            sa.Integer,
            server_default="0",
            nullable=False,
            comment="Least time in seconds between two messages of a member, 0 to 21600",
        ),
        sa.Column("rev", sa.BigInteger, nullable=False, comment=_REV_COMMENT),
        sa.Column(
            "created_at",
            _INSTANT,
            server_default=sa.func.now(),
            nullable=False,
            comment="When the room was made",
        ),
        sa.Column(
            "updated_at",
            _INSTANT,
            server_default=sa.func.now(),
            nullable=False,
            comment="Last change of this row",
        ),
        sa.CheckConstraint(
            "(request_id IS NULL) = (payload_hash IS NULL) AND octet_length(payload_hash) = 32",
            name="rooms_request_check",
        ),
        sa.CheckConstraint("char_length(description) <= 500", name="rooms_description_check"),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 80", name="rooms_name_check"),
        sa.CheckConstraint("rev >= 1", name="rooms_rev_check"),
        sa.CheckConstraint("slow_mode_seconds BETWEEN 0 AND 21600", name="rooms_slow_mode_seconds_check"),
        sa.PrimaryKeyConstraint("id", name="rooms_pkey"),
        schema="chat",
        comment="Rooms and their settings.",
    )
    op.create_index(
        "rooms_created_by_request_id_key",
        "rooms",
        ["created_by", "request_id"],
        unique=True,
        schema="chat",
        postgresql_where=sa.text("request_id IS NOT NULL"),
    )


def _create_room_counters() -> None:
    op.create_table(
        "room_counters",
        sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
        sa.Column(
            "last_seq",
            sa.BigInteger,
            server_default="0",
            nullable=False,
            comment="Number of the newest message, 0 before any",
        ),
        sa.Column(
            "last_rev",
            sa.BigInteger,
            server_default="0",
            nullable=False,
            comment="Number of the newest change, 0 before any",
        ),
        sa.CheckConstraint("last_seq >= 0 AND last_rev >= last_seq", name="room_counters_order_check"),
        sa.ForeignKeyConstraint(["room_id"], ["chat.rooms.id"], name="room_counters_room_id_fkey"),
        sa.PrimaryKeyConstraint("room_id", name="room_counters_pkey"),
        schema="chat",
        comment="The lock of each room: whoever changes a room locks its row here first.",
        postgresql_with={"fillfactor": 50},
    )


def _create_room_memberships() -> None:
    op.create_table(
        "room_memberships",
        sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
        sa.Column("user_id", sa.Uuid, nullable=False, comment="The member"),
        sa.Column(
            "role", sa.Text, server_default="MEMBER", nullable=False, comment="OWNER, MODERATOR or MEMBER"
        ),
        sa.Column("joined_at", _INSTANT, nullable=False, comment="When the user joined last"),
        sa.Column("left_at", _INSTANT, comment="When the user left or was removed; empty while a member"),
        sa.Column(
            "last_read_seq",
            sa.BigInteger,
            server_default="0",
            nullable=False,
            comment="Newest message marked read, 0 for none",
        ),
        sa.Column(
            "last_message_at", _INSTANT, comment="Last message of the member, for slow mode; empty before any"
        ),
        sa.Column("rev", sa.BigInteger, nullable=False, comment=_REV_COMMENT),
        sa.CheckConstraint("role IN ('OWNER', 'MODERATOR', 'MEMBER')", name="room_memberships_role_check"),
        sa.CheckConstraint("last_read_seq >= 0", name="room_memberships_last_read_seq_check"),
        sa.CheckConstraint("rev >= 1", name="room_memberships_rev_check"),
        sa.ForeignKeyConstraint(["room_id"], ["chat.rooms.id"], name="room_memberships_room_id_fkey"),
        sa.PrimaryKeyConstraint("room_id", "user_id", name="room_memberships_pkey"),
        schema="chat",
        comment="Who is and was in a room. A membership that ended stays as a row, so that watchers learn of it.",
    )
    op.create_index("room_memberships_room_id_rev_idx", "room_memberships", ["room_id", "rev"], schema="chat")
    op.create_index(
        "room_memberships_user_id_idx",
        "room_memberships",
        ["user_id"],
        schema="chat",
        postgresql_where=sa.text("left_at IS NULL"),
    )


def _create_room_invitations() -> None:
    op.create_table(
        "room_invitations",
        sa.Column("room_id", sa.Uuid, nullable=False, comment="The room"),
        sa.Column("user_id", sa.Uuid, nullable=False, comment="Who was invited"),
        sa.Column("invited_by", sa.Uuid, comment="Who invited; empty once that user is erased"),
        sa.Column(
            "created_at",
            _INSTANT,
            server_default=sa.func.now(),
            nullable=False,
            comment="When it was made last",
        ),
        sa.Column(
            "ended_at", _INSTANT, comment="When it was accepted, declined or withdrawn; empty while open"
        ),
        sa.Column("rev", sa.BigInteger, nullable=False, comment=_REV_COMMENT),
        sa.CheckConstraint("rev >= 1", name="room_invitations_rev_check"),
        sa.ForeignKeyConstraint(["room_id"], ["chat.rooms.id"], name="room_invitations_room_id_fkey"),
        sa.PrimaryKeyConstraint("room_id", "user_id", name="room_invitations_pkey"),
        schema="chat",
        comment="Invitations into rooms; one that ended stays as a row.",
    )
    op.create_index("room_invitations_room_id_rev_idx", "room_invitations", ["room_id", "rev"], schema="chat")
    op.create_index(
        "room_invitations_user_id_idx",
        "room_invitations",
        ["user_id"],
        schema="chat",
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _create_sanctions() -> None:
    op.create_table(
        "sanctions",
        sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service"),
        sa.Column("room_id", sa.Uuid, nullable=False, comment="The room in which it holds"),
        sa.Column("user_id", sa.Uuid, nullable=False, comment="Whom it holds for"),
        sa.Column("kind", sa.Text, nullable=False, comment="MUTE (may read) or BAN (may not come back)"),
        sa.Column("reason", sa.Text, nullable=False, comment="The moderator's reason, 1 to 512 characters"),
        sa.Column("issued_by", sa.Uuid, comment="Who issued it; empty once that user is erased"),
        sa.Column(
            "starts_at", _INSTANT, nullable=False, comment="Since when it holds, by the database's clock"
        ),
        sa.Column(
            "expires_at", _INSTANT, comment="Until when it holds, by the database's clock; empty for no end"
        ),
        sa.Column("ended_at", _INSTANT, comment="When it was lifted or replaced; empty until then"),
        sa.Column("rev", sa.BigInteger, nullable=False, comment=_REV_COMMENT),
        sa.CheckConstraint("kind IN ('MUTE', 'BAN')", name="sanctions_kind_check"),
        sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 512", name="sanctions_reason_check"),
        sa.CheckConstraint("expires_at > starts_at", name="sanctions_expires_at_check"),
        sa.CheckConstraint("rev >= 1", name="sanctions_rev_check"),
        sa.ForeignKeyConstraint(["room_id"], ["chat.rooms.id"], name="sanctions_room_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="sanctions_pkey"),
        schema="chat",
        comment="Mutes and bans in rooms. One is in force while not ended and not expired; nothing sweeps them.",
    )
    op.create_index("sanctions_room_id_rev_idx", "sanctions", ["room_id", "rev"], schema="chat")
    op.create_index(
        "sanctions_room_id_user_id_kind_key",
        "sanctions",
        ["room_id", "user_id", "kind"],
        unique=True,
        schema="chat",
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _create_user_counters() -> None:
    op.create_table(
        "user_counters",
        sa.Column("user_id", sa.Uuid, nullable=False, comment="The user"),
        sa.Column(
            "rooms_rev",
            sa.BigInteger,
            nullable=False,
            comment="Number of the newest change of the user's rooms",
        ),
        sa.CheckConstraint("rooms_rev >= 1", name="user_counters_rooms_rev_check"),
        sa.PrimaryKeyConstraint("user_id", name="user_counters_pkey"),
        schema="chat",
        comment="Tells watchers of all their rooms that the set of these rooms moved.",
        postgresql_with={"fillfactor": 50},
    )


def _create_instance() -> None:
    op.create_table(
        "instance",
        sa.Column(
            "id", sa.Uuid, nullable=False, comment="Random, part of the epoch that positions belong to"
        ),
        sa.PrimaryKeyConstraint("id", name="instance_pkey"),
        schema="chat",
        comment="Exactly one row, written by the first revision; names this history of the data.",
    )
    op.create_index(
        "instance_one_row_key", "instance", [sa.literal_column("(true)")], unique=True, schema="chat"
    )
