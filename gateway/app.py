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
from servicekit.channels import Peer
from servicekit.methods import methods_of
from servicekit.process import App, Kit


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


def build(kit: Kit) -> App:
    """Puts the gateway together in front of the suite."""
    return compose(kit, slices(kit.settings))


def compose(kit: Kit, behind: Sequence[Slice]) -> App:
    """Puts the gateway together in front of any services, users, chat and tracks among them."""
    peers = {each.name: _peer(kit, each) for each in behind}
    forwarding = Forwarding(kit.board)
    downstreams = Downstreams([_downstream(kit, each) for each in behind], kit.board, kit.clock)
    deps = Deps(
        chat=ChatClient(peers["chat"]),
        users=UsersClient(peers["users"]),
        tracks=TracksClient(peers["tracks"]),
        statuses=downstreams,
    )
    return App(
        servicers=[GatewayServicer(deps)],
        resolver=RemoteResolver(peers["users"]),
        workers=[downstreams, forwarding],
        raw=[
            handler
            for each in behind
            for handler in forwarding.methods(peers[each.name], for_users(each.services))
        ],
    )


def _peer(kit: Kit, behind: Slice) -> Peer:
    methods = [method for service in behind.services for method in methods_of(service)]
    peer = Peer(behind.name, behind.target, methods, kit.service_tokens, kit.channel_credentials)
    kit.peers.append(peer)
    return peer


def _downstream(kit: Kit, behind: Slice) -> Downstream:
    return Downstream(
        behind.name,
        [service.full_name for service in for_users(behind.services)],
        [HealthWatch(address, kit.channel_credentials) for address in behind.addresses],
    )
