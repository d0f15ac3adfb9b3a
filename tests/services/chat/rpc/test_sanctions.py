"""ModerationService: mutes, kicks and bans."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from seda.chat.v1.moderation_pb2 import SANCTION_KIND_BAN, SANCTION_KIND_MUTE
from servicekit.caller import Role
from servicekit.errors import CallerSuspendedError
from servicekit.rpc_status import UpstreamError
from services.chat.domain import errors
from tests.services.chat.moderators import Cast, Moderators
from tests.services.chat.rpc.test_membership_roles import rooms_rev
from tests.services.chat.world import DOMAIN, World, new_user
from tests.services.running import add_user, refused


async def test_mute_member_stops_writing_and_nothing_else(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    target = await cast.id_of(cast.member)
    muted = await moderators.act(
        "MuteMember", cast.moderator, cast.room_id, user_id=target, duration=Duration(seconds=60)
    )
    assert muted.sanction.kind == SANCTION_KIND_MUTE
    assert muted.sanction.user_id == target
    assert muted.sanction.issuer_id == await cast.id_of(cast.moderator)
    assert muted.sanction.expire_time.seconds - muted.sanction.start_time.seconds == 60
    await refused(world.send(cast.member, cast.room_id, "hello"), errors.CallerMutedError, DOMAIN)
    await world.page(cast.member, cast.room_id)
    assert await cast.log() == [("MUTE_MEMBER", "MODERATOR", False, target)]


async def test_a_mute_ends_by_itself_on_the_databases_clock(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    target = await cast.id_of(cast.member)
    await moderators.act(
        "MuteMember", cast.moderator, cast.room_id, user_id=target, duration=Duration(seconds=60)
    )
    await world.admin.execute(
        "UPDATE chat.sanctions SET starts_at = starts_at - interval '2 minutes',"
        " expires_at = expires_at - interval '2 minutes' WHERE room_id = $1",
        uuid.UUID(cast.room_id),
    )
    await world.send(cast.member, cast.room_id, "hello again")
    assert not (await moderators.act("ListSanctions", cast.moderator, cast.room_id)).sanctions
    assert not (await moderators.act("UnmuteMember", cast.moderator, cast.room_id, user_id=target)).HasField(
        "sanction"
    )


async def test_mute_member_again_replaces_the_mute(cast: Cast, moderators: Moderators) -> None:
    target = await cast.id_of(cast.member)
    first = await moderators.act("MuteMember", cast.moderator, cast.room_id, user_id=target, reason="one")
    second = await moderators.act("MuteMember", cast.moderator, cast.room_id, user_id=target, reason="two")
    assert first.sanction.id != second.sanction.id
    found = await moderators.act("ListSanctions", cast.owner, cast.room_id)
    assert [each.id for each in found.sanctions] == [second.sanction.id]


async def test_unmute_member_lets_write_again(world: World, cast: Cast, moderators: Moderators) -> None:
    target = await cast.id_of(cast.member)
    await moderators.act("MuteMember", cast.moderator, cast.room_id, user_id=target)
    lifted = await moderators.act("UnmuteMember", cast.owner, cast.room_id, user_id=target)
    assert lifted.sanction.HasField("end_time")
    await world.send(cast.member, cast.room_id, "hello")
    assert [line[0] for line in await cast.log()] == ["MUTE_MEMBER", "UNMUTE_MEMBER"]


async def test_kick_member_ends_the_membership_and_they_may_come_back(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    target = await cast.id_of(cast.member)
    before = (await world.get_room(cast.owner, cast.room_id)).room.member_count
    await moderators.act("KickMember", cast.moderator, cast.room_id, user_id=target)
    assert await cast.place(cast.member) == ("KICKED", True)
    assert (await world.get_room(cast.owner, cast.room_id)).room.member_count == before - 1
    await refused(world.send(cast.member, cast.room_id, "hello"), errors.NotAMemberError, DOMAIN)
    await refused(
        moderators.act("KickMember", cast.moderator, cast.room_id, user_id=target),
        errors.MemberNotFoundError,
        DOMAIN,
    )
    await world.join(cast.member, cast.room_id)
    assert await cast.place(cast.member) == (None, False)


async def test_ban_member_keeps_them_out_until_it_is_lifted(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    target = await cast.id_of(cast.member)
    banned = await moderators.act("BanMember", cast.moderator, cast.room_id, user_id=target)
    assert banned.sanction.kind == SANCTION_KIND_BAN
    assert not banned.sanction.HasField("expire_time")
    assert await cast.place(cast.member) == ("BANNED", True)
    for answer in (
        world.send(cast.member, cast.room_id, "hello"),
        world.join(cast.member, cast.room_id),
        world.page(cast.member, cast.room_id),
    ):
        await refused(answer, errors.BannedError, DOMAIN)
    await moderators.act("UnbanMember", cast.moderator, cast.room_id, user_id=target)
    await world.join(cast.member, cast.room_id)


async def test_ban_member_deletes_what_they_wrote_within_the_window(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    root = (await world.send(cast.other, cast.room_id, "a root")).message
    old = (await world.send(cast.member, cast.room_id, "an old one")).message
    await world.admin.execute(
        "UPDATE chat.messages SET created_at = created_at - interval '2 days' WHERE id = $1",
        uuid.UUID(old.id),
    )
    for _ in range(3):
        await world.send(cast.member, cast.room_id, "spam", parent_id=root.id)
    await world.send(cast.other, cast.room_id, "an answer", parent_id=root.id)
    last = (await world.send(cast.member, cast.room_id, "spam", parent_id=root.id)).message
    target = await cast.id_of(cast.member)

    banned = await moderators.act(
        "BanMember", cast.owner, cast.room_id, user_id=target, delete_window=Duration(seconds=86_400)
    )

    assert (banned.deleted_count, banned.remaining_count) == (4, 0)
    shown = (await world.get(cast.other, cast.room_id, root.id)).message
    assert shown.reply_count == 1
    assert shown.last_reply_time.ToMicroseconds() < last.create_time.ToMicroseconds()
    assert (await world.get(cast.other, cast.room_id, old.id)).message.text == "an old one"
    row = await world.admin.fetchrow(
        "SELECT deleted_by::text, deletion_type FROM chat.messages WHERE id = $1", uuid.UUID(last.id)
    )
    assert row is not None
    assert tuple(row) == (await cast.id_of(cast.owner), "MODERATOR")
    revs = [rev for _, rev in await world.numbers(cast.room_id)]
    assert len(set(revs)) == len(revs)


async def test_delete_messages_by_author_deletes_500_and_says_what_remains(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    target = await cast.id_of(cast.member)
    sent = (await world.send(cast.member, cast.room_id, "the first")).message
    # As if they had been sent: the rest of 510 messages.
    await world.admin.execute(
        "WITH c AS (UPDATE chat.room_counters SET last_seq = last_seq + 509, last_rev = last_rev + 509"
        "            WHERE room_id = $1 RETURNING last_seq, last_rev)"
        " INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, created_at)"
        " SELECT $1, last_seq - 509 + n, last_rev - 509 + n, gen_random_uuid(), $2, 'TEXT', 'spam',"
        "        clock_timestamp() FROM c, generate_series(1, 509) AS n",
        uuid.UUID(cast.room_id),
        uuid.UUID(target),
    )
    later = Timestamp()
    later.FromMicroseconds(sent.create_time.ToMicroseconds() + 1)
    first = await moderators.act(
        "DeleteMessagesByAuthor", cast.moderator, cast.room_id, user_id=target, start_time=later
    )
    assert (first.deleted_count, first.remaining_count) == (500, 9)
    second = await moderators.act("DeleteMessagesByAuthor", cast.moderator, cast.room_id, user_id=target)
    assert (second.deleted_count, second.remaining_count) == (10, 0)
    third = await moderators.act("DeleteMessagesByAuthor", cast.moderator, cast.room_id, user_id=target)
    assert (third.deleted_count, third.remaining_count) == (0, 0)
    assert [line[0] for line in await cast.log()] == ["DELETE_MESSAGES", "DELETE_MESSAGES"]
    # The SYSTEM message that tells of their coming stays.
    kinds = await world.admin.fetch(
        "SELECT DISTINCT type FROM chat.messages WHERE room_id = $1 AND user_id = $2 AND deleted_at IS NULL",
        uuid.UUID(cast.room_id),
        uuid.UUID(target),
    )
    assert [row["type"] for row in kinds] == ["SYSTEM"]


async def test_delete_messages_by_author_from_a_time_on(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    old = (await world.send(cast.member, cast.room_id, "an old one")).message
    new = (await world.send(cast.member, cast.room_id, "a new one")).message
    deleted = await moderators.act(
        "DeleteMessagesByAuthor",
        cast.moderator,
        cast.room_id,
        user_id=old.user_id,
        start_time=new.create_time,
    )
    assert (deleted.deleted_count, deleted.remaining_count) == (1, 0)
    shown = (await world.page(cast.other, cast.room_id)).messages
    assert [each.text for each in shown if each.user_id == old.user_id and each.text] == ["an old one"]


@pytest.mark.parametrize("method", ["KickMember", "BanMember"])
async def test_a_removed_member_learns_that_their_rooms_changed(
    method: str, world: World, cast: Cast, moderators: Moderators
) -> None:
    moved = await rooms_rev(world, cast.member)
    await moderators.act(method, cast.moderator, cast.room_id, user_id=await cast.id_of(cast.member))
    assert await rooms_rev(world, cast.member) == moved + 1
    assert await rooms_rev(world, cast.other) == moved


async def test_ban_member_ends_an_open_invitation(world: World, moderators: Moderators) -> None:
    ada, bob = new_user(), new_user()
    room = await world.room(ada, private=True)
    await world.create_room(bob)
    target = await world.user_id(bob)
    await world.ask(ada, "InviteUser", room_id=room.id, user_id=target)
    await world.get_room(bob, room.id)
    for method in ("BanMember", "UnbanMember"):
        await moderators.act(method, ada, room.id, user_id=target)
        await refused(world.join(bob, room.id), errors.RoomNotFoundError, DOMAIN)


@pytest.mark.parametrize(
    "method", ["MuteMember", "KickMember", "BanMember", "UnbanMember", "DeleteMessagesByAuthor"]
)
async def test_nobody_acts_on_themselves_equals_or_higher_ones(
    method: str, world: World, cast: Cast, moderators: Moderators
) -> None:
    await world.set_role(cast.room_id, cast.other, "MODERATOR")
    for target in (cast.moderator, cast.other, cast.owner):
        await refused(
            moderators.act(method, cast.moderator, cast.room_id, user_id=await cast.id_of(target)),
            errors.TargetProtectedError,
            DOMAIN,
        )
    await refused(
        moderators.act(method, cast.owner, cast.room_id, user_id=await cast.id_of(cast.owner)),
        errors.TargetProtectedError,
        DOMAIN,
    )
    assert await cast.log() == []


async def test_members_moderate_nothing(cast: Cast, moderators: Moderators) -> None:
    target = await cast.id_of(cast.other)
    error = await refused(
        moderators.act("MuteMember", cast.member, cast.room_id, user_id=target),
        errors.RoleRequiredError,
        DOMAIN,
    )
    assert error.metadata == {"role": "MODERATOR"}


async def test_an_administrator_acts_anywhere_when_they_say_so(world: World, moderators: Moderators) -> None:
    cast = await Cast(world).gather()
    await world.set_room(cast.room_id, private=True)
    admin = new_user()
    await add_user(world.admin, admin, role=Role.ADMIN)
    owner = await cast.id_of(cast.owner)
    await refused(
        moderators.act("MuteMember", admin, cast.room_id, user_id=owner), errors.RoomNotFoundError, DOMAIN
    )
    await moderators.act("MuteMember", admin, cast.room_id, user_id=owner, as_admin=True)
    assert await cast.log() == [("MUTE_MEMBER", "ADMIN", True, owner)]
    await moderators.act("ListSanctions", admin, cast.room_id, as_admin=True)
    assert (await cast.log())[-1][:3] == ("READ_SANCTIONS", "ADMIN", True)


async def test_a_suspended_administrator_does_not_act(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    admin = new_user()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await add_user(world.admin, admin, role=Role.ADMIN, suspended_until=tomorrow)
    target = await cast.id_of(cast.member)
    for method, fields in {"LockRoom": {}, "KickMember": {"user_id": target}}.items():
        await refused(
            moderators.act(method, admin, cast.room_id, as_admin=True, **fields), CallerSuspendedError, DOMAIN
        )
    assert await cast.log() == []


async def test_as_admin_without_the_role_tells_nothing_of_the_room(
    world: World, moderators: Moderators
) -> None:
    cast = await Cast(world).gather()
    await world.set_room(cast.room_id, private=True)
    non_member_mention = new_user()
    answers = [
        await refused(
            moderators.act(
                "KickMember", non_member_mention, room_id, user_id=str(uuid.uuid4()), as_admin=True
            ),
            errors.RoleRequiredError,
            DOMAIN,
        )
        for room_id in (cast.room_id, str(uuid.uuid4()))
    ]
    assert answers[0].metadata == answers[1].metadata == {"role": "ADMIN"}


async def test_a_ban_and_a_send_race_and_nothing_is_written_after_the_ban(
    world: World, moderators: Moderators
) -> None:
    owner = new_user()
    room_id = (await world.room(owner)).id
    for _ in range(20):
        spammer = new_user()
        await world.join(spammer, room_id)
        target = await world.user_id(spammer)
        sends = [world.send(spammer, room_id, "spam") for _ in range(5)]
        ban = moderators.act("BanMember", owner, room_id, user_id=target)
        answers = await asyncio.gather(ban, *sends, return_exceptions=True)
        assert not isinstance(answers[0], BaseException)
        written = await world.admin.fetchval(
            "SELECT count(*) FROM chat.messages WHERE room_id = $1 AND user_id = $2 AND rev > $3",
            uuid.UUID(room_id),
            uuid.UUID(target),
            answers[0].sanction.rev,
        )
        assert written == 0


async def test_the_log_tells_states_and_never_words(cast: Cast, moderators: Moderators) -> None:
    target = await cast.id_of(cast.member)
    await moderators.act("MuteMember", cast.moderator, cast.room_id, user_id=target, reason="too loud")
    await moderators.act("KickMember", cast.moderator, cast.room_id, user_id=target, reason="far too loud")
    page = await moderators.act("ListModerationLogs", cast.moderator, cast.room_id, page_size=1)
    assert [line.action for line in page.logs] == ["KICK_MEMBER"]
    assert dict(page.logs[0].before) == {"role": "MEMBER"}
    assert page.logs[0].reason == "far too loud"
    rest = await moderators.act(
        "ListModerationLogs", cast.moderator, cast.room_id, page_size=1, page_token=page.next_page_token
    )
    assert [line.action for line in rest.logs] == ["MUTE_MEMBER"]
    assert set(dict(rest.logs[0].after)) == {"sanction_id", "kind", "expires_at"}
    assert rest.next_page_token == ""
    ofs = await moderators.act(
        "ListModerationLogs", cast.moderator, cast.room_id, target_user_id=str(uuid.uuid4())
    )
    assert not ofs.logs


async def test_an_act_and_its_line_stand_or_fall_together(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    """A fault after both were written, at the commit, leaves neither."""
    target = await cast.id_of(cast.member)
    await world.admin.execute(
        "CREATE FUNCTION chat.fail_late() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'a fault'; END $$;"
        "CREATE CONSTRAINT TRIGGER fail_late AFTER INSERT ON chat.moderation_logs"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chat.fail_late()"
    )
    try:
        with pytest.raises(UpstreamError):
            await moderators.act("KickMember", cast.moderator, cast.room_id, user_id=target)
    finally:
        await world.admin.execute(
            "DROP TRIGGER fail_late ON chat.moderation_logs; DROP FUNCTION chat.fail_late"
        )
    assert await cast.place(cast.member) == (None, False)
    assert await cast.log() == []
    await moderators.act("KickMember", cast.moderator, cast.room_id, user_id=target)
