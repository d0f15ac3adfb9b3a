"""Converters of ArtistService."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from search_text.tiers import MatchTier
from seda.users.v1 import artist_pb2, artist_service_pb2
from servicekit.errors import FieldViolation, InvalidFieldsError
from servicekit.field_mask import masked_fields
from servicekit.ids import parse_id
from servicekit.timestamps import to_proto
from services.users.actions.artists import ArtistView
from services.users.domain.artists import UPDATABLE_FIELDS, ArtistUpdate, ArtistValues
from services.users.store.artist_search import MatchRow
from services.users.store.artists import ArtistRow, MarkRow
from services.users.wire.users import put_summary
from services.users.wire.verification import fill_verification, target_kind

_EXACT = artist_service_pb2.MATCH_KIND_EXACT
_KINDS: dict[int, artist_service_pb2.MatchKind.ValueType] = {
    MatchTier.PREFIX: artist_service_pb2.MATCH_KIND_PREFIX,
    MatchTier.SUBSTRING: artist_service_pb2.MATCH_KIND_SUBSTRING,
    MatchTier.FUZZY: artist_service_pb2.MATCH_KIND_SIMILAR,
}


def put_artist(into: artist_pb2.ArtistProfile, row: ArtistRow) -> None:
    """Fill an ArtistProfile from its row."""
    into.id = str(row.id)
    into.user_id = str(row.user_id)
    into.artist_name = row.artist_name
    # Most of these are empty, and a search fills up to a hundred profiles.
    if row.bio:
        into.bio = row.bio
    if row.website_url:
        into.website_url = row.website_url
    if row.spotify_url:
        into.spotify_url = row.spotify_url
    if row.soundcloud_url:
        into.soundcloud_url = row.soundcloud_url
    if row.verified_at is not None:
        into.verified = True
        to_proto(into.verify_time, row.verified_at)
    to_proto(into.create_time, row.created_at)
    to_proto(into.update_time, row.updated_at)
    into.etag = row.etag


def artist_values(artist: artist_pb2.ArtistProfile) -> ArtistValues:
    """Return what a request sets in a profile."""
    return ArtistValues(
        artist.artist_name,
        artist.bio,
        artist.website_url or None,
        artist.spotify_url or None,
        artist.soundcloud_url or None,
    )


def artist_update(request: artist_service_pb2.UpdateArtistRequest) -> ArtistUpdate:
    """Convert an UpdateArtist request. Raises InvalidFieldsError without an id or for an invalid update_mask."""
    artist = request.artist_profile
    if not artist.id:
        raise InvalidFieldsError(
            FieldViolation("artist_profile.id", "must be a canonical UUID in lower case")
        )
    fields = masked_fields(artist, request.update_mask, UPDATABLE_FIELDS)
    return ArtistUpdate(parse_id(artist.id), fields, artist_values(artist), artist.etag)


def create_artist_response(row: ArtistRow) -> artist_service_pb2.CreateArtistResponse:
    """Build the response of CreateArtist."""
    response = artist_service_pb2.CreateArtistResponse()
    put_artist(response.artist_profile, row)
    return response


def get_artist_response(view: ArtistView) -> artist_service_pb2.GetArtistResponse:
    """Build the response of GetArtist."""
    response = artist_service_pb2.GetArtistResponse()
    put_artist(response.artist_profile, view.artist)
    if view.user is not None:
        put_summary(response.user, view.user)
    for claim in view.verified:
        target = response.verified_targets.add()
        target.target_url = claim.target_url
        target.target_kind = target_kind(claim)
        if claim.verified_at is not None:
            to_proto(target.verify_time, claim.verified_at)
    for claim in view.waiting:
        fill_verification(response.open_verifications.add(), claim)
    return response


def update_artist_response(row: ArtistRow) -> artist_service_pb2.UpdateArtistResponse:
    """Build the response of UpdateArtist."""
    response = artist_service_pb2.UpdateArtistResponse()
    put_artist(response.artist_profile, row)
    return response


def lookup_artists_response(
    found: Iterable[MarkRow], missing: Iterable[UUID]
) -> artist_service_pb2.LookupArtistsResponse:
    """Build the response of LookupArtists."""
    response = artist_service_pb2.LookupArtistsResponse()
    for row in found:
        response.artists.add(
            user_id=str(row.user_id),
            artist_profile_id=str(row.id),
            artist_name=row.artist_name,
            verified=row.verified,
        )
    response.missing_ids.extend(map(str, missing))
    return response


def encode_matches(query: str, rows: Iterable[MatchRow]) -> bytes:
    """Serialize the matches of a normalized query: a SearchArtistsResponse without its token."""
    response = artist_service_pb2.SearchArtistsResponse()
    for row in rows:
        match = response.matches.add()
        put_artist(match.artist_profile, row.artist)
        match.kind = _EXACT if row.search_name == query else _KINDS[row.tier]
    return response.SerializeToString()


def search_artists_response(content: bytes, next_page_token: str) -> bytes:
    """Build the response of SearchArtists, serialized: messages are joined by joining their bytes."""
    rest = artist_service_pb2.SearchArtistsResponse(next_page_token=next_page_token)
    return content + rest.SerializeToString()
