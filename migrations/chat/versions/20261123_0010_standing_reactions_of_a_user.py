"""Index a user's reactions that stand apart from what they took back, which may be much."""

import sqlalchemy as sa

from migrations import concurrently

revision = "20261123_0010"
down_revision = "20261122_2310"
compatible_from = "20261122_2010"
former_checksum = "86dc8cc9f2bcb5a3b18ae61ff1a06d982259e635f77a93765e4f2cd1364e575c"


def upgrade() -> None:
    concurrently.create_index(
        "reactions_standing_giver_idx",
        "reactions",
        ["user_id", "room_id", "message_id", "emoji"],
        schema="chat",
        postgresql_where=sa.text("removed_at IS NULL"),
    )
