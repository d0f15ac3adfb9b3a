"""Resolves callers through an RPC of another service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from seda.rpc.v1 import caller_pb2
from servicekit.caller import Caller, Role
from servicekit.channels import ServiceClient
from servicekit.ids import parse_id
from servicekit.timestamps import from_proto


class RemoteResolver:
    """Calls `method` with a `request` of (subject, email) or (user_id); its response has a `caller`."""

    def __init__(
        self,
        client: ServiceClient,
        method: grpc.aio.UnaryUnaryMultiCallable[Any, Any],
        request: Callable[..., Message],
    ) -> None:
        self.service = client.name
        self._client = client
        self._method = method
        self._request = request

    async def resolve(self, subject: str, email: str) -> Caller:
        """The user of the subject, created on the first call."""
        return await self._resolve(subject=subject, email=email)

    async def resolve_user(self, user_id: str) -> Caller:
        """The user of an id; raises an UNAUTHENTICATED UpstreamError if there is none."""
        return await self._resolve(user_id=user_id)

    async def _resolve(self, **fields: str) -> Caller:
        response = await self._client.call(self._method, self._request(**fields), as_service=True)
        return _caller_from_proto(response.caller)


def _caller_from_proto(message: caller_pb2.Caller) -> Caller:
    return Caller(
        user_id=parse_id(message.user_id),
        role=Role(caller_pb2.Role.Name(message.role).removeprefix("ROLE_")),
        muted_until=from_proto(message.mute_expire_time) if message.HasField("mute_expire_time") else None,
        suspended_until=(
            from_proto(message.suspend_expire_time) if message.HasField("suspend_expire_time") else None
        ),
    )
