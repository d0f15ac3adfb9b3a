"""ListMessages and GetMessage over a real channel."""

from __future__ import annotations

import uuid

import pytest

from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.message_service_pb2 import ListMessagesResponse, ThreadView
from servicekit.errors import InvalidFieldsError, PageTokenMismatchError, ServiceError
from services.chat.domain.errors import BannedError, MessageNotFoundError, RoomNotFoundError
from tests.services.chat.builders import make_messages, make_room
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import refused

ALL = ThreadView.THREAD_VIEW_ALL


async def test_list_messages_pages_from_the_newest_to_the_oldest(client: ChatClient) -> None:
    ada, room_id = await _room_of(client, 25)
    first = await client.list_messages(ada, room_id, page_size=10)
    assert _seqs(first) == list(range(25, 15, -1))
    assert (first.found_newest, first.found_oldest, first.position.rev) == (True, False, 27)
    second = await client.list_messages(ada, room_id, page_size=10, page_token=first.next_page_token)
    assert (_seqs(second), second.found_newest) == (list(range(15, 5, -1)), False)
    last = await client.list_messages(ada, room_id, page_size=10, page_token=second.next_page_token)
    assert (_seqs(last), last.found_oldest, last.next_page_token) == (list(range(5, 0, -1)), True, "")


async def test_list_messages_pages_stand_still_while_messages_come_in(client: ChatClient) -> None:
    ada, room_id = await _room_of(client, 6)
    seen: list[int] = []
    token = ""
    while True:
        page = await client.list_messages(ada, room_id, page_size=2, page_token=token)
        seen += _seqs(page)
        await client.send_message(ada, room_id, "meanwhile")
        if not page.next_page_token:
            break
        token = page.next_page_token
    assert seen == [6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("position", "seqs", "found_oldest", "found_newest"),
    [
        ({"before_seq": 10}, [9, 8, 7, 6], False, False),
        ({"before_seq": 3}, [2, 1], True, False),
        ({"before_seq": 1}, [], True, False),
        ({"before_seq": 99}, [20, 19, 18, 17], False, True),
        ({"after_seq": 10}, [14, 13, 12, 11], False, False),
        ({"after_seq": 0}, [4, 3, 2, 1], True, False),
        ({"after_seq": 18}, [20, 19], False, True),
        ({"after_seq": 20}, [], False, True),
        ({"around_seq": 10}, [11, 10, 9, 8], False, False),
        ({"around_seq": 1}, [2, 1], True, False),
        ({"around_seq": 20}, [20, 19, 18], False, True),
    ],
)
async def test_list_messages_from_a_position(
    client: ChatClient, position: dict[str, int], seqs: list[int], found_oldest: bool, found_newest: bool
) -> None:
    ada, room_id = await _room_of(client, 20)
    page = await client.list_messages(ada, room_id, page_size=4, **position)
    assert (_seqs(page), page.found_oldest, page.found_newest) == (seqs, found_oldest, found_newest)


async def test_list_messages_after_a_position_goes_on_towards_newer_ones(client: ChatClient) -> None:
    ada, room_id = await _room_of(client, 7)
    first = await client.list_messages(ada, room_id, page_size=3, after_seq=1)
    second = await client.list_messages(
        ada, room_id, page_size=3, after_seq=1, page_token=first.next_page_token
    )
    assert (_seqs(first), _seqs(second)) == ([4, 3, 2], [7, 6, 5])
    assert (second.next_page_token, second.found_newest) == ("", True)


