"""The action of IdentityService: from a token's subject to a user."""

from __future__ import annotations

from servicekit.caller import Caller, Role
from servicekit.ids import new_id
from services.users.actions.deps import Deps
from services.users.domain.errors import EmailTakenError
from services.users.domain.identity import normalize_email, validate_subject
from services.users.store import users
from services.users.store.users import IdentityRow


async def resolve_caller(deps: Deps, subject: str, email: str) -> Caller:
    """The user behind a verified token, created on first sight; the stored e-mail follows the token's.

    One statement, and no write, when nothing is new. Raises TokenInvalidError, EmailRequiredError or
    EmailTakenError.
    """
    subject, email = validate_subject(subject), normalize_email(email)
    row = await deps.database.row(users.BY_SUBJECT, subject)
    if row is None:
        row = await _create_user(deps, subject, email)
    if row.email != email:
        # None only when the user was erased in this very moment: then they are new.
        row = await deps.database.row(users.SET_EMAIL, subject, email) or await _create_user(
            deps, subject, email
        )
    return Caller(row.id, Role(row.role), row.muted_until, row.suspended_until)


async def _create_user(deps: Deps, subject: str, email: str) -> IdentityRow:
    added = await deps.database.row(users.ADD, new_id(), subject, email)
    if added is not None:
        return added
    # Somebody holds the subject, from a sign-in in the same moment, or the address.
    winner = await deps.database.row(users.BY_SUBJECT, subject)
    if winner is None:
        raise EmailTakenError
    return winner


class LocalResolver:
    """Tells the users service itself who is calling it, without a call to itself."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def resolve(self, subject: str, email: str) -> Caller:
        """The user behind the subject, created on first sight."""
        return await resolve_caller(self._deps, subject, email)
