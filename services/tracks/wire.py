"""Between the contract's messages and the service's own values; nothing else knows both."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from seda.rpc.v1 import caller_pb2
from seda.tracks.v1 import catalog_service_pb2, track_pb2, track_service_pb2
from servicekit.caller import Caller, Role
from servicekit.timestamps import from_proto, to_proto
from services.tracks.domain.facts import Facts, facts
from services.tracks.domain.links.reference import Kind, Reference
from services.tracks.store.tracks import TrackRow

_KINDS = {kind: track_pb2.LinkKind.Value(f"LINK_KIND_{kind}") for kind in Kind}
_STATES = {name.removeprefix("METADATA_STATE_"): number for name, number in track_pb2.MetadataState.items()}
_ROLES = {caller_pb2.Role.Value(f"ROLE_{role}"): role for role in Role}


def put_track(into: track_pb2.Track, row: TrackRow) -> None:
    """Fill a Track from its row."""
    into.id = str(row.id)
    into.provider = row.provider
    into.provider_id = row.provider_id
    into.url = row.url
    into.title = row.title or ""
    into.artist = row.artist or ""
    into.artwork_url = row.artwork_url or ""
    if row.duration_seconds is not None:
        into.duration.seconds = row.duration_seconds
    into.isrc = row.isrc or ""
    into.metadata_state = _STATES[row.metadata_state]
    to_proto(into.create_time, row.created_at)
    to_proto(into.update_time, row.updated_at)


def parsed(reference: Reference) -> track_service_pb2.ParseTrackUrlResponse:
    """The answer of ParseTrackUrl."""
    response = track_service_pb2.ParseTrackUrlResponse(
        provider=reference.provider,
        provider_id=reference.provider_id,
        url=reference.url,
        needs_resolution=reference.needs_resolution,
    )
    if reference.kind is not None:
        response.kind = _KINDS[reference.kind]
    return response


def resolved(row: TrackRow) -> track_service_pb2.ResolveTrackResponse:
    """The answer of ResolveTrack."""
    response = track_service_pb2.ResolveTrackResponse()
    put_track(response.track, row)
    return response


def upserted(row: TrackRow) -> catalog_service_pb2.UpsertTrackResponse:
    """The answer of UpsertTrack."""
    response = catalog_service_pb2.UpsertTrackResponse()
    put_track(response.track, row)
    return response


def looked_up(found: Iterable[TrackRow], missing: Iterable[UUID]) -> track_service_pb2.LookupTracksResponse:
    """The answer of LookupTracks."""
    response = track_service_pb2.LookupTracksResponse()
    for row in found:
        put_track(response.tracks.add(), row)
    response.missing_ids.extend(str(each) for each in missing)
    return response


def ids(texts: Iterable[str]) -> list[UUID]:
    """Ids whose form the contract has checked."""
    return [UUID(text) for text in texts]


def known_facts(request: catalog_service_pb2.UpsertTrackRequest) -> Facts:
    """What the caller of UpsertTrack knows; fractions of a second are dropped. Raises InvalidFieldsError."""
    return facts(request.title, request.artist, request.artwork_url, request.duration.seconds)


def caller(message: caller_pb2.Caller) -> Caller:
    """The caller as the users service names them."""
    return Caller(
        user_id=UUID(message.user_id),
        role=_ROLES[message.role],
        muted_until=from_proto(message.mute_expire_time) if message.HasField("mute_expire_time") else None,
        suspended_until=(
            from_proto(message.suspend_expire_time) if message.HasField("suspend_expire_time") else None
        ),
    )
