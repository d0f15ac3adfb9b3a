"""GetMessage and LookupMessages over a real channel."""

from __future__ import annotations

import uuid

import pytest

from seda.chat.v1.message_pb2 import Message
from servicekit.caller import Role
from servicekit.errors import CallerSuspendedError, InvalidFieldsError, ServiceError
from services.chat.domain.errors import BannedError, MessageNotFoundError, RoleRequiredError
from tests.services.chat.acts import Acts
from tests.services.chat.readers import Readers
from tests.services.chat.world import DOMAIN, World, new_user
from tests.services.running import add_user, refused


@pytest.fixture
async def message(world: World) -> tuple[str, Message]:
    """An owner and what they said in their room."""
    ada = new_user()
    room = await world.room(ada)
    return ada, (await world.send(ada, room.id, "something")).message


async def _staff(world: World, role: Role) -> str:
    email = new_user()
    await add_user(world.admin, email, role=role)
    return email


async def _log(world: World, room_id: str) -> list[tuple[str, str, bool, str]]:
    rows = await world.admin.fetch(
        "SELECT action, actor_role, as_admin, target_message_id::text FROM chat.moderation_logs"
        " WHERE room_id = $1 ORDER BY rev",
        uuid.UUID(room_id),
    )
    return [tuple(row) for row in rows]


