"""Answers of a scripted server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message

from servicekit.errors import Code, FieldViolation
from servicekit.rpc_status import DETAILS_KEY, UpstreamError, serialize_status
from tests.gateway.fake_server import Context, FakeServer

SEND = "/seda.chat.v1.MessageService/SendMessage"
ROOMS = "/seda.chat.v1.RoomService/ListMyRooms"
WATCH = "/seda.chat.v1.LiveService/Watch"


@dataclass(frozen=True)
class Failure:
    """An error as servers of Seda answer it; without a reason as grpc itself does."""

    code: grpc.StatusCode
    reason: str = ""
    message: str = "not now"
    retry_after: float | None = None
    violations: tuple[FieldViolation, ...] = ()

    def trailers(self) -> tuple[tuple[str, bytes], ...]:
        """The details."""
        if not self.reason:
            return ()
        code = Code(self.code.value[0])
        error = UpstreamError(code, self.reason, "chat.seda.fm", self.message)
        error.retry_after, error.violations = self.retry_after, self.violations
        error.metadata = {"room_id": "r1"}
        return ((DETAILS_KEY, serialize_status(error, "chat.seda.fm", "rid-1")),)


UNAVAILABLE = Failure(grpc.StatusCode.UNAVAILABLE)


def script(server: FakeServer, path: str, *answers: Message | Failure) -> None:
    """Serve a unary method with each of the answers in turn, then with the last one."""
    waiting = list(answers)

    async def answer(_data: bytes, context: Context) -> bytes:
        return await _answer(waiting.pop(0) if len(waiting) > 1 else waiting[0], context)

    server.handlers[path] = answer


def script_by(server: FakeServer, path: str, choose: Callable[[bytes], Message | Failure]) -> None:
    """Serve a unary method with what `choose` makes of the request."""

    async def answer(data: bytes, context: Context) -> bytes:
        return await _answer(choose(data), context)

    server.handlers[path] = answer


async def _answer(answer: Message | Failure, context: Any) -> bytes:
    if isinstance(answer, Failure):
        await context.abort(answer.code, answer.message, answer.trailers())
    assert not isinstance(answer, Failure)
    return answer.SerializeToString()
