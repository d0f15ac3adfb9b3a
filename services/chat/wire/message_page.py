"""Pages of ListMessages joined from encoded messages.

A message whose fields are concatenated from parts decodes as one message. So the content of each message, which only its
rev changes, is encoded once; a page adds what else changes: threads, reactions, the position.
"""

from __future__ import annotations

import functools

from seda.chat.v1 import message_pb2, message_service_pb2
from servicekit.timestamps import to_proto
from services.chat.actions.page_cache import EncodedMessages
from services.chat.domain.model import Tally
from services.chat.store.message_query import MessageRow
from services.chat.wire.message import fill_message, fill_tallies
from services.chat.wire.rooms import fill_position


def _tag(message: type[message_pb2.Message | message_service_pb2.ListMessagesResponse], field: str) -> bytes:
    """Return what begins an element of a field of messages."""
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


def encode_element(row: MessageRow) -> tuple[bytes, int]:
    """Encode a message without its thread and its reactions as an element of a page; returns where its content begins, too."""
    message = message_pb2.Message()
    fill_message(message, row._replace(reply_count=0) if row.reply_count else row, ())
    content = message.SerializeToString()
    head = _MESSAGE + _varint(len(content))
    return head + content, len(head)


def encode_messages(page: EncodedMessages, *, marked: bool) -> bytes:
    """Encode a page without a token. `marked`: with the marks on the caller's own reactions."""
    parts: list[bytes] = []
    tallies, threads = page.tallies, page.threads
    for seq, message in page.messages:
        more = _reactions(tallies[message.id], marked=marked) if message.id in tallies else b""
        if seq in threads:
            more += _thread(page, seq, marked=marked)
        if more:
            element, start = message.element, message.start
            parts += (_MESSAGE, _varint(len(element) - start + len(more)), element[start:], more)
        else:
            parts.append(message.element)
    response = message_service_pb2.ListMessagesResponse(
        found_oldest=page.found_oldest, found_newest=page.found_newest
    )
    fill_position(response.position, page.position)
    parts.append(response.SerializeToString())
    return b"".join(parts)


def _thread(page: EncodedMessages, seq: int, *, marked: bool) -> bytes:
    tallies = page.tallies
    count, last_reply_at = page.threads[seq]
    sums = message_pb2.Message(reply_count=count)
    to_proto(sums.last_reply_time, last_reply_at)
    replies = () if page.replies is None else page.replies.get(seq, ())
    if page.replies is not None:
        sums.has_more_replies = count > len(replies)
    parts = [sums.SerializeToString()]
    for reply in replies:
        more = _reactions(tallies[reply.id], marked=marked) if reply.id in tallies else b""
        content = reply.element[reply.start :]
        parts += (_REPLY, _varint(len(content) + len(more)), content, more)
    return b"".join(parts)


def _reactions(tallies: list[Tally], *, marked: bool) -> bytes:
    message = message_pb2.Message()
    fill_tallies(message.reactions, tallies)
    if not marked:
        for tally in message.reactions:
            tally.me = False
    return message.SerializeToString()
