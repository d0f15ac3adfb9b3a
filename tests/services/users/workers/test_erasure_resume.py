"""An erasure killed at each of its statements and calls, in every way, and resumed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from servicekit.database import Database, PoolOptions, Session
from servicekit.sql import Statement
from services.users.actions.erasure import Progress
from services.users.domain.erasure import ErasureStep
from services.users.store import erasure as store
from services.users.workers.erasure import LEASE_SECONDS, ErasureWorker
from tests import postgres
from tests.services.running import JWT_SECRET, SERVICE_SECRET
from tests.services.users.erasure_fixtures import FakeServices, age, artist, erase, job

WAYS = ("before", "after", "cancelled", "connection lost")
# Of a method that reads.
_NOT_RUN = {"users.get_erasure"}


class KilledError(BaseException):
    """Stands for the end of the process: nothing may go on after it."""


class Reaper:
    """Ends the work at each statement and each call of another service, once in each way.

    A place is known by the state in which the process began, and by what it has run since.
    """

    def __init__(self, database: Database, admin: asyncpg.Connection, patch: pytest.MonkeyPatch) -> None:
        self.killed: set[tuple[str, str, tuple[str, ...]]] = set()
        self.task: asyncio.Task[Any] | None = None
        self._place = ""
        self._names: tuple[str, ...] = ()
        self._database = database
        self._admin = admin
        run, control = Session._run, Session.execute_control
        reaper = self

        async def reaped_run(session: Session, statement: Any, *args: Any) -> Any:
            return await reaper.reap(statement.name, lambda: run(session, statement, *args), session)

        async def reaped_control(session: Session, text: str) -> None:
            name = text.partition(" ")[0]
            if name == "ROLLBACK":
                await control(session, text)
            else:
                await reaper.reap(name, lambda: control(session, text), session)

        patch.setattr(Session, "_run", reaped_run)
        patch.setattr(Session, "execute_control", reaped_control)

    def begin(self, place: str) -> None:
        """A new process begins."""
        self._place, self._names = place, ()

    async def reap(
        self, name: str, work: Callable[[], Awaitable[Any]], session: Session | None = None
    ) -> Any:
        """Do a piece of work, and end the process before, after or in it unless that was tried."""
        if session is not None and session._database is not self._database:
            return await work()
        self._names = (*self._names, name)
        ways = WAYS if session is not None else WAYS[:3]
        way = next((way for way in ways if (way, self._place, self._names) not in self.killed), None)
        if way is not None:
            self.killed.add((way, self._place, self._names))
        if way == "before":
            raise KilledError
        if way == "cancelled":
            assert self.task is not None
            asyncio.get_running_loop().call_soon(self.task.cancel)
        if way == "connection lost" and session is not None:
            pid = await session._connection.fetchval("SELECT pg_backend_pid()")
            await self._admin.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
        result = await work()
        if way == "after":
            raise KilledError
        return result


class ReapedServices(FakeServices):
    """Chat and tracks; the process may end before, in or after each call."""

    reaper: Reaper | None = None

    async def erase(self, service: str, user_id: UUID, mode: str, part: int) -> Progress:
        assert self.reaper is not None
        call = super().erase
        progress: Progress = await self.reaper.reap(service, lambda: call(service, user_id, mode, part))
        return progress


@pytest.fixture
async def pool(database: postgres.Database) -> AsyncIterator[Database]:
    """A pool of the test's own, as the service's role, past any pooler: backends are ended by their number."""
    opened = Database(database.app_dsn("users"), PoolOptions("test", min_size=1, max_size=2))
    await opened.open()
    yield opened
    await opened.close()


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_erasure_killed_at_every_statement_and_call_is_resumed(
    pool: Database, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = ReapedServices(admin, part=10)
    with monkeypatch.context() as patch:
        services.reaper = reaper = Reaper(pool, admin, patch)
        erasures, killed = 0, -1
        # A step that was recorded is not repeated: one erasure does not show all ways to end there.
        while killed < len(reaper.killed):
            erasures, killed = erasures + 1, len(reaper.killed)
            await _erase(services, reaper, pool)
    assert erasures > len(WAYS)
    assert len(reaper.killed) > 150
    ours = {value.name for value in vars(store).values() if isinstance(value, Statement)}
    reached = {names[-1] for _, _, names in reaper.killed}
    assert reached >= ours - _NOT_RUN | {"BEGIN", "COMMIT", "chat", "tracks", "users.renew_lease"}
    steps = {place.partition(" ")[0] for _, place, _ in reaper.killed} - {"start"}
    assert steps == {str(step) for step in ErasureStep} - {"DONE"}


async def _erase(services: ReapedServices, reaper: Reaper, pool: Database) -> None:
    """One erasure, started again until it is done, with the results of one that nothing interrupts."""
    admin, user_id = services.admin, await artist(services.admin)
    services.left = {("chat", user_id): 25, ("tracks", user_id): 3}
    erasure = await _start(reaper, pool, user_id)
    await age(admin, erasure, "1 day")
    while (found := await job(admin, erasure))["step"] != "DONE":
        # The lease of a process that died ends by itself, and what is put off comes back.
        await admin.execute("DELETE FROM users.leases")
        await admin.execute("UPDATE users.erasure_jobs SET due_at = created_at WHERE finished_at IS NULL")
        reaper.begin(f"{found['step']} {list(services.left.values())}")
        reaper.task = asyncio.create_task(_run_worker(services, pool))
        await asyncio.gather(reaper.task, return_exceptions=True)
    assert found["finished_at"] is not None
    assert list(services.left.values()) == [0, 0]
    assert await admin.fetchval("SELECT count(*) FROM users.artist_profiles WHERE user_id = $1", user_id) == 0
    assert await admin.fetchval("SELECT count(*) FROM users.erasure_jobs WHERE user_id = $1", user_id) == 1
    assert (
        await admin.fetchval("SELECT erased_at IS NOT NULL FROM users.users WHERE id = $1", user_id) is True
    )
    # The rows of a call whose outcome was lost are not counted.
    assert sum(found["counts"].values()) <= 25 + 3 + 1


async def _start(reaper: Reaper, pool: Database, user_id: UUID) -> store.ErasureRow:
    """Start an erasure, however often the process dies of it."""
    while True:
        reaper.begin("start")
        task = reaper.task = asyncio.create_task(erase(pool, user_id))
        started: store.ErasureRow | BaseException = (await asyncio.gather(task, return_exceptions=True))[0]
        if not isinstance(started, BaseException):
            return started


async def _run_worker(services: FakeServices, pool: Database) -> None:
    await ErasureWorker(services.deps(pool), interval=3_600).run_once()


@pytest.mark.slow
async def test_step_of_a_killed_process_is_repeated_when_its_lease_has_ended(
    database: postgres.Database, pool: Database, admin: asyncpg.Connection
) -> None:
    erasure = await erase(pool, await artist(admin))
    await age(admin, erasure, "1 day")
    hanging = await asyncio.start_server(_hang, "127.0.0.1", 0)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.users", env={**os.environ, **_environ(database, hanging)}
    )
    try:
        async with asyncio.timeout(40):
            while (await job(admin, erasure))["step"] != "CHAT":
                # Polled: until the other process calls chat.
                await asyncio.sleep(0.05)
    finally:
        process.kill()
        await process.wait()
    services = FakeServices(admin)
    worker = ErasureWorker(services.deps(pool), interval=3_600)
    assert await worker.run_once() is False
    await admin.execute(f"UPDATE users.leases SET until = until - interval '{LEASE_SECONDS} seconds'")
    assert await worker.run_once() is True
    assert services.calls[0][0] == "chat"
    assert (await job(admin, erasure))["step"] == "DONE"
    hanging.close()


async def _hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read until the other side ends the connection, and never answer."""
    await reader.read()
    writer.close()


def _environ(database: postgres.Database, chat: asyncio.Server) -> dict[str, str]:
    """The settings of a users process whose chat is this server."""
    return {
        **database.environ,
        "SEDA_JWT_SECRET": JWT_SECRET,
        "SEDA_SERVICE_SECRET": SERVICE_SECRET,
        **{f"SEDA_{kind}PORT": "0" for kind in ("", "ADMIN_", "METRICS_")},
        "SEDA_ERASURE_INTERVAL_SECONDS": "0.1",
        "SEDA_CHAT_TARGET": f"127.0.0.1:{chat.sockets[0].getsockname()[1]}",
    }
