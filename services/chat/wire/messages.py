"""Messages and their pages."""

from __future__ import annotations

from uuid import UUID

from seda.chat.v1 import message_pb2, message_service_pb2
from servicekit.pages import page_size
from servicekit.timestamps import seconds_to_proto, to_proto
from services.chat.actions.messages import Listing, Page
from services.chat.actions.sending import MessageDraft, SentMessage
from services.chat.actions.stubs import Deletion
from services.chat.domain.editing import Edit, check_mask
from services.chat.domain.model import Message, ThreadView, TrackSnapshot
from services.chat.wire.ids import optional_id
from services.chat.wire.reactions import fill_tallies

DEFAULT_REPLIES = 3
_VIEWS = {
    message_service_pb2.THREAD_VIEW_UNSPECIFIED: ThreadView.ROOTS,
    message_service_pb2.THREAD_VIEW_ROOTS: ThreadView.ROOTS,
    message_service_pb2.THREAD_VIEW_ALL: ThreadView.ALL,
}


def message_draft(request: message_service_pb2.SendMessageRequest) -> MessageDraft:
    """A message to send."""
    return MessageDraft(
        room_id=UUID(request.room_id),
        text=request.text,
        track_id=optional_id(request.track_id),
        parent_id=optional_id(request.parent_id),
        mention_user_ids=tuple(map(UUID, request.mention_user_ids)),
        request_id=optional_id(request.request_id),
    )


def edit(request: message_service_pb2.EditMessageRequest) -> Edit:
    """What an author wants to change. Raises InvalidFieldsError for a mask that names anything else."""
    return Edit(
        room_id=UUID(request.room_id),
        message_id=UUID(request.message_id),
        text=request.text,
        track_id=optional_id(request.track_id),
        mask=check_mask(request.update_mask.paths),
        etag=request.etag,
    )


def deletion(request: message_service_pb2.DeleteMessageRequest) -> Deletion:
    """A message to delete."""
    return Deletion(UUID(request.room_id), UUID(request.message_id), request.reason, request.as_admin)


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
    _fill_marks(into, message)
    if message.root_id is not None:
        into.root_id = str(message.root_id)
        into.reply_to_id = str(message.reply_to_id)
    if message.mention_user_ids:
        into.mention_user_ids.extend(map(str, message.mention_user_ids))
    if message.tallies:
        fill_tallies(into.reactions, message.tallies)
    if message.reply_count:
        _fill_thread(into, message)


def _fill_marks(into: message_pb2.Message, message: Message) -> None:
    """Write what has happened to the message since it was sent."""
    if message.edited_at is not None:
        to_proto(into.edit_time, message.edited_at)
    if message.deleted_at is not None:
        to_proto(into.delete_time, message.deleted_at)
        into.deletion_type = message_pb2.DeletionType.Value(f"DELETION_TYPE_{message.deletion_type}")
    if message.deleted_by is not None:
        into.deleter_id = str(message.deleted_by)


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
