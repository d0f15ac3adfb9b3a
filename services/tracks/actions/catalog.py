"""The actions of CatalogService."""

from __future__ import annotations

from services.tracks.actions.deps import Deps
from services.tracks.domain.facts import Facts
from services.tracks.domain.tracks import track_reference
from services.tracks.store import tracks
from services.tracks.store.tracks import TrackRow


async def upsert_track(deps: Deps, text: str, known: Facts) -> TrackRow:
    """The stored track that a pasted text points to, with its empty fields filled from `known`.

    Raises the errors of domain.tracks.track_reference.
    """
    track = await tracks.find_or_add(deps.database, track_reference(text))
    return await tracks.fill(deps.database, track, known)
