"""Two replicas of chat behind one client: one after the other is told to leave, and nobody notices."""

from __future__ import annotations

from pathlib import Path

import pytest

from seda.chat.v1 import message_service_pb2, room_service_pb2
from servicekit.channels import open_channel
from servicekit.methods import methods_of
from tests.postgres import Database
from tests.system.support.load import Load, Readers
from tests.system.support.processes import real_suite

pytestmark = pytest.mark.timeout(200)
_CALM = 100
_SERVICES = [
    message_service_pb2.DESCRIPTOR.services_by_name["MessageService"],
    room_service_pb2.DESCRIPTOR.services_by_name["RoomService"],
]


async def test_rolling_restarts_lose_no_call(tmp_path: Path, fresh_database: Database) -> None:
    """Reads are repeated by the channel alone, sends with a request id by their caller; neither ever fails."""
    methods = [method for service in _SERVICES for method in methods_of(service)]
    with real_suite(tmp_path, fresh_database.environ) as suite:
        chats = await suite.add_chat(SEDA_DRAIN_SECONDS="1")
        async with open_channel(",".join(each.address for each in chats), methods) as channel:
            load = Load(channel, rooms=4, authors=4, rate=150.0)
            async with load, Readers(channel, load.room_ids) as readers:
                for leaving in chats:
                    await load.acknowledged(_CALM, leaving.terminate)
                    assert await leaving.ended() == 0
                    leaving.launch()
                    # The client finds it again only after its back-off: the other one has to stay until then.
                    await leaving.serving()
                    await leaving.logged("MessageService.SendMessage")
        assert not readers.failures
        assert readers.calls > _CALM
        # With the drain wait not even those fail that are never repeated.
        assert not load.ledger.failures
