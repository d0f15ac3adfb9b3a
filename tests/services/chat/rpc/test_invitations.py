"""Invitations over a real channel: made, accepted, declined, withdrawn, listed."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from servicekit.errors import CallerSuspendedError, InternalError, PageTokenMismatchError, RateLimitedError
from servicekit.rpc_status import UpstreamError
from services.chat.domain import errors
from services.chat.store import audit_log
from tests.services.chat.moderators import Cast
from tests.services.chat.world import DOMAIN, World, new_user
from tests.services.running import Running, refused


async def known(world: World) -> str:
    """Somebody who has called before."""
    email = new_user()
    await world.ask(email, "ListMyRooms")
    return email


async def invite(world: World, email: str, room_id: str, guest: str) -> Any:
    """Invite somebody."""
    return await world.ask(email, "InviteUser", room_id=room_id, user_id=await world.user_id(guest))


async def revoke(world: World, email: str, room_id: str, guest: str) -> Any:
    """Withdraw somebody's invitation."""
    return await world.ask(email, "RevokeInvitation", room_id=room_id, user_id=await world.user_id(guest))


async def guests(world: World, email: str, room_id: str, **fields: int) -> list[str]:
    """The ids of the invited, over all pages."""
    found, token = [], ""
    while True:
        page = await world.ask(email, "ListInvitations", room_id=room_id, page_token=token, **fields)
        found += [each.user_id for each in page.invitations]
        token = page.next_page_token
        if not token:
            return found


async def private_room(world: World) -> Cast:
    """A private room with an owner, a moderator and two members."""
    cast = await Cast(world).gather()
    await world.set_room(cast.room_id, private=True)
    return cast


async def test_invite_user_opens_a_private_room(world: World) -> None:
    cast, guest = await private_room(world), await known(world)
    await refused(world.get_room(guest, cast.room_id), errors.RoomNotFoundError, DOMAIN)
    made = (await invite(world, cast.moderator, cast.room_id, guest)).invitation
    got = await world.get_room(guest, cast.room_id)
    assert not got.HasField("membership")
    assert made.room_id == cast.room_id
    assert made.user_id == await world.user_id(guest)
    assert made.inviter_id == await world.user_id(cast.moderator)
    assert (made.rev, got.rev) == (got.rev - 1, made.rev + 1)
    assert made.create_time.seconds > 0
    joined = await world.ask(guest, "AcceptInvitation", room_id=cast.room_id)
    assert (await world.get_room(guest, cast.room_id)).membership == joined.membership
    assert await guests(world, cast.owner, cast.room_id) == []
    # Accepting once more changes nothing; nor does inviting a member.
    assert await world.ask(guest, "AcceptInvitation", room_id=cast.room_id) == joined
    assert not (await invite(world, cast.owner, cast.room_id, guest)).HasField("invitation")
    assert await guests(world, cast.owner, cast.room_id) == []


async def test_invite_user_again_changes_nothing(world: World, cast: Cast) -> None:
    guest = await known(world)
    first = await invite(world, cast.moderator, cast.room_id, guest)
    rev = (await world.get_room(cast.owner, cast.room_id)).rev
    assert await invite(world, cast.owner, cast.room_id, guest) == first
    assert (await world.get_room(cast.owner, cast.room_id)).rev == rev
    # After an end it is a new one.
    await world.ask(guest, "DeclineInvitation", room_id=cast.room_id)
    second = (await invite(world, cast.owner, cast.room_id, guest)).invitation
    assert second.inviter_id == await world.user_id(cast.owner)
    assert second.rev > first.invitation.rev
    assert second.create_time.ToNanoseconds() > first.invitation.create_time.ToNanoseconds()


async def test_invite_user_at_once_by_many_makes_one_invitation(world: World, cast: Cast) -> None:
    guest = await world.user_id(await known(world))
    answers = await asyncio.gather(
        *(world.ask(cast.owner, "InviteUser", room_id=cast.room_id, user_id=guest) for _ in range(10))
    )
    assert len({answer.invitation.rev for answer in answers}) == 1
    assert len(await cast.log()) == 1


