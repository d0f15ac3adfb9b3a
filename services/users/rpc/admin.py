"""AdminService."""

from __future__ import annotations

from seda.users.v1 import admin_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id
from servicekit.pagination import page_size
from services.users.actions import admin
from services.users.actions.deps import Deps
from services.users.wire import admin as wire
from services.users.wire.users import role_from_proto


class AdminServicer:
    """Administers users."""

    descriptor = pb.DESCRIPTOR.services_by_name["AdminService"]

    def __init__(self, deps: Deps) -> None:
        self._database = deps.database

    async def SetRole(self, request: pb.SetRoleRequest, call: Call) -> pb.SetRoleResponse:
        """Set a user's role."""
        actor, user_id = wire.acting_user(call.caller), parse_id(request.user_id)
        role = role_from_proto(request.role)
        row = await admin.set_role(self._database, actor, user_id, role, request.reason)
        return wire.with_user(pb.SetRoleResponse(), row, call.caller)

    async def MuteUser(self, request: pb.MuteUserRequest, call: Call) -> pb.MuteUserResponse:
        """Mute a user."""
        actor, user_id = wire.acting_user(call.caller), parse_id(request.user_id)
        until = wire.expires_at(request)
        row = await admin.mute_user(self._database, actor, user_id, until, request.reason)
        return wire.with_user(pb.MuteUserResponse(), row, call.caller)

    async def UnmuteUser(self, request: pb.UnmuteUserRequest, call: Call) -> pb.UnmuteUserResponse:
        """Lift a mute."""
        actor, user_id = wire.acting_user(call.caller), parse_id(request.user_id)
        row = await admin.unmute_user(self._database, actor, user_id, request.reason)
        return wire.with_user(pb.UnmuteUserResponse(), row, call.caller)

    async def SuspendUser(self, request: pb.SuspendUserRequest, call: Call) -> pb.SuspendUserResponse:
        """Suspend a user."""
        actor, user_id = wire.acting_user(call.caller), parse_id(request.user_id)
        until = wire.expires_at(request)
        row = await admin.suspend_user(self._database, actor, user_id, until, request.reason)
        return wire.with_user(pb.SuspendUserResponse(), row, call.caller)

    async def UnsuspendUser(self, request: pb.UnsuspendUserRequest, call: Call) -> pb.UnsuspendUserResponse:
        """Lift a suspension."""
        actor, user_id = wire.acting_user(call.caller), parse_id(request.user_id)
        row = await admin.unsuspend_user(self._database, actor, user_id, request.reason)
        return wire.with_user(pb.UnsuspendUserResponse(), row, call.caller)

    async def ListAdminActions(
        self, request: pb.ListAdminActionsRequest, call: Call
    ) -> pb.ListAdminActionsResponse:
        """Return a page of the audit log."""
        wanted, size = wire.admin_action_filter(request), page_size(request.page_size)
        return wire.list_admin_actions_response(
            *await admin.list_admin_actions(self._database, call.caller, wanted, size, request.page_token)
        )
