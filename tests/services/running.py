"""Real services for tests: a real server with the real wrapper, called over a real channel."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import grpc
import pytest
from google.protobuf.message import Message

from ops.dev_tokens import development_subject, development_token
from search_text import normalize_text
from sedaclient.auth import ServiceTokenSigner
from servicekit.errors import Code, ServiceError
from servicekit.ids import new_id
from servicekit.process import App, AppContext, Process
from servicekit.rpc_status import UpstreamError, from_rpc_error
from servicekit.settings import ServiceSettings
from servicekit.tracing import Tracing
from services.users.domain.name_skeleton import name_skeleton
from tests.postgres import Database

JWT_SECRET = "a secret of users' tokens for tests only"
SERVICE_SECRET = "a secret of services' tokens for tests only"
UNLIMITED = {
    f"{kind}_{limit}": 1e6
    for kind in (
        "send",
        "room",
        "join",
        "reaction",
        "search",
        "invitation",
        "report",
        "fetch",
        "room_write",
        "room_search",
        "erasure_read",
        "artist_search",
        "artist_write",
        "verification",
        "watch",
    )
    for limit in ("rate_per_second", "burst")
}
"""Settings of chat and tracks without effective rate limits."""
_TIMEOUT = 20.0
_Response = TypeVar("_Response", bound=Message)


@dataclass
class Running:
    """One running service. `statements` names every statement its database has run, in order."""

    process: Process
    channel: grpc.aio.Channel
    database: Database
    statements: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.process.servers.port}"

    def forget_callers(self) -> None:
        """Make the next call of every user ask who they are."""
        self.process.authenticator.clear_cache()

    @contextlib.contextmanager
    def counting(self) -> Iterator[list[str]]:
        """Collects the statements that run inside the block."""
        self.statements.clear()
        yield self.statements


@contextlib.asynccontextmanager
async def running(
    settings: type[ServiceSettings],
    build: Callable[[AppContext[Any]], App],
    database: Database,
    tracing: Tracing | None = None,
    /,
    **values: Any,
) -> AsyncIterator[Running]:
    """A service on a free port, as its application role on the given database."""
    given = {
        "port": 0,
        "admin_port": 0,
        "metrics_port": 0,
        # Longer than any test, so that a caller once known costs no statement.
        "caller_ttl_seconds": 60,
        "jwt_secret": JWT_SECRET,
        "service_secret": SERVICE_SECRET,
        **UNLIMITED,
        # Tracks asks no provider unless a test is about that.
        "enrich": False,
        # And chat looks for nothing by itself: its statements are counted.
        "janitor_interval_seconds": 3_600,
        # And users runs no step of an erasure.
        "erasure_interval_seconds": 3_600,
        "verification_interval_seconds": 3_600,
        # All concurrent calls of a test may be one user's.
        "max_calls_per_user": 1_000,
        **database.settings(settings.process),
    }
    process = Process(settings(**{**given, **values}), build, tracing=tracing)
    await process.start()
    service = Running(process, grpc.aio.insecure_channel(f"127.0.0.1:{process.servers.port}"), database)
    # Behind a pooler chat reads its epoch every second.
    process.context.database.observers.append(
        lambda name, _: None if name == "chat.instance" else service.statements.append(name)
    )
    try:
        yield service
    finally:
        await service.channel.close()
        await process.stop(grace=0)


def user(email: str) -> tuple[tuple[str, str], ...]:
    """The metadata of a user's call."""
    return (("authorization", f"Bearer {development_token(JWT_SECRET.encode(), email)}"),)


def service(name: str, target: str) -> tuple[tuple[str, str], ...]:
    """The metadata of a service's call to another one. The token is good for five minutes: make it when it is used."""
    return (("authorization", f"Bearer {ServiceTokenSigner(name, SERVICE_SECRET.encode()).token(target)}"),)


async def call(
    method: grpc.aio.UnaryUnaryMultiCallable[Any, _Response],
    request: Message,
    metadata: tuple[tuple[str, str], ...],
) -> _Response:
    """Calls a method; raises UpstreamError with what the service answered."""
    try:
        return await method(request, metadata=metadata, timeout=_TIMEOUT)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) or error from None


async def refused(answer: Awaitable[object], error: type[ServiceError], domain: str) -> UpstreamError:
    """The answer's error, which must be of the given type's code and reason."""
    with pytest.raises(UpstreamError) as raised:
        await answer
    found = raised.value
    assert (found.code, found.reason) == (error.code, error.reason)
    assert found.domain == domain
    if found.code is Code.INVALID_ARGUMENT:
        assert found.violations
    return found


async def add_user(administrator: asyncpg.Connection, email: str | None, **columns: object) -> str:
    """Makes a user who has signed in before, and returns their id."""
    values: dict[str, object] = {
        "id": new_id(),
        "email": email,
        "supabase_id": development_subject(email or ""),
        "display_name": "",
        **columns,
    }
    names = ", ".join(values)
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await administrator.execute(f"INSERT INTO users.users ({names}) VALUES ({places})", *values.values())
    return str(values["id"])


async def add_artist(administrator: asyncpg.Connection, user_id: str, name: str = "Ada") -> str:
    """Stores the artist profile of a user, and returns its id."""
    profile_id = new_id()
    await administrator.execute(
        "INSERT INTO users.artist_profiles (id, user_id, artist_name, search_name, name_skeleton)"
        " VALUES ($1, $2, $3, $4, $5)",
        profile_id,
        UUID(user_id),
        name,
        normalize_text(name),
        name_skeleton(name),
    )
    return str(profile_id)


async def add_track(administrator: asyncpg.Connection, spotify_id: str) -> str:
    """Stores a track of Spotify, and returns its id."""
    track_id, url = new_id(), f"https://open.spotify.com/track/{spotify_id}"
    await administrator.execute(
        "INSERT INTO tracks.track_refs (id, provider, provider_id, url) VALUES ($1, 'spotify', $2, $3)",
        track_id,
        spotify_id,
        url,
    )
    return str(track_id)


async def until_blocked(administrator: asyncpg.Connection, count: int = 1) -> None:
    """Waits until so many statements of the administrator's database wait for a lock."""
    query = """
        SELECT count(*) >= $1 FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    async with asyncio.timeout(10):
        while not await administrator.fetchval(query, count):
            # Inside a transaction the view would show the same picture again and again.
            await administrator.execute("SELECT pg_stat_clear_snapshot()")
            # PostgreSQL tells of waiting statements only when it is asked.
            await asyncio.sleep(0.01)
