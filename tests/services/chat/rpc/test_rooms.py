"""CreateRoom, GetRoom and JoinRoom over a real channel."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from google.protobuf.duration_pb2 import Duration

from seda.chat.v1.message_pb2 import MessageType, SystemEvent
from seda.chat.v1.room_pb2 import MemberRole, Room
from seda.chat.v1.room_service_pb2 import CreateRoomResponse
from servicekit.errors import CallerSuspendedError, InvalidFieldsError
from services.chat.domain.errors import (
    BannedError,
    RequestIdReusedError,
    RoomArchivedError,
    RoomNotFoundError,
)
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import refused


async def test_create_room_makes_the_caller_its_owner(client: ChatClient) -> None:
    ada = new_user()
    created = await client.call(
        ada, "CreateRoom", room={"name": "Vinyl", "description": "Nothing else", "private": True}
    )
    got = await client.get_room(ada, created.room.id)
    assert got.room == created.room
    assert (got.room.name, got.room.description, got.room.private) == ("Vinyl", "Nothing else", True)
    assert got.room.creator_id == await client.db.user_id(ada)
    assert got.membership.role == MemberRole.MEMBER_ROLE_OWNER
    assert (got.room.rev, got.membership.rev, got.position.rev) == (1, 2, 2)
    assert len(got.position.epoch) == 16
    assert not created.deduplicated


async def test_create_room_sets_announcement_and_slow_mode_at_once(client: ChatClient) -> None:
    ada, request_id = new_user(), str(uuid.uuid4())
    wanted = Room(name="News", announcement=True, slow_mode_interval=Duration(seconds=30), member_count=9)
    created = (await client.call(ada, "CreateRoom", room=wanted, request_id=request_id)).room
    assert (created.announcement, created.slow_mode_interval.seconds, created.member_count) == (True, 30, 1)
    assert (await client.get_room(ada, created.id)).room == created
    wanted.announcement = False
    reused = client.call(ada, "CreateRoom", room=wanted, request_id=request_id)
    await refused(reused, RequestIdReusedError, DOMAIN)


async def test_create_room_repeated_with_its_request_id_gives_the_first_room(client: ChatClient) -> None:
    ada, request_id = new_user(), str(uuid.uuid4())
    first = await client.create_room(ada, "One", request_id=request_id)
    again = await client.call(ada, "CreateRoom", room={"name": "One"}, request_id=request_id)
    assert again.room == first
    assert again.deduplicated
    # The same id of somebody else is another request.
    other = await client.create_room(new_user(), "One", request_id=request_id)
    assert other.id != first.id


async def test_create_room_repeated_by_who_may_not_see_the_room_any_more(client: ChatClient) -> None:
    ada, request_id = new_user(), str(uuid.uuid4())
    for private, error in ((True, RoomNotFoundError), (False, BannedError)):
        room = await client.create_room(ada, "One", request_id, private=private)
        await client.admin.execute(
            """
            INSERT INTO chat.sanctions (id, room_id, user_id, kind, reason, issued_by, starts_at, rev)
            SELECT gen_random_uuid(), $1, created_by, 'BAN', 'x', created_by, now(), 3
              FROM chat.rooms WHERE id = $1
            """,
            room.id,
        )
        await refused(client.create_room(ada, "One", request_id, private=private), error, DOMAIN)
        request_id = str(uuid.uuid4())


async def test_create_room_refuses_a_request_id_with_other_fields(client: ChatClient) -> None:
    ada, request_id = new_user(), str(uuid.uuid4())
    await client.create_room(ada, "One", request_id=request_id)
    error = await refused(client.create_room(ada, "Two", request_id=request_id), RequestIdReusedError, DOMAIN)
    assert error.metadata == {"request_id": request_id}


@pytest.fixture(params=["with the index of earlier builds", "without"])
async def request_id_index(request: pytest.FixtureRequest, client: ChatClient) -> AsyncIterator[None]:
    """Unique request ids of creators, or not: there can be no such index across partitions."""
    if request.param != "without":
        yield
        return
    await client.admin.execute("ALTER INDEX chat.rooms_created_by_request_id_key RENAME TO earlier")
    definition = await client.admin.fetchval("SELECT pg_get_indexdef('chat.earlier'::regclass)")
    await client.admin.execute("DROP INDEX chat.earlier")
    yield
    await client.admin.execute(
        definition.replace(" earlier ", " rooms_created_by_request_id_key ").replace(" ONLY ", " ")
    )


@pytest.mark.usefixtures("request_id_index")
async def test_create_room_concurrently_with_one_request_id_makes_one_room(client: ChatClient) -> None:
    ada, request_id = new_user(), str(uuid.uuid4())
    answers: list[CreateRoomResponse] = await asyncio.gather(
        *(client.call(ada, "CreateRoom", room={"name": "One"}, request_id=request_id) for _ in range(30))
    )
    assert len({answer.room.id for answer in answers}) == 1
    assert sum(not answer.deduplicated for answer in answers) == 1


async def test_nobody_can_tell_which_room_a_request_id_makes(client: ChatClient) -> None:
    """Its id follows from a secret of the database as well."""
    ada, request_id = new_user(), str(uuid.uuid4())
    ids = set()
    for _ in range(2):
        await client.admin.execute("UPDATE chat.instance SET id = gen_random_uuid()")
        room = await client.create_room(ada, "One", request_id=request_id)
        await client.admin.execute(
            "UPDATE chat.rooms SET request_id = NULL, payload_hash = NULL WHERE id = $1", uuid.UUID(room.id)
        )
        ids.add(room.id)
    assert len(ids) == 2
    assert {uuid.UUID(each).version for each in ids} == {5}


async def test_create_room_of_a_suspended_caller_is_refused(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    await client.admin.execute(
        "UPDATE users.users SET suspended_until = now() + interval '1 hour' WHERE email = $1", ada
    )
    client.chat.forget_callers()
    await refused(client.create_room(ada), CallerSuspendedError, DOMAIN)
    assert (await client.get_room(ada, room.id)).room == room
    await client.admin.execute(
        "UPDATE users.users SET suspended_until = now() - interval '1 second' WHERE email = $1", ada
    )
    client.chat.forget_callers()
    assert (await client.create_room(ada)).id


@pytest.mark.parametrize(
    ("name", "request_id", "field"),
    [
        ("", "", "room.name"),
        ("x" * 81, "", "room.name"),
        ("a\x00b", "", "room.name"),
        ("x", "7", "request_id"),
    ],
)
async def test_create_room_names_the_field_at_fault(
    client: ChatClient, name: str, request_id: str, field: str
) -> None:
    error = await refused(client.create_room(new_user(), name, request_id), InvalidFieldsError, DOMAIN)
    assert [violation.field for violation in error.violations] == [field]


async def test_get_room_hides_a_private_room_as_if_it_were_missing(client: ChatClient) -> None:
    ada, eve = new_user(), new_user()
    hidden = await client.create_room(ada, private=True)
    missing = str(uuid.uuid4())
    errors = [
        await refused(client.get_room(eve, room_id), RoomNotFoundError, DOMAIN)
        for room_id in (hidden.id, missing)
    ]
    assert errors[0].message == errors[1].message
    assert errors[0].metadata == {"room_id": hidden.id}


async def test_get_room_shows_a_private_room_to_the_invited(client: ChatClient) -> None:
    ada, bob = new_user(), new_user()
    room = await client.create_room(ada, private=True)
    await client.create_room(bob)
    await client.db.add_invitation(room.id, bob)
    got = await client.get_room(bob, room.id)
    assert got.room == room
    assert not got.HasField("membership")


async def test_get_room_of_the_banned(client: ChatClient) -> None:
    ada, bob = new_user(), new_user()
    for private, error in ((False, BannedError), (True, RoomNotFoundError)):
        room = await client.create_room(ada, private=private)
        await client.create_room(bob)
        # An invitation from before the ban opens nothing.
        await client.db.add_invitation(room.id, bob)
        await client.db.add_sanction(room.id, bob, "BAN")
        await refused(client.get_room(bob, room.id), error, DOMAIN)
        await refused(client.join_room(bob, room.id), error, DOMAIN)


async def test_join_room_tells_the_room_once(client: ChatClient) -> None:
    ada, bob = new_user(), new_user()
    room = await client.create_room(ada)
    first = await client.join_room(bob, room.id)
    again = await client.join_room(bob, room.id)
    assert first == again
    assert first.membership.role == MemberRole.MEMBER_ROLE_MEMBER
    messages = (await client.list_messages(bob, room.id)).messages
    assert [(m.type, m.system_event, m.author_id) for m in messages] == [
        (MessageType.MESSAGE_TYPE_SYSTEM, SystemEvent.SYSTEM_EVENT_JOINED, await client.db.user_id(bob))
    ]
    position = (await client.get_room(bob, room.id)).position
    assert (first.membership.rev, messages[0].rev, position.rev) == (3, 4, 4)


async def test_join_room_lets_the_invited_into_a_private_room(client: ChatClient) -> None:
    ada, bob, eve = new_user(), new_user(), new_user()
    room = await client.create_room(ada, private=True)
    await client.create_room(bob)
    await client.db.add_invitation(room.id, bob)
    assert (await client.join_room(bob, room.id)).membership.user_id == await client.db.user_id(bob)
    assert await client.admin.fetchval(
        "SELECT ended_at IS NOT NULL FROM chat.room_invitations WHERE room_id = $1", room.id
    )
    await refused(client.join_room(eve, room.id), RoomNotFoundError, DOMAIN)


async def test_join_room_that_is_archived_is_refused(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    await client.admin.execute("UPDATE chat.rooms SET archived_at = now() WHERE id = $1", room.id)
    await refused(client.join_room(new_user(), room.id), RoomArchivedError, DOMAIN)
    # Who is in stays in.
    assert (await client.join_room(ada, room.id)).membership.role == MemberRole.MEMBER_ROLE_OWNER


async def test_join_room_by_many_at_once_numbers_them_without_a_gap(client: ChatClient) -> None:
    room = await client.create_room(new_user())
    await asyncio.gather(*(client.join_room(new_user(), room.id) for _ in range(15)))
    numbers = await client.db.seqs_and_revs(room.id)
    assert [seq for seq, _ in numbers] == list(range(1, 16))
    # Each joining is two changes: the membership, then the message.
    assert [rev for _, rev in numbers] == list(range(4, 34, 2))
