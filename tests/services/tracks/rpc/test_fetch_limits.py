"""What one user may cause: so many fetches, so many at once, and the fewest at hosts of their own choice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from seda.tracks.internal.v1.catalog_service_pb2 import UpsertTrackRequest
from seda.tracks.internal.v1.catalog_service_pb2_grpc import CatalogServiceStub
from seda.tracks.internal.v1.crawler_service_pb2 import FetchRequest
from seda.tracks.internal.v1.crawler_service_pb2_grpc import CrawlerServiceStub
from seda.tracks.v1.track_pb2 import Track
from seda.tracks.v1.track_service_pb2 import GetTrackRequest, RefreshTrackRequest, ResolveTrackRequest
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from seda.users.v1.user_service_pb2 import GetUserRequest
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from sedaclient.auth import ServiceTokenSigner
from servicekit.errors import RateLimitedError
from servicekit.rpc_status import UpstreamError
from services.tracks.app import build
from services.tracks.clients.web import fetcher, http1_client
from services.tracks.config import Settings
from services.tracks.domain.web import fetch_purpose
from services.tracks.workers import fetch_slots
from tests.postgres import Database
from tests.services.running import SERVICE_SECRET, Running, call, refused, running, user
from tests.services.tracks.clients.web.web_server import ReceivedRequest, WebServer, answer, redirect
from tests.services.tracks.fake_providers import fake_provider_web

_DOMAIN = "tracks.seda.fm"
_CHOSEN = [f"music.artist{number}.com" for number in range(140)]
_SECONDS = 2.0
"""A resolve of a link of a provider takes 50 ms here; this is a large reserve for a busy machine."""
_DEFAULTS = {name: Settings.model_fields[name].default for name in ("fetch_rate_per_second", "fetch_burst")}
_numbers = iter(range(1, 1_000_000))


@pytest.fixture(scope="module")
async def world(
    tmp_path_factory: pytest.TempPathFactory, users: Running
) -> AsyncIterator[tuple[WebServer, dict[str, Any]]]:
    async with fake_provider_web(tmp_path_factory.mktemp("web"), _CHOSEN) as (server, settings):
        yield server, {"users_target": users.address, **settings}


@pytest.fixture
async def limited(database: Database, world: tuple[WebServer, dict[str, Any]]) -> AsyncIterator[Running]:
    """A service with the default limits."""
    async with running(Settings, build, database, **world[1], **_DEFAULTS) as made:
        yield made


@pytest.fixture
def patient_fetches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetches wait for a host longer than a busy machine takes for the attack."""
    monkeypatch.setattr(http1_client, "FIRST_BYTE_SECONDS", 60.0)
    monkeypatch.setattr(fetcher, "CONNECT_SECONDS", 60.0)
    monkeypatch.setattr(fetcher, "TOTAL_SECONDS", 60.0)


def new_email() -> str:
    return f"fetching{next(_numbers)}@example.org"


def new_video() -> str:
    return f"https://youtu.be/{next(_numbers):011}"


async def resolve(service: Running, email: str, link: str) -> Track:
    stub = TrackServiceStub(service.channel)
    return (await call(stub.ResolveTrack, ResolveTrackRequest(input=link), user(email))).track


