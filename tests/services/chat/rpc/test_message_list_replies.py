"""ListReplies over a real channel."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from seda.chat.v1.message_pb2 import Message
from servicekit.errors import InvalidFieldsError, PageTokenMismatchError
from services.chat.domain.errors import (
    BannedError,
    MessageNotFoundError,
    RoleRequiredError,
    RoomNotFoundError,
)
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import refused


class Thread:
    """A room whose owner started a thread, with somebody else's messages in between."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self.owner = new_user()

    async def begin(self, replies: int, **fields: Any) -> Thread:
        """Start the thread."""
        client = self.client
        self.room_id = (await client.create_room(self.owner, **fields)).id
        self.root = await self.say("root")
        self.replies: list[Message] = []
        for n in range(replies):
            self.replies.append(await self.say(f"reply {n}", parent_id=self.root.id))
            await self.say("meanwhile")
        return self

    async def say(self, text: str, **fields: Any) -> Message:
        """Say something."""
        return await self.client.send_message(self.owner, self.room_id, text, **fields)

    async def seen(self, **fields: Any) -> list[str]:
        """All pages of the thread, one after the other."""
        texts: list[str] = []
        token = ""
        while True:
            page = await self.client.list_replies(self.owner, self.root, page_token=token, **fields)
            texts += [message.text for message in page.messages]
            token = page.next_page_token
            if not token:
                return texts


@pytest.fixture
def thread(client: ChatClient) -> Thread:
    """A thread to begin."""
    return Thread(client)


def _texts(*numbers: int) -> list[str]:
    return [f"reply {n}" for n in numbers]


async def test_list_replies_pages_from_the_oldest_to_the_newest(thread: Thread) -> None:
    await thread.begin(5)
    first = await thread.client.list_replies(thread.owner, thread.root, page_size=2)
    assert [message.text for message in first.messages] == _texts(0, 1)
    assert (first.found_oldest, first.found_newest) == (True, False)
    assert (first.root.id, first.root.text, first.root.reply_count) == (thread.root.id, "root", 5)
    assert first.root.last_reply_time == thread.replies[-1].create_time
    assert not first.root.replies
    assert (first.position.epoch, first.position.rev) == (
        (await thread.client.list_messages(thread.owner, thread.room_id)).position.epoch,
        (await thread.client.get_room(thread.owner, thread.room_id)).position.rev,
    )
    assert await thread.seen(page_size=2) == _texts(0, 1, 2, 3, 4)
    last = await thread.client.list_replies(thread.owner, thread.root)
    assert (last.found_oldest, last.found_newest, last.next_page_token) == (True, True, "")
    assert [message.root_id for message in last.messages] == [thread.root.id] * 5


async def test_list_replies_pages_towards_older_ones(thread: Thread) -> None:
    await thread.begin(5)
    position = {"before_seq": thread.replies[4].seq}
    first = await thread.client.list_replies(thread.owner, thread.root, page_size=3, **position)
    assert [message.text for message in first.messages] == _texts(1, 2, 3)
    assert (first.found_oldest, first.found_newest) == (False, False)
    second = await thread.client.list_replies(
        thread.owner, thread.root, page_size=3, page_token=first.next_page_token, **position
    )
    assert [message.text for message in second.messages] == _texts(0)
    assert (second.found_oldest, second.next_page_token) == (True, "")


async def test_list_replies_from_a_position(thread: Thread) -> None:
    await thread.begin(4)
    page = await thread.client.list_replies(thread.owner, thread.root, after_seq=thread.replies[1].seq)
    assert [message.text for message in page.messages] == _texts(2, 3)
    assert (page.found_oldest, page.found_newest) == (False, True)


async def test_list_replies_files_answers_to_replies_under_the_root(thread: Thread) -> None:
    await thread.begin(1)
    answer = await thread.say("answer", parent_id=thread.replies[0].id)
    page = await thread.client.list_replies(thread.owner, thread.root)
    assert [(each.root_id, each.reply_to_id) for each in page.messages] == [
        (thread.root.id, thread.root.id),
        (thread.root.id, thread.replies[0].id),
    ]
    assert page.messages[1].id == answer.id


async def test_list_replies_shows_reactions(thread: Thread) -> None:
    await thread.begin(2)
    await thread.client.add_reaction(thread.owner, thread.root, "🔥")
    await thread.client.add_reaction(thread.owner, thread.replies[1], "👏")
    page = await thread.client.list_replies(thread.owner, thread.root)
    reactions = [[(each.emoji, each.me) for each in shown.reactions] for shown in (page.root, *page.messages)]
    assert reactions == [[("🔥", True)], [], [("👏", True)]]


