"""Converters of LiveService.

Frames are encoded as parts of a WatchResponse: the encoding of a repeated field is the concatenation of its elements,
so the same bytes go to every watcher, and any number of them joined is a response.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from seda.chat.v1 import live_service_pb2 as pb
from servicekit.ids import parse_id
from servicekit.pagination import page_size
from servicekit.timestamps import seconds_to_proto, to_proto
from services.chat.actions.changes import ChangeListing, ListedChanges
from services.chat.domain.model import LogLine, Room
from services.chat.store.changes import (
    Changed,
    ChangedMember,
    ChangedMessage,
    ChangedPin,
    ChangedReaction,
)
from services.chat.wire.message import fill_message, fill_tallies
from services.chat.wire.moderation import fill_log
from services.chat.wire.rooms import fill_member, fill_pin, fill_position, fill_room


def watched_rooms(request: pb.WatchRequest) -> dict[UUID, int | None]:
    """Convert the rooms of a Watch request, with their positions."""
    return {
        parse_id(each.room_id): each.after_rev if each.HasField("after_rev") else None
        for each in request.rooms
    }


def change_listing(request: pb.ListChangesRequest) -> ChangeListing:
    """Convert a ListChanges request."""
    return ChangeListing(
        parse_id(request.room_id), request.after_rev, request.epoch, page_size(request.page_size)
    )


def list_changes_response(room_id: UUID, listed: ListedChanges) -> pb.ListChangesResponse:
    """Convert a page of changes."""
    response = pb.ListChangesResponse(
        outcome=pb.ROOM_OUTCOME_RESET if listed.reset else pb.ROOM_OUTCOME_RESUMED, has_more=listed.has_more
    )
    fill_position(response.position, listed.position)
    for each in listed.changes:
        fill_change(response.changes.add(), room_id, each, listed.member_count)
    return response


def fill_change(into: pb.Change, room_id: UUID, changed: Changed, member_count: int) -> None:
    """Write a change: nothing in it depends on who reads it."""
    into.room_id = str(room_id)
    into.rev = changed.rev
    if isinstance(changed, ChangedMessage):
        _fill_message(into, changed)
    elif isinstance(changed, ChangedReaction):
        _fill_reaction(into, changed)
    elif isinstance(changed, ChangedMember):
        _fill_member(into, changed, member_count)
    elif isinstance(changed, ChangedPin):
        fill_pin(into.pin, changed.pin)
        into.kind = pb.CHANGE_KIND_PIN_REMOVED if changed.removed else pb.CHANGE_KIND_PIN_ADDED
    elif isinstance(changed, Room):
        fill_room(into.room, changed)
        into.kind = pb.CHANGE_KIND_ROOM_UPDATED
    elif isinstance(changed, LogLine):
        fill_log(into.moderation, changed)
        into.kind = pb.CHANGE_KIND_MODERATED
    else:
        raise TypeError(f"{type(changed).__name__} is no item")


def _fill_message(into: pb.Change, changed: ChangedMessage) -> None:
    row = changed.message
    fill_message(into.message.message, row, changed.tallies.sorted())
    if row.root_id is not None:
        thread = into.message.thread
        thread.root_id = str(row.root_id)
        thread.reply_count = row.reply_count
        if row.last_reply_at is not None:
            to_proto(thread.last_reply_time, row.last_reply_at)
    if row.deleted_at is not None:
        into.kind = pb.CHANGE_KIND_MESSAGE_DELETED
    elif row.edited_at is not None:
        into.kind = pb.CHANGE_KIND_MESSAGE_EDITED
    else:
        into.kind = pb.CHANGE_KIND_MESSAGE_POSTED


def _fill_reaction(into: pb.Change, changed: ChangedReaction) -> None:
    reaction = into.reaction
    reaction.message_id = str(changed.message_id)
    reaction.user_id = str(changed.user_id)
    reaction.emojis.extend(changed.emojis or ())
    fill_tallies(reaction.reactions, changed.tallies.sorted())
    into.kind = pb.CHANGE_KIND_REACTION_REMOVED if changed.removed else pb.CHANGE_KIND_REACTION_ADDED


def _fill_member(into: pb.Change, changed: ChangedMember, member_count: int) -> None:
    member = into.member.member
    into.member.member_count = member_count
    if changed.removed:
        member.room_id = str(changed.member.room_id)
        member.user_id = str(changed.member.user_id)
        member.rev = changed.rev
        into.kind = pb.CHANGE_KIND_MEMBER_REMOVED
    else:
        fill_member(member, changed.member.member())
        into.kind = pb.CHANGE_KIND_MEMBER_UPDATED


def change_frame(room_id: UUID, changed: Changed, member_count: int) -> bytes:
    """Encode a change."""
    frame = pb.Frame()
    fill_change(frame.change, room_id, changed, member_count)
    return _encode(frame)


def hello_frame(epoch: str, heartbeat_seconds: float) -> bytes:
    """Encode the beginning of a stream."""
    frame = pb.Frame()
    frame.hello.epoch = epoch
    seconds_to_proto(frame.hello.heartbeat_interval, heartbeat_seconds)
    return _encode(frame)


def room_state_frame(room_id: UUID, outcome: pb.RoomOutcome.ValueType, rev: int) -> bytes:
    """Encode that a room enters a stream."""
    return _encode(pb.Frame(room_state=pb.RoomState(room_id=str(room_id), outcome=outcome, rev=rev)))


def checkpoint_frame(positions: Iterable[tuple[UUID, int]]) -> bytes:
    """Encode positions that moved, or a heartbeat."""
    revs = [pb.RoomRev(room_id=str(room_id), rev=rev) for room_id, rev in positions]
    return _encode(pb.Frame(checkpoint=pb.Checkpoint(positions=revs)))


def room_lost_frame(room_id: UUID) -> bytes:
    """Encode that a room left a stream."""
    return _encode(pb.Frame(room_lost=pb.RoomLost(room_id=str(room_id))))


def typing_frame(room_id: UUID, user_id: UUID) -> bytes:
    """Encode that a member is typing."""
    return _encode(pb.Frame(typing=pb.Typing(room_id=str(room_id), user_id=str(user_id))))


def closing_frame(reason: pb.ClosingReason.ValueType, retry_after: float) -> bytes:
    """Encode the end of a stream; the wait is in seconds."""
    frame = pb.Frame()
    frame.closing.reason = reason
    seconds_to_proto(frame.closing.retry_after, retry_after)
    return _encode(frame)


def _encode(frame: pb.Frame) -> bytes:
    return pb.WatchResponse(frames=[frame]).SerializeToString()


CAUGHT_UP_FRAME = _encode(pb.Frame(caught_up=pb.CaughtUp()))
