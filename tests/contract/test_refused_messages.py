"""A refused message stores nothing: for every reason that SendMessage documents, also composed by the gateway."""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest

from seda.chat.v1.message_service_pb2 import SendMessageRequest
from seda.gateway.v1.gateway_service_pb2 import PostMessageRequest
from servicekit.errors import RateLimitedError
from servicekit.rate_limit import RateLimiter
from services.chat.config import Settings
from tests.contract.proto_comments import documented_reasons
from tests.contract.responses import reason_of
from tests.contract.scenarios.context import ScenarioContext
from tests.contract.stored_rows import changed, digests
from tests.contract.suite import running
from tests.postgres import Database, administrator
from tests.services.chat.chat_client import new_user
from tests.services.running import add_user

_SEND = "seda.chat.v1.MessageService.SendMessage"
_POST = "seda.gateway.v1.GatewayService.PostMessage"
# Fields of PostMessage; a request with others is only sent.
_POSTED = {"room_id", "text", "track_url", "request_id"}
_EXTRA = {"INVALID_FIELDS"}
Refusal: TypeAlias = Callable[[ScenarioContext], Awaitable[tuple[str, dict[str, Any]]]]
"""Prepares a refusal: gives the caller, and the fields of the message beside the link."""


@pytest.fixture(scope="module")
async def context(database: Database) -> AsyncIterator[ScenarioContext]:
    async with running(database) as suite, administrator(database.server, database.name) as admin:
        yield ScenarioContext(suite, database, admin)


def new_link() -> str:
    """A link to a track that nobody has posted."""
    chosen = random.Random(uuid.uuid4().int)
    return "https://open.spotify.com/track/" + "".join(chosen.choices(string.ascii_letters, k=22))


async def _new_room(context: ScenarioContext, **fields: Any) -> tuple[str, str]:
    """A room, and a member who may write there."""
    room = await context.client.create_room(new_user(), **fields)
    return room.id, await context.client.join_as(room.id)


async def _hidden_room(context: ScenarioContext) -> tuple[str, dict[str, Any]]:
    room = await context.client.create_room(new_user(), private=True)
    return await _known(context), {"room_id": room.id}


async def _known(context: ScenarioContext) -> str:
    """A user who has called before."""
    email = new_user()
    await add_user(context.admin, email)
    return email


async def _of_a_member(context: ScenarioContext, **fields: Any) -> tuple[str, dict[str, Any]]:
    room_id, member = await _new_room(context)
    return member, {"room_id": room_id, **fields}


async def _request_id_reused(context: ScenarioContext) -> tuple[str, dict[str, Any]]:
    room_id, member = await _new_room(context)
    request_id = str(uuid.uuid4())
    # Without a track, which chat would mark listed while the test looks at the tables.
    await context.client.send_message(member, room_id, "first", request_id=request_id)
    return member, {"room_id": room_id, "request_id": request_id}


async def _suspended(context: ScenarioContext) -> tuple[str, dict[str, Any]]:
    room_id, _ = await _new_room(context)
    email = new_user()
    await add_user(context.admin, email, suspended_until=datetime(2100, 1, 1, tzinfo=UTC))
    await context.admin.execute(
        "INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, rev)"
        " SELECT $1, id, 'MEMBER', now(), 1 FROM users.users WHERE email = $2",
        uuid.UUID(room_id),
        email,
    )
    return email, {"room_id": room_id}


def _sanctioned(kind: str) -> Refusal:
    async def prepare(context: ScenarioContext) -> tuple[str, dict[str, Any]]:
        room_id, member = await _new_room(context)
        await context.client.db.add_sanction(room_id, member, kind)
        return member, {"room_id": room_id}

    return prepare


def _in_room(column: str, value: str) -> Refusal:
    async def prepare(context: ScenarioContext) -> tuple[str, dict[str, Any]]:
        room_id, member = await _new_room(context)
        await context.admin.execute(
            f"UPDATE chat.rooms SET {column} = {value} WHERE id = $1", uuid.UUID(room_id)
        )
        return member, {"room_id": room_id}

    return prepare


async def _not_a_member(context: ScenarioContext) -> tuple[str, dict[str, Any]]:
    room = await context.client.create_room(new_user())
    return await _known(context), {"room_id": room.id}


