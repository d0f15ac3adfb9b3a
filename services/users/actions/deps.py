"""What the actions work with."""

from __future__ import annotations

from dataclasses import dataclass

from servicekit.database import Database


@dataclass(frozen=True, slots=True)
class Deps:
    """Made once per process by app.py."""

    database: Database
