"""Let everything that holds a user's id be found by it, room by room, to hand it out and to erase it."""

import sqlalchemy as sa

from migrations import concurrently

revision = "20261122_2030"
down_revision = "20261122_2010"
compatible_from = "20261122_2010"
former_checksum = "063ee4ab370a3f49964065cc4a85ae211c16e18abd858930ae989f4176fd5f75"


def upgrade() -> None:
    # With the room and the place in it: an author's messages in one room are found without their others.
    concurrently.create_index("messages_author_idx", "messages", ["user_id", "room_id", "seq"], schema="chat")
    concurrently.drop_index("messages_user_id_idx", schema="chat")
    concurrently.create_index(
        "messages_deleted_by_idx",
        "messages",
        ["deleted_by", "room_id"],
        schema="chat",
        postgresql_where=sa.text("deleted_by IS NOT NULL"),
    )
    concurrently.create_index(
        "reactions_giver_idx", "reactions", ["user_id", "room_id", "message_id", "emoji"], schema="chat"
    )
    concurrently.drop_index("reactions_user_id_idx", schema="chat")
    concurrently.create_index(
        "rooms_created_by_idx",
        "rooms",
        ["created_by", "id"],
        schema="chat",
        postgresql_where=sa.text("created_by IS NOT NULL"),
    )
    concurrently.create_index(
        "moderation_logs_target_user_id_idx",
        "moderation_logs",
        ["target_user_id"],
        schema="chat",
        postgresql_where=sa.text("target_user_id IS NOT NULL"),
    )
