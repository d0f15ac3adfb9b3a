"""Alembic's way in: executed by path, once per command, for the history of schema `tracks`."""

from migrations.support import run_history
from services.tracks.schema import metadata

run_history(metadata)
