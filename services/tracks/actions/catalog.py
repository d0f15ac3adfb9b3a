"""The actions of CatalogService."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from services.tracks.actions.deps import Deps
from services.tracks.domain.errors import NeedsResolutionError
from services.tracks.domain.metadata import MetadataState, TrackMetadata
from services.tracks.domain.tracks import parse_pasted_link
from services.tracks.store import listings, tracks
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


async def erase_resolver(deps: Deps, user_id: UUID) -> int:
    """Delete the record of what a user resolved; return the number of rows."""
    return await listings.delete_resolver(deps.database, user_id)
