"""SQL of the revisions of a message."""

from __future__ import annotations

from typing import NamedTuple, cast
from uuid import UUID

from servicekit.clock import Micros
from servicekit.pagination import MAX_SIZE
from servicekit.sql import Query
from services.chat.domain.model import Revision
from services.chat.store.message_query import track_from_json
from services.chat.store.rooms import Reader


class RevisionRow(NamedTuple):
    """A revision of an existing message; `number` is None without revisions."""

    number: int | None
    text: str | None
    track_id: UUID | None
    track: str | None
    replaced_at: Micros | None

    def revision(self, message_id: UUID) -> Revision | None:
        """Return the revision as a value, or None."""
        if self.number is None:
            return None
        return Revision(
            message_id=message_id,
            number=self.number,
            text=self.text,
            track=None if self.track_id is None else track_from_json(self.track_id, self.track or "{}"),
            replaced_at=cast("Micros", self.replaced_at),
        )


_REVISIONS = Query[RevisionRow, UUID, UUID, int, int](
    "chat.revisions",
    f"""
    SELECT v.number, v.text, v.track_id, v.track, v.replaced_at
      FROM chat.messages n
      LEFT JOIN LATERAL (
        SELECT * FROM (
          SELECT v.number, v.text, v.track_id, v.track, v.replaced_at FROM chat.message_revisions v
           WHERE v.room_id = $1 AND v.message_id = $2 AND v.number < $3::bigint
           ORDER BY v.number DESC LIMIT {MAX_SIZE + 1}
        ) o LIMIT $4
      ) v ON true
     WHERE n.room_id = $1 AND n.id = $2
     ORDER BY v.number DESC
    """,
)


async def revisions(
    session: Reader, room_id: UUID, message_id: UUID, before: int, limit: int
) -> list[RevisionRow]:
    """Return a message's revisions with numbers below `before`, the newest first; no row when there is no such message."""
    return await session.rows(_REVISIONS, room_id, message_id, before, limit)
