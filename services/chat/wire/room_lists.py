"""Lists of rooms."""

from __future__ import annotations

from seda.chat.v1 import room_service_pb2
from services.chat.domain.model import MyRoom, Room
from services.chat.wire.message import fill_written
from services.chat.wire.rooms import fill_member, fill_room


def public_rooms(
    page: list[tuple[Room, bool]], next_page_token: str
) -> room_service_pb2.ListPublicRoomsResponse:
    """A page of public rooms."""
    response = room_service_pb2.ListPublicRoomsResponse(next_page_token=next_page_token)
    for room, member in page:
        fill_room(response.rooms.add(member=member).room, room)
    return response


def my_rooms(page: list[MyRoom], next_page_token: str, epoch: str) -> room_service_pb2.ListMyRoomsResponse:
    """A page of somebody's rooms."""
    response = room_service_pb2.ListMyRoomsResponse(next_page_token=next_page_token, epoch=epoch)
    for my in page:
        into = response.rooms.add(
            unread_count=my.unread.count,
            unread_capped=my.unread.capped,
            unread_mention_count=my.mentions.count,
            unread_mentions_capped=my.mentions.capped,
            last_read_seq=my.last_read_seq,
            rev=my.rev,
        )
        fill_room(into.room, my.room)
        fill_member(into.membership, my.member)
        if my.last_message is not None:
            fill_written(into.last_message, my.last_message)
    return response
