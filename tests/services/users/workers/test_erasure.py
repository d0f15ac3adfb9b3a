"""The worker of erasures: its steps in their order, services that are away, one runner at a time, and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from servicekit.database import Database, PoolOptions
from servicekit.errors import DeadlineExceededError, ServiceUnavailableError
from servicekit.sql import Statement
from services.users.domain.erasure import LATE_WRITES_SECONDS, ErasureMode, callers_seconds
from services.users.store.erasure import ErasureRow
from services.users.workers.erasure import LEASE_SECONDS, ErasureWorker
from tests import postgres
from tests.services.running import Running, add_user
from tests.services.users.erasure_fixtures import (
    CALLER_TTL_SECONDS,
    FakeServices,
    age,
    artist,
    erase,
    job,
)

_TABLES = ("artist_profiles", "verification_requests", "verification_attempts", "verification_transitions")
_FRAME = (
    "users.erasure_backlog",
    "users.acquire_lease",
    "users.delete_expired_refusals",
    "users.due_erasure",
)
_AFTER = ("users.advance_erasure", "users.renew_lease", "users.due_erasure")


@pytest.fixture
async def pool(database: postgres.Database) -> AsyncIterator[Database]:
    """A pool of the service's role."""
    opened = Database(database.service_dsn("users"), PoolOptions("test", max_size=4, pooled=database.pooled))
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def services(admin: asyncpg.Connection) -> FakeServices:
    """Chat and tracks. No erasure of another test is due."""
    await admin.execute("UPDATE users.erasure_jobs SET due_at = 'infinity' WHERE finished_at IS NULL")
    await admin.execute("DELETE FROM users.refused_identities; DELETE FROM users.leases")
    return FakeServices(admin)


@pytest.fixture
def worker(pool: Database, services: FakeServices) -> ErasureWorker:
    return ErasureWorker(services.deps(pool), interval=3_600)


async def rows_of(admin: asyncpg.Connection, user_id: UUID) -> dict[str, int]:
    """How many rows of a user the tables of artists hold."""
    counts = {}
    for table in _TABLES:
        of_user = "actor_id" if table == "verification_transitions" else "user_id"
        query = f"SELECT count(*) FROM users.{table} WHERE {of_user} = $1"
        counts[table] = await admin.fetchval(query, user_id)
    return counts


async def test_steps_run_in_their_order_each_when_it_is_due(
    pool: Database, admin: asyncpg.Connection, services: FakeServices, worker: ErasureWorker
) -> None:
    user_id = await artist(admin)
    assert set((await rows_of(admin, user_id)).values()) == {1}
    services.left = {("chat", user_id): 25, ("tracks", user_id): 3}
    services.part = 10
    erasure = await erase(pool, user_id, ErasureMode.ANONYMISE)
    await age(admin, erasure, f"{callers_seconds(CALLER_TTL_SECONDS) - 2} seconds")
    assert await worker.run_once()
    assert ((await job(admin, erasure))["step"], services.calls) == ("CALLERS", [])
    await age(admin, erasure, "2 seconds")
    assert await worker.run_once()
    assert services.calls == [("chat", user_id, "ANONYMISE")] * 3 + [("tracks", user_id, "")]
    # The artist profile was gone before.
    assert set(services.profiles) == {0}
    assert set((await rows_of(admin, user_id)).values()) == {0}
    found = await job(admin, erasure)
    assert (found["step"], found["finished_at"]) == ("LATE_WRITES", None)
    assert found["counts"] == {"ARTIST": 1, "CHAT": 25, "TRACKS": 3}
    started = callers_seconds(CALLER_TTL_SECONDS)
    assert LATE_WRITES_SECONDS - started - 5 < found["wait"] <= LATE_WRITES_SECONDS - started


