"""The actions of CatalogService."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.pagination import decode_id, decode_token, encode_token, fingerprint, paginate
from services.tracks.actions.deps import Deps
from services.tracks.domain.errors import NeedsResolutionError
from services.tracks.domain.metadata import MetadataState, TrackMetadata
from services.tracks.domain.tracks import parse_pasted_link
from services.tracks.store import listings, tracks
from services.tracks.store.listings import ResolvedTrackRow
from services.tracks.store.tracks import TrackRow


async def upsert_track(deps: Deps, user_id: UUID | None, text: str, known: TrackMetadata) -> TrackRow:
    """Return the stored track of a pasted link, its empty fields filled from `known`; for a user if there is one.

    Raises the errors of domain.tracks.parse_pasted_link, RateLimitedError for a new track, and NeedsResolutionError for a link that was not resolved
    before: sending a message must not wait for another host.
    """
    reference = parse_pasted_link(text)
    found = await tracks.find(deps.database, reference)
    if found is not None:
        track = found.track
    else:
        if reference.needs_resolution:
            raise NeedsResolutionError(reference.provider)
        if user_id is not None:
            # A new track causes fetches of its metadata.
            deps.fetches.hit(user_id)
        track = await tracks.add(deps.database, reference)
    if track.metadata_state == MetadataState.PENDING:
        deps.enrichment.notify()
    return await tracks.fill(deps.database, track, known)


async def mark_tracks_listed(deps: Deps, track_ids: Sequence[UUID]) -> None:
    """Let everybody find the tracks that exist."""
    await listings.mark_listed(deps.database, track_ids)


@dataclass(frozen=True, slots=True)
class ResolvedTrackPage:
    """A page of the tracks that a user resolved, and the token of the next page; empty at the end."""

    tracks: list[ResolvedTrackRow]
    next_page_token: str


async def export_resolver(deps: Deps, user_id: UUID, size: int, page_token: str) -> ResolvedTrackPage:
    """Return a page of the tracks that a user resolved, the newest track first. Raises PageTokenMismatchError."""
    binding = fingerprint("ExportResolver", user_id)
    before = decode_id(decode_token(page_token, binding).texts) if page_token else tracks.MAX_ID
    rows = await listings.list_resolved(deps.database, user_id, before, size + 1)
    page = paginate(rows, size, lambda last: encode_token(binding, texts=[str(last.track.id)]))
    return ResolvedTrackPage(*page)


async def erase_resolver(deps: Deps, user_id: UUID) -> int:
    """Delete the record of what a user resolved; return the number of rows."""
    return await listings.delete_resolver(deps.database, user_id)
