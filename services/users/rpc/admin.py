"""AdminService."""

from __future__ import annotations

from seda.users.v1 import admin_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id
from services.users.actions import admin
from services.users.actions.deps import Deps
from services.users.wire import admin as wire
from services.users.wire.users import put_user


class AdminServicer:
    """Administers users."""

    descriptor = pb.DESCRIPTOR.services_by_name["AdminService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def SetRole(self, request: pb.SetRoleRequest, call: Call) -> pb.SetRoleResponse:
        """Set a user's role."""
        user_id, role = parse_id(request.user_id), wire.role_from_proto(request.role)
        row = await admin.set_role(self._deps, wire.acting_user(call.caller), user_id, role, request.reason)
        response = pb.SetRoleResponse()
        put_user(response.user, row, call.caller)
        return response
