"""Keep the request id of DeleteMessagesByAuthor in its log line, so that a repeated call returns the first result."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_0230"
down_revision = "20261123_0210"
compatible_from = "20261122_2010"


def upgrade() -> None:
    op.add_column(
        "moderation_logs",
        sa.Column(
            "idempotency_key",
            sa.Uuid,
            comment="The actor's request_id of a DeleteMessagesByAuthor call; empty when none was given",
        ),
        schema="chat",
    )
    op.alter_column(
        "moderation_logs",
        "request_id",
        comment="The id of the call (x-request-id)",
        existing_type=sa.Text,
        existing_nullable=False,
        schema="chat",
    )
    op.create_index(
        "moderation_logs_idempotency_key_key",
        "moderation_logs",
        ["room_id", "actor_id", "idempotency_key"],
        unique=True,
        schema="chat",
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
