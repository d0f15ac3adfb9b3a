"""UpdateRoom over a real channel."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from seda.chat.v1.message_pb2 import SystemEvent
from seda.chat.v1.room_pb2 import Room
from servicekit.errors import InternalError, InvalidFieldsError
from servicekit.rpc_status import UpstreamError
from services.chat.domain import errors
from services.chat.store import audit_log
from tests.services.chat.chat_client import DOMAIN, ChatClient, RoomWithMembers, new_user
from tests.services.running import refused


async def update(client: ChatClient, email: str, room: Room, *paths: str, **fields: Any) -> Room:
    """Change a room's fields; the mask names them unless `paths` does."""
    changed = Room(**{"id": room.id, **fields})
    masked = paths or tuple(each for each in fields if each != "etag")
    answer = await client.call(email, "UpdateRoom", room=changed, update_mask={"paths": masked})
    assert isinstance(answer.room, Room)
    return answer.room


async def written(client: ChatClient, room_id: str) -> tuple[Any, ...]:
    """All that a change of a room writes: the room, its numbers, its messages and its log."""
    row = await client.admin.fetchrow(
        """
        SELECT r::text, c::text,
               (SELECT array_agg(m::text) FROM chat.messages m WHERE m.room_id = r.id),
               (SELECT array_agg(l::text) FROM chat.moderation_logs l WHERE l.room_id = r.id)
          FROM chat.rooms r JOIN chat.room_counters c ON c.room_id = r.id WHERE r.id = $1
        """,
        room_id,
    )
    assert row is not None
    return tuple(row)


async def logged(client: ChatClient, room_id: str) -> list[tuple[str, str, Any, Any]]:
    """The log: action, role, before and after."""
    rows = await client.admin.fetch(
        "SELECT action, actor_role, before, after FROM chat.moderation_logs WHERE room_id = $1 ORDER BY rev",
        room_id,
    )
    return [(row[0], row[1], json.loads(row[2]), json.loads(row[3])) for row in rows]


async def test_update_room_changes_what_the_mask_names_and_nothing_else(
    client: ChatClient, room: RoomWithMembers
) -> None:
    before = (await client.get_room(room.owner, room.id)).room
    after = await update(
        client, room.moderator, before, "description", "announcement", "slow_mode_interval",
        name="Not named", description="New", announcement=True, slow_mode_interval=Duration(seconds=30),
    )  # fmt: skip
    expected = Room()
    expected.CopyFrom(before)
    expected.description, expected.announcement, expected.slow_mode_interval.seconds = "New", True, 30
    expected.rev, expected.etag = after.rev, after.etag
    expected.update_time.CopyFrom(after.update_time)
    assert after == expected == (await client.get_room(room.owner, room.id)).room
    assert after.rev > before.rev
    assert after.etag != before.etag
    assert after.update_time.ToNanoseconds() > before.update_time.ToNanoseconds()
    assert not (await update(client, room.owner, before, "slow_mode_interval")).HasField("slow_mode_interval")


async def test_update_room_tells_the_room_of_a_new_name_and_finds_it_by_it(
    client: ChatClient, room: RoomWithMembers
) -> None:
    shown = (await client.get_room(room.owner, room.id)).room
    numbers = await client.db.seqs_and_revs(shown.id)
    renamed = await update(client, room.moderator, shown, name="Café Nőr")
    found = await client.call(new_user(), "ListPublicRooms", query="cafe nor")
    assert [each.room.name for each in found.rooms] == ["Café Nőr"]
    message = (await client.list_messages(room.owner, shown.id, page_size=1)).messages[0]
    assert message.system_event == SystemEvent.SYSTEM_EVENT_RENAMED
    assert message.author_id == await client.db.user_id(room.moderator)
    assert (message.seq, message.rev) == (numbers[-1][0] + 1, renamed.rev + 1)
    # Room, message and log line: a change of three rows is three revs.
    assert (await client.get_room(room.owner, shown.id)).position.rev == renamed.rev + 2
    await update(client, room.moderator, shown, description="quiet")
    assert (await client.db.seqs_and_revs(shown.id))[-1] == (message.seq, message.rev)


async def test_update_room_is_logged_without_names(client: ChatClient, room: RoomWithMembers) -> None:
    shown = (await client.get_room(room.owner, room.id)).room
    await update(
        client, room.owner, shown, name="Secret", description="Hidden", slow_mode_interval=Duration(seconds=5)
    )
    await update(client, room.moderator, shown, announcement=True)
    assert await logged(client, shown.id) == [
        ("UPDATE_ROOM", "OWNER", {"slow_mode_interval": 0}, {"changed": ["description", "name", "slow_mode_interval"], "slow_mode_interval": 5}),
        ("UPDATE_ROOM", "MODERATOR", {"announcement": False}, {"changed": ["announcement"], "announcement": True}),
    ]  # fmt: skip


async def test_update_room_with_the_same_values_changes_nothing(
    client: ChatClient, room: RoomWithMembers
) -> None:
    shown = (await client.get_room(room.owner, room.id)).room
    first = await update(client, room.owner, shown, name="Once", description="more", announcement=True)
    before = await written(client, shown.id)
    again = await update(client, room.owner, shown, name="Once", description="more", announcement=True)
    assert again == first
    assert await written(client, shown.id) == before


async def test_update_room_with_an_old_etag_is_refused(client: ChatClient, room: RoomWithMembers) -> None:
    shown = (await client.get_room(room.owner, room.id)).room
    await update(client, room.owner, shown, etag=shown.etag, description="first")
    before = await written(client, shown.id)
    await refused(
        update(client, room.owner, shown, etag=shown.etag, description="second"),
        errors.EtagMismatchError,
        DOMAIN,
    )
    assert await written(client, shown.id) == before


