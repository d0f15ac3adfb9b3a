"""The reasons of the tracks service. No request leaves the machine: the crawler cache is seeded."""

from __future__ import annotations

from unittest.mock import patch

from seda.tracks.internal.v1.catalog_service_pb2 import UpsertTrackRequest
from seda.tracks.internal.v1.crawler_service_pb2 import FetchRequest
from seda.tracks.v1.track_service_pb2 import GetTrackRequest, ResolveTrackRequest
from services.tracks.clients.web import host_limiter
from services.tracks.domain.web.fetch_response import Policy
from services.tracks.domain.web.url_policy import FetchUrl, cache_key, parse_fetch_url
from tests.contract.auth_headers import service_header
from tests.contract.scenarios.context import Scenario, ScenarioContext, call_method, unknown_id
from tests.contract.suite import Outcome
from tests.services.chat.chat_client import new_user

_KEEP = """
    INSERT INTO tracks.crawler_cache
        (url_hash, url, status_code, error_kind, fetched_at, expires_at, stale_until)
    VALUES ($1, $2, $3, $4, now(), now() + interval '1 hour', now() + interval '1 hour')
"""


def _resolving(link: str) -> Scenario:
    async def resolve(context: ScenarioContext) -> Outcome:
        method = "seda.tracks.v1.TrackService.ResolveTrack"
        return await context.refusal("tracks", method, ResolveTrackRequest(input=link), new_user())

    return resolve


def _following(link: str, status: int | None, failure: str | None) -> Scenario:
    async def follow(context: ScenarioContext) -> Outcome:
        asked = parse_fetch_url(link)
        assert isinstance(asked, FetchUrl)
        await context.admin.execute(_KEEP, cache_key(asked, Policy.ANY_SITE), asked.url, status, failure)
        return await _resolving(link)(context)

    return follow


async def _upserting_unfollowed(context: ScenarioContext) -> Outcome:
    request = UpsertTrackRequest(input="https://spotify.link/AbCdEfGhIjK")
    method = "seda.tracks.internal.v1.CatalogService.UpsertTrack"
    return await call_method(context.channel("tracks"), method, request, service_header("chat", "tracks"))


async def _getting_nothing(context: ScenarioContext) -> Outcome:
    request = GetTrackRequest(track_id=unknown_id())
    return await context.refusal("tracks", "seda.tracks.v1.TrackService.GetTrack", request, new_user())


async def _crowding_a_host(context: ScenarioContext) -> Outcome:
    # A full queue without any request to the web.
    with patch.object(host_limiter, "_MAX_QUEUED", -host_limiter.MAX_CONCURRENT):
        request = FetchRequest(url="https://open.spotify.com/crowded")
        method = "seda.tracks.internal.v1.CrawlerService.Fetch"
        return await call_method(
            context.channel("tracks"), method, request, service_header("users", "tracks")
        )


SCENARIOS: dict[str, Scenario] = {
    "INVALID_URL": _resolving("no link at all"),
    "UNSUPPORTED_PROVIDER": _resolving("https://example.org/music/1"),
    "UNSUPPORTED_RESOURCE": _resolving("https://open.spotify.com/user/ada"),
    "NOT_A_TRACK": _resolving("https://open.spotify.com/album/2qToAcex0ruZfbEbAy9OhW"),
    "PRIVATE_LINK": _resolving("https://soundcloud.com/forss/flickermood/s-AbCdE"),
    "NEEDS_RESOLUTION": _upserting_unfollowed,
    "TRACK_NOT_FOUND": _getting_nothing,
    "DEAD_LINK": _following("https://spotify.link/dead", 404, None),
    "LINK_UNREACHABLE": _following("https://spotify.link/away", None, "CONNECT_TIMEOUT"),
    "HOST_BUSY": _crowding_a_host,
}
