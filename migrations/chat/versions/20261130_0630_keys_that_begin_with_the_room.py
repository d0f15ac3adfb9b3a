"""Keys that begin with the room's id, so that they hold where tables are partitioned or distributed by it.

The unique ones of ids become primary keys in the revisions after this one. A report's request id counts in its room, as
that of a message does.
"""

import sqlalchemy as sa

from migrations.concurrently import create_index, drop_index

revision = "20261130_0630"
down_revision = "20261129_1900"
compatible_from = "20261122_2010"


def upgrade() -> None:
    for table in ("sanctions", "reports", "moderation_logs"):
        create_index(f"{table}_room_id_id_key", table, ["room_id", "id"], schema="chat", unique=True)
    create_index(
        "reports_room_id_reporter_id_request_id_key",
        "reports",
        ["room_id", "reporter_id", "request_id"],
        schema="chat",
        unique=True,
        postgresql_where=sa.text("request_id IS NOT NULL"),
    )
    drop_index("reports_reporter_id_request_id_key", schema="chat")
