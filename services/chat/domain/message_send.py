"""The rules of sending: idempotency by request_id, slow mode, mentions, replies.

They are applied to what was read under the room lock.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from services.chat.domain.errors import (
    MentionNotAMemberError,
    MessageNotFoundError,
    ParentDeletedError,
    RequestIdReusedError,
    SlowModeError,
)
from services.chat.domain.model import TrackSnapshot
from services.chat.domain.permissions import Rank, check_can_post, check_writer
from services.chat.domain.visibility import CallerMembership, check_room_visible


class SendDraft(NamedTuple):
    """A message to send. `message_id` is made before the first try, so that a retry finds the written message.

    `search_text` is None until the draft is accepted and charged: a long text takes milliseconds to normalize.
    """

    message_id: UUID
    room_id: UUID
    user_id: UUID
    muted_until: Micros | None
    suspended_until: Micros | None
    text: str | None
    search_text: str | None
    track: TrackSnapshot | None
    parent_id: UUID | None
    mention_user_ids: tuple[UUID, ...]
    request_id: UUID | None
    payload_hash: bytes | None
    charged: bool = False
    """The rate limit was applied before the batch."""


class SendContext(NamedTuple):
    """What is read under the room lock for one draft; times are compared with the database's clock.

    `membership` and the room's columns are None when there is no such room. `written_seq` is the draft's own message
    after a try of unknown outcome, `duplicate_*` the message that an earlier call with its request id wrote,
    `slow_mode_wait` the seconds until slow mode lets the author write.
    """

    item: int
    membership: CallerMembership | None
    archived_at: Micros | None
    locked_at: Micros | None
    announcement: bool | None
    slow_mode_seconds: int | None
    duplicate_seq: int | None
    duplicate_hash: bytes | None
    written_seq: int | None
    parent_id: UUID | None
    parent_seq: int | None
    parent_root_id: UUID | None
    parent_root_seq: int | None
    parent_deleted: bool
    slow_mode_wait: float
    non_member_mention: UUID | None


@dataclass(frozen=True, slots=True)
class ThreadPosition:
    """The thread of an accepted message; all None for a root."""

    root_id: UUID | None = None
    root_seq: int | None = None
    reply_to_id: UUID | None = None


def payload_hash(
    text: str, track: UUID | str | None, parent_id: UUID | None, mention_user_ids: tuple[UUID, ...]
) -> bytes:
    """Return the SHA-256 of the caller's fields, by which repeated request ids are compared.

    `track` is the given id or URL of the track: one track by its id and by its URL are two payloads.
    """
    parts = (text, str(track), str(parent_id), *sorted(map(str, mention_user_ids)))
    return hashlib.sha256(repr(parts).encode()).digest()


def find_duplicate(draft: SendDraft, context: SendContext) -> int | None:
    """Idempotency: return the seq of the message that an earlier call with this request id wrote, or None.

    Raises RoomNotFoundError for a room that the caller can't see, RequestIdReusedError when the earlier call had
    other fields. Comes before every other rule: a repeated call returns its message even when its author may
    not write any more.
    """
    check_room_visible(draft.room_id, context.membership)
    if context.duplicate_seq is None:
        return None
    if context.duplicate_hash != draft.payload_hash:
        assert draft.request_id is not None  # noqa: S101 - the duplicate was found by it
        raise RequestIdReusedError(draft.request_id)
    return context.duplicate_seq


def check_send(draft: SendDraft, context: SendContext) -> ThreadPosition:
    """Return the position of an accepted message; raises the error of the first broken rule, in the contract's order."""
    role = check_writer(draft.room_id, context.membership, context.archived_at, context.locked_at)
    check_can_post(role, announcement=bool(context.announcement))
    position = _find_position(draft, context)
    if context.non_member_mention is not None:
        raise MentionNotAMemberError(context.non_member_mention)
    if context.slow_mode_wait > 0 and slow_mode_applies(context):
        raise SlowModeError(context.slow_mode_wait)
    return position


def slow_mode_applies(context: SendContext) -> bool:
    """Return whether slow mode limits the author; moderators and owners are exempt."""
    role = None if context.membership is None else context.membership.role
    return bool(context.slow_mode_seconds) and Rank.of(role) < Rank.MODERATOR


def _find_position(draft: SendDraft, context: SendContext) -> ThreadPosition:
    """Return the thread of a reply; raises MessageNotFoundError or ParentDeletedError."""
    if draft.parent_id is None:
        return ThreadPosition()
    if context.parent_id is None:
        raise MessageNotFoundError(draft.parent_id)
    if context.parent_deleted:
        raise ParentDeletedError
    if context.parent_root_id is None:
        return ThreadPosition(root_id=context.parent_id, root_seq=context.parent_seq)
    return ThreadPosition(context.parent_root_id, context.parent_root_seq, reply_to_id=context.parent_id)
