"""GetThread: a page of a thread with its root."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from seda.chat.v1.message_service_pb2 import ListRepliesRequest, ListRepliesResponse
from seda.chat.v1.position_pb2 import Position
from seda.gateway.v1 import gateway_service_pb2 as pb
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from tests.gateway.composed_reads import ROOM, ROOT, messages
from tests.gateway.fake_data import failing, know_everybody, mark, present, summary, track, user
from tests.gateway.gateway_fixture import AS_USER, REPLIES, SECONDS, GatewayFixture, details


async def get(gateway: GatewayFixture, **fields: Any) -> pb.GetThreadResponse:
    """Call GetThread as the user."""
    request = pb.GetThreadRequest(room_id=ROOM, root_id=ROOT, **fields)
    return await GatewayServiceStub(gateway.channel).GetThread(request, metadata=AS_USER, timeout=SECONDS)


async def test_get_thread_joins_root_and_replies_with_their_people(gateway: GatewayFixture) -> None:
    know_everybody(gateway)
    root, *replies = messages(3)
    position = Position(room_id=ROOM, epoch="e1", rev=7)
    listed = ListRepliesResponse(
        root=root, messages=replies, next_page_token="next", found_oldest=True, position=position
    )
    gateway.chat.respond(REPLIES, listed)
    authors = [user(each) for each in (1, 2, 3, 1_001, 1_002, 1_003)]
    assert await get(gateway) == pb.GetThreadResponse(
        root=root,
        replies=replies,
        next_page_token="next",
        found_oldest=True,
        position=position,
        authors=map(summary, authors),
        artists=[mark(user(each)) for each in (1, 3, 1_001, 1_003)],
        tracks=[present(track(each)) for each in (1, 2, 3)],
    )


@pytest.mark.parametrize("position", ["before_seq", "after_seq"])
async def test_get_thread_requests_the_page(gateway: GatewayFixture, position: str) -> None:
    gateway.chat.respond(REPLIES, ListRepliesResponse())
    wanted: dict[str, Any] = {"page_size": 7, "page_token": "there", position: 9}
    await get(gateway, **wanted)
    asked = ListRepliesRequest.FromString((await gateway.chat.received(REPLIES)).data)
    assert asked == ListRepliesRequest(room_id=ROOM, root_id=ROOT, **wanted)


async def test_get_thread_forwards_an_error_of_chat(gateway: GatewayFixture) -> None:
    gateway.chat.handlers[REPLIES] = failing(grpc.StatusCode.NOT_FOUND, "MESSAGE_NOT_FOUND")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await get(gateway)
    assert details(raised.value)["ErrorInfo"].reason == "MESSAGE_NOT_FOUND"
