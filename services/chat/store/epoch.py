"""The epoch: names this copy of the database, so that positions of another one are told apart."""

from __future__ import annotations

import hashlib
from typing import NamedTuple
from uuid import UUID

from servicekit.database import Session
from servicekit.sql import Query


class _InstanceRow(NamedTuple):
    id: UUID
    system_identifier: int
    database: int
    timeline: int


_INSTANCE = Query[_InstanceRow](
    "chat.instance",
    """
    SELECT i.id, s.system_identifier, d.oid::bigint AS database, c.timeline_id AS timeline
      FROM chat.instance i, pg_control_system() s, pg_control_checkpoint() c, pg_database d
     WHERE d.datname = current_database()
    """,
)


class Epoch:
    """The epoch of the database that the newest connection leads to.

    A restored or promoted copy is reached by new connections only, so it is read once per connection.
    """

    def __init__(self) -> None:
        self.value = ""

    async def read(self, session: Session) -> None:
        """Read the epoch on a new connection. Before the first migration there is none."""
        row = await session.row(_INSTANCE)
        if row is not None:
            self.value = hashlib.sha256(repr(tuple(map(str, row))).encode()).hexdigest()[:16]
