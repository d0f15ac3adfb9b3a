"""Reads and changes the tables of chat as the superuser, without the service."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg

from seda.chat.v1.message_pb2 import Message

_ROOM_TABLES = (
    "room_counters", "room_memberships", "room_invitations", "messages", "message_revisions", "threads", "mentions",
    "reactions", "reaction_tallies", "pins", "sanctions", "reports", "moderation_logs",
)  # fmt: skip


class ChatDatabase:
    """Takes and gives ids as text."""

    def __init__(self, admin: asyncpg.Connection) -> None:
        self._admin = admin
        self._turn = asyncio.Lock()

    async def user_id(self, email: str) -> str:
        """The id of a user who has called before."""
        return str(await self._admin.fetchval("SELECT id FROM users.users WHERE email = $1", email))

    async def value(self, query: str, *args: object) -> Any:
        """One value. Callers may run at once, though all share one connection."""
        async with self._turn:
            return await self._admin.fetchval(query, *args)

    async def set_room(self, room_id: str, **columns: object) -> None:
        """Update columns of a room."""
        for name, value in columns.items():
            await self._admin.execute(f"UPDATE chat.rooms SET {name} = $2 WHERE id = $1", room_id, value)

    async def set_role(self, room_id: str, email: str, role: str) -> None:
        """Update a member's role."""
        query = "UPDATE chat.room_memberships SET role = $3 WHERE room_id = $1 AND user_id = $2"
        await self._admin.execute(query, room_id, await self.user_id(email), role)

    async def owners(self, room_id: str) -> list[str]:
        """The addresses of a room's owners."""
        rows = await self._admin.fetch(
            "SELECT u.email FROM chat.room_memberships m JOIN users.users u ON u.id = m.user_id"
            " WHERE m.room_id = $1 AND m.left_at IS NULL AND m.role = 'OWNER'",
            room_id,
        )
        return [row["email"] for row in rows]

    async def membership_end(self, room_id: str, email: str) -> tuple[str | None, bool]:
        """How a membership ended, and whether it has."""
        query = "SELECT removal, left_at IS NOT NULL FROM chat.room_memberships WHERE room_id = $1 AND user_id = $2"
        row = await self._admin.fetchrow(query, UUID(room_id), UUID(await self.user_id(email)))
        assert row is not None
        return row[0], row[1]

    async def seqs_and_revs(self, room_id: str) -> list[tuple[int, int]]:
        """The (seq, rev) of all messages of a room, in order."""
        query = "SELECT seq, rev FROM chat.messages WHERE room_id = $1 ORDER BY seq"
        return [(row["seq"], row["rev"]) for row in await self._admin.fetch(query, room_id)]

    async def room_rows(self, room_id: str) -> dict[str, list[str]]:
        """All rows of a room as text, by their tables."""
        found = {}
        for table in _ROOM_TABLES:
            query = f"SELECT t::text FROM chat.{table} t WHERE room_id = $1 ORDER BY 1"
            found[table] = [row[0] for row in await self._admin.fetch(query, UUID(room_id))]
        return found

    async def moderation_log(self, room_id: str) -> list[dict[str, Any]]:
        """The room's moderation log in its order."""
        query = """
            SELECT rev, actor_id::text, actor_role, as_admin, action, target_user_id::text, target_message_id::text,
                   reason, before::jsonb, after::jsonb
              FROM chat.moderation_logs WHERE room_id = $1 ORDER BY rev
        """
        return [dict(row) for row in await self._admin.fetch(query, UUID(room_id))]

    async def moderation_actions(self, room_id: str) -> list[tuple[Any, ...]]:
        """The moderation log in short: action, actor's role, as_admin, target."""
        keys = ("action", "actor_role", "as_admin", "target_user_id")
        return [tuple(line[key] for key in keys) for line in await self.moderation_log(room_id)]

    async def thread_counters(self, root: Message) -> tuple[int, int | None]:
        """A thread's number of live replies, and the seq of the newest."""
        query = "SELECT reply_count, last_reply_seq FROM chat.threads WHERE room_id = $1 AND root_id = $2"
        row = await self._admin.fetchrow(query, UUID(root.room_id), UUID(root.id))
        return (row["reply_count"], row["last_reply_seq"]) if row else (0, None)

    async def age_deletion(self, message: Message, age: str) -> None:
        """Let a message have been deleted so long ago."""
        await self._admin.execute(
            f"UPDATE chat.messages SET deleted_at = clock_timestamp() - interval '{age}' WHERE id = $1",
            UUID(message.id),
        )

    async def add_sanction(self, room_id: str, email: str, kind: str, expires: str = "1 hour") -> None:
        """Mute or ban a user in a room; a ban ends the membership, as BanMember does."""
        user_id = await self.user_id(email)
        await self._admin.execute(
            "INSERT INTO chat.sanctions (id, room_id, user_id, kind, reason, starts_at, expires_at, rev)"
            " VALUES (gen_random_uuid(), $1, $2, $3, 'test', now() - interval '2 hours',"
            f" now() + interval '{expires}', 1)",
            room_id,
            user_id,
            kind,
        )
        if kind == "BAN":
            query = "UPDATE chat.room_memberships SET left_at = now() WHERE room_id = $1 AND user_id = $2"
            await self._admin.execute(query, room_id, user_id)

    async def add_invitation(self, room_id: str, email: str) -> None:
        """Invite a user who has called before, as InviteUser does."""
        query = "INSERT INTO chat.room_invitations (room_id, user_id, rev) VALUES ($1, $2, 1)"
        await self._admin.execute(query, room_id, await self.user_id(email))
