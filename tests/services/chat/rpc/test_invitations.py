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
from tests.services.chat.chat_client import DOMAIN, ChatClient, RoomWithMembers, new_user
from tests.services.running import Running, refused


async def known(client: ChatClient) -> str:
    """Somebody who has called before."""
    email = new_user()
    await client.call(email, "ListMyRooms")
    return email


async def invite(client: ChatClient, email: str, room_id: str, guest: str) -> Any:
    """Invite somebody."""
    return await client.call(email, "InviteUser", room_id=room_id, user_id=await client.db.user_id(guest))


async def revoke(client: ChatClient, email: str, room_id: str, guest: str) -> Any:
    """Withdraw somebody's invitation."""
    return await client.call(
        email, "RevokeInvitation", room_id=room_id, user_id=await client.db.user_id(guest)
    )


async def guests(client: ChatClient, email: str, room_id: str, **fields: int) -> list[str]:
    """The ids of the invited, over all pages."""
    found, token = [], ""
    while True:
        page = await client.call(email, "ListInvitations", room_id=room_id, page_token=token, **fields)
        found += [each.user_id for each in page.invitations]
        token = page.next_page_token
        if not token:
            return found


async def private_room(client: ChatClient) -> RoomWithMembers:
    """A private room with an owner, a moderator and two members."""
    room = await RoomWithMembers(client).create()
    await client.db.set_room(room.id, private=True)
    return room


async def test_invite_user_opens_a_private_room(client: ChatClient) -> None:
    room, guest = await private_room(client), await known(client)
    await refused(client.get_room(guest, room.id), errors.RoomNotFoundError, DOMAIN)
    made = (await invite(client, room.moderator, room.id, guest)).invitation
    got = await client.get_room(guest, room.id)
    assert not got.HasField("membership")
    assert made.room_id == room.id
    assert made.user_id == await client.db.user_id(guest)
    assert made.inviter_id == await client.db.user_id(room.moderator)
    assert (made.rev, got.position.rev) == (got.position.rev - 1, made.rev + 1)
    assert made.create_time.seconds > 0
    joined = await client.call(guest, "AcceptInvitation", room_id=room.id)
    assert (await client.get_room(guest, room.id)).membership == joined.membership
    assert await guests(client, room.owner, room.id) == []
    # Accepting once more changes nothing; nor does inviting a member.
    assert await client.call(guest, "AcceptInvitation", room_id=room.id) == joined
    assert not (await invite(client, room.owner, room.id, guest)).HasField("invitation")
    assert await guests(client, room.owner, room.id) == []


async def test_invite_user_again_changes_nothing(client: ChatClient, room: RoomWithMembers) -> None:
    guest = await known(client)
    first = await invite(client, room.moderator, room.id, guest)
    rev = (await client.get_room(room.owner, room.id)).position.rev
    assert await invite(client, room.owner, room.id, guest) == first
    assert (await client.get_room(room.owner, room.id)).position.rev == rev
    # After an end it is a new one.
    await client.call(guest, "DeclineInvitation", room_id=room.id)
    second = (await invite(client, room.owner, room.id, guest)).invitation
    assert second.inviter_id == await client.db.user_id(room.owner)
    assert second.rev > first.invitation.rev
    assert second.create_time.ToNanoseconds() > first.invitation.create_time.ToNanoseconds()


async def test_invite_user_at_once_by_many_makes_one_invitation(
    client: ChatClient, room: RoomWithMembers
) -> None:
    guest = await client.db.user_id(await known(client))
    answers = await asyncio.gather(
        *(client.call(room.owner, "InviteUser", room_id=room.id, user_id=guest) for _ in range(10))
    )
    assert len({answer.invitation.rev for answer in answers}) == 1
    assert len(await client.db.moderation_actions(room.id)) == 1


async def test_decline_invitation_closes_the_room_again(client: ChatClient) -> None:
    room, guest = await private_room(client), await known(client)
    await invite(client, room.owner, room.id, guest)
    await client.call(guest, "DeclineInvitation", room_id=room.id)
    for call in (
        client.get_room(guest, room.id),
        client.call(guest, "AcceptInvitation", room_id=room.id),
    ):
        await refused(call, errors.RoomNotFoundError, DOMAIN)
    # A repeat succeeds, also where there is no such room.
    for room_id in (room.id, str(uuid.uuid4())):
        await client.call(guest, "DeclineInvitation", room_id=room_id)
    # A member, and somebody in a public room, have none to decline.
    rev = (await client.get_room(room.owner, room.id)).position.rev
    await client.call(room.member, "DeclineInvitation", room_id=room.id)
    assert (await client.get_room(room.owner, room.id)).position.rev == rev
    public = await client.create_room(room.owner)
    await client.call(guest, "DeclineInvitation", room_id=public.id)
    assert (await client.get_room(room.owner, public.id)).position.rev == 2


