"""What becomes of a room when a platform administrator removes its last owner."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from servicekit.caller import Role
from tests.services.chat.acts import Acts
from tests.services.chat.authors import faults
from tests.services.chat.moderators import Cast, Moderators
from tests.services.chat.world import World, new_user
from tests.services.running import add_user

_REMOVALS = {"KickMember": "KICK_MEMBER", "BanMember": "BAN_MEMBER"}


@pytest.fixture
async def admin_user(world: World) -> str:
    """A platform administrator who is in no room."""
    email = new_user()
    await add_user(world.admin, email, role=Role.ADMIN)
    return email


async def _rooms_rev(world: World, email: str) -> int:
    found = await world.admin_value(
        "SELECT rooms_rev FROM chat.user_counters WHERE user_id = $1", await world.user_id(email)
    )
    assert isinstance(found, int)
    return found


async def _membership_revs(world: World, room_id: str, *emails: str) -> list[int]:
    query = "SELECT rev FROM chat.room_memberships WHERE room_id = $1 AND user_id = $2"
    return [await world.admin_value(query, room_id, await world.user_id(email)) for email in emails]


@pytest.mark.parametrize("method", _REMOVALS)
async def test_a_room_whose_last_owner_is_removed_goes_to_its_heir(
    method: str, world: World, cast: Cast, moderators: Moderators, admin_user: str
) -> None:
    owner, heir = await cast.id_of(cast.owner), await cast.id_of(cast.moderator)
    watched = (cast.owner, cast.moderator, cast.member)
    before = [await _rooms_rev(world, email) for email in watched]

    await moderators.act(
        method, admin_user, cast.room_id, user_id=owner, reason="they sold the room", as_admin=True
    )

    assert await world.owners(cast.room_id) == [cast.moderator]
    # Whoever lost or got it hears of it, and nobody else.
    assert [await _rooms_rev(world, email) for email in watched] == [before[0] + 1, before[1] + 1, before[2]]
    room = (await world.get_room(cast.member, cast.room_id)).room
    assert (room.member_count, room.HasField("archive_time")) == (3, False)
    removed, promoted = await Acts(world).log(cast.room_id)
    assert removed["action"] == _REMOVALS[method]
    assert removed["target_user_id"] == owner
    told = {key: promoted[key] for key in promoted if key not in {"rev", "actor_id", "before", "after"}}
    assert told == {
        "actor_role": "ADMIN", "as_admin": True, "action": "SET_ROLE", "target_user_id": heir,
        "target_message_id": None, "reason": "they sold the room",
    }  # fmt: skip
    assert promoted["actor_id"] == removed["actor_id"] == await world.user_id(admin_user)
    page = await moderators.act("ListModerationLogs", cast.moderator, cast.room_id, page_size=1)
    assert (dict(page.logs[0].before), dict(page.logs[0].after)) == ({"role": "MODERATOR"}, {"role": "OWNER"})
    # Who goes comes before who follows, and each row has a rev of its own, up to the room's.
    ended, followed = await _membership_revs(world, cast.room_id, cast.owner, cast.moderator)
    assert ended < removed["rev"] < followed < promoted["rev"]
    assert (await world.get_room(cast.member, cast.room_id)).rev == promoted["rev"]
    # The heir can do what an owner can.
    await moderators.act("ArchiveRoom", cast.moderator, cast.room_id)
    assert await faults(world.admin) == set()


async def test_without_a_moderator_the_member_of_the_longest_standing_is_the_heir(
    world: World, cast: Cast, moderators: Moderators, admin_user: str
) -> None:
    await world.set_role(cast.room_id, cast.moderator, "MEMBER")
    await world.ask(cast.moderator, "LeaveRoom", room_id=cast.room_id)
    await moderators.act(
        "KickMember", admin_user, cast.room_id, user_id=await cast.id_of(cast.owner), as_admin=True
    )
    assert await world.owners(cast.room_id) == [cast.member]
    page = await moderators.act("ListModerationLogs", cast.member, cast.room_id, page_size=1)
    assert (dict(page.logs[0].before), dict(page.logs[0].after)) == ({"role": "MEMBER"}, {"role": "OWNER"})


@pytest.mark.parametrize("method", _REMOVALS)
async def test_a_room_that_nobody_is_left_in_is_archived(
    method: str, world: World, moderators: Moderators, admin_user: str
) -> None:
    owner = new_user()
    room_id = (await world.room(owner)).id
    await world.send(owner, room_id, "only me")
    fields: dict[str, Any] = {"delete_window": Duration(seconds=60)} if method == "BanMember" else {}

    await moderators.act(
        method, admin_user, room_id, user_id=await world.user_id(owner), as_admin=True, **fields
    )

    archived = await world.admin.fetchrow(
        "SELECT rev, archived_at IS NOT NULL AS archived FROM chat.rooms WHERE id = $1", uuid.UUID(room_id)
    )
    assert archived is not None
    assert archived["archived"]
    lines = await Acts(world).log(room_id)
    deleted = ["DELETE_MESSAGES"] if fields else []
    assert [line["action"] for line in lines] == [_REMOVALS[method], "ARCHIVE_ROOM", *deleted]
    removed, archive_empty_room = lines[:2]
    (ended,) = await _membership_revs(world, room_id, owner)
    assert ended < removed["rev"] < archived["rev"] < archive_empty_room["rev"]
    assert (
        archive_empty_room["target_user_id"],
        archive_empty_room["reason"],
        archive_empty_room["as_admin"],
    ) == (None, "because", True)
    page = await moderators.act("ListModerationLogs", admin_user, room_id, as_admin=True)
    (line,) = [each for each in page.logs if each.action == "ARCHIVE_ROOM"]
    room = (await world.get_room(admin_user, room_id)).room
    assert dict(line.before) == {"archived_at": None}
    assert dict(line.after)["archived_at"] == room.archive_time.ToJsonString()
    assert await faults(world.admin) == set()


async def test_the_first_to_join_a_room_that_nobody_was_left_in_owns_it(
    world: World, moderators: Moderators, admin_user: str
) -> None:
    left = new_user()
    room_id = (await world.room(left)).id
    await moderators.act("KickMember", admin_user, room_id, user_id=await world.user_id(left), as_admin=True)
    await moderators.act("UnarchiveRoom", admin_user, room_id, as_admin=True)
    first, second = new_user(), new_user()
    for email in (first, second):
        await world.join(email, room_id)
    assert await world.owners(room_id) == [first]
    # Who comes back has no claim to it.
    await world.join(left, room_id)
    assert await world.owners(room_id) == [first]


async def test_an_archived_room_that_nobody_is_left_in_stays_as_it_is(
    world: World, moderators: Moderators, admin_user: str
) -> None:
    owner = new_user()
    room_id = (await world.room(owner)).id
    await moderators.act("ArchiveRoom", owner, room_id)
    since = (await world.get_room(owner, room_id)).room.archive_time
    await moderators.act("KickMember", admin_user, room_id, user_id=await world.user_id(owner), as_admin=True)
    assert (await world.get_room(owner, room_id)).room.archive_time == since
    assert [line["action"] for line in await Acts(world).log(room_id)] == ["ARCHIVE_ROOM", "KICK_MEMBER"]


@pytest.mark.parametrize("method", _REMOVALS)
async def test_a_room_with_another_owner_stays_theirs(
    method: str, world: World, cast: Cast, moderators: Moderators, admin_user: str
) -> None:
    await world.set_role(cast.room_id, cast.other, "OWNER")
    for email, left in ((cast.member, {cast.owner, cast.other}), (cast.owner, {cast.other})):
        await moderators.act(method, admin_user, cast.room_id, user_id=await cast.id_of(email), as_admin=True)
        assert set(await world.owners(cast.room_id)) == left
    assert [line[0] for line in await cast.log()] == [_REMOVALS[method]] * 2
