"""SendMessage over a real channel: happy path, each rule, repeated requests, concurrency, cost."""

from __future__ import annotations

import asyncio
import unicodedata
import uuid
from typing import Any

import grpc
import pytest

from seda.chat.v1.message_pb2 import MessageType
from seda.chat.v1.message_service_pb2 import SendMessageRequest
from servicekit.errors import (
    CallerSuspendedError,
    InvalidFieldsError,
    RateLimitedError,
    ServiceError,
)
from services.chat.domain.errors import (
    AnnouncementRoomError,
    BannedError,
    CallerMutedError,
    MentionNotAMemberError,
    MessageNotFoundError,
    NotAMemberError,
    ParentDeletedError,
    RequestIdReusedError,
    RoomArchivedError,
    RoomLockedError,
    RoomNotFoundError,
    SlowModeError,
    TrackNotFoundError,
)
from tests.services.chat.world import DOMAIN, World, new_user
from tests.services.running import Running, add_track, refused, user


async def test_send_message_answers_what_get_message_reads(world: World) -> None:
    ada = new_user()
    room = await world.room(ada)
    sent = await world.send(ada, room.id, "hello")
    got = (await world.get(ada, room.id, sent.message.id)).message
    assert sent.message == got
    assert (got.seq, got.rev, sent.rev, got.text) == (1, 3, 3, "hello")
    assert got.type == MessageType.MESSAGE_TYPE_TEXT
    assert got.user_id == await world.user_id(ada)
    assert sent.epoch == (await world.get_room(ada, room.id)).epoch
    assert not sent.deduplicated


async def test_send_message_keeps_text_in_nfc(world: World) -> None:
    ada = new_user()
    room = await world.room(ada)
    decomposed = "Cafe\u0301 — Zoe\u0308"
    sent = await world.send(ada, room.id, decomposed)
    assert sent.message.text == unicodedata.normalize("NFC", decomposed) != decomposed
    # The limit counts characters after NFC: 4,000 letters of two code points each fit.
    assert len((await world.send(ada, room.id, "e\u0301" * 4000)).message.text) == 4000


async def test_send_message_with_a_track_freezes_what_is_known_of_it(world: World) -> None:
    ada = new_user()
    room = await world.room(ada)
    track_id = await add_track(world.admin, "4PTG3Z6ehGkBFwjybzWkR8")
    sent = await world.send(ada, room.id, track_id=track_id)
    assert sent.message.type == MessageType.MESSAGE_TYPE_TRACK
    assert (sent.message.track.track_id, sent.message.track.provider) == (track_id, "spotify")
    assert (await world.get(ada, room.id, sent.message.id)).message == sent.message


async def test_send_message_with_an_unknown_track_is_refused(world: World) -> None:
    ada = new_user()
    room = await world.room(ada)
    error = await refused(world.send(ada, room.id, track_id=str(uuid.uuid4())), TrackNotFoundError, DOMAIN)
    assert [violation.field for violation in error.violations] == ["track_id"]


async def test_send_message_under_a_reply_is_filed_under_its_root(world: World) -> None:
    ada = new_user()
    room = await world.room(ada)
    root = (await world.send(ada, room.id, "root")).message
    reply = (await world.send(ada, room.id, "reply", parent_id=root.id)).message
    nested = (await world.send(ada, room.id, "nested", parent_id=reply.id)).message
    assert (reply.root_id, reply.reply_to_id) == (root.id, root.id)
    assert (nested.root_id, nested.reply_to_id) == (root.id, reply.id)
    assert (await world.get(ada, room.id, nested.id)).message == nested
    got = (await world.get(ada, room.id, root.id)).message
    assert (got.reply_count, got.last_reply_time) == (2, nested.create_time)


async def test_send_message_under_a_missing_or_deleted_parent(world: World) -> None:
    ada = new_user()
    room, other = await world.room(ada), await world.room(ada)
    root = (await world.send(ada, room.id, "root")).message
    reply = (await world.send(ada, room.id, "reply", parent_id=root.id)).message
    elsewhere = (await world.send(ada, other.id, "elsewhere")).message
    for parent_id in (str(uuid.uuid4()), elsewhere.id):
        await refused(world.send(ada, room.id, "x", parent_id=parent_id), MessageNotFoundError, DOMAIN)
    await world.admin.execute(
        "UPDATE chat.messages SET deleted_at = now(), deletion_type = 'AUTHOR' WHERE id = $1", root.id
    )
    for parent_id in (root.id, reply.id):
        await refused(world.send(ada, room.id, "x", parent_id=parent_id), ParentDeletedError, DOMAIN)


