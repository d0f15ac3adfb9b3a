"""The composition root of chat."""

from __future__ import annotations

from functools import partial

from seda.tracks.internal.v1 import catalog_service_pb2
from seda.tracks.v1 import track_service_pb2
from seda.users.internal.v1 import identity_service_pb2
from seda.users.internal.v1.identity_service_pb2 import ResolveCallerRequest
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from servicekit.concurrency_limit import ConcurrencyLimiter
from servicekit.credentials import client_tls_context
from servicekit.notifications import PostgresNotifications
from servicekit.process import App, AppContext
from servicekit.rate_limit import RateLimiter
from servicekit.remote_resolver import RemoteResolver
from services.chat.actions.deps import Deps, Epoch, Limits
from services.chat.actions.page_cache import PageCache
from services.chat.clients.tracks import RemoteTracks
from services.chat.config import Settings
from services.chat.live.hints import CHANNEL, HintChannel, Transport
from services.chat.live.hub import Hub
from services.chat.live.watch import Watching, watch
from services.chat.rpc.author_data import AuthorDataServicer
from services.chat.rpc.live import LiveServicer
from services.chat.rpc.membership import MembershipServicer
from services.chat.rpc.messages import MessageServicer
from services.chat.rpc.moderation import ModerationServicer
from services.chat.rpc.reactions import ReactionServicer
from services.chat.rpc.rooms import RoomServicer
from services.chat.wire.message_page import encode_element, encode_messages
from services.chat.wire.messages import encode_page
from services.chat.workers.janitor import Janitor
from services.chat.workers.message_batcher import MessageBatcher
from services.chat.workers.track_lister import TrackLister

TYPING_SECONDS = 3.0
"""How often one user's SendTyping reaches the watchers."""
SCHEMA_HEAD = "20261130_0700"
"""The newest migration of this build; the service is ready once it is applied."""


def build(context: AppContext[Settings]) -> App:
    """Compose the service."""
    epoch = Epoch(context.database.replace_connections)
    context.database.on_connect = epoch.read
    users = context.service_client(
        "users", identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]
    )
    identity = IdentityServiceStub(users.retrying_channel)
    tracks = context.service_client(
        "tracks",
        track_service_pb2.DESCRIPTOR.services_by_name["TrackService"],
        catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"],
    )
    settings = context.settings
    batch_sizes = context.metrics.histogram(
        "seda_chat_send_batch_size", "messages written in one transaction", (1, 2, 5, 10, 20, 50, 100, 200)
    )
    limits = Limits(
        sends=RateLimiter(settings.send_rate_per_second, settings.send_burst, context.clock),
        rooms=RateLimiter(settings.room_rate_per_second, settings.room_burst, context.clock),
        joins=RateLimiter(settings.join_rate_per_second, settings.join_burst, context.clock),
        reactions=RateLimiter(settings.reaction_rate_per_second, settings.reaction_burst, context.clock),
        searches=RateLimiter(settings.search_rate_per_second, settings.search_burst, context.clock),
        invitations=RateLimiter(
            settings.invitation_rate_per_second, settings.invitation_burst, context.clock
        ),
        reports=RateLimiter(settings.report_rate_per_second, settings.report_burst, context.clock),
        room_writes=RateLimiter(
            settings.room_write_rate_per_second, settings.room_write_burst, context.clock
        ),
        room_searches=RateLimiter(
            settings.room_search_rate_per_second, settings.room_search_burst, context.clock
        ),
        typing=RateLimiter(1 / TYPING_SECONDS, 1, context.clock),
    )
    channel = HintChannel(_transport(context))
    pages = PageCache(settings.page_cache_mib << 20)
    hub = Hub(context.database, epoch, channel, context.health.closed, pages.room_moved)
    watching = Watching(
        context.database,
        epoch,
        hub,
        RateLimiter(settings.watch_rate_per_second, settings.watch_burst, context.clock),
        settings.watch_max_age_seconds,
        settings.watch_heartbeat_seconds,
        context.metrics.counter(
            "seda_chat_streams_closed", "Streams that chat ended, by their reason.", "reason"
        ),
    )
    context.metrics.gauge("seda_chat_streams", "Streams of Watch open now.", lambda: hub.open_streams)
    context.metrics.gauge("seda_chat_watched_rooms", "Rooms watched by a stream.", lambda: hub.watched_rooms)
    batcher = MessageBatcher(context.database, limits.sends, batch_sizes, hub.room_moved, context.tracing)
    catalog = RemoteTracks(tracks, context.clock)
    lister = TrackLister(catalog)
    deps = Deps(
        context.database,
        epoch,
        batcher,
        hub,
        catalog,
        lister,
        limits,
        pages,
        encode_page,
        encode_element,
        encode_messages,
        ConcurrencyLimiter(
            slots := max(1, min(settings.max_searches, settings.db_pool_max - 1)),
            settings.max_queued_searches,
            settings.max_queue_wait_ms / 1000,
            per_user=max(1, slots // 2),
        ),
        settings.search_timeout_ms,
    )
    return App(
        servicers=[
            RoomServicer(deps),
            MembershipServicer(deps),
            MessageServicer(deps),
            ModerationServicer(deps),
            ReactionServicer(deps),
            LiveServicer(deps, partial(watch, watching)),
            AuthorDataServicer(deps),
        ],
        resolver=RemoteResolver(users, identity.ResolveCaller, ResolveCallerRequest),
        workers=[
            channel,
            hub,
            lister,
            batcher,
            Janitor(context.database, settings.janitor_interval_seconds),
        ],
        schema_head=SCHEMA_HEAD,
    )


def _transport(context: AppContext[Settings]) -> Transport | None:
    """What carries hints to other processes; None: nothing does."""
    settings, options = context.settings, context.settings.pool_options()
    if settings.nats_urls:
        from servicekit.nats_notifications import NatsNotifications, NatsServers  # noqa: PLC0415 - an extra

        credentials = settings.hints_credentials
        servers = NatsServers(
            settings.nats_urls,
            "" if credentials is None else credentials.get_secret_value(),
            client_tls_context(settings) if settings.hints.startswith("tls:") else None,
        )
        return NatsNotifications(servers, options.name, CHANNEL)
    if settings.hints == "none" or options.pooled:
        return None
    return PostgresNotifications(settings.dsn, options, CHANNEL)
