"""Index what moderators page through: deleted roots; and the pins that stand."""

import sqlalchemy as sa
from alembic import op

from migrations import concurrently

revision = "20261122_2036"
down_revision = "20261122_2030"
compatible_from = "20261122_2010"
former_checksum = "40426b79bf412853d83917f9bfa5905f77673cdce649edf849a999a31f78d621"

_WORDS = "The folded words of the text, for search; empty without a text and until it is folded"


def upgrade() -> None:
    concurrently.create_index(
        "messages_deleted_roots_idx",
        "messages",
        ["room_id", "seq"],
        schema="chat",
        postgresql_where=sa.text("root_id IS NULL AND deleted_at IS NOT NULL"),
    )
    concurrently.create_index(
        "pins_standing_idx",
        "pins",
        ["room_id", "pinned_at"],
        schema="chat",
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.alter_column(
        "messages",
        "search_text",
        schema="chat",
        existing_type=sa.Text,
        comment=_WORDS,
        existing_comment="The text folded for search; empty without one and until it is folded",
    )
