"""Converters of UserService."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from seda.rpc.v1 import caller_pb2
from seda.users.v1 import user_pb2, user_service_pb2
from servicekit.caller import Caller, Role
from servicekit.field_mask import masked_fields
from servicekit.timestamps import to_proto
from services.users.domain.users import UPDATABLE_FIELDS, ProfileUpdate, can_see_private_fields, etag_of
from services.users.store.users import SummaryRow, UserRow

ROLES = {str(role): caller_pb2.Role.Value(f"ROLE_{role}") for role in Role}


def put_user(into: user_pb2.User, row: UserRow, caller: Caller) -> None:
    """Fill a User from its row, with the fields that the caller may see."""
    into.id = str(row.id)
    into.display_name = row.display_name
    into.role = ROLES[row.role]
    to_proto(into.create_time, row.created_at)
    to_proto(into.update_time, row.updated_at)
    into.etag = etag_of(row.updated_at)
    if not can_see_private_fields(caller, row.id):
        return
    into.email = row.email or ""
    if row.muted_until is not None:
        to_proto(into.mute_expire_time, row.muted_until)
    if row.suspended_until is not None:
        to_proto(into.suspend_expire_time, row.suspended_until)


def get_user_response(row: UserRow, caller: Caller) -> user_service_pb2.GetUserResponse:
    """Build the response of GetUser."""
    response = user_service_pb2.GetUserResponse()
    put_user(response.user, row, caller)
    return response


def update_user_response(row: UserRow, caller: Caller) -> user_service_pb2.UpdateUserResponse:
    """Build the response of UpdateUser."""
    response = user_service_pb2.UpdateUserResponse()
    put_user(response.user, row, caller)
    return response


def lookup_users_response(
    found: Iterable[SummaryRow], missing: Iterable[UUID]
) -> user_service_pb2.LookupUsersResponse:
    """Build the response of LookupUsers."""
    response = user_service_pb2.LookupUsersResponse()
    for row in found:
        summary = response.users.add()
        summary.id = str(row.id)
        summary.display_name = row.display_name
        summary.role = ROLES[row.role]
    response.missing_ids.extend(str(each) for each in missing)
    return response


def parse_ids(texts: Iterable[str]) -> list[UUID]:
    """Parse ids that validation has checked."""
    return [UUID(text) for text in texts]


def profile_update(request: user_service_pb2.UpdateUserRequest) -> ProfileUpdate:
    """Convert an UpdateUser request. Raises InvalidFieldsError for an invalid update_mask."""
    user = request.user
    fields = masked_fields(user, request.update_mask, UPDATABLE_FIELDS)
    return ProfileUpdate(UUID(user.id), user.display_name if "display_name" in fields else None, user.etag)