async def test_send_message_mentions_members_only(world: World) -> None:
    ada, bob, eve = new_user(), new_user(), new_user()
    room = await world.room(ada)
    await world.join(bob, room.id)
    await world.create_room(eve)
    bob_id, eve_id = await world.user_id(bob), await world.user_id(eve)
    sent = await world.send(ada, room.id, "hey", mention_user_ids=[bob_id, bob_id])
    assert list(sent.message.mention_user_ids) == [bob_id]
    assert await world.admin.fetchval("SELECT count(*) FROM chat.mentions WHERE user_id = $1", bob_id) == 1
    mention = world.send(ada, room.id, "hey", mention_user_ids=[bob_id, eve_id])
    error = await refused(mention, MentionNotAMemberError, DOMAIN)
    assert error.metadata == {"user_id": eve_id}


RULES: list[tuple[str, type[ServiceError]]] = [
    ("suspended", CallerSuspendedError),
    ("banned", BannedError),
    ("non_member_mention", NotAMemberError),
    ("muted", CallerMutedError),
    ("muted everywhere", CallerMutedError),
    ("archived", RoomArchivedError),
    ("locked", RoomLockedError),
    ("announcement", AnnouncementRoomError),
    ("no parent", MessageNotFoundError),
]


@pytest.mark.parametrize(("first", "error"), RULES)
async def test_send_message_is_refused_by_the_first_rule_it_breaks(
    world: World, first: str, error: type[ServiceError]
) -> None:
    """Breaks the named rule and all that come after it, and finds it named; and none before it."""
    bob, room_id = await _member(world)
    start = [name for name, _ in RULES].index(first)
    for name, _ in RULES[start:-1]:
        await _break(world, name, bob, room_id)
    world.chat.forget_callers()
    await refused(world.send(bob, room_id, "x", parent_id=str(uuid.uuid4())), error, DOMAIN)
    assert await world.numbers(room_id) == [(1, 4)]


async def test_send_message_repeated_gets_its_message_whatever_happened_since(world: World) -> None:
    bob, room_id = await _member(world)
    request_id = str(uuid.uuid4())
    first = await world.send(bob, room_id, "once", request_id=request_id)
    for name, _ in RULES[:-1]:
        await _break(world, name, bob, room_id)
    world.chat.forget_callers()
    again = await world.send(bob, room_id, "once", request_id=request_id)
    assert again.deduplicated
    assert again.message == first.message
    await world.set_room(room_id, private=True)
    await refused(world.send(bob, room_id, "once", request_id=request_id), RoomNotFoundError, DOMAIN)


async def test_send_message_rules_end_with_the_database_clock(world: World) -> None:
    bob, room_id = await _member(world)
    await world.sanction(room_id, bob, "MUTE", expires="-1 second")
    await world.admin.execute(
        "UPDATE users.users SET muted_until = now() - interval '1 second',"
        " suspended_until = now() - interval '1 second' WHERE email = $1",
        bob,
    )
    world.chat.forget_callers()
    assert (await world.send(bob, room_id, "again")).message.seq == 2


async def test_send_message_to_a_hidden_room_looks_like_a_missing_one(world: World) -> None:
    ada, eve = new_user(), new_user()
    hidden = await world.room(ada, private=True)
    missing = str(uuid.uuid4())
    answers = [await _raw_error(world, eve, room_id) for room_id in (hidden.id, missing)]
    code, text, trailers = answers[0]
    assert (code, text) == answers[1][:2]
    assert trailers.replace(hidden.id.encode(), missing.encode()) == answers[1][2]


async def test_send_message_repeated_with_other_fields_is_refused(world: World) -> None:
    ada, request_id = new_user(), str(uuid.uuid4())
    room = await world.room(ada)
    parent = (await world.send(ada, room.id, "parent")).message
    await world.send(ada, room.id, "one", request_id=request_id)
    others: tuple[dict[str, Any], ...] = (
        {"text": "two"},
        {"text": "one", "parent_id": parent.id},
        {"text": "one", "track_id": await add_track(world.admin, "0VjIjW4GlUZAMYd2vXMi3b")},
        {"text": "one", "mention_user_ids": [await world.user_id(ada)]},
    )
    for fields in others:
        error = await refused(
            world.send(ada, room.id, request_id=request_id, **fields), RequestIdReusedError, DOMAIN
        )
        assert error.metadata == {"request_id": request_id}


async def test_send_message_refused_stores_nothing_under_its_request_id(world: World) -> None:
    bob, room_id = await _member(world)
    request_id = str(uuid.uuid4())
    await world.set_room(room_id, announcement=True)
    await refused(world.send(bob, room_id, "x", request_id=request_id), AnnouncementRoomError, DOMAIN)
    await world.set_room(room_id, announcement=False)
    sent = await world.send(bob, room_id, "other text", request_id=request_id)
    assert (sent.deduplicated, sent.message.seq) == (False, 2)


