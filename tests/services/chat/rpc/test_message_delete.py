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


class RoomWithAuthor:
    """A room with its owner, a moderator, and a member who sent `message`."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self.owner = new_user()

    async def create(self, **fields: Any) -> RoomWithAuthor:
        """Create the room and let all join."""
        self.id = (await self.client.create_room(self.owner)).id
        self.moderator = await self.client.join_as(self.id, "MODERATOR")
        self.author = await self.client.join_as(self.id)
        if fields:
            await self.client.db.set_room(self.id, **fields)
        self.message = await self.send("something rash")
        return self

    async def send(self, text: str, **fields: Any) -> Message:
        """Send a message of the member's."""
        return await self.client.send_message(self.author, self.id, text, **fields)


@pytest.fixture
async def room(client: ChatClient) -> RoomWithAuthor:
    """A room with an owner, a moderator and a member."""
    return await RoomWithAuthor(client).create()


async def _staff(client: ChatClient, role: Role) -> str:
    email = new_user()
    await add_user(client.admin, email, role=role)
    return email


async def test_delete_message_by_its_author_leaves_a_stub(client: ChatClient, room: RoomWithAuthor) -> None:
    stub = await client.delete_message(room.author, room.message)
    assert (stub.id, stub.seq, stub.author_id) == (room.message.id, room.message.seq, room.message.author_id)
    assert (stub.text, stub.deletion_type, stub.deleter_id) == ("", _AUTHOR, room.message.author_id)
    assert stub.rev == room.message.rev + 1 == (await client.get_room(room.author, room.id)).position.rev
    assert stub.delete_time.ToNanoseconds() > stub.create_time.ToNanoseconds()
    assert stub.etag != room.message.etag
    await refused(client.get_message(room.author, room.message), MessageNotFoundError, DOMAIN)
    # Nobody moderated anything.
    assert await client.db.moderation_log(room.id) == []


async def test_delete_message_shows_nothing_of_what_it_was(client: ChatClient, room: RoomWithAuthor) -> None:
    track_id = await add_track(client.admin, "8PTG3Z6ehGkBFwjybzWkR8")
    owner_id = await client.db.user_id(room.owner)
    message = await room.send("look", track_id=track_id, mention_user_ids=[owner_id])
    await client.add_reaction(room.owner, message)
    stub = await client.delete_message(room.author, message)
    assert not stub.text
    assert not stub.HasField("track")
    assert not stub.mention_user_ids
    assert not stub.reactions


@pytest.mark.parametrize("who", ["moderator", "owner"])
async def test_delete_message_by_who_moderates_is_logged(
    client: ChatClient, room: RoomWithAuthor, who: str
) -> None:
    email = getattr(room, who)
    stub = await client.delete_message(email, room.message, reason="too rash")
    actor_id = await client.db.user_id(email)
    assert (stub.deletion_type, stub.deleter_id) == (_MODERATOR, actor_id)
    (line,) = await client.db.moderation_log(room.id)
    assert line["before"] == '{"delete_time": null}'
    assert stub.delete_time.ToJsonString()[:19] in line["after"]
    assert room.message.text not in line["after"]
    del line["before"], line["after"]
    assert line == {
        "rev": stub.rev + 1,
        "actor_id": actor_id,
        "actor_role": who.upper(),
        "as_admin": False,
        "action": "DELETE_MESSAGE",
        "target_user_id": room.message.author_id,
        "target_message_id": room.message.id,
        "reason": "too rash",
    }


async def test_delete_message_by_moderators_goes_for_owners_messages_too(
    client: ChatClient, room: RoomWithAuthor
) -> None:
    message = await client.send_message(room.owner, room.id, "I own this")
    assert (await client.delete_message(room.moderator, message)).deletion_type == _MODERATOR
    own = await client.send_message(room.moderator, room.id, "oops")
    assert (await client.delete_message(room.moderator, own)).deletion_type == _AUTHOR
    assert len(await client.db.moderation_log(room.id)) == 1


async def test_delete_message_by_another_member_is_refused(client: ChatClient, room: RoomWithAuthor) -> None:
    other = await client.join_as(room.id)
    error = await refused(client.delete_message(other, room.message), RoleRequiredError, DOMAIN)
    assert error.metadata == {"role": "MODERATOR"}