async def test_late_writes_are_erased_before_an_erasure_is_done(
    pool: Database, admin: asyncpg.Connection, services: FakeServices, worker: ErasureWorker
) -> None:
    user_id = await artist(admin)
    erasure = await erase(pool, user_id)
    await age(admin, erasure, f"{callers_seconds(CALLER_TTL_SECONDS)} seconds")
    await worker.run_once()
    # What a process did that knew the user and could not reach this service.
    services.left = {("chat", user_id): 1_500, ("tracks", user_id): 2}
    services.calls.clear()
    await worker.run_once()
    assert services.calls == []
    await age(admin, erasure, "1 hour")
    await worker.run_once()
    assert services.called(user_id) == ["chat", "chat", "tracks"]
    assert set(services.left.values()) == {0}
    found = await job(admin, erasure)
    assert (found["step"], found["finished_at"] is not None) == ("DONE", True)
    assert found["counts"] == {"ARTIST": 1, "LATE_WRITES": 1_502}
    services.calls.clear()
    await worker.run_once()
    assert services.calls == []


async def test_each_step_costs_its_statements(
    pool: Database, admin: asyncpg.Connection, services: FakeServices, worker: ErasureWorker
) -> None:
    user_id = await artist(admin)
    services.left = {("chat", user_id): 5_000, ("tracks", user_id): 5_000}
    erasure = await erase(pool, user_id)
    await age(admin, erasure, "1 day")
    names: list[str] = []
    pool.observers.append(lambda name, _: names.append(name))
    await worker.run_once()
    artist_step = ("users.delete_erased_artist", *_AFTER)
    chat = 5 * _AFTER
    assert tuple(names) == (
        *_FRAME,
        *_AFTER,
        *artist_step,
        *chat,
        *_AFTER,
        *artist_step,
        "users.release_lease",
    )
    names.clear()
    await worker.run_once()
    assert names == ["users.erasure_backlog"]


@pytest.mark.parametrize("service", ["chat", "tracks"])
async def test_erasure_waits_for_a_service_that_is_away(
    pool: Database, admin: asyncpg.Connection, services: FakeServices, worker: ErasureWorker, service: str
) -> None:
    users = [await artist(admin) for _ in range(2)]
    erasures = [await erase(pool, user_id) for user_id in users]
    for number, erasure in enumerate(erasures):
        await age(admin, erasure, f"{1_000 - number} seconds")
    errors = [ServiceUnavailableError(service), DeadlineExceededError(), RuntimeError("a defect")]
    services.errors = {(service, users[0]): errors}
    waits = []
    for failures in (1, 2, 3):
        await worker.run_once()
        found = await job(admin, erasures[0])
        assert (found["step"], found["failures"]) == (service.upper(), failures)
        waits.append(found["wait"])
        # The other erasure went on.
        assert (await job(admin, erasures[1]))["step"] == "DONE"
        await admin.execute("UPDATE users.erasure_jobs SET due_at = now() WHERE id = $1", erasures[0].id)
    assert 1 < waits[0] < 3.1 < waits[1] < 6.1 < waits[2] < 12.1
    await worker.run_once()
    found = await job(admin, erasures[0])
    assert (found["step"], found["failures"]) == ("DONE", 0)


async def test_one_process_runs_at_a_time(
    pool: Database, admin: asyncpg.Connection, services: FakeServices, worker: ErasureWorker
) -> None:
    user_id = await artist(admin)
    services.left = {("chat", user_id): 7}
    erasure = await erase(pool, user_id)
    await age(admin, erasure, "1 day")
    services.hang = asyncio.Event()
    first = asyncio.create_task(worker.run_once())
    async with asyncio.timeout(10):
        while not services.calls:
            # Polled: until the first runner is in the middle of a step.
            await asyncio.sleep(0.001)
    second = ErasureWorker(services.deps(pool), interval=3_600)
    assert await second.run_once() is False
    assert len(services.calls) == 1
    # The first one stalls for longer than the lease lasts; another one takes over and finishes.
    await admin.execute(f"UPDATE users.leases SET until = until - interval '{LEASE_SECONDS} seconds'")
    hang, services.hang = services.hang, None
    assert await second.run_once() is True
    done = await job(admin, erasure)
    assert (done["step"], done["counts"]) == ("DONE", {"ARTIST": 1, "CHAT": 7})
    hang.set()
    await first
    assert await job(admin, erasure) | {"wait": 0} == done | {"wait": 0}


