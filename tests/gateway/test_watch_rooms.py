"""WatchRooms: each response brings what its frames name, once, and no service that is away delays a frame for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable

import grpc
import pytest
from structlog.testing import capture_logs

from gateway.actions.live_parts import AWAY_SECONDS
from gateway.actions.watch_rooms import OWED_SECONDS, WAIT_SECONDS
from seda.chat.v1 import live_service_pb2 as chat_pb
from seda.chat.v1.message_pb2 import Message
from seda.gateway.v1 import gateway_service_pb2 as pb
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from tests.gateway.fake_data import (
    as_posted,
    forever,
    is_artist,
    know_everybody,
    mark,
    present,
    snapshot,
    summary,
    track,
    user,
)
from tests.gateway.fake_server import Context
from tests.gateway.gateway_fixture import (
    AS_USER,
    LOOKUP_ARTISTS,
    LOOKUP_TRACKS,
    LOOKUP_USERS,
    GatewayFixture,
    details,
)

WATCH = "/seda.chat.v1.LiveService/Watch"
ROOM = "0190a5c0-0000-7000-8000-0000000000aa"


def posted(
    rev: int, author: int, *, mentioned: Iterable[int] = (), posts: int | None = None
) -> chat_pb.Frame:
    """A change: a message of an author, with mentions and a track."""
    message = Message(id=user(rev), room_id=ROOM, rev=rev, author_id=user(author))
    message.mention_user_ids.extend(map(user, mentioned))
    if posts is not None:
        message.track.CopyFrom(snapshot(posts))
    change = chat_pb.Change(room_id=ROOM, rev=rev, message=chat_pb.MessageChange(message=message))
    return chat_pb.Frame(change=change)


class Script:
    """What the fake chat streams: whatever is put in. It ends with None."""

    def __init__(self, gateway: GatewayFixture) -> None:
        self._frames: list[asyncio.Queue[list[chat_pb.Frame] | None]] = []
        self.requests: list[chat_pb.WatchRequest] = []

        async def watch(data: bytes, _context: Context) -> AsyncIterator[bytes]:
            frames: asyncio.Queue[list[chat_pb.Frame] | None] = asyncio.Queue()
            self._frames.append(frames)
            self.requests.append(chat_pb.WatchRequest.FromString(data))
            yield chat_pb.WatchResponse(frames=[chat_pb.Frame(hello=chat_pb.Hello())]).SerializeToString()
            while (next_frames := await frames.get()) is not None:
                yield chat_pb.WatchResponse(frames=next_frames).SerializeToString()

        gateway.chat.handlers[WATCH] = watch

    def send(self, *frames: chat_pb.Frame) -> None:
        """Send one response to all streams."""
        for stream in self._frames:
            stream.put_nowait(list(frames))

    def end(self) -> None:
        """End all streams."""
        for stream in self._frames:
            stream.put_nowait(None)


async def opened(gateway: GatewayFixture) -> AsyncIterator[pb.WatchRoomsResponse]:
    """The responses of a new stream, after Hello."""
    request = pb.WatchRoomsRequest(all_my_rooms=True, include_typing=True, epoch="an epoch")
    responses = aiter(GatewayServiceStub(gateway.channel).WatchRooms(request, metadata=AS_USER))
    hello = await anext(responses)
    assert hello.frames[0].HasField("hello")
    return responses


async def within(seconds: float, responses: AsyncIterator[pb.WatchRoomsResponse]) -> pb.WatchRoomsResponse:
    """The next response, which comes within a time."""
    async with asyncio.timeout(seconds):
        return await anext(responses)


async def test_each_part_comes_once_with_the_frame_that_first_names_it(gateway: GatewayFixture) -> None:
    know_everybody(gateway)
    script = Script(gateway)
    responses = await opened(gateway)
    (request,) = script.requests
    assert request == chat_pb.WatchRequest(all_my_rooms=True, include_typing=True, epoch="an epoch")
    first = [posted(1, 1, mentioned=[2], posts=1), posted(2, 1, posts=1)]
    script.send(*first)
    told = await anext(responses)
    assert list(told.frames) == first
    assert list(told.authors) == [summary(user(1)), summary(user(2))]
    assert list(told.artists) == [mark(each) for each in (user(1), user(2)) if is_artist(each)]
    assert list(told.tracks) == [present(track(1))]
    assert list(told.unreachable) == []
    typing = chat_pb.Frame(typing=chat_pb.Typing(room_id=ROOM, user_id=user(3)))
    script.send(posted(3, 2, mentioned=[1]), typing)
    told = await anext(responses)
    assert list(told.authors) == [summary(user(3))]
    assert list(told.tracks) == []
    script.end()
    with pytest.raises(StopAsyncIteration):
        await anext(responses)


async def test_the_end_of_a_deadline_is_logged_as_that(gateway: GatewayFixture) -> None:
    Script(gateway)
    with capture_logs() as logs:
        responses = GatewayServiceStub(gateway.channel).WatchRooms(
            pb.WatchRoomsRequest(all_my_rooms=True), metadata=AS_USER, timeout=0.5
        )
        with pytest.raises(grpc.aio.AioRpcError, match="DEADLINE_EXCEEDED"):
            async for _ in responses:
                pass
        async with asyncio.timeout(5):
            while not (ended := [each for each in logs if each.get("method", "").endswith(".WatchRooms")]):
                # Nothing tells the client that its stream has ended at the server, too.
                await asyncio.sleep(0.01)
    assert [each["code"] for each in ended] == ["DEADLINE_EXCEEDED"]
    assert not [each for each in logs if each["event"] == "main_service_failed"]


async def test_streams_of_one_change_share_the_lookups(gateway: GatewayFixture) -> None:
    know_everybody(gateway)
    script = Script(gateway)
    streams = [await opened(gateway) for _ in range(5)]
    script.send(posted(1, 1, posts=1), posted(2, 2))
    for stream in streams:
        assert [each.id for each in (await anext(stream)).authors] == [user(1), user(2)]
    assert gateway.users.paths().count(LOOKUP_USERS) == 1
    assert gateway.users.paths().count(LOOKUP_ARTISTS) == 1
    assert gateway.tracks.paths().count(LOOKUP_TRACKS) == 1


@pytest.mark.parametrize("away", ["users", "tracks"])
async def test_service_that_hangs_delays_no_frame_and_its_parts_follow(
    gateway: GatewayFixture, away: str
) -> None:
    know_everybody(gateway)
    script = Script(gateway)
    paths = {"users": LOOKUP_USERS, "tracks": LOOKUP_TRACKS}
    server = getattr(gateway, away)
    healthy = server.handlers[paths[away]]
    server.handlers[paths[away]] = forever
    responses = await opened(gateway)
    # Five times the half second: the machine may be busy.
    for rev in range(1, 6):
        began = time.monotonic()
        script.send(posted(rev, rev, posts=rev))
        told = await within(5 * WAIT_SECONDS, responses)
        assert [frame.change.rev for frame in told.frames] == [rev]
        assert list(told.unreachable) == [away]
        if away == "users":
            assert not told.authors[0].display_name
            assert told.tracks[0] == present(track(rev))
        else:
            assert told.authors[0] == summary(user(rev))
            assert told.tracks[0] == as_posted(rev)
        # Only what comes before the time-out of the first lookup waits for it.
        assert rev < 5 or time.monotonic() - began < WAIT_SECONDS
    server.handlers[paths[away]] = healthy
    found: list[str] = []
    while len(found) < 5:
        told = await within(5 * (AWAY_SECONDS + OWED_SECONDS), responses)
        assert list(told.frames) == []
        found += [each.id for each in (told.authors if away == "users" else told.tracks)]
    assert sorted(found) == sorted((user if away == "users" else track)(rev) for rev in range(1, 6))


async def test_stream_without_chat_says_that_chat_is_away(gateway: GatewayFixture) -> None:
    await gateway.chat.stop()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await opened(gateway)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    assert details(refused.value)["ErrorInfo"].metadata["service"] == "chat"


async def test_streams_end_with_closing_when_the_gateway_shuts_down(gateway: GatewayFixture) -> None:
    Script(gateway)
    responses = await opened(gateway)
    stopping = asyncio.create_task(gateway.process.stop(grace=10))
    told = [each async for each in responses]
    await stopping
    assert told[-1].frames[0].closing.reason == chat_pb.CLOSING_REASON_SHUTDOWN
