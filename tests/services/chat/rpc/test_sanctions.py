"""ModerationService: mutes, kicks and bans."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.duration_pb2 import Duration

from seda.chat.v1 import moderation_service_pb2
from seda.chat.v1.moderation_pb2 import (
    MODERATION_ACTION_KICK_MEMBER,
    MODERATION_ACTION_MUTE_MEMBER,
    SANCTION_KIND_BAN,
    SANCTION_KIND_MUTE,
)
from servicekit.caller import Role
from servicekit.errors import CallerSuspendedError
from servicekit.rpc_status import UpstreamError
from services.chat.domain import errors
from tests.services.chat.chat_client import DOMAIN, ChatClient, RoomWithMembers, new_user
from tests.services.chat.rpc.test_membership_roles import rooms_rev
from tests.services.running import add_user, refused


async def test_mute_member_stops_writing_and_nothing_else(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    target = await client.db.user_id(room.member)
    muted = await client.call(
        room.moderator, "MuteMember", room_id=room.id, user_id=target, duration=Duration(seconds=60)
    )
    assert muted.sanction.kind == SANCTION_KIND_MUTE
    assert muted.sanction.user_id == target
    assert muted.sanction.issuer_id == await client.db.user_id(room.moderator)
    assert muted.sanction.expire_time.seconds - muted.sanction.start_time.seconds == 60
    await refused(client.send_message(room.member, room.id, "hello"), errors.CallerMutedError, DOMAIN)
    await client.list_messages(room.member, room.id)
    assert await client.db.moderation_actions(room.id) == [("MUTE_MEMBER", "MODERATOR", False, target)]


async def test_a_mute_ends_by_itself_on_the_databases_clock(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    target = await client.db.user_id(room.member)
    await client.call(
        room.moderator, "MuteMember", room_id=room.id, user_id=target, duration=Duration(seconds=60)
    )
    await client.admin.execute(
        "UPDATE chat.sanctions SET starts_at = starts_at - interval '2 minutes',"
        " expires_at = expires_at - interval '2 minutes' WHERE room_id = $1",
        uuid.UUID(room.id),
    )
    await client.send_message(room.member, room.id, "hello again")
    assert not (await client.call(room.moderator, "ListSanctions", room_id=room.id)).sanctions
    assert not (await client.call(room.moderator, "UnmuteMember", room_id=room.id, user_id=target)).HasField(
        "sanction"
    )


async def test_mute_member_again_replaces_the_mute(room: RoomWithMembers, client: ChatClient) -> None:
    target = await client.db.user_id(room.member)
    first = await client.call(room.moderator, "MuteMember", room_id=room.id, user_id=target, reason="one")
    second = await client.call(room.moderator, "MuteMember", room_id=room.id, user_id=target, reason="two")
    assert first.sanction.id != second.sanction.id
    found = await client.call(room.owner, "ListSanctions", room_id=room.id)
    assert [each.id for each in found.sanctions] == [second.sanction.id]


async def test_unmute_member_lets_write_again(client: ChatClient, room: RoomWithMembers) -> None:
    target = await client.db.user_id(room.member)
    await client.call(room.moderator, "MuteMember", room_id=room.id, user_id=target)
    lifted = await client.call(room.owner, "UnmuteMember", room_id=room.id, user_id=target)
    assert lifted.sanction.HasField("end_time")
    await client.send_message(room.member, room.id, "hello")
    assert [line[0] for line in await client.db.moderation_actions(room.id)] == [
        "MUTE_MEMBER",
        "UNMUTE_MEMBER",
    ]


async def test_kick_member_ends_the_membership_and_they_may_come_back(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    target = await client.db.user_id(room.member)
    before = (await client.get_room(room.owner, room.id)).room.member_count
    await client.call(room.moderator, "KickMember", room_id=room.id, user_id=target)
    assert await client.db.membership_end(room.id, room.member) == ("KICKED", True)
    assert (await client.get_room(room.owner, room.id)).room.member_count == before - 1
    await refused(client.send_message(room.member, room.id, "hello"), errors.NotAMemberError, DOMAIN)
    rows = await client.db.room_rows(room.id)
    await client.call(room.moderator, "KickMember", room_id=room.id, user_id=target)
    assert await client.db.room_rows(room.id) == rows
    await client.join_room(room.member, room.id)
    assert await client.db.membership_end(room.id, room.member) == (None, False)


async def test_ban_member_keeps_them_out_until_it_is_lifted(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    target = await client.db.user_id(room.member)
    banned = await client.call(room.moderator, "BanMember", room_id=room.id, user_id=target)
    assert banned.sanction.kind == SANCTION_KIND_BAN
    assert not banned.sanction.HasField("expire_time")
    assert await client.db.membership_end(room.id, room.member) == ("BANNED", True)
    for answer in (
        client.send_message(room.member, room.id, "hello"),
        client.join_room(room.member, room.id),
        client.list_messages(room.member, room.id),
    ):
        await refused(answer, errors.BannedError, DOMAIN)
    await client.call(room.moderator, "UnbanMember", room_id=room.id, user_id=target)
    await client.join_room(room.member, room.id)


async def test_ban_member_deletes_what_they_wrote_within_the_window(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    root = await client.send_message(room.other, room.id, "a root")
    old = await client.send_message(room.member, room.id, "an old one")
    await client.admin.execute(
        "UPDATE chat.messages SET created_at = created_at - interval '2 days' WHERE id = $1",
        uuid.UUID(old.id),
    )
    for _ in range(3):
        await client.send_message(room.member, room.id, "spam", parent_id=root.id)
    await client.send_message(room.other, room.id, "an answer", parent_id=root.id)
    last = await client.send_message(room.member, room.id, "spam", parent_id=root.id)
    target = await client.db.user_id(room.member)

    banned = await client.call(
        room.owner, "BanMember", room_id=room.id, user_id=target, delete_window=Duration(seconds=86_400)
    )

    assert (banned.deleted_count, banned.remaining_count) == (4, 0)
    shown = await client.get_message(room.other, root)
    assert shown.reply_count == 1
    assert shown.last_reply_time.ToMicroseconds() < last.create_time.ToMicroseconds()
    assert (await client.get_message(room.other, old)).text == "an old one"
    row = await client.admin.fetchrow(
        "SELECT deleted_by::text, deletion_type FROM chat.messages WHERE id = $1", uuid.UUID(last.id)
    )
    assert row is not None
    assert tuple(row) == (await client.db.user_id(room.owner), "MODERATOR")
    revs = [rev for _, rev in await client.db.seqs_and_revs(room.id)]
    assert len(set(revs)) == len(revs)


@pytest.mark.parametrize("method", ["KickMember", "BanMember"])
async def test_a_removed_member_learns_that_their_rooms_changed(
    method: str,
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    moved = await rooms_rev(client, room.member)
    await client.call(room.moderator, method, room_id=room.id, user_id=await client.db.user_id(room.member))
    assert await rooms_rev(client, room.member) == moved + 1
    assert await rooms_rev(client, room.other) == moved


async def test_ban_member_ends_an_open_invitation(client: ChatClient) -> None:
    ada, bob = new_user(), new_user()
    room = await client.create_room(ada, private=True)
    await client.create_room(bob)
    target = await client.db.user_id(bob)
    await client.call(ada, "InviteUser", room_id=room.id, user_id=target)
    await client.get_room(bob, room.id)
    for method in ("BanMember", "UnbanMember"):
        await client.call(ada, method, room_id=room.id, user_id=target)
        await refused(client.join_room(bob, room.id), errors.RoomNotFoundError, DOMAIN)


@pytest.mark.parametrize(
    "method", ["MuteMember", "KickMember", "BanMember", "UnbanMember", "DeleteMessagesByAuthor"]
)
async def test_nobody_acts_on_themselves_equals_or_higher_ones(
    method: str,
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    await client.db.set_role(room.id, room.other, "MODERATOR")
    field = "author_id" if method == "DeleteMessagesByAuthor" else "user_id"
    targets = [(room.moderator, target) for target in (room.moderator, room.other, room.owner)]
    for actor, target in (*targets, (room.owner, room.owner)):
        request = {"room_id": room.id, field: await client.db.user_id(target)}
        await refused(client.call(actor, method, **request), errors.TargetProtectedError, DOMAIN)
    assert await client.db.moderation_actions(room.id) == []


async def test_members_moderate_nothing(room: RoomWithMembers, client: ChatClient) -> None:
    target = await client.db.user_id(room.other)
    error = await refused(
        client.call(room.member, "MuteMember", room_id=room.id, user_id=target),
        errors.RoleRequiredError,
        DOMAIN,
    )
    assert error.metadata == {"role": "MODERATOR"}


async def test_an_administrator_acts_anywhere_when_they_say_so(client: ChatClient) -> None:
    room = await RoomWithMembers(client).create()
    await client.db.set_room(room.id, private=True)
    admin = new_user()
    await add_user(client.admin, admin, role=Role.ADMIN)
    owner = await client.db.user_id(room.owner)
    await refused(
        client.call(admin, "MuteMember", room_id=room.id, user_id=owner), errors.RoomNotFoundError, DOMAIN
    )
    await client.call(admin, "MuteMember", room_id=room.id, user_id=owner, as_admin=True)
    assert await client.db.moderation_actions(room.id) == [("MUTE_MEMBER", "ADMIN", True, owner)]
    await client.call(admin, "InspectSanctions", room_id=room.id)
    assert (await client.db.moderation_actions(room.id))[-1][:3] == ("READ_SANCTIONS", "ADMIN", True)


async def test_a_suspended_administrator_does_not_act(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    admin = new_user()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await add_user(client.admin, admin, role=Role.ADMIN, suspended_until=tomorrow)
    target = await client.db.user_id(room.member)
    for method, fields in {"LockRoom": {}, "KickMember": {"user_id": target}}.items():
        await refused(
            client.call(admin, method, room_id=room.id, as_admin=True, **fields), CallerSuspendedError, DOMAIN
        )
    assert await client.db.moderation_actions(room.id) == []


async def test_as_admin_without_the_role_tells_nothing_of_the_room(client: ChatClient) -> None:
    room = await RoomWithMembers(client).create()
    await client.db.set_room(room.id, private=True)
    stranger = new_user()
    answers = [
        await refused(
            client.call(stranger, "KickMember", room_id=room_id, user_id=str(uuid.uuid4()), as_admin=True),
            errors.RoleRequiredError,
            DOMAIN,
        )
        for room_id in (room.id, str(uuid.uuid4()))
    ]
    assert answers[0].metadata == answers[1].metadata == {"role": "ADMIN"}


async def test_a_ban_and_a_send_race_and_nothing_is_written_after_the_ban(client: ChatClient) -> None:
    owner = new_user()
    room_id = (await client.create_room(owner)).id
    for _ in range(20):
        spammer = new_user()
        await client.join_room(spammer, room_id)
        target = await client.db.user_id(spammer)
        sends = [client.send_message(spammer, room_id, "spam") for _ in range(5)]
        ban = client.call(owner, "BanMember", room_id=room_id, user_id=target)
        answers = await asyncio.gather(ban, *sends, return_exceptions=True)
        assert not isinstance(answers[0], BaseException)
        written = await client.admin.fetchval(
            "SELECT count(*) FROM chat.messages WHERE room_id = $1 AND user_id = $2 AND rev > $3",
            uuid.UUID(room_id),
            uuid.UUID(target),
            answers[0].sanction.rev,
        )
        assert written == 0


async def test_the_log_tells_states_and_never_words(room: RoomWithMembers, client: ChatClient) -> None:
    target = await client.db.user_id(room.member)
    await client.call(room.moderator, "MuteMember", room_id=room.id, user_id=target, reason="too loud")
    await client.call(room.moderator, "KickMember", room_id=room.id, user_id=target, reason="far too loud")
    page = await client.call(room.moderator, "ListModerationLogs", room_id=room.id, page_size=1)
    assert [line.action for line in page.logs] == [MODERATION_ACTION_KICK_MEMBER]
    assert dict(page.logs[0].before) == {"role": "MEMBER"}
    assert page.logs[0].reason == "far too loud"
    rest = await client.call(
        room.moderator, "ListModerationLogs", room_id=room.id, page_size=1, page_token=page.next_page_token
    )
    assert [line.action for line in rest.logs] == [MODERATION_ACTION_MUTE_MEMBER]
    assert set(dict(rest.logs[0].after)) == {"sanction_id", "kind", "expire_time"}
    assert rest.next_page_token == ""
    ofs = await client.call(
        room.moderator, "ListModerationLogs", room_id=room.id, target_user_id=str(uuid.uuid4())
    )
    assert not ofs.logs


async def test_an_act_and_its_line_stand_or_fall_together(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    """A fault after both were written, at the commit, leaves neither."""
    target = await client.db.user_id(room.member)
    await client.admin.execute(
        "CREATE FUNCTION chat.fail_late() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'a fault'; END $$;"
        "CREATE CONSTRAINT TRIGGER fail_late AFTER INSERT ON chat.moderation_logs"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chat.fail_late()"
    )
    try:
        with pytest.raises(UpstreamError):
            await client.call(room.moderator, "KickMember", room_id=room.id, user_id=target)
    finally:
        await client.admin.execute(
            "DROP TRIGGER fail_late ON chat.moderation_logs; DROP FUNCTION chat.fail_late"
        )
    assert await client.db.membership_end(room.id, room.member) == (None, False)
    assert await client.db.moderation_actions(room.id) == []
    await client.call(room.moderator, "KickMember", room_id=room.id, user_id=target)


_ABOUT_A_USER = [
    method.name
    for method in moderation_service_pb2.DESCRIPTOR.services_by_name["ModerationService"].methods
    if {"user_id", "author_id"} & set(method.input_type.fields_by_name)
    and "reason" in method.input_type.fields_by_name
]


@pytest.mark.parametrize("method", _ABOUT_A_USER)
async def test_an_act_on_a_user_who_was_never_in_the_room_writes_nothing(
    method: str, client: ChatClient, room: RoomWithMembers
) -> None:
    field = "author_id" if method == "DeleteMessagesByAuthor" else "user_id"
    rows = await client.db.room_rows(room.id)
    call = client.call(room.owner, method, room_id=room.id, **{field: str(uuid.uuid4())})
    if method in ("MuteMember", "BanMember"):
        await refused(call, errors.MemberNotFoundError, DOMAIN)
    else:
        await call
    assert await client.db.room_rows(room.id) == rows


@pytest.mark.parametrize("method", ["MuteMember", "BanMember"])
@pytest.mark.parametrize("relation", ["left", "kicked", "banned", "invited"])
async def test_a_user_who_was_in_the_room_or_may_come_is_sanctioned(
    method: str, relation: str, client: ChatClient, room: RoomWithMembers
) -> None:
    target = await client.db.user_id(room.member)
    if relation == "left":
        await client.call(room.member, "LeaveRoom", room_id=room.id)
    elif relation == "invited":
        guest = new_user()
        await client.create_room(guest)
        target = await client.db.user_id(guest)
        await client.call(room.owner, "InviteUser", room_id=room.id, user_id=target)
    else:
        act = "KickMember" if relation == "kicked" else "BanMember"
        await client.call(room.owner, act, room_id=room.id, user_id=target)
    for reason in ("one", "two"):
        made = await client.call(room.owner, method, room_id=room.id, user_id=target, reason=reason)
        assert made.sanction.reason == reason


async def test_platform_administrators_ban_in_advance_and_mute_nobody_in_advance(
    client: ChatClient, room: RoomWithMembers
) -> None:
    admin, guest = new_user(), new_user()
    await add_user(client.admin, admin, role=Role.ADMIN)
    await client.create_room(guest)
    fields = {"room_id": room.id, "user_id": await client.db.user_id(guest), "as_admin": True}
    await refused(client.call(admin, "MuteMember", **fields), errors.MemberNotFoundError, DOMAIN)
    await client.call(admin, "BanMember", **fields)
    await refused(client.join_room(guest, room.id), errors.BannedError, DOMAIN)
