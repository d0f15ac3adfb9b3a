"""SQL of erasing a user, room by room: finding the remaining data, and one statement for each category.

Every statement except the first runs under the room lock and changes a bounded number of rows. Those with a
`first_rev` assign consecutive revs from there to the changed rows and return their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database, Session
from servicekit.sql import Command, Query
from services.chat.domain.erasure import DataCategory
from services.chat.store.message_purge import DECREMENT_TALLIES

_SOURCE_LIMIT = 100
_NOT_ERASED = "left_at IS NOT NULL AND removal IS DISTINCT FROM 'ERASED'"
# The sources of each category. An ended membership keeps its row; ERASED marks that it holds no other data.
_SOURCES = (
    (DataCategory.MEMBERSHIP, "room_id FROM chat.room_memberships WHERE user_id = $1 AND left_at IS NULL"),
    (DataCategory.MEMBERSHIP, f"room_id FROM chat.room_memberships WHERE user_id = $1 AND {_NOT_ERASED}"),
    (DataCategory.INVITATIONS, "room_id FROM chat.room_invitations WHERE user_id = $1 AND ended_at IS NULL"),
    (DataCategory.INVITATIONS, "room_id FROM chat.room_invitations WHERE invited_by = $1"),
    (DataCategory.MESSAGES, "room_id FROM chat.messages WHERE user_id = $1 AND deleted_at IS NULL"),
    (DataCategory.MESSAGES, "room_id FROM chat.messages WHERE user_id = $1 AND deleted_at IS NOT NULL"),
    (DataCategory.MENTIONS, "room_id FROM chat.mentions WHERE user_id = $1"),
    (DataCategory.REACTIONS, "room_id FROM chat.reactions WHERE user_id = $1"),
    (DataCategory.PINS, "room_id FROM chat.pins WHERE pinned_by = $1"),
    (DataCategory.DELETIONS, "room_id FROM chat.messages WHERE deleted_by = $1"),
    (DataCategory.SANCTIONS, "room_id FROM chat.sanctions WHERE issued_by = $1"),
    (DataCategory.REPORTS, "room_id FROM chat.reports WHERE reporter_id = $1"),
    (DataCategory.REPORTS, "room_id FROM chat.reports WHERE resolved_by = $1"),
    (DataCategory.CREATION, "id FROM chat.rooms WHERE created_by = $1"),
)


class RemainingRow(NamedTuple):
    """A room that holds data of the user."""

    category: int
    room_id: UUID


_FIND_REMAINING = Query[RemainingRow, UUID](
    "chat.find_remaining",
    f"""
    SELECT DISTINCT x.category, x.room_id
      FROM ({
        " UNION ALL ".join(
            f"(SELECT {category.value} AS category, {source} LIMIT {_SOURCE_LIMIT})"
            for category, source in _SOURCES
        )
    }) AS x(category, room_id)
     ORDER BY x.category, x.room_id
    """,
)
_DELETE_COUNTERS = Command[UUID](
    "chat.delete_user_counters", "DELETE FROM chat.user_counters WHERE user_id = $1"
)
_INVITATIONS = Command[UUID, UUID, int, int](
    "chat.erase_invitations",
    """
    UPDATE chat.room_invitations v
       SET ended_at = CASE WHEN v.user_id = $2 THEN coalesce(v.ended_at, statement_timestamp()) ELSE v.ended_at END,
           invited_by = nullif(v.invited_by, $2), rev = $4 + d.n - 1
      FROM (SELECT o.user_id, row_number() OVER (ORDER BY o.user_id) AS n FROM (
              SELECT user_id FROM chat.room_invitations
               WHERE room_id = $1 AND ((user_id = $2 AND ended_at IS NULL) OR invited_by = $2)
               LIMIT $3) o) d
     WHERE v.room_id = $1 AND v.user_id = d.user_id
    """,
)


class AuthorMessageRow(NamedTuple):
    """A message of the user. `live`: not deleted yet; `has_content`: not purged yet; neither for SYSTEM messages."""

    seq: int
    id: UUID
    live: bool
    has_content: bool


# Live and deleted messages have an index each.
_MESSAGES_IN_STATE = """
    (SELECT seq, id, type <> 'SYSTEM' AND deleted_at IS NULL AS live,
            type <> 'SYSTEM' AND emptied_at IS NULL AS has_content
       FROM chat.messages WHERE room_id = $1 AND user_id = $2 AND {state}
      ORDER BY created_at LIMIT $3)
