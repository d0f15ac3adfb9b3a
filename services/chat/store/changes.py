"""SQL of the changes of rooms: every row carries the rev of its last change, so the tables are the change feed.

A read takes two steps, each with its own snapshot. The first gives the room's last rev and what the reader may see; the
second the rows with revs up to that one. Changes of a room are serial, so a row that moved in between has a higher rev:
it is left out here and found by the next read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.sql import Query
from services.chat.domain.model import LogLine, Pin, Room, Tally
from services.chat.domain.visibility import RoomAccess
from services.chat.store.membership import MemberRow
from services.chat.store.message_query import MESSAGE, MessageRow
from services.chat.store.rooms import ROOM_COLUMNS, SANCTION_ACTIVE, access_columns

PAGE = 100
"""The most changes of each kind that one read returns."""


class LastRevsRow(NamedTuple):
    """A room's last rev, of all and of each kind; None: there is no row of the kind."""

    room_id: UUID
    last_rev: int
    member_count: int
    messages: int | None
    reactions: int | None
    members: int | None
    pins: int | None
    logs: int | None
    bans: int | None
    room: int


class MovedRow(NamedTuple):
    """The last rev of a room."""

    room_id: UUID
    last_rev: int


class RoomAccessRow(NamedTuple):
    """A caller's access to a room, and its last rev."""

    room_id: UUID
    access: RoomAccess
    last_rev: int


class ListVersionRow(NamedTuple):
    """The version of a user's list of rooms."""

    user_id: UUID
    rooms_rev: int


class TallyColumns(NamedTuple):
    """The tallies of a message as arrays; None: it has none."""

    emojis: list[str] | None
    counts: list[int] | None
    first_ats: list[Micros] | None

    def sorted(self) -> list[Tally]:
        """Return the tallies in the order in which a message shows them."""
        columns = zip(self.first_ats or (), self.emojis or (), self.counts or (), strict=True)
        return sorted(Tally(first_at, emoji, count, me=False) for first_at, emoji, count in columns)


class ChangedMessage(NamedTuple):
    """A message. The thread's sums in the row are those of a reply's root."""

    message: MessageRow
    tallies: TallyColumns

    @property
    def rev(self) -> int:
        """Return the rev of the message's last change."""
        return self.message.rev


class ChangedReaction(NamedTuple):
    """A reaction that was added or removed, and what its user and everybody have on the message now."""

    message_id: UUID
    user_id: UUID
    rev: int
    removed: bool
    message_deleted: bool
    emojis: list[str] | None
    tallies: TallyColumns


class ChangedMember(NamedTuple):
    """A membership; `removed`: it has ended."""

    member: MemberRow
    removed: bool

    @property
    def rev(self) -> int:
        """Return the rev of the membership's last change."""
        return self.member.rev


class ChangedPin(NamedTuple):
    """A pin; `removed`: the message is not pinned any more."""

    pin: Pin
    removed: bool

    @property
    def rev(self) -> int:
        """Return the rev of the pin's last change."""
        return self.pin.rev


class Ban(NamedTuple):
    """A ban that is active. It is no item of the feed: readers lose the room by it."""

    user_id: UUID
    rev: int


Changed = ChangedMessage | ChangedReaction | ChangedMember | ChangedPin | Room | LogLine | Ban
"""One item of a room in its present state, or a ban."""


def _last(table: str, condition: str = "") -> str:
    """Return the highest rev of a room's rows in a table: one lookup in the index on (room_id, rev)."""
    return f"(SELECT max(x.rev) FROM chat.{table} x WHERE x.room_id = c.room_id {condition})"


