"""Dependencies of the actions."""

from __future__ import annotations

from dataclasses import dataclass

from servicekit.database import Database


@dataclass(frozen=True, slots=True)
class Deps:
    """Built once per process by app.py."""

    database: Database
