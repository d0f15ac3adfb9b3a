"""Number reports by the room's change that made them: lists go by a position that is taken under the room's lock."""

import datetime as dt
from uuid import UUID

import sqlalchemy as sa
from alembic import op

from migrations import concurrently

revision = "20261123_0310"
down_revision = "20261123_0230"
compatible_from = "20261122_2010"
former_checksum = "c205ce180633bea436b6b000525e898b949e9cc7a675fcde78ce620012dae768"


_Place = tuple[UUID, dt.datetime, UUID, int]
_BEHIND_ALL = (UUID(int=(1 << 128) - 1), dt.datetime.now(dt.UTC), UUID(int=0), 0)


def upgrade() -> None:
    if not concurrently.exists("reports", "created_rev", schema="chat"):
        # Earlier builds insert reports without it: these get 0, which is after all earlier ones and before all later ones.
        op.add_column(
            "reports",
            sa.Column(
                "created_rev",
                sa.BigInteger,
                nullable=False,
                server_default="0",
                comment="The room's change that made it, which lists go by; below 1 for reports made before this column",
            ),
            schema="chat",
        )
        concurrently.commit()
    # It goes last, and they are numbered along it.
    if concurrently.index_exists("reports_room_id_created_at_idx", schema="chat"):
        concurrently.in_batches(_number, _BEHIND_ALL)
    concurrently.create_index(
        "reports_room_id_created_rev_idx", "reports", ["room_id", "created_rev", "id"], schema="chat"
    )
    concurrently.create_index(
        "reports_room_id_state_created_rev_idx",
        "reports",
        ["room_id", "state", "created_rev", "id"],
        schema="chat",
    )
    concurrently.drop_index("reports_state_idx", schema="chat")
    concurrently.drop_index("reports_room_id_created_at_idx", schema="chat")


def _number(connection: sa.Connection, after: _Place, size: int) -> _Place | None:
    """Number reports of each room from its newest one, which gets 0, down."""
    room, created_at, report, number = after
    rows = connection.execute(
        sa.text(
            """
            SELECT room_id, created_at, id FROM chat.reports
             WHERE (room_id, created_at, id) < (CAST(:room AS uuid), CAST(:created_at AS timestamptz), CAST(:report AS uuid))
             ORDER BY room_id DESC, created_at DESC, id DESC LIMIT :size
            """
        ),
        {"room": room, "created_at": created_at, "report": report, "size": size},
    ).all()
    numbers = []
    for row in rows:
        number = number - 1 if row.room_id == room else 0
        room = row.room_id
        numbers.append(number)
    connection.execute(
        sa.text(
            """
            UPDATE chat.reports p SET created_rev = o.number
              FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS bigint[])) AS o (id, number)
             WHERE p.id = o.id AND p.created_rev <> o.number
            """
        ),
        {"ids": [row.id for row in rows], "numbers": numbers},
    )
    return (*rows[-1], number) if rows else None
