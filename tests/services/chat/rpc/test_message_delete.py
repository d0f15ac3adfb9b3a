"""DeleteMessage and RestoreMessage over a real channel."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from seda.chat.v1.message_pb2 import DeletionType, Message
from servicekit.caller import Role
from services.chat.domain.errors import (
    MessageNotFoundError,
    NotRestorableError,
    RoleRequiredError,
    RoomNotFoundError,
    SystemMessageError,
)
from tests.services.chat.acts import Acts, together
from tests.services.chat.world import DOMAIN, World, new_user
from tests.services.running import Running, add_track, add_user, refused

_AUTHOR, _MODERATOR, _ADMIN = (
    DeletionType.DELETION_TYPE_AUTHOR,
    DeletionType.DELETION_TYPE_MODERATOR,
    DeletionType.DELETION_TYPE_ADMIN,
)


class Cast:
    """A room with its owner, a moderator, and a member who has said something."""

    def __init__(self, acts: Acts) -> None:
        self.acts = acts
        self.world = acts.world
        self.owner = new_user()

    async def gather(self, **fields: Any) -> Cast:
        """Make the room and bring all in."""
        self.room_id = (await self.world.room(self.owner, **fields)).id
        if fields.get("private"):
            await self.world.set_room(self.room_id, private=False)
        self.moderator = await self.acts.member(self.room_id, "MODERATOR")
        self.author = await self.acts.member(self.room_id)
        await self.world.set_room(self.room_id, private=fields.get("private", False))
        self.message = await self.say("something rash")
        return self

    async def say(self, text: str, **fields: Any) -> Message:
        """Let the member say something."""
        return (await self.world.send(self.author, self.room_id, text, **fields)).message


@pytest.fixture
async def cast(acts: Acts) -> Cast:
    """A room with an owner, a moderator and a member."""
    return await Cast(acts).gather()


async def _staff(world: World, role: Role) -> str:
    email = new_user()
    await add_user(world.admin, email, role=role)
    return email


async def test_delete_message_by_its_author_leaves_a_stub(world: World, acts: Acts, cast: Cast) -> None:
    stub = await acts.delete(cast.author, cast.message)
    assert (stub.id, stub.seq, stub.user_id) == (cast.message.id, cast.message.seq, cast.message.user_id)
    assert (stub.text, stub.deletion_type, stub.deleter_id) == ("", _AUTHOR, cast.message.user_id)
    assert stub.rev == cast.message.rev + 1 == (await world.get_room(cast.author, cast.room_id)).rev
    assert stub.delete_time.ToNanoseconds() > stub.create_time.ToNanoseconds()
    assert stub.etag != cast.message.etag
    await refused(world.get(cast.author, cast.room_id, cast.message.id), MessageNotFoundError, DOMAIN)
    # Nobody moderated anything.
    assert await acts.log(cast.room_id) == []


async def test_delete_message_shows_nothing_of_what_it_was(world: World, acts: Acts, cast: Cast) -> None:
    track_id = await add_track(world.admin, "8PTG3Z6ehGkBFwjybzWkR8")
    owner_id = await world.user_id(cast.owner)
    message = await cast.say("look", track_id=track_id, mention_user_ids=[owner_id])
    await acts.react(cast.owner, message)
    stub = await acts.delete(cast.author, message)
    assert not stub.text
    assert not stub.HasField("track")
    assert not stub.mention_user_ids
    assert not stub.reactions


@pytest.mark.parametrize("who", ["moderator", "owner"])
async def test_delete_message_by_who_moderates_is_logged(acts: Acts, cast: Cast, who: str) -> None:
    email = getattr(cast, who)
    stub = await acts.delete(email, cast.message, reason="too rash")
    actor_id = await acts.world.user_id(email)
    assert (stub.deletion_type, stub.deleter_id) == (_MODERATOR, actor_id)
    (line,) = await acts.log(cast.room_id)
    assert line["before"] == '{"deleted_at": null}'
    assert stub.delete_time.ToJsonString()[:19] in line["after"]
    assert cast.message.text not in line["after"]
    del line["before"], line["after"]
    assert line == {
        "rev": stub.rev + 1,
        "actor_id": actor_id,
        "actor_role": who.upper(),
        "as_admin": False,
        "action": "DELETE_MESSAGE",
        "target_user_id": cast.message.user_id,
        "target_message_id": cast.message.id,
        "reason": "too rash",
    }


async def test_delete_message_by_moderators_goes_for_owners_messages_too(acts: Acts, cast: Cast) -> None:
    message = (await acts.world.send(cast.owner, cast.room_id, "I own this")).message
    assert (await acts.delete(cast.moderator, message)).deletion_type == _MODERATOR
    own = (await acts.world.send(cast.moderator, cast.room_id, "oops")).message
    assert (await acts.delete(cast.moderator, own)).deletion_type == _AUTHOR
    assert len(await acts.log(cast.room_id)) == 1


async def test_delete_message_by_another_member_is_refused(acts: Acts, cast: Cast) -> None:
    other = await acts.member(cast.room_id)
    error = await refused(acts.delete(other, cast.message), RoleRequiredError, DOMAIN)
    assert error.metadata == {"role": "MODERATOR"}


async def test_delete_message_as_admin(acts: Acts, cast: Cast) -> None:
    admin, staff = await _staff(acts.world, Role.ADMIN), await _staff(acts.world, Role.MODERATOR)
    by_staff = await acts.delete(staff, await cast.say("one"), as_admin=True, reason="spam")
    by_admin = await acts.delete(admin, await cast.say("two"), as_admin=True)
    assert (by_staff.deletion_type, by_admin.deletion_type) == (_MODERATOR, _ADMIN)
    lines = await acts.log(cast.room_id)
    assert [(line["actor_role"], line["as_admin"], line["reason"]) for line in lines] == [
        ("MODERATOR", True, "spam"),
        ("ADMIN", True, None),
    ]
    # Their own messages, too, when they say so.
    await acts.world.join(admin, cast.room_id)
    own = (await acts.world.send(admin, cast.room_id, "mine")).message
    assert (await acts.delete(admin, own, as_admin=True)).deletion_type == _ADMIN


async def test_delete_message_as_admin_in_a_private_room(acts: Acts) -> None:
    cast = await Cast(acts).gather(private=True)
    admin, staff = await _staff(acts.world, Role.ADMIN), await _staff(acts.world, Role.MODERATOR)
    await refused(acts.delete(staff, cast.message, as_admin=True), RoomNotFoundError, DOMAIN)
    await refused(acts.delete(admin, cast.message), RoomNotFoundError, DOMAIN)
    assert (await acts.delete(admin, cast.message, as_admin=True)).deletion_type == _ADMIN


async def test_delete_message_as_admin_by_nobody_of_the_kind_is_refused(acts: Acts, cast: Cast) -> None:
    missing = Message(id=cast.message.id, room_id="00000000-0000-7000-8000-000000000000")
    for message in (cast.message, missing):
        error = await refused(acts.delete(cast.owner, message, as_admin=True), RoleRequiredError, DOMAIN)
        assert error.metadata == {"role": "MODERATOR"}


async def test_delete_message_again_gives_the_same_stub(acts: Acts, cast: Cast) -> None:
    stub = await acts.delete(cast.moderator, cast.message)
    before = await acts.rows(cast.room_id)
    for email in (cast.moderator, cast.owner, cast.author):
        assert await acts.delete(email, cast.message) == stub
    assert await acts.rows(cast.room_id) == before


async def test_delete_message_by_a_muted_author_works(acts: Acts, cast: Cast) -> None:
    await acts.world.sanction(cast.room_id, cast.author, "MUTE")
    assert (await acts.delete(cast.author, cast.message)).deletion_type == _AUTHOR


async def test_delete_message_of_the_service_itself_is_refused(acts: Acts, cast: Cast) -> None:
    joined = (await acts.world.page(cast.author, cast.room_id, before_seq=cast.message.seq)).messages[0]
    for email in (cast.author, cast.owner):
        await refused(acts.delete(email, joined), SystemMessageError, DOMAIN)


async def test_delete_message_that_is_not_there_is_refused(acts: Acts, cast: Cast) -> None:
    elsewhere = (await Cast(acts).gather()).message
    elsewhere.room_id = cast.room_id
    for act in (acts.delete, acts.restore):
        error = await refused(act(cast.owner, elsewhere), MessageNotFoundError, DOMAIN)
        assert error.metadata == {"message_id": elsewhere.id}


async def test_delete_and_restore_message_move_the_thread_s_sums(acts: Acts, cast: Cast) -> None:
    root = cast.message
    one, two, three = [await cast.say(f"{n}", parent_id=root.id) for n in range(3)]
    # Each step: what it does, and what the thread is afterwards.
    steps = [
        (acts.delete, two, (2, three.seq)),
        (acts.delete, three, (1, one.seq)),
        (acts.delete, one, (0, None)),
        (acts.restore, two, (1, two.seq)),
        (acts.restore, one, (2, two.seq)),
        (acts.restore, three, (3, three.seq)),
    ]
    times = {each.seq: each.create_time for each in (one, two, three)}
    for act, message, sums in steps:
        await act(cast.moderator, message)
        assert await acts.thread(root) == sums
        (shown,) = [
            each for each in (await acts.world.page(cast.author, cast.room_id)).messages if each.id == root.id
        ]
        assert shown.reply_count == sums[0]
        if sums[1] is not None:
            assert shown.last_reply_time == times[sums[1]]
    assert (await acts.delete(cast.moderator, root)).reply_count == 3
    assert await acts.thread(root) == (3, three.seq)


async def test_delete_message_ends_its_pin(acts: Acts, cast: Cast) -> None:
    await acts.pin(cast.moderator, cast.message)
    stub = await acts.delete(cast.author, cast.message)
    row = await acts.world.admin.fetchrow(
        "SELECT rev, removed_at IS NOT NULL AS ended FROM chat.pins WHERE message_id = $1",
        UUID(cast.message.id),
    )
    assert row is not None
    assert tuple(row) == (stub.rev + 1, True)
    assert (await acts.world.get_room(cast.author, cast.room_id)).rev == stub.rev + 1
    # It comes back without.
    await acts.restore(cast.moderator, cast.message)
    assert (await acts.pin(cast.moderator, cast.message)).rev > stub.rev + 1


@pytest.mark.parametrize("deleter", ["author", "moderator"])
async def test_restore_message_brings_back_what_it_was(acts: Acts, cast: Cast, deleter: str) -> None:
    await acts.react(cast.author, cast.message)
    before = await acts.edit(cast.author, cast.message, text="less rash")
    stub = await acts.delete(getattr(cast, deleter), cast.message)
    restored = await acts.restore(cast.moderator, cast.message, reason="was fine")
    assert restored.rev == stub.rev + (1 if deleter == "author" else 2)
    assert [(each.emoji, each.count, each.me) for each in restored.reactions] == [("🎵", 1, False)]
    for same in (before, restored):
        same.ClearField("reactions")
        same.ClearField("rev")
        same.ClearField("etag")
    assert restored == before
    line = (await acts.log(cast.room_id))[-1]
    assert (line["action"], line["actor_role"], line["reason"]) == (
        "RESTORE_MESSAGE",
        "MODERATOR",
        "was fine",
    )
    assert line["target_user_id"] == cast.message.user_id
    assert deleter.upper() in line["before"]
    assert line["after"] == '{"deleted_at": null}'


async def test_restore_message_that_is_live_changes_nothing(acts: Acts, cast: Cast) -> None:
    before = await acts.rows(cast.room_id)
    assert await acts.restore(cast.moderator, cast.message) == cast.message
    assert await acts.rows(cast.room_id) == before


async def test_restore_message_is_for_moderators(acts: Acts, cast: Cast) -> None:
    await acts.delete(cast.author, cast.message)
    await refused(acts.restore(cast.author, cast.message), RoleRequiredError, DOMAIN)


async def test_restore_message_within_thirty_days(acts: Acts, cast: Cast) -> None:
    await acts.delete(cast.author, cast.message)
    await acts.age_deletion(cast.message, "30 days")
    await refused(acts.restore(cast.owner, cast.message), NotRestorableError, DOMAIN)
    await acts.age_deletion(cast.message, "29 days 23 hours 59 minutes")
    assert (await acts.restore(cast.owner, cast.message)).text == cast.message.text


async def test_restore_message_that_an_administrator_deleted_is_refused(acts: Acts, cast: Cast) -> None:
    admin = await _staff(acts.world, Role.ADMIN)
    await acts.delete(admin, cast.message, as_admin=True)
    await refused(acts.restore(cast.owner, cast.message), NotRestorableError, DOMAIN)


@pytest.mark.parametrize("change", ["deletion_type = 'ACCOUNT_ERASED'", "emptied_at = now()"])
async def test_restore_message_that_is_gone_for_good_is_refused(acts: Acts, cast: Cast, change: str) -> None:
    await acts.delete(cast.author, cast.message)
    await acts.world.admin.execute(f"UPDATE chat.messages SET {change} WHERE id = $1", UUID(cast.message.id))
    await refused(acts.restore(cast.owner, cast.message), NotRestorableError, DOMAIN)


async def test_delete_and_restore_by_many_at_once_keep_the_sums(
    acts: Acts, cast: Cast, second_chat: Running
) -> None:
    replies = [await cast.say(f"{n}", parent_id=cast.message.id) for n in range(6)]
    places = (acts, Acts(World(second_chat, acts.world.admin)))
    answers = await together(
        getattr(place, act)(cast.moderator, reply)
        for reply in replies
        for place in places
        for act in ("delete", "restore", "delete")
    )
    assert all(isinstance(answer, Message) for answer in answers)
    rows = await acts.world.admin.fetch(
        "SELECT seq FROM chat.messages WHERE room_id = $1 AND root_id IS NOT NULL AND deleted_at IS NULL ORDER BY seq",
        UUID(cast.room_id),
    )
    live = [row["seq"] for row in rows]
    assert await acts.thread(cast.message) == (len(live), live[-1] if live else None)


async def test_stubs_statements_per_call_are_fixed(acts: Acts, cast: Cast) -> None:
    begun = ["BEGIN", "chat.lock_visible_room", "chat.room", "chat.get_message"]
    ended = ["chat.set_room_counters", "COMMIT"]
    deleted = [*begun, "chat.delete_messages", "chat.get_message"]
    steps = [
        (acts.delete, cast.author, [*deleted, *ended]),
        (acts.delete, cast.author, [*begun, "COMMIT"]),
        (acts.restore, cast.owner, [*begun, "chat.restore_message", "chat.insert_audit_log", *ended]),
        (acts.restore, cast.owner, [*begun, "COMMIT"]),
        (acts.delete, cast.owner, [*deleted, "chat.insert_audit_log", *ended]),
    ]
    for act, email, expected in steps:
        with acts.world.chat.counting() as statements:
            await act(email, cast.message)
        assert statements == expected
