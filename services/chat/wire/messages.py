"""Converters of MessageService."""

from __future__ import annotations

from collections.abc import Iterator

from seda.chat.v1 import message_pb2, message_service_pb2
from servicekit.field_mask import masked_fields
from servicekit.ids import parse_id, parse_optional_id
from servicekit.pagination import page_size
from servicekit.timestamps import from_proto, to_proto
from services.chat.actions.message_delete import Deletion
from services.chat.actions.message_list import (
    CachedResponse,
    LookupResult,
    MessageListing,
    MessageResult,
    ReplyListing,
)
from services.chat.actions.message_revisions import RevisionListing
from services.chat.actions.message_search import Search, SearchPage
from services.chat.actions.message_send import MessageDraft, SentMessage
from services.chat.actions.page_cache import MessagePage
from services.chat.domain.message_edit import UPDATABLE_FIELDS, Edit
from services.chat.domain.model import Message, Position, Revision, ThreadView
from services.chat.wire.message import Adding, fill_from_message, fill_message, fill_snapshot
from services.chat.wire.rooms import fill_position

DEFAULT_REPLIES = 3
_VIEWS = {
    message_service_pb2.THREAD_VIEW_UNSPECIFIED: ThreadView.ROOTS,
    message_service_pb2.THREAD_VIEW_ROOTS: ThreadView.ROOTS,
    message_service_pb2.THREAD_VIEW_ALL: ThreadView.ALL,
}


def message_draft(request: message_service_pb2.SendMessageRequest) -> MessageDraft:
    """Convert a SendMessage request."""
    return MessageDraft(
        room_id=parse_id(request.room_id),
        text=request.text,
        track_id=parse_optional_id(request.track_id),
        track_url=request.track_url,
        parent_id=parse_optional_id(request.parent_id),
        mention_user_ids=tuple(map(parse_id, request.mention_user_ids)),
        request_id=parse_optional_id(request.request_id),
    )


def edit(request: message_service_pb2.UpdateMessageRequest) -> Edit:
    """Convert an UpdateMessage request; raises InvalidFieldsError for an invalid mask."""
    message = request.message
    return Edit(
        room_id=parse_id(message.room_id),
        message_id=parse_id(message.id),
        text=message.text,
        track_id=parse_optional_id(message.track.track_id),
        mask=masked_fields(message, request.update_mask, UPDATABLE_FIELDS),
        etag=message.etag,
    )


def deletion(request: message_service_pb2.DeleteMessageRequest) -> Deletion:
    """Convert a DeleteMessage request."""
    return Deletion(parse_id(request.room_id), parse_id(request.message_id), request.reason, request.as_admin)


def listing(request: message_service_pb2.ListMessagesRequest) -> MessageListing:
    """Convert a ListMessages request."""
    position = request.WhichOneof("position")
    return MessageListing(
        room_id=parse_id(request.room_id),
        page_size=page_size(request.page_size),
        page_token=request.page_token,
        view=_VIEWS[request.thread_view],
        deleted=request.show_deleted,
        replies=request.reply_preview_limit if request.HasField("reply_preview_limit") else DEFAULT_REPLIES,
        before_seq=request.before_seq if position == "before_seq" else None,
        after_seq=request.after_seq if position == "after_seq" else None,
        around_seq=request.around_seq if position == "around_seq" else None,
    )


def reply_listing(request: message_service_pb2.ListRepliesRequest) -> ReplyListing:
    """Convert a ListReplies request."""
    position = request.WhichOneof("position")
    return ReplyListing(
        room_id=parse_id(request.room_id),
        root_id=parse_id(request.root_id),
        page_size=page_size(request.page_size),
        page_token=request.page_token,
        deleted=request.show_deleted,
        before_seq=request.before_seq if position == "before_seq" else None,
        after_seq=request.after_seq if position == "after_seq" else None,
    )


def search(request: message_service_pb2.SearchMessagesRequest) -> Search:
    """Convert a SearchMessages request."""
    return Search(
        query=request.query,
        room_id=parse_optional_id(request.room_id),
        author_id=parse_optional_id(request.author_id),
        track_id=parse_optional_id(request.track_id),
        start_at=from_proto(request.start_time) if request.HasField("start_time") else None,
        end_at=from_proto(request.end_time) if request.HasField("end_time") else None,
        page_size=page_size(request.page_size),
        page_token=request.page_token,
        has_track=request.has_track,
        public_only=request.public_only,
    )


def revision_listing(request: message_service_pb2.ListRevisionsRequest) -> RevisionListing:
    """Convert a ListRevisions request."""
    return RevisionListing(
        room_id=parse_id(request.room_id),
        message_id=parse_id(request.message_id),
        page_size=page_size(request.page_size),
        page_token=request.page_token,
    )


