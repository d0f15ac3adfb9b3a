"""Make room and id the primary key of reports. A revision of its own, as no table stays locked while another is waited for."""

from alembic import op

revision = "20261130_0632"
down_revision = "20261130_0631"
compatible_from = "20261122_2010"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE chat.reports DROP CONSTRAINT reports_pkey,"
        " ADD CONSTRAINT reports_pkey PRIMARY KEY USING INDEX reports_room_id_id_key"
    )
