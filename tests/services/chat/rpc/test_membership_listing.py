"""ListMembers, and what each method of MembershipService tells those who are no members."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from seda.chat.v1.room_pb2 import MEMBER_ROLE_MEMBER, MEMBER_ROLE_MODERATOR, MEMBER_ROLE_OWNER
from servicekit.errors import InvalidFieldsError, PageTokenMismatchError, ServiceError
from servicekit.pagination import encode_token, fingerprint
from services.chat.domain import errors
from tests.services.chat.chat_client import DOMAIN, ChatClient, RoomWithMembers, new_user
from tests.services.running import refused


async def members(client: ChatClient, email: str, room_id: str, **fields: int) -> list[Any]:
    """The members, over all pages."""
    found, token = [], ""
    while True:
        page = await client.call(email, "ListMembers", room_id=room_id, page_token=token, **fields)
        found += list(page.members)
        token = page.next_page_token
        if not token:
            return found


async def test_list_members_in_the_order_in_which_they_joined(
    client: ChatClient, room: RoomWithMembers
) -> None:
    await client.call(room.member, "LeaveRoom", room_id=room.id)
    await client.join_room(room.member, room.id)
    emails = [room.owner, room.moderator, room.other, room.member]
    expected = [(await client.get_room(email, room.id)).membership for email in emails]
    for size in (1, 2, 3, 4, 100):
        assert await members(client, room.other, room.id, page_size=size) == expected
    # A public room's are for everybody.
    assert await members(client, new_user(), room.id) == expected


async def test_list_members_of_one_role(client: ChatClient, room: RoomWithMembers) -> None:
    async def ids(*emails: str) -> list[str]:
        return [await client.db.user_id(email) for email in emails]

    by_role = {
        MEMBER_ROLE_OWNER: await ids(room.owner),
        MEMBER_ROLE_MODERATOR: await ids(room.moderator),
        MEMBER_ROLE_MEMBER: await ids(room.member, room.other),
    }
    for role, expected in by_role.items():
        for size in (1, 100):
            found = await members(client, room.owner, room.id, role=role, page_size=size)
            assert [each.user_id for each in found] == expected
    call = client.call(room.owner, "ListMembers", room_id=room.id, role=9)
    await refused(call, InvalidFieldsError, DOMAIN)


async def test_list_members_who_joined_in_the_same_instant(client: ChatClient, room: RoomWithMembers) -> None:
    await client.admin.execute(
        "UPDATE chat.room_memberships SET joined_at = now() WHERE room_id = $1", room.id
    )
    whole = [each.user_id for each in await members(client, room.owner, room.id)]
    assert whole == sorted(whole)
    paged = await members(client, room.owner, room.id, page_size=1)
    assert [each.user_id for each in paged] == whole


async def test_list_members_refuses_a_token_that_is_not_of_this_list(
    client: ChatClient, room: RoomWithMembers
) -> None:
    page = await client.call(room.owner, "ListMembers", room_id=room.id, page_size=1)
    token, other = page.next_page_token, await client.create_room(room.owner)
    mark = fingerprint(
        "ListMembers", uuid.UUID(await client.db.user_id(room.owner)), uuid.UUID(room.id), None
    )
    cases: list[tuple[str, dict[str, Any]]] = [
        (room.member, {"page_token": token}),
        (room.owner, {"page_token": token, "room_id": other.id}),
        (room.owner, {"page_token": token, "role": MEMBER_ROLE_MEMBER}),
        (room.owner, {"page_token": encode_token(mark, (-1,), (str(uuid.uuid4()),))}),
        (room.owner, {"page_token": encode_token(mark, (1 << 62,), (str(uuid.uuid4()),))}),
        (room.owner, {"page_token": encode_token(mark, (1,), ("7",))}),
    ]
    for email, fields in cases:
        call = client.call(email, "ListMembers", **{"room_id": room.id, **fields})
        await refused(call, PageTokenMismatchError, DOMAIN)


async def test_list_members_while_some_join_and_leave_shows_who_stayed(
    client: ChatClient, room: RoomWithMembers
) -> None:
    async def churn() -> None:
        for _ in range(10):
            await client.call(room.other, "LeaveRoom", room_id=room.id)
            await client.join_room(room.other, room.id)
            await client.join_room(new_user(), room.id)

    stayed = [await client.db.user_id(email) for email in (room.owner, room.moderator, room.member)]
    pages = [members(client, room.owner, room.id, page_size=1) for _ in range(5)]
    _, *lists = await asyncio.gather(churn(), *pages)
    for found in lists:
        assert [each.user_id for each in found][:3] == stayed


NOT_FOUND, BANNED, OUTSIDE = errors.RoomNotFoundError, errors.BannedError, errors.NotAMemberError
# For each method: in a public room somebody who is no member, and who is banned; in a private one somebody who is
# no member, who is banned, and who is invited. None: it ends well.
Ends = tuple[type[ServiceError] | None, ...]
TABLE: dict[str, Ends] = {
    "ListMembers": (None, BANNED, NOT_FOUND, NOT_FOUND, NOT_FOUND),
    "JoinRoom": (None, BANNED, NOT_FOUND, NOT_FOUND, None),
    "AcceptInvitation": (None, BANNED, NOT_FOUND, NOT_FOUND, None),
    "DeclineInvitation": (None, None, None, None, None),
    "LeaveRoom": (None, None, None, None, None),
    "MarkRead": (OUTSIDE, OUTSIDE, NOT_FOUND, NOT_FOUND, NOT_FOUND),
    "MarkUnread": (OUTSIDE, OUTSIDE, NOT_FOUND, NOT_FOUND, NOT_FOUND),
    "InviteUser": (OUTSIDE, BANNED, NOT_FOUND, NOT_FOUND, NOT_FOUND),
    "RevokeInvitation": (OUTSIDE, BANNED, NOT_FOUND, NOT_FOUND, NOT_FOUND),
    "ListInvitations": (OUTSIDE, BANNED, NOT_FOUND, NOT_FOUND, NOT_FOUND),
    "SetMemberRole": (OUTSIDE, BANNED, NOT_FOUND, NOT_FOUND, NOT_FOUND),
}
FIELDS: dict[str, dict[str, Any]] = {
    "MarkUnread": {"from_seq": 1},
    "InviteUser": {"user_id": str(uuid.uuid4())},
    "RevokeInvitation": {"user_id": str(uuid.uuid4())},
    "SetMemberRole": {"user_id": str(uuid.uuid4()), "role": MEMBER_ROLE_MEMBER},
}


async def who_is(client: ChatClient, room: RoomWithMembers, place: str) -> str:
    """Somebody in that place, and no member."""
    email = new_user()
    await client.call(email, "ListMyRooms")
    if place == "banned":
        await client.db.add_sanction(room.id, email, "BAN")
    elif place == "invited":
        user_id = await client.db.user_id(email)
        await client.call(room.owner, "InviteUser", room_id=room.id, user_id=user_id)
    return email


@pytest.mark.parametrize(("method", "ends"), TABLE.items(), ids=TABLE.keys())
async def test_membership_methods_tell_outsiders_what_they_may_know(
    client: ChatClient, room: RoomWithMembers, method: str, ends: Ends
) -> None:
    places = [(False, "outside"), (False, "banned"), (True, "outside"), (True, "banned"), (True, "invited")]
    for (private, place), end in zip(places, ends, strict=True):
        await client.db.set_room(room.id, private=private)
        email = await who_is(client, room, place)
        fields = FIELDS.get(method, {})
        call = client.call(email, method, room_id=room.id, **fields)
        if end is None:
            await call
        else:
            error = await refused(call, end, DOMAIN)
            missing = await refused(
                client.call(email, method, room_id=str(uuid.uuid4()), **fields), NOT_FOUND, DOMAIN
            )
            assert end is not NOT_FOUND or error.message == missing.message
