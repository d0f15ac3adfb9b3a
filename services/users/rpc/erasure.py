"""ErasureService."""

from __future__ import annotations

from seda.users.v1 import erasure_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id
from services.users.actions import erasure
from services.users.actions.erasure import ErasureDeps
from services.users.wire import erasure as wire


class ErasureServicer:
    """Erases users."""

    descriptor = pb.DESCRIPTOR.services_by_name["ErasureService"]

    def __init__(self, deps: ErasureDeps) -> None:
        self._deps = deps

    async def EraseUser(self, request: pb.EraseUserRequest, call: Call) -> pb.EraseUserResponse:
        """Start the erasure of a user; of the caller if no id is given."""
        wanted = wire.erasure_request(request, call.caller)
        return wire.erase_user_response(await erasure.erase_user(self._deps, call.caller, wanted))

    async def GetErasure(self, request: pb.GetErasureRequest, _: Call) -> pb.GetErasureResponse:
        """Return an erasure."""
        return wire.get_erasure_response(await erasure.get_erasure(self._deps, parse_id(request.erasure_id)))
