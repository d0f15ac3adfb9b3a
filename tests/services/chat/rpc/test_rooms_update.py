"""UpdateRoom over a real channel."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from seda.chat.v1.message_pb2 import SystemEvent
from seda.chat.v1.room_pb2 import Room
from servicekit.errors import InternalError, InvalidFieldsError
from servicekit.rpc_status import UpstreamError
from services.chat.domain import errors
from services.chat.store import audit_log
from tests.services.chat.moderators import Cast
from tests.services.chat.world import DOMAIN, World, new_user
from tests.services.running import refused


async def update(world: World, email: str, room: Room, *paths: str, **fields: Any) -> Room:
    """Change a room's fields; the mask names them unless `paths` does."""
    changed = Room(id=room.id, **fields)
    masked = paths or tuple(each for each in fields if each != "etag")
    answer = await world.ask(email, "UpdateRoom", room=changed, update_mask={"paths": masked})
    assert isinstance(answer.room, Room)
    return answer.room


async def written(world: World, room_id: str) -> tuple[Any, ...]:
    """All that a change of a room writes: the room, its numbers, its messages and its log."""
    row = await world.admin.fetchrow(
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


async def logged(world: World, room_id: str) -> list[tuple[str, str, Any, Any]]:
    """The log: action, role, before and after."""
    rows = await world.admin.fetch(
        "SELECT action, actor_role, before, after FROM chat.moderation_logs WHERE room_id = $1 ORDER BY rev",
        room_id,
    )
    return [(row[0], row[1], json.loads(row[2]), json.loads(row[3])) for row in rows]


async def test_update_room_changes_what_the_mask_names_and_nothing_else(world: World, cast: Cast) -> None:
    before = (await world.get_room(cast.owner, cast.room_id)).room
    after = await update(
        world, cast.moderator, before, "description", "announcement", "slow_mode",
        name="Not named", description="New", announcement=True, slow_mode=Duration(seconds=30),
    )  # fmt: skip
    expected = Room()
    expected.CopyFrom(before)
    expected.description, expected.announcement, expected.slow_mode.seconds = "New", True, 30
    expected.rev, expected.etag = after.rev, after.etag
    expected.update_time.CopyFrom(after.update_time)
    assert after == expected == (await world.get_room(cast.owner, cast.room_id)).room
    assert after.rev > before.rev
    assert after.etag != before.etag
    assert after.update_time.ToNanoseconds() > before.update_time.ToNanoseconds()
    assert not (await update(world, cast.owner, before, "slow_mode")).HasField("slow_mode")


async def test_update_room_tells_the_room_of_a_new_name_and_finds_it_by_it(world: World, cast: Cast) -> None:
    room = (await world.get_room(cast.owner, cast.room_id)).room
    numbers = await world.numbers(room.id)
    renamed = await update(world, cast.moderator, room, name="Café Nőr")
    found = await world.ask(new_user(), "ListPublicRooms", query="cafe nor")
    assert [each.room.name for each in found.rooms] == ["Café Nőr"]
    message = (await world.page(cast.owner, room.id, page_size=1)).messages[0]
    assert message.system_event == SystemEvent.SYSTEM_EVENT_RENAMED
    assert message.user_id == await cast.id_of(cast.moderator)
    assert (message.seq, message.rev) == (numbers[-1][0] + 1, renamed.rev + 1)
    # Room, message and log line: a change of three rows is three revs.
    assert (await world.get_room(cast.owner, room.id)).rev == renamed.rev + 2
    await update(world, cast.moderator, room, description="quiet")
    assert (await world.numbers(room.id))[-1] == (message.seq, message.rev)


async def test_update_room_is_logged_without_names(world: World, cast: Cast) -> None:
    room = (await world.get_room(cast.owner, cast.room_id)).room
    await update(world, cast.owner, room, name="Secret", description="Hidden", slow_mode=Duration(seconds=5))
    await update(world, cast.moderator, room, announcement=True)
    assert await logged(world, room.id) == [
        ("UPDATE_ROOM", "OWNER", {"slow_mode": 0}, {"changed": ["description", "name", "slow_mode"], "slow_mode": 5}),
        ("UPDATE_ROOM", "MODERATOR", {"announcement": False}, {"changed": ["announcement"], "announcement": True}),
    ]  # fmt: skip


async def test_update_room_with_the_same_values_changes_nothing(world: World, cast: Cast) -> None:
    room = (await world.get_room(cast.owner, cast.room_id)).room
    first = await update(world, cast.owner, room, name="Once", description="more", announcement=True)
    before = await written(world, room.id)
    again = await update(world, cast.owner, room, name="Once", description="more", announcement=True)
    assert again == first
    assert await written(world, room.id) == before


async def test_update_room_with_an_old_etag_is_refused(world: World, cast: Cast) -> None:
    room = (await world.get_room(cast.owner, cast.room_id)).room
    await update(world, cast.owner, room, etag=room.etag, description="first")
    before = await written(world, room.id)
    await refused(
        update(world, cast.owner, room, etag=room.etag, description="second"),
        errors.EtagMismatchError,
        DOMAIN,
    )
    # Even when it wants what is there.
    await refused(
        update(world, cast.owner, room, etag=room.etag, description="first"), errors.EtagMismatchError, DOMAIN
    )
    assert await written(world, room.id) == before


async def test_update_room_by_two_at_once_with_one_etag_changes_it_once(world: World, cast: Cast) -> None:
    room = (await world.get_room(cast.owner, cast.room_id)).room
    outcomes = await asyncio.gather(
        *(update(world, cast.owner, room, etag=room.etag, name=f"Name {n}") for n in range(8)),
        return_exceptions=True,
    )
    won = [each for each in outcomes if isinstance(each, Room)]
    assert len(won) == 1
    lost = [each for each in outcomes if isinstance(each, UpstreamError)]
    assert {each.reason for each in lost} == {errors.EtagMismatchError.reason}
    assert (await world.get_room(cast.owner, room.id)).room == won[0]


@pytest.mark.parametrize(
    ("fields", "paths", "fault"),
    [
        ({"name": "x"}, ["names"], "update_mask"),
        ({"name": "x"}, ["name", "private"], "update_mask"),
        ({"name": "x"}, ["name", "member_count"], "update_mask"),
        ({}, ["name"], "room.name"),
        ({"name": "x" * 81}, ["name"], "room.name"),
        ({"slow_mode": Duration(seconds=1, nanos=5)}, ["slow_mode"], "room.slow_mode"),
        ({"slow_mode": Duration(seconds=21_601)}, ["slow_mode"], "room.slow_mode"),
        ({"slow_mode": Duration(seconds=-1)}, ["slow_mode"], "room.slow_mode"),
    ],
)
async def test_update_room_names_the_field_at_fault(
    world: World, fields: dict[str, Any], paths: list[str], fault: str
) -> None:
    ada = new_user()
    room = await world.room(ada)
    error = await refused(update(world, ada, room, *paths, **fields), InvalidFieldsError, DOMAIN)
    assert [each.field for each in error.violations] == [fault]
    # A value that is not asked for is not looked at.
    if fault == "room.name" and not fields:
        await update(world, ada, room, "description")


async def test_update_room_takes_slow_mode_to_its_limit(world: World) -> None:
    ada = new_user()
    room = await world.room(ada)
    assert (await update(world, ada, room, slow_mode=Duration(seconds=21_600))).slow_mode.seconds == 21_600


async def test_update_room_is_for_moderators_whom_no_mute_stops(world: World, cast: Cast) -> None:
    room = (await world.get_room(cast.owner, cast.room_id)).room
    error = await refused(update(world, cast.member, room, name="x"), errors.RoleRequiredError, DOMAIN)
    assert error.metadata == {"role": "MODERATOR"}
    await refused(update(world, new_user(), room, name="x"), errors.NotAMemberError, DOMAIN)
    # A mute is told before a role that is missing.
    for muted in (cast.moderator, cast.member):
        await world.sanction(room.id, muted, "MUTE")
        error = await refused(update(world, muted, room, name="x"), errors.CallerMutedError, DOMAIN)
        assert error.metadata == {"scope": "room"}
    await world.sanction(room.id, cast.other, "BAN")
    await refused(update(world, cast.other, room, name="x"), errors.BannedError, DOMAIN)
    await world.admin.execute("UPDATE chat.rooms SET archived_at = now() WHERE id = $1", room.id)
    await refused(update(world, cast.owner, room, name="x"), errors.RoomArchivedError, DOMAIN)


async def test_update_room_hides_a_private_room(world: World) -> None:
    room = await world.room(new_user(), private=True)
    await refused(update(world, new_user(), room, name="x"), errors.RoomNotFoundError, DOMAIN)


async def test_update_room_and_its_log_line_are_one(
    world: World, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = (await world.get_room(cast.owner, cast.room_id)).room
    before = await written(world, room.id)

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the log is full")

    monkeypatch.setattr(audit_log, "insert", fail)
    error = await refused(update(world, cast.owner, room, name="Lost"), InternalError, DOMAIN)
    assert "full" not in error.message
    assert await written(world, room.id) == before


async def test_update_room_runs_a_fixed_number_of_statements(world: World, cast: Cast) -> None:
    room = (await world.get_room(cast.owner, cast.room_id)).room
    with world.chat.counting() as statements:
        await update(world, cast.owner, room, name="Counted", description="too")
    assert statements == [
        *(
            "BEGIN",
            "chat.lock_visible_room",
            "chat.room",
            "chat.update_room",
            "chat.insert_system_message",
            "chat.insert_audit_log",
        ),
        *("chat.set_room_counters", "COMMIT"),
    ]
    with world.chat.counting() as statements:
        await update(world, cast.owner, room, name="Counted")
    assert statements == ["BEGIN", "chat.lock_visible_room", "chat.room", "COMMIT"]
