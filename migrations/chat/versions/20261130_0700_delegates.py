"""Name the service that acted for an actor in the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "20261130_0700"
down_revision = "20261130_0634"
compatible_from = "20261122_2010"


def upgrade() -> None:
    comment = "The service that acted for the actor; empty: they acted themselves"
    op.add_column("moderation_logs", sa.Column("delegate", sa.Text, comment=comment), schema="chat")
