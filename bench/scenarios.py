"""What is measured: the groups, with each side's requests and what the replies to them have to be."""

from __future__ import annotations

import itertools
import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bench.baseline_contract import LIST_MESSAGES, SEND_MESSAGE
from bench.dataset import uid
from bench.http2 import Call, message
from bench.oracle import PAGE, MyRoom, Person, Shown
from bench.overhead import METHOD
from bench.processes import Server
from bench.runner import Group, Side
from bench.testbed import Stand, contract, token
from seda.chat.v1 import (
    membership_service_pb2,
    message_service_pb2,
    reaction_service_pb2,
    room_service_pb2,
)
from tests.probe import EmptyRequest, EmptyResponse

OURS, OURS_ANEW, OURS_TWICE, RAW, RAW_TWICE, PRISMA = (
    "chat",
    "chat, no kept pages",
    "chat, 2 replicas",
    "node-postgres",
    "node-postgres, 2 workers",
    "Prisma",
)
TOKENS = 200
_TEXT = "the second side is better than the first one, play it loud"
_PLACEHOLDER = "00000000-0000-4000-8000-000000000000"
_LIST = "/seda.chat.v1.MessageService/ListMessages"
_SEND = "/seda.chat.v1.MessageService/SendMessage"
_HOT_ROOM = 1
_IN_FLIGHT_READS, _IN_FLIGHT_WRITES = 32, 64
_EMOJIS = ("🎧", "🎸", "🥁", "🎷", "🎺")


def all_groups() -> dict[str, Callable[[Stand], Group]]:
    """Every group by its name, in the order in which they run: what writes comes after what reads."""
    return {
        "list-first": lambda stand: _list(stand, deep=False),
        "list-deep": lambda stand: _list(stand, deep=True),
        "my-rooms": _my_rooms,
        "mark-read": _mark_read,
        "add-reaction": _add_reaction,
        "send-hot": lambda stand: _send(stand, hot=True),
        "send-spread": lambda stand: _send(stand, hot=False),
    }


def _list(stand: Stand, *, deep: bool) -> Group:
    """Pages of 50 of as many rooms as there are tokens: the newest page, or one from the middle of the history."""
    rooms = _rooms()
    members = stand.truth.members([str(uid("r", room)) for room in rooms])
    ours, theirs = [], []
    for number, room in enumerate(rooms):
        position = stand.truth.middle(room) if deep else None
        room_id = str(uid("r", room))
        request = message_service_pb2.ListMessagesRequest(room_id=room_id, page_size=PAGE)
        if position is not None:
            request.before_seq = position.seq
        person = members[room_id][number % len(members[room_id])]
        ours.append(_call(request, person, stand.truth.roots(room, position)))
        peer_request = contract().ListMessagesRequest(
            room_id=room_id, limit=PAGE, cursor=position.message_id if position else ""
        )
        theirs.append(_call(peer_request, None, stand.truth.messages(room, position)))
    return Group(
        name="list-deep" if deep else "list-first",
        title=f"ListMessages({PAGE}), {'a page in the middle of the history' if deep else 'the newest page'}",
        in_flight=_IN_FLIGHT_READS,
        pairs=[(OURS_ANEW, RAW), (OURS_ANEW, PRISMA)] if stand.raw and stand.prisma else [],
        sides=[
            _our_side(stand, OURS, stand.chats[:1], _LIST, ours, _read_page),
            _our_side(stand, OURS_ANEW, [stand.keepless], _LIST, ours, _read_page),
            *_peer_sides(stand, LIST_MESSAGES, theirs, _read_peer_page, pair=False),
        ],
        notes=[
            (
                "chat: roots with the first three replies, reply counts, tallies and what the caller may see; no authors'"
                " names, which the gateway adds. Peers: roots and replies in one list, with each author's card and every"
                " reaction with its user, and nobody is checked."
            ),
            (
                f"The pages asked for are as many as there are tokens, and nothing changes in their rooms: {OURS} makes each"
                f" twice and then gives it out as kept; {OURS_ANEW} (SEDA_KEPT_PAGES_MIB=0) makes it at every call."
            ),
        ],
    )


