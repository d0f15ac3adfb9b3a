"""The position in the responses of writes."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import MethodOptions

from gateway.rpc.service_descriptors import services_of
from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.moderation_pb2 import REPORT_STATE_ACTED
from seda.chat.v1.room_pb2 import MEMBER_ROLE_MODERATOR, Room
from tests.services.chat.chat_client import ChatClient, RoomWithMembers, new_user


async def test_create_room_returns_the_position(client: ChatClient) -> None:
    ada = new_user()
    fields = {"room": {"name": "One"}, "request_id": str(uuid.uuid4())}
    created = await client.call(ada, "CreateRoom", **fields)
    assert created.position == (await client.get_room(ada, created.room.id)).position
    await client.join_room(new_user(), created.room.id)
    again = await client.call(ada, "CreateRoom", **fields)
    assert again.position == (await client.get_room(ada, created.room.id)).position
    assert again.position.rev > created.position.rev


@pytest.mark.parametrize(
    ("method", "caller", "fields"),
    [
        ("UpdateRoom", "owner", {"name": "Renamed"}),
        ("JoinRoom", "guest", {}),
        ("AcceptInvitation", "guest", {}),
        ("DeclineInvitation", "guest", {}),
        ("LeaveRoom", "member", {}),
        ("InviteUser", "moderator", {"user_id": "stranger"}),
        ("RevokeInvitation", "moderator", {"user_id": "guest"}),
        ("SetMemberRole", "owner", {"user_id": "member", "role": MEMBER_ROLE_MODERATOR}),
        ("AddReaction", "member", {"emoji": "🎵"}),
        ("RemoveReaction", "other", {"emoji": "🔥"}),
        ("UpdateMessage", "owner", {"text": "other"}),
        ("DeleteMessage", "owner", {}),
        ("RestoreMessage", "moderator", {}),
    ],
)
async def test_writes_return_the_position_also_when_repeated(
    client: ChatClient, room: RoomWithMembers, method: str, caller: str, fields: dict[str, Any]
) -> None:
    guest, stranger = new_user(), new_user()
    for email in (guest, stranger):
        await client.create_room(email)
    await client.call(room.owner, "InviteUser", room_id=room.id, user_id=await client.db.user_id(guest))
    message = await client.send_message(room.owner, room.id, "listen")
    await client.add_reaction(room.other, message, "🔥")
    emails = {each: getattr(room, each) for each in ("owner", "moderator", "member", "other")}
    emails |= {"guest": guest, "stranger": stranger}
    request = dict(fields) | {"room_id": room.id}
    if "user_id" in fields:
        request["user_id"] = await client.db.user_id(emails[fields["user_id"]])
    if "emoji" in fields or method in {"DeleteMessage", "RestoreMessage"}:
        request["message_id"] = message.id
    if method == "RestoreMessage":
        await client.delete_message(room.owner, message)
    if method == "UpdateMessage":
        request = {"message": Message(room_id=room.id, id=message.id, **fields)}
    if method == "UpdateRoom":
        request = {"room": Room(id=room.id, **fields), "update_mask": {"paths": list(fields)}}
    before = (await client.get_room(room.owner, room.id)).position
    position = (await client.call(emails[caller], method, **request)).position
    assert position == (await client.get_room(room.owner, room.id)).position
    assert (position.room_id, position.epoch) == (room.id, before.epoch)
    assert position.rev > before.rev
    # A repeat changes nothing and returns the present position.
    assert (await client.call(emails[caller], method, **request)).position == position
    sent = await client.call(room.owner, "SendMessage", room_id=room.id, text="more")
    again = (await client.call(emails[caller], method, **request)).position
    assert again == sent.position


# Each method with its fields, and the method that must come first.
_MODERATION: dict[str, tuple[tuple[str, ...], str]] = {
    "PinMessage": (("message_id",), ""),
    "UnpinMessage": (("message_id",), "PinMessage"),
    "MuteMember": (("user_id",), ""),
    "UnmuteMember": (("user_id",), "MuteMember"),
    "KickMember": (("user_id",), ""),
    "BanMember": (("user_id",), ""),
    "UnbanMember": (("user_id",), "BanMember"),
    "LockRoom": ((), ""),
    "UnlockRoom": ((), "LockRoom"),
    "ArchiveRoom": ((), ""),
    "UnarchiveRoom": ((), "ArchiveRoom"),
    "DeleteMessagesByAuthor": (("author_id", "request_id"), ""),
    "ReportMessage": (("message_id",), ""),
    "ResolveReport": (("report_id", "state"), "ReportMessage"),
}


@pytest.mark.parametrize("method", _MODERATION)
async def test_moderation_returns_the_position_also_when_repeated(
    client: ChatClient, room: RoomWithMembers, method: str
) -> None:
    message = await client.send_message(room.member, room.id, "listen")
    member = await client.db.user_id(room.member)
    values: dict[str, Any] = {"message_id": message.id, "user_id": member, "author_id": member}
    values |= {"request_id": str(uuid.uuid4()), "state": REPORT_STATE_ACTED}

    async def call(name: str) -> Any:
        fields = {field: values[field] for field in _MODERATION[name][0]}
        return await client.call(room.owner, name, room_id=room.id, **fields)

    if earlier := _MODERATION[method][1]:
        response = await call(earlier)
        if earlier == "ReportMessage":
            values["report_id"] = response.report.id
    before = (await client.get_room(room.owner, room.id)).position
    position = (await call(method)).position
    assert position == (await client.get_room(room.owner, room.id)).position
    assert position.rev > before.rev
    if method not in {"MuteMember", "BanMember"}:
        # A repeat changes nothing and returns the present position.
        assert (await call(method)).position == position


@pytest.mark.parametrize(
    ("method", "named"),
    [
        ("GetRoom", ["room_id"]),
        ("ListMessages", ["room_id"]),
        ("ListReplies", ["room_id", "root_id"]),
        ("ListMyRooms", []),
        ("GetMyRoomsRev", []),
        ("SendMessage", ["room_id", "text"]),
        ("PinMessage", ["room_id", "message_id"]),
        ("AddReaction", ["room_id", "message_id", "emoji"]),
        ("RemoveReaction", ["room_id", "message_id", "emoji"]),
    ],
)
async def test_calls_return_the_epoch_of_before_them(
    client: ChatClient, room: RoomWithMembers, monkeypatch: pytest.MonkeyPatch, method: str, named: list[str]
) -> None:
    root = await client.send_message(room.owner, room.id, "listen")
    former = (await client.get_room(room.owner, room.id)).position.epoch
    database = client.chat.process.context.database
    epoch = getattr(database.on_connect, "__self__", None)

    def move(_: str, __: float) -> None:
        # As when another call meanwhile has opened a connection that leads to another copy of the database.
        monkeypatch.setattr(epoch, "value", "another copy")

    values = {"room_id": room.id, "root_id": root.id, "message_id": root.id, "text": "hello", "emoji": "🔥"}
    database.observers.append(move)
    try:
        response = await client.call(room.owner, method, **{name: values[name] for name in named})
    finally:
        database.observers.remove(move)
    # Its rows may be of the former copy: a client that went on from there in the other one would miss changes.
    found = response.position.epoch if hasattr(response, "position") else response.epoch
    assert found == former


def test_every_write_returns_a_position() -> None:
    missing = {
        method.name
        for service in services_of("chat")
        if ".internal." not in service.full_name
        for method in service.methods
        if method.GetOptions().idempotency_level != MethodOptions.NO_SIDE_EFFECTS
        and "position" not in method.output_type.fields_by_name
    }
    # Read markers are the caller's own, and an audited read is a read.
    missing -= {"MarkRead", "MarkUnread"}
    # Typing is not stored.
    missing -= {"SendTyping"}
    missing -= {"InspectMessage", "InspectSanctions", "InspectReports", "InspectModerationLogs"}
    assert missing == set()


async def test_leaving_a_hidden_room_returns_no_position(client: ChatClient, room: RoomWithMembers) -> None:
    await client.db.set_room(room.id, private=True)
    left = await client.call(room.member, "LeaveRoom", room_id=room.id)
    assert left.position == (await client.get_room(room.owner, room.id)).position
    for method in ("LeaveRoom", "DeclineInvitation"):
        for room_id in (room.id, str(uuid.uuid4())):
            hidden = await client.call(room.member, method, room_id=room_id)
            assert not hidden.HasField("position")
