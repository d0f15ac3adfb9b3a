"""GetMessage and LookupMessages over a real channel."""

from __future__ import annotations

import uuid

import pytest

from seda.chat.v1.message_pb2 import Message
from servicekit.caller import Role
from servicekit.errors import AccessDeniedError, CallerSuspendedError, InvalidFieldsError, ServiceError
from services.chat.domain.errors import BannedError, MessageNotFoundError, RoleRequiredError
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import add_user, refused


@pytest.fixture
async def message(client: ChatClient) -> tuple[str, Message]:
    """An owner and what they said in their room."""
    ada = new_user()
    room = await client.create_room(ada)
    return ada, await client.send_message(ada, room.id, "something")


async def _staff(client: ChatClient, role: Role) -> str:
    email = new_user()
    await add_user(client.admin, email, role=role)
    return email


async def _log(client: ChatClient, room_id: str) -> list[tuple[str, str, bool, str]]:
    rows = await client.admin.fetch(
        "SELECT action, actor_role, as_admin, target_message_id::text FROM chat.moderation_logs"
        " WHERE room_id = $1 ORDER BY rev",
        uuid.UUID(room_id),
    )
    return [tuple(row) for row in rows]


async def test_get_message_with_its_reactions_and_sums(
    client: ChatClient, message: tuple[str, Message]
) -> None:
    ada, root = message
    reply = await client.send_message(ada, root.room_id, "reply", parent_id=root.id)
    await client.add_reaction(ada, root, "🔥")
    shown = await client.get_message(ada, root)
    assert (shown.text, shown.reply_count, shown.last_reply_time) == ("something", 1, reply.create_time)
    assert [(each.emoji, each.count, each.me) for each in shown.reactions] == [("🔥", 1, True)]
    assert not shown.replies
    assert (await client.get_message(ada, reply)).root_id == root.id


async def test_get_message_that_is_deleted_is_for_moderators_who_ask(
    client: ChatClient, message: tuple[str, Message]
) -> None:
    ada, gone = message
    bob = await client.join_as(gone.room_id)
    await client.delete_message(ada, gone)
    for email in (ada, bob):
        error = await refused(client.get_message(email, gone), MessageNotFoundError, DOMAIN)
        assert error.metadata == {"message_id": gone.id}
    assert (await client.get_message(ada, gone, show_deleted=True)).text == "something"
    # Who may not ask for deleted ones is told so whatever they ask for.
    for target in (gone, Message(id=str(uuid.uuid4()), room_id=gone.room_id)):
        await refused(client.get_message(bob, target, show_deleted=True), RoleRequiredError, DOMAIN)


async def test_get_message_of_a_hidden_room_is_missing(client: ChatClient) -> None:
    ada, eve = new_user(), new_user()
    room = await client.create_room(ada, private=True)
    hidden = await client.send_message(ada, room.id, "hidden")
    missing = Message(id=hidden.id, room_id=str(uuid.uuid4()))
    for deleted in (False, True):
        for each in (hidden, missing):
            error = await refused(
                client.get_message(eve, each, show_deleted=deleted), MessageNotFoundError, DOMAIN
            )
            assert error.metadata == {"message_id": hidden.id}


async def test_inspect_message_is_logged(client: ChatClient, message: tuple[str, Message]) -> None:
    ada, gone = message
    await client.delete_message(ada, gone)
    await client.db.set_room(gone.room_id, private=True)
    admin = await _staff(client, Role.ADMIN)
    before = (await client.get_room(ada, gone.room_id)).position.rev
    await refused(client.inspect_message(admin, gone), MessageNotFoundError, DOMAIN)
    assert await _log(client, gone.room_id) == []
    shown = await client.inspect_message(admin, gone, show_deleted=True)
    assert shown.text == "something"
    assert await _log(client, gone.room_id) == [("READ_MESSAGE", "ADMIN", True, gone.id)]
    assert (await client.get_room(ada, gone.room_id)).position.rev == before + 1
    # The platform role does not open GetMessage.
    await refused(client.get_message(admin, gone), MessageNotFoundError, DOMAIN)
    assert len(await _log(client, gone.room_id)) == 1


