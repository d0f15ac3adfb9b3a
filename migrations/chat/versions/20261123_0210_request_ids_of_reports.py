"""Keep the request id of a report, so that a repeated call finds it even when it was resolved meanwhile."""

import sqlalchemy as sa
from alembic import op

from migrations import concurrently

revision = "20261123_0210"
down_revision = "20261123_0010"
compatible_from = "20261122_2010"
former_checksum = "032bcbf6c3103c8dcd1cd2b5e8812162692d54953b20bec4e76c920cec693748"


def upgrade() -> None:
    if not concurrently.exists("reports", "request_id", schema="chat"):
        op.add_column(
            "reports",
            sa.Column(
                "request_id",
                sa.Uuid,
                comment="The reporter's id of the ReportMessage call; empty when none was given",
            ),
            schema="chat",
        )
    concurrently.create_index(
        "reports_reporter_id_request_id_key",
        "reports",
        ["reporter_id", "request_id"],
        unique=True,
        schema="chat",
        postgresql_where=sa.text("request_id IS NOT NULL"),
    )
