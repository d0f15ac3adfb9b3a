"""The composition root of the users service."""

from __future__ import annotations

from seda.chat.internal.v1 import author_data_service_pb2
from seda.tracks.internal.v1 import catalog_service_pb2
from servicekit.concurrency_limit import ConcurrencyLimiter
from servicekit.process import App, AppContext
from servicekit.rate_limit import RateLimiter
from services.users.actions.deps import Deps, Limits
from services.users.actions.erasure import ErasureDeps, StepDeps
from services.users.actions.identity import LocalResolver
from services.users.clients.chat import RemoteAuthorData
from services.users.clients.tracks import RemoteResolverData
from services.users.config import Settings
from services.users.rpc.admin import AdminServicer
from services.users.rpc.artists import ArtistServicer
from services.users.rpc.erasure import ErasureServicer
from services.users.rpc.identity import IdentityServicer
from services.users.rpc.users import UserServicer
from services.users.workers.erasure import ErasureWorker

SCHEMA_HEAD = "20261129_2030"
"""The newest migration of schema users that this build needs."""


def build(context: AppContext[Settings]) -> App:
    """Build the service."""
    deps = _deps(context)
    return App(
        servicers=[
            UserServicer(deps),
            IdentityServicer(deps),
            AdminServicer(deps),
            ArtistServicer(deps),
            ErasureServicer(_erasure_deps(context)),
        ],
        resolver=LocalResolver(deps),
        workers=[_erasure_worker(context)],
        schema_head=SCHEMA_HEAD,
    )


def _erasure_deps(context: AppContext[Settings]) -> ErasureDeps:
    settings = context.settings
    reads = RateLimiter(settings.erasure_read_rate_per_second, settings.erasure_read_burst, context.clock)
    return ErasureDeps(context.database, reads, settings.caller_ttl_seconds)


def _erasure_worker(context: AppContext[Settings]) -> ErasureWorker:
    chat = context.service_client(
        "chat", author_data_service_pb2.DESCRIPTOR.services_by_name["AuthorDataService"]
    )
    tracks = context.service_client(
        "tracks", catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"]
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
    return Deps(context.database, limits, search_slots)