async def test_inspect_message_by_a_platform_moderator_works_in_public_rooms_only(
    client: ChatClient, message: tuple[str, Message]
) -> None:
    _, said = message
    moderator = await _staff(client, Role.MODERATOR)
    assert (await client.inspect_message(moderator, said)).text == "something"
    assert await _log(client, said.room_id) == [("READ_MESSAGE", "MODERATOR", True, said.id)]
    await client.db.set_room(said.room_id, private=True)
    await refused(client.inspect_message(moderator, said), MessageNotFoundError, DOMAIN)
    assert len(await _log(client, said.room_id)) == 1


@pytest.mark.parametrize("private", [False, True])
async def test_inspect_message_is_for_staff(client: ChatClient, private: bool) -> None:
    ada, eve = new_user(), new_user()
    room = await client.create_room(ada, private=private)
    said = await client.send_message(ada, room.id, "something")
    for each in (said, Message(id=said.id, room_id=str(uuid.uuid4()))):
        await refused(client.inspect_message(eve, each), AccessDeniedError, DOMAIN)


async def test_inspect_message_by_a_suspended_admin_is_refused(
    client: ChatClient, message: tuple[str, Message]
) -> None:
    _, said = message
    admin = await _staff(client, Role.ADMIN)
    await client.admin.execute(
        "UPDATE users.users SET suspended_until = now() + interval '1 hour' WHERE email = $1", admin
    )
    await refused(client.inspect_message(admin, said), CallerSuspendedError, DOMAIN)
    assert (await client.get_message(admin, said)).text == "something"


@pytest.mark.parametrize(("private", "error"), [(False, BannedError), (True, MessageNotFoundError)])
async def test_get_message_for_the_banned(
    client: ChatClient, message: tuple[str, Message], private: bool, error: type[ServiceError]
) -> None:
    _, said = message
    bob = await client.join_as(said.room_id)
    await client.db.set_room(said.room_id, private=private)
    await client.db.add_sanction(said.room_id, bob, "BAN")
    await refused(client.get_message(bob, said), error, DOMAIN)
    assert list((await client.lookup_messages(bob, said.room_id, [said.id])).missing_ids) == [said.id]


async def test_lookup_messages_in_the_order_of_the_room(
    client: ChatClient, message: tuple[str, Message]
) -> None:
    ada, first = message
    reply = await client.send_message(ada, first.room_id, "reply", parent_id=first.id)
    last = await client.send_message(ada, first.room_id, "last")
    await client.add_reaction(ada, reply, "🔥")
    missing = str(uuid.uuid4())
    ids = [last.id, missing, reply.id, first.id, last.id, missing]
    found = await client.lookup_messages(new_user(), first.room_id, ids)
    assert [each.id for each in found.messages] == [first.id, reply.id, last.id]
    assert [each.reply_count for each in found.messages] == [1, 0, 0]
    assert [(each.emoji, each.me) for each in found.messages[1].reactions] == [("🔥", False)]
    assert list(found.missing_ids) == [missing]


async def test_lookup_messages_tells_hidden_deleted_and_missing_apart_by_nothing(
    client: ChatClient, message: tuple[str, Message]
) -> None:
    ada, gone = message
    await client.delete_message(ada, gone)
    hidden_room = await client.create_room(ada, private=True)
    hidden = await client.send_message(ada, hidden_room.id, "hidden")
    elsewhere = await client.send_message(ada, (await client.create_room(ada)).id, "elsewhere")
    eve, nowhere = new_user(), str(uuid.uuid4())
    for room_id, message_id in (
        (gone.room_id, gone.id),
        (hidden.room_id, hidden.id),
        (nowhere, hidden.id),
        (gone.room_id, elsewhere.id),
        (gone.room_id, nowhere),
    ):
        found = await client.lookup_messages(eve, room_id, [message_id])
        assert (list(found.messages), list(found.missing_ids)) == ([], [message_id])
    # Nor are they there for who may see them elsewhere.
    assert list((await client.lookup_messages(ada, gone.room_id, [gone.id])).missing_ids) == [gone.id]


@pytest.mark.parametrize("ids", [[], [str(uuid.uuid4())] * 101, ["7"]])
async def test_lookup_messages_bounds_what_is_asked(
    client: ChatClient, message: tuple[str, Message], ids: list[str]
) -> None:
    ada, said = message
    error = await refused(client.lookup_messages(ada, said.room_id, ids), InvalidFieldsError, DOMAIN)
    assert error.violations[0].field.startswith("message_ids")
