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
from tests.services.chat.acts import Acts
from tests.services.chat.readers import Readers
from tests.services.chat.world import DOMAIN, World, new_user
from tests.services.running import add_track, refused


@pytest.fixture
async def message(world: World) -> tuple[str, Message]:
    """An owner and what they said in their room."""
    ada = new_user()
    room = await world.room(ada)
    return ada, (await world.send(ada, room.id, "first")).message


async def _suspend(world: World, email: str) -> None:
    await world.admin.execute(
        "UPDATE users.users SET suspended_until = now() + interval '1 hour' WHERE email = $1", email
    )
    world.chat.forget_callers()


async def test_list_reactions_emoji_by_emoji_in_the_order_of_giving(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    ada, said = message
    bob, eve = await acts.member(said.room_id), await acts.member(said.room_id)
    for email, emoji in ((bob, ":b:"), (ada, ":b:"), (ada, ":a:"), (eve, ":b:"), (eve, ":c:"), (bob, ":a:")):
        await acts.react(email, said, emoji)
    await acts.take_back(ada, said, ":b:")
    await acts.take_back(eve, said, ":c:")
    names = {await acts.world.user_id(email): email for email in (ada, bob, eve)}
    expected = [(":a:", ada), (":a:", bob), (":b:", bob), (":b:", eve)]
    for size in (1, 2, 3, 50):
        seen, token = [], ""
        while True:
            page = await readers.reactions(bob, said, page_size=size, page_token=token)
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
    await acts.take_back(bob, said, ":b:")
    await acts.react(bob, said, ":b:")
    for emoji, givers in ((":b:", [eve, bob]), (":c:", []), (":a:", [ada, bob])):
        seen_of = []
        token = ""
        while True:
            page = await readers.reactions(eve, said, emoji=emoji, page_size=1, page_token=token)
            seen_of += [names[each.user_id] for each in page.reactions]
            token = page.next_page_token
            if not token:
                break
        assert seen_of == givers


async def test_list_reactions_of_what_is_not_there(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    ada, said = message
    await acts.react(ada, said)
    missing = Message(id=str(uuid.uuid4()), room_id=said.room_id)
    await refused(readers.reactions(ada, missing), MessageNotFoundError, DOMAIN)
    await acts.delete(ada, said)
    await refused(readers.reactions(ada, said), MessageNotFoundError, DOMAIN)


async def test_list_reactions_refuses_tokens_of_other_listings(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    ada, said = message
    other = (await acts.world.send(ada, said.room_id, "other")).message
    for each in (said, other):
        for emoji in (":a:", ":b:"):
            await acts.react(ada, each, emoji)
    token = (await readers.reactions(ada, said, page_size=1)).next_page_token
    for email, target, emoji in ((ada, other, ""), (new_user(), said, ""), (ada, said, ":a:")):
        answer = readers.reactions(email, target, emoji=emoji, page_token=token)
        await refused(answer, PageTokenMismatchError, DOMAIN)
    await refused(readers.reactions(ada, said, emoji="e" * 65), InvalidFieldsError, DOMAIN)


async def test_list_reactions_for_those_who_may_not(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    _, said = message
    bob = await acts.member(said.room_id)
    await acts.world.sanction(said.room_id, bob, "BAN")
    await refused(readers.reactions(bob, said), BannedError, DOMAIN)
    await acts.world.set_room(said.room_id, private=True)
    await refused(readers.reactions(bob, said), RoomNotFoundError, DOMAIN)


async def test_list_pins_newest_first_with_their_messages(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    ada, first = message
    root = (await acts.world.send(ada, first.room_id, "root")).message
    reply = (await acts.world.send(ada, first.room_id, "reply", parent_id=root.id)).message
    pins = {each.id: await acts.pin(ada, each) for each in (root, first, reply)}
    await acts.react(ada, first, "🔥")
    shown = (await readers.pins(new_user(), first.room_id)).pins
    assert [each.message.id for each in shown] == [reply.id, first.id, root.id]
    assert [each.pin for each in shown] == [pins[each.message.id] for each in shown]
    assert [(each.emoji, each.me) for each in shown[1].message.reactions] == [("🔥", False)]
    assert [(each.message.text, each.message.reply_count) for each in shown] == [
        ("reply", 0),
        ("first", 0),
        ("root", 0),
    ]
    await acts.unpin(ada, first)
    await acts.delete(ada, root)
    assert [each.message.id for each in (await readers.pins(ada, first.room_id)).pins] == [reply.id]


async def test_list_pins_of_a_room_without_any(world: World, readers: Readers) -> None:
    ada = new_user()
    room = await world.room(ada, private=True)
    assert not (await readers.pins(ada, room.id)).pins
    await refused(readers.pins(new_user(), room.id), RoomNotFoundError, DOMAIN)


async def test_list_pins_leaves_out_what_was_deleted_meanwhile(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    ada, said = message
    await acts.pin(ada, said)
    # As if the message had gone right after the pins were read.
    await acts.world.admin.execute(
        "UPDATE chat.messages SET deleted_at = now(), deletion_type = 'AUTHOR' WHERE id = $1",
        uuid.UUID(said.id),
    )
    assert not (await readers.pins(ada, said.room_id)).pins


async def test_list_revisions_newest_first(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    ada, said = message
    track = await add_track(acts.world.admin, uuid.uuid4().hex[:22])
    assert not (await readers.revisions(ada, said)).revisions
    await acts.edit(ada, said, text="second", track_id=track)
    await acts.edit(ada, said, text="third", track_id="")
    shown = (await readers.revisions(ada, said)).revisions
    assert [(each.number, each.text, each.track.track_id) for each in shown] == [
        (2, "second", track),
        (1, "first", ""),
    ]
    assert shown[0].replace_time == (await readers.get(ada, said)).edit_time
    pages, token = [], ""
    for _ in range(2):
        page = await readers.revisions(ada, said, page_size=1, page_token=token)
        pages.append([each.number for each in page.revisions])
        token = page.next_page_token
    assert (pages, token) == ([[2], [1]], "")


async def test_list_revisions_is_for_moderators(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    world, (ada, said) = acts.world, message
    await acts.edit(ada, said, text="second")
    moderator = await acts.member(said.room_id, "MODERATOR")
    member, outsider = await acts.member(said.room_id), new_user()
    await acts.delete(ada, said)
    # What is deleted they may read as long as it is kept, suspended or not.
    await _suspend(world, moderator)
    assert [each.text for each in (await readers.revisions(moderator, said)).revisions] == ["first"]
    await refused(acts.restore(moderator, said), CallerSuspendedError, DOMAIN)
    await refused(readers.revisions(member, said), RoleRequiredError, DOMAIN)
    await refused(readers.revisions(outsider, said), NotAMemberError, DOMAIN)
    await world.sanction(said.room_id, member, "BAN")
    await refused(readers.revisions(member, said), BannedError, DOMAIN)
    missing = Message(id=str(uuid.uuid4()), room_id=said.room_id)
    await refused(readers.revisions(ada, missing), MessageNotFoundError, DOMAIN)
    await world.set_room(said.room_id, private=True)
    await refused(readers.revisions(outsider, said), RoomNotFoundError, DOMAIN)


async def test_list_revisions_ends_a_page_at_a_mebibyte(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    ada, said = message
    await acts.world.admin.execute(
        "INSERT INTO chat.message_revisions (room_id, message_id, number, text, replaced_at)"
        " SELECT $1, $2, n, repeat(U&'\\+01D11E', 4000), now() FROM generate_series(1, 80) n",
        uuid.UUID(said.room_id), uuid.UUID(said.id),
    )  # fmt: skip
    first = await readers.revisions(ada, said, page_size=100)
    assert first.ByteSize() <= 1 << 20
    second = await readers.revisions(ada, said, page_size=100, page_token=first.next_page_token)
    assert [each.number for each in (*first.revisions, *second.revisions)] == list(range(80, 0, -1))


async def test_list_revisions_refuses_tokens_of_other_listings(
    acts: Acts, readers: Readers, message: tuple[str, Message]
) -> None:
    ada, said = message
    other = (await acts.world.send(ada, said.room_id, "other")).message
    for text in ("second", "third"):
        await acts.edit(ada, said, text=text)
    token = (await readers.revisions(ada, said, page_size=1)).next_page_token
    await refused(readers.revisions(ada, other, page_token=token), PageTokenMismatchError, DOMAIN)
