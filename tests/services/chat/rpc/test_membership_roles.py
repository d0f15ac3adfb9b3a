"""LeaveRoom, SetMemberRole, and what both keep in order: owners, counts, the users' own numbers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from seda.chat.v1.membership_service_pb2 import LeaveRoomResponse
from seda.chat.v1.room_pb2 import MEMBER_ROLE_MEMBER, MEMBER_ROLE_MODERATOR, MEMBER_ROLE_OWNER, Room
from servicekit.caller import Caller, Role
from servicekit.database import Database, Session
from servicekit.errors import CallerSuspendedError, InternalError, InvalidFieldsError
from servicekit.ids import new_id
from servicekit.rpc_status import UpstreamError
from services.chat.actions import room_transaction as actions
from services.chat.actions.room_transaction import RoomTransaction, with_room_lock
from services.chat.domain import errors
from services.chat.store import audit_log, room_transaction, rooms
from services.chat.store.room_transaction import CountersRow
from tests.postgres import administrator
from tests.services.chat.chat_client import DOMAIN, ChatClient, RoomWithMembers, new_user
from tests.services.running import refused, until_blocked

_T = TypeVar("_T")


async def leave(client: ChatClient, email: str, room_id: str) -> LeaveRoomResponse:
    """Leave a room."""
    answer = await client.call(email, "LeaveRoom", room_id=room_id)
    assert isinstance(answer, LeaveRoomResponse)
    return answer


async def set_role(client: ChatClient, email: str, room_id: str, target: str, role: int) -> Any:
    """Give a member another role."""
    user_id = await client.db.user_id(target)
    return await client.call(email, "SetMemberRole", room_id=room_id, user_id=user_id, role=role)


async def members(client: ChatClient, room_id: str) -> dict[str, str]:
    """The members by their ids, with their roles, counted again; the room's own count must be the same."""
    rows = await client.admin.fetch(
        "SELECT user_id, role FROM chat.room_memberships WHERE room_id = $1 AND left_at IS NULL", room_id
    )
    counted = await client.admin.fetchval(
        "SELECT member_count FROM chat.room_counters WHERE room_id = $1", room_id
    )
    assert counted == len(rows)
    return {str(row["user_id"]): row["role"] for row in rows}


async def rooms_rev(client: ChatClient, email: str) -> int:
    """The number of the user's last change of rooms."""
    found = await client.admin.fetchval(
        "SELECT rooms_rev FROM chat.user_counters WHERE user_id = $1", await client.db.user_id(email)
    )
    return int(found or 0)


async def test_leave_room_ends_the_membership_once(client: ChatClient, room: RoomWithMembers) -> None:
    before = (await client.get_room(room.owner, room.id)).room.member_count
    moved = await rooms_rev(client, room.member)
    await leave(client, room.member, room.id)
    got = await client.get_room(room.member, room.id)
    assert not got.HasField("membership")
    assert got.room.member_count == before - 1
    assert await client.db.membership_end(room.id, room.member) == ("LEFT", True)
    assert await rooms_rev(client, room.member) == moved + 1
    # Once more changes nothing, nor does it for somebody who was never there.
    await leave(client, room.member, room.id)
    await leave(client, new_user(), room.id)
    again = await client.get_room(room.member, room.id)
    assert again == got
    assert await rooms_rev(client, room.member) == moved + 1
    assert await client.db.user_id(room.member) not in await members(client, room.id)


async def test_leave_room_of_a_private_room_closes_it_behind(client: ChatClient) -> None:
    ada, bob = new_user(), new_user()
    room = await client.create_room(ada, private=True)
    await client.create_room(bob)
    await client.call(ada, "InviteUser", room_id=room.id, user_id=await client.db.user_id(bob))
    await client.join_room(bob, room.id)
    await leave(client, bob, room.id)
    for call in (client.join_room(bob, room.id), client.get_room(bob, room.id)):
        await refused(call, errors.RoomNotFoundError, DOMAIN)
    # A repeat succeeds, also where there is no such room.
    for room_id in (room.id, str(uuid.uuid4())):
        assert await leave(client, bob, room_id) == LeaveRoomResponse()


