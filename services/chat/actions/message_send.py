"""MessageService.SendMessage: send_message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.caller import Caller
from servicekit.ids import new_id
from services.chat.actions.deps import Deps, SendResult
from services.chat.domain.errors import RoomNotFoundError, TrackNotFoundError
from services.chat.domain.message_send import SendDraft, check_send, find_duplicate, payload_hash
from services.chat.domain.model import Position, Tally, TrackSnapshot
from services.chat.store import message_list
from services.chat.store import message_send as store
from services.chat.store.message_query import MessageRow, row_from_message


class MessageDraft(NamedTuple):
    """A SendMessage request."""

    room_id: UUID
    text: str
    track_id: UUID | None
    track_url: str
    parent_id: UUID | None
    mention_user_ids: tuple[UUID, ...]
    request_id: UUID | None


class SentMessage(NamedTuple):
    """A committed message; `deduplicated` when an earlier call had sent it."""

    message: MessageRow
    deduplicated: bool
    position: Position
    tallies: Sequence[Tally] = ()


async def send_message(deps: Deps, caller: Caller, draft: MessageDraft, deadline: float) -> SentMessage:
    """Send a message; returns after its commit. `deadline` is on the monotonic clock, in seconds."""
    epoch, mentions = deps.epoch.value, tuple(dict.fromkeys(draft.mention_user_ids))
    made = SendDraft(
        message_id=new_id(),
        room_id=draft.room_id,
        user_id=caller.user_id,
        muted_until=caller.muted_until,
        suspended_until=caller.suspended_until,
        text=draft.text or None,
        search_text=None,
        track=None,
        parent_id=draft.parent_id,
        mention_user_ids=mentions,
        request_id=draft.request_id,
        payload_hash=payload_hash(
            draft.text, draft.track_id or draft.track_url or None, draft.parent_id, mentions
        )
        if draft.request_id is not None
        else None,
    )
    if draft.track_id is None and not draft.track_url:
        return await _sent(deps, made, epoch, await deps.batcher.send(made, deadline))
    ready, public = await _with_track(deps, made, draft)
    result = ready if isinstance(ready, SendResult) else await deps.batcher.send(ready, deadline)
    sent = await _sent(deps, made, epoch, result)
    if public and sent.message.track_id is not None:
        # Also after a repeat: the process of the first call may have died too early.
        deps.listings.add(sent.message.track_id)
    return sent


async def _sent(deps: Deps, draft: SendDraft, epoch: str, sent: SendResult) -> SentMessage:
    """Return the committed message; one statement if an earlier try has written it."""
    if sent.message is not None:
        position = Position(draft.room_id, epoch, sent.message.rev)
        return SentMessage(row_from_message(sent.message), sent.deduplicated, position)
    found = await message_list.by_seq(deps.database, draft.room_id, draft.user_id, sent.seq)
    if found.room is None or not found.messages:
        raise RoomNotFoundError(draft.room_id)
    message = found.messages[0]
    tallies = found.tallies.get(message.id, ())
    position = Position(draft.room_id, epoch, found.room.last_rev)
    return SentMessage(message, sent.deduplicated, position, tallies)


async def _with_track(
    deps: Deps, draft: SendDraft, wanted: MessageDraft
) -> tuple[SendDraft | SendResult, bool]:
    """Return the draft with the current track snapshot, or the result of an earlier call with its request id.

    The second value is whether the room is public, which never changes.

    The rules decide under the room locks, where nothing slow may run. They and the rate limit also run here first, so
    that their errors do not depend on the tracks service, and a refused message stores no track.
    """
    (context,) = await store.send_context(deps.database, [draft], outcome_unknown=False)
    duplicate_seq = find_duplicate(draft, context)
    public = context.membership is not None and not context.membership.private
    if duplicate_seq is not None:
        return SendResult(duplicate_seq, deduplicated=True), public
    check_send(draft, context)
    deps.limits.sends.hit(draft.user_id)
    if wanted.track_id is None:
        track: TrackSnapshot | None = await deps.tracks.store(wanted.track_url)
    else:
        track = await deps.tracks.snapshot(wanted.track_id)
        if track is None:
            raise TrackNotFoundError(wanted.track_id)
    return draft._replace(track=track, charged=True), public
