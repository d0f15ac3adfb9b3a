"""The probe service on few connections, each call 100 ms of PostgreSQL: python -m tests.system.support.slow_probe.

With SLOW_PROBE_UNLIMITED=1 it takes every call and lets it wait as long as it likes, whether anybody
still waits for its answer or not: what a service without limits does.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, NamedTuple
from uuid import UUID

from servicekit.call import Call
from servicekit.caller import Caller, Role
from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.ids import new_id
from servicekit.process import App, AppContext, main
from servicekit.settings import ServiceSettings
from servicekit.sql import Query
from services.chat.app import SCHEMA_HEAD
from tests.probe import SERVICE, ProbeResponse

CONNECTIONS = 4
SECONDS = 0.1


class _Slept(NamedTuple):
    at: Micros


_SLEEP = Query[_Slept, float]("probe.sleep", "SELECT clock_timestamp() AS at FROM pg_sleep($1)")


class Settings(ServiceSettings):
    """As chat, whose role it borrows."""

    process = "chat"
    db_pool_min: int = CONNECTIONS
    db_pool_max: int = CONNECTIONS


class EndlessDatabase(Database):
    """Lets every call wait for a connection as long as it takes."""

    async def _take_slot(self) -> None:
        await self._slots.acquire()


class Everybody:
    """Knows every user."""

    service = "users"

    async def resolve(self, _subject: str, _email: str) -> Caller:
        """A caller."""
        return Caller(new_id(), Role.USER)

    async def resolve_user(self, user_id: str) -> Caller:
        """The user of an id."""
        return Caller(UUID(user_id), Role.USER)


class SlowProbe:
    """Sleeps in the database."""

    descriptor = SERVICE

    def __init__(self, database: Database) -> None:
        self._database = database

    async def Ask(self, request: Any, _call: Call) -> Any:  # noqa: N802 - the contract's name
        """Sleep, then answer."""
        work = asyncio.ensure_future(self._database.row(_SLEEP, SECONDS))
        # Without limits the work also goes on when its caller has given up.
        await (asyncio.shield(work) if isinstance(self._database, EndlessDatabase) else work)
        return ProbeResponse(text=request.text)

    def __getattr__(self, name: str) -> Any:
        """The methods that the test does not call."""
        if name in {method.name for method in SERVICE.methods}:
            return self.Ask
        raise AttributeError(name)


def build(context: AppContext[Any]) -> App:
    """Put the service together."""
    return App(servicers=[SlowProbe(context.database)], resolver=Everybody(), schema_head=SCHEMA_HEAD)


def build_unlimited(context: AppContext[Any]) -> App:
    """Put the service together without its limits."""
    context._database = EndlessDatabase(context.settings.dsn, context.settings.pool_options())
    return build(context)


if __name__ == "__main__":
    main(Settings, build_unlimited if "SLOW_PROBE_UNLIMITED" in os.environ else build)
