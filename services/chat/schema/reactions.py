"""Reactions with their tallies, and pins."""

import sqlalchemy as sa

from services.chat.schema.base import INSTANT, MESSAGE, REV_COMMENT, ROOM, USER, metadata

reactions = sa.Table(
    "reactions",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room", info=ROOM),
    sa.Column("message_id", sa.Uuid, nullable=False, comment="The message", info=MESSAGE),
    sa.Column("user_id", sa.Uuid, nullable=False, comment="Who gave it", info=USER),
    sa.Column("emoji", sa.Text, nullable=False, comment="One emoji or :name:, NFC, up to 64 bytes"),
    sa.Column("created_at", INSTANT, nullable=False, comment="When it was given last"),
    sa.Column("removed_at", INSTANT, comment="When it was taken back; empty while it stands"),
    sa.Column("rev", sa.BigInteger, nullable=False, comment=REV_COMMENT),
    sa.PrimaryKeyConstraint("room_id", "message_id", "user_id", "emoji", name="reactions_pkey"),
    sa.Index("reactions_room_id_rev_idx", "room_id", "rev"),
    sa.Index(
        "reactions_who_idx",
        "room_id",
        "message_id",
        "emoji",
        "rev",
        postgresql_where=sa.text("removed_at IS NULL"),
    ),
    sa.Index("reactions_giver_idx", "user_id", "room_id", "message_id", "emoji"),
    sa.Index(
        "reactions_standing_giver_idx",
        "user_id",
        "room_id",
        "message_id",
        "emoji",
        postgresql_where=sa.text("removed_at IS NULL"),
    ),
    sa.CheckConstraint("octet_length(emoji) BETWEEN 1 AND 64", name="reactions_emoji_check"),
    sa.CheckConstraint("rev >= 1", name="reactions_rev_check"),
    comment="Who gave which message which emoji. One taken back stays as a row, so that watchers learn of it.",
    info={"changed_by": "seda.chat.v1.ReactionService/RemoveReaction"},
)

reaction_tallies = sa.Table(
    "reaction_tallies",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room", info=ROOM),
    sa.Column("message_id", sa.Uuid, nullable=False, comment="The message", info=MESSAGE),
    sa.Column("emoji", sa.Text, nullable=False, comment="The emoji"),
    sa.Column("count", sa.Integer, nullable=False, comment="How many users gave it"),
    sa.Column("first_at", INSTANT, nullable=False, comment="When it was given first"),
    sa.PrimaryKeyConstraint("room_id", "message_id", "emoji", name="reaction_tallies_pkey"),
    sa.CheckConstraint("count >= 1", name="reaction_tallies_count_check"),
    comment="Sums of the reactions of each message, kept in the transaction that changes them.",
)

pins = sa.Table(
    "pins",
    metadata,
    sa.Column("room_id", sa.Uuid, nullable=False, comment="The room", info=ROOM),
    sa.Column("message_id", sa.Uuid, nullable=False, comment="The pinned message", info=MESSAGE),
    sa.Column("pinned_by", sa.Uuid, comment="Who pinned it last; empty once that user is erased", info=USER),
    sa.Column("pinned_at", INSTANT, nullable=False, comment="When it was pinned last"),
    sa.Column("removed_at", INSTANT, comment="When it was unpinned; empty while it is pinned"),
    sa.Column("rev", sa.BigInteger, nullable=False, comment=REV_COMMENT),
    sa.PrimaryKeyConstraint("room_id", "message_id", name="pins_pkey"),
    sa.Index("pins_room_id_rev_idx", "room_id", "rev"),
    sa.Index("pins_standing_idx", "room_id", "pinned_at", postgresql_where=sa.text("removed_at IS NULL")),
    sa.Index("pins_pinned_by_idx", "pinned_by"),
    sa.CheckConstraint("rev >= 1", name="pins_rev_check"),
    comment="Pinned messages. One that was unpinned stays as a row, so that watchers learn of it.",
    info={"changed_by": "seda.chat.v1.RoomService/UnpinMessage"},
)
