"""Alembic's way in: executed by path, once per command, for the history of schema `chat`."""

from migrations.support import run_history
from services.chat.schema import metadata

run_history(metadata)
