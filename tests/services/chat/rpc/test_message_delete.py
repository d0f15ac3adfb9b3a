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
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import Running, add_track, add_user, refused
from tests.support.concurrency import gather_bounded

_AUTHOR, _MODERATOR, _ADMIN = (
    DeletionType.DELETION_TYPE_AUTHOR,
    DeletionType.DELETION_TYPE_MODERATOR,
    DeletionType.DELETION_TYPE_ADMIN,
)


class Cast:
    """A room with its owner, a moderator, and a member who has said something."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self.owner = new_user()

    async def gather(self, **fields: Any) -> Cast:
        """Make the room and bring all in."""
        self.room_id = (await self.client.create_room(self.owner, **fields)).id
        if fields.get("private"):
            await self.client.db.set_room(self.room_id, private=False)
        self.moderator = await self.client.join_as(self.room_id, "MODERATOR")
        self.author = await self.client.join_as(self.room_id)
        await self.client.db.set_room(self.room_id, private=fields.get("private", False))
        self.message = await self.say("something rash")
        return self

    async def say(self, text: str, **fields: Any) -> Message:
        """Let the member say something."""
        return await self.client.send_message(self.author, self.room_id, text, **fields)


@pytest.fixture
async def cast(client: ChatClient) -> Cast:
    """A room with an owner, a moderator and a member."""
    return await Cast(client).gather()


async def _staff(client: ChatClient, role: Role) -> str:
    email = new_user()
    await add_user(client.admin, email, role=role)
    return email


async def test_delete_message_by_its_author_leaves_a_stub(client: ChatClient, cast: Cast) -> None:
    stub = await client.delete_message(cast.author, cast.message)
    assert (stub.id, stub.seq, stub.user_id) == (cast.message.id, cast.message.seq, cast.message.user_id)
    assert (stub.text, stub.deletion_type, stub.deleter_id) == ("", _AUTHOR, cast.message.user_id)
    assert stub.rev == cast.message.rev + 1 == (await client.get_room(cast.author, cast.room_id)).rev
    assert stub.delete_time.ToNanoseconds() > stub.create_time.ToNanoseconds()
    assert stub.etag != cast.message.etag
    await refused(client.get_message(cast.author, cast.message), MessageNotFoundError, DOMAIN)
    # Nobody moderated anything.
    assert await client.db.moderation_log(cast.room_id) == []


async def test_delete_message_shows_nothing_of_what_it_was(client: ChatClient, cast: Cast) -> None:
    track_id = await add_track(client.admin, "8PTG3Z6ehGkBFwjybzWkR8")
    owner_id = await client.db.user_id(cast.owner)
    message = await cast.say("look", track_id=track_id, mention_user_ids=[owner_id])
    await client.add_reaction(cast.owner, message)
    stub = await client.delete_message(cast.author, message)
    assert not stub.text
    assert not stub.HasField("track")
    assert not stub.mention_user_ids
    assert not stub.reactions


@pytest.mark.parametrize("who", ["moderator", "owner"])
async def test_delete_message_by_who_moderates_is_logged(client: ChatClient, cast: Cast, who: str) -> None:
    email = getattr(cast, who)
    stub = await client.delete_message(email, cast.message, reason="too rash")
    actor_id = await client.db.user_id(email)
    assert (stub.deletion_type, stub.deleter_id) == (_MODERATOR, actor_id)
    (line,) = await client.db.moderation_log(cast.room_id)
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


async def test_delete_message_by_moderators_goes_for_owners_messages_too(
    client: ChatClient, cast: Cast
) -> None:
    message = await client.send_message(cast.owner, cast.room_id, "I own this")
    assert (await client.delete_message(cast.moderator, message)).deletion_type == _MODERATOR
    own = await client.send_message(cast.moderator, cast.room_id, "oops")
    assert (await client.delete_message(cast.moderator, own)).deletion_type == _AUTHOR
    assert len(await client.db.moderation_log(cast.room_id)) == 1


async def test_delete_message_by_another_member_is_refused(client: ChatClient, cast: Cast) -> None:
    other = await client.join_as(cast.room_id)
    error = await refused(client.delete_message(other, cast.message), RoleRequiredError, DOMAIN)
    assert error.metadata == {"role": "MODERATOR"}


async def test_delete_message_as_admin(client: ChatClient, cast: Cast) -> None:
    admin, staff = await _staff(client, Role.ADMIN), await _staff(client, Role.MODERATOR)
    by_staff = await client.delete_message(staff, await cast.say("one"), as_admin=True, reason="spam")
    by_admin = await client.delete_message(admin, await cast.say("two"), as_admin=True)
    assert (by_staff.deletion_type, by_admin.deletion_type) == (_MODERATOR, _ADMIN)
    lines = await client.db.moderation_log(cast.room_id)
    assert [(line["actor_role"], line["as_admin"], line["reason"]) for line in lines] == [
        ("MODERATOR", True, "spam"),
        ("ADMIN", True, None),
    ]
    # Their own messages, too, when they say so.
    await client.join_room(admin, cast.room_id)
    own = await client.send_message(admin, cast.room_id, "mine")
    assert (await client.delete_message(admin, own, as_admin=True)).deletion_type == _ADMIN


async def test_delete_message_as_admin_in_a_private_room(client: ChatClient) -> None:
    cast = await Cast(client).gather(private=True)
    admin, staff = await _staff(client, Role.ADMIN), await _staff(client, Role.MODERATOR)
    await refused(client.delete_message(staff, cast.message, as_admin=True), RoomNotFoundError, DOMAIN)
    await refused(client.delete_message(admin, cast.message), RoomNotFoundError, DOMAIN)
    assert (await client.delete_message(admin, cast.message, as_admin=True)).deletion_type == _ADMIN


async def test_delete_message_as_admin_by_nobody_of_the_kind_is_refused(
    client: ChatClient, cast: Cast
) -> None:
    missing = Message(id=cast.message.id, room_id="00000000-0000-7000-8000-000000000000")
    for message in (cast.message, missing):
        error = await refused(
            client.delete_message(cast.owner, message, as_admin=True), RoleRequiredError, DOMAIN
        )
        assert error.metadata == {"role": "MODERATOR"}


async def test_delete_message_again_gives_the_same_stub(client: ChatClient, cast: Cast) -> None:
    stub = await client.delete_message(cast.moderator, cast.message)
    before = await client.db.room_rows(cast.room_id)
    for email in (cast.moderator, cast.owner, cast.author):
        assert await client.delete_message(email, cast.message) == stub
    assert await client.db.room_rows(cast.room_id) == before


async def test_delete_message_by_a_muted_author_works(client: ChatClient, cast: Cast) -> None:
    await client.db.add_sanction(cast.room_id, cast.author, "MUTE")
    assert (await client.delete_message(cast.author, cast.message)).deletion_type == _AUTHOR


async def test_delete_message_of_the_service_itself_is_refused(client: ChatClient, cast: Cast) -> None:
    joined = (await client.list_messages(cast.author, cast.room_id, before_seq=cast.message.seq)).messages[0]
    for email in (cast.author, cast.owner):
        await refused(client.delete_message(email, joined), SystemMessageError, DOMAIN)


async def test_delete_message_that_is_not_there_is_refused(client: ChatClient, cast: Cast) -> None:
    elsewhere = (await Cast(client).gather()).message
    elsewhere.room_id = cast.room_id
    for act in (client.delete_message, client.restore_message):
        error = await refused(act(cast.owner, elsewhere), MessageNotFoundError, DOMAIN)
        assert error.metadata == {"message_id": elsewhere.id}


async def test_delete_and_restore_message_move_the_thread_s_sums(client: ChatClient, cast: Cast) -> None:
    root = cast.message
    one, two, three = [await cast.say(f"{n}", parent_id=root.id) for n in range(3)]
    # Each step: what it does, and what the thread is afterwards.
    steps = [
        (client.delete_message, two, (2, three.seq)),
        (client.delete_message, three, (1, one.seq)),
        (client.delete_message, one, (0, None)),
        (client.restore_message, two, (1, two.seq)),
        (client.restore_message, one, (2, two.seq)),
        (client.restore_message, three, (3, three.seq)),
    ]
    times = {each.seq: each.create_time for each in (one, two, three)}
    for act, message, sums in steps:
        await act(cast.moderator, message)
        assert await client.db.thread_counters(root) == sums
        (shown,) = [
            each
            for each in (await client.list_messages(cast.author, cast.room_id)).messages
            if each.id == root.id
        ]
        assert shown.reply_count == sums[0]
        if sums[1] is not None:
            assert shown.last_reply_time == times[sums[1]]
    assert (await client.delete_message(cast.moderator, root)).reply_count == 3
    assert await client.db.thread_counters(root) == (3, three.seq)


async def test_delete_message_ends_its_pin(client: ChatClient, cast: Cast) -> None:
    await client.pin_message(cast.moderator, cast.message)
    stub = await client.delete_message(cast.author, cast.message)
    row = await client.admin.fetchrow(
        "SELECT rev, removed_at IS NOT NULL AS ended FROM chat.pins WHERE message_id = $1",
        UUID(cast.message.id),
    )
    assert row is not None
    assert tuple(row) == (stub.rev + 1, True)
    assert (await client.get_room(cast.author, cast.room_id)).rev == stub.rev + 1
    # It comes back without.
    await client.restore_message(cast.moderator, cast.message)
    assert (await client.pin_message(cast.moderator, cast.message)).rev > stub.rev + 1


@pytest.mark.parametrize("deleter", ["author", "moderator"])
async def test_restore_message_brings_back_what_it_was(client: ChatClient, cast: Cast, deleter: str) -> None:
    await client.add_reaction(cast.author, cast.message)
    before = await client.edit_message(cast.author, cast.message, text="less rash")
    stub = await client.delete_message(getattr(cast, deleter), cast.message)
    restored = await client.restore_message(cast.moderator, cast.message, reason="was fine")
    assert restored.rev == stub.rev + (1 if deleter == "author" else 2)
    assert [(each.emoji, each.count, each.me) for each in restored.reactions] == [("🎵", 1, False)]
    for same in (before, restored):
        same.ClearField("reactions")
        same.ClearField("rev")
        same.ClearField("etag")
    assert restored == before
    line = (await client.db.moderation_log(cast.room_id))[-1]
    assert (line["action"], line["actor_role"], line["reason"]) == (
        "RESTORE_MESSAGE",
        "MODERATOR",
        "was fine",
    )
    assert line["target_user_id"] == cast.message.user_id
    assert deleter.upper() in line["before"]
    assert line["after"] == '{"deleted_at": null}'


async def test_restore_message_that_is_live_changes_nothing(client: ChatClient, cast: Cast) -> None:
    before = await client.db.room_rows(cast.room_id)
    assert await client.restore_message(cast.moderator, cast.message) == cast.message
    assert await client.db.room_rows(cast.room_id) == before


async def test_restore_message_is_for_moderators(client: ChatClient, cast: Cast) -> None:
    await client.delete_message(cast.author, cast.message)
    await refused(client.restore_message(cast.author, cast.message), RoleRequiredError, DOMAIN)


async def test_restore_message_within_thirty_days(client: ChatClient, cast: Cast) -> None:
    await client.delete_message(cast.author, cast.message)
    await client.db.age_deletion(cast.message, "30 days")
    await refused(client.restore_message(cast.owner, cast.message), NotRestorableError, DOMAIN)
    await client.db.age_deletion(cast.message, "29 days 23 hours 59 minutes")
    assert (await client.restore_message(cast.owner, cast.message)).text == cast.message.text


async def test_restore_message_that_an_administrator_deleted_is_refused(
    client: ChatClient, cast: Cast
) -> None:
    admin = await _staff(client, Role.ADMIN)
    await client.delete_message(admin, cast.message, as_admin=True)
    await refused(client.restore_message(cast.owner, cast.message), NotRestorableError, DOMAIN)


@pytest.mark.parametrize("change", ["deletion_type = 'ACCOUNT_ERASED'", "emptied_at = now()"])
async def test_restore_message_that_is_gone_for_good_is_refused(
    client: ChatClient, cast: Cast, change: str
) -> None:
    await client.delete_message(cast.author, cast.message)
    await client.admin.execute(f"UPDATE chat.messages SET {change} WHERE id = $1", UUID(cast.message.id))
    await refused(client.restore_message(cast.owner, cast.message), NotRestorableError, DOMAIN)


async def test_delete_and_restore_by_many_at_once_keep_the_sums(
    client: ChatClient, cast: Cast, second_chat: Running
) -> None:
    replies = [await cast.say(f"{n}", parent_id=cast.message.id) for n in range(6)]
    places = (client, ChatClient(second_chat, client.admin))
    answers = await gather_bounded(
        getattr(place, act)(cast.moderator, reply)
        for reply in replies
        for place in places
        for act in ("delete", "restore", "delete")
    )
    assert all(isinstance(answer, Message) for answer in answers)
    rows = await client.admin.fetch(
        "SELECT seq FROM chat.messages WHERE room_id = $1 AND root_id IS NOT NULL AND deleted_at IS NULL ORDER BY seq",
        UUID(cast.room_id),
    )
    live = [row["seq"] for row in rows]
    assert await client.db.thread_counters(cast.message) == (len(live), live[-1] if live else None)


async def test_stubs_statements_per_call_are_fixed(client: ChatClient, cast: Cast) -> None:
    begun = ["BEGIN", "chat.lock_visible_room", "chat.room", "chat.get_message"]
    ended = ["chat.set_room_counters", "COMMIT"]
    deleted = [*begun, "chat.delete_messages", "chat.get_message"]
    steps = [
        (client.delete_message, cast.author, [*deleted, *ended]),
        (client.delete_message, cast.author, [*begun, "COMMIT"]),
        (
            client.restore_message,
            cast.owner,
            [*begun, "chat.restore_message", "chat.insert_audit_log", *ended],
        ),
        (client.restore_message, cast.owner, [*begun, "COMMIT"]),
        (client.delete_message, cast.owner, [*deleted, "chat.insert_audit_log", *ended]),
    ]
    for act, email, expected in steps:
        with client.chat.counting() as statements:
            await act(email, cast.message)
        assert statements == expected
