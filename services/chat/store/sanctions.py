"""SQL of sanctions."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.sql import Command, Query
from services.chat.domain.model import Sanction, SanctionKind
from services.chat.store.rooms import SANCTION_ACTIVE, Reader


class SanctionRow(NamedTuple):
    """A sanction."""

    id: UUID
    room_id: UUID
    user_id: UUID
    kind: str
    reason: str
    issued_by: UUID | None
    starts_at: Micros
    expires_at: Micros | None
    ended_at: Micros | None
    rev: int

    def sanction(self) -> Sanction:
        """Return the sanction as a value."""
        return Sanction(*self._replace(kind=SanctionKind(self.kind)))  # type: ignore[arg-type]  # one column for each field, in their order


_COLUMNS = (
    "s.id, s.room_id, s.user_id, s.kind, s.reason, s.issued_by, s.starts_at, s.expires_at, s.ended_at, s.rev"
)


class TargetMembershipRow(NamedTuple):
    """The membership of a target user. `known`: a member now or before, invited, or under a sanction."""

    role: str | None
    invited: bool
    known: bool


_TARGET_MEMBERSHIP = Query[TargetMembershipRow, UUID, UUID](
    "chat.target_membership",
    """
    SELECT t.role, t.invited,
           t.invited
           OR EXISTS (SELECT 1 FROM chat.room_memberships m WHERE m.room_id = $1 AND m.user_id = $2)
           OR EXISTS (SELECT 1 FROM chat.sanctions s
                       WHERE s.room_id = $1 AND s.user_id = $2 AND s.ended_at IS NULL) AS known
      FROM (SELECT (SELECT m.role FROM chat.room_memberships m
                     WHERE m.room_id = $1 AND m.user_id = $2 AND m.left_at IS NULL) AS role,
                   EXISTS (SELECT 1 FROM chat.room_invitations v
                            WHERE v.room_id = $1 AND v.user_id = $2 AND v.ended_at IS NULL) AS invited) t
    """,
)
# Does not match an expired sanction; the next one of its kind closes it.
_END_COLUMNS = Query[SanctionRow, UUID, UUID, str, int](
    "chat.end_sanction",
    f"""
    UPDATE chat.sanctions s SET ended_at = statement_timestamp(), rev = $4
     WHERE s.room_id = $1 AND s.user_id = $2 AND s.kind = $3 AND {SANCTION_ACTIVE}
    RETURNING {_COLUMNS}
    """,
)
_CLOSE_COLUMNS = Command[UUID, UUID, str, int](
    "chat.close_sanction",
    """
    UPDATE chat.sanctions SET ended_at = statement_timestamp(), rev = $4
     WHERE room_id = $1 AND user_id = $2 AND kind = $3 AND ended_at IS NULL
    """,
)
_INSERT_COLUMNS = Query[SanctionRow, UUID, UUID, UUID, str, str, UUID, float | None, int](
    "chat.insert_sanction",
    f"""
    INSERT INTO chat.sanctions AS s (id, room_id, user_id, kind, reason, issued_by, starts_at, expires_at, rev)
    VALUES ($1, $2, $3, $4, $5, $6, statement_timestamp(), statement_timestamp() + $7::float8 * interval '1 second', $8)
    RETURNING {_COLUMNS}
    """,
)
_SANCTIONS = (
    f"SELECT {_COLUMNS} FROM chat.sanctions s WHERE s.room_id = $1 AND s.rev < $2 AND {SANCTION_ACTIVE}"
)
_SANCTION_PAGE = Query[SanctionRow, UUID, int, int](
    "chat.sanctions_page", f"{_SANCTIONS} ORDER BY s.rev DESC LIMIT $3"
)
_SANCTIONS_OF_USER = Query[SanctionRow, UUID, int, int, UUID](
    "chat.sanctions_page_of_user", f"{_SANCTIONS} AND s.user_id = $4 ORDER BY s.rev DESC LIMIT $3"
)


async def target_membership(session: Session, room_id: UUID, user_id: UUID) -> TargetMembershipRow:
    """Return the membership of a target user."""
    return await session.one(_TARGET_MEMBERSHIP, room_id, user_id)


async def end_sanction(
    session: Session, room_id: UUID, user_id: UUID, kind: SanctionKind, rev: int
) -> Sanction | None:
    """Lift the active sanction; returns None without one. The caller holds the room lock."""
    row = await session.row(_END_COLUMNS, room_id, user_id, kind, rev)
    return None if row is None else row.sanction()


async def insert_sanction(  # noqa: PLR0913 - one per column
    session: Session,
    room_id: UUID,
    *,
    sanction_id: UUID,
    user_id: UUID,
    kind: SanctionKind,
    reason: str,
    issued_by: UUID,
    seconds: float | None,
    closing_rev: int,
    rev: int,
) -> Sanction:
    """Close a user's sanction of this kind and insert a new one. The caller holds the room lock."""
    await session.execute(_CLOSE_COLUMNS, room_id, user_id, kind, closing_rev)
    row = await session.one(
        _INSERT_COLUMNS, sanction_id, room_id, user_id, kind, reason, issued_by, seconds, rev
    )
    return row.sanction()


async def sanctions(
    session: Reader, room_id: UUID, *, user_id: UUID | None, before_rev: int, limit: int
) -> list[Sanction]:
    """Return the active sanctions, the newest first."""
    if user_id is None:
        rows = await session.rows(_SANCTION_PAGE, room_id, before_rev, limit)
    else:
        rows = await session.rows(_SANCTIONS_OF_USER, room_id, before_rev, limit, user_id)
    return [row.sanction() for row in rows]