async def test_decline_invitation_closes_the_room_again(world: World) -> None:
    cast, guest = await private_room(world), await known(world)
    await invite(world, cast.owner, cast.room_id, guest)
    await world.ask(guest, "DeclineInvitation", room_id=cast.room_id)
    for call in (
        world.get_room(guest, cast.room_id),
        world.ask(guest, "AcceptInvitation", room_id=cast.room_id),
        world.ask(guest, "DeclineInvitation", room_id=cast.room_id),
    ):
        await refused(call, errors.RoomNotFoundError, DOMAIN)
    # A member, and somebody in a public room, have none to decline.
    rev = (await world.get_room(cast.owner, cast.room_id)).rev
    await world.ask(cast.member, "DeclineInvitation", room_id=cast.room_id)
    assert (await world.get_room(cast.owner, cast.room_id)).rev == rev
    public = await world.room(cast.owner)
    await world.ask(guest, "DeclineInvitation", room_id=public.id)
    assert (await world.get_room(cast.owner, public.id)).rev == 2


async def test_revoke_invitation_closes_the_room_again(world: World) -> None:
    cast, guest = await private_room(world), await known(world)
    await invite(world, cast.owner, cast.room_id, guest)
    await revoke(world, cast.moderator, cast.room_id, guest)
    await refused(world.get_room(guest, cast.room_id), errors.RoomNotFoundError, DOMAIN)
    rev = (await world.get_room(cast.owner, cast.room_id)).rev
    await revoke(world, cast.moderator, cast.room_id, guest)
    assert (await world.get_room(cast.owner, cast.room_id)).rev == rev
    target = await world.user_id(guest)
    assert await cast.log() == [
        ("INVITE_USER", "OWNER", False, target),
        ("REVOKE_INVITATION", "MODERATOR", False, target),
    ]


async def test_invitations_are_for_moderators_whom_no_mute_stops(world: World, cast: Cast) -> None:
    guest = await known(world)

    def ways(email: str) -> list[Any]:
        return [invite(world, email, cast.room_id, guest), revoke(world, email, cast.room_id, guest)]

    listing = world.ask(cast.member, "ListInvitations", room_id=cast.room_id)
    for call in (*ways(cast.member), listing):
        error = await refused(call, errors.RoleRequiredError, DOMAIN)
        assert error.metadata == {"role": "MODERATOR"}
    for call in (*ways(guest), world.ask(guest, "ListInvitations", room_id=cast.room_id)):
        await refused(call, errors.NotAMemberError, DOMAIN)
    for muted in (cast.member, cast.moderator):
        await world.sanction(cast.room_id, muted, "MUTE")
        for call in ways(muted):
            await refused(call, errors.CallerMutedError, DOMAIN)
    # Reading stays.
    assert await guests(world, cast.moderator, cast.room_id) == []
    await world.sanction(cast.room_id, cast.other, "BAN")
    for call in (*ways(cast.other), world.ask(cast.other, "ListInvitations", room_id=cast.room_id)):
        await refused(call, errors.BannedError, DOMAIN)
    await world.admin.execute("UPDATE chat.rooms SET archived_at = now() WHERE id = $1", cast.room_id)
    await refused(invite(world, cast.owner, cast.room_id, guest), errors.RoomArchivedError, DOMAIN)
    await revoke(world, cast.owner, cast.room_id, guest)


