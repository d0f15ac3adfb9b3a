"""Bound the cost of a search: an index of words, time and visible rooms, and one of the newest messages."""

from itertools import groupby
from uuid import UUID

import sqlalchemy as sa
from alembic import op

from migrations import concurrently

revision = "20261129_1115"
down_revision = "20261129_1050"
compatible_from = "20261122_2010"
former_checksum = "6ced4c65628d3c144228584fd864588c9d02d4a7df380e7b35ba1cc532d4d2b9"
former_checksum = "c8f05d71a2f0379c80946bbe5b5c5bf76a48fa921113d3cbd6ebae8efe1d8c95"

_SECOND = "floor(date_part('epoch'::text, (created_at AT TIME ZONE 'UTC'::text)))::bigint"
_LIVE = "deleted_at IS NULL AND type <> 'SYSTEM'::text"
_Place = tuple[UUID, int]


def upgrade() -> None:
    if not concurrently.exists("messages", "private_room_id", schema="chat"):
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
        concurrently.commit()
    concurrently.in_batches(_mark, (UUID(int=0), 0))
    concurrently.create_index(
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
    concurrently.create_index(
        "messages_created_at_idx",
        "messages",
        ["created_at", "room_id", "seq"],
        schema="chat",
        postgresql_where=sa.text(_LIVE),
    )
    # The new one finds what it found, for earlier builds as well.
    concurrently.drop_index("messages_search_idx", schema="chat")


def _mark(connection: sa.Connection, after: _Place, size: int) -> _Place | None:
    """Mark messages of private rooms."""
    found = connection.execute(
        sa.text(
            """
            SELECT r.id, m.seq FROM chat.rooms AS r, LATERAL (
              SELECT seq FROM chat.messages WHERE room_id = r.id AND seq > CASE WHEN r.id = :room THEN :seq ELSE 0 END
               ORDER BY seq LIMIT :size
            ) AS m WHERE r.private AND r.id >= :room ORDER BY r.id, m.seq LIMIT :size
            """
        ),
        {"room": after[0], "seq": after[1], "size": size},
    ).all()
    # By ranges: joined with arrays of keys, the planner may choose to read the whole table for each batch.
    ranges = [
        {"room": room, "first": rows[0].seq, "last": rows[-1].seq}
        for room, rows in ((room, list(rows)) for room, rows in groupby(found, lambda row: row.id))
    ]
    if ranges:
        connection.execute(
            sa.text(
                """
                UPDATE chat.messages SET private_room_id = room_id
                 WHERE room_id = :room AND seq BETWEEN :first AND :last AND private_room_id IS NULL
                """
            ),
            ranges,
        )
    return (found[-1].id, found[-1].seq) if found else None
