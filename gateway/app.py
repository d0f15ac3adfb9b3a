"""The composition root of the gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from google.protobuf.descriptor import ServiceDescriptor

from gateway.actions.deps import Deps
from gateway.clients.chat import ChatClient
from gateway.clients.health import HealthWatch
from gateway.clients.tracks import TracksClient
from gateway.clients.users import RemoteResolver, UsersClient
from gateway.config import Settings
from gateway.rpc.gateway import GatewayServicer
from gateway.rpc.proxy import Forwarding
from gateway.rpc.service_descriptors import for_users, services_of
from gateway.workers.upstream_health import Downstream, Downstreams
from servicekit.channels import ServiceClient
from servicekit.methods import methods_of
from servicekit.process import App, AppContext


class Slice(NamedTuple):
    """A service behind the gateway: its proto services and where it is, `host:port[,host:port]`."""

    name: str
    services: Sequence[ServiceDescriptor]
    target: str

    @property
    def addresses(self) -> list[str]:
        """One for each replica; a name in DNS stands for all of its own."""
        return self.target.split(",") if ":///" not in self.target else [self.target]


def slices(settings: Settings) -> list[Slice]:
    """The services of the suite."""
    return [
        Slice("users", services_of("users"), settings.users_target),
        Slice("chat", services_of("chat"), settings.chat_target),
        Slice("tracks", services_of("tracks"), settings.tracks_target),
    ]


def build(context: AppContext) -> App:
    """Puts the gateway together in front of the suite."""
    return compose(context, slices(context.settings))


def compose(context: AppContext, behind: Sequence[Slice]) -> App:
    """Puts the gateway together in front of any services, users, chat and tracks among them."""
    clients = {each.name: _client(context, each) for each in behind}
    forwarding = Forwarding(context.health)
    downstreams = Downstreams([_downstream(context, each) for each in behind], context.health, context.clock)
    deps = Deps(
        chat=ChatClient(clients["chat"]),
        users=UsersClient(clients["users"]),
        tracks=TracksClient(clients["tracks"]),
        statuses=downstreams,
    )
    return App(
        servicers=[GatewayServicer(deps)],
        resolver=RemoteResolver(clients["users"]),
        workers=[downstreams, forwarding],
        passthrough=[
            handler
            for each in behind
            for handler in forwarding.methods(clients[each.name], for_users(each.services))
        ],
    )


def _client(context: AppContext, behind: Slice) -> ServiceClient:
    methods = [method for service in behind.services for method in methods_of(service)]
    client = ServiceClient(
        behind.name, behind.target, methods, context.service_tokens, context.channel_credentials
    )
    context.service_clients.append(client)
    return client


def _downstream(context: AppContext, behind: Slice) -> Downstream:
    return Downstream(
        behind.name,
        [service.full_name for service in for_users(behind.services)],
        [HealthWatch(address, context.channel_credentials) for address in behind.addresses],
    )