async def test_invitations_of_a_suspended_caller_are_refused_but_can_be_read(
    world: World, cast: Cast
) -> None:
    guest = await known(world)
    await invite(world, cast.owner, cast.room_id, guest)
    for email in (cast.owner, guest):
        await world.admin.execute(
            "UPDATE users.users SET suspended_until = now() + interval '1 hour' WHERE email = $1", email
        )
    world.chat.forget_callers()
    for call in (
        invite(world, cast.owner, cast.room_id, guest),
        revoke(world, cast.owner, cast.room_id, guest),
        world.ask(guest, "AcceptInvitation", room_id=cast.room_id),
        world.ask(guest, "DeclineInvitation", room_id=cast.room_id),
    ):
        await refused(call, CallerSuspendedError, DOMAIN)
    assert await guests(world, cast.owner, cast.room_id) == [await world.user_id(guest)]
    assert (await world.ask(guest, "ListMyInvitations")).invitations


async def test_invite_user_who_is_banned_is_refused(world: World, cast: Cast) -> None:
    await world.sanction(cast.room_id, cast.member, "BAN")
    call = invite(world, cast.owner, cast.room_id, cast.member)
    error = await refused(call, errors.TargetBannedError, DOMAIN)
    assert error.metadata == {"user_id": await cast.id_of(cast.member)}
    # A ban that has run out stops nobody.
    await world.admin.execute(
        "UPDATE chat.sanctions SET expires_at = now() - interval '1 second' WHERE room_id = $1", cast.room_id
    )
    assert (await invite(world, cast.owner, cast.room_id, cast.member)).HasField("invitation")


