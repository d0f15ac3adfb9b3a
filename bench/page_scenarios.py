"""The measured scenarios of pages of messages: chat's alone, and with authors and tracks at the gateway.

A plain page has texts only. A full one has the dataset's replies, reactions and tracks. A cached page is one of as many as
there are users, called for again and again; a fresh one begins at another message in each call, so that no page is the same as
an earlier one, but neighbours share all their messages but one, as a room's newest page does after a message.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.baseline_contract import LIST_MESSAGES
from bench.contenders import (
    REFERENCES,
    TOKENS,
    baseline_contenders,
    chat_contender,
    one_member_each,
    prepared_call,
    public_rooms,
)
from bench.dataset import PLAIN_EVERY, ROOMS, uid
from bench.http2 import PreparedCall
from bench.oracle import PAGE, ShownMessage
from bench.runner import Contender, Scenario
from bench.testbed import SEDA_NATIVE, Testbed, contract
from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.message_service_pb2 import ListMessagesRequest, ListMessagesResponse
from seda.gateway.v1.gateway_service_pb2 import GetRoomPageRequest, GetRoomPageResponse

_LIST = "/seda.chat.v1.MessageService/ListMessages"
_ROOM_PAGE = "/seda.gateway.v1.GatewayService/GetRoomPage"
_IN_FLIGHT = 32
# So many different beginnings in each room; all pages of all rooms are more than the page cache holds.
_BEGINNINGS = 64


@dataclass(frozen=True, slots=True)
class _Calls:
    """Calls for the same pages, to chat, to the gateway, and to the baselines."""

    chat: list[PreparedCall]
    gateway: list[PreparedCall]
    baselines: list[PreparedCall]


def pages(*, plain: bool, cached: bool) -> Callable[[Testbed], Scenario]:
    """ListMessages of chat."""
    kind, state = "plain" if plain else "full", "cached" if cached else "fresh"

    def build(testbed: Testbed) -> Scenario:
        calls = _calls(testbed, plain=plain, cached=cached)
        ours = [chat_contender(testbed, name, _LIST, calls.chat, _read_page) for name in testbed.sides]
        if not cached:
            native = chat_contender(testbed, SEDA_NATIVE, _LIST, calls.chat, _read_page)
            uncached = testbed.chat(SEDA_NATIVE, cache=False)
            ours.append(replace(native, name=f"{SEDA_NATIVE}, no cache", servers=[uncached]))
        return _scenario(
            f"page-{kind}-{state}",
            f"ListMessages({PAGE}), {kind} page, {state}",
            [*ours, *baseline_contenders(testbed, LIST_MESSAGES, calls.baselines, read_baseline_page)],
            "seda: roots with the first three replies, reply counts, tallies and what the caller may see; no authors' names,"
            " which the gateway adds.",
            cached=cached,
        )

    return build


def room_pages(*, cached: bool) -> Callable[[Testbed], Scenario]:
    """GetRoomPage of the gateway, full pages: what the baselines' list has, too."""
    state = "cached" if cached else "fresh"

    def build(testbed: Testbed) -> Scenario:
        calls = _calls(testbed, plain=False, cached=cached)
        ours = []
        for name in testbed.sides:
            behind = [testbed.users(name), testbed.chat(name), testbed.tracks(name)]
            ours.append(
                Contender(name, [testbed.gateway(name)], behind, _ROOM_PAGE, calls.gateway, _read_room_page)
            )
        return _scenario(
            f"room-page-{state}",
            f"GetRoomPage({PAGE}) at the gateway, full page, {state} in chat",
            [*ours, *baseline_contenders(testbed, LIST_MESSAGES, calls.baselines, read_baseline_page)],
            "seda: gateway, chat, users and tracks; the page with its authors, artists and tracks.",
            cached=cached,
        )

    return build


def _scenario(name: str, title: str, contenders: Sequence[Contender], note: str, *, cached: bool) -> Scenario:
    if not cached:
        # The checked calls are the first of the endless ones.
        for contender in contenders:
            contender.calls = itertools.cycle(contender.samples)
            contender.samples = list(itertools.islice(contender.calls, TOKENS))
    return Scenario(
        name,
        title,
        _IN_FLIGHT,
        contenders,
        references=REFERENCES,
        notes=[
            (
                f"{note} Baselines: roots and replies in one list, with each author's card and every reaction with its"
                " user, and no permission checks."
            )
        ],
    )


def _calls(testbed: Testbed, *, plain: bool, cached: bool) -> _Calls:
    rooms = list(range(0, ROOMS, PLAIN_EVERY)) if plain else public_rooms()
    repeated = -(-TOKENS // len(rooms))
    callers = one_member_each(testbed, rooms * repeated)
    positions = 1 if cached else 1 + _BEGINNINGS * repeated
    roots = testbed.oracle.roots(rooms, PAGE + positions)
    messages = testbed.oracle.messages(rooms, PAGE + positions)
    seqs = testbed.oracle.seqs([root.id for each in roots.values() for root in each])
    calls = _Calls([], [], [])
    for beginning in range(1 if cached else _BEGINNINGS):
        for number, member in enumerate(callers):
            turn, place = divmod(number, len(rooms))
            room = rooms[place]
            room_id = str(uid("r", room))
            ours: dict[str, Any] = {"room_id": room_id, "page_size": PAGE}
            theirs: dict[str, Any] = {"room_id": room_id, "limit": PAGE}
            start = 0
            if not cached:
                start = 1 + (beginning * repeated + turn) % (len(roots[room]) - 1)
                ours["before_seq"] = seqs[roots[room][start - 1].id]
                theirs["cursor"] = messages[room][start - 1].id
            page = roots[room][start : start + PAGE]
            calls.chat.append(prepared_call(ListMessagesRequest(**ours), member.email, page))
            calls.gateway.append(prepared_call(GetRoomPageRequest(**ours), member.email, page))
            baseline_page = messages[room][start : start + PAGE]
            calls.baselines.append(
                prepared_call(contract().ListMessagesRequest(**theirs), None, baseline_page)
            )
    return calls


def _shown(messages: Iterable[Message]) -> tuple[ShownMessage, ...]:
    return tuple(
        ShownMessage(
            each.id,
            each.author_id,
            each.text,
            each.reply_count,
            tuple(reply.id for reply in each.replies),
            {tally.emoji: tally.count for tally in each.reactions},
        )
        for each in messages
    )


def _read_page(data: bytes) -> object:
    return _shown(ListMessagesResponse.FromString(data).messages)


def _read_room_page(data: bytes) -> object:
    page = GetRoomPageResponse.FromString(data)
    assert not page.unreachable
    assert {each.author_id for each in page.messages} <= {author.id for author in page.authors}
    return _shown(page.messages)


def read_baseline_page(data: bytes) -> object:
    """A page of messages from ListMessagesResponse."""
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
