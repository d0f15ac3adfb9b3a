"""A user's e-mail address is returned to themselves and to administrators, in a User, and is in no log line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from seda.users.v1.erasure_service_pb2 import EraseUserRequest
from seda.users.v1.user_pb2 import User
from servicekit.caller import Role
from servicekit.methods import Access
from tests.contract.auth_headers import EMAILS, service_header, user_header
from tests.contract.requests import Descriptor, Requests
from tests.contract.responses import REQUEST_ID
from tests.contract.running_suite import SuiteFixture
from tests.contract.suite import Outcome, Target, send
from tests.effort import tries
from tests.postgres import Database, administrator
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.running import Running, add_user

_TRIES = tries(6, 30)
_AT_ONCE = 8
_SELF = "self"


@dataclass(frozen=True)
class Canary:
    """A user whose address must not be found, and the ids by which requests reach what is theirs."""

    id: str
    email: str
    ids: dict[str, Sequence[str]]


@pytest.fixture(scope="module")
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to the suite's database."""
    async with administrator(database.server, database.name) as connection:
        yield connection


async def populate(suite_fixture: SuiteFixture, database: Database, admin: asyncpg.Connection) -> Canary:
    """Add a user with a room, members, messages, reactions, a pin and an invitation, and moderators' actions on them."""
    chat = suite_fixture.suite.processes["chat"]
    client = ChatClient(Running(chat.process, chat.channel, database), admin)
    email = f"canary.{new_user()}"
    # Nobody calls as these: what is done to them has no effect on other calls.
    others = [await add_user(admin, new_user()) for _ in range(2)]
    user_id = await add_user(admin, email, display_name="A canary", muted_until=None)
    room = await client.create_room(email)
    for address in EMAILS.values():
        await client.join_room(address, room.id)
    messages = [await client.send_message(email, room.id, f"message {number}") for number in range(3)]
    reply = await client.send_message(
        EMAILS[Role.USER], room.id, "reply", parent_id=messages[0].id, mention_user_ids=[user_id]
    )
    await client.update_message(email, messages[1], text="edited")
    await client.add_reaction(email, reply)
    await client.pin_message(email, messages[0])
    await admin.execute(
        "INSERT INTO users.admin_actions (id, actor_kind, actor_id, action, target_id, before, after, reason, request_id)"
        " VALUES (gen_random_uuid(), 'USER', $1, 'MUTE_USER', $1, '{}', '{}', 'Spam', 'a-call')",
        user_id,
    )
    fields = {
        "message_id Message.id parent_id": [each.id for each in (*messages, reply)],
        "room_id Room.id": [room.id],
        "user_id user_ids mention_user_ids User.id actor_id target_id": [user_id],
        "author_id target_user_id": [user_id, *others],
    }
    ids: dict[str, Sequence[str]] = {name: each for names, each in fields.items() for name in names.split()}
    ids |= {"EraseUserRequest.user_id": others, "EraseAuthorRequest.user_id": others}
    subject = await admin.fetchval("SELECT supabase_id FROM users.users WHERE id::text = $1", user_id)
    ids |= {"email": [email], "subject": [subject], "emoji": ["🎵"], "etag": [""]}
    return Canary(user_id, email, ids)


async def owned(admin: asyncpg.Connection, canary: Canary) -> dict[str, Sequence[str]]:
    """The ids of what the user has made in the users service."""
    profiles = await admin.fetch(
        "SELECT id::text FROM users.artist_profiles WHERE user_id::text = $1", canary.id
    )
    claims = await admin.fetch(
        "SELECT id::text FROM users.verification_requests WHERE user_id::text = $1", canary.id
    )
    found = {
        "artist_profile_id": [each["id"] for each in profiles],
        "verification_id": [each["id"] for each in claims],
    }
    return {name: each for name, each in found.items() if each}


