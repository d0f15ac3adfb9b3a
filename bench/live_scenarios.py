"""Live delivery: messages of one room to many streams of Watch."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import replace

from bench.contenders import OURS, TOKENS, our_contender, prepared_call
from bench.dataset import uid
from bench.http2 import PreparedCall
from bench.oracle import Member
from bench.runner import Contender, Scenario
from bench.testbed import Testbed
from bench.watchers import stamped_text
from seda.chat.v1.live_service_pb2 import RoomPosition, WatchRequest
from seda.chat.v1.message_service_pb2 import SendMessageRequest, SendMessageResponse

_ROOM = 1
_SEND = "/seda.chat.v1.MessageService/SendMessage"
_TEXT_LENGTH = 120
_DELIVERIES_PER_SECOND = 33_000
_CHECKED = 20


def fan_out(testbed: Testbed, watchers: int) -> Scenario:
    """Messages of a room's members, by the clock, to so many streams."""
    room_id = str(uid("r", _ROOM))
    members = testbed.oracle.members([room_id])[room_id][:TOKENS]
    request = WatchRequest(rooms=[RoomPosition(room_id=room_id)])
    streams = [
        prepared_call(request, members[number % len(members)].email, None) for number in range(watchers)
    ]
    calls = _sends(room_id, members)
    samples = list(itertools.islice(calls, _CHECKED))
    chat = replace(
        our_contender(testbed, OURS, testbed.chats[:1], _SEND, samples, _read),
        written=lambda: testbed.oracle.count("SELECT sum(last_seq) FROM chat.room_counters"),
    )
    floors = [
        Contender(name, [server], [], _SEND, samples, _read) for name, server in testbed.fan_out.items()
    ]
    pace = _DELIVERIES_PER_SECOND / watchers
    return Scenario(
        name=f"fan-out-{watchers}",
        title=f"Watch, {watchers} streams of a room with {pace:.0f} messages a second",
        in_flight=0,
        contenders=[replace(each, calls=calls, streams=streams, pace=pace) for each in (chat, *floors)],
        pairs=[(OURS, name) for name in testbed.fan_out],
        notes=[
            (
                "A call is a delivery: one message to one stream; its time is from before the send to its parsing by the driver."
                " After each round every stream had every message once. In flight are the deliveries under way. grpc.aio: a server"
                " that hands the same bytes on without a token, a rule or a database, a write for each message or one for all"
                " that wait."
            ),
        ],
    )


def _sends(room_id: str, members: list[Member]) -> Iterator[PreparedCall]:
    for member in itertools.cycle(members):
        text = stamped_text(_TEXT_LENGTH)
        request = SendMessageRequest(room_id=room_id, text=text, request_id=str(uuid.uuid4()))
        yield prepared_call(request, member.email, text)


def _read(data: bytes) -> object:
    return SendMessageResponse.FromString(data).message.text
