"""The action of IdentityService: resolves a token's subject to a user."""

from __future__ import annotations

from servicekit.caller import Caller, Role
from servicekit.ids import new_id
from services.users.actions.deps import Deps
from services.users.domain.errors import EmailTakenError
from services.users.domain.identity import normalize_email, validate_subject
from services.users.store import identity
from services.users.store.identity import IdentityRow


async def resolve_caller(deps: Deps, subject: str, email: str) -> Caller:
    """Return the user of a verified token, created on first sign-in; the stored e-mail follows the token's.

    Runs one statement and no write when nothing changed. Raises TokenInvalidError, EmailRequiredError or
    EmailTakenError.
    """
    subject, email = validate_subject(subject), normalize_email(email)
    row = await identity.find_by_subject(deps.database, subject)
    if row is None:
        row = await _create_user(deps, subject, email)
    if row.email != email:
        # None only if the user was erased concurrently: the subject then belongs to a new user.
        row = await identity.set_email(deps.database, subject, email) or await _create_user(
            deps, subject, email
        )
    return Caller(row.id, Role(row.role), row.muted_until, row.suspended_until)


async def _create_user(deps: Deps, subject: str, email: str) -> IdentityRow:
    added = await identity.add(deps.database, new_id(), subject, email)
    if added is not None:
        return added
    # A concurrent sign-in holds the subject, or another user holds the address.
    winner = await identity.find_by_subject(deps.database, subject)
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
