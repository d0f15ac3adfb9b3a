"""The actions of TrackService that concern one track, or many by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from servicekit.caller import Caller
from servicekit.errors import CallerSuspendedError
from services.tracks.actions.deps import Deps
from services.tracks.actions.resolve_link import resolve_link
from services.tracks.domain.errors import TrackNotFoundError
from services.tracks.domain.links.reference import TrackReference
from services.tracks.domain.links.registry import parse
from services.tracks.domain.metadata import MetadataState
from services.tracks.domain.tracks import parse_pasted_link
from services.tracks.store import callers, enrichment, tracks
from services.tracks.store.tracks import TrackRow


async def parse_track_url(text: str) -> TrackReference:
    """What a pasted text points to. Raises the errors of links.table.parse."""
    return parse(text)


async def resolve_track(deps: Deps, caller: Caller, text: str, deadline: float) -> TrackRow:
    """The stored track that a pasted text points to, made when it is new.

    A link that says nothing by itself is resolve_link, unless it has been before. Raises the errors of
    domain.tracks.parse_pasted_link, of following.resolve_link, and CallerSuspendedError.
    """
    reference = parse_pasted_link(text)
    await _refuse_suspended(deps, caller)
    if not reference.needs_resolution:
        return await _stored(deps, reference)
    known = await deps.database.row(tracks.FIND_BY_ALIAS, reference.url)
    if known is not None:
        return known
    track = await _stored(deps, await resolve_link(deps, reference, deadline))
    await deps.database.execute(tracks.ADD_ALIASES, [reference.url], track.id)
    return track


async def get_track(deps: Deps, track_id: UUID) -> TrackRow:
    """The track with this id. Raises TrackNotFoundError."""
    row = await deps.database.row(tracks.GET, track_id)
    if row is None:
        raise TrackNotFoundError(track_id)
    return row


async def lookup_tracks(deps: Deps, ids: Sequence[UUID]) -> tuple[list[TrackRow], list[UUID]]:
    """The tracks with these ids, and the ids that name none, each once."""
    wanted = list(dict.fromkeys(ids))
    found = await deps.database.rows(tracks.LOOKUP, wanted)
    known = {row.id for row in found}
    return found, [each for each in wanted if each not in known]


async def refresh_track(deps: Deps, caller: Caller, track_id: UUID) -> TrackRow:
    """The track, whose provider is asked anew in the background unless it was lately.

    Raises TrackNotFoundError and CallerSuspendedError.
    """
    await _refuse_suspended(deps, caller)
    row = await deps.database.row(enrichment.REFRESH, track_id)
    if row is None:
        return await get_track(deps, track_id)
    deps.enrichment.notify()
    return row


async def _stored(deps: Deps, reference: TrackReference) -> TrackRow:
    track = await tracks.find_or_add(deps.database, reference)
    if track.metadata_state == MetadataState.PENDING:
        deps.enrichment.notify()
    return track


async def _refuse_suspended(deps: Deps, caller: Caller) -> None:
    # Nearly nobody has a suspension, not even one that has passed; only those who do cost a statement.
    if caller.suspended_until is None:
        return
    row = await deps.database.row(callers.SUSPENDED, caller.suspended_until)
    if row is not None and row.suspended:
        raise CallerSuspendedError