async def test_list_messages_shows_roots_with_their_first_replies(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    root = await client.send_message(ada, room.id, "root")
    quiet = await client.send_message(ada, room.id, "quiet")
    replies = [await client.send_message(ada, room.id, f"{n}", parent_id=root.id) for n in range(5)]
    for limit, shown in ((None, 3), (0, 0), (5, 5)):
        fields = {} if limit is None else {"reply_preview_limit": limit}
        page = await client.list_messages(ada, room.id, **fields)
        assert [message.id for message in page.messages] == [quiet.id, root.id]
        got = page.messages[1]
        assert (got.reply_count, got.last_reply_time) == (5, replies[-1].create_time)
        assert [reply.id for reply in got.replies] == [reply.id for reply in replies[:shown]]
        assert got.has_more_replies == (shown < 5)
        assert not page.messages[0].replies
    everything = await client.list_messages(ada, room.id, thread_view=ALL)
    assert _seqs(everything) == [7, 6, 5, 4, 3, 2, 1]
    assert not any(message.replies for message in everything.messages)


async def test_list_messages_leaves_deleted_ones_out(client: ChatClient) -> None:
    ada, room_id = await _room_of(client, 5)
    await client.admin.execute(
        "UPDATE chat.messages SET deleted_at = now(), deletion_type = 'AUTHOR' WHERE room_id = $1 AND seq = 3",
        room_id,
    )
    assert _seqs(await client.list_messages(ada, room_id)) == [5, 4, 2, 1]
    assert _seqs(await client.list_messages(ada, room_id, page_size=2, before_seq=5)) == [4, 2]


async def test_list_messages_of_an_empty_room(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    page = await client.list_messages(ada, room.id)
    assert not page.messages
    assert (page.found_oldest, page.found_newest, page.next_page_token, page.position.rev) == (
        True,
        True,
        "",
        2,
    )


async def test_list_messages_ends_a_page_at_a_mebibyte(client: ChatClient) -> None:
    ada, room_id = await _room_of(client, 0)
    text = "repeat(U&'\\+01D11E', 4000)"
    await make_messages(client.admin, room_id, await client.db.user_id(ada), 80, text=text)
    first = await client.list_messages(ada, room_id, page_size=100)
    assert 40 <= len(first.messages) < 80
    assert first.ByteSize() <= 1 << 20
    second = await client.list_messages(ada, room_id, page_size=100, page_token=first.next_page_token)
    assert _seqs(first) + _seqs(second) == list(range(80, 0, -1))


@pytest.mark.parametrize(("asked", "shown"), [(0, 50), (1, 1), (100, 100), (1000, 100)])
async def test_list_messages_clamps_the_page_size(client: ChatClient, asked: int, shown: int) -> None:
    ada, room_id = await _room_of(client, 101)
    assert len((await client.list_messages(ada, room_id, page_size=asked)).messages) == shown


async def test_list_messages_refuses_tokens_of_other_listings(client: ChatClient) -> None:
    ada, room_id = await _room_of(client, 5)
    token = (await client.list_messages(ada, room_id, page_size=2)).next_page_token
    bob = new_user()
    await client.join_room(bob, room_id)
    other = await client.create_room(ada)
    wrong = (
        client.list_messages(bob, room_id, page_token=token),
        client.list_messages(ada, other.id, page_token=token),
        client.list_messages(ada, room_id, page_token=token, thread_view=ALL),
        client.list_messages(ada, room_id, page_token=token, before_seq=4),
        client.list_messages(ada, room_id, page_token=token, reply_preview_limit=1),
        client.list_messages(ada, room_id, page_token=token[:-2]),
        client.list_messages(ada, room_id, page_token="!"),
        client.list_messages(ada, room_id, page_token="AAAA"),
    )
    for answer in wrong:
        error = await refused(answer, PageTokenMismatchError, DOMAIN)
        assert [violation.field for violation in error.violations] == ["page_token"]
    assert _seqs(await client.list_messages(ada, room_id, page_size=1, page_token=token)) == [3]


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"page_size": -1}, "page_size"),
        ({"before_seq": 0}, "before_seq"),
        ({"after_seq": -1}, "after_seq"),
        ({"around_seq": 0}, "around_seq"),
        ({"reply_preview_limit": 6}, "reply_preview_limit"),
        ({"thread_view": 9}, "thread_view"),
        ({"room_id": "x"}, "room_id"),
    ],
)
async def test_list_messages_names_the_field_at_fault(
    client: ChatClient, fields: dict[str, str], at_fault: str
) -> None:
    request: dict[str, str] = {"room_id": str(uuid.uuid4()), **fields}
    error = await refused(client.list_messages(new_user(), **request), InvalidFieldsError, DOMAIN)
    assert [violation.field for violation in error.violations] == [at_fault]


@pytest.mark.parametrize(
    ("private", "who", "error"),
    [
        (False, "non_member", None),
        (False, "banned", BannedError),
        (True, "non_member", RoomNotFoundError),
        (True, "invited", RoomNotFoundError),
        (True, "banned", RoomNotFoundError),
    ],
)
async def test_list_messages_and_get_message_hide_what_the_caller_may_not_see(
    client: ChatClient, private: bool, who: str, error: type[ServiceError] | None
) -> None:
    ada, bob = new_user(), new_user()
    room = await client.create_room(ada, private=private)
    message = await client.send_message(ada, room.id, "secret")
    await client.create_room(bob)
    if who == "banned":
        await client.db.add_sanction(room.id, bob, "BAN")
    if who == "invited":
        await client.db.add_invitation(room.id, bob)
    if error is None:
        assert _seqs(await client.list_messages(bob, room.id)) == [1]
        assert (await client.get_message(bob, message)).text == "secret"
        return
    await refused(client.list_messages(bob, room.id), error, DOMAIN)
    hidden = MessageNotFoundError if error is RoomNotFoundError else error
    await refused(client.get_message(bob, message), hidden, DOMAIN)


async def test_get_message_that_is_missing_deleted_or_elsewhere(client: ChatClient) -> None:
    ada, room_id = await _room_of(client, 1)
    message = (await client.list_messages(ada, room_id)).messages[0]
    other = await client.create_room(ada)
    for place, message_id in (
        (room_id, str(uuid.uuid4())),
        (other.id, message.id),
        (str(uuid.uuid4()), message.id),
    ):
        error = await refused(
            client.call(ada, "GetMessage", room_id=place, message_id=message_id), MessageNotFoundError, DOMAIN
        )
        assert error.metadata == {"message_id": message_id}
    await client.admin.execute(
        "UPDATE chat.messages SET deleted_at = now(), deletion_type = 'AUTHOR' WHERE id = $1", message.id
    )
    await refused(client.get_message(ada, message), MessageNotFoundError, DOMAIN)


async def _room_of(client: ChatClient, messages: int) -> tuple[str, str]:
    ada, room = await make_room(client, messages=messages)
    return ada, room.id


def _seqs(page: ListMessagesResponse) -> list[int]:
    def seq(message: Message) -> int:
        return message.seq

    return [seq(message) for message in page.messages]
