"""A fake server in place of all providers, and a tracks service that queries it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from seda.tracks.v1.track_pb2 import MetadataState, Track
from seda.tracks.v1.track_service_pb2 import GetTrackRequest, ResolveTrackRequest
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from services.tracks.app import build
from services.tracks.config import Settings
from services.tracks.workers.enricher import Enricher
from tests.certificates import Authority
from tests.postgres import Database
from tests.services.running import Running, call, running, user
from tests.services.tracks.clients.web.web_server import WebServer, answer, serving

ADA = "ada@example.com"
RECORDED = Path(__file__).parents[2] / "data" / "answers"
HOSTS = (
    *("www.youtube.com", "open.spotify.com", "soundcloud.com", "api.deezer.com", "www.deezer.com"),
    *("itunes.apple.com", "music.apple.com", "tidal.com", "harbourchoir.bandcamp.com", "bandcamp.com"),
    *("spotify.link", "on.soundcloud.com", "link.deezer.com", "music.harbourchoir.com", "www.example.com"),
)
_SECONDS = 20


def recorded(name: str) -> bytes:
    """The recorded response of a provider in tests/data/answers."""
    if name.startswith("apple"):
        kind = "text/javascript; charset=utf-8"
    else:
        kind = "application/json" if name.endswith(".json") else "text/html; charset=utf-8"
    return answer(200, (RECORDED / name).read_bytes(), kind)


@dataclass
class EnrichingService:
    """A running tracks service with fake providers."""

    service: Running
    web: WebServer
    admin: asyncpg.Connection
    settled: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def stub(self) -> TrackServiceStub:
        """The client of the service."""
        return TrackServiceStub(self.service.channel)

    def observe(self, statement: str, _: float) -> None:
        """Count completed enrichment attempts."""
        if statement == "tracks.complete":
            self.settled += 1
        self.changed.set()

    def notify(self) -> None:
        """Make the worker poll the queue."""
        (enricher,) = [each for each in self.service.process.app.workers if isinstance(each, Enricher)]
        enricher.notify()

    async def until_completed(self, count: int) -> None:
        """Wait until `count` attempts have completed since the start."""
        async with asyncio.timeout(_SECONDS):
            while self.settled < count:
                self.changed.clear()
                await self.changed.wait()

    async def resolve(self, link: str) -> Track:
        """Resolve a link to its stored track."""
        return (await call(self.stub.ResolveTrack, ResolveTrackRequest(input=link), user(ADA))).track

    async def get(self, track: Track) -> Track:
        """Read a track."""
        return (await call(self.stub.GetTrack, GetTrackRequest(track_id=track.id), user(ADA))).track

    async def enriched(self, link: str) -> Track:
        """Resolve a new link and wait for the first attempt."""
        before = self.settled
        track = await self.resolve(link)
        await self.until_completed(before + 1)
        return await self.get(track)

    async def again(self, track: Track, hours: float = 24) -> Track:
        """Make a track due after `hours` and wait for the next attempt."""
        before = self.settled
        await self.age(track, hours)
        self.notify()
        await self.until_completed(before + 1)
        return await self.get(track)

    async def age(self, track: Track, hours: float) -> None:
        """Age the cache first, then make the track due: the worker may poll at any time."""
        await self.admin.execute(
            "UPDATE tracks.crawler_cache SET fetched_at = fetched_at - make_interval(secs => $1),"
            " expires_at = expires_at - make_interval(secs => $1),"
            " stale_until = stale_until - make_interval(secs => $1)",
            hours * 3600,
        )
        await self.admin.execute(
            "UPDATE tracks.track_refs SET next_attempt_at = clock_timestamp() - interval '1 second'"
            " WHERE id::text = $1",
            track.id,
        )

    async def row(self, track: Track) -> asyncpg.Record:
        """The row of a track, with the seconds until it is due."""
        row = await self.admin.fetchrow(
            "SELECT *, extract(epoch FROM next_attempt_at - clock_timestamp())::float8 AS due_in"
            " FROM tracks.track_refs WHERE id::text = $1",
            track.id,
        )
        assert row is not None
        return row


@contextlib.asynccontextmanager
async def fake_provider_web(
    folder: Path, more_hosts: Sequence[str] = ()
) -> AsyncIterator[tuple[WebServer, dict[str, Any]]]:
    """Run the server; yield it with the settings that route a tracks service to it."""
    authority, hosts = Authority(folder), (*HOSTS, *more_hosts)
    async with serving(authority.sign("providers", *hosts)) as web:
        yield (
            web,
            {
                "fetch_ca_file": authority.certificate,
                "fetch_host_overrides": ",".join(f"{host}=127.0.0.1:{web.port}" for host in hosts),
                "fetch_host_rate_per_second": 1000,
                "fetch_host_burst": 1000,
            },
        )


@contextlib.asynccontextmanager
async def asking(
    database: Database, admin: asyncpg.Connection, web: WebServer, **values: Any
) -> AsyncIterator[EnrichingService]:
    """Run a tracks service with enrichment."""
    async with running(Settings, build, database, enrich=True, **values) as service:
        made = EnrichingService(service, web, admin)
        service.process.context.database.observers.append(made.observe)
        yield made


def state(track: Track) -> str:
    """The metadata state of a track."""
    return MetadataState.Name(track.metadata_state).removeprefix("METADATA_STATE_")


def video(seed: str) -> str:
    """A distinct YouTube link."""
    return f"https://www.youtube.com/watch?v={seed.ljust(11, '-')}"


def oembed(seed: str) -> str:
    """The path of its oEmbed."""
    return f"/oembed?format=json&url=https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3D{seed.ljust(11, '-')}"


def page(seed: str) -> str:
    """The path of its page."""
    return f"/watch?v={seed.ljust(11, '-')}"
