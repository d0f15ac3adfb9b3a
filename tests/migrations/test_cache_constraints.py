"""What the tables of the crawler refuse, whoever writes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.migrations.test_constraints import insert
from tests.postgres import Database, administrator

URL = "https://example.org/"
HASH = b"h" * 32
CONTENT = b"x" * (1 << 20)


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection whose changes are rolled back."""
    async with administrator(database.server, database.name) as made:
        transaction = made.transaction()
        await transaction.start()
        yield made
        await transaction.rollback()


async def keep(connection: asyncpg.Connection, **changes: Any) -> None:
    now = await connection.fetchval("SELECT now()")
    row: dict[str, Any] = {"url_hash": HASH, "url": URL, "status_code": 200}
    times = {"fetched_at": 0, "expires_at": 60, "stale_until": 60}
    row |= {name: now + timedelta(seconds=changes.pop(name, seconds)) for name, seconds in times.items()}
    await insert(connection, "tracks.crawler_cache", **(row | changes))


GOOD: dict[str, dict[str, Any]] = {
    "status": {},
    "page": {"final_url": URL, "content_type": "text/html", "content": CONTENT, "etag": '"v1"'},
    "empty page": {"content": b""},
    "failure": {"status_code": None, "error_kind": "DNS_FAILED"},
    "failure with a status": {"error_kind": "TOO_LARGE"},
    "first hop": {"url": "http://example.org/"},
    "no time": {"expires_at": 0, "stale_until": 0},
}
BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "short hash": ("url_hash", {"url_hash": b"h"}),
    "other scheme": ("url", {"url": "ftp://example.org/"}),
    "long address": ("url", {"url": URL + "x" * 2048}),
    "other scheme at the end": ("final_url", {"final_url": "file:///etc/passwd"}),
    "no status of HTTP": ("status_code", {"status_code": 600}),
    "long type": ("content_type", {"content_type": "x" * 256}),
    "long body": ("content", {"content": CONTENT + b"x"}),
    "long tag": ("etag", {"etag": "x" * 513}),
    "odd kind": ("error_kind", {"error_kind": "because"}),
    "expired before it came": ("times", {"expires_at": -1}),
    "stale before it expired": ("times", {"stale_until": 59}),
    "nothing came of it": ("outcome", {"status_code": None}),
    "body of a failure": ("content_belongs", {"content": b"x", "error_kind": "TOO_LARGE"}),
    "body of nothing": ("content_belongs", {"content": b"x", "status_code": None, "error_kind": "X"}),
}


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD.keys())
async def test_a_good_answer_is_kept(changes: dict[str, Any], connection: asyncpg.Connection) -> None:
    await keep(connection, **changes)


@pytest.mark.parametrize(("constraint", "changes"), BAD.values(), ids=BAD.keys())
async def test_a_bad_answer_is_refused(
    constraint: str, changes: dict[str, Any], connection: asyncpg.Connection
) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as caught:
        await keep(connection, **changes)
    assert caught.value.constraint_name == f"crawler_cache_{constraint}_check"


async def test_a_lease_has_one_holder_and_a_name(connection: asyncpg.Connection) -> None:
    lease = {"holder": uuid.uuid4(), "until": await connection.fetchval("SELECT now()")}
    await insert(connection, "tracks.leases", name="x" * 255, **lease)
    for name, error in (
        ("x" * 256, asyncpg.CheckViolationError),
        ("", asyncpg.CheckViolationError),
        ("x" * 255, asyncpg.UniqueViolationError),
    ):
        with pytest.raises(error):
            async with connection.transaction():
                await insert(connection, "tracks.leases", name=name, **lease)
