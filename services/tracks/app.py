"""The composition root of the tracks service."""

from __future__ import annotations

from seda.users.v1 import identity_service_pb2
from servicekit.process import App, Kit
from services.tracks.actions.deps import Deps
from services.tracks.clients.users import RemoteResolver
from services.tracks.rpc.catalog import CatalogServicer
from services.tracks.rpc.tracks import TrackServicer

SCHEMA_HEAD = "20261122_1935"
"""The newest migration of schema tracks that this build needs."""

_IDENTITY = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]


def build(kit: Kit) -> App:
    """Puts the service together."""
    deps = Deps(kit.database)
    return App(
        servicers=[TrackServicer(deps), CatalogServicer(deps)],
        resolver=RemoteResolver(kit.peer("users", _IDENTITY)),
        schema_head=SCHEMA_HEAD,
    )
