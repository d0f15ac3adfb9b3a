"""AddReaction and RemoveReaction over a real channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from seda.chat.v1.message_pb2 import Message
from servicekit.errors import InvalidFieldsError, RateLimitedError
from services.chat.app import build as build_chat
from services.chat.config import Settings
from services.chat.domain.errors import MessageDeletedError, MessageNotFoundError, ReactionLimitError
from services.chat.store import message_get
from services.chat.store import reactions as store
from tests.postgres import Database
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.chat.explain import Explainer
from tests.services.running import refused, running

_FACES = [chr(code) for code in range(0x1F600, 0x1F600 + 25)]


@pytest.fixture
async def explainer(database: Database) -> AsyncIterator[Explainer]:
    """A look at plans."""
    explainer = await Explainer.connect(database)
    yield explainer
    await explainer.close()


async def _message(client: ChatClient) -> tuple[str, Message]:
    ada = new_user()
    room = await client.create_room(ada)
    return ada, await client.send_message(ada, room.id, "listen to this")


async def test_add_reaction_tells_all_of_them_in_the_order_of_their_first(client: ChatClient) -> None:
    ada, message = await _message(client)
    bob = await client.join_as(message.room_id)
    first = await client.add_reaction(ada, message, "🎵")
    await client.add_reaction(bob, message, ":vinyl_spin:")
    last = await client.add_reaction(bob, message, "🎵")
    assert [(each.emoji, each.count, each.me) for each in last.reactions] == [
        ("🎵", 2, True),
        (":vinyl_spin:", 1, True),
    ]
    assert last.reactions[0].first_react_time == first.reactions[0].first_react_time
    assert last.reactions[0].first_react_time.ToNanoseconds() > message.create_time.ToNanoseconds()
    # The joining took two, each reaction one.
    assert (first.position.rev, last.position.rev) == (message.rev + 3, message.rev + 5)
    assert (await client.get_room(ada, message.room_id)).position.rev == last.position.rev
    seen_by_ada = await client.add_reaction(ada, message, "🎵")
    assert [(each.emoji, each.me) for each in seen_by_ada.reactions] == [
        ("🎵", True),
        (":vinyl_spin:", False),
    ]


async def test_all_spellings_of_an_emoji_are_one(client: ChatClient) -> None:
    ada, message = await _message(client)
    bob = await client.join_as(message.room_id)
    await client.add_reaction(ada, message, "\u2764")
    both = await client.add_reaction(bob, message, "\u2764\ufe0f")
    assert [(each.emoji, each.count) for each in both.reactions] == [("\u2764\ufe0f", 2)]
    listed = await client.list_reactions(ada, message, emoji="\u2764\ufe0e")
    assert len(listed.reactions) == 2
    left = await client.remove_reaction(bob, message, "\u2764")
    assert [each.count for each in left.reactions] == [1]


async def test_add_reaction_twice_writes_nothing(client: ChatClient) -> None:
    ada, message = await _message(client)
    first = await client.add_reaction(ada, message)
    before = await client.db.room_rows(message.room_id)
    assert await client.add_reaction(ada, message) == first
    assert await client.db.room_rows(message.room_id) == before


async def test_remove_reaction_takes_back_the_caller_s_own(client: ChatClient) -> None:
    ada, message = await _message(client)
    bob = await client.join_as(message.room_id)
    given = await client.add_reaction(ada, message)
    await client.add_reaction(bob, message)
    left = await client.remove_reaction(ada, message)
    assert [(each.count, each.me) for each in left.reactions] == [(1, False)]
    # When it was given first stays, though nobody of then is left.
    assert left.reactions[0].first_react_time == given.reactions[0].first_react_time
    gone = await client.remove_reaction(bob, message)
    assert (list(gone.reactions), gone.position.rev) == ([], left.position.rev + 1)
    rows = await client.admin.fetch(
        "SELECT rev, removed_at IS NOT NULL AS removed FROM chat.reactions WHERE message_id = $1 ORDER BY rev",
        message.id,
    )
    assert [tuple(row) for row in rows] == [(left.position.rev, True), (gone.position.rev, True)]


async def test_remove_reaction_of_what_was_not_given_writes_nothing(client: ChatClient) -> None:
    ada, message = await _message(client)
    bob = await client.join_as(message.room_id)
    await client.add_reaction(ada, message)
    before = await client.db.room_rows(message.room_id)
    for emoji in ("🎵", "👍", "no emoji at all"):
        answer = await client.remove_reaction(bob, message, emoji)
        assert [(each.emoji, each.count, each.me) for each in answer.reactions] == [("🎵", 1, False)]
    await client.remove_reaction(ada, message)
    after = await client.db.room_rows(message.room_id)
    assert (await client.remove_reaction(ada, message)).reactions == []
    assert await client.db.room_rows(message.room_id) == after != before


async def test_add_reaction_again_stands_in_the_same_row(client: ChatClient) -> None:
    ada, message = await _message(client)
    first = await client.add_reaction(ada, message)
    await client.remove_reaction(ada, message)
    again = await client.add_reaction(ada, message)
    assert [(each.count, each.me) for each in again.reactions] == [(1, True)]
    assert (
        again.reactions[0].first_react_time.ToNanoseconds()
        > first.reactions[0].first_react_time.ToNanoseconds()
    )
    rows = await client.admin.fetch(
        "SELECT rev, removed_at FROM chat.reactions WHERE message_id = $1", message.id
    )
    assert [tuple(row) for row in rows] == [(again.position.rev, None)]


@pytest.mark.parametrize("emoji", ["a", "👍👍", ":no spaces:", "🎵 ", ":" + "x" * 63 + ":"])
async def test_add_reaction_that_is_no_emoji_is_refused(client: ChatClient, emoji: str) -> None:
    ada, message = await _message(client)
    error = await refused(client.add_reaction(ada, message, emoji), InvalidFieldsError, DOMAIN)
    assert {violation.field for violation in error.violations} == {"emoji"}


async def test_add_reaction_beyond_twenty_distinct_ones_is_refused(client: ChatClient) -> None:
    ada, message = await _message(client)
    for face in _FACES[:20]:
        await client.add_reaction(ada, message, face)
    bob = await client.join_as(message.room_id)
    await refused(client.add_reaction(bob, message, _FACES[20]), ReactionLimitError, DOMAIN)
    # One that is there already is none more.
    assert len((await client.add_reaction(bob, message, _FACES[3])).reactions) == 20
    await client.remove_reaction(ada, message, _FACES[5])
    answer = await client.add_reaction(bob, message, _FACES[20])
    assert [each.emoji for each in answer.reactions] == [*_FACES[:5], *_FACES[6:20], _FACES[20]]


async def test_reactions_to_a_tombstone_or_to_nothing_are_refused(client: ChatClient) -> None:
    ada, message = await _message(client)
    await client.add_reaction(ada, message)
    elsewhere = (await _message(client))[1]
    await client.delete_message(ada, message)
    elsewhere.room_id = message.room_id
    for act in (client.add_reaction, client.remove_reaction):
        error = await refused(act(ada, message), MessageDeletedError, DOMAIN)
        assert error.metadata == {"message_id": message.id}
        error = await refused(act(ada, elsewhere), MessageNotFoundError, DOMAIN)
        assert error.metadata == {"message_id": elsewhere.id}


async def test_reactions_too_often_are_refused(
    client: ChatClient, database: Database, neighbours: dict[str, str]
) -> None:
    ada, message = await _message(client)
    limits = {"reaction_rate_per_second": 0.001, "reaction_burst": 2}
    async with running(Settings, build_chat, database, **neighbours, **limits) as strict:
        limited = ChatClient(strict, client.admin)
        await limited.add_reaction(ada, message)
        # A repetition costs as much as the first.
        await limited.add_reaction(ada, message)
        for act in (limited.add_reaction, limited.remove_reaction):
            assert (await refused(act(ada, message), RateLimitedError, DOMAIN)).retry_after
        bob = await limited.join_as(message.room_id)
        assert (await limited.add_reaction(bob, message)).reactions[0].count == 2


async def _popular(client: ChatClient, message: Message, count: int) -> None:
    """Let so many strangers have given ten emojis, and as many have taken others back."""
    for emoji, removed in (("':e' || g % 10 || ':'", "NULL"), ("':r' || g || ':'", "now()")):
        await client.admin.execute(
            "INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, removed_at, rev)"
            f" SELECT $1, $2, gen_random_uuid(), {emoji}, now(), {removed}, g FROM generate_series(1, $3::int) g",
            UUID(message.room_id),
            UUID(message.id),
            count,
        )
    await client.admin.execute(
        "INSERT INTO chat.reaction_tallies SELECT room_id, message_id, emoji, count(*), min(created_at)"
        " FROM chat.reactions WHERE message_id = $1 AND removed_at IS NULL GROUP BY 1, 2, 3",
        UUID(message.id),
    )


async def test_reactions_cost_the_same_with_ten_and_with_ten_thousand(
    client: ChatClient, explainer: Explainer
) -> None:
    ada, few = await _message(client)
    many = await client.send_message(ada, few.room_id, "everybody loves this")
    caller = UUID(await client.db.user_id(ada))
    await _popular(client, few, 10)
    await _popular(client, many, 10_000)
    # Somebody who changes their mind very often.
    await client.admin.execute(
        "UPDATE chat.reactions SET user_id = $1 WHERE removed_at IS NOT NULL AND message_id = $2",
        caller,
        UUID(many.id),
    )
    await client.admin.execute("VACUUM (ANALYZE) chat.reactions, chat.reaction_tallies, chat.messages")
    room_id = UUID(few.room_id)
    for explain in (explainer.plan, explainer.generic_plan):
        for message in (few, many):
            # What a connection looks up in the catalog at its first statement counts, too.
            await explain(store._CONTEXT, room_id, caller, None, None, UUID(message.id))
            facts = await explain(store._CONTEXT, room_id, caller, None, None, UUID(message.id))
            held_message = await explain(message_get._GET_MESSAGE, room_id, caller, UUID(message.id))
            # Ten look-ups by a key in an index of three levels, and what goes with a message and its room.
            assert facts.buffers < 100
            assert held_message.buffers < 100
