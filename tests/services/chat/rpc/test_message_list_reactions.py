"""What ListMessages shows of a message beside its text: reactions, edits, deletions; and for whom."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from seda.chat.v1.message_pb2 import DeletionType, Message
from seda.chat.v1.message_service_pb2 import ThreadView
from servicekit.errors import PageTokenMismatchError
from services.chat.domain.errors import RoleRequiredError
from tests.services.chat.builders import make_messages
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import refused

ROOTS, ALL = ThreadView.THREAD_VIEW_ROOTS, ThreadView.THREAD_VIEW_ALL


@pytest.fixture
async def room(client: ChatClient) -> tuple[str, str]:
    """An owner and their room."""
    ada = new_user()
    return ada, (await client.create_room(ada)).id


async def test_list_messages_shows_reactions_in_the_order_of_their_first(
    client: ChatClient, room: tuple[str, str]
) -> None:
    ada, room_id = room
    bob = await client.join_as(room_id)
    root = await client.send_message(ada, room_id, "root")
    reply = await client.send_message(ada, room_id, "reply", parent_id=root.id)
    plain = await client.send_message(ada, room_id, "nobody reacts")
    for email, emoji in ((ada, "🔥"), (bob, "👏"), (bob, "🔥"), (ada, "🎵")):
        await client.add_reaction(email, root, emoji)
    await client.add_reaction(bob, reply, "🙌")
    for email, mine in ((ada, {"🔥", "🎵"}), (bob, {"🔥", "👏"})):
        shown = (await client.list_messages(email, room_id)).messages
        assert [message.id for message in shown[:2]] == [plain.id, root.id]
        assert not shown[0].reactions
        counts = [(each.emoji, each.count, each.me) for each in shown[1].reactions]
        assert counts == [("🔥", 2, "🔥" in mine), ("👏", 1, "👏" in mine), ("🎵", 1, "🎵" in mine)]
        times = [each.first_react_time.ToNanoseconds() for each in shown[1].reactions]
        assert root.create_time.ToNanoseconds() < times[0] < times[1] < times[2]
        (preview,) = shown[1].replies
        assert [(each.emoji, each.me) for each in preview.reactions] == [("🙌", email == bob)]
        everything = {
            message.id: message
            for message in (await client.list_messages(email, room_id, thread_view=ALL)).messages
        }
        assert everything[root.id].reactions == shown[1].reactions
        assert everything[reply.id].reactions == preview.reactions


async def test_list_messages_orders_reactions_of_one_instant_by_emoji(
    client: ChatClient, room: tuple[str, str]
) -> None:
    ada, room_id = room
    root = await client.send_message(ada, room_id, "root")
    for emoji in (":c:", ":a:", ":b:"):
        await client.add_reaction(ada, root, emoji)
    await client.admin.execute(
        "UPDATE chat.reaction_tallies SET first_at = '2026-01-01' WHERE message_id = $1", uuid.UUID(root.id)
    )
    (shown,) = (await client.list_messages(ada, room_id)).messages
    assert [each.emoji for each in shown.reactions] == [":a:", ":b:", ":c:"]


async def test_list_messages_shows_no_reaction_that_was_taken_back(
    client: ChatClient, room: tuple[str, str]
) -> None:
    ada, room_id = room
    bob = await client.join_as(room_id)
    root = await client.send_message(ada, room_id, "root")
    await client.add_reaction(ada, root)
    await client.add_reaction(bob, root)
    await client.remove_reaction(ada, root)
    shown = next(each for each in (await client.list_messages(ada, room_id)).messages if each.id == root.id)
    assert [(each.count, each.me) for each in shown.reactions] == [(1, False)]
    await client.remove_reaction(bob, root)
    assert not (await client.get_message(ada, root)).reactions


async def test_list_messages_marks_edited_messages(client: ChatClient, room: tuple[str, str]) -> None:
    ada, room_id = room
    message = await client.send_message(ada, room_id, "befor")
    assert not message.HasField("edit_time")
    edited = await client.update_message(ada, message, text="before")
    (shown,) = (await client.list_messages(ada, room_id)).messages
    assert shown == edited
    assert (shown.text, shown.seq, shown.rev) == ("before", message.seq, message.rev + 1)
    assert shown.edit_time.ToNanoseconds() > shown.create_time.ToNanoseconds()


@pytest.mark.parametrize("view", [ROOTS, ALL])
async def test_list_messages_shows_deleted_ones_to_moderators_who_ask(
    client: ChatClient, room: tuple[str, str], view: ThreadView
) -> None:
    ada, room_id = room
    moderator = await client.join_as(room_id, "MODERATOR")
    member = await client.join_as(room_id)
    gone, _, last = [await client.send_message(member, room_id, text) for text in ("one", "two", "three")]
    await client.add_reaction(member, gone)
    await client.delete_message(moderator, gone, reason="rude")
    for email in (ada, moderator):
        shown = (await client.list_messages(email, room_id, thread_view=view, show_deleted=True)).messages
        assert [each.seq for each in shown] == list(range(last.seq, 0, -1))
        stub = shown[-gone.seq]
        assert (stub.text, [each.emoji for each in stub.reactions]) == ("one", ["🎵"])
        assert stub.deletion_type == DeletionType.DELETION_TYPE_MODERATOR
        assert stub.deleter_id == await client.db.user_id(moderator)
        assert stub.HasField("delete_time")
        unasked = (await client.list_messages(email, room_id, thread_view=view)).messages
        assert gone.id not in {each.id for each in unasked}
    outsider = new_user()
    for email in (member, outsider):
        answer = client.list_messages(email, room_id, thread_view=view, show_deleted=True)
        error = await refused(answer, RoleRequiredError, DOMAIN)
        assert error.metadata == {"role": "MODERATOR"}


@pytest.mark.parametrize("view", [ROOTS, ALL])
async def test_list_messages_pages_through_deleted_ones_in_either_direction(
    client: ChatClient, room: tuple[str, str], view: ThreadView
) -> None:
    ada, room_id = room
    sent = [await client.send_message(ada, room_id, f"{n}") for n in range(12)]
    for message in sent[2:9]:
        await client.delete_message(ada, message)
    expected = [message.seq for message in reversed(sent)]
    for position in ({}, {"after_seq": 0}):
        seen: list[int] = []
        token = ""
        while True:
            fields: dict[str, Any] = {"thread_view": view, "page_size": 5, "show_deleted": True, **position}
            page = await client.list_messages(ada, room_id, page_token=token, **fields)
            seqs = [message.seq for message in page.messages]
            seen = seqs + seen if position else seen + seqs
            token = page.next_page_token
            if not token:
                break
            assert len(seqs) == 5
        assert seen == expected


async def test_list_messages_with_deleted_ones_previews_live_replies_alone(
    client: ChatClient, room: tuple[str, str]
) -> None:
    ada, room_id = room
    root = await client.send_message(ada, room_id, "root")
    replies = [await client.send_message(ada, room_id, f"{n}", parent_id=root.id) for n in range(4)]
    await client.delete_message(ada, replies[0])
    for message in (None, root):
        if message is not None:
            await client.delete_message(ada, message)
        (shown,) = (await client.list_messages(ada, room_id, show_deleted=True)).messages
        assert (shown.reply_count, shown.has_more_replies) == (3, False)
        assert [each.id for each in shown.replies] == [each.id for each in replies[1:]]


async def test_list_messages_keeps_tokens_with_and_without_deleted_ones_apart(
    client: ChatClient, room: tuple[str, str]
) -> None:
    ada, room_id = room
    for n in range(3):
        await client.send_message(ada, room_id, f"{n}")
    token = (await client.list_messages(ada, room_id, page_size=1, show_deleted=True)).next_page_token
    await refused(client.list_messages(ada, room_id, page_token=token), PageTokenMismatchError, DOMAIN)


async def test_list_messages_counts_reactions_and_mentions_towards_a_mebibyte(
    client: ChatClient, room: tuple[str, str]
) -> None:
    ada, room_id = room
    message: Message = await client.send_message(ada, room_id, "x")
    # Each with 600 letters, fifty mentions and twenty emojis.
    mentions = "(SELECT array_agg(gen_random_uuid()) FROM generate_series(1, 50))"
    await make_messages(
        client.admin, room_id, message.author_id, 400, text="repeat('x', 600)", mention_user_ids=mentions
    )
    await client.admin.execute(
        """
        INSERT INTO chat.reaction_tallies (room_id, message_id, emoji, count, first_at)
        SELECT room_id, id, ':' || repeat('e', 60) || chr(97 + e) || ':', 1, now()
          FROM chat.messages, generate_series(0, 19) e WHERE room_id = $1
        """,
        uuid.UUID(room_id),
    )
    seen: list[int] = []
    token = ""
    while token or not seen:
        page = await client.list_messages(ada, room_id, page_size=100, page_token=token)
        assert page.ByteSize() <= 1 << 20
        seen += [each.seq for each in page.messages]
        token = page.next_page_token
    assert seen == list(range(message.seq + 400, 0, -1))