_LAST_REVS = Query[LastRevsRow, list[UUID], list[int]](
    "chat.last_revs",
    f"""
    SELECT c.room_id, c.last_rev, c.member_count, {_last("messages")} AS messages, {_last("reactions")} AS reactions,
           {_last("room_memberships")} AS members, {_last("pins")} AS pins, {_last("moderation_logs")} AS logs,
           {_last("sanctions")} AS bans, r.rev AS room
      FROM unnest((SELECT $1::uuid[]), (SELECT $2::bigint[])) AS w(room_id, rev)
      JOIN chat.room_counters c ON c.room_id = w.room_id AND c.last_rev > w.rev
      JOIN chat.rooms r ON r.id = c.room_id
    """,
)
_MOVED = Query[MovedRow, list[UUID], list[int]](
    "chat.moved_rooms",
    """
    SELECT c.room_id, c.last_rev FROM unnest((SELECT $1::uuid[]), (SELECT $2::bigint[])) AS w(room_id, rev)
      JOIN chat.room_counters c ON c.room_id = w.room_id AND c.last_rev > w.rev
    """,
)
_ACCESS = Query[RoomAccessRow, list[UUID], UUID](
    "chat.access_to_rooms",
    f"""
    SELECT r.id AS room_id, {access_columns("r.id")}, c.last_rev
      FROM unnest((SELECT $1::uuid[])) AS w(room_id)
      JOIN chat.rooms r ON r.id = w.room_id
      JOIN chat.room_counters c ON c.room_id = r.id
      LEFT JOIN chat.room_memberships m ON m.room_id = r.id AND m.user_id = $2 AND m.left_at IS NULL
    """,
)
_MY_ROOMS = Query[RoomAccessRow, int, UUID](
    "chat.access_to_my_rooms",
    f"""
    SELECT r.id AS room_id, {access_columns("r.id")}, c.last_rev
      FROM (SELECT o.room_id, o.role FROM chat.room_memberships o
             WHERE o.user_id = $2 AND o.left_at IS NULL ORDER BY o.room_id LIMIT $1) m
      JOIN chat.rooms r ON r.id = m.room_id
      JOIN chat.room_counters c ON c.room_id = r.id
    """,
)
_LIST_VERSIONS = Query[ListVersionRow, list[UUID]](
    "chat.room_list_versions",
    "SELECT user_id, rooms_rev FROM chat.user_counters WHERE user_id = ANY ((SELECT $1::uuid[])::uuid[])",
)


def _changed(table: str, columns: str, condition: str = "") -> str:
    """Return the changed rows of a table as `n`: of the room $1, with revs after $2 up to $3.

    A constant limit bounds the planner's estimate; see store/message_list.py. A sub-select hides a rev: with it in sight
    a plan for these revs looks cheaper, and PostgreSQL makes one at every call.
    """
    return f"""
      (SELECT {columns} FROM chat.{table} s
        WHERE s.room_id = $1 AND s.rev > (SELECT $2::bigint) AND s.rev <= (SELECT $3::bigint) {condition}
        ORDER BY s.rev LIMIT {PAGE}) n
    """


# One lookup per message; LIMIT, which is never reached, keeps it one.
def _tallies(message_id: str) -> str:
    return f"""
      CROSS JOIN LATERAL (
        SELECT array_agg(y.emoji) AS emojis, array_agg(y.count) AS counts, array_agg(y.first_at) AS first_ats
          FROM (SELECT * FROM chat.reaction_tallies y
                 WHERE y.room_id = $1 AND y.message_id = {message_id} LIMIT 1000) y
      ) y
    """