class Attack:
    """One user resolves tracks at 140 hosts of their own choice, none of which responds."""

    def __init__(self, service: Running, web: WebServer) -> None:
        self.service = service
        self.web = web
        self.go, self.contacted = asyncio.Event(), set[str]()

    async def hang(self, request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        self.contacted.add(request.host)
        await self.go.wait()
        writer.write(answer(404))

    async def run(self) -> tuple[float | Exception, list[str]]:
        """Return the seconds of another user's resolve beside it or its error, and the reasons of the attacker's calls."""
        for host in _CHOSEN:
            self.web.pages[f"{host}/track/x{id(self)}"] = self.hang
        email = new_email()
        calls = [
            asyncio.create_task(self._attempt(email, f"https://{host}/track/x{id(self)}")) for host in _CHOSEN
        ]
        async with asyncio.timeout(10):
            # Until all are refused or wait for a host.
            while sum(each.done() for each in calls) + len(self.contacted) < len(calls):
                await asyncio.wait(calls, timeout=0.02, return_when=asyncio.FIRST_COMPLETED)
        try:
            found: float | Exception = await self._victim()
        except UpstreamError as error:
            found = error
        self.go.set()
        return found, await asyncio.gather(*calls)

    async def _attempt(self, email: str, link: str) -> str:
        try:
            await resolve(self.service, email, link)
        except UpstreamError as error:
            return error.reason
        raise AssertionError("resolved")

    async def _victim(self) -> float:
        seed = next(_numbers)
        link = f"https://open.spotify.com/track/{seed:022}"
        self.web.pages[f"spotify.link/v{seed}"] = redirect(link)
        started = time.monotonic()
        assert (await resolve(self.service, new_email(), f"https://spotify.link/v{seed}")).url == link
        return time.monotonic() - started


@pytest.mark.usefixtures("patient_fetches")
@pytest.mark.parametrize("bucket", [True, False], ids=["with the rate limit", "by the slots alone"])
async def test_one_user_takes_no_fetches_from_others(
    database: Database, world: tuple[WebServer, dict[str, Any]], *, bucket: bool
) -> None:
    web, settings = world
    async with running(Settings, build, database, **settings, **(_DEFAULTS if bucket else {})) as service:
        attack = Attack(service, web)
        seconds, reasons = await attack.run()
    assert isinstance(seconds, float), seconds
    assert seconds < _SECONDS
    # A quarter of the eight slots of unknown hosts.
    assert len(attack.contacted) == 2
    assert reasons.count("RATE_LIMITED") == len(_CHOSEN) - 2
    assert reasons.count("UNSUPPORTED_PROVIDER") == 2


@pytest.mark.usefixtures("patient_fetches")
async def test_without_shares_one_user_takes_all_fetches(
    database: Database, world: tuple[WebServer, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with one share for all hosts and users the other user is refused."""
    monkeypatch.setattr(fetch_slots, "_USERS_PER_SHARE", 1)
    monkeypatch.setattr(fetch_purpose, "is_provider_host", lambda _: True)
    web, settings = world
    async with running(Settings, build, database, **settings, fetch_link_concurrency=8) as service:
        attack = Attack(service, web)
        error, _ = await attack.run()
    assert isinstance(error, UpstreamError)
    assert error.reason == "OVERLOADED"
    assert len(attack.contacted) == 8


def on_behalf_of(user_id: str, name: str) -> tuple[tuple[str, str], ...]:
    """The metadata of a service's call for a user."""
    token = ServiceTokenSigner(name, SERVICE_SECRET.encode()).token("tracks", user_id)
    return (("authorization", f"Bearer {token}"),)


@pytest.mark.parametrize("method", ["ResolveTrack", "RefreshTrack", "UpsertTrack", "Fetch"])
async def test_a_user_causes_a_burst_of_fetches_at_most(
    limited: Running, users: Running, method: str
) -> None:
    email = new_email()
    me = await call(UserServiceStub(users.channel).GetUser, GetUserRequest(), user(email))
    track = await resolve(limited, email, new_video())
    stubs: list[Any] = [
        TrackServiceStub(limited.channel),
        CatalogServiceStub(limited.channel),
        CrawlerServiceStub(limited.channel),
    ]

    async def cause() -> None:
        request, metadata = {
            "ResolveTrack": (ResolveTrackRequest(input=new_video()), user(email)),
            "RefreshTrack": (RefreshTrackRequest(track_id=track.id), user(email)),
            "UpsertTrack": (UpsertTrackRequest(input=new_video()), on_behalf_of(me.user.id, "chat")),
            # Blocked before any request to the web.
            "Fetch": (FetchRequest(url="https://localhost/"), on_behalf_of(me.user.id, "users")),
        }[method]
        (stub,) = [each for each in stubs if hasattr(each, method)]
        await call(getattr(stub, method), request, metadata)

    for _ in range(int(_DEFAULTS["fetch_burst"]) - 1):
        await cause()
    error = await refused(cause(), RateLimitedError, _DOMAIN)
    assert error.retry_after
    # What the user resolved before costs nothing.
    assert (await resolve(limited, email, track.url)).id == track.id
    assert (
        await call(stubs[0].GetTrack, GetTrackRequest(track_id=track.id), user(email))
    ).track.id == track.id
