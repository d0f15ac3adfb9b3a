"""A service that posts for its users and follows a room: python recommender.py TARGET USER_ID ROOM_ID.

It signs with SEDA_SERVICE_SECRET, and the processes of Seda name it in SEDA_DELEGATES.
"""

import asyncio
import sys

from seda.chat.v1.message_service_pb2 import SendMessageRequest
from seda.chat.v1.room_service_pb2 import ListMyRoomsRequest
from sedaclient import AsyncSeda, ResourceExhausted, ServiceToken, paginate


async def main(target: str, user_id: str, room_id: str) -> None:
    async with AsyncSeda(target, auth=ServiceToken.from_env("recommender")) as seda:
        me = seda.acting_for(user_id)
        async for room in paginate(me.rooms.ListMyRooms, ListMyRoomsRequest(), items="rooms"):
            print("room", room.room.name)
        async with me.watch([room_id]) as live:
            changes = aiter(live)
            await anext(changes)
            try:
                sent = await me.messages.SendMessage(
                    SendMessageRequest(room_id=room_id, text="New mix is up")
                )
            except ResourceExhausted as error:
                print("later", error.reason, error.retry_after, error.request_id)
                return
            async for change in changes:
                print("change", change)
                if live.positions.revs[room_id] >= sent.message.rev:
                    break
    print("sent", sent.message.text)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
