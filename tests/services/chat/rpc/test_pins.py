"""PinMessage and UnpinMessage over a real channel."""

from __future__ import annotations

from uuid import UUID

from seda.chat.v1.message_pb2 import Message, SystemEvent
from servicekit.rpc_status import UpstreamError
from services.chat.domain.errors import MessageDeletedError, MessageNotFoundError, PinLimitError
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import Running, refused
from tests.support.concurrency import gather_bounded


async def _message(client: ChatClient) -> tuple[str, Message]:
    ada = new_user()
    room = await client.create_room(ada)
    return ada, await client.send_message(ada, room.id, "rules of this room")


async def test_pin_message_tells_the_room_and_the_log(client: ChatClient) -> None:
    ada, message = await _message(client)
    bob = await client.join_as(message.room_id, "MODERATOR")
    pin = await client.pin_message(bob, message)
    bob_id = await client.db.user_id(bob)
    assert (pin.message_id, pin.pinner_id) == (message.id, bob_id)
    room = await client.get_room(ada, message.room_id)
    # The pin, the message that tells of it, the line of the log.
    assert (pin.rev, room.position.rev) == (message.rev + 3, message.rev + 5)
    told = (await client.list_messages(ada, message.room_id)).messages[0]
    assert (told.system_event, told.author_id) == (SystemEvent.SYSTEM_EVENT_PINNED, bob_id)
    (line,) = await client.db.moderation_log(message.room_id)
    assert (line["action"], line["actor_id"], line["actor_role"]) == ("PIN_MESSAGE", bob_id, "MODERATOR")
    assert (line["target_user_id"], line["target_message_id"]) == (message.author_id, message.id)
    assert line["before"] == '{"pin_time": null}'
    assert pin.pin_time.ToJsonString()[:19] in line["after"]


async def test_pin_message_twice_changes_nothing(client: ChatClient) -> None:
    ada, message = await _message(client)
    bob = await client.join_as(message.room_id, "MODERATOR")
    pin = await client.pin_message(ada, message)
    before = await client.db.room_rows(message.room_id)
    assert await client.pin_message(bob, message) == pin
    assert await client.db.room_rows(message.room_id) == before


async def test_unpin_message_keeps_the_row_and_is_logged(client: ChatClient) -> None:
    ada, message = await _message(client)
    pin = await client.pin_message(ada, message)
    await client.unpin_message(ada, message)
    row = await client.admin.fetchrow(
        "SELECT rev, removed_at IS NOT NULL AS ended FROM chat.pins WHERE message_id = $1", UUID(message.id)
    )
    assert row is not None
    assert tuple(row) == (pin.rev + 3, True)
    lines = await client.db.moderation_log(message.room_id)
    assert [line["action"] for line in lines] == ["PIN_MESSAGE", "UNPIN_MESSAGE"]
    assert lines[1]["before"] == lines[0]["after"]
    before = await client.db.room_rows(message.room_id)
    await client.unpin_message(ada, message)
    assert await client.db.room_rows(message.room_id) == before
    again = await client.pin_message(ada, message)
    assert again.rev > pin.rev
    assert len((await client.db.room_rows(message.room_id))["pins"]) == 1


async def test_pin_message_that_is_deleted_or_missing_is_refused(client: ChatClient) -> None:
    ada, message = await _message(client)
    elsewhere = (await _message(client))[1]
    elsewhere.room_id = message.room_id
    for act in (client.pin_message, client.unpin_message):
        error = await refused(act(ada, elsewhere), MessageNotFoundError, DOMAIN)
        assert error.metadata == {"message_id": elsewhere.id}
    await client.delete_message(ada, message)
    error = await refused(client.pin_message(ada, message), MessageDeletedError, DOMAIN)
    assert error.metadata == {"message_id": message.id}
    await client.unpin_message(ada, message)


async def test_pin_message_takes_fifty_at_once_and_no_more(client: ChatClient, second_chat: Running) -> None:
    ada, message = await _message(client)
    places = (client, ChatClient(second_chat, client.admin))
    more = [await client.send_message(ada, message.room_id, f"{n}") for n in range(55)]
    answers = await gather_bounded(places[n % 2].pin_message(ada, each) for n, each in enumerate(more))
    refusals = [answer.reason for answer in answers if isinstance(answer, UpstreamError)]
    assert refusals == ["PIN_LIMIT"] * 5
    query = "SELECT count(*) FROM chat.pins WHERE room_id = $1 AND removed_at IS NULL"
    assert await client.admin.fetchval(query, UUID(message.room_id)) == 50
    await refused(client.pin_message(ada, message), PinLimitError, DOMAIN)
    # What is pinned can be pinned again, and one that goes makes room.
    pinned = [
        each for each, answer in zip(more, answers, strict=True) if not isinstance(answer, BaseException)
    ]
    await client.pin_message(ada, pinned[0])
    await client.unpin_message(ada, pinned[0])
    assert (await client.pin_message(ada, message)).message_id == message.id
