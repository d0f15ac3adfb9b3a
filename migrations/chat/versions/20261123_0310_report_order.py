"""Number reports by the room's change that made them: lists go by a position that is taken under the room's lock."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_0310"
down_revision = "20261123_0230"
compatible_from = "20261122_2010"


def upgrade() -> None:
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
    op.execute(
        """
        UPDATE chat.reports p SET created_rev = o.n
          FROM (SELECT id, row_number() OVER w - count(*) OVER (PARTITION BY room_id) AS n
                  FROM chat.reports WINDOW w AS (PARTITION BY room_id ORDER BY created_at, id)) o
         WHERE p.id = o.id
        """
    )
    op.drop_index("reports_room_id_created_at_idx", "reports", schema="chat")
    op.drop_index("reports_state_idx", "reports", schema="chat")
    op.create_index(
        "reports_room_id_created_rev_idx", "reports", ["room_id", "created_rev", "id"], schema="chat"
    )
    op.create_index(
        "reports_room_id_state_created_rev_idx",
        "reports",
        ["room_id", "state", "created_rev", "id"],
        schema="chat",
    )
