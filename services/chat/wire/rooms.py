"""Converters of RoomService."""

from __future__ import annotations

from seda.chat.v1 import position_pb2, room_pb2, room_service_pb2
from servicekit.errors import FieldViolation, InvalidFieldsError
from servicekit.field_mask import masked_fields
from servicekit.ids import parse_id, parse_optional_id
from servicekit.timestamps import seconds_to_proto, to_proto
from services.chat.actions.pins import Pinned
from services.chat.actions.rooms import RoomDraft, RoomView
from services.chat.domain.model import Member, Pin, Position, Room
from services.chat.domain.room_update import UPDATABLE_FIELDS, RoomChange
from services.chat.store.room_listing import MyRoomRow, PublicRow
from services.chat.wire.message import fill_message


def room_draft(request: room_service_pb2.CreateRoomRequest) -> RoomDraft:
    """Convert a CreateRoom request."""
    room = request.room
    return RoomDraft(
        name=_not_empty("name", room.name),
        description=room.description,
        private=room.private,
        announcement=room.announcement,
        slow_mode_seconds=_slow_mode_seconds(room),
        request_id=parse_optional_id(request.request_id),
    )


def room_change(request: room_service_pb2.UpdateRoomRequest) -> RoomChange:
    """Convert an UpdateRoom request; raises InvalidFieldsError for an invalid mask or value."""
    room = request.room
    fields = masked_fields(room, request.update_mask, UPDATABLE_FIELDS)
    return RoomChange(
        room_id=parse_id(_not_empty("id", room.id)),
        etag=room.etag,
        fields=fields,
        name=_not_empty("name", room.name) if "name" in fields else "",
        description=room.description,
        announcement=room.announcement,
        slow_mode_seconds=_slow_mode_seconds(room),
    )


def _not_empty(field: str, value: str) -> str:
    """Return the value of a field that Room leaves optional; CreateRoom and UpdateRoom each need another one."""
    if not value:
        raise InvalidFieldsError(FieldViolation(f"room.{field}", "must not be empty"))
    return value


def _slow_mode_seconds(room: room_pb2.Room) -> int:
    if room.slow_mode_interval.nanos:
        raise InvalidFieldsError(FieldViolation("room.slow_mode_interval", "must be whole seconds"))
    return room.slow_mode_interval.seconds


def fill_room(into: room_pb2.Room, room: Room) -> None:
    """Write a room."""
    into.id = str(room.id)
    into.name = room.name
    into.description = room.description
    into.private = room.private
    if room.created_by is not None:
        into.creator_id = str(room.created_by)
    into.rev = room.rev
    into.etag = room.etag
    into.member_count = room.member_count
    into.announcement = room.announcement
    to_proto(into.create_time, room.created_at)
    to_proto(into.update_time, room.updated_at)
    if room.locked_at is not None:
        to_proto(into.lock_time, room.locked_at)
    if room.archived_at is not None:
        to_proto(into.archive_time, room.archived_at)
    if room.slow_mode_seconds:
        seconds_to_proto(into.slow_mode_interval, room.slow_mode_seconds)


def fill_position(into: position_pb2.Position, position: Position) -> None:
    """Write a position."""
    into.room_id = str(position.room_id)
    into.epoch = position.epoch
    into.rev = position.rev


def fill_member(into: room_pb2.Member, member: Member) -> None:
    """Write a membership."""
    into.room_id = str(member.room_id)
    into.user_id = str(member.user_id)
    into.role = room_pb2.MemberRole.Value(f"MEMBER_ROLE_{member.role}")
    into.rev = member.rev
    to_proto(into.join_time, member.joined_at)


def fill_pin(into: room_pb2.Pin, pin: Pin) -> None:
    """Write a pin."""
    into.message_id = str(pin.message_id)
    if pin.pinned_by is not None:
        into.pinner_id = str(pin.pinned_by)
    to_proto(into.pin_time, pin.pinned_at)
    into.rev = pin.rev


def list_pins_response(pinned: list[Pinned], next_page_token: str) -> room_service_pb2.ListPinsResponse:
    """Convert a page of a room's pins."""
    response = room_service_pb2.ListPinsResponse(next_page_token=next_page_token)
    for each in pinned:
        into = response.pins.add()
        fill_pin(into.pin, each.pin)
        # Pins show the message without its thread.
        fill_message(into.message, each.message._replace(reply_count=0), each.tallies)
    return response


def get_room_response(view: RoomView) -> room_service_pb2.GetRoomResponse:
    """Convert a room as its caller sees it."""
    response = room_service_pb2.GetRoomResponse()
    fill_room(response.room, view.room)
    fill_position(response.position, view.position)
    if view.member is not None:
        fill_member(response.membership, view.member)
    response.last_read_seq = view.last_read_seq
    if view.muted_until is not None:
        to_proto(response.mute_expire_time, view.muted_until)
    return response


def list_public_rooms_response(
    page: list[PublicRow], next_page_token: str
) -> room_service_pb2.ListPublicRoomsResponse:
    """Convert a page of public rooms."""
    response = room_service_pb2.ListPublicRoomsResponse(next_page_token=next_page_token)
    for row in page:
        fill_room(response.rooms.add(member=row.member).room, row.room)
    return response


def list_my_rooms_response(
    page: list[MyRoomRow], next_page_token: str, epoch: str
) -> room_service_pb2.ListMyRoomsResponse:
    """Convert a page of the caller's rooms."""
    response = room_service_pb2.ListMyRoomsResponse(next_page_token=next_page_token, epoch=epoch)
    for my in page:
        into = response.rooms.add(
            unread_count=my.unread,
            unread_capped=my.unread_capped,
            unread_mention_count=my.mentions,
            unread_mentions_capped=my.mentions_capped,
            last_read_seq=my.last_read_seq,
        )
        fill_position(into.position, Position(my.room.id, epoch, my.last_rev))
        fill_room(into.room, my.room)
        fill_member(into.membership, my.member.member())
        if my.muted_until is not None:
            to_proto(into.mute_expire_time, my.muted_until)
        if my.last_message is not None:
            fill_message(into.last_message, my.last_message, ())
    return response