async def test_leave_room_and_come_back_keeps_slow_mode_and_starts_as_a_member(
    client: ChatClient, room: RoomWithMembers
) -> None:
    await client.db.set_room(room.id, slow_mode_seconds=600)
    await client.send_message(room.member, room.id, "first")
    await client.db.set_role(room.id, room.other, "MODERATOR")
    for email in (room.member, room.other):
        await leave(client, email, room.id)
        joined = (await client.join_room(email, room.id)).membership
        assert joined.role == MEMBER_ROLE_MEMBER
    error = await refused(client.send_message(room.member, room.id, "second"), errors.SlowModeError, DOMAIN)
    assert error.retry_after is not None
    assert error.retry_after > 500
    assert await client.db.membership_end(room.id, room.member) == (None, False)


async def test_leave_room_of_a_suspended_caller_is_refused(client: ChatClient, room: RoomWithMembers) -> None:
    await client.admin.execute(
        "UPDATE users.users SET suspended_until = now() + interval '1 hour' WHERE email = $1", room.member
    )
    client.chat.forget_callers()
    await refused(leave(client, room.member, room.id), CallerSuspendedError, DOMAIN)
    # What there is nothing to change of is refused, too: it is the caller who may not.
    await refused(client.join_room(room.member, room.id), CallerSuspendedError, DOMAIN)
    await refused(set_role(client, room.member, room.id, room.other, 2), CallerSuspendedError, DOMAIN)


async def test_leave_room_of_the_last_owner_is_refused(client: ChatClient, room: RoomWithMembers) -> None:
    await refused(leave(client, room.owner, room.id), errors.LastOwnerError, DOMAIN)
    await set_role(client, room.owner, room.id, room.member, MEMBER_ROLE_OWNER)
    await leave(client, room.owner, room.id)
    await refused(leave(client, room.member, room.id), errors.LastOwnerError, DOMAIN)
    # A locked and archived room can be left all the same.
    await client.admin.execute(
        "UPDATE chat.rooms SET archived_at = now(), locked_at = now() WHERE id = $1", room.id
    )
    await leave(client, room.other, room.id)


async def two_owners(client: ChatClient) -> tuple[str, str, Room]:
    """A room with two owners."""
    ada, bob = new_user(), new_user()
    room = await client.create_room(ada)
    await client.join_room(bob, room.id)
    await set_role(client, ada, room.id, bob, MEMBER_ROLE_OWNER)
    return ada, bob, room


async def both_leave(client: ChatClient, ada: str, bob: str, room: Room) -> list[str]:
    """How two owners' leaving at once ends: reasons, empty for who got out."""
    outcomes = await asyncio.gather(
        leave(client, ada, room.id), leave(client, bob, room.id), return_exceptions=True
    )
    assert all(isinstance(each, UpstreamError | LeaveRoomResponse) for each in outcomes)
    return sorted(each.reason if isinstance(each, UpstreamError) else "" for each in outcomes)


async def test_leave_room_by_two_owners_at_once_keeps_one(client: ChatClient) -> None:
    for _ in range(10):
        ada, bob, room = await two_owners(client)
        # Both are on their way before either decides.
        async with administrator(client.chat.database.server, client.chat.database.name) as holder:
            transaction = holder.transaction()
            await transaction.start()
            await holder.execute("SELECT 1 FROM chat.room_counters WHERE room_id = $1 FOR UPDATE", room.id)
            leaving = asyncio.create_task(both_leave(client, ada, bob, room))
            await until_blocked(client.admin, 2)
            await transaction.rollback()
        assert await leaving == ["", "LAST_OWNER"]
        assert list((await members(client, room.id)).values()) == ["OWNER"]


