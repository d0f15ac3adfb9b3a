"""UserService."""

from __future__ import annotations

from seda.users.v1 import user_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id
from servicekit.pagination import page_size
from services.users.actions import users
from services.users.actions.deps import Deps
from services.users.wire import users as wire


class UserServicer:
    """Reads, finds, lists and updates users."""

    descriptor = pb.DESCRIPTOR.services_by_name["UserService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def GetUser(self, request: pb.GetUserRequest, call: Call) -> pb.GetUserResponse:
        """Return one user; the caller if no id is given."""
        user_id = parse_id(request.user_id) if request.user_id else call.caller.user_id
        return wire.get_user_response(await users.get_user(self._deps, user_id), call.caller)

    async def LookupUsers(self, request: pb.LookupUsersRequest, _: Call) -> pb.LookupUsersResponse:
        """Return the summaries of up to 1,000 users."""
        found, missing = await users.lookup_users(self._deps, wire.parse_ids(request.user_ids))
        return wire.lookup_users_response(found, missing)

    async def FindUser(self, request: pb.FindUserRequest, call: Call) -> pb.FindUserResponse:
        """Return the user with an e-mail address or of a subject."""
        return wire.find_user_response(
            await users.find_user(self._deps, request.email, request.subject), call.caller
        )

    async def ListUsers(self, request: pb.ListUsersRequest, call: Call) -> pb.ListUsersResponse:
        """Return a page of users."""
        wanted, size = wire.user_filter(request), page_size(request.page_size)
        return wire.list_users_response(
            *await users.list_users(self._deps, call.caller, wanted, size, request.page_token), call.caller
        )

    async def UpdateUser(self, request: pb.UpdateUserRequest, call: Call) -> pb.UpdateUserResponse:
        """Update one user."""
        row = await users.update_user(self._deps, call.caller, wire.profile_update(request))
        return wire.update_user_response(row, call.caller)
