"""Expected replies, read from the dataset by statements that no server uses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from bench.baseline_servers import tinode_url
from bench.dataset import Databases, uid

PAGE = 50
_REPLIES = 3


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a room."""

    user_id: str
    email: str


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message as a list shows it: its first replies by id and, by emoji, how often it got each.

    `reply_count` is None on the baselines' side, whose contract has none.
    """

    id: str
    user_id: str
    text: str
    reply_count: int | None
    replies: tuple[str, ...]
    reactions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class MyRoom:
    """A room as ListMyRooms shows it to a member."""

    room_id: str
    unread: int
    capped: bool
    last_seq: int


class Oracle:
    """Queries both databases as superuser."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    def members(self, rooms: Sequence[str]) -> dict[str, list[Member]]:
        """The members of each room."""
        rows = self._ours(
            "SELECT m.room_id, m.user_id, u.email FROM chat.room_memberships m"
            " JOIN users.users u ON u.id = m.user_id"
            " WHERE m.room_id = ANY ($1::uuid[]) AND m.left_at IS NULL ORDER BY m.room_id, u.email",
            rooms,
        )
        found: dict[str, list[Member]] = {room: [] for room in rooms}
        for row in rows:
            found[str(row["room_id"])].append(Member(str(row["user_id"]), row["email"]))
        return found

    def roots(self, rooms: Sequence[int], count: int) -> dict[int, tuple[ShownMessage, ...]]:
        """The newest roots of each room with their replies counted, and reactions counted once per user and emoji."""
        return self._newest(rooms, count, "AND m.parent_id IS NULL", "count(DISTINCT user_id)", replies=True)

    def messages(self, rooms: Sequence[int], count: int) -> dict[int, tuple[ShownMessage, ...]]:
        """The newest roots and replies alike, as the baselines show them, every row of reactions counted."""
        return self._newest(rooms, count, "", "count(*)", replies=False)

    def _newest(
        self, rooms: Sequence[int], count: int, condition: str, reactions: str, *, replies: bool
    ) -> dict[int, tuple[ShownMessage, ...]]:
        rows = self._theirs(
            f"""
            SELECT r.id AS room_id, m.id, m.user_id, m.text,
                   (SELECT count(*) FROM messages c WHERE c.parent_id = m.id) AS reply_count,
                   ARRAY(SELECT c.id FROM messages c WHERE c.parent_id = m.id
                          ORDER BY c.created_at LIMIT {_REPLIES}) AS replies,
                   ARRAY(SELECT emoji FROM reactions WHERE message_id = m.id GROUP BY emoji ORDER BY emoji) AS emojis,
                   ARRAY(SELECT {reactions} FROM reactions WHERE message_id = m.id
                          GROUP BY emoji ORDER BY emoji) AS counts
              FROM unnest($1::text[]) AS r (id)
             CROSS JOIN LATERAL (SELECT * FROM messages m WHERE m.room_id = r.id {condition}
                                  ORDER BY m.created_at DESC LIMIT {count}) m
             ORDER BY r.id, m.created_at DESC
            """,
            [str(uid("r", room)) for room in rooms],
        )
        found: dict[str, list[ShownMessage]] = {str(uid("r", room)): [] for room in rooms}
        for row in rows:
            found[row["room_id"]].append(
                ShownMessage(
                    row["id"],
                    row["user_id"],
                    row["text"],
                    row["reply_count"] if replies else None,
                    tuple(row["replies"]),
                    dict(zip(row["emojis"], row["counts"], strict=True)),
                )
            )
        return {room: tuple(found[str(uid("r", room))]) for room in rooms}

    def seqs(self, message_ids: Sequence[str]) -> dict[str, int]:
        """The seqs of messages in Seda's tables, by their ids."""
        rows = self._ours(
            "SELECT m.id, m.seq FROM unnest($1::uuid[]) AS w (id) JOIN chat.messages m USING (id)",
            message_ids,
        )
        return {str(row["id"]): row["seq"] for row in rows}

    def my_rooms(self, member: Member) -> frozenset[MyRoom]:
        """All rooms of a member, with unread as the contract counts it: others' roots among the first hundred."""
        rows = self._ours(
            """
            SELECT m.room_id, c.last_seq, u.count AS seen, u.unread
              FROM chat.room_memberships m
              JOIN chat.room_counters c USING (room_id)
             CROSS JOIN LATERAL (
               SELECT count(*) AS count, count(*) FILTER (WHERE place <= 100 AND n.user_id <> m.user_id) AS unread
                 FROM (SELECT user_id, row_number() OVER (ORDER BY seq) AS place FROM chat.messages r
                        WHERE r.room_id = m.room_id AND r.seq > m.last_read_seq AND r.root_id IS NULL
                          AND r.deleted_at IS NULL AND r.type <> 'SYSTEM'
                        ORDER BY r.seq LIMIT 101) n) u
             WHERE m.user_id = $1::uuid AND m.left_at IS NULL
            """,
            member.user_id,
        )
        return frozenset(
            MyRoom(str(row["room_id"]), row["unread"], row["seen"] > 100, row["last_seq"])  # noqa: PLR2004 - see above
            for row in rows
        )

    def artists(self, query: str, limit: int) -> tuple[str, ...]:
        """The first verified artists by name whose name contains a text, by their ids."""
        rows = self._theirs(
            "SELECT id FROM artist_profiles WHERE verified AND strpos(lower(artist_name), lower($1)) > 0"
            ' ORDER BY artist_name COLLATE "C" LIMIT $2',
            query,
            limit,
        )
        return tuple(row["id"] for row in rows)

    def artist_names(self) -> list[str]:
        """The names of all verified artists."""
        rows = self._theirs("SELECT artist_name FROM artist_profiles WHERE verified ORDER BY id")
        return [row["artist_name"] for row in rows]

    def message_ids(self, room: str) -> list[str]:
        """The ids of all messages of a room, the newest first."""
        rows = self._ours("SELECT id FROM chat.messages WHERE room_id = $1 ORDER BY seq DESC", room)
        return [str(row["id"]) for row in rows]

    def reset_read_markers(self) -> None:
        """Reset all read markers, so that each later MarkRead advances one."""
        self._ours("UPDATE chat.room_memberships SET last_read_seq = 0")
        self._ours("VACUUM ANALYZE chat.room_memberships")

    def count(self, of_ours: str) -> int:
        """A count of ours, by the statement that takes it."""
        return int(self._ours(of_ours)[0][0])

    def baseline_message_count(self) -> int:
        """How many messages the baselines' table has."""
        return int(self._theirs("SELECT count(*) FROM messages")[0][0])

    def tinode_message_count(self) -> int:
        """How many messages Tinode's table has."""
        url = tinode_url(self._databases.theirs)
        return int(asyncio.run(_fetch(url, "SELECT count(*) FROM messages", ()))[0][0])

    def _ours(self, statement: str, *args: Any) -> list[asyncpg.Record]:
        return asyncio.run(_fetch(self._databases.ours, statement, args))

    def _theirs(self, statement: str, *args: Any) -> list[asyncpg.Record]:
        return asyncio.run(_fetch(self._databases.theirs, statement, args))


async def _fetch(dsn: str, statement: str, args: Sequence[Any]) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(statement, *args))
    finally:
        await connection.close()
