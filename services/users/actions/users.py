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
    updated_at_from_etag,
)
from services.users.store import users
from services.users.store.users import SummaryRow, UserRow


async def get_user(deps: Deps, user_id: UUID) -> UserRow:
    """Return one user. Raises UserNotFoundError."""
    row = await users.get(deps.database, user_id)
    if row is None:
        raise UserNotFoundError(user_id)
    return row


async def lookup_users(deps: Deps, ids: Sequence[UUID]) -> tuple[list[SummaryRow], list[UUID]]:
    """Return the users with these ids, and the ids that were not found, each once."""
    wanted = list(dict.fromkeys(ids))
    rows = await users.lookup(deps.database, wanted)
    found = {row.id for row in rows}
    return rows, [each for each in wanted if each not in found]


async def update_user(deps: Deps, caller: Caller, update: ProfileUpdate) -> UserRow:
    """Update a user and return it. An update that is already in place succeeds whatever the etag.

    Raises NotYourselfError, CallerSuspendedError, UserNotFoundError or EtagMismatchError.
    """
    check_can_update(caller, update.user_id)
    updated_at = updated_at_from_etag(update.etag)
    row = await users.update(deps.database, update.user_id, caller.user_id, update.display_name, updated_at)
    if row is None:
        await _raise_refusal(deps, caller, update)
        # The reason is gone by now.
        raise ConflictError
    return row


async def _raise_refusal(deps: Deps, caller: Caller, update: ProfileUpdate) -> None:
    refusal = await users.update_refusal(deps.database, update.user_id, caller.user_id)
    if refusal is None or refusal.suspended:
        raise CallerSuspendedError
    if not refusal.found:
        raise UserNotFoundError(update.user_id)
    if update.etag:
        raise EtagMismatchError
