"""The composition root of the gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from google.protobuf.descriptor import ServiceDescriptor

from gateway.actions.deps import DEFAULT_BUDGETS, Budgets, Deps
from gateway.actions.live_parts import CachedParts
from gateway.clients.chat import ChatClient
from gateway.clients.exports import export_sources
from gateway.clients.health import HealthWatch
from gateway.clients.tracks import TracksClient
from gateway.clients.users import UsersClient
from gateway.config import Settings
from gateway.rpc.gateway import GatewayServicer
from gateway.rpc.proxy import Proxy
from gateway.rpc.service_descriptors import public_services, services_of
from gateway.workers.upstream_health import Upstream, UpstreamHealth
from seda.users.internal.v1.identity_service_pb2 import ResolveCallerRequest
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from servicekit.process import App, AppContext
from servicekit.remote_resolver import RemoteResolver


class UpstreamService(NamedTuple):
    """An upstream service: its proto services and its target, `host:port[,host:port]`."""

    name: str
    services: Sequence[ServiceDescriptor]
    target: str

    @property
    def addresses(self) -> list[str]:
        """One address per replica; a DNS name counts as one."""
        return self.target.split(",") if ":///" not in self.target else [self.target]


def upstream_services(settings: Settings) -> list[UpstreamService]:
    """Return the upstream services of the suite."""
    return [
        UpstreamService("users", services_of("users"), settings.users_target),
        UpstreamService("chat", services_of("chat"), settings.chat_target),
        UpstreamService("tracks", services_of("tracks"), settings.tracks_target),
    ]


def build(context: AppContext[Settings]) -> App:
    """Build the gateway in front of the suite."""
    return compose(context, upstream_services(context.settings))


def compose(
    context: AppContext[Settings], upstreams: Sequence[UpstreamService], budgets: Budgets = DEFAULT_BUDGETS
) -> App:
    """Build the gateway in front of `upstreams`, which include users, chat and tracks."""
    clients = {each.name: context.client_of(each.name, each.target, each.services) for each in upstreams}
    proxy = Proxy(context.health)
    upstream_health = UpstreamHealth(
        [_upstream(context, each) for each in upstreams], context.health, context.clock
    )
    identity = IdentityServiceStub(clients["users"].retrying_channel)
    users, tracks = UsersClient(clients["users"]), TracksClient(clients["tracks"])
    deps = Deps(
        chat=ChatClient(clients["chat"]),
        users=users,
        tracks=tracks,
        exports=export_sources(clients),
        system_status=upstream_health,
        live_parts=CachedParts(users, tracks, context.clock, budgets.lookup_seconds),
        closed=context.health.closed,
        budgets=budgets,
    )
    return App(
        servicers=[GatewayServicer(deps)],
        resolver=RemoteResolver(clients["users"], identity.ResolveCaller, ResolveCallerRequest),
        workers=[upstream_health, proxy],
        passthrough=[
            handler
            for each in upstreams
            for handler in proxy.methods(clients[each.name], public_services(each.services))
        ],
    )


def _upstream(context: AppContext[Settings], upstream: UpstreamService) -> Upstream:
    return Upstream(
        upstream.name,
        [service.full_name for service in public_services(upstream.services)],
        [HealthWatch(address, context.channel_credentials) for address in upstream.addresses],
    )
