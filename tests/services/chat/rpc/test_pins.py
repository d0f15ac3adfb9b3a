"""PinMessage and UnpinMessage over a real channel."""

from __future__ import annotations

from uuid import UUID

from seda.chat.v1.message_pb2 import Message, SystemEvent
from servicekit.rpc_status import UpstreamError
from services.chat.domain.errors import MessageDeletedError, MessageNotFoundError, PinLimitError
from tests.services.chat.acts import Acts, together
from tests.services.chat.world import DOMAIN, World, new_user
from tests.services.running import Running, refused


async def _message(world: World) -> tuple[str, Message]:
    ada = new_user()
    room = await world.room(ada)
    return ada, (await world.send(ada, room.id, "rules of this room")).message


async def test_pin_message_tells_the_room_and_the_log(world: World, acts: Acts) -> None:
    ada, message = await _message(world)
    bob = await acts.member(message.room_id, "MODERATOR")
    pin = await acts.pin(bob, message)
    bob_id = await world.user_id(bob)
    assert (pin.message_id, pin.pinner_id) == (message.id, bob_id)
    room = await world.get_room(ada, message.room_id)
    # The pin, the message that tells of it, the line of the log.
    assert (pin.rev, room.rev) == (message.rev + 3, message.rev + 5)
    told = (await world.page(ada, message.room_id)).messages[0]
    assert (told.system_event, told.user_id) == (SystemEvent.SYSTEM_EVENT_PINNED, bob_id)
    (line,) = await acts.log(message.room_id)
    assert (line["action"], line["actor_id"], line["actor_role"]) == ("PIN_MESSAGE", bob_id, "MODERATOR")
    assert (line["target_user_id"], line["target_message_id"]) == (message.user_id, message.id)
    assert line["before"] == '{"pinned_at": null}'
    assert pin.pin_time.ToJsonString()[:19] in line["after"]


async def test_pin_message_twice_changes_nothing(world: World, acts: Acts) -> None:
    ada, message = await _message(world)
    bob = await acts.member(message.room_id, "MODERATOR")
    pin = await acts.pin(ada, message)
    before = await acts.rows(message.room_id)
    assert await acts.pin(bob, message) == pin
    assert await acts.rows(message.room_id) == before


async def test_unpin_message_keeps_the_row_and_is_logged(world: World, acts: Acts) -> None:
    ada, message = await _message(world)
    pin = await acts.pin(ada, message)
    await acts.unpin(ada, message)
    row = await world.admin.fetchrow(
        "SELECT rev, removed_at IS NOT NULL AS ended FROM chat.pins WHERE message_id = $1",
        UUID(message.id),
    )
    assert row is not None
    assert tuple(row) == (pin.rev + 3, True)
    lines = await acts.log(message.room_id)
    assert [line["action"] for line in lines] == ["PIN_MESSAGE", "UNPIN_MESSAGE"]
    assert lines[1]["before"] == lines[0]["after"]
    before = await acts.rows(message.room_id)
    await acts.unpin(ada, message)
    assert await acts.rows(message.room_id) == before
    again = await acts.pin(ada, message)
    assert again.rev > pin.rev
    assert len((await acts.rows(message.room_id))["pins"]) == 1


async def test_pin_message_that_is_deleted_or_missing_is_refused(world: World, acts: Acts) -> None:
    ada, message = await _message(world)
    elsewhere = (await _message(world))[1]
    elsewhere.room_id = message.room_id
    for act in (acts.pin, acts.unpin):
        error = await refused(act(ada, elsewhere), MessageNotFoundError, DOMAIN)
        assert error.metadata == {"message_id": elsewhere.id}
    await acts.delete(ada, message)
    error = await refused(acts.pin(ada, message), MessageDeletedError, DOMAIN)
    assert error.metadata == {"message_id": message.id}
    await acts.unpin(ada, message)


async def test_pin_message_takes_fifty_at_once_and_no_more(
    world: World, acts: Acts, second_chat: Running
) -> None:
    ada, message = await _message(world)
    places = (acts, Acts(World(second_chat, world.admin)))
    more = [(await world.send(ada, message.room_id, f"{n}")).message for n in range(55)]
    answers = await together(places[n % 2].pin(ada, each) for n, each in enumerate(more))
    refusals = [answer.reason for answer in answers if isinstance(answer, UpstreamError)]
    assert refusals == ["PIN_LIMIT"] * 5
    query = "SELECT count(*) FROM chat.pins WHERE room_id = $1 AND removed_at IS NULL"
    assert await world.admin.fetchval(query, UUID(message.room_id)) == 50
    await refused(acts.pin(ada, message), PinLimitError, DOMAIN)
    # What is pinned can be pinned again, and one that goes makes room.
    pinned = [
        each for each, answer in zip(more, answers, strict=True) if not isinstance(answer, BaseException)
    ]
    await acts.pin(ada, pinned[0])
    await acts.unpin(ada, pinned[0])
    assert (await acts.pin(ada, message)).message_id == message.id


async def test_pins_statements_per_call_are_fixed(world: World, acts: Acts) -> None:
    ada, message = await _message(world)
    begun = ["BEGIN", "chat.lock_visible_room", "chat.room", "chat.pin_target"]
    ended = ["chat.insert_audit_log", "chat.set_room_counters", "COMMIT"]
    steps = [
        (acts.pin, [*begun, "chat.pin_message", "chat.insert_system_message", *ended]),
        (acts.pin, [*begun, "COMMIT"]),
        (acts.unpin, [*begun, "chat.unpin_message", *ended]),
        (acts.unpin, [*begun, "COMMIT"]),
    ]
    for act, expected in steps:
        with world.chat.counting() as statements:
            await act(ada, message)
        assert statements == expected
