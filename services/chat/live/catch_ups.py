"""Who reads the past of rooms, and when: few streams at once, and of one user one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID
from weakref import WeakValueDictionary

MAX_CATCH_UPS = 2
"""How many streams read the past at once, each on a connection."""


class CatchUps:
    """Gives turns. A user has one at a time, whatever streams they have: others wait for users, not for their streams."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(MAX_CATCH_UPS)
        # Those who wait hold theirs.
        self._users: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, user_id: UUID) -> AsyncIterator[None]:
        """Read for as long as the block lasts: a page."""
        own = self._users.get(user_id)
        if own is None:
            own = self._users[user_id] = asyncio.Lock()
        async with own, self._places:
            yield
