"""SQL of invitations."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.sql import Command, Query
from services.chat.domain.model import Invitation, Room
from services.chat.store.rooms import ROOM_COLUMNS, SANCTION_ACTIVE, Reader


class MyInvitationRow(NamedTuple):
    """An invitation of the caller, with its room."""

    invitation: Invitation
    room: Room


class InviteeRow(NamedTuple):
    """What decides whether a user can be invited."""

    member: bool
    banned: bool


_INVITATION = "room_id, user_id, invited_by, created_at, rev"
_INVITEE = Query[InviteeRow, UUID, UUID](
    "chat.invitation_target",
    f"""
    SELECT EXISTS (SELECT 1 FROM chat.room_memberships
                    WHERE room_id = $1 AND user_id = $2 AND left_at IS NULL) AS member,
           EXISTS (SELECT 1 FROM chat.sanctions s
                    WHERE s.room_id = $1 AND s.user_id = $2 AND s.kind = 'BAN' AND {SANCTION_ACTIVE}) AS banned
    """,
)
_OPEN = Query[Invitation, UUID, UUID](
    "chat.open_invitation",
    f"""
    SELECT {_INVITATION} FROM chat.room_invitations
     WHERE room_id = $1 AND user_id = $2 AND ended_at IS NULL
    """,
)
_INVITE = Query[Invitation, UUID, UUID, UUID, int](
    "chat.upsert_invitation",
    f"""
    INSERT INTO chat.room_invitations (room_id, user_id, invited_by, created_at, rev)
    VALUES ($1, $2, $3, statement_timestamp(), $4)
    ON CONFLICT (room_id, user_id) DO UPDATE
       SET invited_by = excluded.invited_by, created_at = excluded.created_at, ended_at = NULL,
           rev = excluded.rev
    RETURNING {_INVITATION}
    """,
)
_END = Command[UUID, UUID, int](
    "chat.end_invitation",
    """
    UPDATE chat.room_invitations SET ended_at = statement_timestamp(), rev = $3
     WHERE room_id = $1 AND user_id = $2 AND ended_at IS NULL
    """,
)
_PAGE = Query[Invitation, UUID, int, int](
    "chat.invitations_page",
    f"""
    SELECT {_INVITATION} FROM chat.room_invitations
     WHERE room_id = $1 AND ended_at IS NULL AND rev < $2
     ORDER BY rev DESC LIMIT $3
    """,
)
# A room is hidden from a banned user, also through an old invitation.
_MINE = Query[MyInvitationRow, UUID, Micros, UUID, int](
    "chat.my_invitations_page",
    f"""
    SELECT v.room_id, v.user_id, v.invited_by, v.created_at, v.rev, {ROOM_COLUMNS}
      FROM chat.room_invitations v
      JOIN chat.rooms r ON r.id = v.room_id
      JOIN chat.room_counters c ON c.room_id = v.room_id
     WHERE v.user_id = $1 AND v.ended_at IS NULL AND (v.created_at, v.room_id) < ($2, $3)
       AND NOT EXISTS (SELECT 1 FROM chat.sanctions s
                        WHERE s.room_id = v.room_id AND s.user_id = $1 AND s.kind = 'BAN' AND {SANCTION_ACTIVE})
     ORDER BY v.created_at DESC, v.room_id DESC LIMIT $4
    """,
)


async def invitee(session: Session, room_id: UUID, user_id: UUID) -> InviteeRow:
    """Return what decides whether a user can be invited to a room."""
    return await session.one(_INVITEE, room_id, user_id)


async def open_invitation(session: Session, room_id: UUID, user_id: UUID) -> Invitation | None:
    """Return a user's open invitation to a room."""
    return await session.row(_OPEN, room_id, user_id)


async def invite(session: Session, room_id: UUID, user_id: UUID, invited_by: UUID, rev: int) -> Invitation:
    """Insert an invitation, or reopen an ended one. The caller holds the room lock."""
    return await session.one(_INVITE, room_id, user_id, invited_by, rev)


async def end(session: Session, room_id: UUID, user_id: UUID, rev: int) -> None:
    """End a user's open invitation. The caller holds the room lock."""
    await session.execute(_END, room_id, user_id, rev)


async def page(reader: Reader, room_id: UUID, before_rev: int, limit: int) -> list[Invitation]:
    """Return a room's open invitations with a rev below `before_rev`, the newest first."""
    return await reader.rows(_PAGE, room_id, before_rev, limit)


async def mine(
    database: Database, user_id: UUID, before: tuple[Micros, UUID], limit: int
) -> list[MyInvitationRow]:
    """Return a user's open invitations before a time and a room id, the newest first."""
    return await database.rows(_MINE, user_id, *before, limit)