async def test_update_room_without_a_mask_takes_the_fields_that_are_set(
    client: ChatClient, room: RoomWithMembers
) -> None:
    shown = (await client.get_room(room.owner, room.id)).room
    await update(client, room.owner, shown, name="Named", announcement=True)
    wanted = Room(id=room.id, description="New")
    after = (await client.call(room.owner, "UpdateRoom", room=wanted)).room
    assert (after.name, after.description, after.announcement) == ("Named", "New", True)
    wanted.name = "All"
    after = (
        await client.call(room.owner, "UpdateRoom", room=wanted, update_mask=FieldMask(paths=["*"]))
    ).room
    assert (after.name, after.description, after.announcement) == ("All", "New", False)


async def test_update_room_repeated_with_its_old_etag_succeeds_until_another_update(
    client: ChatClient, room: RoomWithMembers
) -> None:
    shown = (await client.get_room(room.owner, room.id)).room
    first = await update(client, room.owner, shown, etag=shown.etag, name="Renamed")
    assert await update(client, room.owner, shown, etag=shown.etag, name="Renamed") == first
    await update(client, room.owner, shown, name="By another")
    repeated = update(client, room.owner, shown, etag=shown.etag, name="Renamed")
    await refused(repeated, errors.EtagMismatchError, DOMAIN)


async def test_update_room_by_two_at_once_with_one_etag_changes_it_once(
    client: ChatClient, room: RoomWithMembers
) -> None:
    shown = (await client.get_room(room.owner, room.id)).room
    outcomes = await asyncio.gather(
        *(update(client, room.owner, shown, etag=shown.etag, name=f"Name {n}") for n in range(8)),
        return_exceptions=True,
    )
    won = [each for each in outcomes if isinstance(each, Room)]
    assert len(won) == 1
    lost = [each for each in outcomes if isinstance(each, UpstreamError)]
    assert {each.reason for each in lost} == {errors.EtagMismatchError.reason}
    assert (await client.get_room(room.owner, shown.id)).room == won[0]


@pytest.mark.parametrize(
    ("fields", "paths", "fault"),
    [
        ({"name": "x"}, ["names"], "update_mask"),
        ({"name": "x"}, ["name", "private"], "update_mask"),
        ({"name": "x"}, ["name", "member_count"], "update_mask"),
        ({}, ["name"], "room.name"),
        ({"id": ""}, ["description"], "room.id"),
        ({"name": "x" * 81}, ["name"], "room.name"),
        (
            {"slow_mode_interval": Duration(seconds=1, nanos=5)},
            ["slow_mode_interval"],
            "room.slow_mode_interval",
        ),
        ({"slow_mode_interval": Duration(seconds=21_601)}, ["slow_mode_interval"], "room.slow_mode_interval"),
        ({"slow_mode_interval": Duration(seconds=-1)}, ["slow_mode_interval"], "room.slow_mode_interval"),
    ],
)
async def test_update_room_names_the_field_at_fault(
    client: ChatClient, fields: dict[str, Any], paths: list[str], fault: str
) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    error = await refused(update(client, ada, room, *paths, **fields), InvalidFieldsError, DOMAIN)
    assert [each.field for each in error.violations] == [fault]
    # A value that is not asked for is not looked at.
    if fault == "room.name" and not fields:
        await update(client, ada, room, "description")


async def test_update_room_takes_slow_mode_to_its_limit(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    assert (
        await update(client, ada, room, slow_mode_interval=Duration(seconds=21_600))
    ).slow_mode_interval.seconds == 21_600


async def test_update_room_is_for_moderators_whom_no_mute_stops(
    client: ChatClient, room: RoomWithMembers
) -> None:
    shown = (await client.get_room(room.owner, room.id)).room
    error = await refused(update(client, room.member, shown, name="x"), errors.RoleRequiredError, DOMAIN)
    assert error.metadata == {"role": "MODERATOR"}
    await refused(update(client, new_user(), shown, name="x"), errors.NotAMemberError, DOMAIN)
    # A mute is told before a role that is missing.
    for muted in (room.moderator, room.member):
        await client.db.add_sanction(shown.id, muted, "MUTE")
        error = await refused(update(client, muted, shown, name="x"), errors.CallerMutedError, DOMAIN)
        assert error.metadata == {"scope": "room"}
    await client.db.add_sanction(shown.id, room.other, "BAN")
    await refused(update(client, room.other, shown, name="x"), errors.BannedError, DOMAIN)
    await client.admin.execute("UPDATE chat.rooms SET archived_at = now() WHERE id = $1", shown.id)
    await refused(update(client, room.owner, shown, name="x"), errors.RoomArchivedError, DOMAIN)


async def test_update_room_hides_a_private_room(client: ChatClient) -> None:
    room = await client.create_room(new_user(), private=True)
    await refused(update(client, new_user(), room, name="x"), errors.RoomNotFoundError, DOMAIN)


async def test_update_room_and_its_log_line_are_one(
    client: ChatClient, room: RoomWithMembers, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = (await client.get_room(room.owner, room.id)).room
    before = await written(client, shown.id)

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the log is full")

    monkeypatch.setattr(audit_log, "insert", fail)
    error = await refused(update(client, room.owner, shown, name="Lost"), InternalError, DOMAIN)
    assert "full" not in error.message
    assert await written(client, shown.id) == before
