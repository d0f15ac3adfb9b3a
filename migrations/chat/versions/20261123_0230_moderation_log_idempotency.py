"""Keep the request id of DeleteMessagesByAuthor in its log line, so that a repeated call returns the first result."""

import sqlalchemy as sa
from alembic import op

from migrations import concurrently

revision = "20261123_0230"
down_revision = "20261123_0210"
compatible_from = "20261122_2010"
former_checksum = "491aa8339ae4a558f5061ea19c75f859738705af5079a4bba52c0387d01c2ffa"


def upgrade() -> None:
    if not concurrently.exists("moderation_logs", "idempotency_key", schema="chat"):
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
    concurrently.create_index(
        "moderation_logs_idempotency_key_key",
        "moderation_logs",
        ["room_id", "actor_id", "idempotency_key"],
        unique=True,
        schema="chat",
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
