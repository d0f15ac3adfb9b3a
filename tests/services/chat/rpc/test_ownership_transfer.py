"""What becomes of a room when a platform administrator removes its last owner."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from seda.chat.v1.moderation_pb2 import MODERATION_ACTION_ARCHIVE_ROOM
from servicekit.caller import Role
from tests.services.chat.author_fixtures import invariant_violations
from tests.services.chat.chat_client import ChatClient, RoomWithMembers, new_user
from tests.services.running import add_user

_REMOVALS = {"KickMember": "KICK_MEMBER", "BanMember": "BAN_MEMBER"}


@pytest.fixture
async def admin_user(client: ChatClient) -> str:
    """A platform administrator who is in no room."""
    email = new_user()
    await add_user(client.admin, email, role=Role.ADMIN)
    return email


async def _rooms_rev(client: ChatClient, email: str) -> int:
    found = await client.db.value(
        "SELECT rooms_rev FROM chat.user_counters WHERE user_id = $1", await client.db.user_id(email)
    )
    assert isinstance(found, int)
    return found


async def _membership_revs(client: ChatClient, room_id: str, *emails: str) -> list[int]:
    query = "SELECT rev FROM chat.room_memberships WHERE room_id = $1 AND user_id = $2"
    return [await client.db.value(query, room_id, await client.db.user_id(email)) for email in emails]


@pytest.mark.parametrize("method", _REMOVALS)
async def test_a_room_whose_last_owner_is_removed_goes_to_its_heir(
    method: str, client: ChatClient, room: RoomWithMembers, admin_user: str
) -> None:
    owner, successor = await client.db.user_id(room.owner), await client.db.user_id(room.moderator)
    watched = (room.owner, room.moderator, room.member)
    before = [await _rooms_rev(client, email) for email in watched]

    await client.call(
        admin_user, method, room_id=room.id, user_id=owner, reason="they sold the room", as_admin=True
    )

    assert await client.db.owners(room.id) == [room.moderator]
    # Whoever lost or got it hears of it, and nobody else.
    assert [await _rooms_rev(client, email) for email in watched] == [before[0] + 1, before[1] + 1, before[2]]
    shown = (await client.get_room(room.member, room.id)).room
    assert (shown.member_count, shown.HasField("archive_time")) == (3, False)
    removed, promoted = await client.db.moderation_log(room.id)
    assert removed["action"] == _REMOVALS[method]
    assert removed["target_user_id"] == owner
    told = {key: promoted[key] for key in promoted if key not in {"rev", "actor_id", "before", "after"}}
    assert told == {
        "actor_role": "ADMIN", "as_admin": True, "action": "SET_ROLE", "target_user_id": successor,
        "target_message_id": None, "reason": "they sold the room",
    }  # fmt: skip
    assert promoted["actor_id"] == removed["actor_id"] == await client.db.user_id(admin_user)
    page = await client.call(room.moderator, "ListModerationLogs", room_id=room.id, page_size=1)
    assert (dict(page.logs[0].before), dict(page.logs[0].after)) == ({"role": "MODERATOR"}, {"role": "OWNER"})
    # Who goes comes before who follows, and each row has a rev of its own, up to the room's.
    ended, followed = await _membership_revs(client, room.id, room.owner, room.moderator)
    assert ended < removed["rev"] < followed < promoted["rev"]
    assert (await client.get_room(room.member, room.id)).position.rev == promoted["rev"]
    # The successor can do what an owner can.
    await client.call(room.moderator, "ArchiveRoom", room_id=room.id)
    assert await invariant_violations(client.admin) == set()


async def test_without_a_moderator_the_member_of_the_longest_standing_is_the_heir(
    client: ChatClient, room: RoomWithMembers, admin_user: str
) -> None:
    await client.db.set_role(room.id, room.moderator, "MEMBER")
    await client.call(room.moderator, "LeaveRoom", room_id=room.id)
    await client.call(
        admin_user, "KickMember", room_id=room.id, user_id=await client.db.user_id(room.owner), as_admin=True
    )
    assert await client.db.owners(room.id) == [room.member]
    page = await client.call(room.member, "ListModerationLogs", room_id=room.id, page_size=1)
    assert (dict(page.logs[0].before), dict(page.logs[0].after)) == ({"role": "MEMBER"}, {"role": "OWNER"})


@pytest.mark.parametrize("method", _REMOVALS)
async def test_a_room_that_nobody_is_left_in_is_archived(
    method: str, client: ChatClient, admin_user: str
) -> None:
    owner = new_user()
    room_id = (await client.create_room(owner)).id
    await client.send_message(owner, room_id, "only me")
    fields: dict[str, Any] = {"delete_window": Duration(seconds=60)} if method == "BanMember" else {}

    await client.call(
        admin_user, method, room_id=room_id, user_id=await client.db.user_id(owner), as_admin=True, **fields
    )

    archived = await client.admin.fetchrow(
        "SELECT rev, archived_at IS NOT NULL AS archived FROM chat.rooms WHERE id = $1", uuid.UUID(room_id)
    )
    assert archived is not None
    assert archived["archived"]
    lines = await client.db.moderation_log(room_id)
    deleted = ["DELETE_MESSAGES"] if fields else []
    assert [line["action"] for line in lines] == [_REMOVALS[method], "ARCHIVE_ROOM", *deleted]
    removed, put_away = lines[:2]
    (ended,) = await _membership_revs(client, room_id, owner)
    assert ended < removed["rev"] < archived["rev"] < put_away["rev"]
    assert (put_away["target_user_id"], put_away["reason"], put_away["as_admin"]) == (None, "because", True)
    page = await client.call(admin_user, "InspectModerationLogs", room_id=room_id)
    (line,) = [each for each in page.logs if each.action == MODERATION_ACTION_ARCHIVE_ROOM]
    room = (await client.get_room(admin_user, room_id)).room
    assert dict(line.before) == {"archive_time": None}
    assert dict(line.after)["archive_time"] == room.archive_time.ToJsonString()
    assert await invariant_violations(client.admin) == set()


async def test_the_first_to_join_a_room_that_nobody_was_left_in_owns_it(
    client: ChatClient, admin_user: str
) -> None:
    left = new_user()
    room_id = (await client.create_room(left)).id
    await client.call(
        admin_user, "KickMember", room_id=room_id, user_id=await client.db.user_id(left), as_admin=True
    )
    await client.call(admin_user, "UnarchiveRoom", room_id=room_id, as_admin=True)
    first, second = new_user(), new_user()
    for email in (first, second):
        await client.join_room(email, room_id)
    assert await client.db.owners(room_id) == [first]
    # Who comes back has no claim to it.
    await client.join_room(left, room_id)
    assert await client.db.owners(room_id) == [first]


async def test_an_archived_room_that_nobody_is_left_in_stays_as_it_is(
    client: ChatClient, admin_user: str
) -> None:
    owner = new_user()
    room_id = (await client.create_room(owner)).id
    await client.call(owner, "ArchiveRoom", room_id=room_id)
    since = (await client.get_room(owner, room_id)).room.archive_time
    await client.call(
        admin_user, "KickMember", room_id=room_id, user_id=await client.db.user_id(owner), as_admin=True
    )
    assert (await client.get_room(owner, room_id)).room.archive_time == since
    assert [line["action"] for line in await client.db.moderation_log(room_id)] == [
        "ARCHIVE_ROOM",
        "KICK_MEMBER",
    ]


@pytest.mark.parametrize("method", _REMOVALS)
async def test_a_room_with_another_owner_stays_theirs(
    method: str, client: ChatClient, room: RoomWithMembers, admin_user: str
) -> None:
    await client.db.set_role(room.id, room.other, "OWNER")
    for email, left in ((room.member, {room.owner, room.other}), (room.owner, {room.other})):
        await client.call(
            admin_user, method, room_id=room.id, user_id=await client.db.user_id(email), as_admin=True
        )
        assert set(await client.db.owners(room.id)) == left
    assert [line[0] for line in await client.db.moderation_actions(room.id)] == [_REMOVALS[method]] * 2
