"""A service acts for users through the gateway, on the real services, by the client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from seda.chat.v1.membership_service_pb2 import JoinRoomRequest
from seda.chat.v1.message_service_pb2 import DeleteMessageRequest, SendMessageRequest
from seda.chat.v1.moderation_service_pb2 import (
    ListModerationLogsRequest,
    MuteMemberRequest,
    UnmuteMemberRequest,
)
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest, GetRoomRequest, ListMyRoomsRequest
from seda.gateway.v1.gateway_service_pb2 import GetHomeRequest
from seda.users.v1.user_service_pb2 import FindUserRequest, GetUserRequest
from sedaclient import (
    AsyncSeda,
    NotFound,
    PermissionDenied,
    SedaError,
    ServiceToken,
    StaticToken,
    Unauthenticated,
    paginate,
)
from servicekit.caller import Role
from servicekit.ids import new_id
from tests.gateway.gateway_suite import GatewaySuite, gateway_suite
from tests.postgres import Database, administrator
from tests.services.chat.chat_client import new_user
from tests.services.running import SERVICE_SECRET, add_user, user

DELEGATE = "recommender"


@pytest.fixture(scope="module")
async def suite(database: Database) -> AsyncIterator[GatewaySuite]:
    async with gateway_suite(database, delegates=DELEGATE) as running:
        yield running


@pytest.fixture
async def service(suite: GatewaySuite) -> AsyncIterator[AsyncSeda]:
    auth = ServiceToken(DELEGATE, SERVICE_SECRET.encode())
    async with AsyncSeda(suite.gateway.address, auth=auth) as seda:
        yield seda


async def signed_up(database: Database, **columns: object) -> tuple[str, str]:
    """A new user's address and id."""
    email = new_user()
    async with administrator(database.server, database.name) as connection:
        return email, await add_user(connection, email, **columns)


def own(suite: GatewaySuite, email: str) -> AsyncSeda:
    """A client with the user's own token."""
    return AsyncSeda(suite.gateway.address, auth=StaticToken(user(email)[0][1].removeprefix("Bearer ")))


async def test_it_reads_and_writes_as_the_user_in_forwarded_and_composed_calls(
    service: AsyncSeda, database: Database
) -> None:
    _, user_id = await signed_up(database)
    me = service.acting_for(user_id)
    room = (await me.rooms.CreateRoom(CreateRoomRequest(room=Room(name="Mixes")))).room
    sent = await me.messages.SendMessage(SendMessageRequest(room_id=room.id, text="New mix is up"))
    assert (room.creator_id, sent.message.author_id) == (user_id, user_id)
    rooms = [each async for each in paginate(me.rooms.ListMyRooms, ListMyRoomsRequest(), items="rooms")]
    home = await me.gateway.GetHome(GetHomeRequest())
    assert [each.room.id for each in rooms] == [each.room.id for each in home.rooms] == [room.id]
    async with me.watch([room.id]) as live:
        await anext(aiter(live))
        await me.messages.SendMessage(SendMessageRequest(room_id=room.id, text="And another"))
    # Without a user it is nobody.
    with pytest.raises(PermissionDenied):
        await service.rooms.ListMyRooms(ListMyRoomsRequest())


async def test_the_audit_log_names_both(service: AsyncSeda, suite: GatewaySuite, database: Database) -> None:
    email, owner_id = await signed_up(database)
    _, member_id = await signed_up(database)
    owner = service.acting_for(owner_id)
    room = (await owner.rooms.CreateRoom(CreateRoomRequest(room=Room(name="Mixes")))).room
    await service.acting_for(member_id).memberships.JoinRoom(JoinRoomRequest(room_id=room.id))
    mute = MuteMemberRequest(room_id=room.id, user_id=member_id, reason="loud")
    # The role in the room is the user's own, and lent.
    await owner.moderation.MuteMember(mute)
    async with own(suite, email) as themselves:
        unmute = UnmuteMemberRequest(room_id=room.id, user_id=member_id, reason="calm")
        await themselves.moderation.UnmuteMember(unmute)
        logs = (
            await themselves.moderation.ListModerationLogs(ListModerationLogsRequest(room_id=room.id))
        ).logs
    assert [(each.actor_id, each.delegate) for each in logs] == [(owner_id, ""), (owner_id, DELEGATE)]


async def test_what_the_platform_role_of_the_user_adds_is_not_there(
    service: AsyncSeda, suite: GatewaySuite, database: Database
) -> None:
    email, admin_id = await signed_up(database, role=Role.ADMIN)
    _, owner_id = await signed_up(database)
    owner, admin = service.acting_for(owner_id), service.acting_for(admin_id)
    room = (await owner.rooms.CreateRoom(CreateRoomRequest(room=Room(name="Mixes")))).room
    sent = await owner.messages.SendMessage(SendMessageRequest(room_id=room.id, text="x"))
    delete = DeleteMessageRequest(room_id=room.id, message_id=sent.message.id, as_admin=True, reason="spam")
    private = CreateRoomRequest(room=Room(name="Mixes", private=True))
    hidden = (await owner.rooms.CreateRoom(private)).room
    with pytest.raises(PermissionDenied):
        await admin.messages.DeleteMessage(delete)
    with pytest.raises(NotFound):
        await admin.rooms.GetRoom(GetRoomRequest(room_id=hidden.id))
    # Nor the addresses of others, which an administrator sees.
    with pytest.raises(SedaError):
        await admin.users.FindUser(FindUserRequest(email=email))
    # Control: with their own token.
    async with own(suite, email) as themselves:
        await themselves.messages.DeleteMessage(delete)


async def test_nobody_acts_for_a_user_who_is_suspended_erased_or_unknown(
    service: AsyncSeda, database: Database
) -> None:
    _, suspended = await signed_up(database, suspended_until=datetime.now(UTC) + timedelta(hours=1))
    _, erased = await signed_up(database)
    async with administrator(database.server, database.name) as connection:
        await connection.execute(
            "UPDATE users.users SET erased_at = now(), email = NULL, supabase_id = NULL, display_name = ''"
            " WHERE id = $1",
            erased,
        )
    with pytest.raises(PermissionDenied) as raised:
        await service.acting_for(suspended).users.GetUser(GetUserRequest())
    assert raised.value.reason == "CALLER_SUSPENDED"
    for user_id in (erased, str(new_id())):
        with pytest.raises(Unauthenticated) as refused:
            await service.acting_for(user_id).rooms.ListMyRooms(ListMyRoomsRequest())
        assert refused.value.reason == "USER_ERASED"


async def test_another_service_acts_for_nobody(suite: GatewaySuite, database: Database) -> None:
    _, user_id = await signed_up(database)
    for name in ("scraper", "gateway"):
        auth = ServiceToken(name, SERVICE_SECRET.encode())
        async with AsyncSeda(suite.gateway.address, auth=auth) as seda:
            me = seda.acting_for(user_id)
            for call in (me.rooms.ListMyRooms(ListMyRoomsRequest()), me.gateway.GetHome(GetHomeRequest())):
                with pytest.raises(PermissionDenied) as raised:
                    await call
                assert raised.value.reason == "ACCESS_DENIED"
