"""The composition root of the users service."""

from __future__ import annotations

from seda.chat.internal.v1 import author_data_service_pb2
from seda.tracks.internal.v1 import catalog_service_pb2, crawler_service_pb2
from servicekit.cache import Cache
from servicekit.channels import ServiceClient
from servicekit.concurrency_limit import ConcurrencyLimiter
from servicekit.process import App, AppContext
from servicekit.rate_limit import RateLimiter
from services.users.actions.deps import Deps, Limits, SearchPages, VerificationDeps
from services.users.actions.erasure import ErasureDeps, StepDeps
from services.users.actions.identity import LocalResolver
from services.users.clients.chat import RemoteAuthorData
from services.users.clients.tracks import RemoteCrawler, RemoteResolverData
from services.users.config import Settings
from services.users.rpc.admin import AdminServicer
from services.users.rpc.artists import ArtistServicer
from services.users.rpc.erasure import ErasureServicer
from services.users.rpc.identity import IdentityServicer
from services.users.rpc.users import UserServicer
from services.users.rpc.verification import VerificationServicer
from services.users.wire.artists import encode_matches
from services.users.workers.erasure import ErasureWorker
from services.users.workers.verification_checker import VerificationChecker
from services.users.workers.verification_scheduler import VerificationScheduler

SCHEMA_HEAD = "20261130_0700"
"""The newest migration of schema users that this build needs."""
_SEARCH_PAGES_BYTES = 16 << 20


def build(context: AppContext[Settings]) -> App:
    """Build the service."""
    deps = _deps(context)
    tracks = context.service_client(
        "tracks",
        catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"],
        crawler_service_pb2.DESCRIPTOR.services_by_name["CrawlerService"],
    )
    verification, checker, scheduler = _verification(context, RemoteCrawler(tracks))
    return App(
        servicers=[
            UserServicer(deps),
            IdentityServicer(deps),
            AdminServicer(deps),
            ArtistServicer(deps),
            VerificationServicer(verification),
            ErasureServicer(_erasure_deps(context)),
        ],
        resolver=LocalResolver(deps),
        workers=[_erasure_worker(context, tracks), checker, scheduler],
        schema_head=SCHEMA_HEAD,
    )


def _erasure_deps(context: AppContext[Settings]) -> ErasureDeps:
    settings = context.settings
    reads = RateLimiter(settings.erasure_read_rate_per_second, settings.erasure_read_burst, context.clock)
    return ErasureDeps(context.database, reads, settings.caller_ttl_seconds)


def _erasure_worker(context: AppContext[Settings], tracks: ServiceClient) -> ErasureWorker:
    chat = context.service_client(
        "chat", author_data_service_pb2.DESCRIPTOR.services_by_name["AuthorDataService"]
    )
    steps = StepDeps(context.database, RemoteAuthorData(chat), RemoteResolverData(tracks))
    worker = ErasureWorker(steps, context.settings.erasure_interval_seconds)
    gauge = context.metrics.gauge
    gauge("seda_erasures_unfinished", "Erasures that are not done.", lambda: worker.backlog.unfinished)
    gauge("seda_erasures_retrying", "Erasures whose last step failed.", lambda: worker.backlog.retrying)
    gauge(
        "seda_erasure_oldest_seconds",
        "Age of the oldest erasure that is not done.",
        lambda: worker.backlog.oldest_seconds,
    )
    return worker


def _deps(context: AppContext[Settings]) -> Deps:
    settings = context.settings
    limits = Limits(
        artist_searches=RateLimiter(
            settings.artist_search_rate_per_second, settings.artist_search_burst, context.clock
        ),
        artist_writes=RateLimiter(
            settings.artist_write_rate_per_second, settings.artist_write_burst, context.clock
        ),
    )
    slots = max(1, settings.db_pool_max - 2)
    max_wait = settings.max_queue_wait_ms / 1000
    search_slots = ConcurrencyLimiter(slots, settings.max_queued_calls, max_wait, per_user=max(1, slots // 2))
    search_pages: SearchPages = Cache(_SEARCH_PAGES_BYTES, lambda page: len(page.content))
    seconds = settings.artist_search_cache_ms / 1000
    return Deps(context.database, limits, search_slots, search_pages, seconds, encode_matches, context.clock)


def _verification(
    context: AppContext[Settings], crawler: RemoteCrawler
) -> tuple[VerificationDeps, VerificationChecker, VerificationScheduler]:
    settings, metrics = context.settings, context.metrics
    finished = metrics.counter(
        "seda_verification_checks_total", "Checks that owners started, by outcome.", "outcome"
    )
    checker = VerificationChecker(context.database, crawler, settings.verification_concurrency, finished)
    metrics.gauge("seda_verification_checks_running", "Checks running now.", lambda: checker.running)
    changed = metrics.counter(
        "seda_verification_changes_total", "Re-checks, expiries and ended leases, by kind.", "kind"
    )
    scheduler = VerificationScheduler(
        context.database, crawler, settings.verification_interval_seconds, changed
    )
    writes = RateLimiter(settings.verification_rate_per_second, settings.verification_burst, context.clock)
    return VerificationDeps(context.database, checker, writes), checker, scheduler
