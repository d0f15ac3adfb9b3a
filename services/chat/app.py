"""The composition root of chat."""

from __future__ import annotations

from seda.tracks.v1 import track_service_pb2
from seda.users.v1 import identity_service_pb2
from servicekit.concurrency_limit import RateLimit
from servicekit.process import App, Kit
from services.chat.actions.deps import Deps, Limits
from services.chat.actions.page_cache import KeptPages
from services.chat.clients.tracks import RemoteTracks
from services.chat.clients.users import RemoteResolver
from services.chat.config import Settings
from services.chat.rpc.author_data import AuthorDataServicer
from services.chat.rpc.membership import MembershipServicer
from services.chat.rpc.messages import MessageServicer
from services.chat.rpc.moderation import ModerationServicer
from services.chat.rpc.reactions import ReactionServicer
from services.chat.rpc.rooms import RoomServicer
from services.chat.store.epoch import Epoch
from services.chat.workers.janitor import Janitor
from services.chat.workers.message_batcher import SendBatcher

SCHEMA_HEAD = "20261123_0210"
"""The newest migration of this build; the service is ready once it is applied."""


def build(kit: Kit) -> App:
    """Put the service together."""
    epoch = Epoch()
    kit.database.on_connect = epoch.read
    users = kit.peer("users", identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"])
    tracks = kit.peer("tracks", track_service_pb2.DESCRIPTOR.services_by_name["TrackService"])
    settings: Settings = kit.settings
    batch_sizes = kit.metrics.histogram(
        "seda_batch_size", "messages written in one transaction", (1, 2, 5, 10, 20, 50, 100, 200)
    )
    limits = Limits(
        sends=RateLimit(settings.send_rate, settings.send_burst, kit.clock),
        rooms=RateLimit(settings.room_rate, settings.room_burst, kit.clock),
        joins=RateLimit(settings.join_rate, settings.join_burst, kit.clock),
        reactions=RateLimit(settings.reaction_rate, settings.reaction_burst, kit.clock),
        searches=RateLimit(settings.search_rate, settings.search_burst, kit.clock),
        invitations=RateLimit(settings.invitation_rate, settings.invitation_burst, kit.clock),
        reports=RateLimit(settings.report_rate, settings.report_burst, kit.clock),
    )
    batcher = SendBatcher(kit.database, limits.sends, batch_sizes)
    deps = Deps(
        kit.database,
        epoch,
        batcher,
        RemoteTracks(tracks, kit.clock),
        limits,
        KeptPages(settings.kept_pages_mib << 20),
    )
    return App(
        servicers=[
            RoomServicer(deps),
            MembershipServicer(deps),
            MessageServicer(deps),
            ModerationServicer(deps),
            ReactionServicer(deps),
            AuthorDataServicer(deps),
        ],
        resolver=RemoteResolver(users),
        workers=[batcher, Janitor(kit.database, settings.janitor_interval)],
        schema_head=SCHEMA_HEAD,
    )
