"""Converters between the contract's messages and the service's values."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from google.protobuf.duration_pb2 import Duration

from seda.tracks.internal.v1 import catalog_service_pb2, crawler_service_pb2
from seda.tracks.v1 import track_pb2, track_service_pb2
from servicekit.timestamps import seconds_to_proto, to_proto
from services.tracks.actions.catalog import ResolvedTrackPage
from services.tracks.actions.crawler import FetchResult
from services.tracks.actions.tracks import TrackFilter, TrackPage
from services.tracks.domain.links.reference import Kind, TrackReference
from services.tracks.domain.metadata import TrackMetadata, metadata_from_values
from services.tracks.domain.web.fetch_response import Failure, Policy
from services.tracks.domain.web.html_metadata import Page
from services.tracks.store.tracks import TrackRow

_KINDS = {kind: track_pb2.LinkKind.Value(f"LINK_KIND_{kind}") for kind in Kind}
_STATES = {name.removeprefix("METADATA_STATE_"): number for name, number in track_pb2.MetadataState.items()}
_STATE_NAMES = {number: name for name, number in _STATES.items()}
# Below the limit of 4 MiB per message; only tracks with the longest texts and URLs reach it.
_LOOKUP_BYTES = 3 << 20


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
    """Build the response of ParseTrackUrl."""
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
    """Build the response of ResolveTrack."""
    response = track_service_pb2.ResolveTrackResponse()
    put_track(response.track, row)
    return response


def upsert_track_response(row: TrackRow) -> catalog_service_pb2.UpsertTrackResponse:
    """Build the response of UpsertTrack."""
    response = catalog_service_pb2.UpsertTrackResponse()
    put_track(response.track, row)
    return response


def export_resolver_response(page: ResolvedTrackPage) -> catalog_service_pb2.ExportResolverResponse:
    """Build the response of ExportResolver."""
    response = catalog_service_pb2.ExportResolverResponse(next_page_token=page.next_page_token)
    for row in page.tracks:
        resolved = response.tracks.add()
        put_track(resolved.track, row.track)
        to_proto(resolved.resolve_time, row.resolved_at)
    return response


def get_track_response(row: TrackRow) -> track_service_pb2.GetTrackResponse:
    """Build the response of GetTrack."""
    response = track_service_pb2.GetTrackResponse()
    put_track(response.track, row)
    return response


def refresh_track_response(row: TrackRow) -> track_service_pb2.RefreshTrackResponse:
    """Build the response of RefreshTrack."""
    response = track_service_pb2.RefreshTrackResponse()
    put_track(response.track, row)
    return response


def lookup_tracks_response(
    found: Iterable[TrackRow], missing: Iterable[UUID]
) -> track_service_pb2.LookupTracksResponse:
    """Build the response of LookupTracks; tracks beyond the message size limit go into `remaining_ids`."""
    response = track_service_pb2.LookupTracksResponse()
    left = _LOOKUP_BYTES
    for row in found:
        track = track_pb2.Track()
        put_track(track, row)
        left -= track.ByteSize()
        if left >= 0:
            response.tracks.append(track)
        else:
            response.remaining_ids.append(track.id)
    response.missing_ids.extend(str(each) for each in missing)
    return response


def track_filter(request: track_service_pb2.ListTracksRequest) -> TrackFilter:
    """Return the filter of a ListTracks."""
    return TrackFilter(
        provider=request.provider or None,
        state=_STATE_NAMES[request.metadata_state] if request.metadata_state else None,
    )


def list_tracks_response(page: TrackPage) -> track_service_pb2.ListTracksResponse:
    """Build the response of ListTracks."""
    response = track_service_pb2.ListTracksResponse(next_page_token=page.next_page_token)
    for row in page.tracks:
        put_track(response.tracks.add(), row)
    return response


def search_tracks_response(page: TrackPage) -> track_service_pb2.SearchTracksResponse:
    """Build the response of SearchTracks."""
    response = track_service_pb2.SearchTracksResponse(next_page_token=page.next_page_token)
    for row in page.tracks:
        put_track(response.tracks.add(), row)
    return response


def parse_ids(texts: Iterable[str]) -> list[UUID]:
    """Parse ids that validation has checked."""
    return [UUID(text) for text in texts]


def upsert_metadata(request: catalog_service_pb2.UpsertTrackRequest) -> TrackMetadata:
    """Return the metadata of an UpsertTrack request, in whole seconds. Raises InvalidFieldsError."""
    return metadata_from_values(request.title, request.artist, request.artwork_url, request.duration.seconds)


def fetch_policy(request: crawler_service_pb2.FetchRequest) -> Policy:
    """Return the redirect policy of a Fetch."""
    return _POLICIES[request.redirect_policy]


def fetch_max_age(request: crawler_service_pb2.FetchRequest) -> float | None:
    """Return the max_age of a Fetch, in seconds."""
    return seconds(request.max_age) if request.HasField("max_age") else None


def seconds(duration: Duration) -> float:
    """Convert a duration to seconds."""
    return duration.seconds + duration.nanos / 1e9


def fetch_response(visit: FetchResult) -> crawler_service_pb2.FetchResponse:
    """Build the response of Fetch."""
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
    # An empty page is still a page.
    into.SetInParent()
    into.title = page.title
    into.canonical_url = page.canonical_url
    into.text = page.text
    into.json_ld.extend(page.json_ld)
    for meta in page.metas:
        into.metas.add(name=meta.name, content=meta.content, in_head=meta.in_head)
