"""The client sends through a crash of chat: no send fails, none is lost, none is there twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import pytest

from seda.chat.v1.message_service_pb2 import SendMessageRequest
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest
from sedaclient import AsyncSeda, StaticToken
from tests.postgres import Database, administrator
from tests.services.running import user
from tests.system.support.processes import RealProcess, real_suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
SENDS, _AT_ONCE, _SECONDS = 1_000, 32, 30.0
_METADATA = user("author@example.org")


async def send_all(send: Callable[[str], Awaitable[object]], *victims: RealProcess) -> Counter[str]:
    """Send every text; kill a replica with a third of them sent, and start it again. Returns how the sends ended.

    A second victim is killed with two thirds of them sent.
    """
    texts = iter(range(SENDS))
    ends: Counter[str] = Counter()

    async def work() -> None:
        for number in texts:
            try:
                await send(str(number))
                ends["OK"] += 1
            except grpc.RpcError as error:
                ends[str(getattr(error, "code", str)())] += 1
            part, rest = divmod(ends.total(), SENDS // 3)
            if rest == 0 and 1 <= part <= len(victims):
                victims[part - 1].kill()
                victims[part - 1].launch()

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return ends


async def stored(database: Database) -> Counter[str]:
    async with administrator(database.server, database.name) as connection:
        return Counter(row["text"] for row in await connection.fetch("SELECT text FROM chat.messages"))


@pytest.mark.parametrize("by_client", [True, False], ids=["client", "control"])
async def test_no_send_of_the_client_is_lost_or_doubled(
    tmp_path: Path, fresh_database: Database, *, by_client: bool
) -> None:
    with real_suite(tmp_path, fresh_database.environ) as suite:
        chats = await suite.add_chat()
        target = ",".join(each.address for each in chats)
        token = StaticToken(_METADATA[0][1].removeprefix("Bearer "))
        async with (
            AsyncSeda(target, auth=token) as seda,
            grpc.aio.insecure_channel(
                f"ipv4:{target}",
                options=(("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),),
            ) as channel,
        ):
            room = (await seda.rooms.CreateRoom(CreateRoomRequest(room=Room(name="A room")))).room
            stub = MessageServiceStub(channel)

            async def send(text: str) -> None:
                request = SendMessageRequest(room_id=room.id, text=text)
                if by_client:
                    await seda.messages.SendMessage(request, timeout=_SECONDS)
                else:
                    await stub.SendMessage(request, timeout=_SECONDS, metadata=_METADATA)

            # A channel that has not reached one of them yet loses nothing with it, but has the other.
            ends = await send_all(send, *(chats[1:2] if by_client else chats[::-1]))
    found = await stored(fresh_database)
    if by_client:
        assert ends == {"OK": SENDS}
        assert found == Counter(map(str, range(SENDS)))
    else:
        # The same crash fails calls that nobody repeats.
        assert ends["OK"] < SENDS, ends
