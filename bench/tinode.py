"""Tinode over gRPC: its users in one group topic, their sessions as streams, and a session that publishes.

Of its protocol only what a measurement needs is here: numbers and types of fields, under names of our own.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from bench.http2 import LoadStats, PreparedCall, message
from bench.watchers import WatchLoad, by_the_clock

LOOP = "/pbx.Node/MessageLoop"
_VERSION = "0.22"
_ATTACHED, _PUBLISHED, _CREATED = "attached", "published", "created"
_EVICTED, _FIRST_REFUSAL = 205, 300
_JOINING = 8
# Sessions of a connection that are attached at once; the hub refuses one while 256 wait.
_ATTACHING = 32
_SETUP_SECONDS = 120.0
_FIELDS = {
    "Hello": {"user_agent": (2, "string"), "version": (3, "string")},
    "Account": {
        "id": (1, "string"),
        "user": (2, "string"),
        "scheme": (3, "string"),
        "secret": (4, "bytes"),
        "login": (5, "bool"),
    },
    "Login": {"scheme": (2, "string"), "secret": (3, "bytes")},
    "Attach": {"id": (1, "string"), "topic": (2, "string")},
    "Publish": {"id": (1, "string"), "topic": (2, "string"), "no_echo": (3, "bool"), "content": (5, "bytes")},
    "Request": {
        "hello": (1, "Hello"),
        "account": (2, "Account"),
        "login": (3, "Login"),
        "attach": (4, "Attach"),
        "publish": (6, "Publish"),
    },
    "Parameter": {"key": (1, "string"), "value": (2, "bytes")},
    "Control": {
        "id": (1, "string"),
        "topic": (2, "string"),
        "code": (3, "int32"),
        "text": (4, "string"),
        "parameters": (5, "Parameter*"),
    },
    "Data": {"content": (6, "bytes")},
    "Answer": {"control": (1, "Control"), "data": (2, "Data")},
}


@dataclass(frozen=True, slots=True)
class Topic:
    """A group topic, and the tokens of its subscribers."""

    name: str
    tokens: tuple[bytes, ...]

    def session(self, number: int) -> PreparedCall:
        """What a session of one of the subscribers begins with, over and over from the first to the last."""
        login = {"scheme": "token", "secret": self.tokens[number % len(self.tokens)]}
        attach = {"id": _ATTACHED, "topic": self.name}
        requests = (_hello(), _request(login=login), _request(attach=attach))
        return PreparedCall(b"".join(message(each.SerializeToString()) for each in requests))

    def publish(self, text: str) -> PreparedCall:
        """A text for all sessions but the one that publishes it."""
        content = json.dumps(text).encode()
        request = _request(
            publish={"id": _PUBLISHED, "topic": self.name, "no_echo": True, "content": content}
        )
        return PreparedCall(message(request.SerializeToString()))


@functools.cache
def topic(address: str, users: int) -> Topic:
    """A new topic, with its defaults, of so many new users."""
    return asyncio.run(_make_topic(address, users))


async def _make_topic(address: str, users: int) -> Topic:
    turns = asyncio.Semaphore(_JOINING)
    async with grpc.aio.insecure_channel(address) as channel, asyncio.timeout(_SETUP_SECONDS):
        name, owner = await _join(channel, 0, "new")

        async def join(number: int) -> bytes:
            async with turns:
                return (await _join(channel, number, name))[1]

        return Topic(name, (owner, *await asyncio.gather(*map(join, range(1, users)))))


async def _join(channel: grpc.aio.Channel, number: int, name: str) -> tuple[str, bytes]:
    """Create a user who subscribes to a topic: the topic's name and the user's token."""
    secret = f"user{number:05}:measured".encode()
    account = {"id": _CREATED, "user": "new", "scheme": "basic", "secret": secret, "login": True}
    call: Any = channel.stream_stream(
        LOOP,
        request_serializer=_class("Request").SerializeToString,
        response_deserializer=_class("Answer").FromString,
    )()
    for request in (_hello(), _request(account=account), _request(attach={"id": _ATTACHED, "topic": name})):
        await call.write(request)
    token = b""
    try:
        async for control in _controls(call):
            if control.id == _CREATED:
                (value,) = (each.value for each in control.parameters if each.key == "token")
                token = base64.b64decode(json.loads(value))
            elif control.id == _ATTACHED:
                return control.topic, token
    finally:
        call.cancel()
    raise RuntimeError(f"Tinode ended the session of user {number}")


async def _controls(call: Any) -> AsyncIterator[Any]:
    async for answer in call:
        if answer.control.code >= _FIRST_REFUSAL:
            raise RuntimeError(f"Tinode refused: {answer.control.code} {answer.control.text}")
        if answer.HasField("control"):
            yield answer.control


class SessionLoad(WatchLoad):
    """Sessions that stay attached to their topic; every message of it is one reply of the stats."""

    path, half_closes = LOOP, False
    opened_at_once = 1

    async def start(self) -> None:
        """Connect and attach the first session: while the server loads the topic for it, it refuses others."""
        await super().start()
        async with asyncio.timeout(_SETUP_SECONDS):
            await self._tally.until(lambda: self.caught_up > 0 or bool(self._tally.failures))

    def _response(self, data: bytes, at: int, end: int, now: float) -> None:
        answer = data[at:end]
        sent_at = self._sent_at.get(answer)
        if sent_at is None:
            sent_at = self._parse(answer)
        if sent_at:
            self._sent_at[answer] = sent_at
            self._tally.seconds.append(now - sent_at)

    def _parse(self, frame: bytes) -> float:
        answer = _class("Answer").FromString(frame)
        if answer.HasField("data"):
            return int(json.loads(answer.data.content)[:20]) / 1e9
        # Presence, which is as common as messages while sessions open, has no field that is known here.
        if answer.HasField("control"):
            self._control(answer.control)
        return 0.0

    def _control(self, control: Any) -> None:
        if control.code >= _FIRST_REFUSAL or control.code == _EVICTED:
            self._tally.failures.append(f"{control.id}: {control.code} {control.text}")
        elif control.id == _ATTACHED:
            self.caught_up += 1
            for call in islice(self._calls, _ATTACHING if self.caught_up == 1 else 1):
                self._begin(call)


class PublishLoad(SessionLoad):
    """One session that publishes so many messages a second by the clock; each accepted one is a reply of the stats."""

    def __init__(
        self,
        session: PreparedCall,
        address: str,
        _path: str,
        calls: Iterator[PreparedCall],
        per_second: float,
        tally: LoadStats,
    ) -> None:
        super().__init__(address, [session], tally)
        self._publications = calls
        self._per_second = per_second
        self._unanswered: deque[float] = deque()
        self._pacing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, attach and begin."""
        await super().start()
        self._pacing = asyncio.create_task(by_the_clock(self._per_second, self._publish, self._flush))

    async def stop(self) -> None:
        """Publish no more, wait for the answers that are due, and leave."""
        if self._pacing is not None:
            self._pacing.cancel()
            await asyncio.wait([self._pacing])
        await self._tally.until(lambda: not self._unanswered or bool(self._tally.failures))
        await super().stop()

    def _publish(self) -> None:
        self._unanswered.append(time.perf_counter())
        self._more(next(iter(self._running)), next(self._publications))

    def _control(self, control: Any) -> None:
        super()._control(control)
        if control.id == _PUBLISHED:
            self._tally.seconds.append(time.perf_counter() - self._unanswered.popleft())


def _hello() -> Any:
    return _request(hello={"user_agent": "bench", "version": _VERSION})


def _request(**fields: Any) -> Any:
    return _class("Request")(**fields)


@functools.cache
def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"tinode.{name}"))


@functools.cache
def _pool() -> descriptor_pool.DescriptorPool:
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="tinode.proto", package="tinode", syntax="proto3")
    for name, fields in _FIELDS.items():
        described = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            many = kinds.LABEL_REPEATED if kind.endswith("*") else kinds.LABEL_OPTIONAL
            added = described.field.add(name=field, number=number, label=many)
            if kind[0].isupper():
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".tinode.{kind.rstrip('*')}"
            else:
                added.type = kinds.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool
