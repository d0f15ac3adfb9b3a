"""Index what is deleted apart from what is live, and what stands of sanctions and reports.

Each message stands in as many indexes as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_2310"
down_revision = "20261122_2036"
compatible_from = "20261122_2010"

_LIVE, _DELETED = "deleted_at IS NULL", "deleted_at IS NOT NULL"


def upgrade() -> None:
    op.drop_index("messages_author_idx", "messages", schema="chat")
    op.drop_index("messages_replies_idx", "messages", schema="chat")
    for kind, state in (("", _LIVE), ("deleted_", _DELETED)):
        op.create_index(
            f"messages_{kind}author_idx",
            "messages",
            ["user_id", "room_id", "created_at"],
            schema="chat",
            postgresql_where=sa.text(state),
        )
        op.create_index(
            f"messages_{kind}replies_idx",
            "messages",
            ["room_id", "root_seq", "seq"],
            schema="chat",
            postgresql_where=sa.text(f"root_id IS NOT NULL AND {state}"),
        )
    op.create_index(
        "sanctions_standing_idx",
        "sanctions",
        ["room_id", "rev"],
        schema="chat",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("reports_state_idx", "reports", ["room_id", "state", "created_at", "id"], schema="chat")
