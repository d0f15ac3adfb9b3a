"""Live delivery: messages of one room to many streams of Watch."""

from __future__ import annotations

import functools
import itertools
import uuid
from collections.abc import Iterator
from dataclasses import replace

from bench import tinode
from bench.contenders import TOKENS, chat_contender, prepared_call
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
_TINODE = "Tinode"
_FLOORS = {"grpc.aio, a write each": "fan_out", "grpc.aio, joined writes": "fan_out_joined"}


def fan_out(testbed: Testbed, watchers: int) -> Scenario:
    """Messages of a room's members, by the clock, to so many streams."""
    room_id = str(uid("r", _ROOM))
    members = testbed.oracle.members([room_id])[room_id][:TOKENS]
    request = WatchRequest(rooms=[RoomPosition(room_id=room_id)])
    streams = [
        prepared_call(request, members[number % len(members)].email, None) for number in range(watchers)
    ]
    calls = _sends(room_id, members)
    contenders = [
        replace(
            chat_contender(testbed, name, _SEND, [], _read),
            written=lambda: testbed.oracle.count("SELECT sum(last_seq) FROM chat.room_counters"),
        )
        for name in testbed.sides
    ]
    contenders += [
        Contender(name, [testbed.probe(kind)], [], _SEND, [], _read) for name, kind in _FLOORS.items()
    ]
    contenders = [
        replace(each, samples=list(itertools.islice(calls, _CHECKED)), calls=calls, streams=streams)
        for each in contenders
    ]
    contenders += _tinode(testbed, watchers, len(members))
    pace = _DELIVERIES_PER_SECOND / watchers
    return Scenario(
        name=f"fan-out-{watchers}",
        title=f"Watch, {watchers} streams of a room with {pace:.0f} messages a second",
        in_flight=0,
        contenders=[replace(each, pace=pace) for each in contenders],
        references=(*_FLOORS, _TINODE),
        notes=[
            (
                "A call is a delivery: one message to one stream; its time is from before the send to its parsing by the driver."
                " After each round every stream had every message once. In flight are the deliveries under way. grpc.aio: a server"
                " that hands the same bytes on without a token, a rule or a database, a write for each message or one for all"
                " that wait."
            ),
            (
                "Tinode: the same texts from one session of a member to sessions of 200 of them in a group topic of its defaults. It"
                " stores them in the same PostgreSQL; nobody sends it notes of what was received or read."
            ),
        ],
    )


def _tinode(testbed: Testbed, watchers: int, users: int) -> list[Contender]:
    server = testbed.tinode
    if server is None:
        return []
    topic = tinode.topic(server.address, users)
    return [
        Contender(
            _TINODE,
            [server],
            [],
            tinode.LOOP,
            [],
            lambda _: None,
            calls=(topic.publish(stamped_text(_TEXT_LENGTH)) for _ in itertools.count()),
            written=testbed.oracle.tinode_message_count,
            streams=[topic.session(number) for number in range(watchers)],
            watching=tinode.SessionLoad,
            publishing=functools.partial(tinode.PublishLoad, topic.session(0)),
        )
    ]


def _sends(room_id: str, members: list[Member]) -> Iterator[PreparedCall]:
    for member in itertools.cycle(members):
        text = stamped_text(_TEXT_LENGTH)
        request = SendMessageRequest(room_id=room_id, text=text, request_id=str(uuid.uuid4()))
        yield prepared_call(request, member.email, text)


def _read(data: bytes) -> object:
    return SendMessageResponse.FromString(data).message.text
