"""Make room and id the primary key of sanctions. A revision of its own, as no table stays locked while another is waited for."""

from alembic import op

revision = "20261130_0631"
down_revision = "20261130_0630"
compatible_from = "20261122_2010"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE chat.sanctions DROP CONSTRAINT sanctions_pkey,"
        " ADD CONSTRAINT sanctions_pkey PRIMARY KEY USING INDEX sanctions_room_id_id_key"
    )
