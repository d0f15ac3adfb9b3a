"""chat with the fault that a crash test has to find: it answers before it commits.

Run with `python -m` in place of services.chat. The commit follows 50 ms later, as on a slow disk, so that every crash finds some.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from unittest.mock import patch

from servicekit.database import Database, Session
from servicekit.process import main
from services.chat import app
from services.chat.config import Settings
from services.chat.workers.message_batcher import MessageBatcher

_COMMIT_SECONDS = 0.05


class EarlyDatabase(Database):
    """Transactions of another database's pool that say they are committed and are not yet."""

    def __init__(self, real: Database) -> None:
        self._real = real
        self._commits: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def transaction(self, statement_timeout_ms: int | None = None) -> AsyncIterator[Session]:
        """A transaction; its end is its commit's beginning."""
        stack = AsyncExitStack()
        try:
            session = await stack.enter_async_context(self._real.transaction(statement_timeout_ms))
            yield session
        except BaseException as error:
            if not await stack.__aexit__(type(error), error, error.__traceback__):
                raise
        else:
            commit = asyncio.create_task(self._commit(stack))
            self._commits.add(commit)
            commit.add_done_callback(self._commits.discard)

    async def _commit(self, stack: AsyncExitStack) -> None:
        # The time that a disk takes.
        await asyncio.sleep(_COMMIT_SECONDS)
        await stack.aclose()


class EarlyBatcher(MessageBatcher):
    """Answers as soon as everything is written, committed or not."""

    def __init__(self, database: Database, *others: Any) -> None:
        super().__init__(EarlyDatabase(database), *others)


if __name__ == "__main__":
    with patch.object(app, "MessageBatcher", EarlyBatcher):
        main(Settings, app.build)