def _send(stand: Stand, *, hot: bool) -> Group:
    """Messages of all members of one room, or of one member each of as many rooms as there are tokens."""
    rooms = [_HOT_ROOM] * TOKENS if hot else _rooms()
    people = _people(stand, rooms)
    ours, theirs = [], []
    for room, person in zip(rooms, people, strict=True):
        expected = (str(uid("r", room)), person.user_id, _TEXT)
        request = message_service_pb2.SendMessageRequest(
            room_id=expected[0], text=_TEXT, request_id=_PLACEHOLDER
        )
        ours.append(_call(request, person, expected))
        peer_request = contract().SendMessageRequest(room_id=expected[0], user_id=person.user_id, text=_TEXT)
        theirs.append(_call(peer_request, None, expected))
    written = "SELECT sum(last_seq) FROM chat.room_counters"
    calls = _stamped(ours)
    sides = [
        replace(
            _our_side(
                stand, name, stand.chats[:replicas], _SEND, list(itertools.islice(calls, TOKENS)), _read_sent
            ),
            calls=calls,
            written=lambda: stand.truth.counted(written),
        )
        for name, replicas in ((OURS, 1), (OURS_TWICE, 2))
    ]
    for side in sides:
        side.batches = _statements(side.servers, "chat.write_batch")
    peers = _peer_sides(stand, SEND_MESSAGE, theirs, _read_peer_sent, pair=True)
    for side in peers:
        side.written = stand.truth.peers_messages
    # What of a send is spent before it begins to be one.
    empty = [_call(EmptyRequest(), person, EmptyResponse()) for person in people]
    floors = [
        Side(name, [server], [], METHOD, empty, EmptyResponse.FromString)
        for name, server in stand.empty.items()
    ]
    return Group(
        name="send-hot" if hot else "send-spread",
        title=f"SendMessage, {'one room' if hot else f'{len(set(rooms))} rooms'}",
        in_flight=_IN_FLIGHT_WRITES,
        sides=[*sides, *peers, *floors],
        pairs=[(OURS_TWICE, RAW), (OURS_TWICE, RAW_TWICE)] if peers else [],
        notes=[
            (
                "chat: membership, ban, mute, slow mode and rate are checked, each send has a request id, numbers have no"
                " gap. Peers: one INSERT whose foreign keys are all that is checked."
            ),
        ],
    )


def _my_rooms(stand: Stand) -> Group:
    """The rooms of each of many members, with unread counted."""
    samples = []
    for person in _people(stand, _rooms()):
        request = room_service_pb2.ListMyRoomsRequest(page_size=100)
        samples.append(_call(request, person, stand.truth.my_rooms(person)))
    path = "/seda.chat.v1.RoomService/ListMyRooms"
    return Group(
        name="my-rooms",
        title="ListMyRooms, 10 rooms each with unread",
        in_flight=_IN_FLIGHT_READS,
        sides=[_our_side(stand, OURS, stand.chats[:1], path, samples, _read_my_rooms)],
    )


def _mark_read(stand: Stand) -> Group:
    """Each of many members reads on, message by message."""
    rooms = _rooms()
    people = _people(stand, rooms)

    def calls() -> Iterator[Call]:
        for seq in itertools.count(1):
            for room, person in zip(rooms, people, strict=True):
                request = membership_service_pb2.MarkReadRequest(room_id=str(uid("r", room)), seq=seq)
                yield _call(request, person, seq)

    stand.truth.forget_read_marks()
    endless = calls()
    side = _our_side(
        stand,
        OURS,
        stand.chats[:1],
        "/seda.chat.v1.MembershipService/MarkRead",
        list(itertools.islice(endless, TOKENS)),
        lambda data: membership_service_pb2.MarkReadResponse.FromString(data).last_read_seq,
    )
    return Group(
        "mark-read", "MarkRead, each call moves a mark", _IN_FLIGHT_WRITES, [replace(side, calls=endless)]
    )