def send_message_response(message: SentMessage) -> message_service_pb2.SendMessageResponse:
    """Convert a committed message."""
    response = message_service_pb2.SendMessageResponse(deduplicated=message.deduplicated)
    fill_position(response.position, message.position)
    fill_message(response.message, message.message, message.tallies)
    return response


def list_messages_response(
    page: MessagePage | CachedResponse,
) -> message_service_pb2.ListMessagesResponse | bytes:
    """Convert a page of a room; a cached one stays encoded."""
    if isinstance(page, CachedResponse):
        return _personal(page)
    response = _fill_messages(page)
    response.next_page_token = page.next_page_token
    return response


def encode_page(page: MessagePage) -> bytes:
    """Encode a page for every reader: without the marks on the caller's reactions, and without a token."""
    response = _fill_messages(page)
    for message in _with_replies(response):
        for tally in message.reactions:
            tally.me = False
    return response.SerializeToString()


def _personal(page: CachedResponse) -> bytes:
    """Add the next page token and the marks on the caller's own reactions to an encoded page."""
    own = message_service_pb2.ListMessagesResponse(next_page_token=page.next_page_token)
    if not page.mine:
        # Concatenated messages decode as one message, so the page is not decoded.
        return page.content + own.SerializeToString()
    response = message_service_pb2.ListMessagesResponse.FromString(page.content)
    response.MergeFrom(own)
    mine = {(str(message_id), emoji) for message_id, emoji in page.mine}
    for message in _with_replies(response):
        for tally in message.reactions:
            if (message.id, tally.emoji) in mine:
                tally.me = True
    return response.SerializeToString()


def _fill_messages(page: MessagePage) -> message_service_pb2.ListMessagesResponse:
    response = message_service_pb2.ListMessagesResponse(
        found_oldest=page.found_oldest, found_newest=page.found_newest
    )
    fill_position(response.position, page.position)
    _fill_page(response.messages, page)
    return response


def _with_replies(page: message_service_pb2.ListMessagesResponse) -> Iterator[message_pb2.Message]:
    """Yield the page's messages with their first replies."""
    for message in page.messages:
        yield message
        yield from message.replies


def list_replies_response(page: MessagePage) -> message_service_pb2.ListRepliesResponse:
    """Convert a page of a thread."""
    response = message_service_pb2.ListRepliesResponse(
        next_page_token=page.next_page_token,
        found_oldest=page.found_oldest,
        found_newest=page.found_newest,
    )
    fill_position(response.position, page.position)
    _fill_page(response.messages, page)
    if page.root is not None:
        fill_message(response.root, page.root, page.tallies.get(page.root.id, ()), to_moderator=page.deleted)
    return response


def fill_written(
    response: message_service_pb2.UpdateMessageResponse
    | message_service_pb2.DeleteMessageResponse
    | message_service_pb2.RestoreMessageResponse,
    message: Message,
    position: Position,
) -> None:
    """Fill the response of a write with the message and the room's position after it."""
    fill_from_message(response.message, message)
    fill_position(response.position, position)


def fill_result(into: message_pb2.Message, found: MessageResult) -> None:
    """Write one message with its reactions."""
    fill_message(into, found.message, found.tallies, to_moderator=found.deleted)


def lookup_messages_response(found: LookupResult) -> message_service_pb2.LookupMessagesResponse:
    """Convert the messages of a lookup."""
    response = message_service_pb2.LookupMessagesResponse(missing_ids=map(str, found.missing))
    for message in found.messages:
        fill_message(response.messages.add(), message, found.tallies.get(message.id, ()))
    return response


def search_messages_response(found: SearchPage) -> message_service_pb2.SearchMessagesResponse:
    """Convert a page of search results."""
    response = message_service_pb2.SearchMessagesResponse(next_page_token=found.next_page_token)
    for message in found.messages:
        fill_message(response.messages.add(), message, found.tallies.get(message.id, ()))
    return response


def list_revisions_response(
    page: list[Revision], next_page_token: str
) -> message_service_pb2.ListRevisionsResponse:
    """Convert a page of revisions."""
    response = message_service_pb2.ListRevisionsResponse(next_page_token=next_page_token)
    for revision in page:
        into = response.revisions.add(message_id=str(revision.message_id), number=revision.number)
        if revision.text is not None:
            into.text = revision.text
        if revision.track is not None:
            fill_snapshot(into.track, revision.track)
        to_proto(into.replace_time, revision.replaced_at)
    return response


def _fill_page(into: Adding[message_pb2.Message], page: MessagePage) -> None:
    tallies, deleted = page.tallies, page.deleted
    for message in page.messages:
        filled = into.add()
        fill_message(filled, message, tallies.get(message.id, ()), to_moderator=deleted)
        if page.replies is not None and message.reply_count:
            replies = page.replies.get(message.seq, ())
            for reply in replies:
                fill_message(filled.replies.add(), reply, tallies.get(reply.id, ()), to_moderator=deleted)
            filled.has_more_replies = message.reply_count > len(replies)
