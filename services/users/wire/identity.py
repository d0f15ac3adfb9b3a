"""Converters of IdentityService."""

from __future__ import annotations

from collections.abc import Iterable

from seda.users.internal.v1 import identity_service_pb2
from servicekit.caller import Caller
from servicekit.timestamps import to_proto
from services.users.domain.export import UserRecord
from services.users.wire.users import ROLES


def resolve_caller_response(caller: Caller) -> identity_service_pb2.ResolveCallerResponse:
    """Build the response of ResolveCaller."""
    response = identity_service_pb2.ResolveCallerResponse()
    into = response.caller
    into.user_id = str(caller.user_id)
    into.role = ROLES[caller.role]
    if caller.muted_until is not None:
        to_proto(into.mute_expire_time, caller.muted_until)
    if caller.suspended_until is not None:
        to_proto(into.suspend_expire_time, caller.suspended_until)
    return response


def export_user_response(
    records: Iterable[UserRecord], next_page_token: str
) -> identity_service_pb2.ExportUserResponse:
    """Build the response of ExportUser."""
    response = identity_service_pb2.ExportUserResponse(next_page_token=next_page_token)
    for record in records:
        into = response.records.add(
            kind=identity_service_pb2.UserRecordKind.Value(f"USER_RECORD_KIND_{record.kind}")
        )
        into.fields.update(record.fields)
    return response