def _add_reaction(stand: Stand) -> Group:
    """Members of many rooms give emojis to messages, each call a new one."""
    rooms = _rooms()
    people = _people(stand, rooms)
    messages = {room: stand.truth.message_ids(str(uid("r", room))) for room in rooms}

    def calls() -> Iterator[Call]:
        for emoji in _EMOJIS:
            for number in range(min(map(len, messages.values()))):
                for room, person in zip(rooms, people, strict=True):
                    request = reaction_service_pb2.AddReactionRequest(
                        room_id=str(uid("r", room)), message_id=messages[room][number], emoji=emoji
                    )
                    yield _call(request, person, (emoji, 1, True))

    endless = calls()
    side = _our_side(
        stand,
        OURS,
        stand.chats[:1],
        "/seda.chat.v1.ReactionService/AddReaction",
        list(itertools.islice(endless, TOKENS)),
        _read_reactions,
    )
    side = replace(
        side,
        calls=endless,
        written=lambda: stand.truth.counted("SELECT count(*) FROM chat.reactions WHERE removed_at IS NULL"),
    )
    return Group("add-reaction", "AddReaction, each call a new one", _IN_FLIGHT_WRITES, [side])


def _our_side(
    stand: Stand,
    name: str,
    replicas: Sequence[Server],
    path: str,
    samples: Sequence[Call],
    read: Callable[[bytes], object],
) -> Side:
    return Side(name, replicas, [stand.users], path, samples, read)


def _peer_sides(
    stand: Stand, path: str, samples: Sequence[Call], read: Callable[[bytes], object], *, pair: bool
) -> list[Side]:
    named = [(RAW, stand.raw), (RAW_TWICE, stand.raw_pair if pair else None), (PRISMA, stand.prisma)]
    return [Side(name, [server], [], path, samples, read) for name, server in named if server is not None]


def _rooms() -> list[int]:
    """As many public rooms as there are tokens: every tenth of the dataset is private."""
    return [room for room in range(1, 2 * TOKENS) if room % 10][:TOKENS]


def _people(stand: Stand, rooms: Sequence[int]) -> list[Person]:
    """A member for each of the rooms, no one twice."""
    members = stand.truth.members(sorted({str(uid("r", room)) for room in rooms}))
    taken: set[str] = set()
    people = []
    for room in rooms:
        person = next(each for each in members[str(uid("r", room))] if each.user_id not in taken)
        taken.add(person.user_id)
        people.append(person)
    return people


def _call(request: Any, person: Person | None, expected: object) -> Call:
    headers = token(person.email) if person else b""
    return Call(message(request.SerializeToString()), headers, None, expected)


def _stamped(calls: Sequence[Call]) -> Iterator[Call]:
    """The calls again and again, each time with request ids that were never used before."""
    prefix = f"{secrets.token_hex(4)}-0000-4000-8000-".encode()
    places = [call.body.index(_PLACEHOLDER.encode()) for call in calls]
    end = len(_PLACEHOLDER)
    for number in itertools.count():
        call, place = calls[number % len(calls)], places[number % len(calls)]
        body = b"%s%s%012x%s" % (call.body[:place], prefix, number, call.body[place + end :])
        yield Call(body, call.headers, call.reply_bytes, call.expected)


def _statements(servers: Sequence[Server], name: str) -> Callable[[], float]:
    sample = f'seda_statement_seconds_count{{statement="{name}"}}'
    return lambda: sum(server.counter(sample) for server in servers)


def _read_page(data: bytes) -> object:
    page = message_service_pb2.ListMessagesResponse.FromString(data)
    return tuple(
        Shown(
            each.id,
            each.user_id,
            each.text,
            each.reply_count,
            tuple(reply.id for reply in each.replies),
            {tally.emoji: tally.count for tally in each.reactions},
        )
        for each in page.messages
    )


def _read_peer_page(data: bytes) -> object:
    page = contract().ListMessagesResponse.FromString(data)
    shown = []
    for each in page.messages:
        # What the list promises beside the messages: whose each is, and who reacted.
        assert each.user.id == each.user_id
        assert each.user.email
        assert all(reaction.user.email for reaction in each.reactions)
        assert not each.track_ref or json.loads(each.track_ref)
        emojis = Counter(reaction.emoji for reaction in each.reactions)
        replies = tuple(reply.id for reply in each.replies)
        shown.append(Shown(each.id, each.user_id, each.text, None, replies, dict(sorted(emojis.items()))))
    return tuple(shown)


def _read_sent(data: bytes) -> object:
    sent = message_service_pb2.SendMessageResponse.FromString(data)
    assert sent.message.seq > 0
    assert not sent.deduplicated
    return (sent.message.room_id, sent.message.user_id, sent.message.text)


def _read_peer_sent(data: bytes) -> object:
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
