"""IdentityService."""

from __future__ import annotations

from seda.users.internal.v1 import identity_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id
from servicekit.pagination import page_size
from services.users.actions import export, identity
from services.users.actions.deps import Deps
from services.users.wire import identity as wire


class IdentityServicer:
    """Resolves the callers of the other services, and exports users."""

    descriptor = pb.DESCRIPTOR.services_by_name["IdentityService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def ResolveCaller(self, request: pb.ResolveCallerRequest, _: Call) -> pb.ResolveCallerResponse:
        """Return the user of a verified token, or of an id."""
        if request.user_id:
            caller = await identity.resolve_user(self._deps, parse_id(request.user_id))
        else:
            caller = await identity.resolve_caller(self._deps, request.subject, request.email)
        return wire.resolve_caller_response(caller)

    async def ExportUser(self, request: pb.ExportUserRequest, _: Call) -> pb.ExportUserResponse:
        """Return a page of what is stored about a user."""
        user_id, size = parse_id(request.user_id), page_size(request.page_size)
        return wire.export_user_response(
            *await export.export_user(self._deps.database, user_id, size, request.page_token)
        )