async def test_revoke_invitation_closes_the_room_again(client: ChatClient) -> None:
    room, guest = await private_room(client), await known(client)
    await invite(client, room.owner, room.id, guest)
    await revoke(client, room.moderator, room.id, guest)
    await refused(client.get_room(guest, room.id), errors.RoomNotFoundError, DOMAIN)
    rev = (await client.get_room(room.owner, room.id)).position.rev
    await revoke(client, room.moderator, room.id, guest)
    assert (await client.get_room(room.owner, room.id)).position.rev == rev
    target = await client.db.user_id(guest)
    assert await client.db.moderation_actions(room.id) == [
        ("INVITE_USER", "OWNER", False, target),
        ("REVOKE_INVITATION", "MODERATOR", False, target),
    ]


async def test_invitations_are_for_moderators_whom_no_mute_stops(
    client: ChatClient, room: RoomWithMembers
) -> None:
    guest = await known(client)

    def ways(email: str) -> list[Any]:
        return [invite(client, email, room.id, guest), revoke(client, email, room.id, guest)]

    listing = client.call(room.member, "ListInvitations", room_id=room.id)
    for call in (*ways(room.member), listing):
        error = await refused(call, errors.RoleRequiredError, DOMAIN)
        assert error.metadata == {"role": "MODERATOR"}
    for call in (*ways(guest), client.call(guest, "ListInvitations", room_id=room.id)):
        await refused(call, errors.NotAMemberError, DOMAIN)
    for muted in (room.member, room.moderator):
        await client.db.add_sanction(room.id, muted, "MUTE")
        for call in ways(muted):
            await refused(call, errors.CallerMutedError, DOMAIN)
    # Reading stays.
    assert await guests(client, room.moderator, room.id) == []
    await client.db.add_sanction(room.id, room.other, "BAN")
    for call in (*ways(room.other), client.call(room.other, "ListInvitations", room_id=room.id)):
        await refused(call, errors.BannedError, DOMAIN)
    await client.admin.execute("UPDATE chat.rooms SET archived_at = now() WHERE id = $1", room.id)
    await refused(invite(client, room.owner, room.id, guest), errors.RoomArchivedError, DOMAIN)
    await revoke(client, room.owner, room.id, guest)


async def test_invitations_of_a_suspended_caller_are_refused_but_can_be_read(
    client: ChatClient, room: RoomWithMembers
) -> None:
    guest = await known(client)
    await invite(client, room.owner, room.id, guest)
    for email in (room.owner, guest):
        await client.admin.execute(
            "UPDATE users.users SET suspended_until = now() + interval '1 hour' WHERE email = $1", email
        )
    client.chat.forget_callers()
    for call in (
        invite(client, room.owner, room.id, guest),
        revoke(client, room.owner, room.id, guest),
        client.call(guest, "AcceptInvitation", room_id=room.id),
        client.call(guest, "DeclineInvitation", room_id=room.id),
    ):
        await refused(call, CallerSuspendedError, DOMAIN)
    assert await guests(client, room.owner, room.id) == [await client.db.user_id(guest)]
    assert (await client.call(guest, "ListMyInvitations")).invitations


async def test_invite_user_who_is_banned_is_refused(client: ChatClient, room: RoomWithMembers) -> None:
    await client.db.add_sanction(room.id, room.member, "BAN")
    call = invite(client, room.owner, room.id, room.member)
    error = await refused(call, errors.TargetBannedError, DOMAIN)
    assert error.metadata == {"user_id": await client.db.user_id(room.member)}
    # A ban that has run out stops nobody.
    await client.admin.execute(
        "UPDATE chat.sanctions SET expires_at = now() - interval '1 second' WHERE room_id = $1", room.id
    )
    assert (await invite(client, room.owner, room.id, room.member)).HasField("invitation")


