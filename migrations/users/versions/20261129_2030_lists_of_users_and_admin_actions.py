"""Index users and admin actions in the orders in which they are listed."""

import sqlalchemy as sa

from migrations import concurrently

revision = "20261129_2030"
down_revision = "20261129_2020"
compatible_from = "20261122_1015"
former_checksum = "df2b62e8c6d0842d8c79d18e94593f1dcead60f60755286dce97c5e40c467dab"

_NOT_ERASED = sa.text("erased_at IS NULL")


def upgrade() -> None:
    for columns in (["created_at", "id"], ["role", "created_at", "id"]):
        concurrently.create_index(
            f"users_{'_'.join(columns)}_idx", "users", columns, schema="users", postgresql_where=_NOT_ERASED
        )
    for state in ("muted", "suspended"):
        concurrently.create_index(
            f"users_{state}_created_at_id_idx",
            "users",
            ["created_at", "id"],
            schema="users",
            postgresql_where=sa.text(f"{state}_until IS NOT NULL"),
        )
    for first in ([], ["actor_id"], ["target_id"], ["action"]):
        columns = [*first, "created_at", "id"]
        concurrently.create_index(
            f"admin_actions_{'_'.join(columns)}_idx", "admin_actions", columns, schema="users"
        )
