"""The reasons common to all services."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from grpc_health.v1.health_pb2 import HealthCheckRequest

from seda.chat.v1.message_service_pb2 import ListMessagesRequest, SendMessageRequest
from seda.users.internal.v1.identity_service_pb2 import ResolveCallerRequest
from seda.users.v1.user_pb2 import User
from seda.users.v1.user_service_pb2 import GetUserRequest, UpdateUserRequest
from servicekit.health import HealthService
from servicekit.methods import methods_of
from services.users.app import build as build_users
from services.users.config import Settings as UsersSettings
from tests.contract.auth_headers import jwt, service_header, user_claims, user_header
from tests.contract.responses import REQUEST_ID
from tests.contract.scenarios.context import Scenario, ScenarioContext, call_method, first_refusal
from tests.contract.suite import Outcome, send
from tests.postgres import administrator, free_port
from tests.servicekit.probe_server import Running, serving
from tests.services.chat.chat_client import new_user
from tests.services.running import Running as RunningUsers
from tests.services.running import add_user, running, until_blocked

_GET_USER = "seda.users.v1.UserService.GetUser"
_UPDATE_USER = "seda.users.v1.UserService.UpdateUser"
_RESOLVE = "seda.users.internal.v1.IdentityService.ResolveCaller"
_MESSAGES = "seda.chat.v1.MessageService"
_ID = ("x-request-id", REQUEST_ID)


def _getting(header: str | None, request: GetUserRequest | bytes = b"") -> Scenario:
    async def get(context: ScenarioContext) -> Outcome:
        return await call_method(context.channel("users"), _GET_USER, request, header)

    return get


async def _access_denied(context: ScenarioContext) -> Outcome:
    return await call_method(context.channel("users"), _GET_USER, b"", service_header("chat", "users"))


async def _page_token_mismatch(context: ScenarioContext) -> Outcome:
    ada = new_user()
    room = await context.client.create_room(ada)
    request = ListMessagesRequest(room_id=room.id, page_token="x")
    return await context.refusal("chat", f"{_MESSAGES}.ListMessages", request, ada)


async def _caller_suspended(context: ScenarioContext) -> Outcome:
    email = new_user()
    user_id = await add_user(context.admin, email)
    await context.admin.execute(
        "UPDATE users.users SET suspended_until = now() + interval '1 hour' WHERE id = $1", user_id
    )
    return await context.refusal("users", _UPDATE_USER, _rename(user_id), email)


async def _deadline_exceeded(_: ScenarioContext) -> Outcome:
    async def slow() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()

    return await _probed(slow)


async def _internal_error(_: ScenarioContext) -> Outcome:
    async def defect() -> None:
        raise KeyError("secret")

    return await _probed(defect)


async def _overloaded(_: ScenarioContext) -> Outcome:
    async with serving(limit=1, queue=0) as probe:
        done = asyncio.Event()
        _handle(probe, done.wait)
        held = asyncio.ensure_future(probe.call("Ask", None, _ID))
        async with asyncio.timeout(5):
            while not probe.limiter.running:
                # Until the first call holds the only slot.
                await asyncio.sleep(0.01)
        refused = await probe.call("Ask", None, _ID)
        done.set()
        await held
        return refused


async def _database_busy(context: ScenarioContext) -> Outcome:
    email = new_user()
    user_id = await add_user(context.admin, email)
    async with (
        running(UsersSettings, build_users, context.database, db_pool_min=1, db_pool_max=1) as users,
        _holding(context, user_id),
    ):
        # Cache the caller.
        await call_method(users.channel, _GET_USER, b"", user_header(email))
        updates = (
            call_method(users.channel, _UPDATE_USER, _rename(user_id), user_header(email)) for _ in range(3)
        )
        held = asyncio.gather(*updates)
        await until_blocked(context.admin)
        # A call waits for a connection for half of its remaining time.
        refused = await call_method(users.channel, _GET_USER, b"", user_header(email), seconds=0.6)
        held.cancel()
        return refused


async def _database_unavailable(context: ScenarioContext) -> Outcome:
    async with _users_without_database(context) as users:
        return await call_method(
            users.channel,
            _RESOLVE,
            ResolveCallerRequest(subject="s", email="e@f"),
            service_header("chat", "users"),
        )


async def _service_unavailable(context: ScenarioContext) -> Outcome:
    async with _users_without_database(context) as users:
        return await call_method(users.channel, _GET_USER, b"", user_header(new_user()))


async def _conflict(context: ScenarioContext) -> Outcome:
    email = new_user()
    user_id = await add_user(context.admin, email)
    async with _holding(context, user_id):
        return await context.refusal("users", _UPDATE_USER, _rename(user_id), email)


async def _unknown_service(context: ScenarioContext) -> Outcome:
    check = next(each for each in methods_of(HealthService.descriptor) if each.name == "Check")
    data = HealthCheckRequest(service="nobody").SerializeToString()
    return await send(context.channel("users"), check, data, [_ID])


async def _rate_limited(context: ScenarioContext) -> Outcome:
    ada = new_user()
    room = await context.client.create_room(ada)
    request = SendMessageRequest(room_id=room.id, text="again")
    sends = [context.refusal("chat", f"{_MESSAGES}.SendMessage", request, ada) for _ in range(60)]
    return await first_refusal(list(sends))


def _rename(user_id: str) -> UpdateUserRequest:
    user = User(id=user_id, display_name="Ada")
    return UpdateUserRequest(user=user, update_mask=FieldMask(paths=["display_name"]))


@contextlib.asynccontextmanager
async def _holding(context: ScenarioContext, user_id: str) -> AsyncIterator[None]:
    """Lock a user's row."""
    async with administrator(context.database.server, context.database.name) as other, other.transaction():
        await other.execute("SELECT FROM users.users WHERE id = $1 FOR UPDATE", user_id)
        yield