async def test_invite_user_and_its_log_line_are_one(
    client: ChatClient, room: RoomWithMembers, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = await known(client)

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the log is full")

    monkeypatch.setattr(audit_log, "insert", fail)
    await refused(invite(client, room.owner, room.id, guest), InternalError, DOMAIN)
    assert await guests(client, room.owner, room.id) == []


async def test_invite_user_too_often_is_refused(
    strict_chat: Running, client: ChatClient, room: RoomWithMembers
) -> None:
    strict = ChatClient(strict_chat, client.admin)
    crowd = [await known(client) for _ in range(3)]
    for guest in crowd[:2]:
        await invite(strict, room.owner, room.id, guest)
    # What writes nothing costs nothing.
    await invite(strict, room.owner, room.id, crowd[0])
    await invite(strict, room.owner, room.id, room.member)
    error = await refused(invite(strict, room.owner, room.id, crowd[2]), RateLimitedError, DOMAIN)
    assert error.retry_after is not None
    assert error.retry_after > 100
    assert len(await guests(client, room.owner, room.id)) == 2
    # It is the limit of one user.
    await invite(strict, room.moderator, room.id, crowd[2])


async def test_list_invitations_pages_the_open_ones_the_newest_first(
    client: ChatClient, room: RoomWithMembers
) -> None:
    crowd = [await known(client) for _ in range(5)]
    for guest in crowd:
        await invite(client, room.owner, room.id, guest)
    await client.call(crowd[1], "DeclineInvitation", room_id=room.id)
    await invite(client, room.owner, room.id, crowd[0])
    expected = [await client.db.user_id(crowd[n]) for n in (4, 3, 2, 0)]
    for size in (1, 3, 4, 100):
        assert await guests(client, room.moderator, room.id, page_size=size) == expected
    page = await client.call(room.owner, "ListInvitations", room_id=room.id, page_size=1)
    other = await client.create_room(room.owner)
    for email, room_id, token in (
        (room.moderator, room.id, page.next_page_token),
        (room.owner, other.id, page.next_page_token),
        (room.owner, room.id, "x"),
    ):
        call = client.call(email, "ListInvitations", room_id=room_id, page_token=token)
        await refused(call, PageTokenMismatchError, DOMAIN)


async def test_list_my_invitations_shows_rooms_that_may_be_known(client: ChatClient) -> None:
    guest, ada = await known(client), new_user()
    rooms = [await client.create_room(ada, name=f"Room {n}", private=n % 2 == 0) for n in range(5)]
    for room in rooms:
        await invite(client, ada, room.id, guest)
    await client.call(guest, "AcceptInvitation", room_id=rooms[0].id)
    await client.db.add_sanction(rooms[1].id, guest, "BAN")
    whole = await client.call(guest, "ListMyInvitations")
    assert [each.room.name for each in whole.invitations] == ["Room 4", "Room 3", "Room 2"]
    first = whole.invitations[0]
    assert first.room == (await client.get_room(guest, rooms[4].id)).room
    assert (first.invitation.room_id, first.invitation.inviter_id) == (
        rooms[4].id,
        await client.db.user_id(ada),
    )
    assert first.invitation.user_id == await client.db.user_id(guest)
    seen, token = [], ""
    for _ in range(3):
        page = await client.call(guest, "ListMyInvitations", page_size=1, page_token=token)
        seen += list(page.invitations)
        token = page.next_page_token
    assert not token
    assert seen == list(whole.invitations)
    page = await client.call(guest, "ListMyInvitations", page_size=1)
    for email, wrong in ((ada, page.next_page_token), (guest, "x")):
        call = client.call(email, "ListMyInvitations", page_token=wrong)
        await refused(call, PageTokenMismatchError, DOMAIN)


async def test_accept_invitation_and_revoke_it_at_once_end_in_one_of_two_ways(client: ChatClient) -> None:
    for _ in range(5):
        room, guest = await private_room(client), await known(client)
        await invite(client, room.owner, room.id, guest)
        outcomes: Any = await asyncio.gather(
            client.call(guest, "AcceptInvitation", room_id=room.id),
            revoke(client, room.owner, room.id, guest),
            return_exceptions=True,
        )
        actions = [line[0] for line in await client.db.moderation_actions(room.id)]
        if isinstance(accepted := outcomes[0], UpstreamError):
            assert accepted.reason == errors.RoomNotFoundError.reason
            assert actions == ["INVITE_USER", "REVOKE_INVITATION"]
        else:
            assert actions == ["INVITE_USER"]
        assert await guests(client, room.owner, room.id) == []


async def test_invite_user_into_a_room_that_is_not_there(client: ChatClient) -> None:
    room, guest = await private_room(client), await known(client)
    for email, room_id in ((guest, room.id), (room.owner, str(uuid.uuid4()))):
        for call in (invite(client, email, room_id, guest), revoke(client, email, room_id, guest)):
            await refused(call, errors.RoomNotFoundError, DOMAIN)
        call = client.call(email, "ListInvitations", room_id=room_id)
        await refused(call, errors.RoomNotFoundError, DOMAIN)
