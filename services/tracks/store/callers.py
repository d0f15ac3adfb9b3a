"""What the database's clock says of a caller."""

from __future__ import annotations

from typing import NamedTuple

from servicekit.clock import Micros
from servicekit.sql import Query


class SuspendedRow(NamedTuple):
    """Whether a suspension still holds."""

    suspended: bool


SUSPENDED = Query[SuspendedRow, Micros](
    "tracks.suspended", "SELECT $1::timestamptz > clock_timestamp() AS suspended"
)
