"""ModerationService: locking and archiving rooms."""

from __future__ import annotations

import uuid

import pytest

from servicekit.caller import Role
from services.chat.domain import errors
from tests.services.chat.chat_client import DOMAIN, ChatClient, RoomWithMembers, new_user
from tests.services.running import add_user, refused


async def test_lock_room_stops_posting_and_unlock_room_allows_it(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    locked = await client.call(room.moderator, "LockRoom", room_id=room.id)
    assert locked.room.HasField("lock_time")
    assert (await client.call(room.owner, "LockRoom", room_id=room.id)) == locked
    await refused(client.send_message(room.member, room.id, "hello"), errors.RoomLockedError, DOMAIN)
    unlocked = await client.call(room.moderator, "UnlockRoom", room_id=room.id)
    assert not unlocked.room.HasField("lock_time")
    assert unlocked.room.rev > locked.room.rev
    await client.send_message(room.member, room.id, "hello")
    assert [line[:2] for line in await client.db.moderation_actions(room.id)] == [
        ("LOCK_ROOM", "MODERATOR"),
        ("UNLOCK_ROOM", "MODERATOR"),
    ]
    events = await client.admin.fetch(
        "SELECT system_event FROM chat.messages WHERE room_id = $1 AND type = 'SYSTEM' ORDER BY seq DESC LIMIT 2",
        uuid.UUID(room.id),
    )
    assert [row["system_event"] for row in events] == ["UNLOCKED", "LOCKED"]


async def test_archive_room_is_the_owners_and_ends_all_changes(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    error = await refused(
        client.call(room.moderator, "ArchiveRoom", room_id=room.id), errors.RoleRequiredError, DOMAIN
    )
    assert error.metadata == {"role": "OWNER"}
    archived = await client.call(room.owner, "ArchiveRoom", room_id=room.id)
    assert archived.room.HasField("archive_time")
    await refused(client.send_message(room.owner, room.id, "hello"), errors.RoomArchivedError, DOMAIN)
    await refused(client.join_room(new_user(), room.id), errors.RoomArchivedError, DOMAIN)
    await refused(client.call(room.owner, "LockRoom", room_id=room.id), errors.RoomArchivedError, DOMAIN)
    assert (await client.call(room.owner, "ArchiveRoom", room_id=room.id)) == archived
    await client.call(room.owner, "UnarchiveRoom", room_id=room.id)
    await client.send_message(room.owner, room.id, "hello")


@pytest.mark.parametrize("method", ["LockRoom", "UnlockRoom", "ArchiveRoom", "UnarchiveRoom"])
async def test_room_states_are_an_administrators_with_as_admin(
    method: str,
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    admin = new_user()
    await add_user(client.admin, admin, role=Role.ADMIN)
    await refused(client.call(admin, method, room_id=room.id), errors.NotAMemberError, DOMAIN)
    await client.call(admin, method, room_id=room.id, as_admin=True)
