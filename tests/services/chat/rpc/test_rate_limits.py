"""What a user may do only so often is counted once for a call, however often its transaction is repeated."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from seda.chat.v1.moderation_pb2 import REPORT_STATE_ACTED
from servicekit.errors import ConflictError, RateLimitedError
from services.chat.store import invitations, membership, message_edit, reactions, reports, rooms
from tests.services.chat.acts import Acts
from tests.services.chat.moderators import Cast, Moderators
from tests.services.chat.world import DOMAIN, World, new_user
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
    world: World, strict_chat: Running, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = (await world.send(cast.owner, cast.room_id, "x")).message
    acts = Acts(World(strict_chat, world.admin))
    in_the_way(monkeypatch, reactions, "add")
    await acts.react(cast.member, message)
    in_the_way(monkeypatch, reactions, "remove")
    await acts.take_back(cast.member, message)
    await refused(acts.react(cast.member, message), RateLimitedError, DOMAIN)


async def test_edits_are_charged_once_and_those_that_change_nothing_never(
    world: World, strict_chat: Running, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = (await world.send(cast.member, cast.room_id, "x")).message
    acts = Acts(World(strict_chat, world.admin))
    in_the_way(monkeypatch, message_edit, "edit")
    for text in ("one", "two", "two"):
        await acts.edit(cast.member, message, text=text)
    await refused(acts.edit(cast.member, message, text="three"), RateLimitedError, DOMAIN)
    # They count as sends, and sends with them.
    await refused(acts.world.send(cast.member, cast.room_id, "four"), RateLimitedError, DOMAIN)


async def test_joins_are_charged_once_and_those_of_members_never(
    world: World, strict_chat: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict, ada, bob = World(strict_chat, world.admin), new_user(), new_user()
    room = await world.room(ada)
    in_the_way(monkeypatch, membership, "join")
    for _ in range(2):
        await strict.join(bob, room.id)
        await strict.join(bob, room.id)
        await strict.ask(bob, "LeaveRoom", room_id=room.id)
    for method in ("JoinRoom", "AcceptInvitation"):
        await refused(strict.ask(bob, method, room_id=room.id), RateLimitedError, DOMAIN)


async def test_rooms_are_charged_once_and_repeated_calls_never(
    world: World, strict_chat: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict, ada, request_id = World(strict_chat, world.admin), new_user(), str(uuid.uuid4())
    in_the_way(monkeypatch, rooms, "create")
    for _ in range(2):
        await strict.create_room(ada, request_id=request_id)
    await strict.create_room(ada)
    await refused(strict.create_room(ada), RateLimitedError, DOMAIN)
    assert (await strict.create_room(ada, request_id=request_id)).deduplicated


async def test_reports_are_charged_once(
    world: World, strict_chat: Running, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    moderators = Moderators(World(strict_chat, world.admin))
    in_the_way(monkeypatch, reports, "add_report")

    async def report() -> None:
        message = (await world.send(cast.owner, cast.room_id, "x")).message
        await moderators.act("ReportMessage", cast.member, cast.room_id, message_id=message.id)

    await report()
    message = (await world.send(cast.owner, cast.room_id, "x")).message
    repeatable = {"message_id": message.id, "request_id": str(uuid.uuid4())}
    made = await moderators.act("ReportMessage", cast.member, cast.room_id, **repeatable)
    await refused(report(), RateLimitedError, DOMAIN)
    await moderators.act(
        "ResolveReport", cast.owner, cast.room_id, report_id=made.report.id, state=REPORT_STATE_ACTED
    )
    again = await moderators.act("ReportMessage", cast.member, cast.room_id, **repeatable)
    assert again.deduplicated


async def test_invitations_are_charged_once(
    world: World, strict_chat: Running, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = World(strict_chat, world.admin)
    guests = [str(uuid.uuid4()) for _ in range(3)]
    in_the_way(monkeypatch, invitations, "invite")
    for guest in guests[:2]:
        await strict.ask(cast.owner, "InviteUser", room_id=cast.room_id, user_id=guest)
    await refused(
        strict.ask(cast.owner, "InviteUser", room_id=cast.room_id, user_id=guests[2]),
        RateLimitedError,
        DOMAIN,
    )
