"""A track of a public room is listed after the commit; no send waits for that, and private rooms list nothing."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from typing import Any

import pytest

from seda.chat.v1.room_pb2 import Room
from services.chat.workers.track_lister import TrackLister
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.running import Running, add_track

_numbers = itertools.count(1)


def _lister(chat: Running) -> TrackLister:
    (found,) = [each for each in chat.process.app.workers if isinstance(each, TrackLister)]
    return found


async def _until_sent(chat: Running) -> None:
    async with asyncio.timeout(10):
        while _lister(chat)._queued:
            # Polled: the queue has no event for its end.
            await asyncio.sleep(0.005)


async def _new_track(client: ChatClient) -> str:
    return await add_track(client.admin, f"listed{next(_numbers):016}")


async def _is_listed(client: ChatClient, track_id: str) -> bool:
    query = "SELECT listed_at IS NOT NULL FROM tracks.track_refs WHERE id::text = $1"
    found: bool = await client.admin.fetchval(query, track_id)
    return found


async def _post(client: ChatClient, email: str, room: Room, way: str) -> str:
    """Post a new track in one of the ways there are; gives its id."""
    track_id = await _new_track(client)
    if way == "by id":
        await client.send_message(email, room.id, track_id=track_id)
    elif way == "by link":
        link: Any = await client.admin.fetchval(
            "SELECT url FROM tracks.track_refs WHERE id::text = $1", track_id
        )
        await client.send_message(email, room.id, track_url=link)
    else:
        message = await client.send_message(email, room.id, "words")
        await client.update_message(email, message, track_id=track_id)
    return track_id


@pytest.mark.parametrize("way", ["by id", "by link", "by an edit"])
async def test_a_track_is_listed_once_it_is_posted_in_a_public_room(client: ChatClient, way: str) -> None:
    ada = new_user()
    public = await client.create_room(ada)
    private = await client.create_room(ada, private=True)
    hidden, shown = await _post(client, ada, private, way), await _post(client, ada, public, way)
    await _until_sent(client.chat)
    assert [await _is_listed(client, each) for each in (hidden, shown)] == [False, True]


async def test_a_refused_message_lists_no_track(client: ChatClient) -> None:
    room, bob = await client.create_room(new_user()), new_user()
    track_id = await _new_track(client)
    with pytest.raises(Exception, match="not a member"):
        await client.send_message(bob, room.id, track_id=track_id)
    assert not _lister(client.chat)._queued
    assert not await _is_listed(client, track_id)


async def test_a_repeated_send_lists_what_a_process_forgot_that_died(
    client: ChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    given = {"track_id": await _new_track(client), "request_id": str(uuid.uuid4())}
    with monkeypatch.context() as dying:
        dying.setattr(TrackLister, "add", lambda *_: None)
        await client.send_message(ada, room.id, **given)
    assert not await _is_listed(client, given["track_id"])
    await client.send_message(ada, room.id, **given)
    await _until_sent(client.chat)
    assert await _is_listed(client, given["track_id"])


async def test_a_send_does_not_wait_for_the_listing(
    client: ChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = asyncio.Event()
    real = TrackLister._send

    async def hang(lister: TrackLister) -> None:
        await go.wait()
        await real(lister)

    monkeypatch.setattr(TrackLister, "_send", hang)
    ada = new_user()
    room = await client.create_room(ada)
    track_id = await _new_track(client)
    sent = await client.send_message(ada, room.id, track_id=track_id)
    assert sent.track.track_id == track_id
    assert not await _is_listed(client, track_id)
    go.set()
    await _until_sent(client.chat)
    assert await _is_listed(client, track_id)
