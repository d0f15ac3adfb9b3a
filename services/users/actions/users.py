"""The actions of UserService."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from servicekit.caller import Caller
from servicekit.errors import CallerSuspendedError, ConflictError
from services.users.actions.deps import Deps
from services.users.domain.errors import EtagMismatchError, UserNotFoundError
from services.users.domain.users import (
    ProfileUpdate,
    check_can_update,
    clean_display_name,
    updated_at_from_etag,
)
from services.users.store import users
from services.users.store.users import SummaryRow, UserRow


async def get_user(deps: Deps, user_id: UUID) -> UserRow:
    """One user. Raises UserNotFoundError."""
    row = await deps.database.row(users.BY_ID, user_id)
    if row is None:
        raise UserNotFoundError(user_id)
    return row


async def lookup_users(deps: Deps, ids: Sequence[UUID]) -> tuple[list[SummaryRow], list[UUID]]:
    """The users with these ids, and the ids that name nobody, each once."""
    wanted = list(dict.fromkeys(ids))
    found = await deps.database.rows(users.LOOKUP, wanted)
    known = {row.id for row in found}
    return found, [each for each in wanted if each not in known]


async def update_user(deps: Deps, caller: Caller, change: ProfileUpdate) -> UserRow:
    """The changed user.

    Raises NotYourselfError, CallerSuspendedError, UserNotFoundError, EtagMismatchError or InvalidFieldsError.
    """
    check_can_update(caller, change.user_id)
    name, state = clean_display_name(change.display_name), updated_at_from_etag(change.etag)
    row = await deps.database.row(users.SET_DISPLAY_NAME, change.user_id, caller.user_id, name, state)
    if row is None:
        await _raise_refusal(deps, caller, change)
        # What stood in the way is gone by now.
        raise ConflictError
    return row


async def _raise_refusal(deps: Deps, caller: Caller, change: ProfileUpdate) -> None:
    refusal = await deps.database.row(users.UPDATE_REFUSAL, change.user_id, caller.user_id)
    if refusal is None or refusal.suspended:
        raise CallerSuspendedError
    if not refusal.found:
        raise UserNotFoundError(change.user_id)
    if change.etag:
        raise EtagMismatchError
