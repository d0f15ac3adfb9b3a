"""The actions of CatalogService."""

from __future__ import annotations

from services.tracks.actions.deps import Deps
from services.tracks.domain.errors import NeedsResolutionError
from services.tracks.domain.metadata import MetadataState, TrackMetadata
from services.tracks.domain.tracks import parse_pasted_link
from services.tracks.store import tracks
from services.tracks.store.tracks import TrackRow


async def upsert_track(deps: Deps, text: str, known: TrackMetadata) -> TrackRow:
    """Return the stored track of a pasted link, its empty fields filled from `known`.

    Raises the errors of domain.tracks.parse_pasted_link, and NeedsResolutionError for a link that was not resolved
    before: sending a message must not wait for another host.
    """
    reference = parse_pasted_link(text)
    track: TrackRow | None
    if reference.needs_resolution:
        track = await tracks.find_by_alias(deps.database, reference.url)
        if track is None:
            raise NeedsResolutionError(reference.provider)
    else:
        track = await tracks.find_or_add(deps.database, reference)
    if track.metadata_state == MetadataState.PENDING:
        deps.enrichment.notify()
    return await tracks.fill(deps.database, track, known)