async def test_get_message_with_its_reactions_and_sums(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    ada, root = message
    reply = (await acts.world.send(ada, root.room_id, "reply", parent_id=root.id)).message
    await acts.react(ada, root, "🔥")
    shown = await readers.get(ada, root)
    assert (shown.text, shown.reply_count, shown.last_reply_time) == ("something", 1, reply.create_time)
    assert [(each.emoji, each.count, each.me) for each in shown.reactions] == [("🔥", 1, True)]
    assert not shown.replies
    assert (await readers.get(ada, reply)).root_id == root.id


async def test_get_message_that_is_deleted_is_for_moderators_who_ask(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    ada, gone = message
    bob = await acts.member(gone.room_id)
    await acts.delete(ada, gone)
    for email in (ada, bob):
        error = await refused(readers.get(email, gone), MessageNotFoundError, DOMAIN)
        assert error.metadata == {"message_id": gone.id}
    assert (await readers.get(ada, gone, show_deleted=True)).text == "something"
    # Who may not ask for deleted ones is told so whatever they ask for.
    for target in (gone, Message(id=str(uuid.uuid4()), room_id=gone.room_id)):
        await refused(readers.get(bob, target, show_deleted=True), RoleRequiredError, DOMAIN)


async def test_get_message_of_a_hidden_room_is_missing(world: World, readers: Readers) -> None:
    ada, eve = new_user(), new_user()
    room = await world.room(ada, private=True)
    hidden = (await world.send(ada, room.id, "hidden")).message
    missing = Message(id=hidden.id, room_id=str(uuid.uuid4()))
    for deleted in (False, True):
        for each in (hidden, missing):
            error = await refused(readers.get(eve, each, show_deleted=deleted), MessageNotFoundError, DOMAIN)
            assert error.metadata == {"message_id": hidden.id}


async def test_get_message_as_admin_is_logged(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    world, (ada, gone) = acts.world, message
    await acts.delete(ada, gone)
    await world.set_room(gone.room_id, private=True)
    admin = await _staff(world, Role.ADMIN)
    before = (await world.get_room(ada, gone.room_id)).rev
    await refused(readers.get(admin, gone, as_admin=True), MessageNotFoundError, DOMAIN)
    assert await _log(world, gone.room_id) == []
    shown = await readers.get(admin, gone, as_admin=True, show_deleted=True)
    assert shown.text == "something"
    assert await _log(world, gone.room_id) == [("READ_MESSAGE", "ADMIN", True, gone.id)]
    assert (await world.get_room(ada, gone.room_id)).rev == before + 1
    # Their role on the platform is worth nothing unless they say so.
    await refused(readers.get(admin, gone), MessageNotFoundError, DOMAIN)
    assert len(await _log(world, gone.room_id)) == 1


async def test_get_message_as_a_platform_moderator_in_public_rooms_alone(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    world, (_, said) = acts.world, message
    moderator = await _staff(world, Role.MODERATOR)
    assert (await readers.get(moderator, said, as_admin=True)).text == "something"
    assert await _log(world, said.room_id) == [("READ_MESSAGE", "MODERATOR", True, said.id)]
    await world.set_room(said.room_id, private=True)
    await refused(readers.get(moderator, said, as_admin=True), MessageNotFoundError, DOMAIN)
    assert len(await _log(world, said.room_id)) == 1


@pytest.mark.parametrize("private", [False, True])
async def test_get_message_as_admin_is_for_staff(world: World, readers: Readers, private: bool) -> None:
    ada, eve = new_user(), new_user()
    room = await world.room(ada, private=private)
    said = (await world.send(ada, room.id, "something")).message
    for each in (said, Message(id=said.id, room_id=str(uuid.uuid4()))):
        await refused(readers.get(eve, each, as_admin=True), RoleRequiredError, DOMAIN)


async def test_get_message_as_a_suspended_admin_is_refused(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    world, (_, said) = acts.world, message
    admin = await _staff(world, Role.ADMIN)
    await world.admin.execute(
        "UPDATE users.users SET suspended_until = now() + interval '1 hour' WHERE email = $1", admin
    )
    await refused(readers.get(admin, said, as_admin=True), CallerSuspendedError, DOMAIN)
    assert (await readers.get(admin, said)).text == "something"


@pytest.mark.parametrize(("private", "error"), [(False, BannedError), (True, MessageNotFoundError)])
async def test_get_message_for_the_banned(
    acts: Acts, readers: Readers, message: tuple[str, Message], private: bool, error: type[ServiceError]
) -> None:
    _, said = message
    bob = await acts.member(said.room_id)
    await acts.world.set_room(said.room_id, private=private)
    await acts.world.sanction(said.room_id, bob, "BAN")
    await refused(readers.get(bob, said), error, DOMAIN)
    assert list((await readers.lookup(bob, said.room_id, [said.id])).missing_ids) == [said.id]


async def test_lookup_messages_in_the_order_of_the_room(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    ada, first = message
    reply = (await acts.world.send(ada, first.room_id, "reply", parent_id=first.id)).message
    last = (await acts.world.send(ada, first.room_id, "last")).message
    await acts.react(ada, reply, "🔥")
    missing = str(uuid.uuid4())
    ids = [last.id, missing, reply.id, first.id, last.id, missing]
    found = await readers.lookup(new_user(), first.room_id, ids)
    assert [each.id for each in found.messages] == [first.id, reply.id, last.id]
    assert [each.reply_count for each in found.messages] == [1, 0, 0]
    assert [(each.emoji, each.me) for each in found.messages[1].reactions] == [("🔥", False)]
    assert list(found.missing_ids) == [missing]


async def test_lookup_messages_tells_hidden_deleted_and_missing_apart_by_nothing(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    ada, gone = message
    await acts.delete(ada, gone)
    hidden_room = await acts.world.room(ada, private=True)
    hidden = (await acts.world.send(ada, hidden_room.id, "hidden")).message
    elsewhere = (await acts.world.send(ada, (await acts.world.room(ada)).id, "elsewhere")).message
    eve, nowhere = new_user(), str(uuid.uuid4())
    for room_id, message_id in (
        (gone.room_id, gone.id),
        (hidden.room_id, hidden.id),
        (nowhere, hidden.id),
        (gone.room_id, elsewhere.id),
        (gone.room_id, nowhere),
    ):
        found = await readers.lookup(eve, room_id, [message_id])
        assert (list(found.messages), list(found.missing_ids)) == ([], [message_id])
    # Nor are they there for who may see them elsewhere.
    assert list((await readers.lookup(ada, gone.room_id, [gone.id])).missing_ids) == [gone.id]


@pytest.mark.parametrize("ids", [[], [str(uuid.uuid4())] * 101, ["7"]])
async def test_lookup_messages_bounds_what_is_asked(
    readers: Readers, message: tuple[str, Message], ids: list[str]
) -> None:
    ada, said = message
    error = await refused(readers.lookup(ada, said.room_id, ids), InvalidFieldsError, DOMAIN)
    assert error.violations[0].field.startswith("message_ids")
