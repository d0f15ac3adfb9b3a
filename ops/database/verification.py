"""`seda admin verification`: claims of pages by artists, listed and decided as an operator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from ops.database.operator import checked_reason, users_database
from ops.errors import CliError
from services.users.actions.verification_review import review_verification
from services.users.domain.admin import OPERATOR
from services.users.domain.verification import Decision, State
from services.users.store import verification as store
from services.users.store.verification import ClaimRow

_LAST_ID = UUID(int=(1 << 128) - 1)
_MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class ListedClaim:
    """A claim, without its code."""

    verification_id: UUID
    state: str
    target_url: str
    user_id: UUID
    artist_profile_id: UUID
    attempt_count: int
    create_time: datetime


async def list_claims(admin_dsn: str, state: str | None, limit: int) -> list[ListedClaim]:
    """Return the newest claims, in one state or in any. Raises CliError STATE_INVALID."""
    if state is not None and state not in set(State):
        raise CliError(
            "STATE_INVALID", f"There is no state {state}.", fix=f"Use one of {', '.join(map(str, State))}."
        )
    async with users_database(admin_dsn, "admin verification") as database:
        return [_listed(each) for each in await store.list_all(database, state, _LAST_ID, limit)]


async def decide(admin_dsn: str, claim_id: str, decision: Decision, reason: str) -> ListedClaim:
    """Decide about a claim and return it. Raises CliError ID_INVALID, REASON_INVALID or the action's reason."""
    try:
        found = UUID(claim_id)
    except ValueError:
        raise CliError(
            "ID_INVALID", "This is not the id of a claim.", fix="seda admin verification list"
        ) from None
    checked = checked_reason(reason)
    async with users_database(admin_dsn, "admin verification") as database:
        return _listed(await review_verification(database, OPERATOR, found, decision, checked))


def _listed(row: ClaimRow) -> ListedClaim:
    created = datetime.fromtimestamp(row.created_at / _MICROS, UTC)
    return ListedClaim(
        row.id, row.state, row.target_url, row.user_id, row.artist_profile_id, row.attempt_count, created
    )