async def test_delete_message_as_admin(client: ChatClient, room: RoomWithAuthor) -> None:
    admin, staff = await _staff(client, Role.ADMIN), await _staff(client, Role.MODERATOR)
    by_staff = await client.delete_message(staff, await room.send("one"), as_admin=True, reason="spam")
    by_admin = await client.delete_message(admin, await room.send("two"), as_admin=True)
    assert (by_staff.deletion_type, by_admin.deletion_type) == (_MODERATOR, _ADMIN)
    lines = await client.db.moderation_log(room.id)
    assert [(line["actor_role"], line["as_admin"], line["reason"]) for line in lines] == [
        ("MODERATOR", True, "spam"),
        ("ADMIN", True, None),
    ]
    # Their own messages, too, when they say so.
    await client.join_room(admin, room.id)
    own = await client.send_message(admin, room.id, "mine")
    assert (await client.delete_message(admin, own, as_admin=True)).deletion_type == _ADMIN


async def test_delete_message_as_admin_in_a_private_room(client: ChatClient) -> None:
    room = await RoomWithAuthor(client).create(private=True)
    admin, staff = await _staff(client, Role.ADMIN), await _staff(client, Role.MODERATOR)
    await refused(client.delete_message(staff, room.message, as_admin=True), RoomNotFoundError, DOMAIN)
    await refused(client.delete_message(admin, room.message), RoomNotFoundError, DOMAIN)
    assert (await client.delete_message(admin, room.message, as_admin=True)).deletion_type == _ADMIN


async def test_delete_message_as_admin_by_nobody_of_the_kind_is_refused(
    client: ChatClient, room: RoomWithAuthor
) -> None:
    missing = Message(id=room.message.id, room_id="00000000-0000-7000-8000-000000000000")
    for message in (room.message, missing):
        error = await refused(
            client.delete_message(room.owner, message, as_admin=True), RoleRequiredError, DOMAIN
        )
        assert error.metadata == {"role": "MODERATOR"}


async def test_delete_message_again_gives_the_same_stub(client: ChatClient, room: RoomWithAuthor) -> None:
    stub = await client.delete_message(room.moderator, room.message)
    before = await client.db.room_rows(room.id)
    for email in (room.moderator, room.owner, room.author):
        assert await client.delete_message(email, room.message) == stub
    assert await client.db.room_rows(room.id) == before


async def test_delete_message_by_a_muted_author_works(client: ChatClient, room: RoomWithAuthor) -> None:
    await client.db.add_sanction(room.id, room.author, "MUTE")
    assert (await client.delete_message(room.author, room.message)).deletion_type == _AUTHOR


async def test_delete_message_of_the_service_itself_is_refused(
    client: ChatClient, room: RoomWithAuthor
) -> None:
    joined = (await client.list_messages(room.author, room.id, before_seq=room.message.seq)).messages[0]
    for email in (room.author, room.owner):
        await refused(client.delete_message(email, joined), SystemMessageError, DOMAIN)


async def test_delete_message_that_is_not_there_is_refused(client: ChatClient, room: RoomWithAuthor) -> None:
    elsewhere = (await RoomWithAuthor(client).create()).message
    elsewhere.room_id = room.id
    for act in (client.delete_message, client.restore_message):
        error = await refused(act(room.owner, elsewhere), MessageNotFoundError, DOMAIN)
        assert error.metadata == {"message_id": elsewhere.id}


async def test_delete_and_restore_message_move_the_thread_s_sums(
    client: ChatClient, room: RoomWithAuthor
) -> None:
    root = room.message
    one, two, three = [await room.send(f"{n}", parent_id=root.id) for n in range(3)]
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
        await act(room.moderator, message)
        assert await client.db.thread_counters(root) == sums
        (shown,) = [
            each for each in (await client.list_messages(room.author, room.id)).messages if each.id == root.id
        ]
        assert shown.reply_count == sums[0]
        if sums[1] is not None:
            assert shown.last_reply_time == times[sums[1]]
    assert (await client.delete_message(room.moderator, root)).reply_count == 3
    assert await client.db.thread_counters(root) == (3, three.seq)