async def test_send_message_of_an_owner_into_an_announcement_room_and_a_locked_one(world: World) -> None:
    ada = new_user()
    room = await world.room(ada)
    await world.set_room(room.id, announcement=True)
    assert (await world.send(ada, room.id, "news")).message.seq == 1
    await world.admin.execute("UPDATE chat.rooms SET locked_at = now() WHERE id = $1", room.id)
    await refused(world.send(ada, room.id, "more"), RoomLockedError, DOMAIN)


async def test_send_message_in_slow_mode(world: World) -> None:
    ada, bob = new_user(), new_user()
    room = await world.room(ada)
    await world.join(bob, room.id)
    await world.set_room(room.id, slow_mode_seconds=600)
    both = await asyncio.gather(*(world.send(bob, room.id, f"{n}") for n in range(2)), return_exceptions=True)
    assert sorted(isinstance(answer, ServiceError) for answer in both) == [False, True]
    error = await refused(world.send(bob, room.id, "soon"), SlowModeError, DOMAIN)
    assert 590 < (error.retry_after or 0) <= 600
    # Moderators are exempt, and time heals: the row is aged, nothing sleeps.
    await asyncio.gather(*(world.send(ada, room.id, f"{n}") for n in range(3)))
    await world.admin.execute(
        "UPDATE chat.room_memberships SET last_message_at = now() - interval '601 s' WHERE room_id = $1",
        room.id,
    )
    assert (await world.send(bob, room.id, "later")).message.text == "later"


async def test_send_message_more_often_than_one_may(world: World, strict_chat: Running) -> None:
    ada = new_user()
    room = await world.room(ada)
    strict = World(strict_chat, world.admin)
    request_id = str(uuid.uuid4())
    first = await strict.send(ada, room.id, "1", request_id=request_id)
    await strict.send(ada, room.id, "2")
    error = await refused(strict.send(ada, room.id, "3"), RateLimitedError, DOMAIN)
    assert 0 < (error.retry_after or 0) <= 1000
    # A repeated call is no new message, and somebody else has a bucket of their own.
    assert (await strict.send(ada, room.id, "1", request_id=request_id)).message == first.message
    bob = new_user()
    await refused(strict.send(bob, room.id, "x"), NotAMemberError, DOMAIN)
    await strict.join(bob, room.id)
    # What another rule refused cost nothing.
    for n in range(2):
        await strict.send(bob, room.id, f"{n}")
    await refused(strict.send(bob, room.id, "3"), RateLimitedError, DOMAIN)


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"text": "x" * 4001}, "text"),
        ({"text": "a\x1b[31m"}, "text"),
        ({"text": "x", "room_id": "r"}, "room_id"),
        ({"text": "x", "track_id": "t"}, "track_id"),
        ({"text": "x", "parent_id": "p"}, "parent_id"),
        ({"text": "x", "request_id": "q"}, "request_id"),
        ({"text": "x", "mention_user_ids": ["m"]}, "mention_user_ids[0]"),
        ({"text": "x", "mention_user_ids": [str(uuid.uuid4())] * 51}, "mention_user_ids"),
        ({}, ""),
    ],
)
async def test_send_message_names_the_field_at_fault(
    world: World, fields: dict[str, object], at_fault: str
) -> None:
    request: dict[str, Any] = {"room_id": str(uuid.uuid4()), **fields}
    error = await refused(world.send(new_user(), **request), InvalidFieldsError, DOMAIN)
    assert [violation.field for violation in error.violations] == [at_fault]


async def _member(world: World) -> tuple[str, str]:
    ada, bob = new_user(), new_user()
    room = await world.room(ada)
    await world.join(bob, room.id)
    return bob, room.id


async def _break(world: World, rule: str, email: str, room_id: str) -> None:
    columns = {"suspended": "suspended_until", "muted everywhere": "muted_until"}
    if rule in columns:
        await world.admin.execute(
            f"UPDATE users.users SET {columns[rule]} = now() + interval '1 hour' WHERE email = $1", email
        )
    elif rule == "banned":
        await world.sanction(room_id, email, "BAN")
    elif rule == "muted":
        await world.sanction(room_id, email, "MUTE")
    elif rule == "non_member_mention":
        await world.admin.execute(
            "UPDATE chat.room_memberships SET left_at = now() WHERE room_id = $1 AND user_id = $2",
            room_id,
            await world.user_id(email),
        )
    elif rule == "announcement":
        await world.set_room(room_id, announcement=True)
    else:
        await world.admin.execute(f"UPDATE chat.rooms SET {rule}_at = now() WHERE id = $1", room_id)


async def _raw_error(world: World, email: str, room_id: str) -> tuple[grpc.StatusCode, str | None, bytes]:
    metadata = (*user(email), ("x-request-id", "same"))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await world.messages.SendMessage(
            SendMessageRequest(room_id=room_id, text="x"), metadata=metadata, timeout=20
        )
    trailers = repr(sorted(raised.value.trailing_metadata() or ())).encode()
    return raised.value.code(), raised.value.details(), trailers
