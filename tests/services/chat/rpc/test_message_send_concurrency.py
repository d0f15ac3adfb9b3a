"""SendMessage by many at once, into locked rooms, cancelled, without tracks; and what it costs."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

from seda.chat.v1.message_service_pb2 import SendMessageRequest, SendMessageResponse
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from servicekit.errors import ServiceUnavailableError
from services.chat.domain.errors import RequestIdReusedError, RoomLockedError, RoomNotFoundError
from tests.postgres import administrator
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import Running, add_track, refused, user

_BATCH = ["BEGIN", "chat.lock_visible_room", "chat.send_context", "chat.write_batch", "COMMIT"]


async def test_send_message_with_one_request_id_over_two_processes_is_one_row(
    client: ChatClient, second_chat: Running
) -> None:
    ada, request_id = new_user(), str(uuid.uuid4())
    room = await client.create_room(ada)
    second = ChatClient(second_chat, client.admin)
    answers: list[SendMessageResponse] = await asyncio.gather(
        *(
            place.call(ada, "SendMessage", room_id=room.id, text="once", request_id=request_id)
            for place in (client, second)
            for _ in range(50)
        )
    )
    assert len({answer.message.SerializeToString(deterministic=True) for answer in answers}) == 1
    assert sum(not answer.deduplicated for answer in answers) <= 1
    assert await client.db.seqs_and_revs(room.id) == [(1, 3)]


async def test_send_message_with_a_used_request_id_fails_nobody_else(client: ChatClient) -> None:
    ada, request_id = new_user(), str(uuid.uuid4())
    room = await client.create_room(ada)
    await client.send_message(ada, room.id, "used", request_id=request_id)
    answers = await asyncio.gather(
        *(client.send_message(ada, room.id, f"{n}") for n in range(20)),
        client.send_message(ada, room.id, "other", request_id=request_id),
        *(client.send_message(ada, room.id, f"{n}") for n in range(20)),
        return_exceptions=True,
    )
    refusals = [answer for answer in answers if isinstance(answer, BaseException)]
    assert [type(error).__name__ for error in refusals] == ["UpstreamError"]
    assert [seq for seq, _ in await client.db.seqs_and_revs(room.id)] == list(range(1, 42))


async def test_send_message_by_many_into_many_rooms_numbers_each_without_a_gap(
    client: ChatClient, second_chat: Running
) -> None:
    ada = new_user()
    rooms = [await client.create_room(ada) for _ in range(5)]
    places = (client, ChatClient(second_chat, client.admin))
    await asyncio.gather(
        *(place.send_message(ada, room.id, f"{n}") for n in range(20) for room in rooms for place in places)
    )
    for room in rooms:
        assert await client.db.seqs_and_revs(room.id) == [(seq, seq + 2) for seq in range(1, 41)]


async def test_send_message_into_a_free_room_does_not_wait_for_a_locked_one(client: ChatClient) -> None:
    ada = new_user()
    locked, free = await client.create_room(ada), await client.create_room(ada)
    async with administrator(client.chat.database.server, client.chat.database.name) as foreign:
        transaction = foreign.transaction()
        await transaction.start()
        await foreign.execute("SELECT 1 FROM chat.room_counters WHERE room_id = $1 FOR UPDATE", locked.id)
        stuck = [asyncio.create_task(client.send_message(ada, locked.id, f"{n}")) for n in range(20)]
        async with asyncio.timeout(5):
            for n in range(20):
                await client.send_message(ada, free.id, f"{n}")
        assert not any(task.done() for task in stuck)
        await transaction.rollback()
    assert len(await asyncio.gather(*stuck)) == 20
    assert [seq for seq, _ in await client.db.seqs_and_revs(locked.id)] == list(range(1, 21))


async def test_send_message_cancelled_by_its_caller_is_whole_or_absent(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    calls = [
        MessageServiceStub(client.chat.channel).SendMessage(
            SendMessageRequest(room_id=room.id, text=f"{n}"), metadata=user(ada), timeout=20
        )
        for n in range(40)
    ]
    for call in calls[::2]:
        call.cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    acknowledged = {answer.message.id for answer in answers if isinstance(answer, SendMessageResponse)}
    stored = {message.id for message in (await client.list_messages(ada, room.id, page_size=100)).messages}
    assert len(acknowledged) >= 20
    assert acknowledged <= stored
    assert [seq for seq, _ in await client.db.seqs_and_revs(room.id)] == list(range(1, len(stored) + 1))


async def test_send_message_while_tracks_is_away(client: ChatClient, chat_alone: Running) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    alone = ChatClient(chat_alone, client.admin)
    assert (await alone.send_message(ada, room.id, "words still go")).seq == 1
    error = await refused(
        alone.send_message(ada, room.id, track_id=str(uuid.uuid4())), ServiceUnavailableError, DOMAIN
    )
    assert error.metadata == {"service": "tracks"}
    assert error.retry_after


async def test_send_message_of_a_track_looks_at_the_room_before_tracks(
    client: ChatClient, chat_alone: Running
) -> None:
    ada, bob, request_id = new_user(), new_user(), str(uuid.uuid4())
    room = await client.create_room(ada, private=True)
    track_id = await add_track(client.admin, "1PTG3Z6ehGkBFwjybzWkR8")
    sent = await client.send_message(ada, room.id, track_id=track_id, request_id=request_id)
    alone = ChatClient(chat_alone, client.admin)
    again = await alone.call(ada, "SendMessage", room_id=room.id, track_id=track_id, request_id=request_id)
    assert (again.message, again.deduplicated) == (sent, True)
    other = alone.send_message(ada, room.id, "other", track_id=track_id, request_id=request_id)
    await refused(other, RequestIdReusedError, DOMAIN)
    for place in (client, alone):
        unknown = place.send_message(bob, room.id, track_id=str(uuid.uuid4()))
        await refused(unknown, RoomNotFoundError, DOMAIN)
    await client.db.set_room(room.id, locked_at=datetime.now(UTC))
    await refused(alone.send_message(ada, room.id, track_id=str(uuid.uuid4())), RoomLockedError, DOMAIN)


async def test_send_message_of_a_track_costs_one_statement_more(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    track_id = await add_track(client.admin, "2PTG3Z6ehGkBFwjybzWkR8")
    for _ in range(2):
        with client.chat.counting() as statements:
            await client.send_message(ada, room.id, track_id=track_id)
        assert statements == ["chat.send_context", *_BATCH]
        with client.chat.counting() as statements:
            await client.send_message(ada, room.id, track_url="https://youtu.be/4eUqsUZBluA")
        assert statements == ["chat.send_context", *_BATCH]


async def test_send_message_costs_the_same_statements_for_one_and_for_many(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    with client.chat.counting() as statements:
        await client.send_message(ada, room.id, "one")
    assert statements == _BATCH
    with client.chat.counting() as statements:
        await asyncio.gather(*(client.send_message(ada, room.id, f"{n}") for n in range(60)))
    assert len(statements) % len(_BATCH) == 0
    # One send starts alone; the others gather behind it in very few batches.
    assert len(statements) // len(_BATCH) <= 20


async def test_the_sizes_of_batches_are_counted(client: ChatClient) -> None:
    owner = new_user()
    room_id = (await client.create_room(owner)).id
    read = client.chat.process.metrics.registry.get_sample_value

    def counted() -> tuple[float, float]:
        return read("seda_chat_send_batch_size_sum") or 0.0, read("seda_chat_send_batch_size_count") or 0.0

    messages, batches = counted()
    await asyncio.gather(*(client.send_message(owner, room_id, f"{number}") for number in range(40)))
    assert counted()[0] - messages == 40
    assert 1 <= counted()[1] - batches < 40
