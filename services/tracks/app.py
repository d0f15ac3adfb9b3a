"""The composition root of the tracks service."""

from __future__ import annotations

from urllib.parse import urlsplit

from seda.users.internal.v1 import identity_service_pb2
from seda.users.internal.v1.identity_service_pb2 import ResolveCallerRequest
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from servicekit.process import App, AppContext
from servicekit.rate_limit import RateLimiter
from servicekit.remote_resolver import RemoteResolver
from services.tracks.actions.deps import Deps
from services.tracks.actions.enrichment import EnrichmentDeps
from services.tracks.clients.web.connector import Connector, tls_context
from services.tracks.clients.web.fetcher import FetchConfig, WebFetcher
from services.tracks.clients.web.host_limiter import HostLimiter
from services.tracks.clients.web.resolver import DnsResolver
from services.tracks.config import Settings
from services.tracks.domain.links.registry import PROVIDERS
from services.tracks.domain.sources import Endpoints
from services.tracks.domain.web.addresses import DenyList
from services.tracks.domain.web.fetch_purpose import Share
from services.tracks.domain.web.host_overrides import parse_host_overrides
from services.tracks.rpc.catalog import CatalogServicer
from services.tracks.rpc.crawler import CrawlerServicer
from services.tracks.rpc.tracks import TrackServicer
from services.tracks.workers.crawler import Crawler
from services.tracks.workers.enricher import Enricher
from services.tracks.workers.fetch_slots import FetchSlots

SCHEMA_HEAD = "20261129_1900"
"""The newest migration of schema tracks that this build needs."""

_IDENTITY = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]


def build(context: AppContext[Settings]) -> App:
    """Build the service."""
    settings = context.settings
    users = context.service_client("users", _IDENTITY)
    identity = IdentityServiceStub(users.retrying_channel)
    crawler = Crawler(context.database, _web(context), _fetch_slots(settings), context.clock)
    enrichment = EnrichmentDeps(context.database, crawler, _endpoints(settings))
    enricher = Enricher(enrichment, [provider.name for provider in PROVIDERS], settings.enrich_concurrency)
    searches = RateLimiter(settings.search_rate_per_second, settings.search_burst, context.clock)
    fetches = RateLimiter(settings.fetch_rate_per_second, settings.fetch_burst, context.clock)
    deps = Deps(context.database, crawler, enricher, searches, fetches)
    return App(
        servicers=[TrackServicer(deps), CatalogServicer(deps), CrawlerServicer(deps)],
        resolver=RemoteResolver(users, identity.ResolveCaller, ResolveCallerRequest),
        workers=[crawler, enricher] if settings.enrich else [crawler],
        schema_head=SCHEMA_HEAD,
    )


def _web(context: AppContext[Settings]) -> WebFetcher:
    settings = context.settings
    config = FetchConfig(
        user_agent=f"SedaCrawler/1.0 (+{settings.fetch_contact})",
        denied=DenyList.parse(settings.fetch_deny or ""),
        # Apple's lookup labels its JSON as JavaScript.
        json_as_javascript_hosts=frozenset({urlsplit(settings.apple_lookup_url).hostname or ""}),
        host_overrides=parse_host_overrides(settings.fetch_host_overrides or ""),
    )
    limiter = HostLimiter(settings.fetch_host_rate_per_second, settings.fetch_host_burst, context.clock)
    connector = Connector(tls_context(settings.fetch_ca_file))
    return WebFetcher(DnsResolver(), connector, limiter, config, context.clock)


def _fetch_slots(settings: Settings) -> FetchSlots:
    return FetchSlots(
        {
            Share.LINKS: settings.fetch_link_concurrency,
            Share.UNKNOWN_HOSTS: settings.fetch_unknown_host_concurrency,
            Share.VERIFICATION: settings.fetch_verification_concurrency,
            # The enricher limits itself.
            Share.ENRICHMENT: len(PROVIDERS) * settings.enrich_concurrency,
        }
    )


def _endpoints(settings: Settings) -> Endpoints:
    return Endpoints(
        youtube_oembed=settings.youtube_oembed_url,
        spotify_oembed=settings.spotify_oembed_url,
        soundcloud_oembed=settings.soundcloud_oembed_url,
        deezer_tracks=settings.deezer_tracks_url,
        apple_lookup=settings.apple_lookup_url,
    )
