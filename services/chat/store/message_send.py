"""SQL of the send batch: the input of the rules, read under the room locks, and the one write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.sql import Query
from services.chat.domain.message_send import SendContext, SendDraft, ThreadPosition
from services.chat.domain.model import MessageType
from services.chat.store.message_query import track_to_json
from services.chat.store.rooms import SANCTION_ACTIVE, Reader

_T = TypeVar("_T")

# Mentions are passed as the text of an array per draft, as arrays of arrays must have one length. The sub-select hides
# the length of each array from the planner: see room_transaction.py.
_CONTEXT = Query[
    SendContext,
    list[UUID],
    list[UUID],
    list[UUID | None],
    list[UUID],
    list[UUID | None],
    list[Micros | None],
    list[Micros | None],
    list[str | None],
](
    "chat.send_context",
    f"""
    SELECT i.item,
           r.private, m.role,
           EXISTS (SELECT 1 FROM chat.room_invitations v
                    WHERE v.room_id = i.room_id AND v.user_id = i.user_id AND v.ended_at IS NULL) AS invited,
           EXISTS (SELECT 1 FROM chat.sanctions s WHERE s.room_id = i.room_id AND s.user_id = i.user_id
                      AND s.kind = 'BAN' AND {SANCTION_ACTIVE}) AS banned,
           EXISTS (SELECT 1 FROM chat.sanctions s WHERE s.room_id = i.room_id AND s.user_id = i.user_id
                      AND s.kind = 'MUTE' AND {SANCTION_ACTIVE}) AS muted,
           coalesce(i.muted_until > statement_timestamp(), false) AS muted_on_platform,
           coalesce(i.suspended_until > statement_timestamp(), false) AS suspended,
           r.archived_at, r.locked_at, r.announcement, r.slow_mode_seconds,
           duplicate.seq AS duplicate_seq,
           duplicate.payload_hash AS duplicate_hash,
           written.seq AS written_seq,
           parent.id AS parent_id,
           parent.seq AS parent_seq,
           parent.root_id AS parent_root_id,
           parent.root_seq AS parent_root_seq,
           parent.deleted_at IS NOT NULL OR root.deleted_at IS NOT NULL AS parent_deleted,
           CASE WHEN r.slow_mode_seconds > 0 AND m.last_message_at IS NOT NULL
                THEN r.slow_mode_seconds - extract(epoch FROM statement_timestamp() - m.last_message_at)
                ELSE 0 END::float8 AS slow_mode_wait,
           (SELECT u.user_id FROM unnest(i.mentions::uuid[]) AS u(user_id)
             WHERE NOT EXISTS (SELECT 1 FROM chat.room_memberships o WHERE o.room_id = i.room_id
                                  AND o.user_id = u.user_id AND o.left_at IS NULL)
             LIMIT 1) AS non_member_mention
      FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[]), (SELECT $3::uuid[]), (SELECT $4::uuid[]),
                  (SELECT $5::uuid[]), (SELECT $6::timestamptz[]), (SELECT $7::timestamptz[]),
                  (SELECT $8::text[]))
           WITH ORDINALITY AS i(room_id, user_id, request_id, written_id, parent_id, muted_until,
                                suspended_until, mentions, item)
      LEFT JOIN chat.rooms r ON r.id = i.room_id
      LEFT JOIN chat.room_memberships m
             ON m.room_id = i.room_id AND m.user_id = i.user_id AND m.left_at IS NULL
      LEFT JOIN chat.messages duplicate
             ON duplicate.room_id = i.room_id AND duplicate.user_id = i.user_id AND duplicate.request_id = i.request_id
      LEFT JOIN chat.messages written ON written.room_id = i.room_id AND written.id = i.written_id
      LEFT JOIN chat.messages parent ON parent.room_id = i.room_id AND parent.id = i.parent_id
      LEFT JOIN chat.messages root ON root.room_id = parent.room_id AND root.seq = parent.root_seq
     ORDER BY i.item
    """,
)


class WrittenRow(NamedTuple):
    """The time of all messages of a batch, by the database's clock."""

    created_at: Micros