"""
_MESSAGES = Query[AuthorMessageRow, UUID, UUID, int](
    "chat.messages_of_author",
    f"""
    SELECT * FROM (
      {_MESSAGES_IN_STATE.format(state="deleted_at IS NULL")}
      UNION ALL
      {_MESSAGES_IN_STATE.format(state="deleted_at IS NOT NULL")}
    ) a ORDER BY seq LIMIT $3
    """,
)
_ANONYMISE = Command[UUID, list[int], int](
    "chat.anonymise_messages",
    """
    UPDATE chat.messages m SET user_id = NULL, request_id = NULL, payload_hash = NULL, rev = $3 + d.n - 1
      FROM (SELECT s.seq, row_number() OVER (ORDER BY s.seq) AS n FROM unnest($2::bigint[]) AS s(seq)) d
     WHERE m.room_id = $1 AND m.seq = d.seq
    """,
)
_MENTIONS = Command[UUID, UUID, int, int](
    "chat.erase_mentions",
    """
    WITH gone AS (
      DELETE FROM chat.mentions e
       USING (SELECT message_id FROM chat.mentions WHERE room_id = $1 AND user_id = $2
               ORDER BY message_seq LIMIT $3) d
       WHERE e.room_id = $1 AND e.message_id = d.message_id AND e.user_id = $2
      RETURNING e.message_seq AS seq
    )
    UPDATE chat.messages m
       SET mention_user_ids = nullif(array_remove(m.mention_user_ids, $2), '{}'), rev = $4 + d.n - 1
      FROM (SELECT g.seq, row_number() OVER (ORDER BY g.seq) AS n FROM gone g) d
     WHERE m.room_id = $1 AND m.seq = d.seq
    """,
)


class ReactionsRow(NamedTuple):
    """The numbers of deleted reactions and of their messages."""

    reactions: int
    messages: int


# A deleted reaction leaves no row for watchers, so its message gets a new rev, which carries the current tallies; also
# for a removed reaction, whose removal a watcher may not have read yet.
_REACTIONS = Query[ReactionsRow, UUID, UUID, int, int](
    "chat.erase_reactions",
    f"""
    WITH reaction AS (
      DELETE FROM chat.reactions r
       USING (SELECT message_id, emoji FROM chat.reactions WHERE room_id = $1 AND user_id = $2
               ORDER BY message_id, emoji LIMIT $3) d
       WHERE r.room_id = $1 AND r.user_id = $2 AND r.message_id = d.message_id AND r.emoji = d.emoji
      RETURNING r.message_id, r.emoji, r.removed_at IS NULL AS active
    ), {DECREMENT_TALLIES}, moved AS (
      UPDATE chat.messages m SET rev = $4 + d.n - 1
        FROM (SELECT o.message_id, row_number() OVER (ORDER BY o.message_id) AS n
                FROM (SELECT DISTINCT message_id FROM reaction) o) d
       WHERE m.room_id = $1 AND m.id = d.message_id
      RETURNING 1
    )
    SELECT (SELECT count(*) FROM reaction)::int AS reactions, (SELECT count(*) FROM moved)::int AS messages
    """,
)
_PINS = Command[UUID, UUID, int, int](
    "chat.erase_pins",
    """
    UPDATE chat.pins p SET pinned_by = NULL, rev = $4 + d.n - 1
      FROM (SELECT o.message_id, row_number() OVER (ORDER BY o.message_id) AS n FROM (
              SELECT message_id FROM chat.pins WHERE room_id = $1 AND pinned_by = $2 LIMIT $3) o) d
     WHERE p.room_id = $1 AND p.message_id = d.message_id
    """,
)
_DELETIONS = Command[UUID, UUID, int, int](
    "chat.erase_deletions",
    """
    UPDATE chat.messages m SET deleted_by = NULL, rev = $4 + d.n - 1
      FROM (SELECT o.seq, row_number() OVER (ORDER BY o.seq) AS n FROM (
              SELECT seq FROM chat.messages WHERE room_id = $1 AND deleted_by = $2 LIMIT $3) o) d
     WHERE m.room_id = $1 AND m.seq = d.seq
    """,
)
_SANCTIONS = Command[UUID, UUID, int, int](
    "chat.erase_sanctions",
    """
    UPDATE chat.sanctions s SET issued_by = NULL, rev = $4 + d.n - 1
      FROM (SELECT o.id, row_number() OVER (ORDER BY o.id) AS n FROM (
              SELECT id FROM chat.sanctions WHERE room_id = $1 AND issued_by = $2 LIMIT $3) o) d
     WHERE s.room_id = $1 AND s.id = d.id
    """,
)
_REPORTS = Command[UUID, UUID, int](
    "chat.erase_reports",
    """
    UPDATE chat.reports p
       SET reason = CASE WHEN p.reporter_id = $2 THEN NULL ELSE p.reason END,
           request_id = CASE WHEN p.reporter_id = $2 THEN NULL ELSE p.request_id END,
           reporter_id = nullif(p.reporter_id, $2), resolved_by = nullif(p.resolved_by, $2)
      FROM (SELECT id FROM chat.reports
             WHERE room_id = $1 AND (reporter_id = $2 OR resolved_by = $2) LIMIT $3) d
     WHERE p.room_id = $1 AND p.id = d.id
    """,
)
_CREATION = Command[UUID, UUID, int](
    "chat.erase_creator",
    """
    UPDATE chat.rooms SET created_by = NULL, request_id = NULL, payload_hash = NULL, rev = $3,
                          updated_at = statement_timestamp()
     WHERE id = $1 AND created_by = $2
    """,
)


async def find_remaining(database: Database, user_id: UUID) -> list[tuple[DataCategory, UUID]]:
    """Return the categories and rooms of a user's remaining data, in the order of erasure; possibly not all."""
    return [
        (DataCategory(row.category), row.room_id) for row in await database.rows(_FIND_REMAINING, user_id)
    ]