def _users_without_database(context: ScenarioContext) -> contextlib.AbstractAsyncContextManager[RunningUsers]:
    nowhere = f"postgresql://users_app:x@127.0.0.1:{free_port()}/seda"
    return running(UsersSettings, build_users, context.database, SEDA_USERS_DATABASE_URL=nowhere)


async def _probed(handle: Callable[[], Awaitable[Any]]) -> Outcome:
    async with serving() as probe:
        _handle(probe, handle)
        return await probe.call("Ask", None, _ID)


def _handle(probe: Running, handle: Callable[[], Awaitable[Any]]) -> None:
    usual = probe.probe.handle

    async def instead(request: Any, call: Any) -> Any:
        await handle()
        return await usual(request, call)

    probe.probe.handle = instead


SCENARIOS: dict[str, Scenario] = {
    "MALFORMED_REQUEST": _getting(user_header(), b"\xff"),
    "INVALID_FIELDS": _getting(user_header(), GetUserRequest(user_id="x")),
    "PAGE_TOKEN_MISMATCH": _page_token_mismatch,
    "TOKEN_MISSING": _getting(None),
    "TOKEN_INVALID": _getting("Bearer token"),
    "TOKEN_EXPIRED": _getting(f"Bearer {jwt(user_claims(exp=int(time.time()) - 3600))}"),
    "ACCESS_DENIED": _access_denied,
    "CALLER_SUSPENDED": _caller_suspended,
    "DEADLINE_EXCEEDED": _deadline_exceeded,
    "OVERLOADED": _overloaded,
    "DATABASE_BUSY": _database_busy,
    "DATABASE_UNAVAILABLE": _database_unavailable,
    "SERVICE_UNAVAILABLE": _service_unavailable,
    "CONFLICT": _conflict,
    "INTERNAL_ERROR": _internal_error,
    "UNKNOWN_SERVICE": _unknown_service,
    "RATE_LIMITED": _rate_limited,
}
