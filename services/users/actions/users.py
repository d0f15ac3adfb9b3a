"""The actions of UserService."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from uuid import UUID

from servicekit.caller import Caller
from servicekit.errors import CallerSuspendedError, ConflictError
from servicekit.pagination import decode_instant, encode_token, fingerprint, paginate
from services.users.actions.deps import Deps
from services.users.domain.errors import EmailRequiredError, EtagMismatchError, UserNotFoundError
from services.users.domain.identity import normalize_email
from services.users.domain.users import (
    ProfileUpdate,
    UserFilter,
    check_can_update,
    updated_at_from_etag,
)
from services.users.store import users
from services.users.store.users import MIN_ID, SummaryRow, UserRow


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


async def find_user(deps: Deps, email: str, subject: str) -> UserRow:
    """Return the user with this address or, without one, of this subject. Raises UserNotFoundError."""
    if not email:
        row = await users.find_by_subject(deps.database, subject)
    else:
        try:
            row = await users.find_by_email(deps.database, normalize_email(email))
        except EmailRequiredError:
            # No user has it: it isn't an address.
            row = None
    if row is None:
        raise UserNotFoundError(None)
    return row


async def list_users(
    deps: Deps, caller: Caller, wanted: UserFilter, size: int, page_token: str
) -> tuple[list[UserRow], str]:
    """Return a page of users, newest first, and the next page's token. Raises PageTokenMismatchError."""
    binding = fingerprint("ListUsers", caller.user_id, *astuple(wanted))
    before = decode_instant(page_token, binding) or (wanted.end_at, MIN_ID)
    rows = await users.list_page(deps.database, wanted, before, size + 1)
    return paginate(rows, size, lambda last: encode_token(binding, (last.created_at,), (str(last.id),)))


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
