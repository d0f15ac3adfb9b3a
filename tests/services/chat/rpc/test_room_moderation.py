"""ModerationService: locking and archiving rooms."""

from __future__ import annotations

import uuid

import pytest

from servicekit.caller import Role
from services.chat.domain import errors
from tests.services.chat.moderators import Cast, Moderators
from tests.services.chat.world import DOMAIN, World, new_user
from tests.services.running import add_user, refused


async def test_lock_room_stops_posting_and_unlock_room_allows_it(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    locked = await moderators.act("LockRoom", cast.moderator, cast.room_id)
    assert locked.room.HasField("lock_time")
    assert (await moderators.act("LockRoom", cast.owner, cast.room_id)) == locked
    await refused(world.send(cast.member, cast.room_id, "hello"), errors.RoomLockedError, DOMAIN)
    unlocked = await moderators.act("UnlockRoom", cast.moderator, cast.room_id)
    assert not unlocked.room.HasField("lock_time")
    assert unlocked.room.rev > locked.room.rev
    await world.send(cast.member, cast.room_id, "hello")
    assert [line[:2] for line in await cast.log()] == [
        ("LOCK_ROOM", "MODERATOR"),
        ("UNLOCK_ROOM", "MODERATOR"),
    ]
    events = await world.admin.fetch(
        "SELECT system_event FROM chat.messages WHERE room_id = $1 AND type = 'SYSTEM' ORDER BY seq DESC LIMIT 2",
        uuid.UUID(cast.room_id),
    )
    assert [row["system_event"] for row in events] == ["UNLOCKED", "LOCKED"]


async def test_archive_room_is_the_owners_and_ends_all_changes(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    error = await refused(
        moderators.act("ArchiveRoom", cast.moderator, cast.room_id), errors.RoleRequiredError, DOMAIN
    )
    assert error.metadata == {"role": "OWNER"}
    archived = await moderators.act("ArchiveRoom", cast.owner, cast.room_id)
    assert archived.room.HasField("archive_time")
    await refused(world.send(cast.owner, cast.room_id, "hello"), errors.RoomArchivedError, DOMAIN)
    await refused(world.join(new_user(), cast.room_id), errors.RoomArchivedError, DOMAIN)
    await refused(moderators.act("LockRoom", cast.owner, cast.room_id), errors.RoomArchivedError, DOMAIN)
    assert (await moderators.act("ArchiveRoom", cast.owner, cast.room_id)) == archived
    await moderators.act("UnarchiveRoom", cast.owner, cast.room_id)
    await world.send(cast.owner, cast.room_id, "hello")


@pytest.mark.parametrize("method", ["LockRoom", "UnlockRoom", "ArchiveRoom", "UnarchiveRoom"])
async def test_room_states_are_an_administrators_with_as_admin(
    method: str, world: World, cast: Cast, moderators: Moderators
) -> None:
    admin = new_user()
    await add_user(world.admin, admin, role=Role.ADMIN)
    await refused(moderators.act(method, admin, cast.room_id), errors.NotAMemberError, DOMAIN)
    await moderators.act(method, admin, cast.room_id, as_admin=True)


async def test_room_states_statements_per_call_are_fixed(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    with world.chat.counting() as statements:
        await moderators.act("LockRoom", cast.moderator, cast.room_id)
        assert statements == [
            "BEGIN",
            "chat.lock_visible_room",
            "chat.room",
            "chat.lock_room",
            "chat.insert_system_message",
            "chat.room",
            "chat.insert_audit_log",
            "chat.set_room_counters",
            "COMMIT",
        ]
    with world.chat.counting() as statements:
        await moderators.act("LockRoom", cast.moderator, cast.room_id)
        assert statements == ["BEGIN", "chat.lock_visible_room", "chat.room", "COMMIT"]
