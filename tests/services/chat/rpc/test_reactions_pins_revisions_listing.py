"""ListReactions, ListPins and ListRevisions over a real channel."""

from __future__ import annotations

import uuid

import pytest

from seda.chat.v1.message_pb2 import Message
from servicekit.errors import CallerSuspendedError, InvalidFieldsError, PageTokenMismatchError
from services.chat.domain.errors import (
    BannedError,
    MessageNotFoundError,
    NotAMemberError,
    RoleRequiredError,
    RoomNotFoundError,
)
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import add_track, refused


@pytest.fixture
async def message(client: ChatClient) -> tuple[str, Message]:
    """An owner and what they said in their room."""
    ada = new_user()
    room = await client.create_room(ada)
    return ada, await client.send_message(ada, room.id, "first")


async def _suspend(client: ChatClient, email: str) -> None:
    await client.admin.execute(
        "UPDATE users.users SET suspended_until = now() + interval '1 hour' WHERE email = $1", email
    )
    client.chat.forget_callers()


async def test_list_reactions_emoji_by_emoji_in_the_order_of_giving(
    client: ChatClient, message: tuple[str, Message]
) -> None:
    ada, said = message
    bob, eve = await client.join_as(said.room_id), await client.join_as(said.room_id)
    for email, emoji in ((bob, ":b:"), (ada, ":b:"), (ada, ":a:"), (eve, ":b:"), (eve, ":c:"), (bob, ":a:")):
        await client.add_reaction(email, said, emoji)
    await client.remove_reaction(ada, said, ":b:")
    await client.remove_reaction(eve, said, ":c:")
    names = {await client.db.user_id(email): email for email in (ada, bob, eve)}
    expected = [(":a:", ada), (":a:", bob), (":b:", bob), (":b:", eve)]
    for size in (1, 2, 3, 50):
        seen, token = [], ""
        while True:
            page = await client.list_reactions(bob, said, page_size=size, page_token=token)
            seen += [(each.emoji, names[each.user_id]) for each in page.reactions]
            assert all(
                each.message_id == said.id and each.rev and each.HasField("create_time")
                for each in page.reactions
            )
            token = page.next_page_token
            if not token:
                break
        assert seen == expected
    # Given once more it comes last.
    await client.remove_reaction(bob, said, ":b:")
    await client.add_reaction(bob, said, ":b:")
    for emoji, givers in ((":b:", [eve, bob]), (":c:", []), (":a:", [ada, bob])):
        seen_of = []
        token = ""
        while True:
            page = await client.list_reactions(eve, said, emoji=emoji, page_size=1, page_token=token)
            seen_of += [names[each.user_id] for each in page.reactions]
            token = page.next_page_token
            if not token:
                break
        assert seen_of == givers


async def test_list_reactions_of_what_is_not_there(client: ChatClient, message: tuple[str, Message]) -> None:
    ada, said = message
    await client.add_reaction(ada, said)
    missing = Message(id=str(uuid.uuid4()), room_id=said.room_id)
    await refused(client.list_reactions(ada, missing), MessageNotFoundError, DOMAIN)
    await client.delete_message(ada, said)
    await refused(client.list_reactions(ada, said), MessageNotFoundError, DOMAIN)


async def test_list_reactions_refuses_tokens_of_other_listings(
    client: ChatClient, message: tuple[str, Message]
) -> None:
    ada, said = message
    other = await client.send_message(ada, said.room_id, "other")
    for each in (said, other):
        for emoji in (":a:", ":b:"):
            await client.add_reaction(ada, each, emoji)
    token = (await client.list_reactions(ada, said, page_size=1)).next_page_token
    for email, target, emoji in ((ada, other, ""), (new_user(), said, ""), (ada, said, ":a:")):
        answer = client.list_reactions(email, target, emoji=emoji, page_token=token)
        await refused(answer, PageTokenMismatchError, DOMAIN)
    await refused(client.list_reactions(ada, said, emoji="e" * 65), InvalidFieldsError, DOMAIN)


async def test_list_reactions_for_those_who_may_not(client: ChatClient, message: tuple[str, Message]) -> None:
    _, said = message
    bob = await client.join_as(said.room_id)
    await client.db.add_sanction(said.room_id, bob, "BAN")
    await refused(client.list_reactions(bob, said), BannedError, DOMAIN)
    await client.db.set_room(said.room_id, private=True)
    await refused(client.list_reactions(bob, said), RoomNotFoundError, DOMAIN)


async def test_list_pins_newest_first_with_their_messages(
    client: ChatClient, message: tuple[str, Message]
) -> None:
    ada, first = message
    root = await client.send_message(ada, first.room_id, "root")
    reply = await client.send_message(ada, first.room_id, "reply", parent_id=root.id)
    pins = {each.id: await client.pin_message(ada, each) for each in (root, first, reply)}
    await client.add_reaction(ada, first, "🔥")
    shown = (await client.list_pins(new_user(), first.room_id)).pins
    assert [each.message.id for each in shown] == [reply.id, first.id, root.id]
    assert [each.pin for each in shown] == [pins[each.message.id] for each in shown]
    assert [(each.emoji, each.me) for each in shown[1].message.reactions] == [("🔥", False)]
    assert [(each.message.text, each.message.reply_count) for each in shown] == [
        ("reply", 0),
        ("first", 0),
        ("root", 0),
    ]
    await client.unpin_message(ada, first)
    await client.delete_message(ada, root)
    assert [each.message.id for each in (await client.list_pins(ada, first.room_id)).pins] == [reply.id]


