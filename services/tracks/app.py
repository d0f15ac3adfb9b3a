"""The composition root of the tracks service."""

from __future__ import annotations

from servicekit.process import App, Kit
from services.tracks.actions.deps import Deps
from services.tracks.clients.users import RemoteResolver
from services.tracks.rpc.catalog import CatalogServicer
from services.tracks.rpc.tracks import TrackServicer


def build(kit: Kit) -> App:
    """Puts the service together."""
    deps = Deps(kit.database)
    return App(
        servicers=[TrackServicer(deps), CatalogServicer(deps)], resolver=RemoteResolver(kit.peers["users"])
    )
