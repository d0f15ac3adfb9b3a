"""Whether a caller is suspended, by the database's clock."""

from __future__ import annotations

from typing import NamedTuple

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Query


class SuspendedRow(NamedTuple):
    """Whether a suspension is still active."""

    suspended: bool


_SUSPENDED = Query[SuspendedRow, Micros](
    "tracks.suspended", "SELECT $1::timestamptz > clock_timestamp() AS suspended"
)


async def is_suspended(database: Database, suspended_until: Micros) -> bool:
    """Return True while the suspension is active."""
    row = await database.row(_SUSPENDED, suspended_until)
    return row is not None and row.suspended
