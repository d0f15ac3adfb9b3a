"""A server that hands messages to many streams with grpc.aio alone: the least that a delivery can cost in Python.

It checks no token and no rule, and stores nothing. Its frames have as many bytes as chat's.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import grpc

from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.message_service_pb2 import SendMessageRequest, SendMessageResponse
from servicekit.clock import Micros
from servicekit.ids import new_id, parse_id
from services.chat.store.changes import ChangedMessage, TallyColumns
from services.chat.store.message_query import MessageRow
from services.chat.wire.live import CAUGHT_UP_FRAME, change_frame

_WATCH, _SEND = ("seda.chat.v1.LiveService", "Watch"), ("seda.chat.v1.MessageService", "SendMessage")


class FanOut:
    """The streams and their queues. `joined`: a write takes all that waits for a stream, else each change is one."""

    def __init__(self, *, joined: bool) -> None:
        self._joined = joined
        self._queues: set[asyncio.Queue[bytes]] = set()
        self._author_id = new_id()
        self._revs = itertools.count(1)

    def handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        """Both methods, on bytes."""
        kinds: list[tuple[tuple[str, str], grpc.RpcMethodHandler[bytes, bytes]]] = [
            (_WATCH, grpc.unary_stream_rpc_method_handler(self._watch)),
            (_SEND, grpc.unary_unary_rpc_method_handler(self._send)),
        ]
        return tuple(
            grpc.method_handlers_generic_handler(name, {method: each}) for (name, method), each in kinds
        )

    async def _watch(self, _request: bytes, context: Any) -> None:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._queues.add(queue)
        try:
            await context.write(CAUGHT_UP_FRAME)
            while True:
                waiting = [await queue.get()]
                while self._joined and not queue.empty():
                    waiting.append(queue.get_nowait())
                await context.write(b"".join(waiting))
        finally:
            self._queues.discard(queue)

    async def _send(self, data: bytes, _context: Any) -> bytes:
        request = SendMessageRequest.FromString(data)
        rev = next(self._revs)
        row = MessageRow(
            id=new_id(),
            room_id=parse_id(request.room_id),
            seq=rev,
            rev=rev,
            user_id=self._author_id,
            type="TEXT",
            system_event=None,
            created_at=Micros(time.time_ns() // 1000),
            text=request.text,
        )
        frame = change_frame(row.room_id, ChangedMessage(row, TallyColumns(None, None, None)), 1)
        for queue in self._queues:
            queue.put_nowait(frame)
        message = Message(room_id=request.room_id, author_id=str(self._author_id), text=request.text, seq=rev)
        return SendMessageResponse(message=message).SerializeToString()