async def test_invite_user_and_its_log_line_are_one(
    world: World, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = await known(world)

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the log is full")

    monkeypatch.setattr(audit_log, "insert", fail)
    await refused(invite(world, cast.owner, cast.room_id, guest), InternalError, DOMAIN)
    assert await guests(world, cast.owner, cast.room_id) == []


async def test_invite_user_too_often_is_refused(strict_chat: Running, world: World, cast: Cast) -> None:
    strict = World(strict_chat, world.admin)
    crowd = [await known(world) for _ in range(3)]
    for guest in crowd[:2]:
        await invite(strict, cast.owner, cast.room_id, guest)
    # What writes nothing costs nothing.
    await invite(strict, cast.owner, cast.room_id, crowd[0])
    await invite(strict, cast.owner, cast.room_id, cast.member)
    error = await refused(invite(strict, cast.owner, cast.room_id, crowd[2]), RateLimitedError, DOMAIN)
    assert error.retry_after is not None
    assert error.retry_after > 100
    assert len(await guests(world, cast.owner, cast.room_id)) == 2
    # It is the limit of one user.
    await invite(strict, cast.moderator, cast.room_id, crowd[2])


async def test_list_invitations_pages_the_open_ones_the_newest_first(world: World, cast: Cast) -> None:
    crowd = [await known(world) for _ in range(5)]
    for guest in crowd:
        await invite(world, cast.owner, cast.room_id, guest)
    await world.ask(crowd[1], "DeclineInvitation", room_id=cast.room_id)
    await invite(world, cast.owner, cast.room_id, crowd[0])
    expected = [await world.user_id(crowd[n]) for n in (4, 3, 2, 0)]
    for size in (1, 3, 4, 100):
        assert await guests(world, cast.moderator, cast.room_id, page_size=size) == expected
    page = await world.ask(cast.owner, "ListInvitations", room_id=cast.room_id, page_size=1)
    other = await world.room(cast.owner)
    for email, room_id, token in (
        (cast.moderator, cast.room_id, page.next_page_token),
        (cast.owner, other.id, page.next_page_token),
        (cast.owner, cast.room_id, "x"),
    ):
        call = world.ask(email, "ListInvitations", room_id=room_id, page_token=token)
        await refused(call, PageTokenMismatchError, DOMAIN)


async def test_list_my_invitations_shows_rooms_that_may_be_known(world: World) -> None:
    guest, ada = await known(world), new_user()
    rooms = [await world.room(ada, name=f"Room {n}", private=n % 2 == 0) for n in range(5)]
    for room in rooms:
        await invite(world, ada, room.id, guest)
    await world.ask(guest, "AcceptInvitation", room_id=rooms[0].id)
    await world.sanction(rooms[1].id, guest, "BAN")
    whole = await world.ask(guest, "ListMyInvitations")
    assert [each.room.name for each in whole.invitations] == ["Room 4", "Room 3", "Room 2"]
    first = whole.invitations[0]
    assert first.room == (await world.get_room(guest, rooms[4].id)).room
    assert (first.invitation.room_id, first.invitation.inviter_id) == (rooms[4].id, await world.user_id(ada))
    assert first.invitation.user_id == await world.user_id(guest)
    seen, token = [], ""
    for _ in range(3):
        page = await world.ask(guest, "ListMyInvitations", page_size=1, page_token=token)
        seen += list(page.invitations)
        token = page.next_page_token
    assert not token
    assert seen == list(whole.invitations)
    page = await world.ask(guest, "ListMyInvitations", page_size=1)
    for email, wrong in ((ada, page.next_page_token), (guest, "x")):
        call = world.ask(email, "ListMyInvitations", page_token=wrong)
        await refused(call, PageTokenMismatchError, DOMAIN)


async def test_accept_invitation_and_revoke_it_at_once_end_in_one_of_two_ways(world: World) -> None:
    for _ in range(5):
        cast, guest = await private_room(world), await known(world)
        await invite(world, cast.owner, cast.room_id, guest)
        outcomes: Any = await asyncio.gather(
            world.ask(guest, "AcceptInvitation", room_id=cast.room_id),
            revoke(world, cast.owner, cast.room_id, guest),
            return_exceptions=True,
        )
        actions = [line[0] for line in await cast.log()]
        if isinstance(accepted := outcomes[0], UpstreamError):
            assert accepted.reason == errors.RoomNotFoundError.reason
            assert actions == ["INVITE_USER", "REVOKE_INVITATION"]
        else:
            assert actions == ["INVITE_USER"]
        assert await guests(world, cast.owner, cast.room_id) == []


async def test_invitation_statements_per_call_are_fixed(world: World, cast: Cast) -> None:
    guest = await known(world)
    locked = ["BEGIN", "chat.lock_visible_room", "chat.room"]
    numbered = ["chat.insert_audit_log", "chat.set_room_counters", "COMMIT"]
    with world.chat.counting() as statements:
        await invite(world, cast.owner, cast.room_id, guest)
    assert statements == [
        *locked,
        "chat.invitation_target",
        "chat.open_invitation",
        "chat.upsert_invitation",
        *numbered,
    ]
    for size in (1, 100):
        with world.chat.counting() as statements:
            await world.ask(cast.owner, "ListInvitations", room_id=cast.room_id, page_size=size)
        assert statements == ["chat.room", "chat.invitations_page"]
        with world.chat.counting() as statements:
            await world.ask(guest, "ListMyInvitations", page_size=size)
        assert statements == ["chat.my_invitations_page"]
    with world.chat.counting() as statements:
        await revoke(world, cast.owner, cast.room_id, guest)
    assert statements == [*locked, "chat.open_invitation", "chat.end_invitation", *numbered]
    await invite(world, cast.owner, cast.room_id, guest)
    with world.chat.counting() as statements:
        await world.ask(guest, "DeclineInvitation", room_id=cast.room_id)
    assert statements == [*locked, "chat.end_invitation", "chat.set_room_counters", "COMMIT"]


async def test_invite_user_into_a_room_that_is_not_there(world: World) -> None:
    cast, guest = await private_room(world), await known(world)
    for email, room_id in ((guest, cast.room_id), (cast.owner, str(uuid.uuid4()))):
        for call in (invite(world, email, room_id, guest), revoke(world, email, room_id, guest)):
            await refused(call, errors.RoomNotFoundError, DOMAIN)
        call = world.ask(email, "ListInvitations", room_id=room_id)
        await refused(call, errors.RoomNotFoundError, DOMAIN)
