"""Reactions that a user took back stay as rows, any number of them; no read of messages looks at them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from seda.chat.v1.message_pb2 import Message
from services.chat.store import message_list as store
from tests.postgres import Database
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.chat.explain import Explainer

_TAKEN_BACK = """
INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, removed_at, rev)
SELECT $1, $2, $3, ':a' || n || ':', now(), now(), n FROM generate_series(1, 1500) n
"""


@pytest.fixture
async def explainer(database: Database) -> AsyncIterator[Explainer]:
    """A look at plans."""
    explainer = await Explainer.connect(database)
    yield explainer
    await explainer.close()


async def _restless(client: ChatClient) -> tuple[str, str, Message]:
    """Ada, whose one reaction to her message stands and comes after 1,500 that do not; Bob, who gave the same."""
    ada = new_user()
    room = await client.create_room(ada)
    message = await client.send_message(ada, room.id, "undecided")
    await client.admin.execute(
        _TAKEN_BACK, uuid.UUID(room.id), uuid.UUID(message.id), uuid.UUID(await client.db.user_id(ada))
    )
    bob = await client.join_as(room.id)
    for email in (ada, bob):
        await client.add_reaction(email, message, ":z:")
    return ada, bob, message


async def test_a_standing_reaction_is_found_behind_those_taken_back(client: ChatClient) -> None:
    ada, bob, message = await _restless(client)
    # Bob has the page made, which Ada then shares.
    for email in (bob, ada):
        pages: list[Any] = [
            await client.list_messages(email, message.room_id),
            await client.list_messages(email, message.room_id),
            await client.lookup_messages(email, message.room_id, [message.id]),
            await client.search_messages(email, "undecided", room_id=message.room_id),
        ]
        shown = [each for page in pages for each in page.messages if each.id == message.id]
        for each in (*shown, await client.get_message(email, message)):
            assert [(tally.emoji, tally.count, tally.me) for tally in each.reactions] == [(":z:", 2, True)]
        assert len(shown) == len(pages)


async def test_reads_do_not_look_at_what_was_taken_back(client: ChatClient, explainer: Explainer) -> None:
    ada, _, message = await _restless(client)
    await client.admin.execute("VACUUM (ANALYZE) chat.reactions, chat.reaction_tallies, chat.messages")
    who = uuid.UUID(message.room_id), uuid.UUID(await client.db.user_id(ada))
    for explain in (explainer.plan, explainer.generic_plan):
        for statement in (store._BY_ID, store._VIEWER_STATE):
            # What a connection looks up in the catalog at its first statement counts, too.
            await explain(statement, *who, [uuid.UUID(message.id)])
            assert (await explain(statement, *who, [uuid.UUID(message.id)])).buffers < 25
