"""The actions of ArtistService, except for searches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.database import Session
from servicekit.errors import CallerSuspendedError, ConflictError
from servicekit.ids import new_id
from services.users.actions.deps import Deps
from services.users.actions.verification_recheck import profile_changed
from services.users.domain.artists import ArtistUpdate, ArtistValues, check_values, replaced_urls
from services.users.domain.errors import (
    ArtistExistsError,
    ArtistNotFoundError,
    NotYourselfError,
    UserNotFoundError,
)
from services.users.domain.verification import State
from services.users.store import artists, verification
from services.users.store.artists import ArtistOfUserRow, ArtistRow, CallerRow, MarkRow
from services.users.store.users import SummaryRow
from services.users.store.verification import ClaimRow


@dataclass(frozen=True, slots=True)
class ArtistView:
    """A profile, its user, the claims that verify it, and for that user alone those that wait for a proof."""

    artist: ArtistRow
    user: SummaryRow | None
    verified: list[ClaimRow]
    waiting: list[ClaimRow]


async def create_artist(deps: Deps, caller: Caller, values: ArtistValues) -> ArtistRow:
    """Create the caller's profile; return the present one if it has the same values.

    Raises InvalidFieldsError, RateLimitedError, CallerSuspendedError, ArtistExistsError or UserNotFoundError.
    """
    check_values(values)
    deps.limits.artist_writes.hit(caller.user_id)
    added = await artists.add(deps.database, new_id(), caller.user_id, values)
    if added is not None:
        deps.search_pages.clear()
        return added
    present = _own(await artists.of_caller(deps.database, caller.user_id), caller)
    if present is None:
        # The reason is gone by now.
        raise ConflictError
    if present.values != values:
        raise ArtistExistsError(present.id)
    return present


async def get_artist(deps: Deps, caller: Caller, artist_profile_id: UUID) -> ArtistView:
    """Return one profile; two statements. Raises ArtistNotFoundError."""
    row = await artists.get(deps.database, artist_profile_id)
    if row is None:
        raise ArtistNotFoundError(artist_profile_id)
    return await _view(deps, caller, row)


async def get_artist_of_user(deps: Deps, caller: Caller, user_id: UUID) -> ArtistView:
    """Return the profile of a user; two statements. Raises ArtistNotFoundError."""
    row = await artists.get_by_user(deps.database, user_id)
    if row is None:
        raise ArtistNotFoundError(user_id)
    return await _view(deps, caller, row)


async def _view(deps: Deps, caller: Caller, row: ArtistOfUserRow) -> ArtistView:
    claims = await verification.unfinished_claims(deps.database, row.artist.id)
    return ArtistView(
        row.artist,
        row.user,
        verified=[each for each in claims if each.state == State.VERIFIED],
        # What is claimed, and with which code, is the claimant's business until it is proven.
        waiting=[each for each in claims if each.state != State.VERIFIED]
        if row.artist.user_id == caller.user_id
        else [],
    )


async def lookup_artists(deps: Deps, user_ids: Sequence[UUID]) -> tuple[list[MarkRow], list[UUID]]:
    """Return the marks of these users, and the users without a profile, each once."""
    wanted = list(dict.fromkeys(user_ids))
    rows = await artists.lookup(deps.database, wanted)
    found = {row.user_id for row in rows}
    return rows, [each for each in wanted if each not in found]


async def update_artist(deps: Deps, caller: Caller, update: ArtistUpdate) -> ArtistRow:
    """Update the caller's profile and return it. An update that is already in place succeeds whatever the etag.

    Raises InvalidFieldsError, RateLimitedError, CallerSuspendedError, ArtistNotFoundError, NotYourselfError,
    EtagMismatchError or UserNotFoundError.
    """
    check_values(update.values, update.fields)
    deps.limits.artist_writes.hit(caller.user_id)

    async def work(session: Session) -> ArtistRow:
        before = _own(await artists.lock(session, update.artist_profile_id, caller.user_id), caller)
        if before is None:
            raise ArtistNotFoundError(update.artist_profile_id)
        values = update.apply(before.values, before.etag)
        if values == before.values:
            return before
        # First: the profile may become unverified.
        await profile_changed(
            session,
            before.id,
            caller.user_id,
            renamed=values.artist_name != before.artist_name,
            replaced_urls=replaced_urls(before.values, values),
        )
        return await artists.update(session, before.id, values)

    updated = await deps.database.run_in_transaction(work)
    deps.search_pages.clear()
    return updated


async def delete_artist(deps: Deps, caller: Caller, artist_profile_id: UUID) -> None:
    """Delete the caller's profile with its claims; a profile that does not exist is no error.

    Raises RateLimitedError, CallerSuspendedError, NotYourselfError or UserNotFoundError.
    """
    deps.limits.artist_writes.hit(caller.user_id)

    async def work(session: Session) -> None:
        present = _own(await artists.lock(session, artist_profile_id, caller.user_id), caller)
        if present is not None:
            await artists.delete(session, present.id)

    await deps.database.run_in_transaction(work)
    deps.search_pages.clear()


def _own(row: CallerRow | None, caller: Caller) -> ArtistRow | None:
    """Return the caller's profile, if there is one. Raises the errors of callers that may not write it."""
    if row is None:
        raise UserNotFoundError(caller.user_id)
    if row.suspended:
        raise CallerSuspendedError
    if row.of_another:
        raise NotYourselfError("only the artist changes their profile")
    return row.artist