async def test_stalled_runner_does_not_release_the_lease_of_another_one(
    pool: Database, admin: asyncpg.Connection, services: FakeServices, worker: ErasureWorker
) -> None:
    erasure = await erase(pool, await artist(admin))
    await age(admin, erasure, "1 day")
    services.hang = asyncio.Event()
    first = asyncio.create_task(worker.run_once())
    async with asyncio.timeout(10):
        while not services.calls:
            # Polled: until the first runner is in the middle of a step.
            await asyncio.sleep(0.001)
    other = uuid4()
    await admin.execute("UPDATE users.leases SET holder = $1", other)
    services.hang.set()
    await first
    # It stopped after its step.
    assert len(services.calls) == 1
    assert await admin.fetchval("SELECT holder FROM users.leases WHERE name = 'erasure'") == other


async def test_expired_refusals_are_deleted(
    admin: asyncpg.Connection, services: FakeServices, worker: ErasureWorker
) -> None:
    await admin.execute(
        "INSERT INTO users.refused_identities SELECT sha256(n::text::bytea), now() + n * interval '1 hour'"
        " FROM generate_series(-2, 2) AS n"
    )
    await worker.run_once()
    left = await admin.fetchval("SELECT count(*) FROM users.refused_identities WHERE until > now()")
    assert (left, await admin.fetchval("SELECT count(*) FROM users.refused_identities")) == (2, 2)
    assert services.calls == []


async def test_looking_for_work_does_not_read_every_refusal(admin: asyncpg.Connection) -> None:
    await admin.execute("DELETE FROM users.refused_identities")
    await admin.execute(
        "INSERT INTO users.refused_identities SELECT sha256(n::text::bytea), now() + interval '1 day'"
        " FROM generate_series(1, 20000) AS n"
    )
    await admin.execute("ANALYZE users.refused_identities")
    for name in ("users.erasure_backlog", "users.delete_expired_refusals"):
        plan = await admin.fetch(f"EXPLAIN {Statement.registry[name].text}")
        assert "refused_identities_until_idx" in "\n".join(row[0] for row in plan), name
    await admin.execute("DELETE FROM users.refused_identities")


async def test_backlog_is_measured(
    pool: Database, admin: asyncpg.Connection, services: FakeServices, worker: ErasureWorker, users: Running
) -> None:
    await admin.execute("DELETE FROM users.erasure_jobs")
    await worker.run_once()
    assert worker.backlog[:3] == (0, 0, 0.0)
    ids = [UUID(await add_user(admin, f"{uuid4()}@example.org")) for _ in range(3)]
    erasures = [await erase(pool, each) for each in ids]
    await age(admin, erasures[0], "2 hours")
    services.errors = {("chat", ids[0]): [ServiceUnavailableError("chat")]}
    await worker.run_once()
    await worker.run_once()
    assert worker.backlog[:2] == (3, 1)
    assert 7_200 <= worker.backlog.oldest_seconds < 7_300
    (own,) = [each for each in users.process.app.workers if isinstance(each, ErasureWorker)]
    await own.run_once()
    sample = users.process.metrics.registry.get_sample_value
    assert (sample("seda_erasures_unfinished"), sample("seda_erasures_retrying")) == (3, 1)
    assert (sample("seda_erasure_oldest_seconds") or 0) >= 7_200


async def test_worker_runs_by_itself_and_survives_failures(
    pool: Database, admin: asyncpg.Connection, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    erasure: ErasureRow = await erase(pool, await artist(admin))
    await age(admin, erasure, "1 day")
    worker = ErasureWorker(services.deps(pool), interval=0.01)
    runs, done = 0, asyncio.Event()
    run_once = worker.run_once

    async def failing_first() -> bool:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise [ServiceUnavailableError("users"), RuntimeError("a defect")][runs - 1]
        ran = await run_once()
        done.set()
        return ran

    monkeypatch.setattr(worker, "run_once", failing_first)
    await worker.start()
    async with asyncio.timeout(10):
        await done.wait()
    await worker.stop()
    assert runs >= 3
    assert (await job(admin, erasure))["step"] == "DONE"
