"""Let rooms be listed by name in the order of bytes; index who moderates, and open invitations."""

import sqlalchemy as sa
from alembic import op

from migrations import concurrently

revision = "20261122_2010"
down_revision = "20261122_1940"
compatible_from = "20261122_1940"
former_checksum = "8adf1904a7b3c10229cdcb061f91b664550f0fbfcdaa7aa6e10c38ef3d5ee788"

_PUBLIC = "NOT private AND archived_at IS NULL"


def upgrade() -> None:
    _order_by_bytes()
    concurrently.create_index(
        "room_memberships_moderating_idx",
        "room_memberships",
        ["room_id", "role", "joined_at", "user_id"],
        schema="chat",
        postgresql_where=sa.text("left_at IS NULL AND role <> 'MEMBER'::text"),
    )
    concurrently.create_index(
        "room_invitations_open_idx",
        "room_invitations",
        ["room_id", "rev"],
        schema="chat",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    concurrently.create_index(
        "room_invitations_mine_idx",
        "room_invitations",
        ["user_id", "created_at", "room_id"],
        schema="chat",
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _order_by_bytes() -> None:
    """Bytes decide the order: that of a language would neither serve prefixes nor stay the same.

    The revision before this one makes the column so; its former text, which databases may have, did not.
    """
    (column,) = (
        each
        for each in sa.inspect(op.get_bind()).get_columns("rooms", schema="chat")
        if each["name"] == "search_name"
    )
    if column["type"].collation != "C":
        # The change would build them anew while the table is locked.
        for each in ("public", "search_name", "search_words", "unfolded"):
            concurrently.drop_index(f"rooms_{each}_idx", schema="chat")
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
        concurrently.commit()
    _index_names()


def _index_names() -> None:
    trigrams = {"postgresql_using": "gin", "postgresql_ops": {"search_name": "extensions.gin_trgm_ops"}}
    words = sa.text("to_tsvector('simple'::regconfig, search_name)")
    for name, columns, condition, options in (
        ("public", ["search_name", "id"], _PUBLIC, {}),
        ("search_name", ["search_name"], _PUBLIC, trigrams),
        ("search_words", [words], _PUBLIC, {"postgresql_using": "gin"}),
        ("unfolded", ["id"], "search_name = ''::text", {}),
    ):
        concurrently.create_index(
            f"rooms_{name}_idx",
            "rooms",
            columns,
            schema="chat",
            postgresql_where=sa.text(condition),
            **options,
        )
