"""The actions of TrackService."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from servicekit.caller import Caller
from servicekit.errors import CallerSuspendedError
from services.tracks.actions.deps import Deps
from services.tracks.domain.links.reference import Reference
from services.tracks.domain.links.table import parse
from services.tracks.domain.tracks import track_reference
from services.tracks.store import callers, tracks
from services.tracks.store.tracks import TrackRow


async def parse_track_url(text: str) -> Reference:
    """What a pasted text points to. Raises the errors of links.table.parse."""
    return parse(text)


async def resolve_track(deps: Deps, caller: Caller, text: str) -> TrackRow:
    """The stored track that a pasted text points to, made when it is new.

    Raises the errors of domain.tracks.track_reference, and CallerSuspendedError.
    """
    reference = track_reference(text)
    await _refuse_suspended(deps, caller)
    return await tracks.find_or_add(deps.database, reference)


async def lookup_tracks(deps: Deps, ids: Sequence[UUID]) -> tuple[list[TrackRow], list[UUID]]:
    """The tracks with these ids, and the ids that name none, each once."""
    wanted = list(dict.fromkeys(ids))
    found = await deps.database.rows(tracks.LOOKUP, wanted)
    known = {row.id for row in found}
    return found, [each for each in wanted if each not in known]


async def _refuse_suspended(deps: Deps, caller: Caller) -> None:
    # Nearly nobody has a suspension, not even one that has passed; only those who do cost a statement.
    if caller.suspended_until is None:
        return
    row = await deps.database.row(callers.SUSPENDED, caller.suspended_until)
    if row is not None and row.suspended:
        raise CallerSuspendedError
