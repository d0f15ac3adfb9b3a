"""MessageService.SendMessage: send_message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.caller import Caller
from servicekit.ids import new_id
from services.chat.actions.deps import Deps
from services.chat.domain.errors import RoomNotFoundError, TrackNotFoundError
from services.chat.domain.model import Tally
from services.chat.domain.searching import search_text
from services.chat.domain.sending import SendDraft, payload_hash
from services.chat.store import messages as store
from services.chat.store.reading import MessageRow, row_of


class MessageDraft(NamedTuple):
    """What a caller wants to send."""

    room_id: UUID
    text: str
    track_id: UUID | None
    parent_id: UUID | None
    mention_user_ids: tuple[UUID, ...]
    request_id: UUID | None


class SentMessage(NamedTuple):
    """A committed message; `deduplicated` when an earlier call had sent it."""

    message: MessageRow
    deduplicated: bool
    epoch: str
    rev: int
    tallies: Sequence[Tally] = ()


async def send_message(deps: Deps, caller: Caller, draft: MessageDraft, deadline: float) -> SentMessage:
    """Write a message; returns once it is committed. `deadline` is on the monotonic clock, in seconds."""
    track = None
    if draft.track_id is not None:
        # Asked before the room's lock is anywhere near: nothing slow happens under it.
        track = await deps.tracks.snapshot(draft.track_id)
        if track is None:
            raise TrackNotFoundError(draft.track_id)
    mentions = tuple(dict.fromkeys(draft.mention_user_ids))
    sent = await deps.batcher.send(
        SendDraft(
            message_id=new_id(),
            room_id=draft.room_id,
            user_id=caller.user_id,
            muted_until=caller.muted_until,
            suspended_until=caller.suspended_until,
            text=draft.text or None,
            search_text=search_text(draft.text or None),
            track=track,
            parent_id=draft.parent_id,
            mention_user_ids=mentions,
            request_id=draft.request_id,
            payload_hash=payload_hash(draft.text, draft.track_id, draft.parent_id, mentions)
            if draft.request_id is not None
            else None,
        ),
        deadline,
    )
    if sent.message is not None:
        return SentMessage(row_of(sent.message), sent.deduplicated, deps.epoch.value, sent.message.rev)
    found = await store.by_seq(deps.database, draft.room_id, caller.user_id, sent.seq)
    if found.room is None or not found.messages:
        raise RoomNotFoundError(draft.room_id)
    message = found.messages[0]
    tallies = found.tallies.get(message.id, ())
    return SentMessage(message, sent.deduplicated, deps.epoch.value, found.room.rev, tallies)