async def test_leave_room_with_the_lock_taken_last_would_keep_none(
    client: ChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided = asyncio.Barrier(2)

    async def lock_last(
        database: Database,
        caller: Caller,
        room_id: uuid.UUID,
        act: Callable[[RoomTransaction], Awaitable[_T]],
    ) -> _T:
        async def work(session: Session) -> _T:
            row = await rooms.get_room(session, room_id, caller)
            assert row is not None
            numbers = CountersRow(room_id, row.last_seq, row.last_rev, row.room.member_count)
            change = RoomTransaction(
                session=session,
                room_id=room_id,
                caller=caller,
                membership=row.membership,
                room=row.room,
                member=row.member(caller.user_id),
                _counters=numbers,
            )
            result = await act(change)
            await decided.wait()
            await room_transaction.lock_rooms(session, [room_id], wait=True)
            await change.flush(numbers)
            return result

        return await database.run_in_transaction(work)

    ada, bob, room = await two_owners(client)
    monkeypatch.setattr(actions, "with_room_lock", lock_last)
    assert await both_leave(client, ada, bob, room) == ["", ""]
    assert not await client.admin.fetchval(
        "SELECT count(*) FROM chat.room_memberships WHERE room_id = $1 AND left_at IS NULL", room.id
    )


async def test_set_member_role_changes_it_and_tells_the_member(
    client: ChatClient, room: RoomWithMembers
) -> None:
    moved = await rooms_rev(client, room.member)
    changed = await set_role(client, room.owner, room.id, room.member, MEMBER_ROLE_MODERATOR)
    got = await client.get_room(room.member, room.id)
    assert got.membership == changed.member
    assert got.membership.role == MEMBER_ROLE_MODERATOR
    assert (changed.member.rev, got.position.rev) == (got.position.rev - 1, changed.member.rev + 1)
    assert await rooms_rev(client, room.member) == moved + 1
    target = await client.db.user_id(room.member)
    row = await client.admin.fetchrow(
        "SELECT action, actor_role, target_user_id::text, before, after FROM chat.moderation_logs"
        " WHERE room_id = $1",
        room.id,
    )
    assert row is not None
    assert tuple(row) == ("SET_ROLE", "OWNER", target, '{"role": "MEMBER"}', '{"role": "MODERATOR"}')
    # The same role again changes nothing.
    again = await set_role(client, room.owner, room.id, room.member, MEMBER_ROLE_MODERATOR)
    assert again == changed
    assert (await client.get_room(room.member, room.id)).position.rev == got.position.rev
    assert await rooms_rev(client, room.member) == moved + 1
    await set_role(client, room.owner, room.id, room.member, MEMBER_ROLE_MEMBER)
    assert (await members(client, room.id))[target] == "MEMBER"


async def test_set_member_role_is_for_owners_who_are_not_muted(
    client: ChatClient, room: RoomWithMembers
) -> None:
    for email in (room.moderator, room.member):
        call = set_role(client, email, room.id, room.other, MEMBER_ROLE_MODERATOR)
        error = await refused(call, errors.RoleRequiredError, DOMAIN)
        assert error.metadata == {"role": "OWNER"}
    await refused(set_role(client, new_user(), room.id, room.other, 2), errors.NotAMemberError, DOMAIN)
    await client.db.add_sanction(room.id, room.member, "MUTE")
    await refused(set_role(client, room.member, room.id, room.other, 2), errors.CallerMutedError, DOMAIN)
    await client.admin.execute(
        "UPDATE users.users SET muted_until = now() + interval '1 hour' WHERE email = $1", room.owner
    )
    client.chat.forget_callers()
    call = set_role(client, room.owner, room.id, room.other, 2)
    error = await refused(call, errors.CallerMutedError, DOMAIN)
    assert error.metadata == {"scope": "platform"}


async def test_set_member_role_protects_owners_and_oneself(client: ChatClient) -> None:
    ada, bob, room = await two_owners(client)
    for target in (ada, bob):
        call = set_role(client, ada, room.id, target, MEMBER_ROLE_MEMBER)
        error = await refused(call, errors.TargetProtectedError, DOMAIN)
        assert error.metadata == {"user_id": await client.db.user_id(target)}
    assert set((await members(client, room.id)).values()) == {"OWNER"}


async def test_set_member_role_of_who_is_no_member_is_refused(
    client: ChatClient, room: RoomWithMembers
) -> None:
    await leave(client, room.member, room.id)
    call = set_role(client, room.owner, room.id, room.member, MEMBER_ROLE_MODERATOR)
    error = await refused(call, errors.MemberNotFoundError, DOMAIN)
    assert error.metadata == {"user_id": await client.db.user_id(room.member)}
    call = client.call(
        room.owner, "SetMemberRole", room_id=room.id, user_id=str(uuid.uuid4()), role=MEMBER_ROLE_MEMBER
    )
    await refused(call, errors.MemberNotFoundError, DOMAIN)


async def test_set_member_role_in_an_archived_room_is_refused(
    client: ChatClient, room: RoomWithMembers
) -> None:
    await client.admin.execute("UPDATE chat.rooms SET archived_at = now() WHERE id = $1", room.id)
    call = set_role(client, room.owner, room.id, room.member, MEMBER_ROLE_MODERATOR)
    await refused(call, errors.RoomArchivedError, DOMAIN)


async def test_set_member_role_to_no_role_is_refused(client: ChatClient, room: RoomWithMembers) -> None:
    for role in (0, 9):
        call = set_role(client, room.owner, room.id, room.member, role)
        error = await refused(call, InvalidFieldsError, DOMAIN)
        assert [each.field for each in error.violations] == ["role"]


async def test_set_member_role_and_its_log_line_are_one(
    client: ChatClient, room: RoomWithMembers, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (await client.get_room(room.owner, room.id)).position.rev

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the log is full")

    monkeypatch.setattr(audit_log, "insert", fail)
    call = set_role(client, room.owner, room.id, room.member, MEMBER_ROLE_MODERATOR)
    await refused(call, InternalError, DOMAIN)
    assert (await members(client, room.id))[await client.db.user_id(room.member)] == "MEMBER"
    assert (await client.get_room(room.owner, room.id)).position.rev == before


async def test_memberships_that_change_all_at_once_stay_counted(
    client: ChatClient, room: RoomWithMembers
) -> None:
    crowd = [new_user() for _ in range(5)]

    async def come_and_go(email: str) -> None:
        user_id = (await client.join_room(email, room.id)).membership.user_id
        fields = {"room_id": room.id, "user_id": user_id, "role": MEMBER_ROLE_MODERATOR}
        await client.call(room.owner, "SetMemberRole", **fields)
        await leave(client, email, room.id)
        await client.join_room(email, room.id)

    await asyncio.gather(*map(come_and_go, crowd), *(leave(client, room.other, room.id) for _ in range(2)))
    roles = await members(client, room.id)
    assert [roles[await client.db.user_id(email)] for email in crowd] == ["MEMBER"] * 5
    assert len(roles) == 5 + 3
    assert {await rooms_rev(client, email) for email in crowd} == {4}
    revs = await client.admin.fetch(
        "SELECT rev FROM chat.room_memberships WHERE room_id = $1 UNION ALL"
        " SELECT rev FROM chat.messages WHERE room_id = $1 UNION ALL"
        " SELECT rev FROM chat.moderation_logs WHERE room_id = $1",
        room.id,
    )
    numbers = [row["rev"] for row in revs]
    assert len(numbers) == len(set(numbers))
    assert max(numbers) == (await client.get_room(room.owner, room.id)).position.rev


async def test_changes_of_two_rooms_that_touch_the_same_users_do_not_wait_in_a_ring(
    client: ChatClient,
) -> None:
    ada = new_user()
    one, two = [uuid.UUID((await client.create_room(ada)).id) for _ in range(2)]
    caller = Caller(uuid.UUID(await client.db.user_id(ada)), Role.USER, None, None)
    touched = [new_id() for _ in range(500)]

    async def touch(room_id: uuid.UUID) -> None:
        async def act(change: RoomTransaction) -> None:
            for user_id in touched:
                change.mark_user_changed(user_id)

        await with_room_lock(client.chat.process.context.database, caller, room_id, act)

    await touch(one)
    async with administrator(client.chat.database.server, client.chat.database.name) as holder:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT 1 FROM chat.user_counters WHERE user_id = $1 FOR UPDATE", min(touched))
        with client.chat.counting() as statements:
            both = asyncio.gather(touch(one), touch(two))
            await until_blocked(client.admin, 2)
            # Everybody waits for the first user and has none of the others.
            free = await client.admin.fetch(
                "SELECT 1 FROM chat.user_counters WHERE user_id = ANY($1) FOR UPDATE SKIP LOCKED", touched
            )
            assert len(free) == len(touched) - 1
            await transaction.rollback()
            await both
    assert "ROLLBACK" not in statements
    counted = await client.admin.fetch(
        "SELECT DISTINCT rooms_rev FROM chat.user_counters WHERE user_id = ANY($1)", touched
    )
    assert [row["rooms_rev"] for row in counted] == [3]
