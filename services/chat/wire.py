"""Between the contract's messages and chat's own values; the only place that knows both."""

from __future__ import annotations

from uuid import UUID

from seda.chat.v1 import message_pb2, message_service_pb2, room_pb2, room_service_pb2
from seda.rpc.v1 import caller_pb2
from seda.tracks.v1 import track_pb2
from servicekit.caller import Caller, Role
from servicekit.pages import page_size
from servicekit.timestamps import from_proto, seconds_to_proto, to_proto
from services.chat.actions.messages import Listing, Page
from services.chat.actions.rooms import RoomDraft, RoomView
from services.chat.actions.sending import MessageDraft, SentMessage
from services.chat.domain.model import Member, Message, Room, ThreadView, TrackSnapshot

DEFAULT_REPLIES = 3
_VIEWS = {
    message_service_pb2.THREAD_VIEW_UNSPECIFIED: ThreadView.ROOTS,
    message_service_pb2.THREAD_VIEW_ROOTS: ThreadView.ROOTS,
    message_service_pb2.THREAD_VIEW_ALL: ThreadView.ALL,
}


def caller(message: caller_pb2.Caller) -> Caller:
    """The caller that users answered."""
    return Caller(
        user_id=UUID(message.user_id),
        role=Role(caller_pb2.Role.Name(message.role).removeprefix("ROLE_")),
        muted_until=from_proto(message.mute_expire_time) if message.HasField("mute_expire_time") else None,
        suspended_until=from_proto(message.suspend_expire_time)
        if message.HasField("suspend_expire_time")
        else None,
    )


def snapshot_of_track(track: track_pb2.Track) -> TrackSnapshot:
    """What a message keeps of a track."""
    return TrackSnapshot(
        track_id=UUID(track.id),
        provider=track.provider,
        provider_id=track.provider_id,
        url=track.url,
        title=track.title,
        artist=track.artist,
        artwork_url=track.artwork_url,
        duration_seconds=track.duration.seconds if track.HasField("duration") else None,
    )


def room_draft(request: room_service_pb2.CreateRoomRequest) -> RoomDraft:
    """A room to create."""
    return RoomDraft(request.name, request.description, request.private, _uuid(request.request_id))


def message_draft(request: message_service_pb2.SendMessageRequest) -> MessageDraft:
    """A message to send."""
    return MessageDraft(
        room_id=UUID(request.room_id),
        text=request.text,
        track_id=_uuid(request.track_id),
        parent_id=_uuid(request.parent_id),
        mention_user_ids=tuple(map(UUID, request.mention_user_ids)),
        request_id=_uuid(request.request_id),
    )


def listing(request: message_service_pb2.ListMessagesRequest) -> Listing:
    """Which messages to list."""
    position = request.WhichOneof("position")
    return Listing(
        room_id=UUID(request.room_id),
        page_size=page_size(request.page_size),
        page_token=request.page_token,
        view=_VIEWS[request.thread_view],
        replies=request.reply_preview_limit if request.HasField("reply_preview_limit") else DEFAULT_REPLIES,
        before_seq=request.before_seq if position == "before_seq" else None,
        after_seq=request.after_seq if position == "after_seq" else None,
        around_seq=request.around_seq if position == "around_seq" else None,
    )


def fill_room(into: room_pb2.Room, room: Room) -> None:
    """Write a room."""
    into.id = str(room.id)
    into.name = room.name
    into.description = room.description
    into.private = room.private
    if room.created_by is not None:
        into.creator_id = str(room.created_by)
    into.rev = room.rev
    into.etag = room.etag
    into.member_count = room.member_count
    into.announcement = room.announcement
    to_proto(into.create_time, room.created_at)
    to_proto(into.update_time, room.updated_at)
    if room.locked_at is not None:
        to_proto(into.lock_time, room.locked_at)
    if room.archived_at is not None:
        to_proto(into.archive_time, room.archived_at)
    if room.slow_mode_seconds:
        seconds_to_proto(into.slow_mode, room.slow_mode_seconds)


def fill_member(into: room_pb2.Member, member: Member) -> None:
    """Write a membership."""
    into.room_id = str(member.room_id)
    into.user_id = str(member.user_id)
    into.role = room_pb2.MemberRole.Value(f"MEMBER_ROLE_{member.role}")
    into.rev = member.rev
    to_proto(into.join_time, member.joined_at)


def room_view(view: RoomView) -> room_service_pb2.GetRoomResponse:
    """A room as its caller sees it."""
    response = room_service_pb2.GetRoomResponse(epoch=view.epoch, rev=view.rev)
    fill_room(response.room, view.room)
    if view.member is not None:
        fill_member(response.membership, view.member)
    return response


def sent(message: SentMessage) -> message_service_pb2.SendMessageResponse:
    """A committed message."""
    response = message_service_pb2.SendMessageResponse(
        deduplicated=message.deduplicated, epoch=message.epoch, rev=message.rev
    )
    fill_message(response.message, message.message)
    return response


def page(page: Page) -> message_service_pb2.ListMessagesResponse:
    """A page of messages."""
    response = message_service_pb2.ListMessagesResponse(
        next_page_token=page.next_page_token,
        found_oldest=page.found_oldest,
        found_newest=page.found_newest,
        epoch=page.epoch,
        rev=page.rev,
    )
    for message in page.messages:
        fill_message(response.messages.add(), message)
    return response


def fill_message(into: message_pb2.Message, message: Message) -> None:
    """Write a message, and its replies where it has some to show."""
    into.id = str(message.id)
    into.room_id = str(message.room_id)
    into.seq = message.seq
    into.rev = message.rev
    into.etag = message.etag
    into.type = message_pb2.MessageType.Value(f"MESSAGE_TYPE_{message.type}")
    to_proto(into.create_time, message.created_at)
    if message.user_id is not None:
        into.user_id = str(message.user_id)
    if message.text is not None:
        into.text = message.text
    if message.track is not None:
        _fill_snapshot(into.track, message.track)
    if message.system_event is not None:
        into.system_event = message_pb2.SystemEvent.Value(f"SYSTEM_EVENT_{message.system_event}")
    if message.edited_at is not None:
        to_proto(into.edit_time, message.edited_at)
    if message.root_id is not None:
        into.root_id = str(message.root_id)
        into.reply_to_id = str(message.reply_to_id)
    if message.mention_user_ids:
        into.mention_user_ids.extend(map(str, message.mention_user_ids))
    if message.reply_count:
        _fill_thread(into, message)


def _fill_thread(into: message_pb2.Message, message: Message) -> None:
    into.reply_count = message.reply_count
    if message.last_reply_at is not None:
        to_proto(into.last_reply_time, message.last_reply_at)
    if message.replies is not None:
        for reply in message.replies:
            fill_message(into.replies.add(), reply)
        into.has_more_replies = message.reply_count > len(message.replies)


def _fill_snapshot(into: message_pb2.TrackSnapshot, track: TrackSnapshot) -> None:
    into.track_id = str(track.track_id)
    into.provider = track.provider
    into.provider_id = track.provider_id
    into.url = track.url
    into.title = track.title
    into.artist = track.artist
    into.artwork_url = track.artwork_url
    if track.duration_seconds is not None:
        seconds_to_proto(into.duration, track.duration_seconds)


def _uuid(text: str) -> UUID | None:
    return UUID(text) if text else None
