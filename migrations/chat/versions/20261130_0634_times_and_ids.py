"""Say what a message's time and a room's id are made of."""

from alembic import op

revision = "20261130_0634"
down_revision = "20261130_0633"
compatible_from = "20261122_2010"


def upgrade() -> None:
    op.execute(
        "COMMENT ON COLUMN chat.messages.created_at IS"
        " 'statement_timestamp() of the write under the room''s lock, for display'"
    )
    op.execute(
        "COMMENT ON COLUMN chat.rooms.id IS"
        " 'UUIDv7 made by the service; UUIDv5 of creator and request id where there is one'"
    )
