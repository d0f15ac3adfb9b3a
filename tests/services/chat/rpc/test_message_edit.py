"""EditMessage over a real channel."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from search_text import words
from seda.chat.v1.message_pb2 import Message, MessageType
from servicekit.errors import InvalidFieldsError, ServiceUnavailableError
from services.chat.domain.errors import (
    AnnouncementRoomError,
    EtagMismatchError,
    MessageDeletedError,
    MessageNotFoundError,
    NotTheAuthorError,
    RoomLockedError,
    RoomNotFoundError,
    SystemMessageError,
    TrackNotFoundError,
)
from tests.services.chat.acts import Acts, together
from tests.services.chat.world import DOMAIN, World, new_user
from tests.services.running import Running, add_track, refused


async def _message(world: World, text: str = "first", **fields: Any) -> tuple[str, Message]:
    ada = new_user()
    room = await world.room(ada)
    return ada, (await world.send(ada, room.id, text, **fields)).message


async def _revisions(world: World, message: Message) -> list[tuple[Any, ...]]:
    query = """
        SELECT number, text, track_id::text, track IS NOT NULL FROM chat.message_revisions
         WHERE message_id = $1 ORDER BY number
    """
    return [tuple(row) for row in await world.admin.fetch(query, uuid.UUID(message.id))]


async def test_edit_message_changes_the_text_and_keeps_what_it_was(world: World, acts: Acts) -> None:
    ada, message = await _message(world)
    one = await acts.edit(ada, message, text="Zoë, second")
    # It is found by what it says now, folded.
    search_text = "SELECT search_text FROM chat.messages WHERE id = $1"
    assert await world.admin.fetchval(search_text, uuid.UUID(message.id)) == "zoe second"
    two = await acts.edit(ada, message, text="third")
    assert (await world.get(ada, message.room_id, message.id)).message == two
    assert (one.text, two.text) == ("Zoë, second", "third")
    assert (one.seq, one.rev, two.rev) == (message.seq, message.rev + 1, message.rev + 2)
    assert len({message.etag, one.etag, two.etag}) == 3
    assert one.create_time == two.create_time == message.create_time
    assert message.create_time.ToNanoseconds() < one.edit_time.ToNanoseconds() < two.edit_time.ToNanoseconds()
    assert await _revisions(world, message) == [
        (1, "first", None, False),
        (2, "Zoë, second", None, False),
    ]
    assert (await world.get_room(ada, message.room_id)).rev == two.rev


async def test_edit_message_gives_and_takes_a_track(world: World, acts: Acts) -> None:
    ada, message = await _message(world, "what a song")
    track_id = await add_track(world.admin, "5PTG3Z6ehGkBFwjybzWkR8")
    with_track = await acts.edit(ada, message, track_id=track_id)
    assert (with_track.type, with_track.text) == (MessageType.MESSAGE_TYPE_TRACK, "what a song")
    assert (with_track.track.track_id, with_track.track.provider) == (track_id, "spotify")
    alone = await acts.edit(ada, message, text="")
    assert (alone.type, alone.text, alone.track) == (
        MessageType.MESSAGE_TYPE_TRACK,
        "",
        with_track.track,
    )
    words = await acts.edit(ada, message, text="gone", track_id="")
    assert (words.type, words.text, words.HasField("track")) == (
        MessageType.MESSAGE_TYPE_TEXT,
        "gone",
        False,
    )
    assert await _revisions(world, message) == [
        (1, "what a song", None, False),
        (2, "what a song", track_id, True),
        (3, None, track_id, True),
    ]
    assert (await world.get(ada, message.room_id, message.id)).message == words


async def test_edit_message_leaves_unmasked_fields_and_a_track_s_snapshot(world: World, acts: Acts) -> None:
    track_id = await add_track(world.admin, "6PTG3Z6ehGkBFwjybzWkR8")
    ada, message = await _message(world, "a", track_id=track_id)
    await world.admin.execute(
        'UPDATE chat.messages SET track = track || \'{"title": "As it was"}\' WHERE id = $1',
        uuid.UUID(message.id),
    )
    mask = FieldMask(paths=["text", "text"])
    edited = await acts.edit(ada, message, text="b", track_id=str(uuid.uuid4()), update_mask=mask)
    assert (edited.text, edited.track.track_id) == ("b", track_id)
    # The same track posted again stays as it was frozen.
    again = await acts.edit(ada, message, text="c", track_id=track_id)
    assert (again.text, again.track.title) == ("c", "As it was")


async def test_edit_message_to_what_it_says_changes_nothing(world: World, acts: Acts) -> None:
    track_id = await add_track(world.admin, "7PTG3Z6ehGkBFwjybzWkR8")
    ada, message = await _message(world, "Zoë", track_id=track_id)
    before = await acts.rows(message.room_id)
    assert await acts.edit(ada, message, text="Zoe\u0308") == message
    assert await acts.edit(ada, message, track_id=track_id) == message
    assert await acts.rows(message.room_id) == before


async def test_edit_message_keeps_its_thread_reactions_and_mentions(world: World, acts: Acts) -> None:
    ada = new_user()
    room = await world.room(ada)
    ada_id = await world.user_id(ada)
    message = (await world.send(ada, room.id, "hey", mention_user_ids=[ada_id])).message
    reply = (await world.send(ada, room.id, "yes?", parent_id=message.id)).message
    await acts.react(ada, message)
    edited = await acts.edit(ada, message, text="hello")
    assert (edited.reply_count, edited.last_reply_time) == (1, reply.create_time)
    assert [(each.emoji, each.count, each.me) for each in edited.reactions] == [("🎵", 1, True)]
    assert list(edited.mention_user_ids) == [ada_id]


async def test_edit_message_with_an_etag(world: World, acts: Acts) -> None:
    ada, message = await _message(world)
    edited = await acts.edit(ada, message, text="second", etag=message.etag)
    for etag in (message.etag, "0", "x"):
        await refused(acts.edit(ada, message, text="third", etag=etag), EtagMismatchError, DOMAIN)
    assert (await acts.edit(ada, message, text="third", etag=edited.etag)).text == "third"
    # Reactions and replies are no other state of it.
    reacted = await acts.react(ada, message)
    assert reacted.rev > edited.rev


async def test_edit_message_with_one_etag_at_once_lets_one_through(
    world: World, second_chat: Running
) -> None:
    ada, message = await _message(world)
    places = (Acts(world), Acts(World(second_chat, world.admin)))
    answers = await together(
        place.edit(ada, message, text=f"{n}", etag=message.etag) for n, place in enumerate(places * 10)
    )
    (winner,) = [answer for answer in answers if isinstance(answer, Message)]
    assert (await world.get(ada, message.room_id, message.id)).message == winner
    assert len(await _revisions(world, message)) == 1


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"text": ""}, "text"),
        ({"text": "", "track_id": ""}, "text"),
        ({"track_id": "7"}, "track_id"),
        ({"text": "x" * 4001}, "text"),
        ({"text": "x", "update_mask": FieldMask()}, "update_mask"),
        ({"text": "x", "update_mask": FieldMask(paths=["text", "user_id"])}, "update_mask"),
    ],
)
async def test_edit_message_names_the_field_at_fault(
    world: World, acts: Acts, fields: dict[str, Any], fault: str
) -> None:
    ada, message = await _message(world)
    error = await refused(acts.edit(ada, message, **fields), InvalidFieldsError, DOMAIN)
    assert fault in {found.field for found in error.violations}


async def test_edit_message_by_somebody_else_is_refused(world: World, acts: Acts) -> None:
    ada = new_user()
    room = await world.room(ada)
    bob = await acts.member(room.id)
    message = (await world.send(bob, room.id, "mine")).message
    # Owning the room is not having written it.
    await refused(acts.edit(ada, message, text="yours"), NotTheAuthorError, DOMAIN)


async def test_edit_message_in_an_announcement_room_is_for_who_may_post_there(
    world: World, acts: Acts
) -> None:
    ada = new_user()
    room = await world.room(ada)
    bob = await acts.member(room.id)
    mine, theirs = [(await world.send(email, room.id, "before")).message for email in (ada, bob)]
    await world.set_room(room.id, announcement=True)
    await refused(acts.edit(bob, theirs, text="my announcement"), AnnouncementRoomError, DOMAIN)
    # Whose message it is does not matter to who may not post.
    await refused(acts.edit(bob, mine, text="mine"), AnnouncementRoomError, DOMAIN)
    assert (await acts.edit(ada, mine, text="after")).text == "after"
    await world.set_role(room.id, bob, "MODERATOR")
    assert (await acts.edit(bob, theirs, text="after")).text == "after"


async def test_edit_message_of_the_service_itself_is_refused(world: World, acts: Acts) -> None:
    ada = new_user()
    room = await world.room(ada)
    bob = await acts.member(room.id)
    joined = (await world.page(bob, room.id)).messages[0]
    await refused(acts.edit(bob, joined, text="I came"), SystemMessageError, DOMAIN)


async def test_edit_message_that_is_deleted_or_missing_is_refused(world: World, acts: Acts) -> None:
    ada, message = await _message(world)
    await acts.delete(ada, message)
    error = await refused(acts.edit(ada, message, text="x"), MessageDeletedError, DOMAIN)
    assert error.metadata == {"message_id": message.id}
    elsewhere = (await _message(world))[1]
    elsewhere.room_id = message.room_id
    await refused(acts.edit(ada, elsewhere, text="x"), MessageNotFoundError, DOMAIN)


async def test_edit_message_with_an_unknown_track_is_refused_in_its_turn(world: World, acts: Acts) -> None:
    ada, message = await _message(world)
    unknown = str(uuid.uuid4())
    error = await refused(acts.edit(ada, message, track_id=unknown), TrackNotFoundError, DOMAIN)
    assert error.metadata == {"track_id": unknown}
    # Whoever may not edit it learns nothing of tracks.
    bob = await acts.member(message.room_id)
    await refused(acts.edit(bob, message, track_id=unknown), NotTheAuthorError, DOMAIN)


async def test_edit_message_while_tracks_is_away(world: World, chat_alone: Running) -> None:
    ada, message = await _message(world)
    acts = Acts(World(chat_alone, world.admin))
    assert (await acts.edit(ada, message, text="words still change")).text == "words still change"
    error = await refused(
        acts.edit(ada, message, track_id=str(uuid.uuid4())), ServiceUnavailableError, DOMAIN
    )
    assert error.metadata == {"service": "tracks"}


async def test_edit_message_looks_at_the_room_before_tracks(world: World, chat_alone: Running) -> None:
    track_id = await add_track(world.admin, "9PTG3Z6ehGkBFwjybzWkR8")
    ada, message = await _message(world, "hear this", track_id=track_id)
    place, bob, unknown = Acts(World(chat_alone, world.admin)), new_user(), str(uuid.uuid4())
    # The track that it has already is asked of nobody.
    assert await place.edit(ada, message, track_id=track_id) == message
    assert (await place.edit(ada, message, text="once more", track_id=track_id)).track == message.track
    await refused(place.edit(ada, message, track_id=unknown), ServiceUnavailableError, DOMAIN)
    await refused(place.edit(ada, message, track_id=unknown, etag=message.etag), EtagMismatchError, DOMAIN)
    await world.join(bob, message.room_id)
    await refused(place.edit(bob, message, track_id=unknown), NotTheAuthorError, DOMAIN)
    await world.ask(bob, "LeaveRoom", room_id=message.room_id)
    await world.set_room(message.room_id, private=True)
    await refused(place.edit(bob, message, track_id=unknown), RoomNotFoundError, DOMAIN)
    await world.set_room(message.room_id, locked_at=datetime.now(UTC))
    await refused(place.edit(ada, message, track_id=unknown), RoomLockedError, DOMAIN)


async def test_edit_message_statements_per_call_are_fixed(world: World, acts: Acts) -> None:
    ada, message = await _message(world)
    begun = ["BEGIN", "chat.lock_visible_room", "chat.room", "chat.get_message"]
    for n in range(3):
        with world.chat.counting() as statements:
            await acts.edit(ada, message, text=f"{n}")
        assert statements == [*begun, "chat.edit_message", "chat.set_room_counters", "COMMIT"]
    with world.chat.counting() as statements:
        await acts.edit(ada, message, text="2")
    assert statements == [*begun, "COMMIT"]
    track_id = await add_track(world.admin, "0PTG3Z6ehGkBFwjybzWkR8")
    with world.chat.counting() as statements:
        await acts.edit(ada, message, track_id=track_id)
    looked = ["chat.room", "chat.get_message"]
    assert statements == [*looked, *begun, "chat.edit_message", "chat.set_room_counters", "COMMIT"]


async def test_texts_are_folded_before_the_room_is_locked(
    world: World, acts: Acts, monkeypatch: pytest.MonkeyPatch
) -> None:
    folded: list[tuple[str, list[str]]] = []

    def fold(text: str) -> list[str]:
        folded.append((text, list(world.chat.statements)))
        return words(text)

    monkeypatch.setattr("services.chat.domain.searching.words", fold)
    ada = new_user()
    room = await world.room(ada)
    with world.chat.counting():
        message = (await world.send(ada, room.id, "first")).message
    with world.chat.counting():
        await acts.edit(ada, message, text="second")
    assert folded == [("first", []), ("second", [])]


async def test_edit_message_leaves_the_folded_text_when_only_the_track_changes(
    world: World, acts: Acts
) -> None:
    ada, message = await _message(world, "Zoë")
    track_id = await add_track(world.admin, "8PTG3Z6ehGkBFwjybzWkR8")
    await acts.edit(ada, message, track_id=track_id)
    query = "SELECT search_text FROM chat.messages WHERE id = $1"
    assert await world.admin.fetchval(query, uuid.UUID(message.id)) == "zoe"
