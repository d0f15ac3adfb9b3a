"""The measured scenarios, with each contender's requests and expected replies."""

from __future__ import annotations

import itertools
import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from bench.baseline_contract import LIST_MESSAGES, SEND_MESSAGE
from bench.contenders import (
    OURS,
    OURS_TWICE,
    OURS_UNCACHED,
    PRISMA,
    RAW,
    RAW_TWICE,
    TOKENS,
    baseline_contenders,
    our_contender,
    prepared_call,
)
from bench.dataset import uid
from bench.http2 import PreparedCall
from bench.live_scenarios import fan_out
from bench.oracle import PAGE, Member, MyRoom, ShownMessage
from bench.overhead import METHOD
from bench.processes import Server
from bench.runner import Contender, Scenario
from bench.testbed import Testbed, contract
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
_LIST = "/seda.chat.v1.MessageService/ListMessages"
_SEND = "/seda.chat.v1.MessageService/SendMessage"
_HOT_ROOM = 1
_IN_FLIGHT_READS, _IN_FLIGHT_WRITES = 32, 64
_EMOJIS = ("🎧", "🎸", "🥁", "🎷", "🎺")


def all_scenarios() -> dict[str, Callable[[Testbed], Scenario]]:
    """Every scenario by its name, in execution order: reads before writes."""
    return {
        "list-first": lambda testbed: _list(testbed, deep=False),
        "list-deep": lambda testbed: _list(testbed, deep=True),
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


def _list(testbed: Testbed, *, deep: bool) -> Scenario:
    """Pages of 50 of as many rooms as there are tokens: the newest page, or one from the middle of the history."""
    rooms = _rooms()
    members = testbed.oracle.members([str(uid("r", room)) for room in rooms])
    ours, theirs = [], []
    for number, room in enumerate(rooms):
        position = testbed.oracle.middle(room) if deep else None
        room_id = str(uid("r", room))
        request = message_service_pb2.ListMessagesRequest(room_id=room_id, page_size=PAGE)
        if position is not None:
            request.before_seq = position.seq
        member = members[room_id][number % len(members[room_id])]
        ours.append(prepared_call(request, member.email, testbed.oracle.roots(room, position)))
        baseline_request = contract().ListMessagesRequest(
            room_id=room_id, limit=PAGE, cursor=position.message_id if position else ""
        )
        theirs.append(prepared_call(baseline_request, None, testbed.oracle.messages(room, position)))
    return Scenario(
        name="list-deep" if deep else "list-first",
        title=f"ListMessages({PAGE}), {'a page in the middle of the history' if deep else 'the newest page'}",
        in_flight=_IN_FLIGHT_READS,
        pairs=[(OURS_UNCACHED, RAW), (OURS_UNCACHED, PRISMA)] if testbed.raw and testbed.prisma else [],
        contenders=[
            our_contender(testbed, OURS, testbed.chats[:1], _LIST, ours, _read_page),
            our_contender(testbed, OURS_UNCACHED, [testbed.chat_without_cache], _LIST, ours, _read_page),
            *baseline_contenders(testbed, LIST_MESSAGES, theirs, _read_baseline_page, pair=False),
        ],
        notes=[
            (
                "chat: roots with the first three replies, reply counts, tallies and what the caller may see; no authors'"
                " names, which the gateway adds. Baselines: roots and replies in one list, with each author's card and every"
                " reaction with its user, and no permission checks."
            ),
            (
                f"The pages asked for are as many as there are tokens, and nothing changes in their rooms: {OURS} makes each"
                f" twice and then gives it out as kept; {OURS_UNCACHED} (SEDA_PAGE_CACHE_MIB=0) makes it at every call."
            ),
        ],
    )


def _send(testbed: Testbed, *, hot: bool) -> Scenario:
    """Messages of all members of one room, or of one member each of as many rooms as there are tokens."""
    rooms = [_HOT_ROOM] * TOKENS if hot else _rooms()
    callers = _one_member_each(testbed, rooms)
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
    written = "SELECT sum(last_seq) FROM chat.room_counters"
    calls = _stamped(ours)
    contenders = [
        replace(
            our_contender(
                testbed,
                name,
                testbed.chats[:replicas],
                _SEND,
                list(itertools.islice(calls, TOKENS)),
                _read_sent,
            ),
            calls=calls,
            written=lambda: testbed.oracle.count(written),
        )
        for name, replicas in ((OURS, 1), (OURS_TWICE, 2))
    ]
    for contender in contenders:
        contender.batches = _statements(contender.servers, "chat.write_batch")
    baselines = baseline_contenders(testbed, SEND_MESSAGE, theirs, _read_baseline_sent, pair=True)
    for contender in baselines:
        contender.written = testbed.oracle.baseline_message_count
    # The part of a send's cost that an empty call has too.
    empty = [prepared_call(EmptyRequest(), member.email, EmptyResponse()) for member in callers]
    floors = [
        Contender(name, [server], [], METHOD, empty, EmptyResponse.FromString)
        for name, server in testbed.empty.items()
    ]
    return Scenario(
        name="send-hot" if hot else "send-spread",
        title=f"SendMessage, {'one room' if hot else f'{len(set(rooms))} rooms'}",
        in_flight=_IN_FLIGHT_WRITES,
        contenders=[*contenders, *baselines, *floors],
        pairs=[(OURS_TWICE, RAW), (OURS_TWICE, RAW_TWICE)] if baselines else [],
        notes=[
            (
                "chat: membership, ban, mute, slow mode and rate are checked, each send has a request id, numbers have no"
                " gap. Baselines: one INSERT whose foreign keys are all that is checked."
            ),
        ],
    )


def _my_rooms(testbed: Testbed) -> Scenario:
    """The rooms of each of many members, with unread counted."""
    samples = []
    for member in _one_member_each(testbed, _rooms()):
        request = room_service_pb2.ListMyRoomsRequest(page_size=100)
        samples.append(prepared_call(request, member.email, testbed.oracle.my_rooms(member)))
    path = "/seda.chat.v1.RoomService/ListMyRooms"
    return Scenario(
        name="my-rooms",
        title="ListMyRooms, 10 rooms each with unread",
        in_flight=_IN_FLIGHT_READS,
        contenders=[our_contender(testbed, OURS, testbed.chats[:1], path, samples, _read_my_rooms)],
    )


def _mark_read(testbed: Testbed) -> Scenario:
    """Each of many members reads on, message by message."""
    rooms = _rooms()
    callers = _one_member_each(testbed, rooms)

    def calls() -> Iterator[PreparedCall]:
        for seq in itertools.count(1):
            for room, member in zip(rooms, callers, strict=True):
                request = membership_service_pb2.MarkReadRequest(room_id=str(uid("r", room)), seq=seq)
                yield prepared_call(request, member.email, seq)

    testbed.oracle.reset_read_markers()
    endless = calls()
    contender = our_contender(
        testbed,
        OURS,
        testbed.chats[:1],
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
    rooms = _rooms()
    callers = _one_member_each(testbed, rooms)
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
    contender = our_contender(
        testbed,
        OURS,
        testbed.chats[:1],
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


def _rooms() -> list[int]:
    """As many public rooms as there are tokens: every tenth of the dataset is private."""
    return [room for room in range(1, 2 * TOKENS) if room % 10][:TOKENS]


def _one_member_each(testbed: Testbed, rooms: Sequence[int]) -> list[Member]:
    """A member for each of the rooms, no one twice."""
    members = testbed.oracle.members(sorted({str(uid("r", room)) for room in rooms}))
    taken: set[str] = set()
    callers = []
    for room in rooms:
        member = next(each for each in members[str(uid("r", room))] if each.user_id not in taken)
        taken.add(member.user_id)
        callers.append(member)
    return callers


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


def _read_page(data: bytes) -> object:
    page = message_service_pb2.ListMessagesResponse.FromString(data)
    return tuple(
        ShownMessage(
            each.id,
            each.author_id,
            each.text,
            each.reply_count,
            tuple(reply.id for reply in each.replies),
            {tally.emoji: tally.count for tally in each.reactions},
        )
        for each in page.messages
    )


def _read_baseline_page(data: bytes) -> object:
    page = contract().ListMessagesResponse.FromString(data)
    shown = []
    for each in page.messages:
        # The list also promises each message's author and the users of its reactions.
        assert each.user.id == each.user_id
        assert each.user.email
        assert all(reaction.user.email for reaction in each.reactions)
        assert not each.track_ref or json.loads(each.track_ref)
        emojis = Counter(reaction.emoji for reaction in each.reactions)
        replies = tuple(reply.id for reply in each.replies)
        shown.append(
            ShownMessage(each.id, each.user_id, each.text, None, replies, dict(sorted(emojis.items())))
        )
    return tuple(shown)


def _read_sent(data: bytes) -> object:
    sent = message_service_pb2.SendMessageResponse.FromString(data)
    assert sent.message.seq > 0
    assert not sent.deduplicated
    return (sent.message.room_id, sent.message.author_id, sent.message.text)


def _read_baseline_sent(data: bytes) -> object:
    sent = contract().Message.FromString(data)
    assert sent.id
    return (sent.room_id, sent.user_id, sent.text)


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