async def delete_counters(database: Database, user_id: UUID) -> int:
    """Delete a user's counters; returns the number of deleted rows."""
    return await database.execute(_DELETE_COUNTERS, user_id)


async def end_invitations(session: Session, room_id: UUID, user_id: UUID, limit: int, first_rev: int) -> int:
    """End the user's invitation, and clear the inviter of the user's invitations of others."""
    return await session.execute(_INVITATIONS, room_id, user_id, limit, first_rev)


async def messages_by_author(
    session: Session, room_id: UUID, user_id: UUID, limit: int
) -> list[AuthorMessageRow]:
    """Return the user's messages, the oldest first."""
    return await session.rows(_MESSAGES, room_id, user_id, limit)


async def anonymise_messages(session: Session, room_id: UUID, seqs: Sequence[int], first_rev: int) -> int:
    """Clear the author and the request ids of messages."""
    return await session.execute(_ANONYMISE, room_id, list(seqs), first_rev)


async def delete_mentions(session: Session, room_id: UUID, user_id: UUID, limit: int, first_rev: int) -> int:
    """Delete mentions of the user; changes twice as many rows."""
    return await session.execute(_MENTIONS, room_id, user_id, limit, first_rev)


async def delete_reactions(
    session: Session, room_id: UUID, user_id: UUID, limit: int, first_rev: int
) -> ReactionsRow:
    """Delete the user's reactions; each of their messages takes a rev. Changes up to three times as many rows."""
    return await session.one(_REACTIONS, room_id, user_id, limit, first_rev)


async def anonymise_pins(session: Session, room_id: UUID, user_id: UUID, limit: int, first_rev: int) -> int:
    """Clear the user of their pins."""
    return await session.execute(_PINS, room_id, user_id, limit, first_rev)


async def anonymise_deletions(
    session: Session, room_id: UUID, user_id: UUID, limit: int, first_rev: int
) -> int:
    """Clear the user of the messages that they deleted."""
    return await session.execute(_DELETIONS, room_id, user_id, limit, first_rev)


async def anonymise_sanctions(
    session: Session, room_id: UUID, user_id: UUID, limit: int, first_rev: int
) -> int:
    """Clear the user of the sanctions that they issued."""
    return await session.execute(_SANCTIONS, room_id, user_id, limit, first_rev)


async def anonymise_reports(session: Session, room_id: UUID, user_id: UUID, limit: int) -> int:
    """Clear the user and their reasons of the reports that they made or resolved; reports have no rev."""
    return await session.execute(_REPORTS, room_id, user_id, limit)


async def anonymise_creator(session: Session, room_id: UUID, user_id: UUID, rev: int) -> int:
    """Clear the user of a room that they created."""
    return await session.execute(_CREATION, room_id, user_id, rev)