async def test_delete_message_ends_its_pin(client: ChatClient, room: RoomWithAuthor) -> None:
    await client.pin_message(room.moderator, room.message)
    stub = await client.delete_message(room.author, room.message)
    row = await client.admin.fetchrow(
        "SELECT rev, removed_at IS NOT NULL AS ended FROM chat.pins WHERE message_id = $1",
        UUID(room.message.id),
    )
    assert row is not None
    assert tuple(row) == (stub.rev + 1, True)
    assert (await client.get_room(room.author, room.id)).position.rev == stub.rev + 1
    # It comes back without.
    await client.restore_message(room.moderator, room.message)
    assert (await client.pin_message(room.moderator, room.message)).rev > stub.rev + 1


@pytest.mark.parametrize("deleter", ["author", "moderator"])
async def test_restore_message_brings_back_what_it_was(
    client: ChatClient, room: RoomWithAuthor, deleter: str
) -> None:
    await client.add_reaction(room.author, room.message)
    before = await client.update_message(room.author, room.message, text="less rash")
    stub = await client.delete_message(getattr(room, deleter), room.message)
    restored = await client.restore_message(room.moderator, room.message, reason="was fine")
    assert restored.rev == stub.rev + (1 if deleter == "author" else 2)
    assert [(each.emoji, each.count, each.me) for each in restored.reactions] == [("🎵", 1, False)]
    for same in (before, restored):
        same.ClearField("reactions")
        same.ClearField("rev")
        same.ClearField("etag")
    assert restored == before
    line = (await client.db.moderation_log(room.id))[-1]
    assert (line["action"], line["actor_role"], line["reason"]) == (
        "RESTORE_MESSAGE",
        "MODERATOR",
        "was fine",
    )
    assert line["target_user_id"] == room.message.author_id
    assert deleter.upper() in line["before"]
    assert line["after"] == '{"delete_time": null}'


async def test_restore_message_that_is_live_changes_nothing(client: ChatClient, room: RoomWithAuthor) -> None:
    before = await client.db.room_rows(room.id)
    assert await client.restore_message(room.moderator, room.message) == room.message
    assert await client.db.room_rows(room.id) == before


async def test_restore_message_is_for_moderators(client: ChatClient, room: RoomWithAuthor) -> None:
    await client.delete_message(room.author, room.message)
    await refused(client.restore_message(room.author, room.message), RoleRequiredError, DOMAIN)


async def test_restore_message_within_thirty_days(client: ChatClient, room: RoomWithAuthor) -> None:
    await client.delete_message(room.author, room.message)
    await client.db.age_deletion(room.message, "30 days")
    await refused(client.restore_message(room.owner, room.message), NotRestorableError, DOMAIN)
    await client.db.age_deletion(room.message, "29 days 23 hours 59 minutes")
    assert (await client.restore_message(room.owner, room.message)).text == room.message.text


async def test_restore_message_that_an_administrator_deleted_is_refused(
    client: ChatClient, room: RoomWithAuthor
) -> None:
    admin = await _staff(client, Role.ADMIN)
    await client.delete_message(admin, room.message, as_admin=True)
    await refused(client.restore_message(room.owner, room.message), NotRestorableError, DOMAIN)


@pytest.mark.parametrize("change", ["deletion_type = 'ACCOUNT_ERASED'", "emptied_at = now()"])
async def test_restore_message_that_is_gone_for_good_is_refused(
    client: ChatClient, room: RoomWithAuthor, change: str
) -> None:
    await client.delete_message(room.author, room.message)
    await client.admin.execute(f"UPDATE chat.messages SET {change} WHERE id = $1", UUID(room.message.id))
    await refused(client.restore_message(room.owner, room.message), NotRestorableError, DOMAIN)


async def test_delete_and_restore_by_many_at_once_keep_the_sums(
    client: ChatClient, room: RoomWithAuthor, second_chat: Running
) -> None:
    replies = [await room.send(f"{n}", parent_id=room.message.id) for n in range(6)]
    places = (client, ChatClient(second_chat, client.admin))
    answers = await gather_bounded(
        getattr(place, method)(room.moderator, reply)
        for reply in replies
        for place in places
        for method in ("delete_message", "restore_message", "delete_message")
    )
    assert all(isinstance(answer, Message) for answer in answers)
    rows = await client.admin.fetch(
        "SELECT seq FROM chat.messages WHERE room_id = $1 AND root_id IS NOT NULL AND deleted_at IS NULL ORDER BY seq",
        UUID(room.id),
    )
    live = [row["seq"] for row in rows]
    assert await client.db.thread_counters(room.message) == (len(live), live[-1] if live else None)
