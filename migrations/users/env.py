"""Alembic's way in: executed by path, once per command, for the history of schema `users`."""

from migrations.support import run_history
from services.users.schema import metadata

run_history(metadata)
