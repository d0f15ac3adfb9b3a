"""ResolveTrack of short links: each is followed once and stored as an alias."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from seda.tracks.internal.v1.catalog_service_pb2 import UpsertTrackRequest
from seda.tracks.internal.v1.catalog_service_pb2_grpc import CatalogServiceStub
from seda.tracks.v1.track_pb2 import Track
from seda.tracks.v1.track_service_pb2 import ResolveTrackRequest
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from servicekit.errors import ServiceError
from services.tracks.app import build
from services.tracks.config import Settings
from services.tracks.domain.errors import (
    DeadLinkError,
    InvalidUrlError,
    LinkUnreachableError,
    NeedsResolutionError,
    NotATrackError,
    UnsupportedProviderError,
    UnsupportedResourceError,
)
from tests.postgres import Database
from tests.services.running import Running, call, refused, running, service, user
from tests.services.tracks.clients.web.web_server import WebServer, answer, redirect
from tests.services.tracks.fake_providers import ADA, fake_provider_web, recorded

_DOMAIN = "tracks.seda.fm"
_TRACK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"
_PAGE = "https://harbourchoir.bandcamp.com/track/low-tide"


@pytest.fixture(scope="module")
async def world(
    tmp_path_factory: pytest.TempPathFactory, users: Running
) -> AsyncIterator[tuple[WebServer, dict[str, Any]]]:
    async with fake_provider_web(tmp_path_factory.mktemp("web")) as (server, settings):
        yield server, {"users_target": users.address, **settings}


@pytest.fixture
def web(world: tuple[WebServer, dict[str, Any]]) -> WebServer:
    world[0].pages.clear()
    world[0].asked.clear()
    return world[0]


@pytest.fixture(scope="module")
async def following(database: Database, world: tuple[WebServer, dict[str, Any]]) -> AsyncIterator[Running]:
    async with running(Settings, build, database, **world[1]) as made:
        yield made


@pytest.fixture(scope="module")
def stub(following: Running) -> TrackServiceStub:
    return TrackServiceStub(following.channel)


async def resolve(stub: TrackServiceStub, link: str) -> Track:
    return (await call(stub.ResolveTrack, ResolveTrackRequest(input=link), user(ADA))).track


async def test_short_link_is_followed_once_and_stored(
    stub: TrackServiceStub, following: Running, web: WebServer
) -> None:
    web.pages["spotify.link/first"] = redirect(f"{_TRACK}?si=x&utm_source=y")
    web.pages["/track/2qToAcex0ruZfbEbAy9OhW?si=x&utm_source=y"] = answer(200, "a page")
    track = await resolve(stub, "Listen: https://spotify.link/first?utm_source=copy")
    assert (track.url, track.provider) == (_TRACK, "spotify")
    asked = len(web.asked)
    web.pages.clear()
    with following.counting() as statements:
        assert await resolve(stub, "http://spotify.link/first") == track
    assert statements == ["tracks.find_by_alias"]
    assert len(web.asked) == asked
    assert await resolve(stub, _TRACK) == track


async def test_upsert_track_finds_a_resolved_short_link(
    stub: TrackServiceStub, following: Running, web: WebServer
) -> None:
    catalog = CatalogServiceStub(following.channel)
    request = UpsertTrackRequest(input="https://on.soundcloud.com/AbC12", title="T")
    answered = call(catalog.UpsertTrack, request, service("chat", "tracks"))
    await refused(answered, NeedsResolutionError, _DOMAIN)
    assert web.asked == [], "a message waited for another host"
    web.pages["on.soundcloud.com/AbC12"] = redirect("https://soundcloud.com/harbour-choir/low-tide?ref=x")
    track = await resolve(stub, "https://on.soundcloud.com/AbC12")
    upserted = (await call(catalog.UpsertTrack, request, service("chat", "tracks"))).track
    assert (upserted.id, upserted.title) == (track.id, "T")


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
async def test_final_url_counts_whatever_its_status(
    stub: TrackServiceStub, web: WebServer, status: int
) -> None:
    key = str(status) * 7 + "x"
    web.pages[f"spotify.link/s{status}"] = redirect(f"https://open.spotify.com/track/{key}")
    web.pages[f"/track/{key}"] = answer(status)
    assert (await resolve(stub, f"https://spotify.link/s{status}")).provider_id == key


async def test_several_redirects_are_followed(stub: TrackServiceStub, web: WebServer) -> None:
    web.pages["link.deezer.com/s/31aE"] = redirect("https://www.example.com/hop")
    web.pages["www.example.com/hop"] = redirect("https://www.deezer.com/de/track/3135556?host=0")
    assert (
        await resolve(stub, "https://link.deezer.com/s/31aE")
    ).url == "https://www.deezer.com/track/3135556"


async def test_canonical_url_of_a_page_is_used(stub: TrackServiceStub, web: WebServer) -> None:
    web.pages["bandcamp.com/EmbeddedPlayer/track=2592000001"] = recorded("bandcamp_player.html")
    player = await resolve(stub, "https://bandcamp.com/EmbeddedPlayer/v=2/track=2592000001/size=large/")
    assert player.url == _PAGE
    web.pages["music.harbourchoir.com/track/low-tide"] = recorded("bandcamp.html")
    assert (await resolve(stub, "https://music.harbourchoir.com/track/Low-Tide")).id == player.id
    web.pages["music.harbourchoir.com/track/moved"] = redirect(_PAGE)
    assert (await resolve(stub, "https://music.harbourchoir.com/track/moved")).id == player.id


_LEADS_TO: list[tuple[str, bytes, type[ServiceError], dict[str, str]]] = [
    (
        "album",
        redirect("https://open.spotify.com/album/2qToAcex0ruZfbEbAy9OhW"),
        NotATrackError,
        {"kind": "ALBUM"},
    ),
    (
        "user",
        redirect("https://open.spotify.com/user/ada"),
        UnsupportedResourceError,
        {"provider": "spotify"},
    ),
    ("foreign", redirect("https://www.example.com/x"), UnsupportedProviderError, {"host": "www.example.com"}),
    ("gone", answer(404), DeadLinkError, {"provider": "spotify"}),
    ("nothing", answer(200, "no redirect"), DeadLinkError, {"provider": "spotify"}),
    ("picture", answer(200, b"GIF", "image/gif"), DeadLinkError, {"provider": "spotify"}),
    ("private", redirect("https://10.0.0.1/track/1"), DeadLinkError, {"provider": "spotify"}),
    ("file", redirect("file:///etc/passwd"), DeadLinkError, {"provider": "spotify"}),
    ("loop", redirect("https://spotify.link/loop"), DeadLinkError, {"provider": "spotify"}),
    ("busy", answer(429, retry_after="77"), LinkUnreachableError, {"provider": "spotify"}),
    ("down", answer(503), LinkUnreachableError, {"provider": "spotify"}),
    ("closed", answer(403), LinkUnreachableError, {"provider": "spotify"}),
    # The page's canonical URL is of another provider.
    ("claims", answer(200, f'<link rel="canonical" href="{_PAGE}">'), DeadLinkError, {"provider": "spotify"}),
]


@pytest.mark.parametrize(
    ("name", "told", "error", "metadata"), _LEADS_TO, ids=[each[0] for each in _LEADS_TO]
)
async def test_links_without_a_track_have_a_reason(
    stub: TrackServiceStub,
    web: WebServer,
    admin: asyncpg.Connection,
    name: str,
    told: bytes,
    error: type[ServiceError],
    metadata: dict[str, str],
) -> None:
    web.pages[f"spotify.link/{name}"] = told
    web.pages["www.example.com/x"] = answer(200, "another page")
    count = await admin.fetchval("SELECT count(*) FROM tracks.track_refs")
    found = await refused(resolve(stub, f"https://spotify.link/{name}"), error, _DOMAIN)
    assert found.metadata == metadata
    assert (found.retry_after or 0) > 0 or error is not LinkUnreachableError
    if name == "busy":
        assert 70 < (found.retry_after or 0) <= 77
    assert await admin.fetchval("SELECT count(*) FROM tracks.track_refs") == count


@pytest.mark.parametrize(
    "told",
    [
        answer(200, f'<link rel="canonical" href="{_TRACK}">'),
        answer(200, '<link rel="canonical" href="https://www.example.com/track/x">'),
        answer(200, "nothing"),
        answer(404),
        answer(503),
        redirect("https://www.example.com/other"),
    ],
    ids=["another provider's", "its own", "nothing", "404", "503", "elsewhere"],
)
async def test_custom_domain_must_be_confirmed_by_bandcamp(
    stub: TrackServiceStub, web: WebServer, admin: asyncpg.Connection, told: bytes
) -> None:
    await admin.execute("DELETE FROM tracks.crawler_cache")
    web.pages["www.example.com/track/x"] = told
    error = await refused(resolve(stub, "https://www.example.com/track/x"), UnsupportedProviderError, _DOMAIN)
    assert error.metadata == {"host": "www.example.com"}
    assert (
        await admin.fetchval("SELECT count(*) FROM tracks.track_aliases WHERE alias_key LIKE '%example%'")
        == 0
    )


async def test_invalid_links_are_not_fetched(stub: TrackServiceStub, web: WebServer) -> None:
    await refused(resolve(stub, "https://spotify.link/%2e%2e/x"), InvalidUrlError, _DOMAIN)
    await refused(resolve(stub, "https://www.example.com/other/x"), UnsupportedProviderError, _DOMAIN)
    assert web.asked == []


async def test_a_hundred_calls_to_two_processes_follow_once(
    stub: TrackServiceStub,
    web: WebServer,
    database: Database,
    admin: asyncpg.Connection,
    world: tuple[WebServer, dict[str, Any]],
) -> None:
    web.pages["spotify.link/crowd"] = redirect("https://open.spotify.com/track/crowd00000000000000000")
    web.pages["/track/crowd00000000000000000"] = answer(200, "a page")
    async with running(Settings, build, database, **world[1]) as other:
        stubs = (stub, TrackServiceStub(other.channel))
        found = await asyncio.gather(
            *(resolve(stubs[n % 2], f"https://spotify.link/crowd?si={n}") for n in range(100))
        )
    assert len({track.id for track in found}) == 1
    assert [asked.path for asked in web.asked] == ["/crowd", "/track/crowd00000000000000000"]
    query = "SELECT count(*) FROM tracks.track_aliases WHERE alias_key = 'https://spotify.link/crowd'"
    assert await admin.fetchval(query) == 1
