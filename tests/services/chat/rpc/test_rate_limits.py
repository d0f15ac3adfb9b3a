"""What a user may do only so often is counted once for a call, however often its transaction is repeated."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from seda.chat.v1.moderation_pb2 import REPORT_STATE_ACTED
from servicekit.errors import ConflictError, RateLimitedError
from services.chat.store import invitations, membership, message_edit, reactions, reports, rooms
from tests.services.chat.chat_client import DOMAIN, ChatClient, RoomWithMembers, new_user
from tests.services.running import Running, refused


def in_the_way(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> None:
    """Let another transaction be in the way of the next two that call a function."""
    real: Callable[..., Awaitable[Any]] = getattr(module, name)
    faults = [ConflictError(), ConflictError()]

    async def statement(*args: Any, **options: Any) -> Any:
        if faults:
            raise faults.pop()
        return await real(*args, **options)

    monkeypatch.setattr(module, name, statement)


async def test_reactions_are_charged_once(
    client: ChatClient, strict_chat: Running, room: RoomWithMembers, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await client.send_message(room.owner, room.id, "x")
    strict = ChatClient(strict_chat, client.admin)
    in_the_way(monkeypatch, reactions, "add")
    await strict.add_reaction(room.member, message)
    in_the_way(monkeypatch, reactions, "remove")
    await strict.remove_reaction(room.member, message)
    await refused(strict.add_reaction(room.member, message), RateLimitedError, DOMAIN)


async def test_edits_are_charged_once_and_those_that_change_nothing_never(
    client: ChatClient, strict_chat: Running, room: RoomWithMembers, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await client.send_message(room.member, room.id, "x")
    strict = ChatClient(strict_chat, client.admin)
    in_the_way(monkeypatch, message_edit, "edit")
    for text in ("one", "two", "two"):
        await strict.update_message(room.member, message, text=text)
    await refused(strict.update_message(room.member, message, text="three"), RateLimitedError, DOMAIN)
    # They count as sends, and sends with them.
    await refused(strict.send_message(room.member, room.id, "four"), RateLimitedError, DOMAIN)


async def test_messages_with_tracks_are_charged_once(
    client: ChatClient, strict_chat: Running, room: RoomWithMembers
) -> None:
    strict = ChatClient(strict_chat, client.admin)
    link = "https://youtu.be/4eUqsUZBlu"
    for last in "AB":
        await strict.send_message(room.member, room.id, track_url=link + last)
    await refused(strict.send_message(room.member, room.id, track_url=link + "C"), RateLimitedError, DOMAIN)


async def test_joins_are_charged_once_and_those_of_members_never(
    client: ChatClient, strict_chat: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict, ada, bob = ChatClient(strict_chat, client.admin), new_user(), new_user()
    room = await client.create_room(ada)
    in_the_way(monkeypatch, membership, "join")
    for _ in range(2):
        await strict.join_room(bob, room.id)
        await strict.join_room(bob, room.id)
        await strict.call(bob, "LeaveRoom", room_id=room.id)
    for method in ("JoinRoom", "AcceptInvitation"):
        await refused(strict.call(bob, method, room_id=room.id), RateLimitedError, DOMAIN)


async def test_rooms_are_charged_once_and_repeated_calls_never(
    client: ChatClient, strict_chat: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict, ada, request_id = ChatClient(strict_chat, client.admin), new_user(), str(uuid.uuid4())
    in_the_way(monkeypatch, rooms, "create")
    for _ in range(2):
        await strict.create_room(ada, request_id=request_id)
    await strict.create_room(ada)
    await refused(strict.create_room(ada), RateLimitedError, DOMAIN)
    assert (
        await strict.call(ada, "CreateRoom", room={"name": "Late night records"}, request_id=request_id)
    ).deduplicated


async def test_reports_are_charged_once(
    client: ChatClient, strict_chat: Running, room: RoomWithMembers, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = ChatClient(strict_chat, client.admin)
    in_the_way(monkeypatch, reports, "add_report")

    async def report() -> None:
        message = await client.send_message(room.owner, room.id, "x")
        await strict.call(room.member, "ReportMessage", room_id=room.id, message_id=message.id)

    await report()
    message = await client.send_message(room.owner, room.id, "x")
    repeatable = {"message_id": message.id, "request_id": str(uuid.uuid4())}
    made = await strict.call(room.member, "ReportMessage", room_id=room.id, **repeatable)
    await refused(report(), RateLimitedError, DOMAIN)
    await strict.call(
        room.owner, "ResolveReport", room_id=room.id, report_id=made.report.id, state=REPORT_STATE_ACTED
    )
    again = await strict.call(room.member, "ReportMessage", room_id=room.id, **repeatable)
    assert again.deduplicated


async def test_invitations_are_charged_once(
    client: ChatClient, strict_chat: Running, room: RoomWithMembers, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = ChatClient(strict_chat, client.admin)
    guests = [str(uuid.uuid4()) for _ in range(3)]
    in_the_way(monkeypatch, invitations, "invite")
    for guest in guests[:2]:
        await strict.call(room.owner, "InviteUser", room_id=room.id, user_id=guest)
    await refused(
        strict.call(room.owner, "InviteUser", room_id=room.id, user_id=guests[2]),
        RateLimitedError,
        DOMAIN,
    )
