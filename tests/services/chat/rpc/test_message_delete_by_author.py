"""DeleteMessagesByAuthor over a real channel."""

from __future__ import annotations

import uuid
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from services.chat.domain import errors
from tests.services.chat.builders import make_messages
from tests.services.chat.chat_client import DOMAIN, ChatClient, RoomWithMembers
from tests.services.running import refused


async def test_delete_messages_by_author_deletes_500_and_says_what_remains(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    target = await client.db.user_id(room.member)
    sent = await client.send_message(room.member, room.id, "the first")
    await make_messages(client.admin, room.id, target, 509, text="'spam'")
    later = Timestamp()
    later.FromMicroseconds(sent.create_time.ToMicroseconds() + 1)
    first = await client.call(
        room.moderator, "DeleteMessagesByAuthor", room_id=room.id, author_id=target, start_time=later
    )
    assert (first.deleted_count, first.remaining_count) == (500, 9)
    second = await client.call(room.moderator, "DeleteMessagesByAuthor", room_id=room.id, author_id=target)
    assert (second.deleted_count, second.remaining_count) == (10, 0)
    third = await client.call(room.moderator, "DeleteMessagesByAuthor", room_id=room.id, author_id=target)
    assert (third.deleted_count, third.remaining_count) == (0, 0)
    assert [line[0] for line in await client.db.moderation_actions(room.id)] == [
        "DELETE_MESSAGES",
        "DELETE_MESSAGES",
    ]
    # The SYSTEM message that tells of their coming stays.
    kinds = await client.admin.fetch(
        "SELECT DISTINCT type FROM chat.messages WHERE room_id = $1 AND user_id = $2 AND deleted_at IS NULL",
        uuid.UUID(room.id),
        uuid.UUID(target),
    )
    assert [row["type"] for row in kinds] == ["SYSTEM"]


async def test_delete_messages_by_author_from_a_time_on(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    old = await client.send_message(room.member, room.id, "an old one")
    new = await client.send_message(room.member, room.id, "a new one")
    deleted = await client.call(
        room.moderator,
        "DeleteMessagesByAuthor",
        room_id=room.id,
        author_id=old.author_id,
        start_time=new.create_time,
    )
    assert (deleted.deleted_count, deleted.remaining_count) == (1, 0)
    shown = (await client.list_messages(room.other, room.id)).messages
    assert [each.text for each in shown if each.author_id == old.author_id and each.text] == ["an old one"]


async def test_delete_messages_by_author_returns_the_first_result_for_the_same_request_id(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    author = await client.db.user_id(room.member)
    since = Timestamp(seconds=1)
    request = {"room_id": room.id, "author_id": author, "request_id": str(uuid.uuid4()), "start_time": since}

    async def delete(email: str = room.moderator, **fields: Any) -> tuple[int, bool]:
        deleted = await client.call(email, "DeleteMessagesByAuthor", **(request | fields))
        assert deleted.remaining_count == 0
        return deleted.deleted_count, deleted.deduplicated

    # A call that deletes nothing does not use the request id up.
    assert await delete() == (0, False)
    for text in ("one", "two"):
        await client.send_message(room.member, room.id, text)
    assert await delete() == (2, False)
    await client.send_message(room.member, room.id, "three")
    rows = await client.db.room_rows(room.id)
    assert await delete() == (2, True)
    for other in (
        {"reason": "another"},
        {"author_id": await client.db.user_id(room.other)},
        {"start_time": Timestamp(seconds=2)},
        {"start_time": None},
    ):
        error = await refused(delete(**other), errors.RequestIdReusedError, DOMAIN)
        assert error.metadata == {"request_id": request["request_id"]}
    # The result is for moderators.
    await refused(delete(room.other), errors.RoleRequiredError, DOMAIN)
    assert await client.db.room_rows(room.id) == rows
    # Another moderator's request id is another one.
    assert await delete(room.owner) == (1, False)
