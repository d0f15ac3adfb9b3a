"""seda.chat.internal.v1.AuthorDataService."""

from __future__ import annotations

from seda.chat.internal.v1 import author_data_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id
from servicekit.pagination import page_size
from services.chat.actions.deps import Deps
from services.chat.actions.erasure import erase_author
from services.chat.actions.export import export_author
from services.chat.wire import author_data as wire


class AuthorDataServicer:
    """Exports and erases a user's data."""

    descriptor = pb.DESCRIPTOR.services_by_name["AuthorDataService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def EraseAuthor(self, request: pb.EraseAuthorRequest, call: Call) -> pb.EraseAuthorResponse:
        """See the contract."""
        mode = wire.erasure_mode(request.mode)
        return wire.erase_author_response(
            await erase_author(self._deps, parse_id(request.user_id), mode, call.deadline)
        )

    async def ExportAuthor(self, request: pb.ExportAuthorRequest, _: Call) -> pb.ExportAuthorResponse:
        """See the contract."""
        size = page_size(request.page_size)
        return wire.export_author_response(
            *await export_author(self._deps, parse_id(request.user_id), size, request.page_token)
        )
