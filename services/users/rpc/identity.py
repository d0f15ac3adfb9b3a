"""IdentityService."""

from __future__ import annotations

from seda.users.internal.v1 import identity_service_pb2 as pb
from servicekit.call import Call
from services.users.actions import identity
from services.users.actions.deps import Deps
from services.users.wire import identity as wire


class IdentityServicer:
    """Resolves the callers of the other services."""

    descriptor = pb.DESCRIPTOR.services_by_name["IdentityService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def ResolveCaller(self, request: pb.ResolveCallerRequest, _: Call) -> pb.ResolveCallerResponse:
        """Return the user of a verified token."""
        return wire.resolve_caller_response(
            await identity.resolve_caller(self._deps, request.subject, request.email)
        )
