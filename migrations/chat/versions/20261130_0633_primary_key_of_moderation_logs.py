"""Make room and id the primary key of moderation logs. A revision of its own, as no table stays locked while another is waited for."""

from alembic import op

revision = "20261130_0633"
down_revision = "20261130_0632"
compatible_from = "20261122_2010"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE chat.moderation_logs DROP CONSTRAINT moderation_logs_pkey,"
        " ADD CONSTRAINT moderation_logs_pkey PRIMARY KEY USING INDEX moderation_logs_room_id_id_key"
    )
