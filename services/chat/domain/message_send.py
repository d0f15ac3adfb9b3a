"""The rules of sending, applied to what was read under the room's lock."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.errors import CallerSuspendedError
from services.chat.domain.errors import (
    BannedError,
    CallerMutedError,
    MentionNotAMemberError,
    MessageNotFoundError,
    NotAMemberError,
    ParentDeletedError,
    RequestIdReusedError,
    RoomArchivedError,
    RoomLockedError,
    SlowModeError,
)
from services.chat.domain.model import MemberRole, TrackSnapshot
from services.chat.domain.permissions import check_can_post
from services.chat.domain.visibility import check_room_visible

_MODERATORS = frozenset({MemberRole.OWNER, MemberRole.MODERATOR})


class SendDraft(NamedTuple):
    """A message to send. `message_id` is made before the first try, so that a retry finds what it wrote.

    `search_text` is the text as domain.searching folds it: that takes milliseconds for a long text, far too
    much to be done for a whole batch while its rooms are locked.
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


class SendContext(NamedTuple):
    """What is read under the lock for one draft; times are compared there, with the database's clock.

    `written_seq` is the draft's own message after a try of unknown outcome, `prior_*` the one that an
    earlier call with its request id wrote, `slow_mode_wait` the seconds until slow mode lets the author write,
    `non_member_mention` a mentioned user who is no member.
    """

    item: int
    room_exists: bool
    private: bool
    archived: bool
    locked: bool
    announcement: bool
    slow_mode_seconds: int
    role: str | None
    invited: bool
    banned: bool
    suspended: bool
    muted_in_room: bool
    muted_on_platform: bool
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
    """Where an accepted message goes: under a root, or as one (all None)."""

    root_id: UUID | None = None
    root_seq: int | None = None
    reply_to_id: UUID | None = None


def payload_hash(
    text: str, track_id: UUID | None, parent_id: UUID | None, mention_user_ids: tuple[UUID, ...]
) -> bytes:
    """What a repeated request id is compared by: SHA-256 of the fields that the caller chose."""
    parts = (text, str(track_id), str(parent_id), *sorted(map(str, mention_user_ids)))
    return hashlib.sha256(repr(parts).encode()).digest()


def find_duplicate(draft: SendDraft, context: SendContext) -> int | None:
    """The seq of the message that an earlier call with this request id wrote; None when there is none.

    Raises RoomNotFoundError for a room that the caller may not know of, RequestIdReusedError when that
    call had other fields. Comes before every other rule: a repeated call gets its message even when its
    author may not write any more.
    """
    check_room_visible(draft.room_id, context if context.room_exists else None)
    if context.duplicate_seq is None:
        return None
    if context.duplicate_hash != draft.payload_hash:
        assert draft.request_id is not None  # noqa: S101 - a prior call was found by it
        raise RequestIdReusedError(draft.request_id)
    return context.duplicate_seq


def check_send(draft: SendDraft, context: SendContext) -> ThreadPosition:
    """Where the message goes; raises the first rule's error that it breaks, in the contract's order."""
    _check_author(context)
    _check_room(context)
    position = _find_position(draft, context)
    if context.non_member_mention is not None:
        raise MentionNotAMemberError(context.non_member_mention)
    if context.slow_mode_wait > 0 and slow_mode_applies(context):
        raise SlowModeError(context.slow_mode_wait)
    return position


def slow_mode_applies(context: SendContext) -> bool:
    """Whether slow mode holds for the author at all: it does for members, not for who moderates."""
    return context.slow_mode_seconds > 0 and context.role not in _MODERATORS


def _check_author(context: SendContext) -> None:
    if context.suspended:
        raise CallerSuspendedError
    if context.banned:
        raise BannedError
    if context.role is None:
        raise NotAMemberError
    if context.muted_in_room:
        raise CallerMutedError("room")
    if context.muted_on_platform:
        raise CallerMutedError("platform")


def _check_room(context: SendContext) -> None:
    if context.archived:
        raise RoomArchivedError
    if context.locked:
        raise RoomLockedError
    check_can_post(context.role, announcement=context.announcement)


def _find_position(draft: SendDraft, context: SendContext) -> ThreadPosition:
    """The thread a reply belongs to; raises MessageNotFoundError or ParentDeletedError."""
    if draft.parent_id is None:
        return ThreadPosition()
    if context.parent_id is None:
        raise MessageNotFoundError(draft.parent_id)
    if context.parent_deleted:
        raise ParentDeletedError
    if context.parent_root_id is None:
        return ThreadPosition(root_id=context.parent_id, root_seq=context.parent_seq)
    return ThreadPosition(context.parent_root_id, context.parent_root_seq, reply_to_id=context.parent_id)
