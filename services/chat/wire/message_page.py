"""Pages of ListMessages, joined from serialized messages.

A message whose fields are concatenated from parts decodes as one message. So the content of each message, which only its
rev changes, is serialized once, and a rebuilt page adds what else has changed: threads, reactions, the position.
"""

from __future__ import annotations

import functools

from seda.chat.v1 import message_pb2, message_service_pb2
from servicekit.timestamps import to_proto
from services.chat.actions.message_list import EncodedResponse
from services.chat.actions.page_cache import EncodedPage, RoomPage, Thread
from services.chat.domain.model import Tally
from services.chat.store.message_query import MessageRow
from services.chat.wire.message import fill_message, fill_tallies
from services.chat.wire.rooms import fill_position


def _tag(message: type[message_pb2.Message | message_service_pb2.ListMessagesResponse], field: str) -> bytes:
    """Return what begins a field of messages."""
    return _varint(message.DESCRIPTOR.fields_by_name[field].number << 3 | 2)


@functools.lru_cache(4_096)
def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:  # noqa: PLR2004 - seven bits in each byte
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


_MESSAGE = _tag(message_service_pb2.ListMessagesResponse, "messages")
_REPLY = _tag(message_pb2.Message, "replies")
# As many as are on some hundred pages, of about 300 bytes each.
_TALLIES = 32_768


def encode_content(row: MessageRow, *, to_moderator: bool) -> bytes:
    """Encode a message without its thread and its reactions: what is the same while its rev is."""
    message = message_pb2.Message()
    fill_message(message, row, (), to_moderator=to_moderator)
    if row.reply_count:
        message.ClearField("reply_count")
        message.ClearField("last_reply_time")
    return message.SerializeToString()


def encode_page(page: RoomPage) -> EncodedPage:
    """Encode a page for every reader: without the marks on the caller's reactions, and without a token."""
    parts: list[bytes] = []
    starts: dict[int, int] = {}
    at = 0
    for seq in page.seqs:
        content, thread = page.contents[seq], page.threads.get(seq)
        inner = [content]
        places = {seq: 0}
        end = len(content)
        for reply in (thread.replies or ()) if thread is not None else ():
            body = page.contents[reply]
            more = _changing(page, reply, None)
            head = _REPLY + _varint(len(body) + len(more))
            places[reply] = end + len(head)
            inner += (head, body, more)
            end += len(head) + len(body) + len(more)
        more = _changing(page, seq, thread)
        end += len(more)
        head = _MESSAGE + _varint(end)
        at += len(head)
        for each, place in places.items():
            starts[each] = at + place
        parts += (head, *inner, more)
        at += end
    response = message_service_pb2.ListMessagesResponse(
        found_oldest=page.found_oldest, found_newest=page.found_newest
    )
    fill_position(response.position, page.position)
    parts.append(response.SerializeToString())
    return EncodedPage(b"".join(parts), starts)


def _changing(page: RoomPage, seq: int, thread: Thread | None) -> bytes:
    """Encode what changes without the message's rev."""
    tallies = b"".join(map(_encode_tally, page.tallies.get(seq, ())))
    if thread is None or thread.last_reply_at is None:
        return tallies
    sums = message_pb2.Message(reply_count=thread.reply_count)
    to_proto(sums.last_reply_time, thread.last_reply_at)
    if thread.replies is not None:
        sums.has_more_replies = thread.reply_count > len(thread.replies)
    return sums.SerializeToString() + tallies


@functools.lru_cache(_TALLIES)
def _encode_tally(tally: Tally) -> bytes:
    message = message_pb2.Message()
    fill_tallies(message.reactions, [tally])
    return message.SerializeToString()


def list_messages_response(page: EncodedResponse) -> bytes:
    """Add the next page token and the marks on the caller's own reactions to an encoded page."""
    own = message_service_pb2.ListMessagesResponse(next_page_token=page.next_page_token)
    if not page.mine:
        # Concatenated messages decode as one message, so the page is not decoded.
        return page.content + own.SerializeToString()
    response = message_service_pb2.ListMessagesResponse.FromString(page.content)
    response.MergeFrom(own)
    mine = {(str(message_id), emoji) for message_id, emoji in page.mine}
    for top in response.messages:
        for message in (top, *top.replies):
            for tally in message.reactions:
                if (message.id, tally.emoji) in mine:
                    tally.me = True
    return response.SerializeToString()
