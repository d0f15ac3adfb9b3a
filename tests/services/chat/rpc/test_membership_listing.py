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
from tests.services.chat.moderators import Cast
from tests.services.chat.world import DOMAIN, World, new_user
from tests.services.running import refused


async def members(world: World, email: str, room_id: str, **fields: int) -> list[Any]:
    """The members, over all pages."""
    found, token = [], ""
    while True:
        page = await world.ask(email, "ListMembers", room_id=room_id, page_token=token, **fields)
        found += list(page.members)
        token = page.next_page_token
        if not token:
            return found


async def test_list_members_in_the_order_in_which_they_joined(world: World, cast: Cast) -> None:
    await world.ask(cast.member, "LeaveRoom", room_id=cast.room_id)
    await world.join(cast.member, cast.room_id)
    emails = [cast.owner, cast.moderator, cast.other, cast.member]
    expected = [(await world.get_room(email, cast.room_id)).membership for email in emails]
    for size in (1, 2, 3, 4, 100):
        assert await members(world, cast.other, cast.room_id, page_size=size) == expected
    # A public room's are for everybody.
    assert await members(world, new_user(), cast.room_id) == expected


async def test_list_members_of_one_role(world: World, cast: Cast) -> None:
    async def ids(*emails: str) -> list[str]:
        return [await world.user_id(email) for email in emails]

    by_role = {
        MEMBER_ROLE_OWNER: await ids(cast.owner),
        MEMBER_ROLE_MODERATOR: await ids(cast.moderator),
        MEMBER_ROLE_MEMBER: await ids(cast.member, cast.other),
    }
    for role, expected in by_role.items():
        for size in (1, 100):
            found = await members(world, cast.owner, cast.room_id, role=role, page_size=size)
            assert [each.user_id for each in found] == expected
    call = world.ask(cast.owner, "ListMembers", room_id=cast.room_id, role=9)
    await refused(call, InvalidFieldsError, DOMAIN)


async def test_list_members_who_joined_in_the_same_instant(world: World, cast: Cast) -> None:
    await world.admin.execute(
        "UPDATE chat.room_memberships SET joined_at = now() WHERE room_id = $1", cast.room_id
    )
    whole = [each.user_id for each in await members(world, cast.owner, cast.room_id)]
    assert whole == sorted(whole)
    paged = await members(world, cast.owner, cast.room_id, page_size=1)
    assert [each.user_id for each in paged] == whole


async def test_list_members_refuses_a_token_that_is_not_of_this_list(world: World, cast: Cast) -> None:
    page = await world.ask(cast.owner, "ListMembers", room_id=cast.room_id, page_size=1)
    token, other = page.next_page_token, await world.room(cast.owner)
    mark = fingerprint("ListMembers", uuid.UUID(await cast.id_of(cast.owner)), uuid.UUID(cast.room_id), None)
    cases: list[tuple[str, dict[str, Any]]] = [
        (cast.member, {"page_token": token}),
        (cast.owner, {"page_token": token, "room_id": other.id}),
        (cast.owner, {"page_token": token, "role": MEMBER_ROLE_MEMBER}),
        (cast.owner, {"page_token": encode_token(mark, (-1,), (str(uuid.uuid4()),))}),
        (cast.owner, {"page_token": encode_token(mark, (1 << 62,), (str(uuid.uuid4()),))}),
        (cast.owner, {"page_token": encode_token(mark, (1,), ("7",))}),
    ]
    for email, fields in cases:
        call = world.ask(email, "ListMembers", **{"room_id": cast.room_id, **fields})
        await refused(call, PageTokenMismatchError, DOMAIN)


async def test_list_members_while_some_join_and_leave_shows_who_stayed(world: World, cast: Cast) -> None:
    async def churn() -> None:
        for _ in range(10):
            await world.ask(cast.other, "LeaveRoom", room_id=cast.room_id)
            await world.join(cast.other, cast.room_id)
            await world.join(new_user(), cast.room_id)

    stayed = [await world.user_id(email) for email in (cast.owner, cast.moderator, cast.member)]
    pages = [members(world, cast.owner, cast.room_id, page_size=1) for _ in range(5)]
    _, *lists = await asyncio.gather(churn(), *pages)
    for found in lists:
        assert [each.user_id for each in found][:3] == stayed


async def test_list_members_runs_one_statement(world: World, cast: Cast) -> None:
    names = {0: "members", 1: "plain_members", 2: "moderators", 3: "owners"}
    for size in (1, 100):
        for role, name in names.items():
            with world.chat.counting() as statements:
                await world.ask(cast.owner, "ListMembers", room_id=cast.room_id, role=role, page_size=size)
            assert statements == [f"chat.{name}_page"]


NOT_FOUND, BANNED, OUTSIDE = errors.RoomNotFoundError, errors.BannedError, errors.NotAMemberError
# For each method: in a public room somebody who is no member, and who is banned; in a private one somebody who is
# no member, who is banned, and who is invited. None: it ends well.
Ends = tuple[type[ServiceError] | None, ...]
TABLE: dict[str, Ends] = {
    "ListMembers": (None, BANNED, NOT_FOUND, NOT_FOUND, NOT_FOUND),
    "JoinRoom": (None, BANNED, NOT_FOUND, NOT_FOUND, None),
    "AcceptInvitation": (None, BANNED, NOT_FOUND, NOT_FOUND, None),
    "DeclineInvitation": (None, None, NOT_FOUND, NOT_FOUND, None),
    "LeaveRoom": (None, None, NOT_FOUND, NOT_FOUND, NOT_FOUND),
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


async def who_is(world: World, cast: Cast, place: str) -> str:
    """Somebody in that place, and no member."""
    email = new_user()
    await world.ask(email, "ListMyRooms")
    if place == "banned":
        await world.sanction(cast.room_id, email, "BAN")
    elif place == "invited":
        user_id = await world.user_id(email)
        await world.ask(cast.owner, "InviteUser", room_id=cast.room_id, user_id=user_id)
    return email


@pytest.mark.parametrize(("method", "ends"), TABLE.items(), ids=TABLE.keys())
async def test_membership_methods_tell_outsiders_what_they_may_know(
    world: World, cast: Cast, method: str, ends: Ends
) -> None:
    places = [(False, "outside"), (False, "banned"), (True, "outside"), (True, "banned"), (True, "invited")]
    for (private, place), end in zip(places, ends, strict=True):
        await world.set_room(cast.room_id, private=private)
        email = await who_is(world, cast, place)
        fields = FIELDS.get(method, {})
        call = world.ask(email, method, room_id=cast.room_id, **fields)
        if end is None:
            await call
        else:
            error = await refused(call, end, DOMAIN)
            missing = await refused(
                world.ask(email, method, room_id=str(uuid.uuid4()), **fields), NOT_FOUND, DOMAIN
            )
            assert end is not NOT_FOUND or error.message == missing.message