_MESSAGES = Query[ChangedMessage, UUID, int, int](
    "chat.changed_messages",
    f"""
    SELECT {MESSAGE}, coalesce(t.reply_count, 0) AS reply_count, t.last_reply_at, y.emojis, y.counts, y.first_ats
      FROM {_changed("messages", "s.*")}
      LEFT JOIN LATERAL (SELECT t.reply_count, t.last_reply_at FROM chat.threads t
                          WHERE t.room_id = $1 AND t.root_id = coalesce(n.root_id, n.id) LIMIT 1) t ON true
      {_tallies("n.id")}
     ORDER BY n.rev
    """,
)
_REACTIONS = Query[ChangedReaction, UUID, int, int](
    "chat.changed_reactions",
    f"""
    SELECT n.message_id, n.user_id, n.rev, n.removed_at IS NOT NULL AS removed,
           coalesce(m.deleted_at IS NOT NULL, true) AS message_deleted, e.emojis, y.emojis, y.counts, y.first_ats
      FROM {_changed("reactions", "s.*")}
      LEFT JOIN chat.messages m ON m.room_id = $1 AND m.id = n.message_id
     CROSS JOIN LATERAL (
        SELECT array_agg(e.emoji ORDER BY e.rev) AS emojis
          FROM (SELECT e.emoji, e.rev FROM chat.reactions e
                 WHERE e.user_id = n.user_id AND e.room_id = $1 AND e.message_id = n.message_id
                   AND e.removed_at IS NULL LIMIT 1000) e
      ) e
      {_tallies("n.message_id")}
     ORDER BY n.rev
    """,
)
_MEMBERS = Query[ChangedMember, UUID, int, int](
    "chat.changed_members",
    f"""
    SELECT n.* FROM {
        _changed(
            "room_memberships",
            "s.room_id, s.user_id, s.role, s.joined_at, s.rev, s.left_at IS NOT NULL AS removed",
        )
    } ORDER BY n.rev
    """,
)
_PINS = Query[ChangedPin, UUID, int, int](
    "chat.changed_pins",
    f"""
    SELECT n.* FROM {
        _changed("pins", "s.message_id, s.pinned_by, s.pinned_at, s.rev, s.removed_at IS NOT NULL AS removed")
    } ORDER BY n.rev
    """,
)
_BANS = Query[Ban, UUID, int, int](
    "chat.changed_bans",
    f"""
    SELECT n.* FROM {_changed("sanctions", "s.user_id, s.rev", f"AND s.kind = 'BAN' AND {SANCTION_ACTIVE}")}
     ORDER BY n.rev
    """,
)
_LOGS = Query[LogLine, UUID, int, int](
    "chat.changed_logs",
    f"""
    SELECT n.* FROM {
        _changed(
            "moderation_logs",
            "s.id, s.room_id, s.rev, s.actor_id, s.actor_role, s.as_admin, s.action, s.target_user_id,"
            " s.target_message_id, s.reason, s.before, s.after, s.request_id AS call_id, s.created_at,"
            " s.delegate",
        )
    } ORDER BY n.rev
    """,
)
_ROOM = Query[Room, UUID, int, int](
    "chat.changed_room",
    f"""
    SELECT {ROOM_COLUMNS} FROM chat.rooms r JOIN chat.room_counters c ON c.room_id = $1
     WHERE r.id = $1 AND r.rev > $2 AND r.rev <= $3
    """,
)


async def last_revs(session: Session, revs: dict[UUID, int]) -> list[LastRevsRow]:
    """Return the last revs of those rooms that moved since the given revs."""
    return await session.rows(_LAST_REVS, list(revs), list(revs.values()))


async def moved_rooms(session: Session, revs: dict[UUID, int]) -> list[MovedRow]:
    """Return which rooms moved since the given revs."""
    return await session.rows(_MOVED, list(revs), list(revs.values()))


async def access_to_rooms(
    session: Session, room_ids: Sequence[UUID], user_id: UUID
) -> dict[UUID, RoomAccessRow]:
    """Return a user's access to rooms; missing rooms are left out."""
    return {row.room_id: row for row in await session.rows(_ACCESS, list(room_ids), user_id)}


async def access_to_my_rooms(session: Session, user_id: UUID, limit: int) -> dict[UUID, RoomAccessRow]:
    """Return a user's access to the rooms of which the user is a member, at most `limit`."""
    return {row.room_id: row for row in await session.rows(_MY_ROOMS, limit, user_id)}


async def room_list_versions(session: Session, user_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return the versions of users' lists of rooms; those who never had a room are left out."""
    rows = await session.rows(_LIST_VERSIONS, list(user_ids))
    return {row.user_id: row.rooms_rev for row in rows}


async def changed(session: Session, last: LastRevsRow, after: int) -> tuple[list[Changed], int]:
    """Return changes of a room after a rev in the order of revs, and up to which rev they are complete.

    They are of revs up to `last.last_rev`; up to which they are complete is less when there are more than PAGE of one kind.
    One statement per kind that changed.
    """
    kinds = (
        (last.messages, _MESSAGES),
        (last.reactions, _REACTIONS),
        (last.members, _MEMBERS),
        (last.pins, _PINS),
        (last.logs, _LOGS),
        (last.bans, _BANS),
        (last.room, _ROOM),
    )
    complete, found = last.last_rev, list[Changed]()
    for newest, query in kinds:
        if newest is None or newest <= after:
            continue
        rows: Sequence[Changed] = await session.rows(query, last.room_id, after, last.last_rev)  # type: ignore[arg-type]  # each query has its row type
        found += rows
        if len(rows) == PAGE:
            complete = min(complete, rows[-1].rev)
    return sorted((each for each in found if each.rev <= complete), key=_rev), complete


def _rev(changed: Changed) -> int:
    return changed.rev
