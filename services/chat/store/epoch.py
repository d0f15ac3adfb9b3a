"""The epoch: identifies this copy of the database, so that positions of another copy are detected."""

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


# The control file learns of a promotion's timeline with the first checkpoint, minutes later; the name of the current WAL
# file has it at once. A standby has no current one.
_INSTANCE = Query[_InstanceRow](
    "chat.instance",
    """
    SELECT i.id, s.system_identifier, d.oid::bigint AS database,
           CASE WHEN pg_is_in_recovery() THEN c.timeline_id
                ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END AS timeline
      FROM chat.instance i, pg_control_system() s, pg_control_checkpoint() c, pg_database d
     WHERE d.datname = current_database()
    """,
)


async def read_epoch(session: Session) -> str | None:
    """Return the epoch of the database that a connection leads to; None before the first migration."""
    row = await session.row(_INSTANCE)
    return None if row is None else hashlib.sha256(repr(tuple(map(str, row))).encode()).hexdigest()[:16]
