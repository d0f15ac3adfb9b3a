"""Index what is deleted apart from what is live, and what stands of sanctions and reports.

Each message stands in as many indexes as before.
"""

import sqlalchemy as sa

from migrations import concurrently

revision = "20261122_2310"
down_revision = "20261122_2036"
compatible_from = "20261122_2010"
former_checksum = "cddf0ff4e6bff0d5590749a762b2db22d36a7efbf990c6d550540915d0a984cd"

_LIVE, _DELETED = "deleted_at IS NULL", "deleted_at IS NOT NULL"


def upgrade() -> None:
    for kind, state in (("", _LIVE), ("deleted_", _DELETED)):
        concurrently.replace_index(
            f"messages_{kind}author_idx",
            "messages",
            ["user_id", "room_id", "created_at"],
            schema="chat",
            outdated="(user_id, room_id, seq)",
            postgresql_where=sa.text(state),
        )
        concurrently.replace_index(
            f"messages_{kind}replies_idx",
            "messages",
            ["room_id", "root_seq", "seq"],
            schema="chat",
            outdated="WHERE (root_id IS NOT NULL)",
            postgresql_where=sa.text(f"root_id IS NOT NULL AND {state}"),
        )
    concurrently.create_index(
        "sanctions_standing_idx",
        "sanctions",
        ["room_id", "rev"],
        schema="chat",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    concurrently.create_index(
        "reports_state_idx", "reports", ["room_id", "state", "created_at", "id"], schema="chat"
    )