async def _deleted_parent(context: ScenarioContext) -> tuple[str, dict[str, Any]]:
    room_id, member = await _new_room(context)
    message = await context.client.send_message(member, room_id, "a root")
    await context.client.delete_message(member, message)
    return member, {"room_id": room_id, "parent_id": message.id}


async def _slow_mode(context: ScenarioContext) -> tuple[str, dict[str, Any]]:
    member, fields = await _in_room("slow_mode_seconds", "3600")(context)
    await context.client.send_message(member, fields["room_id"], "the first")
    return member, fields


def _link(url: str) -> Refusal:
    return lambda context: _of_a_member(context, track_url=url)


REFUSALS: dict[str, Refusal] = {
    "INVALID_FIELDS": lambda context: _of_a_member(context, text="\0"),
    "ROOM_NOT_FOUND": _hidden_room,
    "REQUEST_ID_REUSED": _request_id_reused,
    "CALLER_SUSPENDED": _suspended,
    "BANNED": _sanctioned("BAN"),
    "NOT_A_MEMBER": _not_a_member,
    "CALLER_MUTED": _sanctioned("MUTE"),
    "ANNOUNCEMENT_ROOM": _in_room("announcement", "true"),
    "ROOM_LOCKED": _in_room("locked_at", "now()"),
    "ROOM_ARCHIVED": _in_room("archived_at", "now()"),
    "MESSAGE_NOT_FOUND": lambda context: _of_a_member(context, parent_id=str(uuid.uuid4())),
    "PARENT_DELETED": _deleted_parent,
    "SLOW_MODE": _slow_mode,
    "RATE_LIMITED": _of_a_member,
    "TRACK_NOT_FOUND": lambda context: _of_a_member(context, track_id=str(uuid.uuid4())),
    "MENTION_NOT_A_MEMBER": lambda context: _of_a_member(context, mention_user_ids=[str(uuid.uuid4())]),
    "INVALID_URL": _link("no link at all"),
    "UNSUPPORTED_PROVIDER": _link("https://example.org/music/1"),
    "UNSUPPORTED_RESOURCE": _link("https://open.spotify.com/user/ada"),
    "PRIVATE_LINK": _link("https://soundcloud.com/forss/flickermood/s-AbCdE"),
    "NOT_A_TRACK": _link("https://open.spotify.com/album/2qToAcex0ruZfbEbAy9OhW"),
    "NEEDS_RESOLUTION": _link("https://spotify.link/AbCdEfGhIjK"),
}


def test_every_documented_reason_has_a_refusal() -> None:
    assert REFUSALS.keys() == documented_reasons(_SEND) | _EXTRA
    assert documented_reasons(_POST) == documented_reasons(_SEND) | {"SERVICE_UNAVAILABLE"}


@pytest.mark.parametrize("reason", REFUSALS)
async def test_a_refused_message_stores_nothing(
    context: ScenarioContext, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    email, given = await REFUSALS[reason](context)
    if reason == "RATE_LIMITED":
        # A bucket that is really empty fills up while the test looks at the tables.
        monkeypatch.setattr(RateLimiter, "hit", _refuse_sends)
    fields = given if "track_id" in given else {"track_url": new_link(), **given}
    before = await digests(context.admin)
    sent = SendMessageRequest(**fields)
    outcomes = [await context.refusal(name, _SEND, sent, email) for name in ("chat", "gateway")]
    if fields.keys() <= _POSTED:
        outcomes.append(await context.refusal("gateway", _POST, PostMessageRequest(**fields), email))
    assert {reason_of(each) for each in outcomes} == {reason}
    assert changed(before, await digests(context.admin)) == []


_hit = RateLimiter.hit


def _refuse_sends(limiter: RateLimiter, user_id: uuid.UUID) -> None:
    # Tracks would refuse too, by its own limit, and hide whether chat does.
    if limiter.per_second == Settings.model_fields["send_rate_per_second"].default:
        raise RateLimitedError(1)
    _hit(limiter, user_id)


async def test_a_posted_message_is_stored_with_its_track(context: ScenarioContext) -> None:
    """The control: an accepted message changes rows of both services."""
    room_id, member = await _new_room(context)
    before = await digests(context.admin)
    posted = PostMessageRequest(room_id=room_id, track_url=new_link())
    assert reason_of(await context.refusal("gateway", _POST, posted, member)) == "OK"
    assert {"chat.messages", "tracks.track_refs"} <= set(changed(before, await digests(context.admin)))
