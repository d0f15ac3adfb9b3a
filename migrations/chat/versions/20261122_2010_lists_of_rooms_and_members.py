"""Let rooms be listed by name in the order of bytes; index who moderates, and open invitations."""

import sqlalchemy as sa
from alembic import op

revision = "20261122_2010"
down_revision = "20261122_1940"
compatible_from = "20261122_1940"

_PUBLIC = "NOT private AND archived_at IS NULL"


def upgrade() -> None:
    # Bytes decide the order: that of a language would neither serve prefixes nor stay the same.
    op.drop_index("rooms_public_idx", "rooms", schema="chat")
    op.alter_column(
        "rooms",
        "search_name",
        schema="chat",
        type_=sa.Text(collation="C"),
        existing_type=sa.Text,
        existing_nullable=False,
        existing_server_default="",
        existing_comment="The name folded for search; '' until a worker has folded it",
    )
    op.create_index(
        "rooms_public_idx", "rooms", ["search_name", "id"], schema="chat", postgresql_where=sa.text(_PUBLIC)
    )
    op.create_index(
        "room_memberships_moderating_idx",
        "room_memberships",
        ["room_id", "role", "joined_at", "user_id"],
        schema="chat",
        postgresql_where=sa.text("left_at IS NULL AND role <> 'MEMBER'::text"),
    )
    op.create_index(
        "room_invitations_open_idx",
        "room_invitations",
        ["room_id", "rev"],
        schema="chat",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "room_invitations_mine_idx",
        "room_invitations",
        ["user_id", "created_at", "room_id"],
        schema="chat",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
