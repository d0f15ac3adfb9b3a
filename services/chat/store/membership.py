"""SQL of memberships."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.sql import Command, Query
from services.chat.domain.model import Member, MemberRole, Removal
from services.chat.domain.visibility import RoomAccess
from services.chat.store.rooms import ACCESS_COLUMNS, ACCESS_FROM, CAN_READ


class MemberRow(NamedTuple):
    """A membership."""

    room_id: UUID
    user_id: UUID
    role: str
    joined_at: Micros
    rev: int

    def member(self) -> Member:
        """Return the membership as a value."""
        return Member(self.room_id, self.user_id, MemberRole(self.role), self.joined_at, self.rev)


# The read marker starts at the newest message: earlier ones do not count as unread.
_JOIN = Query[MemberRow, UUID, UUID, str, int, int](
    "chat.join_room",
    """
    WITH invitation AS (
      UPDATE chat.room_invitations SET ended_at = statement_timestamp(), rev = $5
       WHERE room_id = $1 AND user_id = $2 AND ended_at IS NULL
    )
    INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, last_read_seq, rev)
    VALUES ($1, $2, $3, statement_timestamp(), $4, $5)
    ON CONFLICT (room_id, user_id) DO UPDATE
       SET role = excluded.role, joined_at = excluded.joined_at, left_at = NULL, removal = NULL,
           last_message_at = room_memberships.last_message_at, last_read_seq = excluded.last_read_seq,
           rev = excluded.rev
    RETURNING room_id, user_id, role, joined_at, rev
    """,
)


async def join(
    session: Session, room_id: UUID, user_id: UUID, role: MemberRole, *, last_seq: int, rev: int
) -> Member:
    """Insert a membership and end the user's invitation. The caller holds the room lock."""
    row = await session.one(_JOIN, room_id, user_id, role, last_seq, rev)
    return row.member()


class _PageRow(NamedTuple):
    access: RoomAccess
    member: MemberRow | None


def _page_text(condition: str) -> str:
    return f"""
    WITH access AS (SELECT {ACCESS_COLUMNS} {ACCESS_FROM})
    SELECT access.*, x.room_id, x.user_id, x.role, x.joined_at, x.rev
      FROM access LEFT JOIN LATERAL (
        SELECT o.room_id, o.user_id, o.role, o.joined_at, o.rev
          FROM chat.room_memberships o
         WHERE o.room_id = $1 AND o.left_at IS NULL AND (o.joined_at, o.user_id) > ($3, $4) {condition}
           AND {CAN_READ}
         ORDER BY o.joined_at, o.user_id LIMIT $5
      ) x ON true
     ORDER BY x.joined_at, x.user_id
    """


_PAGE = Query[_PageRow, UUID, UUID, Micros, UUID, int]("chat.members_page", _page_text(""))
# One statement per role: owners and moderators have partial indexes.
_OWNERS = Query[_PageRow, UUID, UUID, Micros, UUID, int](
    "chat.owners_page", _page_text("AND o.role = 'OWNER'")
)
_MODERATORS = Query[_PageRow, UUID, UUID, Micros, UUID, int](
    "chat.moderators_page", _page_text("AND o.role = 'MODERATOR'")
)
_PLAIN = Query[_PageRow, UUID, UUID, Micros, UUID, int](
    "chat.plain_members_page", _page_text("AND o.role = 'MEMBER'")
)
_PAGES = {
    None: _PAGE,
    MemberRole.OWNER: _OWNERS,
    MemberRole.MODERATOR: _MODERATORS,
    MemberRole.MEMBER: _PLAIN,
}
_MEMBER = Query[MemberRow, UUID, UUID](
    "chat.member",
    """
    SELECT room_id, user_id, role, joined_at, rev FROM chat.room_memberships
     WHERE room_id = $1 AND user_id = $2 AND left_at IS NULL
    """,
)
_SET_ROLE = Command[UUID, UUID, str, int](
    "chat.set_member_role",
    "UPDATE chat.room_memberships SET role = $3, rev = $4 WHERE room_id = $1 AND user_id = $2",
)


class _OtherOwnerRow(NamedTuple):
    there: bool


_OTHER_OWNER = Query[_OtherOwnerRow, UUID, UUID](
    "chat.has_other_owner",
    """
    SELECT EXISTS (SELECT 1 FROM chat.room_memberships
                    WHERE room_id = $1 AND user_id <> $2 AND role = 'OWNER' AND left_at IS NULL) AS there
    """,
)


class EndedRow(NamedTuple):
    """How many memberships and invitations were ended."""

    memberships: int
    invitations: int


_END = Query[EndedRow, UUID, UUID, str, int](
    "chat.end_membership",
    """
    WITH membership AS (
      UPDATE chat.room_memberships SET left_at = statement_timestamp(), removal = $3, rev = $4
       WHERE room_id = $1 AND user_id = $2 AND left_at IS NULL
      RETURNING 1
    ), invitation AS (
      UPDATE chat.room_invitations SET ended_at = statement_timestamp(), rev = $4
       WHERE room_id = $1 AND user_id = $2 AND ended_at IS NULL
      RETURNING 1
    )
    SELECT (SELECT count(*) FROM membership)::int AS memberships,
           (SELECT count(*) FROM invitation)::int AS invitations
    """,
)


async def end(session: Session, room_id: UUID, user_id: UUID, removal: Removal, rev: int) -> EndedRow:
    """End a membership and an open invitation. The caller holds the room lock."""
    return await session.one(_END, room_id, user_id, removal, rev)


async def page(
    database: Database,
    room_id: UUID,
    caller_id: UUID,
    *,
    role: MemberRole | None,
    after: tuple[Micros, UUID],
    limit: int,
) -> tuple[RoomAccess | None, list[Member]]:
    """Return the caller's access, and members in the order of joining, after a time and an id.

    No access: there is no such room. Without the right to read the room the list is empty.
    """
    rows = await database.rows(_PAGES[role], room_id, caller_id, *after, limit)
    members = [row.member.member() for row in rows if row.member is not None]
    return rows[0].access if rows else None, members


async def member(session: Session, room_id: UUID, user_id: UUID) -> Member | None:
    """Return a user's membership; None for a non-member."""
    row = await session.row(_MEMBER, room_id, user_id)
    return None if row is None else row.member()


async def set_role(session: Session, member: Member) -> None:
    """Write a member's role and rev. The caller holds the room lock."""
    await session.execute(_SET_ROLE, member.room_id, member.user_id, member.role, member.rev)


async def has_other_owner(session: Session, room_id: UUID, user_id: UUID) -> bool:
    """Return whether the room has another owner."""
    row = await session.row(_OTHER_OWNER, room_id, user_id)
    return row is not None and row.there