async def test_list_pins_in_pages_of_any_size_gives_each_pin_once(
    client: ChatClient, message: tuple[str, Message]
) -> None:
    ada, first = message
    messages = [first, *[await client.send_message(ada, first.room_id, f"{n}") for n in range(4)]]
    for each in messages:
        await client.pin_message(ada, each)
    # Erasure moves the pin's rev, and not its place.
    await client.admin.execute(
        "UPDATE chat.pins SET rev = rev + 1000 WHERE message_id = $1", uuid.UUID(first.id)
    )
    for size in (1, 2, 5):
        found: list[str] = []
        token = ""
        while token or not found:
            page = await client.list_pins(ada, first.room_id, page_size=size, page_token=token)
            assert len(page.pins) <= size
            found += [each.message.id for each in page.pins]
            token = page.next_page_token
        assert found == [each.id for each in reversed(messages)]
    token = (await client.list_pins(ada, first.room_id, page_size=2)).next_page_token
    # The page after a pin that has ended goes on where it was.
    await client.unpin_message(ada, messages[3])
    page = await client.list_pins(ada, first.room_id, page_token=token)
    assert [each.message.id for each in page.pins] == [each.id for each in messages[2::-1]]
    await refused(
        client.list_pins(new_user(), first.room_id, page_token=token), PageTokenMismatchError, DOMAIN
    )


async def test_list_pins_of_a_room_without_any(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada, private=True)
    assert not (await client.list_pins(ada, room.id)).pins
    await refused(client.list_pins(new_user(), room.id), RoomNotFoundError, DOMAIN)


async def test_list_pins_leaves_out_what_was_deleted_meanwhile(
    client: ChatClient, message: tuple[str, Message]
) -> None:
    ada, said = message
    await client.pin_message(ada, said)
    # As if the message had gone right after the pins were read.
    await client.admin.execute(
        "UPDATE chat.messages SET deleted_at = now(), deletion_type = 'AUTHOR' WHERE id = $1",
        uuid.UUID(said.id),
    )
    assert not (await client.list_pins(ada, said.room_id)).pins


async def test_list_revisions_newest_first(client: ChatClient, message: tuple[str, Message]) -> None:
    ada, said = message
    track = await add_track(client.admin, uuid.uuid4().hex[:22])
    assert not (await client.list_revisions(ada, said)).revisions
    await client.update_message(ada, said, text="second", track_id=track)
    await client.update_message(ada, said, text="third", track_id="")
    shown = (await client.list_revisions(ada, said)).revisions
    assert [(each.number, each.text, each.track.track_id) for each in shown] == [
        (2, "second", track),
        (1, "first", ""),
    ]
    assert shown[0].replace_time == (await client.get_message(ada, said)).edit_time
    pages, token = [], ""
    for _ in range(2):
        page = await client.list_revisions(ada, said, page_size=1, page_token=token)
        pages.append([each.number for each in page.revisions])
        token = page.next_page_token
    assert (pages, token) == ([[2], [1]], "")


async def test_list_revisions_is_for_moderators(client: ChatClient, message: tuple[str, Message]) -> None:
    ada, said = message
    await client.update_message(ada, said, text="second")
    moderator = await client.join_as(said.room_id, "MODERATOR")
    member, outsider = await client.join_as(said.room_id), new_user()
    await client.delete_message(ada, said)
    # What is deleted they may read as long as it is kept, suspended or not.
    await _suspend(client, moderator)
    assert [each.text for each in (await client.list_revisions(moderator, said)).revisions] == ["first"]
    await refused(client.restore_message(moderator, said), CallerSuspendedError, DOMAIN)
    await refused(client.list_revisions(member, said), RoleRequiredError, DOMAIN)
    await refused(client.list_revisions(outsider, said), NotAMemberError, DOMAIN)
    await client.db.add_sanction(said.room_id, member, "BAN")
    await refused(client.list_revisions(member, said), BannedError, DOMAIN)
    missing = Message(id=str(uuid.uuid4()), room_id=said.room_id)
    await refused(client.list_revisions(ada, missing), MessageNotFoundError, DOMAIN)
    await client.db.set_room(said.room_id, private=True)
    await refused(client.list_revisions(outsider, said), RoomNotFoundError, DOMAIN)


async def test_list_revisions_ends_a_page_at_a_mebibyte(
    client: ChatClient, message: tuple[str, Message]
) -> None:
    ada, said = message
    await client.admin.execute(
        "INSERT INTO chat.message_revisions (room_id, message_id, number, text, replaced_at)"
        " SELECT $1, $2, n, repeat(U&'\\+01D11E', 4000), now() FROM generate_series(1, 80) n",
        uuid.UUID(said.room_id), uuid.UUID(said.id),
    )  # fmt: skip
    first = await client.list_revisions(ada, said, page_size=100)
    assert first.ByteSize() <= 1 << 20
    second = await client.list_revisions(ada, said, page_size=100, page_token=first.next_page_token)
    assert [each.number for each in (*first.revisions, *second.revisions)] == list(range(80, 0, -1))


async def test_list_revisions_refuses_tokens_of_other_listings(
    client: ChatClient, message: tuple[str, Message]
) -> None:
    ada, said = message
    other = await client.send_message(ada, said.room_id, "other")
    for text in ("second", "third"):
        await client.update_message(ada, said, text=text)
    token = (await client.list_revisions(ada, said, page_size=1)).next_page_token
    await refused(client.list_revisions(ada, other, page_token=token), PageTokenMismatchError, DOMAIN)
