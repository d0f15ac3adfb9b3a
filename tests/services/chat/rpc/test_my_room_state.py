"""The caller's own state in GetRoom and ListMyRooms, and the number of the last change of their rooms."""

from __future__ import annotations

import datetime as dt

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from seda.chat.v1.room_service_pb2 import GetMyRoomsRevResponse, MyRoom
from tests.services.chat.chat_client import ChatClient, RoomWithMembers, new_user

_FOREVER = Timestamp(seconds=int(dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC).timestamp()))


async def my_room(client: ChatClient, email: str) -> MyRoom:
    """The only room of a user, as ListMyRooms has it."""
    (found,) = (await client.call(email, "ListMyRooms")).rooms
    assert isinstance(found, MyRoom)
    return found


async def rooms_rev(client: ChatClient, email: str) -> int:
    """What GetMyRoomsRev answers."""
    response: GetMyRoomsRevResponse = await client.call(email, "GetMyRoomsRev")
    return response.rooms_rev


async def test_get_room_has_the_read_marker_of_its_caller(client: ChatClient) -> None:
    ada, bob = new_user(), new_user()
    room = await client.create_room(ada)
    await client.join_room(bob, room.id)
    for text in "one", "two":
        await client.send_message(ada, room.id, text)
    assert (await client.get_room(bob, room.id)).last_read_seq == 0
    await client.call(bob, "MarkRead", room_id=room.id, seq=2)
    assert (await client.get_room(bob, room.id)).last_read_seq == 2
    assert (await client.get_room(ada, room.id)).last_read_seq == 0
    assert (await client.get_room(new_user(), room.id)).last_read_seq == 0


async def test_a_mute_is_shown_to_who_is_muted_while_it_lasts(
    client: ChatClient, room: RoomWithMembers
) -> None:
    ada, bob, eve, room_id = room.owner, room.member, room.other, room.id
    user_id = await client.db.user_id(bob)
    assert not (await client.get_room(bob, room_id)).HasField("mute_expire_time")
    assert not (await my_room(client, bob)).HasField("mute_expire_time")

    await client.call(ada, "MuteMember", room_id=room_id, user_id=user_id)
    assert (await client.get_room(bob, room_id)).mute_expire_time == _FOREVER
    assert (await my_room(client, bob)).mute_expire_time == _FOREVER
    assert not (await client.get_room(eve, room_id)).HasField("mute_expire_time")
    assert not (await my_room(client, eve)).HasField("mute_expire_time")

    await client.call(ada, "MuteMember", room_id=room_id, user_id=user_id, duration=Duration(seconds=3_600))
    expires = await client.admin.fetchval(
        "SELECT expires_at FROM chat.sanctions WHERE user_id = $1 AND ended_at IS NULL", user_id
    )
    for shown in ((await client.get_room(bob, room_id)), (await my_room(client, bob))):
        assert shown.mute_expire_time.ToDatetime(dt.UTC) == expires

    await client.admin.execute(
        "UPDATE chat.sanctions SET expires_at = now() - interval '1 second', starts_at = now() - interval '1 hour'"
        " WHERE user_id = $1 AND ended_at IS NULL",
        user_id,
    )
    assert not (await client.get_room(bob, room_id)).HasField("mute_expire_time")
    assert not (await my_room(client, bob)).HasField("mute_expire_time")


async def test_list_my_rooms_names_the_epoch_even_without_rooms(client: ChatClient) -> None:
    ada = new_user()
    empty = await client.call(ada, "ListMyRooms")
    await client.create_room(ada)
    listed = await client.call(ada, "ListMyRooms")
    assert (list(empty.rooms), bool(empty.epoch)) == ([], True)
    assert empty.epoch == listed.epoch == listed.rooms[0].position.epoch


async def test_get_my_rooms_rev_moves_with_every_change_of_the_callers_memberships(
    client: ChatClient,
) -> None:
    ada, bob = new_user(), new_user()
    assert await rooms_rev(client, bob) == 0
    room = await client.create_room(ada)
    revs = [await rooms_rev(client, bob)]
    for method in "JoinRoom", "LeaveRoom":
        await client.call(bob, method, room_id=room.id)
        revs.append(await rooms_rev(client, bob))
    assert revs == sorted(set(revs))
    before = await rooms_rev(client, ada)
    await client.send_message(ada, room.id, "hello")
    await client.call(ada, "MarkRead", room_id=room.id, seq=1)
    assert await rooms_rev(client, ada) == before
    assert (await client.call(ada, "GetMyRoomsRev")).epoch == (
        await client.get_room(ada, room.id)
    ).position.epoch
