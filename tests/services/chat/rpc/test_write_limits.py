"""Every method that writes is charged to a rate limit of its caller, and so are searches for rooms."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from servicekit.errors import RateLimitedError
from servicekit.methods import Access
from services.chat.app import build
from services.chat.config import Settings
from tests.contract.proto_comments import documented_reasons
from tests.contract.responses import details, reason_of
from tests.postgres import Database
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.chat.test_round_trips import CALLERS, PREPARATIONS
from tests.services.chat.visibility.fixtures import VisibilityFixtures
from tests.services.chat.visibility.table import OK
from tests.services.chat.visibility.test_visibility import METHODS
from tests.services.running import UNLIMITED, Running, refused, running

_WRITING = [
    name for name, method in METHODS.items() if not method.read_only and method.access is not Access.SERVICE
]


@pytest.fixture(scope="module")
async def once_chat(database: Database, neighbours: dict[str, str]) -> AsyncIterator[Running]:
    """A process of chat whose rate limits allow one call of each kind."""
    limits = {key: 0.001 if key.endswith("_rate_per_second") else 1 for key in UNLIMITED}
    async with running(Settings, build, database, **neighbours, **limits) as service:
        yield service


@pytest.fixture
async def users(chat: Running, admin: asyncpg.Connection) -> VisibilityFixtures:
    """New users of all roles."""
    made = VisibilityFixtures(chat, admin)
    await made.create_users()
    return made


async def _outcomes(name: str, at: Running, users: VisibilityFixtures) -> tuple[str, str, dict[str, object]]:
    """The reasons of two calls of a method that both succeed where nothing limits them, and the second's details."""
    method, room = METHODS[name], await users.room("public")
    role = CALLERS.get(method.name, "owner")
    if preparation := PREPARATIONS.get(method.name):
        assert reason_of(await users.ask(METHODS[preparation], role, room)) == OK
    caller = VisibilityFixtures(at, users.admin, users.emails, users.people)
    first, second = [await caller.ask(method, role, room) for _ in range(2)]
    return reason_of(first), reason_of(second), details(second) if second.reply is None else {}


@pytest.mark.parametrize("name", _WRITING)
async def test_every_writing_method_is_charged(
    name: str, once_chat: Running, users: VisibilityFixtures
) -> None:
    first, second, found = await _outcomes(name, once_chat, users)
    assert (first, second) == (OK, "RATE_LIMITED")
    assert "RetryInfo" in found


@pytest.mark.parametrize("name", _WRITING)
def test_every_writing_method_documents_its_limit(name: str) -> None:
    assert "RATE_LIMITED" in documented_reasons(METHODS[name].full_name)


@pytest.mark.parametrize("name", _WRITING)
async def test_without_a_limit_the_second_call_succeeds(
    name: str, chat: Running, users: VisibilityFixtures
) -> None:
    """The control."""
    assert (await _outcomes(name, chat, users))[:2] == (OK, OK)


def test_the_methods_are_found() -> None:
    assert {"RoomService.UpdateRoom", "ModerationService.LockRoom", "MembershipService.MarkRead"} < set(
        _WRITING
    )
    assert {"MessageService.SendMessage", "ModerationService.InspectReports"} < set(_WRITING)
    assert "MessageService.ListMessages" not in _WRITING


async def test_a_refused_write_is_charged_too(once_chat: Running, client: ChatClient) -> None:
    """Each takes a connection and the room lock, whatever its outcome."""
    ada = new_user()
    room = await client.create_room(new_user())
    once = ChatClient(once_chat, client.admin)
    for expected in ("NOT_A_MEMBER", "RATE_LIMITED"):
        with pytest.raises(Exception, match=r"\w") as raised:
            await once.call(ada, "LockRoom", room_id=room.id)
        assert getattr(raised.value, "reason", "") == expected


async def test_list_public_rooms_is_charged_for_a_query(once_chat: Running, client: ChatClient) -> None:
    ada, once = new_user(), ChatClient(once_chat, client.admin)
    for _ in range(3):
        await once.call(ada, "ListPublicRooms")
    await once.call(ada, "ListPublicRooms", query="late")
    await refused(once.call(ada, "ListPublicRooms", query="late"), RateLimitedError, DOMAIN)
    await once.call(ada, "ListPublicRooms")
