"""The actions of CatalogService."""

from __future__ import annotations

from uuid import UUID

from services.tracks.actions.deps import Deps
from services.tracks.domain.errors import NeedsResolutionError
from services.tracks.domain.metadata import MetadataState, TrackMetadata
from services.tracks.domain.tracks import parse_pasted_link
from services.tracks.store import tracks
from services.tracks.store.tracks import TrackRow


async def upsert_track(deps: Deps, user_id: UUID | None, text: str, known: TrackMetadata) -> TrackRow:
    """Return the stored track of a pasted link, its empty fields filled from `known`; for a user if there is one.

    Raises the errors of domain.tracks.parse_pasted_link, RateLimitedError for a new track, and NeedsResolutionError for a link that was not resolved
    before: sending a message must not wait for another host.
    """
    reference = parse_pasted_link(text)
    track = await tracks.find(deps.database, reference)
    if track is None:
        if reference.needs_resolution:
            raise NeedsResolutionError(reference.provider)
        if user_id is not None:
            # A new track causes fetches of its metadata.
            deps.fetches.hit(user_id)
        track = await tracks.add(deps.database, reference)
    if track.metadata_state == MetadataState.PENDING:
        deps.enrichment.notify()
    return await tracks.fill(deps.database, track, known)
