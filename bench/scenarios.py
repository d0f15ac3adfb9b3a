"""The measured scenarios, with each contender's requests and expected replies."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from bench.baseline_contract import SEND_MESSAGE
from bench.contenders import (
    REFERENCES,
    TOKENS,
    baseline_contenders,
    chat_contender,
    one_member_each,
    prepared_call,
    public_rooms,
)
from bench.dataset import uid
from bench.http2 import PreparedCall
from bench.live_scenarios import fan_out
from bench.oracle import MyRoom
from bench.overhead import METHOD
from bench.page_scenarios import pages, room_pages
from bench.processes import Server
from bench.runner import Contender, Scenario
from bench.testbed import SEDA, Testbed, contract
from bench.user_scenarios import get_user, search_artists
from seda.chat.v1 import (
    membership_service_pb2,
    message_service_pb2,
    reaction_service_pb2,
    room_service_pb2,
)
from tests.probe import EmptyRequest, EmptyResponse

_TEXT = "the second side is better than the first one, play it loud"
_PLACEHOLDER = "00000000-0000-4000-8000-000000000000"
_SEND = "/seda.chat.v1.MessageService/SendMessage"
_HOT_ROOM = 1
_IN_FLIGHT_READS, _IN_FLIGHT_WRITES = 32, 64
_EMPTY_SERVERS = {"grpc.aio": "bare_uv", "servicekit on grpc": "kit", "servicekit on native": "native"}
_EMOJIS = ("🎧", "🎸", "🥁", "🎷", "🎺")


def all_scenarios() -> dict[str, Callable[[Testbed], Scenario]]:
    """Every scenario by its name, in execution order: reads before writes."""
    return {
        "page-plain-cached": pages(plain=True, cached=True),
        "page-plain-fresh": pages(plain=True, cached=False),
        "page-full-cached": pages(plain=False, cached=True),
        "page-full-fresh": pages(plain=False, cached=False),
        "room-page-cached": room_pages(cached=True),
        "room-page-fresh": room_pages(cached=False),
        "get-room": _get_room,
        "my-rooms": _my_rooms,
        "search-artists": search_artists,
        "get-user": get_user,
        "mark-read": _mark_read,
        "add-reaction": _add_reaction,
        "send-hot": lambda testbed: _send(testbed, hot=True),
        "send-spread": lambda testbed: _send(testbed, hot=False),
        "fan-out-500": lambda testbed: fan_out(testbed, 500),
        "fan-out-1000": lambda testbed: fan_out(testbed, 1_000),
    }


def _send(testbed: Testbed, *, hot: bool) -> Scenario:
    """Messages of all members of one room, or of one member each of as many rooms as there are tokens."""
    rooms = [_HOT_ROOM] * TOKENS if hot else public_rooms()
    callers = one_member_each(testbed, rooms)
    ours, theirs = [], []
    for room, member in zip(rooms, callers, strict=True):
        expected = (str(uid("r", room)), member.user_id, _TEXT)
        request = message_service_pb2.SendMessageRequest(
            room_id=expected[0], text=_TEXT, request_id=_PLACEHOLDER
        )
        ours.append(prepared_call(request, member.email, expected))
        baseline_request = contract().SendMessageRequest(
            room_id=expected[0], user_id=member.user_id, text=_TEXT
        )
        theirs.append(prepared_call(baseline_request, None, expected))
    calls = _stamped(ours)
    contenders = []
    for name, replicas in itertools.product(testbed.sides, (1, 2)):
        samples = list(itertools.islice(calls, TOKENS))
        contender = chat_contender(testbed, name, _SEND, samples, _read_sent, replicas)
        contender.calls = calls
        contender.written = lambda: testbed.oracle.count("SELECT sum(last_seq) FROM chat.room_counters")
        contender.batches = _statements(contender.servers, "chat.write_batch")
        contenders.append(contender)
    baselines = baseline_contenders(testbed, SEND_MESSAGE, theirs, _read_baseline_sent, pair=True)
    for contender in baselines:
        contender.written = testbed.oracle.baseline_message_count
    # The part of a send's cost that an empty call has too.
    empty = [prepared_call(EmptyRequest(), member.email, EmptyResponse()) for member in callers]
    floors = [
        Contender(f"empty call, {name}", [testbed.probe(kind)], [], METHOD, empty, EmptyResponse.FromString)
        for name, kind in _EMPTY_SERVERS.items()
    ]
    return Scenario(
        name="send-hot" if hot else "send-spread",
        title=f"SendMessage, {'one room' if hot else f'{len(set(rooms))} rooms'}",
        in_flight=_IN_FLIGHT_WRITES,
        contenders=[*contenders, *baselines, *floors],
        references=REFERENCES,
        notes=[
            (
                "seda: membership, ban, mute, slow mode and rate are checked, each send has a request id, numbers have no"
                " gap. Baselines: one INSERT whose foreign keys are all that is checked."
            ),
        ],
    )


def _get_room(testbed: Testbed) -> Scenario:
    """A member gets a room."""
    rooms = public_rooms()
    samples = []
    for room, member in zip(rooms, one_member_each(testbed, rooms), strict=True):
        room_id = str(uid("r", room))
        request = room_service_pb2.GetRoomRequest(room_id=room_id)
        samples.append(prepared_call(request, member.email, (room_id, f"Room {room}")))
    path = "/seda.chat.v1.RoomService/GetRoom"
    return Scenario(
        "get-room",
        "GetRoom",
        _IN_FLIGHT_READS,
        [chat_contender(testbed, name, path, samples, _read_room) for name in testbed.sides],
        references=REFERENCES,
    )


def _my_rooms(testbed: Testbed) -> Scenario:
    """The rooms of each of many members, with unread counted."""
    samples = []
    for member in one_member_each(testbed, public_rooms()):
        request = room_service_pb2.ListMyRoomsRequest(page_size=100)
        samples.append(prepared_call(request, member.email, testbed.oracle.my_rooms(member)))
    path = "/seda.chat.v1.RoomService/ListMyRooms"
    return Scenario(
        name="my-rooms",
        title="ListMyRooms, 10 rooms each with unread",
        in_flight=_IN_FLIGHT_READS,
        contenders=[chat_contender(testbed, name, path, samples, _read_my_rooms) for name in testbed.sides],
        references=REFERENCES,
    )


def _mark_read(testbed: Testbed) -> Scenario:
    """Each of many members reads on, message by message."""
    rooms = public_rooms()
    callers = one_member_each(testbed, rooms)

    def calls() -> Iterator[PreparedCall]:
        for seq in itertools.count(1):
            for room, member in zip(rooms, callers, strict=True):
                request = membership_service_pb2.MarkReadRequest(room_id=str(uid("r", room)), seq=seq)
                yield prepared_call(request, member.email, seq)

    testbed.oracle.reset_read_markers()
    endless = calls()
    contender = chat_contender(
        testbed,
        SEDA,
        "/seda.chat.v1.MembershipService/MarkRead",
        list(itertools.islice(endless, TOKENS)),
        lambda data: membership_service_pb2.MarkReadResponse.FromString(data).last_read_seq,
    )
    return Scenario(
        "mark-read",
        "MarkRead, each call moves a mark",
        _IN_FLIGHT_WRITES,
        [replace(contender, calls=endless)],
    )


def _add_reaction(testbed: Testbed) -> Scenario:
    """Members of many rooms give emojis to messages, each call a new one."""
    rooms = public_rooms()
    callers = one_member_each(testbed, rooms)
    messages = {room: testbed.oracle.message_ids(str(uid("r", room))) for room in rooms}

    def calls() -> Iterator[PreparedCall]:
        for emoji in _EMOJIS:
            for number in range(min(map(len, messages.values()))):
                for room, member in zip(rooms, callers, strict=True):
                    request = reaction_service_pb2.AddReactionRequest(
                        room_id=str(uid("r", room)), message_id=messages[room][number], emoji=emoji
                    )
                    yield prepared_call(request, member.email, (emoji, 1, True))

    endless = calls()
    contender = chat_contender(
        testbed,
        SEDA,
        "/seda.chat.v1.ReactionService/AddReaction",
        list(itertools.islice(endless, TOKENS)),
        _read_reactions,
    )
    contender = replace(
        contender,
        calls=endless,
        written=lambda: testbed.oracle.count("SELECT count(*) FROM chat.reactions WHERE removed_at IS NULL"),
    )
    return Scenario("add-reaction", "AddReaction, each call a new one", _IN_FLIGHT_WRITES, [contender])


def _stamped(calls: Sequence[PreparedCall]) -> Iterator[PreparedCall]:
    """The calls again and again, each time with request ids that were never used before."""
    prefix = f"{secrets.token_hex(4)}-0000-4000-8000-".encode()
    places = [call.body.index(_PLACEHOLDER.encode()) for call in calls]
    end = len(_PLACEHOLDER)
    for number in itertools.count():
        call, place = calls[number % len(calls)], places[number % len(calls)]
        body = b"%s%s%012x%s" % (call.body[:place], prefix, number, call.body[place + end :])
        yield PreparedCall(body, call.headers, call.reply_bytes, call.expected)


def _statements(servers: Sequence[Server], name: str) -> Callable[[], float]:
    sample = f'seda_statement_seconds_count{{statement="{name}"}}'
    return lambda: sum(server.counter(sample) for server in servers)


def _read_sent(data: bytes) -> object:
    sent = message_service_pb2.SendMessageResponse.FromString(data)
    assert sent.message.seq > 0
    assert not sent.deduplicated
    return (sent.message.room_id, sent.message.author_id, sent.message.text)


def _read_baseline_sent(data: bytes) -> object:
    sent = contract().Message.FromString(data)
    assert sent.id
    return (sent.room_id, sent.user_id, sent.text)


def _read_room(data: bytes) -> object:
    room = room_service_pb2.GetRoomResponse.FromString(data).room
    return (room.id, room.name)


def _read_my_rooms(data: bytes) -> object:
    page = room_service_pb2.ListMyRoomsResponse.FromString(data)
    return frozenset(
        MyRoom(each.room.id, each.unread_count, each.unread_capped, each.last_message.seq)
        for each in page.rooms
    )


def _read_reactions(data: bytes) -> object:
    response = reaction_service_pb2.AddReactionResponse.FromString(data)
    mine = [tally for tally in response.reactions if tally.me and tally.emoji in _EMOJIS]
    newest = mine[-1]
    return (newest.emoji, newest.count, newest.me)
