"""The action of IdentityService: resolves a token's subject to a user."""

from __future__ import annotations

from uuid import UUID

from servicekit.caller import Caller, Role
from servicekit.ids import new_id, parse_id
from services.users.actions.deps import Deps
from services.users.domain.errors import EmailTakenError, UserErasedError
from services.users.domain.identity import TokenIdentity, normalize_email, validate_subject
from services.users.store import identity
from services.users.store.identity import IdentityRow


async def resolve_caller(deps: Deps, subject: str, email: str) -> Caller:
    """Return the user of a verified token, created on first sign-in; the stored e-mail follows the token's.

    Runs one statement and no write when nothing changed. Raises TokenInvalidError, EmailRequiredError,
    EmailTakenError or UserErasedError.
    """
    token = TokenIdentity(validate_subject(subject), normalize_email(email))
    row = await _find_user(deps, token)
    if row is None:
        row = await _create_user(deps, token)
    if row.email != token.email:
        # None only if the user was erased concurrently.
        row = await identity.set_email(deps.database, token) or await _create_user(deps, token)
    return _caller(row)


async def resolve_user(deps: Deps, user_id: UUID) -> Caller:
    """Return the user for whom another service acts. Raises UserErasedError if there is none."""
    row = await identity.find_by_id(deps.database, user_id)
    if row is None:
        raise UserErasedError
    return _caller(row)


def _caller(row: IdentityRow) -> Caller:
    return Caller(row.id, Role(row.role), row.muted_until, row.suspended_until)


async def _find_user(deps: Deps, token: TokenIdentity) -> IdentityRow | None:
    found = await identity.find_by_subject(deps.database, token)
    if found.refused:
        raise UserErasedError
    return found.user


async def _create_user(deps: Deps, token: TokenIdentity) -> IdentityRow:
    added = await identity.add(deps.database, new_id(), token)
    if added is not None:
        return added
    # A concurrent sign-in holds the subject, another user holds the address, or an erasure has just begun.
    winner = await _find_user(deps, token)
    if winner is None:
        raise EmailTakenError
    return winner


class LocalResolver:
    """Resolves callers inside the users service, without a call to itself."""

    service = "users"

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def resolve(self, subject: str, email: str) -> Caller:
        """Return the user of the subject, created on first sign-in."""
        return await resolve_caller(self._deps, subject, email)

    async def resolve_user(self, user_id: str) -> Caller:
        """Return the user of an id."""
        return await resolve_user(self._deps, parse_id(user_id))
