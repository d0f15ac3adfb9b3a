"""Index a user's reactions that stand apart from what they took back, which may be much."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_0010"
down_revision = "20261122_2310"
compatible_from = "20261122_2010"


def upgrade() -> None:
    op.create_index(
        "reactions_standing_giver_idx",
        "reactions",
        ["user_id", "room_id", "message_id", "emoji"],
        schema="chat",
        postgresql_where=sa.text("removed_at IS NULL"),
    )
