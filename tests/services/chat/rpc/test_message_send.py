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
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from servicekit.errors import (
    CallerSuspendedError,
    InvalidFieldsError,
    RateLimitedError,
    ServiceError,
)
from servicekit.rpc_status import UpstreamError
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
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import Running, add_track, refused, user


async def test_send_message_answers_what_get_message_reads(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    sent = await client.call(ada, "SendMessage", room_id=room.id, text="hello")
    got = await client.get_message(ada, sent.message)
    assert sent.message == got
    assert (got.seq, got.rev, sent.position.rev, got.text) == (1, 3, 3, "hello")
    assert got.type == MessageType.MESSAGE_TYPE_TEXT
    assert got.author_id == await client.db.user_id(ada)
    assert sent.position.epoch == (await client.get_room(ada, room.id)).position.epoch
    assert not sent.deduplicated


async def test_send_message_keeps_text_in_nfc(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    decomposed = "Cafe\u0301 — Zoe\u0308"
    sent = await client.send_message(ada, room.id, decomposed)
    assert sent.text == unicodedata.normalize("NFC", decomposed) != decomposed
    # The limit counts characters after NFC: 4,000 letters of two code points each fit.
    assert len((await client.send_message(ada, room.id, "e\u0301" * 4000)).text) == 4000


async def test_send_message_with_a_track_freezes_what_is_known_of_it(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    track_id = await add_track(client.admin, "4PTG3Z6ehGkBFwjybzWkR8")
    sent = await client.send_message(ada, room.id, track_id=track_id)
    assert sent.type == MessageType.MESSAGE_TYPE_TRACK
    assert (sent.track.track_id, sent.track.provider) == (track_id, "spotify")
    assert await client.get_message(ada, sent) == sent


async def test_send_message_with_a_link_stores_its_track(client: ChatClient) -> None:
    ada, request_id = new_user(), str(uuid.uuid4())
    room = await client.create_room(ada)
    link = "https://open.spotify.com/track/5PTG3Z6ehGkBFwjybzWkR8?si=x"
    sent = await client.send_message(ada, room.id, track_url=link, request_id=request_id)
    assert sent.type == MessageType.MESSAGE_TYPE_TRACK
    assert sent.track.url == "https://open.spotify.com/track/5PTG3Z6ehGkBFwjybzWkR8"
    again = await client.call(ada, "SendMessage", room_id=room.id, track_url=link, request_id=request_id)
    assert (again.message, again.deduplicated) == (sent, True)
    by_id = await client.send_message(ada, room.id, track_id=sent.track.track_id)
    assert by_id.track == sent.track


async def test_send_message_with_a_link_to_an_album_names_the_field(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    album = "https://open.spotify.com/album/2qToAcex0ruZfbEbAy9OhW"
    with pytest.raises(UpstreamError) as raised:
        await client.send_message(ada, room.id, track_url=album)
    assert (raised.value.reason, raised.value.domain) == ("NOT_A_TRACK", "tracks.seda.fm")
    assert [violation.field for violation in raised.value.violations] == ["track_url"]


async def test_send_message_with_an_unknown_track_is_refused(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    error = await refused(
        client.send_message(ada, room.id, track_id=str(uuid.uuid4())), TrackNotFoundError, DOMAIN
    )
    assert [violation.field for violation in error.violations] == ["track_id"]


async def test_send_message_under_a_reply_is_filed_under_its_root(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    root = await client.send_message(ada, room.id, "root")
    reply = await client.send_message(ada, room.id, "reply", parent_id=root.id)
    nested = await client.send_message(ada, room.id, "nested", parent_id=reply.id)
    assert (reply.root_id, reply.reply_to_id) == (root.id, root.id)
    assert (nested.root_id, nested.reply_to_id) == (root.id, reply.id)
    assert await client.get_message(ada, nested) == nested
    got = await client.get_message(ada, root)
    assert (got.reply_count, got.last_reply_time) == (2, nested.create_time)


async def test_send_message_under_a_missing_or_deleted_parent(client: ChatClient) -> None:
    ada = new_user()
    room, other = await client.create_room(ada), await client.create_room(ada)
    root = await client.send_message(ada, room.id, "root")
    reply = await client.send_message(ada, room.id, "reply", parent_id=root.id)
    elsewhere = await client.send_message(ada, other.id, "elsewhere")
    for parent_id in (str(uuid.uuid4()), elsewhere.id):
        await refused(
            client.send_message(ada, room.id, "x", parent_id=parent_id), MessageNotFoundError, DOMAIN
        )
    await client.admin.execute(
        "UPDATE chat.messages SET deleted_at = now(), deletion_type = 'AUTHOR' WHERE id = $1", root.id
    )
    for parent_id in (root.id, reply.id):
        await refused(client.send_message(ada, room.id, "x", parent_id=parent_id), ParentDeletedError, DOMAIN)


async def test_send_message_mentions_members_only(client: ChatClient) -> None:
    ada, bob, eve = new_user(), new_user(), new_user()
    room = await client.create_room(ada)
    await client.join_room(bob, room.id)
    await client.create_room(eve)
    bob_id, eve_id = await client.db.user_id(bob), await client.db.user_id(eve)
    sent = await client.send_message(ada, room.id, "hey", mention_user_ids=[bob_id, bob_id])
    assert list(sent.mention_user_ids) == [bob_id]
    assert await client.admin.fetchval("SELECT count(*) FROM chat.mentions WHERE user_id = $1", bob_id) == 1
    mention = client.send_message(ada, room.id, "hey", mention_user_ids=[bob_id, eve_id])
    error = await refused(mention, MentionNotAMemberError, DOMAIN)
    assert error.metadata == {"user_id": eve_id}


RULES: list[tuple[str, type[ServiceError]]] = [
    ("suspended", CallerSuspendedError),
    ("banned", BannedError),
    ("non_member", NotAMemberError),
    ("muted", CallerMutedError),
    ("muted everywhere", CallerMutedError),
    ("archived", RoomArchivedError),
    ("locked", RoomLockedError),
    ("announcement", AnnouncementRoomError),
    ("no parent", MessageNotFoundError),
]


@pytest.mark.parametrize(("first", "error"), RULES)
async def test_send_message_is_refused_by_the_first_rule_it_breaks(
    client: ChatClient, first: str, error: type[ServiceError]
) -> None:
    """Breaks the named rule and all that come after it, and finds it named; and none before it."""
    bob, room_id = await _member(client)
    start = [name for name, _ in RULES].index(first)
    for name, _ in RULES[start:-1]:
        await _break(client, name, bob, room_id)
    client.chat.forget_callers()
    await refused(client.send_message(bob, room_id, "x", parent_id=str(uuid.uuid4())), error, DOMAIN)
    assert await client.db.seqs_and_revs(room_id) == [(1, 4)]


async def test_send_message_repeated_gets_its_message_whatever_happened_since(client: ChatClient) -> None:
    bob, room_id = await _member(client)
    request_id = str(uuid.uuid4())
    first = await client.send_message(bob, room_id, "once", request_id=request_id)
    for name, _ in RULES[:-1]:
        await _break(client, name, bob, room_id)
    client.chat.forget_callers()
    again = await client.call(bob, "SendMessage", room_id=room_id, text="once", request_id=request_id)
    assert again.deduplicated
    assert again.message == first
    await client.db.set_room(room_id, private=True)
    await refused(client.send_message(bob, room_id, "once", request_id=request_id), RoomNotFoundError, DOMAIN)


async def test_send_message_rules_end_with_the_database_clock(client: ChatClient) -> None:
    bob, room_id = await _member(client)
    await client.db.add_sanction(room_id, bob, "MUTE", expires="-1 second")
    await client.admin.execute(
        "UPDATE users.users SET muted_until = now() - interval '1 second',"
        " suspended_until = now() - interval '1 second' WHERE email = $1",
        bob,
    )
    client.chat.forget_callers()
    assert (await client.send_message(bob, room_id, "again")).seq == 2


async def test_send_message_to_a_hidden_room_looks_like_a_missing_one(client: ChatClient) -> None:
    ada, eve = new_user(), new_user()
    hidden = await client.create_room(ada, private=True)
    missing = str(uuid.uuid4())
    answers = [await _raw_error(client, eve, room_id) for room_id in (hidden.id, missing)]
    code, text, trailers = answers[0]
    assert (code, text) == answers[1][:2]
    assert trailers.replace(hidden.id.encode(), missing.encode()) == answers[1][2]


async def test_send_message_repeated_with_other_fields_is_refused(client: ChatClient) -> None:
    ada, request_id = new_user(), str(uuid.uuid4())
    room = await client.create_room(ada)
    parent = await client.send_message(ada, room.id, "parent")
    await client.send_message(ada, room.id, "one", request_id=request_id)
    others: tuple[dict[str, Any], ...] = (
        {"text": "two"},
        {"text": "one", "parent_id": parent.id},
        {"text": "one", "track_id": await add_track(client.admin, "0VjIjW4GlUZAMYd2vXMi3b")},
        {"text": "one", "mention_user_ids": [await client.db.user_id(ada)]},
    )
    for fields in others:
        error = await refused(
            client.send_message(ada, room.id, request_id=request_id, **fields), RequestIdReusedError, DOMAIN
        )
        assert error.metadata == {"request_id": request_id}


async def test_send_message_refused_stores_nothing_under_its_request_id(client: ChatClient) -> None:
    bob, room_id = await _member(client)
    request_id = str(uuid.uuid4())
    await client.db.set_room(room_id, announcement=True)
    await refused(
        client.send_message(bob, room_id, "x", request_id=request_id), AnnouncementRoomError, DOMAIN
    )
    await client.db.set_room(room_id, announcement=False)
    sent = await client.call(bob, "SendMessage", room_id=room_id, text="other text", request_id=request_id)
    assert (sent.deduplicated, sent.message.seq) == (False, 2)


async def test_send_message_of_an_owner_into_an_announcement_room_and_a_locked_one(
    client: ChatClient,
) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    await client.db.set_room(room.id, announcement=True)
    assert (await client.send_message(ada, room.id, "news")).seq == 1
    await client.admin.execute("UPDATE chat.rooms SET locked_at = now() WHERE id = $1", room.id)
    await refused(client.send_message(ada, room.id, "more"), RoomLockedError, DOMAIN)


async def test_send_message_in_slow_mode(client: ChatClient) -> None:
    ada, bob = new_user(), new_user()
    room = await client.create_room(ada)
    await client.join_room(bob, room.id)
    await client.db.set_room(room.id, slow_mode_seconds=600)
    both = await asyncio.gather(
        *(client.send_message(bob, room.id, f"{n}") for n in range(2)), return_exceptions=True
    )
    assert sorted(isinstance(answer, ServiceError) for answer in both) == [False, True]
    error = await refused(client.send_message(bob, room.id, "soon"), SlowModeError, DOMAIN)
    assert 590 < (error.retry_after or 0) <= 600
    # Moderators are exempt, and time heals: the row is aged, nothing sleeps.
    await asyncio.gather(*(client.send_message(ada, room.id, f"{n}") for n in range(3)))
    await client.admin.execute(
        "UPDATE chat.room_memberships SET last_message_at = now() - interval '601 s' WHERE room_id = $1",
        room.id,
    )
    assert (await client.send_message(bob, room.id, "later")).text == "later"


async def test_send_message_more_often_than_one_may(client: ChatClient, strict_chat: Running) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    strict = ChatClient(strict_chat, client.admin)
    request_id = str(uuid.uuid4())
    first = await strict.send_message(ada, room.id, "1", request_id=request_id)
    await strict.send_message(ada, room.id, "2")
    error = await refused(strict.send_message(ada, room.id, "3"), RateLimitedError, DOMAIN)
    assert 0 < (error.retry_after or 0) <= 1000
    # A repeated call is no new message, and somebody else has a bucket of their own.
    assert await strict.send_message(ada, room.id, "1", request_id=request_id) == first
    bob = new_user()
    await refused(strict.send_message(bob, room.id, "x"), NotAMemberError, DOMAIN)
    await strict.join_room(bob, room.id)
    # What another rule refused cost nothing.
    for n in range(2):
        await strict.send_message(bob, room.id, f"{n}")
    await refused(strict.send_message(bob, room.id, "3"), RateLimitedError, DOMAIN)


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"text": "x" * 4001}, "text"),
        ({"text": "a\x1b[31m"}, "text"),
        ({"text": "x", "room_id": "r"}, "room_id"),
        ({"text": "x", "track_id": "t"}, "track_id"),
        ({"track_url": "x" * 2049}, "track_url"),
        ({"text": "x", "parent_id": "p"}, "parent_id"),
        ({"text": "x", "request_id": "q"}, "request_id"),
        ({"text": "x", "mention_user_ids": ["m"]}, "mention_user_ids[0]"),
        ({"text": "x", "mention_user_ids": [str(uuid.uuid4())] * 51}, "mention_user_ids"),
        ({}, ""),
    ],
)
async def test_send_message_names_the_field_at_fault(
    client: ChatClient, fields: dict[str, object], at_fault: str
) -> None:
    request: dict[str, Any] = {"room_id": str(uuid.uuid4()), **fields}
    error = await refused(client.send_message(new_user(), **request), InvalidFieldsError, DOMAIN)
    assert [violation.field for violation in error.violations] == [at_fault]


async def _member(client: ChatClient) -> tuple[str, str]:
    ada, bob = new_user(), new_user()
    room = await client.create_room(ada)
    await client.join_room(bob, room.id)
    return bob, room.id


async def _break(client: ChatClient, rule: str, email: str, room_id: str) -> None:
    columns = {"suspended": "suspended_until", "muted everywhere": "muted_until"}
    if rule in columns:
        await client.admin.execute(
            f"UPDATE users.users SET {columns[rule]} = now() + interval '1 hour' WHERE email = $1", email
        )
    elif rule == "banned":
        await client.db.add_sanction(room_id, email, "BAN")
    elif rule == "muted":
        await client.db.add_sanction(room_id, email, "MUTE")
    elif rule == "non_member":
        await client.admin.execute(
            "UPDATE chat.room_memberships SET left_at = now() WHERE room_id = $1 AND user_id = $2",
            room_id,
            await client.db.user_id(email),
        )
    elif rule == "announcement":
        await client.db.set_room(room_id, announcement=True)
    else:
        await client.admin.execute(f"UPDATE chat.rooms SET {rule}_at = now() WHERE id = $1", room_id)


async def _raw_error(
    client: ChatClient, email: str, room_id: str
) -> tuple[grpc.StatusCode, str | None, bytes]:
    metadata = (*user(email), ("x-request-id", "same"))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await MessageServiceStub(client.chat.channel).SendMessage(
            SendMessageRequest(room_id=room_id, text="x"), metadata=metadata, timeout=20
        )
    trailers = repr(sorted(raised.value.trailing_metadata() or ())).encode()
    return raised.value.code(), raised.value.details(), trailers