def shows_users(descriptor: Descriptor, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a response has a User, in which the address is meant to be."""
    if descriptor.full_name == User.DESCRIPTOR.full_name:
        return True
    inner = [each.message_type for each in descriptor.fields if each.message_type is not None]
    seen |= {descriptor.full_name}
    return any(shows_users(each, seen) for each in inner if each.full_name not in seen)


def headers(target: Target, canary: Canary) -> dict[str, str]:
    """Whoever may call the method, by name."""
    if target.method.access is Access.SERVICE:
        return {"service": service_header(min(target.method.callers), target.service_name)}
    return {
        _SELF: user_header(canary.email),
        **{str(role): user_header(email) for role, email in EMAILS.items()},
    }


def may_show(target: Target, caller: str) -> bool:
    """Whether the specification lets a response of the method have the address."""
    if caller == "service":
        return target.service_name == "users"
    return caller in {_SELF, str(Role.ADMIN)} and shows_users(target.method.response_type.DESCRIPTOR)


def texts(outcome: Outcome) -> bytes:
    """Everything that a caller gets."""
    trailers = (
        part if isinstance(part, bytes) else part.encode() for pair in outcome.trailers for part in pair
    )
    return b"\n".join((outcome.reply or b"", outcome.message.encode(), *trailers)).lower()


def lists(target: Target) -> bool:
    """Whether the method lists pages."""
    return "next_page_token" in target.method.response_type.DESCRIPTOR.fields_by_name


def made(requests: Requests, target: Target) -> bytes:
    """A valid request. Nobody erases themselves: the test goes on with them."""
    request: Any = requests.valid(target.method.request_type.DESCRIPTOR)
    if isinstance(request, EraseUserRequest):
        request.user_id = request.user_id or requests.known("EraseUserRequest.user_id")
    data: bytes = request.SerializeToString()
    return data


async def outcomes(target: Target, header: str, requests: Sequence[bytes]) -> list[Outcome]:
    gate = asyncio.Semaphore(_AT_ONCE)
    metadata = (("x-request-id", REQUEST_ID), ("authorization", header))

    async def one(data: bytes) -> Outcome:
        async with gate:
            return await send(target.at.channel, target.method, data, metadata)

    return list(await asyncio.gather(*map(one, requests)))


async def where_shown(
    suite_fixture: SuiteFixture, canary: Canary, ids: Mapping[str, Sequence[str]], callers: set[str]
) -> set[tuple[str, str]]:
    """The methods and callers of all responses that have the address; raises AssertionError if one must not."""
    requests, canary_bytes = Requests(7, ids), canary.email.encode()
    shown: set[tuple[str, str]] = set()
    for target in suite_fixture.selected:
        for caller, header in headers(target, canary).items():
            if target.at.name == "probe" or caller not in callers:
                continue
            # The empty request lists everything.
            sent = [made(requests, target) for _ in range(_TRIES)]
            for outcome in await outcomes(target, header, [b"", *sent] if lists(target) else sent):
                if canary_bytes in texts(outcome):
                    assert may_show(target, caller), f"{target} to {caller}: {texts(outcome)!r}"
                    assert outcome.reply, f"the error of {target} has the address"
                    shown.add((target.method.name, caller))
    return shown


@pytest.mark.timeout(300)
async def test_an_address_is_shown_to_its_user_and_to_administrators_alone(
    suite_fixture: SuiteFixture,
    database: Database,
    admin: asyncpg.Connection,
    capfd: pytest.CaptureFixture[str],
) -> None:
    canary = await populate(suite_fixture, database, admin)
    shown = await where_shown(suite_fixture, canary, canary.ids, {_SELF})
    # What they have made meanwhile is found by the others.
    ids = canary.ids | await owned(admin, canary)
    shown |= await where_shown(suite_fixture, canary, ids, {*map(str, Role), "service"})
    logged = "".join(capfd.readouterr())
    # The control: where it is meant to be, it is found.
    assert shown >= {
        ("GetUser", _SELF),
        ("UpdateUser", _SELF),
        *((name, str(Role.ADMIN)) for name in ("GetUser", "FindUser", "ListUsers", "SetRole", "UnmuteUser")),
    }
    assert logged.count("FindUser") >= _TRIES
    assert canary.id in logged
    assert canary.email not in logged.lower()
