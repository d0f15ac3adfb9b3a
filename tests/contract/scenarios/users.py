"""The reasons of the users service."""

from __future__ import annotations

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from seda.rpc.v1.caller_pb2 import ROLE_USER
from seda.users.internal.v1.identity_service_pb2 import ResolveCallerRequest
from seda.users.v1.admin_service_pb2 import MuteUserRequest, SetRoleRequest
from seda.users.v1.artist_pb2 import ArtistProfile
from seda.users.v1.artist_service_pb2 import CreateArtistRequest, GetArtistRequest
from seda.users.v1.erasure_service_pb2 import ERASURE_MODE_TOMBSTONE, EraseUserRequest, GetErasureRequest
from seda.users.v1.user_pb2 import User
from seda.users.v1.user_service_pb2 import GetUserRequest, UpdateUserRequest
from servicekit.caller import Role
from tests.contract.auth_headers import service_header
from tests.contract.scenarios.context import Scenario, ScenarioContext, call_method, unknown_id
from tests.contract.suite import Outcome
from tests.services.chat.chat_client import new_user
from tests.services.running import add_user

_USERS = "seda.users.v1.UserService"
_ERASURE = "seda.users.v1.ErasureService"
_ARTISTS = "seda.users.v1.ArtistService"


async def _user_not_found(context: ScenarioContext) -> Outcome:
    return await context.refusal(
        "users", f"{_USERS}.GetUser", GetUserRequest(user_id=unknown_id()), new_user()
    )


async def _not_yourself(context: ScenarioContext) -> Outcome:
    return await _update(context, await add_user(context.admin, new_user()), new_user())


async def _etag_mismatch(context: ScenarioContext) -> Outcome:
    email = new_user()
    return await _update(context, await add_user(context.admin, email), email, etag="1")


async def _artist_not_found(context: ScenarioContext) -> Outcome:
    request = GetArtistRequest(artist_profile_id=unknown_id())
    return await context.refusal("users", f"{_ARTISTS}.GetArtist", request, new_user())


async def _artist_exists(context: ScenarioContext) -> Outcome:
    email = new_user()
    first, second = (CreateArtistRequest(artist_profile=ArtistProfile(artist_name=name)) for name in "AB")
    method = f"{_ARTISTS}.CreateArtist"
    await context.refusal("users", method, first, email)
    return await context.refusal("users", method, second, email)


async def _email_required(context: ScenarioContext) -> Outcome:
    return await _resolve(context, ResolveCallerRequest(subject=unknown_id()))


async def _email_taken(context: ScenarioContext) -> Outcome:
    email = new_user()
    await add_user(context.admin, email)
    return await _resolve(context, ResolveCallerRequest(subject=unknown_id(), email=email))


async def _self_action(context: ScenarioContext) -> Outcome:
    email = new_user()
    return await _demote(context, await add_user(context.admin, email, role=Role.ADMIN), email)


async def _last_admin(context: ScenarioContext) -> Outcome:
    """An administrator who was demoted a moment ago demotes the last one."""
    first, last = new_user(), new_user()
    first_id = await add_user(context.admin, first, role=Role.ADMIN)
    last_id = await add_user(context.admin, last, role=Role.ADMIN)
    # Caches the caller.
    await context.refusal("users", f"{_USERS}.GetUser", GetUserRequest(), first)
    others = "UPDATE users.users SET role = 'USER' WHERE role = 'ADMIN' AND id NOT IN ($1, $2)"
    await context.admin.execute(others, first_id, last_id)
    await _demote(context, first_id, last)
    return await _demote(context, last_id, first)


async def _expire_time_passed(context: ScenarioContext) -> Outcome:
    email = new_user()
    await add_user(context.admin, email, role=Role.ADMIN)
    target = await add_user(context.admin, new_user())
    request = MuteUserRequest(user_id=target, expire_time=Timestamp(seconds=1), reason="Spam")
    return await context.refusal("users", "seda.users.v1.AdminService.MuteUser", request, email)


async def _demote(context: ScenarioContext, user_id: str, email: str) -> Outcome:
    request = SetRoleRequest(user_id=user_id, role=ROLE_USER, reason="Left")
    return await context.refusal("users", "seda.users.v1.AdminService.SetRole", request, email)


async def _update(context: ScenarioContext, user_id: str, email: str, etag: str = "") -> Outcome:
    user = User(id=user_id, display_name="Ada", etag=etag)
    request = UpdateUserRequest(user=user, update_mask=FieldMask(paths=["display_name"]))
    return await context.refusal("users", f"{_USERS}.UpdateUser", request, email)


async def _resolve(context: ScenarioContext, request: ResolveCallerRequest) -> Outcome:
    method = "seda.users.internal.v1.IdentityService.ResolveCaller"
    return await call_method(context.channel("users"), method, request, service_header("chat", "users"))


async def _user_erased(context: ScenarioContext) -> Outcome:
    email = new_user()
    await context.refusal(
        "users", f"{_ERASURE}.EraseUser", EraseUserRequest(mode=ERASURE_MODE_TOMBSTONE), email
    )
    return await _resolve(context, ResolveCallerRequest(subject=unknown_id(), email=email))


async def _erasure_not_found(context: ScenarioContext) -> Outcome:
    request = GetErasureRequest(erasure_id=unknown_id())
    return await call_method(context.channel("users"), f"{_ERASURE}.GetErasure", request, None)


SCENARIOS: dict[str, Scenario] = {
    "USER_NOT_FOUND": _user_not_found,
    "NOT_YOURSELF": _not_yourself,
    "ETAG_MISMATCH": _etag_mismatch,
    "ARTIST_NOT_FOUND": _artist_not_found,
    "ARTIST_EXISTS": _artist_exists,
    "EMAIL_REQUIRED": _email_required,
    "EMAIL_TAKEN": _email_taken,
    "SELF_ACTION": _self_action,
    "LAST_ADMIN": _last_admin,
    "EXPIRE_TIME_PASSED": _expire_time_passed,
    "USER_ERASED": _user_erased,
    "ERASURE_NOT_FOUND": _erasure_not_found,
}
