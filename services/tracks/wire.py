"""Between the contract's messages and the service's own values; nothing else knows both."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from google.protobuf.duration_pb2 import Duration

from seda.rpc.v1 import caller_pb2
from seda.tracks.internal.v1 import catalog_service_pb2, crawler_service_pb2
from seda.tracks.v1 import track_pb2, track_service_pb2
from servicekit.caller import Caller, Role
from servicekit.pagination import page_size
from servicekit.timestamps import from_proto, seconds_to_proto, to_proto
from services.tracks.actions.crawler import FetchResult
from services.tracks.actions.search import Listing, TrackPage
from services.tracks.domain.links.reference import Kind, TrackReference
from services.tracks.domain.metadata import TrackMetadata, metadata_from_values
from services.tracks.domain.web.fetch_response import Failure, Policy
from services.tracks.domain.web.html_metadata import Page
from services.tracks.store.tracks import TrackRow

_KINDS = {kind: track_pb2.LinkKind.Value(f"LINK_KIND_{kind}") for kind in Kind}
_STATES = {name.removeprefix("METADATA_STATE_"): number for name, number in track_pb2.MetadataState.items()}
_STATE_NAMES = {number: name for name, number in _STATES.items()}
# A message holds 4 MiB, which a thousand tracks reach only with texts and addresses of the greatest lengths.
_LOOKUP_BYTES = 3 << 20
_ROLES = {caller_pb2.Role.Value(f"ROLE_{role}"): role for role in Role}


_FAILURES = {each: crawler_service_pb2.FetchFailure.Value(f"FETCH_FAILURE_{each}") for each in Failure}
_POLICIES = {
    crawler_service_pb2.REDIRECT_POLICY_UNSPECIFIED: Policy.ANY_SITE,
    crawler_service_pb2.REDIRECT_POLICY_ANY_SITE: Policy.ANY_SITE,
    crawler_service_pb2.REDIRECT_POLICY_SAME_SITE: Policy.SAME_SITE,
}


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
    if row.refreshed_at is not None:
        to_proto(into.refresh_time, row.refreshed_at)


def parse_track_url_response(reference: TrackReference) -> track_service_pb2.ParseTrackUrlResponse:
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


def resolve_track_response(row: TrackRow) -> track_service_pb2.ResolveTrackResponse:
    """The answer of ResolveTrack."""
    response = track_service_pb2.ResolveTrackResponse()
    put_track(response.track, row)
    return response


def upsert_track_response(row: TrackRow) -> catalog_service_pb2.UpsertTrackResponse:
    """The answer of UpsertTrack."""
    response = catalog_service_pb2.UpsertTrackResponse()
    put_track(response.track, row)
    return response


def get_track_response(row: TrackRow) -> track_service_pb2.GetTrackResponse:
    """The answer of GetTrack."""
    response = track_service_pb2.GetTrackResponse()
    put_track(response.track, row)
    return response


def refresh_track_response(row: TrackRow) -> track_service_pb2.RefreshTrackResponse:
    """The answer of RefreshTrack."""
    response = track_service_pb2.RefreshTrackResponse()
    put_track(response.track, row)
    return response


def lookup_tracks_response(
    found: Iterable[TrackRow], missing: Iterable[UUID]
) -> track_service_pb2.LookupTracksResponse:
    """The answer of LookupTracks; what would make it too large for a message is left to another call."""
    response = track_service_pb2.LookupTracksResponse()
    room = _LOOKUP_BYTES
    for row in found:
        track = track_pb2.Track()
        put_track(track, row)
        room -= track.ByteSize()
        if room >= 0:
            response.tracks.append(track)
        else:
            response.remaining_ids.append(track.id)
    response.missing_ids.extend(str(each) for each in missing)
    return response


def listing(request: track_service_pb2.ListTracksRequest) -> Listing:
    """Which tracks ListTracks asks for."""
    return Listing(
        provider=request.provider or None,
        state=_STATE_NAMES[request.metadata_state] if request.metadata_state else None,
        page_size=page_size(request.page_size),
        page_token=request.page_token,
    )


def list_tracks_response(page: TrackPage) -> track_service_pb2.ListTracksResponse:
    """The answer of ListTracks."""
    response = track_service_pb2.ListTracksResponse(next_page_token=page.next_page_token)
    for row in page.tracks:
        put_track(response.tracks.add(), row)
    return response


def search_tracks_response(page: TrackPage) -> track_service_pb2.SearchTracksResponse:
    """The answer of SearchTracks."""
    response = track_service_pb2.SearchTracksResponse(next_page_token=page.next_page_token)
    for row in page.tracks:
        put_track(response.tracks.add(), row)
    return response


def parse_ids(texts: Iterable[str]) -> list[UUID]:
    """Ids whose form the contract has checked."""
    return [UUID(text) for text in texts]


def upsert_metadata(request: catalog_service_pb2.UpsertTrackRequest) -> TrackMetadata:
    """What the caller of UpsertTrack knows; fractions of a second are dropped. Raises InvalidFieldsError."""
    return metadata_from_values(request.title, request.artist, request.artwork_url, request.duration.seconds)


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


def fetch_policy(request: crawler_service_pb2.FetchRequest) -> Policy:
    """Where the redirects of a Fetch may lead."""
    return _POLICIES[request.redirect_policy]


def fetch_max_age(request: crawler_service_pb2.FetchRequest) -> float | None:
    """How old the answer of a Fetch may be, in seconds."""
    return seconds(request.max_age) if request.HasField("max_age") else None


def seconds(duration: Duration) -> float:
    """A duration in seconds."""
    return duration.seconds + duration.nanos / 1e9


def fetch_response(visit: FetchResult) -> crawler_service_pb2.FetchResponse:
    """The answer of Fetch."""
    fetched = visit.fetched
    response = crawler_service_pb2.FetchResponse(
        url=fetched.url,
        final_url=fetched.final_url or "",
        status_code=fetched.status_code or 0,
        content_type=fetched.content_type,
        from_cache=fetched.from_cache,
    )
    if fetched.failure is not None:
        response.failure = _FAILURES[fetched.failure]
    if visit.page is not None:
        _put_page(response.page, visit.page)
    elif visit.text is not None:
        response.text = visit.text
    to_proto(response.fetch_time, fetched.fetched_at)
    if fetched.retry_after is not None:
        seconds_to_proto(response.retry_delay, fetched.retry_after)
    return response


def _put_page(into: crawler_service_pb2.Page, page: Page) -> None:
    # A page without anything in it is a page all the same.
    into.SetInParent()
    into.title = page.title
    into.canonical_url = page.canonical_url
    into.text = page.text
    into.json_ld.extend(page.json_ld)
    for meta in page.metas:
        into.metas.add(name=meta.name, content=meta.content, in_head=meta.in_head)
