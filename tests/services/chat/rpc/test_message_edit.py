"""UpdateMessage over a real channel."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

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
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import Running, add_track, refused
from tests.support.concurrency import gather_bounded


async def _message(client: ChatClient, text: str = "first", **fields: Any) -> tuple[str, Message]:
    ada = new_user()
    room = await client.create_room(ada)
    return ada, await client.send_message(ada, room.id, text, **fields)


async def _revisions(client: ChatClient, message: Message) -> list[tuple[Any, ...]]:
    query = """
        SELECT number, text, track_id::text, track IS NOT NULL FROM chat.message_revisions
         WHERE message_id = $1 ORDER BY number
    """
    return [tuple(row) for row in await client.admin.fetch(query, uuid.UUID(message.id))]


async def test_edit_message_changes_the_text_and_keeps_what_it_was(client: ChatClient) -> None:
    ada, message = await _message(client)
    one = await client.update_message(ada, message, text="Zoë, second")
    # It is found by what it says now, folded.
    search_text = "SELECT search_text FROM chat.messages WHERE id = $1"
    assert await client.admin.fetchval(search_text, uuid.UUID(message.id)) == "zoe second"
    two = await client.update_message(ada, message, text="third")
    assert await client.get_message(ada, message) == two
    assert (one.text, two.text) == ("Zoë, second", "third")
    assert (one.seq, one.rev, two.rev) == (message.seq, message.rev + 1, message.rev + 2)
    assert len({message.etag, one.etag, two.etag}) == 3
    assert one.create_time == two.create_time == message.create_time
    assert message.create_time.ToNanoseconds() < one.edit_time.ToNanoseconds() < two.edit_time.ToNanoseconds()
    assert await _revisions(client, message) == [
        (1, "first", None, False),
        (2, "Zoë, second", None, False),
    ]
    assert (await client.get_room(ada, message.room_id)).position.rev == two.rev


async def test_edit_message_gives_and_takes_a_track(client: ChatClient) -> None:
    ada, message = await _message(client, "what a song")
    track_id = await add_track(client.admin, "5PTG3Z6ehGkBFwjybzWkR8")
    with_track = await client.update_message(ada, message, track_id=track_id)
    assert (with_track.type, with_track.text) == (MessageType.MESSAGE_TYPE_TRACK, "what a song")
    assert (with_track.track.track_id, with_track.track.provider) == (track_id, "spotify")
    alone = await client.update_message(ada, message, text="")
    assert (alone.type, alone.text, alone.track) == (
        MessageType.MESSAGE_TYPE_TRACK,
        "",
        with_track.track,
    )
    words = await client.update_message(ada, message, text="gone", track_id="")
    assert (words.type, words.text, words.HasField("track")) == (
        MessageType.MESSAGE_TYPE_TEXT,
        "gone",
        False,
    )
    assert await _revisions(client, message) == [
        (1, "what a song", None, False),
        (2, "what a song", track_id, True),
        (3, None, track_id, True),
    ]
    assert await client.get_message(ada, message) == words


async def test_edit_message_leaves_unmasked_fields_and_a_track_s_snapshot(client: ChatClient) -> None:
    track_id = await add_track(client.admin, "6PTG3Z6ehGkBFwjybzWkR8")
    ada, message = await _message(client, "a", track_id=track_id)
    await client.admin.execute(
        'UPDATE chat.messages SET track = track || \'{"title": "As it was"}\' WHERE id = $1',
        uuid.UUID(message.id),
    )
    mask = FieldMask(paths=["text", "text"])
    edited = await client.update_message(ada, message, text="b", track_id=str(uuid.uuid4()), update_mask=mask)
    assert (edited.text, edited.track.track_id) == ("b", track_id)
    # The same track posted again stays as it was frozen.
    again = await client.update_message(ada, message, text="c", track_id=track_id)
    assert (again.text, again.track.title) == ("c", "As it was")


async def test_edit_message_to_what_it_says_changes_nothing(client: ChatClient) -> None:
    track_id = await add_track(client.admin, "7PTG3Z6ehGkBFwjybzWkR8")
    ada, message = await _message(client, "Zoë", track_id=track_id)
    before = await client.db.room_rows(message.room_id)
    assert await client.update_message(ada, message, text="Zoe\u0308") == message
    assert await client.update_message(ada, message, track_id=track_id) == message
    assert await client.db.room_rows(message.room_id) == before


async def test_edit_message_keeps_its_thread_reactions_and_mentions(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    ada_id = await client.db.user_id(ada)
    message = await client.send_message(ada, room.id, "hey", mention_user_ids=[ada_id])
    reply = await client.send_message(ada, room.id, "yes?", parent_id=message.id)
    await client.add_reaction(ada, message)
    edited = await client.update_message(ada, message, text="hello")
    assert (edited.reply_count, edited.last_reply_time) == (1, reply.create_time)
    assert [(each.emoji, each.count, each.me) for each in edited.reactions] == [("🎵", 1, True)]
    assert list(edited.mention_user_ids) == [ada_id]


async def test_edit_message_with_an_etag(client: ChatClient) -> None:
    ada, message = await _message(client)
    edited = await client.update_message(ada, message, text="second", etag=message.etag)
    # A repeat after a lost response finds the message as asked.
    assert await client.update_message(ada, message, text="second", etag=message.etag) == edited
    for etag in (message.etag, "0", "x"):
        await refused(client.update_message(ada, message, text="third", etag=etag), EtagMismatchError, DOMAIN)
    assert (await client.update_message(ada, message, text="third", etag=edited.etag)).text == "third"
    # Reactions and replies are no other state of it.
    reacted = await client.add_reaction(ada, message)
    assert reacted.position.rev > edited.rev


async def test_edit_message_with_one_etag_at_once_lets_one_through(
    client: ChatClient, second_chat: Running
) -> None:
    ada, message = await _message(client)
    places = (client, ChatClient(second_chat, client.admin))
    answers = await gather_bounded(
        place.update_message(ada, message, text=f"{n}", etag=message.etag)
        for n, place in enumerate(places * 10)
    )
    (winner,) = [answer for answer in answers if isinstance(answer, Message)]
    assert await client.get_message(ada, message) == winner
    assert len(await _revisions(client, message)) == 1


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"text": ""}, "message.text"),
        ({"text": "", "track_id": ""}, "message.text"),
        ({"track_id": "7"}, "message.track.track_id"),
        ({"text": "x" * 4001}, "message.text"),
        ({"text": "", "update_mask": FieldMask(paths=["*"])}, "message.track"),
        ({"text": "x", "update_mask": FieldMask(paths=["text", "author_id"])}, "update_mask"),
    ],
)
async def test_edit_message_names_the_field_at_fault(
    client: ChatClient, fields: dict[str, Any], fault: str
) -> None:
    ada, message = await _message(client)
    error = await refused(client.update_message(ada, message, **fields), InvalidFieldsError, DOMAIN)
    assert fault in {found.field for found in error.violations}


async def test_edit_message_by_somebody_else_is_refused(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    bob = await client.join_as(room.id)
    message = await client.send_message(bob, room.id, "mine")
    # Owning the room is not having written it.
    await refused(client.update_message(ada, message, text="yours"), NotTheAuthorError, DOMAIN)


async def test_edit_message_in_an_announcement_room_is_for_who_may_post_there(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    bob = await client.join_as(room.id)
    mine, theirs = [await client.send_message(email, room.id, "before") for email in (ada, bob)]
    await client.db.set_room(room.id, announcement=True)
    await refused(client.update_message(bob, theirs, text="my announcement"), AnnouncementRoomError, DOMAIN)
    # Whose message it is does not matter to who may not post.
    await refused(client.update_message(bob, mine, text="mine"), AnnouncementRoomError, DOMAIN)
    assert (await client.update_message(ada, mine, text="after")).text == "after"
    await client.db.set_role(room.id, bob, "MODERATOR")
    assert (await client.update_message(bob, theirs, text="after")).text == "after"


async def test_edit_message_of_the_service_itself_is_refused(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    bob = await client.join_as(room.id)
    joined = (await client.list_messages(bob, room.id)).messages[0]
    await refused(client.update_message(bob, joined, text="I came"), SystemMessageError, DOMAIN)


async def test_edit_message_that_is_deleted_or_missing_is_refused(client: ChatClient) -> None:
    ada, message = await _message(client)
    await client.delete_message(ada, message)
    error = await refused(client.update_message(ada, message, text="x"), MessageDeletedError, DOMAIN)
    assert error.metadata == {"message_id": message.id}
    elsewhere = (await _message(client))[1]
    elsewhere.room_id = message.room_id
    await refused(client.update_message(ada, elsewhere, text="x"), MessageNotFoundError, DOMAIN)


async def test_edit_message_with_an_unknown_track_is_refused_in_its_turn(client: ChatClient) -> None:
    ada, message = await _message(client)
    unknown = str(uuid.uuid4())
    error = await refused(client.update_message(ada, message, track_id=unknown), TrackNotFoundError, DOMAIN)
    assert error.metadata == {"track_id": unknown}
    # Whoever may not edit it learns nothing of tracks.
    bob = await client.join_as(message.room_id)
    await refused(client.update_message(bob, message, track_id=unknown), NotTheAuthorError, DOMAIN)


async def test_edit_message_while_tracks_is_away(client: ChatClient, chat_alone: Running) -> None:
    ada, message = await _message(client)
    alone = ChatClient(chat_alone, client.admin)
    assert (await alone.update_message(ada, message, text="words still change")).text == "words still change"
    error = await refused(
        alone.update_message(ada, message, track_id=str(uuid.uuid4())), ServiceUnavailableError, DOMAIN
    )
    assert error.metadata == {"service": "tracks"}


async def test_edit_message_looks_at_the_room_before_tracks(client: ChatClient, chat_alone: Running) -> None:
    track_id = await add_track(client.admin, "9PTG3Z6ehGkBFwjybzWkR8")
    ada, message = await _message(client, "hear this", track_id=track_id)
    place, bob, unknown = ChatClient(chat_alone, client.admin), new_user(), str(uuid.uuid4())
    # The track that it has already is asked of nobody.
    assert await place.update_message(ada, message, track_id=track_id) == message
    assert (
        await place.update_message(ada, message, text="once more", track_id=track_id)
    ).track == message.track
    await refused(place.update_message(ada, message, track_id=unknown), ServiceUnavailableError, DOMAIN)
    await refused(
        place.update_message(ada, message, track_id=unknown, etag=message.etag), EtagMismatchError, DOMAIN
    )
    await client.join_room(bob, message.room_id)
    await refused(place.update_message(bob, message, track_id=unknown), NotTheAuthorError, DOMAIN)
    await client.call(bob, "LeaveRoom", room_id=message.room_id)
    await client.db.set_room(message.room_id, private=True)
    await refused(place.update_message(bob, message, track_id=unknown), RoomNotFoundError, DOMAIN)
    await client.db.set_room(message.room_id, locked_at=datetime.now(UTC))
    await refused(place.update_message(ada, message, track_id=unknown), RoomLockedError, DOMAIN)


async def test_edit_message_reads_the_room_before_it_looks_a_track_up(client: ChatClient) -> None:
    ada, message = await _message(client)
    track_id = await add_track(client.admin, "0PTG3Z6ehGkBFwjybzWkR8")
    with client.chat.counting() as statements:
        await client.update_message(ada, message, track_id=track_id)
    assert statements[:3] == ["chat.room", "chat.get_message", "BEGIN"]


async def test_edit_message_leaves_the_folded_text_when_only_the_track_changes(client: ChatClient) -> None:
    ada, message = await _message(client, "Zoë")
    track_id = await add_track(client.admin, "8PTG3Z6ehGkBFwjybzWkR8")
    await client.update_message(ada, message, track_id=track_id)
    query = "SELECT search_text FROM chat.messages WHERE id = $1"
    assert await client.admin.fetchval(query, uuid.UUID(message.id)) == "zoe"