_WRITE = Query[
    WrittenRow,
    list[UUID],
    list[int],
    list[int],
    list[UUID],
    list[UUID],
    list[str | None],
    list[str | None],
    list[UUID | None],
    list[str | None],
    list[str | None],
    list[UUID | None],
    list[int | None],
    list[UUID | None],
    list[UUID | None],
    list[bytes | None],
    list[bool],
    list[bool],
](
    "chat.write_batch",
    """
    WITH draft AS (
      SELECT * FROM unnest(
        (SELECT $1::uuid[]), (SELECT $2::bigint[]), (SELECT $3::bigint[]), (SELECT $4::uuid[]),
        (SELECT $5::uuid[]), (SELECT $6::text[]), (SELECT $7::text[]), (SELECT $8::uuid[]),
        (SELECT $9::text[]), (SELECT $10::text[]), (SELECT $11::uuid[]), (SELECT $12::bigint[]),
        (SELECT $13::uuid[]), (SELECT $14::uuid[]), (SELECT $15::bytea[]), (SELECT $16::bool[]),
        (SELECT $17::bool[])
      ) AS d(room_id, seq, rev, id, user_id, text, search_text, track_id, track, mentions, root_id, root_seq,
             reply_to_id, request_id, payload_hash, slow, private)
    ), written AS (
      INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, search_text, track_id, track,
                                 mention_user_ids, root_id, root_seq, reply_to_id, request_id, payload_hash,
                                 private_room_id, created_at)
      SELECT room_id, seq, rev, id, user_id, CASE WHEN track_id IS NULL THEN 'TEXT' ELSE 'TRACK' END, text,
             search_text, track_id, track::jsonb, mentions::uuid[], root_id, root_seq, reply_to_id, request_id,
             payload_hash, CASE WHEN private THEN room_id END, statement_timestamp()
        FROM draft ORDER BY room_id, seq
      RETURNING room_id, seq, root_id, created_at
    ), counters AS (
      UPDATE chat.room_counters c SET last_seq = n.seq, last_rev = n.rev
        FROM (SELECT room_id, max(seq) AS seq, max(rev) AS rev FROM draft GROUP BY room_id) n
       WHERE c.room_id = n.room_id
    ), thread AS (
      INSERT INTO chat.threads AS t (room_id, root_id, reply_count, last_reply_seq, last_reply_at)
      SELECT room_id, root_id, count(*), max(seq), max(created_at)
        FROM written WHERE root_id IS NOT NULL GROUP BY room_id, root_id
      ON CONFLICT (room_id, root_id) DO UPDATE
         SET reply_count = t.reply_count + excluded.reply_count,
             last_reply_seq = excluded.last_reply_seq, last_reply_at = excluded.last_reply_at
    ), mention AS (
      INSERT INTO chat.mentions (room_id, message_id, user_id, message_seq)
      SELECT room_id, id, unnest(mentions::uuid[]), seq FROM draft WHERE mentions IS NOT NULL
    ), slow AS (
      UPDATE chat.room_memberships m SET last_message_at = statement_timestamp()
        FROM draft d WHERE d.slow AND m.room_id = d.room_id AND m.user_id = d.user_id
    )
    SELECT statement_timestamp() AS created_at
    """,
)


class Accepted(NamedTuple):
    """A draft that passed the rules, with its position and its numbers."""

    draft: SendDraft
    position: ThreadPosition
    seq: int
    rev: int
    slow: bool
    private: bool

    @property
    def type(self) -> MessageType:
        """Return the message type."""
        return MessageType.TEXT if self.draft.track is None else MessageType.TRACK


async def send_context(
    session: Reader, drafts: Sequence[SendDraft], *, outcome_unknown: bool
) -> list[SendContext]:
    """Return the input of the rules, one row per draft in their order; it is stable while the rooms are locked.

    With `outcome_unknown` each draft is also looked up by its message id, which an earlier try may have written.
    """
    return await session.rows(
        _CONTEXT,
        [draft.room_id for draft in drafts],
        [draft.user_id for draft in drafts],
        [draft.request_id for draft in drafts],
        [draft.message_id for draft in drafts] if outcome_unknown else [],
        _column([draft.parent_id for draft in drafts]),
        _column([draft.muted_until for draft in drafts]),
        _column([draft.suspended_until for draft in drafts]),
        _column([_array(draft.mention_user_ids) for draft in drafts]),
    )


async def write(session: Session, accepted: Sequence[Accepted]) -> Micros:
    """Insert all messages with their threads, mentions and the room counters; returns their time.

    The caller holds the room locks, and the numbers continue the rooms' counters.
    """
    drafts = [item.draft for item in accepted]
    row = await session.one(
        _WRITE,
        [draft.room_id for draft in drafts],
        [item.seq for item in accepted],
        [item.rev for item in accepted],
        [draft.message_id for draft in drafts],
        [draft.user_id for draft in drafts],
        [draft.text for draft in drafts],
        [draft.search_text for draft in drafts],
        _column([draft.track.track_id if draft.track else None for draft in drafts]),
        _column([track_to_json(draft.track) if draft.track else None for draft in drafts]),
        _column([_array(draft.mention_user_ids) for draft in drafts]),
        _column([item.position.root_id for item in accepted]),
        _column([item.position.root_seq for item in accepted]),
        _column([item.position.reply_to_id for item in accepted]),
        _column([draft.request_id for draft in drafts]),
        _column([draft.payload_hash for draft in drafts]),
        _column([item.slow for item in accepted]),
        _column([item.private for item in accepted]),
    )
    return row.created_at


def _column(values: list[_T]) -> list[_T]:
    """Return the parameter of a column where false and NULL are one: empty without a value, as unnest fills it with NULL.

    Each value costs the driver about half a microsecond, NULL as well.
    """
    return values if any(values) else []


def _array(ids: Sequence[UUID]) -> str | None:
    return "{" + ",".join(map(str, ids)) + "}" if ids else None
