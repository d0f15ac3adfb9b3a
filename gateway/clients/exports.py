"""Exports of a user's records from each service, with the gateway's own token on the user's behalf."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

import grpc
from google.protobuf.json_format import MessageToDict

from gateway import wire
from gateway.actions.deps import ExportPage, ExportSource
from seda.chat.internal.v1.author_data_service_pb2 import AuthorRecordKind, ExportAuthorRequest
from seda.chat.internal.v1.author_data_service_pb2_grpc import AuthorDataServiceStub
from seda.tracks.internal.v1.catalog_service_pb2 import ExportResolverRequest
from seda.tracks.internal.v1.catalog_service_pb2_grpc import CatalogServiceStub
from seda.users.internal.v1.identity_service_pb2 import ExportUserRequest, UserRecordKind
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from servicekit.channels import ServiceClient

_PAGE_SIZE = 100
_RESOLVED_TRACK = "RESOLVED_TRACK"


def export_sources(clients: Mapping[str, ServiceClient]) -> list[ExportSource]:
    """Return what each service stores, in the order of an export."""
    users, chat, tracks = clients["users"], clients["chat"], clients["tracks"]
    return [
        _RecordExport(
            users, IdentityServiceStub(users.channel).ExportUser, ExportUserRequest, UserRecordKind.items()
        ),
        _RecordExport(
            chat,
            AuthorDataServiceStub(chat.channel).ExportAuthor,
            ExportAuthorRequest,
            AuthorRecordKind.items(),
        ),
        _ResolverExport(tracks),
    ]


class _RecordExport:
    """Records with a kind and a Struct of fields; a page has records of one kind."""

    def __init__(
        self,
        client: ServiceClient,
        method: grpc.aio.UnaryUnaryMultiCallable[Any, Any],
        request: Callable[..., ExportUserRequest | ExportAuthorRequest],
        kinds: Iterable[tuple[str, int]],
    ) -> None:
        self.service = client.name
        names = {value: name.partition("_RECORD_KIND_")[2] for name, value in kinds}
        self.kinds = tuple(name for value, name in names.items() if value)
        self._client, self._method, self._request, self._names = client, method, request, names

    async def export(self, user_id: UUID, page_token: str, seconds: float) -> ExportPage:
        """Return a page of a user's records; an empty one may have a next page."""
        request = self._request(user_id=str(user_id), page_size=_PAGE_SIZE, page_token=page_token)
        page = await self._client.call(self._method, request, as_service=True, timeout=seconds)
        lines = [wire.json_line(wire.plain_struct(record.fields)) for record in page.records]
        kind = self._names[page.records[0].kind] if page.records else ""
        return ExportPage(kind, lines, page.next_page_token)


class _ResolverExport:
    """The tracks that a user resolved."""

    def __init__(self, client: ServiceClient) -> None:
        self.service = client.name
        self.kinds: tuple[str, ...] = (_RESOLVED_TRACK,)
        self._client, self._stub = client, CatalogServiceStub(client.channel)

    async def export(self, user_id: UUID, page_token: str, seconds: float) -> ExportPage:
        """Return a page of these tracks."""
        request = ExportResolverRequest(user_id=str(user_id), page_size=_PAGE_SIZE, page_token=page_token)
        page = await self._client.call(self._stub.ExportResolver, request, as_service=True, timeout=seconds)
        lines = [
            wire.json_line(MessageToDict(each, preserving_proto_field_name=True)) for each in page.tracks
        ]
        return ExportPage(_RESOLVED_TRACK, lines, page.next_page_token)