async def test_list_replies_leaves_deleted_ones_out(thread: Thread) -> None:
    await thread.begin(3)
    await thread.client.delete_message(thread.owner, thread.replies[1])
    page = await thread.client.list_replies(thread.owner, thread.root)
    assert [message.text for message in page.messages] == _texts(0, 2)
    assert page.root.reply_count == 2
    asked = await thread.client.list_replies(thread.owner, thread.root, show_deleted=True)
    assert [message.text for message in asked.messages] == _texts(0, 1, 2)
    assert [message.HasField("delete_time") for message in asked.messages] == [False, True, False]


async def test_list_replies_of_a_deleted_root(thread: Thread) -> None:
    await thread.begin(1)
    bob = await thread.client.join_as(thread.room_id)
    await thread.client.delete_message(thread.owner, thread.root)
    stub = (await thread.client.list_replies(bob, thread.root)).root
    assert (stub.id, stub.text, stub.reply_count) == (thread.root.id, "", 1)
    assert stub.HasField("delete_time")
    shown = (await thread.client.list_replies(thread.owner, thread.root, show_deleted=True)).root
    assert shown.text == "root"
    await thread.client.delete_message(thread.owner, thread.replies[0])
    for email in (bob, thread.owner):
        await refused(thread.client.list_replies(email, thread.root), MessageNotFoundError, DOMAIN)
    kept = await thread.client.list_replies(thread.owner, thread.root, show_deleted=True)
    assert [message.text for message in (kept.root, *kept.messages)] == ["root", "reply 0"]


async def test_list_replies_of_a_root_without_any(thread: Thread) -> None:
    await thread.begin(0)
    page = await thread.client.list_replies(thread.owner, thread.root)
    assert (page.root.text, list(page.messages), page.found_oldest, page.found_newest) == (
        "root",
        [],
        True,
        True,
    )


async def test_list_replies_of_what_is_no_root(thread: Thread) -> None:
    await thread.begin(1)
    elsewhere = await Thread(thread.client).begin(1)
    missing = Message(id=str(uuid.uuid4()), room_id=thread.room_id)
    for root in (thread.replies[0], Message(id=elsewhere.root.id, room_id=thread.room_id), missing):
        error = await refused(thread.client.list_replies(thread.owner, root), MessageNotFoundError, DOMAIN)
        assert error.metadata == {"message_id": root.id}


async def test_list_replies_for_those_who_may_not(thread: Thread) -> None:
    await thread.begin(1)
    bob = await thread.client.join_as(thread.room_id)
    answer = thread.client.list_replies(bob, thread.root, show_deleted=True)
    await refused(answer, RoleRequiredError, DOMAIN)
    await thread.client.db.add_sanction(thread.room_id, bob, "BAN")
    await refused(thread.client.list_replies(bob, thread.root), BannedError, DOMAIN)
    hidden = await Thread(thread.client).begin(1, private=True)
    await refused(thread.client.list_replies(bob, hidden.root), RoomNotFoundError, DOMAIN)


async def test_list_replies_refuses_tokens_of_other_listings(thread: Thread) -> None:
    await thread.begin(3)
    other = await thread.say("another root")
    token = (await thread.client.list_replies(thread.owner, thread.root, page_size=1)).next_page_token
    wrong: list[tuple[Message, dict[str, Any]]] = [
        (other, {}),
        (thread.root, {"after_seq": 1}),
        (thread.root, {"before_seq": 9}),
        (thread.root, {"show_deleted": True}),
    ]
    for root, fields in wrong:
        answer = thread.client.list_replies(thread.owner, root, page_token=token, **fields)
        await refused(answer, PageTokenMismatchError, DOMAIN)


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [({"page_size": -1}, "page_size"), ({"before_seq": 0}, "before_seq"), ({"after_seq": -1}, "after_seq")],
)
async def test_list_replies_names_the_field_at_fault(
    thread: Thread, fields: dict[str, int], at_fault: str
) -> None:
    await thread.begin(0)
    error = await refused(
        thread.client.list_replies(thread.owner, thread.root, **fields), InvalidFieldsError, DOMAIN
    )
    assert [violation.field for violation in error.violations] == [at_fault]
