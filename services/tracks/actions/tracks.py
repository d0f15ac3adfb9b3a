"""The actions of TrackService on one track, or on many by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.errors import CallerSuspendedError
from servicekit.pagination import decode_id, decode_token, encode_token, fingerprint, paginate
from services.tracks.actions.deps import Deps
from services.tracks.actions.resolve_link import resolve_link
from services.tracks.domain.errors import TrackNotFoundError
from services.tracks.domain.links.reference import TrackReference
from services.tracks.domain.links.registry import parse
from services.tracks.domain.tracks import parse_pasted_link
from services.tracks.store import callers, enrichment, listings, tracks
from services.tracks.store.tracks import TrackRow


@dataclass(frozen=True, slots=True)
class TrackPage:
    """A page of tracks, and the token of the next page; empty at the end."""

    tracks: list[TrackRow]
    next_page_token: str


async def parse_track_url(text: str) -> TrackReference:
    """Return the reference of a pasted link. Raises the errors of links.registry.parse."""
    return parse(text)


async def resolve_track(deps: Deps, caller: Caller, text: str, deadline: float) -> TrackRow:
    """Return the stored track of a pasted link, inserted if it is new.

    The caller finds it in searches from now on. A short link is followed, unless its target is stored already. Raises the errors of
    domain.tracks.parse_pasted_link and of resolve_link, CallerSuspendedError, and RateLimitedError for a track
    that the caller did not find in searches before.
    """
    reference = parse_pasted_link(text)
    await _check_not_suspended(deps, caller)
    found = await tracks.find(deps.database, reference, caller.user_id)
    if found is not None and found.searchable:
        return found.track
    # Following a link and the metadata of a new track cause fetches.
    deps.fetches.hit(caller.user_id)
    track = await _resolve(deps, caller, reference, deadline) if found is None else found.track
    await listings.add_resolver(deps.database, caller.user_id, track.id)
    return track


async def get_track(deps: Deps, track_id: UUID) -> TrackRow:
    """Return one track. Raises TrackNotFoundError."""
    row = await tracks.get(deps.database, track_id)
    if row is None:
        raise TrackNotFoundError(track_id)
    return row


async def lookup_tracks(deps: Deps, ids: Sequence[UUID]) -> tuple[list[TrackRow], list[UUID]]:
    """Return the tracks with these ids, and the ids that were not found, each once."""
    wanted = list(dict.fromkeys(ids))
    rows = await tracks.lookup(deps.database, wanted)
    found = {row.id for row in rows}
    return rows, [each for each in wanted if each not in found]


async def refresh_track(deps: Deps, caller: Caller, track_id: UUID) -> TrackRow:
    """Return the track; its metadata is fetched again in the background unless it was in the last hour.

    Raises TrackNotFoundError, CallerSuspendedError and RateLimitedError.
    """
    await _check_not_suspended(deps, caller)
    deps.fetches.hit(caller.user_id)
    row = await enrichment.schedule_refresh(deps.database, track_id)
    if row is None:
        return await get_track(deps, track_id)
    deps.enrichment.notify()
    return row


@dataclass(frozen=True, slots=True)
class TrackFilter:
    """Which tracks to list; None for any provider or state."""

    provider: str | None
    state: str | None


async def list_tracks(
    deps: Deps, caller: Caller, wanted: TrackFilter, size: int, page_token: str
) -> TrackPage:
    """Return a page of tracks, newest first. Raises PageTokenMismatchError."""
    binding = fingerprint("ListTracks", caller.user_id, wanted.provider, wanted.state)
    before = decode_id(decode_token(page_token, binding).texts) if page_token else tracks.MAX_ID
    rows = await tracks.list_page(deps.database, wanted.provider, wanted.state, before, size + 1)
    return TrackPage(*paginate(rows, size, lambda last: encode_token(binding, texts=[str(last.id)])))


async def _resolve(deps: Deps, caller: Caller, reference: TrackReference, deadline: float) -> TrackRow:
    if not reference.needs_resolution:
        return await _add(deps, reference)
    target = await resolve_link(deps, caller.user_id, reference, deadline)
    found = await tracks.find(deps.database, target)
    track = await _add(deps, target) if found is None else found.track
    await tracks.add_aliases(deps.database, [reference.url], track.id)
    return track


async def _add(deps: Deps, reference: TrackReference) -> TrackRow:
    track = await tracks.add(deps.database, reference)
    deps.enrichment.notify()
    return track


async def _check_not_suspended(deps: Deps, caller: Caller) -> None:
    # Only callers with a suspension, current or past, cost a statement.
    if caller.suspended_until is not None and await callers.is_suspended(
        deps.database, caller.suspended_until
    ):
        raise CallerSuspendedError
