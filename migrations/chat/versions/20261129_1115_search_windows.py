"""Bound the cost of a search: an index of words, time and visible rooms, and one of the newest messages."""

import sqlalchemy as sa
from alembic import op

revision = "20261129_1115"
down_revision = "20261129_1050"
compatible_from = "20261122_2010"

_SECOND = "floor(date_part('epoch'::text, (created_at AT TIME ZONE 'UTC'::text)))::bigint"
_LIVE = "deleted_at IS NULL AND type <> 'SYSTEM'::text"


def upgrade() -> None:
    # Earlier builds insert messages without it: search reads these before it skips them.
    op.add_column(
        "messages",
        sa.Column(
            "private_room_id",
            sa.Uuid,
            comment="The room if it is private, which search does not read for others; empty for a public room",
        ),
        schema="chat",
    )
    op.execute(
        """
        UPDATE chat.messages m SET private_room_id = m.room_id
          FROM chat.rooms r WHERE r.id = m.room_id AND r.private
        """
    )
    op.create_index(
        "messages_search_keys_idx",
        "messages",
        [
            sa.text("to_tsvector('simple'::regconfig, search_text)"),
            sa.text(
                f"(ARRAY[(0 + ({_SECOND} >> 4))::integer, (268435456 + ({_SECOND} >> 10))::integer,"
                f" (536870912 + ({_SECOND} >> 16))::integer, (805306368 + ({_SECOND} >> 22))::integer,"
                f" (1073741824 + ({_SECOND} >> 28))::integer])"
            ),
            sa.text(
                "(ARRAY[room_id, COALESCE(private_room_id, '00000000-0000-0000-0000-000000000000'::uuid), user_id,"
                " track_id])"
            ),
        ],
        schema="chat",
        postgresql_using="gin",
        # Every search reads what is pending, once for each window.
        postgresql_with={"gin_pending_list_limit": "512"},
        postgresql_where=sa.text(_LIVE),
    )
    op.create_index(
        "messages_created_at_idx",
        "messages",
        ["created_at", "room_id", "seq"],
        schema="chat",
        postgresql_where=sa.text(_LIVE),
    )
    # The new one finds what it found, for earlier builds as well.
    op.drop_index("messages_search_idx", "messages", schema="chat")
